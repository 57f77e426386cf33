//! Changes, the units that must stay together, and the batches that fit into one request.
//!
//! A batch is atomic. Within it every DELETE stands before every CREATE, and a unit is never split.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::ids::{HostedZoneId, PoolName};
use crate::name::RecordName;
use crate::record_set::{ChangeAction, RecordSet, RecordType};

/// `ResourceRecord` elements in one request (Route 53 API reference, `ChangeResourceRecordSets`); an
/// alias counts as one.
pub const MOST_VALUES: usize = 1_000;

/// Characters in the values of one request (ibid.).
pub const MOST_CHARACTERS: usize = 32_000;

/// Characters of a batch's comment (ibid.).
const LONGEST_COMMENT: usize = 256;

/// One change to one record set.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What is done.
    pub action: ChangeAction,
    /// The record set, for a DELETE exactly as it was read.
    pub record: Arc<RecordSet>,
    /// What allows it.
    pub evidence: String,
}

/// What a unit is for. The order is that in which units go: what leads nowhere first, then removals before
/// additions, so that a set is never over its size between two batches, and last what can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// It removes records that lead nowhere by proof, and nothing else; in batches of such removals only.
    RemoveDead,
    /// It removes records of instances that are leaving, by proof, and nothing else; beside removals of the dead.
    Drain,
    /// It removes such records and adds others, because the name would not answer in between, or replaces an
    /// address that leads nowhere.
    Swap,
    /// It removes records without proof.
    Remove,
    /// It adds records, or moves some to make room.
    Add,
    /// It changes weights, or what others changed.
    Reweight,
    /// It rewrites a set for another TTL or routing.
    Rewrite,
}

/// Changes that are made together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// The pool whose records they are.
    pub pool: PoolName,
    /// The hosted zone.
    pub hosted_zone_id: HostedZoneId,
    /// The name at which the records stand.
    pub name: RecordName,
    /// What it is for, which says when it goes.
    pub urgency: Urgency,
    /// How many of its removals count against the pool's budget.
    pub budgeted: usize,
    /// How many of its removals are of records that lead nowhere by proof.
    pub dead: usize,
    /// The changes, DELETEs first.
    pub changes: Vec<Change>,
}

impl Unit {
    /// Says whether another unit comes to the same changes, whatever allows them.
    #[must_use]
    pub fn does_the_same(&self, other: &Self) -> bool {
        fn plain(unit: &Unit) -> impl Iterator<Item = (ChangeAction, &RecordSet)> {
            unit.changes.iter().map(|change| (change.action, change.record.as_ref()))
        }
        self.hosted_zone_id == other.hosted_zone_id && plain(self).eq(plain(other))
    }

    /// Says whether one request holds it.
    pub(super) fn fits(&self) -> bool {
        self.values() <= MOST_VALUES && self.characters() <= MOST_CHARACTERS
    }

    pub(super) fn values(&self) -> usize {
        self.changes.iter().map(|change| change.record.resource_records.len().max(1)).sum()
    }

    fn characters(&self) -> usize {
        self.changes.iter().flat_map(|change| change.record.values()).map(str::len).sum()
    }
}

/// One request to Route 53.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The hosted zone.
    pub hosted_zone_id: HostedZoneId,
    /// What it is made of.
    pub units: Vec<Unit>,
}

impl Batch {
    /// Returns the changes in the order in which they are submitted: every DELETE before every CREATE, and within
    /// these an alias before its target is deleted and after it is created.
    ///
    /// Where one unit goes on from what an earlier one leaves, the record sets in between are never written.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        self.attributed_changes().map(|(_, change)| change)
    }

    /// Returns the same changes, each with the unit that asks for it.
    pub fn attributed_changes(&self) -> impl Iterator<Item = (&Unit, &Change)> {
        net(&self.units)
    }

    /// Returns what a pool's units come to, each change with its hosted zone.
    pub(super) fn changes_of(&self, pool: &PoolName) -> Vec<(HostedZoneId, Change)> {
        let changes = net(self.units.iter().filter(|unit| unit.pool == *pool));
        changes.map(|(_, change)| (self.hosted_zone_id.clone(), change.clone())).collect()
    }

    /// Counts the changes that units come to which follow each other in one request.
    pub(crate) fn net_changes(units: &[Unit]) -> usize {
        net(units).count()
    }

    /// Returns a comment that names the deployment's pools, for Route 53's own logs.
    #[must_use]
    pub fn comment(&self) -> String {
        let mut pools: Vec<&str> = self.units.iter().map(|unit| unit.pool.as_str()).collect();
        pools.dedup();
        let mut comment = format!("registrar: {}", pools.join(", "));
        comment.truncate(LONGEST_COMMENT);
        comment
    }

    /// Returns the document that `aws route53 change-resource-record-sets --change-batch` takes.
    #[must_use]
    pub fn to_change_batch(&self) -> ChangeBatchDocument<'_> {
        let changes = self
            .changes()
            .map(|change| ChangeDocument { action: change.action, resource_record_set: &change.record });
        ChangeBatchDocument { comment: self.comment(), changes: changes.collect() }
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} changes in hosted zone {}", self.changes().count(), self.hosted_zone_id)?;
        for change in self.changes() {
            write!(f, "\n  {} {}", change.action, change.record)?;
        }
        Ok(())
    }
}

