//! Auto Scaling: groups, their members, hooks, and the lifecycle actions that wait.
//!
//! Source: Auto Scaling API reference, version 2011-01-01. Nothing scales by itself.

use std::collections::BTreeSet;

use super::{Context, query_reply};
use crate::operation::Operation;
use crate::wire::element::Element;
use crate::wire::paging;
use crate::wire::params::{Lists, Params};
use crate::wire::refusal::Refusal;
use crate::wire::reply::Reply;
use crate::world::{ActionResult, EndedBy, Group, Hook, Instance, Membership, World};

/// Most groups and instances of a page, and how many where nobody says (API reference).
const LARGEST_GROUP_PAGE: usize = 100;
const LARGEST_INSTANCE_PAGE: usize = 50;
const DEFAULT_PAGE: usize = 50;
/// Most ids of a call (API reference, `DescribeAutoScalingInstances`).
const MOST_INSTANCE_IDS: usize = 50;
const TOKEN_LENGTH: usize = 36;
const VALIDATION: &str = "ValidationError";

pub(super) fn answer(world: &mut World, context: Context<'_>, params: Params) -> Result<Reply, Refusal> {
    world.end_overdue_actions();
    let result = match context.operation {
        Operation::DescribeAutoScalingGroups => describe_groups(world, context, params)?,
        Operation::DescribeAutoScalingInstances => describe_instances(world, context, params)?,
        Operation::DescribeLifecycleHooks => describe_hooks(world, context, params)?,
        Operation::CompleteLifecycleAction => complete(world, context, params)?,
        Operation::RecordLifecycleActionHeartbeat => heartbeat(world, context, params)?,
        other => return Err(Refusal::unknown_operation(other.service(), other.name())),
    };
    Ok(query_reply(context, result))
}

fn describe_groups(world: &World, context: Context<'_>, mut params: Params) -> Result<Element, Refusal> {
    let names = params.take_list("AutoScalingGroupNames", Lists::Query);
    let include_instances = params.take("IncludeInstances").is_none_or(|include| include != "false");
    let (size, token) = take_page(&mut params, LARGEST_GROUP_PAGE)?;
    params.finish(VALIDATION)?;
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let wanted = |group: &&Group| {
        (names.is_empty() || names.contains(group.name.as_str()))
            && context.sees(world, group.region.as_deref())
    };
    let found = world.groups.values().filter(wanted).map(|group| (group.name.clone(), group)).collect();
    let page = paging::page(found, Some(size), token.as_deref(), context.bend).ok_or_else(invalid_token)?;
    let items = page.items.into_iter().map(|group| group_item(world, group, include_instances));
    Ok(Element::new("DescribeAutoScalingGroupsResult")
        .list("AutoScalingGroups", items)
        .optional("NextToken", page.next_token))
}

