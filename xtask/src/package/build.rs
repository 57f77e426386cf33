//! Builds the binaries that are packaged, with a linker that fits the machine they are for.
//!
//! It looks for what the build needs before it starts, and says how to install what is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::target::{Architecture, GLIBC};
use crate::command::{cargo, environment, output, root, step, target_folder};
use crate::venv;

/// What is built together, always: another selection has other features of the shared crates, and the SDK would be
/// compiled once for each.
pub(super) const PACKAGES: [&str; 5] =
    ["registrar-lambda", "registrar-cli", "resolver-probe", "resolver-probe-lambda", "registrar-local"];

/// The profile in Cargo.toml.
const PROFILE: &str = "dist";

/// What links the binaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Linker {
    /// The system's own C compiler and C library
    Host,
    /// zig, against glibc 2.34, from PyPI
    Zig,
}

impl Linker {
    /// Returns what links for this architecture where nobody asked for another.
    pub(crate) fn for_architecture(architecture: Architecture) -> Self {
        if architecture.is_host() { Self::Host } else { Self::Zig }
    }
}

/// Builds every binary, and returns the folder that they are in.
///
/// # Errors
/// Where something is missing that the build needs, with the command that installs it, or where the build fails.
pub(crate) fn build(architecture: Architecture, linker: Linker) -> Result<PathBuf> {
    check_standard_library(architecture)?;
    if linker == Linker::Host && !architecture.is_host() {
        bail!(
            "the host's linker does not link for {} (hint: leave out --linker, or give --linker zig)",
            architecture.name()
        );
    }
    let (command, folder) = match linker {
        Linker::Host => with_host(architecture),
        Linker::Zig => with_zig(architecture, &venv::ZIG.ensure()?)?,
    };
    step(&format!("release build for {}", architecture.name()), command)?;
    Ok(folder.join(architecture.triple()).join(PROFILE))
}

fn with_host(architecture: Architecture) -> (Command, PathBuf) {
    // Naming the target, even where it is the host, keeps our flags away from build scripts and macros.
    let folder = target_folder();
    let mut command = cargo(&["build", "--target", architecture.triple()]);
    select(&mut command, &folder);
    (command, folder)
}

fn with_zig(architecture: Architecture, programs: &Path) -> Result<(Command, PathBuf)> {
    // A folder of its own: cargo does not notice that another linker was used, and would keep the old binary.
    let folder = target_folder().join("zig");
    let mut command = Command::new(programs.join("cargo-zigbuild"));
    command.current_dir(root()).args(["zigbuild", "--target", &format!("{}.{GLIBC}", architecture.triple())]);
    select(&mut command, &folder);
    let rest = environment("PATH").context("PATH is not set")?;
    command
        .env("PATH", format!("{}:{rest}", programs.display()))
        .env("CARGO", env!("CARGO"))
        .env("CARGO_ZIGBUILD_CACHE_DIR", folder.join("cache"));
    Ok((command, folder))
}

fn select(command: &mut Command, folder: &Path) {
    command.args(["--locked", "--bins", "--profile", PROFILE, "--target-dir"]).arg(folder);
    command.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    command.env("CARGO_ENCODED_RUSTFLAGS", remapped_paths().join("\u{1f}"));
}

/// Paths stand in panic messages. Under fixed names, the same sources give the same binary in every folder, and the
/// binary tells nobody where it was built.
fn remapped_paths() -> Vec<String> {
    let cargo_home = environment("CARGO_HOME").or_else(|| Some(format!("{}/.cargo", environment("HOME")?)));
    let home = cargo_home.map(|home| format!("--remap-path-prefix={home}=/cargo"));
    let here = format!("--remap-path-prefix={}=/registrar", root().display());
    home.into_iter().chain([here]).collect()
}

fn check_standard_library(architecture: Architecture) -> Result<()> {
    let triple = architecture.triple();
    let mut rustc = Command::new("rustc");
    let folder = output(rustc.current_dir(root()).args(["--print", "target-libdir", "--target", triple]))
        .context("the compiler could not be asked for its targets")?;
    let has_std = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    };
    if !has_std(&folder) {
        bail!("Rust's standard library for {triple} is not installed (hint: rustup target add {triple})");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_linked_by_its_own_compiler_and_others_by_zig() {
        assert_eq!(Linker::for_architecture(Architecture::host()), Linker::Host);
        let other = Architecture::ALL.into_iter().find(|it| !it.is_host()).unwrap();
        assert_eq!(Linker::for_architecture(other), Linker::Zig);
    }

    #[test]
    fn the_hosts_standard_library_is_found() {
        check_standard_library(Architecture::host()).unwrap();
    }

    #[test]
    fn the_place_of_the_build_is_remapped() {
        let flags = remapped_paths();
        let here = format!("--remap-path-prefix={}=/registrar", root().display());
        assert!(flags.contains(&here), "{flags:?}");
        assert!(flags.iter().any(|flag| flag.ends_with("=/cargo")), "{flags:?}");
    }
}
