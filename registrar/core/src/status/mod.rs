//! How each pool stands, for an operator: members, records, what is held back and since when, and how full its limits
//! are. Schema `registrar-status/1`.
//!
//! It is told what a look saw and what a plan decided, and decides nothing.

mod human;
mod tree;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use self::tree::{LeafStatus, TreeStatus};

use crate::guard::{HoldReason, MOST_IN_SET};
use crate::ids::{HostedZoneId, PoolName};
use crate::inventory::{Gap, Inventory};
use crate::name::RecordName;
use crate::orders::{LARGEST_PARAMETER, Orders, Pause, Release};
use crate::owner::Owner;
use crate::plan::{Plan, PoolPlan, most_in};
use crate::pool::{Policy, Pool, PoolState, Routing};
use crate::record_set::{RecordType, SetKey};
use crate::standing::MemberState;
use crate::state_document::PoolStateDocument;
use crate::tree::TreeLimits;

/// The name and version of the JSON form.
const SCHEMA: &str = "registrar-status/1";

/// What a status is made of.
#[derive(Clone, Copy, Debug)]
pub struct StatusInput<'a> {
    /// What would be done now.
    pub plan: &'a Plan,
    /// The pools.
    pub pools: &'a [Pool],
    /// What was seen.
    pub inventory: &'a Inventory,
    /// What the operator ordered.
    pub orders: &'a Orders,
    /// What the executor remembers of each pool.
    pub states: &'a BTreeMap<PoolName, PoolStateDocument>,
    /// The size of each pool's document, in bytes.
    pub document_bytes: &'a BTreeMap<PoolName, usize>,
    /// The record sets of each hosted zone, where it was asked.
    pub hosted_zone_records: &'a BTreeMap<HostedZoneId, u64>,
}

/// How a deployment stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use = "a status is there to be read"]
pub struct Status {
    schema: &'static str,
    /// The deployment.
    pub deployment: String,
    /// When the look started.
    pub observed_at: Timestamp,
    /// The pools, by name.
    pub pools: Vec<PoolStatus>,
    /// The reads that were incomplete.
    pub gaps: Vec<Gap>,
    /// What else an operator should know.
    pub notes: Vec<String>,
}

/// How a pool stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolStatus {
    /// The pool.
    pub name: PoolName,
    /// What its document asks for; absent where it cannot be used.
    pub state: Option<PoolState>,
    /// Where its records stand; absent where its document cannot be used.
    pub record: Option<RecordStatus>,
    /// Members by state.
    pub members: BTreeMap<MemberState, usize>,
    /// Records that it has.
    pub records: usize,
    /// Its leaves, where its records stand at some.
    pub tree: Option<TreeStatus>,
    /// Changes that would be made now.
    pub changes: usize,
    /// What is held back.
    pub held_back: Vec<HeldStatus>,
    /// The operator's order to change nothing, where it is in force.
    pub pause: Option<Pause>,
    /// The operator's order to let held removals go, where it is in force and not used.
    pub release: Option<Release>,
    /// How full its limits are.
    pub limits: Vec<Fill>,
    /// What an operator has to put right.
    pub errors: Vec<String>,
}

/// Where a pool's records stand, and in which form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RecordStatus {
    /// The hosted zone.
    pub hosted_zone_id: HostedZoneId,
    /// The name.
    pub name: RecordName,
    /// How Route 53 chooses among them.
    pub routing: Routing,
    /// The TTL, in seconds.
    pub ttl_secs: u32,
}

/// Something that is held back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeldStatus {
    /// The record's set identifier, where one record is meant.
    pub set_identifier: Option<String>,
    /// What would have been done.
    pub difference: Option<String>,
    /// Why it is not.
    pub reason: HoldReason,
    /// What was seen.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Since when, as far as an executor noted it.
    pub since: Option<Timestamp>,
}

/// A limit of AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// Record sets of one name and type; of a tree, those of its fullest name.
    RecordSetsOfTheName,
    /// Instances of a pool whose records stand at leaves.
    InstancesOfTheTree,
    /// Members of a simple set, which one request has to be able to rewrite.
    MembersOfTheSet,
    /// Record sets of the hosted zone.
    RecordSetsOfTheHostedZone,
    /// Bytes of the pool's document in a standard parameter.
    DocumentBytes,
}

/// How full a limit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fill {
    /// The limit.
    pub limit: Limit,
    /// How much of it is used.
    pub used: u64,
    /// How much there is.
    pub most: u64,
    /// Whether what does not fit finds room elsewhere: at another leaf.
    #[serde(skip)]
    pub gives_way: bool,
}

