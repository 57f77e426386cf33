//! EC2: `DescribeInstances` and `DescribeAvailabilityZones`.
//!
//! Source: EC2 API reference, version 2016-11-15. Filters that the stand-in does not model are refused,
//! so that nobody takes an unfiltered answer for a filtered one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::Context;
use crate::operation::Operation;
use crate::wire::element::Element;
use crate::wire::paging;
use crate::wire::params::{Lists, Params};
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::{AvailabilityZone, Instance, World, ZoneType};

/// Most values of one filter, and most filters of a call (API reference, `DescribeInstances`).
const MOST_FILTER_VALUES: usize = 200;
const MOST_FILTERS: usize = 50;
/// The smallest and largest page that can be asked for (API reference, `DescribeInstances`).
const SMALLEST_PAGE: usize = 5;
const LARGEST_PAGE: usize = 1_000;
const INVALID_VALUE: &str = "InvalidParameterValue";

pub(super) fn answer(world: &mut World, context: Context<'_>, mut params: Params) -> Result<Reply, Refusal> {
    if params.take("DryRun").is_some_and(|dry_run| dry_run == "true") {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new(412, "DryRunOperation", message));
    }
    match context.operation {
        Operation::DescribeAvailabilityZones => describe_availability_zones(world, context, params),
        _ => describe_instances(world, context, params),
    }
}

/// A filter: its name, and the values of which one has to fit.
struct Filter {
    name: String,
    values: Vec<String>,
}

fn describe_instances(world: &World, context: Context<'_>, mut params: Params) -> Result<Reply, Refusal> {
    let filters = take_filters(&mut params)?;
    let ids = params.take_list("InstanceId", Lists::Ec2);
    let size = params.take_number("MaxResults", INVALID_VALUE)?;
    let token = params.take("NextToken");
    params.finish("UnknownParameter")?;
    check_page_size(size, !ids.is_empty())?;
    let here: BTreeMap<&str, &Instance> = world
        .instances
        .values()
        .filter(|instance| context.sees(world, instance.region.as_deref()))
        .map(|instance| (instance.id.as_str(), instance))
        .collect();
    check_ids(&ids, &here)?;
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for (id, instance) in here {
        if (ids.is_empty() || ids.contains(id)) && fits_all(instance, &filters)? {
            found.push((id.to_owned(), instance));
        }
    }
    let page = paging::page(found, size, token.as_deref(), context.bend)
        .ok_or_else(|| Refusal::bad_request(INVALID_VALUE, "Unable to parse pagination token"))?;
    let reservations = page.items.into_iter().map(|instance| reservation(instance, &world.account));
    let response = Element::new("DescribeInstancesResponse")
        .field("requestId", context.request_id)
        .list("reservationSet", reservations)
        .optional("nextToken", page.next_token);
    Ok(reply(&response))
}

fn check_page_size(size: Option<usize>, with_ids: bool) -> Result<(), Refusal> {
    let Some(size) = size else { return Ok(()) };
    if with_ids {
        let problem = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Refusal::bad_request("InvalidParameterCombination", problem));
    }
    if (SMALLEST_PAGE..=LARGEST_PAGE).contains(&size) {
        return Ok(());
    }
    let expected = if size < SMALLEST_PAGE {
        format!("greater than {SMALLEST_PAGE}")
    } else {
        format!("less than {LARGEST_PAGE}")
    };
    let problem =
        format!("Value ( {size} ) for parameter maxResults is invalid. Expecting a value {expected}.");
    Err(Refusal::bad_request(INVALID_VALUE, problem))
}

/// Refuses the whole call where one id that is named outright is not known.
fn check_ids(ids: &[String], here: &BTreeMap<&str, &Instance>) -> Result<(), Refusal> {
    if let Some(bad) = ids.iter().find(|id| !id.starts_with("i-")) {
        return Err(Refusal::bad_request("InvalidInstanceID.Malformed", format!("Invalid id: \"{bad}\"")));
    }
    let unknown: Vec<&str> = ids.iter().map(String::as_str).filter(|id| !here.contains_key(id)).collect();
    let message = match unknown.as_slice() {
        [] => return Ok(()),
        [id] => format!("The instance ID '{id}' does not exist"),
        several => format!("The instance IDs '{}' do not exist", several.join(", ")),
    };
    Err(Refusal::bad_request("InvalidInstanceID.NotFound", message))
}

