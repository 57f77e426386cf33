//! The record sets of a hosted zone that were read.
//!
//! It answers what stands where, not what should.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Gap;
use crate::leaf::{Leaf, MOST_LEAVES};
use crate::name::RecordName;
use crate::record_set::{RecordKey, RecordSet, RecordType, SetKey};

/// A hosted zone as it was listed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostedZone {
    /// The zone's own name, where its start of authority was seen.
    pub origin: Option<RecordName>,
    /// The record sets in Route 53's listing order.
    pub records: BTreeMap<RecordKey, Arc<RecordSet>>,
    /// Why record sets may exist that are not among them.
    pub gap: Option<Gap>,
    /// How many record sets it has, where that is known: it was listed to its end, or Route 53 was asked.
    pub record_count: Option<u64>,
    /// Whether Route 53 was asked for it and does not know it.
    pub is_unknown: bool,
}

impl HostedZone {
    /// Collects a listing.
    #[must_use]
    pub fn from_records(records: impl IntoIterator<Item = RecordSet>, gap: Option<Gap>) -> Self {
        // The record sets of a name come one after the other, and share it.
        let mut last: Option<RecordName> = None;
        let share = |mut record: RecordSet| {
            match last.as_ref().filter(|last| **last == record.name) {
                Some(last) => record.name = last.clone(),
                None => last = Some(record.name.clone()),
            }
            (record.key(), Arc::new(record))
        };
        let records: BTreeMap<RecordKey, Arc<RecordSet>> = records.into_iter().map(share).collect();
        let origin = records.keys().find(|key| key.set.r#type == RecordType::Soa);
        let origin = origin.map(|key| key.set.name.clone());
        Self { origin, records, gap, record_count: None, is_unknown: false }
    }

    /// Collects a listing of the whole hosted zone, which counts it where it came to its end.
    #[must_use]
    pub fn from_whole(records: impl IntoIterator<Item = RecordSet>, gap: Option<Gap>) -> Self {
        let mut zone = Self::from_records(records, gap);
        zone.record_count = zone.gap.is_none().then_some(zone.records.len() as u64);
        zone
    }

    /// Returns the record sets of one name and type, in the order of their set identifiers.
    pub fn set(&self, key: &SetKey) -> impl Iterator<Item = &Arc<RecordSet>> {
        let first = RecordKey { set: key.clone(), set_identifier: None };
        self.records.range(first..).take_while(move |(found, _)| found.set == *key).map(|(_, record)| record)
    }

    /// Returns the record sets of one name, of every type.
    pub fn at_name(&self, name: &RecordName) -> impl Iterator<Item = &Arc<RecordSet>> {
        let first =
            RecordKey { set: SetKey { name: name.clone(), r#type: RecordType::A }, set_identifier: None };
        self.records
            .range(first..)
            .take_while(move |(found, _)| found.set.name == *name)
            .map(|(_, record)| record)
    }

    /// Returns the record sets at the leaves of a name, of every type.
    pub fn at_leaves<'z>(&'z self, name: &RecordName) -> impl Iterator<Item = (Leaf, &'z Arc<RecordSet>)> {
        let end = |number| Leaf::new(number).and_then(|leaf| leaf.name(name).ok());
        // In the listing's order, the leaves of a name stand together.
        let between = end(0).zip(end(MOST_LEAVES - 1));
        let parent = name.clone();
        between.into_iter().flat_map(move |(first, last)| {
            let (key, parent) = (SetKey { name: first, r#type: RecordType::A }, parent.clone());
            let found = self.records.range(RecordKey { set: key, set_identifier: None }..);
            let found = found.take_while(move |(key, _)| key.set.name <= last);
            found.filter_map(move |(key, record)| {
                let (leaf, above) = Leaf::of(&key.set.name)?;
                (above == parent).then_some((leaf, record))
            })
        })
    }
}
