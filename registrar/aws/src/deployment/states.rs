//! What a run leaves behind for later ones, in SSM: Spot warnings, and since when something is held back.
//!
//! It is written only where it changed, and never over what another environment wrote meanwhile. What counts against budgets is written before a run (see `run`).

use std::collections::BTreeSet;

use registrar_core::Timestamp;
use registrar_core::guard::HoldReason;
use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::plan::PoolPlan;
use registrar_core::state_document::PoolStateDocument;
use registrar_core::trigger::Trigger;

use super::{Deployment, Executed};
use crate::{Deadline, PortError};

/// How often a state is written again because another environment wrote it at the same time.
const MOST_WRITES: usize = 4;

/// What became of writing a pool's state.
#[derive(Debug, PartialEq)]
pub(super) enum Written {
    /// It stands.
    Done,
    /// It stands in the place of what another environment wrote since it was read: this, where that can be told.
    Over(Option<PoolStateDocument>),
    /// It could not be written.
    Failed,
}

impl Written {
    pub(super) fn is_done(&self) -> bool {
        *self == Self::Done
    }
}

impl Deployment {
    /// Writes down what later runs and other environments need to know.
    pub(super) async fn keep_states(&mut self, executed: &Executed, hints: &[Trigger], deadline: Deadline) {
        for pool in &executed.plan.pools {
            let warned: Vec<(&InstanceId, Timestamp)> =
                hints.iter().filter_map(warning).filter(|(id, _)| concerns(executed, pool, id)).collect();
            let holds = lasting(pool);
            let change = |before: &PoolStateDocument| {
                let mut state = before.clone();
                warned.iter().for_each(|(instance, at)| state.note_spot_warning(instance, *at));
                state.note_holds(&holds, executed.plan.observed_at);
                state
            };
            let known = self.parameters.states.get(&pool.name).cloned().unwrap_or_default();
            // What cannot be read must not be written over: it may count removals.
            let is_readable = !self.parameters.unreadable_states.contains(&pool.name);
            if is_readable && change(&known) != known {
                self.change_state(&pool.name, &change, deadline).await;
            }
        }
    }

    /// Changes a pool's state as it stands now: what another environment wrote since the parameters were read
    /// stays, above all what it spent from the budget.
    async fn change_state(
        &mut self,
        pool: &PoolName,
        change: &(dyn Fn(&PoolStateDocument) -> PoolStateDocument + Sync),
        deadline: Deadline,
    ) {
        if let Err(error) = self.read_states(&BTreeSet::from([pool.clone()]), deadline).await {
            tracing::warn!(%pool, %error, "the pool's state is changed as it was read before");
        }
        let mut before = self.parameters.states.get(pool).cloned().unwrap_or_default();
        let mut has_replaced = false;
        for _ in 0..MOST_WRITES {
            let state = change(&before);
            if state == before && !has_replaced {
                return;
            }
            match self.write_state(pool, state, deadline).await {
                Written::Over(Some(others)) => (before, has_replaced) = (others, true),
                Written::Done | Written::Over(None) | Written::Failed => return,
            }
        }
    }

    /// Reads the states of pools; says whether they are what was known.
    pub(super) async fn read_states(
        &mut self,
        pools: &BTreeSet<PoolName>,
        deadline: Deadline,
    ) -> Result<bool, PortError> {
        let names = pools.iter().map(|pool| self.paths.state(pool)).collect();
        let mut fresh = self.aws.parameters_named(&names, deadline).await?;
        let mut same = true;
        for pool in pools {
            let parameter = fresh.remove(&self.paths.state(pool));
            let version = parameter.as_ref().map_or(0, |parameter| parameter.version);
            let state =
                match parameter.map(|parameter| PoolStateDocument::parse(&parameter.value)).transpose() {
                    Ok(state) => state.unwrap_or_default(),
                    Err(error) => {
                        tracing::warn!(%pool, %error, "no removal counts against its budget until then");
                        self.parameters.unreadable_states.insert(pool.clone());
                        same = false;
                        continue;
                    }
                };
            same &= self.parameters.states.get(pool).cloned().unwrap_or_default() == state;
            self.parameters.states.insert(pool.clone(), state);
            self.parameters.versions.insert(pool.clone(), version);
        }
        Ok(same)
    }

    /// Writes a pool's state over whatever it was. SSM has no condition on a write, but it counts versions: one
    /// more than the version that was known means that nobody wrote in between.
    pub(super) async fn write_state(
        &mut self,
        pool: &PoolName,
        state: PoolStateDocument,
        deadline: Deadline,
    ) -> Written {
        let written = self.aws.write_parameter(&self.paths.state(pool), &state.to_text(), deadline).await;
        match written {
            Ok(version) => {
                self.parameters.states.insert(pool.clone(), state);
                let known = self.parameters.versions.insert(pool.clone(), version).unwrap_or_default();
                if version <= known + 1 {
                    return Written::Done;
                }
                tracing::debug!(%pool, "another environment wrote the pool's state at the same time");
                Written::Over(self.replaced_state(pool, version, deadline).await)
            }
            Err(error) => {
                tracing::warn!(%pool, %error, "the pool's state could not be written");
                Written::Failed
            }
        }
    }

    /// Reads what a write replaced, which SSM keeps (a hundred versions of each parameter).
    async fn replaced_state(
        &self,
        pool: &PoolName,
        version: i64,
        deadline: Deadline,
    ) -> Option<PoolStateDocument> {
        let name = format!("{}:{}", self.paths.state(pool), version - 1);
        let found = self.aws.parameters_named(&BTreeSet::from([name]), deadline).await;
        let found =
            found.inspect_err(|error| tracing::warn!(%pool, %error, "what it wrote could not be read"));
        PoolStateDocument::parse(&found.ok()?.into_values().next()?.value).ok()
    }
}

/// Returns whom a Spot warning is about, and when it was given.
fn warning(hint: &Trigger) -> Option<(&InstanceId, Timestamp)> {
    match hint {
        Trigger::SpotInterruption { instance, at: Some(at) } => Some((instance, *at)),
        _ => None,
    }
}

fn concerns(executed: &Executed, pool: &PoolPlan, instance: &InstanceId) -> bool {
    let inventory = &executed.looked.inventory;
    let policy = executed.looked.scope.policies().find(|(name, _)| **name == pool.name);
    policy.is_some_and(|(_, policy)| {
        inventory
            .fleet
            .instances
            .get(instance)
            .is_some_and(|instance| policy.selects(instance, inventory.groups.group_of(instance).as_ref()))
    })
}

/// Leaves out what ends by itself within a look or two: it would be written at every launch.
fn lasting(pool: &PoolPlan) -> PoolPlan {
    let mut lasting = pool.clone();
    lasting.held_back.retain(|held| match held.reason() {
        HoldReason::Unknown
        | HoldReason::AddressUnconfirmed
        | HoldReason::Starting
        | HoldReason::HostedZoneIncomplete => false,
        HoldReason::RemovalBudget
        | HoldReason::LastRecord
        | HoldReason::KeepLast
        | HoldReason::WrongAccountOrRegion
        | HoldReason::ForeignRecord
        | HoldReason::ForeignTtl
        | HoldReason::Capacity
        | HoldReason::NameChanged
        | HoldReason::Paused
        | HoldReason::WeightTag => true,
    });
    lasting
}
