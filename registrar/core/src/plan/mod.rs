//! The plan: exact change batches within Route 53's limits, with nothing left to decide.
//!
//! [`Plan::new`] is the whole way from an inventory to batches. It does not submit anything, and it
//! does not check itself: [`crate::lint`] does, with code that did not make the plan.

mod aside;
mod batch;
mod builder;
mod checksum;
mod forecast;
mod handover;
mod human;
mod json;
mod review;
mod shape;
mod tree;
mod units;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

pub use batch::{Batch, Change, ChangeBatchDocument, MOST_CHARACTERS, MOST_VALUES, Unit, Urgency};
pub use checksum::Checksum;
pub(crate) use forecast::most_in;
pub use forecast::{
    CHANGE_BURST, CHANGES_PER_SEC, Forecast, MOST_IN_HOSTED_ZONE, REQUEST_BURST, REQUESTS_PER_SEC,
    RouteBudget, ZoneForecast,
};
pub use json::PlanDocument;
pub use review::{MovedWorld, ReviewError, ReviewedPlan};

use crate::desired::DesiredPool;
use crate::diff::{Difference, PoolDiff};
use crate::guard::{
    Decision, Evidence, Guard, Hold, HoldReason, PoolDecisions, RemovalLedger, Verdict, ZoneRoom,
};
use crate::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName};
use crate::inventory::{Gap, HostedZone, Inventory};
use crate::leaf::Leaf;
use crate::name::RecordName;
use crate::orders::{Orders, Pause};
use crate::owner::{Owner, Role};
use crate::pool::{Policy, Pool, PoolState};
use crate::record_set::{RecordSet, SetKey};
use crate::selection::SelectionIndex;
use crate::site::{MarkedPlaces, Place, Sites};
use crate::standing::MemberState;
use crate::tree::TreeLimits;
use handover::Handovers;
use units::SiteRules;

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
    /// What the operator ordered.
    pub orders: &'a Orders,
    /// How large sets may be.
    pub tree: TreeLimits,
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
    /// The record sets of each hosted zone, where they were counted.
    pub hosted_zone_records: BTreeMap<HostedZoneId, u64>,
    /// The reads that were incomplete.
    pub gaps: Vec<Gap>,
    /// What else an operator should know.
    pub notes: Vec<String>,
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
    /// How many instances its set has room for beside the records of others; absent where nothing was planned.
    pub room: Option<usize>,
    /// The differences that go ahead, with what allows them.
    pub steps: Vec<(Difference, Evidence)>,
    /// The changes that they come to, each in its hosted zone.
    pub changes: Vec<(HostedZoneId, Change)>,
    /// What is held back.
    pub held_back: Vec<HeldBack>,
    /// What an operator has to put right.
    pub errors: Vec<String>,
    /// How many of the removals count against the budget.
    pub budget_spent: usize,
    /// The id of the operator's release that let some of them go. It works once: whoever executes the plan notes
    /// that it was used.
    pub release_used: Option<String>,
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
        let zones = &input.inventory.hosted_zones;
        let policies = input.pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
        let index = SelectionIndex::new(policies, input.inventory);
        let conflicts = name_conflicts(input.pools);
        let mut pools: Vec<(&PoolName, Result<&Policy, String>)> = input
            .pools
            .iter()
            .map(|pool| (&pool.name, sound(pool, conflicts.get(&pool.name), zones)))
            .collect();
        pools.sort_by_key(|(name, _)| *name);
        let leaving: BTreeSet<Owner> = pools
            .iter()
            .filter(|(_, policy)| policy.as_ref().is_ok_and(|policy| policy.state == PoolState::Retired))
            // While it is paused, a retired pool does not leave.
            .filter(|(name, _)| input.orders.pause(name, input.inventory.observed_at).is_none())
            .map(|(name, _)| Owner { deployment: input.deployment.clone(), pool: (*name).clone() })
            .collect();
        let leaves = leaving.iter().map(|owner| owner.pool.clone()).collect();
        let mut handovers = Handovers::of(leaves, input.pools);
        let marked = MarkedPlaces::find(zones, leaving);
        let mut notes = orphans(&marked, &input);
        let mut room = ZoneRoom::of(zones);
        let mut units = Vec::new();
        let mut planned = Vec::new();
        for (name, policy) in pools {
            let plan = match policy {
                Ok(policy) => {
                    let of_pool = plan_pool(&input, name, policy, &marked, &index, &mut room);
                    of_pool.waits.iter().for_each(|hold| handovers.wait(name, hold));
                    handovers.falls_silent(of_pool.silent);
                    units.extend(of_pool.units);
                    of_pool.plan
                }
                Err(error) => {
                    let detail = format!("pool {name} cannot be planned");
                    handovers.wait(name, &Hold::new(HoldReason::Unknown, detail, "its error says why"));
                    PoolPlan::held(name, error)
                }
            };
            planned.push(plan);
        }
        let (units, stopped) = handovers.join(units);
        let batches = batch::pack(units);
        for plan in &mut planned {
            plan.changes = batches.iter().flat_map(|batch| batch.changes_of(&plan.name)).collect();
        }
        let hosted_zone_records = counted_records(&input);
        notes.extend(forecast::notes(&forecast::zones(&batches, &hosted_zone_records)));
        let mut plan = Self {
            deployment: input.deployment.clone(),
            observed_at: input.inventory.observed_at,
            pools: planned,
            observed: observed_sets(&batches, zones),
            batches,
            hosted_zone_records,
            gaps: input.inventory.gaps(),
            notes,
        };
        for stopped in &stopped {
            for pool in &stopped.pools {
                plan.note_left(pool, Some(&stopped.place), stopped.told());
            }
        }
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

