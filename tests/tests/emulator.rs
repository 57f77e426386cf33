//! The built function on ministack, an emulator that somebody else wrote: the adapters for EC2, SSM, SQS and
//! Route 53 speak to another server than the project's own, and the records are right.
//!
//! It needs the Python environment that `cargo xtask python` makes, and is run by `cargo xtask ci`:
//! `REGISTRAR_PYTHON=target/python/bin/python cargo test --workspace --test emulator -- --ignored`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_stand_in::{Ministack, Outcome, RuntimeApi};
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Ends with the test, whatever comes of it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

struct World {
    python: PathBuf,
    ministack: Ministack,
    _files: tempfile::TempDir,
}

impl World {
    fn start() -> Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "the environment of a test run enters here")]
        let python = std::env::var_os("REGISTRAR_PYTHON");
        let python = PathBuf::from(python.context("REGISTRAR_PYTHON is not set (hint: cargo xtask python)")?);
        let files = tempfile::tempdir()?;
        let ministack = Ministack::start(&python, files.path())?;
        Ok(Self { python, ministack, _files: files })
    }

    fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/emulated_world.py");
        let output =
            Command::new(&self.python).arg(script).arg(self.ministack.endpoint()).args(arguments).output()?;
        ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn function(&self, runtime: &RuntimeApi, queue_url: &str) -> Result<Process> {
        let mut command = Command::new(built("bootstrap")?);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        command
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("REGISTRAR_DEPLOYMENT", "edge")
            .env("REGISTRAR_QUEUE_URL", queue_url);
        Ok(Process(command.spawn()?))
    }
}

/// Returns a binary of the workspace, which stands two folders above this test's own.
fn built(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(|deps| deps.parent()).context("the target folder")?;
    let binary = folder.join(name);
    ensure!(binary.exists(), "{} is not there (hint: cargo build --workspace --bins)", binary.display());
    Ok(binary)
}

async fn answer(runtime: &RuntimeApi, payload: &Value) -> Result<Value> {
    match runtime.invoke(&payload.to_string(), TIMEOUT).await.outcome {
        Outcome::Answered(body) => Ok(serde_json::from_str(&body)?),
        outcome => bail!("{outcome:?}"),
    }
}

/// A batch of one event, sent as an event source mapping would.
fn batch(event: &Value) -> Value {
    json!({"Records": [{"messageId": "m1", "receiptHandle": "r1", "body": event.to_string(),
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs"}]})
}

fn expected(instances: &BTreeMap<String, String>) -> Value {
    let mut records: BTreeMap<String, String> = instances
        .iter()
        .map(|(id, address)| (format!("registrar/edge/video/{id}"), address.clone()))
        .collect();
    records.insert("static.edge.example.com.".to_owned(), "192.0.2.1".to_owned());
    json!(records)
}

#[tokio::test]
#[ignore = "needs ministack, which cargo xtask ci installs"]
async fn the_function_keeps_the_records_of_an_emulated_account_right() -> Result<()> {
    let world = World::start()?;
    let made = world.ask(&["setup"])?;
    let zone = made["zone"].as_str().context("the hosted zone")?;
    let queue_url = made["queue_url"].as_str().context("the queue")?;
    let mut instances: BTreeMap<String, String> = serde_json::from_value(made["instances"].clone())?;
    let runtime = RuntimeApi::start().await?;
    let _function = world.function(&runtime, queue_url)?;
    assert_eq!(answer(&runtime, &json!({})).await?, Value::Null);
    assert_eq!(world.ask(&["records", zone])?, expected(&instances), "after the first look");

    let (ended, _) = instances.pop_first().context("an instance")?;
    world.ask(&["terminate", &ended])?;
    let event = json!({"version": "0", "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "detail": {"instance-id": ended, "state": "terminated"}});
    assert_eq!(answer(&runtime, &batch(&event)).await?, json!({"batchItemFailures": []}));
    assert_eq!(world.ask(&["records", zone])?, expected(&instances), "after an instance was terminated");

    let (drained, _) =
        instances.first_key_value().map(|(id, ip)| (id.clone(), ip.clone())).context("another")?;
    world.ask(&["terminate", &drained])?;
    instances.remove(&drained);
    let hook = json!({"version": "0", "source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "detail": {"AutoScalingGroupName": "edge", "LifecycleHookName": "dns-drain", "EC2InstanceId": drained,
            "LifecycleActionToken": "87654321-4321-4321-4321-210987654321",
            "Origin": "AutoScalingGroup", "Destination": "EC2"}});
    assert_eq!(answer(&runtime, &batch(&hook)).await?, json!({"batchItemFailures": []}));
    assert_eq!(world.ask(&["records", zone])?, expected(&instances), "after a drain began");
    assert_eq!(world.ask(&["messages", queue_url])?, json!(1), "the drain's ticket is in the queue");
    Ok(())
}
