//! Retiring a deployment: its records go, until two listings some time apart show none.
//!
//! It works from the hosted zones alone: no parameter is read, and EC2 is asked only where it is doubtful whose
//! the records are. What has to go is the core's business.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use registrar_core::execute::Reply;
use registrar_core::ids::{HostedZoneId, InstanceId, PoolName, RoleArn};
use registrar_core::inventory::{HostedZone, Observed};
use registrar_core::pool::Pool;
use registrar_core::retire::{left, recorded, retired, unread_marks};

use super::look::fleet;
use super::{Deployment, Executed, Looked, Scope};
use crate::{Deadline, ZoneAccess};

/// How far apart the two listings are that have to show nothing: a run of the registrar that began before
/// may still publish something.
const APART: Duration = Duration::from_secs(10);

/// How long a listing and its answer may take at the end.
const TO_LIST: Duration = Duration::from_secs(2);

/// How long after a refusal that ends by itself the records are listed again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many record sets are named where some are left.
const MOST_NAMED: usize = 3;

/// What is told to whoever has to go on.
const AGAIN: &str = "(hint: delete the stack again; what was removed stays removed)";

/// What retiring a deployment came to.
#[derive(Debug, Default)]
pub struct Retired {
    /// The runs, in order.
    pub runs: Vec<Executed>,
    /// Deletions of marks that this version does not write.
    pub unread: usize,
    /// Pools that were spared: EC2 here knows nothing of their instances, so another Region or account may
    /// own their records.
    pub spared: BTreeSet<PoolName>,
    /// Pools that had records.
    pub pools: BTreeSet<PoolName>,
    /// Why it is not done: what is left, and what to do. Without it, two listings showed nothing.
    pub problem: Option<String>,
}

/// What to do after a step.
enum Next {
    List,
    Stop(Option<String>),
}

impl Deployment {
    /// Removes every record set in these hosted zones that has a mark of the deployment. Where it is `doubtful` whose
    /// they are, pools are spared whose instances EC2 here has never heard of, unless it runs one that their document
    /// selects; the documents are given for that.
    pub async fn retire(
        &mut self,
        hosted_zones: &BTreeMap<HostedZoneId, Option<RoleArn>>,
        doubtful: Option<&[Pool]>,
        deadline: Deadline,
    ) -> Retired {
        let mut done = Retired::default();
        let mut undecided = doubtful;
        let mut was_empty = false;
        loop {
            let looked = self.list_to_retire(hosted_zones, deadline).await;
            let zones = &looked.inventory.hosted_zones;
            done.pools.extend(pools_with_records(self, zones));
            if let Some(pools) = undecided.take() {
                match self.strangers(pools, zones, deadline).await {
                    Ok(spared) => done.spared = spared,
                    Err(problem) => {
                        done.problem = Some(problem);
                        return done;
                    }
                }
            }
            let is_empty = left(&self.name, zones, &done.spared).is_empty();
            let next = if is_empty {
                nothing_left(zones, was_empty, deadline).await
            } else {
                self.remove(looked, hosted_zones, &mut done, deadline).await
            };
            was_empty = is_empty;
            if let Next::Stop(problem) = next {
                done.problem = problem;
                return done;
            }
        }
    }

    async fn list_to_retire(
        &mut self,
        hosted_zones: &BTreeMap<HostedZoneId, Option<RoleArn>>,
        deadline: Deadline,
    ) -> Looked {
        let mut looked = self.look(Scope::listing(hosted_zones), None, deadline).await;
        // Nothing is left in a hosted zone that is not there any more.
        looked.inventory.hosted_zones.retain(|_, zone| !zone.is_unknown);
        looked
    }

