//! Hostile replies on the way down the delegation.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::dns_discovery(input));
