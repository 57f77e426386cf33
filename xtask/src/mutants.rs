//! `cargo xtask mutants`: changes the core in small ways, and lists the changes that no test notices.
//!
//! What is changed and which tests run is in `.cargo/mutants.toml`; cargo-mutants is installed below the target folder.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::command::{cargo, root, step, target_folder};

/// The version that the settings were written for.
const VERSION: &str = "27.1.0";

/// Which files, and how.
#[derive(Args)]
pub(crate) struct MutantsArguments {
    /// What cargo-mutants takes, such as `--file registrar/core/src/guard/ledger.rs` or `--list`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Installs cargo-mutants where it is not there, and runs it.
pub(crate) fn run(arguments: &MutantsArguments) -> Result<()> {
    let tools = target_folder().join("tools");
    let program = tools.join("bin/cargo-mutants");
    let there = Command::new(&program).args(["mutants", "--version"]).output();
    if !there.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).contains(VERSION)) {
        let version = format!("={VERSION}");
        let mut install = cargo(&["install", "cargo-mutants", "--locked", "--version", &version, "--root"]);
        install.arg(&tools);
        step("cargo-mutants", install)?;
    }
    let mut command = Command::new(&program);
    command.current_dir(root()).args(["mutants", "--output"]).arg(target_folder()).args(&arguments.rest);
    // A few cases of the model are enough to notice what a scenario does not.
    command.env("PROPTEST_CASES", "32");
    let status = command.status().context("cargo-mutants could not be started")?;
    ensure!(
        status.success(),
        "mutants were missed, or could not be tested ({status}); see target/mutants.out"
    );
    Ok(())
}
