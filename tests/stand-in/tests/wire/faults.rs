//! Faults: what a client sees, and what was applied.

use std::io;
use std::time::Duration;

use aws_stand_in::{Effect, Fault, Instance, Operation, StandIn, World};
use serde_json::json;
use tokio::time::Instant;

use crate::client::{Answer, Client};

async fn started() -> (StandIn, Client) {
    let mut world = World::default();
    for number in 1..=3 {
        world.put_instance(Instance::new(&format!("i-{number}"), "us-east-1a"));
        world.put_parameter(&format!("/p/{number}"), "x");
    }
    world.put_hosted_zone("Z1", "edge.example.com", vec![]).unwrap();
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client)
}

async fn describe(client: &Client) -> io::Result<Answer> {
    client.form("ec2", "2016-11-15", "DescribeInstances").await
}

const CHANGE: &str = "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action>\
    <ResourceRecordSet><Name>a.edge.example.com</Name><Type>A</Type><TTL>20</TTL><ResourceRecords><ResourceRecord>\
    <Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>\
    </ChangeResourceRecordSetsRequest>";

#[tokio::test]
async fn each_service_throttles_with_its_own_code() {
    let (stand_in, client) = started().await;
    stand_in.world().arm(Fault::on_any(Effect::Throttle).always());
    assert_eq!(client.ec2("DescribeInstances").await.refusal(), (503, "RequestLimitExceeded".to_owned()));
    let throttling = (400, "Throttling".to_owned());
    assert_eq!(client.autoscaling("DescribeAutoScalingGroups").await.refusal(), throttling);
    assert_eq!(client.route53("GET", "hostedzone/Z1", "").await.refusal(), throttling);
    assert_eq!(client.sts("GetCallerIdentity").await.refusal(), throttling);
    let answer = client.ssm("GetParameter", json!({ "Name": "/p/1" })).await;
    assert_eq!(answer.refusal(), (400, "ThrottlingException".to_owned()));
    let answer = client.sqs("GetQueueUrl", json!({ "QueueName": "q" })).await;
    assert_eq!(answer.refusal(), (403, "com.amazonaws.sqs#RequestThrottled".to_owned()));
    stand_in.world().clear_faults();
    assert_eq!(describe(&client).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_listing_fails_at_the_page_that_was_chosen() {
    let (stand_in, client) = started().await;
    let effect = Effect::Refuse { status: 500, code: "InternalError".to_owned(), message: "no".to_owned() };
    stand_in.world().limit_page(Operation::DescribeInstances, 1);
    stand_in.world().arm(Fault::on(Operation::DescribeInstances, effect).after(1));
    let first = describe(&client).await.unwrap();
    let next = format!("DescribeInstances&NextToken={}", first.element("nextToken").unwrap());
    assert_eq!(client.ec2(&next).await.refusal(), (500, "InternalError".to_owned()));
    assert_eq!(client.ec2(&next).await.element("instanceId"), Some("i-2"), "the fault acts once");
}

#[tokio::test]
async fn a_call_that_is_dropped_before_is_not_applied_and_one_dropped_after_is() {
    let (stand_in, client) = started().await;
    let records = || stand_in.world().records("Z1").unwrap().len();
    let operation = Operation::ChangeResourceRecordSets;
    for (effect, expected) in [(Effect::DropBefore, 2), (Effect::DropAfter, 3)] {
        stand_in.world().arm(Fault::on(operation, effect));
        let path = "/2013-04-01/hostedzone/Z1/rrset/";
        let authorization = "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/route53/aws4_request, \
                             SignedHeaders=host, Signature=00";
        let headers = [("authorization", authorization)];
        let lost = crate::client::send(&client.address, "POST", path, &headers, CHANGE).await.unwrap_err();
        assert_eq!(lost.to_string(), "", "not a byte of an answer");
        assert_eq!(records(), expected);
    }
    assert_eq!(stand_in.world().calls_of(operation), 2, "both were calls");
}

#[tokio::test]
async fn an_answer_can_be_cut_in_the_middle() {
    let (stand_in, client) = started().await;
    stand_in.world().arm(Fault::on(Operation::DescribeInstances, Effect::CutAnswer));
    let cut = describe(&client).await.unwrap_err();
    assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof);
    assert!(cut.to_string().contains("<instanceId>i-1</instanceId>"), "{cut}");
    assert!(!cut.to_string().contains("</DescribeInstancesResponse>"), "{cut}");
}

#[tokio::test]
async fn a_call_that_hangs_is_not_applied_and_ends_without_an_answer() {
    let (stand_in, client) = started().await;
    let time = Duration::from_millis(80);
    stand_in.world().arm(Fault::on(Operation::DeleteParameter, Effect::Hang(time)));
    let started = Instant::now();
    let target = [("x-amz-target", "AmazonSSM.DeleteParameter")];
    let hung = crate::client::send(&client.address, "POST", "/", &target, r#"{"Name":"/p/1"}"#).await;
    assert!(hung.is_err() && started.elapsed() >= time);
    assert!(stand_in.world().parameter("/p/1").is_some());
}

#[tokio::test]
async fn latency_is_added_to_every_call_and_calls_wait_side_by_side() {
    let (stand_in, client) = started().await;
    let latency = Duration::from_millis(100);
    stand_in.world().set_latency(latency);
    let started = Instant::now();
    let answers = tokio::join!(describe(&client), describe(&client), describe(&client), describe(&client));
    assert!(answers.0.is_ok() && answers.1.is_ok() && answers.2.is_ok() && answers.3.is_ok());
    let elapsed = started.elapsed();
    assert!(elapsed >= latency && elapsed < latency * 4, "{elapsed:?}");
}

#[tokio::test]
async fn a_delayed_answer_is_applied_before_the_delay() {
    let (stand_in, client) = started().await;
    let delay = Duration::from_millis(80);
    stand_in.world().arm(Fault::on(Operation::DescribeInstances, Effect::Delay(delay)));
    let started = Instant::now();
    assert_eq!(describe(&client).await.unwrap().status, 200);
    assert!(started.elapsed() >= delay);
}

#[tokio::test]
async fn a_cursor_can_repeat_for_every_kind_of_listing() {
    let (stand_in, client) = started().await;
    stand_in.world().limit_page(Operation::DescribeInstances, 1);
    stand_in.world().arm(Fault::on(Operation::DescribeInstances, Effect::RepeatCursor).always());
    let first = describe(&client).await.unwrap();
    let token = first.element("nextToken").unwrap().to_owned();
    let second = client.ec2(&format!("DescribeInstances&NextToken={token}")).await;
    assert_eq!(second.element("nextToken"), Some(token.as_str()));
    stand_in.world().arm(Fault::on(Operation::ListResourceRecordSets, Effect::RepeatCursor));
    let listed = client.route53("GET", "hostedzone/Z1/rrset?name=edge.example.com&type=SOA", "").await;
    let next = ["NextRecordName", "NextRecordType"].map(|name| listed.element(name));
    assert_eq!(
        (listed.element("IsTruncated"), next),
        (Some("true"), [Some("edge.example.com."), Some("SOA")])
    );
}

#[tokio::test]
async fn a_page_can_be_empty_and_have_a_next_one() {
    let (stand_in, client) = started().await;
    stand_in.world().arm(Fault::on(Operation::GetParametersByPath, Effect::EmptyPage));
    let empty = client.ssm("GetParametersByPath", json!({ "Path": "/p" })).await.json();
    assert_eq!(empty["Parameters"], json!([]));
    let input = json!({ "Path": "/p", "NextToken": empty["NextToken"] });
    let rest = client.ssm("GetParametersByPath", input).await.json();
    assert_eq!((rest["Parameters"].as_array().unwrap().len(), rest.get("NextToken")), (3, None));
}
