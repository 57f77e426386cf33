//! Hostile ICMP echo replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::echo_reply(input));
