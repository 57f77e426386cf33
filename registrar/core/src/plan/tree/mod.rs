//! The units of a pool whose records stand in a tree, or should: each leaf with its alias, in the order of urgency.
//!
//! What stands there is taken from one shape to the next, and each step is a consistent state of its own:
//!
//! 1. Where everything that answers now goes and something else comes, one set is swapped first.
//! 2. Records that lead nowhere by proof, those that drain, other addresses, and removals without proof: leaf by leaf,
//!    with the alias, which goes with the last record of its leaf, or before it where too few stay (`fold.rs`).
//! 3. The tree itself: another scale, records that move, leaves that are given up.
//! 4. Additions, other weights, and another TTL, leaf by leaf.
//!
//! All aliases share one scale, so that the unit of one leaf needs no other: whichever of them Route 53 has taken, every
//! record has the share that its weight asks for. Which leaf an instance stands at is decided in [`crate::tree`].

mod arrangement;
mod fold;
mod leaves;

use std::collections::{BTreeMap, BTreeSet};

use self::arrangement::{Arrangement, Ground};
use super::batch::{Unit, Urgency};
use super::builder::{Together, UnitBuilder, urgency_of};
use super::shape::{Shape, Spot};
use super::units::{SiteRules, SiteUnits};
use crate::diff::{Difference, DifferenceKind, TreeChange};
use crate::guard::{Decision, Evidence, Hold, Verdict};
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::pool::{PoolState, Routing};
use crate::tree::Scale;

/// How a tree changes by itself, and whether it may.
#[derive(Debug)]
pub(super) struct TreeStep {
    pub(super) difference: Difference,
    pub(super) verdict: Verdict,
}

/// Returns the units of a site that is a tree, or becomes one; `None` for one set.
pub(super) fn of_site(
    observed: &Shape<'_>,
    last: &Shape<'_>,
    all: &[&Decision],
    rules: SiteRules<'_>,
) -> Option<SiteUnits> {
    let room = rules.tree.filter(|_| is_main(observed));
    let ground = room.map(|room| Ground { room, limits: rules.limits });
    let wanted = ground.and_then(|ground| Arrangement::new(observed, last, ground));
    let becomes_tree = wanted.as_ref().is_some_and(|wanted| !wanted.leaf_of.is_empty());
    if !(observed.site.is_tree() || becomes_tree) {
        return None;
    }
    // Until the tree itself changes, its aliases stay on the scale that they are on.
    let scale = observed.scale().or(wanted.as_ref().and_then(|wanted| wanted.placing));
    let hold = room.and_then(|room| room.hold.clone());
    let (arrangement, held) = match (wanted, &hold) {
        (Some(wanted), None) => (wanted, None),
        (wanted, _) => (Arrangement::as_it_is(observed, scale), wanted),
    };
    let mut planner = Planner {
        ground: ground.filter(|_| hold.is_none()),
        arrangement,
        scale,
        shape: observed.clone(),
        is_listed: rules.is_listed,
        has_folded: false,
        units: Vec::new(),
    };
    let changed = planner.plan(last, all);
    let tree = changed.or_else(|| planner.would_change(&held?, hold?));
    Some(SiteUnits { units: planner.units, tree })
}

fn is_main(shape: &Shape<'_>) -> bool {
    let (policy, place) = (shape.desired.policy, &shape.site.place);
    policy.name == place.name && policy.hosted_zone_id == place.hosted_zone_id
}

/// Goes from one shape to the next, and notes the units in between.
struct Planner<'a> {
    /// Where the tree itself may change, what decides how.
    ground: Option<Ground<'a>>,
    arrangement: Arrangement,
    shape: Shape<'a>,
    scale: Option<Scale>,
    /// Whether the listing is complete. If not, the weights at a leaf are unknown, and only what is seen goes.
    is_listed: bool,
    /// Whether records moved with removals, so that they are to be arranged again.
    has_folded: bool,
    units: Vec<Unit>,
}

/// What goes before the tree itself changes.
const BEFORE: [Urgency; 4] = [Urgency::RemoveDead, Urgency::Drain, Urgency::Swap, Urgency::Remove];
/// What goes afterwards.
const AFTER: [Urgency; 3] = [Urgency::Add, Urgency::Reweight, Urgency::Rewrite];

type ByUrgency<'d> = BTreeMap<Urgency, Vec<&'d Decision>>;

/// Returns what goes before the tree itself changes.
fn going<'d>(by_urgency: &ByUrgency<'d>) -> Vec<&'d Decision> {
    BEFORE.iter().filter_map(|urgency| by_urgency.get(urgency)).flatten().copied().collect()
}

