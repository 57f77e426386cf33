//! From the hints of one invocation to one run: which pools they concern, and what came of each hint.
//!
//! One look serves all of them. A hint that an earlier look covers costs no call.

use std::collections::BTreeSet;

use futures_util::future::join;
use registrar_core::SignedDuration;
use registrar_core::coverage::Concern;
use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::Fleet;
use registrar_core::plan::Change;
use registrar_core::pool::Pool;
use registrar_core::record_set::ChangeAction;
use registrar_core::trigger::{Movement, Trigger};

use super::records::members_of;
use super::scope::fleet_queries;
use super::{Deployment, Executed, Looked, Parameters, Scope, Watcher};
use crate::{Deadline, PortError};

/// How old a pool document may be before it is read again.
const OLDEST_DOCUMENT: SignedDuration = SignedDuration::from_secs(30);

/// How old a pool document may be when something is added on its word.
const OLDEST_TO_ADD: SignedDuration = SignedDuration::from_secs(5);

/// How often documents may change under a run before it gives up.
const MOST_CHANGES: usize = 3;

/// What came of a hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It asks for nothing, or an earlier look covers it.
    Covered,
    /// It concerned these pools, and was served; none where it concerned nobody here.
    Served(BTreeSet<PoolName>),
    /// It has to come again, for this reason.
    Failed(String),
}

/// What came of all hints of an invocation.
#[derive(Debug, Default)]
pub struct Reconciled {
    /// One fate for each hint, in their order.
    pub fates: Vec<Fate>,
    /// The run, where there was one.
    pub run: Option<Executed>,
    /// Why there was none, although one was needed.
    pub failure: Option<String>,
}

/// What all hints together ask for.
#[derive(Debug, Default)]
struct Wanted {
    everything: bool,
    pools: BTreeSet<PoolName>,
    strangers: BTreeSet<InstanceId>,
}

impl Deployment {
    /// Serves the hints of one invocation: looks once, plans and executes.
    pub async fn reconcile(
        &mut self,
        hints: &[Trigger],
        deadline: Deadline,
        watcher: &mut dyn Watcher,
    ) -> Reconciled {
        let now = self.now();
        for hint in hints {
            self.memory.note(hint, now);
            if let Trigger::ParameterChanged { name } = hint {
                self.parameters_changed |= self.paths.concerns(name);
            }
        }
        let concerns = self.concerns(hints);
        if concerns.iter().all(|concern| *concern == Concern::Nothing) {
            return Reconciled { fates: vec![Fate::Covered; hints.len()], ..Reconciled::default() };
        }
        match self.serve(hints, deadline, watcher).await {
            Ok((concerns, run)) => {
                let fates = hints.iter().zip(&concerns);
                let fates = fates.map(|(hint, concern)| self.fate(hint, concern, run.as_ref())).collect();
                Reconciled { fates, run, failure: None }
            }
            Err(failure) => {
                let fate = |concern: &Concern| match concern {
                    Concern::Nothing => Fate::Covered,
                    Concern::Pools(_) | Concern::Stranger(_) | Concern::Everything => {
                        Fate::Failed(failure.clone())
                    }
                };
                Reconciled { fates: concerns.iter().map(fate).collect(), run: None, failure: Some(failure) }
            }
        }
    }

    fn concerns(&self, hints: &[Trigger]) -> Vec<Concern> {
        let pools = &self.parameters.pools;
        let concern = |hint: &Trigger| match hint {
            Trigger::ParameterChanged { name } if !self.paths.concerns(name) => Concern::Nothing,
            trigger => self.looks.concern(trigger, pools),
        };
        hints.iter().map(concern).collect()
    }

    /// Looks and executes, from the start again where documents turn out to have changed.
    async fn serve(
        &mut self,
        hints: &[Trigger],
        deadline: Deadline,
        watcher: &mut dyn Watcher,
    ) -> Result<(Vec<Concern>, Option<Executed>), String> {
        let adds = hints.iter().any(|hint| !only_ends(hint));
        for _ in 0..MOST_CHANGES {
            let mut concerns = self.concerns(hints);
            let (wanted, given) = self.resolve(hints, &mut concerns, deadline).await;
            let scope = if wanted.everything {
                // A sweep watches how full hosted zones are; an event costs no call for it.
                let counts_records = hints.contains(&Trigger::Sweep);
                Scope { counts_records, ..Scope::everything(&self.parameters.pools, false) }
            } else if wanted.pools.is_empty() {
                return Ok((concerns, None));
            } else {
                Scope::of(&self.parameters.pools, &wanted.pools)
            };
            let Some(looked) = self.look_with_documents(scope, given, adds, deadline).await else { continue };
            let executed = self.execute(looked, deadline, watcher).await?;
            self.remember(&executed);
            self.note_places(&executed.looked, deadline).await;
            self.keep_states(&executed, hints, deadline).await;
            return Ok((concerns, Some(executed)));
        }
        Err("the pool documents change faster than they can be acted on".to_owned())
    }

