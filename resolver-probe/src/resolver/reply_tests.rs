//! What is kept of a resolver's reply, after a way through octets.

use hickory_proto::op::{Edns, MessageType, OpCode, Query};
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::{ClientSubnet, NSIDPayload};
use hickory_proto::rr::rdata::{A, CNAME};
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn message() -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.add_query(Query::query(name("video.example.com."), RecordType::A));
    message
}

fn a(owner: &str, last: u8, ttl: u32) -> Record {
    Record::from_rdata(name(owner), ttl, RData::A(A([192, 0, 2, last].into())))
}

fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 60, RData::CNAME(CNAME(name(target))))
}

fn reduce(message: &Message) -> ResolverReply {
    // Through octets, as it comes from the network.
    let message = Message::from_vec(&message.to_vec().unwrap()).unwrap();
    ResolverReply::of(&message, Transport::Udp, Duration::from_millis(5), false)
}

#[test]
fn addresses_keep_the_ttl_that_the_resolver_counted_down_to() {
    let mut message = message();
    message.add_answers([
        a("video.example.com.", 1, 17),
        a("VIDEO.example.com.", 2, 9),
        a("other.test.", 66, 1),
    ]);
    let reply = reduce(&message);
    assert_eq!(reply.addresses, BTreeMap::from([([192, 0, 2, 1].into(), 17), ([192, 0, 2, 2].into(), 9)]));
    assert_eq!((reply.alias, reply.unrelated), (None, 1));
}

#[test]
fn an_alias_is_followed_within_the_answer() {
    let mut message = message();
    message.add_answers([
        a("c.example.net.", 3, 20),
        alias("b.example.net.", "c.example.net."),
        alias("video.example.com.", "b.example.net."),
    ]);
    let reply = reduce(&message);
    assert_eq!(reply.alias.as_deref(), Some("c.example.net"));
    assert_eq!((reply.addresses.len(), reply.unrelated), (1, 0));
}

#[test]
fn aliases_in_a_circle_lead_nowhere() {
    let mut message = message();
    message.add_answers([alias("video.example.com.", "b.test."), alias("b.test.", "video.example.com.")]);
    let reply = reduce(&message);
    assert_eq!((reply.alias, reply.addresses.len()), (None, 0));
}

#[test]
fn what_a_resolver_says_about_itself_is_kept() {
    let mut message = message();
    message.metadata.authentic_data = true;
    message.metadata.recursion_available = true;
    let mut edns = Edns::new();
    edns.options_mut().insert(EdnsOption::Unknown(15, b"\0\x03stale \x1b[31m".to_vec()));
    edns.options_mut().insert(EdnsOption::NSID(NSIDPayload::new(b"fra-1".to_vec()).unwrap()));
    edns.options_mut().insert(EdnsOption::Subnet(ClientSubnet::new([192, 0, 2, 0].into(), 24, 20)));
    message.edns = Some(edns);
    let reply = reduce(&message);
    assert!(reply.says_stale() && reply.authentic && reply.recursion_available && !reply.authoritative);
    assert_eq!(reply.extended_errors, [ExtendedError { code: 3, text: "stale \u{fffd}[31m".to_owned() }]);
    assert_eq!((reply.nsid.as_deref(), reply.ecs_scope), (Some("fra-1"), Some(20)));
}

#[test]
fn an_identity_that_is_no_text_is_written_in_hexadecimal() {
    let mut message = message();
    let mut edns = Edns::new();
    edns.options_mut().insert(EdnsOption::NSID(NSIDPayload::new(vec![0, 0xff]).unwrap()));
    message.edns = Some(edns);
    assert_eq!(reduce(&message).nsid.as_deref(), Some("00ff"));
}

proptest! {
    #[test]
    fn random_options_never_panic(code in 0_u16..20, octets in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut message = message();
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(code, octets));
        message.edns = Some(edns);
        if let Ok(message) = Message::from_vec(&message.to_vec().unwrap()) {
            let _ = ResolverReply::of(&message, Transport::Udp, Duration::ZERO, false);
        }
    }
}
