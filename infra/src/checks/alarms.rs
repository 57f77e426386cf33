//! Alarms and dashboards: they watch metrics that exist, tell whom they should, and are explained in the runbook.

use std::collections::BTreeSet;

use registrar_core::telemetry::{METRICS, Metric};
use serde_json::{Value, json};

use super::is_set;
use crate::parameters::text;
use crate::samples::{on_stacks, sample};
use crate::stack::Stack;
use crate::template::Template;

/// What has to be watched: namespace, metric, and how missing data counts. `None` is the function's own namespace.
const WATCHED: &[(Option<&str>, &str, &str)] = &[
    (Some("AWS/SQS"), "ApproximateNumberOfMessagesVisible", "notBreaching"),
    (Some("AWS/SQS"), "ApproximateAgeOfOldestMessage", "notBreaching"),
    (Some("AWS/Lambda"), "Errors", "notBreaching"),
    (Some("AWS/Lambda"), "Throttles", "notBreaching"),
    (None, "held_back", "notBreaching"),
    (None, "gaps", "notBreaching"),
    // A function that says nothing is the worst case, not a good one.
    (None, "reconciles", "breaching"),
];

/// What has to be watched is.
#[must_use]
pub fn complete(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let namespace = namespace(stack);
        let mut problems = Vec::new();
        for (wanted, metric, missing) in WATCHED {
            let wanted = wanted.unwrap_or(&namespace);
            let found = stack.of_type("AWS::CloudWatch::Alarm").find(|(_, alarm)| {
                alarm.properties["Namespace"] == wanted && alarm.properties["MetricName"] == *metric
            });
            match found {
                None => problems.push(format!("no alarm watches {wanted} {metric}")),
                Some((id, alarm)) if alarm.properties["TreatMissingData"] != *missing => {
                    problems.push(format!("{id} does not count missing data as {missing}"));
                }
                Some(_) => {}
            }
        }
        problems
    })
}

/// Each alarm tells the topic where there is one, both when it begins and when it is over, and nobody where there is
/// none.
#[must_use]
pub fn told(template: &Template) -> Vec<String> {
    if template.of_type("AWS::CloudWatch::Alarm").next().is_none() {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for topic in ["", "arn:aws:sns:us-east-1:123456789012:t"] {
        let wanted = if topic.is_empty() { Value::Null } else { json!([topic]) };
        match Stack::new(template, &sample(template, &[("AlarmTopicArn", topic)]), "us-east-1") {
            Err(refusals) => problems.extend(refusals.iter().map(ToString::to_string)),
            Ok(stack) => {
                let alarms = stack.of_type("AWS::CloudWatch::Alarm");
                let others = alarms.filter(|(_, alarm)| {
                    ["AlarmActions", "OKActions"].iter().any(|moment| alarm.properties[*moment] != wanted)
                });
                problems.extend(others.map(|(id, _)| format!("{id} tells others than the topic {topic:?}")));
            }
        }
    }
    problems
}

fn namespace(stack: &Stack) -> String {
    let variables =
        |function: &Value| function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"].clone();
    let set = stack.of_type("AWS::Lambda::Function").map(|(_, function)| variables(&function.properties));
    set.filter(is_set).map(|name| text(&name)).next().unwrap_or_else(|| "Registrar".to_owned())
}

/// Every metric of an alarm, and every one that the dashboard names, is one that the code publishes in just those
/// dimensions; what is AWS's own is known by its namespace.
#[must_use]
pub fn known(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let namespace = namespace(stack);
        let mut problems = Vec::new();
        let mut judge = |id: &str, found: &str, metric: &str, keys: BTreeSet<String>| {
            let by = |metric: &Metric| {
                metric.dimensions.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>()
            };
            let published = METRICS.iter().any(|one| one.name == metric && by(one) == keys);
            let is_known = found.starts_with("AWS/") || (found == namespace && published);
            if !is_known {
                problems.push(format!("{id} watches {found} {metric} by {keys:?}, which nobody publishes"));
            }
        };
        for (id, alarm) in stack.of_type("AWS::CloudWatch::Alarm") {
            let properties = &alarm.properties;
            let dimensions = properties["Dimensions"].as_array().into_iter().flatten();
            let keys = dimensions.map(|dimension| text(&dimension["Name"])).collect();
            judge(id, &text(&properties["Namespace"]), &text(&properties["MetricName"]), keys);
        }
        let mut unread = Vec::new();
        for (id, dashboard) in stack.of_type("AWS::CloudWatch::Dashboard") {
            match serde_json::from_str(&text(&dashboard.properties["DashboardBody"])) {
                Ok(body) => lines_of(&body)
                    .iter()
                    .for_each(|(found, metric, keys)| judge(id, found, metric, keys.clone())),
                Err(error) => unread.push(format!("{id} is not JSON: {error}")),
            }
        }
        problems.extend(unread);
        problems
    })
}

/// Returns namespace, metric and dimension keys of every line of a dashboard's widgets.
fn lines_of(body: &Value) -> Vec<(String, String, BTreeSet<String>)> {
    let widgets = body["widgets"].as_array().into_iter().flatten();
    let lines = widgets.flat_map(|widget| widget["properties"]["metrics"].as_array().into_iter().flatten());
    lines.map(line).collect()
}

fn line(line: &Value) -> (String, String, BTreeSet<String>) {
    if let Some(expression) = line[0]["expression"].as_str() {
        return search(expression);
    }
    let parts: Vec<String> =
        line.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let keys = parts.iter().skip(2).step_by(2).cloned().collect();
    let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
    (part(0), part(1), keys)
}

/// Reads `SEARCH('{Namespace,Key,…} MetricName="name" …')`.
fn search(expression: &str) -> (String, String, BTreeSet<String>) {
    let between = |start: &str, end: &str| {
        let rest = expression.split_once(start).map_or("", |(_, rest)| rest);
        rest.split_once(end).map_or("", |(inside, _)| inside).to_owned()
    };
    let schema = between("{", "}");
    let mut parts = schema.split(',').map(str::to_owned);
    let namespace = parts.next().unwrap_or_default();
    (namespace, between("MetricName=\"", "\""), parts.collect())
}

/// Every alarm has a heading of the runbook that names it.
#[must_use]
pub fn explained(template: &Template, runbook: &str) -> Vec<String> {
    let headings = || runbook.lines().filter(|line| line.starts_with('#'));
    let words = |line: &'_ str| {
        line.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>()
    };
    let headed = |id: &str| headings().any(|line| words(line).iter().any(|word| word == id));
    let silent = template.of_type("AWS::CloudWatch::Alarm").filter(|(id, _)| !headed(id));
    silent.map(|(id, _)| format!("the runbook does not say what to do for {id}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dashboards_lines_are_read_in_both_forms() {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
        let body = json!({"widgets": [{"properties": {"metrics": [
            ["Registrar", "gaps", "Deployment", "edge", {"stat": "p90"}],
            [{"expression": "SUM(SEARCH('{Registrar,Deployment,Pool} MetricName=\"records\" Deployment=\"edge\"', 'Sum', 60))"}],
        ]}}]});
        let expected = [
            ("Registrar".to_owned(), "gaps".to_owned(), keys(&["Deployment"])),
            ("Registrar".to_owned(), "records".to_owned(), keys(&["Deployment", "Pool"])),
        ];
        assert_eq!(lines_of(&body), expected);
    }
}
