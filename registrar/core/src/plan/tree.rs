//! The units of a pool whose records stand in a tree, or should: each leaf with its alias, in the order of urgency.
//!
//! What stands there is taken from one shape to the next, and each step is a consistent state of its own:
//!
//! 1. Where everything that answers now goes and something else comes, one set is swapped first.
//! 2. Records that lead nowhere by proof, those that drain, other addresses, and removals without proof: leaf by leaf,
//!    with the alias, which goes with the last record of its leaf.
//! 3. The tree itself: another scale, records that move, leaves that are given up.
//! 4. Additions, other weights, and another TTL, leaf by leaf.
//!
//! All aliases share one scale, so that the unit of one leaf needs no other: whichever of them Route 53 has taken, every
//! record has the share that its weight asks for. Which leaf an instance stands at is decided in [`crate::tree`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::batch::{Unit, Urgency};
use super::builder::{Together, UnitBuilder, urgency_of};
use super::shape::{Shape, Spot};
use super::units::SiteUnits;
use crate::diff::{Difference, DifferenceKind, TreeChange};
use crate::guard::{Decision, Evidence, Hold, PoolDecisions, TreeRoom, Verdict};
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::owner::Role;
use crate::pool::{PoolState, Routing};
use crate::record_set::{AliasTarget, RecordSet, RecordType};
use crate::site::Entry;
use crate::tree::{Placed, Request, Scale, Sums, TreeLimits, place, sums_of};

/// How a tree changes by itself, and whether it may.
#[derive(Debug)]
pub(super) struct TreeStep {
    pub(super) difference: Difference,
    pub(super) verdict: Verdict,
}

/// At which leaf each record should stand, none of them where all stand at the pool's name; and the aliases' scale.
#[derive(Debug)]
struct Arrangement {
    leaf_of: BTreeMap<InstanceId, Leaf>,
    /// While removals take effect.
    first: Option<Scale>,
    /// From when records stand where they should.
    scale: Option<Scale>,
    /// While weights change.
    weighing: Option<Scale>,
    /// In the end, where weights changed so much that it is another one.
    last: Option<Scale>,
}

/// Returns the units of a site that is a tree, or becomes one; `None` for one set.
pub(super) fn of_site(
    observed: &Shape<'_>,
    last: &Shape<'_>,
    all: &[&Decision],
    decided: &PoolDecisions,
    limits: TreeLimits,
) -> Option<SiteUnits> {
    let is_weighted = last.form == Routing::Weighted;
    let room = decided.tree.as_ref().filter(|_| is_weighted && decided.is_listed && is_main(observed));
    let arrangement = room.and_then(|room| arrange(observed, last, all, room, limits));
    let becomes_tree = arrangement.as_ref().is_some_and(|arrangement| !arrangement.leaf_of.is_empty());
    if !(observed.site.is_tree() || becomes_tree) {
        return None;
    }
    let mut planner = Planner {
        // Until the tree itself changes, its aliases stay on the scale that they are on.
        scale: observed.scale().or(arrangement.as_ref().and_then(|arrangement| arrangement.scale)),
        shape: observed.clone(),
        is_listed: decided.is_listed,
        may_rearrange: arrangement.is_some() && room.is_some_and(|room| room.hold.is_none()),
        units: Vec::new(),
    };
    let hold = room.and_then(|room| room.hold.clone());
    let tree = match (arrangement, hold) {
        (Some(arrangement), None) => planner.plan(last, all, &arrangement),
        (held, hold) => {
            let (leaf_of, scale) = (observed.leaf_of(), planner.scale);
            let unplaced = Arrangement { leaf_of, first: scale, scale, weighing: scale, last: scale };
            planner.plan(last, all, &unplaced);
            held.zip(hold).and_then(|(arrangement, hold)| planner.would_change(&arrangement, hold))
        }
    };
    Some(SiteUnits { units: planner.units, tree })
}

