//! The room that a hosted zone has for record sets: additions that do not fit into it are held back.
//!
//! It counts what pools ask for, in the order in which they are planned, and knows neither trees nor batches.

use std::collections::BTreeMap;

use super::limits::is_addition;
use super::{Evidence, Guard, Hold, HoldReason, PoolDecisions, Verdict};
use crate::ids::HostedZoneId;
use crate::inventory::HostedZone;
use crate::plan::most_in;
use crate::pool::Routing;

/// How many records a leaf of a tree has at least, on average: each is led to by an alias, which takes room too.
const IN_A_LEAF: u64 = 50;

/// The room that is left in each hosted zone whose record sets were counted, and whose quota is known.
#[derive(Debug, Default)]
pub(crate) struct ZoneRoom {
    left: BTreeMap<HostedZoneId, u64>,
}

impl ZoneRoom {
    /// Takes the room that hosted zones have before anything is planned.
    pub(crate) fn of(zones: &BTreeMap<HostedZoneId, HostedZone>) -> Self {
        let left = |(id, zone): (&HostedZoneId, &HostedZone)| {
            let count = zone.record_count?;
            Some((id.clone(), most_in(count)? - count))
        };
        Self { left: zones.iter().filter_map(left).collect() }
    }

    fn of_zone(&self, zone: &HostedZoneId) -> Option<u64> {
        self.left.get(zone).copied()
    }

    /// Takes in what a pool adds, beyond what it removes by proof, and what is handed over to it.
    pub(crate) fn take(&mut self, zone: &HostedZoneId, decided: &PoolDecisions, handed_over: u64) {
        let additions = decided.decisions.iter().filter(|decision| is_addition(decision)).count() as u64;
        if let Some(left) = self.left.get_mut(zone) {
            let freed = freed(decided).saturating_add(handed_over);
            *left = left.saturating_sub(with_aliases(additions).saturating_sub(freed));
        }
    }
}

impl Guard<'_> {
    /// Holds back the additions that the hosted zone has no room for. Removals by proof go first, and make room.
    ///
    /// A simple pool has two record sets, however many its members are.
    pub(super) fn limit_to_hosted_zone(&self, decided: &mut PoolDecisions) {
        if self.desired.policy.routing == Routing::Simple {
            return;
        }
        let Some(room) = self.zone_room.of_zone(&self.desired.policy.hosted_zone_id) else { return };
        let room = room.saturating_add(freed(decided)).saturating_add(self.handed_over);
        let additions = decided.decisions.iter_mut().filter(|decision| is_addition(decision));
        for (_, decision) in (1..).zip(additions).filter(|(count, _)| with_aliases(*count) > room) {
            decision.verdict = Verdict::Hold(self.zone_is_full());
        }
    }

    fn zone_is_full(&self) -> Hold {
        Hold::new(
            HoldReason::Capacity,
            format!("hosted zone {} has no room for more record sets", self.desired.policy.hosted_zone_id),
            "remove records there that nobody needs, or give the pool a hosted zone of its own; a raised quota is not \
             known before the hosted zone has more than 10,000",
        )
    }
}

fn with_aliases(additions: u64) -> u64 {
    let aliases = if additions > IN_A_LEAF { additions.div_ceil(IN_A_LEAF) } else { 0 };
    additions.saturating_add(aliases)
}

fn freed(decided: &PoolDecisions) -> u64 {
    let dead = |decision: &&super::Decision| matches!(decision.verdict, Verdict::Go(Evidence::Dead(_)));
    decided.decisions.iter().filter(dead).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fifty_records_may_need_an_alias_once_there_is_more_than_a_leaf_of_them() {
        let counted = [0, 1, 50, 51, 100, 101].map(|additions| (additions, with_aliases(additions)));
        assert_eq!(counted, [(0, 0), (1, 1), (50, 50), (51, 53), (100, 102), (101, 104)]);
    }
}
