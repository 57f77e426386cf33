//! What an address that was asked comes to, beside what the fleet says of it.

use std::net::Ipv4Addr;

use registrar_core::address::AddressKind;

use super::*;
use crate::fixtures::{Row, address, fleet, groups, observation, policy, request, truth};
use crate::judge::{Seen, judge};
use crate::reach::{InstanceStanding, ReachEvidence, Vantage};
use crate::report::{CheckReport, FailOn};

const ONE: [Row<'static>; 1] = [("i-1", "192.0.2.1", "running", "100")];

fn document(probe: &str, found: &[(u8, Liveness, Severity)]) -> ReachDocument {
    let report = |(last, liveness, severity): &(u8, Liveness, Severity)| ReachReport {
        address: address(*last),
        kind: AddressKind::CarrierIp,
        asked: None,
        instance: InstanceStanding::Unknown,
        liveness: *liveness,
        severity: *severity,
        message: format!("{} is {liveness}", address(*last)),
        evidence: ReachEvidence { sent: 4, ..ReachEvidence::default() },
    };
    let reports = found.iter().map(report).collect();
    ReachDocument::new(probe.parse().unwrap(), Vantage::Carrier, reports, 42)
}

fn stun(found: &[(u8, Liveness, Severity)]) -> Vec<ReachDocument> {
    vec![document("stun:3478", found)]
}

fn judged(truth: Option<Truth>, answered: &[(u8, u64)], documents: Vec<ReachDocument>) -> CheckReport {
    let observations = [observation(1, answered)];
    judge(&request(truth), Seen { observations: &observations, reached: documents, ..Seen::default() })
}

/// Id, severity and last octet of the address.
fn briefs(report: &CheckReport) -> Vec<(FindingId, Severity, Option<u8>)> {
    let octet = |finding: &Finding| finding.address.map(|address| address.octets()[3]);
    report.findings.iter().map(|finding| (finding.id, finding.severity, octet(finding))).collect()
}

fn about(report: &CheckReport, last: u8) -> (AddressVerdict, Option<Liveness>) {
    let found = report.addresses.iter().find(|report| report.address == address(last)).unwrap();
    (found.verdict, found.liveness)
}

#[test]
fn what_is_alive_and_should_be_is_ok() {
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], stun(&[(1, Liveness::Alive, Severity::Info)]));
    assert_eq!(briefs(&report), []);
    assert_eq!(about(&report, 1), (AddressVerdict::Ok, Some(Liveness::Alive)));
    assert_eq!(report.reach.len(), 1);
}

#[test]
fn what_runs_and_is_dead_is_a_blackhole_as_bad_as_its_silence_is_certain() {
    for severity in [Severity::Critical, Severity::Warning] {
        for liveness in [
            Liveness::Refused,
            Liveness::Unreachable,
            Liveness::WrongReply,
            Liveness::SilentHostUp,
            Liveness::Silent,
        ] {
            let report = judged(Some(truth("", &ONE)), &[(1, 60)], stun(&[(1, liveness, severity)]));
            assert_eq!(briefs(&report), [(FindingId::BlackholedEntry, severity, Some(1))]);
            assert_eq!(about(&report, 1), (AddressVerdict::BlackholedEntry, Some(liveness)));
        }
    }
    let report =
        judged(Some(truth("", &ONE)), &[(1, 60)], stun(&[(1, Liveness::Silent, Severity::Critical)]));
    let finding = &report.findings[0];
    assert_eq!(
        finding.message,
        "192.0.2.1 is silent; the name gives out the address, and instance i-1, which has it, runs"
    );
    assert_eq!(finding.instance.as_deref(), Some("i-1"));
    assert_eq!(finding.evidence["liveness"], "silent".into());
    assert_eq!(finding.evidence["probe"], "stun:3478".into());
}

#[test]
fn without_a_fleet_a_dead_address_is_a_blackhole_too_and_a_living_one_is_not_judged() {
    let found = [(1, Liveness::Alive, Severity::Info), (2, Liveness::Refused, Severity::Critical)];
    let report = judged(None, &[(1, 40), (2, 40)], stun(&found));
    assert_eq!(briefs(&report), [(FindingId::BlackholedEntry, Severity::Critical, Some(2))]);
    assert_eq!(about(&report, 1).0, AddressVerdict::NotJudged);
    assert!(report.findings[0].message.ends_with("; the name gives out the address"));
}

#[test]
fn a_stale_record_stays_one_finding_whether_or_not_its_address_is_dead() {
    let report = judged(
        Some(truth("", &ONE)),
        &[(1, 30), (9, 30)],
        stun(&[(1, Liveness::Alive, Severity::Info), (9, Liveness::Silent, Severity::Critical)]),
    );
    assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Critical, Some(9))]);
    assert_eq!(report.findings[0].evidence["liveness"], "silent".into());
    assert_eq!(about(&report, 9), (AddressVerdict::StaleRecord, Some(Liveness::Silent)));
}

