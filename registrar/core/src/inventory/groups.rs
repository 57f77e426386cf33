//! The lifecycle states that Auto Scaling reported.
//!
//! An instance that belongs to a group serves in `InService` and in no other state: in `Pending:Wait`
//! and `Terminating:Wait` it is running to EC2.

use std::collections::BTreeMap;
use std::fmt;

use super::{Gap, GapSource, Instance, Observed};
use crate::ids::{AutoScalingGroupName, InstanceId};

/// A lifecycle state of Auto Scaling, which is an open set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleState {
    /// The instance serves.
    InService,
    /// Any other state, by its name.
    Other(String),
}

impl From<&str> for LifecycleState {
    fn from(name: &str) -> Self {
        if name == "InService" {
            Self::InService
        } else {
            Self::Other(name.chars().filter(|c| !c.is_control()).take(64).collect())
        }
    }
}

impl LifecycleState {
    /// Says whether the instance is on its way out of its group.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        match self {
            Self::InService => false,
            Self::Other(name) => {
                name.starts_with("Terminating") || name == "Detaching" || name == "EnteringStandby"
            }
        }
    }
}

impl fmt::Display for LifecycleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InService => f.write_str("InService"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// An instance's place in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMembership {
    /// The group.
    pub group: AutoScalingGroupName,
    /// The instance's lifecycle state in it.
    pub state: LifecycleState,
}

/// The group members that were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Membership by instance.
    pub members: BTreeMap<InstanceId, GroupMembership>,
    /// Why members may exist that are not among them.
    pub gap: Option<Gap>,
}

impl Groups {
    /// Returns the group that lists the instance, or else the one that its tag names.
    #[must_use]
    pub fn group_of(&self, instance: &Instance) -> Option<AutoScalingGroupName> {
        match self.members.get(&instance.id) {
            Some(membership) => Some(membership.group.clone()),
            None => instance.tagged_group(),
        }
    }

    /// Returns the instance's membership, `Known(None)` where it belongs to no group.
    ///
    /// An instance whose tag names a group that did not list it is unknown: it joined or left between
    /// the two reads, or the group was not asked.
    #[must_use]
    pub fn membership(&self, instance: &Instance) -> Observed<Option<&GroupMembership>> {
        if let Some(membership) = self.members.get(&instance.id) {
            return Observed::Known(Some(membership));
        }
        match (instance.tagged_group(), &self.gap) {
            (None, _) => Observed::Known(None),
            (Some(_), Some(gap)) => Observed::Unknown(gap.clone()),
            (Some(group), None) => Observed::Unknown(Gap::new(
                GapSource::Groups,
                format!(
                    "{} is tagged as a member of group {group}, which was not seen to list it",
                    instance.id
                ),
            )),
        }
    }
}
