//! What both sides find in the world: pools with their hosted zones and groups, instances, and events about them.
//!
//! The registrar is told about the pools by parameters, the reference design by its environment; they say the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_stand_in::{Clock, Group, Instance, Queue, Route53Settings, StandIn, World};
use registrar_core::record_set::{RecordSet, RecordType};
use serde_json::{Value, json};

use crate::subject::Side;

/// The deployment of the registrar that is measured.
pub(crate) const DEPLOYMENT: &str = "bench";
/// The queue between EventBridge and the function.
pub(crate) const QUEUE: &str = "registrar-bench";
/// The tag that says which pool an instance serves.
pub(crate) const POOL_TAG: &str = "edge-dns";
const WAVELENGTH_ZONE: &str = "us-east-1-wl1-bos-wlz-1";

/// How a world is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    /// How many pools there are; each has a name and an Auto Scaling group of its own.
    pub(crate) pools: usize,
    /// How many hosted zones their names are in.
    pub(crate) hosted_zones: usize,
    /// How many instances of each pool serve already, with their records.
    pub(crate) serving: usize,
    /// How much longer each call takes.
    pub(crate) latency: Duration,
    /// Whether Route 53 refuses calls that come too fast.
    pub(crate) throttling: bool,
}

impl Scene {
    /// Makes the world of one side at the start: those who serve have their records.
    pub(crate) fn world(&self, side: Side) -> Result<World> {
        let settings = Route53Settings { throttling: self.throttling, ..Route53Settings::default() };
        let mut world = World::new(Clock::Real, settings);
        world.set_latency(self.latency);
        world.put_queue(Queue::new(QUEUE));
        let mut records: BTreeMap<String, Vec<RecordSet>> = BTreeMap::new();
        for pool in 0..self.pools {
            world.put_group(Group::new(&pool_name(pool)));
            let path = format!("/registrar/{DEPLOYMENT}/pools/{}", pool_name(pool));
            world.put_parameter(&path, &self.document(pool).to_string());
            let records = records.entry(self.zone_of(pool)).or_default();
            for number in (pool * self.serving..).take(self.serving) {
                let instance = launch(&mut world, number, pool);
                records.push(self.record(side, pool, &world, &instance)?);
            }
        }
        for zone in 0..self.hosted_zones {
            let records = records.remove(&zone_id(zone)).unwrap_or_default();
            let origin = format!("edge{zone:02}.example.com");
            world
                .put_hosted_zone(&zone_id(zone), &origin, records)
                .context("a hosted zone cannot be made")?;
        }
        Ok(world)
    }

    /// Returns how many instances there are at the start, which is the number of the next one.
    pub(crate) fn instances(&self) -> usize {
        self.pools * self.serving
    }

    /// Returns an instance's record as this side would have published it.
    fn record(&self, side: Side, pool: usize, world: &World, instance: &str) -> Result<RecordSet> {
        let Some(address) = world.instance(instance).and_then(|instance| instance.carrier_ip) else {
            bail!("{instance} has no Carrier IP");
        };
        let (ttl_secs, set_identifier) = match side {
            Side::Registrar => (20, format!("registrar/{DEPLOYMENT}/{}/{instance}", pool_name(pool))),
            Side::Baseline => (30, instance.to_owned()),
        };
        let name = self.record_name(pool).parse().context("the pool's name is none")?;
        let record = RecordSet::simple(name, RecordType::A, ttl_secs, vec![address.to_string()]);
        Ok(RecordSet { set_identifier: Some(set_identifier), weight: Some(100), ..record })
    }

    /// Returns the pools as the reference design is told about them.
    pub(crate) fn baseline_pools(&self) -> String {
        let pools = (0..self.pools).map(|pool| {
            let settings = json!({ "hosted_zone_id": self.zone_of(pool), "name": self.record_name(pool) });
            (pool_name(pool), settings)
        });
        Value::Object(pools.collect()).to_string()
    }

    /// Says what is wrong with the records of the hosted zones, given who serves.
    pub(crate) fn wrong_records(&self, world: &World) -> Result<Vec<String>> {
        let mut wrong = Vec::new();
        for pool in 0..self.pools {
            let name = self.record_name(pool);
            let records = world.records(&self.zone_of(pool)).context("a hosted zone cannot be read")?;
            let records = records.iter().filter(|record| record.name.to_string() == name);
            let records: Vec<&RecordSet> = records.filter(|record| record.r#type == RecordType::A).collect();
            let found: BTreeSet<Ipv4Addr> = records.iter().flat_map(|record| record.addresses()).collect();
            let members = world.instances().filter(|it| it.tags.get(POOL_TAG) == Some(&pool_name(pool)));
            let expected: BTreeSet<Ipv4Addr> = members.filter_map(|instance| instance.carrier_ip).collect();
            if found != expected || records.len() != expected.len() {
                let (missing, extra) =
                    (expected.difference(&found).count(), found.difference(&expected).count());
                let problem =
                    format!("{name}: {} records, {missing} missing, {extra} too many", records.len());
                wrong.push(problem);
            }
        }
        Ok(wrong)
    }

    fn zone_of(&self, pool: usize) -> String {
        zone_id(pool % self.hosted_zones)
    }

    fn record_name(&self, pool: usize) -> String {
        format!("{}.edge{:02}.example.com", pool_name(pool), pool % self.hosted_zones)
    }

    fn document(&self, pool: usize) -> Value {
        json!({
            "version": 1,
            "record": { "hosted_zone_id": self.zone_of(pool), "name": self.record_name(pool) },
            "members": {
                "wavelength_zones": [WAVELENGTH_ZONE],
                "tags": { POOL_TAG: pool_name(pool) },
            },
        })
    }
}

/// Launches the instance of this number into a pool: running, in service, with a Carrier IP. Returns its id.
pub(crate) fn launch(world: &mut World, number: usize, pool: usize) -> String {
    let id = format!("i-{number:017x}");
    // 155.146.0.0/16 is among the addresses that Wavelength zones have; which one is of no importance here.
    let [.., high, low] = number.to_be_bytes();
    let instance = Instance::new(&id, WAVELENGTH_ZONE)
        .with_carrier_ip(Ipv4Addr::new(155, 146, high, low))
        .with_private_ip(Ipv4Addr::new(10, 0, high, low))
        .with_tag(POOL_TAG, &pool_name(pool))
        .in_group(&pool_name(pool));
    world.put_instance(instance);
    id
}

/// Returns EventBridge's envelope about the state that an instance is in.
pub(crate) fn event(world: &World, instance: &str) -> Result<String> {
    let event = world.state_change_event(instance).with_context(|| format!("there is no {instance}"))?;
    Ok(event.to_string())
}

/// Puts a message into the function's queue.
pub(crate) fn send(world: &mut World, body: &str) -> Result<()> {
    world.send(QUEUE, body).map(drop).context("the queue is not there")
}

/// Tells whether every message was served or given up.
pub(crate) fn is_drained(stand_in: &StandIn) -> bool {
    stand_in.world().queue(QUEUE).is_none_or(|queue| queue.messages().is_empty())
}

fn pool_name(pool: usize) -> String {
    format!("pool-{pool:02}")
}

fn zone_id(zone: usize) -> String {
    format!("ZBENCH{zone:014}")
}
