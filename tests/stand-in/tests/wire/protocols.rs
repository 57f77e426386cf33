//! What all services have in common: signatures, unknown operations, the call log.

use aws_stand_in::{Instance, StandIn, World};

use crate::client::{Client, send};

#[tokio::test]
async fn a_request_without_a_signature_is_refused_by_every_service() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let address = Client::of(&stand_in).address;
    let ssm = [("x-amz-target", "AmazonSSM.GetParameter")];
    for (method, path, headers, body) in [
        ("POST", "/", &[][..], "Action=DescribeInstances&Version=2016-11-15"),
        ("POST", "/", &[][..], "Action=GetCallerIdentity&Version=2011-06-15"),
        ("GET", "/2013-04-01/hostedzone/Z1", &[][..], ""),
        ("POST", "/", &ssm[..], "{}"),
    ] {
        let answer = send(&address, method, path, headers, body).await.unwrap();
        assert_eq!(answer.refusal(), (403, "MissingAuthenticationToken".to_owned()));
    }
    let incomplete =
        [("authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261121/us-east-1/ec2/aws4_request")];
    let body = "Action=DescribeInstances&Version=2016-11-15";
    let answer = send(&address, "POST", "/", &incomplete, body).await.unwrap();
    assert_eq!(answer.refusal(), (400, "IncompleteSignature".to_owned()));
}

#[tokio::test]
async fn a_signature_for_another_service_is_refused() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let client = Client::of(&stand_in);
    let answer = client.form("sqs", "2016-11-15", "DescribeInstances").await.unwrap();
    assert_eq!(answer.refusal(), (403, "SignatureDoesNotMatch".to_owned()));
}

#[tokio::test]
async fn an_operation_that_is_not_modelled_is_refused_and_counted() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let client = Client::of(&stand_in);
    assert_eq!(client.ec2("RunInstances").await.refusal(), (400, "InvalidAction".to_owned()));
    assert_eq!(client.autoscaling("SetDesiredCapacity").await.refusal(), (400, "InvalidAction".to_owned()));
    let unknown = "UnknownOperationException".to_owned();
    let answer = client.route53("GET", "healthcheck", "").await;
    assert_eq!(answer.refusal(), (404, unknown.clone()));
    assert_eq!(client.ssm("DescribeParameters", serde_json::json!({})).await.refusal(), (400, unknown));
    let calls = stand_in.world().calls();
    let names: Vec<&str> = calls.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "autoscaling:SetDesiredCapacity",
            "ec2:RunInstances",
            "route53:GET /healthcheck",
            "ssm:DescribeParameters"
        ]
    );
}

#[tokio::test]
async fn a_request_of_no_service_is_not_a_call() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let client = Client::of(&stand_in);
    assert_eq!(client.form("ec2", "1999-01-01", "DescribeInstances").await.unwrap().status, 404);
    assert_eq!(client.json("dynamodb", "DynamoDB_20120810.GetItem", "{}").await.status, 404);
    assert!(stand_in.world().calls().is_empty());
}

#[tokio::test]
async fn an_input_that_is_not_json_is_refused() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let client = Client::of(&stand_in);
    for body in ["", "{", "[]"] {
        let answer = client.json("ssm", "AmazonSSM.GetParameter", body).await;
        assert_eq!(answer.refusal(), (400, "SerializationException".to_owned()), "{body:?}");
    }
}

#[tokio::test]
async fn each_call_is_logged_with_its_region_its_question_and_its_outcome() {
    let mut world = World::default();
    world.put_instance(Instance::new("i-1", "us-east-1-wl1-bos-wlz-1"));
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    let filters = "Filter.1.Name=instance-state-name&Filter.1.Value.1=pending&Filter.1.Value.2=running";
    client.ec2(&format!("DescribeInstances&{filters}")).await;
    client.ec2("DescribeInstances&MaxResults=1").await;
    let world = stand_in.world();
    let seen: Vec<[&str; 4]> = world
        .call_log()
        .iter()
        .map(|call| [&*call.operation, &*call.region, &*call.summary, &*call.outcome])
        .collect();
    assert_eq!(
        seen,
        [
            ["ec2:DescribeInstances", "us-east-1", "instance-state-name=pending,running", "ok"],
            ["ec2:DescribeInstances", "us-east-1", "MaxResults=1", "InvalidParameterValue"],
        ]
    );
}

#[tokio::test]
async fn calls_can_be_cleared() {
    let stand_in = StandIn::start(World::default()).await.unwrap();
    let client = Client::of(&stand_in);
    client.ec2("DescribeInstances").await;
    stand_in.world().clear_calls();
    client.sts("GetCallerIdentity").await;
    assert_eq!(
        stand_in.world().calls().into_iter().collect::<Vec<_>>(),
        [("sts:GetCallerIdentity".to_owned(), 1)]
    );
}
