//! The removals of the last window, which count against each pool's budget.
//!
//! It only counts; it is written before a batch is submitted, so that a crash spends too much and never
//! too little.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::ids::PoolName;

/// The longest window that a document may ask for, after which a removal is forgotten.
const LONGEST_WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// When each pool removed records without proof that their instances are gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalLedger {
    spent: BTreeMap<PoolName, Vec<Timestamp>>,
    closed: BTreeSet<PoolName>,
}

impl RemovalLedger {
    /// Counts the removals of `pool` in the window that ends at `now`.
    #[must_use]
    pub fn spent(&self, pool: &PoolName, window: SignedDuration, now: Timestamp) -> usize {
        self.spent
            .get(pool)
            .map_or(0, |times| times.iter().filter(|at| now.duration_since(**at) < window).count())
    }

    /// Lets no more removals of `pool` count: what was spent is not known, or more cannot be written down.
    pub fn close(&mut self, pool: &PoolName) {
        self.closed.insert(pool.clone());
    }

    /// Says whether the pool's budget is closed.
    #[must_use]
    pub fn is_closed(&self, pool: &PoolName) -> bool {
        self.closed.contains(pool)
    }

    /// Returns the removals of `pool` that are not forgotten yet, by their time.
    #[must_use]
    pub fn counted(&self, pool: &PoolName) -> BTreeMap<Timestamp, usize> {
        let mut counted = BTreeMap::new();
        for at in self.spent.get(pool).into_iter().flatten() {
            *counted.entry(*at).or_insert(0) += 1;
        }
        counted
    }

    /// Records removals that are about to be submitted.
    pub fn spend(&mut self, pool: &PoolName, removals: usize, now: Timestamp) {
        if removals > 0 {
            self.spent.entry(pool.clone()).or_default().extend(std::iter::repeat_n(now, removals));
        }
        for times in self.spent.values_mut() {
            times.retain(|at| now.duration_since(*at) < LONGEST_WINDOW);
        }
        self.spent.retain(|_, times| !times.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removals_leave_the_ledger_when_their_window_has_passed() {
        let pool: PoolName = "video".parse().unwrap();
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let window = SignedDuration::from_mins(15);
        let mut ledger = RemovalLedger::default();
        ledger.spend(&pool, 2, start);
        assert_eq!(ledger.spent(&pool, window, start + SignedDuration::from_secs(899)), 2);
        assert_eq!(ledger.spent(&pool, window, start + SignedDuration::from_secs(900)), 0);
        ledger.spend(&pool, 0, start + LONGEST_WINDOW);
        assert_eq!(ledger, RemovalLedger::default());
    }

    #[test]
    fn removals_are_counted_by_their_time_and_a_closed_budget_is_the_pools_own() {
        let (video, games): (PoolName, PoolName) = ("video".parse().unwrap(), "games".parse().unwrap());
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let later = start + SignedDuration::from_secs(1);
        let mut ledger = RemovalLedger::default();
        ledger.spend(&video, 2, start);
        ledger.spend(&video, 1, later);
        ledger.close(&games);
        assert_eq!(ledger.counted(&video), BTreeMap::from([(start, 2), (later, 1)]));
        assert_eq!(ledger.counted(&games), BTreeMap::new());
        assert!(ledger.is_closed(&games) && !ledger.is_closed(&video));
    }
}
