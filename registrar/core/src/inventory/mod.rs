//! What was seen of the world: fleet, Auto Scaling groups and hosted zones, with gaps as data.
//!
//! An inventory holds observations only. It never fills a gap with a default: what was not seen is
//! [`Observed::Unknown`], which is a different thing from being absent.

pub mod evidence;
pub mod fleet;
pub mod groups;
pub mod hosted_zone;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

pub use evidence::{EventMemory, TerminalEvent};
pub use fleet::{Fleet, Instance, InstanceState};
pub use groups::{GroupMembership, Groups, LifecycleState};
pub use hosted_zone::HostedZone;

use crate::ids::HostedZoneId;

/// Which read was incomplete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapSource {
    /// The instances, from EC2.
    Fleet,
    /// The lifecycle states, from Auto Scaling.
    Groups,
    /// The record sets, from Route 53.
    HostedZone,
    /// The pool documents, from SSM.
    Documents,
}

impl fmt::Display for GapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fleet => "fleet",
            Self::Groups => "groups",
            Self::HostedZone => "hosted-zone",
            Self::Documents => "documents",
        })
    }
}

/// A read that did not tell everything, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gap {
    /// Which read.
    pub source: GapSource,
    /// Why it is incomplete, as a sentence fragment.
    pub reason: String,
    #[serde(skip)]
    is_denied: bool,
}

impl Gap {
    /// Describes an incomplete read.
    #[must_use]
    pub fn new(source: GapSource, reason: impl Into<String>) -> Self {
        Self { source, reason: reason.into(), is_denied: false }
    }

    /// Says that a permission is missing, or was.
    #[must_use]
    pub fn denied(mut self, is_denied: bool) -> Self {
        self.is_denied = is_denied;
        self
    }

    /// Says whether a permission is missing. One that was given a moment ago may be there the next time.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.is_denied
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

/// Something that was either seen or could not be seen. There is no default for what was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed<T> {
    /// It was seen.
    Known(T),
    /// The read that would tell was incomplete.
    Unknown(Gap),
}

/// Everything that one look at the world saw.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// When the look started.
    pub observed_at: Timestamp,
    /// The instances.
    pub fleet: Fleet,
    /// Their Auto Scaling groups.
    pub groups: Groups,
    /// The record sets of each hosted zone that was read.
    pub hosted_zones: BTreeMap<HostedZoneId, HostedZone>,
    /// What earlier events and reads told, and is still worth knowing.
    pub memory: EventMemory,
}

impl Inventory {
    /// Returns every gap, each once.
    #[must_use]
    pub fn gaps(&self) -> Vec<Gap> {
        let zones = self.hosted_zones.values().filter_map(|zone| zone.gap.clone());
        let mut gaps: Vec<Gap> =
            self.fleet.gap.iter().chain(&self.groups.gap).cloned().chain(zones).collect();
        gaps.sort();
        gaps.dedup();
        gaps
    }
}
