//! Lifecycle hooks that wait while a record is drained.
//!
//! It says which hook waits; completing it is a port's business.

use crate::ids::{AutoScalingGroupName, InstanceId, LifecycleHookName};

/// A lifecycle action that waits to be completed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaitingHook {
    /// The group whose hook it is.
    pub group: AutoScalingGroupName,
    /// The hook.
    pub hook: LifecycleHookName,
    /// The instance that waits.
    pub instance: InstanceId,
    /// The action's token, where the event named one: it tells this action from a later one of the same
    /// instance.
    pub token: Option<String>,
}
