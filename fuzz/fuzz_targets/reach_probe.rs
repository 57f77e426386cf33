//! Hostile probes of the command line.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::reach_probe(input));
