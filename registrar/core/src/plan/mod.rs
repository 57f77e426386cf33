//! The plan: exact change batches within Route 53's limits, with nothing left to decide.
//!
//! [`Plan::new`] is the whole way from an inventory to batches. It does not submit anything, and it
//! does not check itself: [`crate::lint`] does, with code that did not make the plan.

mod batch;
mod human;
mod json;
mod shape;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use batch::{Batch, Change, ChangeBatchDocument, MOST_CHARACTERS, MOST_VALUES, Unit};
pub use json::PlanDocument;

use crate::desired::DesiredPool;
use crate::diff::{Difference, DifferenceKind, PoolDiff};
use crate::guard::{Decision, Evidence, Guard, Hold, HoldReason, PoolDecisions, RemovalLedger, Verdict};
use crate::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName};
use crate::inventory::{Gap, HostedZone, Inventory};
use crate::owner::{Owner, OwnerMark, Role};
use crate::pool::{Policy, Pool, PoolState, Routing};
use crate::record_set::{ChangeAction, RecordKey, RecordSet, SetKey};
use crate::site::{MarkedNames, Site, Sites};
use crate::standing::{MemberState, SelectionIndex};
use shape::Shape;

/// Everything that planning reads.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The deployment whose records are planned.
    pub deployment: &'a DeploymentName,
    /// Its pools.
    pub pools: &'a [Pool],
    /// What was seen.
    pub inventory: &'a Inventory,
    /// The removals that count against budgets.
    pub ledger: &'a RemovalLedger,
}

/// What is to be done about every pool, and what is not.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a plan changes nothing until it is executed"]
pub struct Plan {
    /// The deployment.
    pub deployment: DeploymentName,
    /// When the look started that it is based on.
    pub observed_at: Timestamp,
    /// One entry for each pool, by name.
    pub pools: Vec<PoolPlan>,
    /// The requests, in order.
    pub batches: Vec<Batch>,
    /// The sets that the batches touch, as they were read: the preconditions.
    pub observed: BTreeMap<(HostedZoneId, SetKey), Vec<Arc<RecordSet>>>,
    /// The reads that were incomplete.
    pub gaps: Vec<Gap>,
}

/// What is to be done about one pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolPlan {
    /// The pool.
    pub name: PoolName,
    /// A line about its name, routing and TTL; absent where the document cannot be read.
    pub headline: Option<String>,
    /// Members by state.
    pub members: BTreeMap<MemberState, usize>,
    /// Records that it has now.
    pub records: usize,
    /// The differences that go ahead, with what allows them.
    pub steps: Vec<(Difference, Evidence)>,
    /// The changes that they come to.
    pub changes: Vec<Change>,
    /// What is held back.
    pub held_back: Vec<HeldBack>,
    /// What an operator has to put right.
    pub errors: Vec<String>,
    /// How many of the removals count against the budget.
    pub budget_spent: usize,
}

/// Something that is not done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// The record's set identifier, where one record is meant.
    pub set_identifier: Option<String>,
    /// What would have been done.
    pub difference: Option<String>,
    /// Why it is not.
    pub hold: Hold,
}

impl Plan {
    /// Plans every pool: observe → desired → diff → guard → batches.
    pub fn new(input: PlanInput<'_>) -> Self {
        let policies = input.pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
        let index = SelectionIndex::new(policies, input.inventory);
        let zones = &input.inventory.hosted_zones;
        let marked: BTreeMap<&HostedZoneId, MarkedZone<'_>> =
            zones.iter().map(|(id, zone)| (id, (zone, MarkedNames::find(zone)))).collect();
        let conflicts = name_conflicts(input.pools);
        let mut plan = Self {
            deployment: input.deployment.clone(),
            observed_at: input.inventory.observed_at,
            pools: Vec::new(),
            batches: Vec::new(),
            observed: BTreeMap::new(),
            gaps: input.inventory.gaps(),
        };
        let mut units = Vec::new();
        for pool in input.pools {
            let error = conflicts.get(&pool.name).cloned();
            let (pool_plan, pool_units) = match sound(pool, error, &marked) {
                Ok((policy, zone)) => plan_pool(&input, &pool.name, policy, zone, &index),
                Err(error) => (PoolPlan::held(&pool.name, error), Vec::new()),
            };
            plan.pools.push(pool_plan);
            units.extend(pool_units);
        }
        plan.pools.sort_by(|one, other| one.name.cmp(&other.name));
        plan.batches = batch::pack(units);
        plan.observed = observed_sets(&plan.batches, zones);
        plan
    }

    /// Counts the changes of all batches.
    #[must_use]
    pub fn change_count(&self) -> usize {
        self.batches.iter().map(|batch| batch.changes().count()).sum()
    }

    /// Counts what is held back in all pools.
    #[must_use]
    pub fn held_back_count(&self) -> usize {
        self.pools.iter().map(|pool| pool.held_back.len()).sum()
    }

