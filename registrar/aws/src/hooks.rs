//! Lifecycle hooks: completing one, keeping one alive, and how long one waits by itself.
//!
//! A hook that is already gone is no failure: its action timed out or was completed by somebody else.
//! When to complete one is decided elsewhere.

use registrar_core::drain::WaitingHook;
use registrar_core::ids::{AutoScalingGroupName, LifecycleHookName};

use crate::clients::{Aws, Deadline};
use crate::errors::{Kind, PortError, send};

const COMPLETE: &str = "autoscaling:CompleteLifecycleAction";
const HEARTBEAT: &str = "autoscaling:RecordLifecycleActionHeartbeat";
const DESCRIBE: &str = "autoscaling:DescribeLifecycleHooks";

/// What came of a call about a waiting hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookReply {
    /// Auto Scaling took it.
    Done,
    /// Nothing waits any more.
    AlreadyGone,
}

impl Aws {
    /// Lets the instance go on: `CompleteLifecycleAction` with `CONTINUE`.
    ///
    /// # Errors
    /// When Auto Scaling does not answer or refuses; never because the hook is already gone.
    pub async fn complete_hook(
        &self,
        hook: &WaitingHook,
        deadline: Deadline,
    ) -> Result<HookReply, PortError> {
        let call = self
            .inner
            .autoscaling
            .complete_lifecycle_action()
            .auto_scaling_group_name(hook.group.as_str())
            .lifecycle_hook_name(hook.hook.as_str())
            .instance_id(hook.instance.as_str())
            .set_lifecycle_action_token(hook.token.clone())
            .lifecycle_action_result("CONTINUE");
        done_or_gone(send(COMPLETE, deadline, call.send()).await)
    }

    /// Has the hook wait for its whole timeout again.
    ///
    /// # Errors
    /// When Auto Scaling does not answer or refuses; never because the hook is already gone.
    pub async fn heartbeat_hook(
        &self,
        hook: &WaitingHook,
        deadline: Deadline,
    ) -> Result<HookReply, PortError> {
        let call = self
            .inner
            .autoscaling
            .record_lifecycle_action_heartbeat()
            .auto_scaling_group_name(hook.group.as_str())
            .lifecycle_hook_name(hook.hook.as_str())
            .instance_id(hook.instance.as_str())
            .set_lifecycle_action_token(hook.token.clone());
        done_or_gone(send(HEARTBEAT, deadline, call.send()).await)
    }

    /// Returns how many seconds a hook waits by itself, or `None` where there is no such hook.
    ///
    /// # Errors
    /// When Auto Scaling does not answer or refuses.
    pub async fn hook_timeout_secs(
        &self,
        group: &AutoScalingGroupName,
        hook: &LifecycleHookName,
        deadline: Deadline,
    ) -> Result<Option<u32>, PortError> {
        let call = self
            .inner
            .autoscaling
            .describe_lifecycle_hooks()
            .auto_scaling_group_name(group.as_str())
            .lifecycle_hook_names(hook.as_str());
        match send(DESCRIBE, deadline, call.send()).await {
            Ok(hooks) => {
                let found = hooks.lifecycle_hooks().iter();
                let mut named = found.filter(|found| found.lifecycle_hook_name() == Some(hook.as_str()));
                Ok(named.find_map(|found| u32::try_from(found.heartbeat_timeout()?).ok()))
            }
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn done_or_gone<T>(answer: Result<T, PortError>) -> Result<HookReply, PortError> {
    match answer {
        Ok(_) => Ok(HookReply::Done),
        Err(error) if is_gone(&error) => Ok(HookReply::AlreadyGone),
        Err(error) => Err(error),
    }
}

/// Auto Scaling has no code of its own for this: it answers `ValidationError` with a text such as "No
/// active Lifecycle Action found with instance ID i-…", and the same for a group or instance that is gone.
fn is_gone(error: &PortError) -> bool {
    let text = error.message.to_ascii_lowercase();
    let says_gone = ["no active lifecycle action", "not found", "does not exist", "no lifecycle hook"];
    error.kind == Kind::Other
        && text.starts_with("validationerror")
        && says_gone.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(message: &str) -> PortError {
        PortError::new(COMPLETE, Kind::Other, message)
    }

    #[test]
    fn only_what_says_that_nothing_waits_is_gone() {
        for gone in [
            "ValidationError: No active Lifecycle Action found with instance ID i-0123456789abcdef0",
            "ValidationError: No active Lifecycle Action found with token 87654321-4321-4321-4321-210987654321",
            "ValidationError: AutoScalingGroup name not found - edge",
            "ValidationError: Instance i-0123456789abcdef0 does not exist",
        ] {
            assert!(is_gone(&refused(gone)), "{gone}");
        }
        for wrong in [
            "ValidationError: 1 validation error detected: Value '' at 'lifecycleHookName' failed to satisfy",
            "ResourceContention: not found in time",
        ] {
            assert!(!is_gone(&refused(wrong)), "{wrong}");
        }
    }
}
