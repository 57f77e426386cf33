//! `registrar release`, `pause` and `resume`: orders beside the pool documents, each with an audit line.
//!
//! They only write the order. Whoever executes next heeds it.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use registrar_aws::deployment::OrdersRefused;
use registrar_core::orders::{OrdersDocument, Pause, Release};
use registrar_core::{SignedDuration, Timestamp};

use super::audit::{AuditLine, What};
use super::progress::during;
use super::session::{Session, readable};
use crate::Shell;
use crate::arguments::{PauseArguments, ReleaseArguments, ResumeArguments, Target};

pub(super) async fn release(arguments: &ReleaseArguments, shell: Shell) -> Result<ExitCode> {
    let (session, mut orders) = open(&arguments.target, shell).await?;
    let now = session.now();
    let until = end(now, arguments.lasting);
    let release = Release {
        id: now.to_string(),
        reason: arguments.reason.clone(),
        until,
        only: arguments.only.iter().cloned().collect(),
    };
    orders.release = Some(release);
    write(&session, &arguments.target, &orders).await?;
    let pool = &arguments.target.pool;
    let deployment = &arguments.target.deployment;
    let what = if arguments.only.is_empty() { "what is over its removal budget" } else { "what is named" };
    crate::print(&format!(
        "pool {pool}: the next run until {until:.0} lets {what} go, once\n\
         `registrar apply --deployment {deployment} --pool {pool}` is such a run; the function's next one is another\n"
    ))?;
    let what = What::Order { until, only: &arguments.only };
    audit("release", &session, &arguments.target, Some(&arguments.reason), what).await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn pause(arguments: &PauseArguments, shell: Shell) -> Result<ExitCode> {
    let (session, mut orders) = open(&arguments.target, shell).await?;
    let now = session.now();
    let until = end(now, arguments.lasting);
    let since = orders.pause.as_ref().filter(|pause| now < pause.until).map_or(now, |pause| pause.since);
    orders.pause = Some(Pause { reason: arguments.reason.clone(), since, until });
    write(&session, &arguments.target, &orders).await?;
    let pool = &arguments.target.pool;
    crate::print(&format!("pool {pool}: its records stay as they are until {until:.0}\n"))?;
    let what = What::Order { until, only: &[] };
    audit("pause", &session, &arguments.target, Some(&arguments.reason), what).await;
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn resume(arguments: &ResumeArguments, shell: Shell) -> Result<ExitCode> {
    let (session, mut orders) = open(&arguments.target, shell).await?;
    let (now, pool) = (session.now(), &arguments.target.pool);
    if orders.pause.take().is_none_or(|pause| pause.until <= now) {
        crate::print(&format!(
            "pool {pool}: no pause is in force (a document whose state is \"paused\" is changed in its own place)\n"
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    write(&session, &arguments.target, &orders).await?;
    crate::print(&format!("pool {pool}: the pause is over\n"))?;
    audit("resume", &session, &arguments.target, arguments.reason.as_deref(), What::Ended {}).await;
    Ok(ExitCode::SUCCESS)
}

/// Opens the deployment, and reads the pool's orders as they stand now.
async fn open(target: &Target, shell: Shell) -> Result<(Session, OrdersDocument)> {
    let session = Session::open(&target.deployment, &target.connection, shell).await?;
    session.check_pool(&target.pool)?;
    let reading = Box::pin(session.deployment.orders_now(&target.pool, session.deadline));
    let orders = during("reading the pool's orders", reading).await.map_err(refused)?;
    Ok((session, orders))
}

async fn write(session: &Session, target: &Target, orders: &OrdersDocument) -> Result<()> {
    let writing = Box::pin(session.deployment.write_orders(&target.pool, orders, session.deadline));
    during("writing the order", writing).await.map_err(refused)
}

fn refused(error: OrdersRefused) -> anyhow::Error {
    match error {
        OrdersRefused::Port(error) => readable(error),
        OrdersRefused::Unusable { .. } => {
            anyhow!("{error} (hint: read the parameter, and delete it if nobody needs what it says)")
        }
    }
}

fn end(now: Timestamp, lasting: SignedDuration) -> Timestamp {
    now.checked_add(lasting).unwrap_or(Timestamp::MAX)
}

async fn audit(verb: &'static str, session: &Session, target: &Target, reason: Option<&str>, what: What<'_>) {
    let line = AuditLine {
        audit: verb,
        at: session.now(),
        who: session.who().await,
        deployment: &target.deployment,
        pools: vec![&target.pool],
        reason,
        what,
    };
    line.tell();
}
