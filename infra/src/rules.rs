//! The `Rules` section: assertions over parameters, of which one that is false stops a deployment.
//!
//! Only the functions that rules may use are known; whatever else stands there is a refusal of its own.
//! Source: CloudFormation user guide, "Rule-specific intrinsic functions".

use std::collections::BTreeMap;

use serde_json::Value;

use crate::parameters::{Refusal, text};
use crate::template::Template;

/// Returns the rules that the parameters break.
pub(crate) fn broken(template: &Template, values: &BTreeMap<String, Value>) -> Vec<Refusal> {
    let scope = Scope { template, values };
    let mut refusals = Vec::new();
    for (name, rule) in template.section("Rules") {
        match rule.get("RuleCondition").map_or(Ok(true), |condition| scope.truth(condition)) {
            Ok(false) => continue,
            Ok(true) => {}
            Err(problem) => refusals.push(Refusal::new(name, problem)),
        }
        for assertion in rule["Assertions"].as_array().into_iter().flatten() {
            match scope.truth(&assertion["Assert"]) {
                Ok(true) => {}
                Ok(false) => {
                    let told = assertion["AssertDescription"].as_str().unwrap_or("an assertion failed");
                    refusals.push(Refusal::new(name, told));
                }
                Err(problem) => refusals.push(Refusal::new(name, problem)),
            }
        }
    }
    refusals
}

struct Scope<'a> {
    template: &'a Template,
    values: &'a BTreeMap<String, Value>,
}

impl Scope<'_> {
    fn truth(&self, value: &Value) -> Result<bool, String> {
        let (function, argument) = call(value).ok_or_else(|| format!("{value} is no condition"))?;
        let items = argument.as_array().map_or(&[][..], Vec::as_slice);
        let all = |items: &[Value]| items.iter().map(|item| self.truth(item)).collect::<Result<Vec<_>, _>>();
        let pair = || match items {
            [first, second] => Ok((self.list(first)?, self.list(second)?)),
            _ => Err(format!("{function} needs two arguments")),
        };
        match function {
            "Fn::And" => Ok(all(items)?.into_iter().all(|truth| truth)),
            "Fn::Or" => Ok(all(items)?.into_iter().any(|truth| truth)),
            "Fn::Not" => Ok(!all(items)?.into_iter().any(|truth| truth)),
            "Fn::Equals" => pair().map(|(first, second)| first == second),
            "Fn::Contains" => pair().map(|(set, wanted)| wanted.iter().all(|one| set.contains(one))),
            "Fn::EachMemberEquals" => {
                pair().map(|(set, wanted)| set.iter().all(|one| Some(one) == wanted.first()))
            }
            "Fn::EachMemberIn" => pair().map(|(set, allowed)| set.iter().all(|one| allowed.contains(one))),
            _ => Err(format!("{function} may not stand in a rule")),
        }
    }

    /// Returns a value as a list of texts; a single one is a list of one.
    fn list(&self, value: &Value) -> Result<Vec<String>, String> {
        match (call(value), value) {
            (Some(("Ref", name)), _) => {
                let name = text(name);
                let value = self.values.get(&name).ok_or_else(|| format!("{name} is no parameter"))?;
                self.list(value)
            }
            (Some(("Fn::RefAll", kind)), _) => {
                let of_kind =
                    self.template.section("Parameters").filter(|(_, parameter)| parameter["Type"] == *kind);
                let values = of_kind.filter_map(|(name, _)| self.values.get(name));
                values
                    .map(|value| self.list(value))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|lists| lists.concat())
            }
            (Some((function, _)), _) => Err(format!("{function} may not stand in a rule")),
            (None, Value::Array(items)) => items
                .iter()
                .map(|item| self.list(item))
                .collect::<Result<Vec<_>, _>>()
                .map(|lists| lists.concat()),
            (None, scalar) => Ok(vec![text(scalar)]),
        }
    }
}

/// Returns a function's name and argument.
fn call(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    fields.iter().next().map(|(name, argument)| (name.as_str(), argument))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = r"
Parameters:
  Key: {Type: String}
  Value: {Type: String}
  Names: {Type: CommaDelimitedList}
Rules:
  Both:
    Assertions:
      - Assert: !Or
          - !And [!Equals [!Ref Key, ''], !Equals [!Ref Value, '']]
          - !Not [!Contains [['', x], !Ref Value]]
        AssertDescription: give both
  Few:
    RuleCondition: !Equals [!Ref Key, few]
    Assertions:
      - Assert: !EachMemberIn [!Ref Names, [a, b]]
        AssertDescription: a or b
      - Assert: !EachMemberEquals [{'Fn::RefAll': String}, few]
        AssertDescription: all few
";

    fn told(key: &str, value: &str, names: &[&str]) -> Vec<String> {
        let template = Template::parse("t", TEXT).unwrap();
        let values = BTreeMap::from([
            ("Key".to_owned(), json!(key)),
            ("Value".to_owned(), json!(value)),
            ("Names".to_owned(), json!(names)),
        ]);
        broken(&template, &values).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rule_is_asked_where_its_condition_holds() {
        assert!(told("", "", &["z"]).is_empty());
        assert!(told("k", "v", &["z"]).is_empty());
        assert_eq!(told("k", "", &[]), ["Both: give both"]);
        assert_eq!(told("k", "x", &[]), ["Both: give both"]);
        assert!(told("few", "few", &["a", "b"]).is_empty());
        assert_eq!(told("few", "v", &["z"]), ["Few: a or b", "Few: all few"]);
    }

    #[test]
    fn a_function_that_rules_do_not_have_is_refused() {
        let text =
            "Parameters: {}\nRules:\n  R:\n    Assertions:\n      - Assert: !Equals [!Join ['', [a]], a]\n";
        let template = Template::parse("t", text).unwrap();
        let found = broken(&template, &BTreeMap::new());
        assert_eq!(found[0].problem, "Fn::Join may not stand in a rule");
    }
}
