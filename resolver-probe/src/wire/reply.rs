//! The reply to a question for addresses, reduced to what was asked for.
//!
//! Whether a message may be believed at all is decided before.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, RData, Record};

use super::{Question, Rcode, Rejected, check, parse, plain};

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

/// Reads a message that came in for the query with this id.
pub(crate) fn read(message: &[u8], question: &Question, id: u16) -> Result<Reply, Rejected> {
    let (header, body) = check(message, question, id)?;
    match plain::read(header, body, question) {
        Some(reply) => Ok(reply),
        None => Ok(reduce(&parse(message)?)),
    }
}

/// Reads a message in both ways that there are, where the short one can: they have to agree.
pub(crate) fn read_twice(
    message: &[u8],
    question: &Question,
    id: u16,
) -> Result<(Option<Reply>, Result<Reply, Rejected>), Rejected> {
    let (header, body) = check(message, question, id)?;
    Ok((plain::read(header, body, question), parse(message).map(|message| reduce(&message))))
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

    #[test]
    fn the_usual_reply_is_read_without_the_library() {
        let mut message = reply_to("video.example.com.");
        message.add_answer(address("video.example.com.", 1));
        message.edns = Some(hickory_proto::op::Edns::new());
        let octets = message.to_vec().unwrap();
        let (header, body) = check(&octets, &question(), ID).unwrap();
        assert_eq!(plain::read(header, body, &question()), Some(reduce(&message)));
    }

    proptest! {
        #[test]
        fn what_is_read_without_the_library_is_what_the_library_reads(
            records in proptest::collection::vec((0_u8..4, any::<u32>(), 0_u8..3), 0..5),
            flags in any::<[u8; 2]>(),
            edns in any::<bool>(),
            flip in proptest::option::of((12_usize..90, any::<u8>())),
        ) {
            let mut message = reply_to("video.example.com.");
            for (last, ttl, owner) in records {
                let owner = ["video.example.com.", "video.example.com.", "other.example.com."][usize::from(owner)];
                let mut record = address(owner, last);
                record.ttl = ttl;
                message.add_answer(record);
            }
            message.edns = edns.then(hickory_proto::op::Edns::new);
            let mut octets = message.to_vec().unwrap();
            octets[2..4].copy_from_slice(&[flags[0] | 0x80, flags[1]]);
            if let Some((at, with)) = flip {
                let at = at.min(octets.len() - 1);
                octets[at] ^= with;
            }
            if let Ok((header, body)) = check(&octets, &question(), ID)
                && let Some(reply) = plain::read(header, body, &question())
            {
                prop_assert_eq!(Ok(reply), parse(&octets).map(|message| reduce(&message)));
            }
        }

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
