//! Faults of how a reply is sent: its question, its id, its length, its copies, its source and its time.
//!
//! What it answers is settled before. The random numbers are the caller's.

use std::time::Duration;

use hickory_net::xfer::Protocol;
use hickory_proto::op::Query;
use hickory_proto::rr::{Name, RecordType as WireType};
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable};
use hickory_server::server::Request;
use hickory_server::zone_handler::Queries;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::{NameServerFaults, Share};
use crate::dns::message::Reply;
use crate::dns::transport::{Datagram, Delivery};

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
    /// Puts a reply on the wire: through hickory, unless it is to leave as hickory would not send it.
    pub(super) fn deliver(&self, mut reply: Reply, request: &Request, rng: &mut impl Rng) -> Delivery {
        if let Some(wrong) = self.question {
            reply.question = wrong.instead_of(&request.queries);
        }
        let is_udp = request.protocol() == Protocol::Udp;
        if if is_udp { self.truncate } else { self.truncate_tcp } {
            reply.empty();
        }
        if !(is_udp && self.damages_datagrams()) {
            return Delivery::Message(reply, self.delayed(rng));
        }
        let bytes = reply.datagram(&request.queries);
        let copies = if self.duplicate_share.hits(rng) { 2 } else { 1 };
        Delivery::Datagrams((0..copies).map(|_| self.damaged(bytes.clone(), rng)).collect())
    }

    fn damages_datagrams(&self) -> bool {
        let shares = [self.duplicate_share, self.wrong_id_share];
        shares != [Share::default(); 2] || self.garbage.is_some() || self.wrong_source.is_some()
    }

    fn damaged(&self, mut bytes: Vec<u8>, rng: &mut impl Rng) -> Datagram {
        if self.wrong_id_share.hits(rng)
            && let Some(id) = bytes.first_chunk_mut()
        {
            *id = another_id(*id, rng);
        }
        if let Some(garbage) = &self.garbage {
            garbage.strike(&mut bytes, rng);
        }
        Datagram { bytes, after: self.delayed(rng), source: self.wrong_source }
    }

    fn delayed(&self, rng: &mut impl Rng) -> Duration {
        let delay = self.delay.as_ref().filter(|delay| delay.share.hits(rng));
        delay.map_or(Duration::ZERO, |delay| Duration::from_millis(delay.ms.into()))
    }
}

/// Draws an id that is not this one.
fn another_id(id: [u8; 2], rng: &mut impl Rng) -> [u8; 2] {
    let step = u16::try_from(rng.next_u32() % u32::from(u16::MAX)).unwrap_or_default();
    u16::from_be_bytes(id).wrapping_add(1).wrapping_add(step).to_be_bytes()
}

impl WrongQuestion {
    /// Returns what is echoed for a question.
    fn instead_of(self, asked: &Queries) -> Option<Queries> {
        let asked = if self == Self::None { &[] } else { asked.queries() };
        let mut bytes = Vec::new();
        for query in asked {
            let mut query = query.original().clone();
            self.change(&mut query);
            bytes.extend(query.to_bytes().ok()?);
        }
        Queries::read(&mut BinDecoder::new(&bytes), asked.len()).ok()
    }

