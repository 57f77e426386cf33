//! What `docs/faults.md` promises of Route 53's faults, seen from outside: each does what it says, is used
//! up, and leaves the records where they should be.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::dns::Over;
use crate::fleet::{all_running, id, record, running, state_event, terminated};
use crate::place::Place;
use crate::service::Service;

const FAULTY: [&str; 4] = ["--faults", "faults.json", "--zone", "zone.json"];

fn serve(faults: &Value, numbers: &[u8], more: &[&str]) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(numbers))?;
    place.arm(&json!({ "route53": faults }))?;
    let service = place.serve(&[&FAULTY, more].concat())?;
    Ok((place, service))
}

fn count(service: &Service, event: &str) -> Result<usize> {
    Ok(service.told()?.iter().filter(|line| line["event"] == event).count())
}

#[test]
fn changes_that_are_refused_for_a_while_are_made_later() -> Result<()> {
    for faults in [
        json!({ "throttle": 5 }),
        json!({ "prior_request_not_complete": 2 }),
        json!({ "throttle": 1, "prior_request_not_complete": 1, "lose_request": 1, "lose_reply": 1 }),
    ] {
        let (place, service) = serve(&faults, &[1, 2, 3], &[])?;
        service.answers_become(&[1, 2, 3])?;
        service.changes_become(0, &["+ 155.146.10.1", "+ 155.146.10.2", "+ 155.146.10.3"])?;
        place.show_fleet(&[running(1), running(2), terminated(3)])?;
        service.answers_become(&[1, 2])?;
        service.changes_become(3, &["- 155.146.10.3"])?;
        service.stop()?;
    }
    Ok(())
}

#[test]
fn a_change_that_waits_is_told_while_it_waits() -> Result<()> {
    let (_place, service) = serve(&json!({ "throttle": 1_000_000 }), &[1], &[])?;
    service.answers_become(&[])?;
    let waiting = service.tells("trouble", |line| line.to_string().to_lowercase().contains("throttl"));
    waiting.map(|_| ())
}

/// Serves two instances whose records wait for more than a second, and whose request is lost then: the
/// world is looked at again before it is made. The sweep is far away.
fn serve_waiting() -> Result<(Place, Service)> {
    let (place, service) = serve(&json!({ "throttle": 5, "lose_request": 1 }), &[1, 2], &["--sweep", "1h"])?;
    service.answers_become(&[])?;
    Ok((place, service))
}

#[test]
fn an_instance_that_ends_while_its_record_waits_is_never_added() -> Result<()> {
    let (place, service) = serve_waiting()?;
    place.show_fleet(&[running(1), terminated(2)])?;
    service.tells_of("applied", &[&id(1)])?;
    service.answers_become(&[1])?;
    service.changes_become(0, &["+ 155.146.10.1"])?;
    Ok(())
}

#[test]
fn an_event_that_comes_while_a_record_waits_is_heeded_before_it_is_made() -> Result<()> {
    let (_place, mut service) = serve_waiting()?;
    service.hear(&state_event(2, "terminated"))?;
    service.tells_of("applied", &[&id(1)])?;
    service.answers_become(&[1])?;
    service.changes_become(0, &["+ 155.146.10.1"])?;
    Ok(())
}

#[test]
fn a_change_whose_reply_is_lost_is_recognised_and_not_made_twice() -> Result<()> {
    let (place, service) = serve(&json!({ "lose_reply": 1 }), &[1, 2], &[])?;
    service.answers_become(&[1, 2])?;
    service.tells_of("applied", &[&id(2)])?;
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    service.answers_become(&[1, 2, 3])?;
    service.tells_of("applied", &[&id(3)])?;
    service.changes_become(0, &["+ 155.146.10.1", "+ 155.146.10.2", "+ 155.146.10.3"])?;
    assert_eq!(count(&service, "refused")?, 0);
    Ok(())
}

