//! Events in one line: `09:59 i-0a shutting-down`, expanded into EventBridge envelopes.
//!
//! A line that does not begin with a time is passed on as it stands: a raw message, or garbage.

use anyhow::{Context, Result, bail};
use registrar_core::Timestamp;
use serde_json::{Value, json};

use crate::lines::{time, words};

/// Expands one line into one message.
pub(crate) fn message(line: &str, now: Timestamp) -> Result<String> {
    let words = words(line);
    let (Some(at), Some(id), Some(what)) = (words.first(), words.get(1), words.get(2)) else {
        return Ok(line.to_owned());
    };
    let Ok(at) = time(at, now) else { return Ok(line.to_owned()) };
    let envelope = envelope(id, what, &words[3..]).with_context(|| format!("event {line:?}"))?;
    let (source, detail_type, detail) = envelope;
    let message = json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": detail_type,
        "source": source,
        "account": "123456789012",
        "time": at,
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    });
    Ok(message.to_string())
}

fn envelope(id: &str, what: &str, rest: &[String]) -> Result<(&'static str, &'static str, Value)> {
    const EC2: &str = "aws.ec2";
    const GROUPS: &str = "aws.autoscaling";
    Ok(match what {
        "pending" | "running" | "stopping" | "stopped" | "shutting-down" | "terminated" => {
            (EC2, "EC2 Instance State-change Notification", json!({ "instance-id": id, "state": what }))
        }
        "spot-interruption" => (
            EC2,
            "EC2 Spot Instance Interruption Warning",
            json!({ "instance-id": id, "instance-action": "terminate" }),
        ),
        "rebalance" => (EC2, "EC2 Instance Rebalance Recommendation", json!({ "instance-id": id })),
        "launching" => (GROUPS, "EC2 Instance-launch Lifecycle Action", lifecycle(id, "LAUNCHING", rest)?),
        "terminating" => {
            (GROUPS, "EC2 Instance-terminate Lifecycle Action", lifecycle(id, "TERMINATING", rest)?)
        }
        _ => bail!("{what:?} is no event"),
    })
}

/// `GROUP ORIGIN->DESTINATION`.
fn lifecycle(id: &str, transition: &str, rest: &[String]) -> Result<Value> {
    let [group, way] = rest else { bail!("write GROUP ORIGIN->DESTINATION") };
    let (origin, destination) = way.split_once("->").context("write ORIGIN->DESTINATION")?;
    Ok(json!({
        "LifecycleActionToken": "87654321-4321-4321-4321-210987654321",
        "AutoScalingGroupName": group,
        "LifecycleHookName": "dns-drain",
        "EC2InstanceId": id,
        "LifecycleTransition": format!("autoscaling:EC2_INSTANCE_{transition}"),
        "Origin": origin,
        "Destination": destination,
    }))
}
