//! Checks a plan before it may be executed, with code that did not make it.
//!
//! Planning decides what to do; this only knows what must never happen, and plays the batches through
//! on the record sets that were read. Only a [`CheckedPlan`] can be executed; a pool whose changes break a
//! rule is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::adopt::Adoption;
use crate::guard::MOST_IN_SET;
use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::inventory::Inventory;
use crate::leaf::Leaf;
use crate::name::RecordName;
use crate::owner::{MemberText, OWNER_LABEL, OwnerMark, Role};
use crate::plan::{Batch, Change, MOST_CHARACTERS, MOST_VALUES, Plan, Unit};
use crate::pool::{Pool, PoolState, WhenEmpty};
use crate::record_set::{ChangeAction, RecordKey, RecordSet, RecordType, RoutingKind, SetKey};
use crate::site::Place;

/// A rule that every plan keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Only records of this deployment's own pools are deleted.
    OnlyOwned,
    /// Records are created only at the names that the pools' documents give.
    OnlySelectedNames,
    /// A DELETE is of a record set exactly as it was read, a CREATE of one that is not there.
    Preconditions,
    /// Values, characters and record sets stay within Route 53's limits.
    Limits,
    /// One TTL in a set.
    OneTtl,
    /// A name that answers before and after a plan answers in between, and for good where the policy says so.
    NeverEmpty,
    /// An alias of a pool's leads to a leaf that has records.
    AliasTarget,
}

/// A rule that a plan breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintNote {
    /// The rule.
    pub rule: Rule,
    /// The pools whose changes break it; none where it is nobody's in particular.
    pub pools: BTreeSet<PoolName>,
    /// How it is broken.
    pub detail: String,
}

impl fmt::Display for LintNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.detail)
    }
}

/// A plan that breaks a rule in a way that is no single pool's: it is refused as a whole.
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
    /// To break a rule is a mistake of the registrar's. A pool whose changes do is left as it is, with an
    /// error that says so, and the others go on.
    ///
    /// # Errors
    /// When a rule is broken and no pool can be named.
    pub fn new(plan: Plan, pools: &[Pool], inventory: &Inventory) -> Result<Self, Refused> {
        Self::check(plan, pools, inventory, &BTreeSet::new())
    }

    /// Checks an adoption in the same way. It deletes records that are not owned: exactly those that it names, each
    /// with the record that takes its place in the same batch.
    ///
    /// # Errors
    /// When a rule is broken and no pool can be named.
    pub fn adopting(adoption: &Adoption, pools: &[Pool], inventory: &Inventory) -> Result<Self, Refused> {
        Self::check(adoption.to_plan(), pools, inventory, &adoption.keys())
    }

    fn check(
        mut plan: Plan,
        pools: &[Pool],
        inventory: &Inventory,
        adopted: &ForeignKeys,
    ) -> Result<Self, Refused> {
        loop {
            let notes = lint_adopting(&plan, pools, inventory, adopted);
            let at_fault: BTreeSet<PoolName> = notes.iter().flat_map(|note| note.pools.clone()).collect();
            if notes.is_empty() {
                return Ok(Self(plan));
            }
            if at_fault.is_empty() {
                return Err(Refused(notes));
            }
            for pool in &at_fault {
                let own: Vec<LintNote> =
                    notes.iter().filter(|note| note.pools.contains(pool)).cloned().collect();
                plan.set_aside(pool, &join(&own));
            }
        }
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
    lint_adopting(plan, pools, inventory, &BTreeSet::new())
}

/// Returns every rule that the plan breaks, where the records of others with these keys may be taken over.
#[must_use]
pub fn lint_adopting(
    plan: &Plan,
    pools: &[Pool],
    inventory: &Inventory,
    adopted: &ForeignKeys,
) -> Vec<LintNote> {
    let policies = pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
    let active = policies.filter(|policy| policy.state != PoolState::Paused);
    let mut check = Check {
        pools,
        deployment: &plan.deployment,
        adopted,
        selected: active.map(|policy| (&policy.hosted_zone_id, &policy.name)).collect(),
        deleted: BTreeSet::new(),
        notes: Vec::new(),
        world: BTreeMap::new(),
    };
    for (batch, change) in
        plan.batches.iter().flat_map(|batch| batch.changes().map(move |change| (batch, change)))
    {
        let name = &change.record.name;
        check.load(&batch.hosted_zone_id, name, inventory);
        let targets = change.record.alias_target.as_ref().map(|alias| &alias.dns_name);
        for name in targets.into_iter().chain(Leaf::of(name).as_ref().map(|(_, above)| above)) {
            check.load(&batch.hosted_zone_id, name, inventory);
        }
        if let (None, Ok(texts)) = (&change.record.set_identifier, name.child(OWNER_LABEL)) {
            check.load(&batch.hosted_zone_id, &texts, inventory);
        }
    }
    // Whether a leaf answers by itself is nobody's concern: clients ask for the name above it.
    let asked_for = check.world.keys().filter(|place| !check.is_leaf(place) && answers(&check.world, place));
    let names: Vec<Place> = asked_for.cloned().collect();
    let mut emptied: BTreeSet<&Place> = BTreeSet::new();
    for batch in &plan.batches {
        check.batch(batch, inventory);
        emptied.extend(names.iter().filter(|place| !answers(&check.world, place)));
    }
    for place in emptied {
        check.emptied(place, plan);
    }
    check.notes
}

