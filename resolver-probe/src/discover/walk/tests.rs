//! Walks through small internets, right and wrong ones, and through random replies.

use std::net::SocketAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, CNAME, NS};
use hickory_proto::rr::{RData, Record};
use proptest::prelude::*;

use super::*;
use crate::discover::result::{Discovery, FoundBy, Listed};
use crate::discover::world::{World, name, reply, soa};

const VIDEO: &str = "video.edge.example.com.";

/// The root and com; example.com is delegated to `delegation`.
fn internet(delegation: &[&str]) -> World {
    let mut com = vec!["com. NS ns.com."];
    com.extend(delegation);
    World::default()
        .zone(
            &["192.0.2.1"],
            ".",
            &["com. NS ns.com.", "ns.com. A 192.0.2.2", "net. NS ns.net.", "ns.net. A 192.0.2.3"],
        )
        .zone(&["192.0.2.2"], "com.", &com)
        .zone(&["192.0.2.3"], "net.", &["out.net. NS ns.out.net.", "ns.out.net. A 192.0.2.4"])
        .zone(
            &["192.0.2.4"],
            "out.net.",
            &[
                "out.net. NS ns.out.net.",
                "ns.out.net. A 192.0.2.4",
                "ns1.out.net. A 192.0.2.12",
                "ns1.out.net. AAAA 2001:db8::12",
            ],
        )
}

const GLUED: [&str; 3] =
    ["example.com. NS ns1.example.com.", "ns1.example.com. A 192.0.2.11", "example.com. NS ns1.out.net."];
const ZONE: [&str; 4] = [
    "example.com. NS ns1.example.com.",
    "example.com. NS ns1.out.net.",
    "ns1.example.com. A 192.0.2.11",
    "video.edge.example.com. A 198.51.100.1",
];

fn servers(discovery: &Discovery) -> Vec<String> {
    discovery.servers().map(|(server, name)| format!("{server} {}", name.unwrap_or_default())).collect()
}

fn kinds(discovery: &Discovery) -> Vec<FaultKind> {
    discovery.faults.iter().map(|fault| fault.kind).collect()
}

#[test]
fn every_address_of_every_name_server_is_found_and_asked() {
    let world = internet(&GLUED).zone(&["192.0.2.11", "192.0.2.12", "2001:db8::12"], "example.com.", &ZONE);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(found.faults, []);
    assert_eq!((found.zone.as_deref(), found.presence), (Some("example.com"), Presence::Exists));
    let expected =
        ["192.0.2.11:53 ns1.example.com", "192.0.2.12:53 ns1.out.net", "[2001:db8::12]:53 ns1.out.net"];
    assert_eq!(servers(&found), expected);
    assert_eq!((found.soa_ttl_secs, found.soa_minimum_secs), (Some(900), Some(60)));
    assert!(found.name_servers.iter().all(|server| server.listed == Listed::Both));
    assert!(found.authorities.iter().all(|authority| authority.authoritative && authority.serial == Some(7)));
    assert!(found.queries < 30, "{}", found.queries);
}

#[test]
fn without_a_route_for_ipv6_its_addresses_are_not_looked_for() {
    let world = internet(&GLUED).zone(&["192.0.2.11", "192.0.2.12"], "example.com.", &ZONE);
    let from = Origin::Servers(vec!["192.0.2.1:53".parse().unwrap()]);
    let found = world.walk(Start { name: name(VIDEO), from, port: 53, ipv6: false });
    assert_eq!((found.faults.len(), servers(&found).len(), found.ipv6), (0, 2, false));
}

