//! The embedded fleet: instances that can be launched, stopped and terminated, printed as AWS prints them.
//!
//! It stands in for EC2 and Auto Scaling where no dump of real ones is given. It decides nothing about
//! records, and its only way out is the JSON that `aws ec2 describe-instances` and
//! `aws autoscaling describe-auto-scaling-instances` print.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::Timestamp;
use registrar_core::ids::{AutoScalingGroupName, InstanceId, WavelengthZone};
use registrar_core::inventory::InstanceState;
use serde_json::{Value, json};

/// One instance of the embedded fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedInstance {
    /// Its state.
    pub state: InstanceState,
    /// When it was last started.
    pub launched_at: Timestamp,
    /// The zone that it is placed in.
    pub zone: WavelengthZone,
    /// Its Carrier IP, once it has one.
    pub carrier_ip: Option<Ipv4Addr>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its Auto Scaling group and lifecycle state there.
    pub group: Option<(AutoScalingGroupName, String)>,
}

/// A fleet that lives in this process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddedFleet {
    /// The instances by id.
    pub instances: BTreeMap<InstanceId, EmbeddedInstance>,
}

impl EmbeddedFleet {
    /// Prints the fleet as `aws ec2 describe-instances` does.
    #[must_use]
    pub fn describe_instances(&self) -> Value {
        json!({ "Reservations": self.instances.iter().map(reservation).collect::<Vec<_>>() })
    }

    /// Prints the first `shown` instances, with the token that says there are more.
    #[must_use]
    pub fn describe_first_instances(&self, shown: usize) -> Value {
        json!({
            "Reservations": self.instances.iter().take(shown).map(reservation).collect::<Vec<_>>(),
            "NextToken": "eyJOZXh0VG9rZW4iOiBudWxsfQ==",
        })
    }

    /// Prints the group members as `aws autoscaling describe-auto-scaling-instances` does.
    #[must_use]
    pub fn describe_auto_scaling_instances(&self) -> Value {
        let members = self.instances.iter().filter_map(|(id, instance)| {
            let (group, state) = instance.group.as_ref()?;
            Some(json!({
                "InstanceId": id,
                "AutoScalingGroupName": group,
                "AvailabilityZone": instance.zone,
                "LifecycleState": state,
                "HealthStatus": "HEALTHY",
            }))
        });
        json!({ "AutoScalingInstances": members.collect::<Vec<_>>() })
    }
}

fn reservation((id, instance): (&InstanceId, &EmbeddedInstance)) -> Value {
    let group_tag = instance.group.iter().map(|(group, _)| ("aws:autoscaling:groupName", group.as_str()));
    let own_tags = instance.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags: Vec<Value> =
        own_tags.chain(group_tag).map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    let association = instance.carrier_ip.map(|ip| json!({ "CarrierIp": ip, "IpOwnerId": "amazon" }));
    let attached = match instance.state {
        InstanceState::ShuttingDown | InstanceState::Terminated => Vec::new(),
        InstanceState::Pending
        | InstanceState::Running
        | InstanceState::Stopping
        | InstanceState::Stopped => {
            vec![json!({
                "Attachment": { "DeviceIndex": 0, "Status": "attached" },
                "PrivateIpAddresses": [{ "Primary": true, "Association": association }],
            })]
        }
    };
    json!({ "Instances": [{
        "InstanceId": id,
        "State": { "Name": instance.state.to_string() },
        "LaunchTime": instance.launched_at,
        "Placement": { "AvailabilityZone": instance.zone },
        "Tags": tags,
        "NetworkInterfaces": attached,
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use registrar_core::dump;

    #[test]
    fn what_it_prints_is_read_back_as_it_was() {
        let id: InstanceId = "i-0123456789abcdef0".parse().unwrap();
        let instance = EmbeddedInstance {
            state: InstanceState::Running,
            launched_at: "2026-11-21T10:00:00Z".parse().unwrap(),
            zone: "us-east-1-wl1-bos-wlz-1".parse().unwrap(),
            carrier_ip: Some(Ipv4Addr::new(155, 146, 10, 1)),
            tags: BTreeMap::from([("edge-dns".to_owned(), "video".to_owned())]),
            group: Some(("edge".parse().unwrap(), "InService".to_owned())),
        };
        let fleet = EmbeddedFleet { instances: BTreeMap::from([(id.clone(), instance)]) };
        let read = dump::read_fleet(&fleet.describe_instances().to_string()).unwrap();
        assert_eq!(
            read.instances[&id].addresses.carrier.map(|ip| ip.0),
            Some(Ipv4Addr::new(155, 146, 10, 1))
        );
        assert_eq!(read.instances[&id].tagged_group().unwrap().as_str(), "edge");
        let groups = dump::read_groups(&fleet.describe_auto_scaling_instances().to_string()).unwrap();
        assert_eq!(groups.members[&id].group.as_str(), "edge");
        assert!(dump::read_fleet(&fleet.describe_first_instances(0).to_string()).unwrap().gap.is_some());
    }
}
