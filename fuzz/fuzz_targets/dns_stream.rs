//! Hostile messages over TCP, TLS and QUIC.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::dns_stream(input));
