//! A strict reader of Route 53's documentation, which knows none of the registrar's types and shares nothing with the
//! embedded edge.
//!
//! It applies the documents that `aws route53 change-resource-record-sets --change-batch` takes, one change after the
//! other, and asks after every single one that each alias leads somewhere. It takes whatever keeps the rules, and judges
//! no plan.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::place::Place;

/// Route 53 API reference, `ChangeResourceRecordSets`: `ResourceRecord` elements in a request, and characters in their values.
const MOST_VALUES: usize = 1_000;
const MOST_CHARACTERS: usize = 32_000;
/// Route 53 Developer Guide, "Quotas": record sets of one name and type, and of a hosted zone.
const MOST_IN_SET: usize = 100;
const MOST_IN_HOSTED_ZONE: usize = 10_000;

/// Name, type and set identifier.
type Key = (String, String, Option<String>);

/// Record sets by name, type and set identifier.
pub(crate) type Zone = BTreeMap<Key, Value>;

fn text(value: &Value) -> Result<String> {
    Ok(value.as_str().with_context(|| format!("{value} is not a text"))?.to_owned())
}

/// Reads record sets as they are listed.
pub(crate) fn zone_of(records: &[Value]) -> Result<Zone> {
    let mut zone = Zone::new();
    for record in records {
        let id = record["SetIdentifier"].as_str().map(str::to_owned);
        let key = (text(&record["Name"])?, text(&record["Type"])?, id);
        ensure!(zone.insert(key, record.clone()).is_none(), "{record} is there twice");
    }
    Ok(zone)
}

/// Applies one document: all of it, or an error.
pub(crate) fn apply(zone: &Zone, batch: &Value) -> Result<Zone> {
    let mut after = zone.clone();
    let changes = batch["Changes"].as_array().context("Changes")?;
    within_a_request(changes)?;
    let mut touched = BTreeSet::new();
    let mut created_before = false;
    for change in changes {
        let record = &change["ResourceRecordSet"];
        let (key, record) = zone_of(std::slice::from_ref(record))?.pop_first().context("one record set")?;
        let action = text(&change["Action"])?;
        match action.as_str() {
            "DELETE" => {
                ensure!(!created_before, "DELETE after CREATE: {record}");
                let found = after.remove(&key).with_context(|| format!("{record} is not there"))?;
                ensure!(found == record, "DELETE of {record}, and there is {found}");
            }
            "CREATE" => {
                created_before = true;
                ensure!(record["Weight"].as_u64().is_none_or(|weight| weight <= 255), "{record}");
                ensure!(after.insert(key.clone(), record).is_none(), "CREATE of {key:?}, which is there");
            }
            other => bail!("{other} cannot be checked against what was read"),
        }
        aliases_lead_somewhere(&after, &key).with_context(|| format!("after {action} of {key:?}"))?;
        touched.insert((key, action));
    }
    ensure!(touched.len() == changes.len(), "one record set is changed twice in the same way");
    sound(&after)?;
    Ok(after)
}

fn within_a_request(changes: &[Value]) -> Result<()> {
    let values = |change: &Value| {
        let values = change["ResourceRecordSet"]["ResourceRecords"].as_array().cloned().unwrap_or_default();
        values.iter().filter_map(|value| value["Value"].as_str().map(str::len)).collect::<Vec<usize>>()
    };
    let all: Vec<Vec<usize>> = changes.iter().map(values).collect();
    let count: usize = all.iter().map(|values| values.len().max(1)).sum();
    let characters: usize = all.iter().flatten().sum();
    ensure!((1..=MOST_VALUES).contains(&count), "{count} values in a request");
    ensure!(characters <= MOST_CHARACTERS, "{characters} characters in a request");
    Ok(())
}

/// Says that what was touched, or leads to what was touched, leads somewhere.
fn aliases_lead_somewhere(zone: &Zone, (name, record_type, _): &Key) -> Result<()> {
    for ((alias, alias_type, id), record) in zone.iter().filter(|((_, of, _), _)| of == record_type) {
        let Some(target) = record["AliasTarget"]["DNSName"].as_str() else { continue };
        if alias == name || target == name {
            let mut at_target = zone.keys().filter(|(name, of, _)| name == target && of == alias_type);
            ensure!(at_target.next().is_some(), "{alias} {id:?} leads to {target}, where nothing stands");
            ensure!(alias != target, "{alias} leads to itself");
        }
    }
    Ok(())
}

