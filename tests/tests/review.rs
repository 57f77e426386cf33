//! A plan that was reviewed is applied to the world that was reviewed, and to no other.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use registrar_core::SignedDuration;
use registrar_core::plan::{Plan, ReviewError, ReviewedPlan};
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;

/// A fallback, a health check, a field that nobody knows, and all kinds of changes.
const STORY: &str = r#"
why = "Everything that a reviewed plan can hold."
pools.multi = { record = { name = "multi.bos.edge.example.com", routing = "multivalue" } }
pools.shared = { record = { name = "shared.bos.edge.example.com", routing = "simple" } }
pools.video.guard = { when_empty = "fallback", fallback = "region.edge.example.com" }
fleet = ["i-01 running carrier=155.146.10.9", "i-02 terminated", "i-03 running carrier=155.146.10.3"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-0{1..2} weight=100 ttl=20 health=check 155.146.10.{1..2}",
  "video.bos.edge.example.com A by-hand weight=10 ttl=20 198.51.100.7",
]
"#;

fn plan_of(story: &str) -> Plan {
    World::build(&Scenario::parse(story).unwrap()).unwrap().plan().unwrap()
}

fn text(plan: &Plan) -> String {
    serde_json::to_string_pretty(&plan.to_document()).unwrap()
}

fn reviewed(story: &str) -> ReviewedPlan {
    ReviewedPlan::parse(&text(&plan_of(story))).unwrap()
}

/// Returns what the reviewed story's plan has against the plan of another world.
fn differences(other: &str) -> Vec<String> {
    reviewed(STORY).matches(&plan_of(other)).unwrap_err().differences
}

#[test]
fn the_same_world_seen_later_is_the_one_that_was_reviewed() {
    let later = format!("now = \"2026-11-21T11:30:00Z\"\n{STORY}");
    assert_eq!(plan_of(STORY).checksum(), plan_of(&later).checksum());
    assert_eq!(reviewed(STORY).matches(&plan_of(&later)), Ok(()));
    assert_eq!(reviewed(STORY).covers(&plan_of(&later)), Ok(()));
    let pools: Vec<_> = reviewed(STORY).pools().iter().map(ToString::to_string).collect();
    assert_eq!(pools, ["multi", "shared", "video"]);
}

#[test]
fn the_checksum_is_a_digest_that_a_person_can_compare() {
    let checksum = plan_of(STORY).checksum().to_string();
    let digits = checksum.strip_prefix("sha256:").unwrap();
    assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{checksum}");
}

#[test]
fn a_change_that_was_not_reviewed_is_told() {
    let told =
        differences(&STORY.replace("i-03 running carrier=155.146.10.3", "i-03 running carrier=155.146.10.4"));
    assert!(
        told.iter().any(|it| it.starts_with("not reviewed: CREATE") && it.contains("155.146.10.4")),
        "{told:?}"
    );
    assert!(told.iter().any(|it| it.starts_with("reviewed and not planned now: CREATE")), "{told:?}");
}

#[test]
fn a_record_that_changed_beside_the_plan_is_told() {
    let told = differences(&STORY.replace("by-hand weight=10", "by-hand weight=11"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("the A records at video.bos.edge.example.com"), "{told:?}");
}

#[test]
fn another_deployment_is_told() {
    let other = format!("deployment = \"other\"\n{STORY}");
    assert!(differences(&other)[0].contains("deployment default"));
}

#[test]
fn batches_in_another_order_are_not_what_was_reviewed() {
    let plan = plan_of(STORY);
    let mut turned = plan.clone();
    turned.batches.reverse();
    assert!(plan.batches.len() > 1, "the story has more than one batch");
    let moved = ReviewedPlan::parse(&text(&plan)).unwrap().matches(&turned).unwrap_err();
    assert_eq!(moved.to_string(), "the world is not as it was reviewed: the order of the changes");
}

#[test]
fn the_rest_of_a_plan_that_was_applied_in_part_is_covered_and_more_is_not() {
    let reviewed = reviewed(STORY);
    let mut rest = plan_of(STORY);
    rest.batches.remove(0);
    rest.observed_at += SignedDuration::from_secs(5);
    assert_eq!(reviewed.covers(&rest), Ok(()));
    let more =
        plan_of(&STORY.replace("i-02 terminated", "i-02 terminated\", \"i-04 running carrier=155.146.10.44"));
    let moved = reviewed.covers(&more).unwrap_err();
    assert!(moved.differences.iter().all(|it| it.starts_with("not reviewed: ")), "{moved}");
}

#[test]
fn a_long_list_of_differences_is_cut() {
    let many = "i-02 terminated\", \"i-1{001..060} running carrier=155.146.11.{1..60}";
    let moved = reviewed(STORY).matches(&plan_of(&STORY.replace("i-02 terminated", many))).unwrap_err();
    assert_eq!(moved.differences.len(), 10);
    assert!(moved.more == 50 && moved.to_string().ends_with(&format!("and {} more", moved.more)), "{moved}");
}

#[test]
fn a_file_that_is_no_plan_says_so() {
    assert!(matches!(ReviewedPlan::parse("[]"), Err(ReviewError::Malformed(_))));
    assert!(matches!(ReviewedPlan::parse("{\"schema\":\"registrar-plan/9\"}"), Err(ReviewError::Schema(_))));
    let edited = text(&plan_of(STORY)).replace("155.146.10.3", "155.146.10.33");
    assert!(ReviewedPlan::parse(&edited).unwrap().matches(&plan_of(STORY)).is_err(), "an edited file");
}
