//! Applies a batch of changes: all of it, or nothing.
//!
//! The changes are made one after the other in the hosted zone itself, every rule that looks at the
//! outcome is asked, and where anything is wrong each touched record set is put back. Throttling and
//! malformed requests are dealt with before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use registrar_core::name::RecordName;
use registrar_core::record_set::RecordSet;

use super::change::{ModelAction, ModelChange};
use super::hosted_zone::HostedZone;
use super::listing::ListingKey;
use super::rules;

/// What stood in the place of each touched record set before the batch.
pub(crate) type Before = BTreeMap<ListingKey, Option<Arc<RecordSet>>>;

/// Applies the changes in their order and returns the touched names, or every problem of the batch.
pub(crate) fn apply(
    zone: &mut HostedZone,
    changes: &[ModelChange],
) -> Result<BTreeSet<RecordName>, Vec<String>> {
    let repeated = rules::request::repeated_keys(changes);
    let mut problems: Vec<String> = repeated.values().cloned().collect();
    let mut before = Before::new();
    for change in changes {
        let key = ListingKey::of(&change.record);
        if change.action != ModelAction::Delete {
            problems.extend(rules::record::problems(zone, &change.record));
        }
        if !repeated.contains_key(&key) {
            before.entry(key.clone()).or_insert_with(|| zone.records.get(&key).cloned());
            problems.extend(apply_one(zone, key, change));
        }
    }
    problems.extend(rules::outcome::problems(zone, &before));
    if problems.is_empty() {
        return Ok(before.into_keys().map(|key| key.name).collect());
    }
    put_back(zone, before);
    Err(problems)
}

/// Makes one change, and says what is wrong with it.
fn apply_one(zone: &mut HostedZone, key: ListingKey, change: &ModelChange) -> Option<String> {
    let found = zone.records.get(&key);
    match change.action {
        ModelAction::Create if found.is_some() => {
            return Some(format!(
                "Tried to create resource record set {} but it already exists",
                rules::describe(&change.record)
            ));
        }
        ModelAction::Create | ModelAction::Upsert => {
            zone.records.insert(key, Arc::new(change.record.clone()));
        }
        ModelAction::Delete => {
            let problem = rules::record::deletion_problem(found.map(AsRef::as_ref), &change.record);
            // A deletion that does not match is made all the same: the batch fails anyway, and a
            // creation behind it that would have been fine is not blamed.
            zone.records.remove(&key);
            return problem;
        }
    }
    None
}

fn put_back(zone: &mut HostedZone, before: Before) {
    for (key, record) in before {
        match record {
            Some(record) => zone.records.insert(key, record),
            None => zone.records.remove(&key),
        };
    }
}
