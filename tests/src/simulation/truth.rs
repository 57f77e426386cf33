//! How things really are: the fleet, the documents, the time, and the events that are on their way.
//!
//! It is the reference state of the model. It knows nothing of records or registrars.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::InstanceState;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::fleet::{EmbeddedFleet, EmbeddedInstance};
use serde_json::{Value, json};

use super::document::{Document, DocumentChange};
use super::happening::{Happening, LaunchKind, Lifecycle, WeightTag};
use super::known;

/// The pools, by number.
pub const POOLS: [&str; 2] = ["video", "games"];

/// Places for instances: the first five are of the first pool, the others of the second.
pub const SLOTS: u8 = 7;

pub(crate) const SELECTION_TAG: &str = "edge-dns";
pub(crate) const WEIGHT_TAG: &str = "edge-dns-weight";
const GROUP: &str = "edge-group";

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// EC2 names a state.
    State(InstanceState),
    /// Auto Scaling takes the instance into its group.
    IntoGroup,
    /// Auto Scaling takes the instance out of its group.
    OutOfGroup,
    /// EC2 takes the Spot instance back.
    SpotWarning,
}

/// An event that was sent and has not arrived, or will arrive again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The instance.
    pub instance: InstanceId,
    /// What it says.
    pub kind: EventKind,
    /// When that happened.
    pub at: Timestamp,
}

/// How things really are.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The time.
    pub now: Timestamp,
    /// The instances and their groups.
    pub fleet: EmbeddedFleet,
    /// The instances as they were before the last change.
    pub before: EmbeddedFleet,
    /// The documents by pool.
    pub documents: BTreeMap<PoolName, Document>,
    /// The events that are on their way.
    pub bag: Vec<Event>,
    slots: BTreeMap<u8, InstanceId>,
    launches: u64,
}

impl Default for Truth {
    fn default() -> Self {
        let documents = POOLS.map(|pool| (known(pool), Document::of(&known(pool))));
        Self {
            now: known("2026-11-21T10:00:00Z"),
            fleet: EmbeddedFleet::default(),
            before: EmbeddedFleet::default(),
            documents: documents.into(),
            bag: Vec::new(),
            slots: BTreeMap::new(),
            launches: 0,
        }
    }
}

impl Truth {
    /// Lets something happen. Everything takes a second, so that no two things happen at once.
    pub fn apply(&mut self, happening: &Happening) {
        self.now += SignedDuration::from_secs(1);
        let fleet = self.fleet.clone();
        match *happening {
            Happening::Launch { slot, kind, group } => self.launch(slot, kind, group),
            Happening::Boot(slot, address) => self.boot(slot, address),
            Happening::Start(slot, address) => self.start(slot, address),
            Happening::Associate(slot) => self.associate(slot, true),
            Happening::Disassociate(slot) => self.associate(slot, false),
            Happening::Stop(slot) => self.stop(slot),
            Happening::Terminate(slot) => self.terminate(slot),
            Happening::Forget(slot) => self.forget(slot),
            Happening::Move(slot, to) => self.move_to(slot, to),
            Happening::Select(slot, selected) => self.select(slot, selected),
            Happening::SelectAll(pool, selected) => {
                let of_pool = |slot: &u8| pool_of(*slot) == pool_name(pool);
                (0..SLOTS).filter(of_pool).for_each(|slot| self.select(slot, selected));
            }
            Happening::Weigh(slot, tag) => self.weigh(slot, tag),
            Happening::SpotWarning(slot) => self.send(slot, EventKind::SpotWarning),
            Happening::Deliver { index, again, .. } => self.take_event(index, again),
            Happening::Lose(index) => self.take_event(index, false),
            Happening::Edit(pool, change) => self.edit(&pool_name(pool), change),
            Happening::Pass(secs) => self.now += SignedDuration::from_secs(i64::from(secs)),
            Happening::Foreign(..)
            | Happening::ForeignGone(_)
            | Happening::Vandalise(_)
            | Happening::Faults(..)
            | Happening::Sweep(..)
            | Happening::Begin(..)
            | Happening::Steps(..)
            | Happening::Crash { .. } => {}
        }
        if self.fleet != fleet {
            self.before = fleet;
        }
    }

