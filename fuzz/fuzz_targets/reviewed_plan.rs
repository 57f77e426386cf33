//! Hostile reviewed plans.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::reviewed_plan(input));
