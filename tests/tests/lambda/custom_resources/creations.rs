//! Stacks that are made and changed: what is wrong is refused with the reason before anything is changed.

use anyhow::Result;
use aws_stand_in::{AvailabilityZone, Fault, Operation, ZoneType};
use serde_json::{Value, json};

use super::{Bucket, LITTLE_TIME, ask, made_with, reason, refusal};
use crate::environment::Served;
use crate::fleet::{BOSTON, document, id, machine, name, put_all, put_document, weighted, weighted_lines};
use crate::stage::{Stage, ZONE, publish};

/// The properties of a stack as its template gives them, with this document.
fn with_document(document: &Value) -> Value {
    json!({
        "HostedZoneId": ZONE, "HostedZoneName": "edge.example.com", "DnsRoleArn": "", "PoolName": "video",
        "PoolDocument": document.to_string(), "Release": "bucket/key", "DeploymentName": "edge",
    })
}

/// Makes a stack, and returns the calls it took and the answer. A failure is told as an error.
async fn create(stage: &Stage, properties: &Value) -> Result<(Served, Value)> {
    let environment = &mut stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    let request = json!({ "ResourceProperties": properties });
    let (served, answer) = ask(environment, &mut bucket, "Create", &request).await?;
    if answer["Status"] == "FAILED" {
        environment.expects_error("");
    }
    Ok((served, answer))
}

/// Makes a stack that is refused with this reason, and changes nothing.
async fn refused(stage: &Stage, properties: &Value, expected: &str) -> Result<Served> {
    let before = stage.records()?;
    let (served, answer) = create(stage, properties).await?;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert!(reason(&answer).contains(expected), "{expected:?} is not in {answer}");
    assert!(reason(&answer).contains("(hint: "), "{answer}");
    assert_eq!(answer["PhysicalResourceId"], "registrar:refused:edge");
    assert_eq!(stage.records()?, before);
    assert_eq!(served.calls_of("route53:ChangeResourceRecordSets"), 0);
    Ok(served)
}

#[tokio::test]
async fn a_stack_that_is_made_has_its_records_when_it_is_done() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(answer["PhysicalResourceId"], "registrar-edge");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn an_update_makes_the_records_right_and_keeps_its_name() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.sweep().await?;
    stage.world().terminate(&id(1));
    put_all(&mut stage.world(), [machine("video", 3)]);
    let known = json!({"PhysicalResourceId": "registrar-edge"});
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &known).await?;
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("SUCCESS"), &json!("registrar-edge"))
    );
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    Ok(())
}

#[tokio::test]
async fn documents_may_come_with_the_request_as_cloudformation_writes_them() -> Result<()> {
    let stage = Stage::with(|world| {
        put_all(world, [machine("games", 1)]);
        Ok(())
    })
    .await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    // CloudFormation makes strings of all numbers and booleans.
    let properties = json!({"Pools": {"games": {
        "version": "1",
        "record": {"hosted_zone_id": ZONE, "name": name("games"), "ttl_secs": "20"},
        "members": {"tags": {"edge-dns": "games"}},
    }}});
    let (_, answer) =
        ask(&mut environment, &mut bucket, "Create", &json!({ "ResourceProperties": properties })).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("games", [1]));
    Ok(())
}

#[tokio::test]
async fn a_broken_document_fails_the_stack_with_the_reason() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut broken = document("video");
    broken["record"]["ttl_secs"] = json!(0);
    put_document(&mut stage.world(), "video", &broken);
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("ttl_secs");
    let (_, answer) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(answer["Status"], "FAILED");
    let reason = answer["Reason"].as_str().unwrap_or_default();
    assert!(reason.contains("video") && reason.contains("ttl_secs"), "{reason}");
    assert_eq!(stage.records()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_simple_pool_of_somebody_elsewhere_is_known_by_its_owner_texts() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let mut simple = document("video");
    simple["record"]["routing"] = json!("simple");
    put_document(&mut stage.world(), "video", &simple);
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    environment.sweep().await?;
    let before = stage.records()?;
    // One of them serves here, so that the pool as a whole does not look like another account's.
    stage.world().forget(&id(2));
    let mut bucket = Bucket::open(0).await?;
    environment.expects_error("another Region or account");
    let (_, refused) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(refused["Status"], "FAILED");
    assert_eq!(stage.records()?, before);
    Ok(())
}

