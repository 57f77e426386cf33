//! Reports with every section filled, for the tests of all forms.
//!
//! Answers are judged as in a real check; what other parts of the probe find is put in by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU16;
use std::sync::OnceLock;
use std::time::Duration;

use registrar_core::Timestamp;
use registrar_core::address::AddressKind;

use crate::discover::{Authority, Discovery, Fault, FaultKind, FoundBy, Listed, NameServer, Presence};
use crate::fixtures::{NAME, address, observation, request, server, truth};
use crate::judge::{Seen, judge};
use crate::observation::{Observation, TcpFailure};
use crate::reach::{
    InstanceStanding, Liveness, ReachDocument, ReachEvidence, ReachProbe, ReachReport, Rtt, Vantage,
};
use crate::report::{
    AddressVerdict, CheckReport, EvidenceValue, Finding, FindingId, ResolverAnswer, ResolverReport, Severity,
    Sighting, StaleInterval, Verdict,
};
use crate::truth::Truth;

/// What nobody should ever see as markup, a colour, a line of its own, or performance data.
pub(crate) const HOSTILE: &str =
    "\u{1b}[31m<script src=\"http://192.0.2.66/x\">alert('&')</script>|evil=1\nOK\u{202e}";

/// Noon of a day on which nothing happened.
fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn after_noon(secs: i64) -> Timestamp {
    Timestamp::from_second(noon().as_second() + secs).unwrap()
}

/// A report of judged answers, as it leaves the judge.
pub(crate) fn judged(truth: Option<Truth>, observations: &[Observation]) -> CheckReport {
    let seen = Seen { observations, duration: Duration::from_millis(1_234), ..Seen::default() };
    let mut report = judge(&request(truth), seen);
    report.started_at = noon();
    report
}

/// A pool of so many serving instances with equal weights.
fn pool(instances: u8) -> Truth {
    let names: Vec<(String, String)> =
        (1..=instances).map(|n| (format!("i-0a1b2c3d4e5f6{n:04}"), address(n).to_string())).collect();
    let rows: Vec<_> = names.iter().map(|(id, ip)| (id.as_str(), ip.as_str(), "running", "100")).collect();
    truth("", &rows)
}

/// Two servers, of which one is dead over TCP, and both answer the address of a stopped instance.
pub(crate) fn stale_record() -> CheckReport {
    let fleet = truth(
        "",
        &[
            ("i-0a1b2c3d4e5f60001", "192.0.2.1", "running", "100"),
            ("i-0a1b2c3d4e5f60002", "192.0.2.2", "running", "50"),
            ("i-0a1b2c3d4e5f60003", "192.0.2.3", "stopped", "100"),
        ],
    );
    let mut second = observation(2, &[(1, 100), (3, 50)]);
    (second.tcp.replies, second.tcp.last_failure) = (0, Some(TcpFailure::TimedOut));
    (second.udp.garbage, second.udp.tries) = (2, 151);
    judged(Some(fleet), &[observation(1, &[(1, 62), (2, 34), (3, 24)]), second])
}

/// Five addresses at two servers, all alive and answered as their weights say.
pub(crate) fn healthy() -> CheckReport {
    let fleet = [("1", "100"), ("2", "100"), ("3", "50"), ("4", "50"), ("5", "25")];
    let names: Vec<(String, String)> =
        fleet.iter().map(|(n, _)| (format!("i-0a1b2c3d4e5f6000{n}"), format!("192.0.2.{n}"))).collect();
    let rows: Vec<_> = names
        .iter()
        .zip(fleet)
        .map(|((id, ip), (_, weight))| (id.as_str(), ip.as_str(), "running", weight))
        .collect();
    let seen = [
        observation(1, &[(1, 1850), (2, 1846), (3, 905), (4, 941), (5, 458)]),
        observation(2, &[(1, 1822), (2, 1839), (3, 951), (4, 922), (5, 466)]),
    ];
    let mut report = judged(Some(truth("", &rows)), &seen);
    report.reach = vec![reached(&[1, 2, 3, 4, 5], &[])];
    note_liveness(&mut report);
    report.resolvers =
        vec![resolver("192.0.2.53", &[(300, 1, 20, false), (8_300, 1, 12, false), (21_300, 4, 20, false)])];
    note_resolved(&mut report);
    report
}

/// A hundred addresses at eight servers: one leads to an instance that does not answer, one server gives one
/// address too often, and the internet lets nothing else be judged.
pub(crate) fn hundred() -> CheckReport {
    // Its exact statistics take seconds without optimisation.
    static JUDGED: OnceLock<CheckReport> = OnceLock::new();
    JUDGED.get_or_init(judge_hundred).clone()
}

