//! Pools of more instances than one set holds: after every batch, on the strict model, each record is answered as often
//! as its weight asks for, the name always answers, and what is planned next is nothing.

#![expect(clippy::unwrap_used, reason = "a fleet that cannot be set up is a failure of these tests")]

mod another_routing;
mod handover;
mod random;
mod weights;
mod world;

use registrar_core::leaf::Leaf;
use registrar_core::name::RecordName;
use registrar_core::plan::{Batch, Urgency};
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};
use registrar_core::tree::TreeLimits;
use registrar_local::route53::ModelChange;
use serde_json::json;

use crate::world::{NAME, World, address, one_by_one, zone};

fn name() -> RecordName {
    NAME.parse().unwrap()
}

fn uneven(number: usize) -> u8 {
    u8::try_from(number * 37 % 250 + 1).unwrap()
}

#[test]
fn a_fleet_grows_from_90_to_1000_and_back_to_80() {
    let mut world = World::of(90, uneven);
    assert!(world.aliases().is_empty(), "it fits into one set");
    world.launch(90..110, uneven);
    let plan = world.follow();
    assert_eq!((world.aliases().len(), plan.batches.len()), (2, 1));
    world.launch(110..1_000, uneven);
    let _ = world.follow();
    assert_eq!(world.aliases().len(), 14);
    world.end(80..1_000);
    let plan = world.follow();
    assert!(world.aliases().is_empty(), "it fits into one set again");
    assert_eq!(plan.batches[0].units[0].urgency, Urgency::RemoveDead);
}

#[test]
fn a_fleet_of_7500_comes_at_once_and_half_of_it_goes() {
    let mut world = World::of(60, uneven);
    world.launch(60..7_500, uneven);
    let before = world.changes;
    let _ = world.follow();
    let spent = world.changes - before;
    assert!(spent <= 7_440 + 2 * 60 + 100 + 100, "{spent} changes for 7,440 additions");
    assert_eq!(world.aliases().len(), 100);
    world.end((0..7_500).filter(|number| number % 2 == 0));
    let _ = world.follow();
}

#[test]
fn few_that_stay_at_a_leaf_get_no_more_than_their_share_at_any_instant() {
    for (stays, weight) in [(40, uneven as fn(usize) -> u8), (12, uneven), (12, |_| 10), (60, |_| 1)] {
        let mut world = World::of(2_500, weight);
        world.end((0..2_500).filter(|number| number % stays != 5));
        let _ = world.follow_unit_by_unit();
        let mut world = World::of(400, weight);
        let leaf = world.records_at(Leaf::new(3).unwrap());
        world.end(leaf.into_iter().skip(2));
        let plan = world.follow_unit_by_unit();
        assert_eq!(plan.batches[0].units[0].urgency, Urgency::RemoveDead);
    }
}

#[test]
fn one_instance_changes_one_leaf_and_one_alias() {
    let mut world = World::of(7_500, uneven);
    let before = world.changes;
    world.end([4_711]);
    let plan = world.follow();
    let changed: Vec<(ChangeAction, bool)> = plan.batches[0]
        .changes()
        .map(|change| (change.action, change.record.alias_target.is_some()))
        .collect();
    let wanted = [(ChangeAction::Delete, true), (ChangeAction::Delete, false), (ChangeAction::Create, true)];
    assert_eq!((plan.batches.len(), changed.as_slice()), (1, &wanted[..]));
    assert_eq!(world.changes - before, 3);
    world.launch(7_500..7_501, uneven);
    let plan = world.follow();
    assert!(plan.change_count() <= 3, "{plan}");
}

#[test]
fn what_is_beyond_the_most_leaves_is_held_and_said() {
    let limits = TreeLimits { in_set: 20 };
    assert_eq!((limits.most_members(), TreeLimits::default().most_members()), (300, 7_500));
    let mut world = World::new(limits);
    world.launch(0..310, |_| 1);
    let plan = world.plan();
    assert_eq!(plan.held_back_count(), 10, "{}", plan.summary());
    assert!(plan.pools[0].held_back.iter().all(|held| held.reason().to_string() == "capacity"));
}

#[test]
fn a_change_of_ttl_goes_leaf_by_leaf_and_touches_no_alias() {
    let mut world = World::of(1_000, uneven);
    world.document["record"]["ttl_secs"] = json!(60);
    let plan = world.follow();
    assert_eq!(plan.change_count(), 2_000);
    assert!(world.records().iter().all(|record| record.ttl_secs.is_none_or(|ttl_secs| ttl_secs == 60)));
}