#[tokio::test]
async fn a_stack_costs_two_calls_more_than_its_look() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (served, answer) = create(&stage, &with_document(&document("video"))).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let calls: Vec<String> = served.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let expected = [
        "ec2:DescribeAvailabilityZones 1",
        "ec2:DescribeInstances 1",
        "route53:ChangeResourceRecordSets 1",
        "route53:GetHostedZone 1",
        "route53:ListResourceRecordSets 1",
        "ssm:GetParametersByPath 1",
        "ssm:PutParameter 1",
    ];
    assert_eq!(calls, expected);
    let data = &answer["Data"];
    assert_eq!(
        (&data["Changes"], &data["HeldBack"], &data["HeldBackReason"]),
        (&json!("2"), &json!("0"), &json!(""))
    );
    let servers = data["NameServers"].as_str().unwrap_or_default();
    assert!(!servers.is_empty() && servers.split(' ').all(|server| !server.ends_with('.')), "{data}");
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_that_does_not_exist_is_refused_at_the_first_call() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut properties = with_document(&document("video"));
    properties["HostedZoneId"] = json!("Z00000000000000000000");
    let served = refused(&stage, &properties, "hosted zone Z00000000000000000000 does not exist").await?;
    assert_eq!(served.total(), 1, "{:?}", served.calls);
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_of_another_name_is_refused() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut properties = with_document(&document("video"));
    properties["HostedZoneName"] = json!("edge.example.net");
    let expected = "hosted zone Z0123456789ABCDEFGHIJ is edge.example.com and not edge.example.net";
    refused(&stage, &properties, expected).await?;
    Ok(())
}

#[tokio::test]
async fn a_record_name_outside_the_hosted_zone_is_refused() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut outside = document("video");
    outside["record"]["name"] = json!("video.example.org");
    let expected = "video.example.org is outside hosted zone Z0123456789ABCDEFGHIJ (edge.example.com)";
    refused(&stage, &with_document(&outside), expected).await?;
    Ok(())
}

#[tokio::test]
async fn a_private_hosted_zone_is_refused_but_for_private_addresses() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    stage.world().make_private(ZONE)?;
    let expected = "is private, and pool video publishes carrier-ip addresses";
    refused(&stage, &with_document(&document("video")), expected).await?;
    let mut private = document("video");
    private["members"]["address"] = json!("private-ip");
    let (_, answer) = create(&stage, &with_document(&private)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(answer["Data"]["NameServers"], "", "there is nothing to delegate to");
    Ok(())
}

#[tokio::test]
async fn a_wavelength_zone_has_to_be_one_of_the_region_and_opted_in() -> Result<()> {
    let stage = Stage::with_video([]).await?;
    let properties = with_document(&document("video"));
    refused(&stage, &properties, &format!("Region us-east-1 has no zone {BOSTON}")).await?;
    let boston = AvailabilityZone::wavelength(BOSTON, "us-east-1-wl1");
    stage.world().put_availability_zone(boston.clone().of_type(ZoneType::LocalZone));
    refused(&stage, &properties, &format!("{BOSTON} is of type local-zone and no Wavelength zone")).await?;
    stage.world().put_availability_zone(boston.clone().not_opted_in());
    let command = "aws ec2 modify-availability-zone-group --region us-east-1 --group-name us-east-1-wl1 --opt-in-status \
                   opted-in";
    refused(&stage, &properties, command).await?;
    stage.world().put_availability_zone(boston);
    let (_, answer) = create(&stage, &properties).await?;
    assert_eq!(answer["Status"], "SUCCESS", "an empty pool is no failure: {answer}");
    Ok(())
}

