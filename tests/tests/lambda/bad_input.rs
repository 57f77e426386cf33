//! Messages that nobody can read: counted, logged with a bounded excerpt, dropped, and the rest is served.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::Stage;

/// The longest line that a bad message may lead to, in bytes.
const LONGEST_LINE: usize = 20_000;

/// Bodies that mean nothing, with the word that they are counted by.
fn bad_bodies() -> Vec<(String, &'static str)> {
    let state = |detail: Value| {
        json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": detail})
            .to_string()
    };
    vec![
        ("this is not JSON".to_owned(), "malformed"),
        ("[".repeat(200_000), "malformed"),
        (format!("{}1{}", r#"{"detail":"#.repeat(50_000), "}".repeat(50_000)), "malformed"),
        (json!({"source": "aws.s3", "detail-type": "Object Created"}).to_string(), "unrecognised"),
        (
            json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification 2"})
                .to_string(),
            "unrecognised",
        ),
        (state(json!({"instance-id": 5, "state": "running"})), "bad-detail"),
        (state(json!({"instance-id": id(2), "state": ["running"]})), "bad-detail"),
        (state(json!("running")), "malformed"),
        (json!({"source": "aws.ec2", "detail-type": 7}).to_string(), "malformed"),
        (format!(r#"{{"source":"aws.ec2","padding":"{}"}}"#, "x".repeat(1_100_000)), "too-large"),
        ("null".to_owned(), "malformed"),
        ("\"a string\"".to_owned(), "malformed"),
        ("{}".to_owned(), "unrecognised"),
        (json!({"registrar-ticket": 1, "hooks": 3}).to_string(), "bad-ticket"),
        (json!({"registrar-ticket": 99}).to_string(), "bad-ticket"),
        ("\u{0}\u{1b}[31mred".to_owned(), "malformed"),
    ]
}

#[tokio::test]
async fn bad_messages_are_counted_and_dropped_and_the_rest_is_served() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    let bodies = bad_bodies();
    let (half, rest) = bodies.split_at(bodies.len() / 2);
    half.iter().try_for_each(|(body, _)| stage.send(body))?;
    stage.send_all([&stage.state_event(&id(2))?])?;
    rest.iter().try_for_each(|(body, _)| stage.send(body))?;
    let batch = environment.deliver_up_to(100).await?;
    assert_eq!(batch.delivery.messages.len(), bodies.len() + 1);
    assert_eq!(batch.failed(), Vec::<usize>::new(), "what can never succeed is not handed back");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, kind) in &bodies {
        *expected.entry(kind).or_default() += 1;
    }
    assert_eq!(batch.served.event["messages"]["dropped"], json!(expected));
    assert_eq!(batch.served.level(), "WARN");
    for line in environment.lines() {
        assert!(line.len() <= LONGEST_LINE, "a line of {} bytes", line.len());
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_of_nothing_but_bad_messages_costs_no_call_even_when_cold() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    bad_bodies().iter().try_for_each(|(body, _)| stage.send(body))?;
    let batch = environment.deliver_up_to(100).await?;
    assert_eq!((batch.failed(), batch.served.total()), (Vec::new(), 0));
    Ok(())
}

#[tokio::test]
async fn bare_payloads_that_nobody_can_read_are_dropped() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    let two_megabytes = json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "padding": "x".repeat(2_000_000), "detail": {"instance-id": id(1), "state": "running"}});
    for payload in [
        two_megabytes.to_string(),
        format!("{}{}", "[".repeat(100), "]".repeat(100)),
        format!("{}1{}", r#"{"a":"#.repeat(20_000), "}".repeat(20_000)),
        "17".to_owned(),
        "\"text\"".to_owned(),
        r#"{"Records":7}"#.to_owned(),
        r#"{"RequestType":"Create"}"#.to_owned(),
        r#"{"source":5}"#.to_owned(),
    ] {
        let served = environment.invoke(&payload).await?;
        let shown: String = payload.chars().take(60).collect();
        assert_eq!((served.answer, served.calls), (Value::Null, BTreeMap::new()), "{shown}");
    }
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]), "it still serves");
    Ok(())
}

#[tokio::test]
async fn records_of_a_batch_that_are_no_messages_are_dropped() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    let event = stage.state_event(&id(2))?.to_string();
    let payload = json!({"Records": [
        7, null, [], "text", {}, {"messageId": "m1"}, {"messageId": 5, "body": "x"},
        {"messageId": "m2", "body": {"not": "text"}}, {"eventSource": "aws:s3", "s3": {}},
        {"messageId": "m3", "body": event, "eventSource": "aws:sqs", "attributes": "none", "receiptHandle": 9},
    ]});
    let served = environment.invoke(&payload.to_string()).await?;
    assert_eq!(served.answer, json!({"batchItemFailures": []}));
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert_eq!(served.event["messages"]["received"], 10);
    Ok(())
}
