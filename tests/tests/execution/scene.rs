//! A fleet, a hosted zone and a clock that only moves when the machine waits.
//!
//! It answers as each test says, and judges nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use registrar_core::address::{Addresses, CarrierIp};
use registrar_core::execute::{Effect, Execution, LookReason, Outcome, Reply};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::InstanceId;
use registrar_core::inventory::{EventMemory, Fleet, Groups, HostedZone, Instance, InstanceState, Inventory};
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Batch, Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};
use registrar_core::tree::TreeLimits;
use registrar_core::{SignedDuration, Timestamp};

pub(crate) const NAME: &str = "video.edge.example.com";
const POOL: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z1","name":"video.edge.example.com"},
    "members":{"tags":{"edge-dns":"video"}}}"#;

pub(crate) fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

pub(crate) fn secs(count: i64) -> SignedDuration {
    SignedDuration::from_secs(count)
}

pub(crate) fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().unwrap()
}

pub(crate) fn instance(number: usize, state: InstanceState) -> Instance {
    let carrier =
        Ipv4Addr::new(155, 146, u8::try_from(number / 250).unwrap(), u8::try_from(number % 250).unwrap());
    Instance {
        id: id(number),
        state: Some(state),
        launched_at: Some(start() - secs(3_600)),
        zone: None,
        tags: BTreeMap::from([("edge-dns".to_owned(), "video".to_owned())]),
        addresses: Addresses { carrier: Some(CarrierIp(carrier)), ..Addresses::default() },
    }
}

/// A weighted record of somebody else in the same set.
pub(crate) fn foreign(number: usize) -> RecordSet {
    let values = vec![format!("192.0.2.{number}")];
    let mut record = RecordSet::simple(NAME.parse().unwrap(), RecordType::A, 20, values);
    record.set_identifier = Some(format!("theirs-{number}"));
    record.weight = Some(1);
    record
}

/// What a reply is about: which units a request had, and how many went before it.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) batch: &'a Batch,
    /// How many requests were submitted before.
    pub(crate) before: usize,
}

impl Request<'_> {
    pub(crate) fn names(&self, instance: &InstanceId) -> bool {
        let names = |record: &RecordSet| {
            record.set_identifier.as_ref().is_some_and(|text| text.ends_with(instance.as_str()))
        };
        self.batch.changes().any(|change| names(&change.record))
    }
}

/// How the scripted Route 53 answers one request.
pub(crate) enum Answer {
    /// Applies it.
    Accept,
    /// Applies it, and the reply gets lost.
    AcceptInSilence,
    /// Gives this reply and changes nothing.
    Say(Reply),
}

pub(crate) fn refuse() -> Answer {
    Answer::Say(Reply::InvalidChangeBatch(vec!["Tried to create what is there".to_owned()]))
}

/// A fleet, a hosted zone and a clock that only moves when the machine waits.
pub(crate) struct Scene {
    pub(crate) now: Timestamp,
    pub(crate) fleet: Vec<Instance>,
    pub(crate) records: Vec<RecordSet>,
    pub(crate) looks: Vec<LookReason>,
    pub(crate) waits: Vec<SignedDuration>,
    pub(crate) requests: usize,
    /// How many changes each request had.
    pub(crate) sizes: Vec<usize>,
    pub(crate) tree: TreeLimits,
    /// How many record sets the hosted zone is said to have, where it was asked.
    pub(crate) record_count: Option<u64>,
}

impl Scene {
    pub(crate) fn with(fleet: Vec<Instance>) -> Self {
        Self {
            now: start(),
            fleet,
            records: Vec::new(),
            looks: Vec::new(),
            waits: Vec::new(),
            requests: 0,
            sizes: Vec::new(),
            tree: TreeLimits::default(),
            record_count: None,
        }
    }

    pub(crate) fn launching(count: usize) -> Self {
        Self::with((0..count).map(|number| instance(number, InstanceState::Running)).collect())
    }

