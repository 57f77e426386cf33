//! The stand-in's own interface under `/_stand-in/`, for benches in other languages.
//!
//! It is no part of AWS: its calls are neither logged nor struck by faults.
//!
//! `GET calls`, `instances`, `lifecycle-actions`, `parameters`, `roles`, `hosted-zones/ID/records` and
//! `queues/NAME` show the world; `POST changes` takes a list of changes and answers with the result of each.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::faults::Fault;
use crate::operation::Operation;
use crate::wire::reply::Reply;
use crate::world::{Group, Instance, InstanceState, World, WorldError};

/// What the paths of this interface begin with.
pub(crate) const PREFIX: &str = "/_stand-in/";

/// A change of the world.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    PutInstances(Vec<Instance>),
    Launch(Vec<Instance>),
    ScaleIn(Vec<String>),
    Terminate(Vec<String>),
    Forget(Vec<String>),
    SetState { instance: String, state: InstanceState },
    SetLifecycleState { instance: String, state: String },
    PutGroup(Group),
    PutParameter { name: String, value: String },
    DeleteParameter(String),
    Send { queue: String, body: String },
    Arm(Fault),
    ClearFaults,
    ClearCalls,
    SetLatencyMs(u64),
    LimitPage { operation: Operation, items: usize },
}

/// Answers a request to the interface.
pub(crate) fn answer(world: &mut World, method: &str, path: &str, body: &str) -> Reply {
    let path = path.strip_prefix(PREFIX).unwrap_or_default();
    let result = match method {
        "GET" => show(world, path),
        "POST" if path == "changes" => change(world, body),
        _ => Err(WorldError(format!("{method} {path} is not part of this interface"))),
    };
    match result {
        Ok(shown) => Reply::plain_json(200, &shown),
        Err(error) => Reply::plain_json(400, &json!({ "error": error.to_string() })),
    }
}

fn show(world: &mut World, path: &str) -> Result<Value, WorldError> {
    let segments: Vec<&str> = path.split('/').collect();
    Ok(match segments.as_slice() {
        ["calls"] => json!({ "counts": world.calls(), "calls": world.call_log() }),
        ["instances"] => json!({ "instances": world.instances().collect::<Vec<_>>() }),
        ["lifecycle-actions"] => json!({ "lifecycle_actions": world.lifecycle_actions() }),
        ["parameters"] => json!({ "parameters": world.parameters }),
        ["roles"] => json!({ "roles": world.assumed_roles() }),
        ["hosted-zones", id, "records"] => json!({ "ResourceRecordSets": world.records(id)? }),
        ["queues", name] => {
            let queue = world.queue(name).ok_or_else(|| no_such("queue", name))?;
            json!({
                "messages": queue.messages(),
                "dead_letters": queue.dead_letters(),
                "deleted": queue.deleted(),
            })
        }
        _ => return Err(WorldError(format!("GET {path} is not part of this interface"))),
    })
}

/// Makes changes in their order; the ones before one that cannot be made stay.
fn change(world: &mut World, body: &str) -> Result<Value, WorldError> {
    let changes: Vec<Change> = serde_json::from_str(body).map_err(WorldError::from_display)?;
    let results = changes.into_iter().map(|change| change.make(world));
    Ok(json!({ "results": results.collect::<Result<Vec<_>, _>>()? }))
}

impl Change {
    fn make(self, world: &mut World) -> Result<Value, WorldError> {
        match self {
            Self::PutInstances(instances) => instances.into_iter().for_each(|one| world.put_instance(one)),
            Self::Launch(instances) => {
                let actions = instances.into_iter().flat_map(|instance| world.launch(instance));
                return Ok(json!(actions.collect::<Vec<_>>()));
            }
            Self::ScaleIn(ids) => {
                let actions = ids.iter().flat_map(|id| world.scale_in(id));
                return Ok(json!(actions.collect::<Vec<_>>()));
            }
            Self::Terminate(ids) => ids.iter().for_each(|id| world.terminate(id)),
            Self::Forget(ids) => ids.iter().for_each(|id| world.forget(id)),
            Self::SetState { instance, state } => {
                known(world.set_state(&instance, state), "instance", &instance)?;
            }
            Self::SetLifecycleState { instance, state } => {
                known(world.set_lifecycle_state(&instance, &state), "group member", &instance)?;
            }
            Self::PutGroup(group) => world.put_group(group),
            Self::PutParameter { name, value } => world.put_parameter(&name, &value),
            Self::DeleteParameter(name) => known(world.delete_parameter(&name), "parameter", &name)?,
            Self::Send { queue, body } => {
                let id = world.send(&queue, &body).ok_or_else(|| no_such("queue", &queue))?;
                return Ok(json!(id));
            }
            Self::Arm(fault) => world.arm(fault),
            Self::ClearFaults => world.clear_faults(),
            Self::ClearCalls => world.clear_calls(),
            Self::SetLatencyMs(latency) => world.set_latency(Duration::from_millis(latency)),
            Self::LimitPage { operation, items } => world.limit_page(operation, items),
        }
        Ok(Value::Null)
    }
}

fn known(found: bool, what: &str, name: &str) -> Result<(), WorldError> {
    if found { Ok(()) } else { Err(no_such(what, name)) }
}

fn no_such(what: &str, name: &str) -> WorldError {
    WorldError(format!("there is no {what} {name:?}"))
}
