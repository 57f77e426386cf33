//! The reference model: whatever happens, in whatever order, every rule of the design holds after each
//! call to Route 53, and in the end the records are what the true fleet asks for.
//!
//! Each case has a seed of its own, counted from a fixed one, so that every run does the same.
//! `PROPTEST_CASES` and `PROPTEST_RNG_SEED` are read by proptest itself; a failure prints both.
#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene has failed")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;
use registrar_core::pool::{PoolState, Routing, WhenEmpty};
use registrar_local::edge::Route53Faults;
use registrar_tests::simulation::{
    DocumentChange, FleetRead, ForeignKind, GroupsRead, Happening, LaunchKind, Lifecycle, OutageKind, Plane,
    Sizes, Stage, Truth, WeightTag, expected,
};

/// Where the seeds of the cases begin unless `PROPTEST_RNG_SEED` says otherwise.
const FIRST_SEED: u64 = 20_261_121;

/// How many things happen in one case, at most.
const LONGEST: usize = 40;

/// How often a failing case is made smaller, at most, unless `PROPTEST_MAX_SHRINK_ITERS` says otherwise.
const MOST_SHRINKING: u32 = 5_000;

/// Edges that share the hosted zone.
const EDGES: u8 = 2;

/// The truth as proptest drives it: the next thing may be anything, whatever was before.
struct Reference;

impl ReferenceStateMachine for Reference {
    type State = Truth;
    type Transition = Happening;

    /// In half of the cases a set has room for so few that the first pool becomes a tree.
    fn init_state() -> BoxedStrategy<Truth> {
        let of = |in_set| Just(Truth::new(Sizes::default().with_sets_of(in_set)));
        prop_oneof![2 => of(100), 1 => of(4), 1 => of(3)].boxed()
    }

    fn transitions(truth: &Truth) -> BoxedStrategy<Happening> {
        happening(truth)
    }

    fn apply(mut truth: Truth, happening: &Happening) -> Truth {
        truth.apply(happening);
        truth
    }
}

fn happening(truth: &Truth) -> BoxedStrategy<Happening> {
    let (alive, free): (Vec<u16>, Vec<u16>) =
        (0..truth.sizes.all_slots()).partition(|slot| truth.is_alive(*slot));
    // A small fleet grows quickly, since nothing much can happen to it.
    let launches = if free.is_empty() { 0 } else { 40_u32.saturating_sub(10 * alive.len() as u32).max(2) };
    // Documents differ from the start, rather than once in a while.
    let edits = if alive.is_empty() { 20 } else { 3 };
    prop_oneof![
        launches => launch_somewhere(free),
        8 => to_an_instance(alive),
        4 => to_events(),
        edits => (0..2_u8, edit()).prop_map(|(pool, change)| Happening::Edit(pool, change)),
        1 => to_the_hosted_zone(),
        2 => time().prop_map(Happening::Pass),
        14 => to_the_registrar(),
    ]
    .boxed()
}

fn lifecycle() -> BoxedStrategy<Lifecycle> {
    prop_oneof![
        1 => Just(Lifecycle::PendingWait), 6 => Just(Lifecycle::InService),
        1 => Just(Lifecycle::Standby), 1 => Just(Lifecycle::TerminatingWait),
    ]
    .boxed()
}

fn launch_somewhere(free: Vec<u16>) -> BoxedStrategy<Happening> {
    let slot = if free.is_empty() { Just(0).boxed() } else { prop::sample::select(free).boxed() };
    let kind = prop_oneof![
        8 => Just(LaunchKind::Addressed), 1 => Just(LaunchKind::Bare), 1 => Just(LaunchKind::Pending),
    ];
    (slot, kind, prop::option::weighted(0.3, lifecycle()))
        .prop_map(|(slot, kind, group)| Happening::Launch { slot, kind, group })
        .boxed()
}

