//! The scheduled probe beside the registrar: `infra/prober.yaml` with its own package, invoked as an operator does.
//!
//! Nothing delegates to the emulator's hosted zone, so the function is told where its name server is.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use registrar_core::record_set::RecordSet;
use registrar_local::dns::{NameServer, NameServerConfig};
use registrar_local::route53::PublishedZone;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::aws::wait_until;
use crate::package::{PROBE, PROBER};
use crate::stack::Stack;
use crate::world::{World, ZONE};

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn the_probe_answers_with_its_report_and_writes_its_metrics() -> Result<()> {
    let world = World::start()?;
    world.launch()?;
    Stack::create(&world, &[])?;
    let prober = prober(&world)?;
    let servers = Runtime::new()?;
    let server = servers.block_on(name_server(&world))?;
    let function = tell_where(&world, &prober, server.address())?;

    let report = invoke(&world, &function)?;
    assert_eq!(
        (&report["schema"], &report["verdict"]),
        (&json!("resolver-probe/1"), &json!("ok")),
        "{report:#}"
    );
    assert_eq!((&report["compared"], &report["findings"]), (&json!(true), &json!([])), "{report:#}");
    let has_metrics = |lines: &Vec<Value>| lines.iter().any(|line| line["runs"] == 1);
    let lines = wait_until("the metrics are logged", || logged(&world, &prober), has_metrics)?;
    let metrics = lines.iter().find(|line| line.get("_aws").is_some()).context("metrics")?;
    assert_eq!((&metrics["Deployment"], &metrics["Pool"]), (&json!("edge"), &json!("video")));
    assert_eq!((&metrics["critical"], &metrics["unknown"]), (&json!(0), &json!(0)));
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_blackhole_is_critical_and_told_in_the_log() -> Result<()> {
    let world = World::start()?;
    let (_, lost) = (world.launch()?, world.launch()?);
    Stack::create(&world, &[])?;
    let prober = prober(&world)?;
    let servers = Runtime::new()?;
    let server = servers.block_on(name_server(&world))?;
    let function = tell_where(&world, &prober, server.address())?;
    // Nobody tells the registrar.
    world.terminate(&lost)?;

    let report = invoke(&world, &function)?;
    assert_eq!(report["verdict"], "critical", "{report:#}");
    let stale = &report["findings"][0];
    assert_eq!((&stale["id"], &stale["address"]), (&json!("stale-record"), &json!(lost.address)));
    let is_told = |lines: &Vec<Value>| {
        lines.iter().any(|line| line["level"] == "ERROR" && line["address"] == lost.address)
    };
    wait_until("the finding is logged", || logged(&world, &prober), is_told)?;
    Ok(())
}

/// Makes the prober's stack beside the registrar's.
fn prober(world: &World) -> Result<Stack<'_>> {
    let subnets = world.aws.call("ec2", "describe_subnets", json!({}))?;
    let subnet = subnets["Subnets"][0]["SubnetId"].as_str().context("a subnet")?;
    let groups = world.aws.call("ec2", "describe_security_groups", json!({}))?;
    let group = groups["SecurityGroups"][0]["GroupId"].as_str().context("a security group")?;
    let record_name = format!("video.{ZONE}");
    let stack = Stack::create_of(
        world,
        "prober",
        PROBER,
        &[
            ("HostedZoneId", &world.hosted_zone_id),
            ("RecordName", &record_name),
            ("ProbeReach", ""),
            ("ProbeCodeBucket", world.package.bucket),
            ("ProbeCodeKey", PROBE),
            ("Architecture", &world.package.architecture),
            ("SubnetIds", subnet),
            ("SecurityGroupIds", group),
        ],
    )?;
    ensure!(stack.outputs()?.contains_key("ProbeNowCommand"), "{:?}", stack.outputs()?);
    Ok(stack)
}

/// Answers from what the hosted zone holds now.
async fn name_server(world: &World) -> Result<NameServer> {
    let arguments = json!({"HostedZoneId": world.hosted_zone_id});
    let listing = world.aws.call("route53", "list_resource_record_sets", arguments)?;
    let records: Vec<RecordSet> = serde_json::from_value(listing["ResourceRecordSets"].clone())?;
    let zone = Arc::new(PublishedZone::new(world.hosted_zone_id.parse()?, ZONE.parse()?, records));
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Ok(NameServer::start(NameServerConfig::new(address, Arc::new(zone), Arc::new(now), 7)).await?)
}

/// Gives the function a variable that no template sets, and returns its name.
fn tell_where(world: &World, prober: &Stack<'_>, server: SocketAddr) -> Result<String> {
    let function = prober.outputs()?.remove("FunctionName").context("the output FunctionName")?;
    let arguments = json!({"FunctionName": function});
    let mut found = world.aws.call("lambda", "get_function_configuration", arguments)?;
    let mut variables = found["Environment"]["Variables"].take();
    variables["PROBE_SERVERS"] = json!(server.to_string());
    let changed = json!({"FunctionName": function, "Environment": {"Variables": variables}});
    world.aws.call("lambda", "update_function_configuration", changed)?;
    Ok(function)
}

/// Does what the output `ProbeNowCommand` says.
fn invoke(world: &World, function: &str) -> Result<Value> {
    let answered = world.aws.call("lambda", "invoke", json!({"FunctionName": function, "Payload": "{}"}))?;
    ensure!(answered.get("FunctionError").is_none(), "{answered:#}");
    Ok(serde_json::from_str(answered["Payload"].as_str().context("a payload")?)?)
}

/// Returns the lines of the prober's log that are JSON.
fn logged(world: &World, prober: &Stack<'_>) -> Result<Vec<Value>> {
    let group = prober.outputs()?.remove("LogGroupName").context("the output LogGroupName")?;
    let listing = world.aws.call("logs", "filter_log_events", json!({"logGroupName": group}))?;
    let events = listing["events"].as_array().context("log events")?;
    let messages = events.iter().filter_map(|event| event["message"].as_str());
    Ok(messages.filter_map(|message| serde_json::from_str(message).ok()).collect())
}

#[expect(clippy::disallowed_methods, reason = "a function is tested by the clock that it has")]
fn now() -> Timestamp {
    Timestamp::now()
}
