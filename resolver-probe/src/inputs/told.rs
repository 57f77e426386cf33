//! Reads what should be answered and what the hosted zone holds, from files or from AWS.
//!
//! What the arguments ask for is there in the end, or an error; AWS may leave gaps, which the check reports.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail, ensure};
use registrar_core::dump;
use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::offline::PoolArgument;
use registrar_core::pool::Policy;
use registrar_shell::{read, read_dump};
use resolver_probe::arguments::{TruthArgs, TruthSource};
use resolver_probe::{RecordInventory, Truth};

/// What is known beside the answers.
#[derive(Default)]
pub(crate) struct Told {
    /// What should be answered.
    pub(crate) truth: Option<Truth>,
    /// What the hosted zone holds.
    pub(crate) records: Option<RecordInventory>,
}

/// Reads what is known of `name`. What comes from AWS takes half of `deadline` at most, so that time is left
/// to ask name servers.
pub(crate) async fn told(name: &RecordName, arguments: &TruthArgs, deadline: Duration) -> Result<Told> {
    match (&arguments.truth, &arguments.pool) {
        (Some(TruthSource::Aws), Some(pool)) => {
            without_files(arguments)?;
            Box::pin(of_aws(name, pool, arguments, deadline / 2)).await
        }
        (Some(TruthSource::File(_)), Some(_)) => {
            without_aws(arguments)?;
            Ok(Told { truth: of_files(name, arguments)?, records: records(name, arguments)? })
        }
        (None, _) | (_, None) => Ok(Told { truth: None, records: records(name, arguments)? }),
    }
}

/// Makes the truth about `name` of a fleet dump, a pool document and, where given, the groups.
fn of_files(name: &RecordName, arguments: &TruthArgs) -> Result<Option<Truth>> {
    let (Some(TruthSource::File(fleet)), Some(pool)) = (&arguments.truth, &arguments.pool) else {
        return Ok(None);
    };
    let fleet = read_dump("fleet", fleet, "aws ec2 describe-instances", dump::read_fleet)?;
    let command = "aws autoscaling describe-auto-scaling-groups";
    let groups = arguments.groups.as_deref();
    let groups = groups.map(|path| read_dump("groups", path, command, dump::read_groups)).transpose()?;
    let (_, pool) = pool_file(pool);
    let policy = Policy::parse(&document(&pool)?)
        .map_err(|error| anyhow!("pool document {}: {error} (hint: {})", pool.display(), error.hint))?;
    ensure!(
        policy.name == *name,
        "pool document {} is about {}, and not about {name} (hint: give the document of the name that is checked)",
        pool.display(),
        policy.name
    );
    Ok(Some(Truth::new(&policy, &fleet, groups.as_ref())))
}

/// Returns a pool's name and its document's file. A file whose stem is no pool's name leaves it open.
fn pool_file(argument: &str) -> (Option<PoolName>, PathBuf) {
    match PoolArgument::parse(argument) {
        Ok(pool) => (Some(pool.name), pool.file),
        Err(_) => (None, argument.into()),
    }
}

fn document(path: &Path) -> Result<String> {
    let is_name = path.to_str().is_some_and(|text| text.parse::<PoolName>().is_ok());
    if is_name && !path.exists() {
        bail!(
            "--pool {}: there is no such file (hint: beside a file with the fleet, --pool is the pool's \
             document; the name of a deployment's pool goes with --truth aws)",
            path.display()
        );
    }
    read("pool document", path)
}

fn records(name: &RecordName, arguments: &TruthArgs) -> Result<Option<RecordInventory>> {
    let Some(path) = &arguments.records else { return Ok(None) };
    let command = "aws route53 list-resource-record-sets";
    let listed = read_dump("records", path, command, dump::read_hosted_zone)?;
    let pool = arguments.pool.as_deref().and_then(|pool| pool_file(pool).0);
    Ok(Some(RecordInventory::new(name, &listed, &arguments.deployment, pool.as_ref())))
}

fn without_aws(arguments: &TruthArgs) -> Result<()> {
    let given = [
        ("--config-path", arguments.config_path.is_some()),
        ("--dns-role-arn", arguments.dns_role_arn.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        Some((option, _)) => bail!("{option} goes with --truth aws, and not with a file"),
        None => Ok(()),
    }
}

fn without_files(arguments: &TruthArgs) -> Result<()> {
    let given = [("--groups", &arguments.groups), ("--records", &arguments.records)];
    match given.into_iter().find(|(_, given)| given.is_some()) {
        Some((option, _)) => bail!(
            "{option} goes with --truth file:FLEET.json (hint: with --truth aws, they are read from AWS)"
        ),
        None => Ok(()),
    }
}

#[cfg(feature = "aws")]
async fn of_aws(name: &RecordName, pool: &str, arguments: &TruthArgs, limit: Duration) -> Result<Told> {
    use registrar_aws::{Aws, Deadline, Settings};
    use resolver_probe::aws::{LookRequest, look};

    let deadline = Deadline::after(limit);
    let request = LookRequest {
        name: name.clone(),
        deployment: arguments.deployment.clone(),
        config_path: arguments.config_path.clone(),
        pool: pool_name(pool)?,
        dns_role_arn: arguments.dns_role_arn.clone(),
    };
    // Where no Region is set, the machine's own is asked for, which is not there everywhere.
    let connecting = tokio::time::timeout_at(deadline.0, Aws::connect(Settings::default())).await;
    let aws = connecting.map_err(|_| {
        anyhow!("credentials and Region were not found in time (hint: set AWS_REGION and AWS_PROFILE)")
    })?;
    let seen = look(&aws, &request, deadline).await?;
    Ok(Told { truth: Some(seen.truth), records: Some(seen.records) })
}

#[cfg(not(feature = "aws"))]
async fn of_aws(_: &RecordName, pool: &str, _: &TruthArgs, _: Duration) -> Result<Told> {
    bail!(
        "--truth aws --pool {pool}: this resolver-probe was built without AWS (hint: build it with its default \
         features, or give --truth file:FLEET.json)"
    )
}

#[cfg(feature = "aws")]
fn pool_name(text: &str) -> Result<PoolName> {
    text.parse().map_err(|error| {
        anyhow!(
            "--pool {text}: {error} (hint: with --truth aws, --pool is the pool's name; a document goes with \
             --truth file:FLEET.json)"
        )
    })
}
