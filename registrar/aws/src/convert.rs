//! The one place that knows the SDK's model types: reads them into the core's, and writes them from it.
//!
//! What has no place in the core's types is kept in the AWS CLI's JSON form, so that a record set is
//! written exactly as it was read; what cannot be kept at all is a problem and never left out in silence.
//! No request is made here.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use aws_sdk_autoscaling::types::{AutoScalingGroup, AutoScalingInstanceDetails};
use aws_sdk_ec2::types as ec2;
use aws_sdk_route53::operation::change_resource_record_sets::ChangeResourceRecordSetsOutput;
use aws_sdk_route53::operation::get_change::GetChangeOutput;
use aws_sdk_route53::operation::get_hosted_zone::GetHostedZoneOutput;
use aws_sdk_route53::operation::list_resource_record_sets::ListResourceRecordSetsOutput;
use aws_sdk_route53::operation::list_resource_record_sets::builders::ListResourceRecordSetsFluentBuilder;
use aws_sdk_route53::types as route53;
use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;
use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types as ssm;
use registrar_core::Timestamp;
use registrar_core::address::{Association, DescribedAddresses, Interface, InterfaceAddress};
use registrar_core::execute::Reply;
use registrar_core::ids::{AutoScalingGroupName, HostedZoneId, InstanceId, InvalidId, WavelengthZone};
use registrar_core::inventory::{GroupMembership, Instance, InstanceState, LifecycleState};
use registrar_core::plan::Batch;
use registrar_core::preflight::{HostedZoneFacts, ZoneFacts};
use registrar_core::record_set::{AliasTarget, ChangeAction, RecordSet, RecordType, ResourceRecord};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fleet::Filter;
use crate::parameters::Parameter;
use crate::queue::Visibility;
use crate::skip_scan::Cursor;

/// Longest visibility timeout, in seconds (SQS API reference).
const LONGEST_VISIBILITY_SECS: u32 = 43_200;

/// What the SDK puts where a required element of a closed set is missing. A state of this name would be
/// proof that the instance serves no longer, and nobody sent it.
const NOTHING_SENT: &str = "no value was set";

/// An instance as it was described, or why it could not be read.
pub(crate) type Described = Result<Instance, String>;

/// An instance's place in a group, or why it could not be read.
pub(crate) type Membership = Result<(InstanceId, GroupMembership), String>;

pub(crate) fn filter((name, values): &Filter) -> ec2::Filter {
    ec2::Filter::builder().name(name).set_values(Some(values.clone())).build()
}

/// Reads an instance as `registrar_core::dump` reads the AWS CLI's JSON of it.
pub(crate) fn instance(wire: &ec2::Instance) -> Described {
    let id: InstanceId = wire.instance_id().unwrap_or_default().parse().map_err(|bad| format!("{bad}"))?;
    let state = wire.state().and_then(|state| {
        let code = state.code().and_then(|code| u16::try_from(code & 0xffff).ok());
        InstanceState::read(state.name().map(ec2::InstanceStateName::as_str), code)
    });
    let zone = wire.placement().and_then(|place| place.availability_zone()?.parse().ok());
    let tag = |tag: &ec2::Tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    let addresses = addresses(wire).map_err(|problem| format!("{id}: {problem}"))?;
    Ok(Instance {
        state,
        launched_at: wire.launch_time().and_then(timestamp),
        zone,
        tags: wire.tags().iter().filter_map(tag).collect(),
        addresses: addresses.pick(),
        id,
    })
}

/// Reads what EC2 says of a zone; one whose name is none is nobody's that was asked for.
pub(crate) fn zone_facts(wire: &ec2::AvailabilityZone) -> Option<(WavelengthZone, ZoneFacts)> {
    let name = wire.zone_name()?.parse().ok()?;
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let facts = ZoneFacts {
        zone_type: text(wire.zone_type()),
        opt_in_status: text(wire.opt_in_status().map(ec2::AvailabilityZoneOptInStatus::as_str)),
        group_name: text(wire.group_name()),
    };
    Some((name, facts))
}