impl<'a> Planner<'a> {
    fn plan(&mut self, last: &Shape<'_>, all: &[&Decision]) -> Option<TreeStep> {
        let mut by_urgency = ByUrgency::new();
        for decision in all {
            let is_doubled = decision.difference.instance().is_some_and(|id| self.shape.is_doubled(id));
            // Further copies take room that additions need.
            let urgency = urgency_of(decision).min(if is_doubled { Urgency::Swap } else { Urgency::Rewrite });
            by_urgency.entry(urgency).or_default().push(*decision);
        }
        if self.shape.form != Routing::Weighted {
            self.change_routing(last, &mut by_urgency);
        }
        if last.form != Routing::Weighted && self.goes_silent(last, &by_urgency) {
            self.give_up(last, by_urgency, Urgency::Swap);
            return None;
        }
        let first = by_urgency.keys().next().copied().unwrap_or(Urgency::Add).min(Urgency::Add);
        self.rescale(self.arrangement.removing, first);
        let swapped = self.swap_first(last, &mut by_urgency).then_some(Urgency::Swap);
        for urgency in BEFORE {
            let decisions = by_urgency.remove(&urgency).unwrap_or_default();
            // Each step builds on those before it, so its units go when it does, whatever else they might be.
            for part in self.weights_first(decisions) {
                self.remove(&part, swapped.unwrap_or(urgency));
            }
        }
        if last.form != Routing::Weighted {
            self.give_up(last, by_urgency, Urgency::Add);
            return None;
        }
        if self.shape.desired.policy.state == PoolState::Retired {
            self.drop_empty_aliases();
            return None;
        }
        self.arrange_again(last);
        let tree = self.rearrange();
        for urgency in AFTER {
            let decisions = by_urgency.remove(&urgency).unwrap_or_default();
            if urgency == Urgency::Reweight {
                self.rescale(self.arrangement.weighing, urgency);
            }
            let together = if urgency == Urgency::Rewrite { Together::Set } else { Together::Leaf };
            for part in self.weights_first(decisions) {
                self.step(&part, together, None);
            }
        }
        self.rescale(self.arrangement.settled, Urgency::Rewrite);
        tree
    }

