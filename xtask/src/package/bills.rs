//! The bills of materials of what is packed, made by a package of its own.
//!
//! They say what is linked into each program, for whoever asks about an advisory later; they decide nothing.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::build::PACKAGES;
use super::target::Architecture;
use crate::command::{cargo, step, target_folder};

/// The folder of the bills, one for each package that is built.
pub(super) struct Bills(PathBuf);

impl Bills {
    /// Makes the bills of all packages as they are built together for a machine.
    pub(super) fn make(architecture: Architecture) -> Result<Self> {
        let folder = target_folder().join("bills").join(architecture.name());
        let mut command = cargo(&["run", "--quiet", "--locked", "--package", "registrar-bill", "--"]);
        command.arg(&folder).arg(architecture.triple()).args(PACKAGES);
        step("bills of materials", command)?;
        Ok(Self(folder))
    }

    /// Returns a package's bill.
    pub(super) fn of(&self, package: &str) -> Result<Vec<u8>> {
        let path = self.0.join(format!("{package}.cdx.json"));
        fs::read(&path).with_context(|| format!("{} could not be read", path.display()))
    }
}
