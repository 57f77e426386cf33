//! A stack that goes: with it every record of the deployment and everything that it made, and nothing else.

use std::cell::Cell;
use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::aws::wait_until;
use crate::stack::Stack;
use crate::world::{World, foreign_record, with_foreign};

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn nothing_is_left_of_a_stack_but_records_of_others() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));
    assert_ne!(world.leftovers()?, Vec::<String>::new());
    stack.delete()?;
    assert_eq!(world.records()?, with_foreign([]));
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn records_of_a_pool_that_was_added_by_hand_go_with_the_stack() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack =
        Stack::create(&world, &[("AdditionalRecordNames", "chat.edge.example.com,game.edge.example.com")])?;
    let name = "/registrar/edge/pools/chat";
    let document = json!({
        "version": 1,
        "record": {"hosted_zone_id": world.hosted_zone_id, "name": "chat.edge.example.com"},
        "members": {"tags": {"edge-dns": "video"}, "address": "public-ip"},
    });
    let parameter = json!({"Name": name, "Type": "String", "Value": document.to_string()});
    world.aws.call("ssm", "put_parameter", parameter)?;
    stack.deliver("aws.ssm", "Parameter Store Change", json!({"name": name, "operation": "Create"}))?;
    let of_both = with_foreign([instance.record("chat", 20), instance.record("video", 20)]);
    world.wait_for_records("a document was added", &of_both)?;

    stack.delete()?;
    assert_eq!(world.records()?, with_foreign([]));
    // Whoever put the document there takes it away.
    assert_eq!(world.leftovers()?, [format!("ssm: {name}")]);
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_document_that_was_broken_by_hand_is_not_needed_for_the_deletion() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    assert_eq!(world.records()?, with_foreign([instance.record("video", 20)]));
    let name = "/registrar/edge/pools/video";
    let broken = json!({"Name": name, "Value": "{", "Type": "String", "Overwrite": true});
    world.aws.call("ssm", "put_parameter", broken)?;
    stack.delete()?;
    assert_eq!(world.records()?, with_foreign([]));
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn a_stack_outlives_its_hosted_zone_and_can_still_be_deleted() -> Result<()> {
    let world = World::start()?;
    let stack = Stack::create(&world, &[])?;
    world.change("DELETE", foreign_record())?;
    world.aws.call("route53", "delete_hosted_zone", json!({"Id": world.hosted_zone_id}))?;
    stack.delete()?;
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}

#[test]
#[ignore = "needs ministack and the package, which cargo xtask ci makes"]
fn messages_that_are_still_in_the_queue_bring_no_record_back() -> Result<()> {
    let world = World::start()?;
    let instance = world.launch()?;
    let stack = Stack::create(&world, &[])?;
    // Each of these would make the record anew, were there anybody to take it.
    for seconds in 0..20 {
        let detail = json!({"instance-id": instance.id, "state": "running"});
        stack.deliver_later(seconds, "aws.ec2", "EC2 Instance State-change Notification", detail)?;
    }
    stack.begin_deletion()?;
    let was_empty = Cell::new(false);
    let look = || {
        let (records, status) = (world.records()?, stack.status()?);
        let is_empty = records == with_foreign([]);
        ensure!(is_empty || !was_empty.get(), "a record is back while the stack is {status}: {records:#?}");
        was_empty.set(is_empty);
        Ok((status, records))
    };
    let gone = |(status, _): &(String, BTreeSet<String>)| status == "DELETE_COMPLETE";
    let (_, records) = wait_until("the stack is gone", look, gone)?;
    assert_eq!(records, with_foreign([]));
    assert_eq!(world.leftovers()?, Vec::<String>::new());
    Ok(())
}
