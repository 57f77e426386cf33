//! Messages in SQS.

use registrar_aws::{Kind, Visibility};
use serde_json::{Value, json};

use crate::replay::{answer, bodies, ok, replay, soon};

const QUEUE: &str = "https://sqs.us-east-1.amazonaws.com/123456789012/registrar";

fn sent(body: &str) -> Value {
    serde_json::from_str(body).unwrap()
}

#[tokio::test]
async fn a_message_is_sent_with_its_delay() {
    let body = r#"{"registrar-ticket":1}"#;
    let md5 = "3f0ee0e2a4b5c6d7e8f9a0b1c2d3e4f5";
    let (aws, client) = replay(vec![ok(format!(r#"{{"MessageId":"m-1","MD5OfMessageBody":"{md5}"}}"#))]);
    aws.send_message(QUEUE, body, 1_000, soon()).await.unwrap();
    let expected = json!({"QueueUrl": QUEUE, "MessageBody": body, "DelaySeconds": 900});
    assert_eq!(sent(&bodies(&client)[0]), expected);
}

#[tokio::test]
async fn a_queue_that_does_not_exist_is_named_as_such() {
    let (aws, _) = replay(vec![answer(
        400,
        r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#,
    )]);
    let error = aws.send_message(QUEUE, "x", 0, soon()).await.unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    assert!(error.to_string().starts_with("sqs:SendMessage failed: QueueDoesNotExist: The specified"));
}

fn message(number: usize) -> Visibility {
    Visibility {
        message_id: format!("m-{number}"),
        receipt_handle: format!("handle-{number}"),
        seconds: 5 + u32::try_from(number).unwrap(),
    }
}

#[tokio::test]
async fn messages_come_back_each_at_its_time_ten_a_call() {
    let done = || ok(r#"{"Successful":[],"Failed":[]}"#);
    let (aws, client) = replay(vec![done(), done()]);
    let messages: Vec<Visibility> = (0..11).map(message).collect();
    aws.set_visibility(QUEUE, &messages, soon()).await.unwrap();
    let bodies = bodies(&client);
    assert_eq!(sent(&bodies[0])["Entries"].as_array().unwrap().len(), 10);
    let entry = json!({"Id": "0", "ReceiptHandle": "handle-10", "VisibilityTimeout": 15});
    assert_eq!(sent(&bodies[1]), json!({"QueueUrl": QUEUE, "Entries": [entry]}));
}

#[tokio::test]
async fn every_message_is_tried_and_the_one_that_failed_is_named() {
    let failed = ok(
        r#"{"Successful":[],"Failed":[{"Id":"1","SenderFault":true,"Code":"ReceiptHandleIsInvalid","Message":"expired"}]}"#,
    );
    let (aws, _) = replay(vec![failed, ok(r#"{"Successful":[],"Failed":[]}"#)]);
    let messages: Vec<Visibility> = (0..11).map(message).collect();
    let error = aws.set_visibility(QUEUE, &messages, soon()).await.unwrap_err();
    assert_eq!(error.message, "ReceiptHandleIsInvalid for message m-1: expired");
    assert_eq!(aws.calls().of("sqs:ChangeMessageVisibilityBatch"), 2);
}

#[tokio::test]
async fn no_messages_are_no_call() {
    let (aws, _) = replay(vec![]);
    assert_eq!(aws.set_visibility(QUEUE, &[], soon()).await, Ok(()));
}
