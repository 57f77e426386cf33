//! One question as it goes out, and the replies that may be believed.
//!
//! A reply counts only when it repeats the question octet by octet; of its records only those count
//! that were asked for. Nothing here touches a socket, and nothing trusts a length in a message.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv4Addr;

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, RData, Record};
use registrar_core::name::RecordName;

/// RFC 1035 §4.1.1: the header has 12 octets.
const HEADER: usize = 12;
/// RFC 1035 §3.2.1: the shortest record has a root name, type, class, TTL and an empty RDATA.
const SHORTEST_RECORD: usize = 11;
/// The largest reply asked for over UDP: it crosses the internet unfragmented (DNS Flag Day 2020).
const UDP_PAYLOAD: u16 = 1232;

/// A question for the IPv4 addresses of one name.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Name, type and class as they stand in a message.
    octets: Vec<u8>,
}

impl Question {
    /// Asks for the A records of `name`.
    pub(crate) fn new(name: &RecordName) -> Self {
        let mut octets = Vec::new();
        for label in name.labels() {
            let label = unescape(label);
            // A record name has no label over 63 octets.
            octets.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
            octets.extend(label);
        }
        octets.push(0);
        octets.extend(1_u16.to_be_bytes()); // type A
        octets.extend(1_u16.to_be_bytes()); // class IN
        Self { octets }
    }

    /// Writes the query: recursion not desired, since the servers asked are authoritative, and an OPT
    /// record (RFC 6891 §6.1.2) that allows larger replies.
    pub(crate) fn encode(&self, id: u16) -> Vec<u8> {
        let mut query = Vec::with_capacity(HEADER + self.octets.len() + SHORTEST_RECORD);
        query.extend(id.to_be_bytes());
        query.extend([0, 0]); // a standard query, no flags
        query.extend([0, 1, 0, 0, 0, 0, 0, 1]); // one question, one additional record
        query.extend(&self.octets);
        query.extend([0, 0, 41]); // the root's OPT
        query.extend(UDP_PAYLOAD.to_be_bytes());
        query.extend([0; 6]); // version 0, no flags, no options
        query
    }
}

/// Turns a label of a record name back into its octets: `\052` is `*`.
fn unescape(label: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(label.len());
    let mut bytes = label.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let digits = bytes.by_ref().take(3).map(|digit| digit.wrapping_sub(b'0'));
            octets.push(digits.fold(0, |value: u8, digit| value.wrapping_mul(8).wrapping_add(digit)));
        } else {
            octets.push(byte);
        }
    }
    octets
}

/// A response code, RFC 6895 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rcode(pub(crate) u16);

impl Rcode {
    pub(crate) const NO_ERROR: Self = Self(0);
    pub(crate) const NX_DOMAIN: Self = Self(3);

    /// Says whether the server answered the question: with records, or with their absence.
    pub(crate) fn is_answer(self) -> bool {
        self == Self::NO_ERROR || self == Self::NX_DOMAIN
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("NOERROR"),
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            3 => f.write_str("NXDOMAIN"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            9 => f.write_str("NOTAUTH"),
            other => write!(f, "RCODE{other}"),
        }
    }
}

/// A reply to the question, reduced to what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) rcode: Rcode,
    /// The AA flag.
    pub(crate) authoritative: bool,
    /// The TC flag: the records are not all there.
    pub(crate) truncated: bool,
    /// The addresses, each once.
    pub(crate) addresses: BTreeSet<Ipv4Addr>,
    /// The TTLs of those addresses' records, each once, in seconds.
    pub(crate) ttls: BTreeSet<u32>,
    /// Records in the answer section that were not asked for.
    pub(crate) unrelated: u64,
    /// How long resolvers may remember that there is no answer, in seconds (RFC 2308 §5).
    pub(crate) negative_ttl: Option<u32>,
}

/// Why a message is not the reply to a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// It answers another query, of this id.
    OtherId(u16),
    /// It is a query, or it repeats another question, or none.
    OtherQuestion,
    /// It cannot be parsed.
    Garbage,
}

/// Reads a message that came in for the query with this id.
pub(crate) fn read(message: &[u8], question: &Question, id: u16) -> Result<Reply, Rejected> {
    let Some((header, body)) = message.split_first_chunk::<HEADER>() else {
        return Err(Rejected::Garbage);
    };
    let field = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    if field(0) != id {
        return Err(Rejected::OtherId(field(0)));
    }
    let is_reply = header[2] & 0x80 != 0;
    let opcode = header[2] >> 3 & 0x0f;
    if !is_reply || opcode != 0 || field(4) != 1 || !body.starts_with(&question.octets) {
        return Err(Rejected::OtherQuestion);
    }
    let records: usize = [6, 8, 10].into_iter().map(|at| usize::from(field(at))).sum();
    if records * SHORTEST_RECORD > body.len() {
        return Err(Rejected::Garbage);
    }
    let message = Message::from_vec(message).map_err(|_| Rejected::Garbage)?;
    Ok(reduce(&message))
}

fn reduce(message: &Message) -> Reply {
    let asked = message.queries.first().map(|query| query.name());
    let mut reply = Reply {
        rcode: Rcode(u16::from(message.metadata.response_code)),
        authoritative: message.metadata.authoritative,
        truncated: message.metadata.truncation,
        addresses: BTreeSet::new(),
        ttls: BTreeSet::new(),
        unrelated: 0,
        negative_ttl: message.authorities.iter().find_map(negative_ttl),
    };
    for record in &message.answers {
        match &record.data {
            RData::A(address) if Some(&record.name) == asked && record.dns_class == DNSClass::IN => {
                reply.addresses.insert(address.0);
                reply.ttls.insert(record.ttl);
            }
            _ => reply.unrelated += 1,
        }
    }
    reply
}

