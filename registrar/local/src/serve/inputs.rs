//! The files that an edge reads: watched by reading them again, as a sweep would see them.
//!
//! At the start a file that cannot be used is an error. Later the last good content stays in place and
//! the problem is told, because a file may be half-written at any moment.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use registrar_core::Timestamp;
use registrar_core::inventory::HostedZone;
use registrar_core::name::RecordName;
use registrar_core::offline::{PoolArgument, single_hosted_zone};
use registrar_core::pool::{Pool, PoolState};
use registrar_core::record_set::RecordSet;
use registrar_shell::{read, read_dump};
use serde::Deserialize;
use serde_json::json;
use tempfile::NamedTempFile;

use crate::dns::{NameServerFaults, ResolverFaults};
use crate::edge::{Edge, EdgeFaults, Route53Faults};

/// Where everything is read from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The pool documents.
    pub pools: Vec<PoolArgument>,
    /// What `aws ec2 describe-instances` printed.
    pub fleet: PathBuf,
    /// What `aws autoscaling describe-auto-scaling-…` printed.
    pub groups: Option<PathBuf>,
    /// The record sets, read at the start and written after each change.
    pub zone: Option<PathBuf>,
    /// The faults.
    pub faults: Option<PathBuf>,
}

/// A file of faults: how the services around the edge misbehave.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultsDocument {
    /// What Route 53 does to the next calls.
    pub route53: Route53Faults,
    /// What the name servers do, in the order of the `--dns` arguments.
    pub name_servers: Vec<NameServerFaults>,
    /// What the resolvers do, in the order of the `--resolver` arguments.
    pub resolvers: Vec<ResolverFaults>,
}

impl Inputs {
    /// Reads the pool documents for the start, where every one of them must be good.
    ///
    /// # Errors
    /// When a document cannot be read or used, two claim one name, or a name is outside the hosted zone.
    pub fn first_pools(&self, origin: &RecordName) -> Result<Vec<Pool>> {
        let mut pools = Vec::new();
        for argument in &self.pools {
            let pool = Pool::read(argument.name.clone(), &read("pool document", &argument.file)?);
            if let Err(error) = &pool.policy {
                bail!("pool document {}: {error} (hint: {})", argument.file.display(), error.hint);
            }
            pools.push(pool);
        }
        single_hosted_zone(&pools)?;
        let mut names = BTreeMap::new();
        for (pool, argument) in pools.iter().zip(&self.pools) {
            let Ok(policy) = &pool.policy else { continue };
            if !policy.name.is_within(origin) {
                bail!(
                    "pool document {}: record.name: {} is outside the hosted zone {origin} (hint: use a name that \
                     ends in .{origin}, or give --origin)",
                    argument.file.display(),
                    policy.name
                );
            }
            if policy.state == PoolState::Retired {
                continue;
            }
            if let Some(other) = names.insert(&policy.name, &pool.name) {
                bail!(
                    "pools {other} and {} claim the same name {} (hint: give each pool a name of its own)",
                    pool.name,
                    policy.name
                );
            }
        }
        Ok(pools)
    }

    /// Reads the record sets that are there at the start; none where the file does not exist yet.
    ///
    /// # Errors
    /// When the file is there and is not what `aws route53 list-resource-record-sets` prints.
    pub fn first_zone(&self) -> Result<HostedZone> {
        let Some(path) = self.zone.as_ref().filter(|path| path.exists()) else {
            return Ok(HostedZone::default());
        };
        let command = "aws route53 list-resource-record-sets";
        let zone = read_dump("zone", path, command, registrar_core::dump::read_hosted_zone)?;
        match &zone.gap {
            Some(gap) => bail!("zone {}: {} (hint: list it to its end)", path.display(), gap.reason),
            None => Ok(zone),
        }
    }

    /// Checks that fleet and groups are good at the start.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn check_dumps(&self) -> Result<()> {
        read_dump("fleet", &self.fleet, "aws ec2 describe-instances", registrar_core::dump::read_fleet)?;
        if let Some(path) = &self.groups {
            let command = "aws autoscaling describe-auto-scaling-groups";
            read_dump("groups", path, command, registrar_core::dump::read_groups)?;
        }
        Ok(())
    }

    /// Reads everything again into the edge; what cannot be read becomes a gap there, or holds its pool.
    pub fn refresh(&self, edge: &mut Edge, now: Timestamp) {
        let text = |what: &str, path: &Path| read(what, path).map_err(|error| format!("{error:#}"));
        let fleet = text("fleet", &self.fleet);
        edge.read_fleet(&self.fleet.display().to_string(), fleet.as_deref().map_err(Clone::clone), now);
        if let Some(path) = &self.groups {
            let groups = text("groups", path);
            edge.read_groups(&path.display().to_string(), groups.as_deref().map_err(Clone::clone));
        }
        for pool in &self.pools {
            let document = text("pool document", &pool.file);
            edge.read_pool(pool.name.clone(), document.as_deref().map_err(Clone::clone));
        }
    }

    /// Reads the faults.
    ///
    /// # Errors
    /// When the file cannot be read, or names a fault that there is not.
    pub fn read_faults(&self) -> Result<FaultsDocument> {
        let Some(path) = &self.faults else { return Ok(FaultsDocument::default()) };
        let text = read("faults", path)?;
        registrar_core::json::parse(&text).map_err(|error| anyhow!("faults {}: {error}", path.display()))
    }

    /// Checks that the zone file's folder takes files, before anything depends on it.
    ///
    /// # Errors
    /// When it does not.
    pub fn check_zone_folder(&self) -> Result<()> {
        let Some(path) = &self.zone else { return Ok(()) };
        new_file_beside(path).map(drop).with_context(|| {
            format!(
                "zone {} cannot be written (hint: name a file in a folder that you may write)",
                path.display()
            )
        })
    }

    /// Writes the record sets in the form in which they are read; the file is replaced as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_zone(&self, records: &[RecordSet]) -> Result<()> {
        let Some(path) = &self.zone else { return Ok(()) };
        let fail = || format!("zone {} could not be written", path.display());
        let mut file = new_file_beside(path).with_context(fail)?;
        serde_json::to_writer_pretty(&mut file, &json!({ "ResourceRecordSets": records }))
            .with_context(fail)?;
        file.write_all(b"\n").with_context(fail)?;
        file.persist(path).with_context(fail)?;
        Ok(())
    }
}

/// Makes a file that can replace the one at `path`, with its permissions, or those of any new file.
fn new_file_beside(path: &Path) -> std::io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = match std::fs::metadata(path) {
        Ok(there) => there.permissions(),
        Err(_) => Permissions::from_mode(0o666),
    };
    tempfile::Builder::new().permissions(permissions).tempfile_in(folder)
}

impl From<&FaultsDocument> for EdgeFaults {
    fn from(document: &FaultsDocument) -> Self {
        Self { route53: document.route53 }
    }
}
