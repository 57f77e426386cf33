//! Reads what the command line names: the name to ask for, and the files that the truth is made of.
//!
//! Every failure says which input it was, what is wrong with it, and what to do.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use registrar_core::dump;
use registrar_core::name::RecordName;
use registrar_core::pool::Policy;
use registrar_shell::{read, read_dump};
use resolver_probe::Truth;
use resolver_probe::arguments::TruthSource;

/// Reads the name to ask for.
pub(crate) fn name(text: &str) -> Result<RecordName> {
    text.parse().map_err(|error| anyhow!("NAME: {error} (hint: give the full name that clients ask for)"))
}

/// Makes the truth about `name` of a fleet dump, a pool document and, where given, the groups.
pub(crate) fn truth(
    name: &RecordName,
    fleet: &TruthSource,
    pool: &Path,
    groups: Option<&Path>,
) -> Result<Truth> {
    let fleet = read_dump("fleet", fleet.path(), "aws ec2 describe-instances", dump::read_fleet)?;
    let command = "aws autoscaling describe-auto-scaling-groups";
    let groups = groups.map(|path| read_dump("groups", path, command, dump::read_groups)).transpose()?;
    let policy = Policy::parse(&read("pool document", pool)?)
        .map_err(|error| anyhow!("pool document {}: {error} (hint: {})", pool.display(), error.hint))?;
    if policy.name != *name {
        bail!(
            "pool document {} is about {}, and not about {name} (hint: give the document of the name that is checked)",
            pool.display(),
            policy.name
        );
    }
    Ok(Truth::new(&policy, &fleet, groups.as_ref()))
}
