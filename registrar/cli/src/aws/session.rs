//! A connection to one deployment, opened with errors that a person can act on.
//!
//! Credentials, Region and endpoints are the SDK's own business; this only says what is missing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use registrar_aws::deployment::{Deployment, Looked, ParameterPaths};
use registrar_aws::{Aws, Deadline, Kind, PortError, Settings};
use registrar_core::Timestamp;
use registrar_core::ids::{DeploymentName, PoolName};

use super::progress::during;
use crate::Shell;
use crate::arguments::Connection;

/// How long it may take to learn whose credentials these are, which only an audit line needs.
const ASKING_WHO: Duration = Duration::from_secs(5);

/// A deployment that was opened.
pub(super) struct Session {
    pub(super) deployment: Deployment,
    pub(super) deadline: Deadline,
    aws: Aws,
    shell: Shell,
}

impl Session {
    /// Connects, and reads the deployment's parameters.
    pub(super) async fn open(name: &DeploymentName, connection: &Connection, shell: Shell) -> Result<Self> {
        let deadline = Deadline::after(connection.timeout);
        let aws = during("looking for credentials and the Region", Aws::connect(Settings::default())).await;
        if aws.region().is_none() {
            bail!(
                "no AWS Region is set (hint: set AWS_REGION, or `region` in the profile that AWS_PROFILE names)"
            );
        }
        let deployment = open(&aws, name, connection, shell, deadline).await?;
        Ok(Self { deployment, deadline, aws, shell })
    }

    /// Reads the parameters again: some time has passed.
    pub(super) async fn reopen(&mut self, connection: &Connection) -> Result<()> {
        self.deadline = Deadline::after(connection.timeout);
        let name = self.deployment.name().clone();
        self.deployment = open(&self.aws, &name, connection, self.shell, self.deadline).await?;
        Ok(())
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.shell.now)()
    }

    /// Looks at the named pools, or at all of them where none is named.
    pub(super) async fn look(&mut self, pools: &[PoolName]) -> Result<Looked> {
        for pool in pools {
            self.check_pool(pool)?;
        }
        let named: BTreeSet<PoolName> = pools.iter().cloned().collect();
        let pools = (!named.is_empty()).then_some(&named);
        let looking = Box::pin(self.deployment.look_at(pools, self.deadline));
        Ok(during("looking at the fleet and the records", looking).await)
    }

    /// Checks that the deployment has a pool.
    pub(super) fn check_pool(&self, pool: &PoolName) -> Result<()> {
        let known = &self.deployment.parameters().pools;
        if known.iter().any(|known| known.name == *pool) {
            return Ok(());
        }
        let known: Vec<&str> = known.iter().map(|pool| pool.name.as_str()).collect();
        bail!(
            "deployment {} has no pool {pool} (hint: its pools are {})",
            self.deployment.name(),
            known.join(", ")
        )
    }

    /// Returns whose credentials these are, as far as STS says.
    pub(super) async fn who(&self) -> Option<String> {
        self.aws.caller_arn(Deadline::after(ASKING_WHO)).await.ok()
    }
}

async fn open(
    aws: &Aws,
    name: &DeploymentName,
    connection: &Connection,
    shell: Shell,
    deadline: Deadline,
) -> Result<Deployment> {
    let paths = ParameterPaths::new(name, connection.config_path.as_deref());
    let config = paths.config().to_owned();
    let opening =
        Deployment::open(aws.clone(), name.clone(), paths, Arc::new(shell.now), shell.seed, deadline);
    let deployment = during("reading the pool documents", Box::pin(opening)).await.map_err(readable)?;
    if deployment.parameters().pools.is_empty() {
        bail!(
            "there are no pool documents under {config} in {} (hint: check the deployment's name, the account and \
             the Region)",
            aws.region().unwrap_or("no Region")
        );
    }
    Ok(deployment)
}

/// Adds what to do to a failure whose own text does not say it.
pub(super) fn readable(error: PortError) -> anyhow::Error {
    let hint = match error.kind {
        _ if error.message.contains("(hint: ") => None,
        Kind::Denied if error.message.contains("credentials") => Some(
            "log in, for example with `aws sso login`, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        ),
        Kind::Unreachable => {
            Some("check the network and the Region, AWS_ENDPOINT_URL if it is set, and raise --timeout")
        }
        Kind::Throttled => Some("try again in a while: the account's budget for such calls is spent"),
        Kind::Denied | Kind::NotFound | Kind::Other => None,
    };
    match hint {
        Some(hint) => anyhow!("{error} (hint: {hint})"),
        None => anyhow!(error),
    }
}
