//! Hostile QUIC Version Negotiation packets.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::quic_reply(input));
