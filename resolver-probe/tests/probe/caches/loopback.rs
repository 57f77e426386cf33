//! Scripted resolvers on loopback, and what a check makes of them in real time: TTLs here are of seconds.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::rdata::opt::{EdnsOption, NSIDPayload};
use hickory_proto::rr::{RData, Record};
use registrar_core::Timestamp;
use resolver_probe::{AddressVerdict, CheckReport, FindingId, History, HistoryLine, Severity, caches, check};

use super::authority::Authority;
use crate::responder::{self, Responder, Script, rcode, silence};
use crate::sockets::NAME;

/// Answers the n-th query with an address, a TTL, and perhaps that it is stale.
fn resolver(mut answer: impl FnMut(usize) -> (u8, u32, bool) + Send + 'static) -> Script {
    Box::new(move |turn, query| {
        let (last, ttl, is_stale) = answer(turn);
        vec![reply(query, last, ttl, is_stale.then_some(3)).to_vec().unwrap()]
    })
}

fn reply(query: &Message, last: u8, ttl: u32, extended_error: Option<u8>) -> Message {
    let mut message = responder::reply(query);
    message.metadata.authoritative = false;
    message.metadata.recursion_available = true;
    let address = RData::A(A(Ipv4Addr::new(192, 0, 2, last)));
    message.add_answer(Record::from_rdata(query.queries[0].name().clone(), ttl, address));
    if let Some(code) = extended_error {
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(15, vec![0, code]));
        message.edns = Some(edns);
    }
    message
}

async fn checked(authority: &Authority, script: Script) -> (CheckReport, Responder) {
    let resolver = responder::start(script, None).await;
    let report = check(authority.check(resolver.address, Duration::from_secs(8))).await;
    (report, resolver)
}

fn briefs(report: &CheckReport) -> Vec<(FindingId, Severity)> {
    let told = report.findings.iter().filter(|finding| finding.severity != Severity::Info);
    told.map(|finding| (finding.id, finding.severity)).collect()
}

#[tokio::test]
async fn an_honest_cache_costs_a_few_seconds_and_nothing_is_said_of_it() {
    let authority = Authority::start(&[1, 2], 20).await;
    let (report, _resolver) = checked(&authority, resolver(|turn| (1, 20 - turn as u32, false))).await;
    assert_eq!(briefs(&report), []);
    let seen = &report.resolvers[0];
    assert_eq!((seen.asked, seen.answered, seen.draws), (4, 4, 1));
    assert!(seen.sightings.windows(2).all(|pair| pair[1].at - pair[0].at >= Duration::from_secs(1)));
    assert_eq!(report.addresses[0].resolved_by, std::slice::from_ref(&seen.resolver));
    assert!(report.duration < Duration::from_secs(7), "{:?}", report.duration);
}

#[tokio::test]
async fn an_address_that_only_a_resolver_has_is_waited_for_until_its_ttl_is_over() {
    let authority = Authority::start(&[1], 2).await;
    let (report, _resolver) = checked(&authority, resolver(|_| (9, 2, false))).await;
    assert_eq!(briefs(&report), [(FindingId::StaleAnswer, Severity::Warning)]);
    let stale = &report.resolvers[0].stale[0];
    assert!((1..=6).contains(&stale.at_least_secs), "{stale:?}");
    let row = report.addresses.iter().find(|row| row.address == Ipv4Addr::new(192, 0, 2, 9)).unwrap();
    assert_eq!(row.verdict, AddressVerdict::StaleAnswer);
}

#[tokio::test]
async fn an_address_that_a_resolver_drops_in_time_is_not_stale() {
    let authority = Authority::start(&[1], 3).await;
    let dropping = resolver(|turn| if turn < 2 { (9, 2 - turn as u32, false) } else { (1, 3, false) });
    let (report, _resolver) = checked(&authority, dropping).await;
    assert_eq!(briefs(&report), []);
}

#[tokio::test]
async fn a_history_makes_it_certain_without_waiting() {
    let authority = Authority::start(&[1], 20).await;
    let resolver = responder::start(resolver(|turn| (9, 15 - turn as u32, false)), None).await;
    let mut request = authority.check(resolver.address, Duration::from_secs(8));
    let line = |secs_ago: i64, appeared: &[u8], vanished: &[u8]| {
        let at = Timestamp::from_second(request.started_at.as_second() - secs_ago).unwrap();
        let all = |last: &[u8]| last.iter().map(|last| Ipv4Addr::new(192, 0, 2, *last)).collect();
        let name = NAME.parse().unwrap();
        HistoryLine::change(at, name, authority.address, all(appeared), all(vanished), Some(20)).write()
    };
    let lines = [line(100, &[1, 9], &[]), line(60, &[], &[9])].concat();
    request.history = Some(History::read(&lines).unwrap());
    let report = check(request).await;
    assert_eq!(briefs(&report), [(FindingId::StaleAnswer, Severity::Warning)]);
    let stale = &report.resolvers[0].stale[0];
    assert!((40..50).contains(&stale.at_least_secs) && stale.at_most_secs.is_some(), "{stale:?}");
    assert!(report.duration < Duration::from_secs(7), "{:?}", report.duration);
}