fn is_main(shape: &Shape<'_>) -> bool {
    let (policy, place) = (shape.desired.policy, &shape.site.place);
    policy.name == place.name && policy.hosted_zone_id == place.hosted_zone_id
}

/// Places everything that will be published.
fn arrange(
    observed: &Shape<'_>,
    last: &Shape<'_>,
    all: &[&Decision],
    room: &TreeRoom,
    limits: TreeLimits,
) -> Option<Arrangement> {
    let is_tree = observed.site.is_tree();
    if !is_tree && last.entries.len() <= room.at_name {
        return None;
    }
    let instances: BTreeMap<InstanceId, Placed> = last
        .entries
        .iter()
        .map(|(instance, entry)| {
            let is_published = observed.entries.contains_key(instance);
            (instance.clone(), Placed { leaf: entry.leaf, is_published, weight: last.weight(entry) })
        })
        .collect();
    // Weights change last.
    let weight = |id: &InstanceId| {
        observed.entries.get(id).map_or(instances[id].weight, |entry| observed.weight(entry))
    };
    let staying = instances.iter().filter_map(|(id, placed)| Some((placed.leaf?, weight(id))));
    let choose = |states: [Sums; 2], now: Option<Scale>| {
        let states: Vec<Sums> = states.into_iter().filter(|sums| !sums.is_empty()).collect();
        if states.is_empty() { now } else { Some(Scale::choose(&states, now)) }
    };
    let first = choose([observed.sums(), sums_of(staying)], observed.scale());
    let placed = place(&Request {
        instances: &instances,
        is_tree,
        may_be_tree: room.may_grow,
        room_at_name: room.at_name,
        most_leaves: room.leaves,
        taken: observed.site.taken.keys().copied().collect(),
        limits,
    });
    let Some(leaf_of) = placed else {
        return Some(Arrangement {
            leaf_of: BTreeMap::new(),
            first,
            scale: None,
            weighing: None,
            last: None,
        });
    };
    let added: BTreeSet<&InstanceId> = all.iter().filter_map(|decision| added(decision)).collect();
    let sums = |with_added: bool| {
        let standing = leaf_of.iter().filter(|(id, _)| with_added || !added.contains(id));
        sums_of(standing.map(|(id, leaf)| (*leaf, weight(id))))
    };
    let in_the_end = sums_of(leaf_of.iter().map(|(id, leaf)| (*leaf, instances[id].weight)));
    let scale = choose([sums(false), sums(true)], first);
    let weighing = choose([sums(true), in_the_end.clone()], scale);
    let last = choose([Sums::new(), in_the_end], weighing);
    Some(Arrangement { leaf_of, first, scale, weighing, last })
}

fn added(decision: &Decision) -> Option<&InstanceId> {
    match &decision.difference.kind {
        DifferenceKind::Add { instance, .. } => Some(instance),
        DifferenceKind::Remove { .. }
        | DifferenceKind::Move { .. }
        | DifferenceKind::Reweight { .. }
        | DifferenceKind::Repair { .. }
        | DifferenceKind::Ttl { .. }
        | DifferenceKind::Routing { .. }
        | DifferenceKind::Tree(_)
        | DifferenceKind::Fallback { .. } => None,
    }
}

/// Goes from one shape to the next, and notes the units in between.
struct Planner<'a> {
    shape: Shape<'a>,
    scale: Option<Scale>,
    /// Whether the listing is complete. If not, the weights at a leaf are unknown, and only what is seen goes.
    is_listed: bool,
    /// Whether the tree may be changed by itself.
    may_rearrange: bool,
    units: Vec<Unit>,
}

/// What goes before the tree itself changes.
const BEFORE: [Urgency; 4] = [Urgency::RemoveDead, Urgency::Drain, Urgency::Swap, Urgency::Remove];
/// What goes afterwards.
const AFTER: [Urgency; 3] = [Urgency::Add, Urgency::Reweight, Urgency::Rewrite];

