//! Execution as a machine without I/O: it says what to do next, and is told what came of it.
//!
//! The shell owns sockets and clocks and decides nothing. A run goes like this:
//!
//! ```text
//!             ┌───────────── Accepted: next batch ◄──────────────┐
//!             ▼                                                  │
//! Ready ─► Submit ─► PriorRequestNotComplete, Throttled ─► WaitUntil ─► Submit
//!   ▲         │
//!   │         ├─► InvalidChangeBatch ─► LookAgain ─► another plan ─► Ready
//!   │         ├─► Lost (no reply came) ─► LookAgain: what was applied is recognised by looking
//!   │         └─► Denied ─► Done
//!   └── older than 10 s ─► LookAgain
//! ```
//!
//! 1. A batch that Route 53 refuses was planned on a world that has moved: look, and plan again.
//! 2. If the same unit is refused again and its sets did not change in between, nobody raced: the unit
//!    itself is at fault, or shares a batch with one that is. Batches with such units are halved.
//! 3. A unit that was refused before and is now refused alone, on unchanged sets, is poison: it is set
//!    aside and reported, and the others go on.
//! 4. Anything else is a lost race and is tried again until the deadline, where the rest is handed back.

mod backoff;
mod outcome;
mod refusals;

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use outcome::{Applied, Outcome, Poison};

use crate::inventory::{HostedZone, Inventory};
use crate::lint::CheckedPlan;
use crate::plan::{Batch, Change, Plan};
use crate::record_set::{ChangeAction, RecordKey};
use backoff::Backoff;
use refusals::{Refusals, SetsView};

/// How old a plan may be when it is submitted; after that the world is looked at again. Deletions carry
/// their own proof, but a pure CREATE may publish an instance that has ended since.
pub const OLDEST_PLAN: SignedDuration = SignedDuration::from_secs(10);

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an effect has to be carried out"]
pub enum Effect {
    /// Submit this batch as one request and report the reply.
    Submit(Batch),
    /// Do nothing until then.
    WaitUntil {
        /// When to ask again.
        at: Timestamp,
        /// Why.
        reason: RetryReason,
    },
    /// Observe and plan again, and report the plan.
    LookAgain(LookReason),
    /// Nothing is left to do.
    Done(Outcome),
}

/// Why something is tried again after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryReason {
    /// Another change of the hosted zone is in progress.
    PriorRequestNotComplete,
    /// The account's request or change budget is spent.
    Throttled,
    /// The world could not be looked at.
    LookFailed,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PriorRequestNotComplete => "another change was in progress",
            Self::Throttled => "throttled",
            Self::LookFailed => "the look failed",
        })
    }
}

/// Why the world is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LookReason {
    /// Route 53 refused a batch.
    Refused,
    /// No reply came: the batch may or may not have been applied.
    ReplyLost,
    /// The plan is older than [`OLDEST_PLAN`].
    Stale,
}

/// What came of a submitted batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Route 53 accepted it under this change id.
    Accepted {
        /// The id to ask `GetChange` about.
        change_id: String,
    },
    /// Another change of the hosted zone is in progress.
    PriorRequestNotComplete,
    /// The account's budget is spent.
    Throttled,
    /// Route 53 refused it, with these messages.
    InvalidChangeBatch(Vec<String>),
    /// It will never be accepted: no permission, or no such hosted zone.
    Denied(String),
    /// No reply came in time.
    Lost(String),
}

#[derive(Debug)]
enum State {
    Ready,
    Submitted(Batch),
    Waiting { until: Timestamp, reason: RetryReason, then_look: Option<LookReason> },
    Looking(LookReason),
    Finished,
}

/// One run of a plan, until it is done or its deadline has come.
#[derive(Debug)]
pub struct Execution {
    plan: Plan,
    queue: Vec<Batch>,
    view: SetsView,
    state: State,
    deadline: Timestamp,
    backoff: Backoff,
    refusals: Refusals,
    lost: Option<Batch>,
    outcome: Outcome,
}

impl Execution {
    /// Starts to execute a plan; `seed` feeds the jitter of its waits.
    pub fn new(plan: CheckedPlan, deadline: Timestamp, seed: u64) -> Self {
        let plan = plan.into_plan();
        Self {
            queue: plan.batches.clone(),
            view: SetsView::new(&plan),
            plan,
            state: State::Ready,
            deadline,
            backoff: Backoff::new(seed),
            refusals: Refusals::default(),
            lost: None,
            outcome: Outcome::default(),
        }
    }

    /// Returns the plan that is being executed: the last one that was made.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns what came of it so far.
    pub fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// Says what to do next.
    pub fn next(&mut self, now: Timestamp) -> Effect {
        if now >= self.deadline && !matches!(self.state, State::Finished) {
            self.hand_back();
        }
        match &self.state {
            State::Finished => Effect::Done(self.outcome.clone()),
            State::Submitted(batch) => {
                // The shell asks without having reported a reply: it does not know either.
                self.lost = Some(batch.clone());
                self.look(LookReason::ReplyLost)
            }
            State::Looking(reason) => Effect::LookAgain(*reason),
            State::Waiting { until, reason, .. } if now < *until => {
                Effect::WaitUntil { at: (*until).min(self.deadline), reason: *reason }
            }
            State::Waiting { then_look: Some(reason), .. } => {
                let reason = *reason;
                self.look(reason)
            }
            State::Waiting { then_look: None, .. } | State::Ready => self.submit(now),
        }
    }