fn judge_hundred() -> CheckReport {
    let answers = |n: u8| -> Vec<(u8, u64)> {
        let noise = |last: u8| u64::from((u32::from(last) * 37 + u32::from(n) * 101) % 23);
        let mut answers: Vec<(u8, u64)> = (1..=100).map(|last| (last, 120 + noise(last))).collect();
        if n == 3 {
            answers[41].1 = 390;
        }
        answers
    };
    let seen: Vec<Observation> = (1..=8).map(|n| observation(n, &answers(n))).collect();
    let mut report = judged(Some(pool(100)), &seen);
    let alive: Vec<u8> = (1..=100).filter(|last| *last != 77).collect();
    report.reach = vec![reached(&alive, &[77])];
    note_liveness(&mut report);
    // A test has no time for as many answers as a real check would wait for.
    report.findings.retain(|finding| finding.id != FindingId::TooFewSamples);
    blackhole(&mut report, 77);
    report
}

/// A resolver that goes on answering an address which the servers have dropped.
pub(crate) fn stale_cache() -> CheckReport {
    let mut report = healthy();
    let stale = [(200, 9, 30, true), (10_250, 9, 30, true), (20_240, 9, 30, true), (29_100, 9, 30, true)];
    let mut bad = resolver("tls://resolver.carrier.example", &stale);
    bad.habits = vec!["serves-stale".to_owned()];
    bad.extended_errors = BTreeMap::from([(3, 4)]);
    bad.nsids = vec!["fra-3".to_owned()];
    bad.stale = vec![StaleInterval {
        address: address(9),
        last_valid_at: Some(after_noon(-95)),
        gone_by: after_noon(-62),
        last_answered_at: after_noon(29),
        at_least_secs: 71,
        at_most_secs: Some(124),
    }];
    report.resolvers.push(bad);
    report.addresses.push(crate::report::AddressReport {
        address: address(9),
        verdict: AddressVerdict::StaleAnswer,
        instance: None,
        expected_share: None,
        liveness: Some(Liveness::Silent),
        answered_by: Vec::new(),
        not_answered_by: vec![server(1), server(2)],
        resolved_by: vec!["tls://resolver.carrier.example".to_owned()],
    });
    let mut finding = finding(FindingId::StaleAnswer, Severity::Warning, 9);
    finding.message = "tls://resolver.carrier.example answers 192.0.2.9, which the name servers stopped answering between 71 and 124 s ago".to_owned();
    finding.resolver = Some("tls://resolver.carrier.example".to_owned());
    finding.evidence.insert("at_least_secs", 71_u64.into());
    finding.evidence.insert("at_most_secs", 124_u64.into());
    add(&mut report, finding);
    report.discovery = Some(found());
    for (server, name) in report.servers.iter_mut().zip(["ns-1.example.net", "ns-2.example.net"]) {
        server.name_server = Some(name.to_owned());
    }
    report.duration = Duration::from_secs(30);
    report
}

/// How two name servers were found, one of them lame on the way.
fn found() -> Discovery {
    let names = || Some(BTreeSet::from(["ns-1.example.net".to_owned(), "ns-2.example.net".to_owned()]));
    let named = |n: u8| NameServer {
        name: format!("ns-{n}.example.net"),
        listed: Listed::Both,
        addresses: BTreeSet::from([server(n)]),
    };
    let authority = |n: u8| Authority {
        server: server(n),
        names: vec![format!("ns-{n}.example.net")],
        authoritative: true,
        serial: Some(7),
    };
    Discovery {
        name: NAME.to_owned(),
        found_by: FoundBy::Delegation,
        zone: Some("edge.example.com".to_owned()),
        presence: Presence::Exists,
        alias: None,
        parent_names: names(),
        zone_names: names(),
        name_servers: vec![named(1), named(2)],
        authorities: vec![authority(1), authority(2)],
        soa_ttl_secs: Some(900),
        soa_minimum_secs: Some(60),
        ipv6: false,
        faults: vec![Fault {
            zone: "example.com".to_owned(),
            server: Some(server(7)),
            name_server: None,
            kind: FaultKind::Unreachable,
            why: "did not answer".to_owned(),
        }],
        queries: 14,
    }
}

/// A report whose texts from outside try to be something else.
pub(crate) fn hostile() -> CheckReport {
    let mut report = stale_cache();
    for finding in &mut report.findings {
        finding.message.push_str(HOSTILE);
        finding.evidence.insert("why", EvidenceValue::Text(HOSTILE.to_owned()));
    }
    for address in &mut report.addresses {
        address.instance = Some(HOSTILE.to_owned());
    }
    for server in &mut report.servers {
        server.name_server = Some(HOSTILE.to_owned());
        for row in &mut server.answers {
            row.instance = Some(HOSTILE.to_owned());
        }
    }
    for resolver in &mut report.resolvers {
        resolver.resolver = HOSTILE.to_owned();
        resolver.nsids = vec![HOSTILE.to_owned()];
        resolver.habits = vec![HOSTILE.to_owned()];
        resolver.failures = BTreeMap::from([(HOSTILE.to_owned(), 1)]);
    }
    for reached in report.reach.iter_mut().flat_map(|document| &mut document.addresses) {
        reached.message = HOSTILE.to_owned();
    }
    report
}

fn finding(id: FindingId, severity: Severity, last: u8) -> Finding {
    Finding {
        id,
        severity,
        message: String::new(),
        address: Some(address(last)),
        server: None,
        resolver: None,
        instance: None,
        evidence: BTreeMap::new(),
    }
}

