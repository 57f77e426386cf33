//! How large requests are while the account is throttled, in exact sequences.

use registrar_core::execute::{LookReason, OLDEST_PLAN, Reply};
use registrar_core::inventory::InstanceState;
use registrar_core::record_set::ChangeAction;

use crate::scene::{Answer, Scene, answer_first, foreign, id, instance, marks, refuse, secs, start};

#[test]
fn a_throttled_request_comes_back_at_half_its_size_and_grows_with_each_that_is_accepted() {
    let mut scene = Scene::launching(100);
    let outcome = scene.run(secs(300), answer_first(3, &Reply::Throttled));
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes, [100, 50, 25, 12, 13, 25, 50]);
    assert_eq!(scene.published(), marks(0..100));
}

#[test]
fn what_was_throttled_again_halves_again() {
    let mut scene = Scene::launching(96);
    let outcome = scene.run(secs(300), |_, request| match request.before {
        0 | 1 | 3 | 4 => Answer::Say(Reply::Throttled),
        _ => Answer::Accept,
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes, [96, 48, 24, 24, 12, 10, 2, 12, 48]);
    assert_eq!(scene.published(), marks(0..96));
}

#[test]
fn a_budget_of_ten_changes_at_a_time_is_enough_and_fewer_would_only_cost_more_requests() {
    let mut scene = Scene::launching(64);
    let outcome = scene.run(secs(600), |scene, _| {
        if scene.sizes.last() <= Some(&10) { Answer::Accept } else { Answer::Say(Reply::Throttled) }
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.published(), marks(0..64));
    let mut scene = Scene::launching(15);
    let outcome = scene.run(secs(30), |_, _| Answer::Say(Reply::Throttled));
    assert_eq!(outcome.handed_back.len(), 15);
    assert_eq!(scene.sizes[..3], [15, 10, 10]);
    assert_eq!(scene.sizes.iter().min(), Some(&10));
}

#[test]
fn another_change_in_progress_says_nothing_about_size() {
    let mut scene = Scene::launching(100);
    let outcome = scene.run(secs(300), answer_first(3, &Reply::PriorRequestNotComplete));
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes, [100; 4]);
}

#[test]
fn what_has_to_happen_at_once_is_never_split() {
    let mut scene = Scene::launching(10);
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    for record in &mut scene.records {
        record.ttl_secs = Some(300);
    }
    scene.sizes.clear();
    let outcome = scene.run(secs(300), |scene, _| {
        if scene.sizes.len() < 4 { Answer::Say(Reply::Throttled) } else { Answer::Accept }
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes, [20; 4], "a set has one TTL");
}

#[test]
fn a_request_is_as_small_as_a_refusal_or_the_budget_asks_for_whichever_is_less() {
    let mut scene = Scene::launching(32);
    let outcome = scene.run(secs(300), |scene, request| match request.before {
        // Refused: halves of 32 from now on. Then the budget is spent three times.
        0 => refuse(),
        1..=3 => Answer::Say(Reply::Throttled),
        _ => {
            assert!(scene.sizes.last().is_some_and(|size| *size <= 16), "{:?}", scene.sizes);
            Answer::Accept
        }
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes[..5], [32, 16, 10, 10, 10]);
    assert_eq!(scene.published(), marks(0..32));
}

#[test]
fn the_dead_stay_first_however_small_requests_get() {
    let mut scene = Scene::launching(40);
    assert!(scene.run(secs(30), |_, _| Answer::Accept).is_complete());
    scene.records.push(foreign(1));
    for instance in scene.fleet.iter_mut().take(30) {
        instance.state = Some(InstanceState::Terminated);
    }
    scene.fleet.extend((40..90).map(|number| instance(number, InstanceState::Running)));
    scene.sizes.clear();
    let first = scene.requests;
    let outcome = scene.run(secs(300), |scene, request| {
        let dead_are_left = (0..30)
            .any(|number| scene.published().contains(&format!("registrar/default/video/{}", id(number))));
        let adds = (40..90).any(|number| request.names(&id(number)));
        assert!(!(dead_are_left && adds), "an addition goes before the dead");
        if request.before < first + 3 { Answer::Say(Reply::Throttled) } else { Answer::Accept }
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.sizes, [30, 15, 10, 10, 5, 15, 50], "the 50 that launch follow the 30 that ended");
}

#[test]
fn whoever_ends_while_additions_wait_overtakes_them() {
    let mut scene = Scene::launching(80);
    scene.records.push(foreign(1));
    let mut removed_at = None;
    let outcome = scene.run(secs(300), |scene, request| {
        if scene.now.duration_since(start()) <= OLDEST_PLAN && scene.sizes.len() > 3 {
            // Twenty are there, one of them ends, and the budget is spent by others.
            scene.fleet[0].state = Some(InstanceState::ShuttingDown);
            return Answer::Say(Reply::Throttled);
        }
        if scene.sizes.len() <= 3 && scene.sizes.last() != Some(&20) {
            return Answer::Say(Reply::Throttled);
        }
        if request.batch.changes().all(|change| change.action == ChangeAction::Delete) {
            removed_at = Some((scene.published().len(), scene.sizes.last().copied()));
        }
        Answer::Accept
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.looks, [LookReason::Stale]);
    assert_eq!(removed_at, Some((21, Some(1))), "before any of the sixty that still wait");
    assert_eq!(scene.published().len(), 80, "seventy-nine, and somebody else's");
}
