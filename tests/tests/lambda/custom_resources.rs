//! CloudFormation's requests: made, changed and deleted stacks, and an answer to every one of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Effect, Fault, Operation};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::environment::{Environment, Served};
use crate::fleet::{document, id, machine, name, put_all, put_document, weighted_lines};
use crate::stage::{Stage, ZONE};

/// What makes the address of an answer a secret.
const SIGNATURE: &str = "X-Amz-Signature=5ec2e70fdef";

/// A deletion listens twice, 10 s apart, where it has the time. Most tests give it less.
const LITTLE_TIME: Duration = Duration::from_secs(12);

/// Where CloudFormation takes answers.
struct Bucket {
    address: String,
    answers: mpsc::UnboundedReceiver<Value>,
}

impl Bucket {
    /// Opens one that refuses the first `refusals` answers, as a bucket may for a moment.
    async fn open(mut refusals: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (sender, answers) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
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

fn request(kind: &str, bucket: &Bucket, more: &Value) -> String {
    let mut request = json!({
        "RequestType": kind, "ResponseURL": bucket.url(), "StackId": "arn:aws:cloudformation:us-east-1:1:stack/s/1",
        "RequestId": "request-1", "LogicalResourceId": "Records", "ResourceType": "Custom::RegistrarPools",
        "ResourceProperties": {"ServiceToken": "arn:aws:lambda:us-east-1:1:function:registrar"},
    });
    if let (Some(request), Some(more)) = (request.as_object_mut(), more.as_object()) {
        request.extend(more.clone());
    }
    request.to_string()
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
async fn a_stack_that_is_made_has_its_records_when_it_is_done() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(answer["PhysicalResourceId"], "registrar-edge");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn an_update_makes_the_records_right_and_keeps_its_name() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.sweep().await?;
    stage.world().terminate(&id(1));
    put_all(&mut stage.world(), [machine("video", 3)]);
    let known = json!({"PhysicalResourceId": "registrar-edge"});
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &known).await?;
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("registrar-edge"))
    );
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    Ok(())
}

#[tokio::test]
async fn a_stack_that_goes_leaves_no_record_and_no_state_of_its_own() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    environment.sweep().await?;
    let known = json!({"PhysicalResourceId": "registrar-edge"});
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(stage.records()?, Vec::<String>::new());
    for state in ["pools/video", "places/0", "orders/video"] {
        assert_eq!(stage.parameter(&format!("/registrar/edge/state/{state}")), None, "{state}");
    }
    Ok(())
}

#[tokio::test]
async fn a_deletion_with_time_listens_again_before_it_says_that_nothing_is_left() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.sweep().await?;
    let known = json!({"PhysicalResourceId": "registrar-edge"});
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    assert!(served.calls_of("route53:ListResourceRecordSets") >= 2, "{:?}", served.calls);
    assert_eq!(stage.records()?, Vec::<String>::new());
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
async fn documents_may_come_with_the_request_as_cloudformation_writes_them() -> Result<()> {
    let stage = Stage::with(|world| {
        put_all(world, [machine("games", 1)]);
        Ok(())
    })
    .await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    // CloudFormation makes strings of all numbers and booleans.
    let properties = json!({"Pools": {"games": {
        "version": "1",
        "record": {"hosted_zone_id": ZONE, "name": name("games"), "ttl_secs": "20"},
        "members": {"tags": {"edge-dns": "games"}},
    }}});
    let (_, answer) =
        ask(&mut environment, &mut bucket, "Create", &json!({ "ResourceProperties": properties })).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("games", [1]));
    Ok(())
}

#[tokio::test]
async fn a_broken_document_fails_the_stack_with_the_reason() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut broken = document("video");
    broken["record"]["ttl_secs"] = json!(0);
    put_document(&mut stage.world(), "video", &broken);
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("ttl_secs");
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "FAILED");
    let reason = answer["Reason"].as_str().unwrap_or_default();
    assert!(reason.contains("video") && reason.contains("ttl_secs"), "{reason}");
    assert_eq!(stage.records()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_stack_whose_names_are_in_use_elsewhere_is_refused_and_its_deletion_spares_them() -> Result<()> {
    let stage = Stage::with_records([1, 2], |_| Ok(())).await?;
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    environment.expects_error("another Region or account");
    let (_, refused) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(refused["Status"], "FAILED");
    let reason = refused["Reason"].as_str().unwrap_or_default();
    assert!(reason.contains("another Region or account"), "{reason}");
    let known = json!({"PhysicalResourceId": refused["PhysicalResourceId"]});
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    // CloudFormation makes an id up where none came in time: then nobody knows whose the records are.
    let made_up = json!({"PhysicalResourceId": "s-Records-1ABCDEF"});
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_up).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn a_simple_pool_of_somebody_elsewhere_is_known_by_its_owner_texts() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let mut simple = document("video");
    simple["record"]["routing"] = json!("simple");
    put_document(&mut stage.world(), "video", &simple);
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    environment.sweep().await?;
    let before = stage.records()?;
    // One of them serves here, so that the pool as a whole does not look like another account's.
    stage.world().forget(&id(2));
    let mut bucket = Bucket::open(0).await?;
    environment.expects_error("another Region or account");
    let (_, refused) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(refused["Status"], "FAILED");
    assert_eq!(stage.records()?, before);
    Ok(())
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
    let denied = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
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
async fn a_deletion_that_cannot_remove_says_so_and_the_records_stay() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    environment.sweep().await?;
    environment.expects_error("records are left");
    let denied = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, denied).always());
    let known = json!({"PhysicalResourceId": "registrar-edge"});
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}