/// Records of others, by hosted zone.
pub type ForeignKeys = BTreeSet<(HostedZoneId, RecordKey)>;

type Records = Vec<Arc<RecordSet>>;

type World = BTreeMap<Place, Records>;

struct Check<'a> {
    pools: &'a [Pool],
    deployment: &'a DeploymentName,
    /// Records of others that may be deleted where a record of the pool takes their place.
    adopted: &'a ForeignKeys,
    /// The names at which the pools may have records.
    selected: BTreeSet<(&'a HostedZoneId, &'a RecordName)>,
    /// What the batches so far deleted of the pools' own.
    deleted: BTreeSet<(HostedZoneId, RecordKey)>,
    notes: Vec<LintNote>,
    /// The records of every touched name, as they stand after the batches so far.
    world: World,
}

fn place(zone: &HostedZoneId, name: &RecordName) -> Place {
    Place { hosted_zone_id: zone.clone(), name: name.clone() }
}

fn answers(world: &World, place: &Place) -> bool {
    let answers = |record: &Arc<RecordSet>| match record.r#type {
        RecordType::A => target(place, record).is_none_or(|target| has_records(world, &target)),
        RecordType::Cname => true,
        RecordType::Ns | RecordType::Soa | RecordType::Txt | RecordType::Other(_) => false,
    };
    world.get(place).is_some_and(|records| records.iter().any(answers))
}

/// Returns where an alias to a leaf leads.
fn target(place: &Place, record: &RecordSet) -> Option<Place> {
    let mark: OwnerMark = record.set_identifier.as_deref()?.parse().ok()?;
    let alias = record.alias_target.as_ref().filter(|_| matches!(mark.role, Role::Leaf(_)))?;
    let is_here = alias.hosted_zone_id == place.hosted_zone_id.as_str();
    is_here.then(|| self::place(&place.hosted_zone_id, &alias.dns_name))
}