    /// Removes what a listing showed.
    async fn remove(
        &mut self,
        mut looked: Looked,
        roles: &BTreeMap<HostedZoneId, Option<RoleArn>>,
        done: &mut Retired,
        deadline: Deadline,
    ) -> Next {
        let zones = &looked.inventory.hosted_zones;
        let before = left(&self.name, zones, &done.spared);
        let gap = zones.values().find_map(|zone| zone.gap.clone());
        if deadline.remaining() < TO_LIST {
            return Next::Stop(Some(format!(
                "there was no time left, and {} record sets of deployment {} are left {AGAIN}",
                before.len(),
                self.name
            )));
        }
        let mut unread = 0;
        let mut denied: BTreeMap<PoolName, String> = BTreeMap::new();
        for batch in unread_marks(&self.name, zones, &done.spared) {
            let role_arn = roles.get(&batch.hosted_zone_id).cloned().flatten();
            let access = ZoneAccess { id: batch.hosted_zone_id.clone(), role_arn };
            match self.aws.change_records(&access, &batch, deadline).await {
                Reply::Accepted { .. } => unread += batch.units.len(),
                Reply::PriorRequestNotComplete | Reply::Throttled | Reply::Lost(_) => {
                    tokio::time::sleep(PAUSE).await;
                    return Next::List;
                }
                Reply::InvalidChangeBatch(messages) => return Next::Stop(Some(messages.join("; "))),
                // An alias that stays keeps the records that it leads to; other pools go all the same.
                Reply::Denied(problem) => {
                    denied.extend(batch.units.into_iter().map(|unit| (unit.pool, problem.clone())));
                }
            }
        }
        done.unread += unread;
        let kept = done.spared.iter().chain(denied.keys()).cloned().collect();
        looked.scope.pools = retired(&self.name, zones, roles, &kept);
        let executed = match self.execute(looked, deadline, &mut ()).await {
            Ok(executed) => executed,
            Err(problem) => return Next::Stop(Some(problem)),
        };
        let moved = unread > 0 || !executed.outcome.applied.is_empty() || executed.outcome.lost_replies > 0;
        let denied = denied.into_iter().next().map(|(pool, problem)| format!("pool {pool}: {problem}"));
        let problem = denied.or_else(|| left_behind(&executed)).or(gap.map(|gap| gap.to_string()));
        done.runs.push(executed);
        match problem {
            Some(problem) => Next::Stop(Some(format!("{problem} {AGAIN}"))),
            None if moved => Next::List,
            None => Next::Stop(Some(stuck(&before))),
        }
    }

    /// Returns the pools whose records nobody here can have made.
    async fn strangers(
        &self,
        pools: &[Pool],
        zones: &BTreeMap<HostedZoneId, HostedZone>,
        deadline: Deadline,
    ) -> Result<BTreeSet<PoolName>, String> {
        let recorded = recorded(&self.name, zones);
        let ids: BTreeSet<InstanceId> = recorded.values().flatten().cloned().collect();
        if ids.is_empty() {
            return Ok(BTreeSet::new());
        }
        let known = self.aws.describe_ids(&ids, deadline).await;
        let scope = Scope::everything(pools, false);
        let selected = fleet(&self.aws, &scope, false, deadline).await;
        if let Some(gap) = known.gap.as_ref().or(selected.gap.as_ref()) {
            return Err(format!("it is not to be told whose the records are: {gap} {AGAIN}"));
        }
        let has_members = |pool: &PoolName| {
            let mut own = scope.policies().filter(|(name, _)| *name == pool);
            own.any(|(_, policy)| {
                let mut instances = selected.instances.values();
                instances.any(|instance| policy.selects(instance, instance.tagged_group().as_ref()))
            })
        };
        let strange = recorded.into_iter().filter(|(pool, ids)| {
            !has_members(pool) && ids.iter().all(|id| known.lookup(id) == Observed::Known(None))
        });
        Ok(strange.map(|(pool, _)| pool).collect())
    }
}

/// Decides what follows from a listing that shows nothing: two have to, some time apart.
async fn nothing_left(
    zones: &BTreeMap<HostedZoneId, HostedZone>,
    was_empty: bool,
    deadline: Deadline,
) -> Next {
    if let Some(gap) = zones.values().find_map(|zone| zone.gap.as_ref()) {
        return Next::Stop(Some(format!("whether records are left is not to be told: {gap} {AGAIN}")));
    }
    if was_empty || zones.is_empty() {
        return Next::Stop(None);
    }
    if deadline.remaining() < APART + TO_LIST {
        let problem = "no record is left, but there was no time to look again whether a run that was under way had \
                       published another";
        return Next::Stop(Some(format!("{problem} {AGAIN}")));
    }
    tokio::time::sleep(APART).await;
    Next::List
}

pub(super) fn pools_with_records(
    deployment: &Deployment,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
) -> BTreeSet<PoolName> {
    let nothing = BTreeMap::new();
    let pools = retired(&deployment.name, zones, &nothing, &BTreeSet::new());
    pools.into_iter().map(|pool| pool.name).collect()
}

/// Names record sets that nothing removes: somebody gave them fields that only they understand.
fn stuck(left: &[std::sync::Arc<registrar_core::record_set::RecordSet>]) -> String {
    let named: Vec<String> = left.iter().take(MOST_NAMED).map(|record| record.to_string()).collect();
    format!(
        "{} record sets are left that cannot be removed as they were read: {} (hint: delete them by hand, and then the \
         stack again)",
        left.len(),
        named.join("; ")
    )
}

/// Says what a retiring run left behind.
fn left_behind(executed: &Executed) -> Option<String> {
    let outcome = &executed.outcome;
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for unit in &outcome.handed_back {
        let reason = outcome.why_handed_back(&unit.pool).unwrap_or("there was no time left");
        *reasons.entry(reason).or_insert(0) += 1;
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
