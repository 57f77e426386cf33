//! What one edge was shown: the last reads, how they went, and the events that reached it.
//!
//! It keeps everything for ever and forgets nothing by itself, so that it can say what an edge could
//! have known; where an instance stands follows from the design's table and from no code of the core.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::InstanceState;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::fleet::{EmbeddedFleet, EmbeddedInstance};

use super::document::Document;
use super::happening::{FleetRead, GroupsRead, Lifecycle};
use super::truth::{Event, SELECTION_TAG, Truth, WEIGHT_TAG};

/// How long a terminal event counts after it was received (design, "Which instance serves").
const EVENT_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

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
    pub instances: BTreeMap<InstanceId, EmbeddedInstance>,
    fleet_gap: bool,
    lifecycles: BTreeMap<InstanceId, String>,
    /// The documents.
    pub documents: BTreeMap<PoolName, Document>,
    /// With the time at which each was received.
    events: Vec<(Event, Timestamp)>,
    /// When the instances were launched, as far as reads told, for ever.
    launches: BTreeMap<InstanceId, Timestamp>,
    bare_since: BTreeMap<InstanceId, Timestamp>,
    last_read: Option<Timestamp>,
}

impl Default for Seen {
    /// Returns what an edge has seen before it was shown anything: nothing, which proves nothing.
    fn default() -> Self {
        Self {
            instances: BTreeMap::new(),
            fleet_gap: true,
            lifecycles: BTreeMap::new(),
            documents: BTreeMap::new(),
            events: Vec::new(),
            launches: BTreeMap::new(),
            bare_since: BTreeMap::new(),
            last_read: None,
        }
    }
}

impl Seen {
    /// Takes note of a read of the instances, and returns what the AWS CLI printed for it.
    pub fn read_fleet(
        &mut self,
        truth: &Truth,
        read: FleetRead,
        now: Timestamp,
    ) -> Option<Result<String, String>> {
        let (shown, text) = match read {
            FleetRead::Skipped => return None,
            FleetRead::Fails => {
                self.fleet_gap = true;
                return Some(Err("RequestLimitExceeded".to_owned()));
            }
            FleetRead::Whole => (truth.fleet.clone(), truth.fleet.describe_instances()),
            FleetRead::Before => (truth.before.clone(), truth.before.describe_instances()),
            FleetRead::WrongRegion => {
                let nothing = EmbeddedFleet::default();
                (nothing.clone(), nothing.describe_instances())
            }
            FleetRead::First(count) => {
                let count = usize::from(count);
                let first = truth.fleet.instances.iter().take(count);
                let first = first.map(|(id, instance)| (id.clone(), instance.clone())).collect();
                (EmbeddedFleet { instances: first }, truth.fleet.describe_first_instances(count))
            }
        };
        self.fleet_gap = matches!(read, FleetRead::First(_));
        self.remember(shown.instances, now);
        Some(Ok(text.to_string()))
    }

    fn remember(&mut self, instances: BTreeMap<InstanceId, EmbeddedInstance>, now: Timestamp) {
        let running = instances.iter().filter(|(_, instance)| instance.state == InstanceState::Running);
        let bare = running.filter(|(_, instance)| instance.carrier_ip.is_none());
        let since = |id: &InstanceId| self.bare_since.get(id).copied().unwrap_or(now);
        let bare: BTreeMap<_, _> = bare.map(|(id, _)| (id.clone(), since(id))).collect();
        // A page that does not show an instance takes nothing back of what an earlier read saw of it.
        let unseen = |id: &InstanceId| self.fleet_gap && !instances.contains_key(id);
        self.bare_since.retain(|id, _| unseen(id));
        self.bare_since.extend(bare);
        for (id, instance) in &instances {
            let known = self.launches.entry(id.clone()).or_insert(instance.launched_at);
            *known = (*known).max(instance.launched_at);
        }
        self.instances = instances;
        self.last_read = Some(now);
    }

    /// Takes note of a read of the groups, and returns what the AWS CLI printed for it.
    pub fn read_groups(&mut self, truth: &Truth, read: GroupsRead) -> Result<String, String> {
        match read {
            GroupsRead::Fails => Err("Throttling".to_owned()),
            GroupsRead::Whole => {
                let members = truth.fleet.instances.iter();
                let members = members.filter_map(|(id, it)| Some((id.clone(), it.group.clone()?.1)));
                self.lifecycles = members.collect();
                Ok(truth.fleet.describe_auto_scaling_instances().to_string())
            }
        }
    }

    /// Takes note of an event.
    pub fn receive(&mut self, event: &Event, now: Timestamp) {
        self.events.push((event.clone(), now));
    }

    /// Says whether EC2 showed any instance that the pool selects or is named by `owned`.
    #[must_use]
    pub fn knows_any(&self, pool: &PoolName, owned: impl Iterator<Item = String>) -> bool {
        let owned: Vec<String> = owned.collect();
        let selected = |instance: &EmbeddedInstance| selects(instance, pool);
        self.instances.iter().any(|(id, it)| selected(it) || owned.iter().any(|own| own == id.as_str()))
    }

    /// Says where an instance stands towards a pool, at a look that started at `at`.
    #[must_use]
    pub fn sight(&self, id: &str, pool: &PoolName, at: Timestamp) -> Sight {
        let announced = self.announced(id, at);
        let Some((id, instance)) = self.instances.iter().find(|(known, _)| known.as_str() == id) else {
            let left = self
                .lifecycles
                .iter()
                .any(|(known, lifecycle)| known.as_str() == id && lifecycle != Lifecycle::InService.name());
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
    fn announced(&self, id: &str, at: Timestamp) -> bool {
        let lives = |received_at: Timestamp| at <= received_at + EVENT_LIFETIME;
        let of_instance = || self.events.iter().filter(|(event, _)| event.instance.as_str() == id);
        let launches = of_instance().filter(|(event, _)| !event.is_terminal());
        let by_event = launches.map(|(event, _)| event.at).max();
        of_instance().any(|(event, received_at)| {
            let launched = self.launches.get(&event.instance).copied().max(by_event);
            event.is_terminal() && lives(*received_at) && launched.is_none_or(|launched| launched <= event.at)
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
