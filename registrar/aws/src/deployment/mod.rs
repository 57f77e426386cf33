//! One deployment on AWS: its parameters, its looks, and the runs that keep its records right.
//!
//! The Lambda and the operator's command are both thin shells around this. What is to be done is the
//! core's business; here it is only asked, fetched and carried out.

mod creation;
mod drains;
mod hints;
mod look;
mod operator;
mod parameters;
mod records;
mod retire;
mod run;
mod scope;
mod states;
mod zone_counts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use registrar_core::Timestamp;
use registrar_core::coverage::{FinishedRun, Looks};
use registrar_core::ids::{AutoScalingGroupName, DeploymentName, HostedZoneId, LifecycleHookName, PoolName};
use registrar_core::inventory::{EventMemory, Fleet, Gap, GapSource, Inventory};
use registrar_core::name::RecordName;
use registrar_core::owner::Owner;
use registrar_core::pool::PoolState;
use registrar_core::site::{Place, owns_any};

pub use hints::{Fate, Reconciled};
pub use operator::{Adopting, OrdersRefused};
pub use parameters::{ParameterPaths, Parameters};
pub use retire::Retired;
pub use run::{Executed, Looked, Watcher};
pub use scope::Scope;

use crate::{Aws, Deadline, PortError};
use look::Look;
use zone_counts::ZoneCounts;

/// How long writing down places may take.
const PLACES_TIME: Duration = Duration::from_secs(3);

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A deployment, and what is known of it between two invocations.
pub struct Deployment {
    aws: Aws,
    name: DeploymentName,
    paths: ParameterPaths,
    clock: Clock,
    seed: u64,
    parameters: Parameters,
    /// Whether a change was announced since the parameters were read.
    parameters_changed: bool,
    memory: EventMemory,
    looks: Looks,
    origins: BTreeMap<HostedZoneId, Option<RecordName>>,
    zone_counts: ZoneCounts,
    hook_timeouts: BTreeMap<(AutoScalingGroupName, LifecycleHookName), u32>,
}

impl Deployment {
    /// Reads a deployment's parameters; `seed` feeds the jitter of waits.
    ///
    /// # Errors
    /// When SSM does not answer.
    pub async fn open(
        aws: Aws,
        name: DeploymentName,
        paths: ParameterPaths,
        clock: Clock,
        seed: u64,
        deadline: Deadline,
    ) -> Result<Self, PortError> {
        let parameters = Parameters::read(&aws, &paths, clock(), deadline).await?;
        let mut deployment = Self::without_parameters(aws, name, paths, clock, seed);
        deployment.parameters = parameters;
        deployment.recall_warnings();
        Ok(deployment)
    }

    /// Takes a deployment of which nothing is read, to retire it.
    #[must_use]
    pub fn without_parameters(
        aws: Aws,
        name: DeploymentName,
        paths: ParameterPaths,
        clock: Clock,
        seed: u64,
    ) -> Self {
        let parameters = Parameters::none(clock());
        Self {
            aws,
            name,
            paths,
            clock,
            seed,
            parameters,
            parameters_changed: false,
            memory: EventMemory::default(),
            looks: Looks::default(),
            origins: BTreeMap::new(),
            zone_counts: ZoneCounts::default(),
            hook_timeouts: BTreeMap::new(),
        }
    }

    /// Returns what SSM held when it was read last.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Returns where the deployment's parameters are.
    #[must_use]
    pub fn paths(&self) -> &ParameterPaths {
        &self.paths
    }

    /// Returns the deployment's name.
    #[must_use]
    pub fn name(&self) -> &DeploymentName {
        &self.name
    }

    /// Returns the ports.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Looks at the named pools, or at all of them, with their hosted zones listed whole.
    pub async fn look_at(&mut self, pools: Option<&BTreeSet<PoolName>>, deadline: Deadline) -> Looked {
        let all = &self.parameters.pools;
        let scope = match pools {
            None => Scope::everything(all, true),
            Some(pools) => Scope { whole_hosted_zones: true, ..Scope::of(all, pools) },
        };
        self.look(scope, None, deadline).await
    }