    /// Asks EC2 about strangers, and says which pools all hints concern. The fleet that was read for that
    /// serves the look as well.
    async fn resolve(
        &self,
        hints: &[Trigger],
        concerns: &mut [Concern],
        deadline: Deadline,
    ) -> (Wanted, Option<Fleet>) {
        let mut wanted = Wanted::default();
        for concern in concerns.iter() {
            match concern {
                Concern::Nothing => {}
                Concern::Everything => wanted.everything = true,
                Concern::Pools(pools) => wanted.pools.extend(pools.iter().cloned()),
                Concern::Stranger(instance) => drop(wanted.strangers.insert(instance.clone())),
            }
        }
        if wanted.everything || wanted.strangers.is_empty() {
            return (wanted, None);
        }
        let (fleet, serves_the_look) = self.ask_about(hints, &wanted.strangers, deadline).await;
        for concern in concerns.iter_mut() {
            let Concern::Stranger(instance) = concern else { continue };
            // One that is not to be told about stays a stranger and comes again; the others are served.
            let Ok(selecting) = selecting(&self.parameters.pools, &fleet, instance) else { continue };
            wanted.pools.extend(selecting.iter().cloned());
            *concern = Concern::Pools(selecting);
        }
        (wanted, serves_the_look.then_some(fleet))
    }

    /// Asks EC2 about strangers in one question: the one that finds the pools' whole fleet, where one is
    /// enough for that, or else by their ids. Says whether the answer serves the look as well.
    async fn ask_about(
        &self,
        hints: &[Trigger],
        strangers: &BTreeSet<InstanceId>,
        deadline: Deadline,
    ) -> (Fleet, bool) {
        let everything = Scope::everything(&self.parameters.pools, false);
        let deadline = super::reading_time(deadline);
        if fleet_queries(everything.policies().map(|(_, policy)| policy)).len() > 1 {
            return (self.aws.describe_ids(strangers, deadline).await, false);
        }
        let ended = hints.iter().any(|hint| {
            only_ends(hint) && hint.instance().is_some_and(|instance| strangers.contains(instance))
        });
        (super::look::fleet(&self.aws, &everything, ended, deadline).await, true)
    }

    /// Looks, and reads the documents again beside it where they are too old. Nothing where they changed.
    async fn look_with_documents(
        &mut self,
        scope: Scope,
        given: Option<Fleet>,
        adds: bool,
        deadline: Deadline,
    ) -> Option<Looked> {
        let age = self.now().duration_since(self.parameters.read_at);
        let recent = age <= OLDEST_TO_ADD || (!adds && age <= OLDEST_DOCUMENT);
        if recent && !self.parameters_changed {
            let mut looked = self.look(scope, given, deadline).await;
            if self.would_add_on_old_word(&looked, age > OLDEST_TO_ADD) {
                match self.reread(deadline).await {
                    Ok(true) => return None,
                    Ok(false) => looked.inventory.memory = self.memory.clone(),
                    Err(error) => Self::distrust_documents(&mut looked, &error),
                }
            }
            return Some(looked);
        }
        let (aws, paths, now) = (self.aws.clone(), self.paths.clone(), self.now());
        let until = super::reading_time(deadline);
        let read = async move { Parameters::read(&aws, &paths, now, until).await };
        let (mut looked, read) = join(self.look(scope, given, deadline), read).await;
        match read {
            Ok(parameters) => {
                let changed = self.take_in(parameters);
                looked.inventory.memory = self.memory.clone();
                (!changed).then_some(looked)
            }
            Err(error) => {
                Self::distrust_documents(&mut looked, &error);
                Some(looked)
            }
        }
    }

    /// Says whether the parameters have to be read again before anything is added: where they are old, or
    /// where a record that stood at the last look has gone since. Somebody else removed that one, perhaps for
    /// a Spot warning that only SSM tells of.
    fn would_add_on_old_word(&self, looked: &Looked, are_old: bool) -> bool {
        if !are_old && self.looks.is_empty() {
            return false;
        }
        let Ok(plan) = self.plan(looked).map(registrar_core::lint::CheckedPlan::into_plan) else {
            return false;
        };
        let units = plan.batches.iter().flat_map(|batch| &batch.units);
        let created = units.flat_map(|unit| unit.changes.iter().map(move |change| (&unit.pool, change)));
        let mut created = created.filter(|(_, change)| change.action == ChangeAction::Create);
        created.any(|(pool, change)| {
            are_old
                || members_of(&change.record)
                    .any(|(_, id)| self.looks.was_published(pool, &id) && !stands(looked, change, &id))
        })
    }

    /// Reads the parameters again; says whether documents or orders are others now.
    async fn reread(&mut self, deadline: Deadline) -> Result<bool, PortError> {
        let parameters = Parameters::read(&self.aws, &self.paths, self.now(), deadline).await?;
        Ok(self.take_in(parameters))
    }

