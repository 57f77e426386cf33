//! Hostile ICMP errors.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::icmp_error(input));
