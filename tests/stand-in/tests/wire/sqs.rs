//! SQS.

use aws_stand_in::{Clock, ManualClock, Queue, Route53Settings, StandIn, World};
use registrar_core::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::{Answer, Client};

struct Scene {
    stand_in: StandIn,
    client: Client,
    clock: ManualClock,
    url: String,
}

impl Scene {
    async fn start() -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let mut world = World::new(Clock::Manual(clock.clone()), Route53Settings::default());
        world.put_queue(Queue::new("events"));
        let stand_in = StandIn::start(world).await.unwrap();
        let (client, url) = (Client::of(&stand_in), stand_in.queue_url("events"));
        Self { stand_in, client, clock, url }
    }

    async fn call(&self, operation: &str, mut input: Value) -> Answer {
        input["QueueUrl"] = self.url.clone().into();
        self.client.sqs(operation, input).await
    }

    async fn received(&self) -> Vec<Value> {
        let answer = self.call("ReceiveMessage", json!({ "MaxNumberOfMessages": 10 })).await.json();
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }
}

fn error(code: &str) -> (u16, String) {
    (400, format!("com.amazonaws.sqs#{code}"))
}

#[tokio::test]
async fn a_message_comes_back_with_the_checksum_of_its_body() {
    let scene = Scene::start().await;
    let sent = scene.call("SendMessage", json!({ "MessageBody": "hello" })).await;
    assert_eq!(sent.headers["content-type"], "application/x-amz-json-1.0");
    // RFC 1321 names no such value; it is `printf hello | md5sum`.
    let checksum = "5d41402abc4b2a76b9719d911017c592";
    assert_eq!(sent.json()["MD5OfMessageBody"], checksum);
    let received = scene.received().await;
    assert_eq!((received.len(), &received[0]["Body"]), (1, &json!("hello")));
    assert_eq!(received[0]["MD5OfBody"], checksum);
    assert_eq!(received[0].get("Attributes"), None, "nobody asked for them");
}

#[tokio::test]
async fn a_delayed_message_comes_when_the_worlds_clock_says_so() {
    let scene = Scene::start().await;
    assert_eq!(
        scene.call("SendMessage", json!({ "MessageBody": "x", "DelaySeconds": 900 })).await.status,
        200
    );
    scene.clock.advance(SignedDuration::from_secs(899));
    assert_eq!(scene.received().await.len(), 0);
    scene.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(scene.received().await.len(), 1);
}

#[tokio::test]
async fn a_message_has_limits_on_its_delay_its_length_and_its_characters() {
    let scene = Scene::start().await;
    let refused = error("InvalidParameterValue");
    let late = scene.call("SendMessage", json!({ "MessageBody": "x", "DelaySeconds": 901 })).await;
    assert_eq!(late.refusal(), refused);
    assert_eq!(scene.call("SendMessage", json!({ "MessageBody": "" })).await.refusal(), refused);
    let body = |length: usize| json!({ "MessageBody": "x".repeat(length) });
    assert_eq!(scene.call("SendMessage", body(1_048_576)).await.status, 200);
    assert_eq!(scene.call("SendMessage", body(1_048_577)).await.refusal(), refused);
    let control = scene.call("SendMessage", json!({ "MessageBody": "\u{1}" })).await;
    assert_eq!(control.refusal(), error("InvalidMessageContents"));
    let attributes = json!({ "MessageBody": "x", "MessageAttributes": {} });
    assert_eq!(scene.call("SendMessage", attributes).await.refusal(), refused, "not modelled");
}

