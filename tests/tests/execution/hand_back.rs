//! What an invocation leaves when its deadline comes: after every number of accepted changes, a state that
//! is consistent, that the outcome tells, and that the next invocation finishes.

use std::collections::BTreeSet;

use registrar_core::execute::{Outcome, Reply};
use registrar_core::inventory::InstanceState;
use registrar_core::plan::{Batch, Unit};
use registrar_core::record_set::RecordSet;
use registrar_core::tree::TreeLimits;
use registrar_local::route53::{ModelChange, Route53Model, Settings};

use crate::scene::{Answer, Scene, id, instance, marks, secs};

/// Sixty stand there. Twenty have ended, fifteen have another weight than their tag says now, and thirty are new.
fn storm() -> Scene {
    storm_in(TreeLimits::default())
}

fn storm_in(tree: TreeLimits) -> Scene {
    let mut scene = Scene::launching(60);
    scene.tree = tree;
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    for instance in scene.fleet.iter_mut().take(20) {
        instance.state = Some(InstanceState::Terminated);
    }
    for instance in scene.fleet.iter_mut().skip(20).take(15) {
        instance.tags.insert("edge-dns-weight".to_owned(), "7".to_owned());
    }
    scene.fleet.extend((60..90).map(|number| instance(number, InstanceState::Running)));
    (scene.requests, scene.looks, scene.sizes) = (0, Vec::new(), Vec::new());
    scene
}

/// Runs until `most` changes are accepted and the deadline has come; nothing more gets through.
fn cut_short_after(scene: &mut Scene, most: usize) -> Outcome {
    let mut accepted = 0;
    scene.run(secs(40), |scene, request| {
        let changes = request.batch.changes().count();
        if accepted + changes > most {
            return Answer::Say(Reply::Throttled);
        }
        accepted += changes;
        let answers = scene.records.iter().any(|record| record.weight != Some(0));
        assert!(answers, "the name is without an answer");
        Answer::Accept
    })
}

fn units_of(outcome: &Outcome) -> Vec<&Unit> {
    let applied = outcome.applied.iter().flat_map(|applied| &applied.batch.units);
    applied.chain(&outcome.handed_back).collect()
}

fn planned(scene: &Scene) -> Vec<Unit> {
    scene.look().0.plan().batches.iter().flat_map(|batch| batch.units.clone()).collect()
}

fn all_changes(scene: &Scene) -> usize {
    scene.look().0.plan().change_count()
}

#[test]
fn after_every_prefix_what_is_left_is_told_and_the_next_run_finishes_it() {
    let all = all_changes(&storm());
    assert_eq!(all, 20 + 30 + 2 * 15);
    let planned = planned(&storm());
    for most in 0..=all {
        let mut scene = storm();
        let outcome = cut_short_after(&mut scene, most);
        let told = units_of(&outcome);
        for unit in &planned {
            let times = told.iter().filter(|told| told.does_the_same(unit)).count();
            assert_eq!(times, 1, "after {most} changes, {unit:?} is told {times} times");
        }
        assert_eq!(told.len(), planned.len(), "after {most} changes");
        assert_eq!(outcome.is_complete(), most == all, "after {most} changes");
        assert!(outcome.unconfirmed.is_empty() && outcome.poison.is_empty());

        let rest = scene.run(secs(60), |_, _| Answer::Accept);
        assert!(rest.is_complete(), "after {most} changes");
        assert_eq!(scene.published(), marks(20..90), "after {most} changes");
        assert_eq!(all_changes(&scene), 0, "after {most} changes, planning again changes nothing");
    }
}

#[test]
fn after_every_prefix_of_the_units_who_serves_all_along_is_there_and_the_dead_go_first() {
    let (before, last) = (marks(0..60), marks(20..90));
    let planned = planned(&storm());
    for count in 0..=planned.len() {
        let mut scene = storm();
        for unit in &planned[..count] {
            scene.apply(&Batch { hosted_zone_id: unit.hosted_zone_id.clone(), units: vec![unit.clone()] });
        }
        let now = scene.published();
        assert!(now.iter().all(|mark| before.contains(mark) || last.contains(mark)), "after {count} units");
        assert!(marks(20..60).is_subset(&now), "after {count} units");
        assert_eq!(now.intersection(&marks(0..20)).count(), 20_usize.saturating_sub(count));
        let ttls: BTreeSet<Option<u32>> = scene.records.iter().map(|record| record.ttl_secs).collect();
        assert_eq!(ttls.len(), 1, "after {count} units");

        assert!(scene.run(secs(60), |_, _| Answer::Accept).is_complete(), "after {count} units");
        assert_eq!(scene.published(), last, "after {count} units");
        assert_eq!(all_changes(&scene), 0, "after {count} units, planning again changes nothing");
    }
}

#[test]
fn after_every_prefix_of_a_tree_s_units_route_53_has_accepted_all_and_the_next_run_finishes() {
    // Sets of ten: sixty instances stand at leaves, and each unit may rewrite an alias.
    let scene = storm_in(TreeLimits { in_set: 10 });
    let zone = "Z1".parse().unwrap();
    let mut model = Route53Model::new(Settings { throttling: false, ..Settings::default() });
    model
        .create_hosted_zone("Z1".parse().unwrap(), "edge.example.com".parse().unwrap(), scene.records.clone())
        .unwrap();
    let (alive, served) = (members(20..90), members(20..60));
    let planned = planned(&scene);
    assert!(planned.len() > 10, "{} units are no storm", planned.len());
    for (count, unit) in (1..).zip(&planned) {
        let batch = Batch { hosted_zone_id: unit.hosted_zone_id.clone(), units: vec![unit.clone()] };
        let changes: Vec<ModelChange> =
            batch.changes().map(|change| (change.action, change.record.as_ref().clone()).into()).collect();
        model.change_record_sets(&zone, &changes, scene.now).unwrap();
        let mut next = storm_in(TreeLimits { in_set: 10 });
        next.records = model.records(&zone).unwrap();
        assert!(served.is_subset(&instances(&next.records)), "after {count} units");
        assert!(next.run(secs(60), |_, _| Answer::Accept).is_complete(), "after {count} units");
        assert_eq!(instances(&next.records), alive, "after {count} units");
        assert_eq!(all_changes(&next), 0, "after {count} units, planning again changes nothing");
    }
}

fn members(numbers: std::ops::Range<usize>) -> BTreeSet<String> {
    numbers.map(|number| id(number).to_string()).collect()
}

/// Returns the instances that have a record, at whatever leaf.
fn instances(records: &[RecordSet]) -> BTreeSet<String> {
    let marks = records.iter().filter_map(|record| record.set_identifier.as_deref());
    marks
        .filter_map(|mark| mark.rsplit('/').next())
        .filter(|id| id.starts_with("i-"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_reply_that_is_lost_at_the_deadline_is_handed_back_and_found_by_the_next_run() {
    for lost in 0..=1 {
        let mut scene = storm();
        let outcome = scene.run(secs(5), |scene, request| {
            if request.before < lost {
                return Answer::Accept;
            }
            scene.now += secs(5);
            Answer::AcceptInSilence
        });
        assert!(!outcome.is_complete());
        assert!(!outcome.unconfirmed.is_empty());
        let rest = scene.run(secs(60), |_, _| Answer::Accept);
        assert!(rest.is_complete());
        assert_eq!(scene.published(), marks(20..90));
    }
}
