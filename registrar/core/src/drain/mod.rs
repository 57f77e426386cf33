//! Drain tickets: delayed messages to the registrar's own queue, which see a drain to its end.
//!
//! Once the records of an instance that a lifecycle hook holds are gone, resolvers may still hand out its
//! address: until Route 53's servers have the change, and the old TTL after that. A ticket carries that
//! wait from invocation to invocation; it asks nobody and completes nothing itself.
//!
//! ```text
//! Propagating ─ GetChange says INSYNC ─► Expiring until then + TTL ─► Complete
//!      │                                       ▲
//!      └─ 15 minutes without INSYNC ───────────┘   (from there)
//!
//! without a change id: Expiring until 60 s + TTL after it was issued
//! ```
//!
//! The hook's own timeout is the safety net of all this. Where it is shorter than the wait, heartbeats
//! keep the hook waiting: one is due when half of the timeout has passed, so that a ticket may come as
//! much late again before the hook gives up. Auto Scaling ends a hook for good after 48 hours or a hundred
//! timeouts, whichever is less (user guide, "Lifecycle hooks"); nothing here outlasts that.

mod hook;
mod outcome;
#[cfg(test)]
mod properties;
mod wire;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

pub use hook::WaitingHook;
pub use outcome::DrainOutcome;

use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::trigger::Dropped;

/// How long INSYNC is waited for. A change takes seconds (Route 53 API reference, `GetChange`: within 60),
/// and after this long its id may be unknown because Route 53 failed over to another Region.
pub const LONGEST_PROPAGATION: SignedDuration = SignedDuration::from_mins(15);

/// How long a change without an id is given to reach Route 53's servers, in seconds (ibid.).
const ASSUMED_PROPAGATION_SECS: u32 = 60;

/// The longest TTL of a pool document, in seconds.
const LONGEST_TTL_SECS: u32 = 86_400;

/// The timeouts that a lifecycle hook may have, in seconds (EC2 Auto Scaling API reference,
/// `PutLifecycleHook`).
const HOOK_TIMEOUTS_SECS: std::ops::RangeInclusive<u32> = 30..=7_200;

/// How long a message may be delayed, in seconds (SQS API reference, `SendMessage`).
const LONGEST_DELAY_SECS: i64 = 900;

/// How soon and how late `GetChange` is asked again, in seconds.
const POLLS_SECS: (i64, i64) = (5, 15);

/// One drain: which hooks wait, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainTicket {
    /// The deployment that wrote it.
    pub deployment: DeploymentName,
    /// The pool whose records were removed.
    pub pool: PoolName,
    /// The hooks that wait, each once.
    pub hooks: Vec<WaitingHook>,
    /// The hosted zone of the records.
    pub hosted_zone_id: HostedZoneId,
    /// What is waited for.
    pub stage: Stage,
    /// The TTL that resolvers may still count down, in seconds.
    pub ttl_secs: u32,
    /// When the records went.
    pub issued_at: Timestamp,
    /// The smallest timeout of the hooks in seconds, where it is known.
    pub heartbeat_secs: Option<u32>,
    /// The last heartbeat; before the first, when the hooks began to wait.
    pub beaten_at: Timestamp,
}

/// What a drain waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Route 53's servers take in the change.
    Propagating {
        /// Its id, for `GetChange`.
        change_id: String,
    },
    /// Resolvers forget the old answer.
    Expiring {
        /// When the last of them has.
        until: Timestamp,
    },
}

/// What a ticket is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The pool.
    pub pool: PoolName,
    /// The hooks that wait.
    pub hooks: BTreeSet<WaitingHook>,
    /// The hosted zone of the records.
    pub hosted_zone_id: HostedZoneId,
    /// The TTL that the records had, in seconds; the pool's own where no record was left.
    pub ttl_secs: u32,
    /// The smallest timeout of the hooks in seconds, where it is known.
    pub heartbeat_secs: Option<u32>,
    /// When the first of the hooks began to wait, as its event tells.
    pub waiting_since: Option<Timestamp>,
}

/// What to do about a ticket now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a ticket that is not followed leaves its hooks to their timeouts"]
pub enum TicketStep {
    /// Ask `GetChange`; INSYNC: [`DrainTicket::in_sync`] and its `next`; PENDING: [`DrainTicket::postpone`].
    AskChange {
        /// The change.
        change_id: String,
    },
    /// Come back later.
    Again(Visit),
    /// The wait is over: complete the hooks.
    Complete,
}

/// When to come back to a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a ticket that is not sent leaves its hooks to their timeouts"]
pub struct Visit {
    /// The ticket to send.
    pub ticket: DrainTicket,
    /// The message's delay in seconds, at most 900.
    pub delay_secs: u16,
    /// Whether the hooks need a heartbeat first. The ticket counts on it: where it fails, the message is
    /// handed back and the ticket is not sent.
    pub heartbeat: bool,
}

impl DrainTicket {
    /// Makes the tickets that follow a change, or that wait without one where its id cannot be an id. There
    /// is more than one only where the hooks are too many for one message; each is sent by its
    /// [`postpone`](Self::postpone).
    pub fn for_change(drain: Drain, change_id: &str, now: Timestamp) -> Vec<Self> {
        if !wire::is_change_id(change_id) {
            return Self::without_change(drain, now);
        }
        Self::issue(drain, Stage::Propagating { change_id: change_id.to_owned() }, now)
    }

