//! Events: what the rules let through is what the code knows, and the schedule sends what it takes for a sweep.

use registrar_core::trigger::{KNOWN, KNOWN_CALLS, Trigger};
use serde_json::{Value, json};

use crate::event;
use crate::parameters::text;
use crate::samples::{on_stacks, variants};
use crate::stack::Stack;
use crate::template::Template;

/// What the schedule sends; no rule has it.
const SWEEP: (&str, &str) = ("aws.events", "Scheduled Event");

/// Every pair of source and detail type that the code knows is in a rule, and no other is.
#[must_use]
pub fn pairs(template: &Template) -> Vec<String> {
    let Some(all) = with_everything(template) else { return vec!["the template is refused".to_owned()] };
    let patterns = patterns(&all);
    let mut problems = Vec::new();
    for (id, pattern) in &patterns {
        for (source, detail_type) in product(pattern) {
            if !KNOWN.contains(&(source.as_str(), detail_type.as_str())) {
                problems.push(format!("{id} lets {detail_type:?} of {source} through, which the code drops"));
            }
        }
    }
    for (source, detail_type) in KNOWN.iter().filter(|pair| **pair != SWEEP) {
        let has = |pattern: &Value| {
            product(pattern).any(|pair| pair == ((*source).to_owned(), (*detail_type).to_owned()))
        };
        if !patterns.iter().any(|(_, pattern)| has(pattern)) {
            problems.push(format!("no rule lets {detail_type:?} of {source} through"));
        }
        if !samples()
            .iter()
            .any(|sample| sample["source"] == *source && sample["detail-type"] == *detail_type)
        {
            problems.push(format!("there is no sample of {detail_type:?} of {source}"));
        }
    }
    problems
}

/// The stack with every rule that there can be.
fn with_everything(template: &Template) -> Option<Stack> {
    let given = variants(template).pop()?;
    Stack::new(template, &given, "us-east-1").ok()
}

fn patterns(stack: &Stack) -> Vec<(String, Value)> {
    let rules = stack.of_type("AWS::Events::Rule");
    rules.map(|(id, rule)| (id.to_owned(), rule.properties["EventPattern"].clone())).collect()
}

fn product(pattern: &Value) -> impl Iterator<Item = (String, String)> {
    let list = |name: &str| pattern[name].as_array().cloned().unwrap_or_default();
    let (sources, detail_types) = (list("source"), list("detail-type"));
    sources.into_iter().flat_map(move |source| {
        detail_types.clone().into_iter().map(move |detail_type| (text(&source), text(&detail_type)))
    })
}

/// An event of each kind passes just one rule and is a trigger; one that asks for nothing passes none.
#[must_use]
pub fn samples_pass(template: &Template) -> Vec<String> {
    let Some(all) = with_everything(template) else { return vec!["the template is refused".to_owned()] };
    let mut problems = Vec::new();
    for sample in samples() {
        if let Err(dropped) = Trigger::parse(&sample.to_string()) {
            problems.push(format!("the code drops {sample}: {dropped}"));
        }
        passes(&all, &sample, 1, &mut problems);
    }
    for unwanted in unwanted() {
        passes(&all, &unwanted, 0, &mut problems);
    }
    problems
}

/// A change of a parameter passes a rule exactly where the code says that it matters: never one of the function's own
/// writes, which would make it look for ever.
#[must_use]
pub fn parameters_pass(template: &Template, concerns: &dyn Fn(&str) -> bool) -> Vec<String> {
    let Some(all) = with_everything(template) else { return vec!["the template is refused".to_owned()] };
    let names = [
        "/registrar/edge/pools/video",
        "/registrar/edge/pools/audio",
        "/registrar/edge/state/orders/video",
        "/registrar/edge/state/pools/video",
        "/registrar/edge/state/places/1",
        "/registrar/edge-2/pools/video",
        "/other",
    ];
    let mut problems = Vec::new();
    for name in names {
        passes(&all, &parameter_change(name), usize::from(concerns(name)), &mut problems);
    }
    problems
}

fn passes(stack: &Stack, sample: &Value, times: usize, problems: &mut Vec<String>) {
    let mut passed = Vec::new();
    for (id, pattern) in patterns(stack) {
        match event::matches(&pattern, sample) {
            Ok(true) => passed.push(id),
            Ok(false) => {}
            Err(problem) => problems.push(format!("{id}: {problem}")),
        }
    }
    if passed.len() != times {
        problems.push(format!("{passed:?} let through, instead of {times} rules: {sample}"));
    }
}

/// What the schedule sends is a sweep.
#[must_use]
pub fn schedule(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let sweeps = stack.of_type("AWS::Scheduler::Schedule");
        let wrong = sweeps.filter(|(_, schedule)| {
            let input = text(&schedule.properties["Target"]["Input"]);
            Trigger::parse(&input) != Ok(Trigger::Sweep)
        });
        wrong.map(|(id, _)| format!("what {id} sends is no sweep")).collect()
    })
}

fn parameter_change(name: &str) -> Value {
    json!({"version": "0", "source": "aws.ssm", "detail-type": "Parameter Store Change",
        "detail": {"name": name, "type": "String", "operation": "Update"}})
}

fn call(source: &str, name: &str) -> Value {
    json!({"version": "0", "source": "aws.ec2", "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventSource": source, "eventName": name,
            "requestParameters": {"instanceId": "i-1234567890abcdef0"}}})
}

/// Events as AWS sends them. Source: the event references of EC2, EC2 Auto Scaling, Systems Manager and CloudTrail.
fn samples() -> Vec<Value> {
    let instance = "i-1234567890abcdef0";
    let ec2 = |detail_type: &str, detail: Value| json!({"version": "0", "source": "aws.ec2", "detail-type": detail_type, "detail": detail});
    let group = |detail_type: &str| {
        json!({"version": "0", "source": "aws.autoscaling", "detail-type": detail_type, "detail": {
            "LifecycleActionToken": "87654321-4321-4321-4321-210987654321", "AutoScalingGroupName": "edge-video",
            "LifecycleHookName": "dns-drain", "EC2InstanceId": instance,
            "Origin": "AutoScalingGroup", "Destination": "EC2"}})
    };
    let mut samples = vec![
        ec2("EC2 Instance State-change Notification", json!({"instance-id": instance, "state": "running"})),
        ec2(
            "EC2 Instance State-change Notification",
            json!({"instance-id": instance, "state": "shutting-down"}),
        ),
        ec2(
            "EC2 Spot Instance Interruption Warning",
            json!({"instance-id": instance, "instance-action": "stop"}),
        ),
        ec2("EC2 Instance Rebalance Recommendation", json!({"instance-id": instance})),
        group("EC2 Instance-launch Lifecycle Action"),
        group("EC2 Instance-terminate Lifecycle Action"),
        group("EC2 Instance Launch Successful"),
        group("EC2 Instance Terminate Successful"),
        parameter_change("/registrar/edge/pools/video"),
    ];
    samples.extend(KNOWN_CALLS.iter().map(|(source, name)| call(source, name)));
    samples
}

/// Events that would only cost: calls that failed or concern no address, and other notifications of EC2.
fn unwanted() -> Vec<Value> {
    let mut failed = call("ec2.amazonaws.com", "AssociateAddress");
    failed["detail"]["errorCode"] = json!("Client.InvalidInstanceID.NotFound");
    let volume = json!({"source": "aws.ec2", "detail-type": "EBS Volume Notification", "detail": {}});
    vec![failed, call("ec2.amazonaws.com", "RunInstances"), volume]
}