/// Checks what Route 53 asks of every name and type: one TTL, one routing policy, at most a hundred.
fn sound(zone: &Zone) -> Result<()> {
    ensure!(zone.len() <= MOST_IN_HOSTED_ZONE, "{} record sets", zone.len());
    let mut sets: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for ((name, record_type, _), record) in zone {
        sets.entry((name, record_type)).or_default().push(record);
    }
    for (set, records) in sets {
        let with_values = records.iter().filter(|record| record["AliasTarget"].is_null());
        let ttls: BTreeSet<String> = with_values.map(|record| record["TTL"].to_string()).collect();
        let of_aliases = records.iter().filter(|record| !record["AliasTarget"].is_null());
        let policies: BTreeSet<&str> = records.iter().map(|record| policy(record)).collect();
        ensure!(ttls.len() <= 1 && policies.len() == 1, "{set:?} has {ttls:?} and {policies:?}");
        ensure!(of_aliases.into_iter().all(|alias| alias["TTL"].is_null()), "an alias of {set:?} has a TTL");
        ensure!(records.len() <= MOST_IN_SET, "{set:?} has {} record sets", records.len());
        ensure!(!policies.contains("simple") || records.len() == 1, "{set:?} is simple and many");
    }
    Ok(())
}

fn policy(record: &Value) -> &'static str {
    match (record["Weight"].is_null(), record["MultiValueAnswer"].is_null()) {
        (false, _) => "weighted",
        (_, false) => "multivalue",
        (true, true) => "simple",
    }
}

/// Returns the share of the answers for a name that each value has: weighted records, and one level of aliases.
pub(crate) fn shares(zone: &Zone, name: &str) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for (record, share) in drawn(zone, name) {
        match record["AliasTarget"]["DNSName"].as_str() {
            Some(target) => {
                for (record, within) in drawn(zone, target) {
                    add(&mut shares, record, share * within);
                }
            }
            None => add(&mut shares, record, share),
        }
    }
    shares
}

fn add(shares: &mut BTreeMap<String, f64>, record: &Value, share: f64) {
    for value in record["ResourceRecords"].as_array().into_iter().flatten() {
        *shares.entry(value["Value"].as_str().unwrap_or_default().to_owned()).or_default() += share;
    }
}

/// Returns the weighted records of a name, each with its share (Route 53 API reference, `Weight`: all are equal where
/// all are 0).
fn drawn<'z>(zone: &'z Zone, name: &str) -> Vec<(&'z Value, f64)> {
    let first = (name.to_owned(), "A".to_owned(), None);
    let here = zone.range(first..).take_while(|((of, kind, _), _)| of == name && kind == "A");
    let records: Vec<(&Value, u64)> =
        here.map(|(_, record)| (record, record["Weight"].as_u64().unwrap_or_default())).collect();
    let total: u64 = records.iter().map(|(_, weight)| weight).sum();
    let equal = 1.0 / records.len() as f64;
    let share = |weight: u64| if total == 0 { equal } else { weight as f64 / total as f64 };
    records
        .into_iter()
        .map(|(record, weight)| (record, share(weight)))
        .filter(|(_, share)| *share > 0.0)
        .collect()
}

/// Plans in a place, applies the plan to its zone file, and returns how many batches it took.
pub(crate) fn carry_out(place: &Place) -> Result<usize> {
    carry_out_with(place, |_| Ok(()))
}

/// The same, with a look at the hosted zone after every batch.
pub(crate) fn carry_out_with(place: &Place, mut look: impl FnMut(&Zone) -> Result<()>) -> Result<usize> {
    let ran = place.plan(&["--format", "change-batch"])?.exited(0)?.plain()?;
    let batches: Vec<Value> = serde_json::from_str(&ran.stdout)?;
    let mut zone = zone_of(&place.records()?)?;
    for (number, batch) in batches.iter().enumerate() {
        zone = apply(&zone, batch).with_context(|| format!("batch {} of {}", number + 1, batches.len()))?;
        look(&zone).with_context(|| format!("after batch {} of {}", number + 1, batches.len()))?;
    }
    place.hold_records(&zone.into_values().collect::<Vec<_>>())?;
    Ok(batches.len())
}
