//! `registrar status`: how each pool stands.

use std::process::ExitCode;

use anyhow::Result;

use super::plan::plan;
use super::session::Session;
use crate::Shell;
use crate::arguments::{StatusArguments, StatusFormat};
use crate::render::{colour, exit_code};

pub(super) async fn run(arguments: &StatusArguments, shell: Shell) -> Result<ExitCode> {
    let mut session = Session::open(&arguments.deployment, &arguments.connection, shell).await?;
    let looked = session.look(&arguments.pools).await?;
    let plan = plan(&session, &looked)?;
    let status = session.deployment.status(&looked, &plan);
    let text = match arguments.format {
        StatusFormat::Human => colour(&status.to_string()),
        StatusFormat::Json => format!("{}\n", serde_json::to_string_pretty(&status)?),
    };
    crate::print(&text)?;
    Ok(exit_code(&plan, false))
}
