//! Batches as Lambda delivers them from a queue: the records, each read by itself.
//!
//! Shape: Lambda developer guide, "Using Lambda with Amazon SQS". What a body says is
//! [`super::Content`]'s business.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Content, Discarded, Excerpt, Message};
use crate::ids::DeploymentName;
use crate::json::raw::{self, Fields};
use crate::trigger::Dropped;

/// What the records of a queue name as their source.
const QUEUE: &str = "aws:sqs";

/// The records of the largest batch that a queue's event source mapping has (Lambda API reference,
/// `CreateEventSourceMapping`). A longer list was made by somebody else, and would take memory without end.
const MOST_RECORDS: usize = 10_000;

/// Reads the list of records.
pub(super) fn parse(records: &str, deployment: &DeploymentName) -> Result<Vec<Message>, Discarded> {
    let read = raw::elements(records, MOST_RECORDS).map_err(|mut error| {
        error.path = "Records".to_owned();
        Discarded::new(Dropped::Malformed(error), records)
    })?;
    let mut messages: Vec<Message> = read.into_iter().map(|record| message(record, deployment)).collect();
    drop_duplicates(&mut messages);
    Ok(messages)
}

/// Reads one record. Its source is not demanded, since an id and a body are what makes a message; but where
/// it names another one (SNS writes `EventSource`), it is not for us.
fn message(record: &str, deployment: &DeploymentName) -> Message {
    let discard = |why: Dropped| Discarded::new(why, record);
    let Ok(fields) = Fields::parse(record) else {
        return dropped(None, discard(Dropped::NotAMessage { problem: "it is not an object" }));
    };
    let source = fields.raw("eventSource").or(fields.raw("EventSource"));
    if let Some(source) = source.filter(|source| source.trim_matches('"') != QUEUE) {
        let source_name = Excerpt::of(source.trim_matches('"')).to_string();
        return dropped(None, discard(Dropped::ForeignSource { source_name }));
    }
    let Some(id) = fields.text("messageId").filter(|id| !id.is_empty()) else {
        return dropped(None, discard(Dropped::NotAMessage { problem: "it has no messageId" }));
    };
    let Some(body) = fields.text("body") else {
        return dropped(Some(id), discard(Dropped::NotAMessage { problem: "it has no body" }));
    };
    let attributes = fields.raw("attributes").and_then(|attributes| Fields::parse(attributes).ok());
    let attribute = |name: &str| attributes.as_ref().and_then(|attributes| attributes.number(name));
    let received = attribute("ApproximateReceiveCount").unwrap_or(1).clamp(1, u32::MAX.into());
    let sent_at = attribute("SentTimestamp").and_then(|millis| Timestamp::from_millisecond(millis).ok());
    Message {
        id: Some(id),
        receipt_handle: fields.text("receiptHandle"),
        receive_count: u32::try_from(received).unwrap_or(u32::MAX),
        sent_at,
        content: Content::parse(&body, deployment),
    }
}

fn dropped(id: Option<String>, discarded: Discarded) -> Message {
    Message { id, receipt_handle: None, receive_count: 1, sent_at: None, content: Err(discarded) }
}

