//! Pool documents that change, or break, while the service runs.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::dns::{self, Over};
use crate::fleet::{all_running, document, ip, name, record, running, terminated};
use crate::place::Place;
use crate::service::Service;
use crate::waiting::eventually;

const BOTH: [&str; 4] = ["--pool", "video.json", "games.json", "--zone"];

fn serve_video(more: &[&str]) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&[&["--zone", "zone.json"], more].concat())?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut document = document("video");
    change(&mut document);
    document
}

fn of_pool(place: &Place) -> Result<Vec<Value>> {
    let at_name = |record: &Value| record["Name"].to_string().contains("video.bos");
    Ok(place.records()?.into_iter().filter(at_name).collect())
}

fn zone_becomes(place: &Place, wanted: &[Value]) -> Result<()> {
    eventually("the zone file", || {
        let records = of_pool(place).map_err(|error| format!("{error:#}"))?;
        if records == wanted { Ok(()) } else { Err(Value::Array(records).to_string()) }
    })
}

#[test]
fn a_broken_document_holds_its_own_pool_and_no_other_until_it_is_repaired() -> Result<()> {
    let games = |number: u8| running(number).of("games");
    let place = Place::with_fleet(&[running(1), running(2), games(11), games(12)])?;
    place.write_json("games.json", &document("games"))?;
    let service = place.serve(&[&BOTH[..], &["zone.json"]].concat())?;
    service.answers_become(&[1, 2])?;
    service.pool_answers_become("games", &[11, 12])?;
    let mut broken = document("games");
    broken["record"]["ttl_secs"] = json!(0);
    place.write_json("games.json", &broken)?;
    service.tells_of("trouble", &["pool games", "record.ttl_secs", "0 is not"])?;
    place.show_fleet(&[running(1), terminated(2), running(3), games(11), terminated(12), games(13)])?;
    service.answers_become(&[1, 3])?;
    let held: BTreeSet<Ipv4Addr> = BTreeSet::from([ip(11), ip(12)]);
    assert_eq!(service.answered("games", Over::Udp)?, held);
    place.write_json("games.json", &document("games"))?;
    service.tells_of("over", &["pool games"])?;
    service.pool_answers_become("games", &[11, 13])
}

#[test]
fn a_document_that_is_torn_deleted_or_misspelt_holds_its_pool() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    place.show_fleet(&[running(1), terminated(2), running(3)])?;
    service.answers_become(&[1, 3])?;
    let misspelt = changed(|document| document["recrod"] = json!({}));
    for (text, complaint) in [
        (Some("{\"version\": 1, \"rec".to_owned()), "line 1"),
        (Some(misspelt.to_string()), "recrod"),
        (Some(changed(|document| document["version"] = json!(2)).to_string()), "version"),
        (None, "restore the document"),
    ] {
        match text {
            Some(text) => place.write("video.json", &text)?,
            None => place.remove("video.json")?,
        }
        service.tells_of("trouble", &["pool video", complaint])?;
        service.answers(&[1, 3])?;
    }
    place.write_json("video.json", &document("video"))?;
    place.show_fleet(&all_running(&[1]))?;
    service.answers_become(&[1])
}

#[test]
fn a_paused_pool_changes_nothing_and_says_what_it_would_do() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    place.write_json("video.json", &changed(|document| document["state"] = json!("paused")))?;
    place.show_fleet(&[running(1), terminated(2), running(3)])?;
    let held = service.tells_of("held-back", &["paused", "i-0a1b2c3d4e5f60702"])?;
    ensure!(held["hint"].to_string().contains("active"), "{held}");
    service.tells_of("held-back", &["paused", "i-0a1b2c3d4e5f60703"])?;
    service.answers(&[1, 2])?;
    place.write_json("video.json", &document("video"))?;
    service.answers_become(&[1, 3])?;
    service.tells_of("over", &["paused"])?;
    Ok(())
}

#[test]
fn a_retired_pool_leaves_nothing_of_its_own_behind() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    place.write_json("video.json", &changed(|document| document["state"] = json!("retired")))?;
    service.answers_become(&[])?;
    zone_becomes(&place, &[])?;
    let reply = dns::ask(service.server()?, &name("video"), Over::Udp)?;
    assert_eq!(reply.rcode, 3, "the name does not exist any more");
    place.write_json("video.json", &document("video"))?;
    service.answers_become(&[1, 2])
}

#[test]
fn a_new_ttl_is_answered_for_every_record_and_written() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    zone_becomes(&place, &[record(1, 100, 20), record(2, 100, 20)])?;
    place.write_json("video.json", &changed(|document| document["record"]["ttl_secs"] = json!(5)))?;
    zone_becomes(&place, &[record(1, 100, 5), record(2, 100, 5)])?;
    let reply = dns::ask(service.server()?, &name("video"), Over::Udp)?;
    assert_eq!(reply.ttls.into_iter().collect::<Vec<_>>(), [5]);
    service.answers(&[1, 2])?;
    place.probe(&service, &[])?.is(0, &[])
}

