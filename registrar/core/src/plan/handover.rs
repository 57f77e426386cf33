//! Names that change hands: what a retired pool leaves, and what its successor at the same name writes.
//!
//! 1. What is proven dead goes first and by itself, as everywhere.
//! 2. The rest of what leaves goes in one request with what comes, so that at no moment the name is without an answer or
//!    the set has two TTLs. Of a large successor only as much is in that request as it holds; the rest follows.
//! 3. Where the successor cannot come yet, or not in one request with at least as many records as leave, both stay as
//!    they are. Unknown is not absent: a read that failed never empties a name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::batch::{self, MOST_VALUES, Unit, Urgency};
use crate::guard::Hold;
use crate::ids::PoolName;
use crate::pool::{Pool, PoolState};
use crate::record_set::{ChangeAction, RecordType};
use crate::site::Place;

/// The pools that are to have a name, and why one of them cannot take it over yet, if it cannot.
#[derive(Debug, Default)]
struct Claim {
    pools: BTreeSet<PoolName>,
    waits: Option<Hold>,
}

/// Who leaves which names, and who is to have them.
#[derive(Debug)]
pub(super) struct Handovers {
    leaving: BTreeSet<PoolName>,
    /// Where nothing is answered any more once the proven dead of those that leave are gone.
    silent: BTreeSet<Place>,
    claims: BTreeMap<Place, Claim>,
}

/// A name that does not change hands now.
#[derive(Debug)]
pub(super) struct Stopped {
    pub(super) place: Place,
    /// Who has it, and who is to have it.
    pub(super) pools: BTreeSet<PoolName>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// The successor cannot come yet.
    Waits(Hold),
    /// One request would have so many values.
    TooLarge(usize),
}

impl Stopped {
    /// Returns how what is left as it is is told: as held back where that ends by itself, as an error otherwise.
    pub(super) fn told(&self) -> Result<Hold, String> {
        match &self.why {
            Why::Waits(hold) => Ok(Hold { detail: format!("{self}: {}", hold.detail), ..hold.clone() }),
            Why::TooLarge(_) => Err(self.to_string()),
        }
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pools: Vec<&str> = self.pools.iter().map(PoolName::as_str).collect();
        let (name, pools) = (&self.place.name, pools.join(" and "));
        match self.why {
            Why::Waits(_) => {
                write!(f, "the name {name} changes hands between {pools} at once, which has to wait")
            }
            Why::TooLarge(values) => write!(
                f,
                "the name {name} cannot change hands between {pools} without a moment in which too few records answer: one \
                 request would have {values} values, and Route 53 takes {MOST_VALUES}; but for what is proven dead both are \
                 left as they are there (hint: give the pool that comes a name of its own; or take its document away, and \
                 set the one that leaves back to \"active\")"
            ),
        }
    }
}

impl Handovers {
    /// Reads from the documents who is to have which name.
    pub(super) fn of(leaving: BTreeSet<PoolName>, pools: &[Pool]) -> Self {
        let mut claims: BTreeMap<Place, Claim> = BTreeMap::new();
        for pool in pools {
            if let Some(place) = claimed(pool) {
                claims.entry(place).or_default().pools.insert(pool.name.clone());
            }
        }
        Self { leaving, silent: BTreeSet::new(), claims }
    }

    /// Takes note that a pool cannot take over the name that its document claims.
    pub(super) fn wait(&mut self, pool: &PoolName, hold: &Hold) {
        for claim in self.claims.values_mut().filter(|claim| claim.pools.contains(pool)) {
            claim.waits.get_or_insert_with(|| hold.clone());
        }
    }

    /// Takes note of places where nothing of what leaves is answered once its proven dead are gone.
    pub(super) fn falls_silent(&mut self, places: impl IntoIterator<Item = Place>) {
        self.silent.extend(places);
    }

