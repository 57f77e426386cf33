//! Batches submitted to Route 53.

use std::sync::Arc;

use aws_smithy_http_client::test_util::ReplayEvent;
use registrar_aws::{Kind, Settings};
use registrar_core::execute::Reply;
use registrar_core::plan::{Batch, Change, Unit, Urgency};
use registrar_core::record_set::{ChangeAction, RecordSet, RecordType};

use crate::replay::{
    answer, bodies, ok, own_zone, refused, replay, replay_then_silence, replay_with, soon, uris, within_secs,
};

pub(crate) fn batch(changes: Vec<(ChangeAction, RecordSet)>) -> Batch {
    let change = |(action, record)| Change { action, record: Arc::new(record), evidence: String::new() };
    let unit = Unit {
        pool: "video".parse().unwrap(),
        hosted_zone_id: own_zone().id,
        name: "video.example.com".parse().unwrap(),
        urgency: Urgency::Add,
        dead: 0,
        budgeted: 0,
        changes: changes.into_iter().map(change).collect(),
    };
    Batch { hosted_zone_id: own_zone().id, units: vec![unit] }
}

fn member(id: &str, address: &str) -> RecordSet {
    let name = "video.example.com".parse().unwrap();
    let mut record = RecordSet::simple(name, RecordType::A, 20, vec![address.to_owned()]);
    record.set_identifier = Some(format!("registrar/default/video/{id}"));
    record.weight = Some(100);
    record
}

pub(crate) fn create() -> Batch {
    batch(vec![(ChangeAction::Create, member("i-00000001", "155.146.10.1"))])
}

fn accepted() -> ReplayEvent {
    ok(
        "<ChangeResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo>\
        <Id>/change/C0123456789ABCDEFGHIJ</Id><Status>PENDING</Status>\
        <SubmittedAt>2026-11-21T10:00:00.000Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>",
    )
}

async fn reply_to(answers: Vec<ReplayEvent>) -> Reply {
    let (aws, _) = replay(answers);
    let reply = aws.change_records(&own_zone(), &create(), soon()).await;
    assert_eq!(aws.calls().of("route53:ChangeResourceRecordSets"), 1, "the core retries, not the port");
    reply
}

#[tokio::test]
async fn a_batch_is_sent_deletes_first_exactly_as_the_records_stand() {
    let (aws, client) = replay(vec![accepted()]);
    let changes = batch(vec![
        (ChangeAction::Create, member("i-00000002", "155.146.10.2")),
        (ChangeAction::Delete, member("i-00000001", "155.146.10.1")),
    ]);
    let reply = aws.change_records(&own_zone(), &changes, soon()).await;
    assert_eq!(reply, Reply::Accepted { change_id: "C0123456789ABCDEFGHIJ".to_owned() });
    let change = |action: &str, number: u8| {
        format!(
            "<Change><Action>{action}</Action><ResourceRecordSet><Name>video.example.com.</Name><Type>A</Type>\
             <SetIdentifier>registrar/default/video/i-0000000{number}</SetIdentifier><Weight>100</Weight>\
             <TTL>20</TTL><ResourceRecords><ResourceRecord><Value>155.146.10.{number}</Value></ResourceRecord>\
             </ResourceRecords></ResourceRecordSet></Change>"
        )
    };
    let expected = format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Comment>registrar: video</Comment><Changes>{}{}</Changes></ChangeBatch>\
         </ChangeResourceRecordSetsRequest>",
        change("DELETE", 1),
        change("CREATE", 2)
    );
    assert_eq!(bodies(&client), [expected]);
    let uri = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z0123456789ABCDEFGHIJ/rrset";
    assert_eq!(uris(&client), [uri]);
}

#[tokio::test]
async fn every_record_set_is_deleted_exactly_as_it_was_read() {
    let listing = include_str!("documents/zone.xml");
    let (aws, client) = replay(vec![ok(listing), accepted()]);
    let zone = aws.list_whole(&own_zone(), soon()).await;
    let deletes = zone.records.values().map(|record| (ChangeAction::Delete, RecordSet::clone(record)));
    let reply = aws.change_records(&own_zone(), &batch(deletes.collect()), soon()).await;
    assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
    let sent = bodies(&client).remove(1);
    let plain = |text: &str| text.replace("&quot;", "\"");
    let listed: Vec<&str> = listing.lines().filter(|line| line.starts_with("<ResourceRecordSet>")).collect();
    assert_eq!((listed.len(), sent.matches("<ResourceRecordSet>").count()), (12, 12));
    for record in listed {
        assert!(plain(&sent).contains(&plain(record)), "{record} was not sent in {sent}");
    }
}

#[tokio::test]
async fn a_record_set_that_cannot_be_written_as_it_was_read_is_not_sent() {
    let mut odd = member("i-00000001", "155.146.10.1");
    odd.other.insert("Moonphase".to_owned(), serde_json::Value::Null);
    let (aws, _) = replay(vec![]);
    let reply = aws.change_records(&own_zone(), &batch(vec![(ChangeAction::Delete, odd)]), soon()).await;
    let Reply::InvalidChangeBatch(messages) = reply else { panic!("{reply:?}") };
    assert!(messages[0].ends_with("Moonphase is not a field that this version writes"), "{messages:?}");
    assert_eq!(aws.calls().total(), 0);
}

#[tokio::test]
async fn a_prior_request_is_told_as_such() {
    let reply = reply_to(vec![refused(400, "PriorRequestNotComplete", "wait")]).await;
    assert_eq!(reply, Reply::PriorRequestNotComplete);
}