#[test]
fn an_address_that_answers_and_is_nobody_s_is_somebody_else_s() {
    let both = [
        (FindingId::StaleRecord, Severity::Critical, Some(2)),
        (FindingId::ForeignOwner, Severity::Critical, Some(2)),
    ];
    let stopped = [ONE[0], ("i-2", "192.0.2.2", "stopped", "100")];
    for (fleet, told) in
        [(&ONE[..], "no instance of the fleet has it"), (&stopped, "which had it, does not run")]
    {
        let alive = stun(&[(2, Liveness::Alive, Severity::Info)]);
        let report = judged(Some(truth("", fleet)), &[(1, 30), (2, 30)], alive);
        assert_eq!(briefs(&report), both);
        assert!(report.findings[1].message.contains(told), "{}", report.findings[1].message);
        assert_eq!(about(&report, 2).0, AddressVerdict::StaleRecord);
    }
}

#[test]
fn an_instance_that_is_stopping_may_still_answer() {
    let stopping = [ONE[0], ("i-2", "192.0.2.2", "shutting-down", "100")];
    let alive = stun(&[(2, Liveness::Alive, Severity::Info)]);
    let report = judged(Some(truth("", &stopping)), &[(1, 30), (2, 30)], alive);
    assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Critical, Some(2))]);
}

#[test]
fn where_the_fleet_was_not_seen_whole_nobody_is_called_a_stranger() {
    let gap = registrar_core::inventory::Gap::new(registrar_core::inventory::GapSource::Fleet, "cut");
    let fleet = registrar_core::inventory::Fleet { gap: Some(gap), ..fleet(&ONE) };
    let truth = Truth::new(&policy(""), &fleet, None);
    let report = judged(Some(truth), &[(1, 30), (9, 30)], stun(&[(9, Liveness::Alive, Severity::Info)]));
    assert_eq!(briefs(&report), [(FindingId::TruthIncomplete, Severity::Unknown, None)]);
    assert_eq!(about(&report, 9).0, AddressVerdict::Unknown);
}

#[test]
fn a_running_instance_of_another_pool_is_a_stranger_dead_or_alive() {
    let mut fleet = fleet(&[ONE[0], ("i-2", "192.0.2.2", "running", "100")]);
    let other = fleet.instances.values_mut().nth(1).unwrap();
    other.tags.insert("edge-dns".to_owned(), "audio".to_owned());
    let truth = Truth::new(&policy(""), &fleet, None);
    for liveness in [Liveness::Alive, Liveness::Silent, Liveness::VantageBlind] {
        let documents = stun(&[(2, liveness, Severity::Info)]);
        let report = judged(Some(truth.clone()), &[(1, 30), (2, 30)], documents);
        assert_eq!(
            briefs(&report),
            [
                (FindingId::StaleRecord, Severity::Critical, Some(2)),
                (FindingId::ForeignOwner, Severity::Critical, Some(2)),
            ]
        );
        assert_eq!(report.findings[1].instance.as_deref(), Some("i-2"));
    }
}

#[test]
fn a_member_that_is_on_its_way_out_is_no_stranger() {
    let mut fleet = fleet(&[ONE[0], ("i-2", "192.0.2.2", "running", "100")]);
    for instance in fleet.instances.values_mut() {
        instance.tags.insert("aws:autoscaling:groupName".to_owned(), "edge".to_owned());
    }
    for state in ["Terminating:Wait", "Standby"] {
        let groups = groups(&[("i-1", "InService"), ("i-2", state)]);
        let truth = Truth::new(&policy(""), &fleet, Some(&groups));
        let alive = stun(&[(2, Liveness::Alive, Severity::Info)]);
        let report = judged(Some(truth), &[(1, 30), (2, 30)], alive);
        assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Critical, Some(2))], "{state}");
        assert_eq!(report.findings[0].evidence["liveness"], "alive".into());
    }
}

#[test]
fn somebody_else_s_certificate_is_a_foreign_owner_whatever_the_fleet_says() {
    for fleet in [Some(truth("", &ONE)), None] {
        let documents = vec![document("icmp", &[(1, Liveness::WrongIdentity, Severity::Critical)])];
        let report = judged(fleet, &[(1, 80)], documents);
        assert_eq!(briefs(&report), [(FindingId::ForeignOwner, Severity::Critical, Some(1))]);
        assert_eq!(about(&report, 1).0, AddressVerdict::ForeignOwner);
    }
}

#[test]
fn what_cannot_be_judged_is_one_finding_for_each_probe_and_never_critical() {
    let two = [ONE[0], ("i-2", "192.0.2.2", "running", "100")];
    let blind =
        [(1, Liveness::VantageBlind, Severity::Unknown), (2, Liveness::VantageBlind, Severity::Unknown)];
    let documents = vec![document("stun:3478", &blind), document("tcp:443", &blind)];
    let report = judged(Some(truth("", &two)), &[(1, 1_000), (2, 1_000)], documents);
    let blind = (FindingId::VantageBlind, Severity::Unknown, None);
    assert_eq!(briefs(&report), [blind, blind]);
    assert_eq!((report.exit_code(FailOn::Warning), report.exit_code(FailOn::Critical)), (3, 3));
    assert_eq!(report.findings[0].message, "192.0.2.1 is vantage-blind; so it is with 1 other address");
    assert_eq!(report.findings[0].evidence["addresses"], "192.0.2.1 192.0.2.2".into());
    assert_eq!(about(&report, 1), (AddressVerdict::VantageBlind, Some(Liveness::VantageBlind)));
}

