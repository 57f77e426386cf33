//! The execution machine against permissions that deny by what is in a request: whose changes are made all
//! the same, whose are handed back, and what that costs.
//!
//! Plans come from the real planner for several pools of one hosted zone. IAM's conditions deny a request
//! for any one change that it contains, which is what the Route 53 here does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot set its scene has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use registrar_core::address::{Addresses, CarrierIp};
use registrar_core::execute::{Effect, Execution, LookReason, Outcome, Reply};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::PoolName;
use registrar_core::inventory::{EventMemory, Fleet, Groups, HostedZone, Instance, InstanceState, Inventory};
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Batch, Change, Plan, PlanInput, Unit, Urgency};
use registrar_core::pool::Pool;
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};

/// Two instances of each pool launch, and one has ended and still has its record: a batch that removes, and
/// one that adds.
const BATCHES: usize = 2;

fn pool(number: usize) -> PoolName {
    format!("pool-{number}").parse().unwrap()
}

fn name(pool: &str) -> String {
    format!("{pool}.edge.example.com")
}

fn document(pool: &str) -> String {
    format!(
        r#"{{"version":1,"record":{{"hosted_zone_id":"Z1","name":"{}"}},"members":{{"tags":{{"edge-dns":"{pool}"}}}}}}"#,
        name(pool)
    )
}

fn instance(pool: usize, number: u8, state: InstanceState) -> Instance {
    let carrier = Ipv4Addr::new(155, 146, u8::try_from(pool).unwrap(), number);
    Instance {
        id: format!("i-{pool:08x}{number:09x}").parse().unwrap(),
        state: Some(state),
        launched_at: Some("2026-11-21T09:00:00Z".parse().unwrap()),
        zone: None,
        tags: BTreeMap::from([("edge-dns".to_owned(), format!("pool-{pool}"))]),
        addresses: Addresses { carrier: Some(CarrierIp(carrier)), ..Addresses::default() },
    }
}

/// A record of somebody else keeps the name answering, so that the dead go in a batch of their own.
fn foreign(pool: usize) -> RecordSet {
    let values = vec!["192.0.2.1".to_owned()];
    let at = name(&format!("pool-{pool}")).parse().unwrap();
    let mut record = RecordSet::simple(at, RecordType::A, 20, values);
    record.set_identifier = Some("theirs".to_owned());
    record.weight = Some(1);
    record
}

/// What happens to a request that is permitted.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Throttled,
    PriorRequestNotComplete,
    Refused,
    LostBefore,
    LostAfter,
}

struct Scene {
    now: Timestamp,
    pools: usize,
    fleet: Vec<Instance>,
    records: Vec<RecordSet>,
    /// What was asked for, in order, and whether it was denied.
    requests: Vec<(Batch, bool)>,
    looks: Vec<LookReason>,
    /// What happens to permitted requests, by their number among all.
    troubles: BTreeMap<usize, Trouble>,
}

impl Scene {
    fn with_pools(pools: usize) -> Self {
        let each =
            |number: u8, state: InstanceState| (0..pools).map(move |pool| instance(pool, number, state));
        let mut scene = Self {
            now: "2026-11-21T10:00:00Z".parse().unwrap(),
            pools,
            fleet: each(9, InstanceState::Running).collect(),
            records: Vec::new(),
            requests: Vec::new(),
            looks: Vec::new(),
            troubles: BTreeMap::new(),
        };
        assert!(scene.run(|_| false).is_complete());
        scene.requests.clear();
        scene.records.extend((0..pools).map(foreign));
        scene.fleet = each(1, InstanceState::Running)
            .chain(each(2, InstanceState::Running))
            .chain(each(9, InstanceState::Terminated))
            .collect();
        scene
    }

    fn look(&self) -> (CheckedPlan, Inventory) {
        let pools: Vec<Pool> = (0..self.pools)
            .map(|number| Pool::read(pool(number), &document(pool(number).as_str())))
            .collect();
        let instances = self.fleet.iter().map(|instance| (instance.id.clone(), instance.clone())).collect();
        let zone = HostedZone::from_records(self.records.clone(), None);
        let inventory = Inventory {
            observed_at: self.now,
            fleet: Fleet { instances, ..Fleet::default() },
            groups: Groups::default(),
            hosted_zones: BTreeMap::from([("Z1".parse().unwrap(), zone)]),
            memory: EventMemory::default(),
        };
        let input = PlanInput {
            deployment: &"default".parse().unwrap(),
            pools: &pools,
            inventory: &inventory,
            ledger: &RemovalLedger::default(),
            orders: &Orders::default(),
            tree: registrar_core::tree::TreeLimits::default(),
        };
        (CheckedPlan::new(Plan::new(input), &pools, &inventory).unwrap(), inventory)
    }

