//! `cargo xtask mutants`: changes the core in small ways, and lists the changes that no test notices.
//!
//! What is changed is in `.cargo/mutants.toml`; cargo-mutants is installed below the target folder.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::command::{cargo, root, step, target_folder};

/// The version that the settings were written for.
const VERSION: &str = "27.1.0";

/// The tests that have to notice: quick ones, since they run a thousand times, and none that needs an AWS SDK. `trees` and
/// `interleavings` notice some more, and take most of a minute.
const TESTS: [&str; 5] = ["--lib", "--test=scenarios", "--test=lint", "--test=execution", "--test=model"];

/// Seconds after which a changed core that does not come to an end counts as noticed.
const TIMEOUT: &str = "180";

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
    let packages =
        ["test", "--profile", "mutants", "--package", "registrar-core", "--package", "registrar-tests"];
    step("the tests on the core as it is", cargo(&[&packages[..], &TESTS].concat()))?;
    let mut command = Command::new(&program);
    // Its own run of them knows only the package that is changed, which has none of these tests.
    command.current_dir(root()).args(["mutants", "--baseline", "skip", "--timeout", TIMEOUT, "--output"]);
    command.arg(target_folder()).args(TESTS.map(|test| format!("--cargo-arg={test}"))).args(&arguments.rest);
    // A few cases of the model are enough to notice what a scenario does not.
    command.env("PROPTEST_CASES", "32");
    let status = command.status().context("cargo-mutants could not be started")?;
    ensure!(
        status.success(),
        "mutants were missed, or could not be tested ({status}); see target/mutants.out"
    );
    Ok(())
}
