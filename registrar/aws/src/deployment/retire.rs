//! Retiring a deployment: its records go, until two listings some time apart show none.
//!
//! What is removed is the core's business; an instance's state does not matter here, only ownership.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use registrar_core::guard::HoldReason;
use registrar_core::ids::{InstanceId, PoolName};
use registrar_core::inventory::Observed;
use registrar_core::pool::Pool;
use registrar_core::retire::{places_left, retired};

use super::records::members_of;
use super::{Deployment, Executed, Looked, Scope};
use crate::Deadline;

/// How far apart the two listings are that have to show nothing: a run of the registrar that began before
/// may still publish something.
const APART: Duration = Duration::from_secs(10);

/// What retiring a deployment came to.
#[derive(Debug, Default)]
pub struct Retired {
    /// The runs, in order.
    pub runs: Vec<Executed>,
    /// Whether a second listing confirmed that nothing was left, or there was no time for it.
    pub confirmed: bool,
    /// Pools that were spared: EC2 here knows nothing of their instances, so another Region or account may
    /// own their records.
    pub spared: BTreeSet<PoolName>,
}

impl Deployment {
    /// Puts documents in the place of those that SSM holds, for this one only.
    pub fn overlay(&mut self, pools: Vec<Pool>) {
        for pool in pools {
            self.parameters.pools.retain(|known| known.name != pool.name);
            self.parameters.pools.push(pool);
        }
        self.parameters.pools.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// Removes every record that the deployment owns. Where it is `doubtful` whose they are, pools are spared
    /// whose instances EC2 here has never heard of.
    ///
    /// # Errors
    /// When records are left: the reason, and what to do.
    pub async fn retire(&mut self, doubtful: bool, deadline: Deadline) -> Result<Retired, String> {
        let mut done = Retired::default();
        let mut looked = self.look_at(None, deadline).await;
        if doubtful {
            done.spared = self.strangers(&looked)?;
        }
        let placeless =
            |pool: &&Pool| pool.policy.is_err() && self.parameters.places.of(&pool.name).is_none();
        if let Some(pool) = self.parameters.pools.iter().find(placeless) {
            return Err(format!(
                "pool {} has a document that cannot be used, so it is not known where its records are (hint: correct the \
                 document, or remove it where it never had records)",
                pool.name
            ));
        }
        loop {
            self.leave(&mut looked, &done.spared);
            let gap = looked.inventory.hosted_zones.values().find_map(|zone| zone.gap.clone());
            let executed = self.execute(looked, deadline, &mut ()).await?;
            let problem = left_behind(&executed).or(gap.map(|gap| gap.to_string()));
            done.runs.push(executed);
            if let Some(problem) = problem {
                return Err(problem);
            }
            if deadline.remaining() < APART + Duration::from_secs(3) {
                return Ok(done);
            }
            tokio::time::sleep(APART).await;
            looked = self.look_at(None, deadline).await;
            let zones = &looked.inventory.hosted_zones;
            let spared = !done.spared.is_empty();
            if zones.values().all(|zone| zone.gap.is_none())
                && (spared || places_left(&self.name, zones) == 0)
            {
                done.confirmed = true;
                return Ok(done);
            }
        }
    }

    /// Returns a record of the deployment whose instance EC2 here has never heard of: another Region or account
    /// may have made it.
    #[must_use]
    pub fn unheard_of(&self, looked: &Looked) -> Option<(PoolName, InstanceId)> {
        let inventory = &looked.inventory;
        let records = inventory.hosted_zones.values().flat_map(|zone| zone.records.values());
        let mut members = records.flat_map(|record| members_of(record));
        let found = members.find(|(owner, id)| {
            let own = owner.deployment == self.name;
            let pool = looked.scope.pools.iter().any(|pool| pool.name == owner.pool);
            own && pool && inventory.fleet.lookup(id) == Observed::Known(None)
        });
        found.map(|(owner, id)| (owner.pool, id))
    }

    /// Deletes what SSM keeps of the deployment beside its documents.
    ///
    /// # Errors
    /// When a parameter could not be deleted.
    pub async fn forget_states(&self, deadline: Deadline) -> Result<(), crate::PortError> {
        let pools = self.parameters.states.keys().map(|pool| self.paths.state(pool));
        let orders = self.parameters.pools.iter().map(|pool| self.paths.orders(&pool.name));
        let places = 0..self.parameters.places.to_parameters().len();
        let places = places.map(|number| self.paths.places(number));
        for name in pools.chain(orders).chain(places).collect::<Vec<_>>() {
            self.aws.delete_parameter(&name, deadline).await?;
        }
        Ok(())
    }

    /// Turns what was looked at into pools that leave.
    fn leave(&self, looked: &mut Looked, spared: &BTreeSet<PoolName>) {
        let mut pools = retired(&self.name, &self.parameters.pools, &looked.inventory.hosted_zones);
        pools.retain(|pool| !spared.contains(&pool.name));
        looked.scope = Scope { pools, is_everything: true, whole_hosted_zones: true };
    }

    fn strangers(&self, looked: &Looked) -> Result<BTreeSet<PoolName>, String> {
        let plan = self.plan(looked)?.into_plan();
        let strange = plan.pools.iter().filter(|pool| {
            pool.held_back.iter().any(|held| held.reason() == HoldReason::WrongAccountOrRegion)
        });
        Ok(strange.map(|pool| pool.name.clone()).collect())
    }
}

/// Says what a retiring run left behind.
fn left_behind(executed: &Executed) -> Option<String> {
    let outcome = &executed.outcome;
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    if !outcome.handed_back.is_empty() {
        let reason = outcome.denied.as_deref().unwrap_or("there was no time left");
        reasons.insert(reason, outcome.handed_back.len());
    }
    if let Some(poison) = outcome.poison.first() {
        reasons.insert(
            poison.messages.first().map_or("Route 53 refuses it", String::as_str),
            outcome.poison.len(),
        );
    }
    let errors = executed.plan.pools.iter().flat_map(|pool| &pool.errors);
    errors.for_each(|error| *reasons.entry(error).or_insert(0) += 1);
    if reasons.is_empty() {
        return None;
    }
    let told: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
    Some(format!("records are left: {}", told.join("; ")))
}
