//! One execution environment: the built `bootstrap` as a process, the Runtime API that feeds it, and what it says.
//!
//! When it is dropped the process is killed and everything that it said is judged: an ERROR that the test did not
//! expect, a secret, or anything on standard error fails the test.

use std::collections::BTreeMap;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Delivery, Invocation, Outcome, RuntimeApi, StandIn, World};
use jiff::Timestamp;
use serde_json::Value;

use crate::built;
use crate::output::Output;
use crate::stage::{QUEUE, SECRETS, Stage};

/// The function's timeout, unless a test says another.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// How long the process may take to ask for work, or to end: much longer than it ever does.
const PATIENCE: Duration = Duration::from_secs(20);

/// A process that waits for invocations.
pub(crate) struct Environment {
    aws: Arc<StandIn>,
    child: Mutex<Option<Child>>,
    runtime: RuntimeApi,
    output: Output,
    timeout: Duration,
}

/// What came of an invocation.
#[derive(Debug)]
pub(crate) struct Served {
    /// The answer; null where nothing was answered.
    pub(crate) answer: Value,
    /// The wide event that was logged.
    pub(crate) event: Value,
    /// The calls that reached AWS, by operation.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Served {
    /// Returns how many calls there were in all.
    pub(crate) fn total(&self) -> u64 {
        self.calls.values().sum()
    }

    /// Returns how many calls there were of an operation.
    pub(crate) fn calls_of(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or_default()
    }

    /// Returns the level of the wide event.
    pub(crate) fn level(&self) -> &str {
        self.event["level"].as_str().unwrap_or_default()
    }

    /// Returns a pool of the wide event.
    pub(crate) fn pool(&self, pool: &str) -> &Value {
        &self.event["pools"][pool]
    }

    /// Returns how much of a pool is held back for a reason.
    pub(crate) fn held(&self, pool: &str, reason: &str) -> u64 {
        self.pool(pool)["held_back"][reason].as_u64().unwrap_or_default()
    }
}

/// What came of a batch of messages.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The messages, and which of them were handed back.
    pub(crate) delivery: Delivery,
    /// The invocation.
    pub(crate) served: Served,
}

impl Batch {
    /// Returns the places in the batch of the messages that were handed back.
    pub(crate) fn failed(&self) -> Vec<usize> {
        let messages = self.delivery.messages.iter().enumerate();
        let failed = messages.filter(|(_, message)| self.delivery.failed.contains(&message.id));
        failed.map(|(place, _)| place).collect()
    }

    /// Returns when the function changed the visibility of the messages, by the world's clock.
    pub(crate) fn served_at(&self, stage: &Stage) -> Result<Timestamp> {
        let world = stage.world();
        let calls = world.call_log().iter();
        let call = calls.rev().find(|call| call.operation == "sqs:ChangeMessageVisibilityBatch");
        Ok(call.context("no message's visibility was changed")?.at)
    }
}

