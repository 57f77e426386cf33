//! What every plan keeps, whatever its story: checked by code that shares nothing with the planner's.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use registrar_core::plan::{Batch, Plan};
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};
use serde_json::Value;

use crate::record_line::line;
use crate::strict_zone::StrictZone;
use crate::world::World;

/// Every DELETE of a batch stands before every CREATE.
pub(crate) fn deletes_come_first(batch: &Batch) -> Result<()> {
    let actions: Vec<ChangeAction> = batch.changes().map(|change| change.action).collect();
    ensure!(actions.is_sorted(), "a CREATE stands before a DELETE: {batch}");
    Ok(())
}

/// Records that no pool of the scenario owns are afterwards as they were before, and so are values of
/// others inside a simple set, with their TTL.
pub(crate) fn foreign_records_are_untouched(
    world: &World,
    before: &StrictZone,
    after: &StrictZone,
) -> Result<()> {
    let ownership = Ownership::of(world);
    for record in before.records() {
        let now = after.get(&record.key());
        if ownership.owns(record) {
            continue;
        }
        let foreign = ownership.values_of_others(record, before);
        if foreign.len() == record.values().count() || record.alias_target.is_some() {
            ensure!(
                now == Some(record),
                "foreign record changed: {} is now {:?}",
                line(record),
                now.map(line)
            );
            continue;
        }
        let kept: BTreeSet<&str> = now.into_iter().flat_map(RecordSet::values).collect();
        ensure!(
            foreign.iter().all(|value| kept.contains(value)),
            "foreign values lost from {}",
            line(record)
        );
        let same_ttl = foreign.is_empty() || now.is_some_and(|now| now.ttl_secs == record.ttl_secs);
        ensure!(same_ttl, "the TTL of foreign values changed: {} is now {:?}", line(record), now.map(line));
    }
    Ok(())
}

/// Who owns what, by reading marks as text.
struct Ownership {
    prefixes: Vec<String>,
}

impl Ownership {
    fn of(world: &World) -> Self {
        let prefix = |pool: &str| format!("registrar/{}/{pool}/", world.deployment);
        Self { prefixes: world.pools.iter().map(|pool| prefix(pool.name.as_str())).collect() }
    }

    fn marked(&self, text: &str) -> bool {
        self.prefixes.iter().any(|prefix| text.starts_with(prefix))
    }

    fn owns(&self, record: &RecordSet) -> bool {
        record.set_identifier.as_deref().is_some_and(|id| self.marked(id))
    }

    /// The values of a record without a mark that no owner text claims.
    fn values_of_others<'r>(&self, record: &'r RecordSet, zone: &StrictZone) -> Vec<&'r str> {
        if record.set_identifier.is_some() {
            return record.values().collect();
        }
        let texts = format!("registrar-owner.{}", record.name);
        let texts =
            zone.records().filter(|other| other.r#type == RecordType::Txt && other.name.as_str() == texts);
        let mut claimed: BTreeSet<String> = BTreeSet::new();
        for text in texts.flat_map(RecordSet::values).filter(|text| self.marked(text.trim_matches('"'))) {
            claimed.extend(text.trim_matches('"').split_once('=').map(|(_, address)| address.to_owned()));
        }
        let own_text = |value: &str| record.r#type == RecordType::Txt && self.marked(value.trim_matches('"'));
        let own_address = |value: &str| record.r#type == RecordType::A && claimed.contains(value);
        record.values().filter(|value| !own_text(value) && !own_address(value)).collect()
    }
}

/// What the AWS CLI is given reads back as the changes that were planned.
pub(crate) fn change_batches_read_back(plan: &Plan) -> Result<()> {
    for batch in &plan.batches {
        let text = serde_json::to_string(&batch.to_change_batch())?;
        let document: Value = serde_json::from_str(&text)?;
        let changes = document["Changes"].as_array().context("Changes is a list")?;
        ensure!(changes.len() == batch.changes().count(), "the change batch has {} changes", changes.len());
        for (change, read) in batch.changes().zip(changes) {
            ensure!(read["Action"] == change.action.to_string(), "{read} is no {}", change.action);
            let record: RecordSet = serde_json::from_value(read["ResourceRecordSet"].clone())?;
            ensure!(record == *change.record, "{read} does not read back as {}", line(&change.record));
        }
    }
    Ok(())
}

/// The plan's JSON holds exactly the changes of the batches, what is held back, and the errors.
pub(crate) fn the_document_tells_all(plan: &Plan) -> Result<()> {
    let document: Value = serde_json::from_str(&serde_json::to_string(&plan.to_document())?)?;
    ensure!(document["schema"] == "registrar-plan/1", "the schema is {}", document["schema"]);
    let pools = document["pools"].as_array().context("pools is a list")?;
    ensure!(pools.len() == plan.pools.len(), "{} pools are in the document", pools.len());
    let listed =
        |key: &str| -> usize { pools.iter().filter_map(|pool| pool[key].as_array()).map(Vec::len).sum() };
    ensure!(listed("held_back") == plan.held_back_count(), "held_back is incomplete");
    let mut told: BTreeMap<String, i64> = BTreeMap::new();
    for change in pools.iter().filter_map(|pool| pool["changes"].as_array()).flatten() {
        let key = format!(
            "{} {} {} {} {}",
            change["action"], change["name"], change["type"], change["set_identifier"], change["values"]
        );
        *told.entry(key).or_default() += 1;
        ensure!(change["evidence"].as_str().is_some_and(|text| !text.is_empty()), "no evidence for {change}");
    }
    for change in plan.batches.iter().flat_map(Batch::changes) {
        let record = &change.record;
        let json = |value: Value| value.to_string();
        let key = format!(
            "{} {} {} {} {}",
            json(change.action.to_string().into()),
            json(record.name.as_str().into()),
            json(record.r#type.to_string().into()),
            json(record.set_identifier.clone().into()),
            json(record.values().collect::<Vec<_>>().into())
        );
        *told.entry(key).or_default() -= 1;
    }
    match told.into_iter().find(|(_, count)| *count != 0) {
        Some((key, _)) => bail!("the document and the batches disagree about {key}"),
        None => Ok(()),
    }
}
