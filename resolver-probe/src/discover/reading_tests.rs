//! What is believed of a reply, and what is not: glue, referrals, aliases, absence.

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, NS, NULL};
use proptest::prelude::*;

use super::*;
use crate::discover::world::{name, reply, soa};

fn ns(owner: &str, server: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::NS(NS(name(server))))
}

fn a(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 300, RData::A(A([192, 0, 2, last].into())))
}

fn read_from(zone: &str, message: &Message) -> Reading {
    let asked = name("video.example.com.");
    read(message, &Asked { name: &asked, record_type: RecordType::SOA, zone: &name(zone), assisted: false })
}

fn empty(authority: bool) -> Message {
    reply(&name("video.example.com."), RecordType::SOA, ResponseCode::NoError, authority)
}

#[test]
fn glue_counts_only_for_name_servers_below_the_cut() {
    let mut message = empty(false);
    message.add_authority(ns("example.com.", "ns1.example.com."));
    message.add_authority(ns("example.com.", "ns.elsewhere.com."));
    message.add_additional(a("ns1.example.com.", 1));
    message.add_additional(a("ns.elsewhere.com.", 66));
    message.add_additional(a("ns2.example.com.", 67));
    let Reading::Referral { cut, names, glue } = read_from("com.", &message) else { panic!() };
    assert_eq!((cut, names.len()), (name("example.com."), 2));
    let one = BTreeSet::from([IpAddr::from([192, 0, 2, 1])]);
    assert_eq!(glue, Glue::from([(name("ns1.example.com."), one)]));
}

#[test]
fn addresses_that_no_server_has_are_not_believed() {
    let mut message = empty(false);
    message.add_authority(ns("example.com.", "ns1.example.com."));
    for address in [[0, 0, 0, 0], [255, 255, 255, 255], [224, 0, 0, 1]] {
        let data = RData::A(A(address.into()));
        message.add_additional(Record::from_rdata(name("ns1.example.com."), 300, data));
    }
    let Reading::Referral { glue, .. } = read_from("com.", &message) else { panic!() };
    assert_eq!(glue, Glue::new());
}

#[test]
fn a_referral_upward_or_to_itself_is_lame() {
    for above in [".", "com.", "example.com."] {
        let mut message = empty(false);
        message.add_authority(ns(above, "ns.evil.test."));
        assert_eq!(read_from("example.com.", &message), Reading::Lame(Lame::Above(name(above))));
    }
}

#[test]
fn a_referral_to_where_the_name_is_not_is_lame() {
    for elsewhere in ["example.org.", "other.example.com."] {
        let mut message = empty(false);
        message.add_authority(ns(elsewhere, "ns.evil.test."));
        assert_eq!(read_from("com.", &message), Reading::Lame(Lame::Elsewhere(name(elsewhere))));
    }
}

#[test]
fn an_absence_told_by_the_zone_above_is_lame() {
    let mut message = empty(true);
    message.add_authority(soa(&name("com.")));
    assert_eq!(read_from("example.com.", &message), Reading::Lame(Lame::Above(name("com."))));
}

#[test]
fn an_answer_without_authority_is_lame_unless_a_resolver_gives_it() {
    let mut message = empty(false);
    message.add_answer(soa(&name("video.example.com.")));
    assert_eq!(read_from("com.", &message), Reading::Lame(Lame::NoAuthority));
    let (asked, root) = (name("video.example.com."), Name::root());
    let asked = Asked { name: &asked, record_type: RecordType::SOA, zone: &root, assisted: true };
    assert!(matches!(read(&message, &asked), Reading::Answer { .. }));
}

#[test]
fn a_dname_is_ignored_and_the_alias_that_comes_with_it_is_not() {
    let mut message = empty(true);
    let target = RData::Unknown { code: RecordType::from(39), rdata: NULL::with(b"\x04test\0".to_vec()) };
    message.add_answer(Record::from_rdata(name("example.com."), 300, target));
    assert_eq!(
        read_from("com.", &message),
        Reading::Nothing { exists: true, apex: None, negative_ttl: None }
    );
    let alias = RData::CNAME(hickory_proto::rr::rdata::CNAME(name("video.elsewhere.test.")));
    message.add_answer(Record::from_rdata(name("video.example.com."), 300, alias));
    assert_eq!(read_from("com.", &message), Reading::Alias(name("video.elsewhere.test.")));
}

#[test]
fn a_server_that_refuses_or_fails_is_lame() {
    for (code, rcode) in [(ResponseCode::Refused, Rcode(5)), (ResponseCode::ServFail, Rcode(2))] {
        let message = reply(&name("video.example.com."), RecordType::SOA, code, true);
        assert_eq!(read_from("com.", &message), Reading::Lame(Lame::Rcode(rcode)));
    }
}

proptest! {
    /// A referral goes strictly down, towards the name: no chain of referrals is longer than the name.
    #[test]
    fn whatever_is_referred_to_is_below_and_encloses_the_name(
        owners in proptest::collection::vec("([a-c]{1,2}\\.){0,4}", 1..4),
        zone in "([a-c]{1,2}\\.){0,2}",
        authority in any::<bool>(),
    ) {
        let parse = |text: &str| name(if text.is_empty() { "." } else { text });
        let (asked, zone) = (name("a.b.c."), parse(&zone));
        let mut message = reply(&asked, RecordType::SOA, ResponseCode::NoError, authority);
        for owner in &owners {
            message.add_authority(Record::from_rdata(parse(owner), 1, RData::NS(NS(name("ns.test.")))));
        }
        let asked = Asked { name: &asked, record_type: RecordType::SOA, zone: &zone, assisted: false };
        if let Reading::Referral { cut, .. } = read(&message, &asked) {
            prop_assert!(zone.zone_of(&cut) && cut != zone && cut.zone_of(asked.name));
        }
    }
}
