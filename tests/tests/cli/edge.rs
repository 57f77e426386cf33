//! A directory with the files of one small edge, and the command run inside it.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use assert_cmd::Command;
use registrar_tests::scenario::{HOSTED_ZONE, Scenario};
use tempfile::TempDir;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Checks the exit code, and shows everything where it is another.
    pub(crate) fn exited(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == code,
            "exit code {} and not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Checks that standard error says something.
    pub(crate) fn complains(self, part: &str) -> Result<Self> {
        ensure!(self.stderr.contains(part), "standard error does not say {part:?}:\n{}", self.stderr);
        Ok(self)
    }

    /// Checks that standard output says something.
    pub(crate) fn says(self, part: &str) -> Result<Self> {
        ensure!(self.stdout.contains(part), "standard output does not say {part:?}:\n{}", self.stdout);
        Ok(self)
    }

    /// Checks that standard output stayed empty.
    pub(crate) fn silent(self) -> Result<Self> {
        ensure!(self.stdout.is_empty(), "standard output is not empty:\n{}", self.stdout);
        Ok(self)
    }
}

/// The files of one edge.
pub(crate) struct Edge {
    directory: TempDir,
    pools: Vec<String>,
    groups: bool,
    events: bool,
}

impl Edge {
    /// Writes the files that a scenario (without expectations) stands for.
    pub(crate) fn new(scenario: &str) -> Result<Self> {
        Self::of(&Scenario::parse(&format!("why = \"a run of the command\"\n{scenario}"))?)
    }

    /// Writes the files that a whole scenario stands for.
    pub(crate) fn of(scenario: &Scenario) -> Result<Self> {
        let documents = scenario.documents()?;
        let mut edge = Self {
            directory: tempfile::tempdir()?,
            pools: Vec::new(),
            groups: documents.groups.is_some(),
            events: !documents.events.is_empty(),
        };
        for (name, text) in &documents.pools {
            edge.write(&format!("{name}.json"), text)?;
            edge.pools.push(format!("{name}.json"));
        }
        edge.write("fleet.json", &documents.fleet)?;
        edge.write("zone.json", documents.zones.get(HOSTED_ZONE).context("the zone is there")?)?;
        edge.write("groups.json", documents.groups.as_deref().unwrap_or_default())?;
        edge.write("events.jsonl", &documents.events)?;
        Ok(edge)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.directory.path().join(name), text)?)
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.directory.path().join(name))?)
    }

    /// Runs `registrar plan` on the edge's files, with further arguments.
    pub(crate) fn plan(&self, more: &[&str]) -> Result<Ran> {
        let mut arguments = vec!["plan", "--fleet", "fleet.json", "--zone", "zone.json"];
        arguments.extend(["--now", "2026-11-21T10:00:00Z"]);
        if self.groups {
            arguments.extend(["--groups", "groups.json"]);
        }
        if self.events {
            arguments.extend(["--events", "events.jsonl"]);
        }
        if !self.pools.is_empty() {
            arguments.push("--pool");
            arguments.extend(self.pools.iter().map(String::as_str));
        }
        arguments.extend(more);
        self.run(&arguments)
    }

    /// Runs the command in the directory of the files.
    pub(crate) fn run(&self, arguments: &[&str]) -> Result<Ran> {
        let mut command = Command::new(registrar()?);
        command.args(arguments).current_dir(self.directory.path()).env_remove("COLUMNS");
        let output = command.output()?;
        Ok(Ran {
            code: output.status.code().context("the command was killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }
}

/// The command stands beside the directory of the test executables: `target/<profile>/registrar`.
fn registrar() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(|deps| deps.parent()).context("a target directory")?;
    let path = profile.join(format!("registrar{}", std::env::consts::EXE_SUFFIX));
    ensure!(path.exists(), "{} is not built: cargo build -p registrar-cli", path.display());
    Ok(path)
}
