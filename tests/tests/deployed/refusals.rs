//! What cannot be: the template or the custom resource says why, the stack is rolled back, and no record is touched.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::stack::{Different, Stack};
use crate::world::{World, ZONE, create_hosted_zone, with_foreign};

/// Asks for a stack that is refused by a resource, for this reason, and deletes what is left of it.
fn assert_refused(
    world: &World,
    name: &str,
    different: Different<'_>,
    resource: &str,
    reason: &str,
) -> Result<()> {
    let before = world.records()?;
    let stack = Stack::begin(world, name, different)?.map_err(anyhow::Error::msg)?;
    stack.wait_for("ROLLBACK_COMPLETE")?;
    let failures = stack.failures()?;
    let said = failures.iter().any(|one| one.starts_with(resource) && one.contains(reason));
    ensure!(said, "{resource} does not fail with {reason:?}: {failures:#?}");
    assert_eq!(world.records()?, before, "after the rollback");
    stack.delete()?;
    assert_eq!(world.records()?, before, "after the deletion");
    Ok(())
}

/// Asks for a stack that is refused by the custom resource, where no other stack is.
fn assert_registration_refused(world: &World, different: Different<'_>, reason: &str) -> Result<()> {
    assert_refused(world, "edge", different, "Registration CREATE_FAILED", reason)?;
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_hosted_zone_that_does_not_exist_is_refused() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    let different = [("HostedZoneId", "Z0000000000000000000")];
    assert_registration_refused(&world, &different, "hosted zone Z0000000000000000000 does not exist")
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_private_hosted_zone_is_refused_for_public_addresses() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    let vpcs = world.aws.call("ec2", "describe_vpcs", json!({}))?;
    let vpc = vpcs["Vpcs"][0]["VpcId"].as_str().context("a VPC")?;
    let more =
        json!({"HostedZoneConfig": {"PrivateZone": true}, "VPC": {"VPCRegion": "us-east-1", "VPCId": vpc}});
    let private = create_hosted_zone(&world.aws, more)?;
    assert_registration_refused(&world, &[("HostedZoneId", &private)], "is private")
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_name_that_is_not_the_hosted_zones_own_is_refused() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    assert_registration_refused(
        &world,
        &[("HostedZoneName", "example.com")],
        "is edge.example.com and not example.com",
    )
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_record_name_outside_of_the_hosted_zone_is_refused() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    assert_registration_refused(&world, &[("RecordName", "video.example.org")], "is outside hosted zone")
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_wavelength_zone_that_the_account_does_not_have_is_refused() -> Result<()> {
    let world = World::start()?;
    let different = [("AddressKind", "carrier-ip"), ("WavelengthZones", "us-east-1-wl1-bos-wlz-1")];
    assert_registration_refused(&world, &different, "Region us-east-1 has no zone us-east-1-wl1-bos-wlz-1")
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_deployment_whose_records_are_of_unknown_instances_is_refused() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    let elsewhere = "i-0123456789abcdef0";
    let identifier = format!("registrar/edge/video/{elsewhere}");
    world.change(
        "CREATE",
        json!({"Name": format!("video.{ZONE}"), "Type": "A", "TTL": 20, "Weight": 10, "SetIdentifier": identifier,
            "ResourceRecords": [{"Value": "192.0.2.9"}]}),
    )?;
    assert_registration_refused(&world, &[], elsewhere)
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_package_in_another_region_is_refused() -> Result<()> {
    let world = World::start()?;
    let bucket = json!({"Bucket": "west", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}});
    world.aws.ask_in("us-west-2", "s3", "create_bucket", bucket)?.map_err(anyhow::Error::msg)?;
    assert_refused(&world, "edge", &[("CodeBucket", "west")], "Function CREATE_FAILED", "PermanentRedirect")?;
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_second_stack_of_the_same_deployment_is_refused_and_takes_nothing_of_the_first_with_it() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let first = Stack::create(&world, &[])?;
    let of_first = world.leftovers()?;
    for different in [&[][..], &[("PoolName", "chat"), ("RecordName", "chat.edge.example.com")]] {
        assert_refused(&world, "again", different, "StackParameter CREATE_FAILED", "already exists")?;
        assert_eq!(world.leftovers()?, of_first, "what the first one made");
    }
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));
    first.delete()?;
    assert_eq!(world.records()?, with_foreign([]));
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn bad_parameters_are_refused_before_anything_is_created() -> Result<()> {
    let world = World::start()?;
    let cases: &[(Different<'_>, &str)] = &[
        (&[("SelectorTagKey", "")], "AnInstanceIsSelectedByTagOrGroup"),
        (&[("SelectorTagValue", ""), ("AutoScalingGroupNames", "edge")], "ATagHasKeyAndValue"),
        (&[("FallbackTarget", "video.edge.example.com")], "TheFallbackIsAnotherName"),
        (&[("DeploymentName", "Edge")], "DeploymentName"),
        (&[("HostedZoneId", "/hostedzone/Z1")], "HostedZoneId"),
        (&[("RecordName", "video.edge.example.com.")], "RecordName"),
        (&[("TtlSeconds", "0")], "TtlSeconds"),
        (&[("AutoScalingGroupNames", "edge*")], "AutoScalingGroupNames"),
        (&[("WavelengthZones", "us-east-1-wl1-bos-wlz-1,,us-east-1-wl1-nyc-wlz-1")], "WavelengthZones"),
        (&[("AdditionalRecordNames", "chat.edge.example.com, ")], "AdditionalRecordNames"),
        (&[("AddressKind", "elastic-ip")], "AddressKind"),
        (&[("SweepSchedule", "rate(1 hour)")], "SweepSchedule"),
        (&[("CodeKey", "registrar")], "CodeKey"),
    ];
    for (different, named) in cases {
        let refusal = Stack::begin(&world, "edge", different)?.err();
        let refusal = refusal.with_context(|| format!("{different:?} is not refused"))?;
        ensure!(refusal.contains(named), "{different:?}: {refusal}");
    }
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    assert_eq!(world.records()?, with_foreign([]));
    Ok(())
}