#[test]
fn everything_that_answers_may_be_replaced_at_once() {
    let mut world = World::of(400, uneven);
    world.end(0..400);
    world.launch(400..900, uneven);
    let _ = world.follow_unit_by_unit();
    world.end(400..900);
    world.launch(900..950, uneven);
    let _ = world.follow();
    assert!(world.aliases().is_empty());
}

#[test]
fn a_fallback_stands_beside_the_aliases_and_answers_when_nothing_else_does() {
    let mut world = World::new(TreeLimits::default());
    world.document["guard"]["when_empty"] = json!("fallback");
    world.document["guard"]["fallback"] = json!("198.51.100.1");
    world.launch(0..100, |_| 10);
    world.now += registrar_core::SignedDuration::from_secs(120);
    let plan = world.plan();
    world.apply(&plan);
    assert_eq!(world.aliases().len(), 2, "a hundred and a fallback do not fit into one set");
    world.end(0..100);
    let plan = world.plan();
    world.apply(&plan);
    assert_eq!(world.answered().into_keys().collect::<Vec<_>>(), ["198.51.100.1"]);
    assert!(world.plan().batches.is_empty());
}

#[test]
fn a_pool_that_leaves_takes_its_tree_along() {
    let mut world = World::of(250, uneven);
    world.document["state"] = json!("retired");
    let plan = world.plan();
    world.take(&plan);
    assert_eq!(world.records(), []);
}

#[test]
fn what_somebody_did_to_the_tree_is_put_right() {
    let spoil: [fn(&mut RecordSet); 3] = [
        |alias| alias.weight = Some(3),
        |alias| alias.alias_target.as_mut().unwrap().evaluate_target_health = false,
        |alias| alias.weight = Some(0),
    ];
    for spoil in spoil {
        let mut world = World::of(300, uneven);
        let old = world.aliases().remove(1);
        let mut new = old.clone();
        spoil(&mut new);
        world.interfere(&[ModelChange::delete(old), ModelChange::create(new)]);
        let plan = world.plan();
        assert_eq!(plan.change_count(), 2, "{plan}");
        let _ = world.follow();
    }
    let mut world = World::of(300, uneven);
    let gone = world.aliases().remove(0);
    world.interfere(&[ModelChange::delete(gone)]);
    assert_eq!(world.plan().change_count(), 1);
    let _ = world.follow();
}

#[test]
fn a_pool_grows_into_a_tree_and_changes_weights_in_one_plan() {
    let mut world = World::of(95, uneven);
    world.launch(95..130, uneven);
    world.fleet.get_mut(&3).unwrap().weight = 200;
    let _ = world.follow();
    assert!(
        world.records().iter().all(|record| record.alias_target.is_some() || record.name.as_str() != NAME)
    );
}

#[test]
fn a_paused_pool_keeps_its_tree_as_it_is_and_says_what_is_held() {
    let mut world = World::of(300, uneven);
    let old = world.aliases().remove(1);
    let new = RecordSet { weight: Some(3), ..old.clone() };
    world.interfere(&[ModelChange::delete(old), ModelChange::create(new)]);
    world.document["state"] = json!("paused");
    let plan = world.plan();
    assert!(plan.batches.is_empty(), "{plan}");
    let held = &plan.pools[0].held_back;
    assert!(
        held.iter()
            .any(|held| held.difference.as_deref() == Some("~ tree  4 leaves, weights of its aliases")),
        "{plan}"
    );
    world.end(0..250);
    assert!(world.plan().batches.is_empty());
    let alias = world.aliases().remove(0);
    world.interfere(&[ModelChange::delete(alias)]);
    assert!(world.plan().batches.is_empty());
}

#[test]
fn with_half_of_the_listing_the_dead_go_and_no_alias_is_given_another_weight() {
    for listed in [3, 5, 60, 155, 200] {
        let mut world = World::of(300, uneven);
        let before = world.records().len();
        world.end((0..300).filter(|number| number % 3 > 0));
        world.listed = Some(listed);
        let plan = world.plan();
        let mut changes = plan.batches.iter().flat_map(Batch::changes);
        assert!(changes.all(|change| change.action == ChangeAction::Delete), "{plan}");
        world.take(&plan);
        assert!(world.records().len() < before || listed < 7);
        world.listed = None;
        let plan = world.plan();
        world.take(&plan);
        world.shares_are_right("once everything was seen");
        assert!(world.plan().batches.is_empty());
    }
}

