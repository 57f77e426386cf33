//! Hostile SRT induction replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registrar_fuzz::probe::srt_reply(input));
