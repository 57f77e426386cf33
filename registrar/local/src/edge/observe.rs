//! One look at the world: the fleet as it was read last, and the hosted zone listed page by page.
//!
//! A page that fails is an error, a listing that does not advance or ends early is a gap.

use std::collections::BTreeMap;

use registrar_core::Timestamp;
use registrar_core::inventory::{Gap, GapSource, HostedZone, Inventory};

use super::faults::use_up;
use super::{Edge, lock};
use crate::route53::{Cursor, Route53Error};

/// Record sets on one page (Route 53 API reference, `ListResourceRecordSets`).
const PAGE: usize = 300;

impl Edge {
    /// Looks at everything.
    ///
    /// # Errors
    /// When the hosted zone cannot be listed.
    pub fn observe(&mut self, now: Timestamp) -> Result<Inventory, Route53Error> {
        let zone = self.list_hosted_zone(now)?;
        Ok(Inventory {
            observed_at: now,
            fleet: self.fleet.clone(),
            groups: self.groups.clone(),
            hosted_zones: BTreeMap::from([(self.hosted_zone.clone(), zone)]),
            memory: self.memory.clone(),
        })
    }

    fn list_hosted_zone(&mut self, now: Timestamp) -> Result<HostedZone, Route53Error> {
        if use_up(&mut self.faults.route53.fail_listing) {
            return Err(Route53Error::Throttling);
        }
        let mut records = Vec::new();
        let mut cursor: Option<Cursor> = None;
        let mut gap = None;
        loop {
            let page = lock(&self.model).list_record_sets(&self.hosted_zone, cursor.as_ref(), PAGE, now)?;
            records.extend(page.records);
            match page.next {
                None => break,
                Some(next) if cursor.as_ref() == Some(&next) => {
                    gap = Some(Gap::new(GapSource::HostedZone, "the listing does not advance"));
                    break;
                }
                Some(next) => cursor = Some(next),
            }
        }
        if use_up(&mut self.faults.route53.truncate_listing) {
            records.truncate(records.len() / 2);
            gap = Some(Gap::new(GapSource::HostedZone, "a page in the middle did not come"));
        }
        Ok(HostedZone::from_whole(records, gap))
    }
}
