//! A small event source mapping: from a queue to the function, and what its answer does to the messages.
//!
//! Source: Lambda Developer Guide, "Handling errors for an SQS event source", with `ReportBatchItemFailures`.
//! Nothing is polled by itself: each delivery is one batch. Messages that failed stay hidden until their
//! visibility timeout, or what the function changed it to, has passed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::runtime_api::{Invocation, Outcome, RuntimeApi};
use crate::server::StandIn;
use crate::services::{md5_of, message_attributes};
use crate::world::{Message, World, WorldError};

/// One batch, delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// What was received from the queue, in the order of the batch.
    pub messages: Vec<Message>,
    /// The invocation, unless there was nothing to deliver.
    pub invocation: Option<Invocation>,
    /// The ids of the messages that were handed back.
    pub failed: BTreeSet<String>,
}

impl StandIn {
    /// Receives up to `batch_size` visible messages, invokes the function with them, and deletes those that it
    /// did not hand back.
    ///
    /// # Errors
    /// When there is no such queue.
    pub async fn deliver(
        &self,
        queue: &str,
        runtime: &RuntimeApi,
        batch_size: usize,
        timeout: Duration,
    ) -> Result<Delivery, WorldError> {
        let (messages, event) = receive(&mut self.world(), queue, batch_size)?;
        if messages.is_empty() {
            return Ok(Delivery { messages, invocation: None, failed: BTreeSet::new() });
        }
        let invocation = runtime.invoke(&event.to_string(), timeout).await;
        let failed = failed(&messages, &invocation.outcome);
        let mut world = self.world();
        if let Some(queue) = world.queues.get_mut(queue) {
            for message in messages.iter().filter(|message| !failed.contains(&message.id)) {
                queue.delete(&message.receipt_handle()).map_err(|error| WorldError(format!("{error:?}")))?;
            }
        }
        Ok(Delivery { messages, invocation: Some(invocation), failed })
    }
}

fn receive(world: &mut World, name: &str, most: usize) -> Result<(Vec<Message>, Value), WorldError> {
    let now = world.now();
    let (region, account) = (world.region.clone(), world.account.clone());
    let queue = world.queues.get_mut(name);
    let queue = queue.ok_or_else(|| WorldError(format!("there is no queue {name:?}")))?;
    let messages = queue.receive(most, queue.visibility_secs, now);
    let record = |message: &Message| {
        json!({
            "messageId": message.id,
            "receiptHandle": message.receipt_handle(),
            "body": message.body,
            "attributes": message_attributes(message),
            "messageAttributes": {},
            "md5OfBody": md5_of(&message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:{region}:{account}:{name}"),
            "awsRegion": region,
        })
    };
    let event = json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() });
    Ok((messages, event))
}

/// Reads which messages failed. Nothing, null and an empty list are complete success; what cannot be read, or
/// names a message that is not of the batch, is complete failure.
fn failed(messages: &[Message], outcome: &Outcome) -> BTreeSet<String> {
    let all = || messages.iter().map(|message| message.id.clone()).collect::<BTreeSet<_>>();
    let Outcome::Answered(body) = outcome else { return all() };
    if body.is_empty() {
        return BTreeSet::new();
    }
    let Ok(answer) = serde_json::from_str::<Value>(body) else { return all() };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return BTreeSet::new(),
        Some(Value::Array(failures)) => failures,
        Some(_) => return all(),
    };
    let ids: Option<BTreeSet<String>> =
        failures.iter().map(|failure| Some(failure.get("itemIdentifier")?.as_str()?.to_owned())).collect();
    ids.filter(|ids| ids.is_subset(&all())).unwrap_or_else(all)
}

#[cfg(test)]
mod tests {
    use registrar_core::Timestamp;

    use super::*;
    use crate::world::Queue;

    #[test]
    fn only_what_names_messages_of_the_batch_is_a_partial_failure() {
        let mut queue = Queue::new("q");
        let ids: Vec<String> = ["a", "b"].map(|body| queue.send(body, 0, Timestamp::UNIX_EPOCH)).into();
        let messages = queue.messages().to_vec();
        let failures = |body: &str| failed(&messages, &Outcome::Answered(body.to_owned())).len();
        let item = |id: &str| format!(r#"{{"batchItemFailures":[{{"itemIdentifier":"{id}"}}]}}"#);
        assert_eq!(failures(&item(&ids[1])), 1);
        for success in ["", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert_eq!(failures(success), 0, "{success}");
        }
        for failure in ["{", &item("other"), &item(""), r#"{"batchItemFailures":[{"id":"x"}]}"#] {
            assert_eq!(failures(failure), 2, "{failure}");
        }
        assert_eq!(failed(&messages, &Outcome::TimedOut).len(), 2);
    }
}
