//! Running other programs: the step that is told, the cargo that runs this, and the environment.
//!
//! It decides nothing; what is run, and when, is said by the commands.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::tell;

/// Runs one step of a command, told by its name, and tells how long it took. Its output goes where ours goes.
pub(crate) fn step(name: &str, mut command: Command) -> Result<()> {
    tell(&format!("\n== {name}"));
    let started = now();
    let status = command.status().with_context(|| format!("{name} could not be started"))?;
    if !status.success() {
        bail!("{name} failed ({status})");
    }
    tell(&format!("-- {name}: {}", shown(now().duration_since(started))));
    Ok(())
}

/// Runs a program for what it writes to standard output, without the white space at its end.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{shown} could not be started"))?;
    if !output.status.success() {
        bail!("{shown} failed ({}): {}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The cargo that runs this, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(root());
    command
}

/// Returns the root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// Returns the folder of everything that is built, which `CARGO_TARGET_DIR` may move.
pub(crate) fn target_folder() -> PathBuf {
    root().join(environment("CARGO_TARGET_DIR").unwrap_or_else(|| "target".to_owned()))
}

/// Returns a variable of the environment, where it is set and not empty.
#[expect(clippy::disallowed_methods, reason = "xtask is a binary: this is where its environment enters")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The time, for telling how long something took.
#[expect(clippy::disallowed_methods, reason = "xtask is a binary: this is where the time enters")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_step_is_told_in_minutes() {
        assert_eq!(shown(Duration::from_millis(1240)), "1.2 s");
        assert_eq!(shown(Duration::from_secs(754)), "12 min 34 s");
    }

    #[test]
    fn a_program_that_fails_is_named_with_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "sh failed (exit status: 3): no such thing");
    }
}