    fn edit(&mut self, pool: &PoolName, change: DocumentChange) {
        if let Some(document) = self.documents.get_mut(pool) {
            document.change(change);
        }
    }

    /// Returns the event that a delivery takes out of the bag.
    #[must_use]
    pub fn event(&self, index: u8) -> Option<&Event> {
        self.bag.get(usize::from(index).checked_rem(self.bag.len())?)
    }

    /// Says whether there is an instance in this place that has not ended for good.
    #[must_use]
    pub fn is_alive(&self, slot: u8) -> bool {
        !matches!(self.state(slot), None | Some(InstanceState::Terminated))
    }

    fn take_event(&mut self, index: u8, again: bool) {
        if !again && let Some(place) = usize::from(index).checked_rem(self.bag.len()) {
            self.bag.remove(place);
        }
    }

    fn at(&mut self, slot: u8) -> Option<&mut EmbeddedInstance> {
        self.fleet.instances.get_mut(self.slots.get(&slot)?)
    }

    fn state(&self, slot: u8) -> Option<InstanceState> {
        self.fleet.instances.get(self.slots.get(&slot)?).map(|instance| instance.state)
    }

    fn send(&mut self, slot: u8, kind: EventKind) {
        if let Some(instance) = self.slots.get(&slot).cloned() {
            self.bag.push(Event { instance, kind, at: self.now });
        }
    }

    /// Addresses are few, so that a new instance gets one that an ended one had.
    fn free_address(&self) -> Ipv4Addr {
        let taken = |ip: &Ipv4Addr| self.fleet.instances.values().any(|it| it.carrier_ip == Some(*ip));
        let addresses = (1..=u8::MAX).map(|last| Ipv4Addr::new(155, 146, 0, last));
        addresses.into_iter().find(|ip| !taken(ip)).unwrap_or(Ipv4Addr::new(155, 146, 1, 1))
    }

    fn launch(&mut self, slot: u8, kind: LaunchKind, group: Option<Lifecycle>) {
        if self.is_alive(slot) {
            return;
        }
        self.launches += 1;
        let id = format!("i-{slot:02x}{:015x}", self.launches);
        let running =
            if kind == LaunchKind::Pending { InstanceState::Pending } else { InstanceState::Running };
        let instance = EmbeddedInstance {
            state: running,
            launched_at: self.now,
            zone: known("us-east-1-wl1-bos-wlz-1"),
            carrier_ip: (kind == LaunchKind::Addressed).then(|| self.free_address()),
            tags: BTreeMap::from([(SELECTION_TAG.to_owned(), pool_of(slot).to_string())]),
            group: group.map(|lifecycle| (known(GROUP), lifecycle.name().to_owned())),
        };
        self.slots.insert(slot, known(&id));
        self.fleet.instances.insert(known(&id), instance);
        self.send(slot, EventKind::State(running));
        if group == Some(Lifecycle::InService) {
            self.send(slot, EventKind::IntoGroup);
        }
    }

    fn boot(&mut self, slot: u8, address: bool) {
        if self.state(slot) == Some(InstanceState::Pending) {
            self.run(slot, address);
        }
    }

    fn start(&mut self, slot: u8, address: bool) {
        if self.state(slot) == Some(InstanceState::Stopped) {
            let now = self.now;
            if let Some(instance) = self.at(slot) {
                instance.launched_at = now;
            }
            self.run(slot, address);
        }
    }

    fn run(&mut self, slot: u8, address: bool) {
        let carrier_ip = address.then(|| self.free_address());
        if let Some(instance) = self.at(slot) {
            instance.state = InstanceState::Running;
            instance.carrier_ip = carrier_ip;
        }
        self.send(slot, EventKind::State(InstanceState::Running));
    }

    fn associate(&mut self, slot: u8, address: bool) {
        let carrier_ip = address.then(|| self.free_address());
        if let Some(instance) = self.at(slot).filter(|instance| instance.state == InstanceState::Running) {
            instance.carrier_ip = carrier_ip;
        }
    }

