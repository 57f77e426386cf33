//! Hostile STUN replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::stun_reply(input));
