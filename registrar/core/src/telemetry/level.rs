//! How loud an invocation's event is.
//!
//! | level | when |
//! |---|---|
//! | ERROR | something is broken: a document, a permission, a change that Route 53 refuses, the invocation itself |
//! | WARN | something needs an operator: a hold that does not end by itself, a read that stayed incomplete, messages handed back or unreadable, a drain that failed |
//! | INFO | anything else, also where much was done |

use serde::Serialize;

use super::InvocationEvent;
use crate::drain::DrainOutcome;
use crate::guard::HoldReason;

/// How loud an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// It went as it should.
    Info,
    /// Worth waking someone.
    Warn,
    /// Broken.
    Error,
}

impl InvocationEvent {
    /// Returns how loud the event is.
    #[must_use]
    pub fn level(&self) -> Level {
        if self.is_broken() {
            Level::Error
        } else if self.needs_someone() {
            Level::Warn
        } else {
            Level::Info
        }
    }

    fn is_broken(&self) -> bool {
        let broken = |counts: &crate::report::PoolReport| counts.errors > 0 || counts.refused > 0;
        !self.problems.is_empty()
            || self.denied.is_some()
            || self.pools.values().any(|pool| broken(&pool.counts))
    }

    fn needs_someone(&self) -> bool {
        let held = |reason: &HoldReason| !ends_by_itself(*reason);
        !self.gaps.is_empty()
            || !self.notes.is_empty()
            || self.messages.handed_back > 0
            || self.messages.dropped.keys().any(|kind| is_unreadable(kind))
            || self.drains.contains_key(&DrainOutcome::Failed)
            || self.drains.contains_key(&DrainOutcome::Held)
            || self
                .pools
                .values()
                .any(|pool| pool.counts.handed_back > 0 || pool.counts.held_back.keys().any(held))
    }
}

/// Says whether a hold is how things are meant to be, or ends without anybody's doing. One that is due to
/// an incomplete read is told by that read.
fn ends_by_itself(reason: HoldReason) -> bool {
    match reason {
        HoldReason::Unknown
        | HoldReason::AddressUnconfirmed
        | HoldReason::Starting
        | HoldReason::KeepLast
        | HoldReason::HostedZoneIncomplete
        | HoldReason::Paused => true,
        HoldReason::RemovalBudget
        | HoldReason::LastRecord
        | HoldReason::WrongAccountOrRegion
        | HoldReason::ForeignRecord
        | HoldReason::ForeignTtl
        | HoldReason::Capacity
        | HoldReason::NameChanged
        | HoldReason::WeightTag => false,
    }
}

/// Says whether a message was lost to its form. Events that are of no use are an everyday thing.
fn is_unreadable(kind: &str) -> bool {
    matches!(kind, "too-large" | "malformed" | "bad-detail" | "not-a-message" | "bad-ticket")
}
