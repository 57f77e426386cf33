//! Hostile ICMP echo replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| resolver_probe_fuzz::echo_reply(input));
