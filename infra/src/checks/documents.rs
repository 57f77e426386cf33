//! The custom resource and the pool document that it carries: the code reads all of both.

use std::collections::BTreeSet;

use registrar_core::address::AddressKind;
use registrar_core::custom_resource::{MEANT_FOR_CLOUDFORMATION, PROPERTIES};
use registrar_core::pool::{Fallback, Policy, Pool, PoolState, WhenEmpty};
use serde_json::Value;

use crate::parameters::text;
use crate::samples::{DNS_ROLE, on_stacks, sample};
use crate::stack::Stack;
use crate::template::Template;

/// Several documents at once, which a stack of one pool has no use for.
const NOT_NEEDED: &str = "Pools";

/// The custom resource has the properties that the code knows, and no other.
#[must_use]
pub fn properties(template: &Template) -> Vec<String> {
    let known: BTreeSet<&str> = PROPERTIES.iter().chain(MEANT_FOR_CLOUDFORMATION).copied().collect();
    on_stacks(template, |stack| {
        let mut problems = Vec::new();
        for resource in stack.resources.values().filter(|resource| resource.kind.starts_with("Custom::")) {
            let found = resource.properties.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
            let found: BTreeSet<&str> = found.collect();
            let unread = found.difference(&known).map(|name| format!("nobody reads the property {name}"));
            let missing = known.difference(&found).filter(|name| **name != NOT_NEEDED);
            problems.extend(unread.chain(missing.map(|name| format!("the property {name} is missing"))));
        }
        problems
    })
}

/// What a variation of the parameters has to do to the pool's policy.
type Expectation = (&'static [(&'static str, &'static str)], fn(&Policy) -> bool);

/// For each variation of the parameters, the document is a good one and says what they say.
#[must_use]
pub fn pools(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (given, expected) in expectations() {
        match policy(template, given) {
            Err(problem) => problems.push(format!("{given:?}: {problem}")),
            Ok(policy) if !expected(&policy) => {
                problems.push(format!("{given:?} make another policy than they say: {policy:?}"));
            }
            Ok(_) => {}
        }
    }
    problems
}

fn policy(template: &Template, given: &[(&str, &str)]) -> Result<Policy, String> {
    let stack = Stack::new(template, &sample(template, given), "us-east-1")
        .map_err(|refusals| refusals.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let custom = stack.resources.values().find(|resource| resource.kind.starts_with("Custom::"));
    let properties = &custom.ok_or("there is no custom resource")?.properties;
    let (_, parameter) = stack.documents().next().ok_or("there is no document")?;
    let name = text(&properties["PoolName"]).parse().map_err(|error| format!("{error:?}"))?;
    let document = text(&properties["PoolDocument"]);
    // A standard parameter holds 4 KB.
    if document.len() > 4096 {
        return Err(format!("the document has {} bytes", document.len()));
    }
    let same = |property: &str, found: &Value| {
        (properties[property] == *found).then_some(()).ok_or(property.to_owned())
    };
    let read: Value = serde_json::from_str(&document).map_err(|error| error.to_string())?;
    same("HostedZoneId", &read["record"]["hosted_zone_id"])?;
    let policy = Pool::read(name, &document).policy;
    let policy = policy.map_err(|error| format!("{error} (hint: {})", error.hint))?;
    if properties["PoolDocument"] != parameter.properties["Value"] {
        return Err("the custom resource carries another document than the parameter".to_owned());
    }
    Ok(policy)
}

fn expectations() -> Vec<Expectation> {
    vec![
        (&[], |policy| {
            let selector = policy.selector();
            policy.name.to_string().trim_end_matches('.') == "video.bos.edge.example.com"
                && policy.hosted_zone_id.to_string() == "Z0123456789ABCDEFGHIJ"
                && policy.ttl_secs == 20
                && policy.role_arn.is_none()
                && policy.address == AddressKind::CarrierIp
                && policy.when_empty == WhenEmpty::Remove
                && policy.state == PoolState::Active
                && policy.drain_hook.to_string() == "dns-drain"
                && selector.tags.get("edge-dns").map(String::as_str) == Some("video")
                && selector.tags.len() == 1
                && selector.wavelength_zones.is_empty()
                && selector.auto_scaling_groups.is_empty()
        }),
        (&[("WavelengthZones", "us-east-1-wl1-bos-wlz-1")], |policy| {
            policy.selector().wavelength_zones.len() == 1
        }),
        (&[("WavelengthZones", "us-east-1-wl1-bos-wlz-1,us-east-1-foe-wlz-1a")], |policy| {
            policy.selector().wavelength_zones.len() == 2
        }),
        (&[("AutoScalingGroupNames", "a"), ("SelectorTagKey", ""), ("SelectorTagValue", "")], |policy| {
            policy.selector().tags.is_empty() && policy.selector().auto_scaling_groups.len() == 1
        }),
        (&[("AutoScalingGroupNames", "a,b")], |policy| {
            policy.selector().tags.len() == 1 && policy.selector().auto_scaling_groups.len() == 2
        }),
        (&[("FallbackTarget", "192.0.2.1")], |policy| {
            policy.when_empty == WhenEmpty::Fallback && matches!(policy.fallback, Some(Fallback::Address(_)))
        }),
        (
            &[("FallbackTarget", "region.edge.example.com")],
            |policy| matches!(&policy.fallback, Some(Fallback::Alias(target)) if target.hosted_zone_id == "Z0123456789ABCDEFGHIJ"),
        ),
        (&[("AddressKind", "private-ip")], |policy| policy.address == AddressKind::PrivateIp),
        (&[("AddressKind", "public-ip")], |policy| policy.address == AddressKind::PublicIp),
        (&[("AddressKind", "customer-owned-ip")], |policy| policy.address == AddressKind::CustomerOwnedIp),
        (&[("PoolState", "paused"), ("TtlSeconds", "86400")], |policy| {
            policy.state == PoolState::Paused && policy.ttl_secs == 86_400
        }),
        (&[("PoolState", "retired"), ("PoolName", "audio-2")], |policy| policy.state == PoolState::Retired),
        (&[DNS_ROLE], |policy| {
            policy.role_arn.as_ref().map(ToString::to_string).as_deref() == Some(DNS_ROLE.1)
        }),
    ]
}
