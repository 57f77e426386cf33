//! The fleets that the benches plan for, in pools of a hundred or in a single one: one in ten instances has another
//! address than its record, is gone, or is new.

use std::collections::BTreeMap;

use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId};
use registrar_core::inventory::{EventMemory, Groups, Inventory};
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Batch, Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::{ChangeAction, RecordKey};
use registrar_core::{Timestamp, dump};
use serde_json::{Value, json};

/// Instances of a pool, where there are several.
const IN_POOL: usize = 100;
const ZONE: &str = "Z0123456789ABCDEFGHIJ";

/// A fleet, its records and its pools, as dumps.
pub struct World {
    deployment: DeploymentName,
    pools: Vec<Pool>,
    fleet: String,
    zone: String,
    ledger: RemovalLedger,
}

impl World {
    /// Makes a fleet of so many instances, a hundred to a pool.
    pub fn new(instances: usize) -> Self {
        let records: Vec<Value> = (0..instances).filter(|number| number % 30 != 0).map(record).collect();
        Self { zone: json!({ "ResourceRecordSets": records }).to_string(), ..Self::empty(instances, IN_POOL) }
    }

    /// Makes a fleet of so many instances in one pool, whose records stand as they were planned before.
    pub fn of_one_pool(instances: usize) -> Self {
        let before = (0..instances).filter(|number| number % 30 != 0);
        let before: Vec<Value> =
            before.map(|number| described(number, "running", address(number), 0)).collect();
        let mut world = Self { fleet: fleet(&before), ..Self::empty(instances, instances.max(1)) };
        let planned = world.planned(&world.observe());
        let mut records: BTreeMap<RecordKey, Value> = BTreeMap::new();
        for change in planned.plan().batches.iter().flat_map(Batch::changes) {
            let record = serde_json::to_value(change.record.as_ref()).expect("a record set");
            match change.action {
                ChangeAction::Create => records.insert(change.record.key(), record),
                ChangeAction::Delete => records.remove(&change.record.key()),
            };
        }
        let records: Vec<Value> = records.into_values().collect();
        world.zone = json!({ "ResourceRecordSets": records }).to_string();
        world.fleet = Self::empty(instances, instances.max(1)).fleet;
        world
    }

    /// Makes a fleet and its pools, and no record.
    fn empty(instances: usize, in_pool: usize) -> Self {
        let pools = (0..instances.div_ceil(in_pool)).map(|pool| {
            let document = json!({
                "version": 1,
                "record": { "hosted_zone_id": ZONE, "name": format!("p{pool}.edge.example.com") },
                "members": { "tags": { "edge-dns": format!("p{pool}") } },
            });
            Pool::read(format!("p{pool}").parse().expect("a pool name"), &document.to_string())
        });
        let all: Vec<Value> = (0..instances).map(|number| changed(number, number / in_pool)).collect();
        Self {
            deployment: "default".parse().expect("a deployment name"),
            pools: pools.collect(),
            fleet: fleet(&all),
            zone: json!({ "ResourceRecordSets": [] }).to_string(),
            ledger: RemovalLedger::default(),
        }
    }

    /// Reads the dumps.
    pub fn observe(&self) -> Inventory {
        let zone: HostedZoneId = ZONE.parse().expect("a hosted zone id");
        Inventory {
            observed_at: Timestamp::UNIX_EPOCH,
            fleet: dump::read_fleet(&self.fleet).expect("a fleet"),
            groups: Groups::default(),
            hosted_zones: [(zone, dump::read_hosted_zone(&self.zone).expect("a zone"))].into(),
            memory: EventMemory::default(),
        }
    }

    /// Plans, and checks the plan, which has to change something about one in ten instances.
    pub fn plan(&self, inventory: &Inventory) -> CheckedPlan {
        let plan = self.planned(inventory);
        assert!(plan.plan().change_count() >= inventory.fleet.instances.len() / 10);
        plan
    }

    fn planned(&self, inventory: &Inventory) -> CheckedPlan {
        let Self { deployment, pools, ledger, .. } = self;
        let plan = Plan::new(PlanInput {
            deployment,
            pools,
            inventory,
            ledger,
            orders: &Orders::default(),
            tree: registrar_core::tree::TreeLimits::default(),
        });
        CheckedPlan::new(plan, pools, inventory).expect("a plan that keeps the rules")
    }
}

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

fn address(number: usize) -> String {
    format!("155.{}.{}.{}", 146 + number / 65_536, number / 256 % 256, number % 256)
}

fn fleet(instances: &[Value]) -> String {
    json!({ "Reservations": [{ "Instances": instances }] }).to_string()
}

/// Of thirty instances, one has moved, one is gone, and one has no record yet.
fn changed(number: usize, pool: usize) -> Value {
    let state = if number % 30 == 2 { "terminated" } else { "running" };
    let ip = if number % 30 == 1 { address(number + 20_000) } else { address(number) };
    described(number, state, ip, pool)
}

fn described(number: usize, state: &str, ip: String, pool: usize) -> Value {
    json!({
        "InstanceId": id(number),
        "State": { "Name": state },
        "LaunchTime": "2026-11-20T10:00:00Z",
        "Placement": { "AvailabilityZone": "us-east-1-wl1-bos-wlz-1" },
        "Tags": [{ "Key": "edge-dns", "Value": format!("p{pool}") }],
        "NetworkInterfaces": [{
            "Attachment": { "DeviceIndex": 0 },
            "PrivateIpAddresses": [{ "Primary": true, "Association": { "CarrierIp": ip } }],
        }],
    })
}

fn record(number: usize) -> Value {
    let pool = format!("p{}", number / IN_POOL);
    json!({
        "Name": format!("{pool}.edge.example.com."),
        "Type": "A",
        "SetIdentifier": format!("registrar/default/{pool}/{}", id(number)),
        "Weight": 100,
        "TTL": 20,
        "ResourceRecords": [{ "Value": address(number) }],
    })
}