fn add(report: &mut CheckReport, finding: Finding) {
    report.findings.push(finding);
    report.findings.sort_by_key(|finding| (finding.severity, finding.id, finding.address, finding.server));
    report.verdict = Verdict::of(report.findings.iter().map(|finding| finding.severity));
}

fn blackhole(report: &mut CheckReport, last: u8) {
    let reached = report.reach[0].addresses.iter().find(|reached| reached.address == address(last)).unwrap();
    let message = format!("{}, and 8 of 8 servers answer it", reached.message);
    let address_report = report.addresses.iter_mut().find(|report| report.address == address(last)).unwrap();
    address_report.verdict = AddressVerdict::BlackholedEntry;
    let instance = address_report.instance.clone();
    for row in report.servers.iter_mut().flat_map(|server| &mut server.answers) {
        if row.address == address(last) {
            row.verdict = AddressVerdict::BlackholedEntry;
        }
    }
    let mut finding = finding(FindingId::BlackholedEntry, Severity::Critical, last);
    (finding.message, finding.instance) = (message, instance);
    finding.evidence.insert("sent", 5_u64.into());
    finding.evidence.insert("share", 0.01.into());
    add(report, finding);
}

fn reached(alive: &[u8], dead: &[u8]) -> ReachDocument {
    let probe = ReachProbe::Stun(NonZeroU16::new(3478).unwrap());
    let one = |last: u8, lives: bool| {
        let rtt = Rtt { min_us: 900, median_us: 1_200, max_us: 2_400 + u64::from(last) };
        let port = "STUN on UDP port 3478";
        let (liveness, severity, message) = if lives {
            (Liveness::Alive, Severity::Info, format!("{} answers {port} in 1.20 ms", address(last)))
        } else {
            let silent =
                format!("{} is silent on {port}, although its host answers ICMP echo", address(last));
            (Liveness::SilentHostUp, Severity::Critical, silent)
        };
        let evidence = ReachEvidence {
            sent: if lives { 3 } else { 5 },
            replies: if lives { 3 } else { 0 },
            rtt: lives.then_some(rtt),
            ..ReachEvidence::default()
        };
        ReachReport {
            address: address(last),
            kind: AddressKind::CarrierIp,
            asked: None,
            instance: InstanceStanding::Running,
            liveness,
            severity,
            message,
            evidence,
        }
    };
    let alive = alive.iter().map(|last| one(*last, true));
    let mut reports: Vec<ReachReport> = alive.chain(dead.iter().map(|last| one(*last, false))).collect();
    reports.sort_by_key(|report| report.address);
    ReachDocument::new(probe, Vantage::Carrier, reports, 42)
}

/// The document of a `reach` over some addresses, of which one is dead.
pub(crate) fn reach_document() -> ReachDocument {
    reached(&[1, 2], &[3])
}

fn note_liveness(report: &mut CheckReport) {
    let reached = report.reach.iter().flat_map(|document| &document.addresses);
    let of: BTreeMap<_, _> = reached.map(|reached| (reached.address, reached.liveness)).collect();
    for address in &mut report.addresses {
        address.liveness = of.get(&address.address).copied();
    }
}

/// A resolver that was asked a few times: milliseconds since the check began, address, TTL, and whether it
/// called the answer stale.
fn resolver(name: &str, replies: &[(u64, u8, u32, bool)]) -> ResolverReport {
    let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
    for (_, last, _, _) in replies {
        *counts.entry(*last).or_default() += 1;
    }
    let ttls = || replies.iter().map(|(_, _, ttl, _)| *ttl);
    ResolverReport {
        resolver: name.to_owned(),
        asked: replies.len() as u64,
        answered: replies.len() as u64,
        draws: counts.len() as u64,
        failures: BTreeMap::new(),
        answers: counts
            .into_iter()
            .map(|(last, count)| {
                let verdict = if last == 9 { AddressVerdict::StaleAnswer } else { AddressVerdict::Ok };
                ResolverAnswer { address: address(last), count, verdict }
            })
            .collect(),
        authority_ttl_secs: Some(20),
        highest_ttl_secs: ttls().max(),
        lowest_ttl_secs: ttls().min(),
        extended_errors: BTreeMap::new(),
        nsids: Vec::new(),
        habits: Vec::new(),
        signs: Vec::new(),
        caches_at_least: 1,
        minimum_ttl_at_least_secs: None,
        maximum_ttl_secs: None,
        stale: Vec::new(),
        sightings: replies
            .iter()
            .map(|(at, last, ttl, says_stale)| Sighting {
                at: Duration::from_millis(*at),
                addresses: BTreeMap::from([(address(*last), *ttl)]),
                rtt: Duration::from_millis(if *says_stale { 1_820 } else { 14 }),
                says_stale: *says_stale,
            })
            .collect(),
    }
}

fn note_resolved(report: &mut CheckReport) {
    for address in &mut report.addresses {
        let resolvers = report.resolvers.iter();
        let by = resolvers
            .filter(|resolver| resolver.answers.iter().any(|answer| answer.address == address.address));
        address.resolved_by = by.map(|resolver| resolver.resolver.clone()).collect();
    }
}
