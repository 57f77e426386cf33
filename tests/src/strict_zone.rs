//! A hosted zone that takes change batches as Route 53 does: the strict model, without its limits on speed.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use registrar_core::ids::HostedZoneId;
use registrar_core::plan::Batch;
use registrar_core::record_set::{RecordKey, RecordSet, RecordType};
use registrar_local::route53::{ModelChange, Route53Model, Settings};

/// The record sets of one hosted zone.
#[derive(Clone, Debug)]
pub(crate) struct StrictZone {
    id: HostedZoneId,
    model: Route53Model,
    records: BTreeMap<RecordKey, RecordSet>,
}

impl StrictZone {
    pub(crate) fn new(records: impl IntoIterator<Item = RecordSet>) -> Result<Self> {
        let records: Vec<RecordSet> = records.into_iter().collect();
        let apex = records.iter().find(|record| record.r#type == RecordType::Soa);
        let origin = apex.context("the hosted zone has no start of authority")?.name.clone();
        let id: HostedZoneId = "ZSTRICT".parse()?;
        let settings =
            Settings { throttling: false, change_in_progress: SignedDuration::ZERO, ..Settings::default() };
        let mut model = Route53Model::new(settings);
        model.create_hosted_zone(id.clone(), origin, records)?;
        let mut zone = Self { id, model, records: BTreeMap::new() };
        zone.read()?;
        Ok(zone)
    }

    fn read(&mut self) -> Result<()> {
        let records = self.model.records(&self.id)?;
        self.records = records.into_iter().map(|record| (record.key(), record)).collect();
        Ok(())
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values()
    }

    pub(crate) fn get(&self, key: &RecordKey) -> Option<&RecordSet> {
        self.records.get(key)
    }

    /// Applies a batch, or changes nothing.
    pub(crate) fn apply(&mut self, batch: &Batch) -> Result<()> {
        let changes: Vec<ModelChange> =
            batch.changes().map(|change| (change.action, RecordSet::clone(&change.record)).into()).collect();
        self.model.change_record_sets(&self.id, &changes, Timestamp::UNIX_EPOCH)?;
        self.read()
    }
}
