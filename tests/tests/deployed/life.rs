//! A stack that stands: its records follow the fleet, and the stack's parameters when they change.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::aws::wait_until;
use crate::package::SECOND;
use crate::stack::Stack;
use crate::world::{World, with_foreign};

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn records_appear_with_the_stack_and_follow_the_fleet() -> Result<()> {
    let world = World::start()?;
    let (first, second) = (world.launch()?, world.launch()?);
    let stack = Stack::create(&world, &[])?;
    let of_two = with_foreign([first.record("video", 20), second.record("video", 20)]);
    assert_eq!(world.records()?, of_two, "when the stack stands");

    let third = world.launch()?;
    stack.deliver_state(&third, "running")?;
    let of_three = with_foreign([&first, &second, &third].map(|instance| instance.record("video", 20)));
    world.wait_for_records("an instance was launched", &of_three)?;

    world.terminate(&third)?;
    stack.deliver_state(&third, "terminated")?;
    world.wait_for_records("an instance was terminated", &of_two)?;

    world.terminate(&first)?;
    sweep(&world, &stack)?;
    world.wait_for_records(
        "an event was lost and a sweep came",
        &with_foreign([second.record("video", 20)]),
    )?;
    wait_until("the queues are empty", || messages(&world, &stack), |left| *left == [0, 0])?;
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_drain_is_seen_to_its_end_by_messages_of_the_function_to_its_own_queue() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[("TtlSeconds", "1")])?;
    assert_eq!(world.records()?, with_foreign([instance.record("video", 1)]));
    world.terminate(&instance)?;
    let action = json!({"AutoScalingGroupName": "edge", "LifecycleHookName": "dns-drain", "EC2InstanceId": instance.id,
        "LifecycleActionToken": "87654321-4321-4321-4321-210987654321",
        "Origin": "AutoScalingGroup", "Destination": "EC2"});
    stack.deliver("aws.autoscaling", "EC2 Instance-terminate Lifecycle Action", action)?;
    world.wait_for_records("a group takes an instance out", &with_foreign([]))?;
    let ended = |drains: &Vec<Value>| drains.last().is_some_and(|last| *last == json!({"completed": 1}));
    let drains = wait_until("the hook is completed", || drains(&world, &stack), ended)?;
    assert_eq!(drains.first(), Some(&json!({"ticketed": 1})), "{drains:?}");
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn an_update_reaches_every_record_before_it_is_complete() -> Result<()> {
    let world = World::start()?;
    let (first, second) = (world.launch()?, world.launch()?);
    let stack = Stack::create(&world, &[])?;
    stack.update(&[("TtlSeconds", "30")], "UPDATE_COMPLETE")?;
    let of_two = with_foreign([first.record("video", 30), second.record("video", 30)]);
    assert_eq!(world.records()?, of_two);
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_new_package_takes_over_and_its_records_stay() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    let before = code_of(&world, &stack)?;
    stack.update(&[("CodeKey", SECOND)], "UPDATE_COMPLETE")?;
    assert_ne!(code_of(&world, &stack)?, before, "the function's code is the old one");
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));

    world.terminate(&instance)?;
    stack.deliver_state(&instance, "terminated")?;
    world.wait_for_records("an instance was terminated", &with_foreign([]))
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_pool_that_is_retired_has_no_records_until_it_is_active_again() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    stack.update(&[("PoolState", "retired")], "UPDATE_COMPLETE")?;
    assert_eq!(world.records()?, with_foreign([]));
    stack.update(&[("PoolState", "active")], "UPDATE_COMPLETE")?;
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_pool_gets_another_name_once_it_is_retired_and_not_before() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    let renamed = [("PoolName", "chat"), ("RecordName", "chat.edge.example.com")];
    stack.update(&renamed, "UPDATE_ROLLBACK_COMPLETE")?;
    let failures = stack.failures()?;
    ensure!(failures.iter().any(|one| one.contains("PoolState retired first")), "{failures:#?}");
    sweep(&world, &stack)?;
    wait_until("the queues are empty", || messages(&world, &stack), |left| *left == [0, 0])?;
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));

    stack.update(&[("PoolState", "retired")], "UPDATE_COMPLETE")?;
    stack.update(&renamed, "UPDATE_COMPLETE")?;
    assert_eq!(world.records()?, with_foreign([instance.record("chat", 20)]));
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn an_update_that_fails_is_rolled_back_and_the_records_stay_as_they_were() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    let of_one = with_foreign([instance.record("video", 20)]);
    stack.update(&[("RecordName", "video.example.org"), ("TtlSeconds", "30")], "UPDATE_ROLLBACK_COMPLETE")?;
    let failures = stack.failures()?;
    ensure!(failures.iter().any(|one| one.contains("is outside hosted zone")), "{failures:#?}");
    assert_eq!(world.records()?, of_one);

    // Nobody else has read the document that was refused: the one instance is selected throughout.
    sweep(&world, &stack)?;
    let nobody = [("SelectorTagValue", "nobody"), ("HostedZoneName", "example.org")];
    stack.update(&nobody, "UPDATE_ROLLBACK_COMPLETE")?;
    let document = world.aws.call("ssm", "get_parameter", json!({"Name": "/registrar/edge/pools/video"}))?;
    ensure!(document["Parameter"]["Version"] == 1, "the parameter was written: {document}");
    assert_eq!(world.records()?, of_one);

    // The old document rules again.
    sweep(&world, &stack)?;
    wait_until("the queues are empty", || messages(&world, &stack), |left| *left == [0, 0])?;
    assert_eq!(world.records()?, of_one);
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn the_outputs_name_what_an_operator_needs_next() -> Result<()> {
    let world = World::start()?;
    let stack = Stack::create(&world, &[])?;
    let outputs = stack.outputs()?;
    assert_eq!(
        outputs.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "DashboardUrl",
            "DeadLetterQueueUrl",
            "FunctionName",
            "PoolParameterName",
            "ProbeCommand",
            "QueueUrl"
        ]
    );
    let document = world.aws.call("ssm", "get_parameter", json!({"Name": outputs["PoolParameterName"]}))?;
    let document: Value =
        serde_json::from_str(document["Parameter"]["Value"].as_str().context("a document")?)?;
    assert_eq!(document["record"]["name"], "video.edge.example.com");
    for queue in ["QueueUrl", "DeadLetterQueueUrl"] {
        let arguments = json!({"QueueUrl": outputs[queue], "AttributeNames": ["SqsManagedSseEnabled"]});
        let attributes = world.aws.call("sqs", "get_queue_attributes", arguments)?;
        assert_eq!(attributes["Attributes"]["SqsManagedSseEnabled"], "true", "{queue} is not encrypted");
    }
    ensure!(outputs["ProbeCommand"].contains(" video.edge.example.com "), "{}", outputs["ProbeCommand"]);
    Ok(())
}