fn to_an_instance(alive: Vec<u16>) -> BoxedStrategy<Happening> {
    let alive = if alive.is_empty() { vec![0] } else { alive };
    let slot = || prop::sample::select(alive.clone());
    let tag = prop_oneof![
        Just(WeightTag::Absent),
        any::<u8>().prop_map(WeightTag::Weight),
        Just(WeightTag::Garbage),
    ];
    prop_oneof![
        1 => (slot(), any::<bool>()).prop_map(|(slot, address)| Happening::Boot(slot, address)),
        2 => slot().prop_map(Happening::Associate),
        1 => slot().prop_map(Happening::Disassociate),
        2 => slot().prop_map(Happening::Stop),
        2 => (slot(), prop::bool::weighted(0.8)).prop_map(|(slot, address)| Happening::Start(slot, address)),
        2 => slot().prop_map(Happening::Terminate),
        2 => (0..Sizes::default().all_slots()).prop_map(Happening::Forget),
        3 => (slot(), lifecycle()).prop_map(|(slot, to)| Happening::Move(slot, to)),
        4 => (slot(), prop::bool::weighted(0.3)).prop_map(|(slot, selected)| Happening::Select(slot, selected)),
        3 => (0..2_u8, prop::bool::weighted(0.4)).prop_map(|(pool, selected)| Happening::SelectAll(pool, selected)),
        2 => (slot(), tag).prop_map(|(slot, tag)| Happening::Weigh(slot, tag)),
        1 => slot().prop_map(Happening::SpotWarning),
    ]
    .boxed()
}

fn to_events() -> BoxedStrategy<Happening> {
    prop_oneof![
        5 => (any::<u8>(), 0..EDGES, prop::bool::weighted(0.2))
            .prop_map(|(index, edge, again)| Happening::Deliver { index, edge, again }),
        1 => any::<u8>().prop_map(Happening::Lose),
    ]
    .boxed()
}

fn edit() -> BoxedStrategy<DocumentChange> {
    let routing = prop_oneof![
        2 => Just(Routing::Weighted), 1 => Just(Routing::Multivalue), 1 => Just(Routing::Simple),
    ];
    let when_empty =
        prop_oneof![Just(WhenEmpty::Remove), Just(WhenEmpty::KeepLast), Just(WhenEmpty::Fallback)];
    let state = prop_oneof![
        8 => Just(PoolState::Active), 1 => Just(PoolState::Paused), 1 => Just(PoolState::Retired),
    ];
    prop_oneof![
        4 => prop_oneof![Just(20), Just(30), Just(60)].prop_map(DocumentChange::Ttl),
        1 => prop_oneof![Just(0), Just(1), Just(100)].prop_map(DocumentChange::DefaultWeight),
        1 => (1..3_u32).prop_map(DocumentChange::Removals),
        3 => when_empty.prop_map(DocumentChange::WhenEmpty),
        3 => state.prop_map(DocumentChange::State),
        3 => routing.prop_map(DocumentChange::Routing),
        1 => any::<bool>().prop_map(DocumentChange::Broken),
    ]
    .boxed()
}

fn to_the_hosted_zone() -> BoxedStrategy<Happening> {
    let kind = prop_oneof![
        3 => any::<bool>().prop_map(|own_ttl| ForeignKind::Weighted { own_ttl }),
        1 => any::<bool>().prop_map(|own_ttl| ForeignKind::Multivalue { own_ttl }),
        1 => Just(ForeignKind::Simple),
        1 => Just(ForeignKind::Cname),
    ];
    prop_oneof![
        3 => (0..2_u8, kind).prop_map(|(pool, kind)| Happening::Foreign(pool, kind)),
        2 => (0..2_u8).prop_map(Happening::ForeignGone),
        1 => (0..2_u8, any::<u8>()).prop_map(|(pool, which)| Happening::Vandalise(pool, which)),
    ]
    .boxed()
}

fn time() -> BoxedStrategy<u16> {
    prop_oneof![2 => 1..12_u16, 1 => 12..120_u16, 1 => 120..1_200_u16].boxed()
}

fn fleet_read() -> BoxedStrategy<FleetRead> {
    prop_oneof![
        10 => Just(FleetRead::Whole),
        2 => (0..5_u16).prop_map(FleetRead::First),
        1 => Just(FleetRead::Fails),
        1 => Just(FleetRead::WrongRegion),
        1 => Just(FleetRead::Before),
    ]
    .boxed()
}

fn groups_read() -> BoxedStrategy<GroupsRead> {
    prop_oneof![8 => Just(GroupsRead::Whole), 1 => Just(GroupsRead::Fails)].boxed()
}

