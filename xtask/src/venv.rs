//! Python environments with exact versions, made once and made again when their requirements change.
//!
//! pip checks the hash of every package; nothing is taken from the system's own packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::command::{output, root, target_folder};
use crate::package::sha256;
use crate::tell;

/// What ministack asks for.
const OLDEST_PYTHON: (u32, u32) = (3, 10);
const INSTALL_PYTHON: &str = "(hint: install Python 3.10 or newer with its venv module; on Debian: apt-get install python3 python3-venv)";

/// An environment and what has to be in it.
pub(crate) struct Venv {
    /// The folder below the target folder.
    folder: &'static str,
    /// The pinned requirements, from the root of the workspace.
    requirements: &'static str,
}

/// What the tests and benches run.
pub(crate) const PYTHON: Venv = Venv { folder: "python", requirements: "tests/python/requirements.txt" };

/// The cross linker.
pub(crate) const ZIG: Venv = Venv { folder: "zig-tools", requirements: "xtask/zig-requirements.txt" };

/// What holds the dependencies to the policy.
pub(crate) const DENY: Venv = Venv { folder: "deny-tools", requirements: "xtask/deny-requirements.txt" };

impl Venv {
    /// Makes the environment where it is not there or not as required, and returns its folder of programs.
    ///
    /// # Errors
    /// Where Python is missing or too old, or pip does not find a package.
    pub(crate) fn ensure(&self) -> Result<PathBuf> {
        let folder = target_folder().join(self.folder);
        let programs = folder.join("bin");
        let requirements = root().join(self.requirements);
        let wanted = fs::read(&requirements)
            .with_context(|| format!("{} could not be read", requirements.display()))?;
        let python = python_version()?;
        let stamp = format!("python {python}\nrequirements {}\n", sha256(&wanted));
        if fs::read_to_string(folder.join("stamp")).is_ok_and(|found| found == stamp) {
            return Ok(programs);
        }
        tell(&format!("-- making {} from {}", folder.display(), self.requirements));
        make(&folder, &requirements)?;
        fs::write(folder.join("stamp"), stamp).context("the environment's stamp could not be written")?;
        Ok(programs)
    }
}

fn make(folder: &Path, requirements: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} could not be removed", folder.display()))?;
    }
    output(Command::new("python3").args(["-m", "venv"]).arg(folder))
        .with_context(|| format!("no Python environment could be made {INSTALL_PYTHON}"))?;
    let mut pip = Command::new(folder.join("bin").join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(requirements);
    output(&mut pip)
        .with_context(|| format!("the packages of {} could not be installed", requirements.display()))?;
    Ok(())
}

/// Returns the version of the Python that environments are made of.
fn python_version() -> Result<String> {
    let code = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    let version = output(Command::new("python3").args(["-c", code]))
        .with_context(|| format!("python3 could not be run {INSTALL_PYTHON}"))?;
    if !is_new_enough(&version) {
        bail!("python3 is {version} {INSTALL_PYTHON}");
    }
    Ok(version)
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST_PYTHON
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_is_compared_by_number() {
        assert!(is_new_enough("3.10.0") && is_new_enough("3.11.7") && is_new_enough("4.0.0"));
        assert!(!is_new_enough("3.9.18") && !is_new_enough("2.7.18") && !is_new_enough("python"));
    }

    #[test]
    fn every_requirement_is_pinned_with_hashes() {
        for venv in [PYTHON, ZIG, DENY] {
            let text = fs::read_to_string(root().join(venv.requirements)).unwrap();
            let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(['#', ' '])).collect();
            assert!(!lines.is_empty(), "{} lists too little", venv.requirements);
            for line in &lines {
                assert!(line.contains("==") && line.ends_with('\\'), "{}: {line}", venv.requirements);
            }
            assert!(text.matches("--hash=sha256:").count() >= lines.len());
        }
    }
}