impl Environment {
    /// Starts a process as Lambda does, and waits until it asks for work.
    pub(crate) async fn start(stage: &Stage, more: &[(&str, &str)]) -> Result<Self> {
        let platform = [
            ("AWS_LAMBDA_FUNCTION_NAME", "registrar"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ];
        Self::spawn(stage, &[platform.as_slice(), more].concat()).await
    }

    /// Starts a process that is told where the Runtime API is and nothing more of the platform.
    pub(crate) async fn start_without_the_platform(stage: &Stage) -> Result<Self> {
        Self::spawn(stage, &[]).await
    }

    async fn spawn(stage: &Stage, more: &[(&str, &str)]) -> Result<Self> {
        let runtime = RuntimeApi::start().await?;
        let aws = Arc::clone(stage.aws());
        let mut command = Command::new(built("bootstrap")?);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .env("AWS_ENDPOINT_URL", aws.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", SECRETS[0])
            .env("AWS_SECRET_ACCESS_KEY", SECRETS[1])
            .env("AWS_SESSION_TOKEN", SECRETS[2])
            .env("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
            .env("REGISTRAR_DEPLOYMENT", "edge")
            .env("REGISTRAR_QUEUE_URL", aws.queue_url(QUEUE))
            .envs(more.iter().copied());
        let mut child = command.spawn()?;
        let output = Output::of(&mut child)?;
        let child = Mutex::new(Some(child));
        let environment = Self { aws, child, runtime, output, timeout: TIMEOUT };
        let initialised = tokio::time::timeout(PATIENCE, environment.runtime.initialised()).await;
        let initialised = initialised.with_context(|| environment.said("it never asked for work"))?;
        ensure!(initialised.is_ok(), environment.said(&format!("{initialised:?}")));
        Ok(environment)
    }

    /// Gives its invocations another timeout.
    pub(crate) fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets ERROR lines with this text pass, and demands one.
    pub(crate) fn expects_error(&mut self, text: &str) {
        self.output.expect_error(text);
    }

    /// Lets nothing pass that says this.
    pub(crate) fn keeps_secret(&mut self, text: &str) {
        self.output.keep_secret(text);
    }

    /// Invokes it with a payload that it answers.
    pub(crate) async fn invoke(&self, payload: &str) -> Result<Served> {
        self.aws.world().clear_calls();
        let invocation = self.runtime.invoke(payload, self.timeout).await;
        self.served(&invocation).await
    }

    /// Invokes it with `{}`: everything is looked at.
    pub(crate) async fn sweep(&self) -> Result<Served> {
        self.invoke("{}").await
    }

    /// Invokes it with a payload that it fails at, and returns what it says.
    pub(crate) async fn fails(&self, payload: &str) -> Result<Value> {
        let invocation = self.runtime.invoke(payload, self.timeout).await;
        match invocation.outcome {
            Outcome::Failed(error) => Ok(error),
            outcome => anyhow::bail!(self.said(&format!("it did not fail: {outcome:?}"))),
        }
    }

    /// Delivers up to ten messages of the queue as one batch.
    pub(crate) async fn deliver(&self) -> Result<Batch> {
        self.deliver_up_to(10).await
    }

    /// Delivers some messages of the queue as one batch.
    pub(crate) async fn deliver_up_to(&self, most: usize) -> Result<Batch> {
        self.aws.world().clear_calls();
        let delivery = self.aws.deliver(QUEUE, &self.runtime, most, self.timeout).await?;
        let invocation = delivery.invocation.clone().context("the queue has no visible message")?;
        let served = self.served(&invocation).await?;
        Ok(Batch { delivery, served })
    }

    /// Delivers a batch, and kills the process once the world is as the test waits for it.
    pub(crate) async fn dies_once(
        &self,
        stage: &Stage,
        wanted: &str,
        ready: impl Fn(&mut World) -> bool,
    ) -> Result<()> {
        tokio::select! {
            served = self.aws.deliver(QUEUE, &self.runtime, 10, self.timeout) => {
                anyhow::bail!(self.said(&format!("it lived to answer: {served:?}")))
            }
            reached = stage.eventually(wanted, ready) => reached?,
        }
        self.kill().await
    }

    async fn served(&self, invocation: &Invocation) -> Result<Served> {
        let Outcome::Answered(body) = &invocation.outcome else {
            anyhow::bail!(self.said(&format!("it did not answer: {:?}", invocation.outcome)));
        };
        let answer = serde_json::from_str(body).context("an answer that is not JSON")?;
        let event = self.output.event_of(&invocation.request_id).await?;
        let calls = self.aws.world().calls();
        Ok(Served { answer, event, calls })
    }

    /// Kills it, as the platform or the machine may at any time.
    pub(crate) async fn kill(&self) -> Result<()> {
        let mut child = self.take_child().context("it was ended before")?;
        child.kill()?;
        ended(child).await?;
        Ok(())
    }

    /// Asks it to end, and returns how it did.
    pub(crate) async fn terminate(&self) -> Result<ExitStatus> {
        let child = self.take_child().context("it was ended before")?;
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
        ensure!(asked.success(), "it could not be asked");
        ended(child).await
    }

    fn take_child(&self) -> Option<Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the most memory that it ever had resident, in MiB: `VmHWM` of proc_pid_status(5).
    pub(crate) fn peak_memory_mib(&self) -> Result<u64> {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let id = child.as_ref().context("it was ended before")?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? / 1024)
    }

    /// Returns every line of its standard output so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    fn said(&self, problem: &str) -> String {
        format!("{problem}\n{}", self.lines().join("\n"))
    }
}

async fn ended(mut child: Child) -> Result<ExitStatus> {
    let waited = tokio::task::spawn_blocking(move || child.wait());
    Ok(tokio::time::timeout(PATIENCE, waited).await.context("it did not end")???)
}

impl Drop for Environment {
    fn drop(&mut self) {
        if let Some(mut child) = self.take_child() {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
        let judgement = self.output.judge();
        if !std::thread::panicking() {
            assert!(judgement.is_ok(), "{judgement:?}");
        }
    }
}
