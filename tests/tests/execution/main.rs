//! The execution machine against scripted replies: what it submits, when it waits, and what it reports.
//!
//! Plans come from the real planner on small inventories; the Route 53 here is a list of record sets
//! that answers as each test says. Nothing waits and no clock is read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its scene has failed")]

mod forecast;
mod hand_back;
mod neighbour;
mod pace;
mod scene;

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::SignedDuration;
use registrar_core::execute::{Effect, LookReason, OLDEST_PLAN, Outcome, Reply, RetryReason};
use registrar_core::inventory::InstanceState;
use registrar_core::record_set::RecordSet;

use scene::{Answer, Scene, answer_first, foreign, id, marks, refuse, secs, start};

#[test]
fn a_change_that_is_throttled_five_times_in_a_row_is_accepted_at_the_sixth() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), answer_first(5, &Reply::Throttled));
    assert!(outcome.is_complete());
    assert_eq!(outcome.retries, BTreeMap::from([(RetryReason::Throttled, 5)]));
    assert_eq!((outcome.submitted, outcome.applied.len()), (6, 1));
    assert_eq!(scene.published(), marks(0..3));
}

#[test]
fn a_prior_request_that_is_not_complete_is_waited_for_and_counted_by_its_own_name() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), answer_first(4, &Reply::PriorRequestNotComplete));
    assert!(outcome.is_complete());
    assert_eq!(outcome.retries, BTreeMap::from([(RetryReason::PriorRequestNotComplete, 4)]));
    assert_eq!(scene.published(), marks(0..3));
    assert_eq!(scene.looks, [], "nothing has to be looked at for that");
}

#[test]
fn waits_grow_and_stay_within_the_deadline() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(30), |_, _| Answer::Say(Reply::Throttled));
    let millis: Vec<i128> = scene.waits.iter().map(SignedDuration::as_millis).collect();
    let (last, before) = millis.split_last().unwrap();
    for (attempt, wait) in before.iter().enumerate() {
        let longest = (100_i128 << attempt.min(10)).min(5_000);
        assert!((longest / 2..=longest).contains(wait), "wait {attempt} of {millis:?}");
    }
    assert!(*last <= 5_000, "{millis:?}");
    assert_eq!(scene.now, start() + secs(30), "the last wait ends at the deadline and not after it");
    assert_eq!(outcome.handed_back.len(), 3);
    assert!(!outcome.is_complete());
}

#[test]
fn a_reply_that_accepts_makes_the_next_wait_a_short_one_again() {
    let mut scene = Scene::launching_beside_one_dead(3);
    let outcome = scene.run(secs(300), |_, request| match request.before {
        0..=3 | 5 => Answer::Say(Reply::Throttled),
        _ => Answer::Accept,
    });
    assert!(outcome.is_complete());
    assert_eq!(outcome.applied.len(), 2, "the dead go first, in a batch of their own");
    assert!(scene.waits[3] >= SignedDuration::from_millis(400), "{:?}", scene.waits);
    assert!(scene.waits[4] <= SignedDuration::from_millis(100), "{:?}", scene.waits);
}

#[test]
fn a_refused_batch_is_planned_anew_on_what_is_there_now() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), |scene, request| {
        if request.before > 0 {
            return Answer::Accept;
        }
        // Another registrar was faster with one of the three.
        let theirs: Vec<RecordSet> =
            request.batch.changes().take(1).map(|change| change.record.as_ref().clone()).collect();
        scene.records.extend(theirs);
        refuse()
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.looks, [LookReason::Refused]);
    assert_eq!(outcome.applied[0].batch.units.len(), 2, "only what is still missing is created");
    assert_eq!(scene.published(), marks(0..3));
}

#[test]
fn one_bad_change_among_fifty_is_found_by_halving_wherever_it_stands() {
    let mut most = 0;
    for bad in 0..50 {
        let mut scene = Scene::launching(50);
        let outcome = scene.run(
            secs(300),
            |_, request| {
                if request.names(&id(bad)) { refuse() } else { Answer::Accept }
            },
        );
        assert_eq!(outcome.poison.len(), 1, "poison at {bad}");
        assert_eq!(outcome.poison[0].messages, ["Tried to create what is there"]);
        assert_eq!(outcome.handed_back, [], "poison at {bad}");
        assert_eq!(scene.published(), marks((0..50).filter(|number| *number != bad)), "poison at {bad}");
        assert_eq!(outcome.submitted, scene.requests);
        most = most.max(scene.requests);
    }
    // Halving 50 takes six steps, each with a request for either half; the other half is tried anew on
    // the set as it is after each success, and the poison a second time.
    assert!((7..=26).contains(&most), "{most} requests are not what halving needs");
}

