//! The table of verdicts, row by row, and what each vantage makes of it.

use std::net::Ipv4Addr;

use super::*;
use crate::reach::CarrierGateway;
use crate::reach::obstacle::IcmpError;
use crate::reach::report::ReachReport;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(155, 146, 10, 111);
const PRIVATE: Ipv4Addr = Ipv4Addr::new(10, 0, 3, 112);

fn target() -> ReachTarget {
    ReachTarget::new(ADDRESS)
}

fn running() -> ReachTarget {
    ReachTarget { instance: InstanceStanding::Running, ..target() }
}

fn judged(target: ReachTarget, vantage: Vantage, probe: &str, evidence: ReachEvidence) -> ReachReport {
    let probe: ReachProbe = probe.parse().unwrap();
    let approach = vantage.approach(&target, probe.transport());
    ReachReport::new(&target, &probe, vantage, approach, evidence)
}

fn verdict(
    target: ReachTarget,
    vantage: Vantage,
    probe: &str,
    evidence: ReachEvidence,
) -> (Liveness, Severity) {
    let report = judged(target, vantage, probe, evidence);
    (report.liveness, report.severity)
}

fn from_carrier(evidence: ReachEvidence) -> (Liveness, Severity) {
    verdict(target(), Vantage::Carrier, "stun:3478", evidence)
}

fn silence(echo: Echo) -> ReachEvidence {
    ReachEvidence { sent: 4, echo: Some(echo), ..ReachEvidence::default() }
}

fn host_up() -> ReachEvidence {
    silence(Echo::Answered { rtt_us: 300 })
}

fn no_echo_allowed() -> ReachEvidence {
    silence(Echo::NotAsked { why: "not allowed".to_owned() })
}

fn alive() -> ReachEvidence {
    ReachEvidence { sent: 1, replies: 1, ..ReachEvidence::default() }
}

fn icmp(code: u8) -> ReachEvidence {
    let error = IcmpError { kind: 3, code, from: Some(ADDRESS) };
    ReachEvidence { sent: 1, obstacle: Obstacle::of_icmp(error), ..ReachEvidence::default() }
}

#[test]
fn a_valid_reply_is_alive_from_every_vantage() {
    for vantage in [Vantage::Internet, Vantage::Carrier, Vantage::Vpc] {
        let target = ReachTarget { private: Some(PRIVATE), ..target() };
        assert_eq!(verdict(target, vantage, "stun:3478", alive()), (Liveness::Alive, Severity::Info));
    }
}

#[test]
fn a_reply_although_the_instance_does_not_run_may_be_somebody_elses() {
    let gone = ReachTarget { instance: InstanceStanding::NotRunning, ..target() };
    let report = judged(gone, Vantage::Carrier, "stun:3478", alive());
    assert_eq!((report.liveness, report.severity), (Liveness::Alive, Severity::Warning));
    assert!(report.message.contains("somebody else"), "{}", report.message);
}

#[test]
fn quic_without_version_1_is_alive_with_a_warning() {
    let reply = Some(ReplyDetail::Quic { versions: vec![0xff00_001d] });
    let report = judged(target(), Vantage::Carrier, "quic:443", ReachEvidence { reply, ..alive() });
    assert_eq!((report.liveness, report.severity), (Liveness::Alive, Severity::Warning));
    assert!(report.message.ends_with("but not in version 1: it offers 0xff00001d"), "{}", report.message);
}

#[test]
fn a_closed_port_is_critical() {
    assert_eq!(from_carrier(icmp(3)), (Liveness::Refused, Severity::Critical));
}

#[test]
fn no_host_or_route_is_critical_where_the_vantage_sees() {
    for code in [0, 1] {
        assert_eq!(from_carrier(icmp(code)), (Liveness::Unreachable, Severity::Critical));
    }
    let in_vpc = ReachTarget { private: Some(PRIVATE), ..target() };
    let unreachable = (Liveness::Unreachable, Severity::Critical);
    assert_eq!(verdict(in_vpc, Vantage::Vpc, "stun:3478", icmp(1)), unreachable);
    let public = ReachTarget { kind: AddressKind::PublicIp, ..target() };
    assert_eq!(verdict(public, Vantage::Internet, "stun:3478", icmp(1)), unreachable);
}

#[test]
fn no_route_on_the_internet_is_only_a_warning_about_a_carrier_ip() {
    let expected = (Liveness::Unreachable, Severity::Warning);
    assert_eq!(verdict(running(), Vantage::Internet, "icmp", icmp(1)), expected);
}

#[test]
fn what_is_prohibited_is_unknown() {
    for code in [9, 10, 13] {
        assert_eq!(from_carrier(icmp(code)), (Liveness::Filtered, Severity::Unknown));
    }
}

#[test]
fn silence_of_a_host_that_is_up_is_a_warning_and_critical_where_its_instance_runs() {
    assert_eq!(from_carrier(host_up()), (Liveness::SilentHostUp, Severity::Warning));
    let expected = (Liveness::SilentHostUp, Severity::Critical);
    assert_eq!(verdict(running(), Vantage::Carrier, "stun:3478", host_up()), expected);
}

#[test]
fn silence_of_port_and_host_is_critical_where_the_vantage_sees() {
    assert_eq!(from_carrier(silence(Echo::Silent)), (Liveness::Silent, Severity::Critical));
}

