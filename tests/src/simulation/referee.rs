//! The referee: holds one change of the hosted zone against what the edge had seen when it decided.
//!
//! It reads the zone before and after, and the design's table of evidence; how the registrar came to the
//! change does not interest it. A change is right when one of the looks that may have led to it (those
//! of its run, at most ten seconds old) justifies each part of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use registrar_core::ids::PoolName;
use registrar_core::pool::{PoolState, WhenEmpty};
use registrar_core::record_set::RecordType;
use registrar_core::{SignedDuration, Timestamp};

use super::document::Document;
use super::seen::{Seen, Sight};
use super::shares;
use super::zone::{DEPLOYMENT, Entry, Names, Published, Snapshot};

/// How old a plan may be when it is submitted (design, "Which instance serves").
const OLDEST_PLAN: SignedDuration = SignedDuration::from_secs(10);

/// What a run knew at a moment when it may have looked.
#[derive(Clone, Debug)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// What its edge had been shown.
    pub seen: Arc<Seen>,
    /// What stood in the hosted zone.
    pub zone: Arc<Snapshot>,
}

/// One change of the hosted zone by an edge.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// What stood there.
    pub before: &'a Snapshot,
    /// What stands there now.
    pub after: &'a Snapshot,
    /// When it was submitted.
    pub at: Timestamp,
    /// The moments at which the run may have looked.
    pub looks: &'a [Look],
    /// Whether nothing else happened since the run began.
    pub undisturbed: bool,
    /// Whether every listing of the run came to its end: a tree that was half seen keeps its aliases.
    pub listed: bool,
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

/// Judges a change, and returns the instances whose removals count against each pool's budget.
///
/// # Errors
/// When a part of it is not justified, with what and why.
pub fn judge(change: Change<'_>) -> Result<BTreeMap<PoolName, Vec<String>>, String> {
    let mut unproven = BTreeMap::new();
    for names in change.after.names.iter() {
        let removed = PoolChange::new(change, names).judge()?;
        if !removed.is_empty() {
            unproven.insert(names.pool.clone(), removed);
        }
    }
    Ok(unproven)
}

struct PoolChange<'a> {
    change: Change<'a>,
    names: &'a Names,
    pool: &'a PoolName,
    before: &'a Published,
    after: &'a Published,
    looks: Vec<&'a Look>,
}

impl<'a> PoolChange<'a> {
    fn new(change: Change<'a>, names: &'a Names) -> Self {
        let fresh = |look: &&Look| change.at.duration_since(look.at) <= OLDEST_PLAN;
        Self {
            change,
            names,
            pool: &names.pool,
            before: change.before.published(&names.pool),
            after: change.after.published(&names.pool),
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

    fn judge(&self) -> Result<Vec<String>, String> {
        if self.before.owned == self.after.owned {
            return Ok(Vec::new());
        }
        if self.active().next().is_none() {
            return Err(
                self.blame("records changed", "its document is paused or broken, or the plan too old")
            );
        }
        self.places()?;
        let mut unproven = Vec::new();
        for (id, old) in &self.before.entries {
            if !self.after.entries.contains_key(id) && self.removal(id, old)? == Right::Unproven {
                unproven.push(id.clone());
            }
        }
        for (id, new) in &self.after.entries {
            // Whoever makes an alias again brings nobody new.
            let old = self.before.entries.get(id).or(self.before.hidden.get(id));
            self.publication(id, old, new)?;
        }
        self.fallback()?;
        self.last_one(unproven.len())?;
        Ok(unproven)
    }

    /// Records stand at the pool's own names only, with one TTL a set, each once, and each is led to; while nobody
    /// disturbs, each has its share.
    fn places(&self) -> Result<(), String> {
        let mut ttls: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for record in &self.after.owned {
            let is_own = record.name == self.names.name
                || record.name == self.names.texts
                || self.names.leaf(&record.name).is_some();
            if !is_own {
                return Err(format!("[{record}] was created at a name of no pool"));
            }
            if record.r#type == RecordType::A {
                ttls.entry(record.name.as_str()).or_default().extend(record.ttl_secs);
            }
        }
        if let Some((name, ttls)) = ttls.iter().find(|(_, ttls)| ttls.len() > 1) {
            return Err(format!("the set at {name} has the TTLs {ttls:?}"));
        }
        // Nothing is answered any more where everything goes, whatever goes first.
        let retires = self.after.entries.is_empty() && self.after.fallback.is_none();
        let is_new = |wrong: &&String| !retires && !self.before.wrong.contains(wrong);
        if let Some(wrong) = self.after.wrong.iter().find(is_new) {
            return Err(self.blame("it made something that must not be", wrong));
        }
        let twice = self.after.twice.iter().find(|twice| !self.before.twice.contains(twice));
        if let Some(twice) = twice.filter(|_| self.change.undisturbed) {
            return Err(self.blame("it made something that must not be", twice));
        }
        // Two registrars may make a set and a tree at once; until one of them has seen both, shares are not right.
        let was_right = self.before.twice.is_empty() && shares::check(self.before, false).is_ok();
        if self.change.undisturbed && self.change.listed && self.after.is_tree() && was_right {
            shares::check(self.after, false).map_err(|what| self.blame("shares are wrong", &what))?;
        }
        Ok(())
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
        look.seen.knows_any(self.pool, look.zone.published(self.pool).entries.keys())
    }

    /// Somebody else's record at the name may forbid to publish the new address of a moved instance.
    fn is_shared(&self, look: &Look) -> bool {
        look.zone.foreign_at(&self.names.name).next().is_some()
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
                    _ => old_weight
                        .filter(|weight| *weight >= document.smallest_weight())
                        .unwrap_or(document.default_weight),
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
        let silent = !self.change.after.answers(&self.names.name);
        if silent && self.active().all(|(_, document)| keeps(document)) {
            return Err(self.blame("the last record was removed", "its document keeps the last"));
        }
        Ok(())
    }
}

/// Says how many removals without proof a pool may see within its window, from a look on.
#[must_use]
pub fn allowed(look: &Look, pool: &PoolName, already_spent: usize) -> usize {
    // What nothing leads to since somebody deleted an alias is a record all the same.
    let published = look.zone.published(pool);
    let entries = published.entries.len() + published.hidden.len();
    let count = look.seen.documents.get(pool).map_or(0, |document| document.removals as usize);
    count.max((entries + already_spent) * 30 / 100)
}

/// The deployment that the edges are of.
#[must_use]
pub fn deployment() -> &'static str {
    DEPLOYMENT
}