impl Fill {
    /// Says whether less than a fifth is left, and there is nowhere else to go.
    #[must_use]
    pub fn is_nearly_full(&self) -> bool {
        !self.gives_way && self.used.saturating_mul(5) >= self.most.saturating_mul(4)
    }
}

impl Status {
    /// Says how each pool stands.
    pub fn new(input: StatusInput<'_>) -> Self {
        let pool = |plan: &PoolPlan| PoolStatus::new(plan, &input);
        Self {
            schema: SCHEMA,
            deployment: input.plan.deployment.to_string(),
            observed_at: input.plan.observed_at,
            pools: input.plan.pools.iter().map(pool).collect(),
            gaps: input.plan.gaps.clone(),
            notes: input.plan.notes.clone(),
        }
    }
}

impl PoolStatus {
    fn new(plan: &PoolPlan, input: &StatusInput<'_>) -> Self {
        let now = input.plan.observed_at;
        let pool = input.pools.iter().find(|pool| pool.name == plan.name);
        let policy = pool.and_then(|pool| pool.policy.as_ref().ok());
        let state = input.states.get(&plan.name);
        let owner = Owner { deployment: input.plan.deployment.clone(), pool: plan.name.clone() };
        let tree = policy.and_then(|policy| {
            TreeStatus::read(input.inventory.hosted_zones.get(&policy.hosted_zone_id)?, &owner, &policy.name)
        });
        let held = plan.held_back.iter().map(|held| HeldStatus {
            set_identifier: held.set_identifier.clone(),
            difference: held.difference.clone(),
            reason: held.reason(),
            detail: held.hold.detail.clone(),
            hint: held.hold.hint.clone(),
            since: state.and_then(|state| state.held_since(held)),
        });
        Self {
            name: plan.name.clone(),
            state: policy.map(|policy| policy.state),
            record: policy.map(|policy| RecordStatus {
                hosted_zone_id: policy.hosted_zone_id.clone(),
                name: policy.name.clone(),
                routing: policy.routing,
                ttl_secs: policy.ttl_secs,
            }),
            members: plan.members.clone(),
            records: plan.records,
            changes: plan.changes.len(),
            held_back: held.collect(),
            pause: input.orders.pause(&plan.name, now).cloned(),
            release: input.orders.release(&plan.name, now).cloned(),
            limits: limits(plan, &owner, policy, tree.as_ref(), input),
            tree,
            errors: plan.errors.clone(),
        }
    }
}

fn limits(
    plan: &PoolPlan,
    owner: &Owner,
    policy: Option<&Policy>,
    tree: Option<&TreeStatus>,
    input: &StatusInput<'_>,
) -> Vec<Fill> {
    let mut limits = Vec::new();
    let fill = |limit, used, most| Fill { limit, used, most, gives_way: false };
    if let Some(policy) = policy {
        match (policy.routing, plan.room) {
            (Routing::Simple, Some(room)) => {
                limits.push(fill(Limit::MembersOfTheSet, plan.records as u64, room as u64));
            }
            (Routing::Simple, None) => {}
            (Routing::Weighted | Routing::Multivalue, _) => {
                limits.push(fullest_name(owner, policy, tree, input));
            }
        }
        if let Some(tree) = tree {
            let most = TreeLimits::default().most_members() as u64;
            limits.push(fill(Limit::InstancesOfTheTree, tree.records as u64, most));
        }
        if let Some(records) = input.hosted_zone_records.get(&policy.hosted_zone_id)
            && let Some(most) = most_in(*records)
        {
            limits.push(fill(Limit::RecordSetsOfTheHostedZone, *records, most));
        }
    }
    if let Some(bytes) = input.document_bytes.get(&plan.name) {
        limits.push(fill(Limit::DocumentBytes, *bytes as u64, LARGEST_PARAMETER as u64));
    }
    limits
}

/// Returns how full the name is, or the fullest leaf. A weighted set that is the pool's own becomes a tree when it is full,
/// and a tree gets another leaf, so neither is a limit by itself.
fn fullest_name(owner: &Owner, policy: &Policy, tree: Option<&TreeStatus>, input: &StatusInput<'_>) -> Fill {
    let set = SetKey { name: policy.name.clone(), r#type: RecordType::A };
    let records = input.inventory.hosted_zones.get(&policy.hosted_zone_id).into_iter();
    let records: Vec<_> = records.flat_map(|zone| zone.set(&set)).collect();
    let at_leaves = tree.map_or(0, TreeStatus::fullest);
    let is_own = records.iter().all(|record| tree::role(record, owner).is_some());
    Fill {
        limit: Limit::RecordSetsOfTheName,
        used: records.len().max(at_leaves) as u64,
        most: MOST_IN_SET as u64,
        gives_way: policy.routing == Routing::Weighted && (is_own || records.len() < at_leaves),
    }
}
