//! Units: what of a pool's allowed differences has to happen together, and what may go by itself.
//!
//! It decides nothing about what is allowed, and packs no requests. Trees are taken apart in `tree`.

use std::sync::Arc;

use super::batch::{Unit, Urgency};
use super::builder::{Together, UnitBuilder};
use super::shape::{Records, Shape};
use super::tree::{self, TreeStep};
use crate::desired::DesiredPool;
use crate::diff::DifferenceKind;
use crate::guard::{Decision, Evidence, TreeRoom, Verdict};
use crate::pool::Routing;
use crate::site::Site;
use crate::tree::TreeLimits;

/// The units of one site, and how its tree changes by itself.
#[derive(Debug, Default)]
pub(super) struct SiteUnits {
    /// In the order in which they build on each other.
    pub(super) units: Vec<Unit>,
    /// What is done about the tree, or would be.
    pub(super) tree: Option<TreeStep>,
}

/// What is known of a site, and how large its sets may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteRules<'a> {
    /// Whether its hosted zone was listed to the end.
    pub(super) is_listed: bool,
    /// How much room a tree has.
    pub(super) tree: Option<&'a TreeRoom>,
    pub(super) limits: TreeLimits,
}

/// Turns the decisions about one site that go ahead into units.
///
/// 1. Records that lead nowhere by proof go first, by themselves, so that no refused addition holds
///    them back.
/// 2. Unless that would leave a name without an answer that will have one again, or a simple set
///    without the texts that make it ours: then everything at the site is one unit.
/// 3. A change of TTL or routing rewrites the whole set, which must happen at once.
/// 4. A simple set is one record set, with its owner texts beside it: each step rewrites both.
pub(super) fn of_site(
    desired: &DesiredPool<'_>,
    site: &Site,
    all: &[&Decision],
    rules: SiteRules<'_>,
) -> SiteUnits {
    let observed = Shape::observed(desired, site);
    let last = observed.clone().after(all);
    if let Some(units) = tree::of_site(&observed, &last, all, rules) {
        return units;
    }
    if all.is_empty() {
        return SiteUnits::default();
    }
    SiteUnits { units: of_one_set(&observed, &last, all), tree: None }
}

fn of_one_set(observed: &Shape<'_>, last: &Shape<'_>, all: &[&Decision]) -> Vec<Unit> {
    let (desired, site) = (observed.desired, observed.site);
    let (dead, others): (Vec<&Decision>, Vec<&Decision>) =
        all.iter().partition(|decision| matches!(decision.verdict, Verdict::Go(Evidence::Dead(_))));
    let without_dead = observed.clone().after(&dead);
    let read: Records = site.owned.iter().map(|record| (record.key(), Arc::clone(record))).collect();
    let simple = site.form.unwrap_or(desired.policy.routing) == Routing::Simple;
    let disowned = simple && !without_dead.has_members() && last.has_members();
    if observed.answers() && last.answers() && (disowned || !without_dead.answers()) {
        let build = UnitBuilder::new(desired, site, all);
        return build.units(&read, &last.records(), Together::All, Some(Urgency::Swap));
    }
    let together = |whole: bool| if whole { Together::All } else { Together::Record };
    // Requests may be cut between any two units, so what goes without proof does not go before what comes for it.
    let removals: Vec<&Decision> =
        all.iter().filter(|decision| removes(&decision.difference.kind)).copied().collect();
    let without = observed.clone().after(&removals);
    let stops = observed.answers() && last.answers() && !without.answers_until(last);
    // With no weight above 0 at all, even records of weight 0 are answered.
    let weightless = without_dead.gives_all_weights_to(last);
    let silent = stops || weightless || without.lacks_members_of(last, &removals);
    let whole = simple || silent || others.iter().any(|decision| rewrites_set(&decision.difference.kind));
    let between = if dead.is_empty() { read.clone() } else { without_dead.records() };
    let first = UnitBuilder::new(desired, site, &dead);
    let mut units = first.units(&read, &between, together(simple), None);
    if !others.is_empty() {
        let second = UnitBuilder::new(desired, site, &others);
        units.extend(second.units(&between, &last.records(), together(whole), None));
    }
    units
}

/// Says whether nothing is answered at a site any more once its proven dead are gone.
pub(super) fn falls_silent(desired: &DesiredPool<'_>, site: &Site, all: &[&Decision]) -> bool {
    let is_dead = |decision: &&Decision| matches!(decision.verdict, Verdict::Go(Evidence::Dead(_)));
    let dead: Vec<&Decision> = all.iter().copied().filter(is_dead).collect();
    !Shape::observed(desired, site).after(&dead).is_led_to()
}

fn removes(kind: &DifferenceKind) -> bool {
    matches!(kind, DifferenceKind::Remove { .. } | DifferenceKind::Fallback { new: None, .. })
}

fn rewrites_set(kind: &DifferenceKind) -> bool {
    match kind {
        DifferenceKind::Ttl { .. } | DifferenceKind::Routing { .. } => true,
        DifferenceKind::Add { .. }
        | DifferenceKind::Remove { .. }
        | DifferenceKind::Move { .. }
        | DifferenceKind::Reweight { .. }
        | DifferenceKind::Repair { .. }
        | DifferenceKind::Tree(_)
        | DifferenceKind::Fallback { .. } => false,
    }
}
