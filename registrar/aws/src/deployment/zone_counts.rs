//! How many record sets hosted zones have, remembered between invocations, so that few calls are spent on it.
//!
//! It asks nobody and judges nothing.

use std::collections::BTreeMap;

use registrar_core::execute::Outcome;
use registrar_core::ids::HostedZoneId;
use registrar_core::inventory::HostedZone;
use registrar_core::record_set::ChangeAction;
use registrar_core::{SignedDuration, Timestamp};

/// How old a number may be. Others may fill a hosted zone as well, and Route 53 refuses what does not fit.
const OLDEST: SignedDuration = SignedDuration::from_mins(15);

/// The record sets of each hosted zone, and when Route 53 was asked.
#[derive(Debug, Default)]
pub(super) struct ZoneCounts {
    counted: BTreeMap<HostedZoneId, (Timestamp, u64)>,
}

impl ZoneCounts {
    /// Says whether Route 53 has to be asked again.
    pub(super) fn is_due(&self, id: &HostedZoneId, now: Timestamp) -> bool {
        self.known(id, now).is_none()
    }

    /// Remembers what a look counted, and tells it what it did not ask for.
    pub(super) fn fill(&mut self, zones: &mut BTreeMap<HostedZoneId, HostedZone>, now: Timestamp) {
        for (id, zone) in zones {
            match zone.record_count {
                Some(count) => drop(self.counted.insert(id.clone(), (now, count))),
                None => zone.record_count = self.known(id, now),
            }
        }
    }

    /// Takes in what a run changed.
    pub(super) fn apply(&mut self, outcome: &Outcome) {
        for applied in &outcome.applied {
            let Some((_, count)) = self.counted.get_mut(&applied.batch.hosted_zone_id) else { continue };
            for change in applied.batch.changes() {
                *count = match change.action {
                    ChangeAction::Create => count.saturating_add(1),
                    ChangeAction::Delete => count.saturating_sub(1),
                };
            }
        }
    }

    fn known(&self, id: &HostedZoneId, now: Timestamp) -> Option<u64> {
        let (at, count) = self.counted.get(id)?;
        (now.duration_since(*at) <= OLDEST).then_some(*count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_told_to_later_looks_until_it_is_old() {
        let id: HostedZoneId = "Z1".parse().unwrap();
        let mut counts = ZoneCounts::default();
        let start = Timestamp::UNIX_EPOCH;
        assert!(counts.is_due(&id, start));
        let counted = HostedZone { record_count: Some(7), ..HostedZone::default() };
        counts.fill(&mut BTreeMap::from([(id.clone(), counted)]), start);
        assert!(!counts.is_due(&id, start + OLDEST));
        let mut zones = BTreeMap::from([(id.clone(), HostedZone::default())]);
        counts.fill(&mut zones, start + OLDEST);
        assert_eq!(zones[&id].record_count, Some(7));
        assert!(counts.is_due(&id, start + OLDEST + SignedDuration::from_secs(1)));
    }
}
