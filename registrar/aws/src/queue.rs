//! The queue, by SQS: messages that come later, and when a message that failed comes back.
//!
//! Receiving and deleting messages is the platform's business.

use crate::clients::{Aws, Deadline};
use crate::convert;
use crate::errors::{Kind, PortError, bounded, send};

const SEND: &str = "sqs:SendMessage";
const VISIBILITY: &str = "sqs:ChangeMessageVisibilityBatch";
/// Messages in one request (SQS API reference, `ChangeMessageVisibilityBatch`).
const MOST_MESSAGES: usize = 10;
/// Longest delay of a message, in seconds (SQS API reference, `SendMessage`).
const LONGEST_DELAY_SECS: u16 = 900;

/// A received message and when it is to be seen again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility {
    /// The message's id, for the error that names it.
    pub message_id: String,
    /// The receipt handle that the message came with.
    pub receipt_handle: String,
    /// In how many seconds it is seen again, up to 43,200.
    pub seconds: u32,
}

impl Aws {
    /// Sends a message that is delivered after `delay_secs`, 900 at most.
    ///
    /// # Errors
    /// When SQS does not answer or refuses.
    pub async fn send_message(
        &self,
        queue_url: &str,
        body: &str,
        delay_secs: u16,
        deadline: Deadline,
    ) -> Result<(), PortError> {
        let delay = i32::from(delay_secs.min(LONGEST_DELAY_SECS));
        let call = self.inner.sqs.send_message().queue_url(queue_url).message_body(body).delay_seconds(delay);
        send(SEND, deadline, call.send()).await.map(|_| ())
    }

    /// Has received messages seen again after their own time; every message is tried.
    ///
    /// # Errors
    /// The first failure, after all were tried.
    pub async fn set_visibility(
        &self,
        queue_url: &str,
        messages: &[Visibility],
        deadline: Deadline,
    ) -> Result<(), PortError> {
        let mut failure = Ok(());
        for messages in messages.chunks(MOST_MESSAGES) {
            let set = self.set_visibility_of(queue_url, messages, deadline).await;
            failure = failure.and(set);
        }
        failure
    }

    async fn set_visibility_of(
        &self,
        queue_url: &str,
        messages: &[Visibility],
        deadline: Deadline,
    ) -> Result<(), PortError> {
        let invalid = |problem: String| PortError::new(VISIBILITY, Kind::Other, problem);
        let entries: Result<Vec<_>, String> = messages.iter().enumerate().map(convert::visibility).collect();
        let call = self
            .inner
            .sqs
            .change_message_visibility_batch()
            .queue_url(queue_url)
            .set_entries(Some(entries.map_err(invalid)?));
        let reply = send(VISIBILITY, deadline, call.send()).await?;
        let Some(failed) = reply.failed().first() else { return Ok(()) };
        let message = failed.id().parse::<usize>().ok().and_then(|index| messages.get(index));
        let id = message.map_or("a message", |message| message.message_id.as_str());
        let said = failed.message().unwrap_or_default();
        Err(invalid(bounded(&format!("{} for message {id}: {said}", failed.code()))))
    }
}
