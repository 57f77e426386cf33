//! Checks a plan before it may be executed, with code that did not make it.
//!
//! Planning decides what to do; this only knows what must never happen, and plays the batches through
//! on the record sets that were read. A plan with a fatal note cannot become a [`CheckedPlan`], and
//! nothing else can be executed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::guard::MOST_IN_SET;
use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::inventory::Inventory;
use crate::name::RecordName;
use crate::owner::{MemberText, OWNER_LABEL, OwnerMark};
use crate::plan::{Batch, Change, MOST_CHARACTERS, MOST_VALUES, Plan};
use crate::pool::{Pool, PoolState, WhenEmpty};
use crate::record_set::{ChangeAction, RecordKey, RecordSet, RecordType, RoutingKind, SetKey};

/// A rule that every plan keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Only records of this deployment's own pools are deleted.
    OnlyOwned,
    /// Records are created only at the names that the pools' documents give.
    OnlySelectedNames,
    /// A DELETE is of a record set exactly as it was read, a CREATE of one that is not there.
    Preconditions,
    /// Every DELETE of a batch stands before every CREATE.
    Order,
    /// Values, characters and record sets stay within Route 53's limits.
    Limits,
    /// One TTL in a set.
    OneTtl,
    /// A name that answers before and after a plan answers in between, and for good where the policy says so.
    NeverEmpty,
}

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintNote {
    /// The rule.
    pub rule: Rule,
    /// How it is broken.
    pub detail: String,
}

impl fmt::Display for LintNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// A plan that breaks a rule, which is a mistake in the registrar: it is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plan breaks its own rules and was not executed: {}", join(.0))]
pub struct Refused(pub Vec<LintNote>);

fn join(notes: &[LintNote]) -> String {
    notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A plan that keeps every rule.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a plan changes nothing until it is executed"]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// Checks a plan against the inventory and the pools that it was made from.
    ///
    /// # Errors
    /// When it breaks a rule.
    pub fn new(plan: Plan, pools: &[Pool], inventory: &Inventory) -> Result<Self, Refused> {
        let notes = lint(&plan, pools, inventory);
        if notes.is_empty() { Ok(Self(plan)) } else { Err(Refused(notes)) }
    }

    /// Returns the plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }

    /// Returns the plan by value.
    pub fn into_plan(self) -> Plan {
        self.0
    }
}

/// Returns every rule that the plan breaks.
#[must_use]
pub fn lint(plan: &Plan, pools: &[Pool], inventory: &Inventory) -> Vec<LintNote> {
    let policies = pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
    let active = policies.filter(|policy| policy.state != PoolState::Paused);
    let mut check = Check {
        pools,
        deployment: &plan.deployment,
        selected: active.map(|policy| (&policy.hosted_zone_id, &policy.name)).collect(),
        deleted: BTreeSet::new(),
        notes: Vec::new(),
        world: BTreeMap::new(),
    };
    for batch in &plan.batches {
        for change in batch.changes() {
            let name = &change.record.name;
            check.load(&batch.hosted_zone_id, name, inventory);
            if let (None, Ok(texts)) = (&change.record.set_identifier, name.child(OWNER_LABEL)) {
                check.load(&batch.hosted_zone_id, &texts, inventory);
            }
        }
    }
    let names: BTreeSet<(HostedZoneId, RecordName)> = check.world.keys().cloned().collect();
    let before: Vec<bool> = names.iter().map(|at| check.answers(at)).collect();
    let mut emptied: BTreeSet<&(HostedZoneId, RecordName)> = BTreeSet::new();
    for batch in &plan.batches {
        check.batch(batch);
        emptied.extend(
            names.iter().zip(&before).filter(|(at, before)| **before && !check.answers(at)).map(|(at, _)| at),
        );
    }
    for at in emptied {
        check.emptied(at);
    }
    check.notes
}

type Records = BTreeMap<RecordKey, Arc<RecordSet>>;

struct Check<'a> {
    pools: &'a [Pool],
    deployment: &'a DeploymentName,
    /// The names at which the pools may have records.
    selected: BTreeSet<(&'a HostedZoneId, &'a RecordName)>,
    /// What the batches so far deleted of the pools' own.
    deleted: BTreeSet<(HostedZoneId, RecordKey)>,
    notes: Vec<LintNote>,
    /// The records of every touched name, as they stand after the batches so far.
    world: BTreeMap<(HostedZoneId, RecordName), Records>,
}

