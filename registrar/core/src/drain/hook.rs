//! A lifecycle hook that waits until an instance's records are forgotten.
//!
//! Whether a hook is the registrar's to complete is for whoever makes a ticket to decide.

use crate::ids::{AutoScalingGroupName, InstanceId, LifecycleHookName};
use crate::trigger::{Movement, Trigger};

/// The longest lifecycle action token (EC2 Auto Scaling API reference, `CompleteLifecycleAction`: 36).
const LONGEST_TOKEN: usize = 36;

/// A terminate lifecycle hook that waits for one instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitingHook {
    /// The Auto Scaling group.
    pub group: AutoScalingGroupName,
    /// The hook.
    pub hook: LifecycleHookName,
    /// The instance that it holds.
    pub instance: InstanceId,
    /// The token of the action, where it is known; the instance names the action as well.
    pub token: Option<String>,
}

impl WaitingHook {
    /// Returns the hook that waits for the instance to be drained, where the trigger tells of one.
    #[must_use]
    pub fn from_trigger(trigger: &Trigger) -> Option<Self> {
        match trigger {
            Trigger::GroupChange {
                instance, group, movement: Movement::OutOf, hook: Some(action), ..
            } => Some(Self {
                group: group.clone(),
                hook: action.hook.clone(),
                instance: instance.clone(),
                token: action.token.clone().filter(|token| is_token(token)),
            }),
            Trigger::GroupChange { .. }
            | Trigger::InstanceState { .. }
            | Trigger::SpotInterruption { .. }
            | Trigger::RebalanceRecommendation { .. }
            | Trigger::Sweep
            | Trigger::ParameterChanged { .. }
            | Trigger::AddressChanged { .. }
            | Trigger::TestNotification => None,
        }
    }

    /// Says whether both name the same action, with or without its token.
    #[must_use]
    pub fn is_same_action(&self, other: &Self) -> bool {
        (&self.group, &self.hook, &self.instance) == (&other.group, &other.hook, &other.instance)
    }
}

/// Says whether a text can be a token; one that cannot is left out rather than refused.
pub(super) fn is_token(text: &str) -> bool {
    (1..=LONGEST_TOKEN).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