fn negative_ttl(record: &Record) -> Option<u32> {
    match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, OpCode, Query, ResponseCode};
    use hickory_proto::rr::rdata::{A, SOA};
    use hickory_proto::rr::{Name, RecordType};
    use proptest::prelude::*;

    use super::*;

    const ID: u16 = 0x1234;

    fn question() -> Question {
        Question::new(&"video.example.com".parse().unwrap())
    }

    fn reply_to(name: &str) -> Message {
        let mut message = Message::new(ID, MessageType::Response, OpCode::Query);
        message.metadata.authoritative = true;
        message.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
        message
    }

    fn address(name: &str, last: u8) -> Record {
        let data = RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
        Record::from_rdata(Name::from_ascii(name).unwrap(), 20, data)
    }

    fn read_message(message: &Message) -> Result<Reply, Rejected> {
        read(&message.to_vec().unwrap(), &question(), ID)
    }

    #[test]
    fn the_query_is_what_another_implementation_reads() {
        let query = Message::from_vec(&question().encode(ID)).unwrap();
        assert_eq!(query.metadata.id, ID);
        assert_eq!(query.metadata.message_type, MessageType::Query);
        assert!(!query.metadata.recursion_desired);
        assert_eq!(query.queries.len(), 1);
        assert_eq!(query.queries[0].name().to_ascii(), "video.example.com.");
        assert_eq!(query.queries[0].query_type(), RecordType::A);
        assert_eq!(query.edns.unwrap().max_payload(), UDP_PAYLOAD);
    }

    #[test]
    fn an_escaped_octet_goes_out_as_itself() {
        let question = Question::new(&"*.example.com".parse().unwrap());
        assert_eq!(&question.octets[..2], b"\x01*");
    }

    #[test]
    fn only_records_that_were_asked_for_count() {
        let mut message = reply_to("video.example.com.");
        message.add_answer(address("video.example.com.", 1));
        message.add_answer(address("other.example.com.", 2));
        let mut chaos = address("video.example.com.", 3);
        chaos.dns_class = DNSClass::CH;
        message.add_answer(chaos);
        let reply = read_message(&message).unwrap();
        assert_eq!(reply.addresses, BTreeSet::from([Ipv4Addr::new(192, 0, 2, 1)]));
        assert_eq!(reply.unrelated, 2);
        assert!(reply.authoritative);
    }

    #[test]
    fn a_reply_with_another_id_is_not_the_reply() {
        let mut message = reply_to("video.example.com.");
        message.metadata.id = 7;
        assert_eq!(read_message(&message), Err(Rejected::OtherId(7)));
    }

    #[test]
    fn a_reply_to_another_question_is_not_the_reply() {
        for name in ["other.example.com.", "VIDEO.example.com.", "video.example.com.evil.test."] {
            assert_eq!(read_message(&reply_to(name)), Err(Rejected::OtherQuestion), "{name}");
        }
        let mut twice = reply_to("video.example.com.");
        twice.add_query(Query::query(Name::root(), RecordType::A));
        assert_eq!(read_message(&twice), Err(Rejected::OtherQuestion));
        let none = Message::new(ID, MessageType::Response, OpCode::Query);
        assert_eq!(read_message(&none), Err(Rejected::OtherQuestion));
    }

    #[test]
    fn a_query_that_came_back_is_not_the_reply() {
        assert_eq!(read(&question().encode(ID), &question(), ID), Err(Rejected::OtherQuestion));
    }

    #[test]
    fn a_count_that_the_message_cannot_hold_is_garbage() {
        let mut octets = reply_to("video.example.com.").to_vec().unwrap();
        octets[6] = 0xff;
        assert_eq!(read(&octets, &question(), ID), Err(Rejected::Garbage));
        assert_eq!(read(&octets[..11], &question(), ID), Err(Rejected::Garbage));
    }

    #[test]
    fn the_negative_ttl_is_the_smaller_of_the_soa_s_two() {
        let mut message = reply_to("video.example.com.");
        message.metadata.response_code = ResponseCode::NXDomain;
        let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 86_400);
        message.add_authority(Record::from_rdata(Name::root(), 900, RData::SOA(soa)));
        let reply = read_message(&message).unwrap();
        assert_eq!((reply.rcode, reply.negative_ttl), (Rcode::NX_DOMAIN, Some(900)));
    }

    proptest! {
        #[test]
        fn random_octets_never_panic(octets in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&octets, &question(), ID);
        }

        #[test]
        fn random_octets_after_the_right_question_never_panic(
            counts in any::<[u8; 6]>(),
            rest in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            let mut octets = reply_to("video.example.com.").to_vec().unwrap();
            octets[6..12].copy_from_slice(&counts);
            octets.extend(rest);
            let _ = read(&octets, &question(), ID);
        }

        #[test]
        fn a_reply_with_flipped_bits_never_panics(at in 0_usize..60, with in any::<u8>()) {
            let mut message = reply_to("video.example.com.");
            message.add_answer(address("video.example.com.", 1));
            let mut octets = message.to_vec().unwrap();
            let at = at % octets.len();
            octets[at] ^= with;
            let _ = read(&octets, &question(), ID);
        }
    }
}
