//! Where an instance stands towards a pool: serving, not yet, no longer, or unknown, and how that is known.
//!
//! This is the one place that weighs EC2, Auto Scaling and events against each other. What follows for
//! a record is the guard's business.

use std::fmt;

use crate::address::ServedIp;
use crate::ids::{AutoScalingGroupName, InstanceId};
use crate::inventory::evidence::TerminalKind;
use crate::inventory::{
    Gap, GapSource, Instance, InstanceState, Inventory, LifecycleState, Observed, TerminalEvent,
};
use crate::pool::Policy;

/// The weight that an instance asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightRequest {
    /// This weight, from its tag or the pool's default.
    Given(u8),
    /// Its tag has a value that is no weight: the weight it has stays, and the value is reported.
    Unreadable(String),
}

/// Where an instance stands towards a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It serves at this address.
    Serving {
        /// The address of the pool's kind.
        address: ServedIp,
        /// The weight it asks for.
        weight: WeightRequest,
    },
    /// EC2 is starting it.
    Starting,
    /// It runs and has no address of the pool's kind, seen once or at two looks.
    WithoutAddress {
        /// Whether an earlier look saw the same.
        confirmed: bool,
    },
    /// Its Auto Scaling group says anything but `InService`.
    OutOfService {
        /// The group.
        group: AutoScalingGroupName,
        /// The lifecycle state.
        state: LifecycleState,
    },
    /// EC2 says that it stopped or terminated, or is about to.
    Ended(InstanceState),
    /// A newer event says so, or that it is about to leave.
    Announced(TerminalEvent),
    /// It is alive, and the pool does not select it any more.
    Deselected,
    /// EC2 was asked for it and does not know it.
    UnknownToEc2,
    /// It was alive at an earlier read, and the last one failed: what is published stays as it is.
    AsBefore(Gap),
    /// The read that would tell is incomplete.
    Unknown(Gap),
}

/// A coarser view of a standing, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberState {
    /// Running without an address, starting, or not yet in service.
    Pending,
    /// Serving.
    Serving,
    /// On its way out.
    Draining,
    /// Stopped, terminated, unknown to EC2 or not selected any more.
    Gone,
    /// Not to be told from what was read.
    Unknown,
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Gone => "gone",
            Self::Unknown => "unknown",
        })
    }
}

impl Standing {
    /// Judges `id`, which the pool selects or has a record for.
    #[must_use]
    pub fn of(id: &InstanceId, policy: &Policy, inventory: &Inventory) -> Self {
        let launched_at = inventory.fleet.instances.get(id).and_then(|instance| instance.launched_at);
        let announced = inventory.memory.terminal(id, launched_at, inventory.observed_at);
        match (inventory.fleet.lookup(id), announced) {
            (Observed::Known(Some(instance)), _) => Self::of_seen(instance, announced, policy, inventory),
            (_, Some(event)) => Self::Announced(*event),
            (unseen, None) => Self::of_unseen(id, unseen, inventory),
        }
    }

    /// What its group says is proof even where EC2's own page did not come.
    fn of_unseen(id: &InstanceId, unseen: Observed<Option<&Instance>>, inventory: &Inventory) -> Self {
        match (inventory.groups.members.get(id), unseen) {
            (Some(membership), _) if membership.state != LifecycleState::InService => {
                Self::OutOfService { group: membership.group.clone(), state: membership.state.clone() }
            }
            (_, Observed::Unknown(gap)) => Self::Unknown(gap),
            (None, Observed::Known(_)) => Self::UnknownToEc2,
            (Some(membership), Observed::Known(_)) => {
                let group = &membership.group;
                let reason = format!("group {group} says InService of {id}, which EC2 does not know");
                Self::Unknown(Gap::new(GapSource::Groups, reason))
            }
        }
    }

    /// Proof that the instance ended outranks everything; what its group says outranks the selection,
    /// since an instance that is leaving its group may have lost the tags that selected it.
    fn of_seen(
        instance: &Instance,
        announced: Option<&TerminalEvent>,
        policy: &Policy,
        inventory: &Inventory,
    ) -> Self {
        let Some(state) = instance.state else {
            let reason = format!("EC2 reports a state of {} that has no meaning here", instance.id);
            return Self::Unknown(Gap::new(GapSource::Fleet, reason));
        };
        if state.is_terminal() {
            return Self::Ended(state);
        }
        if let Some(event) = announced {
            return Self::Announced(*event);
        }
        if let Some(gap) = inventory.fleet.gap.as_ref().filter(|_| inventory.fleet.is_stale) {
            return Self::AsBefore(gap.clone());
        }
        let membership = inventory.groups.membership(instance);
        if let Observed::Known(Some(membership)) = &membership
            && membership.state != LifecycleState::InService
        {
            return Self::OutOfService { group: membership.group.clone(), state: membership.state.clone() };
        }
        if !policy.selects(instance, inventory.groups.group_of(instance).as_ref()) {
            return Self::Deselected;
        }
        match (state, membership) {
            (InstanceState::Pending, _) => Self::Starting,
            (_, Observed::Unknown(gap)) => Self::Unknown(gap),
            (_, Observed::Known(_)) => Self::of_running(instance, policy, inventory),
        }
    }

