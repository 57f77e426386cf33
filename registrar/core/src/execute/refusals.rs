//! Which units were refused, on which sets, and in how small a batch: what tells poison from a lost race.
//!
//! It decides the size of the next request, with what throttling leaves of it, and nothing about its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Outcome;
use super::pace::Pace;
use crate::ids::HostedZoneId;
use crate::plan::{Batch, Plan, Unit};
use crate::record_set::{ChangeAction, RecordSet, SetKey};

/// The sets that a plan touches, as they are believed to stand: as they were read, with what was
/// accepted since.
#[derive(Debug)]
pub(super) struct SetsView {
    sets: BTreeMap<(HostedZoneId, SetKey), Vec<Arc<RecordSet>>>,
}

impl SetsView {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { sets: plan.observed.clone() }
    }

    fn apply(&mut self, batch: &Batch) {
        for change in batch.changes() {
            let set = self.sets.entry((batch.hosted_zone_id.clone(), change.record.set_key())).or_default();
            match change.action {
                ChangeAction::Delete => set.retain(|record| *record != change.record),
                ChangeAction::Create => set.push(change.record.clone()),
            }
        }
    }

    /// Returns the sets of one unit in a form that can be compared later.
    fn of(&self, unit: &Unit) -> BTreeMap<SetKey, Vec<Arc<RecordSet>>> {
        let mut sets = BTreeMap::new();
        for change in &unit.changes {
            let key = change.record.set_key();
            let records = self.sets.get(&(unit.hosted_zone_id.clone(), key.clone()));
            let mut records = records.cloned().unwrap_or_default();
            records.sort_by_key(|record| record.key());
            sets.insert(key, records);
        }
        sets
    }
}

#[derive(Debug)]
struct Refusal {
    unit: Unit,
    sets: BTreeMap<SetKey, Vec<Arc<RecordSet>>>,
    smallest_batch: usize,
    times: usize,
    messages: Vec<String>,
}

impl Refusal {
    /// Refused before and refused alone: nothing but the unit is at fault.
    fn is_poison(&self) -> bool {
        self.times >= 2 && self.smallest_batch == 1
    }
}

/// The refusals of one execution.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    refused: Vec<Refusal>,
}

impl Refusals {
    /// Takes note of a refused batch; returns its unit when that turns out to be poison.
    pub(super) fn note(&mut self, batch: &Batch, view: &SetsView, messages: &[String]) -> Option<Unit> {
        for unit in &batch.units {
            let sets = view.of(unit);
            let known = self.refused.iter_mut().find(|refusal| refusal.unit.does_the_same(unit));
            let fresh = Refusal {
                unit: unit.clone(),
                sets: sets.clone(),
                smallest_batch: batch.units.len(),
                times: 1,
                messages: messages.to_vec(),
            };
            match known {
                Some(refusal) if refusal.sets == sets => {
                    refusal.times += 1;
                    refusal.smallest_batch = refusal.smallest_batch.min(batch.units.len());
                    refusal.messages = messages.to_vec();
                }
                Some(refusal) => *refusal = fresh,
                None => self.refused.push(fresh),
            }
        }
        let only = batch.units.first().filter(|_| batch.units.len() == 1)?;
        self.standing(only, view).filter(|refusal| refusal.is_poison()).map(|refusal| refusal.unit.clone())
    }

    /// Applies an accepted batch to the view. What the execution changes itself is no reason to forget what
    /// was refused in the same set: only others' changes are.
    pub(super) fn accept(&mut self, batch: &Batch, view: &mut SetsView) {
        let fresh: Vec<bool> =
            self.refused.iter().map(|refusal| refusal.sets == view.of(&refusal.unit)).collect();
        view.apply(batch);
        for (refusal, _) in self.refused.iter_mut().zip(fresh).filter(|(_, fresh)| *fresh) {
            refusal.sets = view.of(&refusal.unit);
        }
    }

    fn standing(&self, unit: &Unit, view: &SetsView) -> Option<&Refusal> {
        let refusal = self.refused.iter().find(|refusal| refusal.unit.does_the_same(unit))?;
        (refusal.sets == view.of(unit)).then_some(refusal)
    }

    /// Takes the next request off the queue: a whole batch, a half of one that was refused, or as much as
    /// the budget may allow, whichever is less. Poison that is planned again is set aside.
    pub(super) fn take_chunk(
        &self,
        queue: &mut Vec<Batch>,
        view: &SetsView,
        pace: &Pace,
        outcome: &mut Outcome,
    ) -> Option<Batch> {
        loop {
            let batch = queue.first_mut()?;
            batch.units.retain(|unit| {
                let known = self.standing(unit, view).filter(|refusal| refusal.is_poison());
                if let Some(refusal) = known {
                    outcome.set_aside(unit.clone(), refusal.messages.clone());
                }
                known.is_none()
            });
            if batch.units.is_empty() {
                queue.remove(0);
                continue;
            }
            let size = pace.units(&batch.units).min(self.next_size(&batch.units, view));
            let rest = batch.units.split_off(size);
            let chunk = Batch {
                hosted_zone_id: batch.hosted_zone_id.clone(),
                units: std::mem::take(&mut batch.units),
            };
            if rest.is_empty() {
                queue.remove(0);
            } else {
                batch.units = rest;
            }
            return Some(chunk);
        }
    }

    /// Half of the smallest batch in which any of the units was refused, or all of them.
    fn next_size(&self, units: &[Unit], view: &SetsView) -> usize {
        let mut size = units.len();
        for (index, unit) in units.iter().enumerate() {
            if index >= size {
                break;
            }
            if let Some(refusal) = self.standing(unit, view) {
                size = size.min((refusal.smallest_batch / 2).max(1));
            }
        }
        size
    }
}
