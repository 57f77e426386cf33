//! Builds units from what stands somewhere before and after, with the evidence for each change.
//!
//! It does not decide what stands there afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::batch::{Change, Unit, Urgency};
use super::shape::{Records, Spot, spot_of};
use crate::desired::DesiredPool;
use crate::diff::DifferenceKind;
use crate::guard::{Decision, Evidence, Verdict};
use crate::ids::InstanceId;
use crate::owner::{OwnerMark, Role};
use crate::record_set::{ChangeAction, RecordKey, RecordSet};
use crate::site::Site;
use crate::standing::Standing;

/// Which changes of record sets happen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Together {
    /// Those of one record set.
    Record,
    /// Those of a leaf and its alias; at the pool's name, those of one record set.
    Leaf,
    /// Those of a leaf and its alias, or of the set at the pool's name.
    Set,
    /// All of them.
    All,
}

/// Builds units for one site.
pub(super) struct UnitBuilder<'a> {
    desired: &'a DesiredPool<'a>,
    site: &'a Site,
    going: &'a [&'a Decision],
    by_instance: BTreeMap<&'a InstanceId, &'a Decision>,
}

impl<'a> UnitBuilder<'a> {
    /// Starts with the decisions that lead from the one to the other.
    pub(super) fn new(desired: &'a DesiredPool<'a>, site: &'a Site, going: &'a [&'a Decision]) -> Self {
        let of_instance = |decision: &&'a Decision| Some((decision.difference.instance()?, *decision));
        Self { desired, site, going, by_instance: going.iter().filter_map(of_instance).collect() }
    }

    /// Returns the changes that lead from one set of records to the other. Their urgency is that of the decisions
    /// behind them, or the one that is given.
    pub(super) fn units<'r>(
        &self,
        from: &'r Records,
        to: &'r Records,
        together: Together,
        urgency: Option<Urgency>,
    ) -> Vec<Unit> {
        let side = |records: &'r Records, is_new: bool| {
            records.iter().map(move |(key, record)| (key, is_new, record))
        };
        // Two sorted runs, which sorting only merges: looking each key up takes most of a plan's time for thousands.
        let mut both: Vec<(&RecordKey, bool, &Arc<RecordSet>)> =
            side(from, false).chain(side(to, true)).collect();
        both.sort_by_key(|(key, ..)| *key);
        let mut groups: BTreeMap<(Option<Spot>, Option<&RecordKey>), Vec<Change>> = BTreeMap::new();
        for pair in both.chunk_by(|(one, ..), (other, ..)| one == other) {
            let of = |wanted: bool| {
                pair.iter().find(|(_, is_new, _)| *is_new == wanted).map(|(.., record)| *record)
            };
            let (key, old, new) = (pair[0].0, of(false), of(true));
            if old == new {
                continue;
            }
            let spot = || old.or(new).and_then(|record| spot_of(self.site, record));
            let group = match together {
                Together::Record => (None, Some(key)),
                Together::Leaf => match spot() {
                    Some(leaf) => (Some(Some(leaf)), None),
                    None => (Some(None), Some(key)),
                },
                Together::Set => (Some(spot()), None),
                Together::All => (None, None),
            };
            let changes = groups.entry(group).or_default();
            changes.extend(old.map(|record| self.change(ChangeAction::Delete, record)));
            changes.extend(new.map(|record| self.change(ChangeAction::Create, record)));
        }
        groups.into_values().map(|changes| self.unit(changes, urgency)).collect()
    }

    fn unit(&self, mut changes: Vec<Change>, urgency: Option<Urgency>) -> Unit {
        changes.sort_by_key(|change| change.action);
        let decided: Vec<&Decision> = self.behind(&changes);
        let count = |counts: fn(&Evidence) -> bool| {
            let going = decided.iter().filter_map(|decision| match &decision.verdict {
                Verdict::Go(evidence) => Some(evidence),
                Verdict::Hold(_) => None,
            });
            going.filter(|evidence| counts(evidence)).count()
        };
        Unit {
            pool: self.desired.owner.pool.clone(),
            hosted_zone_id: self.site.place.hosted_zone_id.clone(),
            name: self.site.place.name.clone(),
            urgency: urgency
                .or_else(|| decided.iter().map(|decision| urgency_of(decision)).min())
                .unwrap_or(Urgency::Add),
            budgeted: count(|evidence| matches!(evidence, Evidence::WithinBudget(_))),
            dead: count(|evidence| matches!(evidence, Evidence::Dead(_))),
            changes,
        }
    }

    /// Returns the decisions that the changes come from: those about the records' instances, those about the set where
    /// a record is nobody's, and all of them where it is everybody's.
    fn behind(&self, changes: &[Change]) -> Vec<&'a Decision> {
        let mut found: BTreeMap<&InstanceId, &'a Decision> = BTreeMap::new();
        let mut of_set = false;
        for change in changes {
            match role_of(&change.record) {
                Some(Role::Member(instance)) => match self.by_instance.get_key_value(&instance) {
                    Some((instance, decision)) => {
                        found.insert(instance, decision);
                    }
                    None => of_set = true,
                },
                Some(Role::Leaf(_)) => {}
                Some(Role::Fallback) => of_set = true,
                None => return self.going.to_vec(),
            }
        }
        let about_set =
            self.going.iter().filter(|decision| of_set && decision.difference.instance().is_none());
        found.into_values().chain(about_set.copied()).collect()
    }

    fn change(&self, action: ChangeAction, record: &Arc<RecordSet>) -> Change {
        Change { action, record: Arc::clone(record), evidence: self.evidence(record) }
    }

    /// Returns what allows a change: the decision about the record's own instance, or those about its set; all of them where
    /// the record is everybody's.
    fn evidence(&self, record: &RecordSet) -> String {
        let role = role_of(record);
        let own = match &role {
            Some(Role::Leaf(leaf)) => return format!("the weights of the records at {leaf}"),
            Some(Role::Member(instance)) => self.by_instance.get(instance),
            Some(Role::Fallback) | None => None,
        };
        if let Some(decision) = own {
            return say(decision);
        }
        let is_about = |decision: &&&Decision| role.is_none() || decision.difference.instance().is_none();
        let mut told: Vec<String> = self
            .going
            .iter()
            .filter(is_about)
            .map(|decision| format!("{}: {}", decision.difference, say(decision)))
            .collect();
        let more = told.len().saturating_sub(NAMED);
        told.truncate(NAMED);
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        if told.is_empty() { Evidence::Size.to_string() } else { told.join("; ") }
    }
}