fn to_the_registrar() -> BoxedStrategy<Happening> {
    let edge = || 0..EDGES;
    let reads = || (0..EDGES, fleet_read(), groups_read());
    prop_oneof![
        6 => reads().prop_map(|(edge, fleet, groups)| Happening::Sweep(edge, fleet, groups)),
        3 => reads().prop_map(|(edge, fleet, groups)| Happening::Begin(edge, fleet, groups)),
        3 => (edge(), 1..5_u8).prop_map(|(edge, count)| Happening::Steps(edge, count)),
        1 => (edge(), prop::bool::weighted(0.7))
            .prop_map(|(edge, memory_kept)| Happening::Crash { edge, memory_kept }),
        2 => (edge(), faults()).prop_map(|(edge, faults)| Happening::Faults(edge, faults)),
        1 => outage(),
    ]
    .boxed()
}

fn outage() -> BoxedStrategy<Happening> {
    let plane = prop_oneof![
        Just(Plane::Ec2),
        Just(Plane::AutoScaling),
        Just(Plane::Route53),
        Just(Plane::Events),
        Just(Plane::Region),
    ];
    let kind = prop_oneof![Just(OutageKind::Fails), Just(OutageKind::Stale)];
    (prop::option::of(0..EDGES), plane, kind, 1..90_u16)
        .prop_map(|(edge, plane, kind, secs)| Happening::Outage { edge, plane, kind, secs })
        .boxed()
}

fn faults() -> BoxedStrategy<Route53Faults> {
    let some = |most: u32| prop_oneof![2 => Just(0), 1 => 1..=most];
    let changes = (some(9), some(3), some(2), some(2));
    (changes, some(2), some(1))
        .prop_map(|((throttle, prior_request_not_complete, lose_reply, lose_request), fail, truncate)| {
            Route53Faults {
                throttle,
                prior_request_not_complete,
                lose_reply,
                lose_request,
                fail_listing: fail,
                truncate_listing: truncate,
            }
        })
        .boxed()
}

/// What came about how often.
type Tally = BTreeMap<String, usize>;

/// Plays one case from its beginning, and lets it settle.
fn play(mut truth: Truth, happenings: Vec<Happening>, mut seen: impl FnMut()) -> Result<Tally, String> {
    let mut stage = Stage::new(u64::from(EDGES), &truth)?;
    for happening in happenings {
        seen();
        stage.play(&mut truth, &happening).map_err(|what| format!("{happening:?}: {what}"))?;
    }
    stage.settle(&truth).map_err(|what| format!("in the end: {what}"))?;
    Ok(stage.tally)
}

fn run_case(config: &Config, seed: u64, tally: &RefCell<Tally>) -> Result<(), String> {
    let config = Config {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: config.max_shrink_iters.min(MOST_SHRINKING),
        ..config.clone()
    };
    let mut runner = TestRunner::new(config);
    let strategy = Reference::sequential_strategy(LONGEST / 2..=LONGEST);
    let result = runner.run(&strategy, |(truth, happenings, counter)| {
        // Once shrinking has begun there is no counter any more.
        let seen = || {
            if let Some(counter) = &counter {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        };
        let of_case = play(truth, happenings, seen).map_err(TestCaseError::fail)?;
        for (what, count) in of_case {
            *tally.borrow_mut().entry(what).or_insert(0) += count;
        }
        Ok(())
    });
    match result {
        Ok(()) => Ok(()),
        Err(TestError::Abort(reason)) => Err(reason.to_string()),
        Err(TestError::Fail(reason, (_, happenings, _))) => {
            let lines: Vec<String> = happenings.iter().map(|it| format!("  {it:?}")).collect();
            Err(format!(
                "{reason}\nafter:\n{}\nreplay it with: PROPTEST_CASES=1 PROPTEST_RNG_SEED={seed} \
                 cargo test -p registrar-tests --test model",
                lines.join("\n")
            ))
        }
    }
}

#[test]
fn whatever_happens_the_rules_hold_and_the_records_follow_the_fleet_in_the_end() {
    let config = Config::default();
    let first = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => FIRST_SEED,
    };
    let tally = RefCell::default();
    for case in 0..u64::from(config.cases) {
        if let Err(failure) = run_case(&config, first.wrapping_add(case), &tally) {
            panic!("{failure}");
        }
    }
    println!("{:#?}", tally.borrow());
    if config.cases >= 256 {
        nothing_was_in_vain(&tally.borrow());
    }
}

