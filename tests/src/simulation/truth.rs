//! How things really are: the fleet, the documents, the time, and the events that are on their way.
//!
//! It is the reference state of the model. It knows nothing of records or registrars.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::InstanceState;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::fleet::{EmbeddedFleet, EmbeddedInstance};
use serde_json::{Value, json};

use super::document::{Document, DocumentChange};
use super::happening::{Happening, LaunchKind, Lifecycle, OutageKind, Plane, WeightTag};
use super::known;
use super::sizes::Sizes;

/// How long EC2 shows an instance that has ended (EC2 user guide, "Terminate Amazon EC2 instances": about an hour).
const SHOWN_WHEN_ENDED: SignedDuration = SignedDuration::from_hours(1);

/// How many events can be on their way: of more, the oldest are lost.
const MOST_EVENTS: usize = 200;

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

/// A part of the control plane that does not work for a while.
#[derive(Clone, Debug)]
pub struct Outage {
    /// For which edge, or for all.
    pub edge: Option<u8>,
    /// Which part.
    pub plane: Plane,
    /// How.
    pub kind: OutageKind,
    /// When it is over.
    pub until: Timestamp,
    /// The instances as they were when it began.
    pub fleet: Arc<EmbeddedFleet>,
}

/// How things really are.
#[derive(Clone, Debug)]
pub struct Truth {
    /// The time.
    pub now: Timestamp,
    /// How large everything is.
    pub sizes: Arc<Sizes>,
    /// The instances and their groups.
    pub fleet: Arc<EmbeddedFleet>,
    /// The instances as they were before the last change.
    pub before: Arc<EmbeddedFleet>,
    /// The documents by pool.
    pub documents: Arc<BTreeMap<PoolName, Document>>,
    /// The events that are on their way.
    pub bag: Vec<Event>,
    /// What does not work at the moment.
    pub outages: Vec<Outage>,
    /// The events that an outage held back and that come now, each to an edge or to all.
    pub flood: Vec<(Option<u8>, Event)>,
    slots: BTreeMap<u16, InstanceId>,
    ended: VecDeque<(Timestamp, InstanceId)>,
    launches: u64,
}

impl Default for Truth {
    fn default() -> Self {
        Self::new(Sizes::default())
    }
}

impl Truth {
    /// Returns how things are before anything has happened: pools without instances.
    #[must_use]
    pub fn new(sizes: Sizes) -> Self {
        let documents = sizes.names().into_iter().map(|pool| (pool.clone(), Document::of(&pool)));
        Self {
            now: known("2026-11-21T10:00:00Z"),
            fleet: Arc::default(),
            before: Arc::default(),
            documents: Arc::new(documents.collect()),
            bag: Vec::new(),
            outages: Vec::new(),
            flood: Vec::new(),
            slots: BTreeMap::new(),
            ended: VecDeque::new(),
            launches: 0,
            sizes: Arc::new(sizes),
        }
    }

