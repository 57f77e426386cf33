//! Which hints are worth a look: what earlier looks showed, and which pools an event can concern.
//!
//! It only saves work. A hint that is wrongly looked into costs calls; one that is wrongly covered waits
//! for the sweep. It never says what is to be done.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::execute::Outcome;
use crate::ids::{AutoScalingGroupName, DeploymentName, HostedZoneId, InstanceId, PoolName};
use crate::inventory::{HostedZone, InstanceState, Inventory};
use crate::owner::Owner;
use crate::plan::Plan;
use crate::pool::{Policy, Pool, PoolState};
use crate::record_set::ChangeAction;
use crate::selection::SelectionIndex;
use crate::site::{MarkedPlaces, Place};
use crate::trigger::{Movement, Trigger};

/// How long after an event a look must have started to show its effect for certain: EC2's descriptions are
/// eventually consistent.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// What a hint asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Concern {
    /// Nothing: it asks for no look, or an earlier look covers it.
    Nothing,
    /// A look at these pools, which select the instance or have a record for it.
    Pools(BTreeSet<PoolName>),
    /// EC2 has to be asked about an instance that no pool knew at its last look.
    Stranger(InstanceId),
    /// A look at everything.
    Everything,
}

/// What the last look at each pool showed.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    pools: BTreeMap<PoolName, PoolLook>,
}

#[derive(Clone, Debug)]
struct PoolLook {
    started_at: Timestamp,
    /// Whether it had no gap, and everything that it led to was applied.
    is_settled: bool,
    instances: BTreeMap<InstanceId, Shown>,
    groups: BTreeSet<AutoScalingGroupName>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    state: Option<InstanceState>,
    published: bool,
}

/// A finished run, as it is remembered.
#[derive(Clone, Copy, Debug)]
pub struct FinishedRun<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentName,
    /// The pools that were looked at.
    pub pools: &'a [Pool],
    /// What was seen.
    pub inventory: &'a Inventory,
    /// What was planned last.
    pub plan: &'a Plan,
    /// What came of it.
    pub outcome: &'a Outcome,
}

impl Looks {
    /// Says what a hint asks for. Only an event's own time tells what a look may have shown.
    #[must_use]
    pub fn concern(&self, trigger: &Trigger, pools: &[Pool]) -> Concern {
        let at = trigger.at();
        if !trigger.asks_for_a_look() {
            return Concern::Nothing;
        }
        // A pool whose document cannot be used has no look, and nothing that an event could change.
        let usable: Vec<&Pool> = pools.iter().filter(|pool| pool.policy.is_ok()).collect();
        if usable.is_empty() {
            return Concern::Everything;
        }
        let has_hook = usable.iter().any(|pool| waits_for(pool, trigger));
        let all_settled = || usable.iter().all(|pool| self.settled_since(&pool.name, at));
        let Some(instance) = trigger.instance() else {
            return Concern::Everything;
        };
        if usable.iter().any(|pool| !self.pools.contains_key(&pool.name)) {
            return Concern::Everything;
        }
        let known = self.pools.iter().filter(|(_, look)| look.instances.contains_key(instance));
        let known: Vec<(&PoolName, &PoolLook)> = known.collect();
        if known.is_empty() {
            // A look that began after its end found no record of it: nothing is left to remove.
            let ended = ends(trigger) && usable.iter().all(|pool| self.settled_after(&pool.name, at));
            let covered = !has_hook && (ended || all_settled());
            return if covered { Concern::Nothing } else { Concern::Stranger(instance.clone()) };
        }
        let uncovered = known.into_iter().filter(|(_, look)| has_hook || !look.covers(trigger, instance, at));
        let uncovered: BTreeSet<PoolName> = uncovered.map(|(name, _)| name.clone()).collect();
        if uncovered.is_empty() { Concern::Nothing } else { Concern::Pools(uncovered) }
    }

    fn settled_since(&self, pool: &PoolName, at: Option<Timestamp>) -> bool {
        self.pools.get(pool).is_some_and(|look| look.is_settled && look.started_after(at, SETTLED_AFTER))
    }

    fn settled_after(&self, pool: &PoolName, at: Option<Timestamp>) -> bool {
        self.pools.get(pool).is_some_and(|look| look.is_settled && at.is_some_and(|at| look.started_at > at))
    }

    /// Says whether nothing was looked at yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pools.is_empty()
    }

    /// Says whether an instance had a record when its pool was looked at last, after what that led to.
    #[must_use]
    pub fn was_published(&self, pool: &PoolName, instance: &InstanceId) -> bool {
        let shown = self.pools.get(pool).and_then(|look| look.instances.get(instance));
        shown.is_some_and(|shown| shown.published)
    }

    /// Returns the Auto Scaling groups that a pool's instances were members of.
    pub fn groups_of(&self, pool: &PoolName) -> impl Iterator<Item = &AutoScalingGroupName> {
        self.pools.get(pool).into_iter().flat_map(|look| &look.groups)
    }

    /// Remembers what a run showed and left behind.
    pub fn remember(&mut self, run: FinishedRun<'_>) {
        let zones = zones_after(run.inventory, run.outcome);
        let marked = MarkedPlaces::find(&zones, BTreeSet::new());
        let marked_before = MarkedPlaces::find(&run.inventory.hosted_zones, BTreeSet::new());
        let policies = run.pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
        let index = SelectionIndex::new(policies, run.inventory);
        for pool in run.pools {
            let Ok(policy) = &pool.policy else {
                self.pools.remove(&pool.name);
                continue;
            };
            let owner = Owner { deployment: run.deployment.clone(), pool: pool.name.clone() };
            let place = Place { hosted_zone_id: policy.hosted_zone_id.clone(), name: policy.name.clone() };
            let sites = marked.sites(&owner, &place, policy.routing);
            let mut instances: BTreeMap<InstanceId, Shown> = BTreeMap::new();
            for id in index.select(policy, run.inventory) {
                instances.entry(id).or_default();
            }
            // What this run removed is known not to be published: another event about it needs no look.
            for id in marked_before.sites(&owner, &place, policy.routing).instances() {
                instances.entry(id.clone()).or_default();
            }
            for id in sites.instances() {
                instances.entry(id.clone()).or_default().published = true;
            }
            for (id, shown) in &mut instances {
                shown.state = run.inventory.fleet.instances.get(id).and_then(|instance| instance.state);
            }
            let look = PoolLook {
                started_at: run.inventory.observed_at,
                is_settled: is_settled(&run, &pool.name, policy),
                groups: groups(&instances, policy, run.inventory),
                instances,
            };
            self.pools.insert(pool.name.clone(), look);
        }
    }

    /// Forgets what was looked at: documents changed, or nothing is certain any more.
    pub fn forget(&mut self) {
        self.pools.clear();
    }
}

