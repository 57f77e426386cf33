//! The instances that EC2 described.
//!
//! Which of them a pool selects is the policy's business.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::{Gap, GapSource, Observed};
use crate::address::Addresses;
use crate::ids::{AutoScalingGroupName, InstanceId, WavelengthZone};

/// The tag by which Auto Scaling marks the instances of a group.
pub const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// The state of an instance, as EC2 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// Being started.
    Pending,
    /// Started.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped; it may be started again.
    Stopped,
    /// Being terminated.
    ShuttingDown,
    /// Gone for good.
    Terminated,
}

impl InstanceState {
    /// Reads a state by the name that EC2 uses in descriptions and events, exactly.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            _ => return None,
        })
    }

    /// Reads a state by its name, or else by the low byte of its code, which says the same (EC2 API
    /// reference, `InstanceState`).
    #[must_use]
    pub fn read(name: Option<&str>, code: Option<u16>) -> Option<Self> {
        match (name, code.map(|code| code & 0xff)) {
            (Some(name), _) => Self::from_name(name),
            (None, Some(0)) => Some(Self::Pending),
            (None, Some(16)) => Some(Self::Running),
            (None, Some(32)) => Some(Self::ShuttingDown),
            (None, Some(48)) => Some(Self::Terminated),
            (None, Some(64)) => Some(Self::Stopping),
            (None, Some(80)) => Some(Self::Stopped),
            (None, Some(_) | None) => None,
        }
    }

    /// Says whether an instance in this state answers nothing any more.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Stopping | Self::Stopped | Self::ShuttingDown | Self::Terminated => true,
        }
    }
}

impl fmt::Display for InstanceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        })
    }
}

/// One instance as EC2 described it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its state, or `None` where EC2 named one that is not known here.
    pub state: Option<InstanceState>,
    /// When it was last started.
    pub launched_at: Option<Timestamp>,
    /// The Wavelength zone, or any other zone, that it is placed in.
    pub zone: Option<WavelengthZone>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its addresses.
    pub addresses: Addresses,
}

impl Instance {
    /// Returns the Auto Scaling group that the instance's own tag names.
    #[must_use]
    pub fn tagged_group(&self) -> Option<AutoScalingGroupName> {
        self.tags.get(GROUP_TAG).and_then(|name| name.parse().ok())
    }
}

/// The instances that were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The instances by id.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// Those that were described twice, and differently.
    pub contradicted: BTreeSet<InstanceId>,
    /// Why instances may exist that are not among them.
    pub gap: Option<Gap>,
    /// Whether this is what an earlier read saw, because the last one failed: nothing is published on
    /// its word.
    pub is_stale: bool,
}

impl Fleet {
    /// Adds a described instance. One that is described twice, and differently, is a gap: nobody knows
    /// which of the two is right, however often either comes again.
    pub fn add(&mut self, described: Instance) {
        if self.contradicted.contains(&described.id) {
            return;
        }
        match self.instances.entry(described.id.clone()) {
            Entry::Vacant(free) => {
                free.insert(described);
            }
            Entry::Occupied(known) if *known.get() == described => {}
            Entry::Occupied(known) => {
                let reason = format!("{} is described twice, and differently", known.key());
                self.gap = Some(Gap::new(GapSource::Fleet, reason));
                self.contradicted.insert(known.remove().id);
            }
        }
    }

    /// Looks an instance up: `Known(None)` only where EC2 was asked for it and does not know it.
    #[must_use]
    pub fn lookup(&self, id: &InstanceId) -> Observed<Option<&Instance>> {
        match (self.instances.get(id), &self.gap) {
            (Some(instance), _) => Observed::Known(Some(instance)),
            (None, None) => Observed::Known(None),
            (None, Some(gap)) => Observed::Unknown(gap.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(state: InstanceState) -> Instance {
        Instance {
            id: "i-0a1b2c3d".parse().unwrap(),
            state: Some(state),
            launched_at: None,
            zone: None,
            tags: BTreeMap::new(),
            addresses: Addresses::default(),
        }
    }

    #[test]
    fn however_often_an_instance_is_described_in_two_ways_neither_is_believed() {
        let (running, stopped) = (described(InstanceState::Running), described(InstanceState::Stopped));
        let mut fleet = Fleet::default();
        for described in [&running, &running, &stopped, &running, &stopped, &stopped] {
            fleet.add(described.clone());
        }
        assert!(matches!(fleet.lookup(&running.id), Observed::Unknown(_)), "{fleet:?}");
        assert!(fleet.instances.is_empty());
    }
}
