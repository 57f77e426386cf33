//! What is known of each crate: its licence from its manifest, and its checksum from `Cargo.lock`. It runs nothing.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::tree::Package;

/// What a bill says of a crate.
#[derive(Debug)]
pub(crate) struct Crate {
    /// The SPDX expression of its manifest.
    pub(crate) license: Option<String>,
    /// The SHA-256 of its archive, which crates of this repository do not have.
    pub(crate) checksum: Option<String>,
}

/// The crates that are locked.
#[derive(Debug)]
pub(crate) struct Crates(BTreeMap<Package, Crate>);

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Manifest>,
}

#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Crates {
    /// Reads what `cargo metadata` prints, and the lock file.
    pub(crate) fn read(metadata: &str, lock: &str) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(metadata).context("cargo metadata cannot be read")?;
        let lock: Lock = toml::from_str(lock).context("Cargo.lock cannot be read")?;
        let mut sums: BTreeMap<Package, Option<String>> = BTreeMap::new();
        for Locked { name, version, checksum } in lock.package {
            sums.insert(Package { name, version }, checksum);
        }
        let with_sum = |Manifest { name, version, license }| {
            let package = Package { name, version };
            let checksum = sums.remove(&package).flatten();
            (package, Crate { license, checksum })
        };
        Ok(Self(metadata.packages.into_iter().map(with_sum).collect()))
    }

    /// Returns what is known of a crate.
    pub(crate) fn of(&self, package: &Package) -> Result<&Crate> {
        self.0.get(package).with_context(|| format!("{} {} is not locked", package.name, package.version))
    }
}
