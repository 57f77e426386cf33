//! Units: what of a pool's allowed differences has to happen together, and what may go by itself.
//!
//! It decides nothing about what is allowed, and packs no requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::batch::{Change, Unit, Urgency};
use super::shape::Shape;
use crate::desired::DesiredPool;
use crate::diff::DifferenceKind;
use crate::guard::{Decision, Evidence, PoolDecisions, Verdict};
use crate::ids::{HostedZoneId, InstanceId, PoolName};
use crate::name::RecordName;
use crate::owner::{OwnerMark, Role};
use crate::pool::Routing;
use crate::record_set::{ChangeAction, RecordKey, RecordSet};
use crate::site::Site;

type Records = BTreeMap<RecordKey, Arc<RecordSet>>;

/// Turns the decisions about one site into units.
///
/// 1. Records that lead nowhere by proof go first, by themselves, so that no refused addition holds
///    them back.
/// 2. Unless that would leave a name without an answer that will have one again, or a simple set
///    without the texts that make it ours: then everything at the site is one unit.
/// 3. A change of TTL or routing rewrites the whole set, which must happen at once.
/// 4. A simple set is one record set, with its owner texts beside it: each step rewrites both.
pub(super) fn of_site(desired: &DesiredPool<'_>, site: &Site, decided: &PoolDecisions) -> Vec<Unit> {
    let going = decided.decisions.iter().filter(|decision| {
        decision.difference.place == site.place && matches!(decision.verdict, Verdict::Go(_))
    });
    let all: Vec<&Decision> = going.collect();
    if all.is_empty() {
        return Vec::new();
    }
    let observed = Shape::observed(desired, site);
    let (dead, others): (Vec<&Decision>, Vec<&Decision>) =
        all.iter().partition(|decision| matches!(decision.verdict, Verdict::Go(Evidence::Dead(_))));
    let without_dead = observed.clone().after(&dead);
    let last = observed.clone().after(&all);
    let read: Records = site.owned.iter().map(|record| (record.key(), Arc::clone(record))).collect();
    let simple = site.form.unwrap_or(desired.policy.routing) == Routing::Simple;
    let disowned = simple && !without_dead.has_members() && last.has_members();
    if observed.answers() && last.answers() && (disowned || !without_dead.answers_until(&last)) {
        let build = UnitBuilder { desired, site, going: &all };
        return build.units(&read, &last.records(), true, Urgency::Swap);
    }
    let whole = simple || others.iter().any(|decision| rewrites_set(&decision.difference.kind));
    let between = if dead.is_empty() { read.clone() } else { without_dead.records() };
    let first = UnitBuilder { desired, site, going: &dead };
    let mut units = first.units(&read, &between, simple, Urgency::RemoveDead);
    if !others.is_empty() {
        let second = UnitBuilder { desired, site, going: &others };
        units.extend(second.units(&between, &last.records(), whole, Urgency::Add));
    }
    units
}

/// Joins what a retired pool leaves and what its successor at the same name writes: at no moment is the
/// name without an answer, nor the set with two TTLs.
pub(super) fn join_handovers(units: Vec<Unit>, retired: &BTreeSet<PoolName>) -> Vec<Unit> {
    let mut by_name: BTreeMap<(HostedZoneId, RecordName), Vec<Unit>> = BTreeMap::new();
    for unit in units {
        by_name.entry((unit.hosted_zone_id.clone(), unit.name.clone())).or_default().push(unit);
    }
    by_name.into_values().flat_map(|units| join_handover(units, retired)).collect()
}

fn join_handover(units: Vec<Unit>, retired: &BTreeSet<PoolName>) -> Vec<Unit> {
    let (mut apart, joining): (Vec<Unit>, Vec<Unit>) =
        units.into_iter().partition(|unit| unit.urgency == Urgency::RemoveDead);
    let leaves = joining.iter().any(|unit| retired.contains(&unit.pool));
    let Some(mut joined) =
        joining.iter().find(|unit| !retired.contains(&unit.pool)).cloned().filter(|_| leaves)
    else {
        apart.extend(joining);
        return apart;
    };
    joined.urgency = Urgency::Swap;
    joined.budgeted = joining.iter().map(|unit| unit.budgeted).sum();
    joined.dead = joining.iter().map(|unit| unit.dead).sum();
    joined.changes = joining.into_iter().flat_map(|unit| unit.changes).collect();
    joined.changes.sort_by_key(|change| change.action);
    apart.push(joined);
    apart
}