impl Check<'_> {
    fn note(&mut self, rule: Rule, detail: String) {
        self.notes.push(LintNote { rule, detail });
    }

    fn load(&mut self, zone: &HostedZoneId, name: &RecordName, inventory: &Inventory) {
        self.world.entry((zone.clone(), name.clone())).or_insert_with(|| {
            let zone = inventory.hosted_zones.get(zone);
            let records = zone.into_iter().flat_map(|zone| zone.at_name(name));
            records.map(|record| (record.key(), record.clone())).collect()
        });
    }

    fn batch(&mut self, batch: &Batch) {
        let values: usize = batch.changes().map(|change| change.record.resource_records.len().max(1)).sum();
        let characters: usize = batch.changes().flat_map(|change| change.record.values()).map(str::len).sum();
        if values > MOST_VALUES || characters > MOST_CHARACTERS {
            self.note(Rule::Limits, format!("a batch has {values} values and {characters} characters"));
        }
        let mut created = false;
        for change in batch.changes() {
            if change.action == ChangeAction::Delete && created {
                self.note(Rule::Order, format!("DELETE of {} after a CREATE", change.record));
            }
            created |= change.action == ChangeAction::Create;
            self.change(&batch.hosted_zone_id, change);
        }
        let touched: BTreeSet<SetKey> = batch.changes().map(|change| change.record.set_key()).collect();
        for set in touched {
            self.set(&batch.hosted_zone_id, &set);
        }
    }

    fn change(&mut self, zone: &HostedZoneId, change: &Change) {
        let record = &change.record;
        let at = (zone.clone(), record.name.clone());
        let there = self.world.get(&at).and_then(|records| records.get(&record.key())).cloned();
        match (change.action, there) {
            (ChangeAction::Delete, Some(read)) if read == *record => {
                if self.owner(&read, zone).is_none() {
                    self.note(Rule::OnlyOwned, format!("DELETE of {record}, which no pool here owns"));
                }
                if let Some(records) = self.world.get_mut(&at) {
                    records.remove(&record.key());
                }
                self.deleted.insert((zone.clone(), record.key()));
            }
            (ChangeAction::Delete, _) => {
                self.note(Rule::Preconditions, format!("DELETE of {record}, which was not read like that"));
            }
            (ChangeAction::Create, Some(_)) => {
                self.note(Rule::Preconditions, format!("CREATE of {record}, which is there"));
            }
            (ChangeAction::Create, None) => {
                self.created_where_it_may(zone, record);
                self.world.entry(at).or_default().insert(record.key(), record.clone());
            }
        }
    }

    /// Returns the pool that owns a record: by its mark, or by the owner texts beside a simple set.
    fn owner(&self, record: &Arc<RecordSet>, zone: &HostedZoneId) -> Option<PoolName> {
        let ours = |deployment: &DeploymentName| deployment == self.deployment;
        if let Some(id) = &record.set_identifier {
            let mark: OwnerMark = id.parse().ok()?;
            return ours(&mark.owner.deployment).then_some(mark.owner.pool);
        }
        let texts = match record.r#type {
            RecordType::Txt => Arc::clone(record),
            _ => {
                let name = record.name.child(OWNER_LABEL).ok()?;
                let key = RecordKey {
                    set: SetKey { name: name.clone(), r#type: RecordType::Txt },
                    set_identifier: None,
                };
                self.world.get(&(zone.clone(), name))?.get(&key)?.clone()
            }
        };
        let mut marks = texts.values().filter_map(|value| value.parse::<MemberText>().ok());
        marks.find(|text| ours(&text.owner.deployment)).map(|text| text.owner.pool)
    }

    /// A create may stand at a pool's own name, at its owner text, or rewrite an owned set.
    fn created_where_it_may(&mut self, zone: &HostedZoneId, record: &RecordSet) {
        let rewrites = self.deleted.contains(&(zone.clone(), record.key()));
        let text_of = record.name.parent().filter(|_| record.name.labels().next() == Some(OWNER_LABEL));
        let selected = self.selected.contains(&(zone, text_of.as_ref().unwrap_or(&record.name)));
        if !rewrites && !selected {
            self.note(Rule::OnlySelectedNames, format!("CREATE of {record} at a name of no pool"));
        }
    }

    fn set(&mut self, zone: &HostedZoneId, set: &SetKey) {
        let Some(records) = self.world.get(&(zone.clone(), set.name.clone())) else { return };
        let of_set: Vec<&Arc<RecordSet>> =
            records.values().filter(|record| record.set_key() == *set).collect();
        let ttls: BTreeSet<u32> = of_set.iter().filter_map(|record| record.ttl_secs).collect();
        let grouped = of_set.iter().filter(|record| record.routing() != RoutingKind::Simple).count();
        let mut notes = Vec::new();
        let without = of_set.iter().any(|record| record.alias_target.is_none() && record.ttl_secs.is_none());
        if ttls.len() > 1 || without {
            notes.push((Rule::OneTtl, format!("{set} would have the TTLs {ttls:?}, or records without one")));
        }
        if grouped > MOST_IN_SET {
            notes.push((Rule::Limits, format!("{set} would have {grouped} record sets")));
        }
        for (rule, detail) in notes {
            self.note(rule, detail);
        }
    }

    fn answers(&self, at: &(HostedZoneId, RecordName)) -> bool {
        self.world.get(at).is_some_and(|records| {
            records.values().any(|record| matches!(record.r#type, RecordType::A | RecordType::Cname))
        })
    }

    /// A name that a batch left without an answer: allowed only where it ends that way and may.
    fn emptied(&mut self, at: &(HostedZoneId, RecordName)) {
        let policies = self.pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
        let must_answer = policies
            .filter(|policy| (&policy.hosted_zone_id, &policy.name) == (&at.0, &at.1))
            .any(|policy| policy.when_empty != WhenEmpty::Remove && policy.state != PoolState::Retired);
        if self.answers(at) {
            self.note(Rule::NeverEmpty, format!("{} would not answer between two batches", at.1));
        } else if must_answer {
            self.note(Rule::NeverEmpty, format!("{} would stop answering against its policy", at.1));
        }
    }
}
