//! Reads the reply that nearly every query gets, without building a message: A records of the name asked for,
//! and an OPT record without options.
//!
//! Anything else is left to the library that reads every message. What both can read, both read alike.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{HEADER, Question, Rcode, Reply};

/// RFC 1035 §4.1.4: the name at offset 12, which is the question's.
const ASKED_NAME: [u8; 2] = [0xc0, HEADER as u8];
/// Name, type, class, TTL, length and an address.
const RECORD: usize = 16;
/// Type A, class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];
/// RFC 6891 §6.1.2: the root's OPT record without options; the payload size and the flags may be any, the
/// extended response code and the version are 0.
const OPT: usize = 11;

/// Reads a reply that was found to answer the question, if it is as plain as that.
pub(super) fn read(header: &[u8; HEADER], body: &[u8], question: &Question) -> Option<Reply> {
    let [_, _, flags, more_flags, 0, 1, 0, answers, 0, 0, 0, additional] = *header else { return None };
    let (rcode, truncated) = (more_flags & 0x0f, flags & 0x02 != 0);
    if rcode != 0 || truncated || additional > 1 {
        return None;
    }
    let mut rest = body.get(question.octets().len()..)?;
    let mut reply = Reply {
        rcode: Rcode::NO_ERROR,
        authoritative: flags & 0x04 != 0,
        truncated: false,
        addresses: BTreeSet::new(),
        ttls: BTreeSet::new(),
        unrelated: 0,
        negative_ttl: None,
    };
    for _ in 0..answers {
        let record;
        (record, rest) = rest.split_first_chunk::<RECORD>()?;
        let [n0, n1, t0, t1, c0, c1, ttl @ .., 0, 4, a, b, c, d] = *record else { return None };
        // RFC 2181 §8: a TTL with the highest bit set is for the library to read.
        if [n0, n1] != ASKED_NAME || [t0, t1, c0, c1] != A_IN || ttl[0] & 0x80 != 0 {
            return None;
        }
        reply.addresses.insert(Ipv4Addr::new(a, b, c, d));
        reply.ttls.insert(u32::from_be_bytes(ttl));
    }
    for _ in 0..additional {
        let record;
        (record, rest) = rest.split_first_chunk::<OPT>()?;
        let [0, 0, 41, _, _, 0, 0, _, _, 0, 0] = *record else { return None };
    }
    rest.is_empty().then_some(reply)
}
