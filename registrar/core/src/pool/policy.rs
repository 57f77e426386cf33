//! The validated policy of a pool: every value in it is one that Route 53 and EC2 accept.
//!
//! It is built from a document and in no other way; it does not look at instances or records.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::{AliasSection, FallbackSection, PoolDocument};
use crate::address::AddressKind;
use crate::ids::{AutoScalingGroupName, HostedZoneId, InvalidId, LifecycleHookName, RoleArn, WavelengthZone};
use crate::inventory::{Instance, fleet::GROUP_TAG};
use crate::json;
use crate::name::RecordName;
use crate::record_set::AliasTarget;

/// The largest document, in bytes: a standard SSM parameter holds 4 KB, an advanced one 8 KB.
const LARGEST_DOCUMENT: usize = 8 * 1024;

/// How Route 53 chooses among a pool's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Routing {
    /// One record for each instance, answered in proportion to its weight.
    #[default]
    Weighted,
    /// One record for each instance, of which up to eight are answered.
    Multivalue,
    /// One record set with all addresses.
    Simple,
}

/// What happens to a pool's last record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenEmpty {
    /// It is removed like any other, and the name stops answering.
    #[default]
    Remove,
    /// It stays, whatever is known of its instance.
    KeepLast,
    /// A weight-0 record serves exactly when nothing else does (weighted only).
    Fallback,
}

/// What the registrar does with a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PoolState {
    /// Keeps its records in step with the fleet.
    #[default]
    Active,
    /// Looks, and changes nothing.
    Paused,
    /// Removes what the pool owns, and then does nothing.
    Retired,
}

/// What stands behind a pool when no member serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// An address.
    Address(Ipv4Addr),
    /// Another name.
    Alias(AliasTarget),
}

/// How many records may go, over a rolling window, without proof that their instances are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovalLimit {
    /// Percent of the pool's records.
    pub percent: u8,
    /// Records.
    pub count: u32,
    /// The rolling window.
    pub window: SignedDuration,
}

impl RemovalLimit {
    /// Returns how many of `records` may go within one window: whichever figure allows more, since a
    /// percentage alone protects everything or nothing in a fleet of four.
    #[must_use]
    pub fn of(&self, records: usize) -> usize {
        let by_percent = records * usize::from(self.percent) / 100;
        by_percent.max(self.count as usize)
    }
}

/// Which instances a pool selects: in any of the zones, with all of the tags, in any of the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Zones, of which an instance must be in one.
    pub wavelength_zones: Vec<WavelengthZone>,
    /// Tags, of which an instance must have all.
    pub tags: BTreeMap<String, String>,
    /// Auto Scaling groups, of which an instance must belong to one.
    pub auto_scaling_groups: Vec<AutoScalingGroupName>,
}

/// A pool's validated policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The hosted zone of its records.
    pub hosted_zone_id: HostedZoneId,
    /// The role that is assumed to read and change the hosted zone, where another account owns it.
    pub role_arn: Option<RoleArn>,
    /// The name that clients ask for.
    pub name: RecordName,
    /// The TTL, 1 to 86,400 s.
    pub ttl_secs: u32,
    /// How Route 53 chooses among its records.
    pub routing: Routing,
    /// The kind of address that it publishes.
    pub address: AddressKind,
    /// The weight of an instance without a weight tag.
    pub default_weight: u8,
    /// The tag that holds an instance's weight.
    pub weight_tag: String,
    /// The removal budget.
    pub max_removals: RemovalLimit,
    /// What happens to the last record.
    pub when_empty: WhenEmpty,
    /// What serves when nothing else does; there exactly with `WhenEmpty::Fallback`.
    pub fallback: Option<Fallback>,
    /// The lifecycle hook that waits for its records to be gone.
    pub drain_hook: LifecycleHookName,
    /// What the registrar does with the pool.
    pub state: PoolState,
    selector: Selector,
}

/// What is wrong with a pool document: where, what, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct DocumentError {
    /// The JSON path, with the line where the text could not be read.
    pub path: String,
    /// What is wrong, naming the value.
    pub problem: String,
    /// What to do about it.
    pub hint: String,
}

