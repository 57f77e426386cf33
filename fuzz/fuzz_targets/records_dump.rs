//! Hostile dumps of record sets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::records_dump(input));
