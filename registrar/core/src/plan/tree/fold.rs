//! Leaves at which so few records stay that no weight of their alias gives them their share.
//!
//! Such a leaf is given up together with what goes from it: what stays moves to another leaf in the same request, so
//! that at no instant a record gets more than its share.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Planner;
use super::arrangement::Arrangement;
use crate::guard::Decision;
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::plan::batch::Urgency;
use crate::plan::builder::Together;
use crate::plan::shape::Shape;
use crate::tree::Scale;

impl Planner<'_> {
    /// Acts on removals; leaves that are given up with them come after the others, one by one.
    pub(super) fn remove(&mut self, decisions: &[&Decision], urgency: Urgency) {
        let next = self.shape.clone().after(decisions);
        if self.turns_to(&next) && decisions.len() > 1 {
            let [first, then] = self.parts_of_turn(decisions);
            // Those of one leaf may be all that there are.
            if self.shape.all_weightless() {
                self.step(&first, Together::All, Some(urgency));
            } else {
                self.remove(&first, urgency);
            }
            return self.remove(&then, urgency);
        }
        let faint = self.faint_in(&next);
        let mut at_faint: BTreeMap<Leaf, Vec<&Decision>> = BTreeMap::new();
        let mut others = Vec::new();
        for decision in decisions {
            let instance = decision.difference.instance();
            let spots = instance.map(|instance| self.shape.spots_of(instance)).unwrap_or_default();
            match spots.into_iter().flatten().find(|leaf| faint.contains(leaf)) {
                Some(leaf) => at_faint.entry(leaf).or_default().push(decision),
                None => others.push(*decision),
            }
        }
        self.step(&others, Together::Leaf, Some(urgency));
        while let Some((leaf, decisions)) = at_faint.pop_first() {
            if !self.fold(leaf, &decisions, &at_faint.keys().copied().collect(), urgency) {
                self.step(&decisions, Together::Leaf, Some(urgency));
            }
        }
    }

    /// Places everything again, where folding moved something.
    pub(super) fn arrange_again(&mut self, last: &Shape<'_>) {
        let ground = self.ground.filter(|_| self.has_folded);
        let again =
            ground.and_then(|ground| Arrangement::new(&self.shape, &last.placed_as(&self.shape), ground));
        if let Some(again) = again {
            self.arrangement = again;
        }
    }

    /// Returns the leaves at which too little would be left.
    fn faint_in(&self, next: &Shape<'_>) -> BTreeSet<Leaf> {
        let scale = self.scale.filter(|_| self.ground.is_some() && !self.turns_to(next));
        let sums = next.sums().into_iter();
        let faint = sums.filter(|(_, sum)| scale.is_some_and(|scale| !scale.is_exact_for(*sum)));
        faint.map(|(leaf, _)| leaf).collect()
    }

    /// Gives a leaf up; says whether that was necessary, and there was a leaf for what stays.
    fn fold(
        &mut self,
        leaf: Leaf,
        decisions: &[&Decision],
        faint: &BTreeSet<Leaf>,
        urgency: Urgency,
    ) -> bool {
        let (Some(scale), Some(ground)) = (self.scale, self.ground) else { return false };
        let mut next = self.shape.clone().after(decisions);
        let Some(to) = host_of(&next, leaf, scale, faint, ground.limits.in_set) else { return false };
        let staying = next.entries.iter().filter(|(_, entry)| entry.leaf == Some(leaf));
        let moves: BTreeMap<InstanceId, Leaf> = staying.map(|(id, _)| (id.clone(), to)).collect();
        next.stand_at(&moves);
        let mut touched = self.touched(&next, decisions);
        touched.extend([Some(leaf), Some(to)]);
        next.reweigh(touched.iter().copied().flatten(), Some(scale), true);
        self.go_to(next, &touched, decisions, Together::All, Some(urgency));
        self.has_folded = true;
        true
    }
}

/// Returns the leaf to which what is left at another one moves, where it has to: the lightest that has room, or else the
/// last of those that will be given up themselves, which then are fewer.
fn host_of(
    next: &Shape<'_>,
    leaf: Leaf,
    scale: Scale,
    faint: &BTreeSet<Leaf>,
    in_set: usize,
) -> Option<Leaf> {
    let sums = next.sums();
    let left = sums.get(&leaf).copied().filter(|sum| !scale.is_exact_for(*sum))?;
    let records = next.records_at_leaves();
    let moving = records.get(&leaf).copied().unwrap_or_default();
    let is_copied = next.entries.values().filter(|entry| entry.leaf == Some(leaf)).count() != moving;
    let suits = |to: &Leaf| scale.is_exact_for(sums[to] + left);
    let has_room = |to: &Leaf| records.get(to).copied().unwrap_or_default() + moving <= in_set;
    let hosts = sums.keys().filter(|to| **to != leaf && !next.site.taken.contains_key(to) && has_room(to));
    let hosts = hosts.filter(|to| next.aliases.contains_key(to) && !is_copied && suits(to));
    hosts.copied().min_by_key(|to| {
        let is_faint = faint.contains(to);
        (is_faint, Reverse(is_faint.then_some(*to)), sums[to])
    })
}
