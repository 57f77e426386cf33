//! The referee: holds one change of the hosted zone against what the edge had seen when it decided.
//!
//! It reads the zone before and after, and the design's table of evidence; how the registrar came to the
//! change does not interest it. A change is right when one of the looks that may have led to it (those
//! of its run, at most ten seconds old) justifies each part of it.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::ids::PoolName;
use registrar_core::pool::{PoolState, WhenEmpty};
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};

use super::document::Document;
use super::known;
use super::seen::{Seen, Sight};
use super::truth::POOLS;
use super::zone::{DEPLOYMENT, Entry, Published, answers, owner_record, pool_record};

/// How old a plan may be when it is submitted (design, "Which instance serves").
const OLDEST_PLAN: SignedDuration = SignedDuration::from_secs(10);

/// What a run knew at a moment when it may have looked.
#[derive(Clone, Debug)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// What its edge had been shown.
    pub seen: Seen,
    /// What stood in the hosted zone.
    pub records: Vec<RecordSet>,
}

/// One change of the hosted zone by an edge.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What stood there.
    pub before: &'a [RecordSet],
    /// What stands there now.
    pub after: &'a [RecordSet],
    /// When it was submitted.
    pub at: Timestamp,
    /// The moments at which the run may have looked.
    pub looks: &'a [Look],
    /// Whether nothing else happened since the run began.
    pub undisturbed: bool,
}

/// How a removal is justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    /// Not at all.
    None,
    /// Within the budget.
    Unproven,
    /// By proof, or by the document.
    Proven,
}

/// Judges a change, and returns the removals that count against each pool's budget.
///
/// # Errors
/// When a part of it is not justified, with what and why.
pub fn judge(change: Change<'_>) -> Result<BTreeMap<PoolName, usize>, String> {
    names(change)?;
    let mut unproven = BTreeMap::new();
    for pool in POOLS {
        let pool = known(pool);
        let count = PoolChange::new(change, &pool).judge()?;
        if count > 0 {
            unproven.insert(pool, count);
        }
    }
    Ok(unproven)
}

/// Records may only come into being at the pools' names and their owner texts, with one TTL a set.
fn names(change: Change<'_>) -> Result<(), String> {
    let names: Vec<_> =
        POOLS.iter().flat_map(|pool| [pool_record(&known(pool)), owner_record(&known(pool))]).collect();
    for record in change.after.iter().filter(|record| !change.before.contains(record)) {
        if !names.contains(&record.name) {
            return Err(format!("[{record}] was created at a name of no pool"));
        }
    }
    for name in names {
        let of_set = change.after.iter().filter(|it| it.name == name && it.r#type == RecordType::A);
        let ttls: BTreeSet<u32> = of_set.filter_map(|record| record.ttl_secs).collect();
        if ttls.len() > 1 {
            return Err(format!("the set at {name} has the TTLs {ttls:?}"));
        }
    }
    Ok(())
}

struct PoolChange<'a> {
    change: Change<'a>,
    pool: &'a PoolName,
    before: Published,
    after: Published,
    looks: Vec<&'a Look>,
}

impl<'a> PoolChange<'a> {
    fn new(change: Change<'a>, pool: &'a PoolName) -> Self {
        let fresh = |look: &&Look| change.at.duration_since(look.at) <= OLDEST_PLAN;
        Self {
            change,
            pool,
            before: Published::read(pool, change.before),
            after: Published::read(pool, change.after),
            looks: change.looks.iter().filter(fresh).collect(),
        }
    }

    /// The looks at which the pool's document allowed anything at all.
    fn active(&self) -> impl Iterator<Item = (&Look, &Document)> {
        self.looks.iter().filter_map(|look| {
            let document = look.seen.documents.get(self.pool)?;
            let allows = document.is_usable() && document.state != PoolState::Paused;
            allows.then_some((*look, document))
        })
    }

    fn judge(&self) -> Result<usize, String> {
        if self.before.owned == self.after.owned {
            return Ok(0);
        }
        if self.active().next().is_none() {
            return Err(
                self.blame("records changed", "its document is paused or broken, or the plan too old")
            );
        }
        let mut unproven = 0;
        for (id, old) in &self.before.entries {
            if !self.after.entries.contains_key(id) {
                unproven += usize::from(self.removal(id, old)? == Right::Unproven);
            }
        }
        for (id, new) in &self.after.entries {
            self.publication(id, self.before.entries.get(id), new)?;
        }
        self.fallback()?;
        self.last_one(unproven)?;
        Ok(unproven)
    }

    fn blame(&self, what: &str, why: &str) -> String {
        format!(
            "pool {}: {what}: {why}\n  {:?}\n  → {:?}",
            self.pool, self.before.entries, self.after.entries
        )
    }

    fn sights(&self, id: &str) -> Vec<Sight> {
        self.looks.iter().map(|look| look.seen.sight(id, self.pool, look.at)).collect()
    }

