//! What one run observed, planned, applied and left undone, in numbers: schema `registrar-report/1`.
//!
//! It counts by kind and names no instance, so that it can feed metrics; the plan and the outcome have
//! the particulars.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::execute::{Outcome, RetryReason};
use crate::guard::HoldReason;
use crate::ids::PoolName;
use crate::inventory::GapSource;
use crate::plan::{Plan, PoolPlan, Unit};
use crate::record_set::ChangeAction;
use crate::standing::MemberState;

/// The name and version of the JSON form.
const SCHEMA: &str = "registrar-report/1";

/// The numbers of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use = "a report says what was not done"]
pub struct Report {
    schema: &'static str,
    /// The deployment.
    pub deployment: String,
    /// When the look started that the last plan is based on.
    pub observed_at: Timestamp,
    /// The pools, by name.
    pub pools: BTreeMap<PoolName, PoolReport>,
    /// Incomplete reads, by source.
    pub gaps: BTreeMap<GapSource, usize>,
    /// Requests that were submitted to change records.
    pub requests: usize,
    /// Waits before a request or a look was tried again, by reason.
    pub retries: BTreeMap<RetryReason, usize>,
    /// Requests whose reply did not come.
    pub lost_replies: usize,
    /// What was denied, and why.
    pub denied: Option<String>,
}

/// The numbers of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolReport {
    /// Instances that concern it, by state.
    pub members: BTreeMap<MemberState, usize>,
    /// Records that it had when the last plan was made.
    pub records: usize,
    /// Changes that took effect, by action.
    pub applied: BTreeMap<ChangeAction, usize>,
    /// What is held back, by reason.
    pub held_back: BTreeMap<HoldReason, usize>,
    /// Changes that Route 53 refuses by themselves.
    pub refused: usize,
    /// Changes for which there was no time left.
    pub handed_back: usize,
    /// What an operator has to put right.
    pub errors: usize,
}

impl Report {
    /// Counts what a plan and its execution came to.
    pub fn new(plan: &Plan, outcome: &Outcome) -> Self {
        let mut pools: BTreeMap<PoolName, PoolReport> =
            plan.pools.iter().map(|pool| (pool.name.clone(), PoolReport::planned(pool))).collect();
        for unit in outcome.applied.iter().flat_map(|applied| &applied.batch.units) {
            let pool = pools.entry(unit.pool.clone()).or_default();
            for change in &unit.changes {
                *pool.applied.entry(change.action).or_insert(0) += 1;
            }
        }
        let mut count = |unit: &Unit, add: fn(&mut PoolReport, usize)| {
            add(pools.entry(unit.pool.clone()).or_default(), unit.changes.len());
        };
        outcome.poison.iter().for_each(|poison| count(&poison.unit, |pool, changes| pool.refused += changes));
        outcome.handed_back.iter().for_each(|unit| count(unit, |pool, changes| pool.handed_back += changes));
        let mut gaps = BTreeMap::new();
        for gap in &plan.gaps {
            *gaps.entry(gap.source).or_insert(0) += 1;
        }
        Self {
            schema: SCHEMA,
            deployment: plan.deployment.to_string(),
            observed_at: plan.observed_at,
            pools,
            gaps,
            requests: outcome.submitted,
            retries: outcome.retries.clone(),
            lost_replies: outcome.lost_replies,
            denied: outcome.denied.clone(),
        }
    }

    fn total(&self, of: impl Fn(&PoolReport) -> usize) -> usize {
        self.pools.values().map(of).sum()
    }
}

impl PoolReport {
    fn planned(pool: &PoolPlan) -> Self {
        let mut held_back = BTreeMap::new();
        for held in &pool.held_back {
            *held_back.entry(held.reason()).or_insert(0) += 1;
        }
        Self {
            members: pool.members.clone(),
            records: pool.records,
            held_back,
            errors: pool.errors.len(),
            ..Self::default()
        }
    }

    fn applied(&self, action: ChangeAction) -> usize {
        self.applied.get(&action).copied().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serving = self.total(|pool| pool.members.get(&MemberState::Serving).copied().unwrap_or(0));
        let created = self.total(|pool| pool.applied(ChangeAction::Create));
        let deleted = self.total(|pool| pool.applied(ChangeAction::Delete));
        match self.requests {
            0 => write!(f, "{serving} serving; nothing to change")?,
            1 => write!(f, "{serving} serving; {created} created and {deleted} deleted in 1 request")?,
            requests => {
                write!(
                    f,
                    "{serving} serving; {created} created and {deleted} deleted in {requests} requests"
                )?;
            }
        }
        let undone = [
            (self.total(|pool| pool.held_back.values().sum()), "held back"),
            (self.total(|pool| pool.refused), "refused"),
            (self.total(|pool| pool.handed_back), "handed back"),
            (self.total(|pool| pool.errors), "errors"),
            (self.lost_replies, "lost replies"),
        ];
        for (count, what) in undone.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "; {count} {what}")?;
        }
        for (source, gaps) in &self.gaps {
            write!(f, "; {gaps} incomplete read of {source}")?;
        }
        for (reason, retries) in &self.retries {
            write!(f, "; waited {retries} times: {reason}")?;
        }
        match &self.denied {
            Some(problem) => write!(f, "; denied: {problem}"),
            None => Ok(()),
        }
    }
}