#[test]
fn a_leaf_that_was_read_in_part_keeps_its_alias() {
    let mut world = World::of(300, uneven);
    let records = world.records();
    // The listing ends behind the first record of the second leaf.
    let first = records.iter().position(|record| record.name.labels().next() == Some("l01")).unwrap();
    let address = records[first].values().next().unwrap().to_owned();
    let ended = *world.fleet.keys().find(|number| self::address(**number) == address).unwrap();
    world.end([ended]);
    world.listed = Some(world.model.records(&zone()).unwrap().len() - (records.len() - first) + 1);
    let plan = world.plan();
    assert_eq!(plan.change_count(), 1, "{plan}");
    world.take(&plan);
    assert!(!world.answered().contains_key(&address));
    assert_eq!(world.answered().len(), 299, "nobody else is gone");
}

#[test]
fn while_another_routing_is_held_the_tree_goes_on() {
    let mut world = World::of(300, uneven);
    world.document["record"]["routing"] = json!("multivalue");
    world.launch(300..330, uneven);
    world.end(0..9);
    let plan = world.plan();
    assert!(plan.held_back_count() > 0);
    world.apply(&plan);
    assert_eq!(world.answered().len(), 321);
    assert!(
        world.records().iter().all(|record| record.alias_target.is_some() || record.name.as_str() != NAME)
    );
}

#[test]
fn a_ttl_that_somebody_elses_record_at_a_leaf_shares_stays_and_the_dead_go() {
    let mut world = World::of(300, uneven);
    let beside = world.records().into_iter().find(|record| record.name.as_str() != NAME).unwrap();
    let foreign = RecordSet { set_identifier: Some("theirs".to_owned()), ..beside };
    world.interfere(&[ModelChange::create(foreign)]);
    world.document["record"]["ttl_secs"] = json!(60);
    world.end(0..5);
    let plan = world.plan();
    assert!(plan.pools[0].held_back.iter().any(|held| held.reason().to_string() == "foreign-ttl"), "{plan}");
    world.take(&plan);
    let ours =
        world.records().into_iter().filter(|record| record.set_identifier.as_deref() != Some("theirs"));
    assert_eq!(ours.filter(|record| record.alias_target.is_none()).count(), 295);
}

#[test]
fn a_pool_that_leaves_takes_an_alias_along_whose_leaf_somebody_emptied() {
    let mut world = World::of(150, uneven);
    let alias = world.aliases().remove(0);
    let leaf = alias.alias_target.clone().unwrap().dns_name;
    // An alias keeps its target where Route 53 checks it, so it points elsewhere while the leaf is emptied.
    let mut records: Vec<RecordSet> =
        world.records().into_iter().filter(|record| record.name == leaf).collect();
    records.push(alias.clone());
    let gone: Vec<ModelChange> = records.into_iter().map(ModelChange::delete).collect();
    world.interfere(&gone);
    let mut astray = alias;
    astray.alias_target.as_mut().unwrap().dns_name = "l01.video.edge.example.com".parse().unwrap();
    world.interfere(&[ModelChange::create(astray)]);
    world.document["state"] = json!("retired");
    let plan = world.plan();
    world.take(&plan);
    assert_eq!(world.records(), []);
}

#[test]
fn an_instance_that_is_published_twice_is_published_once() {
    let mut world = World::of(300, uneven);
    let records = world.records();
    let leaves: Vec<_> =
        world.aliases().iter().map(|alias| alias.alias_target.clone().unwrap().dns_name).collect();
    let there = records.iter().find(|record| record.name == leaves[0]).unwrap();
    let doubled = RecordSet { name: leaves[1].clone(), ..there.clone() };
    world.interfere(&[ModelChange::create(doubled)]);
    let _ = world.follow();
    let of_it = world.records().into_iter().filter(|record| record.set_identifier == there.set_identifier);
    assert_eq!(of_it.count(), 1);
}