    fn removal(&self, id: &str, old: &Entry) -> Result<Right, String> {
        let rights = self.active().map(|(look, document)| self.right(look, document, id, old));
        match rights.max().unwrap_or(Right::None) {
            Right::None => {
                let why = format!("what was seen of it does not allow that: {:?}", self.sights(id));
                Err(self.blame(&format!("{id} was removed"), &why))
            }
            right => Ok(right),
        }
    }

    /// The design's table, row by row.
    fn right(&self, look: &Look, document: &Document, id: &str, old: &Entry) -> Right {
        if document.state == PoolState::Retired {
            return Right::Proven;
        }
        match look.seen.sight(id, self.pool, look.at) {
            Sight::Ended(_) | Sight::Bare(true) => Right::Proven,
            Sight::Serving(address, _) if old.address != Some(address) && self.is_shared(look) => {
                Right::Proven
            }
            Sight::Deselected => Right::Unproven,
            Sight::Unheard if self.anyone_is_known(look) => Right::Unproven,
            Sight::Serving(..) | Sight::Unheard | Sight::Starting | Sight::Bare(false) | Sight::Dark => {
                Right::None
            }
        }
    }

    fn anyone_is_known(&self, look: &Look) -> bool {
        let owned = Published::read(self.pool, &look.records).entries;
        look.seen.knows_any(self.pool, owned.into_keys())
    }

    /// Somebody else's record at the name may forbid to publish the new address of a moved instance.
    fn is_shared(&self, look: &Look) -> bool {
        let name = pool_record(self.pool);
        look.records.iter().any(|record| record.name == name && is_foreign(record, &look.records))
    }

    fn publication(&self, id: &str, old: Option<&Entry>, new: &Entry) -> Result<(), String> {
        let blame = |what: &str| {
            let why = format!("what was seen of it does not allow that: {:?}", self.sights(id));
            Err(self.blame(&format!("{id} {what}"), &why))
        };
        let same_address = old.is_some_and(|old| old.address == new.address);
        let serves =
            |sight: Sight| matches!(sight, Sight::Serving(address, _) if new.address == Some(address));
        if !same_address && !self.active().any(|(look, _)| serves(look.seen.sight(id, self.pool, look.at))) {
            return blame(if old.is_some() { "was moved" } else { "was added" });
        }
        let retired = |document: &Document| document.state == PoolState::Retired;
        if old.is_none() && self.active().all(|(_, document)| retired(document)) {
            return blame("was added to a retired pool");
        }
        let old_weight = old.and_then(|old| old.weight);
        let asked = new.weight.is_none()
            || new.weight == old_weight
            || self.active().any(|(look, document)| {
                let weight = match look.seen.sight(id, self.pool, look.at) {
                    Sight::Serving(_, Some(weight)) => weight,
                    _ => old_weight.unwrap_or(document.default_weight),
                };
                new.weight == Some(weight)
            });
        if asked { Ok(()) } else { blame("was given a weight that nobody asked for") }
    }

    fn fallback(&self) -> Result<(), String> {
        let wanted = |document: &Document| {
            document.when_empty == WhenEmpty::Fallback && document.state == PoolState::Active
        };
        let lost = self.before.fallback.is_some() && self.after.fallback.is_none();
        if lost && self.active().all(|(_, document)| wanted(document)) {
            return Err(self.blame("the fallback was removed", "its document asks for one"));
        }
        Ok(())
    }

    /// Without proof the last record never goes, and with `keep-last` not even by proof. Two writers
    /// that do not know of each other can each leave the other's record as the last one.
    fn last_one(&self, unproven: usize) -> Result<(), String> {
        let emptied = !self.before.entries.is_empty() && self.after.entries.is_empty();
        if !self.change.undisturbed || !emptied {
            return Ok(());
        }
        if unproven > 0 {
            return Err(self.blame("the last record was removed", "nothing proves that it is dead"));
        }
        let keeps = |document: &Document| {
            document.when_empty == WhenEmpty::KeepLast && document.state == PoolState::Active
        };
        // Where somebody else's record answers, the last one may go a batch before the next one comes.
        let silent = !answers(&pool_record(self.pool), self.change.after);
        if silent && self.active().all(|(_, document)| keeps(document)) {
            return Err(self.blame("the last record was removed", "its document keeps the last"));
        }
        Ok(())
    }
}

/// Says whether a record is neither a pool's own nor the zone's.
#[must_use]
pub fn is_foreign(record: &RecordSet, records: &[RecordSet]) -> bool {
    let of_zone = matches!(record.r#type, RecordType::Soa | RecordType::Ns);
    let marked = |pool: &&str| Published::read(&known(pool), records).owned.contains(record);
    !of_zone && !POOLS.iter().any(marked)
}

/// Says how many removals without proof a pool may see within its window, from a look on.
#[must_use]
pub fn allowed(look: &Look, pool: &PoolName, already_spent: usize) -> usize {
    let entries = Published::read(pool, &look.records).entries.len();
    let count = look.seen.documents.get(pool).map_or(0, |document| document.removals as usize);
    count.max((entries + already_spent) * 30 / 100)
}

/// The deployment that the edges are of.
#[must_use]
pub fn deployment() -> &'static str {
    DEPLOYMENT
}
