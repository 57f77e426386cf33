//! Auto Scaling groups: only members in service are answered, whatever EC2 says of them.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{Machine, id, members, running};
use crate::place::Place;

const GROUP: &str = "video-edge";

fn grouped(number: u8) -> Machine {
    running(number).in_group(GROUP)
}

#[test]
fn a_member_that_waits_for_its_terminate_hook_is_removed_although_it_runs() -> Result<()> {
    let place = Place::with_fleet(&[grouped(1), grouped(2)])?;
    place.write_json("groups.json", &members(GROUP, &[(1, "InService"), (2, "InService")]))?;
    let service = place.serve(&["--groups", "groups.json"])?;
    service.answers_become(&[1, 2])?;
    place.write_json("groups.json", &members(GROUP, &[(1, "InService"), (2, "Terminating:Wait")]))?;
    service.answers_become(&[1])?;
    let told = service.tells_of("applied", &["DELETE", &id(2)])?;
    ensure!(told["evidence"].to_string().contains("Terminating:Wait"), "{told}");
    let probed = place.probe(&service, &["--groups", "groups.json"])?;
    probed.is(0, &[])
}

#[test]
fn a_member_that_is_not_in_service_is_not_added_until_it_is() -> Result<()> {
    let place = Place::with_fleet(&[grouped(1), grouped(2), grouped(3), grouped(4), grouped(5)])?;
    let states =
        [(1, "InService"), (2, "Pending:Wait"), (3, "Standby"), (4, "Warmed:Running"), (5, "Pending")];
    place.write_json("groups.json", &members(GROUP, &states))?;
    let service = place.serve(&["--groups", "groups.json"])?;
    service.answers_become(&[1])?;
    place.probe(&service, &["--groups", "groups.json"])?.is(0, &[])?;
    place.write_json("groups.json", &members(GROUP, &[(1, "InService"), (2, "InService")]))?;
    service.answers_become(&[1, 2])
}

#[test]
fn a_member_whose_groups_were_not_given_is_held_back_with_the_flag_to_give() -> Result<()> {
    let place = Place::with_fleet(&[grouped(1), running(2)])?;
    let service = place.serve(&[])?;
    service.answers_become(&[2])?;
    let held = service.tells_of("held-back", &["unknown", &id(1)])?;
    ensure!(held["hint"].to_string().contains("--groups"), "{held}");
    service.answers(&[2])
}

#[test]
fn members_are_read_from_groups_as_well_as_from_instances() -> Result<()> {
    let place = Place::with_fleet(&[grouped(1), grouped(2)])?;
    let instances: Vec<Value> = [(1, "InService"), (2, "Terminating:Proceed")]
        .iter()
        .map(|(number, state)| json!({ "InstanceId": id(*number), "LifecycleState": state }))
        .collect();
    let groups = json!({ "AutoScalingGroups": [{
        "AutoScalingGroupName": GROUP, "MinSize": 0, "MaxSize": 9, "Instances": instances,
    }] });
    place.write_json("groups.json", &groups)?;
    let service = place.serve(&["--groups", "groups.json"])?;
    service.answers_become(&[1])?;
    let probed = place.probe(&service, &["--groups", "groups.json"])?;
    probed.is(0, &[])
}