#[test]
fn a_server_of_the_zone_above_and_of_the_zone_does_not_hide_the_zone() {
    let com = ["com. NS ns.com.", "example.com. NS ns.com.", "ns.com. A 192.0.2.2"];
    let world = World::default()
        .zone(&["192.0.2.1"], ".", &["com. NS ns.com.", "ns.com. A 192.0.2.2"])
        .zone(&["192.0.2.2"], "com.", &com)
        .zone(
            &["192.0.2.2"],
            "example.com.",
            &["example.com. NS ns.com.", "video.edge.example.com. A 192.0.2.9"],
        );
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!((found.zone.as_deref(), found.parent_names), (Some("example.com"), None));
    assert_eq!(found.zone_names, Some(["ns.com".to_owned()].into()));
    assert_eq!(found.authorities[0].names, ["ns.com"]);
}

#[test]
fn a_walk_may_begin_at_the_authority_itself() {
    let world = World::default().zone(&["127.0.0.1"], "example.com.", &ZONE);
    let found = world.discover(VIDEO, &["127.0.0.1"]);
    assert_eq!(found.zone.as_deref(), Some("example.com"));
    assert!(servers(&found).contains(&"127.0.0.1:53 ".to_owned()), "{:?}", servers(&found));
}

#[test]
fn an_empty_non_terminal_exists_and_a_name_that_is_not_there_does_not() {
    let world = internet(&GLUED).zone(&["192.0.2.11", "192.0.2.12", "2001:db8::12"], "example.com.", &ZONE);
    let found = world.discover("edge.example.com.", &["192.0.2.1"]);
    assert_eq!((found.zone.as_deref(), found.presence), (Some("example.com"), Presence::Exists));
    let found = world.discover("radio.edge.example.com.", &["192.0.2.1"]);
    assert_eq!((found.zone.as_deref(), found.presence), (Some("example.com"), Presence::NoSuchName));
    let found = world.discover("radio.example.org.", &["192.0.2.1"]);
    assert_eq!((found.zone.as_deref(), found.presence), (Some("."), Presence::NoSuchName));
}

#[test]
fn an_alias_is_told_and_not_followed() {
    let mut zone = ZONE.to_vec();
    zone[3] = "video.edge.example.com. CNAME video.out.net.";
    let world = internet(&GLUED).zone(&["192.0.2.11", "192.0.2.12", "2001:db8::12"], "example.com.", &zone);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(found.alias.as_deref(), Some("video.out.net"));
    assert_eq!((found.zone.as_deref(), found.presence), (Some("example.com"), Presence::Exists));
    assert_eq!(servers(&found).len(), 3);
}

#[test]
fn a_lame_server_is_told_and_the_others_are_still_found() {
    let refuse = |asked: &Name, of_type| Some(reply(asked, of_type, ResponseCode::Refused, false));
    let world = internet(&GLUED)
        .zone(&["192.0.2.12", "2001:db8::12"], "example.com.", &ZONE)
        .odd("192.0.2.11", refuse);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(found.zone.as_deref(), Some("example.com"));
    assert_eq!((found.faults[0].kind, found.faults[0].why.as_str()), (FaultKind::Lame, "it answers REFUSED"));
    assert_eq!(found.faults[0].server, Some("192.0.2.11:53".parse().unwrap()));
    let asked: Vec<bool> = found.authorities.iter().map(|authority| authority.authoritative).collect();
    assert_eq!(asked, [false, true, true]);
}

#[test]
fn a_silent_server_is_told_with_its_zone() {
    let world = internet(&GLUED)
        .zone(&["192.0.2.12", "2001:db8::12"], "example.com.", &ZONE)
        .odd("192.0.2.11", |_, _| None);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    let fault = &found.faults[0];
    assert_eq!((fault.kind, fault.zone.as_str()), (FaultKind::Unreachable, "example.com"));
}

#[test]
fn name_servers_that_lead_to_each_other_end_the_walk() {
    let world = World::default()
        .zone(&["192.0.2.1"], ".", &["com. NS ns.com.", "ns.com. A 192.0.2.2", "net. NS ns.com."])
        .zone(&["192.0.2.2"], "com.", &["example.com. NS ns.out.net.", "ns.com. A 192.0.2.2"])
        .zone(&["192.0.2.2"], "net.", &["out.net. NS ns.example.com."]);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(found.zone, None);
    assert!(kinds(&found).contains(&FaultKind::Loop), "{:?}", found.faults);
    assert!(found.queries < 20, "{}", found.queries);
}

