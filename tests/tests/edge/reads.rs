//! Dumps that cannot be read, or not to their end, while the service runs: the last good one stays.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{all_running, described, id, members, running, terminated};
use crate::place::Place;
use crate::service::Service;

fn serve_three() -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2, 3])?;
    Ok((place, service))
}

/// Waits until the gap is over, after which a change shows that all is well again.
fn recovers(place: &Place, service: &Service) -> Result<()> {
    place.show_fleet(&[running(1), terminated(2), running(3)])?;
    service.tells_of("over", &["read of fleet"])?;
    service.answers_become(&[1, 3])?;
    service.changes_become(3, &["- 155.146.10.2"])?;
    Ok(())
}

#[test]
fn a_fleet_file_that_is_half_written_removes_nothing_and_is_told() -> Result<()> {
    let (place, service) = serve_three()?;
    let whole = place.read("fleet.json")?;
    std::fs::write(place.path("fleet.json"), &whole[..whole.len() / 2])?;
    let told =
        service.tells_of("trouble", &["read of fleet", "fleet.json", "line", "last good one stays"])?;
    ensure!(told["problem"].to_string().contains("Reservations["), "{told}");
    service.answers(&[1, 2, 3])?;
    recovers(&place, &service)
}

#[test]
fn a_fleet_file_that_is_empty_or_something_else_removes_nothing_and_is_told() -> Result<()> {
    for text in ["", "{}", "[]", "null", "{\"Reservations\": null}", "\u{0}\u{0}\u{0}", "{\"Instances\": []}"]
    {
        let (place, service) = serve_three()?;
        place.write("fleet.json", text)?;
        service.tells_of("trouble", &["read of fleet", "fleet.json"])?;
        service.answers(&[1, 2, 3])?;
        recovers(&place, &service)?;
    }
    Ok(())
}

#[test]
fn a_fleet_file_that_is_deleted_removes_nothing_and_is_told() -> Result<()> {
    let (place, service) = serve_three()?;
    place.remove("fleet.json")?;
    service.tells_of("trouble", &["read of fleet", "fleet.json", "No such file"])?;
    service.answers(&[1, 2, 3])?;
    recovers(&place, &service)
}

#[test]
fn a_fleet_that_goes_on_elsewhere_removes_only_what_it_proves_dead() -> Result<()> {
    let (place, service) = serve_three()?;
    let mut page = described(&[running(1), terminated(2)]);
    page["NextToken"] = json!("eyJOZXh0VG9rZW4iOiBudWxsfQ==");
    place.write_json("fleet.json", &page)?;
    service.tells_of("trouble", &["read of fleet", "NextToken"])?;
    service.tells_of("held-back", &["unknown", &id(3)])?;
    service.answers_become(&[1, 3])?;
    place.show_fleet(&[running(1), running(3)])?;
    service.tells_of("over", &["held back", &id(3)])?;
    service.tells_of("over", &["read of fleet"])?;
    service.changes_become(3, &["- 155.146.10.2"])?;
    Ok(())
}

#[test]
fn an_empty_fleet_is_not_believed_to_be_the_right_one() -> Result<()> {
    let (place, service) = serve_three()?;
    place.show_fleet(&[])?;
    let held = service.tells_of("held-back", &["wrong-account-or-region"])?;
    ensure!(held["hint"].is_string(), "{held}");
    service.answers(&[1, 2, 3])
}

#[test]
fn an_event_still_counts_while_the_fleet_cannot_be_read() -> Result<()> {
    let (place, mut service) = serve_three()?;
    place.write("fleet.json", "{")?;
    service.tells_of("trouble", &["read of fleet"])?;
    service.hear(&crate::fleet::state_event(2, "terminated"))?;
    service.answers_become(&[1, 3])
}

#[test]
fn a_gap_is_told_once_and_not_at_every_sweep() -> Result<()> {
    let (place, mut service) = serve_three()?;
    place.remove("fleet.json")?;
    service.tells_of("trouble", &["read of fleet"])?;
    // Each line of the stream asks for a look.
    for number in 77..87 {
        service.hear(&crate::fleet::state_event(number, "running"))?;
    }
    service.hear(&crate::fleet::state_event(2, "terminated"))?;
    service.answers_become(&[1, 3])?;
    recovers_without_2(&place, &service)?;
    let troubles = service.told()?.into_iter().filter(|line| line["event"] == "trouble");
    assert_eq!(troubles.count(), 1);
    Ok(())
}

fn recovers_without_2(place: &Place, service: &Service) -> Result<()> {
    place.show_fleet(&all_running(&[1, 3]))?;
    service.tells_of("over", &["read of fleet"])?;
    Ok(())
}

#[test]
fn a_groups_file_that_cannot_be_read_removes_nothing_and_adds_nobody_unseen() -> Result<()> {
    let grouped = |number| running(number).in_group("video-edge");
    let place = Place::with_fleet(&[grouped(1), grouped(2)])?;
    let groups = |numbers: &[u8]| -> Value {
        let states: Vec<(u8, &str)> = numbers.iter().map(|number| (*number, "InService")).collect();
        members("video-edge", &states)
    };
    place.write_json("groups.json", &groups(&[1, 2]))?;
    let service = place.serve(&["--groups", "groups.json"])?;
    service.answers_become(&[1, 2])?;
    for text in ["{\"AutoScalingInst", "{}", ""] {
        place.write("groups.json", text)?;
        service.tells_of("trouble", &["read of groups", "groups.json"])?;
        service.answers(&[1, 2])?;
        place.write_json("groups.json", &groups(&[1, 2]))?;
        service.tells_of("over", &["read of groups"])?;
    }
    place.remove("groups.json")?;
    place.show_fleet(&[grouped(1), grouped(2), grouped(3)])?;
    service.tells_of("held-back", &["unknown", &id(3)])?;
    service.answers(&[1, 2])?;
    place.write_json("groups.json", &groups(&[1, 2, 3]))?;
    service.answers_become(&[1, 2, 3])
}