impl DocumentError {
    /// Describes a problem at a JSON path.
    #[must_use]
    pub fn new(path: impl Into<String>, problem: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into(), hint: hint.into() }
    }
}

impl Policy {
    /// Reads a document and validates it.
    ///
    /// # Errors
    /// When the document is not JSON, has an unknown key or version, or a value out of range.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        if text.len() > LARGEST_DOCUMENT {
            let problem = format!("the document has {} bytes, more than an SSM parameter holds", text.len());
            return Err(DocumentError::new(".", problem, format!("keep it under {LARGEST_DOCUMENT} bytes")));
        }
        check_version(text)?;
        let document: PoolDocument = json::parse(text).map_err(|error| unreadable(&error))?;
        Self::try_from(document)
    }

    /// Says whether the pool selects an instance, given the Auto Scaling group that it belongs to.
    #[must_use]
    pub fn selects(&self, instance: &Instance, group: Option<&AutoScalingGroupName>) -> bool {
        let selector = &self.selector;
        let any = |wanted: bool, empty: bool| empty || wanted;
        let in_zone = instance.zone.as_ref().is_some_and(|zone| selector.wavelength_zones.contains(zone));
        let in_group = group.is_some_and(|group| selector.auto_scaling_groups.contains(group));
        any(in_zone, selector.wavelength_zones.is_empty())
            && any(in_group, selector.auto_scaling_groups.is_empty())
            && selector.tags.iter().all(|(key, value)| instance.tags.get(key) == Some(value))
    }

    /// Returns which instances the pool selects.
    #[must_use]
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Returns the smallest weight that a member may have: with a weight-0 fallback beside them, members
    /// of weight 0 would share its place.
    #[must_use]
    pub fn smallest_weight(&self) -> u8 {
        u8::from(self.when_empty == WhenEmpty::Fallback)
    }
}

fn check_version(text: &str) -> Result<(), DocumentError> {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<serde_json::Value>,
    }
    let versioned: Versioned = json::parse(text).map_err(|error| unreadable(&error))?;
    match versioned.version {
        Some(version) if version == 1 => Ok(()),
        Some(version) => Err(DocumentError::new(
            "version",
            format!("{version} is not a version that this release reads"),
            "write \"version\": 1, or use a newer release",
        )),
        None => Err(DocumentError::new("version", "is missing", "write \"version\": 1")),
    }
}

fn unreadable(error: &json::JsonError) -> DocumentError {
    let path = if error.path == "." { String::new() } else { format!("{}: ", error.path) };
    DocumentError::new(
        format!("{path}line {}, column {}", error.line, error.column),
        error.problem.clone(),
        "`registrar pool schema` prints what a document may hold",
    )
}

fn id<T: FromStr<Err = InvalidId>>(path: &str, value: &str, hint: &str) -> Result<T, DocumentError> {
    value.parse().map_err(|error: InvalidId| DocumentError::new(path, error.to_string(), hint))
}

fn number<T: TryFrom<i64>>(path: &str, value: i64, from: i64, to: i64) -> Result<T, DocumentError> {
    let error = || {
        let problem = format!("{value} is not a whole number from {from} to {to}");
        DocumentError::new(path, problem, format!("choose a number from {from} to {to}"))
    };
    if !(from..=to).contains(&value) {
        return Err(error());
    }
    T::try_from(value).map_err(|_| error())
}

impl TryFrom<PoolDocument> for Policy {
    type Error = DocumentError;

