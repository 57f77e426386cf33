//! What a plan says it will cost, and what it holds back where a hosted zone has no room.

use registrar_core::guard::HoldReason;
use registrar_core::inventory::InstanceState;
use registrar_core::plan::{MOST_IN_HOSTED_ZONE, Plan, RouteBudget};

use crate::scene::{Answer, Scene, foreign, instance, secs};

fn held_for_room(plan: &Plan) -> usize {
    plan.pools
        .iter()
        .flat_map(|pool| &pool.held_back)
        .filter(|held| held.reason() == HoldReason::Capacity)
        .count()
}

#[test]
fn a_plan_forecasts_requests_changes_and_seconds() {
    let (plan, _) = Scene::launching(80).look();
    let forecast = plan.plan().forecast(RouteBudget::default());
    assert_eq!((forecast.requests, forecast.changes, forecast.done_in_ms), (1, 80, 0));
    let spent = RouteBudget { changes: 30.0, ..RouteBudget::default() };
    let forecast = plan.plan().forecast(spent);
    assert_eq!(forecast.done_in_ms, 500, "fifty come back in half a second");
    assert!(forecast.hosted_zones.is_empty(), "nobody counted");
    let text = plan.plan().to_string();
    assert!(
        text.ends_with("Forecast: 1 request, 80 changes, done in 0 s at Route 53's full budget\n"),
        "{text}"
    );
}

#[test]
fn where_nothing_changes_nothing_is_forecast() {
    let mut scene = Scene::launching(3);
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    let text = scene.look().0.plan().to_string();
    assert!(!text.contains("Forecast"), "{text}");
}

#[test]
fn what_does_not_fit_into_the_hosted_zone_is_held_back_and_said() {
    let mut scene = Scene::launching(8);
    scene.record_count = Some(MOST_IN_HOSTED_ZONE - 5);
    let (plan, _) = scene.look();
    assert_eq!((plan.plan().change_count(), held_for_room(plan.plan())), (5, 3));
    let forecast = plan.plan().forecast(RouteBudget::default());
    let zone = forecast.hosted_zones.values().next().unwrap();
    assert_eq!((zone.records, zone.records_after), (9_995, 10_000));
    let note = plan.plan().notes.iter().find(|note| note.contains("hosted zone Z1")).unwrap();
    assert!(note.contains("has 9,995 and will have 10,000 of the 10,000"), "{note}");
}

#[test]
fn the_dead_make_room_in_a_full_hosted_zone() {
    let mut scene = Scene::launching(4);
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    scene.records.push(foreign(1));
    scene.fleet[0].state = Some(InstanceState::Terminated);
    scene.fleet.extend((4..7).map(|number| instance(number, InstanceState::Running)));
    scene.record_count = Some(MOST_IN_HOSTED_ZONE - 1);
    let (plan, _) = scene.look();
    assert_eq!((plan.plan().change_count(), held_for_room(plan.plan())), (3, 1), "one goes, two come");
}

#[test]
fn a_hosted_zone_that_has_more_than_the_usual_quota_holds_nothing_back() {
    let mut scene = Scene::launching(8);
    scene.record_count = Some(MOST_IN_HOSTED_ZONE + 1);
    let (plan, _) = scene.look();
    assert_eq!((plan.plan().change_count(), held_for_room(plan.plan())), (8, 0));
    assert_eq!(plan.plan().notes, [] as [String; 0]);
}
