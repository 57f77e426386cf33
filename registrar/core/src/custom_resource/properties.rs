//! The properties of a custom resource: its deployment and its pool documents.
//!
//! Whether a document is a good one is for [`crate::pool`] to say.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::ids::{DeploymentName, PoolName};
use crate::invocation::Fields;
use crate::json;
use crate::pool::{Pool, json_schema};

/// How deep the schema of a pool document nests, with room; a document that is deeper has unknown keys.
const DEEPEST: usize = 16;

/// A property that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{property}: {problem} (hint: {hint})")]
pub struct PropertyError {
    /// Which property, as a path from the resource.
    pub property: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub hint: &'static str,
}

/// The properties of a custom resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceProperties {
    /// The deployment, where it is not the function's own.
    pub deployment: Option<DeploymentName>,
    /// The pools' documents, by name, as the JSON text that [`Pool::read`] takes.
    pub documents: BTreeMap<PoolName, String>,
}

impl ResourceProperties {
    /// Reads them from the JSON of a request's field, which may be absent.
    pub(super) fn parse(raw: Option<&str>) -> Result<Self, PropertyError> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        let fields = Fields::parse(raw)
            .map_err(|_| error("ResourceProperties", "is not an object", "give the resource properties"))?;
        let mut properties = Self { deployment: deployment(&fields)?, documents: several(&fields)? };
        match (fields.raw("PoolName"), fields.raw("PoolDocument")) {
            (Some(_), Some(document)) => {
                let name = fields.text("PoolName").unwrap_or_default();
                properties.add("PoolName", &name, "PoolDocument", document)?;
            }
            (Some(_), None) => {
                return Err(error("PoolDocument", "is missing", "give the pool's document as well"));
            }
            (None, Some(_)) => return Err(error("PoolName", "is missing", "give the pool's name as well")),
            (None, None) => {}
        }
        Ok(properties)
    }

    /// Reads the documents as pools.
    #[must_use]
    pub fn pools(&self) -> Vec<Pool> {
        self.documents.iter().map(|(name, document)| Pool::read(name.clone(), document)).collect()
    }

    fn add(&mut self, named_by: &str, name: &str, property: &str, raw: &str) -> Result<(), PropertyError> {
        let name: PoolName = name.parse().map_err(|invalid: crate::ids::InvalidId| {
            error(named_by, &invalid.to_string(), "use 1 to 32 characters from a-z, 0-9 and -")
        })?;
        let document = document(property, raw)?;
        match self.documents.insert(name.clone(), document) {
            None => Ok(()),
            Some(_) => {
                Err(error(property, &format!("pool {name} has two documents"), "give each pool one document"))
            }
        }
    }
}

fn deployment(fields: &Fields<'_>) -> Result<Option<DeploymentName>, PropertyError> {
    let hint = "use 1 to 32 characters from a-z, 0-9 and -";
    match (fields.raw("DeploymentName"), fields.text("DeploymentName")) {
        (None, _) => Ok(None),
        (Some(_), None) => Err(error("DeploymentName", "is not a string", hint)),
        (Some(_), Some(name)) => match name.parse() {
            Ok(name) => Ok(Some(name)),
            Err(invalid) => {
                let invalid: crate::ids::InvalidId = invalid;
                Err(error("DeploymentName", &invalid.to_string(), hint))
            }
        },
    }
}

/// Reads `Pools`; an empty string, which is how a template leaves it out, is no pool.
fn several(fields: &Fields<'_>) -> Result<BTreeMap<PoolName, String>, PropertyError> {
    let Some(raw) = fields.raw("Pools").filter(|raw| *raw != "\"\"") else { return Ok(BTreeMap::new()) };
    let hint = "give an object of names and documents";
    let pools = Fields::parse(raw).map_err(|_| error("Pools", "is not an object", hint))?;
    let mut properties = ResourceProperties::default();
    for (name, document) in pools.iter() {
        properties.add("Pools", name, &format!("Pools.{name}"), document)?;
    }
    Ok(properties.documents)
}

/// Returns a document's JSON text, whether it was given as text or as an object.
fn document(property: &str, raw: &str) -> Result<String, PropertyError> {
    let hint = "give the document as a string of JSON, or as an object";
    let value: Value = serde_json::from_str(raw)
        .map_err(|problem| error(property, &json::from_serde(".".to_owned(), &problem).to_string(), hint))?;
    match value {
        Value::String(text) => Ok(text),
        Value::Object(_) => {
            let schema = json_schema();
            let mut value = value;
            restore(&mut value, &schema, &schema, DEEPEST);
            Ok(value.to_string())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Err(error(property, "is neither a string nor an object", hint))
        }
    }
}

/// Makes numbers and booleans of the strings that CloudFormation made of them, where the schema wants such.
/// What does not read as one stays a string, so that the document's own error names it.
fn restore(value: &mut Value, schema: &Value, root: &Value, depth: usize) {
    if depth == 0 {
        return;
    }
    if let Some(target) = schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#')))
    {
        return restore(value, target, root, depth - 1);
    }
    for alternative in
        ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten()
    {
        restore(value, alternative, root, depth - 1);
    }
    match value {
        Value::String(text) if has_type(schema, "integer") => {
            if let Ok(number) = text.parse::<i64>() {
                *value = Value::Number(Number::from(number));
            }
        }
        Value::String(text) if has_type(schema, "boolean") => {
            if let Ok(boolean) = text.parse::<bool>() {
                *value = Value::Bool(boolean);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                restore(field, &schema["properties"][name], root, depth - 1);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {}
    }
}

fn has_type(schema: &Value, name: &str) -> bool {
    match &schema["type"] {
        Value::String(only) => only == name,
        Value::Array(types) => types.iter().any(|one| one == name),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

fn error(property: &str, problem: &str, hint: &'static str) -> PropertyError {
    PropertyError { property: property.chars().take(80).collect(), problem: problem.to_owned(), hint }
}
