//! Hostile servers of DNS over HTTPS.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::doh_response(input));