/// A message that stands in a batch twice asks for one thing. Handing its id back returns both, and
/// whoever is not handed back is deleted, so the second has nothing left to say.
fn drop_duplicates(messages: &mut [Message]) {
    let mut seen = BTreeSet::new();
    for message in messages {
        let Some(id) = &message.id else { continue };
        if !seen.insert(id.clone()) && message.content.is_ok() {
            message.content = Err(Discarded::new(Dropped::Duplicate, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::Invocation;
    use super::*;
    use crate::trigger::Trigger;

    const SWEEP: &str = r#"{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}"#;

    fn record(id: &str, body: &str) -> Value {
        json!({
            "messageId": id, "receiptHandle": format!("handle-{id}"), "body": body,
            "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1795255200000", "SenderId": "AIDA"},
            "messageAttributes": {}, "md5OfBody": "", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:events", "awsRegion": "us-east-1",
        })
    }

    fn messages(payload: &str) -> Vec<Message> {
        match Invocation::parse(payload, &"default".parse().unwrap()) {
            Invocation::Batch(messages) => messages,
            other => panic!("not a batch: {other:?}"),
        }
    }

    fn batch(records: &[Value]) -> Vec<Message> {
        messages(&json!({ "Records": records }).to_string())
    }

    fn kinds(messages: &[Message]) -> Vec<&str> {
        let kind = |message: &Message| match &message.content {
            Ok(content) => content.kind(),
            Err(discarded) => discarded.why.kind(),
        };
        messages.iter().map(kind).collect()
    }

    #[test]
    fn a_record_carries_what_handing_it_back_needs() {
        let message = batch(&[record("m1", SWEEP)]).remove(0);
        assert_eq!(
            message,
            Message {
                id: Some("m1".to_owned()),
                receipt_handle: Some("handle-m1".to_owned()),
                receive_count: 3,
                sent_at: Some("2026-11-21T10:00:00Z".parse().unwrap()),
                content: Ok(Content::Trigger(Trigger::Sweep)),
            }
        );
    }

    #[test]
    fn an_empty_batch_asks_for_nothing() {
        assert_eq!(batch(&[]), []);
    }

    #[test]
    fn one_bad_record_never_spoils_the_others() {
        let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        let large = "x".repeat(1024 * 1024 + 1);
        let mut bad = vec![
            (json!(7), "not-a-message"),
            (json!(null), "not-a-message"),
            (json!([[[]]]), "not-a-message"),
            (json!({"body": SWEEP}), "not-a-message"),
            (json!({"messageId": 7, "body": SWEEP}), "not-a-message"),
            (json!({"messageId": "", "body": SWEEP}), "not-a-message"),
            (json!({"messageId": "b"}), "not-a-message"),
            (json!({"messageId": "b", "body": {"source": "aws.events"}}), "not-a-message"),
            (record("b", "not JSON"), "malformed"),
            (record("b", ""), "malformed"),
            (record("b", &deep), "unrecognised"),
            (record("b", &format!(r#"{{"source":"aws.ec2","detail":{deep}}}"#)), "malformed"),
            (record("b", &large), "too-large"),
            (record("b", "{}"), "unrecognised"),
            (record("b", r#"{"RequestType":"Create","ResponseURL":"https://h/"}"#), "unrecognised"),
            (record("b", r#"{"source":"aws.ec2","detail-type":"EBS Volume Notification"}"#), "unrecognised"),
            (json!({"EventSource": "aws:sns", "Sns": {"Message": SWEEP}}), "foreign-source"),
            (json!({"eventSource": "aws:s3", "s3": {}}), "foreign-source"),
            (json!({"eventSource": 7, "messageId": "b", "body": SWEEP}), "foreign-source"),
        ];
        let mut records = vec![record("first", SWEEP)];
        records.extend(bad.iter().enumerate().map(|(number, (record, _))| {
            let mut record = record.clone();
            if record["messageId"] == "b" {
                record["messageId"] = json!(format!("b{number}"));
            }
            record
        }));
        records.push(record("last", SWEEP));
        let mut expected = vec!["sweep"];
        expected.extend(bad.drain(..).map(|(_, kind)| kind));
        expected.push("sweep");
        let messages = batch(&records);
        assert_eq!(kinds(&messages), expected);
        for message in messages {
            if let Err(discarded) = message.content {
                assert!(discarded.excerpt.as_str().chars().count() <= 200, "{discarded}");
            }
        }
    }

    #[test]
    fn a_body_that_is_no_text_spoils_only_its_record() {
        // A lone surrogate is valid JSON and no string.
        let text = format!(
            r#"{{"Records":[{{"messageId":"a","body":"\ud800"}},{},{{"messageId":"\udc00","body":"x"}}]}}"#,
            record("m1", SWEEP)
        );
        assert_eq!(kinds(&messages(&text)), ["not-a-message", "sweep", "not-a-message"]);
    }

    #[test]
    fn a_record_nested_deeper_than_any_parser_recurses_is_read_all_the_same() {
        let mut text = record("m1", SWEEP).to_string();
        text.truncate(text.len() - 1);
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let text = format!("{{\"Records\":[{text},\"extra\":{deep}}}]}}");
        assert_eq!(kinds(&messages(&text)), ["sweep"]);
    }

    #[test]
    fn of_a_doubled_message_the_second_is_dropped_and_both_share_the_id() {
        let messages = batch(&[record("m1", SWEEP), record("m2", SWEEP), record("m1", SWEEP)]);
        assert_eq!(kinds(&messages), ["sweep", "sweep", "duplicate"]);
        assert_eq!(messages[2].id.as_deref(), Some("m1"));
    }

    #[test]
    fn attributes_are_read_leniently() {
        for (attributes, count, sent) in [
            (json!({"ApproximateReceiveCount": 2, "SentTimestamp": 0}), 2, true),
            (json!({"ApproximateReceiveCount": "-1", "SentTimestamp": "99999999999999999999"}), 1, false),
            (
                json!({"ApproximateReceiveCount": "99999999999", "SentTimestamp": "9000000000000000000"}),
                u32::MAX,
                false,
            ),
            (json!({"ApproximateReceiveCount": [], "SentTimestamp": {}}), 1, false),
            (json!("none"), 1, false),
        ] {
            let mut record = record("m1", SWEEP);
            record["attributes"] = attributes.clone();
            let message = batch(&[record]).remove(0);
            assert_eq!((message.receive_count, message.sent_at.is_some()), (count, sent), "{attributes}");
            assert!(message.content.is_ok());
        }
    }

    #[test]
    fn a_ticket_of_another_deployment_is_dropped() {
        let ticket = |deployment: &str| {
            json!({"registrar-ticket":1,"deployment":deployment,"pool":"video","hosted_zone_id":"Z1","change_id":"C1",
                "ttl_secs":20,"issued_at":"2026-11-21T10:00:00Z","beaten_at":"2026-11-21T10:00:00Z",
                "hooks":[{"group":"g","hook":"dns-drain","instance":"i-1"}]})
            .to_string()
        };
        let messages = batch(&[record("m1", &ticket("default")), record("m2", &ticket("other"))]);
        assert_eq!(kinds(&messages), ["drain-ticket", "other-deployment"]);
    }

    #[test]
    fn a_batch_is_as_long_as_a_queue_delivers_and_no_longer() {
        let with = |count: usize| format!("{{\"Records\":[{}{}]}}", "1,".repeat(count), record("m1", SWEEP));
        let longest = messages(&with(MOST_RECORDS - 1));
        assert_eq!((longest.len(), kinds(&longest)[MOST_RECORDS - 1]), (MOST_RECORDS, "sweep"));
        match Invocation::parse(&with(3_000_000), &"default".parse().unwrap()) {
            Invocation::Unusable(discarded) => {
                assert!(discarded.to_string().contains("more than 10000 values"))
            }
            other => panic!("not unusable: {other:?}"),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,20}".prop_map(Value::from),
            Just(Value::from(SWEEP)),
        ];
        let keys = prop_oneof![
            Just("messageId".to_owned()),
            Just("body".to_owned()),
            Just("eventSource".to_owned()),
            Just("attributes".to_owned()),
            ".{0,5}",
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(keys.clone(), inner, 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_stands_beside_it_a_good_record_is_served(
            before in prop::collection::vec(any_json(), 0..5),
            after in prop::collection::vec(any_json(), 0..5),
        ) {
            let mut records = before.clone();
            records.push(record("good", SWEEP));
            records.extend(after.iter().cloned());
            let messages = batch(&records);
            prop_assert_eq!(messages.len(), before.len() + 1 + after.len());
            prop_assert_eq!(&messages[before.len()].content, &Ok(Content::Trigger(Trigger::Sweep)));
        }

        #[test]
        fn no_payload_is_too_strange_to_be_read(payload in prop_oneof![".{0,200}", any_json().prop_map(|value| value.to_string())]) {
            let _ = Invocation::parse(&payload, &"default".parse().unwrap());
        }
    }
}
