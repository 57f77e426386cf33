//! What an operator's command does with a deployment: apply, order, adopt, and ask how it stands.
//!
//! It asks no person and prints nothing; the command does.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::adopt::{AdoptInput, Adoption};
use registrar_core::execute::{Effect, Execution, Outcome};
use registrar_core::ids::{HostedZoneId, InstanceId, PoolName};
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::{OrdersDocument, OrdersError};
use registrar_core::plan::Plan;
use registrar_core::pool::Pool;
use registrar_core::status::{Status, StatusInput};

use super::{Deployment, Executed, Looked, Watcher};
use crate::{Deadline, PortError};

/// Orders that were not read or written.
#[derive(Debug, thiserror::Error)]
pub enum OrdersRefused {
    /// SSM did not do it.
    #[error("{0}")]
    Port(#[from] PortError),
    /// They cannot be used.
    #[error("parameter {name}: {problem}")]
    Unusable {
        /// The parameter.
        name: String,
        /// Why.
        problem: OrdersError,
    },
}

/// An adoption that was looked at and can be shown.
#[derive(Debug)]
pub struct Adopting {
    /// What would be adopted.
    pub adoption: Adoption,
    /// The record sets that the operator named.
    named: BTreeMap<String, InstanceId>,
    looked: Looked,
}

impl Deployment {
    /// Executes a plan of what was seen, and writes down what later runs need to know of it.
    ///
    /// # Errors
    /// When the plan breaks a rule that is nobody's in particular: nothing was changed then.
    pub async fn apply(
        &mut self,
        looked: Looked,
        deadline: Deadline,
        watcher: &mut dyn Watcher,
    ) -> Result<Executed, String> {
        let executed = self.execute(looked, deadline, watcher).await?;
        self.note_places(&executed.looked, deadline).await;
        self.keep_states(&executed, &[], deadline).await;
        Ok(executed)
    }

    /// Says how the pools stand, given a plan of what was seen.
    pub fn status(&self, looked: &Looked, plan: &Plan) -> Status {
        let whole = looked.inventory.hosted_zones.iter().filter(|_| looked.scope.whole_hosted_zones);
        let counted = whole.filter(|(_, zone)| zone.gap.is_none());
        let count = |(id, zone): (&HostedZoneId, &registrar_core::inventory::HostedZone)| {
            (id.clone(), zone.records.len() as u64)
        };
        Status::new(StatusInput {
            plan,
            pools: &looked.scope.pools,
            inventory: &looked.inventory,
            orders: &self.parameters.orders(),
            states: &self.parameters.states,
            document_bytes: &self.parameters.document_bytes,
            hosted_zone_records: &counted.map(count).collect(),
        })
    }

    /// Reads the orders about a pool as they stand now.
    ///
    /// # Errors
    /// When SSM does not answer, or they cannot be read.
    pub async fn orders_now(
        &self,
        pool: &PoolName,
        deadline: Deadline,
    ) -> Result<OrdersDocument, OrdersRefused> {
        let name = self.paths.orders(pool);
        let mut found = self.aws.parameters_named(&[name.clone()].into(), deadline).await?;
        match found.remove(&name) {
            None => Ok(OrdersDocument::default()),
            Some(parameter) => OrdersDocument::parse(&parameter.value)
                .map_err(|problem| OrdersRefused::Unusable { name, problem }),
        }
    }

    /// Writes the orders about a pool; where none is left that could come into force, the parameter is deleted.
    ///
    /// # Errors
    /// When SSM does not answer, or they do not fit.
    pub async fn write_orders(
        &self,
        pool: &PoolName,
        orders: &OrdersDocument,
        deadline: Deadline,
    ) -> Result<(), OrdersRefused> {
        let name = self.paths.orders(pool);
        if orders.is_over(self.now()) {
            return Ok(self.aws.delete_parameter(&name, deadline).await?);
        }
        match orders.to_text() {
            Ok(text) => {
                self.aws.write_parameter(&name, &text, deadline).await?;
                Ok(())
            }
            Err(problem) => Err(OrdersRefused::Unusable { name, problem }),
        }
    }

