//! CloudFormation's requests: made, changed and deleted stacks, and an answer to every one of them.
//!
//! What is here is common to them all, and the answers; creations and deletions have files of their own.

mod creations;
mod deletions;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Effect, Fault, Operation};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::environment::{Environment, Served};
use crate::fleet::weighted_lines;
use crate::stage::{Stage, ZONE};

/// What makes the address of an answer a secret.
const SIGNATURE: &str = "X-Amz-Signature=5ec2e70fdef";

/// What a deletion that needs two listings, 10 s apart, has no time for; and how long a creation tries again what is
/// denied is a third of it.
const LITTLE_TIME: Duration = Duration::from_secs(9);

/// Where CloudFormation takes answers.
struct Bucket {
    address: String,
    answers: mpsc::UnboundedReceiver<Value>,
}

impl Bucket {
    /// Opens one that refuses the first `refusals` answers, as a bucket may for a moment.
    async fn open(refusals: usize) -> Result<Self> {
        Self::open_after(0, refusals).await
    }

    /// Opens one that says nothing to the first `silences` requests, and then refuses some.
    async fn open_after(mut silences: usize, mut refusals: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                if silences > 0 {
                    silences -= 1;
                    silent.push(stream);
                    continue;
                }
                let refuses = refusals > 0;
                refusals = refusals.saturating_sub(1);
                let answer = take_answer(stream, refuses).await;
                if let Some(answer) = answer.ok().filter(|_| !refuses) {
                    drop(sender.send(answer));
                }
            }
        });
        Ok(Self { address, answers })
    }

    fn url(&self) -> String {
        format!("http://{}/stack/answer?{SIGNATURE}", self.address)
    }

    /// Returns the only answer to a request that was served.
    fn answer(&mut self) -> Result<Value> {
        let answer = self.answers.try_recv().context("no answer was sent")?;
        ensure!(self.answers.try_recv().is_err(), "more than one answer was sent");
        Ok(answer)
    }
}

/// Reads a request that puts an answer, and replies.
async fn take_answer(mut stream: TcpStream, refuses: bool) -> Result<Value> {
    let mut request = Vec::new();
    let body_at = loop {
        ensure!(stream.read_buf(&mut request).await? > 0, "the request ended early");
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8_lossy(&request[..body_at]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.context("no length")?.trim().parse()?;
    while request.len() < body_at + length {
        ensure!(stream.read_buf(&mut request).await? > 0, "the body ended early");
    }
    let typed =
        head.lines().any(|line| line.starts_with("content-type:") && line.len() > "content-type: ".len());
    let good = head.starts_with("put /stack/answer?x-amz-signature=") && !typed && !refuses;
    let status = if good { "200 OK" } else { "503 Slow Down" };
    let reply = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await?;
    ensure!(good || refuses, "it is not as it was signed: {head}");
    Ok(serde_json::from_slice(&request[body_at..])?)
}

/// The properties of a stack whose pools are in SSM.
fn properties() -> Value {
    json!({"ServiceToken": "arn:aws:lambda:us-east-1:1:function:registrar", "HostedZoneId": ZONE})
}

/// What CloudFormation sends for a resource that was made with these properties.
fn made_with(properties: &Value) -> Value {
    json!({"PhysicalResourceId": "registrar-edge", "ResourceProperties": properties})
}

fn reason(answer: &Value) -> &str {
    answer["Reason"].as_str().unwrap_or_default()
}

fn refusal(status: u16, code: &str) -> Effect {
    Effect::Refuse { status, code: code.to_owned(), message: "no".to_owned() }
}

fn request(kind: &str, bucket: &Bucket, more: &Value) -> String {
    let mut request = json!({
        "RequestType": kind, "ResponseURL": bucket.url(), "StackId": "arn:aws:cloudformation:us-east-1:1:stack/s/1",
        "RequestId": "request-1", "LogicalResourceId": "Records", "ResourceType": "Custom::RegistrarPools",
        "ResourceProperties": properties(),
    });
    if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
        request.extend(more.clone());
    }
    request.to_string()
}

/// Deletes the stack, and returns what was logged and what CloudFormation got.
pub(crate) async fn delete_the_stack(environment: &mut Environment) -> Result<(Served, Value)> {
    let mut bucket = Bucket::open(0).await?;
    ask(environment, &mut bucket, "Delete", &made_with(&properties())).await
}

/// Sends a request, and returns what was logged and what CloudFormation got.
async fn ask(
    environment: &mut Environment,
    bucket: &mut Bucket,
    kind: &str,
    more: &Value,
) -> Result<(Served, Value)> {
    environment.keeps_secret(SIGNATURE);
    let served = environment.invoke(&request(kind, bucket, more)).await?;
    let answer = bucket.answer()?;
    for (field, expected) in [
        ("StackId", "arn:aws:cloudformation:us-east-1:1:stack/s/1"),
        ("RequestId", "request-1"),
        ("LogicalResourceId", "Records"),
    ] {
        ensure!(answer[field] == expected, "{field} of {answer}");
    }
    Ok((served, answer))
}

#[tokio::test]
async fn an_answer_is_sent_again_where_the_bucket_refuses_it() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(2).await?);
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    Ok(())
}

#[tokio::test]
async fn an_answer_is_sent_when_aws_is_down_or_slow() -> Result<()> {
    let hang = Effect::Hang(Duration::from_secs(60));
    let denied = refusal(403, "AccessDenied");
    for (operation, effect, error) in [
        (Operation::GetParametersByPath, denied.clone(), "GetParametersByPath"),
        (Operation::ListResourceRecordSets, denied.clone(), "ListResourceRecordSets"),
        (Operation::DescribeInstances, denied.clone(), "DescribeInstances"),
        (Operation::ChangeResourceRecordSets, denied, "AccessDenied"),
        (Operation::ListResourceRecordSets, hang, ""),
    ] {
        let stage = Stage::with_video([1]).await?;
        let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
        let mut bucket = Bucket::open(0).await?;
        environment.expects_error(error);
        stage.world().arm(Fault::on(operation, effect.clone()).always());
        let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
        assert_eq!(answer["Status"], "FAILED", "{operation} {effect:?}: {answer}");
        assert!(answer["Reason"].as_str().is_some_and(|reason| reason.contains(error)), "{answer}");
    }
    Ok(())
}

#[tokio::test]
async fn the_deletion_of_what_was_never_made_touches_nothing() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("Pools");
    environment.sweep().await?;
    let broken = json!({"ResourceProperties": {"Pools": "no object"}});
    let (_, refused) = ask(&mut environment, &mut bucket, "Create", &broken).await?;
    assert_eq!(refused["Status"], "FAILED");
    let known = json!({"PhysicalResourceId": refused["PhysicalResourceId"],
        "ResourceProperties": {"Pools": "no object"}});
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!((&answer["Status"], served.total()), (&json!("SUCCESS"), 0));
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn an_answer_is_sent_again_where_the_bucket_says_nothing() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?.with_timeout(Duration::from_secs(5));
    let mut bucket = Bucket::open_after(1, 1).await?;
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    Ok(())
}

#[tokio::test]
async fn an_answer_is_sent_where_five_seconds_are_left_at_the_start() -> Result<()> {
    let five = Duration::from_secs(5);
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?.with_timeout(five);
    let mut bucket = Bucket::open(1).await?;
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    environment.expects_error("");
    stage.world().arm(Fault::on_any(Effect::Hang(Duration::from_secs(60))).always());
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &made_with(&properties())).await?;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties())).await?;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}
