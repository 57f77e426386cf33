//! What an invocation asks for: a batch of messages, one event, a custom resource, or everything.
//!
//! It looks at nothing and decides nothing. Input is hostile until it is parsed: records are taken apart
//! one by one, so that a bad one never spoils the others, every excerpt is bounded, nothing recurses into
//! what was sent, and the time that it takes grows with the size of the payload only.
//!
//! | payload | invocation |
//! |---|---|
//! | an object whose `Records` is a list, however empty | `Batch`, with one message for each record |
//! | an object with another `Records` | `Unusable` |
//! | an object with `RequestType` or `ResponseURL` | `CustomResource`, or `Unusable` where nobody could be answered |
//! | nothing, `null` or `{}` | `Everything` |
//! | an EventBridge envelope, or a drain ticket, by itself | `Event` |
//! | anything else | `Unusable` |
//!
//! A list of records may come from another service (SNS, S3): it is a batch all the same, and each of its
//! records is dropped and counted. `{}` inside a message is not everything but an event that is not
//! recognised, so that nobody who may only send messages starts sweeps with them.

mod batch;
mod excerpt;
mod fields;

use jiff::{SignedDuration, Timestamp};

pub use excerpt::{Discarded, Excerpt};

use crate::custom_resource::CustomResourceRequest;
use crate::drain::DrainTicket;
use crate::ids::DeploymentName;
use crate::json;
use crate::trigger::{Dropped, LARGEST_EVENT, Trigger};
pub(crate) use fields::Fields;

/// What an invocation asks for.
#[derive(Clone, Debug)]
pub enum Invocation {
    /// These messages of a queue, in their order; possibly none.
    Batch(Vec<Message>),
    /// One event that was sent directly.
    Event(Box<Message>),
    /// CloudFormation's request, which waits for an answer.
    CustomResource(Box<CustomResourceRequest>),
    /// A look at everything.
    Everything,
    /// Nothing that could be served, or handed back.
    Unusable(Discarded),
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id, by which it is handed back; absent where it was sent directly or cannot be handed back.
    pub id: Option<String>,
    /// What changes its visibility.
    pub receipt_handle: Option<String>,
    /// How often it was received, this time included.
    pub receive_count: u32,
    /// When it was sent to the queue.
    pub sent_at: Option<Timestamp>,
    /// What it says, or why it is dropped.
    pub content: Result<Content, Discarded>,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// It is time to look.
    Trigger(Trigger),
    /// A drain goes on.
    Ticket(DrainTicket),
}

impl Invocation {
    /// Reads a payload as the function of `deployment`, whose drain tickets are the only ones it takes.
    #[must_use]
    pub fn parse(payload: &str, deployment: &DeploymentName) -> Self {
        let text = payload.trim_ascii();
        if text.is_empty() || text == "null" {
            return Self::Everything;
        }
        let fields = match Fields::parse(text) {
            Ok(fields) => fields,
            Err(error) => {
                let error = json::from_serde(".".to_owned(), &error);
                return Self::Unusable(Discarded::new(Dropped::Malformed(error), text));
            }
        };
        if let Some(records) = fields.raw("Records") {
            return batch::parse(records, deployment).map_or_else(Self::Unusable, Self::Batch);
        }
        if fields.raw("RequestType").is_some() || fields.raw("ResponseURL").is_some() {
            return match CustomResourceRequest::from_fields(&fields) {
                Ok(request) => Self::CustomResource(Box::new(request)),
                Err(dropped) => Self::Unusable(Discarded::new(dropped, text)),
            };
        }
        if fields.is_empty() {
            return Self::Everything;
        }
        match Content::parse(text, deployment) {
            Ok(content) => Self::Event(Box::new(Message::direct(content))),
            Err(discarded) => Self::Unusable(discarded),
        }
    }

    /// Returns the messages, where it has any.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        match self {
            Self::Batch(messages) => messages,
            Self::Event(message) => std::slice::from_ref(message),
            Self::CustomResource(_) | Self::Everything | Self::Unusable(_) => &[],
        }
    }

    /// Names the kind, for counting and logging.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Batch(_) => "batch",
            Self::Event(_) => "event",
            Self::CustomResource(_) => "custom-resource",
            Self::Everything => "everything",
            Self::Unusable(_) => "unusable",
        }
    }
}

impl Message {
    fn direct(content: Content) -> Self {
        Self { id: None, receipt_handle: None, receive_count: 1, sent_at: None, content: Ok(content) }
    }

    /// Returns how long ago that happened of which the message tells: by the event's own time where it
    /// has one, otherwise since it was sent; never negative. A ticket's wait is meant, and has no age.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<SignedDuration> {
        let happened_at = match self.content.as_ref().ok()? {
            Content::Trigger(trigger) => trigger.at().or(self.sent_at)?,
            Content::Ticket(_) => return None,
        };
        Some(now.duration_since(happened_at).max(SignedDuration::ZERO))
    }
}

impl Content {
    /// Reads what a message says.
    ///
    /// # Errors
    /// When it asks for nothing; the reason is for counting and logging.
    pub fn parse(body: &str, deployment: &DeploymentName) -> Result<Self, Discarded> {
        Self::read(body, deployment).map_err(|why| Discarded::new(why, body))
    }

    fn read(body: &str, deployment: &DeploymentName) -> Result<Self, Dropped> {
        if body.len() > LARGEST_EVENT {
            return Err(Dropped::TooLarge { bytes: body.len() });
        }
        let Some(ticket) = DrainTicket::parse(body) else {
            return Trigger::parse(body).map(Self::Trigger);
        };
        let ticket = ticket?;
        if ticket.deployment != *deployment {
            return Err(Dropped::OtherDeployment { deployment: ticket.deployment });
        }
        Ok(Self::Ticket(ticket))
    }

    /// Names the kind, for counting.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Trigger(trigger) => trigger.kind(),
            Self::Ticket(_) => "drain-ticket",
        }
    }
}
