//! What a scenario's documents come to: pools, inventory and spent removals, ready to plan.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use registrar_core::adopt::{AdoptInput, Adoption};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName};
use registrar_core::inventory::{Groups, HostedZone, Inventory};
use registrar_core::lint::{CheckedPlan, ForeignKeys, LintNote};
use registrar_core::offline::RecordedEvents;
use registrar_core::orders::{Orders, OrdersDocument};
use registrar_core::plan::{Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::RecordSet;
use registrar_core::state_document::PoolStateDocument;
use registrar_core::status::{Status, StatusInput};
use registrar_core::{SignedDuration, Timestamp, dump};

use crate::lines::{expand_all, time};
use crate::record_line::line;
use crate::scenario::{Documents, HOSTED_ZONE, Scenario};
use crate::strict_zone::StrictZone;

/// Everything that planning reads.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) deployment: DeploymentName,
    pub(crate) pools: Vec<Pool>,
    pub(crate) inventory: Inventory,
    pub(crate) ledger: RemovalLedger,
    pub(crate) orders: Orders,
    pub(crate) dropped: usize,
}

impl World {
    /// Builds the world that a scenario tells of.
    ///
    /// # Errors
    /// When the scenario cannot be expanded, or a document cannot be read.
    pub fn build(scenario: &Scenario) -> Result<Self> {
        let documents = scenario.documents()?;
        let now = scenario.now;
        let mut pools = Vec::new();
        for (name, text) in &documents.pools {
            pools.push(Pool::read(name.parse()?, text));
        }
        let mut ledger = RemovalLedger::default();
        for (pool, times) in &scenario.spent {
            for text in expand_all(times)? {
                ledger.spend(&pool.parse()?, 1, time(&text, now)?);
            }
        }
        let events = RecordedEvents::read(&documents.events, now);
        let mut inventory = inventory(&documents, now)?;
        inventory.memory = events.memory;
        inventory.fleet.is_stale = scenario.stale_fleet;
        if let Some(zone) = inventory.hosted_zones.get_mut(&HOSTED_ZONE.parse()?) {
            zone.record_count = scenario.zone_records.or(zone.record_count);
        }
        remember(&mut inventory, &documents, now)?;
        Ok(Self {
            deployment: scenario.deployment.parse()?,
            pools,
            inventory,
            ledger,
            orders: orders(scenario)?,
            dropped: events.dropped.len(),
        })
    }

    /// Plans, and checks the plan.
    ///
    /// # Errors
    /// When the plan breaks its own rules.
    pub fn plan(&self) -> Result<Plan> {
        let input = PlanInput {
            deployment: &self.deployment,
            pools: &self.pools,
            inventory: &self.inventory,
            ledger: &self.ledger,
            orders: &self.orders,
            tree: registrar_core::tree::TreeLimits::default(),
        };
        self.checked(Plan::new(input))
    }

    /// Checks a plan as whoever executes it does, and takes out what breaks a rule.
    ///
    /// # Errors
    /// When a rule is broken and no pool can be named.
    pub fn checked(&self, plan: Plan) -> Result<Plan> {
        let checked = CheckedPlan::new(plan, &self.pools, &self.inventory);
        Ok(checked.context("the plan was refused as a whole")?.into_plan())
    }

    /// Plans an adoption into a pool of records that the operator names, and checks it.
    ///
    /// # Errors
    /// When there is no such pool, it cannot adopt, or the plan breaks its own rules.
    pub fn adopt(&self, pool: &str, named: &[(&str, &str)]) -> Result<(Adoption, Plan)> {
        let pool = self.pools.iter().find(|known| known.name.as_str() == pool).context("no such pool")?;
        let named: Result<BTreeMap<String, InstanceId>> =
            named.iter().map(|(id, instance)| Ok(((*id).to_owned(), instance.parse()?))).collect();
        let adoption = Adoption::new(AdoptInput {
            deployment: &self.deployment,
            pool,
            inventory: &self.inventory,
            orders: &self.orders,
            named: &named?,
        })?;
        let checked = CheckedPlan::adopting(&adoption, &self.pools, &self.inventory)?;
        Ok((adoption, checked.into_plan()))
    }