    /// Pumps the machine to its end, with a policy that denies requests with such a change.
    fn run(&mut self, denies: impl Fn(&Change) -> bool) -> Outcome {
        let (plan, _) = self.look();
        let mut execution = Execution::new(plan, self.now + SignedDuration::from_secs(300), 7);
        for _ in 0..10_000 {
            match execution.next(self.now) {
                Effect::Done(outcome) => return outcome,
                Effect::WaitUntil { at, .. } => self.now = at,
                Effect::LookAgain(reason) => {
                    self.looks.push(reason);
                    let (plan, inventory) = self.look();
                    execution.looked(Ok((plan, &inventory)), self.now);
                }
                Effect::Submit(batch) => {
                    let is_denied = batch.changes().any(&denies);
                    let reply = if is_denied {
                        Reply::Denied("AccessDenied".to_owned())
                    } else {
                        self.permitted(&batch)
                    };
                    self.requests.push((batch, is_denied));
                    execution.replied(reply, self.now);
                }
            }
        }
        panic!("the machine did not come to an end");
    }

    fn permitted(&mut self, batch: &Batch) -> Reply {
        let lost = || Reply::Lost("no reply came".to_owned());
        match self.troubles.get(&self.requests.len()) {
            Some(Trouble::Throttled) => return Reply::Throttled,
            Some(Trouble::PriorRequestNotComplete) => return Reply::PriorRequestNotComplete,
            Some(Trouble::Refused) => return Reply::InvalidChangeBatch(vec!["no".to_owned()]),
            Some(Trouble::LostBefore) => return lost(),
            Some(Trouble::LostAfter) | None => {}
        }
        for change in batch.changes() {
            match change.action {
                ChangeAction::Delete => {
                    let count = self.records.len();
                    self.records.retain(|record| *record != *change.record);
                    assert_eq!(self.records.len() + 1, count, "{} was not there", change.record);
                }
                ChangeAction::Create => self.records.push(change.record.as_ref().clone()),
            }
        }
        let is_lost = self.troubles.contains_key(&self.requests.len());
        if is_lost { lost() } else { Reply::Accepted { change_id: format!("C{}", self.requests.len()) } }
    }

    /// Returns the numbers of the instances that a pool's own records publish.
    fn published(&self, number: usize) -> Vec<&str> {
        let prefix = format!("registrar/default/pool-{number}/");
        let marks = self.records.iter().filter_map(|record| record.set_identifier.as_deref());
        let mut shown: Vec<&str> =
            marks.filter(|mark| mark.starts_with(&prefix)).map(|mark| &mark[mark.len() - 1..]).collect();
        shown.sort_unstable();
        shown
    }

    fn denied_requests(&self) -> usize {
        self.requests.iter().filter(|(_, is_denied)| *is_denied).count()
    }
}

fn of_pools(denied: &BTreeSet<usize>) -> impl Fn(&Change) -> bool + use<> {
    let names: BTreeSet<String> = denied.iter().map(|number| name(&format!("pool-{number}"))).collect();
    move |change| names.contains(change.record.name.to_string().trim_end_matches('.'))
}

fn pools_of(units: &[Unit]) -> BTreeSet<PoolName> {
    units.iter().map(|unit| unit.pool.clone()).collect()
}

/// Checks that the denied pools are as they were, and every other one as it should be.
fn is_right(scene: &Scene, outcome: &Outcome, denied: &BTreeSet<usize>, about: &str) {
    for number in 0..scene.pools {
        let expected = if denied.contains(&number) { vec!["9"] } else { vec!["1", "2"] };
        assert_eq!(scene.published(number), expected, "pool {number}, {about}");
        let why = outcome.why_handed_back(&pool(number));
        assert_eq!(why, denied.contains(&number).then_some("AccessDenied"), "pool {number}, {about}");
    }
    assert_eq!(outcome.handed_back.len(), denied.len() * 3, "each unit is handed back once, {about}");
    assert_eq!(pools_of(&outcome.handed_back), denied.iter().copied().map(pool).collect(), "{about}");
    assert_eq!(outcome.denied.is_some(), !denied.is_empty(), "{about}");
    assert_eq!((outcome.is_complete(), outcome.poison.len()), (denied.is_empty(), 0), "{about}");
    assert_eq!(outcome.submitted, scene.requests.len(), "every request counts, {about}");
}

fn subsets(of: usize) -> impl Iterator<Item = BTreeSet<usize>> {
    (0_u32..1 << of).map(move |bits| (0..of).filter(|number| bits & (1 << number) != 0).collect())
}