#[test]
fn a_record_of_somebody_else_at_a_leaf_is_left_alone_and_nothing_is_added_beside_it() {
    let mut world = World::new(TreeLimits::default());
    let leaf = Leaf::new(0).unwrap().name(&NAME.parse().unwrap()).unwrap();
    let foreign = RecordSet::simple(leaf.clone(), RecordType::A, 60, vec!["192.0.2.1".to_owned()]);
    world.interfere(&[ModelChange::create(foreign.clone())]);
    world.launch(0..200, uneven);
    let plan = world.plan();
    world.take(&plan);
    let at_leaf: Vec<RecordSet> = world.records().into_iter().filter(|record| record.name == leaf).collect();
    assert_eq!(at_leaf, [foreign]);
    assert_eq!(world.aliases().len(), 3);
}

#[test]
fn where_others_have_a_record_at_a_leaf_and_the_rest_are_full_there_is_another_leaf() {
    let mut world = World::of(150, |_| 10);
    let leaf = world.aliases()[0].alias_target.clone().unwrap().dns_name;
    let mut foreign = RecordSet::simple(leaf, RecordType::A, 20, vec!["192.0.2.1".to_owned()]);
    (foreign.set_identifier, foreign.weight) = (Some("somebody else's".to_owned()), Some(10));
    world.interfere(&[ModelChange::create(foreign)]);
    world.launch(150..180, |_| 10);
    let plan = world.plan();
    world.take(&plan);
    assert_eq!((world.aliases().len(), world.records().len()), (3, 180 + 1 + 3));
    let at_name = world.records().into_iter().filter(|record| record.name.as_str() == NAME);
    assert!(at_name.into_iter().all(|record| record.alias_target.is_some()), "{plan}");
}

#[test]
fn copies_that_go_and_additions_at_their_leaf_follow_each_other() {
    let mut world = World::of(150, uneven);
    let [from, to] = [Leaf::new(0).unwrap(), Leaf::new(1).unwrap()];
    let published = world.records_at(from)[0];
    let is_its = |record: &RecordSet| record.values().any(|value| value == address(published));
    let record = world.records().into_iter().find(is_its).unwrap();
    let copy = RecordSet { name: to.name(&name()).unwrap(), ..record };
    world.interfere(&[ModelChange::create(copy)]);
    world.launch(150..170, uneven);
    world.now += registrar_core::SignedDuration::from_secs(120);
    let plan = one_by_one(world.plan());
    plan.batches.iter().for_each(|batch| world.submit(batch));
    world.shares_are_right("when the copy is gone");
    assert!(world.plan().batches.is_empty());
}

#[test]
fn copies_in_a_full_leaf_go_before_who_comes_there() {
    let mut world = World::of(170, uneven);
    let [from, to] = [Leaf::new(0).unwrap(), Leaf::new(1).unwrap()];
    let copies = world.copies_to_fill(from, to);
    assert!(!copies.is_empty());
    world.interfere(&copies);
    world.launch(170..250, uneven);
    world.take(&one_by_one(world.plan()));
    world.shares_are_right("when the copies are gone");
    assert!(world.plan().batches.is_empty());
}

/// Where few stay at a leaf, they move with what goes from it: not to leaves that copies fill.
#[test]
fn copies_leave_no_room_for_who_moves_with_removals() {
    let mut world = World::of(400, uneven);
    let emptied = Leaf::new(3).unwrap();
    let leaves: Vec<Leaf> = world.leaves().into_iter().filter(|leaf| *leaf != emptied).collect();
    let next = leaves.iter().cycle().skip(1);
    let copies: Vec<ModelChange> =
        leaves.iter().zip(next).flat_map(|(from, to)| world.copies_to_fill(*from, *to)).collect();
    world.interfere(&copies);
    let goes = world.records_at(emptied);
    world.end(goes.into_iter().skip(2));
    let plan = one_by_one(world.plan());
    assert_eq!(plan.batches[0].units[0].urgency, Urgency::RemoveDead);
    world.take(&plan);
    let _ = world.follow();
}

#[test]
fn after_half_of_a_change_of_ttl_who_comes_has_the_ttl_of_its_leaf() {
    let mut world = World::of(300, uneven);
    world.document["record"]["ttl_secs"] = json!(60);
    let half = one_by_one(world.plan());
    half.batches[..2].iter().for_each(|batch| world.submit(batch));
    world.launch(300..330, uneven);
    let _ = world.follow_unit_by_unit();
    assert!(world.records().iter().all(|record| record.ttl_secs.is_none_or(|ttl_secs| ttl_secs == 60)));
}

