//! Instances in one line: `i-0a running carrier=155.146.10.1 group=edge …`, expanded into what
//! `aws ec2 describe-instances` prints.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use registrar_core::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::lines::{expand_all, time, words};

const ZONE: &str = "us-east-1-wl1-bos-wlz-1";

/// Expands lines into a whole dump.
pub(crate) fn fleet_json(lines: &[String], cut: bool, now: Timestamp) -> Result<Value> {
    let lines = expand_all(lines)?;
    let instances: Result<Vec<Value>> =
        lines.iter().enumerate().map(|(index, line)| instance_json(index, line, now)).collect();
    let reservations: Vec<Value> = instances?
        .into_iter()
        .map(|instance| json!({ "ReservationId": "r-0123456789abcdef0", "Groups": [], "Instances": [instance] }))
        .collect();
    let mut dump = json!({ "Reservations": reservations });
    if cut {
        dump["NextToken"] = json!("eyJOZXh0VG9rZW4iOiBudWxsfQ==");
    }
    Ok(dump)
}

#[derive(Default)]
struct Words {
    fields: BTreeMap<String, String>,
    tags: Vec<(String, String)>,
}

impl Words {
    fn read(words: &[String]) -> Result<Self> {
        const KNOWN: [&str; 13] = [
            "carrier",
            "public",
            "coip",
            "private",
            "field",
            "secondary",
            "device1",
            "zone",
            "pool",
            "weight",
            "group",
            "launched",
            "state-code",
        ];
        let mut read = Self::default();
        for word in words {
            match word.split_once('=') {
                Some((key, value)) if key.starts_with("tag:") => {
                    read.tags.push((key.trim_start_matches("tag:").to_owned(), value.to_owned()));
                }
                Some((key, value)) if KNOWN.contains(&key) => {
                    read.fields.insert(key.to_owned(), value.trim_matches('"').to_owned());
                }
                Some(_) | None => bail!("{word:?} means nothing here"),
            }
        }
        Ok(read)
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    fn tags(&self) -> Value {
        let mut tags: Vec<Value> = Vec::new();
        let mut add = |key: &str, value: &str| tags.push(json!({ "Key": key, "Value": value }));
        match self.get("pool") {
            Some("none") => {}
            pool => add("edge-dns", pool.unwrap_or("video")),
        }
        self.get("weight").into_iter().for_each(|weight| add("edge-dns-weight", weight));
        self.get("group").into_iter().for_each(|group| add("aws:autoscaling:groupName", group));
        self.tags.iter().for_each(|(key, value)| add(key, value));
        Value::Array(tags)
    }
}

fn instance_json(index: usize, line: &str, now: Timestamp) -> Result<Value> {
    let all = words(line);
    let [id, state, rest @ ..] = all.as_slice() else {
        bail!("{line:?} is no instance: ID STATE …");
    };
    let words = Words::read(rest).with_context(|| format!("instance {line:?}"))?;
    let launched = match words.get("launched") {
        Some(text) => time(text, now)?,
        None => now - SignedDuration::from_hours(2),
    };
    let mut instance = json!({
        "InstanceId": id,
        "InstanceType": "t3.medium",
        "State": { "Code": state_code(state), "Name": state },
        "LaunchTime": launched.to_string().replace('Z', "+00:00"),
        "Placement": { "AvailabilityZone": words.get("zone").unwrap_or(ZONE), "Tenancy": "default" },
        "Tags": words.tags(),
        "NetworkInterfaces": [],
    });
    if matches!(state.as_str(), "pending" | "running" | "stopping") {
        add_network(&mut instance, &words, index);
    }
    Ok(instance)
}

/// What EC2 does not name falls through as a state of its own.
fn state_code(state: &str) -> u16 {
    match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        "stopped" => 80,
        _ => 96,
    }
}

/// Interface 1 stands before interface 0, which is an order that EC2 does not exclude.
fn add_network(instance: &mut Value, words: &Words, index: usize) {
    let private = words
        .get("private")
        .map_or_else(|| format!("10.0.{}.{}", index / 250, index % 250 + 1), str::to_owned);
    let mut association = json!({});
    for (word, field) in [("carrier", "CarrierIp"), ("public", "PublicIp"), ("coip", "CustomerOwnedIp")] {
        if let Some(address) = words.get(word) {
            association[field] = json!(address);
        }
    }
    let mut addresses = Vec::new();
    if let Some(carrier) = words.get("secondary") {
        addresses.push(json!({ "Primary": false, "PrivateIpAddress": "10.9.0.2", "Association": { "CarrierIp": carrier } }));
    }
    let mut primary = json!({ "Primary": true, "PrivateIpAddress": private });
    if association.as_object().is_some_and(|fields| !fields.is_empty()) {
        primary["Association"] = association;
    }
    addresses.push(primary);
    let interface = |device: u32, addresses: Vec<Value>| {
        json!({
            "NetworkInterfaceId": format!("eni-{index:04}{device}"),
            "Status": "in-use",
            "Attachment": { "DeviceIndex": device, "Status": "attached" },
            "PrivateIpAddresses": addresses,
        })
    };
    let mut interfaces = Vec::new();
    if let Some(carrier) = words.get("device1") {
        let address = json!({ "Primary": true, "PrivateIpAddress": "10.9.1.1", "Association": { "CarrierIp": carrier } });
        interfaces.push(interface(1, vec![address]));
    }
    interfaces.push(interface(0, addresses));
    instance["PrivateIpAddress"] = json!(private);
    instance["NetworkInterfaces"] = Value::Array(interfaces);
    // EC2 may put the Carrier IP into this field too (API reference, `Instance`).
    if let Some(address) = words.get("field").or(words.get("public")).or(words.get("carrier")) {
        instance["PublicIpAddress"] = json!(address);
    }
}

#[cfg(test)]
mod tests {
    use registrar_core::dump::read_fleet;

    use super::*;

    #[test]
    fn a_line_becomes_what_ec2_describes() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let lines = ["i-{1..2} running carrier=155.146.10.{1..2} weight=50 group=edge".to_owned()];
        let fleet = read_fleet(&fleet_json(&lines, false, now).unwrap().to_string()).unwrap();
        let instance = &fleet.instances[&"i-2".parse().unwrap()];
        assert_eq!(instance.addresses.carrier.map(|ip| ip.to_string()), Some("155.146.10.2".to_owned()));
        assert_eq!(instance.tags["edge-dns-weight"], "50");
        assert!(fleet_json(&["i-1 running weigth=5".to_owned()], false, now).is_err());
    }
}