    /// Where no weight stays above 0, those that come to be are there before the others go: with none at all, even records
    /// of weight 0 are answered.
    fn weights_first<'d>(&self, decisions: Vec<&'d Decision>) -> [Vec<&'d Decision>; 2] {
        let touched: BTreeSet<&InstanceId> =
            decisions.iter().filter_map(|decision| decision.difference.instance()).collect();
        let mut weighty = self.shape.entries.keys().filter(|id| self.shape.weighs(id));
        if weighty.clone().any(|id| !touched.contains(id)) {
            return [decisions, Vec::new()];
        }
        let next = self.shape.clone().after(&decisions);
        let keeps_one = weighty.any(|id| next.weighs(id));
        let weighs = |decision: &Decision| decision.difference.instance().is_some_and(|id| next.weighs(id));
        let comes = |decision: &&Decision| !keeps_one && weighs(decision);
        decisions.into_iter().partition::<Vec<_>, _>(comes).into()
    }

    /// Puts all aliases on another scale, where the one that they are on does not fit what comes next, or where somebody
    /// took an alias away.
    fn rescale(&mut self, scale: Option<Scale>, urgency: Urgency) {
        let mut in_use = self.shape.entries.values().filter_map(|entry| entry.leaf);
        let all_led_to = in_use.all(|leaf| self.shape.aliases.contains_key(&leaf));
        if self.ground.is_none() || scale.is_none() || self.scale == scale && all_led_to {
            return;
        }
        self.scale = scale;
        let mut next = self.shape.clone();
        let touched = next.every_spot();
        next.reweigh(touched.iter().copied().flatten(), scale, true);
        self.go_to(next, &touched, &[], Together::All, Some(urgency));
    }

    /// Rewrites a set of another routing as a tree, at once; what is added comes afterwards.
    fn change_routing(&mut self, last: &Shape<'_>, by_urgency: &mut ByUrgency<'_>) {
        let others = by_urgency.split_off(&Urgency::Swap);
        let first: Vec<&Decision> = std::mem::take(by_urgency).into_values().flatten().collect();
        let answers = self.shape.answers();
        let goes_alone = !answers || self.shape.clone().after(&first).answers();
        if goes_alone {
            self.step(&first, Together::All, None);
        }
        let rest = first.into_iter().filter(|_| !goes_alone).chain(others.into_values().flatten());
        if answers && !self.shape.answers_until(last) {
            // Nothing that answers stays: what is left is one unit.
            return self.change_form(&rest.collect::<Vec<_>>(), Urgency::Swap);
        }
        let is_added = |decision: &&Decision| decision.difference.added().is_some();
        let (adds, others): (Vec<&Decision>, Vec<&Decision>) = rest.partition(is_added);
        by_urgency.insert(Urgency::Add, adds);
        self.change_form(&others, Urgency::Add);
    }

    fn change_form(&mut self, decisions: &[&Decision], urgency: Urgency) {
        let mut next = self.shape.clone().after(decisions);
        next.stand_at(&self.arrangement.leaf_of);
        self.scale = self.arrangement.placing;
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
    fn give_up(&mut self, last: &Shape<'_>, by_urgency: ByUrgency<'_>, urgency: Urgency) {
        let others: Vec<&Decision> = by_urgency.into_values().flatten().collect();
        let next = self.shape.clone().after(&others);
        let touched = self.shape.spots_with(last);
        self.go_to(next, &touched, &others, Together::All, Some(urgency));
    }

    /// Says whether what goes first leaves only records to which no alias leads any more: somebody took it away.
    fn goes_silent(&self, last: &Shape<'_>, by_urgency: &ByUrgency<'_>) -> bool {
        let without = self.shape.clone().after(&going(by_urgency));
        self.is_listed && last.answers() && !without.is_led_to()
    }

    /// Where nothing that answers stays, and something else comes: swaps one set, so that the name never stops
    /// answering; says whether it did.
    fn swap_first(&mut self, last: &Shape<'_>, by_urgency: &mut ByUrgency<'_>) -> bool {
        let going = going(by_urgency);
        let without = self.shape.clone().after(&going);
        let silent = self.shape.answers() && last.answers() && !without.answers_until(last);
        if !silent && !without.lacks_members_of(last, &going) {
            return false;
        }
        let adds = by_urgency.get(&Urgency::Add).into_iter().flatten();
        let spot: Spot = adds
            .filter_map(|decision| decision.difference.added())
            .map(|id| self.arrangement.leaf_of.get(id).copied())
            .next()
            .flatten();
        let shape = &self.shape;
        let belongs =
            |decision: &&Decision| match (decision.difference.added(), decision.difference.instance()) {
                (Some(id), _) => self.arrangement.leaf_of.get(id).copied() == spot,
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
            self.scale = None;
            self.go_to(next, &self.shape.every_spot(), &swapped, Together::All, Some(Urgency::Swap));
        } else {
            self.step(&swapped, Together::All, Some(Urgency::Swap));
        }
        true
    }

    /// Acts on some decisions, each of which touches one spot.
    fn step(&mut self, decisions: &[&Decision], together: Together, urgency: Option<Urgency>) {
        if decisions.is_empty() {
            return;
        }
        let mut next = self.shape.clone().after(decisions);
        let turns = self.turns_to(&next);
        if turns && decisions.len() > 1 && together != Together::All {
            let [first, then] = self.parts_of_turn(decisions);
            let at_first = if self.shape.all_weightless() { Together::All } else { together };
            self.step(&first, at_first, urgency);
            return self.step(&then, together, urgency);
        }
        let together = if turns { Together::All } else { together };
        for instance in decisions.iter().filter_map(|decision| decision.difference.added()) {
            if let Some(entry) = next.entries.get_mut(instance) {
                entry.leaf = self.arrangement.leaf_of.get(instance).copied();
            }
        }
        let mut touched = self.touched(&next, decisions);
        if turns {
            touched.extend(next.every_spot());
            // Where all are equal, leaves count their records, and the next weight above 0 turns it back.
            let equal = next.all_weightless().then(|| Scale::choose_for(&[next.sums()], self.scale));
            self.scale = equal.unwrap_or(self.arrangement.settled).or(self.scale);
        }
        next.reweigh(touched.iter().copied().flatten(), self.scale, self.is_listed);
        self.go_to(next, &touched, decisions, together, urgency);
    }

    /// Returns the spots at which decisions change something.
    fn touched(&self, next: &Shape<'_>, decisions: &[&Decision]) -> BTreeSet<Spot> {
        let of_one = |decision: &&Decision| match decision.difference.instance() {
            Some(instance) => &self.shape.spots_of(instance) | &next.spots_of(instance),
            None => self.shape.every_spot(),
        };
        decisions.iter().flat_map(of_one).collect()
    }

    /// Says whether all records become equal, or are no more: whether the first weight above 0 comes or the last goes.
    fn turns_to(&self, next: &Shape<'_>) -> bool {
        !self.shape.entries.is_empty()
            && !next.entries.is_empty()
            && self.shape.all_weightless() != next.all_weightless()
    }

    /// Where they turn, all aliases change at once. The last of those that lose their weights goes by itself, after the
    /// others; the first that gets one comes before the others, with those of its leaf, whose alias is not exact for less.
    fn parts_of_turn<'d>(&self, decisions: &[&'d Decision]) -> [Vec<&'d Decision>; 2] {
        let mut others = decisions.to_vec();
        if !self.shape.all_weightless() {
            let weighed =
                |decision: &&Decision| decision.difference.instance().is_some_and(|id| self.shape.weighs(id));
            let last = others.iter().rposition(weighed).map(|last| others.remove(last));
            return [others, last.into_iter().collect()];
        }
        let leaf = |decision: &Decision| {
            let instance = decision.difference.instance()?;
            let there = self.shape.entries.get(instance).and_then(|entry| entry.leaf);
            there.or_else(|| self.arrangement.leaf_of.get(instance).copied())
        };
        let next = self.shape.clone().after(decisions);
        let weighs = |decision: &Decision| decision.difference.instance().is_some_and(|id| next.weighs(id));
        let its_leaf = others.iter().find(|decision| weighs(decision)).map(|decision| leaf(decision));
        let with_it = others.extract_if(.., |decision| Some(leaf(decision)) == its_leaf).collect();
        [with_it, others]
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
        let (from, to) =
            (self.shape.records_unlike(&next, touched), next.records_unlike(&self.shape, touched));
        self.units.extend(builder.units(&from, &to, together, urgency));
        self.shape = next;
    }

    /// Puts the scale, the aliases and the records that stand elsewhere right.
    fn rearrange(&mut self) -> Option<TreeStep> {
        self.ground?;
        let change = self.shape.change_to(&self.arrangement);
        let before = self.units.len();
        if change.from == 0 || change.to == 0 {
            self.scale = self.arrangement.placing.or(self.scale);
            let mut next = self.shape.clone();
            next.stand_at(&self.arrangement.leaf_of);
            self.rebalance(next, Together::All);
        } else {
            let rescales = self.scale != self.arrangement.placing;
            self.scale = self.arrangement.placing.or(self.scale);
            let together = if rescales { Together::All } else { Together::Leaf };
            self.rebalance(self.shape.clone(), together);
            for moves in self.shape.moves_to(&self.arrangement.leaf_of) {
                let mut next = self.shape.clone();
                next.stand_at(&moves);
                self.rebalance(next, Together::All);
            }
        }
        let changed = self.units.len() > before;
        changed
            .then(|| TreeStep { difference: self.difference(change), verdict: Verdict::Go(Evidence::Size) })
    }

    /// Goes to a shape in which some records stand elsewhere, with the aliases that this asks for. Of thousands of records
    /// only those of the leaves in which something changes are compared.
    fn rebalance(&mut self, mut next: Shape<'a>, together: Together) {
        let leaves: BTreeSet<Leaf> = self.shape.spots_with(&next).into_iter().flatten().collect();
        next.reweigh(leaves.iter().copied(), self.scale, true);
        let differs = |leaf: &Leaf| self.shape.aliases.get(leaf) != next.aliases.get(leaf);
        let reweighed: BTreeSet<Spot> = leaves.into_iter().filter(differs).map(Some).collect();
        let pairs = self.shape.entries.values().zip(next.entries.values());
        let moved =
            pairs.filter(|(old, new)| old.leaf != new.leaf).flat_map(|(old, new)| [old.leaf, new.leaf]);
        let touched = moved.chain(reweighed).collect();
        self.go_to(next, &touched, &[], together, Some(Urgency::Add));
    }

    /// Returns what would change about the tree, if that were not held.
    fn would_change(&self, arrangement: &Arrangement, hold: Hold) -> Option<TreeStep> {
        let mut next = self.shape.clone();
        next.stand_at(&arrangement.leaf_of);
        let touched = self.shape.spots_with(&next);
        next.reweigh(touched.iter().copied().flatten(), arrangement.placing.or(self.scale), true);
        let change = self.shape.change_to(arrangement);
        let differs =
            next.records_unlike(&self.shape, &touched) != self.shape.records_unlike(&next, &touched);
        differs.then(|| TreeStep { difference: self.difference(change), verdict: Verdict::Hold(hold) })
    }

    fn difference(&self, change: TreeChange) -> Difference {
        Difference { place: self.shape.site.place.clone(), kind: DifferenceKind::Tree(change) }
    }
}
