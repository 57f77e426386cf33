//! Deliveries from a queue to a function.

use std::time::Duration;

use aws_stand_in::{Clock, ManualClock, Queue, Route53Settings, RuntimeApi, StandIn, World};
use registrar_core::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::client::send;

const TIMEOUT: Duration = Duration::from_secs(30);

struct Scene {
    stand_in: StandIn,
    runtime: RuntimeApi,
    clock: ManualClock,
}

impl Scene {
    async fn start() -> Self {
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let mut world = World::new(Clock::Manual(clock.clone()), Route53Settings::default());
        world.put_queue(Queue::new("events").with_visibility_secs(30).with_max_receive_count(2));
        world.send("events", "good").unwrap();
        world.send("events", "bad").unwrap();
        Self {
            stand_in: StandIn::start(world).await.unwrap(),
            runtime: RuntimeApi::start().await.unwrap(),
            clock,
        }
    }

    /// Is a function for one invocation: it hands back the messages with the body `bad`. Returns the event.
    async fn function(&self) -> Value {
        let base = "/2018-06-01/runtime/invocation";
        let taken = send(&self.runtime.address(), "GET", &format!("{base}/next"), &[], "").await.unwrap();
        let event = taken.json();
        let bad = event["Records"].as_array().unwrap().iter().filter(|record| record["body"] == "bad");
        let failures: Vec<Value> =
            bad.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
        let id = &taken.headers["lambda-runtime-aws-request-id"];
        let body = json!({ "batchItemFailures": failures }).to_string();
        send(&self.runtime.address(), "POST", &format!("{base}/{id}/response"), &[], &body).await.unwrap();
        event
    }
}

#[tokio::test]
async fn what_is_not_handed_back_is_deleted_and_what_is_comes_again_until_it_is_a_dead_letter() {
    let scene = Scene::start().await;
    let (first, _) =
        tokio::join!(scene.stand_in.deliver("events", &scene.runtime, 10, TIMEOUT), scene.function());
    let first = first.unwrap();
    assert_eq!((first.messages.len(), first.failed.len()), (2, 1));
    assert_eq!(scene.stand_in.world().queue("events").unwrap().deleted()[0].body, "good");
    let hidden = scene.stand_in.deliver("events", &scene.runtime, 10, TIMEOUT).await.unwrap();
    assert_eq!(
        (hidden.messages.len(), hidden.invocation),
        (0, None),
        "until its visibility timeout has passed"
    );
    scene.clock.advance(SignedDuration::from_secs(30));
    let (second, event) =
        tokio::join!(scene.stand_in.deliver("events", &scene.runtime, 10, TIMEOUT), scene.function());
    assert_eq!(second.unwrap().messages[0].receive_count, 2);
    assert_eq!(event["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
    scene.clock.advance(SignedDuration::from_secs(30));
    assert!(scene.stand_in.deliver("events", &scene.runtime, 10, TIMEOUT).await.unwrap().messages.is_empty());
    let world = scene.stand_in.world();
    let queue = world.queue("events").unwrap();
    assert_eq!((queue.messages().len(), queue.dead_letters()[0].body.as_str()), (0, "bad"));
}

#[tokio::test]
async fn an_event_has_the_form_that_sqs_events_have() {
    let scene = Scene::start().await;
    let (_, event) =
        tokio::join!(scene.stand_in.deliver("events", &scene.runtime, 1, TIMEOUT), scene.function());
    assert_eq!(event["Records"].as_array().unwrap().len(), 1);
    let record = &event["Records"][0];
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["eventSourceARN"], "arn:aws:sqs:us-east-1:123456789012:events");
    assert_eq!((&record["body"], &record["awsRegion"]), (&json!("good"), &json!("us-east-1")));
    assert_eq!(record["attributes"]["SentTimestamp"], "1800000000000");
    for key in ["messageId", "receiptHandle", "md5OfBody", "messageAttributes"] {
        assert!(record.get(key).is_some(), "{key}");
    }
}

#[tokio::test]
async fn an_unknown_queue_is_an_error() {
    let scene = Scene::start().await;
    let error = scene.stand_in.deliver("nope", &scene.runtime, 1, TIMEOUT).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no queue \"nope\"");
}
