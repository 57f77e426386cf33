//! Retries: how often, how long, and what they spend.

use std::collections::BTreeSet;

use aws_credential_types::credential_fn::provide_credentials_fn;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_route53::config::{SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::test_util::ReplayEvent;
use registrar_aws::{Aws, FleetQuery, Kind, Settings};

use crate::replay::{config, ec2_refused, ok, own_zone, refused, replay, replay_then_silence};
use crate::replay::{replay_then_silence_with, replay_with, soon, within_secs};

fn empty_fleet() -> ReplayEvent {
    ok("<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>")
}

fn throttled() -> ReplayEvent {
    ec2_refused(503, "RequestLimitExceeded", "Request limit exceeded.")
}

fn empty_page() -> ReplayEvent {
    ok("<ListResourceRecordSetsResponse><ResourceRecordSets/><IsTruncated>false</IsTruncated>\
        <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>")
}

#[tokio::test(start_paused = true)]
async fn five_throttles_in_a_row_are_outlasted() {
    let mut answers: Vec<ReplayEvent> = (0..5).map(|_| throttled()).collect();
    answers.push(empty_fleet());
    let (aws, _) = replay(answers);
    let started = tokio::time::Instant::now();
    assert_eq!(aws.describe_fleet(&FleetQuery::default(), soon()).await.gap, None);
    assert_eq!(aws.calls().of("ec2:DescribeInstances"), 6, "every attempt is counted");
    assert!(started.elapsed().as_secs() < 10);
}

#[tokio::test(start_paused = true)]
async fn eight_attempts_are_the_last() {
    let (aws, _) = replay((0..9).map(|_| throttled()).collect());
    let gap = aws.describe_fleet(&FleetQuery::default(), soon()).await.gap.unwrap();
    assert!(gap.reason.ends_with("page 1: RequestLimitExceeded: Request limit exceeded."), "{gap}");
    assert_eq!(aws.calls().total(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_throttled_calls_do_not_use_up_the_retries_of_the_next() {
    let rounds = 100;
    let answers =
        (0..rounds).flat_map(|_| (0..5).map(|_| throttled()).chain([empty_fleet()]).collect::<Vec<_>>());
    let (aws, _) = replay(answers.collect());
    for round in 0..rounds {
        let gap = aws.describe_fleet(&FleetQuery::default(), soon()).await.gap;
        assert_eq!(gap, None, "in round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_nobody_answers_is_given_up_and_tried_again() {
    let aws = replay_then_silence(vec![]);
    let names = BTreeSet::from(["/r/a".to_owned()]);
    let started = tokio::time::Instant::now();
    let error = aws.parameters_named(&names, within_secs(10)).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable);
    assert_eq!(started.elapsed().as_secs(), 10);
    assert!(aws.calls().of("ssm:GetParameters") >= 3, "{}", aws.calls());
}

#[tokio::test(start_paused = true)]
async fn a_page_of_instances_may_take_twice_as_long() {
    let settings = Settings { attempts: 1, ..Settings::default() };
    let aws = replay_then_silence_with(vec![], settings);
    let started = tokio::time::Instant::now();
    let gap = aws.describe_fleet(&FleetQuery::default(), soon()).await.gap.unwrap();
    assert!(gap.reason.ends_with("no answer came within the time of an attempt"), "{gap}");
    assert_eq!(started.elapsed().as_secs(), 6);
}

#[tokio::test(start_paused = true)]
async fn retries_spend_the_route_53_budget_too() {
    // A share of a twentieth holds a burst of two and a half, and one request comes back every two seconds: the
    // waits before four retries, whatever their jitter, bring back less than one.
    let settings = Settings { route53_share: 0.05, ..Settings::default() };
    let mut answers: Vec<ReplayEvent> = (0..4).map(|_| refused(400, "Throttling", "Rate exceeded")).collect();
    answers.extend([empty_page(), empty_page()]);
    let (aws, _) = replay_with(answers, settings);
    assert_eq!(aws.list_whole(&own_zone(), soon()).await.gap, None);
    assert_eq!(aws.calls().of("route53:ListResourceRecordSets"), 5);
    let started = tokio::time::Instant::now();
    assert_eq!(aws.list_whole(&own_zone(), soon()).await.gap, None);
    assert!(!started.elapsed().is_zero(), "the burst was spent by the retries");
}

#[tokio::test(start_paused = true)]
async fn a_listing_that_the_budget_will_not_allow_in_time_is_a_gap() {
    let settings = Settings { route53_share: 0.02, ..Settings::default() };
    let (aws, _) = replay_with(vec![empty_page()], settings);
    assert_eq!(aws.list_whole(&own_zone(), within_secs(1)).await.gap, None);
    let gap = aws.list_whole(&own_zone(), within_secs(1)).await.gap.unwrap();
    assert!(gap.reason.contains("share of the account's Route 53 requests is spent"), "{gap}");
    assert_eq!(aws.calls().total(), 1);
}

#[tokio::test]
async fn every_request_says_who_sends_it() {
    let (aws, client) = replay(vec![empty_fleet()]);
    aws.describe_fleet(&FleetQuery::default(), soon()).await;
    let request = client.actual_requests().next().unwrap();
    let agent = request.headers().get("x-amz-user-agent").unwrap();
    let name = concat!("app/registrar-", env!("CARGO_PKG_VERSION"));
    assert!(agent.contains(name), "{agent}");
}

#[tokio::test]
async fn missing_credentials_are_told_as_such_and_nothing_is_sent() {
    let (_, client) = replay(vec![]);
    let missing = || std::future::ready(Err(CredentialsError::not_loaded("no provider has any")));
    let provider = SharedCredentialsProvider::new(provide_credentials_fn(missing));
    let sdk = config(SharedHttpClient::new(client)).into_builder().credentials_provider(provider);
    let aws = Aws::from_sdk_config(&sdk.build(), Settings::default());
    let error = aws.parameters_under("/r", soon()).await.unwrap_err();
    assert_eq!((error.kind, aws.calls().total()), (Kind::Denied, 0), "{error}");
    assert!(error.message.starts_with("no credentials: "), "{error}");
}
