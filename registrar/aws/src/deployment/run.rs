//! Plans what a look saw and executes it: the pump of the core's execution machine.
//!
//! It decides nothing. Removals that count against a budget are written down before they are submitted;
//! where that cannot be done they are not submitted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use registrar_core::execute::{Effect, Execution, LookReason, Outcome, RetryReason};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::PoolName;
use registrar_core::inventory::Inventory;
use registrar_core::lint::CheckedPlan;
use registrar_core::plan::{Batch, Forecast, Plan, PlanInput, RouteBudget};
use registrar_core::state_document::PoolStateDocument;
use registrar_core::{SignedDuration, Timestamp};

use super::states::Written;
use super::{Deployment, Scope};
use crate::Deadline;

/// How long before its deadline a run stops to submit, so that what it did can still be told.
const MARGIN: SignedDuration = SignedDuration::from_millis(1_500);

/// How often a plan is made again because another environment spent from the same budget.
const MOST_RESERVATIONS: usize = 4;

/// What is told while a run goes on, and who may object.
pub trait Watcher: Send {
    /// A batch is about to be submitted.
    fn submitting(&mut self, _batch: &Batch) {}

    /// Nothing happens until `until`.
    fn waiting(&mut self, _until: Timestamp, _reason: RetryReason) {}

    /// The world was looked at again, and this is the plan now.
    ///
    /// # Errors
    /// Why it must not be executed: the run ends then.
    fn replanned(&mut self, _plan: &Plan) -> Result<(), String> {
        Ok(())
    }
}

/// Watches nothing and objects to nothing.
impl Watcher for () {}

/// What a look came to, ready to be planned.
#[derive(Debug)]
pub struct Looked {
    /// What it was for.
    pub scope: Scope,
    /// What it saw.
    pub inventory: Inventory,
    /// How long that took.
    pub took: SignedDuration,
}

/// A run that has ended.
#[derive(Debug)]
pub struct Executed {
    /// What was looked at last.
    pub looked: Looked,
    /// The last plan.
    pub plan: Plan,
    /// What the first plan was to cost, with what was left of the budget then.
    pub forecast: Forecast,
    /// What came of it.
    pub outcome: Outcome,
    /// Why it ended before its work was done, if the watcher objected.
    pub objection: Option<String>,
    /// How long the first look took.
    pub observed_in: SignedDuration,
    /// How long it took to plan what was seen, and to write down what that takes from budgets.
    pub planned_in: SignedDuration,
    /// How long it took to execute the plan, further looks included.
    pub executed_in: SignedDuration,
}

/// The budgets of one run: as they were before it, and what was written down for it.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    before: BTreeMap<PoolName, PoolStateDocument>,
    /// Pools whose removals could not be written down, and wait.
    closed: BTreeSet<PoolName>,
}

impl Deployment {
    /// Plans what was seen, without writing anything down.
    ///
    /// # Errors
    /// When the plan breaks a rule that is nobody's in particular: a mistake of the registrar's.
    pub fn plan(&self, looked: &Looked) -> Result<CheckedPlan, String> {
        self.plan_with(looked, &Reservation::default(), &BTreeMap::new())
    }

    fn plan_with(
        &self,
        looked: &Looked,
        reservation: &Reservation,
        spent: &BTreeMap<PoolName, usize>,
    ) -> Result<CheckedPlan, String> {
        let ledger = self.ledger(reservation, spent, looked.inventory.observed_at);
        let orders = self.parameters.orders_where(&reservation.before);
        let input = PlanInput {
            deployment: &self.name,
            pools: &looked.scope.pools,
            inventory: &looked.inventory,
            ledger: &ledger,
            orders: &orders,
            tree: registrar_core::tree::TreeLimits::default(),
        };
        let mut plan = Plan::new(input);
        plan.notes.extend(self.parameters.notes.iter().cloned());
        if looked.scope.is_everything && looked.scope.pools.is_empty() {
            plan.notes.push(format!("there are no pool documents under {}", self.paths.config()));
        }
        CheckedPlan::new(plan, &looked.scope.pools, &looked.inventory).map_err(|refused| refused.to_string())
    }

    /// Counts what each pool had spent before the run, and what the run spent.
    fn ledger(
        &self,
        reservation: &Reservation,
        spent: &BTreeMap<PoolName, usize>,
        now: Timestamp,
    ) -> RemovalLedger {
        let mut ledger = RemovalLedger::default();
        for (pool, state) in &self.parameters.states {
            let state = reservation.before.get(pool).unwrap_or(state);
            state.fill_ledger(pool, &mut ledger);
        }
        for (pool, removals) in spent {
            ledger.spend(pool, *removals, now);
        }
        for pool in reservation.closed.iter().chain(&self.parameters.unreadable_states) {
            ledger.close(pool);
        }
        ledger
    }

