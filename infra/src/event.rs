//! EventBridge's patterns, as far as templates use them: exact values, `prefix`, `suffix`, `exists` and `anything-but`.
//!
//! Source: EventBridge user guide, "Comparison operators".

use serde_json::Value;

/// Says whether an event matches a pattern.
///
/// # Errors
/// Where the pattern uses an operator that is not known here.
pub fn matches(pattern: &Value, event: &Value) -> Result<bool, String> {
    let fields = pattern.as_object().ok_or_else(|| format!("{pattern} is no pattern"))?;
    for (name, wanted) in fields {
        let found = event.get(name);
        let field_matches = match wanted {
            Value::Array(alternatives) => any(alternatives, found)?,
            Value::Object(_) => matches(wanted, found.unwrap_or(&Value::Null))?,
            other => return Err(format!("{name}: {other} stands where a list is meant")),
        };
        if !field_matches {
            return Ok(false);
        }
    }
    Ok(true)
}

fn any(alternatives: &[Value], found: Option<&Value>) -> Result<bool, String> {
    for alternative in alternatives {
        if one(alternative, found)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn one(wanted: &Value, found: Option<&Value>) -> Result<bool, String> {
    let Some((operator, argument)) = wanted.as_object().and_then(|fields| fields.iter().next()) else {
        return Ok(found == Some(wanted));
    };
    let text = found.and_then(Value::as_str);
    let ends = |test: fn(&str, &str) -> bool| {
        let argument = argument.as_str().ok_or_else(|| format!("{operator} needs a text"))?;
        Ok(text.is_some_and(|text| test(text, argument)))
    };
    match operator.as_str() {
        "prefix" => ends(|text, start| text.starts_with(start)),
        "suffix" => ends(|text, end| text.ends_with(end)),
        "exists" => Ok(*argument == found.is_some()),
        "anything-but" => match argument {
            Value::Array(unwanted) => Ok(found.is_some_and(|found| !unwanted.contains(found))),
            Value::Object(_) => Ok(found.is_some() && !one(argument, found)?),
            unwanted => Ok(found.is_some_and(|found| found != unwanted)),
        },
        other => Err(format!("the operator {other} is not known here")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_of_the_pattern_must_match_one_of_its_values() {
        let pattern = json!({"source": ["aws.ec2", "aws.ssm"], "detail": {"name": [{"prefix": "/registrar/edge/"}],
            "errorCode": [{"exists": false}]}});
        let event = |source: &str, detail: Value| json!({"source": source, "detail": detail, "more": 1});
        assert_eq!(
            matches(&pattern, &event("aws.ssm", json!({"name": "/registrar/edge/pools/a"}))),
            Ok(true)
        );
        assert_eq!(
            matches(&pattern, &event("aws.s3", json!({"name": "/registrar/edge/pools/a"}))),
            Ok(false)
        );
        assert_eq!(matches(&pattern, &event("aws.ssm", json!({"name": "/registrar/other"}))), Ok(false));
        assert_eq!(
            matches(&pattern, &event("aws.ssm", json!({"name": "/registrar/edge/a", "errorCode": "x"}))),
            Ok(false)
        );
        assert_eq!(matches(&pattern, &event("aws.ssm", json!({}))), Ok(false));
    }

    #[test]
    fn anything_but_needs_a_value_that_is_another() {
        let matched =
            |wanted: Value, event: Value| matches(&json!({"a": [{"anything-but": wanted}]}), &event);
        assert_eq!(matched(json!(["x"]), json!({"a": "y"})), Ok(true));
        assert_eq!(matched(json!("x"), json!({"a": "x"})), Ok(false));
        assert_eq!(matched(json!({"prefix": "/a/state"}), json!({"a": "/a/state/x"})), Ok(false));
        assert_eq!(matched(json!({"prefix": "/a/state"}), json!({"a": "/a/pools/x"})), Ok(true));
        assert_eq!(matched(json!("x"), json!({})), Ok(false));
        assert!(matches(&json!({"a": [{"cidr": "10.0.0.0/8"}]}), &json!({"a": "10.0.0.1"})).is_err());
    }
}
