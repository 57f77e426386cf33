//! `registrar plan`, offline: what would change, from dumps of the AWS CLI.

use std::process::ExitCode;

use anyhow::{Context, Result};
use registrar_core::Timestamp;
use registrar_core::guard::RemovalLedger;
use registrar_core::ids::DeploymentName;
use registrar_core::lint::CheckedPlan;
use registrar_core::orders::Orders;
use registrar_core::plan::{Plan, PlanInput};

use crate::arguments::PlanArguments;
use crate::offline::{read_inventory, read_pools};
use crate::render::{exit_code, print_plan};

/// The deployment that dumps are planned for where nobody names one.
const DEFAULT_DEPLOYMENT: &str = "default";

pub(crate) fn run_offline(arguments: &PlanArguments, clock: Timestamp) -> Result<ExitCode> {
    let now = arguments.now.unwrap_or(clock);
    let deployment = match &arguments.deployment {
        Some(name) => name.clone(),
        None => DEFAULT_DEPLOYMENT.parse::<DeploymentName>()?,
    };
    let pools = read_pools(&arguments.pools)?;
    let inventory = read_inventory(arguments, &pools, now)?;
    let input = PlanInput {
        deployment: &deployment,
        pools: &pools,
        inventory: &inventory,
        ledger: &RemovalLedger::default(),
        orders: &Orders::default(),
        tree: registrar_core::tree::TreeLimits::default(),
    };
    let plan = CheckedPlan::new(Plan::new(input), &pools, &inventory)
        .context("this is a mistake in the registrar: please report it")?
        .into_plan();
    print_plan(&plan, arguments.format)?;
    Ok(exit_code(&plan, arguments.detailed_exitcode))
}
