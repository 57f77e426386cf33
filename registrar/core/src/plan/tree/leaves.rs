//! What a shape says about its leaves: their weights, their aliases, and which records stand where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::arrangement::Arrangement;
use crate::diff::TreeChange;
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::owner::Role;
use crate::plan::shape::{Shape, Spot};
use crate::record_set::{AliasTarget, RecordSet, RecordType};
use crate::site::Entry;
use crate::tree::{Scale, Sums, sums_of};

impl Shape<'_> {
    /// Says whether no record has a weight above 0, so that all are equal.
    pub(super) fn all_weightless(&self) -> bool {
        self.entries.values().all(|entry| self.weight(entry) == 0)
    }

    pub(super) fn leaf_of(&self) -> BTreeMap<InstanceId, Leaf> {
        self.entries.iter().filter_map(|(id, entry)| Some((id.clone(), entry.leaf?))).collect()
    }

    pub(super) fn sums(&self) -> Sums {
        let placed = self.entries.values().filter_map(|entry| Some((entry.leaf?, self.weight(entry))));
        sums_of(placed)
    }

    /// Returns the scale that the aliases are on.
    pub(super) fn scale(&self) -> Option<Scale> {
        let weights = self.aliases.iter().filter_map(|(leaf, alias)| Some((*leaf, alias.weight?))).collect();
        Scale::observed(&weights, &self.sums())
    }

    /// Counts the records at each leaf, further copies of an instance's among them.
    pub(super) fn records_at_leaves(&self) -> BTreeMap<Leaf, usize> {
        let entries = self.entries.values().filter_map(|entry| entry.leaf);
        let mut records = BTreeMap::new();
        for leaf in entries.chain(self.leaves_of_copies()) {
            *records.entry(leaf).or_insert(0) += 1;
        }
        records
    }

    /// Returns this shape with everything at the leaf at which it stands in another one.
    pub(super) fn placed_as(&self, other: &Self) -> Self {
        let mut placed = self.clone();
        for (instance, entry) in &mut placed.entries {
            entry.leaf = other.entries.get(instance).map_or(entry.leaf, |there| there.leaf);
        }
        placed
    }

    pub(super) fn every_spot(&self) -> BTreeSet<Spot> {
        let leaves =
            self.entries.values().map(|entry| entry.leaf).chain(self.aliases.keys().copied().map(Some));
        leaves.chain([None]).collect()
    }

    /// Returns every spot of this shape and another one.
    pub(super) fn spots_with(&self, other: &Self) -> BTreeSet<Spot> {
        &self.every_spot() | &other.every_spot()
    }

    /// Puts records where they should stand; those that are not named stay.
    pub(super) fn stand_at(&mut self, leaf_of: &BTreeMap<InstanceId, Leaf>) {
        let all_at_name = leaf_of.is_empty();
        for (instance, entry) in &mut self.entries {
            entry.leaf = leaf_of.get(instance).copied().or(entry.leaf.filter(|_| !all_at_name));
        }
    }

    /// Returns what moves, in parts that fit a request each: what leaves a leaf that is given up, and what comes to
    /// one that stays.
    pub(super) fn moves_to(&self, leaf_of: &BTreeMap<InstanceId, Leaf>) -> Vec<BTreeMap<InstanceId, Leaf>> {
        let kept: BTreeSet<Leaf> = leaf_of.values().copied().collect();
        let mut parts: BTreeMap<(bool, Spot), BTreeMap<InstanceId, Leaf>> = BTreeMap::new();
        for (instance, entry) in &self.entries {
            let Some(to) = leaf_of.get(instance).filter(|to| entry.leaf != Some(**to)) else { continue };
            let given_up = entry.leaf.is_some_and(|leaf| !kept.contains(&leaf));
            let part = if given_up { entry.leaf } else { Some(*to) };
            parts.entry((given_up, part)).or_default().insert(instance.clone(), *to);
        }
        parts.into_values().collect()
    }

    pub(super) fn change_to(&self, arrangement: &Arrangement) -> TreeChange {
        let now: BTreeSet<Leaf> = self.entries.values().filter_map(|entry| entry.leaf).collect();
        let then: BTreeSet<Leaf> = arrangement.leaf_of.values().copied().collect();
        let moves = |(id, entry): &(&InstanceId, &Entry)| entry.leaf != arrangement.leaf_of.get(*id).copied();
        TreeChange { from: now.len(), to: then.len(), moved: self.entries.iter().filter(moves).count() }
    }

    /// Gives the aliases of some leaves the weights that their records ask for. One whose leaf has no record goes. Where
    /// not all records are known, neither is what is left at a leaf, and its alias stays as it is.
    pub(super) fn reweigh(
        &mut self,
        leaves: impl Iterator<Item = Leaf>,
        scale: Option<Scale>,
        all_known: bool,
    ) {
        if !all_known {
            return;
        }
        let sums = self.sums();
        for leaf in leaves {
            let Some(sum) = sums.get(&leaf) else {
                self.aliases.remove(&leaf);
                continue;
            };
            let alias = scale.and_then(|scale| self.alias(leaf, scale.weight(*sum)));
            if let Some(alias) =
                alias.filter(|alias| self.aliases.get(&leaf).is_none_or(|there| **there != *alias))
            {
                self.aliases.insert(leaf, Arc::new(alias));
            }
        }
    }

    fn alias(&self, leaf: Leaf, weight: u8) -> Option<RecordSet> {
        let place = &self.site.place;
        let mut alias = RecordSet::simple(place.name.clone(), RecordType::A, 0, Vec::new());
        alias.ttl_secs = None;
        alias.set_identifier = Some(self.desired.owner.mark(Role::Leaf(leaf)).to_string());
        alias.weight = Some(weight);
        alias.alias_target = Some(AliasTarget {
            hosted_zone_id: place.hosted_zone_id.to_string(),
            dns_name: leaf.name(&place.name).ok()?,
            evaluate_target_health: true,
        });
        Some(alias)
    }
}