#[tokio::test]
async fn an_update_is_checked_like_a_creation() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?;
    environment.sweep().await?;
    let mut bucket = Bucket::open(0).await?;
    let mut outside = document("video");
    outside["record"]["name"] = json!("video.example.org");
    environment.expects_error("video.example.org is outside");
    let (_, answer) =
        ask(&mut environment, &mut bucket, "Update", &made_with(&with_document(&outside))).await?;
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("FAILED"), &json!("registrar-edge"))
    );
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn a_deployment_does_not_get_another_name_by_an_update() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?;
    environment.sweep().await?;
    let mut bucket = Bucket::open(0).await?;
    let mut renamed = with_document(&document("video"));
    renamed["DeploymentName"] = json!("west");
    environment.expects_error("edge cannot become west");
    let (served, answer) = ask(&mut environment, &mut bucket, "Update", &made_with(&renamed)).await?;
    assert_eq!((&answer["Status"], served.total()), (&json!("FAILED"), 0), "{answer}");
    let back = made_with(&with_document(&document("video")));
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &back).await?;
    assert_eq!(answer["Status"], "SUCCESS", "the stack is rolled back: {answer}");
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn a_pool_gets_another_name_when_its_records_are_retired() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut environment = stage.environment().await?;
    environment.sweep().await?;
    let mut bucket = Bucket::open(0).await?;
    let before = with_document(&document("video"));
    let mut renamed = before.clone();
    renamed["PoolName"] = json!("films");
    let mut rename = made_with(&renamed);
    rename["OldResourceProperties"] = before.clone();
    environment.expects_error("pool video is not in the stack any more");
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &rename).await?;
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("video", [1]));

    let mut retired = document("video");
    retired["state"] = json!("retired");
    put_document(&mut stage.world(), "video", &retired);
    let (_, answer) =
        ask(&mut environment, &mut bucket, "Update", &made_with(&with_document(&retired))).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    // CloudFormation deletes the parameter of the old name when the update is over, so both are there now.
    put_document(&mut stage.world(), "films", &document("video"));
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &rename).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let records = stage.records()?;
    assert!(records.len() == 1 && records[0].contains("registrar/edge/films/"), "{records:?}");

    // Something else in the stack fails, and CloudFormation goes back: what the new name made goes again.
    let mut back = made_with(&with_document(&retired));
    back["OldResourceProperties"] = renamed;
    let (_, answer) = ask(&mut environment, &mut bucket, "Update", &back).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_fallback_of_the_deployment_that_this_stack_would_not_make_is_anothers() -> Result<()> {
    let stage = Stage::with_video([]).await?;
    stage.world().put_availability_zone(AvailabilityZone::wavelength(BOSTON, "us-east-1-wl1"));
    let mut with_fallback = document("video");
    with_fallback["guard"] = json!({"when_empty": "fallback", "fallback": "192.0.2.80"});
    let (_, answer) = create(&stage, &with_document(&with_fallback)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let (_, answer) = create(&stage, &with_document(&with_fallback)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "a creation is tried again: {answer}");
    for other in [json!("192.0.2.81"), Value::Null] {
        let mut others = document("video");
        if !other.is_null() {
            others["guard"] = json!({"when_empty": "fallback", "fallback": other});
        }
        refused(&stage, &with_document(&others), "has a fallback record already").await?;
    }
    Ok(())
}

#[tokio::test]
async fn names_that_any_pool_of_the_deployment_uses_elsewhere_are_refused() -> Result<()> {
    // Nobody here has ever heard of 7, and no document of this stack names its pool.
    let stage = Stage::with(|world| {
        publish(world, vec![weighted("games", 7)?])?;
        put_all(world, [machine("video", 1)]);
        Ok(())
    })
    .await?;
    let expected = format!("pool games one of {}, of which EC2 here has never heard", id(7));
    refused(&stage, &with_document(&document("video")), &expected).await?;
    assert_eq!(stage.records()?, weighted_lines("games", [7]));
    Ok(())
}

#[tokio::test]
async fn a_stack_without_a_hosted_zone_is_refused_since_it_could_not_be_deleted() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let served =
        refused(&stage, &json!({"DeploymentName": "edge"}), "give the property HostedZoneId").await?;
    assert_eq!(served.total(), 0);
    Ok(())
}

