//! The ports against recorded wire documents, through the real SDK clients.

mod accounts;
mod changes;
mod fleet;
mod groups;
mod listing;
mod parameters;
mod queue;
mod replay;
mod retries;
