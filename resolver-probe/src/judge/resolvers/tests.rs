//! What each resolver is called, how bad it is, and what comes close without being it.

use registrar_core::{SignedDuration, Timestamp};

use super::*;
use crate::fixtures::{NAME, STARTED_AT, address, observation, observation_of, reply, server, truth};
use crate::history::{History, HistoryLine};
use crate::observation::Observation;
use crate::resolver::ResolverFailure;
use crate::staleness::Authority;
use crate::staleness::testing::{empty, failed, resolved, secs, series, ttls};
use crate::wire::Rcode;

/// Id and severity.
type Brief = (FindingId, Severity);

struct Scene {
    authority: Authority,
    truth: Option<Truth>,
    history: Option<History>,
}

impl Scene {
    fn of(observations: &[Observation]) -> Self {
        Self { authority: Authority::sampled(observations, secs(1), None), truth: None, history: None }
    }

    fn judge(&self, series: &Series) -> Judged {
        let Self { authority, truth, history } = self;
        let reference =
            Reference { authority, truth: truth.as_ref(), history: history.as_ref(), started_at: STARTED_AT };
        judge(&reference, std::slice::from_ref(series))
    }

    fn briefs(&self, series: &Series) -> Vec<Brief> {
        self.judge(series).findings.iter().map(|finding| (finding.id, finding.severity)).collect()
    }
}

/// One server with 192.0.2.1 and TTL 20, asked often enough.
fn scene() -> Scene {
    Scene::of(&[observation(1, &[(1, 150)])])
}

/// 192.0.2.9 is answered long after its TTL of 20 s.
fn stale() -> Series {
    series([(500, resolved(&[(9, 60)])), (30_000, resolved(&[(9, 31)]))])
}

fn at(secs: i64) -> Timestamp {
    STARTED_AT + SignedDuration::from_secs(secs)
}

#[test]
fn an_honest_cache_is_nothing_to_speak_of() {
    let judged = scene().judge(&ttls(&[20, 19, 18, 17]));
    assert!(judged.findings.is_empty());
    let report = &judged.reports[0];
    assert_eq!((report.asked, report.answered, report.draws, report.caches_at_least), (4, 4, 1, 1));
    assert_eq!(
        (report.highest_ttl_secs, report.lowest_ttl_secs, report.authority_ttl_secs),
        (Some(20), Some(17), Some(20))
    );
    assert!(report.habits.is_empty() && report.stale.is_empty());
    assert_eq!(report.answers[0].verdict, AddressVerdict::NotJudged);
}

#[test]
fn a_stale_answer_is_a_warning_and_critical_where_nobody_serves_there() {
    let stale_answer =
        |severity| [(FindingId::TtlStretched, Severity::Warning), (FindingId::StaleAnswer, severity)];
    assert_eq!(scene().briefs(&stale()), stale_answer(Severity::Warning));
    let rows = [("i-1", "192.0.2.1", "running", "100"), ("i-9", "192.0.2.9", "stopped", "100")];
    let gone = Scene { truth: Some(truth("", &rows)), ..scene() };
    let judged = gone.judge(&stale());
    let finding = judged.findings.iter().find(|finding| finding.id == FindingId::StaleAnswer).unwrap();
    assert_eq!(finding.severity, Severity::Critical);
    assert_eq!((finding.instance.as_deref(), finding.address), (Some("i-9"), Some(address(9))));
    assert_eq!(finding.resolver.as_deref(), Some("192.0.2.53:53"));
    assert!(finding.message.contains("at least 9 s beyond its TTL"), "{}", finding.message);
    assert!(finding.message.ends_with("instance i-9, which has it, is stopped"), "{}", finding.message);
    assert_eq!(judged.reports[0].answers[0].verdict, AddressVerdict::StaleAnswer);
    assert_eq!(judged.reports[0].stale[0].at_least_secs, 9);
}

#[test]
fn an_address_that_should_be_answered_is_not_stale_though_the_zone_lacks_it() {
    let rows = [("i-1", "192.0.2.1", "running", "100"), ("i-9", "192.0.2.9", "running", "100")];
    let expected = Scene { truth: Some(truth("", &rows)), ..scene() };
    let replies = series([(500, resolved(&[(9, 20)])), (30_000, resolved(&[(9, 20)]))]);
    assert!(expected.briefs(&replies).is_empty());
}

#[test]
fn what_may_still_be_within_its_ttl_is_unknown_and_what_was_dropped_in_time_is_nothing() {
    let suspect = series([(500, resolved(&[(9, 18)]))]);
    assert_eq!(scene().briefs(&suspect), [(FindingId::StaleAnswer, Severity::Unknown)]);
    assert_eq!(scene().judge(&suspect).reports[0].answers[0].verdict, AddressVerdict::Undecided);
    let dropped = series([(500, resolved(&[(9, 18)])), (24_000, resolved(&[(1, 20)]))]);
    assert!(scene().briefs(&dropped).is_empty());
}

