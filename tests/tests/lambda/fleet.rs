//! The cast: instances, pool documents and record sets, named by a pool and a number.

use std::net::Ipv4Addr;

use anyhow::Result;
use aws_stand_in::{Instance, World};
use jiff::SignedDuration;
use registrar_core::record_set::RecordSet;
use serde_json::{Value, json};

use crate::stage::ZONE;

/// The Wavelength zone of most instances.
pub(crate) const BOSTON: &str = "us-east-1-wl1-bos-wlz-1";

/// Returns the id of an instance.
pub(crate) fn id(number: u16) -> String {
    format!("i-{number:017x}")
}

/// Returns the Carrier IP of an instance.
pub(crate) fn ip(number: u16) -> Ipv4Addr {
    let [high, low] = number.to_be_bytes();
    Ipv4Addr::new(155, 146, high, low)
}

/// Returns the name of a pool.
pub(crate) fn name(pool: &str) -> String {
    format!("{pool}.bos.edge.example.com")
}

/// Returns the set identifier of an instance's record.
pub(crate) fn mark(pool: &str, number: u16) -> String {
    format!("registrar/edge/{pool}/{}", id(number))
}

/// A running instance of a pool, by its tag.
pub(crate) fn machine(pool: &str, number: u16) -> Instance {
    Instance::new(&id(number), BOSTON).with_carrier_ip(ip(number)).with_tag("edge-dns", pool)
}

/// Puts instances into the world that have been there for an hour.
pub(crate) fn put_all(world: &mut World, instances: impl IntoIterator<Item = Instance>) {
    let launched_at = world.now() - SignedDuration::from_hours(1);
    for mut instance in instances {
        instance.launched_at = Some(launched_at);
        world.put_instance(instance);
    }
}

/// The document of a pool, which selects by its tag.
pub(crate) fn document(pool: &str) -> Value {
    json!({
        "version": 1,
        "record": { "hosted_zone_id": ZONE, "name": name(pool), "ttl_secs": 20 },
        "members": { "wavelength_zones": [BOSTON], "tags": { "edge-dns": pool } },
        "drain": { "hook": "dns-drain" },
    })
}

/// Gives a deployment the document of a pool.
pub(crate) fn put_document(world: &mut World, pool: &str, document: &Value) {
    world.put_parameter(&format!("/registrar/edge/pools/{pool}"), &document.to_string());
}

/// The record set of an instance in a weighted pool.
pub(crate) fn weighted(pool: &str, number: u16) -> Result<RecordSet> {
    record(&json!({
        "Name": name(pool), "Type": "A", "SetIdentifier": mark(pool, number), "Weight": 100, "TTL": 20,
        "ResourceRecords": [{ "Value": ip(number).to_string() }],
    }))
}

/// Reads a record set as the AWS CLI prints it.
pub(crate) fn record(value: &Value) -> Result<RecordSet> {
    Ok(serde_json::from_value(value.clone())?)
}

/// Writes a record set in a line.
pub(crate) fn line(record: &RecordSet) -> String {
    let mut line = format!("{} {}", record.name, record.r#type);
    let mut add = |text: String| {
        line.push(' ');
        line.push_str(&text);
    };
    record.set_identifier.iter().for_each(|identifier| add(identifier.clone()));
    record.weight.iter().for_each(|weight| add(format!("weight={weight}")));
    record.multi_value_answer.iter().for_each(|_| add("multivalue".to_owned()));
    record.ttl_secs.iter().for_each(|ttl| add(format!("ttl={ttl}")));
    record.values().for_each(|value| add(value.to_owned()));
    record.alias_target.iter().for_each(|target| add(format!("alias={}", target.dns_name)));
    line
}

/// The lines of a weighted pool's record sets.
pub(crate) fn weighted_lines(pool: &str, numbers: impl IntoIterator<Item = u16>) -> Vec<String> {
    let line = |number| format!("{} A {} weight=100 ttl=20 {}", name(pool), mark(pool, number), ip(number));
    numbers.into_iter().map(line).collect()
}
