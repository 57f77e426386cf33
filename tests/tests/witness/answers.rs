//! What is answered against what AWS says should be: the presence of addresses, and what a look costs.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_stand_in::InstanceState;
use serde_json::json;

use crate::place::{
    Place, document, finding, id, ip, machine, publish, put_document, says, weighted, withdraw,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_serves_as_it_should_is_ok_and_costs_one_call_of_each_kind() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let report = place.check(&[]).await?.is(0, &[])?;
    assert_eq!(report["compared"], true);
    let calls = [
        "autoscaling:DescribeAutoScalingGroups",
        "ec2:DescribeInstances",
        "route53:ListResourceRecordSets",
        "ssm:GetParameters",
    ];
    let calls: BTreeMap<String, u64> = calls.map(|operation| (operation.to_owned(), 1)).into();
    assert_eq!(place.world().calls(), calls);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_instance_that_is_still_published_is_a_stale_record_in_the_hosted_zone() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    place.world().set_state(&id(2), InstanceState::Stopped);
    let report = place.check(&[]).await?.is(2, &["critical stale-record"])?;
    let stale = finding(&report, "stale-record")?;
    assert_eq!(stale["address"], ip(2).to_string());
    assert_eq!(stale["evidence"]["hosted_zone"], "held");
    says(stale, "is stopped")?;
    says(stale, "the hosted zone still holds it")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_only_a_lagging_server_still_answers_is_told_from_one_in_the_hosted_zone()
-> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let lagging = place.lagging_server().await?;
    {
        let mut world = place.world();
        world.set_state(&id(2), InstanceState::Stopped);
        withdraw(&mut world, [weighted(2, 100)])?;
    }
    let server = lagging.address().to_string();
    let ran = place.check(&["--server", &server]).await?;
    assert_eq!(ran.code, Some(2));
    let report = ran.report()?;
    let stale = finding(&report, "stale-record")?;
    assert_eq!((&stale["server"], &stale["evidence"]["hosted_zone"]), (&json!(server), &json!("absent")));
    says(stale, "the server lags")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serving_instance_without_a_record_is_missing_from_the_hosted_zone_itself() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    place.world().put_instance(machine(3));
    let report = place.check(&[]).await?.is(1, &["warning missing-ip"])?;
    let missing = finding(&report, "missing-ip")?;
    assert_eq!(missing["instance"], id(3));
    says(missing, "the hosted zone does not hold it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_its_group_drains_should_not_be_answered() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    place.world().set_lifecycle_state(&id(2), "Terminating:Wait");
    let report = place.check(&[]).await?.is(2, &["critical stale-record"])?;
    says(finding(&report, "stale-record")?, "is Terminating:Wait in group edge-video")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_several_pages_is_read_to_its_end() -> Result<()> {
    let place = Place::serving(&[1, 2, 3, 4, 5]).await?;
    place.world().limit_page("ec2:DescribeInstances".parse()?, 2);
    place.check(&[]).await?.is(0, &[])?;
    assert_eq!(place.world().calls_of("ec2:DescribeInstances".parse()?), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pools_instances_are_none_of_this_ones() -> Result<()> {
    let place = Place::with(|world| {
        let mut other = document();
        other["members"]["tags"] = json!({ "edge-dns": "audio" });
        put_document(world, "audio", &other);
        world.put_instance(machine(1));
        world.put_instance(machine(2).with_tag("edge-dns", "audio"));
        publish(world, [weighted(1, 100), weighted(2, 100)])
    })
    .await?;
    let report = place.check(&[]).await?.is(2, &["critical stale-record"])?;
    assert_eq!(finding(&report, "stale-record")?["address"], ip(2).to_string());
    Ok(())
}