    /// Says how the pools stand, as `states` remember them and their hosted zone has `records` record sets.
    ///
    /// # Errors
    /// When the plan breaks its own rules.
    pub fn status(&self, states: &BTreeMap<PoolName, PoolStateDocument>, records: u64) -> Result<Status> {
        let plan = self.plan()?;
        Ok(Status::new(StatusInput {
            plan: &plan,
            pools: &self.pools,
            inventory: &self.inventory,
            orders: &self.orders,
            states,
            document_bytes: &self.pools.iter().map(|pool| (pool.name.clone(), 3_500)).collect(),
            hosted_zone_records: &[(HOSTED_ZONE.parse()?, records)].into(),
        }))
    }

    /// Returns the rules that a plan of an adoption breaks.
    #[must_use]
    pub fn lint_adopting(&self, plan: &Plan, adopted: &ForeignKeys) -> Vec<LintNote> {
        registrar_core::lint::lint_adopting(plan, &self.pools, &self.inventory, adopted)
    }

    /// Returns the world in which a strict hosted zone took the plan's batches.
    ///
    /// # Errors
    /// When it refuses one.
    pub fn after(&self, plan: &Plan) -> Result<Self> {
        let mut zone = StrictZone::new(self.hosted_zone()?.records.values().map(|it| it.as_ref().clone()))?;
        plan.batches.iter().try_for_each(|batch| zone.apply(batch))?;
        self.with_records(zone.records())
    }

    /// Returns the record sets of a name as lines.
    ///
    /// # Errors
    /// When the name is none.
    pub fn lines_at(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.hosted_zone()?.at_name(&name.parse()?).map(|record| line(record)).collect())
    }

    /// Returns the rules that a plan for this world breaks.
    #[must_use]
    pub fn lint(&self, plan: &Plan) -> Vec<LintNote> {
        registrar_core::lint::lint(plan, &self.pools, &self.inventory)
    }

    /// Returns the world with other record sets in the scenario's hosted zone.
    pub(crate) fn with_records<'a>(&self, records: impl Iterator<Item = &'a RecordSet>) -> Result<Self> {
        let mut world = self.clone();
        let before = self.hosted_zone()?;
        let mut zone = HostedZone::from_whole(records.cloned(), before.gap.clone());
        let not_listed = before.record_count.map_or(0, |count| count - before.records.len() as u64);
        zone.record_count = zone.record_count.map(|listed| listed + not_listed);
        world.inventory.hosted_zones.insert(HOSTED_ZONE.parse()?, zone);
        Ok(world)
    }

    /// Counts the removals of a plan and uses its releases up, as is done before its batches are submitted.
    pub(crate) fn spend(&mut self, plan: &Plan) {
        for (pool, removals) in plan.budget_spent() {
            self.ledger.spend(pool, removals, self.inventory.observed_at);
        }
        for pool in plan.pools.iter().filter(|pool| pool.release_used.is_some()) {
            self.orders.releases.remove(&pool.name);
        }
    }

    pub(crate) fn hosted_zone(&self) -> Result<&HostedZone> {
        let id: HostedZoneId = HOSTED_ZONE.parse()?;
        self.inventory.hosted_zones.get(&id).context("the hosted zone is there")
    }
}

/// The orders as the documents that the command writes: the version is implied, and releases are numbered by pool.
fn orders(scenario: &Scenario) -> Result<Orders> {
    let mut orders = Orders::default();
    for (pool, order) in &scenario.orders {
        let mut document = serde_json::to_value(order)?;
        document["version"] = 1.into();
        if let Some(release) = document.get_mut("release") {
            release["id"] = pool.as_str().into();
        }
        orders.add(&pool.parse()?, OrdersDocument::parse(&document.to_string())?, None);
    }
    Ok(orders)
}

fn inventory(documents: &Documents, now: Timestamp) -> Result<Inventory> {
    let mut hosted_zones = BTreeMap::new();
    for (id, text) in &documents.zones {
        hosted_zones.insert(id.parse()?, dump::read_hosted_zone(text)?);
    }
    let groups = documents.groups.as_deref().map(dump::read_groups).transpose()?;
    Ok(Inventory {
        observed_at: now,
        fleet: dump::read_fleet(&documents.fleet)?,
        groups: groups.unwrap_or_else(Groups::default),
        hosted_zones,
        memory: Default::default(),
    })
}

/// Lets the inventory remember the read of a minute ago.
fn remember(inventory: &mut Inventory, documents: &Documents, now: Timestamp) -> Result<()> {
    if let Some(fleet) = &documents.remembered {
        let earlier = dump::read_fleet(fleet)?;
        inventory.memory.remember_fleet(&earlier, now - SignedDuration::from_mins(1));
        inventory.memory.remember_fleet(&inventory.fleet, now);
    }
    Ok(())
}
