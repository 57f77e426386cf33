//! The ports against recorded wire documents, through the real SDK clients.

#![expect(clippy::unwrap_used, reason = "a document that cannot be written is a failure of these tests")]

mod accounts;
mod actions;
mod changes;
mod fleet;
mod groups;
mod listing;
mod parameters;
mod preflight;
mod queue;
mod replay;
mod retire;
mod retries;