    /// Plans, and writes down what the plan takes from budgets and releases before anything is submitted.
    async fn plan_and_reserve(
        &mut self,
        looked: &Looked,
        reservation: &mut Reservation,
        spent: &BTreeMap<PoolName, usize>,
        deadline: Deadline,
    ) -> Result<CheckedPlan, String> {
        for _ in 0..MOST_RESERVATIONS {
            let plan = self.plan_with(looked, reservation, spent)?;
            let takers = takers(plan.plan());
            if takers.is_empty() || self.reserve(plan.plan(), &takers, reservation, spent, deadline).await {
                return Ok(plan);
            }
        }
        Err("the removal budget is being spent by others at the same time".to_owned())
    }

    /// Writes down what a plan takes. Says no where the plan has to be made again: others took from the
    /// budget in the meantime, or it cannot be written.
    async fn reserve(
        &mut self,
        plan: &Plan,
        takers: &BTreeSet<PoolName>,
        reservation: &mut Reservation,
        spent: &BTreeMap<PoolName, usize>,
        deadline: Deadline,
    ) -> bool {
        if reservation.before.is_empty() && !self.refresh_states(takers, reservation, deadline).await {
            return false;
        }
        for pool in takers {
            let known = self.parameters.states.get(pool).cloned().unwrap_or_default();
            let mut state = reservation.before.entry(pool.clone()).or_insert(known).clone();
            let planned = plan.pools.iter().find(|planned| planned.name == *pool);
            let removals = planned.map_or(0, |planned| planned.budget_spent);
            spend(&mut state, pool, removals + spent.get(pool).copied().unwrap_or(0), plan.observed_at);
            if let Some(release) = planned.and_then(|planned| planned.release_used.clone()) {
                state.used_release = Some(release);
            }
            match self.write_state(pool, state, deadline).await {
                Written::Done => {}
                Written::Over(Some(others)) => {
                    reservation.before.insert(pool.clone(), others);
                    return false;
                }
                Written::Over(None) | Written::Failed => {
                    reservation.closed.insert(pool.clone());
                    return false;
                }
            }
        }
        true
    }

    /// Reads the states of pools again; says no where another environment changed them, or one did not come.
    async fn refresh_states(
        &mut self,
        pools: &BTreeSet<PoolName>,
        reservation: &mut Reservation,
        deadline: Deadline,
    ) -> bool {
        match self.read_states(pools, deadline).await {
            Ok(same) => same,
            Err(error) => {
                tracing::warn!(%error, "removals that nothing proves wait: the budget cannot be read");
                reservation.closed.extend(pools.iter().cloned());
                false
            }
        }
    }

    /// Executes a plan of what was seen, until it is done or the deadline has come.
    ///
    /// # Errors
    /// When the plan breaks a rule that is nobody's in particular: nothing was changed then.
    pub async fn execute(
        &mut self,
        mut looked: Looked,
        deadline: Deadline,
        watcher: &mut dyn Watcher,
    ) -> Result<Executed, String> {
        let (begun_at, observed_in) = (self.now(), looked.took);
        let mut reservation = Reservation::default();
        let plan = self.plan_and_reserve(&looked, &mut reservation, &BTreeMap::new(), deadline).await?;
        let planned_at = self.now();
        let forecast = self.forecast(plan.plan(), &looked.scope).await;
        self.seed = self.seed.wrapping_add(1);
        let mut execution = Execution::new(plan, self.until(deadline), self.seed);
        let mut objection = watcher.replanned(execution.plan()).err();
        let outcome = loop {
            if objection.is_some() {
                break execution.outcome().clone();
            }
            match execution.next(self.now()) {
                Effect::Done(outcome) => break outcome,
                Effect::WaitUntil { at, reason } => {
                    watcher.waiting(at, reason);
                    self.sleep_until(at).await;
                }
                Effect::Submit(batch) => {
                    watcher.submitting(&batch);
                    let access = looked.scope.access(&batch.hosted_zone_id);
                    let patience = self.patience(&execution);
                    let reply = self.aws.change_records_within(&access, &batch, patience, deadline).await;
                    execution.replied(reply, self.now());
                }
                Effect::LookAgain(reason) => {
                    match self.look_again(&looked, reason, &execution, &mut reservation, deadline).await {
                        Ok((again, plan)) => {
                            looked = again;
                            objection = watcher.replanned(plan.plan()).err();
                            execution.looked(Ok((plan, &looked.inventory)), self.now());
                        }
                        Err(problem) => execution.looked(Err(problem), self.now()),
                    }
                }
            }
        };
        let plan = execution.plan().clone();
        self.zone_counts.apply(&outcome);
        self.settle_budgets(&reservation, &outcome, plan.observed_at, deadline).await;
        Ok(Executed {
            looked,
            plan,
            forecast,
            outcome,
            objection,
            observed_in,
            planned_in: planned_at.duration_since(begun_at),
            executed_in: self.now().duration_since(planned_at),
        })
    }

