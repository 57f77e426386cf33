//! The zone file: read at the start, written after each change, and what is not ours stays as it was.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::dns::{self, Over};
use crate::fleet::{all_running, document, ip, mark, name, record, running, state_event, terminated};
use crate::place::Place;
use crate::waiting::eventually;

const ZONE: [&str; 2] = ["--zone", "zone.json"];

/// Record sets of others, of every shape that Route 53 has, in the order in which it lists them.
fn foreign() -> Vec<Value> {
    vec![
        json!({ "Name": "edge.example.com.", "Type": "MX", "TTL": 300,
            "ResourceRecords": [{ "Value": "10 mail.example.net." }, { "Value": "20 mail2.example.net." }] }),
        json!({ "Name": "edge.example.com.", "Type": "NS", "TTL": 172_800,
            "ResourceRecords": [{ "Value": "ns-1.example.net." }, { "Value": "ns-2.example.net." }] }),
        json!({ "Name": "edge.example.com.", "Type": "SOA", "TTL": 900, "ResourceRecords":
            [{ "Value": "ns-1.example.net. hostmaster.example.net. 1 7200 900 1209600 86400" }] }),
        json!({ "Name": "edge.example.com.", "Type": "TXT", "TTL": 60,
            "ResourceRecords": [{ "Value": "\"v=spf1 -all\" \"a\\\"b\\\\c\\303\\244\"" }] }),
        json!({ "Name": "\\052.wild.edge.example.com.", "Type": "A", "TTL": 60,
            "ResourceRecords": [{ "Value": "192.0.2.1" }] }),
        json!({ "Name": "geo.edge.example.com.", "Type": "A", "SetIdentifier": "us", "TTL": 60,
            "GeoLocation": { "CountryCode": "US" }, "ResourceRecords": [{ "Value": "192.0.2.2" }] }),
        json!({ "Name": "health.edge.example.com.", "Type": "A", "SetIdentifier": "x", "Weight": 3, "TTL": 7,
            "HealthCheckId": "abcdef11-2222-3333-4444-555555fedcba",
            "ResourceRecords": [{ "Value": "192.0.2.3" }] }),
        json!({ "Name": "static.edge.example.com.", "Type": "A", "TTL": 60,
            "ResourceRecords": [{ "Value": "192.0.2.4" }, { "Value": "192.0.2.5" }] }),
        json!({ "Name": "static.edge.example.com.", "Type": "AAAA", "TTL": 60,
            "ResourceRecords": [{ "Value": "2001:db8:0:0:0:0:0:1" }] }),
        json!({ "Name": "video.bos.edge.example.com.", "Type": "A", "TTL": 20, "Weight": 10,
            "SetIdentifier": "by hand", "ResourceRecords": [{ "Value": ip(200) }] }),
        json!({ "Name": "video.bos.edge.example.com.", "Type": "A", "TTL": 20, "Weight": 0,
            "SetIdentifier": "registrar/default/videos/i-0a1b2c3d4e5f60701",
            "ResourceRecords": [{ "Value": ip(201) }] }),
        json!({ "Name": "video.bos.edge.example.com.", "Type": "TXT", "TTL": 20,
            "ResourceRecords": [{ "Value": "\"not ours\"" }] }),
    ]
}

/// Waits until the zone file has exactly these record sets, whatever their order.
fn becomes(place: &Place, wanted: &[Value]) -> Result<()> {
    let sorted = |records: &[Value]| {
        let mut records = records.to_vec();
        records.sort_by_key(|record| {
            ["Name", "Type", "SetIdentifier"]
                .map(|field| record[field].as_str().unwrap_or_default().to_owned())
        });
        records
    };
    eventually("the zone file", || {
        let records = place.records().map_err(|error| format!("{error:#}"))?;
        if sorted(&records) == sorted(wanted) { Ok(()) } else { Err(Value::Array(records).to_string()) }
    })
}

