//! How many queries are wanted, by what was seen so far.

use super::*;
use crate::fixtures::{address, observation, policy_with_routing, request, truth};

const FOUR: [(&str, &str, &str, &str); 4] = [
    ("i-1", "192.0.2.1", "running", "100"),
    ("i-2", "192.0.2.2", "running", "100"),
    ("i-3", "192.0.2.3", "running", "100"),
    ("i-4", "192.0.2.4", "running", "100"),
];

fn wanted(truth: Option<Truth>, observations: &[Observation]) -> u64 {
    let request = request(truth);
    Aim::of(&request, observations.len()).wanted(observations)
}

fn four() -> Option<Truth> {
    Some(truth("", &FOUR))
}

#[test]
fn enough_replies_show_a_share_with_99_9_percent() {
    let shares = [(0.25, 25), (0.10, 66), (0.05, 135), (0.01, 688), (1.0 / 256.0, 1765)];
    for (share, replies) in shares {
        assert_eq!(enough(share, 0.001), replies, "share {share}");
    }
    assert_eq!(enough(1.0, 0.001), 1);
    assert_eq!(enough(0.0, 0.001), u64::MAX);
}

#[test]
fn enough_replies_show_every_one_of_equal_records() {
    for (records, replies) in [(4_u64, 29), (10, 88), (100, 1146)] {
        let share = 1.0 / records as f64;
        assert_eq!(enough(share, 0.001 / records as f64), replies, "{records} records");
    }
}

#[test]
fn the_first_round_would_show_a_stray_record_too() {
    let truth = truth("", &FOUR);
    assert_eq!(truth.smallest_share(0.001), (0.2, 5));
    assert_eq!(wanted(Some(truth), &[]), enough(0.2, 1e-4 / 5.0));
}

#[test]
fn a_pool_that_is_all_there_is_asked_for_its_weights_in_rounds() {
    let request = request(four());
    let aim = Aim::of(&request, 1);
    let plan = aim.plan().unwrap();
    assert_eq!((plan.presence, plan.dominated_by), (49, Requirement::Proportions));
    let all = [(1, 13), (2, 12), (3, 12), (4, 12)];
    assert_eq!(aim.wanted(&[observation(1, &all)]), 49 * 2);
    let many = [(1, 250), (2, 250), (3, 250), (4, 250)];
    assert_eq!(aim.wanted(&[observation(1, &many)]), plan.answers);
    assert!((1_000..1_500).contains(&plan.answers), "{plan:?}");
}

#[test]
fn nothing_more_is_asked_once_a_stale_record_is_seen_and_nothing_is_missing() {
    let stale = [(1, 13), (2, 12), (3, 12), (4, 12), (9, 1)];
    assert_eq!(wanted(four(), &[observation(1, &stale)]), 50);
    let and_missing = [(1, 13), (2, 12), (3, 12), (9, 13)];
    let wanted = wanted(four(), &[observation(1, &and_missing)]);
    assert!((60..=200).contains(&wanted), "{wanted}");
}

#[test]
fn a_missing_address_lengthens_sampling_until_chance_does_not_explain_it() {
    let three = [(1, 17), (2, 16), (3, 16)];
    let more = wanted(four(), &[observation(1, &three)]);
    assert!((56..=60).contains(&more), "{more}");
    let proven = [(1, 20), (2, 20), (3, 20)];
    assert_eq!(wanted(four(), &[observation(1, &proven)]), 60);
}

#[test]
fn one_address_alone_may_be_one_of_many_that_are_answered_in_turn() {
    assert!(wanted(four(), &[observation(1, &[(1, 196)])]) > 196);
}

#[test]
fn an_address_too_rare_to_be_looked_for_does_not_lengthen_sampling() {
    let mut rows: Vec<(String, String, String)> =
        (1..=99).map(|n| (format!("i-{n}"), format!("192.0.2.{n}"), "255".to_owned())).collect();
    rows.push(("i-100".to_owned(), "192.0.2.100".to_owned(), "1".to_owned()));
    let rows: Vec<_> =
        rows.iter().map(|(id, ip, weight)| (id.as_str(), ip.as_str(), "running", weight.as_str())).collect();
    let truth = truth("", &rows);
    let seen: Vec<(u8, u64)> = (1..=99).map(|last| (last, 400)).collect();
    let observed = [observation(1, &seen)];
    let request = request(Some(truth));
    let aim = Aim::of(&request, 1);
    assert_eq!(aim.wanted(&observed), aim.plan().unwrap().answers);
    assert!(aim.plan().unwrap().answers < 40_000, "{:?}", aim.plan());
}

#[test]
fn the_first_round_is_short_however_rare_an_address_is() {
    let rare = [("i-1", "192.0.2.1", "running", "255"), ("i-2", "192.0.2.2", "running", "1")];
    let truth = || Some(truth("", &rare));
    assert_eq!(wanted(truth(), &[]), LARGEST_FIRST);
    let stale = [(1, 1_000), (2, 4), (9, 20)];
    assert_eq!(wanted(truth(), &[observation(1, &stale)]), LARGEST_FIRST);
}

#[test]
fn other_routings_have_no_weights_to_judge() {
    for routing in ["simple", "multivalue"] {
        let truth = Truth::new(&policy_with_routing(routing), &crate::fixtures::fleet(&FOUR), None);
        let request = request(Some(truth));
        assert_eq!(Aim::of(&request, 1).plan(), None, "{routing}");
    }
}

#[test]
fn without_a_truth_sampling_goes_on_while_one_more_record_could_hide() {
    let first = enough(1.0 / 8.0, 1e-4 / 8.0);
    assert_eq!(wanted(None, &[]), first);
    let few: Vec<(u8, u64)> = (1..=7).map(|last| (last, 20)).collect();
    assert_eq!(wanted(None, &[observation(1, &few)]), first);
    let more: Vec<(u8, u64)> = (1..=9).map(|last| (last, 10)).collect();
    assert_eq!(wanted(None, &[observation(1, &more)]), enough(0.1, 1e-5));
    let all: Vec<(u8, u64)> = (1..=120).map(|last| (last, 10)).collect();
    assert_eq!(wanted(None, &[observation(1, &all)]), enough(1.0 / 121.0, 1e-4 / 121.0));
}

#[test]
fn without_a_truth_several_servers_are_asked_until_one_that_differs_would_be_found() {
    let two = [(1, 60), (2, 60)];
    let alone = wanted(None, &[observation(1, &two)]);
    let together = wanted(None, &[observation(1, &two), observation(2, &two)]);
    assert!(together > alone, "{together}, {alone}");
}

#[test]
fn a_number_of_samples_that_was_given_is_kept() {
    let seven = Samples::Exactly(NonZeroU64::new(7).unwrap());
    let request = CheckRequest { samples: seven, ..request(four()) };
    assert_eq!(Aim::of(&request, 1).wanted(&[observation(1, &[(1, 7)])]), 7);
}

#[test]
fn a_divergence_that_is_proven_ends_sampling() {
    let proven = [observation(1, &[(1, 50), (2, 50)]), observation(2, &[(1, 100)])];
    let aim_of = request(None);
    let found = divergences(Aim::of(&aim_of, 2).levels, &proven);
    assert_eq!((found.len(), found[0].address, found[0].is_proven), (1, address(2), true));
    assert_eq!(wanted(None, &proven), 100);
}
