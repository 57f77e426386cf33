//! One reconcile: observe, plan, check, execute, in steps that leave the waiting to the shell.
//!
//! Every call to Route 53 is one step, so that tests can interleave two runs at each of them, and
//! drop one in between as a crash would.

use registrar_core::Timestamp;
use registrar_core::execute::{Effect, Execution, Outcome, Reply, RetryReason};
use registrar_core::guard::RemovalLedger;
use registrar_core::inventory::Inventory;
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Batch, Plan, PlanInput};

use super::faults::use_up;
use super::{Edge, lock};
use crate::route53::{ModelChange, Route53Error};

/// What a step came to.
#[derive(Debug)]
#[must_use = "a run goes on until it is done"]
pub enum Step {
    /// Something was done; take the next step now.
    Progress,
    /// Take the next step then.
    WaitUntil {
        /// When.
        at: Timestamp,
        /// Why.
        reason: RetryReason,
    },
    /// Read what there is to read, and call [`Edge::look_again`].
    Look,
    /// The run is over.
    Done(Box<RunReport>),
}

/// What a run did.
#[derive(Clone, Debug, PartialEq)]
pub struct RunReport {
    /// The last plan that was made.
    pub plan: Plan,
    /// What came of it.
    pub outcome: Outcome,
}

/// A run that is under way.
#[derive(Debug)]
pub struct Run {
    execution: Execution,
    /// What the budgets had spent before this run.
    ledger: RemovalLedger,
}

impl Run {
    /// Has the world looked at again before anything else is submitted.
    pub fn distrust(&mut self) {
        self.execution.distrust();
    }
}

impl Edge {
    /// Looks, plans, and begins to execute.
    ///
    /// # Errors
    /// When the world could not be looked at, or the plan breaks a rule: nothing was changed then.
    pub fn begin(&mut self, now: Timestamp, deadline: Timestamp) -> Result<Run, String> {
        let ledger = self.ledger.clone();
        let inventory = self.look(now)?;
        let plan = self.plan(&inventory)?;
        self.seed = self.seed.wrapping_add(1);
        Ok(Run { execution: Execution::new(plan, deadline, self.seed), ledger })
    }

    fn look(&mut self, now: Timestamp) -> Result<Inventory, String> {
        self.observe(now).map_err(|error| format!("the hosted zone could not be listed: {error}"))
    }

    fn plan(&self, inventory: &Inventory) -> Result<CheckedPlan, String> {
        let pools = self.pools();
        let input = PlanInput {
            deployment: &self.deployment,
            pools: &pools,
            inventory,
            ledger: &self.ledger,
            // The operator's command writes orders into AWS; here, the documents are at hand.
            orders: &Orders::default(),
            tree: self.tree,
        };
        CheckedPlan::new(Plan::new(input), &pools, inventory).map_err(|refused| refused.to_string())
    }

    /// Takes one step of a run.
    pub fn step(&mut self, run: &mut Run, now: Timestamp) -> Step {
        match run.execution.next(now) {
            Effect::WaitUntil { at, reason } => Step::WaitUntil { at, reason },
            Effect::Submit(batch) => {
                self.spend(run, Some(&batch), now);
                let reply = self.submit(&batch, now);
                run.execution.replied(reply, now);
                Step::Progress
            }
            Effect::LookAgain(_) => Step::Look,
            Effect::Done(outcome) => {
                self.spend(run, None, now);
                Step::Done(Box::new(RunReport { plan: run.execution.plan().clone(), outcome }))
            }
        }
    }

    /// Looks at the world as it was read last, and plans the rest of a run again.
    pub fn look_again(&mut self, run: &mut Run, now: Timestamp) {
        match self.plan_again(run, now) {
            Ok((plan, inventory)) => run.execution.looked(Ok((plan, &inventory)), now),
            Err(problem) => run.execution.looked(Err(problem), now),
        }
    }

    /// A lost batch stays counted until a look tells whether it took effect.
    fn plan_again(&mut self, run: &Run, now: Timestamp) -> Result<(CheckedPlan, Inventory), String> {
        let inventory = self.look(now)?;
        self.spend(run, None, now);
        for (pool, removals) in run.execution.lost_budget(&inventory) {
            self.ledger.spend(&pool, removals, now);
        }
        let plan = self.plan(&inventory)?;
        Ok((plan, inventory))
    }

    /// Counts what was applied, and a batch that is about to be submitted, against the budgets.
    fn spend(&mut self, run: &Run, submitting: Option<&Batch>, now: Timestamp) {
        self.ledger = run.ledger.clone();
        for (pool, removals) in run.execution.outcome().budget_spent() {
            self.ledger.spend(&pool, removals, now);
        }
        for unit in submitting.iter().flat_map(|batch| &batch.units) {
            self.ledger.spend(&unit.pool, unit.budgeted, now);
        }
    }

    fn submit(&mut self, batch: &Batch, now: Timestamp) -> Reply {
        let faults = &mut self.faults.route53;
        if use_up(&mut faults.throttle) {
            return Reply::Throttled;
        }
        if use_up(&mut faults.prior_request_not_complete) {
            return Reply::PriorRequestNotComplete;
        }
        if use_up(&mut faults.lose_request) {
            return Reply::Lost("the request did not arrive".to_owned());
        }
        let changes: Vec<ModelChange> =
            batch.changes().map(|change| (change.action, change.record.as_ref().clone()).into()).collect();
        let reply = lock(&self.model).change_record_sets(&batch.hosted_zone_id, &changes, now);
        if use_up(&mut self.faults.route53.lose_reply) {
            return Reply::Lost("no reply came".to_owned());
        }
        match reply {
            Ok(info) => Reply::Accepted { change_id: info.id },
            Err(Route53Error::PriorRequestNotComplete) => Reply::PriorRequestNotComplete,
            Err(Route53Error::Throttling) => Reply::Throttled,
            Err(Route53Error::InvalidChangeBatch(messages)) => Reply::InvalidChangeBatch(messages),
            Err(Route53Error::InvalidInput(message)) => Reply::InvalidChangeBatch(vec![message]),
            Err(
                error @ (Route53Error::NoSuchHostedZone(_)
                | Route53Error::HostedZoneAlreadyExists(_)
                | Route53Error::NoSuchChange(_)),
            ) => Reply::Denied(error.to_string()),
        }
    }
}
