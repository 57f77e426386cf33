//! Fleets as `aws ec2 describe-instances` prints them, with the fields that nobody asked for.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

const ZONE: &str = "us-east-1-wl1-bos-wlz-1";

/// One instance, named by a number from 1.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) number: u8,
    state: &'static str,
    pool: &'static str,
    weight: Option<String>,
    group: Option<&'static str>,
    last_octet: u8,
}

/// Returns the id of an instance.
pub(crate) fn id(number: u8) -> String {
    format!("i-0a1b2c3d4e5f607{number:02}")
}

/// Returns the Carrier IP of an instance.
pub(crate) fn ip(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(155, 146, 10, number)
}

/// Returns the set identifier of an instance's record in the pool `video`.
pub(crate) fn mark(number: u8) -> String {
    format!("registrar/default/video/{}", id(number))
}

fn machine(number: u8, state: &'static str) -> Machine {
    Machine { number, state, pool: "video", weight: None, group: None, last_octet: number }
}

/// A running instance of the pool `video`.
pub(crate) fn running(number: u8) -> Machine {
    machine(number, "running")
}

/// A terminated instance of the pool `video`, which EC2 still shows.
pub(crate) fn terminated(number: u8) -> Machine {
    machine(number, "terminated")
}

/// Running instances of the pool `video`.
pub(crate) fn all_running(numbers: &[u8]) -> Vec<Machine> {
    numbers.iter().copied().map(running).collect()
}

impl Machine {
    pub(crate) fn of(self, pool: &'static str) -> Self {
        Self { pool, ..self }
    }

    pub(crate) fn weighing(self, weight: impl ToString) -> Self {
        Self { weight: Some(weight.to_string()), ..self }
    }

    pub(crate) fn in_group(self, group: &'static str) -> Self {
        Self { group: Some(group), ..self }
    }

    pub(crate) fn at(self, last_octet: u8) -> Self {
        Self { last_octet, ..self }
    }

    fn tags(&self) -> Vec<Value> {
        let weight = self.weight.as_deref().map(|weight| ("edge-dns-weight", weight));
        let group = self.group.map(|group| ("aws:autoscaling:groupName", group));
        let tags = [Some(("Name", "edge server")), Some(("edge-dns", self.pool)), weight, group];
        tags.into_iter().flatten().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
    }

    fn interfaces(&self) -> Vec<Value> {
        if self.state == "terminated" {
            return Vec::new();
        }
        let association = json!({ "CarrierIp": ip(self.last_octet), "IpOwnerId": "amazon" });
        let private = format!("10.0.3.{}", self.number);
        vec![json!({
            "Attachment": { "DeviceIndex": 0, "NetworkCardIndex": 0, "Status": "attached" },
            "Association": association,
            "NetworkInterfaceId": format!("eni-0a1b2c3d4e5f607{:02}", self.number),
            "PrivateIpAddress": private,
            "PrivateIpAddresses": [
                { "Primary": true, "PrivateIpAddress": private, "Association": association },
            ],
        })]
    }

    fn described(&self) -> Value {
        let code = if self.state == "running" { 16 } else { 48 };
        json!({
            "InstanceId": id(self.number),
            "ImageId": "ami-0123456789abcdef0",
            "InstanceType": "t3.medium",
            "LaunchTime": "2024-01-01T00:00:00+00:00",
            "Placement": { "AvailabilityZone": ZONE, "GroupName": "", "Tenancy": "default" },
            "State": { "Code": code, "Name": self.state },
            "Tags": self.tags(),
            "NetworkInterfaces": self.interfaces(),
        })
    }
}

/// Prints a whole fleet.
pub(crate) fn described(machines: &[Machine]) -> Value {
    let reservation = |machine: &Machine| {
        json!({
            "ReservationId": format!("r-0a1b2c3d4e5f607{:02}", machine.number),
            "OwnerId": "123456789012",
            "Groups": [],
            "Instances": [machine.described()],
        })
    };
    json!({ "Reservations": machines.iter().map(reservation).collect::<Vec<_>>() })
}

/// Prints group members (number, lifecycle state) as `aws autoscaling describe-auto-scaling-instances` does.
pub(crate) fn members(group: &str, states: &[(u8, &str)]) -> Value {
    let member = |(number, state): &(u8, &str)| {
        json!({
            "InstanceId": id(*number),
            "AutoScalingGroupName": group,
            "AvailabilityZone": ZONE,
            "LifecycleState": state,
            "HealthStatus": "HEALTHY",
            "ProtectedFromScaleIn": false,
        })
    };
    json!({ "AutoScalingInstances": states.iter().map(member).collect::<Vec<_>>() })
}

/// The document of a pool whose instances have its name in the tag `edge-dns`.
pub(crate) fn document(pool: &str) -> Value {
    json!({
        "version": 1,
        "record": { "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "name": name(pool) },
        "members": { "wavelength_zones": [ZONE], "tags": { "edge-dns": pool } },
    })
}

/// The name of a pool.
pub(crate) fn name(pool: &str) -> String {
    format!("{pool}.bos.edge.example.com")
}

/// A member's weighted record as `aws route53 list-resource-record-sets` prints it.
pub(crate) fn record(number: u8, weight: u8, ttl_secs: u32) -> Value {
    json!({
        "Name": "video.bos.edge.example.com.",
        "Type": "A",
        "SetIdentifier": mark(number),
        "Weight": weight,
        "TTL": ttl_secs,
        "ResourceRecords": [{ "Value": ip(number) }],
    })
}

/// An event of EC2 about an instance's state, later than every launch.
pub(crate) fn state_event(number: u8, state: &str) -> String {
    json!({
        "version": "0",
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "EC2 Instance State-change Notification",
        "source": "aws.ec2",
        "account": "123456789012",
        "time": "2024-06-01T12:00:00Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:ec2:us-east-1:123456789012:instance/{}", id(number))],
        "detail": { "instance-id": id(number), "state": state },
    })
    .to_string()
}
