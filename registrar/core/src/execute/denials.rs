//! Which pools of a hosted zone are denied: a permission may deny a request for any one record in it.
//!
//! It decides which pools share a request, and neither what is in it nor how large it is.
//!
//! 1. Where a request of several pools is denied, nobody knows which one is at fault: each goes by itself.
//! 2. A pool that is denied by itself is handed back, with all that would have followed: what comes later
//!    was planned on what comes before.
//! 3. A pool that is accepted by itself may share requests again. So each pool is denied once at most, and
//!    each request of several that is denied finds one that is, unless the permissions change meanwhile.

use std::collections::BTreeSet;

use super::Outcome;
use crate::ids::{HostedZoneId, PoolName};
use crate::plan::{Batch, Unit};

type Key = (HostedZoneId, PoolName);

/// The denials of one execution.
#[derive(Debug, Default)]
pub(super) struct Denials {
    /// Denied by themselves.
    closed: BTreeSet<Key>,
    /// Denied together with others, and not yet accepted by themselves.
    doubted: BTreeSet<Key>,
}

fn key(unit: &Unit) -> Key {
    (unit.hosted_zone_id.clone(), unit.pool.clone())
}

impl Denials {
    /// Takes in that a batch was denied: what may go on stays in the queue or returns to it.
    pub(super) fn note(
        &mut self,
        batch: Batch,
        message: String,
        queue: &mut Vec<Batch>,
        outcome: &mut Outcome,
    ) {
        let pools: BTreeSet<Key> = batch.units.iter().map(key).collect();
        queue.insert(0, batch);
        if pools.len() > 1 {
            self.doubted.extend(pools);
            outcome.denied.get_or_insert(message);
            return;
        }
        for (hosted_zone, pool) in pools {
            outcome.deny(pool.clone(), message.clone());
            self.closed.insert((hosted_zone, pool));
        }
        self.hand_back(queue, outcome);
    }

    /// Takes in that a batch was accepted.
    pub(super) fn accept(&mut self, batch: &Batch) {
        for unit in &batch.units {
            self.doubted.remove(&key(unit));
        }
    }

    /// Hands back what a queue has for pools that are denied.
    pub(super) fn hand_back(&self, queue: &mut Vec<Batch>, outcome: &mut Outcome) {
        for batch in &mut *queue {
            let denied = batch.units.extract_if(.., |unit| self.closed.contains(&key(unit)));
            outcome.handed_back.extend(denied);
        }
        queue.retain(|batch| !batch.units.is_empty());
    }

    /// Takes from a batch what may share a request with its first unit; the rest returns to the queue.
    pub(super) fn take_part(&self, mut batch: Batch, queue: &mut Vec<Batch>) -> Batch {
        let Some(first) = batch.units.first().map(key) else { return batch };
        let is_alone = self.doubted.contains(&first);
        let shares = |unit: &Unit| {
            let key = key(unit);
            key == first || !is_alone && !self.doubted.contains(&key)
        };
        let (part, rest) = batch.units.drain(..).partition(shares);
        let hosted_zone_id = batch.hosted_zone_id;
        let rest = Batch { hosted_zone_id: hosted_zone_id.clone(), units: rest };
        if !rest.units.is_empty() {
            queue.insert(0, rest);
        }
        Batch { hosted_zone_id, units: part }
    }
}
