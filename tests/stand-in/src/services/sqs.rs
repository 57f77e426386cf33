//! SQS: messages of standard queues, in the JSON protocol.
//!
//! Source: SQS API reference. Receives do not wait for messages (`WaitTimeSeconds` is checked only), and
//! message attributes are refused rather than ignored.

use std::collections::BTreeSet;

use md5::{Digest, Md5};
use registrar_core::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Context;
use crate::operation::Operation;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::{Message, MessageError, Queue, World};

/// Longest message in bytes: 1 MiB (API reference, `SendMessage`).
const LONGEST_BODY: usize = 1_048_576;
/// Longest delay, visibility timeout and wait in seconds (API reference).
const LONGEST_DELAY_SECS: u32 = 900;
const LONGEST_VISIBILITY_SECS: u32 = 43_200;
const LONGEST_WAIT_SECS: u32 = 20;
/// Most messages of a receive and entries of a batch (API reference).
const MOST_MESSAGES: usize = 10;

pub(super) fn answer(world: &mut World, context: Context<'_>, input: Value) -> Result<Reply, Refusal> {
    let now = world.now();
    let output = match context.operation {
        Operation::GetQueueUrl => queue_url(world, context, read(input)?)?,
        Operation::SendMessage => send(world, read(input)?, now)?,
        Operation::ReceiveMessage => receive(world, read(input)?, now)?,
        Operation::DeleteMessage => delete(world, &read(input)?)?,
        Operation::DeleteMessageBatch => delete_batch(world, read(input)?)?,
        Operation::ChangeMessageVisibility => change_visibility(world, &read(input)?, now)?,
        Operation::ChangeMessageVisibilityBatch => change_visibility_batch(world, read(input)?, now)?,
        _ => attributes(world, &read(input)?, now)?,
    };
    Ok(Reply::json(200, "1.0", &output))
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T, Refusal> {
    serde_json::from_value(input).map_err(|error| invalid_value(error.to_string()))
}

fn invalid_value(problem: impl Into<String>) -> Refusal {
    Refusal::bad_request("InvalidParameterValue", problem)
}

fn in_range(value: u32, longest: u32, name: &str) -> Result<u32, Refusal> {
    if value <= longest {
        return Ok(value);
    }
    Err(invalid_value(format!(
        "Value {value} for parameter {name} is invalid. Reason: Must be >= 0 and <= {longest}."
    )))
}

/// Finds a queue by its URL, of which the account and the name count.
fn queue<'a>(world: &'a mut World, url: &str) -> Result<&'a mut Queue, Refusal> {
    let (rest, name) = url.rsplit_once('/').unwrap_or(("", url));
    let account = rest.rsplit('/').next().unwrap_or_default();
    let ours = account == world.account;
    world.queues.get_mut(name).filter(|_| ours).ok_or_else(no_queue)
}

