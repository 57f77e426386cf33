//! Execution as a machine without I/O: it says what to do next, and is told what came of it.
//!
//! The shell owns sockets and clocks and decides nothing. A run goes like this:
//!
//! ```text
//!             ┌───────────── Accepted: next batch ◄──────────────┐
//!             ▼                                                  │
//! Ready ─► Submit ─► PriorRequestNotComplete, Throttled ─► WaitUntil ─► Submit
//!   ▲         │
//!   │         ├─► InvalidChangeBatch ─► WaitUntil ─► LookAgain ─► another plan ─► Ready
//!   │         ├─► Lost (no reply came) ─► LookAgain: what was applied is recognised by looking
//!   │         └─► Denied ─► each pool by itself ─► Denied ─► the other pools
//!   └── older than 10 s ─► LookAgain
//! ```
//!
//! 1. A batch that Route 53 refuses was planned on a world that has moved: look, and plan again.
//! 2. If the same unit is refused again and its sets did not change in between, nobody raced: the unit
//!    itself is at fault, or shares a batch with one that is. Batches with such units are halved.
//! 3. A unit that was refused before and is now refused alone, on unchanged sets, is poison: it is set
//!    aside and reported, and the others go on.
//! 4. Anything else is a lost race and is tried again until the deadline, where the rest is handed back.
//! 5. A throttled request comes back at half its size, and grows again with each that is accepted: whoever
//!    shares the account leaves less than a large request costs, and the dead must not wait for it. Another
//!    change in progress says nothing about size.

mod backoff;
mod denials;
mod outcome;
mod pace;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use outcome::{Applied, Outcome, Poison};

