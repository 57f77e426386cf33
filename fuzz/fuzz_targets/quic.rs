//! Hostile QUIC Version Negotiation packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::quic_reply(input));