type ByUrgency<'d> = BTreeMap<Urgency, Vec<&'d Decision>>;

impl<'a> Planner<'a> {
    fn plan(&mut self, last: &Shape<'_>, all: &[&Decision], arrangement: &Arrangement) -> Option<TreeStep> {
        let mut by_urgency = ByUrgency::new();
        for decision in all {
            let is_doubled = decision.difference.instance().is_some_and(|id| self.shape.is_doubled(id));
            // Further copies take room that additions need.
            let urgency = urgency_of(decision).min(if is_doubled { Urgency::Swap } else { Urgency::Rewrite });
            by_urgency.entry(urgency).or_default().push(*decision);
        }
        if self.shape.form != Routing::Weighted {
            self.change_routing(last, &mut by_urgency, arrangement);
        }
        let first = by_urgency.keys().next().copied().unwrap_or(Urgency::Add).min(Urgency::Add);
        self.rescale(arrangement.first, first);
        let swapped = self.swap_first(last, &mut by_urgency, arrangement).then_some(Urgency::Swap);
        for urgency in BEFORE {
            let decisions = by_urgency.remove(&urgency).unwrap_or_default();
            self.step(&decisions, Together::Leaf, swapped, arrangement);
        }
        if last.form != Routing::Weighted {
            self.give_up(last, by_urgency);
            return None;
        }
        if self.shape.desired.policy.state == PoolState::Retired {
            self.drop_empty_aliases();
            return None;
        }
        let tree = self.rearrange(arrangement);
        for urgency in AFTER {
            let decisions = by_urgency.remove(&urgency).unwrap_or_default();
            if urgency == Urgency::Reweight && !decisions.is_empty() {
                self.rescale(arrangement.weighing, urgency);
            }
            let together = if urgency == Urgency::Rewrite { Together::Set } else { Together::Leaf };
            self.step(&decisions, together, None, arrangement);
        }
        self.rescale(arrangement.last, Urgency::Rewrite);
        tree
    }

    /// Puts all aliases on another scale, where the one that they are on does not fit what comes next, or where somebody
    /// took an alias away.
    fn rescale(&mut self, scale: Option<Scale>, urgency: Urgency) {
        let in_use = self.shape.entries.values().filter_map(|entry| entry.leaf);
        let all_led_to = in_use.into_iter().all(|leaf| self.shape.aliases.contains_key(&leaf));
        if !self.may_rearrange || scale.is_none() || self.scale == scale && all_led_to {
            return;
        }
        self.scale = scale;
        let mut next = self.shape.clone();
        let touched = next.every_spot();
        next.reweigh(touched.iter().copied().flatten(), scale, true);
        self.go_to(next, &touched, &[], Together::All, Some(urgency));
    }

    /// Rewrites a set of another routing as a tree, at once; what is added comes afterwards.
    fn change_routing(
        &mut self,
        last: &Shape<'_>,
        by_urgency: &mut ByUrgency<'_>,
        arrangement: &Arrangement,
    ) {
        let dead = [Urgency::RemoveDead, Urgency::Drain].map(|urgency| by_urgency.remove(&urgency));
        let dead: Vec<&Decision> = dead.into_iter().flatten().flatten().collect();
        let without = self.shape.clone().after(&dead);
        if self.shape.answers() && last.answers() && !without.answers_until(last) {
            // Nothing that answers stays: all of it is one unit.
            let all: Vec<&Decision> =
                dead.into_iter().chain(std::mem::take(by_urgency).into_values().flatten()).collect();
            return self.change_form(&all, arrangement, Urgency::Swap);
        }
        self.step(&dead, Together::All, None, arrangement);
        let is_added = |decision: &&Decision| added(decision).is_some();
        let (adds, others): (Vec<&Decision>, Vec<&Decision>) =
            std::mem::take(by_urgency).into_values().flatten().partition(is_added);
        by_urgency.insert(Urgency::Add, adds);
        self.change_form(&others, arrangement, Urgency::Add);
    }