/// Says whether something of type A stands at a place; of one that was not looked at, nobody knows otherwise.
fn has_records(world: &World, place: &Place) -> bool {
    world.get(place).is_none_or(|records| records.iter().any(|record| record.r#type == RecordType::A))
}

impl Check<'_> {
    fn note(&mut self, rule: Rule, pools: impl IntoIterator<Item = PoolName>, detail: String) {
        self.notes.push(LintNote { rule, pools: pools.into_iter().collect(), detail });
    }

    /// Says whether a place is a leaf of a pool's.
    fn is_leaf(&self, place: &Place) -> bool {
        Leaf::of(&place.name)
            .is_some_and(|(_, above)| self.selected.contains(&(&place.hosted_zone_id, &above)))
    }

    fn load(&mut self, zone: &HostedZoneId, name: &RecordName, inventory: &Inventory) {
        self.world.entry(place(zone, name)).or_insert_with(|| {
            let zone = inventory.hosted_zones.get(zone);
            zone.into_iter().flat_map(|zone| zone.at_name(name)).map(Arc::clone).collect()
        });
    }

    fn batch(&mut self, batch: &Batch, inventory: &Inventory) {
        let values: usize = batch.changes().map(|change| change.record.resource_records.len().max(1)).sum();
        let characters: usize = batch.changes().flat_map(|change| change.record.values()).map(str::len).sum();
        if values > MOST_VALUES || characters > MOST_CHARACTERS {
            // A unit is never split, so that only one that fills a batch by itself can be at fault.
            let alone = batch.units.iter().filter(|_| batch.units.len() == 1).map(|unit| unit.pool.clone());
            self.note(
                Rule::Limits,
                alone,
                format!("a batch has {values} values and {characters} characters"),
            );
        }
        let mut touched: BTreeMap<SetKey, BTreeSet<PoolName>> = BTreeMap::new();
        let mut above: BTreeMap<Place, BTreeSet<PoolName>> = BTreeMap::new();
        for (unit, change) in batch.attributed_changes() {
            touched.entry(change.record.set_key()).or_default().insert(unit.pool.clone());
            let name = &change.record.name;
            let name = Leaf::of(name).map_or_else(|| name.clone(), |(_, above)| above);
            above.entry(place(&batch.hosted_zone_id, &name)).or_default().insert(unit.pool.clone());
        }
        let places: BTreeSet<Place> = above.keys().cloned().collect();
        let before = self.dangling(&places);
        for (unit, change) in batch.attributed_changes() {
            self.change(unit, change);
        }
        // An alias to an empty leaf answers nothing to those who draw it. In part of a listing, nobody knows which is.
        let is_listed =
            inventory.hosted_zones.get(&batch.hosted_zone_id).is_some_and(|zone| zone.gap.is_none());
        for (key, (at, alias)) in self.dangling(&places) {
            if is_listed && !before.contains_key(&key) {
                let pools = above.get(&at).cloned().unwrap_or_default();
                self.note(Rule::AliasTarget, pools, format!("{alias} would lead to nothing"));
            }
        }
        for (set, pools) in touched {
            self.set(&place(&batch.hosted_zone_id, &set.name), &set, pools, inventory);
        }
    }

    /// Returns the pools' own aliases at these places that lead to nothing.
    fn dangling(&self, places: &BTreeSet<Place>) -> BTreeMap<RecordKey, (Place, Arc<RecordSet>)> {
        let at = |place: &Place| {
            self.world
                .get(place)
                .into_iter()
                .flatten()
                .map(|record| (place.clone(), Arc::clone(record)))
                .collect::<Vec<_>>()
        };
        let records = places.iter().flat_map(at);
        let dangling = records.filter(|(at, record)| {
            self.owner(record, &at.hosted_zone_id).is_some()
                && target(at, record).is_some_and(|target| !has_records(&self.world, &target))
        });
        dangling.map(|(at, record)| (record.key(), (at, record))).collect()
    }

    fn change(&mut self, unit: &Unit, change: &Change) {
        let (zone, record) = (&unit.hosted_zone_id, &change.record);
        let at = place(zone, &record.name);
        let there = self.find(&at, record);
        let mut note =
            |rule, detail| self.notes.push(LintNote { rule, pools: [unit.pool.clone()].into(), detail });
        match (change.action, there) {
            (ChangeAction::Delete, Some(read)) if read == *record => {
                if self.owner(&read, zone).is_none() && !self.is_taken_over(unit, record) {
                    let detail = format!("DELETE of {record}, which no pool here owns");
                    self.note(Rule::OnlyOwned, [unit.pool.clone()], detail);
                }
                if let Some(records) = self.world.get_mut(&at) {
                    records.retain(|there| !is_same(there, record));
                }
                self.deleted.insert((zone.clone(), record.key()));
            }
            (ChangeAction::Delete, _) => {
                note(Rule::Preconditions, format!("DELETE of {record}, which was not read like that"));
            }
            (ChangeAction::Create, Some(_)) => {
                note(Rule::Preconditions, format!("CREATE of {record}, which is there"));
            }
            (ChangeAction::Create, None) => {
                self.created_where_it_may(unit, record);
                self.world.entry(at).or_default().push(Arc::clone(record));
            }
        }
    }

    /// Says whether a record of somebody else is one of those to be adopted, and the same unit writes it again with
    /// nothing changed but its mark and the set's TTL.
    fn is_taken_over(&self, unit: &Unit, record: &RecordSet) -> bool {
        let marked = |id: Option<&str>| id.and_then(|id| id.parse::<OwnerMark>().ok()).map(|mark| mark.owner);
        let ours = |created: &RecordSet| {
            marked(created.set_identifier.as_deref())
                .is_some_and(|owner| owner.deployment == *self.deployment && owner.pool == unit.pool)
        };
        let same = |created: &RecordSet| {
            let (set_identifier, ttl_secs) = (record.set_identifier.clone(), record.ttl_secs);
            RecordSet { set_identifier, ttl_secs, ..created.clone() } == *record
        };
        let mut created = unit.changes.iter().filter(|change| change.action == ChangeAction::Create);
        self.adopted.contains(&(unit.hosted_zone_id.clone(), record.key()))
            && marked(record.set_identifier.as_deref()).is_none()
            && created.any(|change| ours(&change.record) && same(&change.record))
    }

    fn find(&self, at: &Place, record: &RecordSet) -> Option<Arc<RecordSet>> {
        self.world.get(at)?.iter().find(|there| is_same(there, record)).cloned()
    }

    /// Returns the pool that owns a record: by its mark, or by the owner texts beside a simple set.
    fn owner(&self, record: &Arc<RecordSet>, zone: &HostedZoneId) -> Option<PoolName> {
        let ours = |deployment: &DeploymentName| deployment == self.deployment;
        if let Some(id) = &record.set_identifier {
            let mark: OwnerMark = id.parse().ok()?;
            return ours(&mark.owner.deployment).then_some(mark.owner.pool);
        }
        let texts = if record.r#type == RecordType::Txt {
            Arc::clone(record)
        } else {
            let name = record.name.child(OWNER_LABEL).ok()?;
            let of_name = self.world.get(&place(zone, &name))?;
            Arc::clone(of_name.iter().find(|record| record.r#type == RecordType::Txt)?)
        };
        let mut marks = texts.values().filter_map(|value| value.parse::<MemberText>().ok());
        marks.find(|text| ours(&text.owner.deployment)).map(|text| text.owner.pool)
    }

    /// A create may stand at a pool's own name, at its owner text, or rewrite an owned set.
    fn created_where_it_may(&mut self, unit: &Unit, record: &RecordSet) {
        let zone = &unit.hosted_zone_id;
        let rewrites = self.deleted.contains(&(zone.clone(), record.key()));
        let text_of = record.name.parent().filter(|_| record.name.labels().next() == Some(OWNER_LABEL));
        let above = text_of.or_else(|| Leaf::of(&record.name).map(|(_, above)| above));
        let names = [Some(&record.name), above.as_ref()];
        let selected = names.into_iter().flatten().any(|name| self.selected.contains(&(zone, name)));
        if !rewrites && !selected {
            let detail = format!("CREATE of {record} at a name of no pool");
            self.note(Rule::OnlySelectedNames, [unit.pool.clone()], detail);
        }
    }

    /// A set that broke a rule as it was read may be mended step by step, and not made worse.
    fn set(&mut self, at: &Place, set: &SetKey, pools: BTreeSet<PoolName>, inventory: &Inventory) {
        let zone = inventory.hosted_zones.get(&at.hosted_zone_id);
        let before = SetFigures::of(zone.into_iter().flat_map(|zone| zone.set(set)));
        let now = self.world.get(at).into_iter().flatten();
        let after = SetFigures::of(now.filter(|record| record.r#type == set.r#type));
        if after.ttls.len() > 1 && !after.ttls.is_subset(&before.ttls) {
            let detail = format!("{set} would have the TTLs {:?}", after.ttls);
            self.note(Rule::OneTtl, pools.clone(), detail);
        }
        if after.without_ttl > before.without_ttl {
            self.note(Rule::OneTtl, pools.clone(), format!("{set} would have a record without a TTL"));
        }
        if after.grouped > MOST_IN_SET && after.grouped > before.grouped {
            let detail = format!("{set} would have {} record sets", after.grouped);
            self.note(Rule::Limits, pools, detail);
        }
    }

    /// A name that a batch left without an answer: allowed only where it ends that way, and the pools whose
    /// records went may let it.
    fn emptied(&mut self, at: &Place, plan: &Plan) {
        let units = plan.batches.iter().flat_map(|batch| &batch.units);
        let here = units.filter(|unit| (&unit.hosted_zone_id, &unit.name) == (&at.hosted_zone_id, &at.name));
        let changed: BTreeSet<PoolName> = here.map(|unit| unit.pool.clone()).collect();
        if answers(&self.world, at) {
            return self.note(
                Rule::NeverEmpty,
                changed,
                format!("{at} would not answer between two batches"),
            );
        }
        let must_answer = |pool: &&Pool| {
            pool.policy.as_ref().is_ok_and(|policy| {
                (&policy.hosted_zone_id, &policy.name) == (&at.hosted_zone_id, &at.name)
                    && policy.when_empty != WhenEmpty::Remove
                    && policy.state != PoolState::Retired
            })
        };
        let at_fault: BTreeSet<PoolName> = self
            .pools
            .iter()
            .filter(must_answer)
            .map(|pool| pool.name.clone())
            .filter(|pool| changed.contains(pool))
            .collect();
        if !at_fault.is_empty() {
            let detail = format!("{at} would stop answering against its policy");
            self.note(Rule::NeverEmpty, at_fault, detail);
        }
    }
}

/// Says whether two record sets have the same key.
fn is_same(one: &RecordSet, other: &RecordSet) -> bool {
    one.set_identifier == other.set_identifier && one.r#type == other.r#type && one.name == other.name
}

/// What the rules say about a set, in figures.
struct SetFigures {
    ttls: BTreeSet<u32>,
    without_ttl: usize,
    grouped: usize,
}

impl SetFigures {
    fn of<'a>(records: impl Iterator<Item = &'a Arc<RecordSet>>) -> Self {
        let of_set: Vec<&Arc<RecordSet>> = records.collect();
        let values = of_set.iter().filter(|record| record.alias_target.is_none());
        Self {
            ttls: of_set.iter().filter_map(|record| record.ttl_secs).collect(),
            without_ttl: values.filter(|record| record.ttl_secs.is_none()).count(),
            grouped: of_set.iter().filter(|record| record.routing() != RoutingKind::Simple).count(),
        }
    }
}
