//! Hostile servers of DNS over HTTPS.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::doh_response(input));
