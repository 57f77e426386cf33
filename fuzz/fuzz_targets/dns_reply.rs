//! Hostile replies of name servers, as sampling reads them.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::dns_reply(input));
