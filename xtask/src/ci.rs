//! Every check, in the order in which a mistake is cheapest to find.

use anyhow::Result;

use crate::command::{cargo, step};
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
