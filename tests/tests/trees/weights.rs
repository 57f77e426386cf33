//! Weights that change, and the scale of the aliases that follows them.

use registrar_core::plan::Change;
use registrar_core::record_set::ChangeAction;

use crate::world::World;

#[test]
fn aliases_go_to_a_finer_scale_before_so_many_go_that_the_others_would_have_to_move() {
    let mut world = World::of(400, |number| u8::try_from(number * 23 % 250 + 1).unwrap());
    let stays: Vec<usize> =
        world.leaves().into_iter().flat_map(|leaf| world.records_at(leaf).into_iter().take(14)).collect();
    world.end((0..400).filter(|number| !stays.contains(number)));
    let plan = world.follow_unit_by_unit();
    let is_alias = |change: &Change| change.record.alias_target.is_some();
    assert!(plan.batches[0].changes().all(is_alias), "{}", plan.batches[0]);
    let removals = plan.batches.iter().flat_map(|batch| &batch.units);
    let removals = removals.filter(|unit| unit.dead > 0);
    let mut comes =
        removals.flat_map(|unit| &unit.changes).filter(|change| change.action == ChangeAction::Create);
    assert!(comes.all(is_alias), "{plan}");
}

#[test]
fn aliases_go_to_a_coarser_scale_before_weights_grow_beyond_it() {
    let mut world = World::of(200, |_| 10);
    world
        .fleet
        .iter_mut()
        .filter(|(number, _)| *number % 3 > 0)
        .for_each(|(_, machine)| machine.weight = 250);
    let _ = world.follow_unit_by_unit();
}

#[test]
fn aliases_go_to_a_coarser_scale_before_heavier_instances_come() {
    let mut world = World::of(120, |_| 10);
    world.launch(120..140, |_| 250);
    let plan = world.follow_unit_by_unit();
    let is_alias = |change: &Change| change.record.alias_target.is_some();
    assert!(plan.batches[0].changes().all(is_alias), "all of them at once: {plan}");
}

/// A tree whose halves have exchanged their weights, which nobody has followed yet.
fn exchanged(one: u8, other: u8) -> World {
    let weight = |number: usize, half: usize| if number % 2 == half { one } else { other };
    let mut world = World::of(150, |number| weight(number, 0));
    for (number, machine) in &mut world.fleet {
        machine.weight = weight(*number, 1);
    }
    world
}

/// Where one half of a fleet takes the traffic over from the other one, both have weights for a moment.
#[test]
fn all_weights_go_from_one_half_to_the_other_on_a_scale_for_both() {
    let _ = exchanged(100, 0).follow_unit_by_unit();
}

#[test]
fn aliases_keep_their_scale_where_weights_that_stay_are_exchanged() {
    let plan = exchanged(200, 1).follow_unit_by_unit();
    let is_alias = |change: &Change| change.record.alias_target.is_some();
    assert!(!plan.batches.iter().any(|batch| batch.changes().all(is_alias)), "{plan}");
}

#[test]
fn the_first_weight_above_zero_gets_every_answer_and_the_last_gives_them_back() {
    let mut world = World::of(120, |_| 0);
    world.fleet.get_mut(&5).unwrap().weight = 100;
    let _ = world.follow_unit_by_unit();
    world.launch(120..130, |_| 50);
    let _ = world.follow_unit_by_unit();
    for number in (120..130).chain([5]) {
        world.fleet.get_mut(&number).unwrap().weight = 0;
    }
    let plan = world.follow_unit_by_unit();
    let [others @ .., last] = &plan.batches[..] else { panic!("{plan}") };
    assert!(!others.is_empty(), "only the last of them changes every alias: {plan}");
    assert_eq!(last.changes().filter(|change| change.record.alias_target.is_none()).count(), 2, "{last}");
}

#[test]
fn the_only_weight_above_zero_goes_to_another_record_without_a_moment_with_none() {
    let mut world = World::of(120, |number| if number == 5 { 100 } else { 0 });
    let mut weighted = 5;
    for leaf in world.leaves().into_iter().chain(world.leaves()) {
        let next = world.records_at(leaf)[1];
        world.fleet.get_mut(&weighted).unwrap().weight = 0;
        world.fleet.get_mut(&next).unwrap().weight = 100;
        weighted = next;
        let _ = world.follow_unit_by_unit();
    }
}

#[test]
fn who_gets_another_address_and_a_weight_beyond_the_scale_has_its_share_at_once() {
    let mut world = World::of(150, |_| 1);
    for (number, machine) in world.fleet.iter_mut().filter(|(number, _)| *number % 3 > 0) {
        (machine.address, machine.weight) = (1_000 + number, 9);
    }
    let _ = world.follow_unit_by_unit();
}

#[test]
fn where_only_records_of_weight_zero_are_left_for_a_while_each_is_answered_as_often_as_the_others() {
    let weight = |number| if number < 40 { 0 } else { 100 };
    let mut world = World::of(150, weight);
    world.end(40..150);
    world.launch(150..260, weight);
    let _ = world.follow_unit_by_unit();
}

/// Of thousands that go, one had all the weight: the others go leaf by leaf, and it goes last.
#[test]
fn the_only_weight_above_zero_is_the_last_that_goes() {
    let mut world = World::of(1_000, |number| if number == 0 { 100 } else { 0 });
    world.end(0..999);
    let plan = world.follow_unit_by_unit();
    let [others @ .., last] = &plan.batches[..] else { panic!("{plan}") };
    assert!(others.len() <= 40, "{} units", others.len());
    assert!(last.changes().count() > 0);
}

/// The dead have no part in who keeps a weight.
#[test]
fn addresses_and_weights_are_exchanged_on_a_scale_for_both_while_one_dies() {
    let mut world = exchanged(20, 0);
    world.fleet.iter_mut().for_each(|(number, machine)| machine.address = 1_000 + number);
    world.end([10]);
    let _ = world.follow_unit_by_unit();
}