    fn change_form(&mut self, decisions: &[&Decision], arrangement: &Arrangement, urgency: Urgency) {
        let mut next = self.shape.clone().after(decisions);
        next.stand_at(&arrangement.leaf_of);
        self.scale = arrangement.scale;
        let touched = self.shape.spots_with(&next);
        next.reweigh(touched.iter().copied().flatten(), self.scale, true);
        self.go_to(next, &touched, decisions, Together::All, Some(urgency));
    }

    /// Deletes aliases of a pool that leaves whose leaves were empty before.
    fn drop_empty_aliases(&mut self) {
        let (mut next, touched) = (self.shape.clone(), self.shape.every_spot());
        next.reweigh(touched.iter().copied().flatten(), None, self.is_listed);
        self.go_to(next, &touched, &[], Together::Leaf, Some(Urgency::Remove));
    }

    /// Rewrites a tree as a set of another routing, at once.
    fn give_up(&mut self, last: &Shape<'_>, by_urgency: ByUrgency<'_>) {
        let others: Vec<&Decision> = by_urgency.into_values().flatten().collect();
        let next = self.shape.clone().after(&others);
        let touched = self.shape.spots_with(last);
        self.go_to(next, &touched, &others, Together::All, Some(Urgency::Add));
    }

    /// Where nothing that answers stays, and something else comes: swaps one set, so that the name never stops
    /// answering; says whether it did.
    fn swap_first(
        &mut self,
        last: &Shape<'_>,
        by_urgency: &mut ByUrgency<'_>,
        arrangement: &Arrangement,
    ) -> bool {
        let going: Vec<&Decision> =
            BEFORE.iter().filter_map(|urgency| by_urgency.get(urgency)).flatten().copied().collect();
        let without = self.shape.clone().after(&going);
        let silent = self.shape.answers() && last.answers() && !without.answers_until(last);
        if !silent && !without.lacks_members_of(last, &going) {
            return false;
        }
        let adds = by_urgency.get(&Urgency::Add).into_iter().flatten();
        let spot: Spot = adds
            .filter_map(|decision| added(decision))
            .map(|id| arrangement.leaf_of.get(id).copied())
            .next()
            .flatten();
        let shape = &self.shape;
        let belongs = |decision: &&Decision| match (added(decision), decision.difference.instance()) {
            (Some(id), _) => arrangement.leaf_of.get(id).copied() == spot,
            (None, Some(id)) => {
                shape.entries.get(id).is_some_and(|entry| entry.leaf.is_none() || entry.leaf == spot)
            }
            (None, None) => true,
        };
        let mut swapped = Vec::new();
        for urgency in BEFORE.into_iter().chain([Urgency::Add]) {
            let of_urgency = by_urgency.remove(&urgency).unwrap_or_default();
            let (now, later): (Vec<&Decision>, Vec<&Decision>) = of_urgency.into_iter().partition(belongs);
            swapped.extend(now);
            by_urgency.insert(urgency, later);
        }
        if spot.is_none() {
            // What comes stands beside the aliases otherwise, and they may be as many as a set holds.
            let mut next = self.shape.clone().after(&swapped);
            next.aliases.clear();
            self.go_to(next, &self.shape.every_spot(), &swapped, Together::All, Some(Urgency::Swap));
        } else {
            self.step(&swapped, Together::All, Some(Urgency::Swap), arrangement);
        }
        true
    }

