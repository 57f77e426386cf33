//! A plan that somebody reviewed as JSON, held against the plan that is to be applied.
//!
//! It says what differs, and never changes a plan: whoever applies decides what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::Plan;
use super::checksum::of_set;
use super::json::PLAN_SCHEMA;
use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::json::{self, JsonError};
use crate::name::RecordName;
use crate::record_set::{
    AliasTarget, ChangeAction, RecordKey, RecordSet, RecordType, ResourceRecord, SetKey,
};
use crate::site::Place;

/// How many differences are spelled out.
const SHOWN: usize = 10;

/// A plan as it was reviewed.
#[derive(Clone, Debug)]
pub struct ReviewedPlan {
    deployment: DeploymentName,
    checksum: String,
    pools: BTreeSet<PoolName>,
    changes: Changes,
    observed: BTreeMap<(HostedZoneId, SetKey), SetForm>,
}

type Changes = BTreeMap<(HostedZoneId, ChangeAction, RecordKey), Vec<RecordSet>>;

/// A file that is no reviewed plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It is not the JSON form of a plan.
    #[error("it is not a plan: {0} (hint: keep what `registrar plan --format json` prints)")]
    Malformed(JsonError),
    /// It has another schema.
    #[error("its schema is {0:?} and not {PLAN_SCHEMA:?} (hint: plan again with this release)")]
    Schema(String),
}

/// How the world moved between the review of a plan and its application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct MovedWorld {
    /// What differs, a line each; at most ten of them.
    pub differences: Vec<String>,
    /// How many more there are.
    pub more: usize,
}

impl fmt::Display for MovedWorld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the world is not as it was reviewed: {}", self.differences.join("; "))?;
        if self.more > 0 { write!(f, "; and {} more", self.more) } else { Ok(()) }
    }
}

#[derive(Deserialize)]
struct Form {
    deployment: DeploymentName,
    checksum: String,
    pools: Vec<PoolForm>,
    observed: Vec<SetForm>,
}

#[derive(Deserialize)]
struct PoolForm {
    name: PoolName,
    changes: Vec<ChangeForm>,
}

#[derive(Deserialize)]
struct ChangeForm {
    hosted_zone_id: HostedZoneId,
    action: ChangeAction,
    name: RecordName,
    r#type: RecordType,
    set_identifier: Option<String>,
    weight: Option<u8>,
    multi_value_answer: Option<bool>,
    ttl_secs: Option<u32>,
    values: Vec<String>,
    alias_target: Option<AliasTarget>,
    health_check_id: Option<String>,
    #[serde(default)]
    other: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
struct SetForm {
    hosted_zone_id: HostedZoneId,
    name: RecordName,
    r#type: RecordType,
    records: usize,
    checksum: String,
}

impl ReviewedPlan {
    /// Reads what `registrar plan --format json` printed.
    ///
    /// # Errors
    /// When it is not that, or another release's.
    pub fn parse(text: &str) -> Result<Self, ReviewError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let Versioned { schema } = json::parse(text).map_err(ReviewError::Malformed)?;
        if schema != PLAN_SCHEMA {
            return Err(ReviewError::Schema(schema.chars().take(80).collect()));
        }
        let form: Form = json::parse(text).map_err(ReviewError::Malformed)?;
        let mut pools = BTreeSet::new();
        let mut changes = Changes::new();
        for pool in form.pools {
            pools.insert(pool.name);
            for change in pool.changes {
                let (zone, action) = (change.hosted_zone_id.clone(), change.action);
                let record = change.into_record();
                changes.entry((zone, action, record.key())).or_default().push(record);
            }
        }
        let set = |set: SetForm| {
            let key = SetKey { name: set.name.clone(), r#type: set.r#type.clone() };
            ((set.hosted_zone_id.clone(), key), set)
        };
        let observed = form.observed.into_iter().map(set).collect();
        Ok(Self { deployment: form.deployment, checksum: form.checksum, pools, changes, observed })
    }