#[test]
fn it_is_written_after_each_change_as_the_aws_cli_prints_it() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&ZONE)?;
    service.answers_become(&[1, 2])?;
    let ours = |numbers: &[u8]| -> Vec<Value> { numbers.iter().map(|n| record(*n, 100, 20)).collect() };
    for (fleet, numbers) in
        [(all_running(&[1, 2]), vec![1, 2]), (vec![running(1), terminated(2), running(3)], vec![1, 3])]
    {
        place.show_fleet(&fleet)?;
        eventually("the zone file", || {
            let records = place.records().map_err(|error| format!("{error:#}"))?;
            let members: Vec<Value> =
                records.iter().filter(|record| record["Type"] == "A").cloned().collect();
            if members == ours(&numbers) { Ok(()) } else { Err(Value::Array(records).to_string()) }
        })?;
    }
    // A hosted zone that began empty has what every hosted zone has.
    let types: Vec<String> = place.records()?.iter().map(|record| record["Type"].to_string()).collect();
    assert_eq!(types, ["\"NS\"", "\"SOA\"", "\"A\"", "\"A\""]);
    ensure!(place.read("zone.json")?.ends_with("}\n"));
    Ok(())
}

#[test]
fn what_belongs_to_others_stays_as_it_was_through_every_change() -> Result<()> {
    let place = Place::with_fleet(&[running(1), terminated(2), running(3)])?;
    let stale = [record(1, 100, 20), record(2, 100, 20)];
    place.hold_records(&[foreign(), stale.to_vec()].concat())?;
    let service = place.serve(&ZONE)?;
    becomes(&place, &[foreign(), vec![record(1, 100, 20), record(3, 100, 20)]].concat())?;
    place.show_fleet(&[terminated(1), running(3).weighing("9"), running(4)])?;
    becomes(&place, &[foreign(), vec![record(3, 9, 20), record(4, 100, 20)]].concat())?;
    let mut retired = document("video");
    retired["state"] = json!("retired");
    place.write_json("video.json", &retired)?;
    becomes(&place, &foreign())?;
    let reply = dns::ask(service.server()?, "anything.wild.edge.example.com", Over::Udp)?;
    assert_eq!(reply.addresses.len(), 1);
    service.stop()?;
    Ok(())
}

#[test]
fn a_new_ttl_is_held_while_others_share_the_set() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.hold_records(&foreign())?;
    let mut other_ttl = document("video");
    other_ttl["record"]["ttl_secs"] = json!(5);
    place.write_json("video.json", &other_ttl)?;
    let service = place.serve(&ZONE)?;
    service.tells_of("held-back", &["foreign-ttl"])?;
    becomes(&place, &[foreign(), vec![record(1, 100, 20)]].concat())
}

#[test]
fn a_restart_goes_on_with_the_same_records_and_changes_nothing() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    let service = place.serve(&ZONE)?;
    service.answers_become(&[1, 2, 3])?;
    service.stop()?;
    let before = place.read_json("zone.json")?;
    let mut service = place.serve(&ZONE)?;
    // It answers from the first moment on, before it has looked at anything.
    service.answers(&[1, 2, 3])?;
    // The next change shows that the first look is over.
    service.hear(&state_event(3, "terminated"))?;
    service.answers_become(&[1, 2])?;
    service.changes_become(0, &["- 155.146.10.3"])?;
    service.stop()?;
    let records = before["ResourceRecordSets"].as_array().context("records")?;
    becomes(&place, &records.iter().filter(|r| r["SetIdentifier"] != mark(3)).cloned().collect::<Vec<_>>())
}

#[test]
fn planning_on_what_it_wrote_finds_nothing_to_change() -> Result<()> {
    let fleet = [running(1), running(2).weighing("50"), terminated(3)];
    for routing in ["weighted", "multivalue", "simple"] {
        let place = Place::with_fleet(&fleet)?;
        let mut document = document("video");
        document["record"]["routing"] = json!(routing);
        place.write_json("video.json", &document)?;
        let service = place.serve(&ZONE)?;
        service.answers_become(&[1, 2])?;
        service.stop()?;
        place.plan(&["--detailed-exitcode"])?.exited(0)?.says(&["Nothing to change"])?;
    }
    Ok(())
}

