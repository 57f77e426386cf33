//! Discovery over real sockets: a small internet on loopback addresses, all on one port.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, NS, SOA};
use hickory_proto::rr::{Name, RData, Record};
use registrar_core::Timestamp;
use resolver_probe::{
    CheckRequest, DiscoverRequest, Discovery, FaultKind, FindingId, FoundBy, ResolverManner, ResolverSpec,
    SystemResolvers, Verdict, check, discover, resolvers,
};

use crate::responder::{self, Responder, Script, start_at};
use crate::sockets::NAME;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn ns(owner: &str, server: &str) -> Record {
    Record::from_rdata(name(owner), 300, RData::NS(NS(name(server))))
}

fn a(owner: &str, address: [u8; 4]) -> Record {
    Record::from_rdata(name(owner), 300, RData::A(A(address.into())))
}

fn message_of(records: &[Record], query: &Message) -> Message {
    let mut message = responder::reply(query);
    let asked = &query.queries[0];
    let found: Vec<Record> = records
        .iter()
        .filter(|record| record.name == *asked.name() && record.record_type() == asked.query_type())
        .cloned()
        .collect();
    let soa = SOA::new(Name::root(), Name::root(), 7, 1, 1, 1, 60);
    let soa = Record::from_rdata(name("example.com."), 900, RData::SOA(soa));
    if *asked.name() == soa.name && asked.query_type() == soa.record_type() {
        message.add_answer(soa);
    } else if found.is_empty() {
        message.add_authority(soa);
    }
    message.add_answers(found);
    message
}

/// Refers to example.com at 127.0.0.2 and 127.0.0.3.
fn root(query: &Message) -> Message {
    let mut message = responder::reply(query);
    message.metadata.authoritative = false;
    message.add_authority(ns("example.com.", "ns1.example.com."));
    message.add_authority(ns("example.com.", "ns2.example.com."));
    message.add_additional(a("ns1.example.com.", [127, 0, 0, 2]));
    message.add_additional(a("ns2.example.com.", [127, 0, 0, 3]));
    message
}

fn example_com(query: &Message) -> Message {
    let records = [
        ns("example.com.", "ns1.example.com."),
        ns("example.com.", "ns2.example.com."),
        a("ns1.example.com.", [127, 0, 0, 2]),
        a("ns2.example.com.", [127, 0, 0, 3]),
        a(&format!("{NAME}."), [192, 0, 2, 1]),
    ];
    message_of(&records, query)
}

fn script(says: fn(&Message) -> Message) -> Script {
    Box::new(move |_, query| vec![says(query).to_vec().unwrap()])
}

fn truncating(says: fn(&Message) -> Message) -> Script {
    Box::new(move |_, query| {
        let mut message = says(query);
        message.metadata.truncation = true;
        vec![message.to_vec().unwrap()]
    })
}

/// A root at 127.0.0.1 and two servers of example.com, all on one port.
async fn internet(second: fn() -> Option<Script>) -> Vec<Responder> {
    loop {
        let first = responder::start(truncating(root), Some(script(root))).await;
        let port = first.address.port();
        let at = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port));
        let one = start_at(at(2), script(example_com), Some(script(example_com))).await;
        let two = start_at(at(3), second().unwrap_or_else(responder::silence), None).await;
        // Another process may have the port on one of the addresses.
        if let (Some(one), Some(two)) = (one, two) {
            return vec![first, one, two];
        }
    }
}

fn request(internet: &[Responder]) -> DiscoverRequest {
    DiscoverRequest {
        name: NAME.parse().unwrap(),
        roots: vec![internet[0].address],
        resolver: None,
        timeout: Duration::from_millis(300),
        limit: Duration::from_secs(20),
        seed: 42,
    }
}

fn servers(found: &Discovery) -> Vec<String> {
    found.servers().map(|(server, name)| format!("{} {}", server.ip(), name.unwrap_or_default())).collect()
}

const BOTH: [&str; 2] = ["127.0.0.2 ns1.example.com", "127.0.0.3 ns2.example.com"];

#[tokio::test]
async fn name_servers_are_found_from_the_root_down_also_where_a_referral_is_truncated() {
    let internet = internet(|| Some(script(example_com))).await;
    let found = discover(request(&internet)).await;
    assert_eq!(found.faults, []);
    assert_eq!((found.zone.as_deref(), found.found_by), (Some("example.com"), FoundBy::Delegation));
    assert_eq!(servers(&found), BOTH);
}

#[tokio::test]
async fn a_silent_name_server_is_told_and_the_other_is_still_found() {
    let internet = internet(|| None).await;
    let found = discover(request(&internet)).await;
    let fault = &found.faults[0];
    assert_eq!((fault.kind, fault.why.as_str()), (FaultKind::Unreachable, "2 tries went unanswered"));
    assert_eq!(fault.server, Some(internet[2].address));
    assert_eq!(servers(&found), BOTH);
}

#[tokio::test]
async fn the_search_ends_at_its_limit_with_what_was_found() {
    let silent = [responder::start(responder::silence(), None).await];
    let limit = Duration::from_millis(50);
    let request = DiscoverRequest { limit, timeout: Duration::from_secs(60), ..request(&silent) };
    let found = discover(request).await;
    assert_eq!((found.zone.as_deref(), found.faults[0].kind), (None, FaultKind::Bound));
}

#[tokio::test]
async fn a_check_without_servers_finds_them_and_says_their_names() {
    let internet = internet(|| Some(script(example_com))).await;
    let mut request = CheckRequest::new(NAME.parse().unwrap(), Vec::new(), Timestamp::UNIX_EPOCH, 42);
    request.roots = vec![internet[0].address];
    let report = check(request).await;
    let names: Vec<Option<&str>> =
        report.servers.iter().map(|server| server.name_server.as_deref()).collect();
    assert_eq!(names, [Some("ns1.example.com"), Some("ns2.example.com")]);
    assert_eq!(report.addresses[0].answered_by.len(), 2);
    let human = resolver_probe::render_human(&report, resolver_probe::Look::default());
    assert!(human.contains(" ns1.example.com: NOERROR"), "{human}");
}

#[tokio::test]
async fn a_check_that_finds_no_name_server_is_unknown_with_the_reason() {
    let refusing = responder::start_both(|| responder::rcode(ResponseCode::Refused)).await;
    let mut request = CheckRequest::new(NAME.parse().unwrap(), Vec::new(), Timestamp::UNIX_EPOCH, 42);
    request.roots = vec![refusing.address];
    let report = check(request).await;
    assert_eq!(report.verdict, Verdict::Unknown);
    let messages: Vec<&str> = report.findings.iter().map(|finding| finding.message.as_str()).collect();
    assert!(messages.iter().any(|message| message.contains("were not found")), "{messages:?}");
    assert!(report.findings.iter().all(|finding| finding.id == FindingId::TooFewSamples));
}

#[tokio::test]
async fn a_resolver_that_is_given_beside_roots_is_not_asked() {
    let internet = internet(|| Some(script(example_com))).await;
    let resolver = responder::start_both(|| responder::rcode(ResponseCode::ServFail)).await;
    let manner = ResolverManner::new(Duration::from_secs(1), 1);
    let spec = ResolverSpec::Plain(resolver.address);
    let resolver = resolvers(&[spec], &SystemResolvers::default(), &manner, 1).unwrap().pop();
    let found = discover(DiscoverRequest { resolver, ..request(&internet) }).await;
    assert_eq!((found.found_by, servers(&found).len()), (FoundBy::Delegation, 2));
}
