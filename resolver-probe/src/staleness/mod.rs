//! What caches do to a name: whether resolvers stretch its TTL, clamp it, or answer what is gone.
//!
//! A resolver's answer is judged beside what the authority answered, when, and with which TTL. The judgement is
//! pure; `asking` alone has sockets and time. No TTL alone proves an answer wrong: that takes the address
//! itself, and the authority having answered it no more for longer than a cache may keep it.
//!
//! ```text
//! questions over time ─► Series ─┐
//! name servers' answers ─► Authority ─► Reference ─► Sign (habits), Standing of each address (stale or not)
//! history, fleet ────────────────┘
//! ```

mod asking;
mod authority;
mod reference;
mod sawtooth;
mod series;
mod signs;
mod suspects;
#[cfg(test)]
pub(crate) mod testing;

pub(crate) use asking::{Asker, EVERY, Known, Resolved, Run, Told, learn, look, wait_out, watch};
pub(crate) use authority::Authority;
pub(crate) use reference::{Gone, Reference};
pub(crate) use series::{Asked, Point, Series};
pub use signs::Sign;
pub(crate) use signs::{STALE_TTL_SECS, Signs, signs};
pub(crate) use suspects::{Fate, fate};