#[test]
fn whichever_pools_are_denied_every_other_one_is_applied_whole() {
    for denied in subsets(5) {
        let mut scene = Scene::with_pools(5);
        let outcome = scene.run(of_pools(&denied));
        is_right(&scene, &outcome, &denied, &format!("denied {denied:?}"));
        assert_eq!(scene.looks, [], "nothing has to be looked at for that");
        let most = if denied.is_empty() { BATCHES } else { BATCHES + 5 };
        assert!(scene.requests.len() <= most, "{} requests with {denied:?} denied", scene.requests.len());
    }
}

#[test]
fn the_dead_of_the_other_pools_go_before_anything_is_added() {
    let mut scene = Scene::with_pools(4);
    let outcome = scene.run(of_pools(&BTreeSet::from([1])));
    let urgencies: Vec<Urgency> =
        outcome.applied.iter().flat_map(|applied| &applied.batch.units).map(|unit| unit.urgency).collect();
    assert!(urgencies.is_sorted(), "{urgencies:?}");
    assert_eq!(urgencies.iter().filter(|urgency| **urgency == Urgency::RemoveDead).count(), 3);
}

#[test]
fn a_pool_that_is_denied_is_not_asked_for_again_and_the_rest_goes_together() {
    let mut scene = Scene::with_pools(3);
    let outcome = scene.run(of_pools(&BTreeSet::from([1])));
    let asked: Vec<(Vec<String>, bool)> = scene
        .requests
        .iter()
        .map(|(batch, is_denied)| {
            (pools_of(&batch.units).iter().map(ToString::to_string).collect(), *is_denied)
        })
        .collect();
    let names = |numbers: &[usize]| numbers.iter().map(|number| pool(*number).to_string()).collect();
    let expected = [
        (names(&[0, 1, 2]), true),
        (names(&[0]), false),
        (names(&[1]), true),
        (names(&[2]), false),
        (names(&[0, 2]), false),
    ];
    assert_eq!(asked, expected);
    assert_eq!(outcome.denied.as_deref(), Some("pool pool-1: AccessDenied"));
}

#[test]
fn where_only_additions_are_denied_the_dead_go_all_the_same() {
    let mut scene = Scene::with_pools(3);
    let outcome = scene.run(|change| change.action == ChangeAction::Create);
    for number in 0..3 {
        assert_eq!(scene.published(number), [""; 0]);
    }
    assert_eq!(outcome.handed_back.len(), 3 * 2);
    assert!(outcome.handed_back.iter().all(|unit| unit.urgency == Urgency::Add));
    assert_eq!(scene.requests.len(), 1 + 1 + 3);
}

#[test]
fn a_hosted_zone_that_denies_everything_costs_one_request_a_pool_and_one_more() {
    let mut scene = Scene::with_pools(7);
    let outcome = scene.run(|_| true);
    is_right(&scene, &outcome, &(0..7).collect(), "all denied");
    assert_eq!(scene.requests.len(), 1 + 7);
    let denied = outcome.denied.unwrap();
    assert_eq!(denied, "pools pool-0, pool-1, pool-2 and 4 more: AccessDenied");
}

#[test]
fn whatever_else_happens_on_the_way_the_right_pools_are_denied_and_the_requests_stay_few() {
    use Trouble::{LostAfter, LostBefore, PriorRequestNotComplete, Refused, Throttled};
    for trouble in [Throttled, PriorRequestNotComplete, Refused, LostBefore, LostAfter] {
        for at in 0..8 {
            for denied in subsets(3) {
                let mut scene = Scene::with_pools(3);
                scene.troubles.insert(at, trouble);
                let outcome = scene.run(of_pools(&denied));
                let about = format!("{trouble:?} at {at}, denied {denied:?}");
                is_right(&scene, &outcome, &denied, &about);
                assert!(
                    scene.denied_requests() <= 3 + 1,
                    "{} denied requests, {about}",
                    scene.denied_requests()
                );
            }
        }
    }
}

#[test]
fn a_pool_that_the_deadline_hands_back_is_not_said_to_be_denied() {
    let mut scene = Scene::with_pools(2);
    let (plan, _) = scene.look();
    let deadline = scene.now + SignedDuration::from_secs(5);
    let mut execution = Execution::new(plan, deadline, 7);
    let denies = of_pools(&BTreeSet::from([0]));
    for _ in 0..2 {
        let Effect::Submit(batch) = execution.next(scene.now) else { panic!("nothing is submitted") };
        assert!(batch.changes().any(&denies));
        execution.replied(Reply::Denied("AccessDenied".to_owned()), scene.now);
    }
    scene.now = deadline;
    let Effect::Done(outcome) = execution.next(scene.now) else { panic!("not done") };
    assert_eq!(outcome.why_handed_back(&pool(0)), Some("AccessDenied"));
    assert_eq!(outcome.why_handed_back(&pool(1)), Some("there was no time left for its changes"));
}