    fn change(self, query: &mut Query) {
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
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{RData, Record};
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::dns::lookup::Response;

    fn request(protocol: Protocol) -> Request {
        let mut request = Message::new(4711, MessageType::Query, OpCode::Query);
        request.add_query(Query::query(name(), WireType::A));
        Request::from_bytes(request.to_vec().unwrap(), "127.0.0.1:5300".parse().unwrap(), protocol).unwrap()
    }

    fn name() -> Name {
        Name::from_ascii("Video.example.com.").unwrap()
    }

    fn answer() -> Record {
        Record::from_rdata(name(), 20, RData::A(A::new(192, 0, 2, 1)))
    }

    fn reply(request: &Request) -> Reply {
        let response = Response { answers: vec![answer()], ..Response::refusal(ResponseCode::NoError) };
        Reply::new(request, response)
    }

    fn deliver(faults: &str, protocol: Protocol, rng: &mut StdRng) -> Delivery {
        let faults: NameServerFaults = serde_json::from_str(faults).unwrap();
        let request = request(protocol);
        faults.deliver(reply(&request), &request, rng)
    }

    /// Returns the datagrams that leave past hickory.
    fn datagrams(faults: &str, rng: &mut StdRng) -> Vec<Datagram> {
        match deliver(faults, Protocol::Udp, rng) {
            Delivery::Datagrams(datagrams) => datagrams,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the message that hickory sends, and when.
    fn message(faults: &str, protocol: Protocol) -> (Message, Duration) {
        match deliver(faults, protocol, &mut StdRng::seed_from_u64(1)) {
            Delivery::Message(mut reply, after) => {
                let bytes = reply.datagram(&request(protocol).queries);
                (Message::from_vec(&bytes).unwrap(), after)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_faults_of_datagrams_a_reply_leaves_through_hickory_at_once_and_whole() {
        let damaged =
            r#"{"duplicate_share": 1, "wrong_id_share": 1, "garbage": {}, "wrong_source": "127.0.0.77"}"#;
        for (faults, protocol) in [("{}", Protocol::Udp), ("{}", Protocol::Tcp), (damaged, Protocol::Tcp)] {
            let (message, after) = message(faults, protocol);
            assert_eq!((message.metadata.id, &message.queries[0].name), (4711, &name()));
            assert_eq!((message.answers, after), (vec![answer()], Duration::ZERO), "{faults}");
        }
    }

    #[test]
    fn a_wrong_question_stands_before_the_same_answer() {
        for (wrong, name, wire_type) in [
            ("other-name", "invalid.", WireType::A),
            ("other-type", "Video.example.com.", WireType::TXT),
            ("lower-case", "video.example.com.", WireType::A),
        ] {
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                let (wrong, _) = message(&format!(r#"{{"question": "{wrong}"}}"#), protocol);
                let query = &wrong.queries[0];
                assert_eq!((query.name.to_string().as_str(), query.query_type), (name, wire_type));
                assert_eq!(wrong.answers, [answer()]);
            }
        }
        let (none, _) = message(r#"{"question": "none"}"#, Protocol::Tcp);
        assert!(none.queries.is_empty() && none.answers.len() == 1);
    }

    #[test]
    fn truncation_is_told_over_one_transport_or_the_other() {
        let cut = |faults: &str, protocol| {
            let (message, _) = message(faults, protocol);
            assert_eq!(message.metadata.truncation, message.answers.is_empty());
            message.metadata.truncation
        };
        let (udp, tcp) = (r#"{"truncate": true}"#, r#"{"truncate_tcp": true}"#);
        assert!(cut(udp, Protocol::Udp) && !cut(udp, Protocol::Tcp));
        assert!(cut(tcp, Protocol::Tcp) && !cut(tcp, Protocol::Udp));
    }

    #[test]
    fn a_wrong_id_is_never_the_right_one() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..200_000 {
            assert_ne!(another_id(4711_u16.to_be_bytes(), &mut rng), 4711_u16.to_be_bytes());
        }
        let wrong = &datagrams(r#"{"wrong_id_share": 1}"#, &mut rng)[0];
        let wrong = Message::from_vec(&wrong.bytes).unwrap();
        assert_ne!(wrong.metadata.id, 4711);
        assert_eq!(wrong.answers, [answer()]);
    }

    #[test]
    fn a_delay_is_of_both_transports_and_other_faults_strike_each_copy_by_itself() {
        let delay = r#"{"delay": {"ms": 1800}}"#;
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            assert_eq!(message(delay, protocol).1, Duration::from_millis(1_800));
        }
        let faults = r#"{"duplicate_share": 1, "delay": {"ms": 1800, "share": 0.5}}"#;
        let mut rng = StdRng::seed_from_u64(1);
        let copies: Vec<Datagram> = (0..50).flat_map(|_| datagrams(faults, &mut rng)).collect();
        let late = copies.chunks(2).filter(|pair| pair[0].after != pair[1].after).count();
        assert!(copies.len() == 100 && late > 0, "{late}");
        assert!(copies.iter().all(|copy| [0, 1_800].contains(&copy.after.as_millis())));
    }
}
