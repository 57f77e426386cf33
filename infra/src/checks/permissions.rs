//! Permissions: the function may do what its code does, on what it does it on, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::parameters::text;
use crate::policy::{self, Decision, Request, statements, texts};
use crate::samples::{DNS_ROLE, on_stacks, sample, stacks};
use crate::stack::{ACCOUNT, Stack};
use crate::template::Template;

/// What the function may do with a hosted zone, which another account's role does instead where one is given.
const IN_THE_HOSTED_ZONE: &str = "route53:";

/// What Lambda does with the function's role: it reads the queue and writes the log.
const PLATFORM: &[&str] = &[
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

/// Returns the policies of the function that reads the queue.
///
/// # Errors
/// Where there is no such function, or its policies cannot be read.
pub fn of_function(stack: &Stack) -> Result<Vec<Value>, String> {
    let (id, _) = stack.of_type("AWS::Lambda::Function").next().ok_or("there is no function")?;
    policy::of_role(stack, &policy::role_of(stack, id)?)
}

/// Every action that the code calls, or Lambda for it, is allowed on what it is used on, and no other action is allowed
/// on anything.
#[must_use]
pub fn actions(template: &Template, called: &[&str]) -> Vec<String> {
    let needed = [called, PLATFORM].concat();
    let mut problems = on_stacks(template, |stack| {
        let policies = match of_function(stack) {
            Ok(policies) => policies,
            Err(problem) => return vec![problem],
        };
        let allowed = policies.iter().flat_map(statements).filter(|statement| statement["Effect"] == "Allow");
        let allowed: BTreeSet<&str> = allowed.flat_map(|statement| texts(&statement["Action"])).collect();
        let surplus = allowed.iter().filter(|action| !needed.contains(*action));
        let mut problems: Vec<String> =
            surplus.map(|action| format!("{action} is allowed, and nothing needs it")).collect();
        let elsewhere = role_elsewhere(stack);
        for action in needed.iter().filter(|action| is_own(action, elsewhere.is_some())) {
            match sample_requests(stack, action, elsewhere.as_deref()) {
                Some(requests) => {
                    for request in requests {
                        if policy::decide(&policies, &request) != Ok(Decision::Allowed) {
                            problems.push(format!("{action} is needed and not allowed: {request:?}"));
                        }
                    }
                }
                None => problems.push(format!("nobody knows what {action} is used on")),
            }
        }
        problems
    });
    problems.extend(in_another_account(template));
    problems
}

/// Says whether the function acts by its own role, given whether the hosted zone is another account's.
fn is_own(action: &str, elsewhere: bool) -> bool {
    if action == "sts:AssumeRole" {
        elsewhere
    } else {
        !(elsewhere && action.starts_with(IN_THE_HOSTED_ZONE))
    }
}

fn role_elsewhere(stack: &Stack) -> Option<String> {
    let custom = stack.resources.values().find(|resource| resource.kind.starts_with("Custom::"))?;
    Some(text(&custom.properties["DnsRoleArn"])).filter(|arn| !arn.is_empty())
}

/// Where the hosted zone is another account's, nothing but its role is left; where it is not, no role is.
fn in_another_account(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (given, unwanted) in [(&[DNS_ROLE][..], IN_THE_HOSTED_ZONE), (&[][..], "sts:")] {
        let stack = match Stack::new(template, &sample(template, given), "us-east-1") {
            Ok(stack) => stack,
            Err(refusals) => {
                problems.extend(refusals.iter().map(ToString::to_string));
                continue;
            }
        };
        let policies = of_function(&stack).unwrap_or_default();
        let actions = policies.iter().flat_map(statements).flat_map(|statement| texts(&statement["Action"]));
        let left = actions.filter(|action| action.starts_with(unwanted));
        problems.extend(left.map(|action| format!("{action} is allowed with {given:?}")));
    }
    problems
}

/// Returns requests as the code would make them for an action; `None` where nobody has said what it is used on.
fn sample_requests(stack: &Stack, action: &str, role: Option<&str>) -> Option<Vec<Request>> {
    let region = &stack.region;
    let request = |resource: &str| Request::new(action, resource).with("aws:RequestedRegion", region);
    let parameter =
        |name: &str| request(&format!("arn:aws:ssm:{region}:{ACCOUNT}:parameter/registrar/edge/{name}"));
    let hosted_zone = || request("arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ");
    let queue = || {
        stack.of_type("AWS::SQS::Queue").find(|(_, queue)| queue.properties.get("RedrivePolicy").is_some())
    };
    Some(match action {
        _ if action.starts_with("ec2:Describe") || action.starts_with("autoscaling:Describe") => {
            vec![request("*")]
        }
        "autoscaling:CompleteLifecycleAction" | "autoscaling:RecordLifecycleActionHeartbeat" => {
            let group = format!(
                "arn:aws:autoscaling:{region}:{ACCOUNT}:autoScalingGroup:a1b2c3:autoScalingGroupName/edge-video"
            );
            vec![request(&group).with("aws:ResourceTag/edge-dns", "video")]
        }
        "route53:ChangeResourceRecordSets" => vec![super::requests::change(
            hosted_zone(),
            &["CREATE", "DELETE"],
            &["A"],
            &[super::requests::NAME],
        )],
        "route53:GetChange" => vec![request("arn:aws:route53:::change/C0123456789")],
        _ if action.starts_with("route53:") => vec![hosted_zone()],
        "ssm:GetParametersByPath" => vec![parameter("pools"), parameter("state")],
        "ssm:GetParameters" | "ssm:GetParameter" => {
            vec![parameter("pools/video"), parameter("state/pools/video")]
        }
        "ssm:PutParameter" | "ssm:DeleteParameter" => {
            vec![parameter("state/pools/video"), parameter("state/places/0")]
        }
        _ if action.starts_with("sqs:") => vec![request(&stack.arn(queue()?.0)?)],
        "sts:AssumeRole" => vec![request(role?)],
        _ if action.starts_with("logs:") => {
            let group = format!("arn:aws:logs:{region}:{ACCOUNT}:log-group:/aws/lambda/registrar-edge");
            vec![request(&format!("{group}:log-stream:2026/11/21/[$LATEST]0123"))]
        }
        _ => return None,
    })
}

/// Every role has the permissions boundary where one is given, and none where none is.
#[must_use]
pub fn boundaries(template: &Template) -> Vec<String> {
    let has_roles = template.of_type("AWS::IAM::Role").next().is_some();
    if has_roles && template.entry("Parameters", "PermissionsBoundaryArn").is_none() {
        return vec!["there are roles, and no PermissionsBoundaryArn for them".to_owned()];
    }
    let stacks = match stacks(template) {
        Ok(stacks) => stacks,
        Err(problems) => return problems,
    };
    let mut problems = Vec::new();
    for (index, stack) in stacks.iter().enumerate() {
        // The first variant gives nothing that is optional.
        let wanted =
            if index == 0 { Value::Null } else { "arn:aws:iam::123456789012:policy/boundary".into() };
        let wrong = stack
            .of_type("AWS::IAM::Role")
            .filter(|(_, role)| role.properties["PermissionsBoundary"] != wanted);
        problems.extend(wrong.map(|(id, _)| format!("{id} has not the boundary {wanted}")));
    }
    problems
}

/// The function's role carries the deployment's tag, by which the role in another account knows it.
#[must_use]
pub fn tagged(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let wanted = json!({"Key": "registrar:deployment", "Value": "edge"});
        let has = |role: &Value| role["Tags"].as_array().is_some_and(|tags| tags.contains(&wanted));
        let untagged = stack.of_type("AWS::IAM::Role").filter(|(_, role)| !has(&role.properties));
        untagged.map(|(id, _)| format!("{id} has not the deployment's tag")).collect()
    })
}