#[test]
fn a_name_server_that_can_only_be_found_in_its_own_zone_has_no_address() {
    let delegation = ["example.com. NS ns1.example.com.", "example.com. NS ns1.out.net."];
    let zone = ["example.com. NS ns1.example.com.", "example.com. NS ns1.out.net."];
    let world = internet(&delegation).zone(&["192.0.2.12", "2001:db8::12"], "example.com.", &zone);
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(kinds(&found), [FaultKind::NoAddress]);
    assert_eq!(found.faults[0].name_server.as_deref(), Some("ns1.example.com"));
}

#[test]
fn a_name_server_that_is_an_alias_is_told() {
    let world = internet(&["example.com. NS www.out.net.", "example.com. NS ns1.out.net."])
        .zone(&["192.0.2.12", "2001:db8::12"], "example.com.", &["example.com. NS ns1.out.net."])
        .odd("192.0.2.4", |asked, of_type| {
            let mut message = reply(asked, of_type, ResponseCode::NoError, true);
            let data = match asked.to_ascii().as_str() {
                "www.out.net." => RData::CNAME(CNAME(name("ns1.out.net."))),
                _ => RData::A(A([192, 0, 2, 12].into())),
            };
            message.add_answer(Record::from_rdata(asked.clone(), 300, data));
            Some(message)
        });
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    let fault = found.faults.iter().find(|fault| fault.kind == FaultKind::NoAddress).unwrap();
    assert!(fault.why.contains("an alias of ns1.out.net"), "{fault:?}");
}

#[test]
fn other_name_servers_in_the_zone_than_above_it_are_told_and_asked() {
    let zone = [
        "example.com. NS ns1.example.com.",
        "example.com. NS ns2.example.com.",
        "ns1.example.com. A 192.0.2.11",
        "ns2.example.com. A 192.0.2.13",
    ];
    let world = internet(&GLUED).zone(
        &["192.0.2.11", "192.0.2.12", "192.0.2.13", "2001:db8::12"],
        "example.com.",
        &zone,
    );
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    let listed: Vec<(&str, Listed)> =
        found.name_servers.iter().map(|server| (server.name.as_str(), server.listed)).collect();
    let expected = [
        ("ns1.example.com", Listed::Both),
        ("ns2.example.com", Listed::Zone),
        ("ns1.out.net", Listed::Parent),
    ];
    assert_eq!(listed, expected);
    assert_eq!(kinds(&found), [FaultKind::NamesDiffer, FaultKind::NamesDiffer]);
    assert_eq!(servers(&found).len(), 4);
}

#[test]
fn an_address_above_that_is_not_the_zone_s_own_is_told_and_both_are_asked() {
    let mut zone = ZONE.to_vec();
    zone[2] = "ns1.example.com. A 192.0.2.99";
    let world = internet(&GLUED).zone(
        &["192.0.2.11", "192.0.2.99", "192.0.2.12", "2001:db8::12"],
        "example.com.",
        &zone,
    );
    let found = world.discover(VIDEO, &["192.0.2.1"]);
    assert_eq!(kinds(&found), [FaultKind::GlueDiffers]);
    assert_eq!(servers(&found).len(), 4);
}

#[test]
fn silent_roots_end_the_walk_after_a_few() {
    let roots: Vec<String> = (1..=13).map(|n| format!("192.0.2.{n}")).collect();
    let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
    let found = World::default().discover(VIDEO, &roots);
    assert_eq!((found.zone, found.queries), (None, 7));
    assert_eq!(found.faults.last().map(|fault| fault.kind), Some(FaultKind::NoServer));
}

