//! Adoption: weighted records that somebody else made for a pool's instances become the pool's own.
//!
//! The published reference design writes one weighted record for each instance, whose set identifier is the instance's
//! id; other tools' records are named by the operator. Their marks change, in one atomic batch, and nothing else of
//! them does unless the whole set becomes ours. Whether their instances serve is the guard's business, afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName};
use crate::inventory::{HostedZone, Inventory};
use crate::orders::Orders;
use crate::owner::{Owner, OwnerMark, Role};
use crate::plan::{Batch, Change, Plan, PoolPlan, Unit, Urgency};
use crate::pool::{Policy, Pool, PoolState, Routing};
use crate::record_set::{ChangeAction, RecordKey, RecordSet, RecordType, RoutingKind, SetKey};
use crate::site::Place;
use crate::standing::{Standing, WeightRequest};

/// What adoption reads.
#[derive(Clone, Copy, Debug)]
pub struct AdoptInput<'a> {
    /// The deployment that adopts.
    pub deployment: &'a DeploymentName,
    /// The pool whose records they become.
    pub pool: &'a Pool,
    /// What was seen.
    pub inventory: &'a Inventory,
    /// What the operator ordered.
    pub orders: &'a Orders,
    /// Set identifiers that the operator names, with the instance behind each.
    pub named: &'a BTreeMap<String, InstanceId>,
}

/// Why nothing can be adopted into a pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// The pool's document cannot be used.
    #[error("the document of pool {pool} cannot be used: {problem}")]
    Document {
        /// The pool.
        pool: PoolName,
        /// What is wrong with it.
        problem: String,
    },
    /// The pool has another routing.
    #[error(
        "pool {pool} is {routing}, and only weighted records are adopted (hint: set record.routing to \"weighted\")"
    )]
    NotWeighted {
        /// The pool.
        pool: PoolName,
        /// Its routing.
        routing: Routing,
    },
    /// The pool is paused or retired.
    #[error("pool {pool} is {state} (hint: {hint})")]
    NotActive {
        /// The pool.
        pool: PoolName,
        /// What it is.
        state: &'static str,
        /// What to do.
        hint: String,
    },
    /// The hosted zone was not read, or not to its end.
    #[error("hosted zone {zone} was not read to its end: {problem}")]
    HostedZone {
        /// The hosted zone.
        zone: HostedZoneId,
        /// What is missing.
        problem: String,
    },
}

/// A record that becomes the pool's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Adopted {
    /// The instance behind it.
    pub instance: InstanceId,
    /// The record as it was read.
    pub was: Arc<RecordSet>,
    /// The record as it will be.
    pub becomes: Arc<RecordSet>,
    /// What an operator should know about it.
    pub note: Option<String>,
}

/// Why a record is not adopted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error(
        "no A record at the pool's name has this set identifier (hint: `aws route53 list-resource-record-sets` shows them)"
    )]
    NotFound,
    /// A registrar owns it.
    #[error("it is owned by {0} already")]
    Owned(Owner),
    /// It has several values, and a member has one address.
    #[error(
        "it has {0} values, and a member has one address (hint: make it one record for each instance first)"
    )]
    SeveralValues(usize),
    /// It is an alias.
    #[error("it is an alias, and a member has an address")]
    Alias,
    /// It is no weighted record.
    #[error("it has {0} routing")]
    NotWeighted(&'static str),
    /// A traffic policy owns it.
    #[error("traffic policy instance {0} maintains it (hint: delete that instance first)")]
    TrafficPolicy(String),
    /// Another record is for the same instance.
    #[error("{0} has another record here (hint: remove the one that is wrong)")]
    InstanceTwice(InstanceId),
}

/// What adopting into one pool comes to.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "an adoption changes nothing until it is executed"]
pub struct Adoption {
    /// The deployment.
    pub deployment: DeploymentName,
    /// The pool.
    pub pool: PoolName,
    /// Where the records stand.
    pub place: Place,
    /// When the look started that it is based on.
    pub observed_at: Timestamp,
    /// The TTL that the set has, and will have.
    pub ttl_secs: (Option<u32>, u32),
    /// The records that become the pool's own.
    pub adopted: Vec<Adopted>,
    /// The records that do not, by set identifier, and why.
    pub refused: BTreeMap<String, Refusal>,
    /// Records of others that stay as they are.
    pub left_alone: Vec<Arc<RecordSet>>,
    /// The pool's own records whose TTL changes with the set's.
    rewritten: Vec<(Arc<RecordSet>, Arc<RecordSet>)>,
    observed: Vec<Arc<RecordSet>>,
}

