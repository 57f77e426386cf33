//! A hosted zone that applies change batches as strictly as Route 53 documents it.
//!
//! A batch is atomic; DELETE needs the very record set, CREATE its absence; after the batch no set may
//! mix routing, have two TTLs or more than 100 record sets, and a CNAME stands alone. It keeps no
//! history and never throttles.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use registrar_core::plan::Batch;
use registrar_core::record_set::{ChangeAction, RecordKey, RecordSet, RecordType, RoutingKind, SetKey};

/// The record sets of one hosted zone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StrictZone {
    records: BTreeMap<RecordKey, RecordSet>,
}

impl StrictZone {
    pub(crate) fn new(records: impl IntoIterator<Item = RecordSet>) -> Self {
        Self { records: records.into_iter().map(|record| (record.key(), record)).collect() }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values()
    }

    pub(crate) fn get(&self, key: &RecordKey) -> Option<&RecordSet> {
        self.records.get(key)
    }

    /// Applies a batch, or changes nothing.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<()> {
        let mut next = self.clone();
        let mut touched = BTreeSet::new();
        for change in batch.changes() {
            let record = &change.record;
            let there = next.records.get(&record.key());
            match change.action {
                ChangeAction::Delete if there == Some(record) => {
                    next.records.remove(&record.key());
                }
                ChangeAction::Delete => bail!("DELETE of {record}: there is {there:?}"),
                ChangeAction::Create if there.is_none() => {
                    next.records.insert(record.key(), record.clone());
                }
                ChangeAction::Create => bail!("CREATE of {record}: it is there"),
            }
            touched.insert(record.set_key());
        }
        for set in &touched {
            next.obeys_the_rules(set)?;
        }
        *self = next;
        Ok(())
    }

    fn set(&self, set: &SetKey) -> Vec<&RecordSet> {
        self.records.values().filter(|record| record.set_key() == *set).collect()
    }

    fn obeys_the_rules(&self, key: &SetKey) -> Result<()> {
        let set = self.set(key);
        ensure!(set.len() <= 100, "{key} has {} record sets", set.len());
        let ttls: BTreeSet<u32> = set.iter().filter_map(|record| record.ttl_secs).collect();
        ensure!(ttls.len() <= 1, "{key} has the TTLs {ttls:?}");
        let simple = set.iter().filter(|record| record.routing() == RoutingKind::Simple).count();
        ensure!(simple == 0 || set.len() == 1, "{key} mixes simple routing with another");
        let weighted = set.iter().filter(|record| record.routing() == RoutingKind::Weighted).count();
        ensure!(weighted == 0 || weighted == set.len(), "{key} mixes weighted routing with another");
        let types: BTreeSet<&RecordType> =
            self.records.keys().filter(|at| at.set.name == key.name).map(|at| &at.set.r#type).collect();
        ensure!(
            !types.contains(&RecordType::Cname) || types.len() == 1,
            "{} has a CNAME beside {types:?}",
            key.name
        );
        Ok(())
    }
}
