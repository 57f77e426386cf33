//! The plan as JSON: schema `registrar-plan/1`.
//!
//! Its types are its own, so that a change of the plan's inside never changes what others parse.

use jiff::Timestamp;
use serde::Serialize;

use super::{Change, HeldBack, Plan, PoolPlan};
use crate::guard::HoldReason;
use crate::inventory::Gap;
use crate::record_set::{AliasTarget, ChangeAction};

/// The name and version of this schema.
const PLAN_SCHEMA: &str = "registrar-plan/1";

/// A plan as others read it.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    schema: &'static str,
    deployment: &'a str,
    observed_at: Timestamp,
    pools: Vec<PoolDocument<'a>>,
    gaps: &'a [Gap],
    notes: &'a [String],
}

#[derive(Debug, Serialize)]
struct PoolDocument<'a> {
    name: &'a str,
    changes: Vec<ChangeDocument<'a>>,
    held_back: Vec<HeldBackDocument<'a>>,
    errors: &'a [String],
}

#[derive(Debug, Serialize)]
struct ChangeDocument<'a> {
    action: ChangeAction,
    name: &'a str,
    r#type: String,
    set_identifier: Option<&'a str>,
    weight: Option<u8>,
    ttl_secs: Option<u32>,
    values: Vec<&'a str>,
    alias_target: Option<&'a AliasTarget>,
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
            pools: self.pools.iter().map(pool).collect(),
            gaps: &self.gaps,
            notes: &self.notes,
        }
    }
}

fn pool(pool: &PoolPlan) -> PoolDocument<'_> {
    PoolDocument {
        name: pool.name.as_str(),
        changes: pool.changes.iter().map(change).collect(),
        held_back: pool.held_back.iter().map(held_back).collect(),
        errors: &pool.errors,
    }
}

fn change(change: &Change) -> ChangeDocument<'_> {
    let record = &change.record;
    ChangeDocument {
        action: change.action,
        name: record.name.as_str(),
        r#type: record.r#type.to_string(),
        set_identifier: record.set_identifier.as_deref(),
        weight: record.weight,
        ttl_secs: record.ttl_secs,
        values: record.values().collect(),
        alias_target: record.alias_target.as_ref(),
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