#[test]
fn a_resolver_finds_the_servers_and_these_are_asked_themselves() {
    let zone = World::default().zone(&["192.0.2.11"], "example.com.", &ZONE);
    let start = Start { name: name(VIDEO), from: Origin::Resolver, port: 53, ipv6: false };
    let mut walk = Walk::new(start);
    while let Next::Ask(queries) = walk.next() {
        for query in queries {
            let mut message = zone.answer([192, 0, 2, 11].into(), &query.name, query.record_type).unwrap();
            message.metadata.authoritative = query.peer != Peer::Resolver;
            walk.take(query.token, Ok(&message));
        }
    }
    let found = walk.finish();
    assert_eq!((found.zone.as_deref(), found.found_by), (Some("example.com"), FoundBy::Resolver));
    assert!(found.authorities[0].authoritative);
    assert_eq!(servers(&found), ["192.0.2.11:53 ns1.example.com"]);
    // The resolver has nothing for ns1.out.net.
    assert!(kinds(&found).contains(&FaultKind::NoServer));
}

#[test]
fn what_was_found_before_the_deadline_remains() {
    let mut walk = Walk::new(Start {
        name: name(VIDEO),
        from: Origin::Servers(vec!["192.0.2.1:53".parse().unwrap()]),
        port: 53,
        ipv6: false,
    });
    assert!(matches!(walk.next(), Next::Ask(_)));
    walk.give_up("the deadline passed");
    assert_eq!(walk.next(), Next::Done);
    let found = walk.finish();
    assert_eq!(
        (kinds(&found), found.faults[0].why.as_str()),
        (vec![FaultKind::Bound], "the deadline passed")
    );
}

fn any_name() -> impl Strategy<Value = Name> {
    "([a-c]\\.){0,3}".prop_map(|text| name(if text.is_empty() { "." } else { &text }))
}

fn any_record() -> impl Strategy<Value = Record> {
    (any_name(), any_name(), 0_u8..5, any::<u8>()).prop_map(|(owner, other, kind, last)| {
        let data = match kind {
            0 | 1 => RData::NS(NS(other)),
            2 => RData::CNAME(CNAME(other)),
            3 => return soa(&owner),
            _ => RData::A(A([192, 0, 2, last].into())),
        };
        Record::from_rdata(owner, 1, data)
    })
}

type Sections = (Vec<Record>, Vec<Record>, Vec<Record>, bool, bool, bool);

fn any_sections() -> impl Strategy<Value = Sections> {
    let records = || proptest::collection::vec(any_record(), 0..4);
    (records(), records(), records(), any::<bool>(), any::<bool>(), any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn random_replies_never_make_a_walk_endless(
        replies in proptest::collection::vec(proptest::option::weighted(0.9, any_sections()), 1..30),
        assisted in proptest::bool::weighted(0.2),
        ipv6 in any::<bool>(),
    ) {
        let root: SocketAddr = "192.0.2.1:53".parse().unwrap();
        let from = if assisted { Origin::Resolver } else { Origin::Servers(vec![root]) };
        let mut walk = Walk::new(Start { name: name("a.b.c."), from, port: 53, ipv6 });
        let mut replies = replies.into_iter().cycle();
        let mut asked = 0;
        while let Next::Ask(queries) = walk.next() {
            prop_assert!(!queries.is_empty());
            for query in queries {
                asked += 1;
                let outcome = replies.next().flatten().map(|(answers, authorities, more, aa, own, nx)| {
                    let code = if nx { ResponseCode::NXDomain } else { ResponseCode::NoError };
                    let mut message = reply(&query.name, query.record_type, code, aa);
                    for mut record in answers {
                        // Half of them are about the name that was asked for.
                        record.name = if own { query.name.clone() } else { record.name };
                        message.add_answer(record);
                    }
                    message.add_authorities(authorities);
                    message.add_additionals(more);
                    message
                });
                walk.take(query.token, outcome.as_ref().ok_or("silence"));
            }
            prop_assert!(asked <= MOST_QUERIES + 16, "{} queries", asked);
        }
        prop_assert_eq!(walk.next(), Next::Done);
        let _ = walk.finish();
    }
}