    fn try_from(document: PoolDocument) -> Result<Self, DocumentError> {
        let record = &document.record;
        let hosted_zone =
            record.hosted_zone_id.strip_prefix("/hostedzone/").unwrap_or(&record.hosted_zone_id);
        let max_removals = &document.guard.max_removals;
        let policy = Self {
            hosted_zone_id: id("record.hosted_zone_id", hosted_zone, "use the id that Route 53 shows")?,
            role_arn: match &record.role_arn {
                Some(arn) => Some(id("record.role_arn", arn, "use the ARN that IAM shows")?),
                None => None,
            },
            name: record_name(&record.name)?,
            ttl_secs: number("record.ttl_secs", record.ttl_secs, 1, 86_400)?,
            routing: record.routing,
            address: document.members.address,
            default_weight: number("weight.default", document.weight.default, 0, 255)?,
            weight_tag: tag_key("weight.tag", &document.weight.tag)?,
            max_removals: RemovalLimit {
                percent: number("guard.max_removals.percent", max_removals.percent, 0, 100)?,
                count: number("guard.max_removals.count", max_removals.count, 0, 10_000)?,
                window: SignedDuration::from_secs(number(
                    "guard.max_removals.window_secs",
                    max_removals.window_secs,
                    1,
                    86_400,
                )?),
            },
            when_empty: document.guard.when_empty,
            fallback: fallback(&document)?,
            drain_hook: id(
                "drain.hook",
                &document.drain.hook,
                "use the hook's name as Auto Scaling shows it",
            )?,
            state: document.state,
            selector: selector(&document)?,
        };
        check_fallback(policy)
    }
}

fn record_name(text: &str) -> Result<RecordName, DocumentError> {
    let name: RecordName = id("record.name", text, "use the full name that clients ask for")?;
    if name.as_str().contains('\\') {
        let problem = format!("{text:?} is a wildcard or has characters that host names do not have");
        return Err(DocumentError::new("record.name", problem, "use letters, digits, - and _ only"));
    }
    if name.labels().next() == Some(crate::owner::OWNER_LABEL) {
        let problem = format!("{text:?} is where the owner marks of another name would stand");
        return Err(DocumentError::new("record.name", problem, "use another first label"));
    }
    if name.child(crate::owner::OWNER_LABEL).is_err() {
        let problem = format!("{text:?} leaves no room for the names of its owner marks and leaves below it");
        return Err(DocumentError::new("record.name", problem, "use a name of at most 230 characters"));
    }
    Ok(name)
}

fn tag_key(path: &str, key: &str) -> Result<String, DocumentError> {
    // EC2 user guide, "Tag restrictions": keys have 1 to 128 characters.
    if (1..=128).contains(&key.chars().count()) {
        return Ok(key.to_owned());
    }
    Err(DocumentError::new(path, format!("{key:?} is not a tag key"), "a key has 1 to 128 characters"))
}

fn selector(document: &PoolDocument) -> Result<Selector, DocumentError> {
    let members = &document.members;
    if members.wavelength_zones.is_empty()
        && members.tags.is_empty()
        && members.auto_scaling_groups.is_empty()
    {
        return Err(DocumentError::new(
            "members",
            "selects nothing in particular",
            "give wavelength_zones, tags or auto_scaling_groups; a pool never selects every instance",
        ));
    }
    for key in members.tags.keys() {
        tag_key("members.tags", key)?;
    }
    let mut selector = Selector { tags: members.tags.clone(), ..Selector::default() };
    for (index, zone) in members.wavelength_zones.iter().enumerate() {
        let path = format!("members.wavelength_zones[{index}]");
        selector.wavelength_zones.push(id(&path, zone, "use the zone's name as EC2 shows it")?);
    }
    for (index, group) in members.auto_scaling_groups.iter().enumerate() {
        let path = format!("members.auto_scaling_groups[{index}]");
        selector.auto_scaling_groups.push(id(&path, group, "use the group's name as Auto Scaling shows it")?);
    }
    if let Some(group) = selector.tags.get(GROUP_TAG) {
        let problem = format!("selects by the tag {GROUP_TAG}, which says nothing of the group's own view");
        let hint = format!("write \"auto_scaling_groups\": [{group:?}] instead");
        return Err(DocumentError::new("members.tags", problem, hint));
    }
    Ok(selector)
}

