//! What a process writes, line by line, and what it must not write.

use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tokio::sync::watch;

use crate::stage::SECRETS;

/// How long a line may take from the process to here: much longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both streams of a process.
pub(crate) struct Output {
    stdout: watch::Receiver<Vec<String>>,
    stderr: watch::Receiver<Vec<String>>,
    readers: Vec<JoinHandle<()>>,
    secrets: Vec<String>,
    expected_errors: Vec<String>,
}

impl Output {
    pub(crate) fn of(child: &mut Child) -> Result<Self> {
        let (stdout, out) = keep(child.stdout.take().context("its standard output")?);
        let (stderr, err) = keep(child.stderr.take().context("its standard error")?);
        let secrets = SECRETS.map(str::to_owned).to_vec();
        Ok(Self { stdout, stderr, readers: vec![out, err], secrets, expected_errors: Vec::new() })
    }

    pub(crate) fn expect_error(&mut self, text: &str) {
        self.expected_errors.push(text.to_owned());
    }

    pub(crate) fn keep_secret(&mut self, text: &str) {
        self.secrets.push(text.to_owned());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.stdout.borrow().clone()
    }

    /// Waits for the wide event of an invocation, which may still be in the pipe.
    pub(crate) async fn event_of(&self, request_id: &str) -> Result<Value> {
        let find = |lines: &[String]| lines.iter().rev().find_map(|line| wide_event(line, request_id));
        let mut stdout = self.stdout.clone();
        let waited = tokio::time::timeout(PATIENCE, stdout.wait_for(|lines| find(lines).is_some())).await;
        let waited = waited.ok().and_then(Result::ok).and_then(|lines| find(&lines));
        waited.with_context(|| format!("no event of {request_id} in\n{}", self.lines().join("\n")))
    }

    /// Waits for the streams to end, and looks at everything that they held.
    pub(crate) fn judge(&mut self) -> Result<()> {
        for reader in self.readers.drain(..) {
            ensure!(reader.join().is_ok(), "a stream could not be read");
        }
        let (stdout, stderr) = (self.lines(), self.stderr.borrow().clone());
        ensure!(stderr.is_empty(), "it wrote to standard error:\n{}", stderr.join("\n"));
        let mut met = vec![false; self.expected_errors.len()];
        for line in &stdout {
            if let Some(secret) = self.secrets.iter().find(|secret| line.contains(secret.as_str())) {
                bail!("it told the secret {secret:?}:\n{line}");
            }
            let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line:?}"))?;
            if value["level"] == "ERROR" {
                let expected = self.expected_errors.iter().position(|text| line.contains(text.as_str()));
                let expected = expected.with_context(|| format!("an unexpected ERROR:\n{line}"))?;
                met[expected] = true;
            }
        }
        let unmet = self.expected_errors.iter().zip(met).find(|(_, met)| !met);
        ensure!(unmet.is_none(), "no ERROR says {unmet:?}:\n{}", stdout.join("\n"));
        Ok(())
    }
}

fn wide_event(line: &str, request_id: &str) -> Option<Value> {
    // Most lines are others, and parsing each of them again for each invocation takes its time.
    if !line.contains("registrar-invocation/1") || !line.contains(request_id) {
        return None;
    }
    let value: Value = serde_json::from_str(line).ok()?;
    (value["schema"] == "registrar-invocation/1" && value["request_id"] == request_id).then_some(value)
}

fn keep(stream: impl Read + Send + 'static) -> (watch::Receiver<Vec<String>>, JoinHandle<()>) {
    let (sender, lines) = watch::channel(Vec::new());
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            sender.send_modify(|lines: &mut Vec<String>| lines.push(line));
        }
    });
    (lines, reader)
}
