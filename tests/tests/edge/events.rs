//! Events on standard input. The sweep is an hour away, so that whatever happens, an event did it.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::fleet::{all_running, id, running, state_event, terminated};
use crate::place::Place;
use crate::service::Service;

const FAR: [&str; 2] = ["--sweep", "1h"];

fn serve_two() -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&FAR)?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

#[test]
fn a_termination_takes_its_answer_away_at_once_even_while_ec2_still_says_running() -> Result<()> {
    let (_place, mut service) = serve_two()?;
    service.hear(&state_event(2, "shutting-down"))?;
    service.answers_become(&[1])?;
    let told = service.tells_of("applied", &["DELETE", &id(2)])?;
    ensure!(told["evidence"].to_string().contains("shutting-down"), "{told}");
    Ok(())
}

#[test]
fn a_launch_is_answered_at_once_and_only_with_what_ec2_shows() -> Result<()> {
    let (place, mut service) = serve_two()?;
    // Of the third EC2 knows nothing yet: an event alone publishes nothing.
    service.hear(&state_event(3, "running"))?;
    place.show_fleet(&all_running(&[1, 2, 4]))?;
    service.hear(&state_event(4, "running"))?;
    service.answers_become(&[1, 2, 4])
}

#[test]
fn an_event_about_a_stranger_changes_nothing() -> Result<()> {
    let (_place, mut service) = serve_two()?;
    service.hear(&state_event(77, "terminated"))?;
    service.hear(&state_event(78, "running"))?;
    // What comes later on the same stream shows that the strangers were dealt with.
    service.hear(&state_event(2, "stopping"))?;
    service.answers_become(&[1])?;
    service.changes_become(0, &["+ 155.146.10.1", "+ 155.146.10.2", "- 155.146.10.2"])?;
    service.close_stdin();
    let ran = service.stop()?;
    let stopped = ran.json_lines()?.pop().unwrap_or_default();
    assert_eq!((&stopped["events"], &stopped["dropped"]), (&json!(3), &json!(0)));
    Ok(())
}

#[test]
fn a_spot_interruption_and_a_terminate_hook_take_their_answers_away() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    let mut service = place.serve(&FAR)?;
    service.answers_become(&[1, 2, 3])?;
    let spot = json!({
        "source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning",
        "time": "2024-06-01T12:00:00Z",
        "detail": { "instance-id": id(1), "instance-action": "terminate" },
    });
    service.hear(&spot.to_string())?;
    service.answers_become(&[2, 3])?;
    let hook = json!({
        "source": "aws.autoscaling", "detail-type": "EC2 Instance-terminate Lifecycle Action",
        "time": "2024-06-01T12:00:00Z",
        "detail": {
            "EC2InstanceId": id(2), "AutoScalingGroupName": "video-edge", "LifecycleHookName": "dns-drain",
            "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
            "Origin": "AutoScalingGroup", "Destination": "EC2",
        },
    });
    service.hear(&hook.to_string())?;
    service.answers_become(&[3])
}

#[test]
fn a_scheduled_event_and_a_changed_parameter_make_it_look() -> Result<()> {
    let (place, mut service) = serve_two()?;
    let schedule = json!({ "source": "aws.events", "detail-type": "Scheduled Event", "detail": {} });
    let parameter = json!({
        "source": "aws.ssm", "detail-type": "Parameter Store Change",
        "detail": { "name": "/registrar/default/pools/video", "operation": "Update" },
    });
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    service.hear(&schedule.to_string())?;
    service.answers_become(&[1, 2, 3])?;
    place.show_fleet(&[running(1), running(2), terminated(3)])?;
    service.hear(&parameter.to_string())?;
    service.answers_become(&[1, 2])
}

#[test]
fn events_out_of_order_and_doubled_end_with_the_latest() -> Result<()> {
    let (place, mut service) = serve_two()?;
    let (gone, again) = (state_event(2, "terminated"), state_event(2, "running"));
    let later = again.replace("2024-06-01T12:00:00Z", "2024-06-01T13:00:00Z");
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    for line in [&later, &gone, &gone, &state_event(3, "running")] {
        service.hear(line)?;
    }
    service.answers_become(&[1, 2, 3])
}

#[test]
fn garbage_is_counted_by_kind_and_dropped_and_the_service_lives() -> Result<()> {
    let (_place, mut service) = serve_two()?;
    let unrecognised = json!({ "source": "aws.ec2", "detail-type": "EBS Volume Notification", "detail": {} });
    let bad_detail = state_event(1, "exploded");
    let lines = ["not json", "[]", "null", "{", &unrecognised.to_string(), &bad_detail, "", "   "];
    for line in lines {
        service.hear(line)?;
    }
    service.hear_bytes(b"\xff\xfe\x00 no text \x80\n")?;
    service.hear(&state_event(2, "terminated"))?;
    service.answers_become(&[1])?;
    for kind in ["malformed", "unrecognised", "bad-detail"] {
        service.tells("dropped", |line| line["kind"] == kind)?;
    }
    let ran = service.stop()?;
    let stopped = ran.json_lines()?.pop().unwrap_or_default();
    assert_eq!((&stopped["events"], &stopped["dropped"]), (&json!(1), &json!(7)), "{stopped}");
    ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
    Ok(())
}

#[test]
fn a_line_of_two_megabytes_is_dropped_and_the_next_one_counts() -> Result<()> {
    let (_place, mut service) = serve_two()?;
    let long = format!("{{\"source\":\"{}\"}}\n", "x".repeat(2 * 1024 * 1024));
    service.hear_bytes(long.as_bytes())?;
    service.tells("dropped", |line| line["kind"] == "too-large")?;
    service.hear(&state_event(2, "terminated"))?;
    service.answers_become(&[1])
}

#[test]
fn a_line_is_taken_in_when_its_end_comes_and_not_before() -> Result<()> {
    let (_place, mut service) = serve_two()?;
    let event = state_event(2, "terminated");
    let (first, second) = event.split_at(event.len() / 2);
    service.hear_bytes(first.as_bytes())?;
    service.answers(&[1, 2])?;
    service.hear_bytes(format!("{second}\r\n").as_bytes())?;
    service.answers_become(&[1])
}

#[test]
fn a_flood_of_events_is_taken_in_and_ends_where_the_fleet_is() -> Result<()> {
    let (place, mut service) = serve_two()?;
    place.show_fleet(&[running(1), terminated(2), running(3)])?;
    let flood: String = (0..3_000).map(|_| state_event(77, "running") + "\n").collect();
    service.hear_bytes(flood.as_bytes())?;
    service.answers_become(&[1, 3])?;
    service.hear(&state_event(3, "terminated"))?;
    service.answers_become(&[1])
}