    /// Says whether any pool has an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.pools.iter().any(|pool| !pool.errors.is_empty())
    }

    /// Returns the removals that count against budgets, for the ledger, which is written before a batch.
    pub fn budget_spent(&self) -> impl Iterator<Item = (&PoolName, usize)> {
        self.pools.iter().filter(|pool| pool.budget_spent > 0).map(|pool| (&pool.name, pool.budget_spent))
    }
}

/// A hosted zone and where marks stand in it.
type MarkedZone<'a> = (&'a HostedZone, MarkedNames);

impl PoolPlan {
    fn held(name: &PoolName, error: String) -> Self {
        Self {
            name: name.clone(),
            headline: None,
            members: BTreeMap::new(),
            records: 0,
            steps: Vec::new(),
            changes: Vec::new(),
            held_back: Vec::new(),
            errors: vec![error],
            budget_spent: 0,
        }
    }
}

/// Returns the pools that cannot go ahead because another one claims their name. A retired pool claims
/// nothing: it only leaves.
fn name_conflicts(pools: &[Pool]) -> BTreeMap<PoolName, String> {
    let mut claims: BTreeMap<(&HostedZoneId, &crate::name::RecordName), Vec<&PoolName>> = BTreeMap::new();
    for pool in pools {
        if let Ok(policy) = &pool.policy
            && policy.state != PoolState::Retired
        {
            claims.entry((&policy.hosted_zone_id, &policy.name)).or_default().push(&pool.name);
        }
    }
    let mut conflicts = BTreeMap::new();
    for ((_, name), pools) in claims.into_iter().filter(|(_, pools)| pools.len() > 1) {
        let names: Vec<&str> = pools.iter().map(|pool| pool.as_str()).collect();
        let error = format!(
            "pools {} claim the same name {name} (hint: give each a name of its own, or set one to \"retired\")",
            names.join(" and ")
        );
        conflicts.extend(pools.into_iter().map(|pool| (pool.clone(), error.clone())));
    }
    conflicts
}

/// Returns what is needed to plan a pool, or why it is held as it is.
fn sound<'a>(
    pool: &'a Pool,
    conflict: Option<String>,
    zones: &'a BTreeMap<&HostedZoneId, MarkedZone<'a>>,
) -> Result<(&'a Policy, &'a MarkedZone<'a>), String> {
    let policy = match &pool.policy {
        Ok(policy) => policy,
        Err(error) => return Err(format!("{error} (hint: {})", error.hint)),
    };
    if let Some(conflict) = conflict {
        return Err(conflict);
    }
    let Some(zone) = zones.get(&policy.hosted_zone_id) else {
        return Err(format!(
            "record.hosted_zone_id: hosted zone {} was not read (hint: check the id)",
            policy.hosted_zone_id
        ));
    };
    match &zone.0.origin {
        Some(origin) if !policy.name.is_within(origin) => Err(format!(
            "record.name: {} is outside the hosted zone {origin} (hint: use a name that ends in .{origin})",
            policy.name
        )),
        Some(_) | None => Ok((policy, zone)),
    }
}

fn plan_pool(
    input: &PlanInput<'_>,
    name: &PoolName,
    policy: &Policy,
    (zone, marked): &MarkedZone<'_>,
    index: &SelectionIndex<'_>,
) -> (PoolPlan, Vec<Unit>) {
    let owner = Owner { deployment: input.deployment.clone(), pool: name.clone() };
    let sites = marked.sites(&owner, &policy.name, policy.routing, zone);
    let desired = DesiredPool::new(owner, policy, index, &sites, input.inventory);
    let window = policy.max_removals.window;
    let guard = Guard {
        desired: &desired,
        sites: &sites,
        zone_gap: zone.gap.as_ref(),
        already_spent: input.ledger.spent(name, window, input.inventory.observed_at),
    };
    let decided = guard.decide(PoolDiff::new(&desired, &sites));
    let units: Vec<Unit> = sites.all().flat_map(|site| site_units(&desired, site, &decided)).collect();
    (describe(&desired, &sites, decided, &units), units)
}

/// Turns the decisions about one site into units.
///
/// 1. Records that lead nowhere by proof go first, by themselves, so that no refused addition holds
///    them back.
/// 2. Unless that would leave a name without an answer that will have one again: then everything
///    at the site is one unit.
/// 3. A change of TTL or routing rewrites the whole set, which must happen at once.
/// 4. Of a simple set everything is one record set anyway.
fn site_units(desired: &DesiredPool<'_>, site: &Site, decided: &PoolDecisions) -> Vec<Unit> {
    let decisions: Vec<&Decision> =
        decided.decisions.iter().filter(|decision| decision.difference.name == site.name).collect();
    let going: Vec<&Decision> =
        decisions.into_iter().filter(|decision| matches!(decision.verdict, Verdict::Go(_))).collect();
    if going.is_empty() {
        return Vec::new();
    }
    let observed = Shape::observed(desired, site);
    let without_dead = observed.clone().after(&going, true);
    let last = observed.clone().after(&going, false);
    let gap_between = observed.answers() && last.answers() && !without_dead.answers_until(&last);
    let simple = site.form.unwrap_or(desired.policy.routing) == Routing::Simple;
    let whole = gap_between || simple || going.iter().any(|decision| rewrites_set(&decision.difference.kind));
    let read: BTreeMap<RecordKey, Arc<RecordSet>> =
        site.owned.iter().map(|record| (record.key(), record.clone())).collect();
    let build = UnitBuilder { desired, going: &going };
    if gap_between || simple {
        let dead = going.iter().any(|decision| matches!(decision.verdict, Verdict::Go(Evidence::Dead(_))));
        return build.units(&read, &last.records(), true, dead);
    }
    let between = without_dead.records();
    let mut units = build.units(&read, &between, false, true);
    units.extend(build.units(&between, &last.records(), whole, false));
    units
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
    going: &'a [&'a Decision],
}

