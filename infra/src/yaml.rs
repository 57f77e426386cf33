//! YAML as CloudFormation reads it: short tags become the long form of their function.
//!
//! It knows tags and nothing of what a template means.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value, json};

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlError {
    /// It is not YAML, or has a key twice.
    #[error("not YAML: {0}")]
    Syntax(String),
    /// It holds no document, or more than one.
    #[error("{0} documents stand in the text where one is meant")]
    Documents(usize),
    /// It has what JSON has not.
    #[error("{0} has no form in JSON")]
    NoJson(String),
}

/// Reads a text of one document.
///
/// # Errors
/// Where it is not YAML, repeats a key, or says what JSON cannot.
pub fn read(text: &str) -> Result<Value, YamlError> {
    let documents = Yaml::load_from_str(text).map_err(|error| YamlError::Syntax(error.to_string()))?;
    match documents.as_slice() {
        [document] => value(document),
        several => Err(YamlError::Documents(several.len())),
    }
}

fn value(node: &Yaml<'_>) -> Result<Value, YamlError> {
    match node {
        Yaml::Value(Scalar::Null) => Ok(Value::Null),
        Yaml::Value(Scalar::Boolean(truth)) => Ok(json!(truth)),
        Yaml::Value(Scalar::Integer(number)) => Ok(json!(number)),
        Yaml::Value(Scalar::FloatingPoint(number)) => Number::from_f64(number.into_inner())
            .map(Value::Number)
            .ok_or_else(|| YamlError::NoJson(number.to_string())),
        Yaml::Value(Scalar::String(text)) => Ok(json!(text)),
        Yaml::Sequence(items) => items.iter().map(value).collect::<Result<_, _>>().map(Value::Array),
        Yaml::Mapping(fields) => {
            let mut object = Map::new();
            for (key, field) in fields {
                object.insert(self::key(key)?, value(field)?);
            }
            Ok(Value::Object(object))
        }
        Yaml::Tagged(tag, node) => Ok(long_form(&tag.suffix, value(node)?)),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            Err(YamlError::NoJson(format!("{node:?}")))
        }
    }
}

/// A key that is no text, such as an account's number in a mapping, is one in JSON.
fn key(node: &Yaml<'_>) -> Result<String, YamlError> {
    match value(node)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        other @ (Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(YamlError::NoJson(format!("the key {other}")))
        }
    }
}

/// `!Ref` and `!Condition` keep their names, all others get `Fn::`; `!GetAtt A.B` is a list of two.
fn long_form(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        ("GetAtt", Value::String(text)) => match text.split_once('.') {
            Some((resource, attribute)) => json!({ "Fn::GetAtt": [resource, attribute] }),
            None => json!({ "Fn::GetAtt": [text] }),
        },
        (_, argument) => json!({ format!("Fn::{tag}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_become_long_forms() {
        let text = "a: !Ref B\nb: !GetAtt Queue.Arn\nc: !If [X, !Sub '${Y}-z', !Ref AWS::NoValue]\nd: !Condition X\n\
                    e: !GetAtt [Stack, Outputs.Url]\nf: !Join\n  - ','\n  - - 1\n    - true\n";
        let expected = json!({
            "a": {"Ref": "B"}, "b": {"Fn::GetAtt": ["Queue", "Arn"]},
            "c": {"Fn::If": ["X", {"Fn::Sub": "${Y}-z"}, {"Ref": "AWS::NoValue"}]}, "d": {"Condition": "X"},
            "e": {"Fn::GetAtt": ["Stack", "Outputs.Url"]}, "f": {"Fn::Join": [",", [1, true]]},
        });
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn a_date_and_a_quoted_number_are_text() {
        assert_eq!(read("Version: 2012-10-17\nx: '0'\n"), Ok(json!({"Version": "2012-10-17", "x": "0"})));
    }

    #[test]
    fn a_key_may_not_stand_twice() {
        assert!(matches!(read("a: 1\na: 2\n"), Err(YamlError::Syntax(_))));
    }
}