    /// Makes the tickets of a drain with no change to ask about: nothing was left to remove, or the reply
    /// was lost.
    pub fn without_change(drain: Drain, now: Timestamp) -> Vec<Self> {
        let until = later(now, ASSUMED_PROPAGATION_SECS.saturating_add(drain.ttl_secs.min(LONGEST_TTL_SECS)));
        Self::issue(drain, Stage::Expiring { until }, now)
    }

    fn issue(drain: Drain, stage: Stage, now: Timestamp) -> Vec<Self> {
        let ticket = Self {
            deployment: drain.deployment,
            pool: drain.pool,
            hooks: Vec::new(),
            hosted_zone_id: drain.hosted_zone_id,
            stage,
            ttl_secs: drain.ttl_secs.min(LONGEST_TTL_SECS),
            issued_at: now,
            heartbeat_secs: drain.heartbeat_secs.map(possible_timeout),
            beaten_at: drain.waiting_since.map_or(now, |since| since.min(now)),
        };
        let loads = wire::loads(drain.hooks);
        loads.into_iter().map(|hooks| Self { hooks, ..ticket.clone() }).collect()
    }

    /// Reads a ticket; `None` where the text is something else.
    #[must_use]
    pub fn parse(body: &str) -> Option<Result<Self, Dropped>> {
        wire::parse(body)
    }

    /// Returns the message's body: versioned JSON of less than 256 KiB.
    #[must_use]
    pub fn to_body(&self) -> String {
        wire::write(self)
    }

    /// Says what to do now.
    pub fn next(&self, now: Timestamp) -> TicketStep {
        let ticket = self.clone().at(now);
        match &ticket.stage {
            _ if ticket.hooks.is_empty() => TicketStep::Complete,
            Stage::Propagating { change_id } => TicketStep::AskChange { change_id: change_id.clone() },
            Stage::Expiring { until } if *until <= now => TicketStep::Complete,
            Stage::Expiring { .. } => TicketStep::Again(ticket.postpone(now)),
        }
    }

    /// Takes in that Route 53's servers have the change: the old TTL is waited out from now, or from where
    /// waiting for this would have been given up.
    #[must_use]
    pub fn in_sync(self, now: Timestamp) -> Self {
        let mut ticket = self.at(now);
        if let Stage::Propagating { .. } = ticket.stage {
            ticket.stage = Stage::Expiring { until: later(now, ticket.ttl_secs) };
        }
        ticket
    }

    /// Says when to come back: with a ticket that was just made, or whose change is PENDING.
    pub fn postpone(self, now: Timestamp) -> Visit {
        let mut ticket = self.at(now);
        let mut delay_secs = match ticket.stage {
            Stage::Propagating { .. } => {
                (now.duration_since(ticket.issued_at).as_secs() / 3).clamp(POLLS_SECS.0, POLLS_SECS.1)
            }
            Stage::Expiring { until } => whole_secs(until.duration_since(now)),
        };
        let mut heartbeat = false;
        if let Some(timeout) = ticket.heartbeat_secs {
            heartbeat = later(ticket.beaten_at, timeout / 2) <= now;
            if heartbeat {
                ticket.beaten_at = now;
            }
            let due = later(ticket.beaten_at, timeout / 2);
            delay_secs = delay_secs.min(whole_secs(due.duration_since(now)));
        }
        let delay_secs = u16::try_from(delay_secs.clamp(1, LONGEST_DELAY_SECS)).unwrap_or(1);
        Visit { ticket, delay_secs, heartbeat }
    }

    /// Puts right what cannot be at this moment. A clock that was ahead, or a ticket that lies, claims to
    /// come from the future; none waits longer than the longest wait that it could have been issued with,
    /// so that every ticket comes to an end.
    fn at(mut self, now: Timestamp) -> Self {
        self.ttl_secs = self.ttl_secs.min(LONGEST_TTL_SECS);
        self.heartbeat_secs = self.heartbeat_secs.map(possible_timeout);
        self.issued_at = self.issued_at.min(now);
        self.beaten_at = self.beaten_at.min(now);
        let given_up = self.issued_at.checked_add(LONGEST_PROPAGATION).unwrap_or(Timestamp::MAX);
        match &mut self.stage {
            Stage::Propagating { .. } if given_up <= now => {
                self.stage = Stage::Expiring { until: later(given_up, self.ttl_secs) };
            }
            Stage::Propagating { .. } => {}
            Stage::Expiring { until } => {
                *until = (*until).min(later(now, ASSUMED_PROPAGATION_SECS + self.ttl_secs));
            }
        }
        self
    }
}

fn later(at: Timestamp, secs: u32) -> Timestamp {
    at.checked_add(SignedDuration::from_secs(secs.into())).unwrap_or(Timestamp::MAX)
}

/// Rounds up, so that nobody comes back a moment too early.
fn whole_secs(wait: SignedDuration) -> i64 {
    wait.as_secs().saturating_add(i64::from(wait.subsec_nanos() > 0))
}

fn possible_timeout(secs: u32) -> u32 {
    secs.clamp(*HOOK_TIMEOUTS_SECS.start(), *HOOK_TIMEOUTS_SECS.end())
}
