//! What each observation is called, and how bad it is.

use super::*;
use crate::fixtures::{Row, address, observation, observation_of, reply, request, server, truth};
use crate::observation::{Stopped, TcpFailure};
use crate::report::FailOn;
use crate::wire::Rcode;

const TWO: [Row<'static>; 2] =
    [("i-1", "192.0.2.1", "running", "100"), ("i-2", "192.0.2.2", "running", "100")];

/// Id, severity, last octet of the address, last octet of the server.
type Brief = (FindingId, Severity, Option<u8>, Option<u8>);

fn briefs(report: &CheckReport) -> Vec<Brief> {
    let brief = |finding: &Finding| {
        let server = finding.server.map(|server| match server {
            SocketAddr::V4(server) => server.ip().octets()[3],
            SocketAddr::V6(_) => panic!("the tests have no IPv6 servers"),
        });
        (finding.id, finding.severity, finding.address.map(|address| address.octets()[3]), server)
    };
    report.findings.iter().map(brief).collect()
}

fn judged(truth: Option<Truth>, observations: &[Observation]) -> CheckReport {
    judge(&request(truth), Seen { observations, ..Seen::default() })
}

fn silent(n: u8) -> Observation {
    let mut observed = Observation::new(server(n));
    (observed.udp.queries, observed.udp.tries, observed.udp.silent) = (1, 4, 1);
    (observed.tcp.queries, observed.tcp.last_failure) = (3, Some(TcpFailure::TimedOut));
    (observed.wanted, observed.stopped) = (39, Some(Stopped::Silence));
    observed
}

#[test]
fn answers_as_expected_are_ok() {
    let report = judged(Some(truth("", &TWO)), &[observation(1, &[(1, 500), (2, 500)])]);
    assert_eq!(briefs(&report), []);
    assert_eq!((report.verdict, report.exit_code(FailOn::Warning)), (Verdict::Ok, 0));
    let rows: Vec<_> = report.servers[0].answers.iter().map(|row| (row.share, row.verdict)).collect();
    assert_eq!(rows, [(0.5, AddressVerdict::Ok), (0.5, AddressVerdict::Ok)]);
}

#[test]
fn one_stale_answer_is_proof() {
    let report = judged(Some(truth("", &TWO)), &[observation(1, &[(1, 30), (2, 29), (9, 1)])]);
    assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Critical, Some(9), Some(1))]);
    assert_eq!(
        report.findings[0].message,
        "192.0.2.9 is answered by 127.0.0.1:53 (1 of 60 answers), but no serving instance has it"
    );
    assert_eq!(report.exit_code(FailOn::Critical), 2);
}

#[test]
fn a_stale_answer_names_the_instance_that_has_it() {
    let stopped = [TWO[0], ("i-2", "192.0.2.2", "stopped", "100")];
    let report = judged(Some(truth("", &stopped)), &[observation(1, &[(1, 30), (2, 30)])]);
    assert_eq!(
        report.findings[0].message,
        "192.0.2.2 is answered by 127.0.0.1:53 (30 of 60 answers), but instance i-2, which has it, is stopped"
    );
    assert_eq!(report.findings[0].instance.as_deref(), Some("i-2"));
}

#[test]
fn a_stale_answer_that_came_over_tcp_alone_counts() {
    let mut observed = observation(1, &[(1, 30), (2, 30)]);
    observed.over_tcp.note(&reply(Rcode::NO_ERROR, Some(address(9))));
    let report = judged(Some(truth("", &TWO)), &[observed]);
    assert!(report.findings[0].message.contains("(1 of 1 answers over TCP)"), "{:?}", report.findings);
}

#[test]
fn an_address_that_is_never_answered_is_missing() {
    let report = judged(Some(truth("", &TWO)), &[observation(1, &[(1, 1_000)])]);
    assert_eq!(briefs(&report), [(FindingId::MissingIp, Severity::Warning, Some(2), Some(1))]);
    assert_eq!((report.exit_code(FailOn::Warning), report.exit_code(FailOn::Critical)), (1, 0));
}

#[test]
fn an_address_that_may_have_stayed_unseen_by_chance_is_undecided() {
    let report = judged(Some(truth("", &TWO)), &[observation(1, &[(1, 16)])]);
    assert_eq!(briefs(&report), [(FindingId::TooFewSamples, Severity::Unknown, None, Some(1))]);
    assert_eq!(report.addresses[1].verdict, AddressVerdict::Undecided);
    assert_eq!((report.exit_code(FailOn::Warning), report.exit_code(FailOn::Critical)), (3, 3));
}

