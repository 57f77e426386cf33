//! Hostile requests to the embedded edge.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::dns_query(input));
