//! What a scenario's documents come to: pools, inventory and spent removals, ready to plan.

use anyhow::{Context, Result};
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::{DeploymentName, HostedZoneId};
use registrar_core::inventory::{Groups, HostedZone, Inventory};
use registrar_core::lint::{CheckedPlan, LintNote};
use registrar_core::offline::RecordedEvents;
use registrar_core::orders::{Orders, OrdersDocument};
use registrar_core::plan::{Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::RecordSet;
use registrar_core::{SignedDuration, Timestamp, dump};

use crate::lines::{expand_all, time};
use crate::scenario::{Documents, HOSTED_ZONE, Scenario};

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
        };
        let checked = CheckedPlan::new(Plan::new(input), &self.pools, &self.inventory);
        Ok(checked.context("the plan was refused as a whole")?.into_plan())
    }

    /// Returns the rules that a plan for this world breaks.
    #[must_use]
    pub fn lint(&self, plan: &Plan) -> Vec<LintNote> {
        registrar_core::lint::lint(plan, &self.pools, &self.inventory)
    }

    /// Returns the world with other record sets in the scenario's hosted zone.
    pub(crate) fn with_records<'a>(&self, records: impl Iterator<Item = &'a RecordSet>) -> Result<Self> {
        let mut world = self.clone();
        let gap = self.hosted_zone()?.gap.clone();
        let zone = HostedZone::from_records(records.cloned(), gap);
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
    let mut hosted_zones = std::collections::BTreeMap::new();
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
