//! A stack of the template: made, changed and deleted as an operator does, and what it says of itself.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::wait_until;
use crate::package::{FIRST, REGISTRAR};
use crate::world::{Instance, World, ZONE};

/// Parameters that differ from those of [`parameters`].
pub(crate) type Different<'a> = &'a [(&'a str, &'a str)];

pub(crate) struct Stack<'a> {
    world: &'a World,
    /// Its id, by which it is known after it is deleted.
    id: String,
}

impl<'a> Stack<'a> {
    /// Makes a stack, and waits until it stands.
    pub(crate) fn create(world: &'a World, different: Different<'_>) -> Result<Self> {
        let stack = Self::begin(world, "edge", different)?.map_err(anyhow::Error::msg)?;
        stack.wait_for("CREATE_COMPLETE")?;
        Ok(stack)
    }

    /// Asks for a stack, and returns it, or why the template refuses its parameters.
    pub(crate) fn begin(
        world: &'a World,
        name: &str,
        different: Different<'_>,
    ) -> Result<Result<Self, String>> {
        Self::begin_of(world, name, REGISTRAR, &parameters(world, different))
    }

    /// Makes a stack of another template with these parameters, and waits until it stands.
    pub(crate) fn create_of(
        world: &'a World,
        name: &str,
        template: &str,
        parameters: Different<'_>,
    ) -> Result<Self> {
        let parameters: Value = parameters.iter().map(parameter).collect();
        let stack = Self::begin_of(world, name, template, &parameters)?.map_err(anyhow::Error::msg)?;
        stack.wait_for("CREATE_COMPLETE")?;
        Ok(stack)
    }

    fn begin_of(
        world: &'a World,
        name: &str,
        template: &str,
        parameters: &Value,
    ) -> Result<Result<Self, String>> {
        let request = json!({"StackName": name, "TemplateURL": world.package.template_url(template),
            "Parameters": parameters, "Capabilities": ["CAPABILITY_IAM"]});
        Ok(match world.aws.ask("cloudformation", "create_stack", request)? {
            Ok(made) => {
                Ok(Self { world, id: made["StackId"].as_str().context("the stack's id")?.to_owned() })
            }
            Err(refusal) => Err(refusal),
        })
    }

    /// Changes the stack's parameters, and waits until that is over, well or not.
    pub(crate) fn update(&self, different: Different<'_>, status: &str) -> Result<()> {
        let request = json!({"StackName": self.id, "TemplateURL": self.world.package.template_url(REGISTRAR),
            "Parameters": parameters(self.world, different), "Capabilities": ["CAPABILITY_IAM"]});
        self.world.aws.call("cloudformation", "update_stack", request)?;
        self.wait_for(status)
    }

    /// Deletes the stack, and waits until it is gone.
    pub(crate) fn delete(&self) -> Result<()> {
        self.begin_deletion()?;
        self.wait_for("DELETE_COMPLETE")
    }

    pub(crate) fn begin_deletion(&self) -> Result<()> {
        self.world.aws.call("cloudformation", "delete_stack", json!({"StackName": self.id})).map(drop)
    }

    /// Waits until nothing is in progress, and says why where it did not end as wanted.
    pub(crate) fn wait_for(&self, wanted: &str) -> Result<()> {
        let status = wait_until("the stack", || self.status(), |status| !status.ends_with("_IN_PROGRESS"))?;
        ensure!(status == wanted, "the stack is {status}, not {wanted}: {:#?}", self.failures()?);
        Ok(())
    }

    pub(crate) fn status(&self) -> Result<String> {
        Ok(self.describe()?["StackStatus"].as_str().context("the stack's status")?.to_owned())
    }

    /// Returns what the stack's events say of failures, with the names of the resources.
    pub(crate) fn failures(&self) -> Result<Vec<String>> {
        let arguments = json!({"StackName": self.id});
        let listing = self.world.aws.call("cloudformation", "describe_stack_events", arguments)?;
        let events = listing["StackEvents"].as_array().context("stack events")?;
        let failed = events
            .iter()
            .filter(|event| event["ResourceStatus"].as_str().is_some_and(|it| it.ends_with("_FAILED")));
        Ok(failed
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!(
                    "{} {}: {}",
                    text("LogicalResourceId"),
                    text("ResourceStatus"),
                    text("ResourceStatusReason")
                )
            })
            .collect())
    }

    pub(crate) fn outputs(&self) -> Result<BTreeMap<String, String>> {
        let stack = self.describe()?;
        let outputs = stack["Outputs"].as_array().context("the stack's outputs")?;
        let text = |output: &Value, field: &str| Some(output[field].as_str()?.to_owned());
        let pairs =
            outputs.iter().map(|output| Some((text(output, "OutputKey")?, text(output, "OutputValue")?)));
        pairs.collect::<Option<_>>().context("an output without key and value")
    }

    /// Puts an event into the stack's queue, as a rule would.
    pub(crate) fn deliver(&self, source: &str, detail_type: &str, detail: Value) -> Result<()> {
        self.deliver_later(0, source, detail_type, detail)
    }

    /// Puts an event into the stack's queue that cannot be received before so many seconds.
    pub(crate) fn deliver_later(
        &self,
        seconds: u32,
        source: &str,
        detail_type: &str,
        detail: Value,
    ) -> Result<()> {
        let event = json!({"version": "0", "source": source, "detail-type": detail_type, "detail": detail});
        let message =
            json!({"QueueUrl": self.queue_url()?, "MessageBody": event.to_string(), "DelaySeconds": seconds});
        self.world.aws.call("sqs", "send_message", message).map(drop)
    }

    /// Delivers that an instance is in this state.
    pub(crate) fn deliver_state(&self, instance: &Instance, state: &str) -> Result<()> {
        let detail = json!({"instance-id": instance.id, "state": state});
        self.deliver("aws.ec2", "EC2 Instance State-change Notification", detail)
    }

    pub(crate) fn queue_url(&self) -> Result<String> {
        self.outputs()?.remove("QueueUrl").context("the output QueueUrl")
    }

    fn describe(&self) -> Result<Value> {
        let mut found =
            self.world.aws.call("cloudformation", "describe_stacks", json!({"StackName": self.id}))?;
        Ok(found["Stacks"][0].take())
    }
}

/// The schedule sweeps rarely, so that it is not what puts right what a test is about.
fn parameters(world: &World, different: Different<'_>) -> Value {
    let record_name = format!("video.{ZONE}");
    let mut parameters = BTreeMap::from([
        ("HostedZoneId", world.hosted_zone_id.as_str()),
        ("HostedZoneName", ZONE),
        ("RecordName", &record_name),
        ("CodeBucket", world.package.bucket),
        ("CodeKey", FIRST),
        ("Architecture", &world.package.architecture),
        ("AddressKind", "public-ip"),
        ("SweepSchedule", "rate(10 minutes)"),
    ]);
    parameters.extend(different.iter().copied());
    parameters.iter().map(|(key, value)| parameter(&(*key, *value))).collect()
}

fn parameter((key, value): &(&str, &str)) -> Value {
    json!({"ParameterKey": key, "ParameterValue": value})
}
