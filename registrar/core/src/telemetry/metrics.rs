//! Which metrics an invocation has: names, units, dimensions and values.
//!
//! | metric | dimensions besides `Deployment` | published |
//! |---|---|---|
//! | `members` | `Pool`, `state` | `serving` always, so that nobody serving is a zero and not a silence |
//! | `records`, `blackholes_removed` | `Pool` | for each pool that was looked at |
//! | `changes` | `Pool`, `action` | where there are any |
//! | `held_back` | `Pool`, `reason` | where there are any |
//! | `held_back` | | whenever it looked, zero included |
//! | `gaps` | `source` | where there are any |
//! | `gaps` | | whenever it looked, zero included |
//! | `drains` | `outcome` | where there are any |
//! | `aws_calls` | `operation` | where there are any |
//! | `event_age_seconds` | | where an event has a time |
//! | `reconcile_seconds` | | where it looked |
//! | `reconciles` | | always: 1 for a look without a gap after which nothing was left to do, otherwise 0 |
//!
//! A pool whose document cannot be used has no members and records that anybody counted, so it has no such
//! metrics: a zero would be a claim.

use serde_json::{Number, Value, json};

use super::{InvocationEvent, PoolEvent, seconds};
use crate::ids::PoolName;
use crate::inventory::Gap;
use crate::standing::MemberState;
use jiff::SignedDuration;

/// One value of one metric.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) value: Value,
    /// In the order in which they are named to CloudWatch.
    pub(super) dimensions: Vec<(&'static str, String)>,
}

/// Returns the samples in groups that share their pool, the deployment's own first.
pub(super) fn samples(event: &InvocationEvent) -> Vec<Vec<Sample>> {
    let mut groups = vec![of_deployment(event)];
    groups.extend(event.pools.iter().map(|(name, pool)| of_pool(event, name, pool)));
    groups
}

fn of_deployment(event: &InvocationEvent) -> Vec<Sample> {
    let base = || vec![("Deployment", event.deployment.to_string())];
    let count = |name, value: usize| Sample { name, unit: "Count", value: json!(value), dimensions: base() };
    let of_kind = |name, key, kind: String, value: u64| {
        let mut dimensions = base();
        dimensions.push((key, kind));
        Sample { name, unit: "Count", value: json!(value), dimensions }
    };
    let in_seconds = |name, value: f64| {
        let value = Number::from_f64(value).map_or(Value::Null, Value::Number);
        Sample { name, unit: "Seconds", value, dimensions: base() }
    };
    let mut samples = vec![count("reconciles", usize::from(event.reconciled()))];
    if event.looked() {
        let held = event.pools.values().flat_map(|pool| pool.counts.held_back.values()).sum();
        samples.push(count("held_back", held));
        samples.push(count("gaps", event.gaps.len()));
    }
    if event.runs > 0 {
        let durations = &event.durations_ms;
        let millis = durations.observe.saturating_add(durations.plan).saturating_add(durations.execute);
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        samples.push(in_seconds("reconcile_seconds", seconds(SignedDuration::from_millis(millis))));
    }
    samples.extend(event.event_age_seconds.map(|age| in_seconds("event_age_seconds", age)));
    samples.extend(gaps(event).map(|(source, gaps)| of_kind("gaps", "source", source, gaps)));
    samples.extend(event.drains.iter().map(|(outcome, hooks)| {
        of_kind("drains", "outcome", outcome.to_string(), u64::try_from(*hooks).unwrap_or(u64::MAX))
    }));
    let calls = event.aws_calls.iter().filter(|(_, calls)| **calls > 0);
    samples.extend(calls.map(|(name, calls)| of_kind("aws_calls", "operation", name.clone(), *calls)));
    samples
}

fn gaps(event: &InvocationEvent) -> impl Iterator<Item = (String, u64)> {
    let mut by_source = std::collections::BTreeMap::new();
    for Gap { source, .. } in &event.gaps {
        *by_source.entry(*source).or_insert(0) += 1;
    }
    by_source.into_iter().map(|(source, gaps)| (source.to_string(), gaps))
}

fn of_pool(event: &InvocationEvent, name: &PoolName, pool: &PoolEvent) -> Vec<Sample> {
    let base = || vec![("Deployment", event.deployment.to_string()), ("Pool", name.to_string())];
    let count = |name, value: usize| Sample { name, unit: "Count", value: json!(value), dimensions: base() };
    let of_kind = |name, key, kind: String, value: usize| {
        let mut dimensions = base();
        dimensions.push((key, kind));
        Sample { name, unit: "Count", value: json!(value), dimensions }
    };
    let counts = &pool.counts;
    let mut samples = Vec::new();
    if pool.judged {
        let mut members = counts.members.clone();
        members.entry(MemberState::Serving).or_insert(0);
        samples.push(count("records", counts.records));
        samples.extend(
            members
                .into_iter()
                .map(|(state, members)| of_kind("members", "state", state.to_string(), members)),
        );
    }
    if pool.judged || pool.blackholes_removed > 0 {
        samples.push(count("blackholes_removed", pool.blackholes_removed));
    }
    let changes = counts.applied.iter();
    samples.extend(
        changes.map(|(action, changes)| {
            of_kind("changes", "action", action.to_string().to_lowercase(), *changes)
        }),
    );
    let held = counts.held_back.iter();
    samples.extend(held.map(|(reason, held)| of_kind("held_back", "reason", reason.to_string(), *held)));
    samples
}