#[tokio::test]
async fn a_deadline_before_the_end_of_the_ttl_leaves_it_open() {
    let authority = Authority::start(&[1], 60).await;
    let (report, _resolver) = checked(&authority, resolver(|turn| (9, 50 - turn as u32, false))).await;
    assert_eq!(briefs(&report), [(FindingId::StaleAnswer, Severity::Unknown)]);
    // What cannot be known is not waited for.
    assert!(report.duration < Duration::from_secs(7), "{:?}", report.duration);
}

#[tokio::test]
async fn silence_failure_and_absence_have_their_own_names() {
    let authority = Authority::start(&[1], 20).await;
    let (servfail, refused) = (|| rcode(ResponseCode::ServFail), || rcode(ResponseCode::NXDomain));
    let (silent, failing, empty) = tokio::join!(
        checked(&authority, silence()),
        checked(&authority, servfail()),
        checked(&authority, refused())
    );
    assert_eq!(briefs(&silent.0), [(FindingId::NsUnreachable, Severity::Warning)]);
    assert_eq!(briefs(&failing.0), [(FindingId::Lame, Severity::Warning)]);
    assert_eq!(briefs(&empty.0), [(FindingId::EmptyAnswer, Severity::Warning)]);
    assert_eq!(silent.0.findings[0].resolver.as_ref(), Some(&silent.0.resolvers[0].resolver));
}

#[tokio::test]
async fn hostile_replies_are_counted_and_end_with_the_deadline() {
    let authority = Authority::start(&[1], 20).await;
    let hostile: Script = Box::new(|turn, query| {
        let mut message = reply(query, 1, u32::MAX, Some(3)).to_vec().unwrap();
        match turn % 3 {
            0 => message.truncate(message.len() - 3),
            1 => message[0] ^= 0xff,
            _ => {}
        }
        vec![message]
    });
    let (report, _resolver) = checked(&authority, hostile).await;
    assert!(report.duration < Duration::from_secs(9), "{:?}", report.duration);
    assert_eq!(report.resolvers.len(), 1);
}

#[tokio::test]
async fn caches_of_one_address_are_counted_by_their_sawtooths_and_machines_by_their_names() {
    let authority = Authority::start(&[1, 2], 20).await;
    let ages = Arc::new(Mutex::new(tokio::time::Instant::now()));
    let two: Script = Box::new(move |turn, query| {
        let age = ages.lock().unwrap().elapsed().as_secs() as u32;
        // Two caches by turns, filled seven seconds apart.
        let (left, machine) = if turn % 2 == 0 { (20 - age, b"a") } else { (13 - age.min(13), b"b") };
        let mut message = reply(query, 1, left, None);
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::NSID(NSIDPayload::new(machine.to_vec()).unwrap()));
        message.edns = Some(edns);
        vec![message.to_vec().unwrap()]
    });
    let resolver = responder::start(two, None).await;
    let report = caches(authority.caches(resolver.address, Duration::from_secs(5))).await;
    let seen = &report.resolvers[0];
    assert_eq!(
        (seen.caches_at_least, seen.nsids.as_slice()),
        (2, ["a".to_owned(), "b".to_owned()].as_slice())
    );
    // The TTL was not over when the watching was.
    let findings: Vec<_> = report.findings.iter().map(|finding| (finding.id, finding.severity)).collect();
    assert_eq!(findings, [(FindingId::TooFewSamples, Severity::Unknown)]);
}

#[tokio::test]
async fn a_forwarder_that_begins_below_the_ttl_is_neither_stretched_nor_clamped() {
    let authority = Authority::start(&[1], 4).await;
    let began = tokio::time::Instant::now();
    // It was filled from a cache that was two seconds old, and afterwards together with it.
    let behind = move |_| (1, 4 - (began.elapsed().as_secs() as u32 + 2) % 4, false);
    let resolver = responder::start(resolver(behind), None).await;
    let report = caches(authority.caches(resolver.address, Duration::from_secs(12))).await;
    assert!(report.findings.is_empty() && report.resolvers[0].habits.is_empty(), "{:?}", report.findings);
}
