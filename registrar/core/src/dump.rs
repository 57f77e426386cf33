//! What the AWS CLI prints, read into an inventory.
//!
//! `aws ec2 describe-instances`, `aws autoscaling describe-auto-scaling-instances` and
//! `describe-auto-scaling-groups`, `aws route53 list-resource-record-sets`. A dump that says it was
//! cut (`NextToken`, `IsTruncated`) becomes a gap; a dump that is not JSON is an error. Every field is
//! optional but the ids: AWS leaves out what it does not have.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::Ipv4Addr;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::address::{Addresses, CarrierIp, CustomerOwnedIp, PrivateIp, PublicIp};
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
        let described = instance(wire);
        match fleet.instances.entry(described.id.clone()) {
            Entry::Vacant(free) => {
                free.insert(described);
            }
            Entry::Occupied(known) if *known.get() == described => {}
            Entry::Occupied(known) => {
                let reason = format!("{} is described twice, and differently", known.key());
                fleet.gap = Some(Gap::new(GapSource::Fleet, reason));
                known.remove();
            }
        }
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
    Ok(HostedZone::from_records(dump.resource_record_sets, gap))
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
        state: wire.state.as_ref().and_then(WireState::parse),
        launched_at: wire.launch_time,
        zone: wire.placement.as_ref().and_then(|place| place.availability_zone.as_ref()?.parse().ok()),
        addresses: addresses(&wire),
        tags: wire.tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
        id: wire.instance_id,
    }
}

/// Picks the instance's address of each kind: device 0 before the others, primary before secondary.
///
/// `PublicIpAddress` of the instance may hold the Carrier IP (EC2 API reference, `Instance`), so a
/// Carrier IP is only ever taken from an association, and the field only where no association says.
fn addresses(wire: &WireInstance) -> Addresses {
    let mut interfaces: Vec<&WireInterface> = wire.network_interfaces.iter().collect();
    interfaces.sort_by_key(|interface| interface.device_index());
    let mut private_ips: Vec<(u32, bool, &WirePrivateIp)> = Vec::new();
    for interface in &interfaces {
        let of_interface = interface.private_ip_addresses.iter();
        private_ips.extend(of_interface.map(|ip| (interface.device_index(), !ip.primary, ip)));
    }
    private_ips.sort_by_key(|(device, secondary, _)| (*device, *secondary));
    let mut found = Addresses::default();
    let associations = private_ips
        .iter()
        .filter_map(|(_, _, ip)| ip.association.as_ref())
        .chain(interfaces.iter().filter_map(|interface| interface.association.as_ref()));
    for association in associations {
        found.carrier = found.carrier.or(association.carrier_ip.map(CarrierIp));
        found.public = found.public.or(association.public_ip.map(PublicIp));
        found.customer_owned = found.customer_owned.or(association.customer_owned_ip.map(CustomerOwnedIp));
    }
    let field = wire.public_ip_address.filter(|ip| found.carrier != Some(CarrierIp(*ip)));
    found.public = found.public.or(field.map(PublicIp));
    let private = private_ips.iter().find_map(|(_, _, ip)| ip.private_ip_address);
    found.private = private.or(wire.private_ip_address).map(PrivateIp);
    found
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

impl WireState {
    /// The low byte of the code says the same as the name (EC2 API reference, `InstanceState`).
    fn parse(&self) -> Option<InstanceState> {
        match (&self.name, self.code.map(|code| code & 0xff)) {
            (Some(name), _) => InstanceState::from_name(name),
            (None, Some(0)) => Some(InstanceState::Pending),
            (None, Some(16)) => Some(InstanceState::Running),
            (None, Some(32)) => Some(InstanceState::ShuttingDown),
            (None, Some(48)) => Some(InstanceState::Terminated),
            (None, Some(64)) => Some(InstanceState::Stopping),
            (None, Some(80)) => Some(InstanceState::Stopped),
            (None, Some(_) | None) => None,
        }
    }
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

impl WireInterface {
    fn device_index(&self) -> u32 {
        self.attachment.as_ref().and_then(|attachment| attachment.device_index).unwrap_or(u32::MAX)
    }
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
