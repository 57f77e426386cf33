//! SSM: parameters by path and by name.
//!
//! Source: Systems Manager API reference and "AWS Systems Manager endpoints and quotas". Everything is
//! plain text here: `SecureString` is a type like the others.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Context;
use crate::operation::Operation;
use crate::wire::paging;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::{Parameter, World};

/// Most names of a call and most parameters of a page (API reference).
const MOST_NAMES: usize = 10;
/// Longest values in bytes of the standard and advanced tiers, and most levels of a name (quotas).
const LONGEST_STANDARD_VALUE: usize = 4_096;
const LONGEST_ADVANCED_VALUE: usize = 8_192;
const MOST_LEVELS: usize = 15;
const VALIDATION: &str = "ValidationException";

pub(super) fn answer(world: &mut World, context: Context<'_>, input: Value) -> Result<Reply, Refusal> {
    let output = match context.operation {
        Operation::GetParametersByPath => by_path(world, context, read(input)?)?,
        Operation::GetParameter => get_one(world, read(input)?)?,
        Operation::GetParameters => get_named(world, read(input)?)?,
        Operation::PutParameter => put(world, read(input)?)?,
        Operation::DeleteParameter => delete_one(world, &read(input)?)?,
        _ => delete_named(world, read(input)?)?,
    };
    Ok(Reply::json(200, "1.1", &output))
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| Refusal::bad_request(VALIDATION, error.to_string()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ByPath {
    path: String,
    #[serde(default)]
    recursive: bool,
    #[serde(default, rename = "WithDecryption")]
    _with_decryption: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn by_path(world: &World, context: Context<'_>, input: ByPath) -> Result<Value, Refusal> {
    let ByPath { path, recursive, max_results, next_token, .. } = input;
    if !path.starts_with('/') {
        let problem = "The parameter doesn't meet the parameter name requirements. The parameter name must begin \
                       with a forward slash \"/\".";
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    let size = max_results.unwrap_or(MOST_NAMES);
    if !(1..=MOST_NAMES).contains(&size) {
        let problem = format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must \
             have value from 1 to {MOST_NAMES}"
        );
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    let prefix = format!("{}/", path.trim_end_matches('/'));
    let below =
        |name: &&String| name.strip_prefix(&prefix).is_some_and(|rest| recursive || !rest.contains('/'));
    let found = world.parameters.iter().filter(|(name, _)| below(name));
    let found = found.map(|(name, parameter)| (name.clone(), (name, parameter))).collect();
    let page = paging::page(found, Some(size), next_token.as_deref(), context.bend)
        .ok_or_else(|| Refusal::bad_request("InvalidNextToken", "The specified token isn't valid."))?;
    let items = page.items.into_iter().map(|(name, parameter)| parameter_json(world, name, parameter));
    let mut output = json!({ "Parameters": items.collect::<Vec<_>>() });
    if let Some(token) = page.next_token {
        output["NextToken"] = token.into();
    }
    Ok(output)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OneName {
    name: String,
    #[serde(default, rename = "WithDecryption")]
    _with_decryption: bool,
}

fn get_one(world: &World, input: OneName) -> Result<Value, Refusal> {
    let (name, version) = selector(&input.name);
    let parameter = world.parameters.get(name).ok_or_else(not_found)?;
    let Some(parameter) = of_version(parameter, version) else {
        let problem =
            format!("Systems Manager could not find version {} of {name}", version.unwrap_or_default());
        return Err(Refusal::bad_request("ParameterVersionNotFound", problem));
    };
    Ok(json!({ "Parameter": parameter_json(world, name, &parameter) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Names {
    names: Vec<String>,
    #[serde(default, rename = "WithDecryption")]
    _with_decryption: bool,
}

fn get_named(world: &World, input: Names) -> Result<Value, Refusal> {
    let names = checked_names(input.names)?;
    let find = |asked: &String| {
        let (name, version) = selector(asked);
        let found = of_version(world.parameters.get(name)?, version)?;
        Some(parameter_json(world, name, &found))
    };
    let invalid: Vec<&String> = names.iter().filter(|name| find(name).is_none()).collect();
    let found: Vec<Value> = names.iter().filter_map(find).collect();
    Ok(json!({ "Parameters": found, "InvalidParameters": invalid }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    name: String,
    value: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    overwrite: bool,
    tier: Option<String>,
    #[serde(rename = "Description")]
    _description: Option<String>,
}

fn put(world: &mut World, input: Put) -> Result<Value, Refusal> {
    let Put { name, value, kind, overwrite, tier, .. } = input;
    check_name(&name)?;
    let tier = tier.unwrap_or_else(|| "Standard".to_owned());
    check_value(&value, &tier)?;
    let exists = world.parameters.contains_key(&name);
    if exists && !overwrite {
        let problem = "The parameter already exists. To overwrite this value, set the overwrite option in the \
                       request to true.";
        return Err(Refusal::bad_request("ParameterAlreadyExists", problem));
    }
    match kind.as_deref() {
        Some("String" | "StringList" | "SecureString") => {}
        None if exists => {}
        None => {
            let problem = "A parameter type is required when you create a parameter.";
            return Err(Refusal::bad_request(VALIDATION, problem));
        }
        Some(other) => {
            let problem = format!("{other} is not a type of a parameter");
            return Err(Refusal::bad_request("UnsupportedParameterType", problem));
        }
    }
    let version = world.write_parameter(&name, &value, kind);
    Ok(json!({ "Version": version, "Tier": tier }))
}

fn delete_one(world: &mut World, input: &OneName) -> Result<Value, Refusal> {
    if world.delete_parameter(&input.name) { Ok(json!({})) } else { Err(not_found()) }
}

fn delete_named(world: &mut World, input: Names) -> Result<Value, Refusal> {
    let names = checked_names(input.names)?;
    let (deleted, invalid): (Vec<String>, Vec<String>) =
        names.into_iter().partition(|name| world.delete_parameter(name));
    Ok(json!({ "DeletedParameters": deleted, "InvalidParameters": invalid }))
}

fn checked_names(names: Vec<String>) -> Result<Vec<String>, Refusal> {
    let distinct: BTreeSet<&String> = names.iter().collect();
    if (1..=MOST_NAMES).contains(&names.len()) && distinct.len() == names.len() {
        return Ok(names);
    }
    let problem = format!(
        "1 validation error detected: Value at 'names' failed to satisfy constraint: 1 to {MOST_NAMES} distinct \
         names, not {}",
        names.len()
    );
    Err(Refusal::bad_request(VALIDATION, problem))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/');
    let levels = name.trim_start_matches('/').split('/');
    let absolute = name.starts_with('/') || !name.contains('/');
    if !name.is_empty()
        && name.bytes().all(alphabet)
        && absolute
        && levels.clone().all(|level| !level.is_empty())
    {
        if levels.count() <= MOST_LEVELS {
            return Ok(());
        }
        let problem = format!("A hierarchy can have a maximum of {MOST_LEVELS} levels.");
        return Err(Refusal::bad_request("HierarchyLevelLimitExceededException", problem));
    }
    Err(Refusal::bad_request(VALIDATION, format!("Parameter name {name:?} is not valid")))
}

fn check_value(value: &str, tier: &str) -> Result<(), Refusal> {
    let longest = match tier {
        "Standard" => LONGEST_STANDARD_VALUE,
        "Advanced" => LONGEST_ADVANCED_VALUE,
        other => return Err(Refusal::bad_request(VALIDATION, format!("{other} is not a tier"))),
    };
    if value.is_empty() {
        return Err(Refusal::bad_request(VALIDATION, "A parameter's value cannot be empty"));
    }
    if value.len() <= longest {
        return Ok(());
    }
    let problem =
        format!("{tier} tier parameters support a maximum parameter value of {longest} characters.");
    Err(Refusal::bad_request(VALIDATION, problem))
}

/// Splits `name:version`.
fn selector(name: &str) -> (&str, Option<&str>) {
    name.split_once(':').map_or((name, None), |(name, version)| (name, Some(version)))
}

/// Returns a parameter as it was in a version, or as it is.
fn of_version(parameter: &Parameter, version: Option<&str>) -> Option<Parameter> {
    let Some(version) = version else { return Some(parameter.clone()) };
    let version: u64 = version.parse().ok()?;
    let value = parameter.value_of(version)?.to_owned();
    Some(Parameter { value, version, ..parameter.clone() })
}

fn not_found() -> Refusal {
    Refusal::bad_request("ParameterNotFound", "")
}

fn parameter_json(world: &World, name: &str, parameter: &Parameter) -> Value {
    let arn =
        format!("arn:aws:ssm:{}:{}:parameter/{}", world.region, world.account, name.trim_start_matches('/'));
    json!({
        "Name": name,
        "Type": parameter.kind,
        "Value": parameter.value,
        "Version": parameter.version,
        "LastModifiedDate": parameter.modified_at.as_second(),
        "ARN": arn,
        "DataType": "text",
    })
}
