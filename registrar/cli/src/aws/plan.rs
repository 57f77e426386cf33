//! `registrar plan` on AWS: the same plan as offline, of what was read just now.

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use registrar_aws::deployment::Looked;
use registrar_core::ids::PoolName;
use registrar_core::plan::Plan;

use super::session::Session;
use crate::Shell;
use crate::arguments::PlanArguments;
use crate::render::{exit_code, print_plan};

pub(super) async fn run(arguments: &PlanArguments, shell: Shell) -> Result<ExitCode> {
    let deployment = arguments.deployment.as_ref().context("--deployment is missing")?;
    let pools = arguments.pools.iter().map(|name| pool_name(name)).collect::<Result<Vec<_>>>()?;
    let mut session = Session::open(deployment, &arguments.connection, shell).await?;
    let looked = session.look(&pools).await?;
    let plan = plan(&session, &looked)?;
    print_plan(&plan, arguments.format)?;
    Ok(exit_code(&plan, arguments.detailed_exitcode))
}

/// Plans what was seen.
pub(super) fn plan(session: &Session, looked: &Looked) -> Result<Plan> {
    let plan = session.deployment.plan(looked).map_err(|refused| anyhow!(refused));
    Ok(plan.context("this is a mistake in the registrar: please report it")?.into_plan())
}

/// The same argument names files offline.
fn pool_name(text: &str) -> Result<PoolName> {
    text.parse().map_err(|error| {
        anyhow!(
            "--pool {text}: {error} (hint: pool documents are given with --fleet and --zone, to plan offline)"
        )
    })
}
