//! What may be depended on: cargo-deny holds the tree to `deny.toml`.
//!
//! The database of advisories is fetched from GitHub, so that it is asked only where somebody says so: what cannot be
//! reached is no advice.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::command::{root, step};
use crate::venv;

/// What is checked without a network beyond the registry.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// What may be asked for.
#[derive(Args, Default)]
pub(crate) struct DenyArguments {
    /// Check the advisories of RustSec as well, which are fetched from GitHub.
    #[arg(long)]
    advisories: bool,
}

/// Checks the workspace, and where the fuzzers' own workspace takes its crates from.
pub(crate) fn run(arguments: &DenyArguments) -> Result<()> {
    let program = venv::DENY.ensure()?.join("cargo-deny");
    let deny = |folder: &str, checks: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(root().join(folder)).env("CARGO", env!("CARGO"));
        command.args(["--locked", "--config"]).arg(root().join("deny.toml")).arg("check").args(checks);
        command
    };
    step("dependencies: bans, licences and sources", deny(".", &CHECKS))?;
    step("dependencies of the fuzz targets: sources", deny("fuzz", &["sources"]))?;
    if arguments.advisories {
        step("dependencies: advisories", deny(".", &["advisories"]))?;
    }
    Ok(())
}