#[test]
fn with_a_history_it_is_known_at_once_and_between_two_bounds() {
    let mut history = History::default();
    let line = |secs, appeared: &[u8], vanished: &[u8]| {
        let all = |last: &[u8]| last.iter().map(|last| address(*last)).collect::<Vec<_>>();
        HistoryLine::change(
            at(secs),
            NAME.parse().unwrap(),
            server(1),
            all(appeared),
            all(vanished),
            Some(20),
        )
    };
    history.add(&line(-90, &[1, 9], &[]));
    history.add(&line(-60, &[], &[9]));
    let watched = Scene { history: Some(history), ..scene() };
    let answered = series([(500, resolved(&[(9, 18)]))]);
    assert_eq!(watched.briefs(&answered), [(FindingId::StaleAnswer, Severity::Warning)]);
    let interval = &watched.judge(&answered).reports[0].stale[0];
    assert_eq!((interval.at_least_secs, interval.at_most_secs), (40, Some(71)));
}

#[test]
fn a_cache_that_serves_stale_is_a_warning_though_every_address_is_right() {
    let says = series([(500, resolved(&[(1, 20)]).said_to_be_stale())]);
    assert_eq!(scene().briefs(&says), [(FindingId::StaleAnswer, Severity::Warning)]);
    let judged = scene().judge(&says);
    assert_eq!((judged.reports[0].draws, judged.reports[0].extended_errors.get(&3)), (0, Some(&1)));
    // Where an address is stale too, that says it all.
    let both = series([(500, resolved(&[(9, 20)]).said_to_be_stale())]);
    assert_eq!(scene().briefs(&both), [(FindingId::StaleAnswer, Severity::Warning)]);
    assert_eq!(scene().judge(&both).findings[0].address, Some(address(9)));
}

#[test]
fn a_resolver_that_does_not_answer_or_fails_is_a_warning_while_the_authority_answers() {
    let silent = failed(series([]), 2, &ResolverFailure::Silent);
    let fails = series([(500, empty(2)), (900, empty(2))]);
    assert_eq!(scene().briefs(&silent), [(FindingId::NsUnreachable, Severity::Warning)]);
    assert_eq!(scene().briefs(&fails), [(FindingId::Lame, Severity::Warning)]);
    assert_eq!(scene().judge(&fails).reports[0].failures, [("SERVFAIL".to_owned(), 2)].into());
    let nobody = Scene::of(&[Observation::new(server(1))]);
    assert_eq!(nobody.briefs(&silent), [(FindingId::NsUnreachable, Severity::Info)]);
    assert!(nobody.briefs(&fails).is_empty());
    // The authority was last heard of before.
    assert!(scene().briefs(&series([(1_500, empty(2))])).is_empty());
}

#[test]
fn one_lost_question_among_others_is_no_finding() {
    let lossy = failed(ttls(&[20, 19, 18]), 1, &ResolverFailure::Silent);
    assert!(scene().briefs(&lossy).is_empty());
    assert_eq!(scene().judge(&lossy).reports[0].failures.len(), 1);
}

#[test]
fn no_address_is_a_warning_unless_the_zone_has_none_either() {
    let remembers = crate::resolver::ResolverReply { negative_ttl_secs: Some(900), ..empty(3) };
    let none = series([(500, remembers)]);
    assert_eq!(scene().briefs(&none), [(FindingId::EmptyAnswer, Severity::Warning)]);
    assert!(scene().judge(&none).findings[0].message.contains("remember for 900 s"));
    let empty_zone = Scene::of(&[observation_of(1, (0..60).map(|_| reply(Rcode::NX_DOMAIN, None)))]);
    assert!(empty_zone.briefs(&none).is_empty());
}

#[test]
fn a_resolver_that_was_not_asked_in_time_is_unknown() {
    assert_eq!(scene().briefs(&series([])), [(FindingId::TooFewSamples, Severity::Unknown)]);
}

#[test]
fn an_authority_with_the_ttl_of_stale_answers_is_told_so_once() {
    let thirty = (0..150)
        .map(|_| crate::wire::Reply { ttls: [30].into(), ..reply(Rcode::NO_ERROR, Some(address(1))) });
    let scene = Scene::of(&[observation_of(1, thirty)]);
    assert_eq!(scene.briefs(&ttls(&[30, 29, 28])), [(FindingId::StaleAnswer, Severity::Info)]);
}

#[test]
fn a_ttl_that_was_longer_a_moment_ago_is_not_stretched() {
    let line = |secs, ttl| {
        HistoryLine::watching(at(secs), NAME.parse().unwrap(), server(1), vec![address(1)], Some(ttl))
    };
    let mut history = History::default();
    history.add(&line(-60, 300));
    history.add(&line(0, 20));
    let lowered = Scene { history: Some(history), ..scene() };
    let replies = ttls(&[240, 239, 238, 237]);
    assert!(lowered.briefs(&replies).is_empty());
    assert_eq!(scene().briefs(&replies), [(FindingId::TtlStretched, Severity::Warning)]);
}

#[test]
fn addresses_that_only_resolvers_answer_stand_beside_the_others() {
    let judged = scene().judge(&stale());
    let zone = AddressReport {
        answered_by: vec![server(1)],
        not_answered_by: Vec::new(),
        ..only_resolved(&[], address(1), AddressVerdict::NotJudged, None)
    };
    let all = beside(vec![zone], &judged.reports, None);
    let rows: Vec<_> = all.iter().map(|row| (row.address, row.verdict, row.resolved_by.len())).collect();
    assert_eq!(
        rows,
        [(address(1), AddressVerdict::NotJudged, 0), (address(9), AddressVerdict::StaleAnswer, 1)]
    );
    assert_eq!(all[1].not_answered_by, [server(1)]);
}
