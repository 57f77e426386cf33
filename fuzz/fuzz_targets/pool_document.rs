//! Hostile pool documents.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::pool_document(input));
