//! Retiring a deployment, on recorded answers and a clock that stands still but for waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use registrar_aws::Aws;
use registrar_aws::deployment::{Deployment, ParameterPaths, Retired};
use registrar_core::ids::{DeploymentName, HostedZoneId, RoleArn};
use tokio::time::Instant;

use crate::replay::{bodies, ok, refused, replay, within_secs};

const ZONE: &str = "Z0123456789ABCDEFGHIJ";

fn record(name: &str, mark: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}.</Name><Type>A</Type><SetIdentifier>{mark}</SetIdentifier>\
         <Weight>100</Weight><TTL>20</TTL><ResourceRecords><ResourceRecord><Value>155.146.10.1</Value>\
         </ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
}

fn alias(name: &str, mark: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}.</Name><Type>A</Type><SetIdentifier>{mark}</SetIdentifier>\
         <Weight>100</Weight><AliasTarget><HostedZoneId>{ZONE}</HostedZoneId><DNSName>l00.{name}.</DNSName>\
         <EvaluateTargetHealth>false</EvaluateTargetHealth></AliasTarget></ResourceRecordSet>"
    )
}

fn listing(records: &[String]) -> ReplayEvent {
    ok(format!(
        "<ListResourceRecordSetsResponse><ResourceRecordSets>{}</ResourceRecordSets>\
         <IsTruncated>false</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>",
        records.concat()
    ))
}

fn accepted() -> ReplayEvent {
    ok("<ChangeResourceRecordSetsResponse><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status>\
        <SubmittedAt>2026-11-21T10:00:00Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>")
}

fn edge(aws: &Aws) -> Deployment {
    let name: DeploymentName = "edge".parse().unwrap();
    let paths = ParameterPaths::new(&name, None);
    let clock = Arc::new(|| "2026-11-21T10:00:00Z".parse().unwrap());
    Deployment::without_parameters(aws.clone(), name, paths, clock, 1)
}

fn zones() -> BTreeMap<HostedZoneId, Option<RoleArn>> {
    BTreeMap::from([(ZONE.parse().unwrap(), None)])
}

