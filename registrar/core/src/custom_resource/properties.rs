//! The properties of a custom resource: its deployment, its hosted zone and its pool documents.
//!
//! Whether a document is a good one is for [`crate::pool`] to say, and whether the hosted zone is the right one for
//! [`crate::preflight`].

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::{Number, Value};

use crate::ids::{DeploymentName, HostedZoneId, InvalidId, PoolName, RoleArn};
use crate::json::{self, raw::Fields};
use crate::name::RecordName;
use crate::pool::{Pool, json_schema};

/// The largest document that is given as an object, in bytes: eight times what a parameter holds. Reading one takes many
/// times its size.
const LARGEST_OBJECT: usize = 64 * 1024;

/// How deep the schema of a pool document nests, with room; a document that is deeper has unknown keys.
const DEEPEST: usize = 16;

macro_rules! properties {
    ($($name:ident),+ $(,)?) => {
        /// A property that is read.
        #[derive(Clone, Copy)]
        pub(super) enum Property { $($name),+ }

        impl Property {
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }

        /// The properties that are read; any other means nothing here.
        pub const PROPERTIES: &[&str] = &[$(stringify!($name)),+];
    };
}

properties!(DeploymentName, PoolName, PoolDocument, Pools, HostedZoneId, HostedZoneName, DnsRoleArn);

/// The properties of the resource that are there for CloudFormation alone: `Release` names the function's package,
/// so that a new one is an update.
pub const MEANT_FOR_CLOUDFORMATION: &[&str] = &["ServiceToken", "ServiceTimeout", "Release"];

/// The properties, as they were sent.
pub(super) struct Sent<'a>(Fields<'a>);

impl<'a> Sent<'a> {
    pub(super) fn parse(raw: &'a str) -> Option<Self> {
        Fields::parse(raw).ok().map(Self)
    }

    /// Returns the JSON of a property.
    pub(super) fn raw(&self, property: Property) -> Option<&'a str> {
        self.0.raw(property.name())
    }

    fn text(&self, property: Property) -> Option<String> {
        self.0.text(property.name())
    }

    /// Reads a property that is a name of some kind; an empty string, which is how a template leaves it out, is
    /// none.
    pub(super) fn name<T: FromStr<Err = InvalidId>>(
        &self,
        property: Property,
        hint: &'static str,
    ) -> Result<Option<T>, PropertyError> {
        match (self.raw(property), self.text(property)) {
            (None, _) => Ok(None),
            (Some(_), None) => Err(error(property.name(), "is not a string", hint)),
            (Some(_), Some(text)) if text.is_empty() => Ok(None),
            (Some(_), Some(text)) => match text.parse() {
                Ok(name) => Ok(Some(name)),
                Err(invalid) => Err(error(property.name(), &invalid.to_string(), hint)),
            },
        }
    }
}

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
    /// The hosted zone of the records.
    pub hosted_zone_id: Option<HostedZoneId>,
    /// The name that it should have.
    pub hosted_zone_name: Option<RecordName>,
    /// The role that it is reached through, where another account owns it.
    pub dns_role_arn: Option<RoleArn>,
}

impl ResourceProperties {
    /// Reads them from the JSON of a request's field, which may be absent.
    pub(super) fn parse(raw: Option<&str>) -> Result<Self, PropertyError> {
        let Some(raw) = raw else { return Ok(Self::default()) };
        let sent = Sent::parse(raw)
            .ok_or_else(|| error("ResourceProperties", "is not an object", "give the resource properties"))?;
        let schema = json_schema();
        let mut properties = Self {
            deployment: deployment(&sent)?,
            documents: several(&sent, &schema)?,
            hosted_zone_id: hosted_zone_id(&sent)?,
            hosted_zone_name: sent.name(Property::HostedZoneName, "give the name of the hosted zone")?,
            dns_role_arn: dns_role_arn(&sent)?,
        };
        match (sent.raw(Property::PoolName), sent.raw(Property::PoolDocument)) {
            (Some(_), Some(document)) => {
                let name = sent.text(Property::PoolName).unwrap_or_default();
                properties.add("PoolName", &name, "PoolDocument", document, &schema)?;
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

    fn add(
        &mut self,
        named_by: &str,
        name: &str,
        property: &str,
        raw: &str,
        schema: &Value,
    ) -> Result<(), PropertyError> {
        let name: PoolName = name.parse().map_err(|invalid: crate::ids::InvalidId| {
            error(named_by, &invalid.to_string(), "use 1 to 32 characters from a-z, 0-9 and -")
        })?;
        let document = document(property, raw, schema)?;
        match self.documents.insert(name.clone(), document) {
            None => Ok(()),
            Some(_) => {
                Err(error(property, &format!("pool {name} has two documents"), "give each pool one document"))
            }
        }
    }
}

pub(super) fn deployment(sent: &Sent<'_>) -> Result<Option<DeploymentName>, PropertyError> {
    sent.name(Property::DeploymentName, "use 1 to 32 characters from a-z, 0-9 and -")
}

pub(super) fn hosted_zone_id(sent: &Sent<'_>) -> Result<Option<HostedZoneId>, PropertyError> {
    sent.name(Property::HostedZoneId, "give the id that Route 53 shows, without /hostedzone/")
}

pub(super) fn dns_role_arn(sent: &Sent<'_>) -> Result<Option<RoleArn>, PropertyError> {
    sent.name(Property::DnsRoleArn, "give the whole ARN of the role, or leave it empty")
}

/// Reads `Pools`; an empty string, which is how a template leaves it out, is no pool.
fn several(sent: &Sent<'_>, schema: &Value) -> Result<BTreeMap<PoolName, String>, PropertyError> {
    let raw = sent.raw(Property::Pools).filter(|raw| *raw != "\"\"");
    let Some(raw) = raw else { return Ok(BTreeMap::new()) };
    let hint = "give an object of names and documents";
    let pools = Fields::parse(raw).map_err(|_| error("Pools", "is not an object", hint))?;
    let mut properties = ResourceProperties::default();
    for (name, document) in pools.iter() {
        properties.add("Pools", name, &format!("Pools.{name}"), document, schema)?;
    }
    Ok(properties.documents)
}

/// Returns a document's JSON text, whether it was given as text or as an object.
fn document(property: &str, raw: &str, schema: &Value) -> Result<String, PropertyError> {
    let hint = "give the document as a string of JSON, or as an object";
    if raw.len() > LARGEST_OBJECT && !raw.starts_with('"') {
        let problem = format!("has {} bytes, more than {LARGEST_OBJECT}", raw.len());
        return Err(error(property, &problem, hint));
    }
    let value: Value = serde_json::from_str(raw)
        .map_err(|problem| error(property, &json::from_serde(".".to_owned(), &problem).to_string(), hint))?;
    match value {
        Value::String(text) => Ok(text),
        Value::Object(_) => {
            let mut value = value;
            restore(&mut value, schema, schema, DEEPEST);
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