impl Adoption {
    /// Plans the adoption of every record at the pool's name whose set identifier is an instance's id, and of those
    /// that the operator names.
    ///
    /// # Errors
    /// When the pool cannot adopt anything.
    pub fn new(input: AdoptInput<'_>) -> Result<Self, AdoptError> {
        let (policy, zone) = usable(&input)?;
        let owner = Owner { deployment: input.deployment.clone(), pool: input.pool.name.clone() };
        let set = SetKey { name: policy.name.clone(), r#type: RecordType::A };
        let observed: Vec<Arc<RecordSet>> = zone.set(&set).cloned().collect();
        let sorted = Sorted::new(&owner, &observed, input.named);
        let stays = |record: &&Arc<RecordSet>| record.ttl_secs.is_some();
        let others = sorted.left_alone.iter().chain(&sorted.refused_records).any(|record| stays(&record));
        let now = observed.iter().find_map(|record| record.ttl_secs);
        let ttl_secs = if others { now.unwrap_or(policy.ttl_secs) } else { policy.ttl_secs };
        let adopt = |(instance, was): (InstanceId, Arc<RecordSet>)| {
            let mark = owner.mark(Role::Member(instance.clone())).to_string();
            let becomes = RecordSet { set_identifier: Some(mark), ..with_ttl(&was, ttl_secs) };
            let note = note(&instance, &was, policy, input.inventory);
            Adopted { instance, was, becomes: Arc::new(becomes), note }
        };
        let adopted: Vec<Adopted> = sorted.candidates.into_iter().map(adopt).collect();
        let differs = |record: &&Arc<RecordSet>| record.ttl_secs.is_some_and(|ttl| ttl != ttl_secs);
        let own = sorted.own.iter().filter(differs).filter(|_| !adopted.is_empty());
        Ok(Self {
            rewritten: own.map(|record| (record.clone(), Arc::new(with_ttl(record, ttl_secs)))).collect(),
            deployment: input.deployment.clone(),
            pool: owner.pool,
            place: Place { hosted_zone_id: policy.hosted_zone_id.clone(), name: set.name },
            observed_at: input.inventory.observed_at,
            ttl_secs: (now, ttl_secs),
            adopted,
            refused: sorted.refused,
            left_alone: sorted.left_alone,
            observed,
        })
    }

    /// Returns the records of others that the adoption deletes, and nothing else may.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<(HostedZoneId, RecordKey)> {
        let zone = &self.place.hosted_zone_id;
        self.adopted.iter().map(|adopted| (zone.clone(), adopted.was.key())).collect()
    }

