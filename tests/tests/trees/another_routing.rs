//! Trees that are taken apart for another routing, and sets of another routing that become trees.

use registrar_core::leaf::Leaf;
use registrar_core::plan::{Batch, Plan, Urgency};
use registrar_core::record_set::RecordSet;
use registrar_core::tree::TreeLimits;
use registrar_local::route53::ModelChange;
use serde_json::json;

use crate::uneven;
use crate::world::{World, one_by_one};

const OTHERS: [&str; 2] = ["simple", "multivalue"];

fn first_urgency(plan: &Plan) -> Urgency {
    plan.batches[0].units[0].urgency
}

fn small(routing: &str) -> World {
    let mut world = World::new(TreeLimits { in_set: 8 });
    world.document["record"]["routing"] = json!(routing);
    world
}

/// A set of six.
fn six(routing: &str) -> World {
    let mut world = small(routing);
    world.launch(0..6, uneven);
    let plan = world.plan();
    world.take(&plan);
    world
}

#[test]
fn another_routing_takes_a_small_tree_apart_after_its_dead() {
    for routing in OTHERS {
        let mut world = World::of(110, uneven);
        world.end(0..20);
        world.document["record"]["routing"] = json!(routing);
        let plan = world.follow_unit_by_unit();
        assert_eq!(first_urgency(&plan), Urgency::RemoveDead);
        assert!(world.aliases().is_empty(), "{plan}");
        world.document["record"]["routing"] = json!("weighted");
        world.launch(110..140, uneven);
        let plan = world.plan();
        world.take(&plan);
        world.shares_are_right("as a tree again");
        assert!(world.plan().batches.is_empty());
    }
}

/// Whose records stand at a leaf from which somebody took the alias away answers no query.
#[test]
fn a_tree_is_given_up_in_one_request_where_no_alias_leads_to_who_stays() {
    let mut world = small("weighted");
    world.launch(0..12, |_| 10);
    let plan = world.plan();
    world.take(&plan);
    let [led_to, lost] = [0, 1].map(|number| Leaf::new(number).unwrap());
    let dead = world.records_at(led_to);
    assert!(!dead.is_empty() && !world.records_at(lost).is_empty() && world.aliases().len() == 2);
    let of_lost = |alias: &RecordSet| alias.set_identifier.as_deref().is_some_and(|id| id.ends_with("/l01"));
    let alias = world.aliases().into_iter().find(of_lost).unwrap();
    world.interfere(&[ModelChange::delete(alias)]);
    world.end(dead);
    world.document["record"]["routing"] = json!("simple");
    let plan = world.follow_unit_by_unit();
    assert_eq!(first_urgency(&plan), Urgency::Swap, "{plan}");
}

#[test]
fn a_set_of_another_routing_loses_its_dead_before_it_becomes_a_tree() {
    for routing in OTHERS {
        let mut world = six(routing);
        world.end(0..2);
        world.launch(6..16, uneven);
        world.document["record"]["routing"] = json!("weighted");
        let plan = one_by_one(world.plan());
        let swaps = |batch: &Batch| batch.units[0].urgency == Urgency::Swap;
        assert_eq!(first_urgency(&plan), Urgency::RemoveDead, "{plan}");
        assert!(!plan.batches.iter().any(swaps), "who stays answers meanwhile: {plan}");
        world.take(&plan);
        world.shares_are_right("as a tree");
    }
}

#[test]
fn a_set_of_another_routing_of_which_nobody_stays_becomes_a_tree_without_a_silence() {
    for routing in OTHERS {
        let mut world = six(routing);
        world.end(0..6);
        world.launch(6..26, uneven);
        world.document["record"]["routing"] = json!("weighted");
        let plan = world.follow_unit_by_unit();
        assert_eq!(first_urgency(&plan), Urgency::Swap, "{plan}");
    }
}

#[test]
fn a_fallback_is_nobody_who_stays_when_a_set_of_another_routing_becomes_a_tree() {
    let mut world = six("multivalue");
    world.end(0..6);
    world.launch(6..26, uneven);
    world.document["record"]["routing"] = json!("weighted");
    world.document["guard"]["when_empty"] = json!("fallback");
    world.document["guard"]["fallback"] = json!("198.51.100.1");
    let plan = one_by_one(world.plan());
    assert_eq!(first_urgency(&plan), Urgency::Swap, "{plan}");
    world.take(&plan);
    assert!(world.plan().batches.is_empty());
}

/// Without proof, who answers stays until somebody comes: the dead do not wait for that.
#[test]
fn a_set_of_another_routing_of_which_nobody_stays_answers_with_who_leaves_until_it_is_a_tree() {
    let mut world = six("multivalue");
    world.end(0..3);
    world.leave(3..6);
    world.launch(6..26, uneven);
    world.document["record"]["routing"] = json!("weighted");
    let plan = world.follow_unit_by_unit();
    let urgencies: Vec<Urgency> = plan.batches.iter().map(|batch| batch.units[0].urgency).collect();
    assert_eq!(urgencies, [Urgency::RemoveDead, Urgency::Swap], "{plan}");
}

#[test]
fn a_set_of_another_routing_becomes_a_tree_on_the_scale_of_the_weights_that_it_gets() {
    let mut world = World::new(TreeLimits { in_set: 8 });
    world.document["record"]["routing"] = json!("simple");
    world.document["weight"] = json!({ "default": 1 });
    let weight = |number| if number == 3 { 191 } else { 1 };
    world.launch(0..4, weight);
    let plan = world.plan();
    world.take(&plan);
    world.document["record"]["routing"] = json!("weighted");
    world.launch(4..9, weight);
    for batch in one_by_one(world.plan()).batches {
        world.submit(&batch);
        world.shares_are_right("on the way to a tree");
    }
    assert!(world.aliases().len() > 1);
}
