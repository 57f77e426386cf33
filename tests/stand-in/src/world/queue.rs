//! SQS standard queues: delays, visibility, receive counts and dead letters, by the world's clock.
//!
//! There is no long polling and no sampling: a receive sees every visible message, oldest first.

use registrar_core::{SignedDuration, Timestamp};
use serde::Serialize;

use super::World;

/// The default visibility timeout in seconds (API reference, `CreateQueue`).
const DEFAULT_VISIBILITY_SECS: u32 = 30;

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How long a message that was received stays hidden, in seconds.
    pub visibility_secs: u32,
    /// How often a message is received before it becomes a dead letter.
    pub max_receive_count: Option<u32>,
    messages: Vec<Message>,
    dead_letters: Vec<Message>,
    deleted: Vec<Message>,
    sent: u64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// When it can be received.
    pub visible_at: Timestamp,
    /// When it was first received.
    pub first_received_at: Option<Timestamp>,
    /// How often it was received.
    pub receive_count: u32,
    /// Whether it was received and has neither been deleted nor become visible again, as of the last receive.
    in_flight: bool,
}

impl Message {
    /// Returns the handle of its latest receipt.
    #[must_use]
    pub fn receipt_handle(&self) -> String {
        format!("{}#{}", self.id, self.receive_count)
    }
}

/// Why a message could not be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageError {
    /// The handle is not one of this queue.
    InvalidHandle,
    /// The message is not in flight.
    NotInFlight,
}

impl Queue {
    /// Builds an empty queue.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            visibility_secs: DEFAULT_VISIBILITY_SECS,
            max_receive_count: None,
            messages: Vec::new(),
            dead_letters: Vec::new(),
            deleted: Vec::new(),
            sent: 0,
        }
    }

    /// Sets how long a message that was received stays hidden.
    #[must_use]
    pub fn with_visibility_secs(mut self, secs: u32) -> Self {
        self.visibility_secs = secs;
        self
    }

    /// Sets how often a message is received before it becomes a dead letter.
    #[must_use]
    pub fn with_max_receive_count(mut self, count: u32) -> Self {
        self.max_receive_count = Some(count);
        self
    }

    /// Returns what is in the queue, visible or not, oldest first.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Returns what was received too often.
    #[must_use]
    pub fn dead_letters(&self) -> &[Message] {
        &self.dead_letters
    }

    /// Returns what was deleted.
    #[must_use]
    pub fn deleted(&self) -> &[Message] {
        &self.deleted
    }

    /// Puts a message into the queue and returns its id.
    pub fn send(&mut self, body: &str, delay_secs: u32, now: Timestamp) -> String {
        self.sent += 1;
        let id = format!("00000000-0000-4000-9000-{:012}", self.sent);
        self.messages.push(Message {
            id: id.clone(),
            body: body.to_owned(),
            sent_at: now,
            visible_at: after(now, delay_secs),
            first_received_at: None,
            receive_count: 0,
            in_flight: false,
        });
        id
    }

    /// Receives up to `most` visible messages, and hides them.
    pub(crate) fn receive(&mut self, most: usize, visibility_secs: u32, now: Timestamp) -> Vec<Message> {
        self.bury(now);
        let visible = self.messages.iter_mut().filter(|message| message.visible_at <= now);
        let mut received = Vec::new();
        for message in visible.take(most) {
            message.receive_count += 1;
            message.first_received_at = message.first_received_at.or(Some(now));
            message.visible_at = after(now, visibility_secs);
            message.in_flight = true;
            received.push(message.clone());
        }
        received
    }

    /// Deletes a message by a handle, also an older one; one that is gone already is no error.
    pub(crate) fn delete(&mut self, handle: &str) -> Result<(), MessageError> {
        let id = self.id_of(handle)?;
        if let Some(index) = self.messages.iter().position(|message| message.id == id) {
            self.deleted.push(self.messages.remove(index));
        }
        Ok(())
    }

    /// Lets a message that was received become visible so many seconds from now.
    pub(crate) fn change_visibility(
        &mut self,
        handle: &str,
        secs: u32,
        now: Timestamp,
    ) -> Result<(), MessageError> {
        let id = self.id_of(handle)?;
        let found = self.messages.iter_mut().find(|message| message.id == id);
        let message = found.ok_or(MessageError::NotInFlight)?;
        if !message.in_flight || message.visible_at <= now || message.receipt_handle() != handle {
            return Err(MessageError::NotInFlight);
        }
        message.visible_at = after(now, secs);
        Ok(())
    }

    /// Returns how many messages are visible, in flight and delayed.
    pub(crate) fn counts(&self, now: Timestamp) -> [usize; 3] {
        let hidden = |message: &&Message| message.visible_at > now;
        let in_flight = self.messages.iter().filter(hidden).filter(|message| message.in_flight).count();
        let delayed = self.messages.iter().filter(hidden).filter(|message| !message.in_flight).count();
        [self.messages.len() - in_flight - delayed, in_flight, delayed]
    }

    /// Moves what would be received too often to the dead letters, as SQS does at the next receive.
    fn bury(&mut self, now: Timestamp) {
        let Some(most) = self.max_receive_count else { return };
        let dead = |message: &mut Message| message.visible_at <= now && message.receive_count >= most;
        self.dead_letters.extend(self.messages.extract_if(.., dead));
    }

    fn id_of<'a>(&self, handle: &'a str) -> Result<&'a str, MessageError> {
        let (id, receipt) = handle.rsplit_once('#').ok_or(MessageError::InvalidHandle)?;
        let number =
            id.strip_prefix("00000000-0000-4000-9000-").and_then(|number| number.parse::<u64>().ok());
        let issued = number.is_some_and(|number| (1..=self.sent).contains(&number));
        if issued && receipt.parse::<u32>().is_ok() { Ok(id) } else { Err(MessageError::InvalidHandle) }
    }
}

