//! A whole hostile world: document, fleet, groups, records and events, planned for.
//!
//! What a plan must never do is stated here from the inventory alone, without the guard, the lint or the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::{Kept, promise};
use crate::dump;
use crate::guard::RemovalLedger;
use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::inventory::{EventMemory, HostedZone, InstanceState, Inventory};
use crate::lint::CheckedPlan;
use crate::orders::Orders;
use crate::owner::{OWNER_LABEL, OwnerMark, Role};
use crate::plan::{Change, Plan, PlanInput};
use crate::pool::{Fallback, Policy, Pool, Routing};
use crate::record_set::ChangeAction;
use crate::tree::TreeLimits;
use crate::trigger::Trigger;

/// What stands between the parts of an input, on a line of its own.
const PART: &str = "\n%%\n";
/// When all of it is looked at: within the lifetime of the corpus' events.
const NOW_SECS: i64 = 1_795_257_600;

/// Plans for a pool document, a fleet, groups, records and events, each on lines of its own between `%%`; what is left
/// out is empty.
pub fn plan(input: &[u8]) -> Kept {
    let text = String::from_utf8_lossy(input);
    let Some(world) = World::read(&text) else { return Ok(()) };
    let Some(plan) = world.plan() else { return Ok(()) };
    promise(world.plan().as_ref() == Some(&plan), || "the same world is planned for in two ways".to_owned())?;
    serde_json::to_string(&plan.to_document()).map_err(|error| error.to_string())?;
    let created = created(&plan);
    let addresses = world.addresses();
    for change in changes(&plan) {
        world.is_owned_place(change)?;
        match change.action {
            ChangeAction::Delete => world.may_delete(change, &created)?,
            ChangeAction::Create => {
                let stranger = change.record.addresses().find(|address| !addresses.contains(address));
                promise(stranger.is_none(), || format!("nobody has {stranger:?}: {}", change.record))?;
            }
        }
    }
    Ok(())
}

struct World {
    deployment: DeploymentName,
    policy: Policy,
    pools: Vec<Pool>,
    inventory: Inventory,
}

impl World {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(PART);
        let pool = Pool::read("video".parse::<PoolName>().ok()?, parts.next()?);
        let policy = pool.policy.as_ref().ok()?.clone();
        let fleet = dump::read_fleet(parts.next()?).ok()?;
        let groups = parts.next().and_then(|part| dump::read_groups(part).ok()).unwrap_or_default();
        let zone = parts.next().and_then(|part| dump::read_hosted_zone(part).ok()).unwrap_or_default();
        let now = Timestamp::from_second(NOW_SECS).ok()?;
        let mut memory = EventMemory::default();
        for line in parts.next().unwrap_or_default().lines() {
            if let Ok(trigger) = Trigger::parse(line) {
                memory.note(&trigger, now);
            }
        }
        let zones: BTreeMap<HostedZoneId, HostedZone> = [(policy.hosted_zone_id.clone(), zone)].into();
        let inventory = Inventory { observed_at: now, fleet, groups, hosted_zones: zones, memory };
        Some(Self { deployment: "default".parse().ok()?, policy, pools: vec![pool], inventory })
    }

    /// Returns the plan; a rule of nobody's in particular may refuse it whole.
    fn plan(&self) -> Option<Plan> {
        let plan = Plan::new(PlanInput {
            deployment: &self.deployment,
            pools: &self.pools,
            inventory: &self.inventory,
            ledger: &RemovalLedger::default(),
            orders: &Orders::default(),
            tree: TreeLimits { in_set: 4 },
        });
        CheckedPlan::new(plan, &self.pools, &self.inventory).ok().map(CheckedPlan::into_plan)
    }

    fn zone(&self) -> Option<&HostedZone> {
        self.inventory.hosted_zones.get(&self.policy.hosted_zone_id)
    }

    /// Returns the addresses that may be published: what stands already, what running instances have, and the fallback.
    fn addresses(&self) -> BTreeSet<Ipv4Addr> {
        let stands = self.zone().into_iter().flat_map(|zone| zone.records.values());
        let mut addresses: BTreeSet<Ipv4Addr> = stands.flat_map(|record| record.addresses()).collect();
        let instances = self.inventory.fleet.instances.values();
        let running = instances.filter(|instance| instance.state == Some(InstanceState::Running));
        addresses.extend(running.filter_map(|it| Some(it.addresses.of_kind(self.policy.address)?.0)));
        if let Some(Fallback::Address(address)) = self.policy.fallback {
            addresses.insert(address);
        }
        addresses
    }

    /// Weighted and multivalue records bear this pool's mark; a simple set stands at the pool's name, beside its owners.
    fn is_owned_place(&self, change: &Change) -> Kept {
        let record = &change.record;
        let is_ours = match record.set_identifier.as_deref().map(str::parse::<OwnerMark>) {
            Some(Ok(mark)) => mark.owner.deployment == self.deployment && mark.owner.pool.as_str() == "video",
            Some(Err(_)) => false,
            None => {
                let owners = record.name.labels().next() == Some(OWNER_LABEL);
                owners || self.policy.routing == Routing::Simple || self.owners_stand_beside(change)
            }
        };
        promise(is_ours, || format!("{} {record} is not the pool's", change.action))
    }

    fn owners_stand_beside(&self, change: &Change) -> bool {
        let Ok(owners) = change.record.name.child(OWNER_LABEL) else { return false };
        self.zone().is_some_and(|zone| zone.at_name(&owners).next().is_some())
    }

    /// Only what was read is deleted, and for good only where something is known of the record's own instance.
    fn may_delete(&self, change: &Change, created: &Created<'_>) -> Kept {
        let record = &change.record;
        let read = self.zone().and_then(|zone| zone.records.get(&record.key()));
        promise(read.is_some_and(|read| **read == **record), || format!("{record} was not read like that"))?;
        let mark = record.set_identifier.as_deref().and_then(|id| id.parse::<OwnerMark>().ok());
        let Some(Role::Member(instance)) = mark.map(|mark| mark.role) else { return Ok(()) };
        let is_moved = created.contains(&record.set_identifier.as_deref());
        let fleet = &self.inventory.fleet;
        let now = self.inventory.observed_at;
        let is_known = fleet.instances.contains_key(&instance)
            || self.inventory.memory.terminal(&instance, None, now).is_some()
            || self.inventory.groups.members.contains_key(&instance);
        promise(is_moved || is_known || fleet.gap.is_none(), || format!("unknown is not absent: {record}"))
    }
}

/// The set identifiers of what is created.
type Created<'a> = BTreeSet<Option<&'a str>>;

fn created(plan: &Plan) -> Created<'_> {
    let created = changes(plan).filter(|change| change.action == ChangeAction::Create);
    created.map(|change| change.record.set_identifier.as_deref()).collect()
}

fn changes(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.batches.iter().flat_map(|batch| batch.changes())
}
