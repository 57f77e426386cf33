//! Hostile messages over TCP, TLS and QUIC.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::dns_stream(input));