impl PoolPlan {
    pub(crate) fn held(name: &PoolName, error: String) -> Self {
        Self {
            name: name.clone(),
            headline: None,
            members: BTreeMap::new(),
            records: 0,
            room: None,
            steps: Vec::new(),
            changes: Vec::new(),
            held_back: Vec::new(),
            errors: vec![error],
            budget_spent: 0,
            release_used: None,
        }
    }
}

/// Returns the pools that cannot go ahead because another one claims their name, or has a leaf there. A retired pool
/// claims nothing: it only leaves.
fn name_conflicts(pools: &[Pool]) -> BTreeMap<PoolName, String> {
    let mut claims: BTreeMap<(&HostedZoneId, &RecordName), Vec<&PoolName>> = BTreeMap::new();
    for pool in pools {
        if let Ok(policy) = &pool.policy
            && policy.state != PoolState::Retired
        {
            claims.entry((&policy.hosted_zone_id, &policy.name)).or_default().push(&pool.name);
        }
    }
    let mut conflicts = BTreeMap::new();
    for ((hosted_zone, name), pools) in &claims {
        let above = Leaf::of(name).map(|(_, above)| above);
        if let Some(other) = above.and_then(|above| claims.get(&(hosted_zone, &above))?.first().copied()) {
            let error = format!(
                "the name {name} is one of the leaves of pool {other}, where records of its instances may stand (hint: \
                 give the pool a name that does not begin with l00 to l99)"
            );
            conflicts.extend(pools.iter().map(|pool| ((*pool).clone(), error.clone())));
        }
    }
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

/// Returns the record sets of the hosted zones in which pools stand, where they were counted.
fn counted_records(input: &PlanInput<'_>) -> BTreeMap<HostedZoneId, u64> {
    let policies = input.pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
    let counted = |policy: &Policy| {
        let zone = input.inventory.hosted_zones.get(&policy.hosted_zone_id)?;
        Some((policy.hosted_zone_id.clone(), zone.record_count?))
    };
    policies.filter_map(counted).collect()
}

/// Names the pools that have records here and no document among those that were given.
fn orphans(marked: &MarkedPlaces<'_>, input: &PlanInput<'_>) -> Vec<String> {
    let known: BTreeSet<&PoolName> = input.pools.iter().map(|pool| &pool.name).collect();
    let note = |(owner, places): (&Owner, BTreeSet<Place>)| {
        let places: Vec<String> = places.iter().map(ToString::to_string).collect();
        format!(
            "pool {} has records at {} and is not among the pools here: they are left as they are",
            owner.pool,
            places.join(", ")
        )
    };
    marked.without_document(input.deployment, &known).map(note).collect()
}

/// Returns the policy of a pool that can be planned, or why the pool is held as it is.
fn sound<'a>(
    pool: &'a Pool,
    conflict: Option<&String>,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
) -> Result<&'a Policy, String> {
    let policy = match &pool.policy {
        Ok(policy) => policy,
        Err(error) => return Err(format!("{error} (hint: {})", error.hint)),
    };
    if let Some(conflict) = conflict {
        return Err(conflict.clone());
    }
    let Some(zone) = zones.get(&policy.hosted_zone_id) else {
        return Err(format!(
            "record.hosted_zone_id: hosted zone {} was not read (hint: check the id)",
            policy.hosted_zone_id
        ));
    };
    if zone.is_unknown {
        return Err(format!(
            "record.hosted_zone_id: Route 53 knows no hosted zone {} (hint: check the id, and record.role_arn where the \
             hosted zone is another account's)",
            policy.hosted_zone_id
        ));
    }
    match &zone.origin {
        Some(origin) if !policy.name.is_within(origin) => Err(format!(
            "record.name: {} is outside the hosted zone {origin} (hint: use a name that ends in .{origin})",
            policy.name
        )),
        Some(_) | None => Ok(policy),
    }
}

/// What is planned of one pool.
struct Planned {
    plan: PoolPlan,
    units: Vec<Unit>,
    /// Why it cannot take a name over now, if it cannot.
    waits: Option<Hold>,
    /// Where nothing of what it leaves is answered once its proven dead are gone.
    silent: Vec<Place>,
}

