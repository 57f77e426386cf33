//! The plan as JSON: schema `registrar-plan/1`.
//!
//! Its types are its own, so that a change of the plan's inside never changes what others parse.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::checksum::of_set;
use super::{Change, Checksum, Forecast, HeldBack, Plan, PoolPlan, RouteBudget};
use crate::guard::HoldReason;
use crate::ids::HostedZoneId;
use crate::inventory::Gap;
use crate::record_set::{AliasTarget, ChangeAction, RecordSet, SetKey};

/// The name and version of this schema.
pub(super) const PLAN_SCHEMA: &str = "registrar-plan/1";

/// A plan as others read it.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    schema: &'static str,
    deployment: &'a str,
    observed_at: Timestamp,
    checksum: Checksum,
    pools: Vec<PoolDocument<'a>>,
    gaps: &'a [Gap],
    notes: &'a [String],
    forecast: Forecast,
    observed: Vec<ObservedDocument<'a>>,
}

/// A set that the changes touch, as it was read.
#[derive(Debug, Serialize)]
struct ObservedDocument<'a> {
    hosted_zone_id: &'a str,
    name: &'a str,
    r#type: String,
    records: usize,
    checksum: Checksum,
}

#[derive(Debug, Serialize)]
struct PoolDocument<'a> {
    name: &'a str,
    changes: Vec<ChangeDocument<'a>>,
    held_back: Vec<HeldBackDocument<'a>>,
    errors: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    release_used: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ChangeDocument<'a> {
    action: ChangeAction,
    hosted_zone_id: &'a str,
    name: &'a str,
    r#type: String,
    set_identifier: Option<&'a str>,
    weight: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_answer: Option<bool>,
    ttl_secs: Option<u32>,
    values: Vec<&'a str>,
    alias_target: Option<&'a AliasTarget>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_id: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other: &'a BTreeMap<String, Value>,
    evidence: &'a str,
}

#[derive(Debug, Serialize)]
struct HeldBackDocument<'a> {
    set_identifier: Option<&'a str>,
    reason: HoldReason,
    detail: &'a str,
    difference: Option<&'a str>,
    hint: Option<&'a str>,
}

impl Plan {
    /// Returns the plan in its versioned JSON form.
    #[must_use]
    pub fn to_document(&self) -> PlanDocument<'_> {
        PlanDocument {
            schema: PLAN_SCHEMA,
            deployment: self.deployment.as_str(),
            observed_at: self.observed_at,
            checksum: self.checksum(),
            pools: self.pools.iter().map(pool).collect(),
            gaps: &self.gaps,
            notes: &self.notes,
            forecast: self.forecast(RouteBudget::default()),
            observed: self.observed.iter().map(observed).collect(),
        }
    }
}

fn pool(pool: &PoolPlan) -> PoolDocument<'_> {
    PoolDocument {
        name: pool.name.as_str(),
        changes: pool.changes.iter().map(change).collect(),
        held_back: pool.held_back.iter().map(held_back).collect(),
        errors: &pool.errors,
        release_used: pool.release_used.as_deref(),
    }
}

fn observed<'a>(
    ((zone, set), records): (&'a (HostedZoneId, SetKey), &'a Vec<Arc<RecordSet>>),
) -> ObservedDocument<'a> {
    ObservedDocument {
        hosted_zone_id: zone.as_str(),
        name: set.name.as_str(),
        r#type: set.r#type.to_string(),
        records: records.len(),
        checksum: of_set(records),
    }
}

fn change((hosted_zone_id, change): &(HostedZoneId, Change)) -> ChangeDocument<'_> {
    let record = &change.record;
    ChangeDocument {
        action: change.action,
        hosted_zone_id: hosted_zone_id.as_str(),
        name: record.name.as_str(),
        r#type: record.r#type.to_string(),
        set_identifier: record.set_identifier.as_deref(),
        weight: record.weight,
        multi_value_answer: record.multi_value_answer,
        ttl_secs: record.ttl_secs,
        values: record.values().collect(),
        alias_target: record.alias_target.as_ref(),
        health_check_id: record.health_check_id.as_deref(),
        other: &record.other,
        evidence: &change.evidence,
    }
}

fn held_back(held: &HeldBack) -> HeldBackDocument<'_> {
    HeldBackDocument {
        set_identifier: held.set_identifier.as_deref(),
        reason: held.reason(),
        detail: &held.hold.detail,
        difference: held.difference.as_deref(),
        hint: held.hold.hint.as_deref(),
    }
}