#[test]
fn several_bad_changes_are_each_found_and_reported_once() {
    let (outcome, scene) = two_bad_ones_among(50);
    assert_eq!(outcome.poison.len(), 2);
    assert_eq!(outcome.handed_back, []);
    assert_eq!(scene.published(), marks((0..50).filter(|number| !TWO_BAD.contains(number))));
}

#[test]
fn two_bad_changes_take_no_more_than_twice_the_requests_of_one() {
    let (_, scene) = two_bad_ones_among(50);
    // One among 50 takes at most 25 requests; the worst two among 99 take about 400.
    assert!(scene.requests <= 2 * 26, "{} requests are more than halving needs", scene.requests);
}

const TWO_BAD: [usize; 2] = [24, 49];

fn two_bad_ones_among(count: usize) -> (Outcome, Scene) {
    let mut scene = Scene::launching(count);
    let outcome = scene.run(secs(300), |_, request| {
        let bad = TWO_BAD.iter().any(|number| request.names(&id(*number)));
        if bad { refuse() } else { Answer::Accept }
    });
    (outcome, scene)
}

#[test]
fn a_change_that_is_bad_by_itself_is_tried_twice_before_it_is_called_poison() {
    let mut scene = Scene::launching(1);
    let outcome = scene.run(secs(300), |_, _| refuse());
    assert_eq!((outcome.submitted, outcome.poison.len()), (2, 1));
    assert_eq!(scene.looks, [LookReason::Refused, LookReason::Refused]);
    assert!(outcome.applied.is_empty() && outcome.handed_back.is_empty());
}

#[test]
fn poison_that_every_new_plan_contains_again_is_reported_once() {
    let mut scene = Scene::launching(2);
    let outcome = scene.run(secs(300), |scene, request| {
        if request.names(&id(0)) {
            return refuse();
        }
        // The good one is lost again and again, so that the poison is planned again and again.
        if scene.requests < 12 {
            Answer::Say(Reply::Lost("no reply came".to_owned()))
        } else {
            Answer::Accept
        }
    });
    assert_eq!(outcome.poison.len(), 1);
    assert_eq!(scene.published(), marks([1]));
}

#[test]
fn a_race_that_is_lost_again_and_again_is_not_poison() {
    let mut scene = Scene::launching(2);
    let outcome = scene.run(secs(300), |scene, request| {
        if request.before == 6 {
            return Answer::Accept;
        }
        // Somebody else changes the set each time, which is what the refusal is about.
        scene.records.push(foreign(request.before));
        refuse()
    });
    assert!(outcome.is_complete(), "{:?}", outcome.poison);
    assert_eq!(outcome.submitted, 7);
    let ours: BTreeSet<String> =
        scene.published().into_iter().filter(|mark| mark.starts_with("registrar/")).collect();
    assert_eq!(ours, marks(0..2));
}

#[test]
fn a_batch_whose_reply_was_lost_is_recognised_by_looking() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), |_, _| Answer::AcceptInSilence);
    assert!(outcome.is_complete());
    assert_eq!((outcome.submitted, outcome.lost_replies), (1, 1));
    assert_eq!(outcome.applied.len(), 1);
    assert_eq!(outcome.applied[0].change_id, None);
    assert_eq!(scene.looks, [LookReason::ReplyLost]);
}

#[test]
fn a_batch_that_was_lost_on_its_way_is_submitted_again() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), answer_first(1, &Reply::Lost("no reply came".to_owned())));
    assert!(outcome.is_complete());
    assert_eq!((outcome.submitted, outcome.lost_replies, outcome.applied.len()), (2, 1, 1));
    assert!(outcome.applied[0].change_id.is_some());
    assert_eq!(scene.published(), marks(0..3));
}

#[test]
fn a_shell_that_asks_without_having_reported_a_reply_does_not_know_it_either() {
    let scene = Scene::launching(1);
    let mut execution = scene.execution(secs(300));
    assert!(matches!(execution.next(scene.now), Effect::Submit(_)));
    assert_eq!(execution.next(scene.now), Effect::LookAgain(LookReason::ReplyLost));
    assert_eq!(execution.next(scene.now), Effect::LookAgain(LookReason::ReplyLost));
}

