//! Templates beside each other: what one hands to another is taken, what it asks for is there, and the same name means
//! the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::parameters::{self, Given, text};
use crate::samples::variants;
use crate::stack::Stack;
use crate::template::Template;

/// Nested stacks have the templates that are there, get parameters that those take, and are asked only for outputs
/// that those have.
#[must_use]
pub fn stacks(template: &Template, others: &[Template]) -> Vec<String> {
    let mut problems = Vec::new();
    for given in variants(template) {
        match Stack::new(template, &given, "us-east-1") {
            Err(refusals) => problems.extend(refusals.iter().map(ToString::to_string)),
            Ok(stack) => {
                for (id, nested) in stack.of_type("AWS::CloudFormation::Stack") {
                    problems.extend(one(template, id, &nested.properties, others));
                }
                problems.extend(selected(&stack));
            }
        }
    }
    problems
}

fn one(template: &Template, id: &str, properties: &Value, others: &[Template]) -> Vec<String> {
    let url = text(&properties["TemplateURL"]);
    let Some(other) = others.iter().find(|other| other.name == url) else {
        return vec![format!("{id}: there is no {url}")];
    };
    let handed = properties["Parameters"].as_object().into_iter().flatten();
    let handed: Given = handed.map(|(name, value)| (name.clone(), text(value))).collect();
    let mut problems: Vec<String> = match parameters::accept(other, &handed) {
        Ok(_) => Vec::new(),
        Err(refusals) => refusals.iter().map(|refusal| format!("{id}: {url} refuses {refusal}")).collect(),
    };
    for output in outputs_asked_of(template, id) {
        if other.entry("Outputs", &output).is_none() {
            problems.push(format!("{id}: {url} has no output {output}"));
        }
    }
    problems
}

/// Finds the outputs of a nested stack that a template names, in `Fn::GetAtt` and in `Fn::Sub`.
fn outputs_asked_of(template: &Template, id: &str) -> Vec<String> {
    let document = Value::Object(template.document.clone()).to_string();
    let (attribute, inline) = (format!("[\"{id}\",\"Outputs."), format!("${{{id}.Outputs."));
    [(attribute.as_str(), '"'), (inline.as_str(), '}')]
        .iter()
        .flat_map(|(start, end)| {
            document.split(start).skip(1).filter_map(|rest| Some(rest.split_once(*end)?.0.to_owned()))
        })
        .collect()
}

/// The registrar completes the hooks of the fleet's group, whose instances carry the tag that the pool selects.
fn selected(stack: &Stack) -> Vec<String> {
    let handed = |id: &str, name: &str| {
        stack.resources.get(id).map(|nested| text(&nested.properties["Parameters"][name]))
    };
    let mut problems = Vec::new();
    let group = handed("Fleet", "AutoScalingGroupName").unwrap_or_default();
    if !handed("Registrar", "AutoScalingGroupNames")
        .is_some_and(|names| names.split(',').any(|name| name == group))
    {
        problems.push(format!("the registrar does not know the group {group:?}"));
    }
    for name in ["DeploymentName", "SelectorTagKey", "SelectorTagValue"] {
        if handed("Fleet", name) != handed("Registrar", name) {
            problems.push(format!("fleet and registrar do not mean the same by {name}"));
        }
    }
    problems
}

/// A parameter takes the same values wherever it is; it may be left out in one template and not in another.
#[must_use]
pub fn alike(templates: &[Template]) -> Vec<String> {
    let mut seen: BTreeMap<&str, (&str, Value)> = BTreeMap::new();
    let mut problems = Vec::new();
    for template in templates {
        for (name, parameter) in template.section("Parameters") {
            let pattern = parameter["AllowedPattern"].as_str();
            let pattern = pattern.map(when_given);
            let limits = ["AllowedValues", "MinValue", "MaxValue"].map(|limit| parameter[limit].clone());
            let meant = json!([parameter["Type"], pattern, limits]);
            let (first, wanted) = seen.entry(name).or_insert_with(|| (&template.name, meant.clone()));
            if *wanted != meant {
                problems.push(format!("{name} takes {meant} in {}, and {wanted} in {first}", template.name));
            }
        }
    }
    problems
}

/// Returns a pattern without what lets a parameter be left out.
fn when_given(pattern: &str) -> String {
    let alternatives = pattern.strip_prefix("^(|").and_then(|rest| rest.strip_suffix(")$"));
    alternatives.map_or(pattern.to_owned(), |given| format!("^{given}$")).replace("{0,", "{1,")
}

/// The page names every parameter of a template.
#[must_use]
pub fn documented(template: &Template, page: &str) -> Vec<String> {
    let silent = template.section("Parameters").filter(|(name, _)| !page.contains(&format!("`{name}`")));
    silent.map(|(name, _)| format!("the page does not name {name}")).collect()
}
