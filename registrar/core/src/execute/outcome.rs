//! What came of an execution: applied, set aside, or handed back. Nothing is dropped in silence.

use std::collections::BTreeMap;

use super::RetryReason;
use crate::ids::PoolName;
use crate::plan::{Batch, Unit};

/// A batch that took effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Route 53's id for it; absent where the reply was lost and the effect was seen by looking.
    pub change_id: Option<String>,
    /// The batch.
    pub batch: Batch,
}

/// A unit that Route 53 refuses by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Poison {
    /// The unit.
    pub unit: Unit,
    /// What Route 53 said.
    pub messages: Vec<String>,
}

/// What came of an execution.
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use = "an outcome says what did not work"]
pub struct Outcome {
    /// Batches that took effect, in order.
    pub applied: Vec<Applied>,
    /// Units that were refused twice although their sets did not change.
    pub poison: Vec<Poison>,
    /// Units for which there was no time, or no permission, left.
    pub handed_back: Vec<Unit>,
    /// Those of them that may have taken effect all the same: their reply did not come in time.
    pub unconfirmed: Vec<Unit>,
    /// What was denied, and why: no permission, or no such hosted zone.
    pub denied: Option<String>,
    /// Why, by pool, for those whose changes were denied by themselves. They are handed back.
    pub denied_pools: BTreeMap<PoolName, String>,
    /// Waits, by reason.
    pub retries: BTreeMap<RetryReason, usize>,
    /// Requests that were submitted.
    pub submitted: usize,
    /// Requests whose reply did not come.
    pub lost_replies: usize,
    /// Looks that failed, with their problems.
    pub failed_looks: Vec<String>,
}

/// How many pools are named where more are denied.
const MOST_NAMED: usize = 3;

impl Outcome {
    /// Notes that a pool's changes were denied by themselves.
    pub(super) fn deny(&mut self, pool: PoolName, message: String) {
        self.denied_pools.insert(pool, message.clone());
        let named: Vec<&str> = self.denied_pools.keys().take(MOST_NAMED).map(PoolName::as_str).collect();
        let named = named.join(", ");
        self.denied = Some(match self.denied_pools.len() {
            1 => format!("pool {named}: {message}"),
            count if count <= MOST_NAMED => format!("pools {named}: {message}"),
            count => format!("pools {named} and {} more: {message}", count - MOST_NAMED),
        });
    }

    /// Says why changes of a pool were handed back, if any were.
    #[must_use]
    pub fn why_handed_back(&self, pool: &PoolName) -> Option<&str> {
        self.handed_back.iter().find(|unit| unit.pool == *pool)?;
        let reason = self.denied_pools.get(pool).or(self.failed_looks.last());
        Some(reason.map_or("there was no time left for its changes", String::as_str))
    }

    /// Sets a unit aside, once.
    pub(super) fn set_aside(&mut self, unit: Unit, messages: Vec<String>) {
        if !self.poison.iter().any(|poison| poison.unit.does_the_same(&unit)) {
            self.poison.push(Poison { unit, messages });
        }
    }

    /// Returns the removals that took effect, or may have, and count against budgets, by pool.
    #[must_use]
    pub fn budget_spent(&self) -> BTreeMap<PoolName, usize> {
        let mut spent = BTreeMap::new();
        let applied = self.applied.iter().flat_map(|applied| &applied.batch.units);
        for unit in applied.chain(&self.unconfirmed) {
            if unit.budgeted > 0 {
                *spent.entry(unit.pool.clone()).or_insert(0) += unit.budgeted;
            }
        }
        spent
    }

    /// Says whether everything that was planned took effect.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.poison.is_empty() && self.handed_back.is_empty() && self.denied.is_none()
    }
}
