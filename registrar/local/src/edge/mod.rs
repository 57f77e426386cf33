//! The edge: fleet, pools and hosted zone in one process, kept in step by the same core as in AWS.
//!
//! Text goes in (dumps, documents, events) and changes come out at the model of Route 53. It opens no
//! file, waits for nothing and reads no clock: the shell around it does.

mod faults;
mod observe;
mod run;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use registrar_core::Timestamp;
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId, PoolName};
use registrar_core::inventory::{EventMemory, Fleet, Gap, GapSource, Groups};
use registrar_core::json::JsonError;
use registrar_core::pool::{DocumentError, Policy, Pool};
use registrar_core::record_set::RecordSet;
use registrar_core::tree::TreeLimits;
use registrar_core::trigger::{Dropped, Trigger};

pub use faults::{EdgeFaults, Route53Faults};
pub use run::{Run, RunReport, Step};

use crate::route53::{Route53Error, Route53Model};

/// The model of Route 53, shared by the edge that changes it and the name servers that serve it.
pub type SharedModel = Arc<Mutex<Route53Model>>;

/// Locks the model. A panic elsewhere cannot have left it half-changed: its batches are atomic.
pub fn lock(model: &SharedModel) -> MutexGuard<'_, Route53Model> {
    model.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that one deployment knows, and the hosted zone that it changes.
#[derive(Debug)]
pub struct Edge {
    deployment: DeploymentName,
    pools: BTreeMap<PoolName, Result<Policy, DocumentError>>,
    fleet: Fleet,
    groups: Groups,
    memory: EventMemory,
    ledger: RemovalLedger,
    hosted_zone: HostedZoneId,
    model: SharedModel,
    faults: EdgeFaults,
    tree: TreeLimits,
    seed: u64,
}

impl Edge {
    /// Builds an edge that has seen nothing yet: until a fleet is read, all of it is unknown.
    #[must_use]
    pub fn new(deployment: DeploymentName, hosted_zone: HostedZoneId, model: SharedModel, seed: u64) -> Self {
        let unread = Gap::new(GapSource::Fleet, "it was not read yet");
        Self {
            deployment,
            pools: BTreeMap::new(),
            fleet: Fleet { gap: Some(unread), ..Fleet::default() },
            groups: Groups::default(),
            memory: EventMemory::default(),
            ledger: RemovalLedger::default(),
            hosted_zone,
            model,
            faults: EdgeFaults::default(),
            tree: TreeLimits::default(),
            seed,
        }
    }

    /// Takes in what `describe-instances` printed. What cannot be read leaves the last good fleet in
    /// place and is a gap that names its `source`: nothing is removed on its account.
    pub fn read_fleet(&mut self, source: &str, text: Result<&str, String>, now: Timestamp) {
        match parse(text, registrar_core::dump::read_fleet) {
            Ok(fleet) => {
                self.memory.remember_fleet(&fleet, now);
                self.fleet = fleet;
            }
            Err(problem) => {
                self.fleet.gap = Some(Gap::new(GapSource::Fleet, stale(source, &problem)));
                self.fleet.is_stale = true;
            }
        }
    }

    /// Takes in what Auto Scaling printed, in the same way.
    pub fn read_groups(&mut self, source: &str, text: Result<&str, String>) {
        match parse(text, registrar_core::dump::read_groups) {
            Ok(groups) => self.groups = groups,
            Err(problem) => self.groups.gap = Some(Gap::new(GapSource::Groups, stale(source, &problem))),
        }
    }

    /// Takes in a pool's document; one that cannot be used holds its pool as it is.
    pub fn read_pool(&mut self, name: PoolName, text: Result<&str, String>) {
        let policy = match text {
            Ok(text) => Policy::parse(text),
            Err(problem) => {
                let hint = "restore the document; to end the pool, set its state to \"retired\" first";
                Err(DocumentError::new("document", problem, hint))
            }
        };
        self.pools.insert(name, policy);
    }

    /// Takes note of one event.
    ///
    /// # Errors
    /// When the line asks for nothing.
    pub fn event(&mut self, line: &str, now: Timestamp) -> Result<Trigger, Dropped> {
        let trigger = Trigger::parse(line)?;
        self.memory.note(&trigger, now);
        Ok(trigger)
    }

    /// Sets the faults of the services that it calls.
    pub fn set_faults(&mut self, faults: EdgeFaults) {
        self.faults = faults;
    }

    /// Sets how large sets may be, so that small fleets become trees.
    pub fn set_tree_limits(&mut self, tree: TreeLimits) {
        self.tree = tree;
    }

    /// Returns the pools as they are now.
    #[must_use]
    pub fn pools(&self) -> Vec<Pool> {
        let pool = |(name, policy): (&PoolName, &Result<Policy, DocumentError>)| Pool {
            name: name.clone(),
            policy: policy.clone(),
        };
        self.pools.iter().map(pool).collect()
    }

    /// Returns every record set of the hosted zone.
    ///
    /// # Errors
    /// When the hosted zone is not in the model.
    pub fn records(&self) -> Result<Vec<RecordSet>, Route53Error> {
        lock(&self.model).records(&self.hosted_zone)
    }
}

fn parse<T>(text: Result<&str, String>, read: fn(&str) -> Result<T, JsonError>) -> Result<T, String> {
    text.and_then(|text| read(text).map_err(|error| error.to_string()))
}

fn stale(source: &str, problem: &str) -> String {
    format!("{source} cannot be read now, the last good one stays: {problem}")
}
