//! Hostile parameters with an operator's orders.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::registrar::orders(input));