/// Reads what Route 53 says of a hosted zone.
pub(crate) fn hosted_zone_facts(
    id: &HostedZoneId,
    wire: &GetHostedZoneOutput,
) -> Result<HostedZoneFacts, String> {
    let found = wire.hosted_zone().ok_or_else(|| format!("the answer has no hosted zone {id}"))?;
    let servers = wire.delegation_set().map(route53::DelegationSet::name_servers).unwrap_or_default();
    Ok(HostedZoneFacts {
        id: id.clone(),
        name: found
            .name()
            .parse()
            .map_err(|bad: InvalidId| format!("the name of hosted zone {id}: {bad}"))?,
        is_private: found.config().is_some_and(route53::HostedZoneConfig::private_zone),
        name_servers: servers.iter().map(|server| server.trim_end_matches('.').to_owned()).collect(),
    })
}

/// Reads how many record sets a hosted zone has.
pub(crate) fn record_count(wire: &GetHostedZoneOutput) -> Option<u64> {
    wire.hosted_zone()?.resource_record_set_count()?.try_into().ok()
}

fn timestamp(wire: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::new(wire.secs(), i32::try_from(wire.subsec_nanos()).ok()?).ok()
}

fn addresses(wire: &ec2::Instance) -> Result<DescribedAddresses, String> {
    let interfaces: Result<Vec<Interface>, String> =
        wire.network_interfaces().iter().map(interface).collect();
    Ok(DescribedAddresses {
        interfaces: interfaces?,
        public_field: address(wire.public_ip_address())?,
        private_field: address(wire.private_ip_address())?,
    })
}

fn interface(wire: &ec2::InstanceNetworkInterface) -> Result<Interface, String> {
    let of_interface = |wire: &ec2::InstancePrivateIpAddress| {
        Ok(InterfaceAddress {
            is_primary: wire.primary().unwrap_or_default(),
            private: address(wire.private_ip_address())?,
            association: association(wire.association())?,
        })
    };
    let addresses: Result<Vec<InterfaceAddress>, String> =
        wire.private_ip_addresses().iter().map(of_interface).collect();
    let device = wire.attachment().and_then(ec2::InstanceNetworkInterfaceAttachment::device_index);
    Ok(Interface {
        device_index: device.and_then(|device| u32::try_from(device).ok()),
        association: association(wire.association())?,
        addresses: addresses?,
    })
}

fn association(
    wire: Option<&ec2::InstanceNetworkInterfaceAssociation>,
) -> Result<Option<Association>, String> {
    let Some(wire) = wire else { return Ok(None) };
    Ok(Some(Association {
        carrier: address(wire.carrier_ip())?,
        customer_owned: address(wire.customer_owned_ip())?,
        public: address(wire.public_ip())?,
    }))
}

/// Reads an address; an empty element is no address.
fn address(text: Option<&str>) -> Result<Option<Ipv4Addr>, String> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{text:?} is not an IPv4 address"))
}

pub(crate) fn members(group: &AutoScalingGroup) -> Vec<Membership> {
    let name = group.auto_scaling_group_name();
    let member = |wire: &aws_sdk_autoscaling::types::Instance| {
        let state = wire.lifecycle_state().map(aws_sdk_autoscaling::types::LifecycleState::as_str);
        in_group(wire.instance_id(), name, state)
    };
    group.instances().iter().map(member).collect()
}

pub(crate) fn membership(wire: &AutoScalingInstanceDetails) -> Membership {
    in_group(wire.instance_id(), wire.auto_scaling_group_name(), wire.lifecycle_state())
}

