//! What a run leaves behind for later ones, in SSM: Spot warnings, and since when something is held back.
//!
//! It is written only where it changed. What counts against budgets is written before a run (see `run`).

use registrar_core::guard::HoldReason;
use registrar_core::plan::PoolPlan;
use registrar_core::state_document::PoolStateDocument;
use registrar_core::trigger::Trigger;

use super::hints::Hint;
use super::{Deployment, Executed};
use crate::Deadline;

impl Deployment {
    /// Writes down what later runs and other environments need to know.
    pub(super) async fn keep_states(&mut self, executed: &Executed, hints: &[Hint], deadline: Deadline) {
        for pool in &executed.plan.pools {
            let known = self.parameters.states.get(&pool.name).cloned().unwrap_or_default();
            let noted = note(known.clone(), executed, pool, hints);
            // What cannot be read must not be written over: it may count removals.
            if noted == known || self.parameters.unreadable_states.contains(&pool.name) {
                continue;
            }
            // Another environment may have counted removals since: only what it wrote is added to.
            if let Some(fresh) = self.fresh_state(&pool.name, deadline).await {
                self.write_state(&pool.name, note(fresh, executed, pool, hints), deadline).await;
            }
        }
    }
}

/// Notes what a run found out about a pool.
fn note(
    mut state: PoolStateDocument,
    executed: &Executed,
    pool: &PoolPlan,
    hints: &[Hint],
) -> PoolStateDocument {
    for hint in hints {
        if let Trigger::SpotInterruption { instance, at: Some(at) } = &hint.trigger
            && concerns(executed, pool, instance)
        {
            state.note_spot_warning(instance, *at);
        }
    }
    state.note_holds(&lasting(pool), executed.plan.observed_at);
    state
}

fn concerns(executed: &Executed, pool: &PoolPlan, instance: &registrar_core::ids::InstanceId) -> bool {
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
