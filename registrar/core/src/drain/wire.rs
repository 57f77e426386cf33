//! Drain tickets as messages: versioned JSON, `"registrar-ticket": 1`, and how much fits into one.
//!
//! A ticket is read as strictly as it is written: whoever may send messages to the queue may forge one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::hook::is_token;
use super::{DrainTicket, LONGEST_TTL_SECS, Stage, WaitingHook};
use crate::ids::{
    AutoScalingGroupName, DeploymentName, HostedZoneId, InstanceId, LifecycleHookName, PoolName,
};
use crate::json;
use crate::trigger::Dropped;

/// The field that makes an object a ticket, and says in which version.
const MARK: &str = "registrar-ticket";
const VERSION: &str = "1";

/// How many hooks one ticket has at most: as many as one invocation completes with time to spare.
const MOST_HOOKS: usize = 500;

/// How large the hooks of one ticket are at most, in bytes; SQS took 256 KiB for long, and takes 1 MiB.
const LARGEST_LOAD: usize = 190 * 1024;

/// How large a ticket is that is read at all, in bytes.
const LARGEST_TICKET: usize = 256 * 1024;

#[derive(Deserialize)]
struct Marked<'a> {
    #[serde(default, rename = "registrar-ticket", borrow)]
    version: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketDocument {
    #[serde(rename = "registrar-ticket")]
    _version: u8,
    deployment: DeploymentName,
    pool: PoolName,
    hosted_zone_id: HostedZoneId,
    change_id: Option<String>,
    until: Option<Timestamp>,
    ttl_secs: u32,
    issued_at: Timestamp,
    heartbeat_secs: Option<u32>,
    beaten_at: Timestamp,
    hooks: Vec<HookDocument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HookDocument {
    group: AutoScalingGroupName,
    hook: LifecycleHookName,
    instance: InstanceId,
    token: Option<String>,
}

pub(super) fn parse(body: &str) -> Option<Result<DrainTicket, Dropped>> {
    // Few messages are tickets; looking for the word spares the others a second parse.
    if !body.contains(MARK) {
        return None;
    }
    let version = serde_json::from_str::<Marked<'_>>(body).ok()?.version?;
    if version.get() != VERSION {
        let version: String = version.get().chars().take(20).collect();
        return Some(Err(bad(format!("version {version} is not one that this release reads"))));
    }
    if body.len() > LARGEST_TICKET {
        return Some(Err(bad(format!("it has {} bytes, more than {LARGEST_TICKET}", body.len()))));
    }
    let document = json::parse::<TicketDocument>(body).map_err(|error| bad(error.to_string()));
    Some(document.and_then(ticket))
}

fn bad(problem: impl Into<String>) -> Dropped {
    Dropped::BadTicket { problem: problem.into() }
}

fn ticket(document: TicketDocument) -> Result<DrainTicket, Dropped> {
    if document.ttl_secs > LONGEST_TTL_SECS {
        return Err(bad(format!("ttl_secs: {} is more than {LONGEST_TTL_SECS}", document.ttl_secs)));
    }
    if document.hooks.is_empty() || document.hooks.len() > MOST_HOOKS {
        return Err(bad(format!("hooks: {} are not 1 to {MOST_HOOKS}", document.hooks.len())));
    }
    let stage = match (document.change_id, document.until) {
        (Some(change_id), None) if is_change_id(&change_id) => Stage::Propagating { change_id },
        (None, Some(until)) => Stage::Expiring { until },
        (Some(_), None) => return Err(bad("change_id is not the id of a change")),
        (Some(_), Some(_)) | (None, None) => return Err(bad("it needs either change_id or until")),
    };
    let mut hooks: Vec<WaitingHook> = document.hooks.into_iter().map(hook).collect();
    hooks.sort();
    hooks.dedup_by(|one, other| one.is_same_action(other));
    Ok(DrainTicket {
        deployment: document.deployment,
        pool: document.pool,
        hooks,
        hosted_zone_id: document.hosted_zone_id,
        stage,
        ttl_secs: document.ttl_secs,
        issued_at: document.issued_at,
        heartbeat_secs: document.heartbeat_secs,
        beaten_at: document.beaten_at,
    })
}

fn hook(document: HookDocument) -> WaitingHook {
    let HookDocument { group, hook, instance, token } = document;
    WaitingHook { group, hook, instance, token: token.filter(|token| is_token(token)) }
}

/// Says whether a text can be the id of a change, with or without its `/change/` (the API allows 32
/// characters of id; twice that is granted here).
pub(super) fn is_change_id(text: &str) -> bool {
    let id = text.strip_prefix("/change/").unwrap_or(text);
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric())
}

pub(super) fn write(ticket: &DrainTicket) -> String {
    let mut document = Map::from_iter([
        (MARK.to_owned(), json!(1)),
        ("deployment".to_owned(), json!(ticket.deployment.as_str())),
        ("pool".to_owned(), json!(ticket.pool.as_str())),
        ("hosted_zone_id".to_owned(), json!(ticket.hosted_zone_id.as_str())),
        ("ttl_secs".to_owned(), json!(ticket.ttl_secs)),
        ("issued_at".to_owned(), json!(ticket.issued_at.to_string())),
        ("beaten_at".to_owned(), json!(ticket.beaten_at.to_string())),
        ("hooks".to_owned(), ticket.hooks.iter().map(hook_value).collect()),
    ]);
    match &ticket.stage {
        Stage::Propagating { change_id } => document.insert("change_id".to_owned(), json!(change_id)),
        Stage::Expiring { until } => document.insert("until".to_owned(), json!(until.to_string())),
    };
    if let Some(secs) = ticket.heartbeat_secs {
        document.insert("heartbeat_secs".to_owned(), json!(secs));
    }
    Value::Object(document).to_string()
}

fn hook_value(hook: &WaitingHook) -> Value {
    let mut value = json!({
        "group": hook.group.as_str(), "hook": hook.hook.as_str(), "instance": hook.instance.as_str(),
    });
    if let Some(token) = hook.token.as_ref().filter(|token| is_token(token)) {
        value["token"] = json!(token);
    }
    value
}

/// Shares hooks out over as many tickets as they need; of one action named twice, one is left.
pub(super) fn loads(hooks: BTreeSet<WaitingHook>) -> Vec<Vec<WaitingHook>> {
    let mut loads: Vec<Vec<WaitingHook>> = Vec::new();
    let mut bytes = 0;
    for hook in hooks {
        let last = loads.last().and_then(|load| load.last());
        if last.is_some_and(|last| last.is_same_action(&hook)) {
            continue;
        }
        let size = hook_value(&hook).to_string().len() + 1;
        match loads.last_mut().filter(|load| load.len() < MOST_HOOKS && bytes + size <= LARGEST_LOAD) {
            Some(load) => {
                load.push(hook);
                bytes += size;
            }
            None => {
                loads.push(vec![hook]);
                bytes = size;
            }
        }
    }
    loads
}
