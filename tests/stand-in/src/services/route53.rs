//! Route 53: record sets of hosted zones and the changes to them, on the strict model.
//!
//! Source: Route 53 API reference, version 2013-04-01. Rules and throttling are the model's; here are
//! the wire's forms, and who may reach a hosted zone.

use registrar_core::ids::HostedZoneId;
use registrar_core::record_set::RecordType;
use registrar_local::route53::{ChangeInfo, Cursor, Route53Error};

use super::Context;
use super::record_xml::{read_batch, write_record};
use crate::operation::{Operation, Service};
use crate::wire::element::Element;
use crate::wire::namespace;
use crate::wire::params::Params;
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::World;

/// How many record sets a page has where nobody says, which is also the most (API reference,
/// `ListResourceRecordSets`).
const DEFAULT_PAGE: usize = 300;
const INVALID_INPUT: &str = "InvalidInput";
/// How many of the digits of the model's change ids are shown after the account, so that no two accounts
/// share one.
const CHANGE_DIGITS: usize = 12;

pub(super) fn answer(
    world: &mut World,
    context: Context<'_>,
    id: &str,
    query: Params,
    body: &str,
) -> Result<Reply, Refusal> {
    if context.operation == Operation::GetChange {
        query.finish(INVALID_INPUT)?;
        return get_change(world, context, id);
    }
    let Ok(zone) = id.parse::<HostedZoneId>() else {
        return Err(Refusal::new(404, "NoSuchHostedZone", format!("No hosted zone found with ID: {id}")));
    };
    world.may_reach(context.caller, &zone, context.operation.name())?;
    match context.operation {
        Operation::ListResourceRecordSets => list(world, context, &zone, query),
        Operation::ChangeResourceRecordSets => {
            query.finish(INVALID_INPUT)?;
            change(world, context, &zone, body)
        }
        _ => {
            query.finish(INVALID_INPUT)?;
            get_hosted_zone(world, context, &zone)
        }
    }
}

