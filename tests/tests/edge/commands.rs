//! The built commands, and what a run of one left behind.

use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The commands stand beside the directory of the test executables: `target/<profile>/<name>`.
pub(crate) fn built(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let profile = test.parent().and_then(|deps| deps.parent()).context("a target directory")?;
    let path = profile.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(path.exists(), "{} is not built: cargo build --bins", path.display());
    Ok(path)
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Result<Self> {
        Ok(Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }

    /// Checks the exit code, and shows everything where it is another.
    pub(crate) fn exited(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "exit code {:?} and not {code}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// Checks that standard error says every one of these.
    pub(crate) fn complains(self, parts: &[&str]) -> Result<Self> {
        for part in parts {
            ensure!(self.stderr.contains(part), "standard error does not say {part:?}:\n{}", self.stderr);
        }
        Ok(self)
    }

    /// Checks that standard error has a line that says how to go on.
    pub(crate) fn hints(self) -> Result<Self> {
        let hinted = self.stderr.lines().any(|line| line.starts_with("hint: "));
        ensure!(hinted, "standard error has no hint:\n{}", self.stderr);
        Ok(self)
    }

    /// Checks that standard output says every one of these.
    pub(crate) fn says(self, parts: &[&str]) -> Result<Self> {
        for part in parts {
            ensure!(self.stdout.contains(part), "standard output does not say {part:?}:\n{}", self.stdout);
        }
        Ok(self)
    }

    /// Checks that standard output stayed empty.
    pub(crate) fn silent(self) -> Result<Self> {
        ensure!(self.stdout.is_empty(), "standard output is not empty:\n{}", self.stdout);
        Ok(self)
    }

    /// Checks that neither stream holds an escape sequence or the traces of a panic.
    pub(crate) fn plain(self) -> Result<Self> {
        for text in [&self.stdout, &self.stderr] {
            ensure!(!text.contains('\u{1b}'), "an escape sequence in a pipe:\n{text:?}");
            ensure!(!text.contains("panicked"), "a panic:\n{text}");
        }
        Ok(self)
    }

    /// Reads standard output as JSON lines, every one of them.
    pub(crate) fn json_lines(&self) -> Result<Vec<Value>> {
        json_lines(self.stdout.lines())
    }
}

/// Reads each line as one JSON object.
pub(crate) fn json_lines<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Value>> {
    let parse = |line: &str| {
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line:?}"))?;
        ensure!(value.is_object(), "not an object: {line:?}");
        Ok(value)
    };
    lines.map(parse).collect()
}
