//! How messages travel: queues that encrypt and lose nothing, targets with a dead-letter queue, and a mapping that
//! hands back what failed.

use serde_json::{Value, json};

use super::{is_set, number};
use crate::policy::{self, Decision, Request};
use crate::samples::on_stacks;
use crate::stack::Stack;
use crate::template::Template;

/// Lambda's guide: a queue's visibility timeout should be six times the timeout of the function that reads it.
const VISIBILITY_FACTOR: f64 = 6.0;

/// Every queue is encrypted at rest and in transit, and is a dead-letter queue or has one.
#[must_use]
pub fn queues(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, queue) in stack.of_type("AWS::SQS::Queue") {
            let properties = &queue.properties;
            if !is_set(&properties["SqsManagedSseEnabled"]) && !is_set(&properties["KmsMasterKeyId"]) {
                problems.push(format!("{id} is not encrypted"));
            }
            if !refuses_plain_text(stack, id) {
                problems.push(format!("{id} can be used without TLS"));
            }
            let arn = json!(stack.arn(id));
            let is_target = stack.resources.values().any(|other| takes_failures(&other.properties, &arn));
            let target = &properties["RedrivePolicy"]["deadLetterTargetArn"];
            let has_target = stack.with_arn(target).is_some_and(|(_, queue)| queue.kind == "AWS::SQS::Queue");
            if !is_target && !has_target {
                problems.push(format!("{id} has no dead-letter queue and is none"));
            }
        }
        problems
    })
}

/// Says whether something is sent to an ARN when nobody takes it.
fn takes_failures(properties: &Value, arn: &Value) -> bool {
    match properties {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let ends = ["RedrivePolicy", "DeadLetterConfig", "OnFailure"].contains(&name.as_str());
            (ends && value.as_object().is_some_and(|ends| ends.values().any(|end| end == arn)))
                || takes_failures(value, arn)
        }),
        Value::Array(items) => items.iter().any(|item| takes_failures(item, arn)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn refuses_plain_text(stack: &Stack, id: &str) -> bool {
    let Some(arn) = stack.arn(id) else { return false };
    let actions = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue"];
    let Ok(policies) = policy::of_resource(stack, id) else { return false };
    actions.iter().all(|action| {
        let request = Request::new(action, &arn).with("aws:SecureTransport", "false");
        policy::decide(&policies, &request) == Ok(Decision::Denied)
    })
}

/// Every log group keeps its lines for a number of days, and every function writes to one of the stack's.
#[must_use]
pub fn logs(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let groups = || stack.of_type("AWS::Logs::LogGroup");
        let mut problems: Vec<String> = groups()
            .filter(|(_, group)| !number(&group.properties["RetentionInDays"]).is_some_and(|days| days > 0.0))
            .map(|(id, _)| format!("{id} keeps its lines for ever"))
            .collect();
        for (id, function) in stack.of_type("AWS::Lambda::Function") {
            let configured = function.properties["LoggingConfig"]["LogGroup"].as_str();
            let usual = format!("/aws/lambda/{}", function.reference);
            let used = configured.unwrap_or(&usual);
            if !groups().any(|(_, group)| group.reference == used) {
                problems.push(format!("{id} writes to {used}, which is no log group of the stack"));
            }
        }
        problems
    })
}

/// Every target of a rule and of a schedule is tried again, has a dead-letter queue, and may send to both.
#[must_use]
pub fn targets(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, rule) in stack.of_type("AWS::Events::Rule") {
            for target in rule.properties["Targets"].as_array().into_iter().flatten() {
                problems.extend(undeliverable(stack, id, target, |queue, arn| {
                    let source = stack.arn(id).unwrap_or_default();
                    let request = Request::new("sqs:SendMessage", arn).by("events.amazonaws.com");
                    let policies = policy::of_resource(stack, queue)?;
                    policy::decide(&policies, &request.with("aws:SourceArn", &source))
                }));
            }
        }
        for (id, schedule) in stack.of_type("AWS::Scheduler::Schedule") {
            let target = &schedule.properties["Target"];
            problems.extend(undeliverable(stack, id, target, |_, arn| {
                let role = stack.with_arn(&target["RoleArn"]).ok_or("its role is not of the stack")?;
                let policies = policy::of_role(stack, role.0)?;
                policy::decide(&policies, &Request::new("sqs:SendMessage", arn))
            }));
        }
        problems
    })
}