#[test]
fn a_foreign_record_in_the_way_holds_the_additions_and_is_told_with_a_hint() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let simple = json!({ "Name": "video.bos.edge.example.com.", "Type": "A", "TTL": 300,
        "ResourceRecords": [{ "Value": "192.0.2.77" }] });
    place.hold_records(std::slice::from_ref(&simple))?;
    let service = place.serve(&ZONE)?;
    let held = service.tells_of("held-back", &["foreign-record", "192.0.2.77"])?;
    ensure!(held["hint"].is_string(), "{held}");
    service.tells_of("trouble", &["pool video", "192.0.2.77"])?;
    let reply = dns::ask(service.server()?, &name("video"), Over::Udp)?;
    assert_eq!(reply.addresses.into_iter().map(|ip| ip.to_string()).collect::<Vec<_>>(), ["192.0.2.77"]);
    service.stop()?;
    assert_eq!(place.records()?, [simple]);
    place.plan(&["--detailed-exitcode"])?.exited(1)?.says(&["192.0.2.77", "hint:"])?;
    Ok(())
}

#[test]
fn names_are_answered_on_while_it_cannot_be_written() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    std::fs::create_dir(place.path("out"))?;
    let mut service = place.serve(&["--zone", "out/zone.json"])?;
    service.answers_become(&[1])?;
    eventually("it is written", || place.read("out/zone.json").map_err(|error| error.to_string()))?;
    std::fs::remove_dir_all(place.path("out"))?;
    place.show_fleet(&all_running(&[1, 2]))?;
    service.answers_become(&[1, 2])?;
    service.tells_of("trouble", &["out/zone.json"])?;
    std::fs::create_dir(place.path("out"))?;
    eventually("it is written again", || place.read("out/zone.json").map_err(|error| error.to_string()))?;
    assert!(service.is_running()?);
    Ok(())
}

#[test]
fn it_can_be_deleted_while_the_service_runs_and_comes_back_with_the_next_change() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&ZONE)?;
    service.answers_become(&[1])?;
    place.records()?;
    place.remove("zone.json")?;
    place.show_fleet(&all_running(&[1, 2]))?;
    service.answers_become(&[1, 2])?;
    eventually("the zone file", || place.records().map_err(|error| format!("{error:#}")))?;
    Ok(())
}

#[test]
fn the_target_of_a_foreign_alias_stays_as_it_was() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let alias = json!({ "Name": "alias.edge.example.com.", "Type": "A", "AliasTarget": {
        "HostedZoneId": "Z0123456789ABCDEFGHIJ", "DNSName": "video.bos.edge.example.com.",
        "EvaluateTargetHealth": false } });
    place.hold_records(std::slice::from_ref(&alias))?;
    let service = place.serve(&ZONE)?;
    service.answers_become(&[1])?;
    service.stop()?;
    let records = place.records()?;
    ensure!(records.contains(&alias), "{}", Value::Array(records));
    Ok(())
}

#[test]
fn whoever_could_read_it_before_can_read_it_after_a_change() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.hold_records(&[])?;
    std::fs::set_permissions(place.path("zone.json"), std::fs::Permissions::from_mode(0o644))?;
    let service = place.serve(&ZONE)?;
    service.answers_become(&[1])?;
    service.stop()?;
    let mode = std::fs::metadata(place.path("zone.json"))?.permissions().mode() & 0o777;
    ensure!(mode == 0o644, "the mode is {mode:o} and not 644");
    Ok(())
}

#[test]
fn no_half_written_file_is_ever_seen_and_nothing_is_left_beside_it() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let mut service = place.serve(&[&ZONE[..], &["--sweep", "1h"]].concat())?;
    service.answers_become(&[1])?;
    let others: Vec<u8> = (2..30).collect();
    for number in &others {
        place.show_fleet(&all_running(&(1..=*number).collect::<Vec<_>>()))?;
        service.hear(&state_event(*number, "running"))?;
        place.records()?;
    }
    eventually("all are there", || {
        let records = place.records().map_err(|error| format!("{error:#}"))?;
        if records.len() == 31 { Ok(()) } else { Err(format!("{} records", records.len())) }
    })?;
    service.stop()?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(place.path(""))? {
        files.push(entry?.file_name().to_string_lossy().into_owned());
    }
    files.sort();
    assert_eq!(files, ["fleet.json", "video.json", "zone.json"]);
    Ok(())
}