#[tokio::test]
async fn every_kind_of_throttling_is_throttling() {
    for (status, code) in
        [(400, "Throttling"), (400, "ThrottlingException"), (503, "SlowDown"), (429, "Whatever")]
    {
        assert_eq!(reply_to(vec![refused(status, code, "Rate exceeded")]).await, Reply::Throttled, "{code}");
    }
}

#[tokio::test]
async fn messages_of_a_refused_batch_come_as_they_were_written() {
    let message =
        "Tried to create resource record set [name='video.example.com.', type='A'] but it already exists";
    let reply = reply_to(vec![answer(
        400,
        format!(
            "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages>\
             <Message>{message}</Message><Message>&quot;a&quot; &amp;amp; b</Message></Messages>\
             <RequestId>r</RequestId></InvalidChangeBatch>"
        ),
    )])
    .await;
    assert_eq!(reply, Reply::InvalidChangeBatch(vec![message.to_owned(), "\"a\" &amp; b".to_owned()]));
}

#[tokio::test]
async fn a_refused_batch_without_a_list_says_its_message() {
    let reply = reply_to(vec![refused(400, "InvalidChangeBatch", "[Tried to create]")]).await;
    assert_eq!(reply, Reply::InvalidChangeBatch(vec!["[Tried to create]".to_owned()]));
    let reply = reply_to(vec![refused(400, "InvalidInput", "Invalid XML")]).await;
    assert_eq!(reply, Reply::InvalidChangeBatch(vec!["InvalidInput: Invalid XML".to_owned()]));
}

#[tokio::test]
async fn what_will_never_be_accepted_is_denied_with_a_hint() {
    for (status, code, hint) in [
        (403, "AccessDenied", "allow route53:ChangeResourceRecordSets"),
        (404, "NoSuchHostedZone", "check record.hosted_zone_id"),
        (404, "NoSuchHealthCheck", "health check that was deleted"),
        (403, "SignatureDoesNotMatch", "renew the credentials"),
    ] {
        let Reply::Denied(text) = reply_to(vec![refused(status, code, "no")]).await else { panic!("{code}") };
        assert!(
            text.starts_with("route53:ChangeResourceRecordSets failed: ") && text.contains(hint),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_was_sent_and_not_answered_is_lost() {
    let reply = reply_to(vec![refused(500, "InternalError", "oops")]).await;
    assert!(matches!(reply, Reply::Lost(_)), "{reply:?}");
    let reply = reply_to(vec![ok("this is no XML")]).await;
    assert!(matches!(reply, Reply::Lost(_)), "{reply:?}");
    let reply = reply_to(vec![]).await;
    assert!(matches!(reply, Reply::Lost(_)), "{reply:?}");
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_does_not_come_is_lost_within_an_attempt_and_within_the_deadline() {
    for (deadline, expected) in [(60, 3), (2, 2)] {
        let aws = replay_then_silence(vec![]);
        let started = tokio::time::Instant::now();
        let reply = aws.change_records(&own_zone(), &create(), within_secs(deadline)).await;
        assert!(matches!(reply, Reply::Lost(_)), "{reply:?}");
        assert_eq!(started.elapsed().as_secs(), expected);
        assert_eq!(aws.calls().total(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_the_budget_will_not_allow_in_time_is_not_sent() {
    let settings = Settings { route53_share: 0.02, ..Settings::default() };
    let (aws, _) = replay_with(vec![accepted(), accepted()], settings);
    let reply = aws.change_records(&own_zone(), &create(), within_secs(1)).await;
    assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
    let reply = aws.change_records(&own_zone(), &create(), within_secs(1)).await;
    assert_eq!(reply, Reply::Throttled);
    assert_eq!(aws.calls().total(), 1);
    let started = tokio::time::Instant::now();
    let reply = aws.change_records(&own_zone(), &create(), soon()).await;
    assert!(matches!(reply, Reply::Accepted { .. }), "{reply:?}");
    assert_eq!(started.elapsed().as_secs(), 5, "a fifth of a request comes back each second");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_submitted_after_the_deadline() {
    let (aws, _) = replay(vec![]);
    let reply = aws.change_records(&own_zone(), &create(), within_secs(0)).await;
    assert_eq!((reply, aws.calls().total()), (Reply::Throttled, 0));
}

#[tokio::test]
async fn a_change_is_in_sync_when_route_53_says_so() {
    let status = |status: &str| {
        ok(format!(
            "<GetChangeResponse><ChangeInfo><Id>/change/C1</Id><Status>{status}</Status>\
             <SubmittedAt>2026-11-21T10:00:00.000Z</SubmittedAt></ChangeInfo></GetChangeResponse>"
        ))
    };
    let gone = refused(404, "NoSuchChange", "A change with ID C1 does not exist");
    let (aws, client) = replay(vec![status("PENDING"), status("INSYNC"), gone]);
    assert_eq!(aws.change_is_in_sync(&own_zone(), "C1", soon()).await, Ok(false));
    assert_eq!(aws.change_is_in_sync(&own_zone(), "/change/C1", soon()).await, Ok(true));
    assert_eq!(aws.change_is_in_sync(&own_zone(), "C1", soon()).await.unwrap_err().kind, Kind::NotFound);
    assert!(uris(&client).iter().all(|uri| uri == "https://route53.amazonaws.com/2013-04-01/change/C1"));
}