fn no_queue() -> Refusal {
    Refusal::bad_request("QueueDoesNotExist", "The specified queue does not exist.")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct QueueName {
    queue_name: String,
}

fn queue_url(world: &World, context: Context<'_>, input: QueueName) -> Result<Value, Refusal> {
    let QueueName { queue_name } = input;
    if !world.queues.contains_key(&queue_name) {
        return Err(no_queue());
    }
    Ok(json!({ "QueueUrl": format!("{}/{}/{queue_name}", context.endpoint, world.account) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Send {
    queue_url: String,
    message_body: String,
    #[serde(default)]
    delay_seconds: u32,
}

fn send(world: &mut World, input: Send, now: Timestamp) -> Result<Value, Refusal> {
    let Send { queue_url, message_body, delay_seconds } = input;
    let queue = queue(world, &queue_url)?;
    let delay_secs = in_range(delay_seconds, LONGEST_DELAY_SECS, "DelaySeconds")?;
    if !(1..=LONGEST_BODY).contains(&message_body.len()) {
        let problem = format!(
            "One or more parameters are invalid. Reason: Message must have 1 to {LONGEST_BODY} bytes, not {}.",
            message_body.len()
        );
        return Err(invalid_value(problem));
    }
    let allowed = |character: char| matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if !message_body.chars().all(allowed) {
        let problem = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | \
                       #xE000 to #xFFFD | #x10000 to #x10FFFF";
        return Err(Refusal::bad_request("InvalidMessageContents", problem));
    }
    let id = queue.send(&message_body, delay_secs, now);
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": md5_of(&message_body) }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Receive {
    queue_url: String,
    max_number_of_messages: Option<usize>,
    visibility_timeout: Option<u32>,
    wait_time_seconds: Option<u32>,
    #[serde(default)]
    attribute_names: BTreeSet<String>,
    #[serde(default)]
    message_system_attribute_names: BTreeSet<String>,
    #[serde(default, rename = "MessageAttributeNames")]
    _message_attribute_names: BTreeSet<String>,
}

fn receive(world: &mut World, input: Receive, now: Timestamp) -> Result<Value, Refusal> {
    let queue = queue(world, &input.queue_url)?;
    let most = input.max_number_of_messages.unwrap_or(1);
    if !(1..=MOST_MESSAGES).contains(&most) {
        let problem = format!(
            "Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and \
             {MOST_MESSAGES}, if provided."
        );
        return Err(invalid_value(problem));
    }
    in_range(input.wait_time_seconds.unwrap_or_default(), LONGEST_WAIT_SECS, "WaitTimeSeconds")?;
    let visibility_secs = input.visibility_timeout.unwrap_or(queue.visibility_secs);
    in_range(visibility_secs, LONGEST_VISIBILITY_SECS, "VisibilityTimeout")?;
    let mut wanted = input.attribute_names;
    wanted.extend(input.message_system_attribute_names);
    let received = queue.receive(most, visibility_secs, now);
    if received.is_empty() {
        return Ok(json!({}));
    }
    let messages: Vec<Value> = received.iter().map(|message| message_json(message, &wanted)).collect();
    Ok(json!({ "Messages": messages }))
}

fn message_json(message: &Message, wanted: &BTreeSet<String>) -> Value {
    let mut json = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle(),
        "MD5OfBody": md5_of(&message.body),
        "Body": message.body,
    });
    let all = message_attributes(message);
    let shown: Map<String, Value> =
        all.into_iter().filter(|(name, _)| wanted.contains("All") || wanted.contains(name)).collect();
    if !shown.is_empty() {
        json["Attributes"] = shown.into();
    }
    json
}

/// Returns the system attributes of a message, which an event source mapping delivers too.
pub(crate) fn message_attributes(message: &Message) -> Map<String, Value> {
    let millisecond = |at: Timestamp| Value::from(at.as_millisecond().to_string());
    let first = message.first_received_at.unwrap_or(message.sent_at);
    Map::from_iter([
        ("ApproximateReceiveCount".to_owned(), message.receive_count.to_string().into()),
        ("SentTimestamp".to_owned(), millisecond(message.sent_at)),
        ("SenderId".to_owned(), "AIDA0000000000000000".into()),
        ("ApproximateFirstReceiveTimestamp".to_owned(), millisecond(first)),
    ])
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Receipt {
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: Option<u32>,
}

fn delete(world: &mut World, input: &Receipt) -> Result<Value, Refusal> {
    queue(world, &input.queue_url)?.delete(&input.receipt_handle).map_err(message_refusal)?;
    Ok(json!({}))
}

fn change_visibility(world: &mut World, input: &Receipt, now: Timestamp) -> Result<Value, Refusal> {
    let queue = queue(world, &input.queue_url)?;
    change_one(queue, &input.receipt_handle, input.visibility_timeout, now)?;
    Ok(json!({}))
}

fn change_one(queue: &mut Queue, handle: &str, secs: Option<u32>, now: Timestamp) -> Result<(), Refusal> {
    let missing = || {
        Refusal::bad_request("MissingParameter", "The request must contain the parameter VisibilityTimeout.")
    };
    let secs = in_range(secs.ok_or_else(missing)?, LONGEST_VISIBILITY_SECS, "VisibilityTimeout")?;
    queue.change_visibility(handle, secs, now).map_err(message_refusal)
}

fn message_refusal(error: MessageError) -> Refusal {
    match error {
        MessageError::InvalidHandle => {
            Refusal::new(404, "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        }
        MessageError::NotInFlight => {
            Refusal::bad_request("MessageNotInflight", "Message does not exist or is not in flight.")
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Batch {
    queue_url: String,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entry {
    id: String,
    receipt_handle: String,
    visibility_timeout: Option<u32>,
}

fn delete_batch(world: &mut World, input: Batch) -> Result<Value, Refusal> {
    check_entries(&input.entries)?;
    let queue = queue(world, &input.queue_url)?;
    let outcome = |entry: &Entry| queue.delete(&entry.receipt_handle).map_err(message_refusal);
    Ok(batch_json(&input.entries, outcome))
}

fn change_visibility_batch(world: &mut World, input: Batch, now: Timestamp) -> Result<Value, Refusal> {
    check_entries(&input.entries)?;
    let queue = queue(world, &input.queue_url)?;
    let outcome = |entry: &Entry| change_one(queue, &entry.receipt_handle, entry.visibility_timeout, now);
    Ok(batch_json(&input.entries, outcome))
}

fn check_entries(entries: &[Entry]) -> Result<(), Refusal> {
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let good_id = |id: &str| (1..=80).contains(&id.len()) && id.bytes().all(alphabet);
    let distinct: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    let (code, problem) = if entries.is_empty() {
        ("EmptyBatchRequest", "There should be at least one entry in the request.".to_owned())
    } else if entries.len() > MOST_MESSAGES {
        let problem = format!(
            "Maximum number of entries per request are {MOST_MESSAGES}. You have sent {}.",
            entries.len()
        );
        ("TooManyEntriesInBatchRequest", problem)
    } else if distinct.len() < entries.len() {
        ("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.".to_owned())
    } else if let Some(bad) = distinct.iter().find(|id| !good_id(id)) {
        (
            "InvalidBatchEntryId",
            format!("{bad:?} is not an Id of 1 to 80 letters, digits, hyphens and underscores."),
        )
    } else {
        return Ok(());
    };
    Err(Refusal::bad_request(code, problem))
}

fn batch_json(entries: &[Entry], mut outcome: impl FnMut(&Entry) -> Result<(), Refusal>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        match outcome(entry) {
            Ok(()) => successful.push(json!({ "Id": entry.id })),
            Err(Refusal { code, message, .. }) => failed.push(json!({
                "Id": entry.id, "SenderFault": true, "Code": code, "Message": message,
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Attributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: BTreeSet<String>,
}

fn attributes(world: &mut World, input: &Attributes, now: Timestamp) -> Result<Value, Refusal> {
    let (region, account) = (world.region.clone(), world.account.clone());
    let queue = queue(world, &input.queue_url)?;
    let [visible, in_flight, delayed] = queue.counts(now);
    let all = [
        ("ApproximateNumberOfMessages", visible.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", in_flight.to_string()),
        ("ApproximateNumberOfMessagesDelayed", delayed.to_string()),
        ("VisibilityTimeout", queue.visibility_secs.to_string()),
        ("QueueArn", format!("arn:aws:sqs:{region}:{account}:{}", queue.name)),
    ];
    let known = |name: &str| name == "All" || all.iter().any(|(known, _)| *known == name);
    if let Some(unknown) = input.attribute_names.iter().find(|name| !known(name)) {
        return Err(Refusal::bad_request("InvalidAttributeName", format!("Unknown Attribute {unknown}.")));
    }
    let wanted = |name: &str| input.attribute_names.contains("All") || input.attribute_names.contains(name);
    let shown = all.iter().filter(|(name, _)| wanted(name));
    let shown: Map<String, Value> =
        shown.map(|(name, value)| ((*name).to_owned(), value.clone().into())).collect();
    Ok(json!({ "Attributes": shown }))
}

/// Returns the checksum that SQS puts beside a body, in hexadecimal.
pub(crate) fn md5_of(body: &str) -> String {
    Md5::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
