//! Hostile dumps of Auto Scaling groups.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::groups_dump(input));
