//! What whoever deploys sees: parameters and outputs, described and grouped, and refusals that say what to do.

use std::collections::BTreeMap;

use serde_json::Value;

use super::is_set;
use crate::parameters;
use crate::samples::{sample, variants};
use crate::template::Template;

/// Every parameter is described, stands in just one group, and is limited to what can be meant; every output is
/// described.
#[must_use]
pub fn described(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let interface = template.entry("Metadata", "AWS::CloudFormation::Interface");
    let groups = interface.and_then(|interface| interface["ParameterGroups"].as_array());
    let mut grouped: BTreeMap<&str, usize> = BTreeMap::new();
    for group in groups.into_iter().flatten() {
        if !is_set(&group["Label"]["default"]) {
            problems.push("a group of parameters has no label".to_owned());
        }
        for name in group["Parameters"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            *grouped.entry(name).or_insert(0) += 1;
        }
    }
    for (name, parameter) in template.section("Parameters") {
        if !is_set(&parameter["Description"]) {
            problems.push(format!("{name} is not described"));
        }
        match grouped.remove(name) {
            Some(1) => {}
            times => problems.push(format!("{name} stands in {} groups", times.unwrap_or(0))),
        }
        problems.extend(unlimited(name, parameter));
    }
    problems.extend(grouped.keys().map(|name| format!("{name} is grouped, and no parameter")));
    let outputs = template.section("Outputs").filter(|(_, output)| !is_set(&output["Description"]));
    problems.extend(outputs.map(|(name, _)| format!("the output {name} is not described")));
    problems
}

/// A text has a pattern with an explanation, or a list of values; a number has both bounds, or a list. What is a type
/// of AWS's is checked by AWS.
fn unlimited(name: &str, parameter: &Value) -> Option<String> {
    let has = |key: &str| parameter.get(key).is_some();
    let kind = parameter["Type"].as_str().unwrap_or_default();
    let limited = match kind {
        "String" | "CommaDelimitedList" => {
            has("AllowedValues") || (has("AllowedPattern") && has("ConstraintDescription"))
        }
        "Number" => has("AllowedValues") || (has("MinValue") && has("MaxValue")),
        other => other.starts_with("AWS::") || other.starts_with("List<AWS::"),
    };
    (!limited).then(|| format!("{name} takes any {kind}"))
}

/// The defaults of all parameters and the names of all outputs are those wanted; what is not wanted may be there
/// where it has a default.
#[must_use]
pub fn wanted(template: &Template, wanted: &[(&str, Option<&str>)], outputs: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, default) in wanted {
        match template.entry("Parameters", name) {
            None => problems.push(format!("there is no parameter {name}")),
            Some(parameter) => {
                let found = parameter.get("Default").map(parameters::text);
                if found.as_deref() != *default {
                    problems.push(format!("{name} has the default {found:?}, not {default:?}"));
                }
            }
        }
    }
    let more =
        template.section("Parameters").filter(|(name, _)| !wanted.iter().any(|(known, _)| known == name));
    let demanded = more.filter(|(_, parameter)| parameter.get("Default").is_none());
    problems.extend(demanded.map(|(name, _)| format!("{name} must be given")));
    let absent = outputs.iter().filter(|name| template.entry("Outputs", name).is_none());
    problems.extend(absent.map(|name| format!("there is no output {name}")));
    problems
}

/// Every variant of good parameters is taken.
#[must_use]
pub fn accepted(template: &Template) -> Vec<String> {
    let refusals =
        variants(template).into_iter().filter_map(|given| parameters::accept(template, &given).err());
    refusals.flatten().map(|refusal| refusal.to_string()).collect()
}

/// Every bad set of parameters is refused before anything is created, in words that contain those given.
#[must_use]
pub fn refused(template: &Template, bad: &[(&[(&str, &str)], &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (given, words) in bad {
        match parameters::accept(template, &sample(template, given)) {
            Ok(_) => problems.push(format!("{given:?} is taken")),
            Err(refusals) => {
                let told: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                if !told.iter().any(|told| told.contains(words)) {
                    problems.push(format!("{given:?} is refused without {words:?}: {told:?}"));
                }
            }
        }
    }
    problems
}