    fn of_running(instance: &Instance, policy: &Policy, inventory: &Inventory) -> Self {
        match instance.addresses.of_kind(policy.address) {
            Some(address) => Self::Serving { address, weight: weight_request(instance, policy) },
            None => Self::WithoutAddress {
                confirmed: inventory.memory.lacks_address(&instance.id, policy.address),
            },
        }
    }

    /// Says whether this proves that a record of the instance leads nowhere.
    #[must_use]
    pub fn proves_dead(&self) -> bool {
        match self {
            Self::Ended(_) | Self::Announced(_) | Self::OutOfService { .. } => true,
            Self::WithoutAddress { confirmed } => *confirmed,
            Self::Serving { .. }
            | Self::Starting
            | Self::Deselected
            | Self::UnknownToEc2
            | Self::AsBefore(_)
            | Self::Unknown(_) => false,
        }
    }

    /// Orders standings by how much speaks for keeping a record: the less, the higher.
    #[must_use]
    pub fn doubt(&self) -> u8 {
        match self {
            Self::Serving { .. } => 0,
            Self::Starting | Self::AsBefore(_) => 1,
            Self::Unknown(_) => 2,
            Self::Deselected => 3,
            Self::WithoutAddress { .. } => 4,
            Self::OutOfService { .. } => 5,
            Self::UnknownToEc2 => 6,
            Self::Announced(_) => 7,
            Self::Ended(_) => 8,
        }
    }

    /// Returns the coarser view.
    #[must_use]
    pub fn member_state(&self) -> MemberState {
        match self {
            Self::Serving { .. } => MemberState::Serving,
            Self::Starting | Self::WithoutAddress { .. } => MemberState::Pending,
            Self::OutOfService { state, .. } if state.is_leaving() => MemberState::Draining,
            Self::OutOfService { .. } => MemberState::Pending,
            Self::Announced(event) => match event.kind {
                TerminalKind::LeavingGroup | TerminalKind::SpotInterruption => MemberState::Draining,
                TerminalKind::State(_) => MemberState::Gone,
            },
            Self::Ended(_) | Self::UnknownToEc2 | Self::Deselected => MemberState::Gone,
            Self::AsBefore(_) | Self::Unknown(_) => MemberState::Unknown,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Serving { address, .. } => write!(f, "serving at {address}"),
            Self::Starting => f.write_str("EC2 is starting it"),
            Self::WithoutAddress { confirmed: true } => {
                f.write_str("running without an address at two looks")
            }
            Self::WithoutAddress { confirmed: false } => {
                f.write_str("running without an address at this look")
            }
            Self::OutOfService { group, state } => write!(f, "group {group} says {state}"),
            Self::Ended(state) => write!(f, "EC2 says {state}"),
            Self::Announced(event) => match event.kind {
                TerminalKind::State(state) => write!(f, "an event of {} says {state}", event.at),
                TerminalKind::LeavingGroup => write!(f, "an event of {} says it leaves its group", event.at),
                TerminalKind::SpotInterruption => {
                    write!(f, "an event of {} says EC2 takes the Spot instance back", event.at)
                }
            },
            Self::Deselected => f.write_str("running, but the pool does not select it any more"),
            Self::UnknownToEc2 => f.write_str("EC2 does not know the instance"),
            Self::AsBefore(gap) | Self::Unknown(gap) => write!(f, "not to be told: {gap}"),
        }
    }
}

fn weight_request(instance: &Instance, policy: &Policy) -> WeightRequest {
    match instance.tags.get(&policy.weight_tag) {
        None => WeightRequest::Given(policy.default_weight),
        Some(value) => match value.trim().parse::<u8>() {
            Ok(weight) if weight >= policy.smallest_weight() => WeightRequest::Given(weight),
            _ => WeightRequest::Unreadable(value.chars().take(40).collect()),
        },
    }
}