async fn retired(answers: Vec<ReplayEvent>, secs: u64) -> (Retired, Aws, StaticReplayClient, Duration) {
    let (aws, client) = replay(answers);
    let begun = Instant::now();
    let retired = edge(&aws).retire(&zones(), None, within_secs(secs)).await;
    (retired, aws, client, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn two_listings_ten_seconds_apart_have_to_show_nothing() {
    let ours = record("video.example.com", "registrar/edge/video/i-1");
    let (done, aws, client, took) =
        retired(vec![listing(&[ours]), accepted(), listing(&[]), listing(&[])], 120).await;
    assert_eq!(done.problem, None);
    assert!(took >= Duration::from_secs(10), "{took:?}");
    let calls = "route53:ChangeResourceRecordSets 1, route53:ListResourceRecordSets 3";
    assert_eq!(aws.calls().to_string(), calls);
    assert!(bodies(&client)[1].contains("<Action>DELETE</Action>"), "{:?}", bodies(&client));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_comes_back_between_the_listings_is_removed_and_looked_for_again() {
    let ours = record("video.example.com", "registrar/edge/video/i-1");
    let answers = vec![listing(&[]), listing(&[ours]), accepted(), listing(&[]), listing(&[])];
    let (done, aws, _, took) = retired(answers, 120).await;
    assert_eq!(done.problem, None);
    assert!(took >= Duration::from_secs(20), "{took:?}");
    assert_eq!(aws.calls().of("route53:ListResourceRecordSets"), 4);
}

#[tokio::test(start_paused = true)]
async fn an_alias_to_a_leaf_goes_before_the_records_of_the_leaf() {
    let leaf = record("l00.video.example.com", "registrar/edge/video/i-1");
    let alias = alias("video.example.com", "registrar/edge/video/l00");
    let answers = vec![listing(&[leaf, alias]), accepted(), listing(&[]), listing(&[])];
    let (done, _, client, _) = retired(answers, 120).await;
    assert_eq!((done.problem, done.unread), (None, 0));
    let bodies = bodies(&client);
    let alias = bodies[1].find("<DNSName>l00.video.example.com.</DNSName>");
    let record = bodies[1].find("registrar/edge/video/i-1");
    assert!(alias.is_some() && alias < record, "{}", bodies[1]);
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_a_later_version_goes_before_the_records_of_its_leaf() {
    let leaf = record("l00.video.example.com", "registrar/edge/video/i-1");
    let alias = alias("video.example.com", "registrar/edge/video/tree/00");
    let answers = vec![listing(&[leaf, alias]), accepted(), accepted(), listing(&[]), listing(&[])];
    let (done, _, client, _) = retired(answers, 120).await;
    assert_eq!((done.problem, done.unread), (None, 1));
    let bodies = bodies(&client);
    assert!(bodies[1].contains("<DNSName>l00.video.example.com.</DNSName>"), "{}", bodies[1]);
    assert!(bodies[2].contains("registrar/edge/video/i-1"), "{}", bodies[2]);
}

#[tokio::test(start_paused = true)]
async fn without_time_for_a_second_listing_it_is_not_done() {
    let (done, _, _, took) = retired(vec![listing(&[])], 8).await;
    let problem = done.problem.unwrap();
    assert!(problem.contains("no time to look again"), "{problem}");
    assert!(problem.contains("delete the stack again"), "{problem}");
    assert!(took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_hosted_zone_that_is_gone_holds_nothing() {
    let gone = refused(404, "NoSuchHostedZone", "No hosted zone found with ID");
    let (done, aws, _, took) = retired(vec![gone], 120).await;
    assert_eq!((done.problem, aws.calls().total()), (None, 1));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_is_denied_is_a_failure_and_not_an_empty_one() {
    let (done, _, _, _) = retired(vec![refused(403, "AccessDenied", "no")], 120).await;
    let problem = done.problem.unwrap();
    assert!(problem.contains("AccessDenied: no") && problem.contains("allow route53:List"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn what_was_not_removed_is_counted() {
    let ours = [
        record("video.example.com", "registrar/edge/video/i-1"),
        record("video.example.com", "registrar/edge/video/i-2"),
    ];
    let denied = refused(403, "AccessDenied", "no");
    let (done, _, _, _) = retired(vec![listing(&ours), denied], 120).await;
    let problem = done.problem.unwrap();
    assert!(problem.starts_with("records are left: 2 × "), "{problem}");
    assert!(problem.contains("delete the stack again"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_must_not_be_deleted_keeps_its_own_pools_records_and_no_others() {
    let records = [
        record("games.example.com", "registrar/edge/games/i-2"),
        record("l00.video.example.com", "registrar/edge/video/i-1"),
        alias("video.example.com", "registrar/edge/video/tree/00"),
    ];
    let answers = vec![listing(&records), refused(403, "AccessDenied", "no"), accepted()];
    let (done, _, client, _) = retired(answers, 120).await;
    let problem = done.problem.unwrap();
    assert!(problem.starts_with("pool video: ") && problem.contains("AccessDenied: no"), "{problem}");
    let bodies = bodies(&client);
    assert_eq!(bodies.len(), 3, "{bodies:?}");
    assert!(bodies[2].contains("registrar/edge/games/i-2") && !bodies[2].contains("video"), "{}", bodies[2]);
}

#[tokio::test(start_paused = true)]
async fn a_record_set_that_cannot_be_deleted_as_it_was_read_is_named() {
    let record = record("video.example.com", "registrar/edge/video/i-1");
    let strange = record.replace("<TTL>", "<Moonphase>new</Moonphase><TTL>");
    let (done, aws, _, _) = retired(vec![listing(&[strange])], 120).await;
    let problem = done.problem.unwrap();
    assert!(problem.contains("Moonphase") || problem.contains("video.example.com"), "{problem}");
    assert_eq!(aws.calls().of("route53:ChangeResourceRecordSets"), 0);
}