fn rewrites_set(kind: &DifferenceKind) -> bool {
    match kind {
        DifferenceKind::Ttl { .. } | DifferenceKind::Routing { .. } => true,
        DifferenceKind::Add { .. }
        | DifferenceKind::Remove { .. }
        | DifferenceKind::Move { .. }
        | DifferenceKind::Reweight { .. }
        | DifferenceKind::Repair { .. }
        | DifferenceKind::Fallback { .. } => false,
    }
}

struct UnitBuilder<'a> {
    desired: &'a DesiredPool<'a>,
    site: &'a Site,
    going: &'a [&'a Decision],
}

impl UnitBuilder<'_> {
    /// Returns the changes that lead from one set of records to the other, as one unit or as one for
    /// each record set.
    fn units(&self, from: &Records, to: &Records, whole: bool, urgency: Urgency) -> Vec<Unit> {
        let keys: BTreeSet<&RecordKey> = from.keys().chain(to.keys()).collect();
        let differing = keys.into_iter().filter(|key| from.get(key) != to.get(key));
        let mut groups: Vec<Vec<Change>> = differing
            .map(|key| {
                let deleted = from.get(key).map(|record| self.change(ChangeAction::Delete, record));
                let created = to.get(key).map(|record| self.change(ChangeAction::Create, record));
                deleted.into_iter().chain(created).collect()
            })
            .collect();
        if whole {
            let mut all: Vec<Change> = groups.into_iter().flatten().collect();
            all.sort_by_key(|change| change.action);
            groups = if all.is_empty() { Vec::new() } else { vec![all] };
        }
        groups.into_iter().map(|changes| self.unit(changes, urgency)).collect()
    }

    fn unit(&self, changes: Vec<Change>, urgency: Urgency) -> Unit {
        let only_removes = changes.iter().all(|change| change.action == ChangeAction::Delete);
        Unit {
            pool: self.desired.owner.pool.clone(),
            hosted_zone_id: self.site.place.hosted_zone_id.clone(),
            name: self.site.place.name.clone(),
            urgency: if only_removes { urgency.min(Urgency::Remove) } else { urgency },
            budgeted: self.removals(&changes, |evidence| matches!(evidence, Evidence::WithinBudget(_))),
            dead: self.removals(&changes, |evidence| matches!(evidence, Evidence::Dead(_))),
            changes,
        }
    }

    /// Counts the removals among the changes that stand on such evidence; a unit of a simple set has all of
    /// them.
    fn removals(&self, changes: &[Change], counts: fn(&Evidence) -> bool) -> usize {
        let counted = self
            .going
            .iter()
            .filter(|decision| matches!(&decision.verdict, Verdict::Go(evidence) if counts(evidence)));
        let marks = |decision: &Decision| {
            let instance = decision.difference.instance()?.clone();
            Some(self.desired.owner.mark(Role::Member(instance)).to_string())
        };
        let in_unit = |mark: Option<String>| {
            changes.iter().any(|change| {
                change.action == ChangeAction::Delete
                    && (change.record.set_identifier.is_none() || change.record.set_identifier == mark)
            })
        };
        counted.filter(|decision| in_unit(marks(decision))).count()
    }

    fn change(&self, action: ChangeAction, record: &Arc<RecordSet>) -> Change {
        Change { action, record: Arc::clone(record), evidence: self.evidence(record) }
    }

    /// Returns what allows a change: the decision about the record's own instance, or those about its set.
    fn evidence(&self, record: &RecordSet) -> String {
        let mark: Option<OwnerMark> = record.set_identifier.as_deref().and_then(|id| id.parse().ok());
        let instance = mark.and_then(|mark| match mark.role {
            Role::Member(instance) => Some(instance),
            Role::Fallback | Role::Leaf(_) => None,
        });
        let about = |instance: &InstanceId| {
            self.going.iter().find(|decision| decision.difference.instance() == Some(instance))
        };
        if let Some(decision) = instance.as_ref().and_then(about) {
            return say(decision);
        }
        let of_set = self
            .going
            .iter()
            .filter(|decision| instance.is_none() || decision.difference.instance().is_none());
        let mut all: Vec<String> =
            of_set.map(|decision| format!("{}: {}", decision.difference, say(decision))).collect();
        let more = all.len().saturating_sub(3);
        all.truncate(3);
        if more > 0 {
            all.push(format!("and {more} more"));
        }
        all.join("; ")
    }
}

fn say(decision: &Decision) -> String {
    match &decision.verdict {
        Verdict::Go(evidence) => evidence.to_string(),
        Verdict::Hold(hold) => hold.detail.clone(),
    }
}