/// Puts into the queue what the stack's schedule would.
fn sweep(world: &World, stack: &Stack<'_>) -> Result<()> {
    let schedule = world.aws.call("scheduler", "get_schedule", json!({"Name": "registrar-edge-sweep"}))?;
    let queue_url = stack.queue_url()?;
    let queue = queue_url.rsplit('/').next().context("the queue's name")?;
    let target = &schedule["Target"];
    ensure!(target["Arn"].as_str().is_some_and(|arn| arn.ends_with(queue)), "{target}");
    world
        .aws
        .call("sqs", "send_message", json!({"QueueUrl": queue_url, "MessageBody": target["Input"]}))
        .map(drop)
}

/// Returns how many messages are in the queue and how many in its dead letters, whether they can be received or not.
fn messages(world: &World, stack: &Stack<'_>) -> Result<[u64; 2]> {
    let outputs = stack.outputs()?;
    let mut counts = [0; 2];
    for (count, queue) in counts.iter_mut().zip(["QueueUrl", "DeadLetterQueueUrl"]) {
        let arguments = json!({"QueueUrl": outputs[queue], "AttributeNames": ["All"]});
        let attributes = world.aws.call("sqs", "get_queue_attributes", arguments)?;
        for attribute in
            ["", "Delayed", "NotVisible"].map(|state| format!("ApproximateNumberOfMessages{state}"))
        {
            let number = attributes["Attributes"][&attribute].as_str().context(attribute)?;
            *count += number.parse::<u64>()?;
        }
    }
    Ok(counts)
}

/// Returns what the function's log says of drains, invocation by invocation.
fn drains(world: &World, stack: &Stack<'_>) -> Result<Vec<Value>> {
    let group = format!("/aws/lambda/{}", stack.outputs()?["FunctionName"]);
    let listing = world.aws.call("logs", "filter_log_events", json!({"logGroupName": group}))?;
    let messages = listing["events"]
        .as_array()
        .context("log events")?
        .iter()
        .filter_map(|event| event["message"].as_str());
    let lines = messages.filter_map(|message| serde_json::from_str::<Value>(message).ok());
    Ok(lines
        .filter(|line| line["drains"].as_object().is_some_and(|drains| !drains.is_empty()))
        .map(|mut line| line["drains"].take())
        .collect())
}

/// Returns the digest of the function's code.
fn code_of(world: &World, stack: &Stack<'_>) -> Result<String> {
    let name = &stack.outputs()?["FunctionName"];
    let function = world.aws.call("lambda", "get_function", json!({"FunctionName": name}))?;
    Ok(function["Configuration"]["CodeSha256"].as_str().context("the code's digest")?.to_owned())
}