fn in_group(id: Option<&str>, group: Option<&str>, state: Option<&str>) -> Membership {
    let instance: InstanceId = id.unwrap_or_default().parse().map_err(|bad| format!("{bad}"))?;
    let group: AutoScalingGroupName =
        group.unwrap_or_default().parse().map_err(|bad| format!("the group of {instance}: {bad}"))?;
    let state = state.filter(|state| !state.is_empty() && *state != NOTHING_SENT);
    let state = state.ok_or_else(|| format!("{instance} in group {group} has no lifecycle state"))?;
    Ok((instance, GroupMembership { group, state: LifecycleState::from(state) }))
}

pub(crate) fn parameter(wire: &ssm::Parameter) -> Option<(String, Parameter)> {
    let value = wire.value().unwrap_or_default().to_owned();
    Some((wire.name()?.to_owned(), Parameter { value, version: wire.version() }))
}

pub(crate) fn plain_string(call: PutParameterFluentBuilder) -> PutParameterFluentBuilder {
    call.r#type(ssm::ParameterType::String)
}

/// The entry's id is the message's place in the request, which the answer names.
pub(crate) fn visibility(
    (index, message): (usize, &Visibility),
) -> Result<ChangeMessageVisibilityBatchRequestEntry, String> {
    let seconds = i32::try_from(message.seconds.min(LONGEST_VISIBILITY_SECS)).unwrap_or_default();
    ChangeMessageVisibilityBatchRequestEntry::builder()
        .id(index.to_string())
        .receipt_handle(&message.receipt_handle)
        .visibility_timeout(seconds)
        .build()
        .map_err(|problem| problem.to_string())
}