    /// Acts on some decisions, each of which touches one spot.
    fn step(
        &mut self,
        decisions: &[&Decision],
        together: Together,
        urgency: Option<Urgency>,
        arrangement: &Arrangement,
    ) {
        if decisions.is_empty() {
            return;
        }
        let mut next = self.shape.clone().after(decisions);
        let turns = !self.shape.entries.is_empty()
            && !next.entries.is_empty()
            && self.shape.all_weightless() != next.all_weightless();
        if turns && decisions.len() > 1 && together != Together::All {
            return self.step_apart(decisions, together, urgency, arrangement);
        }
        let together = if turns { Together::All } else { together };
        for instance in decisions.iter().filter_map(|decision| added(decision)) {
            if let Some(entry) = next.entries.get_mut(instance) {
                entry.leaf = arrangement.leaf_of.get(instance).copied();
            }
        }
        let mut touched = BTreeSet::new();
        for decision in decisions {
            match decision.difference.instance() {
                Some(instance) => {
                    touched.extend(self.shape.spots_of(instance));
                    touched.extend(next.spots_of(instance));
                }
                None => touched.extend(self.shape.every_spot()),
            }
        }
        if turns {
            touched.extend(next.every_spot());
            self.scale = arrangement.last.or(self.scale);
        }
        next.reweigh(touched.iter().copied().flatten(), self.scale, self.is_listed);
        self.go_to(next, &touched, decisions, together, urgency);
    }

    /// Where the first weight above 0 comes, or the last one goes, all aliases change with that one record: it goes by
    /// itself, before the others or after them.
    fn step_apart(
        &mut self,
        decisions: &[&Decision],
        together: Together,
        urgency: Option<Urgency>,
        arrangement: &Arrangement,
    ) {
        let was_weightless = self.shape.all_weightless();
        let turning = decisions.iter().position(|decision| match &decision.difference.kind {
            DifferenceKind::Add { new, .. }
            | DifferenceKind::Move { new, .. }
            | DifferenceKind::Reweight { new, .. }
            | DifferenceKind::Repair { new, .. }
                if was_weightless =>
            {
                self.shape.weight(new) > 0
            }
            _ => {
                let entry = decision.difference.instance().and_then(|id| self.shape.entries.get(id));
                entry.is_some_and(|entry| self.shape.weight(entry) > 0)
            }
        });
        let Some(turning) = turning else { return };
        let (one, mut others) = (decisions[turning], decisions.to_vec());
        others.remove(turning);
        let parts: [&[&Decision]; 2] = if was_weightless { [&[one], &others] } else { [&others, &[one]] };
        for part in parts {
            self.step(part, together, urgency, arrangement);
        }
    }

    fn go_to(
        &mut self,
        next: Shape<'a>,
        touched: &BTreeSet<Spot>,
        decisions: &[&Decision],
        together: Together,
        urgency: Option<Urgency>,
    ) {
        let builder = UnitBuilder::new(self.shape.desired, self.shape.site, decisions);
        let (from, to) = (self.shape.records_at(touched), next.records_at(touched));
        self.units.extend(builder.units(&from, &to, together, urgency));
        self.shape = next;
    }

    /// Puts the scale, the aliases and the records that stand elsewhere right.
    fn rearrange(&mut self, arrangement: &Arrangement) -> Option<TreeStep> {
        let change = self.shape.change_to(arrangement);
        let before = self.units.len();
        if !self.may_rearrange {
            return None;
        }
        if change.from == 0 || change.to == 0 {
            self.scale = arrangement.scale.or(self.scale);
            let mut next = self.shape.clone();
            next.stand_at(&arrangement.leaf_of);
            self.rebalance(next, Together::All);
        } else {
            let rescales = self.scale != arrangement.scale;
            self.scale = arrangement.scale.or(self.scale);
            self.rebalance(self.shape.clone(), if rescales { Together::All } else { Together::Leaf });
            for moves in self.shape.moves_to(&arrangement.leaf_of) {
                let mut next = self.shape.clone();
                next.stand_at(&moves);
                self.rebalance(next, Together::All);
            }
        }
        let changed = self.units.len() > before;
        changed
            .then(|| TreeStep { difference: self.difference(change), verdict: Verdict::Go(Evidence::Size) })
    }

    fn rebalance(&mut self, mut next: Shape<'a>, together: Together) {
        let touched = self.shape.spots_with(&next);
        next.reweigh(touched.iter().copied().flatten(), self.scale, true);
        self.go_to(next, &touched, &[], together, Some(Urgency::Add));
    }