    /// Lets something happen. Everything takes a second, so that no two things happen at once.
    pub fn apply(&mut self, happening: &Happening) {
        self.now += SignedDuration::from_secs(1);
        self.end_outages();
        self.forget_the_ended();
        let fleet = Arc::clone(&self.fleet);
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
                self.sizes.slots_of(pool).for_each(|slot| self.select(slot, selected));
            }
            Happening::Weigh(slot, tag) => self.weigh(slot, tag),
            Happening::SpotWarning(slot) => self.send(slot, EventKind::SpotWarning),
            Happening::Deliver { edge, .. } if self.outage(edge, Plane::Events).is_some() => {}
            Happening::Deliver { index, again, .. } => self.take_event(index, again),
            Happening::Lose(index) => self.take_event(index, false),
            Happening::Edit(pool, change) => self.edit(pool, change),
            Happening::Outage { edge, plane, kind, secs } => {
                let until = self.now + SignedDuration::from_secs(i64::from(secs));
                self.outages.push(Outage { edge, plane, kind, until, fleet: Arc::clone(&fleet) });
            }
            Happening::Pass(secs) => self.now += SignedDuration::from_secs(i64::from(secs)),
            Happening::Foreign(..)
            | Happening::ForeignGone(_)
            | Happening::Vandalise(..)
            | Happening::Faults(..)
            | Happening::Sweep(..)
            | Happening::Begin(..)
            | Happening::Steps(..)
            | Happening::Crash { .. } => {}
        }
        if !Arc::ptr_eq(&self.fleet, &fleet) && self.fleet != fleet {
            self.before = fleet;
        }
    }

    fn edit(&mut self, pool: u8, change: DocumentChange) {
        let pool = self.sizes.pool(pool);
        if let Some(document) = Arc::make_mut(&mut self.documents).get_mut(&pool) {
            document.change(change);
        }
    }

    /// What an outage held back comes when it is over, to everybody whom it was held back from.
    fn end_outages(&mut self) {
        self.flood.clear();
        let now = self.now;
        let (over, on): (Vec<_>, Vec<_>) = self.outages.drain(..).partition(|outage| outage.until <= now);
        self.outages = on;
        for outage in over.iter().filter(|outage| outage.plane.includes(Plane::Events)) {
            self.flood.extend(self.bag.iter().map(|event| (outage.edge, event.clone())));
        }
        if over.iter().any(|outage| outage.plane.includes(Plane::Events) && outage.edge.is_none()) {
            self.bag.clear();
        }
    }

    /// Returns the outage of a part of the control plane that an edge sees.
    #[must_use]
    pub fn outage(&self, edge: u8, part: Plane) -> Option<&Outage> {
        let concerns = |it: &&Outage| it.plane.includes(part) && it.edge.is_none_or(|only| only == edge);
        self.outages.iter().rev().find(concerns)
    }

    /// Ends everything that goes wrong, and delivers what is on its way.
    pub fn clear(&mut self) {
        self.outages.clear();
        self.flood = self.bag.drain(..).map(|event| (None, event)).collect();
        Arc::make_mut(&mut self.documents).values_mut().for_each(Document::repair);
    }

    /// Returns the event that a delivery takes out of the bag.
    #[must_use]
    pub fn event(&self, index: u8) -> Option<&Event> {
        self.bag.get(usize::from(index).checked_rem(self.bag.len())?)
    }

    /// Says whether there is an instance in this place that has not ended for good.
    #[must_use]
    pub fn is_alive(&self, slot: u16) -> bool {
        !matches!(self.state(slot), None | Some(InstanceState::Terminated))
    }

    fn take_event(&mut self, index: u8, again: bool) {
        if !again && let Some(place) = usize::from(index).checked_rem(self.bag.len()) {
            self.bag.remove(place);
        }
    }

    fn at(&mut self, slot: u16) -> Option<&mut EmbeddedInstance> {
        Arc::make_mut(&mut self.fleet).instances.get_mut(self.slots.get(&slot)?)
    }

    fn state(&self, slot: u16) -> Option<InstanceState> {
        self.fleet.instances.get(self.slots.get(&slot)?).map(|instance| instance.state)
    }

    fn send(&mut self, slot: u16, kind: EventKind) {
        if let Some(instance) = self.slots.get(&slot).cloned() {
            self.bag.push(Event { instance, kind, at: self.now });
        }
        if self.bag.len() > MOST_EVENTS {
            self.bag.remove(0);
        }
    }

    /// Addresses are few, so that a new instance gets one that an ended one had.
    fn free_address(&self) -> Ipv4Addr {
        let taken: BTreeSet<Ipv4Addr> =
            self.fleet.instances.values().filter_map(|it| it.carrier_ip).collect();
        let addresses = (1..=u16::MAX).map(|number| {
            let [high, low] = number.to_be_bytes();
            Ipv4Addr::new(155, 146, high, low)
        });
        addresses.into_iter().find(|ip| !taken.contains(ip)).unwrap_or(Ipv4Addr::new(155, 147, 0, 1))
    }

    fn launch(&mut self, slot: u16, kind: LaunchKind, group: Option<Lifecycle>) {
        if self.is_alive(slot) {
            return;
        }
        self.launches += 1;
        let id = format!("i-{slot:03x}{:014x}", self.launches);
        let running =
            if kind == LaunchKind::Pending { InstanceState::Pending } else { InstanceState::Running };
        let instance = EmbeddedInstance {
            state: running,
            launched_at: self.now,
            zone: known("us-east-1-wl1-bos-wlz-1"),
            carrier_ip: (kind == LaunchKind::Addressed).then(|| self.free_address()),
            tags: BTreeMap::from([(SELECTION_TAG.to_owned(), self.sizes.pool_of(slot).to_string())]),
            group: group.map(|lifecycle| (known(GROUP), lifecycle.name().to_owned())),
        };
        self.slots.insert(slot, known(&id));
        Arc::make_mut(&mut self.fleet).instances.insert(known(&id), instance);
        self.send(slot, EventKind::State(running));
        if group == Some(Lifecycle::InService) {
            self.send(slot, EventKind::IntoGroup);
        }
    }

    fn boot(&mut self, slot: u16, address: bool) {
        if self.state(slot) == Some(InstanceState::Pending) {
            self.run(slot, address);
        }
    }

    fn start(&mut self, slot: u16, address: bool) {
        if self.state(slot) == Some(InstanceState::Stopped) {
            let now = self.now;
            if let Some(instance) = self.at(slot) {
                instance.launched_at = now;
            }
            self.run(slot, address);
        }
    }

    fn run(&mut self, slot: u16, address: bool) {
        let carrier_ip = address.then(|| self.free_address());
        if let Some(instance) = self.at(slot) {
            instance.state = InstanceState::Running;
            instance.carrier_ip = carrier_ip;
        }
        self.send(slot, EventKind::State(InstanceState::Running));
    }

    fn associate(&mut self, slot: u16, address: bool) {
        let carrier_ip = address.then(|| self.free_address());
        if let Some(instance) = self.at(slot).filter(|instance| instance.state == InstanceState::Running) {
            instance.carrier_ip = carrier_ip;
        }
    }

    fn stop(&mut self, slot: u16) {
        if let Some(instance) = self.at(slot).filter(|instance| instance.state == InstanceState::Running) {
            instance.state = InstanceState::Stopped;
            instance.carrier_ip = None;
            self.send(slot, EventKind::State(InstanceState::Stopping));
            self.send(slot, EventKind::State(InstanceState::Stopped));
        }
    }

    fn terminate(&mut self, slot: u16) {
        let alive = |instance: &&mut EmbeddedInstance| instance.state != InstanceState::Terminated;
        if let Some(instance) = self.at(slot).filter(alive) {
            instance.state = InstanceState::Terminated;
            instance.carrier_ip = None;
            instance.group = None;
            instance.tags.clear();
            let id = self.slots.get(&slot).cloned();
            self.ended.extend(id.map(|id| (self.now, id)));
            self.send(slot, EventKind::State(InstanceState::ShuttingDown));
            self.send(slot, EventKind::State(InstanceState::Terminated));
        }
    }

    fn forget_the_ended(&mut self) {
        while let Some((_, id)) = self.ended.pop_front_if(|(at, _)| *at + SHOWN_WHEN_ENDED <= self.now) {
            Arc::make_mut(&mut self.fleet).instances.remove(&id);
            self.slots.retain(|_, known| *known != id);
        }
    }

    fn forget(&mut self, slot: u16) {
        if self.state(slot) == Some(InstanceState::Terminated)
            && let Some(id) = self.slots.remove(&slot)
        {
            Arc::make_mut(&mut self.fleet).instances.remove(&id);
        }
    }

    /// Auto Scaling never takes back an instance that it is terminating.
    fn move_to(&mut self, slot: u16, to: Lifecycle) {
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

    fn select(&mut self, slot: u16, selected: bool) {
        let pool = if selected { self.sizes.pool_of(slot).to_string() } else { "nobody".to_owned() };
        let alive = |instance: &&mut EmbeddedInstance| instance.state != InstanceState::Terminated;
        if let Some(instance) = self.at(slot).filter(alive) {
            instance.tags.insert(SELECTION_TAG.to_owned(), pool);
        }
    }

    fn weigh(&mut self, slot: u16, tag: WeightTag) {
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