#[test]
fn silence_with_no_echo_to_compare_is_a_warning_and_critical_where_its_instance_runs() {
    assert_eq!(from_carrier(no_echo_allowed()), (Liveness::Silent, Severity::Warning));
    let expected = (Liveness::Silent, Severity::Critical);
    assert_eq!(verdict(running(), Vantage::Carrier, "stun:3478", no_echo_allowed()), expected);
}

#[test]
fn an_echo_that_finds_no_route_stands_for_the_probe_and_one_that_is_prohibited_does_not() {
    let stopped = |code| {
        let error = IcmpError { kind: 3, code, from: None };
        silence(Echo::Stopped { obstacle: Obstacle::of_icmp(error).unwrap() })
    };
    assert_eq!(from_carrier(stopped(1)), (Liveness::Unreachable, Severity::Critical));
    assert_eq!(from_carrier(stopped(13)), (Liveness::Silent, Severity::Warning));
}

#[test]
fn messages_that_are_no_reply_show_a_host_and_not_the_service() {
    for evidence in [
        ReachEvidence { sent: 4, garbage: 2, ..ReachEvidence::default() },
        ReachEvidence { sent: 4, mismatched: 1, ..ReachEvidence::default() },
    ] {
        assert_eq!(from_carrier(evidence.clone()), (Liveness::WrongReply, Severity::Warning));
        let expected = (Liveness::WrongReply, Severity::Critical);
        assert_eq!(verdict(running(), Vantage::Carrier, "stun:3478", evidence), expected);
    }
}

#[test]
fn from_the_internet_silence_and_errors_of_a_carrier_ip_are_never_critical() {
    for evidence in [silence(Echo::Silent), host_up(), no_echo_allowed(), icmp(1), icmp(3), icmp(13)] {
        for probe in ["stun:3478", "quic:443", "srt:9000", "tcp:443", "udp:9,send=00"] {
            let found = verdict(running(), Vantage::Internet, probe, evidence.clone());
            assert_eq!(found, (Liveness::VantageBlind, Severity::Unknown), "{probe} {evidence:?}");
        }
    }
}

#[test]
fn from_the_internet_a_silent_echo_of_a_carrier_ip_can_be_judged() {
    let evidence = ReachEvidence { sent: 4, ..ReachEvidence::default() };
    let expected = (Liveness::Silent, Severity::Critical);
    assert_eq!(verdict(running(), Vantage::Internet, "icmp", evidence), expected);
}

#[test]
fn a_zone_whose_gateway_is_open_is_judged_from_the_internet() {
    let open = ReachTarget { gateway: CarrierGateway::Open, ..running() };
    let expected = (Liveness::Silent, Severity::Critical);
    assert_eq!(verdict(open, Vantage::Internet, "stun:3478", silence(Echo::Silent)), expected);
}

#[test]
fn from_a_vpc_an_address_without_a_private_one_is_unknown() {
    let report = judged(running(), Vantage::Vpc, "stun:3478", ReachEvidence::default());
    assert_eq!((report.liveness, report.severity), (Liveness::VantageBlind, Severity::Unknown));
    assert!(report.message.contains("private address, which is not known"), "{}", report.message);
}

#[test]
fn what_could_not_be_sent_or_had_no_time_is_unknown() {
    for evidence in [
        ReachEvidence { failure: Some("Network is unreachable".to_owned()), ..ReachEvidence::default() },
        ReachEvidence { unfinished: true, sent: 1, ..ReachEvidence::default() },
        ReachEvidence { unfinished: true, ..ReachEvidence::default() },
    ] {
        assert_eq!(from_carrier(evidence), (Liveness::NotProbed, Severity::Unknown));
    }
}

#[test]
fn every_verdict_has_a_sentence() {
    let in_vpc = ReachTarget { private: Some(PRIVATE), ..target() };
    let sentences = [
        judged(target(), Vantage::Carrier, "stun:3478", alive()),
        judged(in_vpc, Vantage::Vpc, "srt:9000", icmp(3)),
        judged(target(), Vantage::Carrier, "quic:443", icmp(1)),
        judged(target(), Vantage::Carrier, "udp:9,send=00", icmp(13)),
        judged(target(), Vantage::Carrier, "tcp:443", host_up()),
        judged(target(), Vantage::Carrier, "tcp:443", silence(Echo::Silent)),
        judged(target(), Vantage::Carrier, "tcp:443", no_echo_allowed()),
        judged(target(), Vantage::Internet, "stun:3478", host_up()),
        judged(target(), Vantage::Internet, "tcp:443", silence(Echo::Silent)),
        judged(target(), Vantage::Internet, "icmp", silence(Echo::NotAwaited)),
        judged(target(), Vantage::Vpc, "stun:3478", ReachEvidence::default()),
        judged(target(), Vantage::Carrier, "stun:3478", ReachEvidence { garbage: 3, ..host_up() }),
        judged(target(), Vantage::Carrier, "stun:3478", ReachEvidence { unfinished: true, ..alive_not() }),
    ];
    let told: Vec<String> = sentences.into_iter().map(|report| report.message).collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn alive_not() -> ReachEvidence {
    ReachEvidence { sent: 1, ..ReachEvidence::default() }
}
