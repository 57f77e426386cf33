//! A client of the emulator: boto3 behind a pipe, and waiting for what the emulator does in its own time.
//!
//! It knows services and operations by boto3's names only, and none of them in particular.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// The Region of everything, unless said otherwise.
pub(crate) const REGION: &str = "us-east-1";

/// How often, and how many times, is looked at what takes time: for 40 seconds in all, and what the looks take.
const LOOK_EVERY: Duration = Duration::from_millis(50);
const MOST_LOOKS: u32 = 800;

/// A client, which ends when it is dropped.
pub(crate) struct Aws {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Aws {
    pub(crate) fn start(python: &Path, endpoint: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/aws_calls.py");
        let mut command = Command::new(python);
        command.arg(script).arg(endpoint).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} cannot be run", python.display()))?;
        let input = child.stdin.take().context("the client's input")?;
        let output = child.stdout.take().context("the client's output")?;
        Ok(Self { child, pipes: Mutex::new((input, BufReader::new(output))) })
    }

    /// Makes a call that may be refused, and returns the answer or the refusal.
    pub(crate) fn ask(
        &self,
        service: &str,
        operation: &str,
        arguments: Value,
    ) -> Result<Result<Value, String>> {
        self.ask_in(REGION, service, operation, arguments)
    }

    /// Makes a call that is not refused.
    pub(crate) fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        self.ask(service, operation, arguments)?.map_err(|refusal| anyhow::anyhow!("{operation}: {refusal}"))
    }

    pub(crate) fn ask_in(
        &self,
        region: &str,
        service: &str,
        operation: &str,
        arguments: Value,
    ) -> Result<Result<Value, String>> {
        let call =
            json!({"service": service, "region": region, "operation": operation, "arguments": arguments});
        let mut pipes = self.pipes.lock().map_err(|_| anyhow::anyhow!("the client's pipes are broken"))?;
        let (input, output) = &mut *pipes;
        writeln!(input, "{call}")?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        let mut answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("{service} {operation}: the client has ended, or answers {line:?}"))?;
        Ok(match answer["refused"].take() {
            Value::String(refusal) => Err(refusal),
            _ => Ok(answer["answer"].take()),
        })
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Looks until something is as it should be, and says what it was last where it never is.
pub(crate) fn wait_until<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> Result<T>,
    as_wanted: impl Fn(&T) -> bool,
) -> Result<T> {
    let mut seen = look()?;
    for _ in 0..MOST_LOOKS {
        if as_wanted(&seen) {
            return Ok(seen);
        }
        thread::sleep(LOOK_EVERY);
        seen = look()?;
    }
    bail!("{what}: not after {MOST_LOOKS} looks; last seen: {seen:#?}")
}