#[test]
fn a_new_weight_is_written_and_an_unreadable_one_keeps_the_old() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    place.show_fleet(&[running(1).weighing("7"), running(2)])?;
    zone_becomes(&place, &[record(1, 7, 20), record(2, 100, 20)])?;
    place.show_fleet(&[running(1).weighing("heavy"), running(2)])?;
    service.tells_of("held-back", &["weight-tag", "heavy"])?;
    zone_becomes(&place, &[record(1, 7, 20), record(2, 100, 20)])
}

#[test]
fn every_routing_follows_from_every_other_without_a_moment_without_an_answer() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    let both = BTreeSet::from([ip(1), ip(2)]);
    for routing in ["multivalue", "simple", "weighted", "simple", "multivalue", "weighted"] {
        place
            .write_json("video.json", &changed(|document| document["record"]["routing"] = json!(routing)))?;
        let at_once = if routing == "weighted" { 1 } else { 2 };
        eventually(&format!("the routing is {routing}"), || {
            let reply =
                dns::ask(service.server().map_err(|error| error.to_string())?, &name("video"), Over::Udp)
                    .map_err(|error| error.to_string())?;
            let of_the_pool = !reply.addresses.is_empty() && reply.addresses.is_subset(&both);
            assert!(of_the_pool, "{routing}: {reply:?}");
            if reply.addresses.len() == at_once { Ok(()) } else { Err(format!("{reply:?}")) }
        })?;
        zone_has_routing(&place, routing)?;
        service.answers(&[1, 2])?;
    }
    Ok(())
}

fn zone_has_routing(place: &Place, routing: &str) -> Result<()> {
    eventually(&format!("the zone file is {routing}"), || {
        let records = of_pool(place).map_err(|error| format!("{error:#}"))?;
        let of_type = |wanted: &str| records.iter().filter(|record| record["Type"] == wanted).count();
        let all = |field: &str| records.iter().all(|record| !record[field].is_null());
        let fits = match routing {
            "weighted" => (of_type("A"), of_type("TXT")) == (2, 0) && all("Weight"),
            "multivalue" => (of_type("A"), of_type("TXT")) == (2, 0) && all("MultiValueAnswer"),
            _ => (of_type("A"), of_type("TXT")) == (1, 1),
        };
        if fits { Ok(()) } else { Err(Value::Array(records).to_string()) }
    })
}

#[test]
fn a_name_that_is_changed_is_held_and_the_old_one_stays() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    let moved = changed(|document| document["record"]["name"] = json!("film.bos.edge.example.com"));
    place.write_json("video.json", &moved)?;
    service.tells_of("trouble", &["pool video", "video.bos.edge.example.com", "retired"])?;
    service.answers(&[1, 2])?;
    assert!(dns::addresses(service.server()?, "film.bos.edge.example.com", Over::Udp)?.is_empty());
    place.write_json("video.json", &document("video"))?;
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    service.answers_become(&[1, 2, 3])
}

#[test]
fn a_hosted_zone_that_is_changed_is_told_and_the_records_stay() -> Result<()> {
    let (place, service) = serve_video(&[])?;
    let moved = changed(|document| document["record"]["hosted_zone_id"] = json!("Z9OTHER"));
    place.write_json("video.json", &moved)?;
    service.tells_of("trouble", &["Z9OTHER"])?;
    service.answers(&[1, 2])?;
    place.write_json("video.json", &document("video"))?;
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    service.answers_become(&[1, 2, 3])
}

#[test]
fn a_second_pool_that_claims_the_name_is_held_and_the_first_goes_on() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(11).of("games")])?;
    place.write_json("games.json", &document("games"))?;
    let service = place.serve(&["--pool", "video.json", "games.json"])?;
    service.answers_become(&[1])?;
    service.pool_answers_become("games", &[11])?;
    let mut greedy = document("games");
    greedy["record"]["name"] = json!(name("video"));
    place.write_json("games.json", &greedy)?;
    service.tells_of("trouble", &["games", "video.bos.edge.example.com"])?;
    service.answers(&[1])?;
    service.pool_answers_become("games", &[11])?;
    place.write_json("games.json", &document("games"))?;
    place.show_fleet(&[running(1), running(2), running(11).of("games"), running(12).of("games")])?;
    service.answers_become(&[1, 2])?;
    service.pool_answers_become("games", &[11, 12])
}

#[test]
fn a_fallback_serves_exactly_when_nothing_else_does() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let with_fallback = changed(|document| {
        document["guard"] = json!({ "when_empty": "fallback", "fallback": ip(99) });
    });
    place.write_json("video.json", &with_fallback)?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    place.show_fleet(&[terminated(1)])?;
    service.answers_become(&[99])?;
    place.show_fleet(&[terminated(1), running(2)])?;
    service.answers_become(&[2])
}

#[test]
fn the_last_record_is_kept_where_the_document_says_so() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.write_json(
        "video.json",
        &changed(|document| document["guard"] = json!({ "when_empty": "keep-last" })),
    )?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2])?;
    place.show_fleet(&[terminated(1), terminated(2)])?;
    service.tells_of("held-back", &["keep-last"])?;
    assert_eq!(service.answered("video", Over::Udp)?.len(), 1);
    Ok(())
}