impl World {
    /// Puts a queue into the world, in place of the one of its name.
    pub fn put_queue(&mut self, queue: Queue) {
        self.queues.insert(queue.name.clone(), queue);
    }

    /// Returns a queue.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<&Queue> {
        self.queues.get(name)
    }

    /// Puts a message into a queue and returns its id, or `None` where there is no such queue.
    pub fn send(&mut self, queue: &str, body: &str) -> Option<String> {
        let now = self.now();
        Some(self.queues.get_mut(queue)?.send(body, 0, now))
    }
}

fn after(at: Timestamp, secs: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs.into())).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_second(secs).unwrap()
    }

    #[test]
    fn a_message_is_hidden_by_its_delay_and_by_each_receipt() {
        let mut queue = Queue::new("q").with_visibility_secs(30);
        queue.send("now", 0, at(0));
        queue.send("later", 900, at(0));
        assert_eq!(queue.counts(at(0)), [1, 0, 1]);
        let received = queue.receive(10, 30, at(0));
        assert_eq!((received.len(), received[0].receive_count), (1, 1));
        assert_eq!(queue.receive(10, 30, at(29)), []);
        assert_eq!(queue.receive(10, 30, at(30))[0].receive_count, 2);
        let both = queue.receive(10, 30, at(900));
        assert_eq!(both.iter().map(|message| message.body.as_str()).collect::<Vec<_>>(), ["now", "later"]);
    }

    #[test]
    fn a_message_that_was_received_too_often_becomes_a_dead_letter() {
        let mut queue = Queue::new("q").with_max_receive_count(2);
        queue.send("poison", 0, at(0));
        assert_eq!(queue.receive(1, 10, at(0)).len(), 1);
        assert_eq!(queue.receive(1, 10, at(10)).len(), 1);
        assert_eq!(queue.receive(1, 10, at(20)), []);
        assert_eq!((queue.messages().len(), queue.dead_letters().len()), (0, 1));
    }

    #[test]
    fn visibility_changes_by_the_latest_receipt_only_while_in_flight() {
        let mut queue = Queue::new("q");
        queue.send("x", 0, at(0));
        let first = queue.receive(1, 10, at(0)).remove(0).receipt_handle();
        let second = queue.receive(1, 10, at(10)).remove(0).receipt_handle();
        assert_eq!(queue.change_visibility(&first, 5, at(10)), Err(MessageError::NotInFlight));
        assert_eq!(queue.change_visibility(&second, 5, at(10)), Ok(()));
        assert_eq!(queue.change_visibility(&second, 5, at(15)), Err(MessageError::NotInFlight));
        assert_eq!(queue.change_visibility("bogus", 5, at(15)), Err(MessageError::InvalidHandle));
    }

    #[test]
    fn an_older_receipt_still_deletes_and_deleting_twice_is_no_error() {
        let mut queue = Queue::new("q");
        queue.send("x", 0, at(0));
        let handle = queue.receive(1, 0, at(0)).remove(0).receipt_handle();
        assert_eq!(queue.receive(1, 10, at(0)).len(), 1);
        assert_eq!(queue.delete(&handle), Ok(()));
        assert_eq!(queue.delete(&handle), Ok(()));
        assert_eq!((queue.messages().len(), queue.deleted().len()), (0, 1));
        assert_eq!(queue.delete("bogus"), Err(MessageError::InvalidHandle));
    }
}
