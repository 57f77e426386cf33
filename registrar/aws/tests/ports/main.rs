//! The ports against recorded wire documents, through the real SDK clients.

#![expect(clippy::unwrap_used, reason = "a document that cannot be written is a failure of these tests")]

mod accounts;
mod changes;
mod fleet;
mod groups;
mod listing;
mod parameters;
mod queue;
mod replay;
mod retries;
