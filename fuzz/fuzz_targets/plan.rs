//! Hostile worlds, planned for.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::plan(input));
