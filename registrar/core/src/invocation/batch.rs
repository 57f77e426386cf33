//! Batches as Lambda delivers them from a queue: the records, each read by itself.
//!
//! Shape: Lambda developer guide, "Using Lambda with Amazon SQS". What a body says is
//! [`super::Content`]'s business.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::{Content, Discarded, Excerpt, Fields, Message};
use crate::ids::DeploymentName;
use crate::json;
use crate::trigger::Dropped;

/// What the records of a queue name as their source.
const QUEUE: &str = "aws:sqs";

/// Reads the list of records.
pub(super) fn parse(records: &str, deployment: &DeploymentName) -> Result<Vec<Message>, Discarded> {
    let records: Vec<&RawValue> = serde_json::from_str(records).map_err(|error| {
        let error = json::from_serde("Records".to_owned(), &error);
        Discarded::new(Dropped::Malformed(error), records)
    })?;
    let mut messages: Vec<Message> = records.into_iter().map(|record| message(record, deployment)).collect();
    drop_duplicates(&mut messages);
    Ok(messages)
}

/// Reads one record. Its source is not demanded, since an id and a body are what makes a message; but where
/// it names another one (SNS writes `EventSource`), it is not for us.
fn message(record: &RawValue, deployment: &DeploymentName) -> Message {
    let discard = |why: Dropped| Discarded::new(why, record.get());
    let Ok(fields) = Fields::parse(record.get()) else {
        return dropped(None, discard(Dropped::NotAMessage { problem: "it is not an object" }));
    };
    let source = fields.raw("eventSource").or(fields.raw("EventSource"));
    if let Some(source) = source.filter(|source| source.trim_matches('"') != QUEUE) {
        let source_name = Excerpt::of(source.trim_matches('"')).to_string();
        return dropped(None, discard(Dropped::ForeignSource { source_name }));
    }
    let Some(id) = fields.text("messageId").filter(|id| !id.is_empty()) else {
        return dropped(None, discard(Dropped::NotAMessage { problem: "it has no messageId" }));
    };
    let Some(body) = fields.text("body") else {
        return dropped(Some(id), discard(Dropped::NotAMessage { problem: "it has no body" }));
    };
    let attributes = fields.raw("attributes").and_then(|attributes| Fields::parse(attributes).ok());
    let attribute = |name: &str| attributes.as_ref().and_then(|attributes| attributes.number(name));
    let received = attribute("ApproximateReceiveCount").unwrap_or(1).clamp(1, u32::MAX.into());
    let sent_at = attribute("SentTimestamp").and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Message {
        id: Some(id),
        receipt_handle: fields.text("receiptHandle"),
        receive_count: u32::try_from(received).unwrap_or(u32::MAX),
        sent_at,
        content: Content::parse(&body, deployment),
    }
}

fn dropped(id: Option<String>, discarded: Discarded) -> Message {
    Message { id, receipt_handle: None, receive_count: 1, sent_at: None, content: Err(discarded) }
}

/// A message that stands in a batch twice asks for one thing. Handing its id back returns both, and
/// whoever is not handed back is deleted, so the second has nothing left to say.
fn drop_duplicates(messages: &mut [Message]) {
    let mut seen = BTreeSet::new();
    for message in messages {
        let Some(id) = &message.id else { continue };
        if !seen.insert(id.clone()) && message.content.is_ok() {
            message.content = Err(Discarded::new(Dropped::Duplicate, id));
        }
    }
}
