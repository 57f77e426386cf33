//! The built `bootstrap` as a process, between a Runtime API and AWS as the stand-in serves it.
//!
//! `cargo test --workspace` builds it before it runs these; with `-p registrar-tests` alone, run
//! `cargo build --workspace --bins` first. Nothing here looks into the process: the records that stand at the
//! end, the messages that went back, the calls that were made and the lines that were logged are all there is.

mod environment;
mod fleet;
mod output;
mod stage;

mod bad_input;
mod budgets;
mod cold_start;
mod custom_resources;
mod drains;
mod faults;
mod launches;
mod pools;
mod races;
mod regions;
mod spot;
mod storm;
mod sweeps;
mod tree;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

/// The commands stand beside the directory of the test executables: `target/<profile>/<name>`.
fn built(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(|deps| deps.parent()).context("a target directory")?;
    let path = profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(path.exists(), "{} is not built: cargo build --workspace --bins", path.display());
    Ok(path)
}
