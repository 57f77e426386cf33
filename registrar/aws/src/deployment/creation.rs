//! What a custom resource needs of a deployment besides its runs: documents that come with the request, whose the
//! records are that stand already, and what SSM keeps of a deployment that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use registrar_core::ids::{HostedZoneId, InstanceId, PoolName, RoleArn};
use registrar_core::inventory::Observed;
use registrar_core::owner::{OwnerMark, Role};
use registrar_core::plan::Plan;
use registrar_core::pool::{Pool, PoolState};
use registrar_core::record_set::RecordSet;
use registrar_core::retire::recorded;

use super::retire::pools_with_records;
use super::{Deployment, Looked, Scope};
use crate::Deadline;

/// How long it may take to forget what SSM keeps: it is of no use to anybody then, and in nobody's way.
const TO_FORGET: Duration = Duration::from_secs(5);

impl Deployment {
    /// Puts documents in the place of those that SSM holds, for this one only.
    pub fn overlay(&mut self, pools: Vec<Pool>) {
        for pool in pools {
            self.parameters.pools.retain(|known| known.name != pool.name);
            self.parameters.pools.push(pool);
        }
        self.parameters.pools.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Takes pools as retired, for this one only: their documents are about to go.
    pub fn give_up(&mut self, mut pools: Vec<Pool>) {
        for policy in pools.iter_mut().filter_map(|pool| pool.policy.as_mut().ok()) {
            policy.state = PoolState::Retired;
        }
        self.overlay(pools);
    }

    /// Looks at every pool, and at these hosted zones besides, all of them listed whole.
    pub async fn look_at_all_of(
        &mut self,
        hosted_zones: &BTreeMap<HostedZoneId, Option<RoleArn>>,
        deadline: Deadline,
    ) -> Looked {
        let mut scope = Scope::everything(&self.parameters.pools, true);
        scope.hosted_zones = hosted_zones.clone();
        self.look(scope, None, deadline).await
    }

    /// Returns a record of the deployment, whichever pool it is of, whose instance EC2 here has never heard of:
    /// another Region or account may have made it.
    #[must_use]
    pub fn unheard_of(&self, looked: &Looked) -> Option<(PoolName, InstanceId)> {
        let inventory = &looked.inventory;
        let recorded = recorded(&self.name, &inventory.hosted_zones);
        recorded.into_iter().find_map(|(pool, ids)| {
            let mut ids = ids.into_iter();
            let id = ids.find(|id| inventory.fleet.lookup(id) == Observed::Known(None))?;
            Some((pool, id))
        })
    }

    /// Returns a fallback record of the deployment that `plan` does not keep as it is: another stack of the same names has
    /// made it, since this one's would be the same.
    #[must_use]
    pub fn others_fallback(&self, looked: &Looked, plan: &Plan) -> Option<Arc<RecordSet>> {
        let changed = |record: &Arc<RecordSet>| {
            let mut changes = plan.batches.iter().flat_map(|batch| batch.changes());
            changes.any(|change| change.record == *record)
        };
        let is_others = |record: &&Arc<RecordSet>| {
            let mark = record.set_identifier.as_deref().and_then(|mark| mark.parse::<OwnerMark>().ok());
            mark.filter(|mark| mark.role == Role::Fallback && mark.owner.deployment == self.name).is_some_and(
                |mark| changed(record) || plan.pools.iter().all(|pool| pool.name != mark.owner.pool),
            )
        };
        let zones = looked.inventory.hosted_zones.values();
        zones.flat_map(|zone| zone.records.values()).find(is_others).cloned()
    }

    /// Returns one of these pools that has records.
    #[must_use]
    pub fn with_records(&self, pools: &BTreeSet<PoolName>, looked: &Looked) -> Option<PoolName> {
        let found = pools_with_records(self, &looked.inventory.hosted_zones);
        found.intersection(pools).next().cloned()
    }

    /// Deletes what SSM keeps of the deployment beside its documents: what is known by its name, and whatever else
    /// one reading shows. Returns what could not be done, which does no harm.
    pub async fn forget_states(&self, pools: &BTreeSet<PoolName>, deadline: Deadline) -> Vec<String> {
        let deadline = Deadline::after(TO_FORGET.min(deadline.remaining() / 2));
        let mut problems = BTreeSet::new();
        let states = self.paths.states();
        let to_read = deadline.earlier_by(TO_FORGET / 2);
        let mut names: BTreeSet<String> = match self.aws.parameters_under(&states, to_read).await {
            Ok(found) => found.into_keys().collect(),
            Err(error) => {
                problems.insert(format!("what is below {states} is not known, and may stay: {error}"));
                let named = pools.iter().flat_map(|pool| [self.paths.state(pool), self.paths.orders(pool)]);
                named.chain([self.paths.places(0)]).collect()
            }
        };
        names.retain(|name| name.starts_with(&states));
        let deleted = join_all(names.iter().map(|name| async move {
            let deleted = self.aws.delete_parameter(name, deadline).await;
            deleted.map_err(|error| format!("parameter {name} stays: {error}"))
        }));
        problems.extend(deleted.await.into_iter().filter_map(Result::err));
        problems.into_iter().collect()
    }
}
