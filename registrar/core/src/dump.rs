//! What the AWS CLI prints, read into an inventory.
//!
//! `aws ec2 describe-instances`, `aws autoscaling describe-auto-scaling-instances` and
//! `describe-auto-scaling-groups`, `aws route53 list-resource-record-sets`. A dump that says it was
//! cut (`NextToken`, `IsTruncated`) becomes a gap; a dump that is not JSON is an error. Every field is
//! optional but the ids: AWS leaves out what it does not have.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::address::{Association, DescribedAddresses, Interface, InterfaceAddress};
use crate::ids::{AutoScalingGroupName, InstanceId};
use crate::inventory::{
    Fleet, Gap, GapSource, GroupMembership, Groups, HostedZone, Instance, InstanceState, LifecycleState,
};
use crate::json::{self, JsonError};
use crate::record_set::RecordSet;

/// Reads what `aws ec2 describe-instances` prints.
///
/// # Errors
/// When the text is not that JSON.
pub fn read_fleet(text: &str) -> Result<Fleet, JsonError> {
    let dump: DescribeInstances = json::parse(text)?;
    let mut fleet = Fleet { gap: cut_short(GapSource::Fleet, &dump.next_token), ..Fleet::default() };
    for wire in dump.reservations.into_iter().flat_map(|reservation| reservation.instances) {
        fleet.add(instance(wire));
    }
    Ok(fleet)
}

/// Reads what `aws autoscaling describe-auto-scaling-instances` or `describe-auto-scaling-groups` prints.
///
/// # Errors
/// When the text is neither.
pub fn read_groups(text: &str) -> Result<Groups, JsonError> {
    let dump: DescribeAutoScaling = json::parse(text)?;
    if dump.auto_scaling_instances.is_none() && dump.auto_scaling_groups.is_none() {
        return Err(JsonError {
            line: 1,
            column: 1,
            path: ".".to_owned(),
            problem: "neither AutoScalingInstances nor AutoScalingGroups is there".to_owned(),
        });
    }
    let mut members = BTreeMap::new();
    for wire in dump.auto_scaling_instances.into_iter().flatten() {
        members.insert(wire.instance_id, membership(wire.auto_scaling_group_name, &wire.lifecycle_state));
    }
    for group in dump.auto_scaling_groups.into_iter().flatten() {
        for wire in group.instances {
            let membership = membership(group.auto_scaling_group_name.clone(), &wire.lifecycle_state);
            members.insert(wire.instance_id, membership);
        }
    }
    Ok(Groups { members, gap: cut_short(GapSource::Groups, &dump.next_token) })
}

/// Reads what `aws route53 list-resource-record-sets` prints.
///
/// # Errors
/// When the text is not that JSON.
pub fn read_hosted_zone(text: &str) -> Result<HostedZone, JsonError> {
    let dump: ListResourceRecordSets = json::parse(text)?;
    let gap = if dump.is_truncated {
        Some(Gap::new(GapSource::HostedZone, "IsTruncated is true: the listing goes on after this page"))
    } else {
        cut_short(GapSource::HostedZone, &dump.next_token)
    };
    Ok(HostedZone::from_whole(dump.resource_record_sets, gap))
}

fn cut_short(source: GapSource, next_token: &Option<Value>) -> Option<Gap> {
    next_token
        .as_ref()
        .filter(|token| !token.is_null())
        .map(|_| Gap::new(source, "NextToken is there: the listing goes on after this page"))
}

fn membership(group: AutoScalingGroupName, state: &str) -> GroupMembership {
    GroupMembership { group, state: LifecycleState::from(state) }
}

fn instance(wire: WireInstance) -> Instance {
    Instance {
        state: wire.state.as_ref().and_then(|state| InstanceState::read(state.name.as_deref(), state.code)),
        launched_at: wire.launch_time,
        zone: wire.placement.as_ref().and_then(|place| place.availability_zone.as_ref()?.parse().ok()),
        addresses: addresses(&wire).pick(),
        tags: wire.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        id: wire.instance_id,
    }
}

fn addresses(wire: &WireInstance) -> DescribedAddresses {
    let association = |wire: &WireAssociation| Association {
        carrier: wire.carrier_ip,
        customer_owned: wire.customer_owned_ip,
        public: wire.public_ip,
    };
    let address = |wire: &WirePrivateIp| InterfaceAddress {
        is_primary: wire.primary,
        private: wire.private_ip_address,
        association: wire.association.as_ref().map(association),
    };
    let interface = |wire: &WireInterface| Interface {
        device_index: wire.attachment.as_ref().and_then(|attachment| attachment.device_index),
        association: wire.association.as_ref().map(association),
        addresses: wire.private_ip_addresses.iter().map(address).collect(),
    };
    DescribedAddresses {
        interfaces: wire.network_interfaces.iter().map(interface).collect(),
        public_field: wire.public_ip_address,
        private_field: wire.private_ip_address,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeInstances {
    reservations: Vec<WireReservation>,
    #[serde(default)]
    next_token: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireReservation {
    #[serde(default)]
    instances: Vec<WireInstance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireInstance {
    instance_id: InstanceId,
    state: Option<WireState>,
    launch_time: Option<Timestamp>,
    placement: Option<WirePlacement>,
    #[serde(default)]
    tags: Vec<WireTag>,
    public_ip_address: Option<Ipv4Addr>,
    private_ip_address: Option<Ipv4Addr>,
    #[serde(default)]
    network_interfaces: Vec<WireInterface>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireState {
    name: Option<String>,
    code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WirePlacement {
    availability_zone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireTag {
    key: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireInterface {
    attachment: Option<WireAttachment>,
    association: Option<WireAssociation>,
    #[serde(default)]
    private_ip_addresses: Vec<WirePrivateIp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAttachment {
    device_index: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WirePrivateIp {
    #[serde(default)]
    primary: bool,
    private_ip_address: Option<Ipv4Addr>,
    association: Option<WireAssociation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireAssociation {
    carrier_ip: Option<Ipv4Addr>,
    customer_owned_ip: Option<Ipv4Addr>,
    public_ip: Option<Ipv4Addr>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeAutoScaling {
    auto_scaling_instances: Option<Vec<WireGroupInstance>>,
    auto_scaling_groups: Option<Vec<WireGroup>>,
    #[serde(default)]
    next_token: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireGroupInstance {
    instance_id: InstanceId,
    auto_scaling_group_name: AutoScalingGroupName,
    lifecycle_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireGroup {
    auto_scaling_group_name: AutoScalingGroupName,
    #[serde(default)]
    instances: Vec<WireGroupMember>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireGroupMember {
    instance_id: InstanceId,
    lifecycle_state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListResourceRecordSets {
    resource_record_sets: Vec<RecordSet>,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    next_token: Option<Value>,
}
