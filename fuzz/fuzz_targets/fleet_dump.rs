//! Hostile dumps of instances.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::fleet_dump(input));
