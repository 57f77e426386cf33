//! The tree of a pool as it stands: its leaves, what is at each, and the alias that leads there.
//!
//! It reads record sets and marks, and knows nothing of which leaf an instance should be at.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::inventory::HostedZone;
use crate::leaf::Leaf;
use crate::name::RecordName;
use crate::owner::{Owner, OwnerMark, Role};
use crate::record_set::{RecordSet, RecordType, SetKey};

/// A pool whose records stand at leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TreeStatus {
    /// Instances that have a record at a leaf.
    pub records: usize,
    /// The sum of the aliases' weights.
    pub alias_weight: u64,
    /// The leaves that have a record or an alias, by number.
    pub leaves: Vec<LeafStatus>,
}

/// A leaf of a pool's tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeafStatus {
    /// Its label.
    pub leaf: String,
    /// Instances that have a record there.
    pub records: usize,
    /// Record sets of others there.
    pub foreign_records: usize,
    /// The sum of its records' weights.
    pub weight: u64,
    /// The weight of the alias that leads there; absent where none does.
    pub alias_weight: Option<u8>,
}

impl TreeStatus {
    /// Reads the tree of `owner` at `name`; none where it has no leaf.
    pub(super) fn read(zone: &HostedZone, owner: &Owner, name: &RecordName) -> Option<Self> {
        let aliases = aliases(zone, owner, name);
        let leaf = |leaf: Leaf| LeafStatus::read(zone, owner, name, leaf, aliases.get(&leaf).copied());
        let leaves: Vec<LeafStatus> = Leaf::all().filter_map(leaf).collect();
        (!leaves.is_empty()).then(|| Self {
            records: leaves.iter().map(|leaf| leaf.records).sum(),
            alias_weight: leaves.iter().filter_map(|leaf| leaf.alias_weight).map(u64::from).sum(),
            leaves,
        })
    }

    /// Returns how many record sets the fullest leaf has.
    pub(super) fn fullest(&self) -> usize {
        self.leaves.iter().map(|leaf| leaf.records + leaf.foreign_records).max().unwrap_or(0)
    }
}

impl LeafStatus {
    fn read(
        zone: &HostedZone,
        owner: &Owner,
        pool: &RecordName,
        leaf: Leaf,
        alias_weight: Option<u8>,
    ) -> Option<Self> {
        let set = SetKey { name: leaf.name(pool).ok()?, r#type: RecordType::A };
        let mut status =
            Self { leaf: leaf.to_string(), records: 0, foreign_records: 0, weight: 0, alias_weight };
        for record in zone.set(&set) {
            match role(record, owner) {
                Some(Role::Member(_)) => {
                    status.records += 1;
                    status.weight += u64::from(record.weight.unwrap_or(0));
                }
                Some(Role::Fallback | Role::Leaf(_)) | None => status.foreign_records += 1,
            }
        }
        (status.records > 0 || alias_weight.is_some()).then_some(status)
    }

    /// Returns what is wrong with it, as far as records tell.
    fn trouble(&self) -> Option<&'static str> {
        match (self.records, self.alias_weight) {
            (0, Some(_)) => Some("its alias leads to no record of the pool"),
            (_, None) => Some("no alias leads there"),
            (_, Some(0)) if self.weight > 0 => Some("its alias weighs nothing"),
            (_, Some(_)) => None,
        }
    }
}

impl fmt::Display for LeafStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alias = self.alias_weight.map_or("none".to_owned(), |weight| weight.to_string());
        let Self { leaf, records, weight, .. } = self;
        write!(f, "{leaf}  {records:>3} records   weight {weight:>5}   alias {alias:>4}")?;
        if self.foreign_records > 0 {
            write!(f, "   {} of others", self.foreign_records)?;
        }
        self.trouble().map_or(Ok(()), |trouble| write!(f, "   ! {trouble}"))
    }
}

/// Returns the weights of the pool's aliases, by the leaf that each is marked for.
fn aliases(zone: &HostedZone, owner: &Owner, name: &RecordName) -> BTreeMap<Leaf, u8> {
    let set = SetKey { name: name.clone(), r#type: RecordType::A };
    let alias = |record: &RecordSet| match role(record, owner)? {
        Role::Leaf(leaf) => Some((leaf, record.weight.unwrap_or(0))),
        Role::Member(_) | Role::Fallback => None,
    };
    zone.set(&set).filter_map(|record| alias(record)).collect()
}

pub(super) fn role(record: &RecordSet, owner: &Owner) -> Option<Role> {
    let mark: OwnerMark = record.set_identifier.as_deref()?.parse().ok()?;
    (mark.owner == *owner && record.is_understood()).then_some(mark.role)
}