    /// Returns the adoption as a plan of one batch, or of none where nothing is adopted.
    pub fn to_plan(&self) -> Plan {
        let zone = &self.place.hosted_zone_id;
        let set = SetKey { name: self.place.name.clone(), r#type: RecordType::A };
        let changes = self.changes();
        let unit = Unit {
            pool: self.pool.clone(),
            hosted_zone_id: zone.clone(),
            name: self.place.name.clone(),
            urgency: Urgency::Swap,
            budgeted: 0,
            dead: 0,
            changes: changes.clone(),
        };
        let mut pool = PoolPlan::held(&self.pool, String::new());
        pool.errors.clear();
        pool.records = self.adopted.len();
        pool.changes = changes.into_iter().map(|change| (zone.clone(), change)).collect();
        let some = !unit.changes.is_empty();
        Plan {
            deployment: self.deployment.clone(),
            observed_at: self.observed_at,
            pools: vec![pool],
            batches: some
                .then(|| Batch { hosted_zone_id: zone.clone(), units: vec![unit] })
                .into_iter()
                .collect(),
            observed: some.then(|| ((zone.clone(), set), self.observed.clone())).into_iter().collect(),
            hosted_zone_records: BTreeMap::new(),
            gaps: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn changes(&self) -> Vec<Change> {
        let adopted = self.adopted.iter().map(|it| (&it.was, &it.becomes, "adopted by the operator's order"));
        let rewritten = self.rewritten.iter().map(|(was, becomes)| (was, becomes, "one TTL in a set"));
        let pairs = adopted.chain(rewritten);
        let change = |action, record: &Arc<RecordSet>, evidence: &str| Change {
            action,
            record: record.clone(),
            evidence: evidence.to_owned(),
        };
        let deletes = pairs.clone().map(|(was, _, why)| change(ChangeAction::Delete, was, why));
        deletes.chain(pairs.map(|(_, becomes, why)| change(ChangeAction::Create, becomes, why))).collect()
    }
}

fn usable<'a>(input: &AdoptInput<'a>) -> Result<(&'a Policy, &'a HostedZone), AdoptError> {
    let pool = || input.pool.name.clone();
    let policy = input.pool.policy.as_ref().map_err(|error| AdoptError::Document {
        pool: pool(),
        problem: format!("{error} (hint: {})", error.hint),
    })?;
    if policy.routing != Routing::Weighted {
        return Err(AdoptError::NotWeighted { pool: pool(), routing: policy.routing });
    }
    let paused = input.orders.pause(&input.pool.name, input.inventory.observed_at);
    let not_active = |state, hint: String| Err(AdoptError::NotActive { pool: pool(), state, hint });
    match (policy.state, paused) {
        (PoolState::Active, None) => {}
        (PoolState::Active, Some(_)) => {
            return not_active("paused", "`registrar resume` lets it go on".to_owned());
        }
        (PoolState::Paused, _) => return not_active("paused", "set its state to \"active\"".to_owned()),
        (PoolState::Retired, _) => return not_active("retired", "set its state to \"active\"".to_owned()),
    }
    let zone = &policy.hosted_zone_id;
    let problem = |problem: &str| AdoptError::HostedZone { zone: zone.clone(), problem: problem.to_owned() };
    let listed = input.inventory.hosted_zones.get(zone).ok_or_else(|| problem("it was not read"))?;
    match &listed.gap {
        Some(gap) => Err(problem(&gap.reason)),
        None => Ok((policy, listed)),
    }
}

fn with_ttl(record: &RecordSet, ttl_secs: u32) -> RecordSet {
    RecordSet { ttl_secs: record.ttl_secs.map(|_| ttl_secs), ..record.clone() }
}

/// An instance that does not serve is adopted all the same: only what is ours can be judged, and removed by proof.
fn note(instance: &InstanceId, was: &RecordSet, policy: &Policy, inventory: &Inventory) -> Option<String> {
    let kept = was.health_check_id.as_ref().map(|check| format!("health check {check} is kept"));
    let standing = match Standing::of(instance, policy, inventory) {
        Standing::Serving { address, .. } if !was.addresses().eq([address.0]) => {
            Some(format!("it serves at {address}, and moves at the next run"))
        }
        Standing::Serving { weight: WeightRequest::Given(weight), .. } if was.weight != Some(weight) => {
            Some(format!("it asks for weight {weight}, and gets it at the next run"))
        }
        Standing::Serving { .. } => None,
        other => Some(format!("{other}; the next run judges it")),
    };
    let notes: Vec<String> = standing.into_iter().chain(kept).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// The records of a set, by what becomes of them.
#[derive(Default)]
struct Sorted {
    own: Vec<Arc<RecordSet>>,
    candidates: BTreeMap<InstanceId, Arc<RecordSet>>,
    refused: BTreeMap<String, Refusal>,
    refused_records: Vec<Arc<RecordSet>>,
    left_alone: Vec<Arc<RecordSet>>,
}

impl Sorted {
    fn new(owner: &Owner, set: &[Arc<RecordSet>], named: &BTreeMap<String, InstanceId>) -> Self {
        let mut sorted = Self::default();
        let mut taken: BTreeMap<InstanceId, usize> = BTreeMap::new();
        let mut wanted = Vec::new();
        for record in set {
            let id = record.set_identifier.as_deref().unwrap_or_default();
            let mark: Option<OwnerMark> = id.parse().ok();
            let instance = named.get(id).cloned().or_else(|| bare_instance_id(id));
            match (mark, instance) {
                (Some(mark), _) if mark.owner == *owner => {
                    if let Role::Member(instance) = mark.role {
                        *taken.entry(instance).or_insert(0) += 1;
                    }
                    sorted.own.push(record.clone());
                    sorted.refuse_if_named(named, id, || Refusal::Owned(owner.clone()));
                }
                (Some(mark), _) => {
                    sorted.left_alone.push(record.clone());
                    sorted.refuse_if_named(named, id, || Refusal::Owned(mark.owner.clone()));
                }
                (None, Some(instance)) => {
                    *taken.entry(instance.clone()).or_insert(0) += 1;
                    wanted.push((instance, record));
                }
                (None, None) => sorted.left_alone.push(record.clone()),
            }
        }
        for (instance, record) in wanted {
            sorted.want(instance, record, &taken);
        }
        let found: BTreeSet<&str> =
            set.iter().filter_map(|record| record.set_identifier.as_deref()).collect();
        let missing = named.keys().filter(|id| !found.contains(id.as_str()));
        sorted.refused.extend(missing.map(|id| (id.clone(), Refusal::NotFound)));
        sorted
    }

    fn refuse_if_named(
        &mut self,
        named: &BTreeMap<String, InstanceId>,
        id: &str,
        refusal: impl FnOnce() -> Refusal,
    ) {
        if named.contains_key(id) {
            self.refused.insert(id.to_owned(), refusal());
        }
    }

    fn want(&mut self, instance: InstanceId, record: &Arc<RecordSet>, taken: &BTreeMap<InstanceId, usize>) {
        let twice = taken.get(&instance).is_some_and(|count| *count > 1);
        let refusal = refusal(record).or_else(|| twice.then(|| Refusal::InstanceTwice(instance.clone())));
        match refusal {
            Some(refusal) => {
                self.refused.insert(record.set_identifier.clone().unwrap_or_default(), refusal);
                self.refused_records.push(record.clone());
            }
            None => {
                self.candidates.insert(instance, record.clone());
            }
        }
    }
}

fn refusal(record: &RecordSet) -> Option<Refusal> {
    if let Some(policy) = record.other.get("TrafficPolicyInstanceId") {
        return Some(Refusal::TrafficPolicy(policy.as_str().unwrap_or_default().to_owned()));
    }
    match record.routing() {
        RoutingKind::Weighted => {}
        RoutingKind::Simple => return Some(Refusal::NotWeighted("simple")),
        RoutingKind::Multivalue => return Some(Refusal::NotWeighted("multivalue")),
        RoutingKind::Other => return Some(Refusal::NotWeighted("geographic, latency or failover")),
    }
    if record.alias_target.is_some() {
        return Some(Refusal::Alias);
    }
    let values = record.resource_records.len();
    (values != 1).then_some(Refusal::SeveralValues(values))
}

/// Set identifiers are anybody's, so that only what EC2 itself issues counts: 8 or 17 hexadecimal digits.
fn bare_instance_id(text: &str) -> Option<InstanceId> {
    let digits = text.strip_prefix("i-")?;
    let issued = matches!(digits.len(), 8 | 17) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    text.parse().ok().filter(|_| issued)
}

impl fmt::Display for Adoption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Deployment {}, seen at {:.0}", self.deployment, self.observed_at)?;
        writeln!(f, "\n{}  {}, hosted zone {}", self.pool, self.place.name, self.place.hosted_zone_id)?;
        if let (Some(now), then) = self.ttl_secs
            && now != then
            && !self.adopted.is_empty()
        {
            writeln!(f, "  ~ ttl  {now} s → {then} s: the whole set becomes the pool's own")?;
        }
        let shown = |record: &RecordSet| {
            let values: Vec<&str> = record.values().collect();
            format!("{} weight {}", values.join(" "), record.weight.unwrap_or_default())
        };
        for adopted in &self.adopted {
            let was = adopted.was.set_identifier.as_deref().unwrap_or_default().escape_debug();
            let becomes = adopted.becomes.set_identifier.as_deref().unwrap_or_default();
            write!(f, "  ~ {was} → {becomes}  {}", shown(&adopted.was))?;
            match &adopted.note {
                Some(note) => writeln!(f, "   {note}")?,
                None => writeln!(f)?,
            }
        }
        for record in &self.left_alone {
            let id = record.set_identifier.as_deref().unwrap_or_default().escape_debug();
            writeln!(f, "  left as it is: {id}  {}", shown(record))?;
        }
        for (id, refusal) in &self.refused {
            writeln!(f, "  not adopted: {}   {refusal}", id.escape_debug())?;
        }
        let count = self.adopted.len();
        writeln!(f, "\n{count} adopted in {} batch; {} not.", usize::from(count > 0), self.refused.len())
    }
}
