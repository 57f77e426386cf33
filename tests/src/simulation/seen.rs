//! What one edge was shown: the last reads, how they went, and the events that reached it.
//!
//! It keeps everything for ever and forgets nothing by itself, so that it can say what an edge could
//! have known; where an instance stands follows from the design's table and from no code of the core.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::InstanceState;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::fleet::{EmbeddedFleet, EmbeddedInstance};

use super::document::Document;
use super::happening::{FleetRead, GroupsRead, Lifecycle, OutageKind, Plane};
use super::truth::{Event, SELECTION_TAG, Truth, WEIGHT_TAG};

/// How long a terminal event counts after it was received (design, "Which instance serves").
const EVENT_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How long what was seen or heard of an instance is kept that nothing shows any more: longer than any event
/// counts that is about it.
const KEPT: SignedDuration = SignedDuration::from_hours(4);

/// How an instance looks from what an edge was shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It serves at this address; the weight is absent where its tag cannot be read.
    Serving(Ipv4Addr, Option<u8>),
    /// EC2 is starting it.
    Starting,
    /// It runs without an address, and an earlier read agrees or not.
    Bare(bool),
    /// It has ended, or is about to, by this proof.
    Ended(&'static str),
    /// It is alive and not selected.
    Deselected,
    /// EC2 was asked and does not know it.
    Unheard,
    /// The read that would tell is incomplete.
    Dark,
}

/// What one edge was shown.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The instances of the last read that worked.
    pub fleet: Arc<EmbeddedFleet>,
    fleet_gap: bool,
    lifecycles: Arc<BTreeMap<InstanceId, String>>,
    /// The documents.
    pub documents: Arc<BTreeMap<PoolName, Document>>,
    /// What the events said, by instance.
    heard: Arc<BTreeMap<InstanceId, Heard>>,
    /// When the instances were launched, as far as reads told, and when they were last shown.
    launches: Arc<BTreeMap<InstanceId, (Timestamp, Timestamp)>>,
    bare_since: BTreeMap<InstanceId, Timestamp>,
    last_read: Option<Timestamp>,
}

/// What the events said of one instance.
#[derive(Clone, Debug, Default)]
struct Heard {
    /// The last launch.
    launched: Option<Timestamp>,
    /// The ends: when each was, and when it was received.
    ends: Vec<(Timestamp, Timestamp)>,
    /// When the last event was received.
    last: Option<Timestamp>,
}

impl Default for Seen {
    /// Returns what an edge has seen before it was shown anything: nothing, which proves nothing.
    fn default() -> Self {
        Self {
            fleet: Arc::default(),
            fleet_gap: true,
            lifecycles: Arc::default(),
            documents: Arc::default(),
            heard: Arc::default(),
            launches: Arc::default(),
            bare_since: BTreeMap::new(),
            last_read: None,
        }
    }
}

impl Seen {
    /// Takes note of a read of the instances by an edge, and returns what the AWS CLI printed for it.
    pub fn read_fleet(
        &mut self,
        truth: &Truth,
        edge: u8,
        read: FleetRead,
        now: Timestamp,
    ) -> Option<Result<String, String>> {
        let outage = truth.outage(edge, Plane::Ec2);
        let fails = read == FleetRead::Fails || outage.is_some_and(|it| it.kind == OutageKind::Fails);
        let really = outage.map_or(&truth.fleet, |outage| &outage.fleet);
        let (shown, text) = match read {
            FleetRead::Skipped => return None,
            _ if fails => {
                self.fleet_gap = true;
                return Some(Err("RequestLimitExceeded".to_owned()));
            }
            FleetRead::Whole | FleetRead::Fails => (Arc::clone(really), really.describe_instances()),
            FleetRead::Before => (Arc::clone(&truth.before), truth.before.describe_instances()),
            FleetRead::WrongRegion => {
                let nothing = EmbeddedFleet::default();
                let text = nothing.describe_instances();
                (Arc::new(nothing), text)
            }
            FleetRead::First(count) => {
                let count = usize::from(count);
                let first = really.instances.iter().take(count);
                let first = first.map(|(id, instance)| (id.clone(), instance.clone())).collect();
                (Arc::new(EmbeddedFleet { instances: first }), really.describe_first_instances(count))
            }
        };
        self.fleet_gap = matches!(read, FleetRead::First(_));
        self.remember(shown, now);
        Some(Ok(text.to_string()))
    }

    fn remember(&mut self, fleet: Arc<EmbeddedFleet>, now: Timestamp) {
        let instances = &fleet.instances;
        let running = instances.iter().filter(|(_, instance)| instance.state == InstanceState::Running);
        let bare = running.filter(|(_, instance)| instance.carrier_ip.is_none());
        let since = |id: &InstanceId| self.bare_since.get(id).copied().unwrap_or(now);
        let bare: BTreeMap<_, _> = bare.map(|(id, _)| (id.clone(), since(id))).collect();
        // A page that does not show an instance takes nothing back of what an earlier read saw of it.
        let unseen = |id: &InstanceId| self.fleet_gap && !instances.contains_key(id);
        self.bare_since.retain(|id, _| unseen(id));
        self.bare_since.extend(bare);
        let launches = Arc::make_mut(&mut self.launches);
        launches.retain(|_, (_, shown)| *shown + KEPT > now);
        for (id, instance) in instances {
            let (known, shown) = launches.entry(id.clone()).or_insert((instance.launched_at, now));
            *known = (*known).max(instance.launched_at);
            *shown = now;
        }
        self.fleet = fleet;
        self.last_read = Some(now);
    }