fn fallback(document: &PoolDocument) -> Result<Option<Fallback>, DocumentError> {
    const PATH: &str = "guard.fallback";
    let hint = "give an IPv4 address, a name in the hosted zone, or {\"hosted_zone_id\", \"name\"}";
    let alias = |alias: AliasSection| -> Result<Fallback, DocumentError> {
        let zone: HostedZoneId = id(PATH, &alias.hosted_zone_id, hint)?;
        Ok(Fallback::Alias(AliasTarget {
            hosted_zone_id: zone.to_string(),
            dns_name: id(PATH, &alias.name, hint)?,
            evaluate_target_health: alias.evaluate_target_health,
        }))
    };
    match document.guard.fallback.clone() {
        None => Ok(None),
        Some(FallbackSection::Alias(section)) => alias(section).map(Some),
        Some(FallbackSection::AddressOrName(text)) => match text.parse() {
            Ok(address) => Ok(Some(Fallback::Address(address))),
            Err(_) => {
                let hosted_zone_id = document.record.hosted_zone_id.clone();
                let hosted_zone_id = hosted_zone_id.trim_start_matches("/hostedzone/").to_owned();
                alias(AliasSection { hosted_zone_id, name: text, evaluate_target_health: false }).map(Some)
            }
        },
    }
}

fn check_fallback(policy: Policy) -> Result<Policy, DocumentError> {
    let wanted = policy.when_empty == WhenEmpty::Fallback;
    let error = |path: &str, problem: &str, hint: &str| Err(DocumentError::new(path, problem, hint));
    match (&policy.fallback, wanted) {
        (None, true) => error(
            "guard.fallback",
            "is missing",
            "\"when_empty\": \"fallback\" needs the address or name that serves then",
        ),
        (Some(_), false) => error(
            "guard.fallback",
            "is there, but guard.when_empty is not \"fallback\"",
            "set guard.when_empty to \"fallback\", or leave guard.fallback out",
        ),
        (Some(_), true) if policy.routing != Routing::Weighted => error(
            "guard.when_empty",
            "\"fallback\" needs weighted routing: it is a record of weight 0",
            "set record.routing to \"weighted\", or guard.when_empty to \"keep-last\"",
        ),
        (Some(_), true) if policy.default_weight == 0 => error(
            "weight.default",
            "0 is the fallback's weight",
            "choose a number from 1 to 255 with \"when_empty\": \"fallback\"",
        ),
        (Some(Fallback::Alias(target)), true) if target.dns_name == policy.name => {
            error("guard.fallback", "is the pool's own name", "name something that serves without this pool")
        }
        (None, false) | (Some(_), true) => Ok(policy),
    }
}