    /// Says what a plan costs with what is left now in the account that has least.
    async fn forecast(&self, plan: &Plan, scope: &Scope) -> Forecast {
        let mut budget = RouteBudget::default();
        for zone in plan.batches.iter().map(|batch| &batch.hosted_zone_id).collect::<BTreeSet<_>>() {
            let left = self.aws.budget(&scope.access(zone)).await;
            budget = RouteBudget {
                requests: budget.requests.min(left.requests),
                changes: budget.changes.min(left.changes),
                share: budget.share.min(left.share),
            };
        }
        plan.forecast(budget)
    }

    async fn look_again(
        &mut self,
        before: &Looked,
        reason: LookReason,
        execution: &Execution,
        reservation: &mut Reservation,
        deadline: Deadline,
    ) -> Result<(Looked, CheckedPlan), String> {
        tracing::debug!(?reason, "looking again");
        let looked = self.look(before.scope.clone(), None, deadline).await;
        if let Some(gap) = looked.inventory.hosted_zones.values().find_map(|zone| zone.gap.as_ref()) {
            return Err(gap.to_string());
        }
        let mut spent = execution.outcome().budget_spent();
        for (pool, removals) in execution.lost_budget(&looked.inventory) {
            *spent.entry(pool).or_insert(0) += removals;
        }
        let plan = self.plan_and_reserve(&looked, reservation, &spent, deadline).await?;
        Ok((looked, plan))
    }

    /// Corrects what was written down where less was removed, so that a lost race does not spend twice.
    async fn settle_budgets(
        &mut self,
        reservation: &Reservation,
        outcome: &Outcome,
        now: Timestamp,
        deadline: Deadline,
    ) {
        let spent = outcome.budget_spent();
        for (pool, before) in &reservation.before {
            let Some(written) = self.parameters.states.get(pool) else { continue };
            let mut state = before.clone();
            spend(&mut state, pool, spent.get(pool).copied().unwrap_or(0), now);
            state.used_release.clone_from(&written.used_release);
            if state == *written {
                continue;
            }
            // What another environment wrote since counts what was written for this run as well.
            let alone = self.read_states(&BTreeSet::from([pool.clone()]), deadline).await;
            let settled =
                matches!(alone, Ok(true)) && self.write_state(pool, state, deadline).await.is_done();
            if !settled {
                tracing::warn!(%pool, "the budget counts removals that were not made, until its window has passed");
            }
        }
    }

    /// Returns when a run has to stop submitting.
    pub(super) fn until(&self, deadline: Deadline) -> Timestamp {
        let left = SignedDuration::try_from(deadline.remaining()).unwrap_or(SignedDuration::MAX);
        self.now().checked_add(left.saturating_sub(MARGIN)).unwrap_or(Timestamp::MAX)
    }

    /// Returns how long a request may wait for the account's budget.
    pub(super) fn patience(&self, execution: &Execution) -> Duration {
        execution.submit_until().duration_since(self.now()).try_into().unwrap_or_default()
    }

    pub(super) async fn sleep_until(&self, at: Timestamp) {
        let wait = at.duration_since(self.now());
        tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    }
}

/// Counts removals in a pool's state.
fn spend(state: &mut PoolStateDocument, pool: &PoolName, removals: usize, now: Timestamp) {
    let mut ledger = RemovalLedger::default();
    state.fill_ledger(pool, &mut ledger);
    ledger.spend(pool, removals, now);
    state.take_ledger(pool, &ledger);
}

/// Returns the pools whose plan takes from a budget or uses a release.
fn takers(plan: &Plan) -> BTreeSet<PoolName> {
    let takes = plan.pools.iter().filter(|pool| pool.budget_spent > 0 || pool.release_used.is_some());
    takes.map(|pool| pool.name.clone()).collect()
}
