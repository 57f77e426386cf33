//! The built function as a process, fed by the Runtime API; everything that it says is JSON.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_stand_in::{Outcome, RuntimeApi};
use serde_json::Value;

use crate::built;
use crate::place::{NAME, Place};

/// How long the process may take to ask for work: much longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(20);

/// An execution environment.
pub(crate) struct Function {
    child: Child,
    runtime: RuntimeApi,
}

/// What an invocation came to, and the lines that were logged.
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) lines: Vec<Value>,
}

impl Function {
    /// Starts the function as the template sets it up, but for its name servers, and with further variables.
    pub(crate) async fn start(place: &Place, more: &[(&str, &str)]) -> Result<Self> {
        let runtime = RuntimeApi::start().await?;
        let child = command(place, &runtime.address(), more)?.spawn()?;
        let function = Self { child, runtime };
        let initialised = tokio::time::timeout(PATIENCE, function.runtime.initialised()).await;
        ensure!(matches!(initialised, Ok(Ok(_))), "it never asked for work: {initialised:?}");
        Ok(function)
    }

    /// Invokes it once, ends it, and returns what it said.
    pub(crate) async fn invoke(mut self, timeout: Duration) -> Result<Said> {
        let invocation = self.runtime.invoke("{}", timeout).await;
        self.child.kill()?;
        let mut stdout = self.child.stdout.take().context("its standard output")?;
        let mut stderr = self.child.stderr.take().context("its standard error")?;
        let (mut said, mut complained) = (String::new(), String::new());
        stdout.read_to_string(&mut said)?;
        stderr.read_to_string(&mut complained)?;
        self.child.wait()?;
        ensure!(complained.is_empty(), "it wrote to standard error:\n{complained}");
        let parse = |line: &str| serde_json::from_str(line).with_context(|| format!("not JSON: {line:?}"));
        Ok(Said { outcome: invocation.outcome, lines: said.lines().map(parse).collect::<Result<_>>()? })
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Said {
    /// Returns the report that was answered.
    pub(crate) fn report(&self) -> Result<Value> {
        let Outcome::Answered(body) = &self.outcome else { bail!("it did not answer: {:?}", self.outcome) };
        serde_json::from_str(body).context("an answer that is not JSON")
    }

    /// Returns the lines with metrics.
    pub(crate) fn metrics(&self) -> Vec<&Value> {
        self.lines.iter().filter(|line| line.get("_aws").is_some()).collect()
    }

    /// Returns the lines about findings, as `ERROR stale-record`.
    pub(crate) fn findings(&self) -> Vec<String> {
        let lines = self.lines.iter().filter(|line| line["schema"] == "resolver-probe-finding/1");
        let word = |line: &Value, key: &str| line[key].as_str().unwrap_or("?").to_owned();
        lines.map(|line| format!("{} {}", word(line, "level"), word(line, "id"))).collect()
    }
}

/// Returns the function's program with the variables of infra/prober.yaml.
pub(crate) fn command(place: &Place, runtime: &str, more: &[(&str, &str)]) -> Result<Command> {
    let mut command = Command::new(built("resolver-probe-lambda")?);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_LAMBDA_LOG_LEVEL", "INFO")
        .env("AWS_ENDPOINT_URL", place.aws().endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "secret")
        .env("REGISTRAR_DEPLOYMENT", "edge")
        .env("REGISTRAR_CONFIG_PATH", "/registrar/edge/pools")
        .env("PROBE_POOL", "video")
        .env("PROBE_NAME", NAME)
        .env("PROBE_VANTAGE", "vpc")
        .env("PROBE_REACH", "")
        .env("PROBE_DNS_ROLE_ARN", "")
        .env("POWERTOOLS_METRICS_NAMESPACE", "ResolverProbe")
        .env("PROBE_SERVERS", place.server().to_string())
        .envs(more.iter().copied());
    Ok(command)
}
