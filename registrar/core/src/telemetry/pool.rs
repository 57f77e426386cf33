//! One pool in an invocation's event: the report's counts, and particulars of a bounded number.

use serde::Serialize;

use super::{MOST_DETAILS, bounded, note};
use crate::execute::Outcome;
use crate::guard::HoldReason;
use crate::ids::PoolName;
use crate::plan::{HeldBack, Plan, PoolPlan};
use crate::report::PoolReport;

/// One pool of an invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct PoolEvent {
    #[serde(flatten)]
    pub(super) counts: PoolReport,
    /// Records that led nowhere, by proof, and were removed.
    pub(super) blackholes_removed: usize,
    /// Whether its document could be read and its members were told apart.
    pub(super) judged: bool,
    /// What is held back; the first of it where it is much.
    held_back_details: Vec<HeldDetail>,
    /// What Route 53 said of the changes that it refuses.
    refusals: Vec<String>,
    /// What an operator has to put right.
    problems: Vec<String>,
}

/// Something that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct HeldDetail {
    /// The record's set identifier, where one record is meant.
    set_identifier: Option<String>,
    reason: HoldReason,
    detail: String,
    /// What to do about it, where an operator can.
    hint: Option<String>,
}

impl PoolEvent {
    pub(super) fn new(counts: PoolReport, name: &PoolName, plan: &Plan, outcome: &Outcome) -> Self {
        let mut event = Self { counts, ..Self::default() };
        if let Some(planned) = plan.pools.iter().find(|pool| pool.name == *name) {
            event.describe(planned);
        }
        let applied = outcome.applied.iter().flat_map(|applied| &applied.batch.units);
        event.blackholes_removed = applied.filter(|unit| unit.pool == *name).map(|unit| unit.dead).sum();
        let poison = outcome.poison.iter().filter(|poison| poison.unit.pool == *name);
        note(&mut event.refusals, poison.flat_map(|poison| &poison.messages).map(String::as_str));
        event
    }

    fn describe(&mut self, planned: &PoolPlan) {
        self.judged = planned.headline.is_some();
        self.held_back_details = planned.held_back.iter().take(MOST_DETAILS).map(HeldDetail::new).collect();
        note(&mut self.problems, planned.errors.iter().map(String::as_str));
    }

    /// Keeps the first particulars of each kind.
    pub(super) fn keep_details(&mut self, most: usize) {
        self.held_back_details.truncate(most);
        self.refusals.truncate(most);
        self.problems.truncate(most);
    }

    /// Adds the changes of an earlier run of the same invocation.
    pub(super) fn add_changes_of(&mut self, before: Self) {
        for (action, changes) in before.counts.applied {
            *self.counts.applied.entry(action).or_insert(0) += changes;
        }
        self.counts.refused += before.counts.refused;
        self.blackholes_removed += before.blackholes_removed;
        note(&mut self.refusals, before.refusals.iter().map(String::as_str));
    }
}

impl HeldDetail {
    fn new(held: &HeldBack) -> Self {
        Self {
            set_identifier: held.set_identifier.clone(),
            reason: held.reason(),
            detail: bounded(&held.hold.detail),
            hint: held.hold.hint.as_deref().map(bounded),
        }
    }
}