    /// Instance 99 has ended and still has its record. A record of somebody else keeps the name
    /// answering, so that the removal goes out in a batch of its own.
    pub(crate) fn launching_beside_one_dead(count: usize) -> Self {
        let mut before = Self::with(vec![instance(99, InstanceState::Running)]);
        assert!(before.run(secs(30), |_, _| Answer::Accept).is_complete());
        let mut scene = Self::launching(count);
        scene.fleet.push(instance(99, InstanceState::Terminated));
        scene.records = before.records;
        scene.records.push(foreign(1));
        scene
    }

    pub(crate) fn look(&self) -> (CheckedPlan, Inventory) {
        let pools = [Pool::read("video".parse().unwrap(), POOL)];
        let instances = self.fleet.iter().map(|instance| (instance.id.clone(), instance.clone())).collect();
        let mut zone = HostedZone::from_records(self.records.clone(), None);
        zone.record_count = self.record_count;
        let inventory = Inventory {
            observed_at: self.now,
            fleet: Fleet { instances, ..Fleet::default() },
            groups: Groups::default(),
            hosted_zones: BTreeMap::from([("Z1".parse().unwrap(), zone)]),
            memory: EventMemory::default(),
        };
        let ledger = RemovalLedger::default();
        let deployment = "default".parse().unwrap();
        let orders = Orders::default();
        let input = PlanInput {
            deployment: &deployment,
            pools: &pools,
            inventory: &inventory,
            ledger: &ledger,
            orders: &orders,
            tree: self.tree,
        };
        (CheckedPlan::new(Plan::new(input), &pools, &inventory).unwrap(), inventory)
    }

    pub(crate) fn execution(&self, within: SignedDuration) -> Execution {
        Execution::new(self.look().0, self.now + within, 7)
    }

    pub(crate) fn apply(&mut self, batch: &Batch) {
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
    }

    /// Pumps the machine until it is done; `answer` may change the scene before the reply goes out.
    pub(crate) fn run(
        &mut self,
        within: SignedDuration,
        mut answer: impl FnMut(&mut Self, Request<'_>) -> Answer,
    ) -> Outcome {
        let mut execution = self.execution(within);
        for _ in 0..10_000 {
            match execution.next(self.now) {
                Effect::Done(outcome) => return outcome,
                Effect::WaitUntil { at, .. } => {
                    assert!(at > self.now, "a wait that is over is no wait");
                    self.waits.push(at.duration_since(self.now));
                    self.now = at;
                }
                Effect::LookAgain(reason) => {
                    self.looks.push(reason);
                    let (plan, inventory) = self.look();
                    execution.looked(Ok((plan, &inventory)), self.now);
                }
                Effect::Submit(batch) => {
                    let request = Request { batch: &batch, before: self.requests };
                    self.sizes.push(batch.changes().count());
                    let answer = answer(self, request);
                    self.requests += 1;
                    execution.replied(self.reply(answer, &batch), self.now);
                }
            }
        }
        panic!("the machine did not come to an end");
    }

    pub(crate) fn reply(&mut self, answer: Answer, batch: &Batch) -> Reply {
        match answer {
            Answer::Say(reply) => reply,
            Answer::Accept => {
                self.apply(batch);
                Reply::Accepted { change_id: format!("C{}", self.requests) }
            }
            Answer::AcceptInSilence => {
                self.apply(batch);
                Reply::Lost("no reply came".to_owned())
            }
        }
    }

    pub(crate) fn published(&self) -> BTreeSet<String> {
        self.records.iter().filter_map(|record| record.set_identifier.clone()).collect()
    }
}

pub(crate) fn marks(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| format!("registrar/default/video/{}", id(number))).collect()
}

pub(crate) fn answer_first(count: usize, reply: &Reply) -> impl FnMut(&mut Scene, Request<'_>) -> Answer {
    move |_, request| if request.before < count { Answer::Say(reply.clone()) } else { Answer::Accept }
}
