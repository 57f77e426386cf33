//! What is measured: a bootstrap, run as a process with the environment that Lambda gives it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result};
use aws_stand_in::{RuntimeApi, StandIn};
use serde::Serialize;

use crate::scene::{DEPLOYMENT, POOL_TAG, QUEUE, Scene};

/// One of the two that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// The registrar's own bootstrap.
    Registrar,
    /// The published reference design in Python.
    Baseline,
}

impl Side {
    /// Both, in the order in which they take turns.
    pub(crate) const BOTH: [Self; 2] = [Self::Registrar, Self::Baseline];
}

/// Where both are.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// The registrar's executable.
    pub(crate) bootstrap: PathBuf,
    /// The interpreter with boto3.
    pub(crate) python: PathBuf,
    /// The folder of the baseline's sources.
    pub(crate) baseline: PathBuf,
    /// Where their own output goes: nowhere, or to ours.
    pub(crate) show_output: bool,
}

/// A process that is killed when this goes out of scope.
pub(crate) struct Process(Child);

impl Subjects {
    /// Starts one side, which finds its work at the Runtime API and AWS at the stand-in.
    pub(crate) fn start(
        &self,
        side: Side,
        scene: &Scene,
        stand_in: &StandIn,
        runtime: &RuntimeApi,
    ) -> Result<Process> {
        let mut command = match side {
            Side::Registrar => Command::new(&self.bootstrap),
            Side::Baseline => {
                let mut command = Command::new(&self.python);
                command.arg(self.baseline.join("runtime.py"));
                command
            }
        };
        self.set_environment(&mut command, side, scene, stand_in, runtime);
        let output = || if self.show_output { Stdio::inherit() } else { Stdio::null() };
        command.stdin(Stdio::null()).stdout(output()).stderr(output());
        let program = Path::new(command.get_program()).display().to_string();
        Ok(Process(command.spawn().with_context(|| format!("{program} could not be started"))?))
    }

    fn set_environment(
        &self,
        command: &mut Command,
        side: Side,
        scene: &Scene,
        stand_in: &StandIn,
        runtime: &RuntimeApi,
    ) {
        // What the runtime sets, and nothing of whoever measures.
        command.env_clear().envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            ("AWS_LAMBDA_FUNCTION_NAME", "registrar-bench"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
        ]);
        command.env("AWS_ENDPOINT_URL", stand_in.endpoint());
        command.env("AWS_LAMBDA_RUNTIME_API", runtime.address());
        match side {
            Side::Registrar => {
                command.env("REGISTRAR_DEPLOYMENT", DEPLOYMENT);
                command.env("REGISTRAR_QUEUE_URL", stand_in.queue_url(QUEUE));
            }
            Side::Baseline => {
                command.env("BASELINE_POOLS", scene.baseline_pools()).env("BASELINE_POOL_TAG", POOL_TAG);
                // As in Lambda, where the code's folder cannot be written to.
                command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
            }
        }
    }
}

impl Process {
    /// Returns how it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.0.try_wait().context("the process cannot be looked at")
    }

    /// Returns the most memory that it ever had resident, in KiB: `VmHWM` of proc_pid_status(5).
    pub(crate) fn peak_memory_kib(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.0.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        peak(&status).with_context(|| format!("{path} has no VmHWM (hint: memory is measured on Linux only)"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about either failure.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_processs_status() {
        assert_eq!(peak("Name:\tx\nVmPeak:\t  9 kB\nVmHWM:\t   13312 kB\nVmRSS:\t 1 kB\n"), Some(13312));
        assert_eq!(peak("Name:\tx\n"), None);
    }
}