    /// Joins what has to happen together where names change hands.
    pub(super) fn join(&self, units: Vec<Unit>) -> (Vec<Unit>, Vec<Stopped>) {
        let mut by_place: BTreeMap<Place, Vec<Unit>> = BTreeMap::new();
        for unit in units {
            let place = Place { hosted_zone_id: unit.hosted_zone_id.clone(), name: unit.name.clone() };
            by_place.entry(place).or_default().push(unit);
        }
        let (mut joined, mut stopped) = (Vec::new(), Vec::new());
        for (place, units) in by_place {
            let leaves = units.iter().any(|unit| self.leaving.contains(&unit.pool));
            match self.claims.get(&place).filter(|_| leaves) {
                None => joined.extend(units),
                Some(claim) => {
                    let (goes, why) = hand_over(units, &self.leaving, self.silent.contains(&place), claim);
                    stopped.extend(why.map(|(pools, why)| Stopped { place, pools, why }));
                    joined.extend(goes);
                }
            }
        }
        (joined, stopped)
    }
}

fn claimed(pool: &Pool) -> Option<Place> {
    let policy = pool.policy.as_ref().ok().filter(|policy| policy.state != PoolState::Retired)?;
    Some(Place { hosted_zone_id: policy.hosted_zone_id.clone(), name: policy.name.clone() })
}

type HandedOver = (Vec<Unit>, Option<(BTreeSet<PoolName>, Why)>);

fn hand_over(
    units: Vec<Unit>,
    leaving: &BTreeSet<PoolName>,
    dead_are_last: bool,
    claim: &Claim,
) -> HandedOver {
    let (mut goes, rest): (Vec<Unit>, Vec<Unit>) =
        units.into_iter().partition(|unit| unit.urgency <= Urgency::Drain);
    let (mut leaves, mut comes): (Vec<Unit>, Vec<Unit>) =
        rest.into_iter().partition(|unit| leaving.contains(&unit.pool));
    let pools = || leaves.iter().map(|unit| unit.pool.clone()).chain(claim.pools.clone()).collect();
    if let Some(hold) = claim.waits.as_ref().filter(|_| !leaves.is_empty()) {
        return (goes, Some((pools(), Why::Waits(hold.clone()))));
    }
    let (living, pools) = (records(&leaves, ChangeAction::Delete), pools());
    if dead_are_last
        && !comes.is_empty()
        && let Some(last) = goes.iter().rposition(|unit| leaving.contains(&unit.pool))
    {
        leaves.insert(0, goes.remove(last));
    }
    if leaves.is_empty() || comes.is_empty() {
        goes.extend(leaves.into_iter().chain(comes));
        return (goes, None);
    }
    comes.sort_by_key(|unit| unit.urgency);
    match one_request(&leaves, &comes, living) {
        Ok((unit, count)) => {
            goes.push(unit);
            goes.extend(comes.split_off(count));
            (goes, None)
        }
        Err(values) => (goes, Some((pools, Why::TooLarge(values)))),
    }
}

/// Returns what one request does, and how many of the units that come are in it; or how many values it would have.
fn one_request(leaves: &[Unit], comes: &[Unit], living: usize) -> Result<(Unit, usize), usize> {
    let whole = together(leaves, comes);
    if whole.fits() {
        return Ok((whole, comes.len()));
    }
    let part = |count: &usize| (together(leaves, &comes[..*count]), *count);
    let most = (1..comes.len()).map(|count| part(&count)).take_while(|(unit, _)| unit.fits()).last();
    let enough =
        |(unit, _): &(Unit, usize)| records(std::slice::from_ref(unit), ChangeAction::Create) >= living;
    most.filter(enough).ok_or_else(|| whole.values())
}

fn together(leaves: &[Unit], comes: &[Unit]) -> Unit {
    let all = || leaves.iter().chain(comes);
    Unit {
        urgency: Urgency::Swap,
        budgeted: all().map(|unit| unit.budgeted).sum(),
        dead: all().map(|unit| unit.dead).sum(),
        // Units of a tree build on each other: what they come to is written once.
        changes: batch::net(all()).map(|(_, change)| change.clone()).collect(),
        ..comes[0].clone()
    }
}

/// Counts the addresses that units delete or create.
fn records(units: &[Unit], action: ChangeAction) -> usize {
    let changes = units.iter().flat_map(|unit| &unit.changes).filter(|change| change.action == action);
    changes
        .filter(|change| change.record.r#type == RecordType::A)
        .map(|change| change.record.resource_records.len())
        .sum()
}