#[test]
fn a_name_that_lost_every_record_is_critical() {
    let empty = (0..60).map(|_| reply(Rcode::NX_DOMAIN, None));
    let report = judged(Some(truth("", &TWO)), &[observation_of(1, empty)]);
    assert_eq!(
        briefs(&report),
        [
            (FindingId::MissingIp, Severity::Critical, Some(1), Some(1)),
            (FindingId::MissingIp, Severity::Critical, Some(2), Some(1)),
        ]
    );
}

#[test]
fn no_address_is_right_where_nothing_should_answer_and_critical_where_nothing_is_known() {
    let empty = || (0..100).map(|_| reply(Rcode::NX_DOMAIN, None));
    let retired = judged(Some(truth(r#","state":"retired""#, &TWO)), &[observation_of(1, empty())]);
    assert_eq!(retired.verdict, Verdict::Ok);
    let unknown = judged(None, &[observation_of(1, empty())]);
    assert_eq!(briefs(&unknown), [(FindingId::EmptyAnswer, Severity::Critical, None, Some(1))]);
}

#[test]
fn a_retired_pool_that_still_answers_is_stale() {
    let report = judged(Some(truth(r#","state":"retired""#, &TWO)), &[observation(1, &[(1, 60), (9, 1)])]);
    assert_eq!(
        briefs(&report),
        [
            (FindingId::StaleRecord, Severity::Critical, Some(1), Some(1)),
            (FindingId::StaleRecord, Severity::Critical, Some(9), Some(1)),
        ]
    );
}

#[test]
fn the_last_record_that_the_policy_keeps_is_a_warning() {
    let document = r#","guard":{"when_empty":"keep-last"}"#;
    let report = judged(Some(truth(document, &[])), &[observation(1, &[(1, 60)])]);
    assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Warning, Some(1), Some(1))]);
}

#[test]
fn a_paused_pool_may_lack_members() {
    let report = judged(Some(truth(r#","state":"paused""#, &TWO)), &[observation(1, &[(1, 1_000)])]);
    assert_eq!(
        briefs(&report),
        [
            (FindingId::MissingIp, Severity::Info, Some(2), Some(1)),
            (FindingId::PoolPaused, Severity::Info, None, None),
        ]
    );
    assert_eq!(report.verdict, Verdict::Ok);
}

#[test]
fn one_dead_server_of_two_is_a_warning_and_the_only_one_is_critical() {
    let two = judged(None, &[observation(1, &[(1, 100)]), silent(2)]);
    assert_eq!(
        briefs(&two),
        [
            (FindingId::NsUnreachable, Severity::Warning, None, Some(2)),
            (FindingId::TcpDead, Severity::Warning, None, Some(2)),
        ]
    );
    let one = judged(Some(truth("", &TWO)), &[silent(1)]);
    assert_eq!(briefs(&one)[0], (FindingId::NsUnreachable, Severity::Critical, None, Some(1)));
    // What should be answered is known all the same.
    let verdicts: Vec<AddressVerdict> = one.addresses.iter().map(|address| address.verdict).collect();
    assert_eq!(verdicts, [AddressVerdict::Undecided; 2]);
}

#[test]
fn a_server_that_refuses_is_lame_and_says_nothing_about_addresses() {
    let mut refusing = observation_of(1, (0..4).map(|_| reply(Rcode(5), None)));
    refusing.stopped = Some(Stopped::NoAnswers);
    let report = judged(Some(truth("", &TWO)), &[refusing]);
    assert_eq!(briefs(&report), [(FindingId::Lame, Severity::Critical, None, Some(1))]);
    assert!(report.findings[0].message.contains("REFUSED 4 times"), "{:?}", report.findings);
}

#[test]
fn answers_without_authority_are_lame() {
    let answers = (0..100)
        .map(|_| crate::wire::Reply { authoritative: false, ..reply(Rcode::NO_ERROR, Some(address(1))) });
    let report = judged(None, &[observation_of(1, answers)]);
    assert_eq!(briefs(&report), [(FindingId::Lame, Severity::Warning, None, Some(1))]);
}

#[test]
fn a_server_that_lacks_what_another_answers_diverges() {
    let servers = [observation(1, &[(1, 100), (2, 100)]), observation(2, &[(1, 200)])];
    let report = judged(None, &servers);
    assert_eq!(briefs(&report), [(FindingId::NsDiverged, Severity::Warning, Some(2), Some(2))]);
    assert_eq!(report.addresses[1].not_answered_by, [server(2)]);
}

#[test]
fn ttls_are_compared_with_the_document_and_with_each_other() {
    let with_ttl = |n, ttls: &[u32]| {
        let replies: Vec<_> = ttls
            .iter()
            .map(|ttl| crate::wire::Reply { ttls: [*ttl].into(), ..reply(Rcode::NO_ERROR, Some(address(1))) })
            .cycle()
            .take(100)
            .collect();
        observation_of(n, replies.into_iter())
    };
    let one = [("i-1", "192.0.2.1", "running", "100")];
    let mismatch = |server| [(FindingId::TtlMismatch, Severity::Warning, None, server)];
    assert_eq!(briefs(&judged(Some(truth("", &one)), &[with_ttl(1, &[60])])), mismatch(Some(1)));
    assert_eq!(briefs(&judged(None, &[with_ttl(1, &[20, 60])])), mismatch(Some(1)));
    assert_eq!(briefs(&judged(None, &[with_ttl(1, &[20]), with_ttl(2, &[60])])), mismatch(None));
    assert_eq!(briefs(&judged(None, &[with_ttl(1, &[20]), with_ttl(2, &[20])])), []);
}

#[test]
fn what_was_not_done_is_unknown() {
    let mut cut = observation(1, &[(1, 10), (2, 10)]);
    (cut.wanted, cut.stopped) = (39, Some(Stopped::Deadline));
    let never = Observation { stopped: Some(Stopped::Deadline), wanted: 39, ..Observation::new(server(2)) };
    let report = judged(Some(truth("", &TWO)), &[cut, never]);
    assert_eq!(
        briefs(&report),
        [
            (FindingId::TooFewSamples, Severity::Unknown, None, Some(1)),
            (FindingId::TooFewSamples, Severity::Unknown, None, Some(2)),
        ]
    );
    assert_eq!(judged(None, &[]).verdict, Verdict::Unknown);
}

#[test]
fn a_stranger_is_not_stale_where_the_fleet_was_not_seen_whole() {
    let gap = registrar_core::inventory::Gap::new(
        registrar_core::inventory::GapSource::Fleet,
        "NextToken is there",
    );
    let fleet = registrar_core::inventory::Fleet { gap: Some(gap), ..crate::fixtures::fleet(&TWO) };
    let truth = Truth::new(&crate::fixtures::policy(""), &fleet, None);
    let report = judged(Some(truth), &[observation(1, &[(1, 500), (2, 500), (9, 300)])]);
    assert_eq!(briefs(&report), [(FindingId::TruthIncomplete, Severity::Unknown, None, None)]);
    assert_eq!(report.addresses[2].verdict, AddressVerdict::Unknown);
}

#[test]
fn warnings_that_do_not_fail_the_check_do_not_hide_what_is_unknown() {
    let servers = [observation(1, &[(1, 60)]), observation(2, &[(1, 8)])];
    let report = judged(Some(truth("", &TWO)), &servers);
    assert_eq!(report.verdict, Verdict::Warning);
    assert_eq!((report.exit_code(FailOn::Warning), report.exit_code(FailOn::Critical)), (1, 3));
}

#[test]
fn a_long_negative_ttl_is_worth_a_word_and_no_alarm() {
    let empty =
        (0..60).map(|_| crate::wire::Reply { negative_ttl: Some(900), ..reply(Rcode::NX_DOMAIN, None) });
    let report = judged(Some(truth("", &[])), &[observation_of(1, empty)]);
    assert_eq!(briefs(&report), [(FindingId::NegativeTtlLong, Severity::Info, None, None)]);
    assert_eq!(report.verdict, Verdict::Ok);
}

#[test]
fn a_server_that_loses_many_datagrams_is_told_and_one_that_loses_few_is_not() {
    let lossy = |tries: u64| {
        let mut observed = observation(1, &[(1, 1_000), (2, 1_000)]);
        observed.udp.tries = tries;
        briefs(&judged(Some(truth("", &TWO)), &[observed]))
    };
    assert_eq!(lossy(2_400), []);
    assert_eq!(lossy(2_600), [(FindingId::NsUnreachable, Severity::Warning, None, Some(1))]);
}