fn take_filters(params: &mut Params) -> Result<Vec<Filter>, Refusal> {
    let mut filters = Vec::new();
    for index in 1.. {
        let Some(name) = params.take(&format!("Filter.{index}.Name")) else { break };
        let values = params.take_list(&format!("Filter.{index}.Value"), Lists::Ec2);
        if values.is_empty() {
            let problem = format!("The filter '{name}' has no values");
            return Err(Refusal::bad_request(INVALID_VALUE, problem));
        }
        if values.len() > MOST_FILTER_VALUES || index > MOST_FILTERS {
            let problem = format!(
                "The maximum number of filter values specified on a single call is {MOST_FILTER_VALUES}"
            );
            return Err(Refusal::bad_request("FilterLimitExceeded", problem));
        }
        filters.push(Filter { name, values });
    }
    Ok(filters)
}

fn fits_all(instance: &Instance, filters: &[Filter]) -> Result<bool, Refusal> {
    for Filter { name, values } in filters {
        let found: Vec<String> = match name.as_str() {
            "instance-id" => vec![instance.id.clone()],
            "instance-state-name" => vec![instance.state.to_string()],
            "instance-state-code" => vec![instance.state.code().to_string()],
            "availability-zone" => vec![instance.availability_zone.clone()],
            "tag-key" => instance.tags.keys().cloned().collect(),
            tag if tag.starts_with("tag:") => instance.tags.get(&tag[4..]).cloned().into_iter().collect(),
            unknown => {
                let problem = format!("The filter '{unknown}' is invalid");
                return Err(Refusal::bad_request(INVALID_VALUE, problem));
            }
        };
        if !found.iter().any(|found| values.iter().any(|pattern| fits(found.as_bytes(), pattern.as_bytes())))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares as filters do: case counts, `*` is anything and `?` any one character (EC2 User Guide,
/// "Find your Amazon EC2 resources").
fn fits(text: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), None) => fits(text, rest),
        (Some((b'*', rest)), Some((_, following))) => fits(text, rest) || fits(following, pattern),
        (Some((b'?', rest)), Some((_, following))) => fits(following, rest),
        (Some((wanted, rest)), Some((found, following))) => wanted == found && fits(following, rest),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn reservation(instance: &Instance, account: &str) -> Element {
    Element::new("item")
        .field("reservationId", format!("r-{}", instance.id.trim_start_matches("i-")))
        .field("ownerId", account)
        .list("groupSet", [])
        .list("instancesSet", [instance_item(instance)])
}

fn instance_item(instance: &Instance) -> Element {
    let Instance { id, availability_zone, state, launched_at, tags, .. } = instance;
    let state_item = Element::new("instanceState").field("code", state.code()).field("name", state);
    let placement = Element::new("placement")
        .field("availabilityZone", availability_zone)
        .field("groupName", "")
        .field("tenancy", "default");
    let tag = |(key, value): (&String, &String)| Element::new("item").field("key", key).field("value", value);
    let attached = state.is_attached();
    let launch_time = launched_at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string());
    Element::new("item")
        .field("instanceId", id)
        .field("imageId", "ami-00000000000000000")
        .with(state_item)
        .field("privateDnsName", "")
        .field("dnsName", "")
        .field("reason", "")
        .field("amiLaunchIndex", 0)
        .field("instanceType", "t3.medium")
        .optional("launchTime", launch_time)
        .with(placement)
        .optional("privateIpAddress", instance.private_ip.filter(|_| attached))
        .optional("ipAddress", instance.ip_address())
        .field("architecture", "x86_64")
        .list("tagSet", tags.iter().map(tag))
        .list("networkInterfaceSet", if attached { interfaces(instance) } else { Vec::new() })
}

/// One address of an interface.
struct Address {
    primary: bool,
    private_ip: Option<Ipv4Addr>,
    carrier_ip: Option<Ipv4Addr>,
    public_ip: Option<Ipv4Addr>,
    customer_owned_ip: Option<Ipv4Addr>,
}

impl Address {
    fn association(&self) -> Option<Element> {
        let none = [self.carrier_ip, self.public_ip, self.customer_owned_ip].iter().all(Option::is_none);
        let association = || {
            Element::new("association")
                .optional("carrierIp", self.carrier_ip)
                .optional("customerOwnedIp", self.customer_owned_ip)
                .field("ipOwnerId", "amazon")
                .field("publicDnsName", "")
                .optional("publicIp", self.public_ip)
        };
        (!none).then(association)
    }

    fn item(&self) -> Element {
        let item =
            Element::new("item").optional("privateIpAddress", self.private_ip).field("primary", self.primary);
        self.association().into_iter().fold(item, Element::with)
    }
}

fn interfaces(instance: &Instance) -> Vec<Element> {
    let mut by_device: BTreeMap<u32, Vec<Address>> = BTreeMap::new();
    by_device.entry(0).or_default().push(Address {
        primary: true,
        private_ip: instance.private_ip,
        carrier_ip: instance.carrier_ip,
        public_ip: instance.public_ip,
        customer_owned_ip: instance.customer_owned_ip,
    });
    for further in &instance.further_addresses {
        by_device.entry(further.device_index).or_default().push(Address {
            primary: further.primary,
            private_ip: Some(further.private_ip),
            carrier_ip: further.carrier_ip,
            public_ip: further.public_ip,
            customer_owned_ip: None,
        });
    }
    by_device.iter().map(|(device, addresses)| interface(&instance.id, *device, addresses)).collect()
}

fn interface(instance_id: &str, device: u32, addresses: &[Address]) -> Element {
    let attachment = Element::new("attachment")
        .field("attachmentId", format!("eni-attach-{device}"))
        .field("deviceIndex", device)
        .field("status", "attached")
        .field("deleteOnTermination", true);
    let item = Element::new("item")
        .field("networkInterfaceId", format!("eni-{}{device}", instance_id.trim_start_matches("i-")))
        .field("status", "in-use")
        .with(attachment);
    let primary = addresses.iter().find(|address| address.primary);
    let item = item.optional("privateIpAddress", primary.and_then(|address| address.private_ip));
    let association = primary.and_then(Address::association);
    association
        .into_iter()
        .fold(item, Element::with)
        .list("privateIpAddressesSet", addresses.iter().map(Address::item))
}

fn describe_availability_zones(
    world: &World,
    context: Context<'_>,
    mut params: Params,
) -> Result<Reply, Refusal> {
    let filters = take_filters(&mut params)?;
    let names = params.take_list("ZoneName", Lists::Ec2);
    let all = match params.take("AllAvailabilityZones").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            let problem = format!("Invalid value '{other}' for AllAvailabilityZones. Expected true or false");
            return Err(Refusal::bad_request(INVALID_VALUE, problem));
        }
    };
    params.finish("UnknownParameter")?;
    let mut zones = world.all_availability_zones();
    zones.retain(|_, zone| context.sees(world, zone.region.as_deref()));
    // A zone that nobody opted in to is only shown to those who ask for all.
    zones.retain(|_, zone| all || zone.opt_in_status() != "not-opted-in");
    if let Some(unknown) = names.iter().find(|name| !zones.contains_key(name.as_str())) {
        return Err(Refusal::bad_request(INVALID_VALUE, format!("Invalid availability zone: [{unknown}]")));
    }
    let mut items = Vec::new();
    for zone in zones.values() {
        let named = names.is_empty() || names.contains(&zone.name);
        if named && zone_fits_all(zone, &filters)? {
            items.push(zone_item(zone, &context.caller.region));
        }
    }
    let response = Element::new("DescribeAvailabilityZonesResponse")
        .field("requestId", context.request_id)
        .list("availabilityZoneInfo", items);
    Ok(reply(&response))
}

