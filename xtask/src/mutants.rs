//! `cargo xtask mutants`: changes the core in small ways, and lists the changes that no test notices.
//!
//! What is changed is in `.cargo/mutants.toml`; cargo-mutants is installed below the target folder.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::command::{cargo, root, step, target_folder};

/// The version that the settings were written for.
const VERSION: &str = "27.1.0";

/// Tests of one package, and which of them.
type Round = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The tests that have to notice, in rounds, each for what those before it missed, since a change that the quickest notice
/// need not be tried on the others: none of them needs an AWS SDK.
const ROUNDS: [Round; 3] = [
    ("registrar-core", &["--lib"], &["diff::", "guard::", "plan::", "tree::"]),
    (
        "registrar-tests",
        &[
            "--test=scenarios",
            "--test=lint",
            "--test=execution",
            "--test=model",
            "--test=plan",
            "--test=review",
            "--test=status",
        ],
        &[],
    ),
    ("registrar-tests", &["--test=trees"], &[]),
];

/// Seconds after which a changed core that does not come to an end counts as noticed.
const TIMEOUT: &str = "120";

/// What cargo-mutants exits with where mutants were missed, and where the time ran out for one, whatever else was missed.
const MISSED: i32 = 2;
const TIMED_OUT: i32 = 3;

/// Passes over what was noticed before.
const ITERATE: &str = "--iterate";

/// Which files, and how.
#[derive(Args)]
pub(crate) struct MutantsArguments {
    /// What cargo-mutants takes where it runs, such as `--exclude 'registrar/core/src/plan/**'` or `--jobs 2`
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
    for (package, tests, which) in ROUNDS {
        let mut unchanged = cargo(&["test", "--profile", "mutants", "--package", package]);
        unchanged.args(tests).arg("--").args(which);
        step("the tests on the core as it is", unchanged)?;
    }
    let mut rest = arguments.rest.clone();
    for which in ROUNDS {
        round(&program, which, &rest)?;
        if !rest.iter().any(|argument| argument == ITERATE) {
            rest.push(ITERATE.to_owned());
        }
    }
    let missed = target_folder().join("mutants.out/missed.txt");
    let missed = fs::read_to_string(&missed).with_context(|| format!("{} is not there", missed.display()))?;
    ensure!(missed.is_empty(), "mutants were missed by every round:\n{missed}");
    Ok(())
}

fn round(program: &Path, (package, tests, which): Round, rest: &[String]) -> Result<()> {
    let mut command = Command::new(program);
    // Its own run on what is not changed knows only the package that is changed.
    command.current_dir(root()).args(["mutants", "--baseline", "skip", "--timeout", TIMEOUT]);
    command.args(["--test-package", package]).arg("--output").arg(target_folder());
    command.args(tests.iter().map(|test| format!("--cargo-arg={test}"))).args(rest);
    command.args(["--", "--"]).args(which);
    // A few cases of the model are enough to notice what a scenario does not.
    command.env("PROPTEST_CASES", "32");
    let status = command.status().context("cargo-mutants could not be started")?;
    let ran = status.code().is_some_and(|code| [0, MISSED, TIMED_OUT].contains(&code));
    ensure!(ran, "cargo-mutants failed ({status}; hint: see target/mutants.out)");
    Ok(())
}