    fn stop(&mut self, slot: u8) {
        if let Some(instance) = self.at(slot).filter(|instance| instance.state == InstanceState::Running) {
            instance.state = InstanceState::Stopped;
            instance.carrier_ip = None;
            self.send(slot, EventKind::State(InstanceState::Stopping));
            self.send(slot, EventKind::State(InstanceState::Stopped));
        }
    }

    fn terminate(&mut self, slot: u8) {
        let alive = |instance: &&mut EmbeddedInstance| instance.state != InstanceState::Terminated;
        if let Some(instance) = self.at(slot).filter(alive) {
            instance.state = InstanceState::Terminated;
            instance.carrier_ip = None;
            instance.group = None;
            instance.tags.clear();
            self.send(slot, EventKind::State(InstanceState::ShuttingDown));
            self.send(slot, EventKind::State(InstanceState::Terminated));
        }
    }

    fn forget(&mut self, slot: u8) {
        if self.state(slot) == Some(InstanceState::Terminated)
            && let Some(id) = self.slots.remove(&slot)
        {
            self.fleet.instances.remove(&id);
        }
    }

    /// Auto Scaling never takes back an instance that it is terminating.
    fn move_to(&mut self, slot: u8, to: Lifecycle) {
        let Some(instance) = self.at(slot) else { return };
        let Some((_, state)) = &mut instance.group else { return };
        if *state == to.name() || *state == Lifecycle::TerminatingWait.name() || to == Lifecycle::PendingWait
        {
            return;
        }
        to.name().clone_into(state);
        match to {
            Lifecycle::InService => self.send(slot, EventKind::IntoGroup),
            Lifecycle::TerminatingWait => self.send(slot, EventKind::OutOfGroup),
            Lifecycle::Standby | Lifecycle::PendingWait => {}
        }
    }

    fn select(&mut self, slot: u8, selected: bool) {
        let pool = if selected { pool_of(slot).to_string() } else { "nobody".to_owned() };
        let alive = |instance: &&mut EmbeddedInstance| instance.state != InstanceState::Terminated;
        if let Some(instance) = self.at(slot).filter(alive) {
            instance.tags.insert(SELECTION_TAG.to_owned(), pool);
        }
    }

    fn weigh(&mut self, slot: u8, tag: WeightTag) {
        let Some(instance) = self.at(slot) else { return };
        let value = match tag {
            WeightTag::Absent => {
                instance.tags.remove(WEIGHT_TAG);
                return;
            }
            WeightTag::Weight(weight) => weight.to_string(),
            WeightTag::Garbage => "a lot".to_owned(),
        };
        instance.tags.insert(WEIGHT_TAG.to_owned(), value);
    }
}

impl Event {
    /// Prints it as EventBridge delivers it.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { instance, kind, at } = self;
        let of_ec2 = |detail_type: &str, detail: Value| json!({ "source": "aws.ec2", "detail-type": detail_type, "time": at, "detail": detail });
        let of_group = |detail_type: &str| {
            json!({ "source": "aws.autoscaling", "detail-type": detail_type, "time": at, "detail": {
                "EC2InstanceId": instance, "AutoScalingGroupName": GROUP,
            }})
        };
        let envelope = match kind {
            EventKind::State(state) => of_ec2(
                "EC2 Instance State-change Notification",
                json!({ "instance-id": instance, "state": state.to_string() }),
            ),
            EventKind::SpotWarning => {
                of_ec2("EC2 Spot Instance Interruption Warning", json!({ "instance-id": instance }))
            }
            EventKind::IntoGroup => of_group("EC2 Instance Launch Successful"),
            EventKind::OutOfGroup => of_group("EC2 Instance-terminate Lifecycle Action"),
        };
        envelope.to_string()
    }

    /// Says whether it says that the instance serves no longer.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        match self.kind {
            EventKind::State(state) => state.is_terminal(),
            EventKind::OutOfGroup | EventKind::SpotWarning => true,
            EventKind::IntoGroup => false,
        }
    }
}

/// Returns the name of a pool by its number.
#[must_use]
pub fn pool_name(pool: u8) -> PoolName {
    known(POOLS[usize::from(pool) % POOLS.len()])
}

fn pool_of(slot: u8) -> PoolName {
    pool_name(u8::from(slot >= 5))
}