#[test]
fn an_address_that_the_deadline_left_out_is_too_little_asked() {
    let late = stun(&[(1, Liveness::NotProbed, Severity::Unknown)]);
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], late);
    assert_eq!(briefs(&report), [(FindingId::TooFewSamples, Severity::Unknown, None)]);
    let mut documents = stun(&[(1, Liveness::NotProbed, Severity::Unknown)]);
    documents[0].addresses[0].evidence.failure = Some("not allowed".to_owned());
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], documents);
    assert_eq!(briefs(&report), [(FindingId::VantageBlind, Severity::Unknown, None)]);
}

#[test]
fn of_what_is_not_answered_liveness_is_evidence_alone() {
    let two = [ONE[0], ("i-2", "192.0.2.2", "running", "100")];
    for (liveness, severity) in [
        (Liveness::Alive, Severity::Info),
        (Liveness::Silent, Severity::Critical),
        (Liveness::VantageBlind, Severity::Unknown),
    ] {
        let documents = stun(&[(1, Liveness::Alive, Severity::Info), (2, liveness, severity)]);
        let report = judged(Some(truth("", &two)), &[(1, 2_000)], documents);
        assert_eq!(briefs(&report), [(FindingId::MissingIp, Severity::Warning, Some(2))]);
        assert_eq!(report.findings[0].evidence["liveness"], liveness.to_string().as_str().into());
        assert_eq!(about(&report, 2), (AddressVerdict::MissingIp, Some(liveness)));
    }
}

#[test]
fn an_idle_record_that_is_dead_hurts_nobody() {
    let idle = [ONE[0], ("i-2", "192.0.2.2", "running", "0")];
    let documents = stun(&[(1, Liveness::Alive, Severity::Info), (2, Liveness::Refused, Severity::Critical)]);
    let report = judged(Some(truth("", &idle)), &[(1, 60)], documents);
    assert_eq!(briefs(&report), []);
    assert_eq!(about(&report, 2), (AddressVerdict::Idle, Some(Liveness::Refused)));
}

#[test]
fn a_fallback_is_judged_as_what_clients_are_sent_to() {
    let guard = r#","guard":{"when_empty":"fallback","fallback":"192.0.2.200"}"#;
    for (liveness, severity, expected) in [
        (Liveness::Alive, Severity::Info, None),
        (Liveness::Refused, Severity::Critical, Some(FindingId::BlackholedEntry)),
    ] {
        let report = judged(Some(truth(guard, &[])), &[(200, 60)], stun(&[(200, liveness, severity)]));
        assert_eq!(briefs(&report).first().map(|brief| brief.0), expected);
    }
    let alias = r#","guard":{"when_empty":"fallback","fallback":"spare.example.com"}"#;
    let report = judged(Some(truth(alias, &[])), &[(9, 60)], stun(&[(9, Liveness::Alive, Severity::Info)]));
    assert_eq!(briefs(&report), []);
    assert_eq!(about(&report, 9), (AddressVerdict::Fallback, Some(Liveness::Alive)));
}

#[test]
fn of_several_probes_the_worst_is_the_address_s() {
    let documents = vec![
        document("stun:3478", &[(1, Liveness::Alive, Severity::Info)]),
        document("tcp:443", &[(1, Liveness::Refused, Severity::Critical)]),
        document("icmp", &[(1, Liveness::VantageBlind, Severity::Unknown)]),
    ];
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], documents);
    assert_eq!(
        briefs(&report),
        [
            (FindingId::BlackholedEntry, Severity::Critical, Some(1)),
            (FindingId::VantageBlind, Severity::Unknown, None),
        ]
    );
    assert_eq!(about(&report, 1), (AddressVerdict::BlackholedEntry, Some(Liveness::Refused)));
}

#[test]
fn a_server_that_speaks_and_not_as_clients_do_is_a_warning() {
    let documents = vec![document("quic:443", &[(1, Liveness::Alive, Severity::Warning)])];
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], documents);
    assert_eq!(briefs(&report), [(FindingId::BlackholedEntry, Severity::Warning, Some(1))]);
}

#[test]
fn nothing_changes_where_nothing_was_asked() {
    let report = judged(Some(truth("", &ONE)), &[(1, 60)], Vec::new());
    assert_eq!(about(&report, 1), (AddressVerdict::Ok, None));
    let unasked: Option<Ipv4Addr> = report.reach.iter().map(|document| document.addresses[0].address).next();
    assert_eq!((briefs(&report), unasked), (vec![], None));
}
