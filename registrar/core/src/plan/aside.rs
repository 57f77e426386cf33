//! What is taken out of a plan again: changes that break a rule, and names that do not change hands now.
//!
//! Removals of the dead stay where they can, and whatever does not is told.

use std::collections::BTreeSet;

use super::{Change, HeldBack, Plan, Unit, Urgency};
use crate::diff::Difference;
use crate::guard::{Evidence, Hold};
use crate::ids::{HostedZoneId, PoolName};
use crate::owner::Owner;
use crate::site::Place;

impl Plan {
    /// Takes a pool's changes out of the plan, because they break a rule of it; at first all but removals by proof,
    /// which no other change may hold back; and those too, where they break it.
    pub(crate) fn set_aside(&mut self, pool: &PoolName, problem: &str) {
        let of_pool = |unit: &Unit| unit.pool == *pool;
        let mut units = self.batches.iter().flat_map(|batch| &batch.units);
        let only_proven =
            units.clone().filter(|unit| of_pool(unit)).all(|unit| unit.urgency <= Urgency::Drain);
        let keeps = !only_proven && units.any(|unit| of_pool(unit) && unit.urgency <= Urgency::Drain);
        for batch in &mut self.batches {
            batch.units.retain(|unit| !of_pool(unit) || keeps && unit.urgency <= Urgency::Drain);
        }
        self.batches.retain(|batch| !batch.units.is_empty());
        let but_for = if keeps { ", but for what is proven dead" } else { "" };
        let error = format!(
            "the planned changes break a rule, and the pool is left as it is{but_for}: {problem} (hint: this is a mistake \
             in the registrar, please report it)"
        );
        self.note_left(pool, None, Err(error));
    }

    /// Takes note that of a pool's steps, at one place or everywhere, only removals of the dead are in the batches, if
    /// those are; and tells why, of each of the others where it is held back.
    pub(super) fn note_left(&mut self, pool: &PoolName, at: Option<&Place>, why: Result<Hold, String>) {
        let changes: Vec<(HostedZoneId, Change)> =
            self.batches.iter().flat_map(|batch| batch.changes_of(pool)).collect();
        let units = self.batches.iter().flat_map(|batch| &batch.units);
        let dead_go: BTreeSet<Place> = units
            .filter(|unit| unit.pool == *pool)
            .map(|unit| Place { hosted_zone_id: unit.hosted_zone_id.clone(), name: unit.name.clone() })
            .collect();
        let owner = Owner { deployment: self.deployment.clone(), pool: pool.clone() };
        let stays = |(difference, evidence): &mut (Difference, Evidence)| {
            at.is_some_and(|at| difference.place != *at)
                || matches!(evidence, Evidence::Dead(_)) && dead_go.contains(&difference.place)
        };
        for plan in self.pools.iter_mut().filter(|plan| plan.name == *pool) {
            let dropped: Vec<(Difference, Evidence)> =
                plan.steps.extract_if(.., |step| !stays(step)).collect();
            plan.changes.clone_from(&changes);
            plan.budget_spent = 0;
            plan.release_used = None;
            match &why {
                Ok(hold) => plan.held_back.extend(
                    dropped
                        .into_iter()
                        .map(|(difference, _)| HeldBack::new(&owner, &difference, hold.clone())),
                ),
                Err(error) => plan.errors.push(error.clone()),
            }
        }
    }
}
