//! Trees that change hands: a retired pool leaves its name to another one.

use registrar_core::plan::{Plan, Urgency};
use registrar_core::record_set::ChangeAction;
use serde_json::json;

use crate::uneven;
use crate::world::{World, one_by_one};

/// Lets another pool claim the name of the one that has it, which is retired.
fn retire(world: &mut World) {
    world.others = vec![("video-1".to_owned(), world.document.clone())];
    world.document["state"] = json!("retired");
}

/// Applies a plan unit by unit; the name belongs to the successor then, and nothing is left to do.
fn hand_over(world: &mut World) -> Plan {
    let plan = one_by_one(world.plan());
    world.apply(&plan);
    let marks: Vec<String> = world.records().into_iter().filter_map(|record| record.set_identifier).collect();
    assert!(marks.iter().all(|mark| mark.starts_with("registrar/default/video-1/")), "{marks:?}");
    assert_eq!(world.answered().len(), world.fleet.values().filter(|machine| machine.serves()).count());
    assert!(world.plan().batches.is_empty());
    plan
}

fn swaps(plan: &Plan) -> usize {
    let units = plan.batches.iter().flat_map(|batch| &batch.units);
    units.filter(|unit| unit.urgency == Urgency::Swap).count()
}

#[test]
fn a_tree_is_handed_over_to_another_pool_at_once() {
    let mut world = World::of(300, uneven);
    world.end([7]);
    retire(&mut world);
    let plan = hand_over(&mut world);
    assert_eq!(plan.batches.len(), 2, "the dead one goes first: {plan}");
}

#[test]
fn a_large_successor_comes_in_parts() {
    let mut world = World::of(2, uneven);
    world.launch(2..1_000, uneven);
    retire(&mut world);
    let plan = hand_over(&mut world);
    assert_eq!(swaps(&plan), 1);
    assert!(plan.batches.len() > 1);
}

#[test]
fn a_large_tree_of_dead_records_is_not_in_the_way() {
    for (size, comes) in [(500, 500), (1_000, 1)] {
        let mut world = World::of(size, uneven);
        world.end(0..size);
        world.launch(size..size + comes, uneven);
        retire(&mut world);
        let plan = hand_over(&mut world);
        assert_eq!(swaps(&plan), 1);
        assert_eq!(plan.batches[0].units[0].urgency, Urgency::RemoveDead);
    }
}

#[test]
fn a_dead_record_that_a_retired_pool_left_at_a_former_name_is_not_in_the_way() {
    let mut world = World::of(1, uneven);
    world.end([0]);
    world.launch(1..1_000, uneven);
    retire(&mut world);
    world.document["record"]["name"] = json!("former.edge.example.com");
    let _ = hand_over(&mut world);
}

/// What leaves is not replaced by less at any instant.
#[test]
fn a_tree_of_living_records_waits_where_one_request_has_no_room_for_as_many_of_its_successor() {
    let mut world = World::of(450, uneven);
    world.launch(450..2_000, uneven);
    retire(&mut world);
    let plan = hand_over(&mut world);
    let comes = plan.batches[0].units[0]
        .changes
        .iter()
        .filter(|change| change.record.alias_target.is_none() && change.action == ChangeAction::Create);
    assert!(comes.count() >= 450, "{plan}");
    let mut world = World::of(600, uneven);
    retire(&mut world);
    let plan = world.plan_with_errors();
    assert!(plan.batches.is_empty());
    assert!(plan.pools.iter().all(|pool| pool.errors[0].contains("cannot change hands")), "{plan}");
}