/// A change batch in the AWS CLI's JSON form.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ChangeBatchDocument<'a> {
    comment: String,
    changes: Vec<ChangeDocument<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeDocument<'a> {
    action: ChangeAction,
    resource_record_set: &'a RecordSet,
}

pub(super) type Attributed<'u> = (&'u Unit, &'u Change);

/// What identifies a record set, by reference.
type Key<'u> = (&'u RecordName, &'u RecordType, Option<&'u str>);

fn key(record: &RecordSet) -> Key<'_> {
    (&record.name, &record.r#type, record.set_identifier.as_deref())
}

/// What units that follow each other come to: the record sets that go, and then those that come, each once.
pub(super) fn net<'u>(units: impl IntoIterator<Item = &'u Unit>) -> impl Iterator<Item = Attributed<'u>> {
    let mut of_record: BTreeMap<Key<'u>, (Option<Attributed<'u>>, Option<Attributed<'u>>)> = BTreeMap::new();
    for (unit, change) in
        units.into_iter().flat_map(|unit| unit.changes.iter().map(move |change| (unit, change)))
    {
        let (deleted, created) = of_record.entry(key(&change.record)).or_default();
        match change.action {
            ChangeAction::Delete if created.is_some() => *created = None,
            ChangeAction::Delete => *deleted = Some((unit, change)),
            ChangeAction::Create => *created = Some((unit, change)),
        }
    }
    let same = |(deleted, created): &(Option<Attributed<'u>>, Option<Attributed<'u>>)| {
        deleted.zip(*created).is_some_and(|((_, old), (_, new))| old.record == new.record)
    };
    of_record.retain(|_, changes| !same(changes));
    let is_alias = |(_, change): &Attributed<'u>| change.record.alias_target.is_some();
    let mut deleted: Vec<Attributed<'u>> = of_record.values().filter_map(|(deleted, _)| *deleted).collect();
    deleted.sort_by_key(|change| !is_alias(change));
    let mut created: Vec<Attributed<'u>> =
        of_record.into_values().filter_map(|(_, created)| created).collect();
    created.sort_by_key(is_alias);
    deleted.into_iter().chain(created)
}

/// Packs units into as few batches as their order allows: removals by proof first and by themselves.
pub(super) fn pack(units: Vec<Unit>) -> Vec<Batch> {
    let (dead, rest): (Vec<Unit>, Vec<Unit>) =
        units.into_iter().partition(|unit| unit.urgency <= Urgency::Drain);
    let mut batches = pack_in_order(dead);
    batches.extend(pack_in_order(rest));
    batches
}

fn pack_in_order(mut units: Vec<Unit>) -> Vec<Batch> {
    let order = |unit: &Unit| (unit.hosted_zone_id.clone(), unit.urgency);
    units.sort_by_key(order);
    let mut batches: Vec<Batch> = Vec::new();
    let (mut values, mut characters) = (0, 0);
    for unit in units {
        let fits = values + unit.values() <= MOST_VALUES && characters + unit.characters() <= MOST_CHARACTERS;
        match batches.last_mut().filter(|batch| fits && batch.hosted_zone_id == unit.hosted_zone_id) {
            Some(batch) => {
                values += unit.values();
                characters += unit.characters();
                batch.units.push(unit);
            }
            None => {
                (values, characters) = (unit.values(), unit.characters());
                batches.push(Batch { hosted_zone_id: unit.hosted_zone_id.clone(), units: vec![unit] });
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(zone: &str, dead: bool, values: usize, length: usize) -> Unit {
        let values: Vec<String> = (0..values).map(|_| "x".repeat(length)).collect();
        let record = RecordSet::simple("a.example.com".parse().unwrap(), RecordType::A, 20, values);
        Unit {
            pool: "video".parse().unwrap(),
            hosted_zone_id: zone.parse().unwrap(),
            name: "a.example.com".parse().unwrap(),
            urgency: if dead { Urgency::RemoveDead } else { Urgency::Add },
            budgeted: 0,
            dead: 0,
            changes: vec![Change {
                action: ChangeAction::Create,
                record: record.into(),
                evidence: String::new(),
            }],
        }
    }

    #[test]
    fn a_batch_keeps_within_values_and_characters() {
        let by_values = pack((0..3).map(|_| unit("Z1", false, 400, 1)).collect());
        assert_eq!(by_values.iter().map(|batch| batch.units.len()).collect::<Vec<_>>(), [2, 1]);
        let by_characters = pack((0..3).map(|_| unit("Z1", false, 100, 160)).collect());
        assert_eq!(by_characters.iter().map(|batch| batch.units.len()).collect::<Vec<_>>(), [2, 1]);
    }

    #[test]
    fn removals_of_the_dead_go_first_and_alone_and_hosted_zones_are_not_mixed() {
        let batches = pack(vec![unit("Z2", false, 1, 1), unit("Z1", true, 1, 1), unit("Z1", false, 1, 1)]);
        let order: Vec<_> =
            batches.iter().map(|batch| (batch.hosted_zone_id.as_str(), batch.units[0].urgency)).collect();
        assert_eq!(order, [("Z1", Urgency::RemoveDead), ("Z1", Urgency::Add), ("Z2", Urgency::Add)]);
    }
}
