//! The conditions of a statement, over the condition keys of a request.
//!
//! Source: IAM user guide, "Condition operators" and "Multivalued context keys".

use std::collections::BTreeMap;

use serde_json::Value;

use super::pattern;
use crate::parameters::text;

/// Says whether all conditions hold; those of no statement do.
pub(super) fn holds(conditions: &Value, context: &BTreeMap<String, Vec<String>>) -> Result<bool, String> {
    for (operator, keys) in conditions.as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object().into_iter().flatten() {
            let wanted: Vec<String> = match wanted {
                Value::Array(several) => several.iter().map(text).collect(),
                one => vec![text(one)],
            };
            let found = context.get(&key.to_ascii_lowercase()).map(Vec::as_slice);
            if !one_holds(operator, &wanted, found)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

fn one_holds(operator: &str, wanted: &[String], found: Option<&[String]>) -> Result<bool, String> {
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (Some(set), operator),
        None => (None, operator),
    };
    let if_exists = operator.strip_suffix("IfExists");
    let operator = if_exists.unwrap_or(operator);
    if operator == "Null" {
        return Ok(wanted.iter().any(|wanted| (wanted == "true") == found.is_none()));
    }
    let compare = comparison(operator)?;
    let negated = operator.contains("Not");
    // A negated operator holds where none of its values does.
    let value_holds = |found: &String| negated != wanted.iter().any(|wanted| compare(wanted, found));
    let found = match (found, set) {
        (None, Some("ForAllValues")) => return Ok(true),
        (None, Some("ForAnyValue")) => return Ok(false),
        (None, _) => return Ok(negated || if_exists.is_some()),
        (Some(found), _) => found,
    };
    match set {
        None | Some("ForAnyValue") => Ok(found.iter().any(value_holds)),
        Some("ForAllValues") => Ok(found.iter().all(value_holds)),
        Some(other) => Err(format!("{other} is no operator of sets")),
    }
}

type Comparison = fn(&str, &str) -> bool;

fn comparison(operator: &str) -> Result<Comparison, String> {
    match operator {
        "StringEquals" | "StringNotEquals" => Ok(|wanted, found| wanted == found),
        "StringLike" | "StringNotLike" => Ok(pattern::matches),
        "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike" => Ok(pattern::matches_arn),
        "Bool" | "StringEqualsIgnoreCase" => Ok(str::eq_ignore_ascii_case),
        _ => Err(format!("the operator {operator} is not known here")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds_for(condition: Value, values: &[&str]) -> bool {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let context = BTreeMap::from([("aws:key".to_owned(), values)]);
        holds(&condition, &context).unwrap()
    }

    #[test]
    fn every_value_must_be_wanted_where_all_are_meant() {
        let condition = || json!({"ForAllValues:StringLike": {"aws:Key": ["a", "l??.a"]}});
        assert!(holds_for(condition(), &["a", "l01.a"]));
        assert!(!holds_for(condition(), &["a", "b"]));
        assert_eq!(
            holds(&condition(), &BTreeMap::new()),
            Ok(true),
            "an absent key has no value that is unwanted"
        );
    }

    #[test]
    fn one_value_is_enough_where_any_is_meant() {
        let condition = || json!({"ForAnyValue:StringEquals": {"aws:Key": "a"}});
        assert!(holds_for(condition(), &["a", "b"]));
        assert!(!holds_for(condition(), &["b"]));
        assert_eq!(holds(&condition(), &BTreeMap::new()), Ok(false));
    }

    #[test]
    fn single_values_are_compared_and_absent_keys_hold_only_for_the_negated() {
        assert!(holds_for(json!({"StringEquals": {"aws:Key": ["x", "a"]}}), &["a"]));
        assert!(!holds_for(json!({"StringNotEquals": {"aws:Key": ["x", "a"]}}), &["a"]));
        assert!(holds_for(json!({"Bool": {"aws:Key": false}}), &["false"]));
        assert!(holds_for(json!({"Null": {"aws:Key": "false"}}), &["a"]));
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("Null", false),
        ] {
            let condition = json!({ operator: { "aws:Key": "false" } });
            assert_eq!(holds(&condition, &BTreeMap::new()), Ok(expected), "{operator}");
        }
        assert!(holds(&json!({"IpAddress": {"aws:Key": "a"}}), &BTreeMap::new()).is_err());
    }
}