    /// Reads what the pools of a scope need; `given` is a fleet that was read for them just now.
    async fn look(&mut self, scope: Scope, given: Option<Fleet>, deadline: Deadline) -> Looked {
        let observed_at = self.now();
        let deadline = reading_time(deadline);
        let known_groups = scope.policies().flat_map(|(pool, policy)| {
            self.looks.groups_of(pool).chain(&policy.selector().auto_scaling_groups).cloned()
        });
        let look = Look {
            aws: &self.aws,
            deployment: &self.name,
            scope: &scope,
            places: &self.parameters.places,
            memory: &self.memory,
            origins: &self.origins,
            zone_counts: &self.zone_counts,
            known_groups: known_groups.collect(),
            now: observed_at,
            deadline,
        };
        let mut seen = look.read(given).await;
        self.zone_counts.fill(&mut seen.hosted_zones, observed_at);
        if scope.is_everything {
            self.memory.remember_fleet(&seen.fleet, observed_at);
        } else {
            self.memory.remember_part(&seen.fleet, observed_at);
        }
        for (id, zone) in &seen.hosted_zones {
            let known = self.origins.entry(id.clone()).or_default();
            *known = zone.origin.clone().or(known.take());
        }
        let inventory = Inventory {
            observed_at,
            fleet: seen.fleet,
            groups: seen.groups,
            hosted_zones: seen.hosted_zones,
            memory: self.memory.clone(),
        };
        let took = self.now().duration_since(observed_at);
        Looked { scope, inventory, took }
    }

    /// Takes in parameters that were read again; says whether documents or orders are others now.
    fn take_in(&mut self, parameters: Parameters) -> bool {
        let changed = !self.parameters.says_the_same(&parameters);
        self.parameters = parameters;
        self.parameters_changed = false;
        self.recall_warnings();
        if changed {
            self.looks.forget();
        }
        changed
    }

    /// Recalls the Spot warnings that other environments were given.
    fn recall_warnings(&mut self) {
        for state in self.parameters.states.values() {
            state.fill_memory(&mut self.memory);
        }
    }

    /// Holds back every addition of a look whose documents could not be read again.
    fn distrust_documents(looked: &mut Looked, error: &PortError) {
        let gap = Gap::new(GapSource::Documents, format!("the pool documents could not be read: {error}"));
        looked.inventory.fleet.gap.get_or_insert(gap);
        looked.inventory.fleet.is_stale = true;
    }

    /// Remembers a finished run: what it showed covers later hints.
    fn remember(&mut self, executed: &Executed) {
        self.looks.remember(FinishedRun {
            deployment: &self.name,
            pools: &executed.looked.scope.pools,
            inventory: &executed.looked.inventory,
            plan: &executed.plan,
            outcome: &executed.outcome,
        });
    }

    /// Writes down where the records of the pools are now. It follows a run and never precedes one: a crash in
    /// between is made good by the next look, and no removal waits for it.
    async fn note_places(&mut self, looked: &Looked, deadline: Deadline) {
        let mut places = self.parameters.places.clone();
        for (pool, policy) in looked.scope.policies() {
            if policy.state == PoolState::Retired {
                continue;
            }
            let place = Place { hosted_zone_id: policy.hosted_zone_id.clone(), name: policy.name.clone() };
            let left_behind = places.of(pool).filter(|known| **known != place);
            if !left_behind.is_some_and(|old| self.has_records(looked, pool, old)) {
                places.set(pool, place);
            }
        }
        if places == self.parameters.places {
            return;
        }
        let deadline = Deadline::after(PLACES_TIME.min(deadline.remaining() / 2));
        let before = self.parameters.places.to_parameters();
        for (number, text) in places.to_parameters().iter().enumerate() {
            if before.get(number) == Some(text) {
                continue;
            }
            let name = self.paths.places(number);
            if let Err(error) = self.aws.write_parameter(&name, text, deadline).await {
                tracing::warn!(%error, "the places of the pools are not written down: a change of name would not be noticed");
                return;
            }
        }
        self.parameters.places = places;
    }

    /// Says whether a pool still has records at a place, or whether that is not known.
    fn has_records(&self, looked: &Looked, pool: &PoolName, place: &Place) -> bool {
        match looked.inventory.hosted_zones.get(&place.hosted_zone_id) {
            None => true,
            Some(zone) => {
                let owner = Owner { deployment: self.name.clone(), pool: pool.clone() };
                zone.gap.is_some() || owns_any(zone, &owner, &place.name)
            }
        }
    }
}

/// Leaves half of the time to what follows from a look: a read that hangs is a gap, and what is proven goes
/// all the same.
fn reading_time(deadline: Deadline) -> Deadline {
    deadline.earlier_by(deadline.remaining() / 2)
}
