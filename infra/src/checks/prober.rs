//! The scheduled probe: its metrics, its paths, and that it may do what its code does and nothing else.
//!
//! What the code calls, publishes and reads is an argument, as for every check.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::permissions::of_function;
use crate::parameters::text;
use crate::policy::{self, Decision, Request, statements, texts};
use crate::samples::on_stacks;
use crate::stack::{ACCOUNT, Stack};
use crate::template::Template;

/// What Lambda does with the function's role: it writes the log, keeps failed invocations, and makes interfaces.
const PLATFORM: &[&str] = &[
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:SendMessage",
];

/// The key that a request has when a function's own code makes it, and no other.
const BY_CODE: &str = "lambda:SourceFunctionArn";

/// Every action that the code calls is allowed on what it is used on, no other action is allowed but Lambda's own, and
/// what is Lambda's own business with network interfaces is denied to the code.
#[must_use]
pub fn actions(template: &Template, called: &[&str]) -> Vec<String> {
    on_stacks(template, |stack| {
        let policies = match of_function(stack) {
            Ok(policies) => policies,
            Err(problem) => return vec![problem],
        };
        let allowed = policies.iter().flat_map(statements).filter(|statement| statement["Effect"] == "Allow");
        let allowed: BTreeSet<&str> = allowed.flat_map(|statement| texts(&statement["Action"])).collect();
        let surplus = allowed.iter().filter(|action| !called.contains(action) && !PLATFORM.contains(action));
        let mut problems: Vec<String> =
            surplus.map(|action| format!("{action} is allowed, and nothing needs it")).collect();
        let elsewhere = allowed.contains("sts:AssumeRole");
        if elsewhere == allowed.iter().any(|action| action.starts_with("route53:")) {
            problems.push(
                "the hosted zone is reached by a role or by the function's own, and not by both".to_owned(),
            );
        }
        for action in called.iter().filter(|action| is_own(action, elsewhere)) {
            match policy::decide(&policies, &request(stack, action, &policies)) {
                Ok(Decision::Allowed) => {}
                decided => problems.push(format!("{action} is needed and not allowed: {decided:?}")),
            }
        }
        problems.extend(left_to_the_code(stack, &policies));
        problems
    })
}

fn is_own(action: &str, elsewhere: bool) -> bool {
    match action {
        "sts:AssumeRole" => elsewhere,
        _ => !(elsewhere && action.starts_with("route53:")),
    }
}

/// Returns a request as the code makes it for the deployment `edge`.
fn request(stack: &Stack, action: &str, policies: &[Value]) -> Request {
    let parameters = format!("arn:aws:ssm:{}:{ACCOUNT}:parameter/registrar/edge/pools", stack.region);
    let resource = match action {
        "ssm:GetParametersByPath" => parameters,
        "ssm:GetParameters" => format!("{parameters}/video"),
        "sts:AssumeRole" => {
            let roles = policies.iter().flat_map(statements);
            let role = roles.filter(|statement| texts(&statement["Action"]).contains(&action));
            role.map(|statement| text(&statement["Resource"])).next().unwrap_or_default()
        }
        _ if action.starts_with("route53:") => {
            "arn:aws:route53:::hostedzone/Z0123456789ABCDEFGHIJ".to_owned()
        }
        _ => "*".to_owned(),
    };
    Request::new(action, &resource)
        .with("aws:RequestedRegion", &stack.region)
        .with(BY_CODE, &format!("arn:aws:lambda:{}:{ACCOUNT}:function:prober", stack.region))
}

fn left_to_the_code(stack: &Stack, policies: &[Value]) -> Vec<String> {
    let interface = format!("arn:aws:ec2:{}:{ACCOUNT}:network-interface/eni-0123", stack.region);
    let function = format!("arn:aws:lambda:{}:{ACCOUNT}:function:prober", stack.region);
    let of_lambda = PLATFORM.iter().filter(|action| action.starts_with("ec2:"));
    let left = of_lambda.filter(|action| {
        let resource = if action.starts_with("ec2:Describe") { "*" } else { &interface };
        let request = Request::new(action, resource).with("aws:RequestedRegion", &stack.region);
        policy::decide(policies, &request.with(BY_CODE, &function)) != Ok(Decision::Denied)
    });
    left.map(|action| format!("{action} is Lambda's business, and the function's code may do it")).collect()
}

/// The metrics of the mapping `Metrics` are those that the code publishes, with the dimensions of every alarm on them.
#[must_use]
pub fn metrics(template: &Template, published: &[&str], dimensions: &[&str]) -> Vec<String> {
    let named: BTreeMap<String, String> = template
        .entry("Mappings", "Metrics")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, entry)| (key.clone(), text(&entry["Name"])))
        .collect();
    let of_mapping: BTreeSet<&str> =
        named.iter().filter(|(key, _)| *key != "Namespace").map(|(_, name)| name.as_str()).collect();
    let of_code: BTreeSet<&str> = published.iter().copied().collect();
    let unknown = of_mapping.difference(&of_code).map(|name| format!("nobody publishes {name}"));
    let unnamed = of_code.difference(&of_mapping).map(|name| format!("{name} is published, and not named"));
    let mut problems: Vec<String> = unknown.chain(unnamed).collect();
    let namespace = named.get("Namespace").cloned().unwrap_or_default();
    problems.extend(on_stacks(template, |stack| {
        let function = stack.of_type("AWS::Lambda::Function").map(|(_, function)| function);
        let set = function
            .map(|it| text(&it.properties["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"]));
        let elsewhere = set.filter(|set| *set != namespace);
        let mut problems: Vec<String> =
            elsewhere.map(|set| format!("the function publishes in {set}, and not in {namespace}")).collect();
        problems.extend(alarms(stack, &namespace, &of_mapping, dimensions));
        problems
    }));
    problems
}

fn alarms(stack: &Stack, namespace: &str, known: &BTreeSet<&str>, dimensions: &[&str]) -> Vec<String> {
    let own = |(_, alarm): &(&str, &crate::stack::Resource)| alarm.properties["Namespace"] == namespace;
    let mut problems = Vec::new();
    let mut watched = BTreeSet::new();
    for (id, alarm) in stack.of_type("AWS::CloudWatch::Alarm").filter(own) {
        let metric = text(&alarm.properties["MetricName"]);
        let keys = alarm.properties["Dimensions"].as_array().into_iter().flatten();
        let keys: Vec<String> = keys.map(|dimension| text(&dimension["Name"])).collect();
        if !known.contains(metric.as_str()) || keys != dimensions {
            problems.push(format!("{id} watches {metric} by {keys:?}, which nobody publishes"));
        }
        watched.insert(metric);
    }
    let unwatched = known.iter().filter(|name| !watched.contains(**name));
    problems.extend(unwatched.map(|name| format!("no alarm watches {name}")));
    problems
}

/// The path of the pool documents is the code's for the sample's deployment.
#[must_use]
pub fn paths(template: &Template, config: &str) -> Vec<String> {
    on_stacks(template, |stack| {
        let functions = stack.of_type("AWS::Lambda::Function");
        let set = functions.map(|(id, it)| {
            (id.to_owned(), text(&it.properties["Environment"]["Variables"]["REGISTRAR_CONFIG_PATH"]))
        });
        let elsewhere = set.filter(|(_, path)| path != config);
        elsewhere.map(|(id, path)| format!("{id} looks for documents at {path}, not {config}")).collect()
    })
}
