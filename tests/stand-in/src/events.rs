//! The EventBridge envelopes that AWS would send about the world.
//!
//! Nothing is sent by itself: delivery is best effort, so tests say which events come, and how often.

use serde_json::{Value, json};

use crate::world::{LifecycleAction, Transition, World};

impl World {
    /// Returns the event about the state that an instance is in now (EC2 User Guide, "State change events").
    #[must_use]
    pub fn state_change_event(&self, instance_id: &str) -> Option<Value> {
        let instance = self.instance(instance_id)?;
        let (region, account) = (instance.region.as_deref().unwrap_or(self.region()), self.account());
        let arn = format!("arn:aws:ec2:{region}:{account}:instance/{instance_id}");
        let detail = json!({ "instance-id": instance_id, "state": instance.state.to_string() });
        Some(self.envelope("aws.ec2", "EC2 Instance State-change Notification", &arn, detail))
    }

    /// Returns the event about a lifecycle action (Auto Scaling User Guide, "Event reference").
    #[must_use]
    pub fn lifecycle_event(&self, action: &LifecycleAction) -> Value {
        let LifecycleAction { group, hook, instance, token, transition, .. } = action;
        let (kind, origin, destination) = match transition {
            Transition::Launching => ("EC2 Instance-launch Lifecycle Action", "EC2", "AutoScalingGroup"),
            Transition::Terminating => ("EC2 Instance-terminate Lifecycle Action", "AutoScalingGroup", "EC2"),
        };
        let arn = format!(
            "arn:aws:autoscaling:{}:{}:autoScalingGroup:00000000-0000-4000-8000-000000000000:autoScalingGroupName/{group}",
            self.region(),
            self.account()
        );
        let detail = json!({
            "LifecycleActionToken": token,
            "AutoScalingGroupName": group,
            "LifecycleHookName": hook,
            "EC2InstanceId": instance,
            "LifecycleTransition": transition.api_name(),
            "Origin": origin,
            "Destination": destination,
        });
        self.envelope("aws.autoscaling", kind, &arn, detail)
    }

    /// Returns the event about a change of a parameter: `Create`, `Update` or `Delete` (Systems Manager User
    /// Guide, "Monitoring parameters").
    #[must_use]
    pub fn parameter_event(&self, name: &str, operation: &str) -> Value {
        let arn = format!("arn:aws:ssm:{}:{}:parameter{name}", self.region(), self.account());
        let detail = json!({ "name": name, "type": "String", "operation": operation });
        self.envelope("aws.ssm", "Parameter Store Change", &arn, detail)
    }

    fn envelope(&self, source: &str, kind: &str, resource: &str, detail: Value) -> Value {
        let now = self.now();
        json!({
            "version": "0",
            "id": format!("00000000-0000-4000-b000-{:012}", now.as_microsecond().unsigned_abs() % 1_000_000_000_000),
            "detail-type": kind,
            "source": source,
            "account": self.account(),
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": self.region(),
            "resources": [resource],
            "detail": detail,
        })
    }
}
