//! Hostile answer histories.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::history(input));