#[test]
fn after_half_of_a_change_of_ttl_who_moves_gets_the_ttl_of_its_new_leaf() {
    let mut world = World::of(600, uneven);
    world.document["record"]["ttl_secs"] = json!(60);
    let half = one_by_one(world.plan());
    half.batches[..4].iter().for_each(|batch| world.submit(batch));
    world.end((0..600).filter(|number| number % 3 > 0));
    let _ = world.follow_unit_by_unit();
    assert_eq!(world.aliases().len(), 3);
}

#[test]
fn a_record_that_moves_keeps_its_health_check() {
    let mut world = World::of(100, uneven);
    let old = world.records().remove(40);
    let new = RecordSet { health_check_id: Some("check".to_owned()), ..old.clone() };
    world.interfere(&[ModelChange::delete(old), ModelChange::create(new.clone())]);
    world.launch(100..110, uneven);
    let _ = world.follow();
    let is_it = |record: &RecordSet| record.set_identifier == new.set_identifier;
    let moved = world.records().into_iter().find(is_it).unwrap();
    assert_ne!(moved.name, new.name);
    assert_eq!(RecordSet { name: new.name.clone(), ..moved }, new);
}

#[test]
fn a_tree_that_is_one_set_again_changes_its_ttl_at_once() {
    let mut world = World::of(110, uneven);
    world.end(0..50);
    world.fleet.get_mut(&60).unwrap().weight = 7;
    world.document["record"]["ttl_secs"] = json!(60);
    let _ = world.follow_unit_by_unit();
    assert!(world.aliases().is_empty());
}

/// Twenty in sets of eight, and a fallback beside their aliases.
fn small_with_fallback() -> World {
    let mut world = World::new(TreeLimits { in_set: 8 });
    world.document["guard"]["when_empty"] = json!("fallback");
    world.document["guard"]["fallback"] = json!("198.51.100.1");
    world.launch(0..20, |_| 10);
    let plan = world.plan();
    world.take(&plan);
    world
}

/// Without proof, the last record goes with what comes for it, although the fallback would answer.
#[test]
fn who_is_gone_without_proof_is_replaced_before_the_fallback_has_to_answer() {
    let mut world = small_with_fallback();
    world.fleet.retain(|number, _| *number >= 20);
    world.launch(20..50, |_| 10);
    let plan = one_by_one(world.plan());
    for batch in &plan.batches {
        world.submit(batch);
        let served = world.answered().into_iter().filter(|(_, share)| *share > 0.0);
        assert!(served.map(|(address, _)| address).any(|address| address != "198.51.100.1"), "{batch}");
    }
    assert_eq!(world.answered().len(), 31);
}

#[test]
fn a_tree_at_a_former_name_is_not_put_right() {
    let mut world = World::of(300, uneven);
    let old = world.aliases().remove(1);
    world.interfere(&[
        ModelChange::delete(old.clone()),
        ModelChange::create(RecordSet { weight: Some(3), ..old }),
    ]);
    world.end([5]);
    world.document["record"]["name"] = json!("elsewhere.edge.example.com");
    let plan = world.plan_with_errors();
    let changed: Vec<&RecordSet> =
        plan.batches.iter().flat_map(Batch::changes).map(|change| change.record.as_ref()).collect();
    let dead = changed.iter().filter(|record| record.alias_target.is_none());
    assert_eq!(dead.count(), 1, "{plan}");
    assert!(changed.len() <= 3, "the dead one, and at most the alias of its leaf: {plan}");
}

#[test]
fn the_ttl_of_a_fallback_beside_somebody_elses_record_stays_as_theirs() {
    let mut world = small_with_fallback();
    let fallback = world.records().into_iter().find(|record| record.values().any(|it| it == "198.51.100.1"));
    let foreign = RecordSet { set_identifier: Some("theirs".to_owned()), ..fallback.unwrap() };
    world.interfere(&[ModelChange::create(foreign)]);
    world.document["record"]["ttl_secs"] = json!(60);
    let plan = world.plan();
    world.take(&plan);
    let at_name = world.records().into_iter().filter(|record| record.name.as_str() == NAME);
    assert!(at_name.filter_map(|record| record.ttl_secs).all(|ttl_secs| ttl_secs == 20));
}