#[test]
fn a_plan_older_than_ten_seconds_is_never_submitted() {
    let scene = Scene::launching(1);
    let mut fresh = scene.execution(secs(300));
    assert!(matches!(fresh.next(start() + OLDEST_PLAN), Effect::Submit(_)));
    let mut stale = scene.execution(secs(300));
    let late = start() + OLDEST_PLAN + SignedDuration::from_nanos(1);
    assert_eq!(stale.next(late), Effect::LookAgain(LookReason::Stale));
    assert_eq!(stale.outcome().submitted, 0);
}

#[test]
fn an_instance_that_ended_while_its_plan_grew_old_is_not_added() {
    let mut scene = Scene::launching(2);
    let outcome = scene.run(secs(300), |scene, _| {
        if scene.now.duration_since(start()) <= OLDEST_PLAN {
            return Answer::Say(Reply::Throttled);
        }
        Answer::Accept
    });
    assert!(outcome.is_complete());
    assert_eq!(scene.looks, [LookReason::Stale]);

    let mut scene = Scene::launching(2);
    let _ = scene.run(secs(300), |scene, _| {
        scene.fleet[0].state = Some(InstanceState::ShuttingDown);
        if scene.now.duration_since(start()) <= OLDEST_PLAN {
            return Answer::Say(Reply::Throttled);
        }
        Answer::Accept
    });
    assert_eq!(scene.published(), marks([1]));
}

#[test]
fn at_the_deadline_what_is_left_is_handed_back_and_nothing_more_is_submitted() {
    let mut scene = Scene::launching_beside_one_dead(3);
    let outcome = scene.run(secs(5), |scene, request| {
        assert_eq!(request.before, 0, "nothing is submitted after the deadline");
        scene.now += secs(5);
        Answer::Accept
    });
    assert_eq!((outcome.submitted, outcome.applied.len()), (1, 1));
    assert_eq!(outcome.handed_back.len(), 3);
    assert!(!outcome.is_complete());
    assert_eq!(scene.published(), BTreeSet::from(["theirs-1".to_owned()]));
}

#[test]
fn a_batch_without_a_reply_at_the_deadline_is_handed_back_too() {
    let scene = Scene::launching(2);
    let mut execution = scene.execution(secs(5));
    assert!(matches!(execution.next(scene.now), Effect::Submit(_)));
    let Effect::Done(outcome) = execution.next(scene.now + secs(5)) else { panic!("not done") };
    assert_eq!(outcome.handed_back.len(), 2);
}

#[test]
fn a_denied_request_ends_the_run_with_everything_handed_back() {
    let mut scene = Scene::launching(3);
    let outcome = scene.run(secs(300), |_, _| Answer::Say(Reply::Denied("AccessDenied".to_owned())));
    assert_eq!(outcome.denied.as_deref(), Some("pool video: AccessDenied"));
    assert_eq!((outcome.submitted, outcome.handed_back.len()), (1, 3));
    assert!(!outcome.is_complete());
    assert_eq!((scene.looks, scene.waits), (vec![], vec![]));
}

#[test]
fn a_bad_addition_does_not_hold_back_the_removal_of_the_dead() {
    let mut scene = Scene::launching_beside_one_dead(1);
    let outcome =
        scene.run(secs(300), |_, request| if request.names(&id(0)) { refuse() } else { Answer::Accept });
    assert_eq!(outcome.poison.len(), 1);
    assert_eq!(scene.published(), BTreeSet::from(["theirs-1".to_owned()]));
}

#[test]
fn a_look_that_fails_is_tried_again_after_a_wait_and_reported() {
    let mut scene = Scene::launching(1);
    let mut execution = scene.execution(secs(300));
    assert!(matches!(execution.next(scene.now), Effect::Submit(_)));
    execution.replied(Reply::InvalidChangeBatch(vec!["no".to_owned()]), scene.now);
    let Effect::WaitUntil { at, .. } = execution.next(scene.now) else { panic!("no pause") };
    scene.now = at;
    assert_eq!(execution.next(scene.now), Effect::LookAgain(LookReason::Refused));
    execution.looked(Err("the listing failed".to_owned()), scene.now);
    let Effect::WaitUntil { at, reason } = execution.next(scene.now) else { panic!("no wait") };
    assert_eq!(reason, RetryReason::LookFailed);
    scene.now = at;
    assert_eq!(execution.next(scene.now), Effect::LookAgain(LookReason::Refused));
    let (plan, inventory) = scene.look();
    execution.looked(Ok((plan, &inventory)), scene.now);
    assert!(matches!(execution.next(scene.now), Effect::Submit(_)));
    assert_eq!(execution.outcome().failed_looks, ["the listing failed"]);
}