    /// Returns what would change about the tree, if that were not held.
    fn would_change(&self, arrangement: &Arrangement, hold: Hold) -> Option<TreeStep> {
        let mut next = self.shape.clone();
        next.stand_at(&arrangement.leaf_of);
        let touched = self.shape.spots_with(&next);
        next.reweigh(touched.iter().copied().flatten(), arrangement.scale.or(self.scale), true);
        let change = self.shape.change_to(arrangement);
        let differs = next.records_at(&touched) != self.shape.records_at(&touched);
        differs.then(|| TreeStep { difference: self.difference(change), verdict: Verdict::Hold(hold) })
    }

    fn difference(&self, change: TreeChange) -> Difference {
        Difference { place: self.shape.site.place.clone(), kind: DifferenceKind::Tree(change) }
    }
}

impl Shape<'_> {
    /// Returns the weight with which an entry is answered.
    fn weight(&self, entry: &Entry) -> u8 {
        entry.weight.unwrap_or(self.desired.policy.default_weight)
    }

    /// Says whether no record has a weight above 0, so that all are equal.
    fn all_weightless(&self) -> bool {
        self.entries.values().all(|entry| self.weight(entry) == 0)
    }

    fn leaf_of(&self) -> BTreeMap<InstanceId, Leaf> {
        self.entries.iter().filter_map(|(id, entry)| Some((id.clone(), entry.leaf?))).collect()
    }

    fn sums(&self) -> Sums {
        let placed = self.entries.values().filter_map(|entry| Some((entry.leaf?, self.weight(entry))));
        sums_of(placed)
    }

    /// Returns the scale that the aliases are on.
    fn scale(&self) -> Option<Scale> {
        let weights = self.aliases.iter().filter_map(|(leaf, alias)| Some((*leaf, alias.weight?))).collect();
        Scale::observed(&weights, &self.sums())
    }

    fn every_spot(&self) -> BTreeSet<Spot> {
        let leaves =
            self.entries.values().map(|entry| entry.leaf).chain(self.aliases.keys().copied().map(Some));
        leaves.chain([None]).collect()
    }

    /// Returns every spot of this shape and another one.
    fn spots_with(&self, other: &Self) -> BTreeSet<Spot> {
        &self.every_spot() | &other.every_spot()
    }

    /// Puts records where they should stand; those that are not named stay.
    fn stand_at(&mut self, leaf_of: &BTreeMap<InstanceId, Leaf>) {
        let all_at_name = leaf_of.is_empty();
        for (instance, entry) in &mut self.entries {
            entry.leaf = leaf_of.get(instance).copied().or(entry.leaf.filter(|_| !all_at_name));
        }
    }

    /// Returns what moves, in parts that fit a request each: what leaves a leaf that is given up, and what comes to
    /// one that stays.
    fn moves_to(&self, leaf_of: &BTreeMap<InstanceId, Leaf>) -> Vec<BTreeMap<InstanceId, Leaf>> {
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

    fn change_to(&self, arrangement: &Arrangement) -> TreeChange {
        let now: BTreeSet<Leaf> = self.entries.values().filter_map(|entry| entry.leaf).collect();
        let then: BTreeSet<Leaf> = arrangement.leaf_of.values().copied().collect();
        let moves = |(id, entry): &(&InstanceId, &Entry)| entry.leaf != arrangement.leaf_of.get(*id).copied();
        TreeChange { from: now.len(), to: then.len(), moved: self.entries.iter().filter(moves).count() }
    }

    /// Gives the aliases of some leaves the weights that their records ask for. One whose leaf has no record goes. Where
    /// not all records are known, neither is what is left at a leaf, and its alias stays as it is.
    fn reweigh(&mut self, leaves: impl Iterator<Item = Leaf>, scale: Option<Scale>, all_known: bool) {
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
