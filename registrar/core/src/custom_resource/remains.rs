//! What a deletion goes by: whatever the properties still tell of where the records are.
//!
//! A stack has to be deletable when its document is broken and its parameters are gone, so each property is read by
//! itself, and a document only for its hosted zone.

use std::collections::{BTreeMap, BTreeSet};

use super::properties::{Property, PropertyError, Sent, deployment, dns_role_arn, hosted_zone_id};
use crate::ids::{DeploymentName, HostedZoneId, PoolName, RoleArn};
use crate::json::raw::Fields;

/// What the properties tell of a deployment that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remains {
    /// The deployment, where it is not the function's own. One that cannot be read is nobody's.
    pub deployment: Result<Option<DeploymentName>, PropertyError>,
    /// The hosted zones that may hold its records, and the role that each is reached through.
    pub hosted_zones: BTreeMap<HostedZoneId, Option<RoleArn>>,
    /// The pools that are named.
    pub pools: BTreeSet<PoolName>,
    /// Properties that cannot be used, of which there was no need.
    pub problems: Vec<PropertyError>,
}

impl Remains {
    /// Reads what can be read of the JSON of a request's field, which may be absent.
    pub(super) fn read(raw: Option<&str>) -> Self {
        let mut remains = Self {
            deployment: Ok(None),
            hosted_zones: BTreeMap::new(),
            pools: BTreeSet::new(),
            problems: Vec::new(),
        };
        let Some(sent) = raw.and_then(Sent::parse) else { return remains };
        remains.deployment = deployment(&sent);
        let role = remains.or_problem(dns_role_arn(&sent));
        if let Some(id) = remains.or_problem(hosted_zone_id(&sent)) {
            remains.hosted_zones.insert(id, role);
        }
        remains.add(sent.raw(Property::PoolName).and_then(text), sent.raw(Property::PoolDocument));
        let several = sent.raw(Property::Pools).and_then(|raw| Fields::parse(raw).ok());
        for (name, document) in several.iter().flat_map(Fields::iter) {
            remains.add(Some(name.to_owned()), Some(document));
        }
        remains
    }

    fn or_problem<T>(&mut self, read: Result<Option<T>, PropertyError>) -> Option<T> {
        read.unwrap_or_else(|problem| {
            self.problems.push(problem);
            None
        })
    }

    fn add(&mut self, name: Option<String>, document: Option<&str>) {
        self.pools.extend(name.and_then(|name| name.parse().ok()));
        let Some((id, role)) = document.and_then(whereabouts) else { return };
        let known = self.hosted_zones.entry(id).or_default();
        // The stack's own property goes before a document's.
        *known = known.take().or(role);
    }
}

/// Returns the hosted zone and the role of a document, whether or not the rest can be used.
///
/// It is taken apart and not read as a whole, which would take many times its size.
fn whereabouts(raw: &str) -> Option<(HostedZoneId, Option<RoleArn>)> {
    let unquoted = text(raw);
    let document = Fields::parse(unquoted.as_deref().unwrap_or(raw)).ok()?;
    let record = Fields::parse(document.raw("record")?).ok()?;
    let id = record.text("hosted_zone_id")?.parse().ok()?;
    Some((id, record.text("role_arn").and_then(|role| role.parse().ok())))
}

fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const DNS: &str = "arn:aws:iam::123456789012:role/dns";
    const OTHER: &str = "arn:aws:iam::123456789012:role/other";

    fn read(properties: &Value) -> Remains {
        Remains::read(Some(&properties.to_string()))
    }

    fn zones(properties: &Value) -> Vec<(String, Option<String>)> {
        let found = read(properties).hosted_zones.into_iter();
        found.map(|(id, role)| (id.to_string(), role.map(|role| role.to_string()))).collect()
    }

    #[test]
    fn a_hosted_zone_is_known_from_its_property_and_from_every_document() {
        let document = json!({"record": {"hosted_zone_id": "Z2", "role_arn": OTHER}}).to_string();
        let found = zones(&json!({"HostedZoneId": "Z1", "DnsRoleArn": DNS, "PoolName": "video",
            "PoolDocument": document, "Pools": {"games": {"record": {"hosted_zone_id": "Z3"}}}}));
        let expected = [("Z1", Some(DNS)), ("Z2", Some(OTHER)), ("Z3", None)]
            .map(|(id, role)| (id.to_owned(), role.map(str::to_owned)));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_stacks_role_goes_before_a_documents_and_an_empty_one_is_none() {
        let document = json!({"record": {"hosted_zone_id": "Z1", "role_arn": OTHER}}).to_string();
        let with = |role: &str| {
            zones(&json!({"HostedZoneId": "Z1", "DnsRoleArn": role, "PoolName": "video",
                "PoolDocument": document}))
        };
        assert_eq!(with(DNS), [("Z1".to_owned(), Some(DNS.to_owned()))]);
        assert_eq!(with(""), [("Z1".to_owned(), Some(OTHER.to_owned()))]);
    }

    #[test]
    fn nothing_that_is_broken_hides_what_is_not() {
        let remains = read(&json!({"DeploymentName": "edge", "HostedZoneId": "Z1", "DnsRoleArn": "nonsense",
            "PoolName": "video", "PoolDocument": "{", "Pools": 7}));
        assert_eq!(remains.deployment, Ok(Some("edge".parse().unwrap())));
        assert_eq!(remains.hosted_zones, BTreeMap::from([("Z1".parse().unwrap(), None)]));
        assert_eq!(remains.pools, BTreeSet::from(["video".parse().unwrap()]));
        assert_eq!(remains.problems.len(), 1);
        // The document cannot be used as a policy, and still tells where the records are.
        let document = json!({"version": 9, "record": {"hosted_zone_id": "Z2", "ttl_secs": 0}}).to_string();
        let broken = json!({"PoolName": "video", "PoolDocument": document});
        assert_eq!(zones(&broken), [("Z2".to_owned(), None)]);
        assert!(read(&json!("text")).hosted_zones.is_empty());
        assert!(read(&json!({"DeploymentName": "Edge!"})).deployment.is_err());
    }
}
