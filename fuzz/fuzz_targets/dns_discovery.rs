//! Hostile replies on the way down the delegation.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::dns_discovery(input));