/// A model that does nothing finds nothing: what the rules are about has to come about.
fn nothing_was_in_vain(tally: &Tally) {
    let wanted = [
        ("CREATE", 500),
        ("DELETE", 200),
        ("go: dead", 100),
        ("go: within-budget", 20),
        ("go: moved", 20),
        ("go: document", 20),
        ("go: reweighted", 10),
        ("held: unknown", 50),
        ("held: removal-budget", 5),
        ("held: last-record", 20),
        ("held: keep-last", 5),
        ("held: foreign-record", 50),
        ("held: foreign-ttl", 20),
        ("held: hosted-zone-incomplete", 20),
        ("held: wrong-account-or-region", 20),
        ("held: paused", 20),
        ("lost replies", 20),
        ("wait: Throttled", 50),
        ("wait: PriorRequestNotComplete", 20),
    ];
    for (what, least) in wanted {
        let count = tally.get(what).copied().unwrap_or(0);
        assert!(count >= least, "{what} came about {count} times, not {least}: {tally:#?}");
    }
}

/// Plays a short story on one edge, without an end.
fn story(happenings: &[Happening]) -> (Stage, Truth) {
    let mut truth = Truth::default();
    let mut stage = Stage::new(1, &truth).unwrap();
    for happening in happenings {
        stage.play(&mut truth, happening).unwrap();
    }
    (stage, truth)
}

fn launch(slot: u16) -> Happening {
    Happening::Launch { slot, kind: LaunchKind::Addressed, group: None }
}

const SWEEP: Happening = Happening::Sweep(0, FleetRead::Whole, GroupsRead::Whole);

#[test]
fn an_empty_pool_may_go_from_a_fallback_to_keeping_the_last() {
    let _ = story(&[
        Happening::Edit(1, DocumentChange::WhenEmpty(WhenEmpty::Fallback)),
        SWEEP,
        Happening::Edit(1, DocumentChange::WhenEmpty(WhenEmpty::KeepLast)),
        SWEEP,
    ]);
}

#[test]
fn a_dead_record_may_go_although_its_fallback_has_to_wait_for_the_whole_listing() {
    let truncated = Route53Faults { truncate_listing: 1, ..Route53Faults::default() };
    // Half of the listing ends after the second pool's record: start of authority, name servers, games.
    let (stage, truth) = story(&[
        launch(5),
        launch(0),
        launch(1),
        launch(2),
        SWEEP,
        Happening::Terminate(5),
        Happening::Edit(1, DocumentChange::WhenEmpty(WhenEmpty::Fallback)),
        Happening::Faults(0, truncated),
        SWEEP,
    ]);
    let zone = stage.zone();
    let published = zone.published(&truth.sizes.pool(1));
    assert!(published.entries.is_empty(), "nothing was done at all: {published:?}");
}

#[test]
fn a_change_to_weighted_routing_gives_every_member_its_own_weight_at_once() {
    let (stage, truth) = story(&[
        Happening::Edit(0, DocumentChange::Routing(Routing::Multivalue)),
        launch(0),
        Happening::Weigh(0, WeightTag::Weight(0)),
        SWEEP,
        Happening::Edit(0, DocumentChange::Routing(Routing::Weighted)),
        SWEEP,
    ]);
    expected::check(&truth, &stage.zone()).unwrap();
}

#[test]
fn a_stop_that_arrives_after_the_relaunch_was_seen_removes_nothing_at_a_partial_read() {
    let (stage, truth) = story(&[
        launch(0),
        launch(1),
        Happening::Stop(0),
        Happening::Start(0, true),
        SWEEP,
        // The first two events tell of the launches, the third of the stop.
        Happening::Deliver { index: 2, edge: 0, again: false },
        Happening::Sweep(0, FleetRead::First(0), GroupsRead::Whole),
    ]);
    expected::check(&truth, &stage.zone()).unwrap();
}

#[test]
fn a_removal_whose_reply_is_lost_counts_against_the_budget() {
    let lose_reply = Route53Faults { lose_reply: 1, ..Route53Faults::default() };
    let (stage, truth) = story(&[
        Happening::Edit(0, DocumentChange::Removals(1)),
        launch(0),
        launch(1),
        launch(2),
        launch(3),
        SWEEP,
        Happening::Select(0, false),
        Happening::Select(1, false),
        Happening::Select(2, false),
        Happening::Faults(0, lose_reply),
        SWEEP,
    ]);
    let zone = stage.zone();
    let published = zone.published(&truth.sizes.pool(0));
    assert_eq!(published.entries.len(), 3, "one of four may go within the window");
}
