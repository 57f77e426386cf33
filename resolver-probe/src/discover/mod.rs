//! Finds every authoritative name server of a name by delegation, from the root down.
//!
//! The walk itself is pure ([`walk`]); this module gives it sockets, time and an end. It caches nothing
//! beyond one discovery, and follows no alias.

mod reading;
mod result;
mod roots;
mod walk;
#[cfg(test)]
mod world;

pub use result::{Authority, Discovery, Fault, FaultKind, FoundBy, Listed, NameServer, Presence};
