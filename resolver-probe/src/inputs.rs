//! Reads what the command line names: the name to ask for, and the files that the truth is made of.
//!
//! Every failure says which input it was, what is wrong with it, and what to do.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use registrar_core::dump;
use registrar_core::name::RecordName;
use registrar_core::pool::Policy;
use registrar_shell::{read, read_dump};
use resolver_probe::arguments::TruthSource;
use resolver_probe::{SystemResolvers, Truth, system_resolvers};

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

/// Where the C library reads its resolvers from, and so everybody else.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Reads which resolvers this machine uses. Without the file there are none, as far as this program goes.
pub(crate) fn system() -> SystemResolvers {
    std::fs::read_to_string(RESOLV_CONF).map(|text| system_resolvers(&text)).unwrap_or_default()
}

/// Reads the certificates to trust.
#[cfg(feature = "encrypted")]
pub(crate) fn trust(ca: Option<&Path>) -> Result<resolver_probe::Trust> {
    match ca {
        None => Ok(resolver_probe::Trust::default()),
        Some(path) => resolver_probe::Trust::with_ca(read("certificates", path)?.as_bytes())
            .map_err(|error| anyhow!("certificates {}: {error}", path.display())),
    }
}
