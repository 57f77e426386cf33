//! The built probe between AWS, as the stand-in serves it, and name servers that answer from the same hosted zone.
//!
//! `cargo test --workspace` builds the programs before it runs these; with `-p registrar-tests` alone, run
//! `cargo build --workspace --bins` first.

mod function;
mod place;

mod accounts;
mod answers;
mod invocations;
mod records;
mod trouble;

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