fn zone_fits_all(zone: &AvailabilityZone, filters: &[Filter]) -> Result<bool, Refusal> {
    for Filter { name, values } in filters {
        let found = match name.as_str() {
            "zone-name" => zone.name.as_str(),
            "zone-type" => zone.zone_type.name(),
            "group-name" => zone.group.as_str(),
            "opt-in-status" => zone.opt_in_status(),
            unknown => {
                let problem = format!("The filter '{unknown}' is invalid");
                return Err(Refusal::bad_request(INVALID_VALUE, problem));
            }
        };
        if !values.iter().any(|pattern| fits(found.as_bytes(), pattern.as_bytes())) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn zone_item(zone: &AvailabilityZone, region: &str) -> Element {
    let of_region = zone.zone_type == ZoneType::AvailabilityZone;
    Element::new("item")
        .field("optInStatus", zone.opt_in_status())
        .list("messageSet", [])
        .field("regionName", region)
        .field("zoneName", &zone.name)
        .field("groupName", &zone.group)
        .field("networkBorderGroup", if of_region { region } else { zone.name.as_str() })
        .field("zoneType", zone.zone_type.name())
        .field("zoneState", "available")
}

fn reply(response: &Element) -> Reply {
    let namespace = crate::wire::namespace(crate::operation::Service::Ec2);
    Reply::xml(200, "text/xml;charset=UTF-8", response.document(namespace))
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn filters_compare_with_wildcards_and_case() {
        for (text, pattern) in
            [("video", "video"), ("video", "v*o"), ("video", "vide?"), ("", "*"), ("a*", "a*")]
        {
            assert!(fits(text.as_bytes(), pattern.as_bytes()), "{text} {pattern}");
        }
        for (text, pattern) in [("video", "Video"), ("video", "vid"), ("video", "video?"), ("", "?")] {
            assert!(!fits(text.as_bytes(), pattern.as_bytes()), "{text} {pattern}");
        }
    }
}
