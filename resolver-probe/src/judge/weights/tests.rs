//! What shares are called: wrong, different, drawn in turn, in clusters, or right.

use registrar_core::inventory::{Fleet, Gap, GapSource};

use crate::check::CheckRequest;
use crate::fixtures::{self, Row, observation, observation_of, reply, request, server, truth};
use crate::judge::{Seen, judge};
use crate::observation::Observation;
use crate::plan::Samples;
use crate::report::{CheckReport, EvidenceValue, Finding, FindingId, Severity, Verdict};
use crate::statistics::Decision;
use crate::truth::Truth;
use crate::wire::{Rcode, Reply};

const FOUR: [Row<'static>; 4] = [
    ("i-1", "192.0.2.1", "running", "10"),
    ("i-2", "192.0.2.2", "running", "20"),
    ("i-3", "192.0.2.3", "running", "30"),
    ("i-4", "192.0.2.4", "running", "40"),
];
const RIGHT: [(u8, u64); 4] = [(1, 300), (2, 600), (3, 900), (4, 1_200)];
/// As if the second weight were 10.
const WRONG: [(u8, u64); 4] = [(1, 333), (2, 334), (3, 1_000), (4, 1_333)];

type Brief = (FindingId, Severity, Option<u8>, Option<u8>);

fn brief(finding: &Finding) -> Brief {
    let server = finding.server.and_then(|at| (1..=9).find(|n| server(*n) == at));
    (finding.id, finding.severity, finding.address.map(|address| address.octets()[3]), server)
}

fn judged(truth: Option<Truth>, observations: &[Observation]) -> CheckReport {
    judge(&request(truth), Seen { observations, ..Seen::default() })
}

fn briefs(report: &CheckReport) -> Vec<Brief> {
    report.findings.iter().map(brief).collect()
}

fn four() -> Option<Truth> {
    Some(truth("", &FOUR))
}

/// A server that answered in this order.
fn in_order(n: u8, answers: impl Iterator<Item = u8>) -> Observation {
    observation_of(n, answers.map(|last| reply(Rcode::NO_ERROR, Some(fixtures::address(last)))))
}

#[test]
fn shares_like_the_weights_are_ok_and_reported_with_their_p_value() {
    let report = judged(four(), &[observation(1, &RIGHT)]);
    assert_eq!((briefs(&report), report.verdict), (vec![], Verdict::Ok));
    let weights = report.servers[0].weights.as_ref().unwrap();
    assert_eq!((weights.fit.decision, weights.fit.answers), (Decision::Agrees, 3_000));
    assert!(weights.independence.unwrap().p_value > 0.01);
    assert!(report.plan.unwrap().answers <= 3_000, "{:?}", report.plan);
}

#[test]
fn a_weight_off_by_half_names_the_address_and_its_figures() {
    let report = judged(four(), &[observation(1, &WRONG)]);
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, Some(2), Some(1))]);
    let finding = &report.findings[0];
    let says =
        "192.0.2.2 is in 11.1 % of 3,000 answers of 127.0.0.1:53 and should be in 20.0 %: 8.9 % of all";
    assert!(finding.message.starts_with(says), "{}", finding.message);
    assert_eq!(finding.instance.as_deref(), Some("i-2"));
    let share = |name| match finding.evidence.get(name) {
        Some(EvidenceValue::Share(share)) => *share,
        other => panic!("{name}: {other:?}"),
    };
    assert!(share("observed_low") < 0.1113 && share("observed_high") > 0.1113);
    assert!(share("corrected_p_value") < 1e-6 && share("p_value") < 1e-6);
    assert!((share("total_variation") - 0.0887).abs() < 1e-3);
    for name in ["statistic", "degrees", "method", "expected_share", "observed_share", "answers"] {
        assert!(finding.evidence.contains_key(name), "{name}");
    }
}

#[test]
fn a_share_off_by_a_tenth_is_significant_and_does_not_matter() {
    let tenth = [(1, 3_000), (2, 5_400), (3, 9_200), (4, 12_400)];
    let report = judged(four(), &[observation(1, &tenth)]);
    assert_eq!(report.servers[0].weights.as_ref().unwrap().fit.decision, Decision::Negligible);
    assert_eq!(briefs(&report), []);
}

#[test]
fn a_missing_address_does_not_make_the_other_weights_wrong() {
    let report = judged(four(), &[observation(1, &[(1, 300), (2, 600), (3, 900)])]);
    assert_eq!(briefs(&report), [(FindingId::MissingIp, Severity::Warning, Some(4), Some(1))]);
    assert_eq!(report.servers[0].weights.as_ref().unwrap().addresses.len(), 3);
}

#[test]
fn a_stale_record_does_not_make_the_other_weights_wrong() {
    let report = judged(four(), &[observation(1, &[&RIGHT[..], &[(9, 3_000)]].concat())]);
    assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Critical, Some(9), Some(1))]);
}

#[test]
fn an_address_of_weight_0_that_is_answered_is_wrong_by_a_single_answer() {
    let drained = [FOUR[0], FOUR[1], FOUR[2], ("i-4", "192.0.2.4", "running", "0")];
    let report =
        judged(Some(truth("", &drained)), &[observation(1, &[(1, 500), (2, 1_000), (3, 1_500), (4, 1)])]);
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, Some(4), Some(1))]);
    assert!(report.findings[0].message.contains("has weight 0"), "{}", report.findings[0].message);
    let report = judged(Some(truth("", &drained)), &[observation(1, &[(1, 500), (2, 1_000), (3, 1_500)])]);
    assert_eq!(briefs(&report), []);
}

