//! Every check, in the order in which a mistake is cheapest to find.
//!
//! The workspace is built once, with one set of features for its binaries and tests, so that the AWS SDK is compiled
//! once in each of three ways: checked by the lints, for the tests, and optimised for the package.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::command::{cargo, step};
use crate::{adversity, deny, fuzz, package, readme, servers, tell, venv};

/// Runs every check, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    deny::run(&deny::DenyArguments::default())?;
    step(
        "lints",
        cargo(&["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]),
    )?;
    // The end-to-end tests run the workspace's binaries, which `cargo test` alone would not all build.
    step("build", cargo(&["build", "--workspace", "--bins", "--tests"]))?;
    let python = venv::PYTHON.ensure()?.join("python");
    step("tests", with_python(cargo(&["test", "--workspace"]), &python))?;
    step("the contract suite against ministack", contract(&python))?;
    let linters = ["test", "--workspace", "--test", "linters", "--", "--ignored"];
    step("the templates under linters", with_python(cargo(&linters), &python))?;
    servers::ensure()?;
    step("the probe against independent servers", servers::tests())?;
    fuzz::run(&fuzz::FuzzArguments::default())?;
    adversity::in_ci()?;
    let mut documentation = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    documentation.env("RUSTDOCFLAGS", "--deny warnings");
    step("documentation", documentation)?;
    let demo = ["run", "--release", "-p", "registrar-local", "--", "demo", "--fast"];
    step("demonstration", cargo(&demo))?;
    package::run(&package::PackageArguments::default())?;
    step("the stack deployed on ministack", deployed(&python))?;
    tell("\n== the README's commands");
    readme::run()?;
    tell("\nci: every check passed");
    Ok(())
}

/// The suite holds the strict model to Route 53's rules in every run of the tests; here it does the same to a stand-in
/// that somebody else wrote. Named within the workspace, it has the features of the tests before it.
fn contract(python: &Path) -> Command {
    let mut command = with_python(cargo(&["test", "--workspace", "--test", "contract"]), python);
    command.env("REGISTRAR_CONTRACT", "ministack");
    command
}

/// Every test has an emulator of its own and waits for most of its time, so more of them run than there are cores.
fn deployed(python: &Path) -> Command {
    let arguments = ["test", "--workspace", "--test", "deployed", "--", "--ignored", "--test-threads", "4"];
    with_python(cargo(&arguments), python)
}

fn with_python(mut command: Command, python: &Path) -> Command {
    command.env("REGISTRAR_PYTHON", python);
    command
}