/// Looks at one target; `decided` asks whether its sender may send to a queue. A target that is a function is
/// called, not sent to.
fn undeliverable(
    stack: &Stack,
    id: &str,
    target: &Value,
    decided: impl Fn(&str, &str) -> Result<Decision, String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    for needed in ["RetryPolicy", "DeadLetterConfig"] {
        if !is_set(&target[needed]) {
            problems.push(format!("{id} has no {needed}"));
        }
    }
    for arn in [&target["Arn"], &target["DeadLetterConfig"]["Arn"]] {
        match stack.with_arn(arn) {
            Some((queue, resource)) if resource.kind == "AWS::SQS::Queue" => {
                match decided(queue, arn.as_str().unwrap_or_default()) {
                    Ok(Decision::Allowed) => {}
                    Ok(decision) => problems.push(format!("{id} may not send to {queue}: {decision:?}")),
                    Err(problem) => problems.push(format!("{id}: {problem}")),
                }
            }
            Some(_) => {}
            None => problems.push(format!("{id} sends to {arn}, which is not of the stack")),
        }
    }
    problems
}

/// Every event source mapping hands back single messages, without a window, at a bounded concurrency, and from a
/// queue that waits long enough.
#[must_use]
pub fn mappings(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, mapping) in stack.of_type("AWS::Lambda::EventSourceMapping") {
            let properties = &mapping.properties;
            if properties["FunctionResponseTypes"] != json!(["ReportBatchItemFailures"]) {
                problems.push(format!("{id} does not hand back single messages"));
            }
            if number(&properties["MaximumBatchingWindowInSeconds"]).is_some_and(|window| window != 0.0) {
                problems.push(format!("{id} has a batching window, which delays a quiet queue"));
            }
            // Lambda's guide: MaximumConcurrency is 2 to 1,000; more than a few only wait for Route 53.
            let most = number(&properties["ScalingConfig"]["MaximumConcurrency"]);
            if !most.is_some_and(|most| (2.0..=10.0).contains(&most)) {
                problems.push(format!("{id} has no bounded concurrency"));
            }
            let queue = stack.with_arn(&properties["EventSourceArn"]);
            let visible = queue.and_then(|(_, queue)| number(&queue.properties["VisibilityTimeout"]));
            let function = stack
                .of_type("AWS::Lambda::Function")
                .find(|(_, function)| json!(function.reference) == properties["FunctionName"]);
            let timeout = function.and_then(|(_, function)| number(&function.properties["Timeout"]));
            match (visible, timeout) {
                (Some(visible), Some(timeout)) if visible >= VISIBILITY_FACTOR * timeout => {}
                _ => problems
                    .push(format!("{id}: {visible:?} s are not six times the function's {timeout:?} s")),
            }
        }
        problems
    })
}

/// Whatever could bring a record back depends on the custom resource, so that it is gone before; and so does the pool's
/// document, so that nobody else reads one that is refused.
#[must_use]
pub fn order(template: &Template) -> Vec<String> {
    let registrations: Vec<&str> = template
        .section("Resources")
        .filter(|(_, resource)| resource["Type"].as_str().is_some_and(|kind| kind.starts_with("Custom::")))
        .map(|(id, _)| id)
        .collect();
    let [registration] = registrations.as_slice() else {
        return vec![format!("there are {} custom resources where one is meant", registrations.len())];
    };
    let mut problems = Vec::new();
    for kind in ["AWS::Lambda::EventSourceMapping", "AWS::Events::Rule", "AWS::Scheduler::Schedule"] {
        let hasty = template.of_type(kind).filter(|(id, _)| !template.needs(id).contains(*registration));
        problems.extend(hasty.map(|(id, _)| format!("{id} does not depend on {registration}")));
    }
    let documents =
        template.of_type("AWS::SSM::Parameter").filter(|(_, one)| one.to_string().contains("/pools/"));
    let hasty = documents.filter(|(id, _)| !template.needs(id).contains(*registration));
    problems.extend(hasty.map(|(id, _)| format!("{id} does not depend on {registration}")));
    problems
}

/// What the function is allowed to do is there before the custom resource and gone after it.
#[must_use]
pub fn permissions_first(template: &Template) -> Vec<String> {
    let customs = template
        .section("Resources")
        .filter(|(_, resource)| resource["Type"].as_str().is_some_and(|kind| kind.starts_with("Custom::")));
    let needed: std::collections::BTreeSet<String> = customs.flat_map(|(id, _)| template.needs(id)).collect();
    let policies = template.of_type("AWS::IAM::Policy");
    let completes = |policy: &Value| policy.to_string().contains("CompleteLifecycleAction");
    // Completing hooks is the business of drains, which have no part in making or removing the deployment.
    let late = policies.filter(|(id, policy)| !needed.contains(*id) && !completes(policy));
    late.map(|(id, _)| format!("the custom resource does not depend on {id}")).collect()
}