#[test]
fn what_is_not_known_for_certain_or_not_kept_in_step_is_no_warning() {
    let gap = Gap::new(GapSource::Fleet, "NextToken is there");
    let fleet = Fleet { gap: Some(gap), ..fixtures::fleet(&FOUR) };
    let cut = Truth::new(&fixtures::policy(""), &fleet, None);
    let paused = truth(r#","state":"paused""#, &FOUR);
    for (truth, severity) in [(cut, Severity::Unknown), (paused, Severity::Info)] {
        let report = judged(Some(truth), &[observation(1, &WRONG)]);
        assert!(
            briefs(&report).contains(&(FindingId::WrongWeights, severity, Some(2), Some(1))),
            "{severity:?}"
        );
    }
}

#[test]
fn other_routings_are_not_judged_by_weights() {
    for routing in ["simple", "multivalue"] {
        let truth = Truth::new(&fixtures::policy_with_routing(routing), &fixtures::fleet(&FOUR), None);
        let report = judged(Some(truth), &[observation(1, &WRONG)]);
        assert!(report.servers[0].weights.is_none() && report.plan.is_none(), "{routing}");
        assert!(report.findings.iter().all(|finding| finding.id != FindingId::WrongWeights), "{routing}");
    }
}

#[test]
fn addresses_that_are_answered_all_at_once_have_no_weights() {
    let all = Reply {
        addresses: (1..=4).map(fixtures::address).collect(),
        ..reply(Rcode::NO_ERROR, Some(fixtures::address(1)))
    };
    let report = judged(four(), &[observation_of(1, vec![all; 200].into_iter())]);
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, None, Some(1))]);
    assert!(report.findings[0].message.contains("several addresses at once"), "{:?}", report.findings);
}

#[test]
fn a_server_that_hands_out_in_turn_is_told_and_ok() {
    let turns = [4, 3, 4, 2, 3, 4, 1, 3, 4, 2].into_iter().cycle().take(3_000);
    let report = judged(four(), &[in_order(1, turns)]);
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Info, None, Some(1))]);
    assert_eq!(report.verdict, Verdict::Ok);
    assert!(report.findings[0].message.contains("hands its addresses out in turn"));
}

#[test]
fn a_server_that_repeats_itself_is_not_accused_of_its_shares_or_of_what_it_lacks() {
    let sticky = [1, 3, 3, 1, 3, 1, 1, 3, 1, 3].into_iter().flat_map(|last| vec![last; 300]);
    let report = judged(four(), &[in_order(1, sticky)]);
    let clustered = (FindingId::WrongWeights, Severity::Warning, None, Some(1));
    assert_eq!(briefs(&report), [clustered, (FindingId::TooFewSamples, Severity::Unknown, None, Some(1))]);
    assert!(report.findings[0].message.contains("repeats itself"), "{}", report.findings[0].message);
}

#[test]
fn a_cache_is_called_lame_and_nothing_else() {
    let cached = (0..200)
        .map(|_| Reply { authoritative: false, ..reply(Rcode::NO_ERROR, Some(fixtures::address(4))) });
    let report = judged(Some(truth("", &FOUR[3..])), &[observation_of(1, cached)]);
    assert_eq!(briefs(&report), [(FindingId::Lame, Severity::Warning, None, Some(1))]);
}

#[test]
fn one_wrong_server_of_four_is_found_and_named_once() {
    let servers: Vec<Observation> =
        (1..=4).map(|n| observation(n, if n == 3 { &WRONG } else { &RIGHT })).collect();
    let report = judged(four(), &servers);
    assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning, Some(2), Some(3))]);
    assert_eq!(report.homogeneity.unwrap().deviants, [2]);
}

#[test]
fn without_a_truth_the_server_that_differs_is_named() {
    let servers: Vec<Observation> =
        (1..=4).map(|n| observation(n, if n == 3 { &WRONG } else { &RIGHT })).collect();
    let report = judged(None, &servers);
    assert_eq!(briefs(&report), [(FindingId::NsDiverged, Severity::Warning, Some(2), Some(3))]);
    let says = "192.0.2.2 is in 11.1 % of 3,000 answers of 127.0.0.3:53, and in 20.0 % of 9,000 of the 3 other servers";
    assert!(report.findings[0].message.starts_with(says), "{}", report.findings[0].message);
    let two = judged(None, &[observation(1, &RIGHT), observation(2, &WRONG)]);
    assert_eq!(two.findings.len(), 1, "either may be wrong, and that is said once: {:?}", two.findings);
}

#[test]
fn a_server_that_lacks_an_address_does_not_differ_in_the_others_for_that() {
    let lacking = [(1, 500), (2, 1_000), (3, 1_500)];
    let servers = [observation(1, &RIGHT), observation(2, &RIGHT), observation(3, &lacking)];
    let report = judged(None, &servers);
    assert_eq!(briefs(&report), [(FindingId::NsDiverged, Severity::Warning, Some(4), Some(3))]);
}

#[test]
fn too_few_samples_for_a_weight_that_somebody_chose_are_told() {
    let request = CheckRequest { samples: Samples::Exactly(100.try_into().unwrap()), ..request(four()) };
    let observations = [observation(1, &[(1, 10), (2, 20), (3, 30), (4, 40)])];
    let report = judge(&request, Seen { observations: &observations, ..Seen::default() });
    assert_eq!(briefs(&report), [(FindingId::TooFewSamples, Severity::Info, None, Some(1))]);
    assert_eq!(report.verdict, Verdict::Ok);
}
