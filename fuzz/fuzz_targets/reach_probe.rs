//! Hostile probes of the command line.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::reach_probe(input));