impl fmt::Display for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Weighted => "weighted",
            Self::Multivalue => "multivalue",
            Self::Simple => "simple",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"video.bos.edge.example.com"},"members":{"tags":{"edge-dns":"video"}}}"#;

    fn parse_with(path: &[&str], value: serde_json::Value) -> Result<Policy, DocumentError> {
        let mut document: serde_json::Value = serde_json::from_str(MINIMAL).unwrap();
        let mut place = &mut document;
        for key in path {
            place = &mut place[*key];
        }
        *place = value;
        Policy::parse(&document.to_string())
    }

    #[test]
    fn what_is_left_out_defaults_to_the_documented_values() {
        let policy = Policy::parse(MINIMAL).unwrap();
        assert_eq!((policy.ttl_secs, policy.default_weight, policy.routing), (20, 100, Routing::Weighted));
        assert_eq!(
            policy.max_removals,
            RemovalLimit { percent: 30, count: 2, window: SignedDuration::from_secs(900) }
        );
        assert_eq!((policy.when_empty, policy.state), (WhenEmpty::Remove, PoolState::Active));
        assert_eq!(
            (policy.weight_tag.as_str(), policy.drain_hook.as_str()),
            ("edge-dns-weight", "dns-drain")
        );
        assert_eq!(policy.address, AddressKind::CarrierIp);
    }

    #[test]
    fn values_out_of_range_are_refused_with_path_value_and_hint() {
        let cases: [(&[&str], serde_json::Value, &str, &str); 13] = [
            (&["record", "ttl_secs"], 0.into(), "record.ttl_secs", "0"),
            (&["record", "ttl_secs"], 86_401.into(), "record.ttl_secs", "86401"),
            (&["weight", "default"], 256.into(), "weight.default", "256"),
            (&["weight", "default"], (-1).into(), "weight.default", "-1"),
            (&["record", "name"], "a..b".into(), "record.name", "a..b"),
            (&["record", "name"], "*.example.com".into(), "record.name", "*.example.com"),
            (&["record", "hosted_zone_id"], "zone".into(), "record.hosted_zone_id", "zone"),
            (&["record", "role_arn"], "edge-dns".into(), "record.role_arn", "edge-dns"),
            (&["guard", "max_removals", "percent"], 101.into(), "guard.max_removals.percent", "101"),
            (&["version"], 2.into(), "version", "2"),
            (&["members", "tags"], serde_json::json!({}), "members", "nothing"),
            (&["guard", "when_empty"], "fallback".into(), "guard.fallback", "missing"),
            (&["guard", "fallback"], "192.0.2.1".into(), "guard.fallback", "when_empty"),
        ];
        for (path, value, expected_path, mentioned) in cases {
            let error = parse_with(path, value).unwrap_err();
            assert_eq!(error.path, expected_path, "{error}");
            assert!(error.problem.contains(mentioned), "{error}");
            assert!(!error.hint.is_empty());
        }
    }

    #[test]
    fn a_role_is_assumed_only_where_the_document_names_one() {
        assert_eq!(Policy::parse(MINIMAL).unwrap().role_arn, None);
        let arn = "arn:aws:iam::123456789012:role/edge-dns";
        let policy = parse_with(&["record", "role_arn"], arn.into()).unwrap();
        assert_eq!(policy.role_arn, Some(arn.parse().unwrap()));
    }

    #[test]
    fn unknown_keys_and_wrong_types_name_their_path_and_line() {
        let error = parse_with(&["record", "tll_secs"], 20.into()).unwrap_err();
        assert!(error.path.starts_with("record.tll_secs: line 1"), "{error}");
        assert!(error.problem.contains("unknown field `tll_secs`"), "{error}");
        let error = parse_with(&["record", "ttl_secs"], "20".into()).unwrap_err();
        assert!(error.path.starts_with("record.ttl_secs: line 1"), "{error}");
        let error = parse_with(&["state"], "off".into()).unwrap_err();
        assert!(error.problem.contains("`off`") && error.problem.contains("`retired`"), "{error}");
    }

    #[test]
    fn a_fallback_is_an_address_or_an_alias() {
        let with = |fallback: serde_json::Value| {
            parse_with(&["guard"], serde_json::json!({"when_empty": "fallback", "fallback": fallback}))
        };
        assert_eq!(
            with("192.0.2.1".into()).unwrap().fallback,
            Some(Fallback::Address(Ipv4Addr::new(192, 0, 2, 1)))
        );
        let Some(Fallback::Alias(alias)) = with("region.example.com".into()).unwrap().fallback else {
            panic!("a name is not an alias");
        };
        assert_eq!(alias.hosted_zone_id, "Z0123456789ABCDEFGHIJ");
        let elsewhere = serde_json::json!({"hosted_zone_id": "Z35SXDOTRQ7X7K", "name": "lb.example.net"});
        assert!(matches!(with(elsewhere).unwrap().fallback, Some(Fallback::Alias(_))));
        assert!(with("video.bos.edge.example.com".into()).is_err());
    }

    #[test]
    fn the_budget_is_whichever_figure_allows_more() {
        let limit = RemovalLimit { percent: 30, count: 2, window: SignedDuration::from_secs(900) };
        assert_eq!([1, 4, 6, 10, 20, 100].map(|records| limit.of(records)), [2, 2, 2, 3, 6, 30]);
    }

    #[test]
    fn documents_that_are_not_json_name_the_line() {
        let error = Policy::parse("{\n  \"version\": 1,\n").unwrap_err();
        assert!(error.path.contains("line 3"), "{error}");
    }
}
