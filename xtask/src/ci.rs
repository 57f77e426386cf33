//! Every check, in the order in which a mistake is cheapest to find.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{readme, tell};

/// Runs every check, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    step("format", cargo(&["fmt", "--all", "--check"]))?;
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    // The end-to-end tests run the workspace's binaries, which `cargo test` alone would not all build.
    step("binaries", cargo(&["build", "--workspace", "--bins"]))?;
    step("tests", cargo(&["test", "--workspace"]))?;
    let mut documentation = cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"]);
    documentation.env("RUSTDOCFLAGS", "--deny warnings");
    step("documentation", documentation)?;
    let demo = ["run", "--release", "--bin", "registrar-local", "--", "demo", "--fast"];
    step("demonstration", cargo(&demo))?;
    tell("\n== the README's commands");
    readme::run()?;
    tell("\nci: every check passed");
    Ok(())
}

fn step(name: &str, mut command: Command) -> Result<()> {
    tell(&format!("\n== {name}"));
    let status = command.status().with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    Ok(())
}

/// The cargo that runs this, at the root of the workspace.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}
