//! `registrar adopt`: shows what would be adopted, asks, and adopts that.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Result, anyhow, bail};
use registrar_core::execute::Outcome;
use registrar_core::ids::InstanceId;
use registrar_shell::tell;

use super::apply::tell_undone;
use super::audit::{AuditLine, What};
use super::confirm::confirm;
use super::progress::{Waits, during};
use super::session::Session;
use crate::Shell;
use crate::arguments::AdoptArguments;
use crate::render::colour;

pub(super) async fn run(arguments: &AdoptArguments, shell: Shell) -> Result<ExitCode> {
    let target = &arguments.target;
    let named = named(&arguments.records)?;
    let mut session = Session::open(&target.deployment, &target.connection, shell).await?;
    session.check_pool(&target.pool)?;
    let deadline = session.deadline;
    let looking = Box::pin(session.deployment.look_to_adopt(&target.pool, &named, deadline));
    let shown = during("looking at the records", looking).await.map_err(|problem| anyhow!(problem))?;
    crate::print(&colour(&shown.adoption.to_string()))?;
    let refused = if shown.adoption.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(3) };
    let count = shown.adoption.adopted.len();
    if count == 0 {
        return Ok(refused);
    }
    if !arguments.yes && !confirm(&format!("Adopt {count} records into pool {}?", target.pool))? {
        bail!("nothing was changed: it was not confirmed");
    }
    let deadline = registrar_aws::Deadline::after(target.connection.timeout);
    let mut watcher = Waits::default();
    let adopting = Box::pin(session.deployment.adopt(&shown, deadline, &mut watcher));
    let outcome = during("adopting", adopting).await.map_err(|problem| anyhow!(problem))?;
    let identifiers = shown.adoption.adopted.iter().filter_map(|it| it.was.set_identifier.as_deref());
    let line = AuditLine {
        audit: "adopt",
        at: session.now(),
        who: session.who().await,
        deployment: &target.deployment,
        pools: vec![&target.pool],
        reason: None,
        what: What::Adopted { set_identifiers: identifiers.collect(), complete: outcome.is_complete() },
    };
    line.tell();
    finish(&outcome, count, refused)
}

fn finish(outcome: &Outcome, count: usize, refused: ExitCode) -> Result<ExitCode> {
    tell_undone(outcome);
    if !outcome.is_complete() {
        return Ok(ExitCode::FAILURE);
    }
    tell(format_args!("{count} adopted; the next run judges them like the pool's other records"));
    Ok(refused)
}

fn named(records: &[(String, InstanceId)]) -> Result<BTreeMap<String, InstanceId>> {
    let mut named = BTreeMap::new();
    for (identifier, instance) in records {
        if let Some(before) = named.insert(identifier.clone(), instance.clone())
            && before != *instance
        {
            bail!("--record names {identifier} twice, for {before} and {instance} (hint: name it once)");
        }
    }
    Ok(named)
}