fn describe_instances(world: &World, context: Context<'_>, mut params: Params) -> Result<Element, Refusal> {
    let ids = params.take_list("InstanceIds", Lists::Query);
    let (size, token) = take_page(&mut params, LARGEST_INSTANCE_PAGE)?;
    params.finish(VALIDATION)?;
    if ids.len() > MOST_INSTANCE_IDS {
        let problem =
            format!("The number of instance ids that may be passed in is limited to {MOST_INSTANCE_IDS}");
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let wanted = |instance: &&Instance| {
        (ids.is_empty() || ids.contains(instance.id.as_str()))
            && context.sees(world, instance.region.as_deref())
    };
    let instances = world.instances.values().filter(wanted);
    let members = instances.filter_map(|instance| Some((instance, instance.member.as_ref()?)));
    let found = members.map(|(instance, member)| (instance.id.clone(), (instance, member))).collect();
    let page = paging::page(found, Some(size), token.as_deref(), context.bend).ok_or_else(invalid_token)?;
    let items = page
        .items
        .into_iter()
        .map(|(instance, member)| member_item(instance, member).field("AutoScalingGroupName", &member.group));
    Ok(Element::new("DescribeAutoScalingInstancesResult")
        .list("AutoScalingInstances", items)
        .optional("NextToken", page.next_token))
}

fn describe_hooks(world: &World, context: Context<'_>, mut params: Params) -> Result<Element, Refusal> {
    let group = take_required(&mut params, "AutoScalingGroupName")?;
    let names = params.take_list("LifecycleHookNames", Lists::Query);
    params.finish(VALIDATION)?;
    let found = group_here(world, context, &group)?;
    let wanted = |hook: &&Hook| names.is_empty() || names.contains(&hook.name);
    let items = found.hooks.iter().filter(wanted).map(|hook| hook_item(&group, hook));
    Ok(Element::new("DescribeLifecycleHooksResult").list("LifecycleHooks", items))
}

fn complete(world: &mut World, context: Context<'_>, mut params: Params) -> Result<Element, Refusal> {
    let result = match take_required(&mut params, "LifecycleActionResult")?.as_str() {
        "CONTINUE" => ActionResult::Continue,
        "ABANDON" => ActionResult::Abandon,
        other => {
            let problem = format!("The lifecycle action result {other} is neither CONTINUE nor ABANDON");
            return Err(Refusal::bad_request(VALIDATION, problem));
        }
    };
    let index = take_action(world, context, params)?;
    world.end_action(index, result, EndedBy::Call);
    Ok(Element::new("CompleteLifecycleActionResult"))
}

fn heartbeat(world: &mut World, context: Context<'_>, params: Params) -> Result<Element, Refusal> {
    let index = take_action(world, context, params)?;
    world.heartbeat(index);
    Ok(Element::new("RecordLifecycleActionHeartbeatResult"))
}

/// Finds the waiting action that a call is about, by its token or its instance.
fn take_action(world: &World, context: Context<'_>, mut params: Params) -> Result<usize, Refusal> {
    let group = take_required(&mut params, "AutoScalingGroupName")?;
    let hook = take_required(&mut params, "LifecycleHookName")?;
    let token = params.take("LifecycleActionToken");
    let instance = params.take("InstanceId");
    params.finish(VALIDATION)?;
    if token.as_ref().is_some_and(|token| token.len() != TOKEN_LENGTH) {
        let problem = format!(
            "1 validation error detected: Value at 'lifecycleActionToken' failed to satisfy constraint: Member \
             must have length {TOKEN_LENGTH}"
        );
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    let about = match (&token, &instance) {
        (None, None) => {
            let problem = "Either a lifecycle action token or an instance ID must be given";
            return Err(Refusal::bad_request(VALIDATION, problem));
        }
        (Some(token), _) => format!("token {token}"),
        (None, Some(instance)) => format!("instance ID {instance}"),
    };
    let found = group_here(world, context, &group)?;
    if !found.hooks.iter().any(|known| known.name == hook) {
        let problem = format!("No lifecycle hook found with name: {hook}");
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    let waiting = world.actions.iter().position(|action| {
        action.ended.is_none()
            && (&action.group, &action.hook) == (&group, &hook)
            && token.as_ref().is_none_or(|token| *token == action.token)
            && instance.as_ref().is_none_or(|instance| *instance == action.instance)
    });
    waiting.ok_or_else(|| {
        Refusal::bad_request(VALIDATION, format!("No active Lifecycle Action found with {about}"))
    })
}

fn group_here<'a>(world: &'a World, context: Context<'_>, name: &str) -> Result<&'a Group, Refusal> {
    let found = world.groups.get(name).filter(|group| context.sees(world, group.region.as_deref()));
    found.ok_or_else(|| {
        Refusal::bad_request(
            VALIDATION,
            format!("AutoScalingGroup name not found - AutoScalingGroup {name} not found"),
        )
    })
}

fn take_required(params: &mut Params, name: &str) -> Result<String, Refusal> {
    params.take(name).filter(|value| !value.is_empty()).ok_or_else(|| {
        let problem = format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be \
             null"
        );
        Refusal::bad_request(VALIDATION, problem)
    })
}

fn take_page(params: &mut Params, largest: usize) -> Result<(usize, Option<String>), Refusal> {
    let size = params.take_number("MaxRecords", VALIDATION)?.unwrap_or(DEFAULT_PAGE);
    if !(1..=largest).contains(&size) {
        let problem = format!(
            "1 validation error detected: Value '{size}' at 'maxRecords' failed to satisfy constraint: Member must \
             have value from 1 to {largest}"
        );
        return Err(Refusal::bad_request(VALIDATION, problem));
    }
    Ok((size, params.take("NextToken")))
}

fn invalid_token() -> Refusal {
    Refusal::bad_request("InvalidNextToken", "The token provided is not valid.")
}

fn group_item(world: &World, group: &Group, include_instances: bool) -> Element {
    let Group { name, tags, .. } = group;
    let members: Vec<(&Instance, &Membership)> = world
        .instances
        .values()
        .filter_map(|instance| Some((instance, instance.member.as_ref()?)))
        .filter(|(_, member)| member.group == *name)
        .collect();
    let zones: BTreeSet<&str> = members.iter().map(|(one, _)| one.availability_zone.as_str()).collect();
    let count = members.len();
    let shown = members.iter().filter(|_| include_instances);
    Element::new("member")
        .field("AutoScalingGroupName", name)
        .field("AutoScalingGroupARN", group_arn(world, group))
        .field("MinSize", 0)
        .field("MaxSize", count.max(1))
        .field("DesiredCapacity", count)
        .field("DefaultCooldown", 300)
        .list("AvailabilityZones", zones.into_iter().map(|zone| Element::text("member", zone)))
        .list("LoadBalancerNames", [])
        .list("TargetGroupARNs", [])
        .field("HealthCheckType", "EC2")
        .field("HealthCheckGracePeriod", 0)
        .list("Instances", shown.map(|(instance, member)| member_item(instance, member)))
        .field("CreatedTime", "2026-01-01T00:00:00.000Z")
        .list("SuspendedProcesses", [])
        .list("Tags", tags.iter().map(|(key, value)| tag_item(name, key, value)))
        .list("TerminationPolicies", [Element::text("member", "Default")])
        .field("NewInstancesProtectedFromScaleIn", false)
}

fn group_arn(world: &World, group: &Group) -> String {
    let region = group.region.as_ref().unwrap_or(&world.region);
    let (account, name) = (&world.account, &group.name);
    format!(
        "arn:aws:autoscaling:{region}:{account}:autoScalingGroup:00000000-0000-4000-8000-000000000000:\
         autoScalingGroupName/{name}"
    )
}

fn member_item(instance: &Instance, member: &Membership) -> Element {
    Element::new("member")
        .field("InstanceId", &instance.id)
        .field("InstanceType", "t3.medium")
        .field("AvailabilityZone", &instance.availability_zone)
        .field("LifecycleState", &member.lifecycle_state)
        .field("HealthStatus", "Healthy")
        .field("ProtectedFromScaleIn", false)
}

fn tag_item(group: &str, key: &str, value: &str) -> Element {
    Element::new("member")
        .field("ResourceId", group)
        .field("ResourceType", "auto-scaling-group")
        .field("Key", key)
        .field("Value", value)
        .field("PropagateAtLaunch", true)
}

fn hook_item(group: &str, hook: &Hook) -> Element {
    let longest = u64::from(hook.heartbeat_secs) * 100;
    Element::new("member")
        .field("LifecycleHookName", &hook.name)
        .field("AutoScalingGroupName", group)
        .field("LifecycleTransition", hook.transition.api_name())
        .field("HeartbeatTimeout", hook.heartbeat_secs)
        .field("GlobalTimeout", longest.min(172_800))
        .field(
            "DefaultResult",
            match hook.default_result {
                ActionResult::Continue => "CONTINUE",
                ActionResult::Abandon => "ABANDON",
            },
        )
}