/// Says whether a trigger tells that an instance has come to its end.
fn ends(trigger: &Trigger) -> bool {
    matches!(trigger, Trigger::InstanceState { state, .. } if state.is_terminal())
}

impl PoolLook {
    fn started_after(&self, at: Option<Timestamp>, margin: SignedDuration) -> bool {
        at.is_some_and(|at| self.started_at.duration_since(at) >= margin)
    }

    fn covers(&self, trigger: &Trigger, instance: &InstanceId, at: Option<Timestamp>) -> bool {
        let later = at.is_some_and(|at| self.started_at > at);
        let shown = self.instances.get(instance).copied().unwrap_or_default();
        self.is_settled && (self.started_after(at, SETTLED_AFTER) || (later && shown.shows(trigger)))
    }
}

impl Shown {
    /// Says whether the look already showed what the trigger claims.
    fn shows(self, trigger: &Trigger) -> bool {
        match trigger {
            Trigger::InstanceState { state: InstanceState::Pending, .. } => {
                matches!(self.state, Some(InstanceState::Pending | InstanceState::Running))
            }
            Trigger::InstanceState { state: InstanceState::Running, .. } => {
                self.state == Some(InstanceState::Running)
            }
            Trigger::InstanceState {
                state:
                    InstanceState::Stopping
                    | InstanceState::Stopped
                    | InstanceState::ShuttingDown
                    | InstanceState::Terminated,
                ..
            }
            | Trigger::SpotInterruption { .. } => !self.published,
            Trigger::GroupChange { movement: Movement::Into, .. } => self.published,
            Trigger::GroupChange { movement: Movement::OutOf, .. } => !self.published,
            Trigger::GroupChange { movement: Movement::Elsewhere, .. }
            | Trigger::RebalanceRecommendation { .. }
            | Trigger::TestNotification => true,
            Trigger::Sweep | Trigger::ParameterChanged { .. } | Trigger::AddressChanged { .. } => false,
        }
    }
}

/// Says whether the trigger is of the pool's own terminate hook, which waits for a ticket in any case.
fn waits_for(pool: &Pool, trigger: &Trigger) -> bool {
    match trigger {
        Trigger::GroupChange { hook: Some(action), movement: Movement::OutOf, .. } => {
            pool.policy.as_ref().is_ok_and(|policy| policy.drain_hook == action.hook)
        }
        _ => false,
    }
}

/// Returns the hosted zones as the applied batches left them.
fn zones_after(inventory: &Inventory, outcome: &Outcome) -> BTreeMap<HostedZoneId, HostedZone> {
    let mut zones = inventory.hosted_zones.clone();
    for applied in &outcome.applied {
        let Some(zone) = zones.get_mut(&applied.batch.hosted_zone_id) else { continue };
        for change in applied.batch.changes() {
            match change.action {
                ChangeAction::Delete => zone.records.remove(&change.record.key()),
                ChangeAction::Create => zone.records.insert(change.record.key(), change.record.clone()),
            };
        }
    }
    zones
}

fn is_settled(run: &FinishedRun<'_>, name: &PoolName, policy: &Policy) -> bool {
    let planned = run.plan.pools.iter().find(|pool| pool.name == *name);
    let zone = run.inventory.hosted_zones.get(&policy.hosted_zone_id);
    let of_pool = |unit: &crate::plan::Unit| unit.pool == *name;
    let undone = run.outcome.handed_back.iter().any(of_pool)
        || run.outcome.unconfirmed.iter().any(of_pool)
        || run.outcome.poison.iter().any(|poison| of_pool(&poison.unit));
    policy.state != PoolState::Retired
        && run.inventory.fleet.gap.is_none()
        && run.inventory.groups.gap.is_none()
        && zone.is_some_and(|zone| zone.gap.is_none())
        && planned.is_some_and(|pool| pool.errors.is_empty())
        && !undone
}

fn groups(
    instances: &BTreeMap<InstanceId, Shown>,
    policy: &Policy,
    inventory: &Inventory,
) -> BTreeSet<AutoScalingGroupName> {
    let seen = instances.keys().filter_map(|id| inventory.fleet.instances.get(id));
    let mut groups: BTreeSet<AutoScalingGroupName> =
        seen.filter_map(|instance| inventory.groups.group_of(instance)).collect();
    groups.extend(policy.selector().auto_scaling_groups.iter().cloned());
    groups
}

#[cfg(test)]
mod tests;
