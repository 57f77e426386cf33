//! Which metrics an invocation has: names, units, dimensions and values.
//!
//! | metric | dimensions besides `Deployment` | published |
//! |---|---|---|
//! | `members` | `Pool`, `state` | `serving` always, so that nobody serving is a zero and not a silence |
//! | `records`, `blackholes_removed` | `Pool` | for each pool that was looked at |
//! | `changes` | `Pool`, `action` | where there are any |
//! | `held_back` | `Pool`, `reason` | where there are any |
//! | `held_back` | | by a sweep that looked, zero included |
//! | `gaps` | `source` | where there are any |
//! | `gaps` | | by a sweep that looked, zero included |
//! | `drains` | `outcome` | where there are any |
//! | `aws_calls` | `operation` | where there are any |
//! | `event_age_seconds` | | where an event has a time |
//! | `reconcile_seconds` | | where it looked |
//! | `reconciles` | | by a sweep: 1 for a look without a gap after which nothing was left to do, otherwise 0 |
//!
//! What alarms watch over the whole deployment comes from sweeps only. The look that an event asks for is at its own
//! pool, and would say of another, which is in trouble, that all is well.
//!
//! A pool whose document cannot be used has no members and records that anybody counted, so it has no such
//! metrics: a zero would be a claim.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Value, json};

use super::{InvocationEvent, PoolEvent, seconds};
use crate::ids::PoolName;
use crate::inventory::GapSource;
use crate::standing::MemberState;

/// A metric with one set of dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, as CloudWatch writes it.
    pub unit: &'static str,
    /// The keys of its dimensions, in the order in which they are named to CloudWatch.
    pub dimensions: &'static [&'static str],
}

/// Every metric, once for each set of dimensions: what is not here is not published.
pub const METRICS: &[Metric] = &[
    Metric { name: "reconciles", unit: COUNT, dimensions: &[DEPLOYMENT] },
    Metric { name: "held_back", unit: COUNT, dimensions: &[DEPLOYMENT] },
    Metric { name: "gaps", unit: COUNT, dimensions: &[DEPLOYMENT] },
    Metric { name: "reconcile_seconds", unit: SECONDS, dimensions: &[DEPLOYMENT] },
    Metric { name: "event_age_seconds", unit: SECONDS, dimensions: &[DEPLOYMENT] },
    Metric { name: "gaps", unit: COUNT, dimensions: &[DEPLOYMENT, "source"] },
    Metric { name: "drains", unit: COUNT, dimensions: &[DEPLOYMENT, "outcome"] },
    Metric { name: "aws_calls", unit: COUNT, dimensions: &[DEPLOYMENT, "operation"] },
    Metric { name: "records", unit: COUNT, dimensions: &[DEPLOYMENT, POOL] },
    Metric { name: "members", unit: COUNT, dimensions: &[DEPLOYMENT, POOL, "state"] },
    Metric { name: "blackholes_removed", unit: COUNT, dimensions: &[DEPLOYMENT, POOL] },
    Metric { name: "changes", unit: COUNT, dimensions: &[DEPLOYMENT, POOL, "action"] },
    Metric { name: "held_back", unit: COUNT, dimensions: &[DEPLOYMENT, POOL, "reason"] },
];

const COUNT: &str = "Count";
const SECONDS: &str = "Seconds";
const DEPLOYMENT: &str = "Deployment";
const POOL: &str = "Pool";

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

/// Samples that share their first dimensions.
struct Group {
    dimensions: Vec<(&'static str, String)>,
    samples: Vec<Sample>,
}

impl Group {
    fn new(dimensions: Vec<(&'static str, String)>) -> Self {
        Self { dimensions, samples: Vec::new() }
    }

    /// Adds a value of a metric that is in the list with these dimensions.
    fn add(&mut self, name: &'static str, value: Value, dimensions: Vec<(&'static str, String)>) {
        let has_these_keys = |metric: &&Metric| {
            metric.name == name && metric.dimensions.iter().eq(dimensions.iter().map(|(key, _)| key))
        };
        let listed = METRICS.iter().find(has_these_keys);
        debug_assert!(listed.is_some(), "{name} is in no list with {dimensions:?}");
        if let Some(metric) = listed {
            self.samples.push(Sample { name, unit: metric.unit, value, dimensions });
        }
    }

    fn put(&mut self, name: &'static str, value: impl Serialize) {
        self.add(name, json!(value), self.dimensions.clone());
    }

    fn by_kind<K: ToString, V: Serialize>(
        &mut self,
        name: &'static str,
        key: &'static str,
        values: impl IntoIterator<Item = (K, V)>,
    ) {
        for (kind, value) in values {
            let mut dimensions = self.dimensions.clone();
            dimensions.push((key, kind.to_string()));
            self.add(name, json!(value), dimensions);
        }
    }
}

fn of_deployment(event: &InvocationEvent) -> Vec<Sample> {
    let mut group = Group::new(vec![(DEPLOYMENT, event.deployment.to_string())]);
    if event.is_sweep() {
        group.put("reconciles", usize::from(event.reconciled()));
    }
    if event.is_sweep() && event.looked() {
        let held_back = event.pools.values().flat_map(|pool| pool.counts.held_back.values());
        group.put("held_back", held_back.sum::<usize>());
        group.put("gaps", event.gaps.len());
    }
    if event.runs > 0 {
        let durations = &event.durations_ms;
        let millis = durations.observe.saturating_add(durations.plan).saturating_add(durations.execute);
        let duration = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        group.put("reconcile_seconds", seconds(duration));
    }
    if let Some(age) = event.event_age_seconds {
        group.put("event_age_seconds", age);
    }
    let mut gaps: BTreeMap<GapSource, usize> = BTreeMap::new();
    for gap in &event.gaps {
        *gaps.entry(gap.source).or_insert(0) += 1;
    }
    group.by_kind("gaps", "source", gaps);
    group.by_kind("drains", "outcome", &event.drains);
    group.by_kind("aws_calls", "operation", event.aws_calls.iter().filter(|(_, calls)| **calls > 0));
    group.samples
}

fn of_pool(event: &InvocationEvent, name: &PoolName, pool: &PoolEvent) -> Vec<Sample> {
    let dimensions = vec![(DEPLOYMENT, event.deployment.to_string()), (POOL, name.to_string())];
    let mut group = Group::new(dimensions);
    let counts = &pool.counts;
    if pool.judged {
        let mut members = counts.members.clone();
        members.entry(MemberState::Serving).or_insert(0);
        group.put("records", counts.records);
        group.by_kind("members", "state", members);
    }
    if pool.judged || pool.blackholes_removed > 0 {
        group.put("blackholes_removed", pool.blackholes_removed);
    }
    let changes = counts.applied.iter();
    group.by_kind(
        "changes",
        "action",
        changes.map(|(action, changes)| (action.to_string().to_lowercase(), changes)),
    );
    group.by_kind("held_back", "reason", &counts.held_back);
    group.samples
}