#[tokio::test]
async fn an_unknown_queue_is_refused_with_the_code_of_the_old_protocol_beside_it() {
    let scene = Scene::start().await;
    for url in
        [format!("{}x", scene.url), "events".to_owned(), scene.url.replace("123456789012", "210987654321")]
    {
        let answer = scene.client.sqs("SendMessage", json!({ "QueueUrl": url, "MessageBody": "x" })).await;
        assert_eq!(answer.refusal(), error("QueueDoesNotExist"), "{url}");
        assert_eq!(answer.headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
    }
    let found = scene.client.sqs("GetQueueUrl", json!({ "QueueName": "events" })).await;
    assert_eq!(found.json()["QueueUrl"], scene.url.as_str());
    let unknown = scene.client.sqs("GetQueueUrl", json!({ "QueueName": "nope" })).await;
    assert_eq!(unknown.refusal(), error("QueueDoesNotExist"));
}

#[tokio::test]
async fn visibility_is_changed_one_by_one_and_in_batches_of_ten() {
    let scene = Scene::start().await;
    scene.call("SendMessage", json!({ "MessageBody": "x" })).await;
    let handle = scene.received().await[0]["ReceiptHandle"].clone();
    let one = json!({ "ReceiptHandle": handle, "VisibilityTimeout": 5 });
    assert_eq!(scene.call("ChangeMessageVisibility", one.clone()).await.status, 200);
    let entry =
        |id: &str, handle: &Value| json!({ "Id": id, "ReceiptHandle": handle, "VisibilityTimeout": 5 });
    let entries = json!([entry("a", &handle), entry("b", &json!("bogus"))]);
    let answer = scene.call("ChangeMessageVisibilityBatch", json!({ "Entries": entries })).await.json();
    assert_eq!(answer["Successful"], json!([{ "Id": "a" }]));
    assert_eq!(answer["Failed"][0]["Code"], "ReceiptHandleIsInvalid");
    scene.clock.advance(SignedDuration::from_secs(5));
    let late = scene.call("ChangeMessageVisibility", one).await;
    assert_eq!(late.refusal(), error("MessageNotInflight"));
    assert_eq!(scene.received().await.len(), 1, "after 5 s instead of 30");
    let missing = scene.call("ChangeMessageVisibility", json!({ "ReceiptHandle": handle })).await;
    assert_eq!(missing.refusal(), error("MissingParameter"));
}

#[tokio::test]
async fn a_batch_has_one_to_ten_entries_with_ids_of_their_own() {
    let scene = Scene::start().await;
    let entries = |ids: Vec<String>| {
        let entries: Vec<Value> = ids.iter().map(|id| json!({ "Id": id, "ReceiptHandle": "x" })).collect();
        scene.call("DeleteMessageBatch", json!({ "Entries": entries }))
    };
    let numbers = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert_eq!(entries(numbers(10)).await.status, 200);
    assert_eq!(entries(numbers(11)).await.refusal(), error("TooManyEntriesInBatchRequest"));
    assert_eq!(entries(vec![]).await.refusal(), error("EmptyBatchRequest"));
    assert_eq!(entries(vec!["a".to_owned(); 2]).await.refusal(), error("BatchEntryIdsNotDistinct"));
    assert_eq!(entries(vec!["a b".to_owned()]).await.refusal(), error("InvalidBatchEntryId"));
}

#[tokio::test]
async fn a_deleted_message_is_gone() {
    let scene = Scene::start().await;
    scene.call("SendMessage", json!({ "MessageBody": "x" })).await;
    let handle = scene.received().await[0]["ReceiptHandle"].clone();
    assert_eq!(scene.call("DeleteMessage", json!({ "ReceiptHandle": handle })).await.status, 200);
    assert!(scene.stand_in.world().queue("events").unwrap().messages().is_empty());
    let bogus = scene.call("DeleteMessage", json!({ "ReceiptHandle": "bogus" })).await;
    assert_eq!(bogus.refusal(), (404, "com.amazonaws.sqs#ReceiptHandleIsInvalid".to_owned()));
}

#[tokio::test]
async fn a_receive_has_limits_and_shows_the_attributes_that_were_asked_for() {
    let scene = Scene::start().await;
    scene.call("SendMessage", json!({ "MessageBody": "x" })).await;
    for bad in [
        json!({ "MaxNumberOfMessages": 0 }),
        json!({ "MaxNumberOfMessages": 11 }),
        json!({ "WaitTimeSeconds": 21 }),
        json!({ "VisibilityTimeout": 43_201 }),
    ] {
        assert_eq!(scene.call("ReceiveMessage", bad).await.refusal(), error("InvalidParameterValue"));
    }
    let input = json!({ "MessageSystemAttributeNames": ["ApproximateReceiveCount", "SentTimestamp"] });
    let answer = scene.call("ReceiveMessage", input).await.json();
    let expected = json!({ "ApproximateReceiveCount": "1", "SentTimestamp": "1800000000000" });
    assert_eq!(answer["Messages"][0]["Attributes"], expected);
}

#[tokio::test]
async fn a_queue_counts_its_messages_by_what_they_wait_for() {
    let scene = Scene::start().await;
    for input in [
        json!({ "MessageBody": "a" }),
        json!({ "MessageBody": "b" }),
        json!({ "MessageBody": "c", "DelaySeconds": 9 }),
    ] {
        scene.call("SendMessage", input).await;
    }
    scene.call("ReceiveMessage", json!({})).await;
    let answer = scene.call("GetQueueAttributes", json!({ "AttributeNames": ["All"] })).await.json();
    let of = |kind: &str| answer["Attributes"][format!("ApproximateNumberOfMessages{kind}")].clone();
    assert_eq!([of(""), of("NotVisible"), of("Delayed")], ["1", "1", "1"]);
    let unknown = scene.call("GetQueueAttributes", json!({ "AttributeNames": ["Colour"] })).await;
    assert_eq!(unknown.refusal(), error("InvalidAttributeName"));
}
