//! What a custom resource needs of a deployment besides its runs: documents that come with the request, whose the
//! records are that stand already, and what SSM keeps of a deployment that is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use registrar_core::ids::{HostedZoneId, InstanceId, PoolName, RoleArn};
use registrar_core::inventory::Observed;
use registrar_core::pool::Pool;
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

    /// Leaves pools out, for this one only: their documents are about to go.
    pub fn leave_out(&mut self, pools: &BTreeSet<PoolName>) {
        self.parameters.pools.retain(|known| !pools.contains(&known.name));
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