pub(crate) fn start_at(
    call: ListResourceRecordSetsFluentBuilder,
    start: Option<Cursor>,
) -> ListResourceRecordSetsFluentBuilder {
    let Some(start) = start else { return call };
    call.start_record_name(start.name)
        .set_start_record_type(start.r#type.as_deref().map(route53::RrType::from))
        .set_start_record_identifier(start.identifier)
}

pub(crate) fn next_cursor(listed: &ListResourceRecordSetsOutput) -> Option<Cursor> {
    Some(Cursor {
        name: listed.next_record_name()?.to_owned(),
        r#type: listed.next_record_type().map(|r#type| r#type.as_str().to_owned()),
        identifier: listed.next_record_identifier().map(str::to_owned),
    })
}

/// Reads the reply to a batch that was accepted; its id comes with or without `/change/` before it.
pub(crate) fn accepted(output: &ChangeResourceRecordSetsOutput) -> Reply {
    let id = output.change_info().map(route53::ChangeInfo::id).unwrap_or_default();
    Reply::Accepted { change_id: id.strip_prefix("/change/").unwrap_or(id).to_owned() }
}

pub(crate) fn is_in_sync(output: &GetChangeOutput) -> bool {
    output.change_info().is_some_and(|info| *info.status() == route53::ChangeStatus::Insync)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GeoLocation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    continent_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subdivision_code: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct CidrRoutingConfig {
    collection_id: String,
    location_name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GeoProximityLocation {
    #[serde(rename = "AWSRegion", default, skip_serializing_if = "Option::is_none")]
    aws_region: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local_zone_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    coordinates: Option<Coordinates>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    bias: Option<i32>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Coordinates {
    latitude: String,
    longitude: String,
}

/// Reads a record set, with the elements of it that the SDK did not know.
///
/// # Errors
/// When its name is none: such a record set can only be named in a gap.
pub(crate) fn record_set<'a>(
    wire: &route53::ResourceRecordSet,
    unknown: impl Iterator<Item = &'a String>,
) -> Result<RecordSet, String> {
    let name = wire.name().parse().map_err(|bad| format!("a record set's name: {bad}"))?;
    let mut other = routing_fields(wire);
    other.extend(unknown.map(|element| (element.clone(), Value::Null)));
    // What does not fit stays among the other fields, under its own name: nobody here writes it.
    let weight = wire.weight().and_then(|weight| fits(weight, "Weight", &mut other));
    let ttl_secs = wire.ttl().and_then(|ttl| fits(ttl, "TTL", &mut other));
    let alias_target = wire.alias_target().and_then(|alias| alias_target(alias, &mut other));
    let value = |record: &route53::ResourceRecord| ResourceRecord { value: record.value().to_owned() };
    Ok(RecordSet {
        name,
        r#type: RecordType::from(wire.r#type().as_str().to_owned()),
        set_identifier: wire.set_identifier().map(str::to_owned),
        weight,
        multi_value_answer: wire.multi_value_answer(),
        ttl_secs,
        resource_records: wire.resource_records().iter().map(value).collect(),
        alias_target,
        health_check_id: wire.health_check_id().map(str::to_owned),
        other,
    })
}

fn fits<T: TryFrom<i64>>(number: i64, field: &str, other: &mut BTreeMap<String, Value>) -> Option<T> {
    let fitting = T::try_from(number).ok();
    if fitting.is_none() {
        other.insert(field.to_owned(), number.into());
    }
    fitting
}

fn alias_target(wire: &route53::AliasTarget, other: &mut BTreeMap<String, Value>) -> Option<AliasTarget> {
    if let Ok(dns_name) = wire.dns_name().parse() {
        return Some(AliasTarget {
            hosted_zone_id: wire.hosted_zone_id().to_owned(),
            dns_name,
            evaluate_target_health: wire.evaluate_target_health(),
        });
    }
    let kept = serde_json::json!({
        "HostedZoneId": wire.hosted_zone_id(),
        "DNSName": wire.dns_name(),
        "EvaluateTargetHealth": wire.evaluate_target_health(),
    });
    other.insert("AliasTarget".to_owned(), kept);
    None
}

fn routing_fields(wire: &route53::ResourceRecordSet) -> BTreeMap<String, Value> {
    let mut other = BTreeMap::new();
    let mut keep = |field: &str, value: Option<Value>| {
        if let Some(value) = value {
            other.insert(field.to_owned(), value);
        }
    };
    keep("Region", wire.region().map(|region| region.as_str().into()));
    keep("Failover", wire.failover().map(|failover| failover.as_str().into()));
    keep("TrafficPolicyInstanceId", wire.traffic_policy_instance_id().map(Into::into));
    keep(
        "GeoLocation",
        wire.geo_location().map(|geo| {
            json(&GeoLocation {
                continent_code: geo.continent_code().map(str::to_owned),
                country_code: geo.country_code().map(str::to_owned),
                subdivision_code: geo.subdivision_code().map(str::to_owned),
            })
        }),
    );
    keep(
        "CidrRoutingConfig",
        wire.cidr_routing_config().map(|cidr| {
            json(&CidrRoutingConfig {
                collection_id: cidr.collection_id().to_owned(),
                location_name: cidr.location_name().to_owned(),
            })
        }),
    );
    keep(
        "GeoProximityLocation",
        wire.geo_proximity_location().map(|geo| {
            json(&GeoProximityLocation {
                aws_region: geo.aws_region().map(str::to_owned),
                local_zone_group: geo.local_zone_group().map(str::to_owned),
                coordinates: geo.coordinates().map(|place| Coordinates {
                    latitude: place.latitude().to_owned(),
                    longitude: place.longitude().to_owned(),
                }),
                bias: geo.bias(),
            })
        }),
    );
    other
}

fn json(form: &impl Serialize) -> Value {
    serde_json::to_value(form).unwrap_or_default()
}

/// Writes a batch as one request.
///
/// # Errors
/// When a record set has a field that cannot be written as it was read.
pub(crate) fn change_batch(batch: &Batch) -> Result<route53::ChangeBatch, String> {
    let mut changes = route53::ChangeBatch::builder().comment(batch.comment());
    for change in batch.changes() {
        let action = match change.action {
            ChangeAction::Create => route53::ChangeAction::Create,
            ChangeAction::Delete => route53::ChangeAction::Delete,
        };
        let record = to_wire(&change.record).map_err(|problem| {
            format!("{} {} cannot be written as it was read: {problem}", change.action, change.record)
        })?;
        let change = route53::Change::builder().action(action).resource_record_set(record).build();
        changes = changes.changes(change.map_err(|problem| problem.to_string())?);
    }
    changes.build().map_err(|problem| problem.to_string())
}

fn to_wire(record: &RecordSet) -> Result<route53::ResourceRecordSet, String> {
    let built = |problem: aws_smithy_types::error::operation::BuildError| problem.to_string();
    let value = |record: &ResourceRecord| {
        route53::ResourceRecord::builder().value(&record.value).build().map_err(built)
    };
    let values: Result<Vec<_>, String> = record.resource_records.iter().map(value).collect();
    let values = values?;
    let mut wire = route53::ResourceRecordSet::builder()
        .name(record.name.to_fqdn())
        .r#type(record.r#type.to_string().as_str().into())
        .set_set_identifier(record.set_identifier.clone())
        .set_weight(record.weight.map(i64::from))
        .set_multi_value_answer(record.multi_value_answer)
        .set_ttl(record.ttl_secs.map(i64::from))
        .set_resource_records(Some(values).filter(|values| !values.is_empty()))
        .set_health_check_id(record.health_check_id.clone());
    if let Some(alias) = &record.alias_target {
        let alias = route53::AliasTarget::builder()
            .hosted_zone_id(&alias.hosted_zone_id)
            .dns_name(alias.dns_name.to_fqdn())
            .evaluate_target_health(alias.evaluate_target_health);
        wire = wire.alias_target(alias.build().map_err(built)?);
    }
    for (field, value) in &record.other {
        wire = with_routing_field(wire, field, value)?;
    }
    wire.build().map_err(built)
}

fn with_routing_field(
    wire: route53::builders::ResourceRecordSetBuilder,
    field: &str,
    value: &Value,
) -> Result<route53::builders::ResourceRecordSetBuilder, String> {
    Ok(match field {
        "Region" => wire.region(text(field, value)?.as_str().into()),
        "Failover" => wire.failover(text(field, value)?.as_str().into()),
        "TrafficPolicyInstanceId" => wire.traffic_policy_instance_id(text(field, value)?),
        "GeoLocation" => {
            let geo: GeoLocation = form(field, value)?;
            wire.geo_location(
                route53::GeoLocation::builder()
                    .set_continent_code(geo.continent_code)
                    .set_country_code(geo.country_code)
                    .set_subdivision_code(geo.subdivision_code)
                    .build(),
            )
        }
        "CidrRoutingConfig" => {
            let cidr: CidrRoutingConfig = form(field, value)?;
            let cidr = route53::CidrRoutingConfig::builder()
                .collection_id(cidr.collection_id)
                .location_name(cidr.location_name);
            wire.cidr_routing_config(cidr.build().map_err(|problem| problem.to_string())?)
        }
        "GeoProximityLocation" => wire.geo_proximity_location(geo_proximity(form(field, value)?)?),
        _ => return Err(format!("{field} is not a field that this version writes")),
    })
}

fn geo_proximity(geo: GeoProximityLocation) -> Result<route53::GeoProximityLocation, String> {
    let place = geo.coordinates.map(|place| {
        let place = route53::Coordinates::builder().latitude(place.latitude).longitude(place.longitude);
        place.build().map_err(|problem| problem.to_string())
    });
    Ok(route53::GeoProximityLocation::builder()
        .set_aws_region(geo.aws_region)
        .set_local_zone_group(geo.local_zone_group)
        .set_coordinates(place.transpose()?)
        .set_bias(geo.bias)
        .build())
}

fn text(field: &str, value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("{field} is not a text"))
}

fn form<T: DeserializeOwned>(field: &str, value: &Value) -> Result<T, String> {
    T::deserialize(value).map_err(|problem| format!("{field}: {problem}"))
}