    /// Looks at what a pool could adopt: records whose set identifier is an instance's id, and those that are named.
    ///
    /// # Errors
    /// When the pool cannot adopt anything, and why.
    pub async fn look_to_adopt(
        &mut self,
        pool: &PoolName,
        named: &BTreeMap<String, InstanceId>,
        deadline: Deadline,
    ) -> Result<Adopting, String> {
        let mut looked = self.look_at(Some(&[pool.clone()].into()), deadline).await;
        let planned = self.plan(&looked)?.into_plan();
        let held = planned.pools.iter().find(|planned| planned.name == *pool && planned.headline.is_none());
        if let Some(error) = held.and_then(|planned| planned.errors.first()) {
            return Err(error.clone());
        }
        let adoption = self.adoption(&looked, pool, named)?;
        let known = &looked.inventory.fleet.instances;
        let candidates = adoption.adopted.iter().map(|adopted| &adopted.instance);
        let unseen: BTreeSet<InstanceId> = candidates.filter(|id| !known.contains_key(id)).cloned().collect();
        if unseen.is_empty() {
            return Ok(Adopting { adoption, named: named.clone(), looked });
        }
        let found = self.aws.describe_ids(&unseen, deadline).await;
        let fleet = &mut looked.inventory.fleet;
        fleet.instances.extend(found.instances);
        fleet.gap = fleet.gap.take().or(found.gap);
        let adoption = self.adoption(&looked, pool, named)?;
        Ok(Adopting { adoption, named: named.clone(), looked })
    }

    fn adoption(
        &self,
        looked: &Looked,
        pool: &PoolName,
        named: &BTreeMap<String, InstanceId>,
    ) -> Result<Adoption, String> {
        let of_name = |known: &&Pool| known.name == *pool;
        let pool =
            looked.scope.pools.iter().find(of_name).ok_or_else(|| format!("there is no pool {pool}"))?;
        let input = AdoptInput {
            deployment: &self.name,
            pool,
            inventory: &looked.inventory,
            orders: &self.parameters.orders(),
            named,
        };
        Adoption::new(input).map_err(|error| error.to_string())
    }

    /// Adopts what was shown, or what is left of it.
    ///
    /// # Errors
    /// When the records cannot be looked at again, or another look finds more than was shown.
    pub async fn adopt(
        &mut self,
        shown: &Adopting,
        deadline: Deadline,
        watcher: &mut dyn Watcher,
    ) -> Result<Outcome, String> {
        self.note_places(&shown.looked, deadline).await;
        self.seed = self.seed.wrapping_add(1);
        let mut execution = Execution::new(checked(shown)?, self.until(deadline), self.seed);
        loop {
            match execution.next(self.now()) {
                Effect::Done(outcome) => return Ok(outcome),
                Effect::WaitUntil { at, reason } => {
                    watcher.waiting(at, reason);
                    self.sleep_until(at).await;
                }
                Effect::Submit(batch) => {
                    watcher.submitting(&batch);
                    let access = shown.looked.scope.access(&batch.hosted_zone_id);
                    let patience = self.patience(&execution);
                    let reply = self.aws.change_records_within(&access, &batch, patience, deadline).await;
                    execution.replied(reply, self.now());
                }
                Effect::LookAgain(_) => {
                    let again = self.look_to_adopt(&shown.adoption.pool, &shown.named, deadline).await?;
                    only_what_was_shown(&shown.adoption, &again.adoption)?;
                    let plan = checked(&again)?;
                    execution.looked(Ok((plan, &again.looked.inventory)), self.now());
                }
            }
        }
    }
}

fn checked(adopting: &Adopting) -> Result<CheckedPlan, String> {
    let Looked { scope, inventory, .. } = &adopting.looked;
    CheckedPlan::adopting(&adopting.adoption, &scope.pools, inventory).map_err(|refused| refused.to_string())
}

/// A record may have gone in the meantime; one that came, or changed, was not shown.
fn only_what_was_shown(shown: &Adoption, now: &Adoption) -> Result<(), String> {
    let unseen =
        now.adopted.iter().find(|adopted| !shown.adopted.iter().any(|known| known.was == adopted.was));
    match unseen {
        None => Ok(()),
        Some(adopted) => Err(format!("the records changed after they were shown: {}", adopted.was)),
    }
}