impl UnitBuilder<'_> {
    /// Returns the changes that lead from one set of records to the other, as one unit or as one for
    /// each record set.
    fn units(
        &self,
        from: &BTreeMap<RecordKey, Arc<RecordSet>>,
        to: &BTreeMap<RecordKey, Arc<RecordSet>>,
        whole: bool,
        removes_dead: bool,
    ) -> Vec<Unit> {
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
        groups
            .into_iter()
            .map(|changes| Unit {
                pool: self.desired.owner.pool.clone(),
                hosted_zone_id: self.desired.policy.hosted_zone_id.clone(),
                removes_dead,
                budgeted: self.budgeted(&changes),
                changes,
            })
            .collect()
    }

    /// Counts the removals among the changes that nothing proves; a unit of a simple set has all of them.
    fn budgeted(&self, changes: &[Change]) -> usize {
        let budgeted = self
            .going
            .iter()
            .filter(|decision| matches!(decision.verdict, Verdict::Go(Evidence::WithinBudget(_))));
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
        budgeted.filter(|decision| in_unit(marks(decision))).count()
    }

    fn change(&self, action: ChangeAction, record: &Arc<RecordSet>) -> Change {
        Change { action, record: Arc::clone(record), evidence: self.evidence(record) }
    }

    /// Returns what allows a change: the decision about the record's own instance, or those about its set.
    fn evidence(&self, record: &RecordSet) -> String {
        let mark: Option<OwnerMark> = record.set_identifier.as_deref().and_then(|id| id.parse().ok());
        let instance = mark.and_then(|mark| match mark.role {
            Role::Member(instance) => Some(instance),
            Role::Fallback => None,
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

fn describe(desired: &DesiredPool<'_>, sites: &Sites, decided: PoolDecisions, units: &[Unit]) -> PoolPlan {
    let policy = desired.policy;
    let mut members = BTreeMap::new();
    for standing in desired.standings.values() {
        *members.entry(standing.member_state()).or_insert(0) += 1;
    }
    let mark = |instance: &InstanceId| desired.owner.mark(Role::Member(instance.clone())).to_string();
    let mut steps = Vec::new();
    let mut held_back = Vec::new();
    for decision in decided.decisions {
        match decision.verdict {
            Verdict::Go(evidence) => steps.push((decision.difference, evidence)),
            Verdict::Hold(hold) => held_back.push(HeldBack {
                set_identifier: decision.difference.instance().map(mark),
                difference: Some(decision.difference.to_string()),
                hold,
            }),
        }
    }
    held_back.extend(decided.notices.into_iter().map(|notice| HeldBack {
        set_identifier: Some(mark(&notice.instance)),
        difference: None,
        hold: notice.hold,
    }));
    PoolPlan {
        name: desired.owner.pool.clone(),
        headline: Some(headline(policy)),
        members,
        records: sites.all().map(|site| site.entries.len()).sum(),
        steps,
        changes: units.iter().flat_map(|unit| unit.changes.iter().cloned()).collect(),
        held_back,
        errors: decided.errors,
        budget_spent: decided.budget_spent,
    }
}

fn headline(policy: &Policy) -> String {
    let state = match policy.state {
        PoolState::Active => "",
        PoolState::Paused => ", paused",
        PoolState::Retired => ", retired",
    };
    format!("{}  {}, TTL {} s{state}", policy.name, policy.routing, policy.ttl_secs)
}

fn observed_sets(
    batches: &[Batch],
    zones: &BTreeMap<HostedZoneId, HostedZone>,
) -> BTreeMap<(HostedZoneId, SetKey), Vec<Arc<RecordSet>>> {
    let mut observed = BTreeMap::new();
    for batch in batches {
        for change in batch.changes() {
            let key = (batch.hosted_zone_id.clone(), change.record.set_key());
            observed.entry(key).or_insert_with_key(|(zone, set)| {
                zones.get(zone).map(|zone| zone.set(set).cloned().collect()).unwrap_or_default()
            });
        }
    }
    observed
}

impl HeldBack {
    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> HoldReason {
        self.hold.reason
    }
}