fn plan_pool(
    input: &PlanInput<'_>,
    name: &PoolName,
    policy: &Policy,
    marked: &MarkedPlaces<'_>,
    index: &SelectionIndex<'_>,
    room: &mut ZoneRoom,
) -> Planned {
    let owner = Owner { deployment: input.deployment.clone(), pool: name.clone() };
    let place = Place { hosted_zone_id: policy.hosted_zone_id.clone(), name: policy.name.clone() };
    let sites = marked.sites(&owner, &place, policy.routing);
    let desired = DesiredPool::new(owner, policy, index, &sites, input.inventory);
    let window = policy.max_removals.window;
    let zone = input.inventory.hosted_zones.get(&policy.hosted_zone_id);
    let now = input.inventory.observed_at;
    let pause = input.orders.pause(name, now);
    let guard = Guard {
        desired: &desired,
        sites: &sites,
        zone_gap: zone.and_then(|zone| zone.gap.as_ref()),
        already_spent: input.ledger.spent(name, window, now),
        budget_is_closed: input.ledger.is_closed(name),
        pause,
        release: input.orders.release(name, now),
        tree: input.tree,
        zone_room: room,
        handed_over: if policy.state == PoolState::Retired { 0 } else { marked.left_at(&place) },
    };
    let mut decided = guard.decide(PoolDiff::new(&desired, &sites));
    let (in_sets, waits) = (guard.room(), guard.waits(&decided, input.inventory));
    room.take(&policy.hosted_zone_id, &decided, guard.handed_over);
    let mut going: BTreeMap<&Place, Vec<&Decision>> = BTreeMap::new();
    for decision in decided.decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Go(_))) {
        going.entry(&decision.difference.place).or_default().push(decision);
    }
    let (mut units, mut trees, mut silent) = (Vec::new(), Vec::new(), Vec::new());
    for site in sites.all() {
        let here = going.get(&site.place).map_or(&[][..], Vec::as_slice);
        if policy.state == PoolState::Retired && units::falls_silent(&desired, site, here) {
            silent.push(site.place.clone());
        }
        let zone = input.inventory.hosted_zones.get(&site.place.hosted_zone_id);
        let is_listed = zone.is_some_and(|zone| zone.gap.is_none());
        let rules = SiteRules { is_listed, tree: decided.tree.as_ref(), limits: input.tree };
        let of_site = units::of_site(&desired, site, here, rules);
        units.extend(of_site.units);
        let tree = of_site.tree.map(|tree| Decision { difference: tree.difference, verdict: tree.verdict });
        trees.extend(tree);
    }
    decided.decisions.extend(trees);
    let mut plan = describe(&desired, &sites, decided);
    plan.room = Some(in_sets);
    plan.headline = Some(headline(policy, pause));
    Planned { plan, units, waits, silent }
}

fn describe(desired: &DesiredPool<'_>, sites: &Sites, decided: PoolDecisions) -> PoolPlan {
    let mut members = BTreeMap::new();
    for standing in desired.standings.values() {
        *members.entry(standing.member_state()).or_insert(0) += 1;
    }
    let owner = &desired.owner;
    let mut steps = Vec::new();
    let mut held_back = Vec::new();
    for decision in decided.decisions {
        match decision.verdict {
            Verdict::Go(evidence) => steps.push((decision.difference, evidence)),
            Verdict::Hold(hold) => held_back.push(HeldBack::new(owner, &decision.difference, hold)),
        }
    }
    held_back.extend(decided.notices.into_iter().map(|notice| HeldBack {
        set_identifier: Some(owner.mark(Role::Member(notice.instance)).to_string()),
        difference: None,
        hold: notice.hold,
    }));
    PoolPlan {
        name: desired.owner.pool.clone(),
        headline: None,
        members,
        room: None,
        records: sites.all().map(|site| site.entries.len()).sum(),
        steps,
        changes: Vec::new(),
        held_back,
        errors: decided.errors,
        budget_spent: decided.budget_spent,
        release_used: decided.release_used,
    }
}

fn headline(policy: &Policy, pause: Option<&Pause>) -> String {
    let state = match policy.state {
        PoolState::Active => "",
        PoolState::Paused => ", paused",
        PoolState::Retired => ", retired",
    };
    let order = pause.map(|pause| format!(", paused until {:.0}", pause.until)).unwrap_or_default();
    format!("{}  {}, TTL {} s{state}{order}", policy.name, policy.routing, policy.ttl_secs)
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
    fn new(owner: &Owner, difference: &Difference, hold: Hold) -> Self {
        let mark = |instance: &InstanceId| owner.mark(Role::Member(instance.clone())).to_string();
        let set_identifier = difference.instance().map(mark);
        Self { set_identifier, difference: Some(difference.to_string()), hold }
    }

    /// Returns the reason.
    #[must_use]
    pub fn reason(&self) -> HoldReason {
        self.hold.reason
    }
}
