//! The pool document as it is written: version 1, with its defaults and its JSON Schema.
//!
//! Types here are only as strict as JSON makes them; [`super::Policy`] holds the rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::policy::{PoolState, Routing, WhenEmpty};
use crate::address::AddressKind;

/// A pool document: which instances serve under which name, and what may be removed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Pool document")]
pub struct PoolDocument {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    pub version: i64,
    /// The records that the pool maintains.
    pub record: RecordSection,
    /// The instances that it selects; at least one selector is needed, and all given must match.
    pub members: MembersSection,
    /// The weights of weighted records.
    #[serde(default)]
    pub weight: WeightSection,
    /// What may be removed, and what happens to the last record.
    #[serde(default)]
    pub guard: GuardSection,
    /// How instances are drained.
    #[serde(default)]
    pub drain: DrainSection,
    /// What the registrar does with the pool.
    #[serde(default)]
    pub state: PoolState,
}

/// Where the records are and how Route 53 answers with them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordSection {
    /// The hosted zone's id, such as Z0123456789ABCDEFGHIJ.
    #[schemars(regex(pattern = r"^(/hostedzone/)?[A-Z0-9]{1,32}$"))]
    pub hosted_zone_id: String,
    /// The role that is assumed to read and change the hosted zone, where another account owns it.
    #[schemars(regex(pattern = r"^arn:aws[-a-z]*:iam::[0-9]{12}:role/[!-~]{1,576}$"))]
    pub role_arn: Option<String>,
    /// The name that clients ask for.
    #[schemars(length(min = 1, max = 1024))]
    pub name: String,
    /// Seconds that resolvers may keep an answer.
    #[serde(default = "default_ttl_secs")]
    #[schemars(range(min = 1, max = 86400))]
    pub ttl_secs: i64,
    /// How Route 53 chooses among the records.
    #[serde(default)]
    pub routing: Routing,
}

/// Which instances belong to the pool, and which of their addresses it publishes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MembersSection {
    /// Zones, of which an instance must be in one.
    #[serde(default)]
    pub wavelength_zones: Vec<String>,
    /// Tags, of which an instance must have all.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Auto Scaling groups, of which an instance must belong to one.
    #[serde(default)]
    pub auto_scaling_groups: Vec<String>,
    /// The kind of address that is published.
    #[serde(default)]
    pub address: AddressKind,
}

/// The weights of weighted records.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WeightSection {
    /// The weight of an instance that has no tag for it.
    #[schemars(range(min = 0, max = 255))]
    pub default: i64,
    /// The tag whose value is an instance's weight.
    pub tag: String,
}

/// What may be removed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSection {
    /// The budget for removals that nothing proves: whichever of the two figures allows more.
    pub max_removals: MaxRemovalsSection,
    /// What happens to the last record.
    pub when_empty: WhenEmpty,
    /// What serves when nothing else does; needed by, and only allowed with, `when_empty: fallback`.
    pub fallback: Option<FallbackSection>,
}

/// The removal budget.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MaxRemovalsSection {
    /// Percent of the pool's records.
    #[schemars(range(min = 0, max = 100))]
    pub percent: i64,
    /// Records.
    #[schemars(range(min = 0, max = 10000))]
    pub count: i64,
    /// Seconds over which removals are added up.
    #[schemars(range(min = 1, max = 86400))]
    pub window_secs: i64,
}

/// An IPv4 address, a name in the same hosted zone, or an alias target elsewhere.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum FallbackSection {
    /// An IPv4 address, or a name in the same hosted zone.
    AddressOrName(String),
    /// An alias target.
    Alias(AliasSection),
}

/// An alias target.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliasSection {
    /// The hosted zone of the target.
    pub hosted_zone_id: String,
    /// The name of the target.
    pub name: String,
    /// Whether the alias is healthy only when its target is.
    #[serde(default)]
    pub evaluate_target_health: bool,
}

/// How instances are drained.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DrainSection {
    /// The terminate lifecycle hook that waits for the pool's records to be gone.
    pub hook: String,
}

/// 20 s: the published reference design uses 30 s, which cannot be told from a resolver's stale answer
/// (RFC 8767 §5 recommends a TTL of 30 s on those).
fn default_ttl_secs() -> i64 {
    20
}

impl Default for WeightSection {
    fn default() -> Self {
        Self { default: 100, tag: "edge-dns-weight".to_owned() }
    }
}

impl Default for GuardSection {
    fn default() -> Self {
        Self { max_removals: MaxRemovalsSection::default(), when_empty: WhenEmpty::Remove, fallback: None }
    }
}

impl Default for MaxRemovalsSection {
    fn default() -> Self {
        Self { percent: 30, count: 2, window_secs: 900 }
    }
}

impl Default for DrainSection {
    fn default() -> Self {
        Self { hook: "dns-drain".to_owned() }
    }
}

/// Returns the JSON Schema of pool documents.
#[must_use]
pub fn json_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(PoolDocument).to_value();
    // serde reads what schemars cannot see: one of the three selectors must select something.
    schema["properties"]["members"]["anyOf"] = serde_json::json!([
        { "required": ["wavelength_zones"], "properties": { "wavelength_zones": { "minItems": 1 } } },
        { "required": ["tags"], "properties": { "tags": { "minProperties": 1 } } },
        { "required": ["auto_scaling_groups"], "properties": { "auto_scaling_groups": { "minItems": 1 } } },
    ]);
    schema
}