    /// Says what came of a hint, by the pools that it concerned. A look at everything tells which ones those
    /// are: that one of the others failed is no reason to hand an event back that does not concern it.
    fn fate(&self, hint: &Trigger, concern: &Concern, run: Option<&Executed>) -> Fate {
        let pools = match (concern, run) {
            (Concern::Nothing, _) => return Fate::Covered,
            (Concern::Pools(pools), None) => return Fate::Served(pools.clone()),
            (Concern::Stranger(instance), run) if !run.is_some_and(|run| run.looked.scope.is_everything) => {
                return Fate::Failed(format!("EC2 did not tell whether {instance} concerns a pool"));
            }
            (Concern::Stranger(_) | Concern::Everything, None) => return Fate::Served(BTreeSet::new()),
            (Concern::Pools(pools), Some(_)) => pools.clone(),
            (Concern::Stranger(_) | Concern::Everything, Some(run)) => match hint.instance() {
                Some(instance) => match self.concerned(instance, run) {
                    Ok(pools) => pools,
                    Err(gap) => return Fate::Failed(gap),
                },
                None => run.looked.scope.pools.iter().map(|pool| pool.name.clone()).collect(),
            },
        };
        match run.and_then(|run| pools.iter().find_map(|pool| run.failure_of(pool))) {
            Some(failure) => Fate::Failed(failure),
            None => Fate::Served(pools),
        }
    }

    /// Returns the pools that select an instance or have a record for it, as a run saw it.
    ///
    /// # Errors
    /// When that was not to be told.
    fn concerned(&self, instance: &InstanceId, run: &Executed) -> Result<BTreeSet<PoolName>, String> {
        let policies = run.looked.scope.policies();
        let concerned = policies.filter(|(pool, policy)| self.selects_or_owns(pool, policy, instance, run));
        let concerned: BTreeSet<PoolName> = concerned.map(|(pool, _)| pool.clone()).collect();
        let inventory = &run.looked.inventory;
        match inventory.fleet.gap.as_ref().filter(|_| concerned.is_empty()) {
            Some(gap) => Err(format!("whether {instance} concerns a pool is not to be told: {gap}")),
            None => Ok(concerned),
        }
    }
}

/// Returns the pools that select an instance; an error where it may be in the part that was not read.
fn selecting(pools: &[Pool], fleet: &Fleet, id: &InstanceId) -> Result<BTreeSet<PoolName>, String> {
    let selects = |pool: &&Pool| {
        let (Some(instance), Ok(policy)) = (fleet.instances.get(id), &pool.policy) else { return false };
        policy.selects(instance, instance.tagged_group().as_ref())
    };
    let selecting: BTreeSet<PoolName> = pools.iter().filter(selects).map(|pool| pool.name.clone()).collect();
    match &fleet.gap {
        Some(gap) if selecting.is_empty() => {
            Err(format!("whether {id} concerns a pool is not to be told: {gap}"))
        }
        Some(_) | None => Ok(selecting),
    }
}

/// Says whether the record set that a change writes anew publishes the instance already.
fn stands(looked: &Looked, change: &Change, id: &InstanceId) -> bool {
    let mut zones = looked.inventory.hosted_zones.values();
    zones.any(|zone| {
        zone.records
            .get(&change.record.key())
            .is_some_and(|record| members_of(record).any(|(_, member)| member == *id))
    })
}

/// Says whether a trigger can only lead to removals.
fn only_ends(trigger: &Trigger) -> bool {
    match trigger {
        Trigger::InstanceState { state, .. } => state.is_terminal(),
        Trigger::GroupChange { movement, .. } => *movement == Movement::OutOf,
        Trigger::SpotInterruption { .. } => true,
        Trigger::RebalanceRecommendation { .. } | Trigger::TestNotification => true,
        Trigger::Sweep | Trigger::ParameterChanged { .. } | Trigger::AddressChanged { .. } => false,
    }
}

impl Executed {
    /// Says why a pool has to be looked at again soon. What is held back by a rule, refused for good or
    /// wrong in a document is reported, and would only be so again.
    #[must_use]
    pub fn failure_of(&self, pool: &PoolName) -> Option<String> {
        if let Some(reason) = self.outcome.why_handed_back(pool) {
            return Some(format!("pool {pool}: {reason}"));
        }
        let policy =
            self.looked.scope.policies().find(|(name, _)| *name == pool).map(|(_, policy)| policy)?;
        let inventory = &self.looked.inventory;
        let zone = inventory.hosted_zones.get(&policy.hosted_zone_id);
        if zone.is_some_and(|zone| zone.is_unknown) {
            return None;
        }
        let gap = inventory.fleet.gap.as_ref().or(inventory.groups.gap.as_ref());
        let gap = gap.or(zone.and_then(|zone| zone.gap.as_ref()))?;
        Some(format!("pool {pool}: {gap}"))
    }
}
