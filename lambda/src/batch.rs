//! The messages of a batch, sorted by what they need, and those that go back to the queue.

use registrar_aws::{Deadline, Visibility};
use registrar_core::drain::DrainTicket;
use registrar_core::invocation::{Content, Message};
use registrar_core::telemetry::InvocationEvent;
use registrar_core::trigger::Trigger;

use crate::Handler;

/// How soon and how late a message that was handed back is seen again, in seconds.
const VISIBLE_AGAIN_SECS: (u32, u32) = (5, 30);

/// A message that has to come again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// Which one of its batch.
    pub(crate) index: usize,
    /// Why.
    pub(crate) reason: String,
}

/// What messages ask for, with their place in the batch. Those that ask for nothing are left out: they are
/// counted and logged with the invocation, and dropped.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) hints: Vec<(usize, Trigger)>,
    pub(crate) tickets: Vec<(usize, DrainTicket)>,
}

impl Work {
    pub(crate) fn sort(messages: &[Message]) -> Self {
        let mut work = Self::default();
        for (index, message) in messages.iter().enumerate() {
            match &message.content {
                Ok(Content::Trigger(trigger)) => work.hints.push((index, trigger.clone())),
                Ok(Content::Ticket(ticket)) => work.tickets.push((index, ticket.clone())),
                Err(discarded) => {
                    tracing::debug!(why = %discarded.why, "a message was dropped");
                }
            }
        }
        work
    }

    /// Says whether there is nothing to do, and so nothing to read either.
    pub(crate) fn is_empty(&self) -> bool {
        self.tickets.is_empty() && !self.hints.iter().any(|(_, hint)| hint.asks_for_a_look())
    }

    pub(crate) fn all_failed(&self, reason: &str) -> Vec<Failed> {
        let asking = self.hints.iter().filter(|(_, hint)| hint.asks_for_a_look());
        let indices = asking.map(|(index, _)| *index).chain(self.tickets.iter().map(|(index, _)| *index));
        let mut failed: Vec<Failed> =
            indices.map(|index| Failed { index, reason: reason.to_owned() }).collect();
        failed.sort_by_key(|failed| failed.index);
        failed
    }
}

impl Handler {
    /// Has failed messages come back soon. Without that they would come back after the queue's own
    /// visibility timeout, which is minutes long, so a failure here costs time and nothing else.
    pub(crate) async fn hand_back(
        &mut self,
        messages: &[Message],
        failed: &[Failed],
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) {
        event.messages.handed_back = failed.len();
        for failed in failed {
            tracing::info!(message = messages.get(failed.index).and_then(|message| message.id.as_deref()),
                reason = %failed.reason, "handed back");
        }
        let Some(queue_url) = self.environment.queue_url.clone().filter(|_| !failed.is_empty()) else {
            return;
        };
        let visibilities: Vec<Visibility> =
            failed.iter().filter_map(|failed| self.visibility(messages.get(failed.index)?)).collect();
        if let Err(error) = self.aws.set_visibility(&queue_url, &visibilities, deadline).await {
            tracing::warn!(%error, "messages come back later than they could");
        }
    }

    /// Doubles the wait with each time that the message was received, with jitter.
    fn visibility(&mut self, message: &Message) -> Option<Visibility> {
        let (soonest, latest) = VISIBLE_AGAIN_SECS;
        let doubled = soonest.saturating_mul(1 << message.receive_count.saturating_sub(1).min(4));
        let span = doubled.min(latest);
        let jitter = self.jitter.u32(0..=span / 2);
        Some(Visibility {
            message_id: message.id.clone()?,
            receipt_handle: message.receipt_handle.clone()?,
            seconds: (span - jitter).clamp(soonest, latest),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use registrar_core::invocation::Invocation;

    fn messages(bodies: &[&str]) -> Vec<Message> {
        let records: Vec<serde_json::Value> = bodies
            .iter()
            .enumerate()
            .map(|(number, body)| {
                serde_json::json!({"messageId": format!("m{number}"), "receiptHandle": "r", "body": body,
                    "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1795255200000"},
                    "eventSource": "aws:sqs"})
            })
            .collect();
        let payload = serde_json::json!({ "Records": records }).to_string();
        match Invocation::parse(&payload, &"edge".parse().unwrap()) {
            Invocation::Batch(messages) => messages,
            other => panic!("not a batch: {other:?}"),
        }
    }

    #[test]
    fn a_message_that_asks_for_nothing_is_no_work() {
        let work =
            Work::sort(&messages(&["not JSON", "{}", "{\"source\":\"aws.s3\",\"detail-type\":\"x\"}"]));
        assert!(work.is_empty());
    }

    #[test]
    fn what_asks_for_a_look_fails_where_nothing_could_be_read() {
        let work =
            Work::sort(&messages(&["{}", r#"{"source":"aws.events","detail-type":"Scheduled Event"}"#]));
        assert_eq!(work.all_failed("x"), [Failed { index: 1, reason: "x".to_owned() }]);
    }
}