use crate::ids::PoolName;
use crate::inventory::{HostedZone, Inventory};
use crate::lint::CheckedPlan;
use crate::plan::{Batch, Change, Plan, Unit};
use crate::record_set::{ChangeAction, RecordKey};
use backoff::Backoff;
use denials::Denials;
use pace::Pace;
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
    /// Route 53 refused a batch: the world has moved.
    Refused,
    /// The world could not be looked at.
    LookFailed,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PriorRequestNotComplete => "another change was in progress",
            Self::Throttled => "throttled",
            Self::Refused => "the records had changed",
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
    /// The plan is older than [`OLDEST_PLAN`], or an event came since it was made.
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
    /// It will not be accepted as it is: no permission for something in it, or no such hosted zone.
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
    denials: Denials,
    pace: Pace,
    lost: Option<Batch>,
    distrusted: bool,
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
            denials: Denials::default(),
            pace: Pace::default(),
            lost: None,
            distrusted: false,
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

    /// Returns until when a request may wait for the account's budget: while its plan is young, and there is
    /// time. What would have to wait for longer is throttled, and comes back smaller or planned anew.
    #[must_use]
    pub fn submit_until(&self) -> Timestamp {
        let old = self.plan.observed_at.checked_add(OLDEST_PLAN).unwrap_or(Timestamp::MAX);
        old.min(self.deadline)
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
                self.outcome.lost_replies += 1;
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

    /// Has the world looked at again before anything else is submitted: an event came in the meantime.
    pub fn distrust(&mut self) {
        self.distrusted = true;
    }

    fn look(&mut self, reason: LookReason) -> Effect {
        self.state = State::Looking(reason);
        Effect::LookAgain(reason)
    }

    fn submit(&mut self, now: Timestamp) -> Effect {
        let old = self.distrusted || now.duration_since(self.plan.observed_at) > OLDEST_PLAN;
        if !self.queue.is_empty() && old {
            return self.look(LookReason::Stale);
        }
        let (refusals, pace) = (&self.refusals, &self.pace);
        let Some(chunk) = refusals.take_chunk(&mut self.queue, &self.view, pace, &mut self.outcome) else {
            self.state = State::Finished;
            return Effect::Done(self.outcome.clone());
        };
        let batch = self.denials.take_part(chunk, &mut self.queue);
        self.outcome.submitted += 1;
        self.state = State::Submitted(batch.clone());
        Effect::Submit(batch)
    }

    /// Takes in the reply to the batch that was submitted last.
    pub fn replied(&mut self, reply: Reply, now: Timestamp) {
        let State::Submitted(batch) = std::mem::replace(&mut self.state, State::Ready) else { return };
        match reply {
            Reply::Accepted { change_id } => {
                self.refusals.accept(&batch, &mut self.view);
                self.denials.accept(&batch);
                self.pace.accepted();
                self.backoff.reset();
                self.outcome.applied.push(Applied { change_id: Some(change_id), batch });
            }
            Reply::PriorRequestNotComplete => self.wait(batch, RetryReason::PriorRequestNotComplete, now),
            Reply::Throttled => {
                self.pace.throttled(&batch);
                self.wait(batch, RetryReason::Throttled, now);
            }
            Reply::InvalidChangeBatch(messages) => {
                match self.refusals.note(&batch, &self.view, &messages) {
                    Some(unit) => self.outcome.set_aside(unit, messages),
                    None => self.queue.insert(0, batch),
                }
                // Another writer may be at work: a pause, so that two of them do not refuse each other on.
                self.pause(RetryReason::Refused, Some(LookReason::Refused), now);
            }
            Reply::Denied(message) => {
                self.denials.note(batch, message, &mut self.queue, &mut self.outcome);
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
        self.pause(reason, None, now);
    }

    fn pause(&mut self, reason: RetryReason, then_look: Option<LookReason>, now: Timestamp) {
        *self.outcome.retries.entry(reason).or_insert(0) += 1;
        let until = now.checked_add(self.backoff.next_delay()).unwrap_or(Timestamp::MAX);
        self.state = State::Waiting { until, reason, then_look };
    }

    /// Returns the removals of a lost batch that count against budgets, by what a look saw: those whose
    /// records do not stand as they did. Whatever else the batch did, they are spent.
    #[must_use]
    pub fn lost_budget(&self, inventory: &Inventory) -> BTreeMap<PoolName, usize> {
        let mut spent = BTreeMap::new();
        for unit in self.lost.iter().flat_map(|batch| &batch.units) {
            let removals = removals_seen(unit, inventory);
            if removals > 0 {
                *spent.entry(unit.pool.clone()).or_insert(0) += removals;
            }
        }
        spent
    }

    /// Takes in what another look came to: what was seen and planned, or why nothing was.
    pub fn looked(&mut self, look: Result<(CheckedPlan, &Inventory), String>, now: Timestamp) {
        let State::Looking(reason) = self.state else { return };
        match look {
            Ok((plan, inventory)) => {
                self.plan = plan.into_plan();
                self.queue = self.plan.batches.clone();
                // So far this has only what was denied, which is planned again.
                self.outcome.handed_back.clear();
                self.denials.hand_back(&mut self.queue, &mut self.outcome);
                self.view = SetsView::new(&self.plan);
                self.distrusted = false;
                if let Some(batch) = self.lost.take() {
                    self.settle(batch, inventory);
                }
                self.state = State::Ready;
            }
            Err(problem) => {
                self.outcome.failed_looks.push(problem);
                self.pause(RetryReason::LookFailed, Some(reason), now);
            }
        }
    }

    /// Decides by looking what became of a batch whose reply was lost.
    fn settle(&mut self, batch: Batch, inventory: &Inventory) {
        if took_effect(&batch, inventory) {
            self.outcome.applied.push(Applied { change_id: None, batch });
        } else {
            let removed = batch.units.into_iter().filter(|unit| removals_seen(unit, inventory) > 0);
            self.outcome.unconfirmed.extend(removed);
        }
    }

    fn hand_back(&mut self) {
        if let State::Submitted(batch) = std::mem::replace(&mut self.state, State::Finished) {
            self.lost = Some(batch);
        }
        let lost: Vec<Unit> = self.lost.take().into_iter().flat_map(|batch| batch.units).collect();
        self.outcome.unconfirmed.extend(lost.iter().cloned());
        self.outcome.handed_back.extend(lost);
        self.outcome.handed_back.extend(self.queue.drain(..).flat_map(|batch| batch.units));
    }
}

/// Counts the budgeted removals of a unit that seem to have happened.
fn removals_seen(unit: &Unit, inventory: &Inventory) -> usize {
    let zone = inventory.hosted_zones.get(&unit.hosted_zone_id);
    let stands = |change: &&Change| {
        zone.is_some_and(|zone| zone.records.get(&change.record.key()) == Some(&change.record))
    };
    let deletes = unit.changes.iter().filter(|change| change.action == ChangeAction::Delete);
    let of_set = deletes.clone().any(|change| change.record.set_identifier.is_none());
    let gone = deletes.filter(|change| !stands(change)).count();
    if of_set && gone > 0 { unit.budgeted } else { unit.budgeted.min(gone) }
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