fn list(
    world: &mut World,
    context: Context<'_>,
    zone: &HostedZoneId,
    mut query: Params,
) -> Result<Reply, Refusal> {
    let start = take_cursor(&mut query)?;
    let asked = query.take_number("maxitems", INVALID_INPUT)?.unwrap_or(DEFAULT_PAGE);
    query.finish(INVALID_INPUT)?;
    let size = asked.min(context.bend.largest_page.unwrap_or(DEFAULT_PAGE));
    let now = world.now();
    let model = world.model_of(&context.caller.account);
    let mut page = model.list_record_sets(zone, start.as_ref(), size, now).map_err(refusal)?;
    if context.bend.repeat_cursor && start.is_some() {
        page.next = start;
    }
    let response = Element::new("ListResourceRecordSetsResponse")
        .list("ResourceRecordSets", page.records.iter().map(write_record))
        .field("IsTruncated", page.next.is_some());
    let response = match &page.next {
        None => response,
        Some(Cursor { name, r#type, set_identifier }) => response
            .field("NextRecordName", name.to_fqdn())
            .optional("NextRecordType", r#type.as_ref())
            .optional("NextRecordIdentifier", set_identifier.as_ref()),
    };
    Ok(reply(&response.field("MaxItems", asked.min(DEFAULT_PAGE))))
}

fn take_cursor(query: &mut Params) -> Result<Option<Cursor>, Refusal> {
    let name = query.take("name");
    let r#type = query.take("type").map(RecordType::from);
    let set_identifier = query.take("identifier");
    let Some(name) = name else {
        if r#type.is_some() || set_identifier.is_some() {
            let problem = "Invalid request: StartRecordType and StartRecordIdentifier need StartRecordName";
            return Err(Refusal::bad_request(INVALID_INPUT, problem));
        }
        return Ok(None);
    };
    let name = name
        .parse()
        .map_err(|_| Refusal::bad_request(INVALID_INPUT, format!("Invalid DNS name: '{name}'")))?;
    Ok(Some(Cursor { name, r#type, set_identifier }))
}

fn change(
    world: &mut World,
    context: Context<'_>,
    zone: &HostedZoneId,
    body: &str,
) -> Result<Reply, Refusal> {
    let (comment, changes) = read_batch(body)?;
    let now = world.now();
    let model = world.model_of(&context.caller.account);
    let info = model.change_record_sets(zone, &changes, now).map_err(refusal)?;
    let info = change_info(&info, &context.caller.account).optional("Comment", comment);
    Ok(reply(&Element::new("ChangeResourceRecordSetsResponse").with(info)))
}

fn get_change(world: &mut World, context: Context<'_>, id: &str) -> Result<Reply, Refusal> {
    let account = &context.caller.account;
    let unknown = || Refusal::new(404, "NoSuchChange", format!("Could not find resource with ID: {id}"));
    let digits = id.strip_prefix('C').and_then(|rest| rest.strip_prefix(account.as_str()));
    let now = world.now();
    let model = world.model_of(account);
    // A call that names an unknown change is counted by the model all the same.
    let own_id = format!("C{:0>20}", digits.unwrap_or("unknown"));
    let info = model.get_change(&own_id, now).map_err(|error| match error {
        Route53Error::NoSuchChange(_) => unknown(),
        other => refusal(other),
    })?;
    Ok(reply(&Element::new("GetChangeResponse").with(change_info(&info, account))))
}

fn change_info(info: &ChangeInfo, account: &str) -> Element {
    let digits = &info.id[info.id.len().saturating_sub(CHANGE_DIGITS)..];
    Element::new("ChangeInfo")
        .field("Id", format!("/change/C{account}{digits}"))
        .field("Status", info.status)
        .field("SubmittedAt", info.submitted_at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"))
}

/// A private hosted zone has VPCs where a public one has a delegation set.
fn get_hosted_zone(world: &mut World, context: Context<'_>, zone: &HostedZoneId) -> Result<Reply, Refusal> {
    let now = world.now();
    let access = world.zones.get(zone).map(|access| (access.origin.clone(), access.is_private));
    let model = world.model_of(&context.caller.account);
    // It costs a request like every other call, and refuses a hosted zone that is not there.
    model.list_record_sets(zone, None, 1, now).map_err(refusal)?;
    let records = model.records(zone).map_err(refusal)?;
    let Some((origin, is_private)) = access else {
        return Err(refusal(Route53Error::NoSuchHostedZone(zone.to_string())));
    };
    let hosted_zone = Element::new("HostedZone")
        .field("Id", format!("/hostedzone/{zone}"))
        .field("Name", origin.to_fqdn())
        .field("CallerReference", "stand-in")
        .with(Element::new("Config").field("PrivateZone", is_private))
        .field("ResourceRecordSetCount", records.len());
    let response = Element::new("GetHostedZoneResponse").with(hosted_zone);
    if is_private {
        let vpc = Element::new("VPC")
            .field("VPCRegion", &context.caller.region)
            .field("VPCId", "vpc-00000000000000000");
        return Ok(reply(&response.list("VPCs", [vpc])));
    }
    let servers = records.iter().filter(|record| record.name == origin && record.r#type == RecordType::Ns);
    let servers = servers.flat_map(|record| record.values());
    let servers = servers.map(|server| Element::text("NameServer", server.trim_end_matches('.')));
    Ok(reply(&response.with(Element::new("DelegationSet").list("NameServers", servers))))
}

/// Gives each refusal of the model its code and status (API reference, "Errors" of each operation).
fn refusal(error: Route53Error) -> Refusal {
    let message = error.to_string();
    match error {
        Route53Error::NoSuchHostedZone(_) => Refusal::new(404, "NoSuchHostedZone", message),
        Route53Error::HostedZoneAlreadyExists(_) => Refusal::new(409, "HostedZoneAlreadyExists", message),
        Route53Error::NoSuchChange(_) => Refusal::new(404, "NoSuchChange", message),
        Route53Error::InvalidInput(_) => Refusal::bad_request(INVALID_INPUT, message),
        Route53Error::InvalidChangeBatch(_) => Refusal::bad_request("InvalidChangeBatch", message),
        Route53Error::PriorRequestNotComplete => Refusal::bad_request("PriorRequestNotComplete", message),
        Route53Error::Throttling => Refusal::throttled(Service::Route53),
    }
}

fn reply(response: &Element) -> Reply {
    Reply::xml(200, "text/xml", response.document(namespace(Service::Route53)))
}
