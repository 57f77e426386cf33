//! A world as JSON: for the binary's `--world`, and for benches in other languages.
//!
//! The forms of instances, groups and faults are those of the types themselves; record sets are as
//! `aws route53 list-resource-record-sets` prints them.

use std::collections::BTreeMap;
use std::time::Duration;

use registrar_core::SignedDuration;
use registrar_core::record_set::RecordSet;
use registrar_local::route53::Settings;
use serde::Deserialize;

use crate::clock::Clock;
use crate::faults::Fault;
use crate::operation::Operation;
use crate::world::{AvailabilityZone, Group, Instance, Queue, World, WorldError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WorldDocument {
    region: String,
    route53: Route53Document,
    availability_zones: Vec<AvailabilityZone>,
    instances: Vec<Instance>,
    groups: Vec<Group>,
    hosted_zones: Vec<HostedZoneDocument>,
    parameters: BTreeMap<String, String>,
    queues: Vec<QueueDocument>,
    roles: Vec<String>,
    faults: Vec<Fault>,
    largest_pages: BTreeMap<Operation, usize>,
    latency_ms: u64,
}

impl Default for WorldDocument {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            route53: Route53Document::default(),
            availability_zones: Vec::new(),
            instances: Vec::new(),
            groups: Vec::new(),
            hosted_zones: Vec::new(),
            parameters: BTreeMap::new(),
            queues: Vec::new(),
            roles: Vec::new(),
            faults: Vec::new(),
            largest_pages: BTreeMap::new(),
            latency_ms: 0,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Route53Document {
    throttling: bool,
    propagation_ms: u32,
    change_in_progress_ms: u32,
}

impl Default for Route53Document {
    fn default() -> Self {
        Self { throttling: true, propagation_ms: 0, change_in_progress_ms: 0 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostedZoneDocument {
    id: String,
    name: String,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    private: bool,
    #[serde(default)]
    records: Vec<RecordSet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueueDocument {
    name: String,
    #[serde(default)]
    visibility_secs: Option<u32>,
    #[serde(default)]
    max_receive_count: Option<u32>,
}

impl World {
    /// Builds a world from its JSON form, with the machine's clock.
    ///
    /// # Errors
    /// When it is not that JSON, or names what cannot be.
    pub fn from_json(text: &str) -> Result<Self, WorldError> {
        let document: WorldDocument = serde_json::from_str(text).map_err(WorldError::from_display)?;
        let milliseconds = |count: u32| SignedDuration::from_millis(count.into());
        let settings = Settings {
            throttling: document.route53.throttling,
            propagation: milliseconds(document.route53.propagation_ms),
            change_in_progress: milliseconds(document.route53.change_in_progress_ms),
            ..Settings::default()
        };
        let mut world = Self::new(Clock::Real, settings).in_region(&document.region);
        world.set_latency(Duration::from_millis(document.latency_ms));
        document.groups.into_iter().for_each(|group| world.put_group(group));
        document.availability_zones.into_iter().for_each(|zone| world.put_availability_zone(zone));
        document.instances.into_iter().for_each(|instance| world.put_instance(instance));
        document.roles.iter().for_each(|role| world.put_role(role));
        for HostedZoneDocument { id, name, role, private, records } in document.hosted_zones {
            match role {
                Some(role) => world.put_hosted_zone_of_role(&role, &id, &name, records)?,
                None => world.put_hosted_zone(&id, &name, records)?,
            }
            if private {
                world.make_private(&id)?;
            }
        }
        document.parameters.iter().for_each(|(name, value)| world.put_parameter(name, value));
        document.queues.into_iter().for_each(|queue| world.put_queue(queue.into()));
        document.faults.into_iter().for_each(|fault| world.arm(fault));
        document.largest_pages.iter().for_each(|(operation, items)| world.limit_page(*operation, *items));
        Ok(world)
    }
}

impl From<QueueDocument> for Queue {
    fn from(document: QueueDocument) -> Self {
        let mut queue = Queue::new(&document.name);
        queue.visibility_secs = document.visibility_secs.unwrap_or(queue.visibility_secs);
        queue.max_receive_count = document.max_receive_count;
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_read_from_json() {
        let world = World::from_json(
            r#"{
              "region": "eu-west-2",
              "instances": [{"id": "i-1", "availability_zone": "eu-west-2-wl2-man-wlz-1", "carrier_ip": "155.146.10.1",
                             "member": {"group": "edge", "lifecycle_state": "InService"}}],
              "groups": [{"name": "edge", "hooks": [{"name": "dns-drain", "transition": "terminating",
                          "default_result": "CONTINUE"}]}],
              "hosted_zones": [{"id": "Z1", "name": "edge.example.com", "private": true, "records": []}],
              "availability_zones": [{"name": "eu-west-2-wl2-man-wlz-1", "zone_type": "wavelength-zone",
                                      "opted_in": false, "group": "eu-west-2-wl2"}],
              "parameters": {"/registrar/default/pools/video": "{}"},
              "queues": [{"name": "events", "max_receive_count": 5}],
              "faults": [{"operation": "ec2:DescribeInstances", "effect": "throttle", "times": 5}],
              "largest_pages": {"ssm:GetParametersByPath": 1},
              "latency_ms": 50
            }"#,
        )
        .unwrap();
        assert_eq!((world.region(), world.armed_faults()), ("eu-west-2", 1));
        assert!(world.instance("i-1").unwrap().launched_at.is_some());
        assert_eq!(world.records("Z1").unwrap().len(), 2);
        assert_eq!(world.queue("events").unwrap().max_receive_count, Some(5));
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let error = World::from_json(r#"{"instnaces": []}"#).unwrap_err();
        assert!(error.to_string().contains("instnaces"), "{error}");
    }
}
