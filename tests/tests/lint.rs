//! The lint catches plans that break a rule: each test takes a good plan and spoils it in one way.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use std::sync::Arc;

use registrar_core::lint::Rule;
use registrar_core::plan::{Batch, Change, Plan};
use registrar_core::record_set::{ChangeAction, RecordSet};
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;

/// Two members: one moves, one is dead, one is new; a stranger shares the name.
const STORY: &str = r#"
why = "A plan with a removal, a replacement and an addition."
pools.video = {}
fleet = ["i-01 running carrier=155.146.10.9", "i-02 terminated", "i-03 running carrier=155.146.10.3"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-0{1..2} weight=100 ttl=20 155.146.10.{1..2}",
  "video.bos.edge.example.com A by-hand weight=10 ttl=20 198.51.100.7",
  "other.edge.example.com A registrar/other/video/i-09 weight=10 ttl=20 198.51.100.9",
]
"#;

/// The only member moves, and the name must not stop answering.
const ALONE: &str = r#"
why = "A swap of the only record."
pools.video.guard.when_empty = "keep-last"
fleet = ["i-01 terminated", "i-02 running carrier=155.146.10.2"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1"]
"#;

fn world(story: &str) -> (World, Plan) {
    let world = World::build(&Scenario::parse(story).unwrap()).unwrap();
    let plan = world.plan().unwrap();
    (world, plan)
}

/// Spoils a plan, and returns which rules the lint finds broken.
fn broken(story: &str, spoil: impl FnOnce(&mut Plan)) -> Vec<Rule> {
    let (world, mut plan) = world(story);
    assert_eq!(world.lint(&plan), [], "the plan is good to begin with");
    spoil(&mut plan);
    let mut rules: Vec<Rule> = world.lint(&plan).into_iter().map(|note| note.rule).collect();
    rules.dedup();
    rules
}

fn change(plan: &mut Plan, action: ChangeAction) -> &mut Change {
    let units = plan.batches.iter_mut().flat_map(|batch| &mut batch.units);
    units.flat_map(|unit| &mut unit.changes).find(|change| change.action == action).unwrap()
}

fn edit(change: &mut Change, edit: impl FnOnce(&mut RecordSet)) {
    edit(Arc::make_mut(&mut change.record));
}

#[test]
fn a_delete_of_a_record_that_is_not_owned_is_refused() {
    let rules = broken(STORY, |plan| {
        edit(change(plan, ChangeAction::Delete), |record| {
            record.set_identifier = Some("by-hand".to_owned());
            record.weight = Some(10);
            record.resource_records[0].value = "198.51.100.7".to_owned();
        });
    });
    assert_eq!(rules, [Rule::OnlyOwned]);
}

#[test]
fn a_delete_of_another_deployments_record_is_refused() {
    let rules = broken(STORY, |plan| {
        edit(change(plan, ChangeAction::Delete), |record| {
            record.name = "other.edge.example.com".parse().unwrap();
            record.set_identifier = Some("registrar/other/video/i-09".to_owned());
            record.weight = Some(10);
            record.resource_records[0].value = "198.51.100.9".to_owned();
        });
    });
    assert!(rules.contains(&Rule::OnlyOwned), "{rules:?}");
}

#[test]
fn a_delete_that_is_not_what_was_read_is_refused() {
    let rules = broken(STORY, |plan| {
        edit(change(plan, ChangeAction::Delete), |record| record.weight = Some(99));
    });
    assert_eq!(rules, [Rule::Preconditions]);
}

#[test]
fn a_create_of_what_is_there_is_refused() {
    let rules = broken(STORY, |plan| {
        let deleted = change(plan, ChangeAction::Delete).clone();
        let again = Change { action: ChangeAction::Create, ..deleted };
        plan.batches.insert(0, plan.batches[0].clone());
        plan.batches[0].units[0].changes = vec![again];
    });
    assert!(rules.contains(&Rule::Preconditions), "{rules:?}");
}

#[test]
fn a_create_at_a_name_of_no_pool_is_refused() {
    let rules = broken(STORY, |plan| {
        let added = plan.batches.last_mut().unwrap().units.last_mut().unwrap();
        edit(added.changes.last_mut().unwrap(), |record| {
            record.name = "elsewhere.edge.example.com".parse().unwrap();
        });
    });
    assert_eq!(rules, [Rule::OnlySelectedNames]);
}

#[test]
fn one_ttl_that_differs_is_refused() {
    let rules = broken(STORY, |plan| {
        edit(change(plan, ChangeAction::Create), |record| record.ttl_secs = Some(60));
    });
    assert_eq!(rules, [Rule::OneTtl]);
}

#[test]
fn a_dropped_ttl_is_refused() {
    let rules = broken(STORY, |plan| {
        edit(change(plan, ChangeAction::Create), |record| record.ttl_secs = None);
    });
    assert_eq!(rules, [Rule::OneTtl]);
}

#[test]
fn a_name_that_would_not_answer_between_two_batches_is_refused() {
    let rules = broken(ALONE, |plan| {
        let whole = plan.batches.remove(0);
        let part = |action| {
            let mut part: Batch = whole.clone();
            part.units[0].changes.retain(|change| change.action == action);
            part
        };
        plan.batches = vec![part(ChangeAction::Delete), part(ChangeAction::Create)];
    });
    assert_eq!(rules, [Rule::NeverEmpty]);
}

#[test]
fn a_name_that_would_stop_answering_against_its_policy_is_refused() {
    let rules = broken(ALONE, |plan| {
        plan.batches[0].units[0].changes.retain(|change| change.action == ChangeAction::Delete);
    });
    assert_eq!(rules, [Rule::NeverEmpty]);
}

/// More than one set holds: the pool becomes a tree.
const TREE: &str = r#"
why = "A tree that comes into being."
pools.video = {}
fleet = ["i-{001..101} running carrier=155.146.10.{1..101}"]
"#;

#[test]
fn an_alias_to_a_leaf_without_records_is_refused() {
    let rules = broken(TREE, |plan| {
        for unit in plan.batches.iter_mut().flat_map(|batch| &mut batch.units) {
            unit.changes.retain(|change| change.record.name.labels().next() != Some("l00"));
        }
    });
    assert_eq!(rules, [Rule::AliasTarget]);
}

#[test]
fn a_leaf_of_no_pool_is_refused() {
    let rules = broken(TREE, |plan| {
        let changes =
            plan.batches.iter_mut().flat_map(|batch| &mut batch.units).flat_map(|unit| &mut unit.changes);
        for change in changes {
            edit(change, |record| {
                if record.name.labels().next() == Some("l01") {
                    record.name = "l01.other.edge.example.com".parse().unwrap();
                }
            });
        }
    });
    assert!(rules.contains(&Rule::OnlySelectedNames), "{rules:?}");
}

#[test]
fn a_batch_over_the_limits_is_refused() {
    let rules = broken(STORY, |plan| {
        let created = change(plan, ChangeAction::Create);
        edit(created, |record| {
            let value = record.resource_records[0].clone();
            record.resource_records = vec![value; 1_001];
        });
    });
    assert_eq!(rules, [Rule::Limits]);
}

/// Everything that a pool can have in one plan, and another pool beside it.
const TWO_POOLS: &str = r#"
why = "A mistake in one pool."
pools.video.guard.max_removals = { count = 1, percent = 0 }
pools.games = {}
fleet = [
  "i-01 terminated",
  "i-02 running carrier=155.146.10.2 pool=none",
  "i-03 running carrier=155.146.10.3 pool=none",
  "i-04 running carrier=155.146.10.4",
  "i-05 shutting-down",
  "i-06 running carrier=155.146.10.6",
  "i-2{0..1} running carrier=155.146.20.{0..1} pool=games",
]
zone = [
  "games.bos.edge.example.com A registrar/default/games/i-20 weight=100 ttl=20 155.146.20.0",
  "video.bos.edge.example.com A registrar/default/video/i-0{1..5} weight=100 ttl=20 155.146.10.{1..5}",
]
orders.video.release = { reason = "a test", until = "2026-11-21T10:15:00Z" }
"#;

/// Spoils the first change of this kind that names the instance, and checks the plan as whoever executes it does.
fn checked(action: ChangeAction, instance: &str) -> (Plan, Plan) {
    let (world, plan) = world(TWO_POOLS);
    let mut spoilt = plan.clone();
    let units = spoilt.batches.iter_mut().flat_map(|batch| &mut batch.units);
    let mut changes = units.flat_map(|unit| &mut unit.changes);
    let ends = |id: &Option<String>| id.as_deref().is_some_and(|id| id.ends_with(instance));
    let found = changes.find(|change| change.action == action && ends(&change.record.set_identifier));
    edit(found.unwrap(), |record| record.ttl_secs = Some(60));
    (plan, world.checked(spoilt).unwrap())
}

/// The changes of all batches, each with the last part of its set identifier.
fn told(plan: &Plan) -> Vec<String> {
    let changes = plan.batches.iter().flat_map(Batch::changes);
    let told = |change: &Change| {
        let id = change.record.set_identifier.as_deref().unwrap_or_default();
        format!("{} {}", change.action, id.rsplit('/').next().unwrap_or_default())
    };
    changes.map(told).collect()
}

#[test]
fn a_pool_that_breaks_a_rule_keeps_only_what_is_proven_and_the_others_go_on() {
    let (whole, plan) = checked(ChangeAction::Create, "i-06");
    assert_eq!(
        told(&whole),
        ["DELETE i-01", "DELETE i-05", "DELETE i-02", "DELETE i-03", "CREATE i-21", "CREATE i-06"]
    );
    assert_eq!(told(&plan), ["DELETE i-01", "DELETE i-05", "CREATE i-21"]);
    let [games, video] = &plan.pools[..] else { panic!("two pools: {:?}", plan.pools) };
    assert_eq!(games, &whole.pools[0]);
    let spent: Vec<_> = whole.budget_spent().map(|(pool, count)| (pool.as_str(), count)).collect();
    assert_eq!(spent, [("video", 1)]);
    assert!(whole.pools[1].release_used.is_some() && video.release_used.is_none());
    assert_eq!(plan.budget_spent().count(), 0);
    let steps: Vec<String> = video.steps.iter().map(|(difference, _)| difference.to_string()).collect();
    assert!(steps.len() == 2 && steps[0].contains("i-01") && steps[1].contains("i-05"), "{steps:?}");
    assert_eq!(video.changes.len(), 2);
    let [error] = &video.errors[..] else { panic!("one error: {:?}", video.errors) };
    assert!(error.contains("but for what is proven dead: OneTtl"), "{error}");
}

#[test]
fn a_pool_whose_removals_of_the_dead_break_a_rule_is_left_as_it_is() {
    let (whole, plan) = checked(ChangeAction::Delete, "i-01");
    assert_eq!(told(&plan), ["CREATE i-21"]);
    assert_eq!(plan.batches.len(), 1, "no batch is left without a change");
    let [games, video] = &plan.pools[..] else { panic!("two pools: {:?}", plan.pools) };
    assert_eq!(games, &whole.pools[0]);
    assert!(video.steps.is_empty() && video.changes.is_empty() && plan.has_errors() && !whole.has_errors());
    let [first, second] = &video.errors[..] else { panic!("two errors: {:?}", video.errors) };
    assert!(first.contains("but for what is proven dead: Preconditions"), "{first}");
    assert!(second.contains("the pool is left as it is: Preconditions"), "{second}");
}

#[test]
fn the_dead_of_another_pool_are_not_those_of_the_one_that_breaks_a_rule() {
    let (whole, plan) = checked(ChangeAction::Create, "i-21");
    assert_eq!(told(&plan), told(&whole).into_iter().filter(|it| it != "CREATE i-21").collect::<Vec<_>>());
    assert_eq!(plan.pools[1], whole.pools[1]);
    let [error] = &plan.pools[0].errors[..] else { panic!("one error: {:?}", plan.pools[0].errors) };
    assert!(error.contains("the pool is left as it is: OneTtl"), "{error}");
}