    /// Returns the deployment.
    #[must_use]
    pub fn deployment(&self) -> &DeploymentName {
        &self.deployment
    }

    /// Returns the pools that were planned.
    #[must_use]
    pub fn pools(&self) -> &BTreeSet<PoolName> {
        &self.pools
    }

    /// Checks that a plan is the one that was reviewed: the same changes in the same order, on the same records.
    ///
    /// # Errors
    /// When it is not, with what differs.
    pub fn matches(&self, plan: &Plan) -> Result<(), MovedWorld> {
        let now = changes_of(plan);
        let mut differences = self.of_deployment(plan);
        differences.extend(missing(&now, &self.changes).map(|change| format!("not reviewed: {change}")));
        differences.extend(
            missing(&self.changes, &now).map(|change| format!("reviewed and not planned now: {change}")),
        );
        differences.extend(self.of_records(plan));
        if differences.is_empty() && self.checksum != plan.checksum().as_str() {
            differences.push("the order of the changes".to_owned());
        }
        moved(differences)
    }

    /// Checks that a plan does nothing that was not reviewed: the rest of one that was applied in part does less.
    ///
    /// # Errors
    /// When it does, with what.
    pub fn covers(&self, plan: &Plan) -> Result<(), MovedWorld> {
        let mut differences = self.of_deployment(plan);
        let now = changes_of(plan);
        differences.extend(missing(&now, &self.changes).map(|change| format!("not reviewed: {change}")));
        moved(differences)
    }

    fn of_deployment(&self, plan: &Plan) -> Vec<String> {
        let (reviewed, now) = (&self.deployment, &plan.deployment);
        let differs =
            (reviewed != now).then(|| format!("the plan is of deployment {reviewed}, and not of {now}"));
        differs.into_iter().collect()
    }

    fn of_records<'a>(&'a self, plan: &'a Plan) -> impl Iterator<Item = String> + 'a {
        self.observed.iter().filter_map(|(key, reviewed)| {
            let place = Place { hosted_zone_id: key.0.clone(), name: key.1.name.clone() };
            let now = plan.observed.get(key)?;
            (of_set(now).as_str() != reviewed.checksum).then(|| {
                format!(
                    "the {} records at {place} changed: {} when it was reviewed, {} now",
                    key.1.r#type,
                    reviewed.records,
                    now.len()
                )
            })
        })
    }
}

impl ChangeForm {
    fn into_record(self) -> RecordSet {
        RecordSet {
            name: self.name,
            r#type: self.r#type,
            set_identifier: self.set_identifier,
            weight: self.weight,
            multi_value_answer: self.multi_value_answer,
            ttl_secs: self.ttl_secs,
            resource_records: self.values.into_iter().map(|value| ResourceRecord { value }).collect(),
            alias_target: self.alias_target,
            health_check_id: self.health_check_id,
            other: self.other,
        }
    }
}

fn changes_of(plan: &Plan) -> Changes {
    let mut changes = Changes::new();
    for batch in &plan.batches {
        for change in batch.changes() {
            let key = (batch.hosted_zone_id.clone(), change.action, change.record.key());
            changes.entry(key).or_default().push(change.record.as_ref().clone());
        }
    }
    changes
}

/// Returns what is among the changes and not among the others.
fn missing<'a>(changes: &'a Changes, others: &'a Changes) -> impl Iterator<Item = String> + 'a {
    changes.iter().flat_map(move |(key, records)| {
        let there = others.get(key).map(Vec::as_slice).unwrap_or_default();
        let absent = records.iter().filter(move |record| !there.contains(record));
        absent.map(move |record| format!("{} {record}", key.1))
    })
}

fn moved(mut differences: Vec<String>) -> Result<(), MovedWorld> {
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(SHOWN);
    differences.truncate(SHOWN);
    Err(MovedWorld { differences, more })
}
