//! Parameters as CloudFormation checks them before anything is created: types, patterns, ranges and allowed values.
//!
//! What only AWS can know, such as whether a subnet exists, is not checked. Sources: CloudFormation user guide,
//! "Parameters section structure" and "Rules section".

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use fancy_regex::Regex;
use serde_json::{Value, json};

use crate::rules;
use crate::template::Template;

/// The parameters that whoever deploys gives, by name.
pub type Given = BTreeMap<String, String>;

/// A refusal: which parameter or rule, and what it tells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{subject}: {problem}")]
pub struct Refusal {
    /// The parameter or rule.
    pub subject: String,
    /// What is wrong; the template's own words where it has some.
    pub problem: String,
}

impl Refusal {
    pub(crate) fn new(subject: &str, problem: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), problem: problem.into() }
    }
}

/// Checks what is given, and returns the value of every parameter: a text, or a list of texts.
///
/// # Errors
/// Everything that CloudFormation would refuse, the rules last, as it asks them only of good values.
pub fn accept(template: &Template, given: &Given) -> Result<BTreeMap<String, Value>, Vec<Refusal>> {
    let declared: BTreeMap<&str, &Value> = template.section("Parameters").collect();
    let unknown = given.keys().filter(|name| !declared.contains_key(name.as_str()));
    let mut refusals: Vec<Refusal> =
        unknown.map(|name| Refusal::new(name, "is no parameter of the template")).collect();
    let mut values = BTreeMap::new();
    for (name, declaration) in declared {
        let default = declaration.get("Default").map(text);
        match given.get(name).cloned().or(default) {
            None => refusals.push(Refusal::new(name, "has no default and must be given")),
            Some(value) => match typed(declaration, &value) {
                Ok(value) => drop(values.insert(name.to_owned(), value)),
                Err(problem) => refusals.push(Refusal::new(name, problem)),
            },
        }
    }
    if refusals.is_empty() {
        refusals = rules::broken(template, &values);
    }
    if refusals.is_empty() { Ok(values) } else { Err(refusals) }
}

/// Returns a scalar as CloudFormation writes it.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Says whether a type of parameter is a list.
fn is_list(kind: &str) -> bool {
    let kind = kind.trim_start_matches("AWS::SSM::Parameter::Value<");
    kind.starts_with("CommaDelimitedList") || kind.starts_with("List<")
}

fn typed(declaration: &Value, value: &str) -> Result<Value, String> {
    let kind = declaration["Type"].as_str().unwrap_or_default();
    if is_list(kind) {
        let items: Vec<&str> =
            if value.is_empty() { Vec::new() } else { value.split(',').map(str::trim).collect() };
        for item in &items {
            check(declaration, kind, item)?;
        }
        return Ok(json!(items));
    }
    check(declaration, kind, value)?;
    Ok(json!(value))
}

fn check(declaration: &Value, kind: &str, value: &str) -> Result<(), String> {
    let refused = |why: String| {
        let told = declaration["ConstraintDescription"].as_str();
        Err(told.map_or_else(|| format!("{value:?} {why}"), |told| format!("{value:?} {why}: {told}")))
    };
    if let Some(pattern) = declaration["AllowedPattern"].as_str()
        && !matches(pattern, value)?
    {
        return refused(format!("does not match {pattern}"));
    }
    if let Some(allowed) = declaration["AllowedValues"].as_array()
        && !allowed.iter().any(|one| text(one) == value)
    {
        return refused(format!("is not one of {}", json!(allowed)));
    }
    let bound = |name: &str| declaration.get(name).and_then(|bound| text(bound).parse::<f64>().ok());
    if kind.contains("Number") {
        let Ok(number) = value.parse::<f64>() else { return refused("is no number".to_owned()) };
        if bound("MinValue").is_some_and(|least| number < least)
            || bound("MaxValue").is_some_and(|most| number > most)
        {
            return refused("is out of range".to_owned());
        }
    }
    let length = u32::try_from(value.chars().count()).map_or(f64::MAX, f64::from);
    if bound("MinLength").is_some_and(|least| length < least)
        || bound("MaxLength").is_some_and(|most| length > most)
    {
        return refused("is too short or too long".to_owned());
    }
    Ok(())
}

/// A pattern has to match the whole value. Making one costs far more than trying it, and there are few.
fn matches(pattern: &str, value: &str) -> Result<bool, String> {
    static MADE: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !made.contains_key(pattern) {
        let regex = Regex::new(&format!("^(?:{pattern})$"));
        let regex = regex.map_err(|error| format!("the pattern {pattern} cannot be read: {error}"))?;
        made.insert(pattern.to_owned(), regex);
    }
    let regex = &made[pattern];
    regex.is_match(value).map_err(|error| format!("the pattern {pattern} cannot be tried: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Parameters:\n  Name: {Type: String, AllowedPattern: '^[a-z]+$', ConstraintDescription: use a-z}\n\
        \x20 Count: {Type: Number, Default: 20, MinValue: 1, MaxValue: 86400}\n\
        \x20 Kind: {Type: String, Default: a, AllowedValues: [a, b]}\n\
        \x20 Names: {Type: CommaDelimitedList, Default: '', AllowedPattern: '^[a-z]*$'}\n\
        \x20 Short: {Type: String, Default: '', MaxLength: 2}\n";

    fn refusals(pairs: &[(&str, &str)]) -> Vec<String> {
        let template = Template::parse("t", TEXT).unwrap();
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        accept(&template, &given).err().unwrap_or_default().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn good_values_have_their_types() {
        let template = Template::parse("t", TEXT).unwrap();
        let given =
            Given::from([("Name".to_owned(), "x".to_owned()), ("Names".to_owned(), "a, b".to_owned())]);
        let values = accept(&template, &given).unwrap();
        assert_eq!(values["Count"], "20");
        assert_eq!(values["Names"], json!(["a", "b"]));
        assert_eq!(values["Short"], "");
    }

    #[test]
    fn bad_values_are_refused_with_the_templates_words() {
        assert_eq!(refusals(&[]), ["Name: has no default and must be given"]);
        assert_eq!(refusals(&[("Name", "X")]), ["Name: \"X\" does not match ^[a-z]+$: use a-z"]);
        for (name, value) in [
            ("Count", "0"),
            ("Count", "86401"),
            ("Count", "x"),
            ("Kind", "c"),
            ("Names", "a,B"),
            ("Short", "abc"),
        ] {
            let found = refusals(&[("Name", "x"), (name, value)]);
            assert!(found.len() == 1 && found[0].starts_with(name), "{name}={value}: {found:?}");
        }
        assert_eq!(refusals(&[("Name", "x"), ("Nmae", "x")]), ["Nmae: is no parameter of the template"]);
    }
}