/// How many decisions a change names.
const NAMED: usize = 3;

fn role_of(record: &RecordSet) -> Option<Role> {
    let mark: OwnerMark = record.set_identifier.as_deref()?.parse().ok()?;
    Some(mark.role)
}

/// Says how urgent what a decision asks for is.
pub(super) fn urgency_of(decision: &Decision) -> Urgency {
    let Verdict::Go(evidence) = &decision.verdict else { return Urgency::Rewrite };
    match (&decision.difference.kind, evidence) {
        (DifferenceKind::Remove { .. }, Evidence::Dead(Standing::OutOfService { .. })) => Urgency::Drain,
        (DifferenceKind::Remove { .. }, Evidence::Dead(_)) => Urgency::RemoveDead,
        (DifferenceKind::Remove { .. } | DifferenceKind::Fallback { new: None, .. }, _) => Urgency::Remove,
        (DifferenceKind::Move { .. }, _) => Urgency::Swap,
        (
            DifferenceKind::Add { .. }
            | DifferenceKind::Fallback { .. }
            | DifferenceKind::Tree(_)
            // Whoever is added afterwards takes the form that the set has then.
            | DifferenceKind::Routing { .. },
            _,
        ) => Urgency::Add,
        (DifferenceKind::Reweight { .. } | DifferenceKind::Repair { .. }, _) => Urgency::Reweight,
        (DifferenceKind::Ttl { .. }, _) => Urgency::Rewrite,
    }
}

fn say(decision: &Decision) -> String {
    match &decision.verdict {
        Verdict::Go(evidence) => evidence.to_string(),
        Verdict::Hold(hold) => hold.detail.clone(),
    }
}