    fn look(&mut self, reason: LookReason) -> Effect {
        self.state = State::Looking(reason);
        Effect::LookAgain(reason)
    }

    fn submit(&mut self, now: Timestamp) -> Effect {
        if !self.queue.is_empty() && now.duration_since(self.plan.observed_at) > OLDEST_PLAN {
            return self.look(LookReason::Stale);
        }
        let Some(batch) = self.refusals.take_chunk(&mut self.queue, &self.view, &mut self.outcome) else {
            self.state = State::Finished;
            return Effect::Done(self.outcome.clone());
        };
        self.outcome.submitted += 1;
        self.state = State::Submitted(batch.clone());
        Effect::Submit(batch)
    }

    /// Takes in the reply to the batch that was submitted last.
    pub fn replied(&mut self, reply: Reply, now: Timestamp) {
        let State::Submitted(batch) = std::mem::replace(&mut self.state, State::Ready) else { return };
        match reply {
            Reply::Accepted { change_id } => {
                self.view.apply(&batch);
                self.backoff.reset();
                self.outcome.applied.push(Applied { change_id: Some(change_id), batch });
            }
            Reply::PriorRequestNotComplete => self.wait(batch, RetryReason::PriorRequestNotComplete, now),
            Reply::Throttled => self.wait(batch, RetryReason::Throttled, now),
            Reply::InvalidChangeBatch(messages) => {
                match self.refusals.note(&batch, &self.view, &messages) {
                    Some(unit) => self.outcome.set_aside(unit, messages),
                    None => self.queue.insert(0, batch),
                }
                self.state = State::Looking(LookReason::Refused);
            }
            Reply::Denied(message) => {
                self.queue.insert(0, batch);
                self.outcome.denied = Some(message);
                self.hand_back();
            }
            Reply::Lost(_) => {
                self.lost = Some(batch);
                self.outcome.lost_replies += 1;
                self.state = State::Looking(LookReason::ReplyLost);
            }
        }
    }

    fn wait(&mut self, batch: Batch, reason: RetryReason, now: Timestamp) {
        self.queue.insert(0, batch);
        *self.outcome.retries.entry(reason).or_insert(0) += 1;
        let until = now + self.backoff.next_delay();
        self.state = State::Waiting { until, reason, then_look: None };
    }

    /// Takes in what another look came to: what was seen and planned, or why nothing was.
    pub fn looked(&mut self, look: Result<(CheckedPlan, &Inventory), String>, now: Timestamp) {
        let State::Looking(reason) = self.state else { return };
        match look {
            Ok((plan, inventory)) => {
                self.plan = plan.into_plan();
                self.queue = self.plan.batches.clone();
                self.view = SetsView::new(&self.plan);
                if let Some(batch) = self.lost.take()
                    && took_effect(&batch, inventory)
                {
                    self.outcome.applied.push(Applied { change_id: None, batch });
                }
                self.state = State::Ready;
            }
            Err(problem) => {
                self.outcome.failed_looks.push(problem);
                *self.outcome.retries.entry(RetryReason::LookFailed).or_insert(0) += 1;
                let until = now + self.backoff.next_delay();
                self.state =
                    State::Waiting { until, reason: RetryReason::LookFailed, then_look: Some(reason) };
            }
        }
    }

    fn hand_back(&mut self) {
        if let State::Submitted(batch) = std::mem::replace(&mut self.state, State::Finished) {
            self.outcome.handed_back.extend(batch.units);
        }
        self.outcome.handed_back.extend(self.lost.take().into_iter().flat_map(|batch| batch.units));
        self.outcome.handed_back.extend(self.queue.drain(..).flat_map(|batch| batch.units));
    }
}

/// Says whether the record sets that were read are those that the batch leaves behind.
fn took_effect(batch: &Batch, inventory: &Inventory) -> bool {
    let Some(zone) = inventory.hosted_zones.get(&batch.hosted_zone_id) else { return false };
    let created: BTreeSet<RecordKey> = created(batch).map(|change| change.record.key()).collect();
    created_are_there(batch, zone)
        && batch.changes().all(|change| {
            let key = change.record.key();
            created.contains(&key) || !zone.records.contains_key(&key)
        })
}

fn created(batch: &Batch) -> impl Iterator<Item = &Change> {
    batch.changes().filter(|change| change.action == ChangeAction::Create)
}

fn created_are_there(batch: &Batch, zone: &HostedZone) -> bool {
    created(batch).all(|change| zone.records.get(&change.record.key()) == Some(&change.record))
}