    /// Takes note of a read of the groups by an edge, and returns what the AWS CLI printed for it.
    ///
    /// # Errors
    /// When the read fails.
    pub fn read_groups(&mut self, truth: &Truth, edge: u8, read: GroupsRead) -> Result<String, String> {
        let outage = truth.outage(edge, Plane::AutoScaling);
        let fails = read == GroupsRead::Fails || outage.is_some_and(|it| it.kind == OutageKind::Fails);
        if fails {
            return Err("Throttling".to_owned());
        }
        let really = outage.map_or(&truth.fleet, |outage| &outage.fleet);
        let members = really.instances.iter();
        let members = members.filter_map(|(id, it)| Some((id.clone(), it.group.clone()?.1)));
        self.lifecycles = Arc::new(members.collect());
        Ok(really.describe_auto_scaling_instances().to_string())
    }

    /// Takes note of an event.
    pub fn receive(&mut self, event: &Event, now: Timestamp) {
        let heard = Arc::make_mut(&mut self.heard);
        heard.retain(|_, heard| heard.last.is_none_or(|last| last + KEPT > now));
        let of_instance = heard.entry(event.instance.clone()).or_default();
        of_instance.last = Some(now);
        if event.is_terminal() {
            of_instance.ends.push((event.at, now));
        } else {
            of_instance.launched = of_instance.launched.max(Some(event.at));
        }
    }

    /// Says whether EC2 showed any instance that the pool selects or is named by `owned`.
    #[must_use]
    pub fn knows_any<'a>(&self, pool: &PoolName, mut owned: impl Iterator<Item = &'a String>) -> bool {
        self.fleet.instances.values().any(|instance| selects(instance, pool))
            || owned.any(|id| id.parse().is_ok_and(|id: InstanceId| self.fleet.instances.contains_key(&id)))
    }

    /// Says where an instance stands towards a pool, at a look that started at `at`.
    #[must_use]
    pub fn sight(&self, id: &str, pool: &PoolName, at: Timestamp) -> Sight {
        let Ok(id) = &id.parse::<InstanceId>() else { return Sight::Dark };
        let announced = self.announced(id, at);
        let Some(instance) = self.fleet.instances.get(id) else {
            let left = self.lifecycles.get(id).is_some_and(|state| state != Lifecycle::InService.name());
            return match (announced, left, self.fleet_gap) {
                (true, _, _) => Sight::Ended("an event"),
                (false, true, _) => Sight::Ended("its group"),
                (false, false, true) => Sight::Dark,
                (false, false, false) => Sight::Unheard,
            };
        };
        if instance.state.is_terminal() {
            return Sight::Ended("EC2");
        }
        if announced {
            return Sight::Ended("an event");
        }
        let lifecycle = self.lifecycles.get(id).map(String::as_str);
        if lifecycle.is_some_and(|lifecycle| lifecycle != Lifecycle::InService.name()) {
            return Sight::Ended("its group");
        }
        if !selects(instance, pool) {
            return Sight::Deselected;
        }
        if instance.state == InstanceState::Pending {
            return Sight::Starting;
        }
        if instance.group.is_some() && lifecycle.is_none() {
            return Sight::Dark;
        }
        match instance.carrier_ip {
            Some(address) => Sight::Serving(address, self.weight(instance, pool)),
            None => Sight::Bare(self.twice_bare(id)),
        }
    }

    /// A terminal event counts when nothing that was seen says that the instance was launched after it.
    fn announced(&self, id: &InstanceId, at: Timestamp) -> bool {
        let Some(heard) = self.heard.get(id) else { return false };
        let launched = self.launches.get(id).map(|(launched, _)| *launched).max(heard.launched);
        heard.ends.iter().any(|(ended, received)| {
            at <= *received + EVENT_LIFETIME && launched.is_none_or(|launched| launched <= *ended)
        })
    }

    fn twice_bare(&self, id: &InstanceId) -> bool {
        let apart = SignedDuration::from_millis(500);
        let since = self.bare_since.get(id).zip(self.last_read);
        since.is_some_and(|(since, last)| last.duration_since(*since) >= apart)
    }

    fn weight(&self, instance: &EmbeddedInstance, pool: &PoolName) -> Option<u8> {
        let document = self.documents.get(pool)?;
        match instance.tags.get(WEIGHT_TAG) {
            None => Some(document.default_weight),
            Some(value) => value.parse().ok().filter(|weight| *weight >= document.smallest_weight()),
        }
    }
}

/// Says whether a pool selects an instance.
pub(crate) fn selects(instance: &EmbeddedInstance, pool: &PoolName) -> bool {
    instance.tags.get(SELECTION_TAG).is_some_and(|value| value == pool.as_str())
}