#[test]
fn a_change_that_never_arrives_is_made_again() -> Result<()> {
    let (place, service) = serve(&json!({ "lose_request": 3 }), &[1, 2], &[])?;
    service.answers_become(&[1, 2])?;
    place.show_fleet(&[terminated(1), running(2)])?;
    service.answers_become(&[2])?;
    service.changes_become(0, &["+ 155.146.10.1", "+ 155.146.10.2", "- 155.146.10.1"])?;
    Ok(())
}

#[test]
fn a_listing_that_fails_is_told_and_the_next_sweep_makes_up_for_it() -> Result<()> {
    let (_place, service) = serve(&json!({ "fail_listing": 2 }), &[1], &[])?;
    service.tells_of("trouble", &["hosted zone could not be listed"])?;
    service.answers_become(&[1])?;
    service.tells_of("over", &["hosted zone could not be listed"])?;
    Ok(())
}

#[test]
fn a_listing_that_fails_ends_no_hold() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(2).in_group("video-edge")])?;
    place.arm(&json!({}))?;
    let service = place.serve(&FAULTY)?;
    service.answers_become(&[1])?;
    service.tells_of("held-back", &["unknown", &id(2)])?;
    place.arm(&json!({ "route53": { "fail_listing": 1 } }))?;
    service.tells_of("over", &["this look"])?;
    let over = service.told()?.into_iter().find(|line| {
        let line = line.to_string();
        line.contains("\"over\"") && line.contains(&id(2))
    });
    ensure!(over.is_none(), "{over:?}");
    Ok(())
}

#[test]
fn a_listing_that_ends_in_the_middle_removes_and_adds_nothing_on_its_account() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3, 4]))?;
    place.hold_records(&[1, 2, 3, 4].map(|number| record(number, 100, 20)))?;
    place.arm(&json!({ "route53": { "truncate_listing": 2 } }))?;
    let service = place.serve(&FAULTY)?;
    service.tells_of("trouble", &["hosted"])?;
    service.tells_of("held-back", &["hosted-zone-incomplete"])?;
    service.answers(&[1, 2, 3, 4])?;
    service.tells_of("over", &["hosted-zone-incomplete"])?;
    place.show_fleet(&[terminated(1), running(2), running(3), running(4), running(5)])?;
    service.answers_become(&[2, 3, 4, 5])?;
    service.changes_become(0, &["- 155.146.10.1", "+ 155.146.10.5"])?;
    Ok(())
}

#[test]
fn a_faults_file_that_changes_is_armed_anew_and_one_that_stays_is_used_up() -> Result<()> {
    let (place, service) = serve(&json!({ "fail_listing": 1 }), &[1], &[])?;
    service.answers_become(&[1])?;
    assert_eq!(count(&service, "trouble")?, 1);
    place.arm(&json!({ "route53": { "fail_listing": 1, "throttle": 0 }, "name_servers": [{}] }))?;
    place.show_fleet(&all_running(&[1, 2]))?;
    service.answers_become(&[1, 2])?;
    Ok(())
}

#[test]
fn a_faults_file_that_cannot_be_used_leaves_the_last_faults_and_is_told() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.arm(&json!({ "name_servers": [{ "ttl_secs": 77 }] }))?;
    let service = place.serve(&FAULTY)?;
    service.answers_become(&[1])?;
    let ttl = |service: &Service| -> Result<u32> {
        let reply = crate::dns::ask(service.server()?, &crate::fleet::name("video"), Over::Udp)?;
        Ok(reply.ttls.into_iter().next().unwrap_or_default())
    };
    for (text, complaint) in
        [("{\"route53\"", "faults.json"), ("{\"route54\": {}}", "route54"), ("{\"route53\": 5}", "route53")]
    {
        place.write("faults.json", text)?;
        service.tells_of("trouble", &["faults", "the last faults stay", complaint])?;
        assert_eq!(ttl(&service)?, 77);
    }
    place.arm(&json!({}))?;
    service.tells_of("over", &["faults"])?;
    crate::waiting::eventually("the TTL is the record's own", || match ttl(&service) {
        Ok(20) => Ok(()),
        other => Err(format!("{other:?}")),
    })
}