#[tokio::test]
async fn a_fleet_that_cannot_be_read_refuses_a_stack_before_anything_is_changed() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    stage
        .world()
        .arm(Fault::on(Operation::DescribeInstances, refusal(400, "InvalidParameterValue")).always());
    let (served, answer) = create(&stage, &with_document(&document("video"))).await?;
    assert_eq!(
        (&answer["Status"], &answer["PhysicalResourceId"]),
        (&json!("FAILED"), &json!("registrar:refused:edge"))
    );
    assert_eq!(served.calls_of("route53:ChangeResourceRecordSets"), 0);
    Ok(())
}

#[tokio::test]
async fn a_permission_that_comes_a_moment_later_fails_nobody() -> Result<()> {
    for operation in [Operation::GetHostedZone, Operation::ChangeResourceRecordSets] {
        let stage = Stage::with_video([1]).await?;
        stage.world().arm(Fault::on(operation, refusal(403, "AccessDenied")));
        let mut environment = stage.environment().await?;
        let mut bucket = Bucket::open(0).await?;
        let properties = json!({ "ResourceProperties": with_document(&document("video")) });
        let (served, answer) = ask(&mut environment, &mut bucket, "Create", &properties).await?;
        assert_eq!(answer["Status"], "SUCCESS", "{operation}: {answer}");
        assert_eq!(served.calls_of("route53:GetHostedZone"), 2, "{operation}: {:?}", served.calls);
        assert_eq!(stage.records()?, weighted_lines("video", [1]));
    }
    Ok(())
}

#[tokio::test]
async fn a_role_that_the_document_does_not_name_is_refused() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let mut properties = with_document(&document("video"));
    properties["DnsRoleArn"] = json!("arn:aws:iam::210987654321:role/dns");
    let served = refused(&stage, &properties, "record.role_arn is not given and DnsRoleArn is").await?;
    assert_eq!(served.total(), 0);
    Ok(())
}

#[tokio::test]
async fn a_pool_that_is_held_back_fails_nobody_and_the_template_is_told_why() -> Result<()> {
    let stage = Stage::with_video(1..=6).await?;
    let environment = &mut stage.environment().await?;
    environment.sweep().await?;
    // Nobody is selected any more, and all of them live: the removal budget lets two go.
    let mut reselected = document("video");
    reselected["members"]["tags"] = json!({"edge-dns": "film"});
    let mut bucket = Bucket::open(0).await?;
    let (served, answer) =
        ask(environment, &mut bucket, "Update", &made_with(&with_document(&reselected))).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert!(served.held("video", "removal-budget") > 0, "{}", served.event);
    let data = &answer["Data"];
    assert_eq!((&data["Changes"], &data["HeldBack"]), (&json!("2"), &json!("4")));
    let told = data["HeldBackReason"].as_str().unwrap_or_default();
    assert!(told.starts_with("video: "), "{data}");
    assert_ne!(data["NameServers"], "");
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_of_another_account_is_checked_through_its_role() -> Result<()> {
    const ROLE: &str = "arn:aws:iam::210987654321:role/dns";
    const THEIRS: &str = "Z9999999999999999999";
    let stage = Stage::with(|world| {
        world.put_hosted_zone_of_role(ROLE, THEIRS, "their.example.org", vec![])?;
        put_all(world, [machine("video", 1)]);
        Ok(())
    })
    .await?;
    let mut theirs = document("video");
    theirs["record"]["hosted_zone_id"] = json!(THEIRS);
    theirs["record"]["role_arn"] = json!(ROLE);
    theirs["record"]["name"] = json!("video.their.example.org");
    let mut properties = with_document(&theirs);
    properties["HostedZoneId"] = json!(THEIRS);
    properties["HostedZoneName"] = json!("their.example.org");
    properties["DnsRoleArn"] = json!(ROLE);
    let (served, answer) = create(&stage, &properties).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(served.calls_of("sts:AssumeRole"), 1, "{:?}", served.calls);
    assert_eq!(stage.records_of(THEIRS)?.len(), 1);
    Ok(())
}
