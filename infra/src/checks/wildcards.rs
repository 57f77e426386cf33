//! Wildcards: each has its reason beside it, and none stands for a resource that could be named.

use crate::policy::{self, statements, texts};
use crate::samples::on_stacks;
use crate::template::Template;

/// Actions whose service knows no resources for them. Source: Service Authorization Reference.
const WITHOUT_RESOURCES: &[&str] = &[
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeLifecycleHooks",
    "cloudwatch:PutMetricData",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];

/// Every wildcard in an action, a resource or a principal has a comment beside it, directly above it, or directly
/// above the property that it is part of.
#[must_use]
pub fn reasons(template: &Template) -> Vec<String> {
    let lines: Vec<&str> = template.text.lines().collect();
    let silent = |index: &usize| is_wildcard(&lines, *index) && !has_reason(&lines, *index);
    (0..lines.len())
        .filter(silent)
        .map(|index| format!("line {}: no reason for {}", index + 1, lines[index].trim()))
        .collect()
}

fn code(line: &str) -> &str {
    line.split_once(" #").map_or(line, |(code, _)| code).trim()
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_wildcard(lines: &[&str], index: usize) -> bool {
    let code = code(lines[index]).trim_start_matches("- ");
    if is_comment(lines[index]) || !code.contains('*') || code.starts_with("AllowedPattern:") {
        return false;
    }
    let key = code.trim_start_matches(['"', '{', ' ']);
    let names_them = ["Action", "Resource", "Principal"].iter().any(|name| key.starts_with(name));
    let is_action = |word: &str| {
        word.split_once(':').is_some_and(|(service, action)| {
            service.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
                && action.ends_with('*')
                && !action.contains(['/', ':'])
        })
    };
    // What a sentence mentions is none.
    let begins = |before: &str| {
        let before = before.trim_end();
        before.is_empty()
            || before.ends_with(['-', ':', '[', ',', '"', '\'', '`'])
            || before.ends_with("!Sub")
    };
    let names_arn = code.split_once("arn:").is_some_and(|(before, _)| begins(before));
    names_them || names_arn || is_action(code.trim_matches(['\'', '"', ',']))
}

/// Looks for a comment beside the line, and then above each line that it is nested in, up to its property.
fn has_reason(lines: &[&str], index: usize) -> bool {
    let mut nested = usize::MAX;
    let mut line = index;
    if lines[index].contains(" #") {
        return true;
    }
    loop {
        let indent = indentation(lines[line]);
        if indent < nested || is_wildcard(lines, line) {
            nested = nested.min(indent);
            if line > 0 && is_comment(lines[line - 1]) {
                return true;
            }
            let text = code(lines[line]).trim_start_matches("- ");
            let ends = ["Resource:", "PolicyDocument:", "Policies:"].iter().any(|key| text.starts_with(key));
            let above_is_one = line > 0 && is_wildcard(lines, line - 1);
            if ends && !above_is_one {
                return false;
            }
        }
        if line == 0 || (line != index && lines[line].trim().is_empty()) {
            return false;
        }
        line -= 1;
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// No policy says `*` for an action that a resource can be named for, and none for an action by wildcard.
#[must_use]
pub fn narrowest(template: &Template) -> Vec<String> {
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for (id, policies) in policy::all(stack) {
            let policies = match policies {
                Ok(policies) => policies,
                Err(problem) => {
                    problems.push(problem);
                    continue;
                }
            };
            for statement in policies.iter().flat_map(statements).filter(|one| one["Effect"] == "Allow") {
                let everywhere = texts(&statement["Resource"]).contains(&"*");
                for action in texts(&statement["Action"]) {
                    if action.contains(['*', '?']) {
                        problems.push(format!("{id} allows {action}"));
                    }
                    if everywhere && !WITHOUT_RESOURCES.contains(&action) {
                        problems.push(format!("{id} allows {action} on everything"));
                    }
                }
                if texts(&statement["Principal"]).contains(&"*") {
                    problems.push(format!("{id} allows everybody something"));
                }
            }
        }
        problems
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        reasons(&Template { text: text.to_owned(), ..Template::parse("t", "a: 1").unwrap() })
    }

    #[test]
    fn a_reason_stands_beside_the_wildcard_or_above_it() {
        let good = "Action: x:Y\n# No resources.\nResource: '*'\nResource: a # all of '*'\nCode: 'a*'\nText: >-\n  such as arn:aws:x/*\nAction: s:* # All.\n";
        assert!(problems(good).is_empty(), "{:?}", problems(good));
        let above = "# All.\nResource:\n  - arn:aws:x/*\n  - arn:aws:y/*\n";
        assert!(problems(above).is_empty(), "{:?}", problems(above));
        let text = "# As text.\nPolicyDocument: |\n  { \"Statement\":\n    { \"Resource\": \"arn:*\" } }\n";
        assert!(problems(text).is_empty(), "{:?}", problems(text));
    }

    #[test]
    fn a_wildcard_without_a_reason_is_found() {
        for bad in [
            "# Other.\nSid: x\nAction: x:Y\nResource: '*'\n",
            "# Other.\nSid: x\nResource:\n  - a\n  - arn:aws:ssm:::parameter/*\n",
            "Action:\n  - sqs:*\n",
            "Principal: '*'\n",
        ] {
            assert_eq!(problems(bad).len(), 1, "{bad}: {:?}", problems(bad));
        }
    }
}
