//! Faults of how a reply is sent: its question, its id, its length, its copies, its source and its time.
//!
//! What it answers is settled before. The random numbers are the caller's.

use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType as WireType};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{NameServerFaults, Share};
use crate::dns::message::encode;
use crate::dns::transport::{Delivery, Transport};

/// The label of a name that nobody asks for, since it does not exist (RFC 6761 §6.4).
const NOBODYS_NAME: &str = "invalid";

/// Replies that are held back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// For how many milliseconds.
    pub ms: u32,
    /// The share of the replies.
    #[serde(default = "Share::all")]
    pub share: Share,
}

/// The question that a reply says it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrongQuestion {
    /// One for another name.
    OtherName,
    /// One for another type.
    OtherType,
    /// The same in small letters, whatever the letters of the question were.
    LowerCase,
    /// None at all.
    None,
}

impl NameServerFaults {
    /// Puts a reply on the wire.
    pub(super) fn deliver(
        &self,
        mut reply: Message,
        transport: Transport,
        rng: &mut impl Rng,
    ) -> Vec<Delivery> {
        if let Some(wrong) = self.question {
            wrong.replace(&mut reply);
        }
        let is_udp = transport == Transport::Udp;
        if if is_udp { self.truncate } else { self.truncate_tcp } {
            reply = reply.truncate();
        }
        let bytes = encode(&reply, transport);
        let copies = if is_udp && self.duplicate_share.hits(rng) { 2 } else { 1 };
        (0..copies).map(|_| self.damaged(bytes.clone(), rng)).collect()
    }

    fn damaged(&self, mut bytes: Vec<u8>, rng: &mut impl Rng) -> Delivery {
        if self.wrong_id_share.hits(rng)
            && let Some(id) = bytes.first_chunk_mut()
        {
            *id = another_id(*id, rng);
        }
        if let Some(garbage) = &self.garbage {
            garbage.strike(&mut bytes, rng);
        }
        let delay = self.delay.as_ref().filter(|delay| delay.share.hits(rng));
        let after = delay.map_or(Duration::ZERO, |delay| Duration::from_millis(delay.ms.into()));
        Delivery { bytes, after, source: self.wrong_source }
    }
}

/// Draws an id that is not this one.
fn another_id(id: [u8; 2], rng: &mut impl Rng) -> [u8; 2] {
    let step = u16::try_from(rng.next_u32() % u32::from(u16::MAX)).unwrap_or_default();
    u16::from_be_bytes(id).wrapping_add(1).wrapping_add(step).to_be_bytes()
}

impl WrongQuestion {
    fn replace(self, reply: &mut Message) {
        for query in &mut reply.queries {
            match self {
                Self::OtherName => {
                    query.name = Name::from_labels([NOBODYS_NAME.as_bytes()]).unwrap_or_default();
                }
                Self::OtherType if query.query_type == WireType::TXT => query.query_type = WireType::A,
                Self::OtherType => query.query_type = WireType::TXT,
                Self::LowerCase => query.name = query.name.to_lowercase(),
                Self::None => {}
            }
        }
        if self == Self::None {
            reply.queries.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{OpCode, Query};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn reply() -> Message {
        let mut reply = Message::response(4711, OpCode::Query);
        let name = Name::from_ascii("Video.example.com.").unwrap();
        reply.add_query(Query::query(name.clone(), WireType::A));
        reply.add_answer(Record::from_rdata(name, 20, RData::A(A::new(192, 0, 2, 1))));
        reply
    }

    fn delivered(faults: &str, transport: Transport) -> Vec<Delivery> {
        let faults: NameServerFaults = serde_json::from_str(faults).unwrap();
        faults.deliver(reply(), transport, &mut StdRng::seed_from_u64(1))
    }

    fn message(faults: &str, transport: Transport) -> Message {
        Message::from_vec(&delivered(faults, transport)[0].bytes).unwrap()
    }

    #[test]
    fn without_faults_a_reply_leaves_once_at_once_and_whole() {
        let whole = vec![Delivery::new(reply().to_vec().unwrap())];
        assert_eq!(delivered("{}", Transport::Udp), whole);
        assert_eq!(delivered("{}", Transport::Tcp), whole);
    }

    #[test]
    fn a_wrong_question_stands_before_the_same_answer() {
        for (wrong, name, wire_type) in [
            ("other-name", "invalid.", WireType::A),
            ("other-type", "Video.example.com.", WireType::TXT),
            ("lower-case", "video.example.com.", WireType::A),
        ] {
            let wrong = message(&format!(r#"{{"question": "{wrong}"}}"#), Transport::Udp);
            let query = &wrong.queries[0];
            assert_eq!((query.name.to_string().as_str(), query.query_type), (name, wire_type));
            assert_eq!(wrong.answers, reply().answers);
        }
        let none = message(r#"{"question": "none"}"#, Transport::Tcp);
        assert!(none.queries.is_empty() && none.answers.len() == 1);
    }

    #[test]
    fn truncation_is_told_over_one_transport_or_the_other() {
        let cut = |faults: &str, transport| {
            let message = message(faults, transport);
            assert_eq!(message.metadata.truncation, message.answers.is_empty());
            message.metadata.truncation
        };
        let (udp, tcp) = (r#"{"truncate": true}"#, r#"{"truncate_tcp": true}"#);
        assert!(cut(udp, Transport::Udp) && !cut(udp, Transport::Tcp));
        assert!(cut(tcp, Transport::Tcp) && !cut(tcp, Transport::Udp));
    }

    #[test]
    fn a_wrong_id_is_never_the_right_one() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..200_000 {
            assert_ne!(another_id(4711_u16.to_be_bytes(), &mut rng), 4711_u16.to_be_bytes());
        }
        let wrong = message(r#"{"wrong_id_share": 1}"#, Transport::Tcp);
        assert_ne!(wrong.metadata.id, 4711);
        assert_eq!(wrong.answers, reply().answers);
    }

    #[test]
    fn faults_strike_each_copy_by_itself_and_copies_are_of_udp() {
        let faults = r#"{"duplicate_share": 1, "delay": {"ms": 1800, "share": 0.5}}"#;
        let mut rng = StdRng::seed_from_u64(1);
        let faults_of: NameServerFaults = serde_json::from_str(faults).unwrap();
        let copies = (0..50).flat_map(|_| faults_of.deliver(reply(), Transport::Udp, &mut rng));
        let copies: Vec<Delivery> = copies.collect();
        let late = copies.chunks(2).filter(|pair| pair[0].after != pair[1].after).count();
        assert!(copies.len() == 100 && late > 0, "{late}");
        assert!(copies.iter().all(|copy| [0, 1_800].contains(&copy.after.as_millis())));
        assert_eq!(delivered(faults, Transport::Tcp).len(), 1);
    }
}
