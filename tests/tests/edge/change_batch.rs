//! `registrar plan --format change-batch`, applied by the strict reader in [`crate::strict`].

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{all_running, document, ip, mark, record, running, terminated};
use crate::place::Place;
use crate::strict::{carry_out, zone_of};

fn holds(place: &Place, wanted: &[Value]) -> Result<()> {
    let (found, wanted) = (zone_of(&place.records()?)?, zone_of(wanted)?);
    ensure!(found == wanted, "{found:#?}\nand not\n{wanted:#?}");
    // Planning again changes nothing.
    place.plan(&["--detailed-exitcode"])?.exited(0)?;
    assert_eq!(place.plan(&["--format", "change-batch"])?.exited(0)?.stdout.trim(), "[]");
    Ok(())
}

fn foreign() -> Vec<Value> {
    vec![
        json!({ "Name": "edge.example.com.", "Type": "NS", "TTL": 172_800,
            "ResourceRecords": [{ "Value": "ns-1.example.net." }] }),
        json!({ "Name": "video.bos.edge.example.com.", "Type": "A", "TTL": 20, "Weight": 5,
            "SetIdentifier": "by hand", "ResourceRecords": [{ "Value": ip(200) }] }),
    ]
}

#[test]
fn the_batches_leave_exactly_the_fleet_and_what_belongs_to_others() -> Result<()> {
    let fleet = [running(1), running(2).at(22), terminated(3), running(4).weighing("7"), running(5)];
    let place = Place::with_fleet(&fleet)?;
    let before: Vec<Value> = (1..=4).map(|number| record(number, 100, 20)).collect();
    place.hold_records(&[foreign(), before].concat())?;
    carry_out(&place)?;
    let mut moved = record(2, 100, 20);
    moved["ResourceRecords"] = json!([{ "Value": ip(22) }]);
    let ours = vec![record(1, 100, 20), moved, record(4, 7, 20), record(5, 100, 20)];
    holds(&place, &[foreign(), ours].concat())
}

#[test]
fn a_record_with_a_health_check_is_deleted_exactly_as_it_was_read() -> Result<()> {
    let place = Place::with_fleet(&[running(1), terminated(2)])?;
    let mut checked = record(2, 100, 20);
    checked["HealthCheckId"] = json!("abcdef11-2222-3333-4444-555555fedcba");
    place.hold_records(&[record(1, 100, 20), checked])?;
    carry_out(&place)?;
    holds(&place, &[record(1, 100, 20)])
}

#[test]
fn a_new_ttl_rewrites_the_whole_set_in_one_batch() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2, 3]))?;
    place.hold_records(&[record(1, 100, 20), record(2, 100, 20)])?;
    let mut document = document("video");
    document["record"]["ttl_secs"] = json!(60);
    place.write_json("video.json", &document)?;
    assert_eq!(carry_out(&place)?, 1);
    holds(&place, &[1, 2, 3].map(|number| record(number, 100, 60)))
}

#[test]
fn every_routing_is_reached_from_every_other_in_one_batch() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.hold_records(&[])?;
    for routing in ["simple", "weighted", "multivalue", "simple", "multivalue", "weighted"] {
        let mut document = document("video");
        document["record"]["routing"] = json!(routing);
        place.write_json("video.json", &document)?;
        assert_eq!(carry_out(&place)?, 1, "{routing}");
        let wanted: Vec<Value> = match routing {
            "weighted" => [1, 2].map(|number| record(number, 100, 20)).to_vec(),
            "multivalue" => [1, 2].map(multivalue).to_vec(),
            _ => place.records()?,
        };
        holds(&place, &wanted)?;
    }
    Ok(())
}

fn multivalue(number: u8) -> Value {
    json!({
        "Name": "video.bos.edge.example.com.", "Type": "A", "SetIdentifier": mark(number),
        "MultiValueAnswer": true, "TTL": 20, "ResourceRecords": [{ "Value": ip(number) }],
    })
}

#[test]
fn a_large_fleet_is_planned_within_the_limits_of_a_batch() -> Result<()> {
    let numbers: Vec<u8> = (1..=100).collect();
    let place = Place::with_fleet(&all_running(&numbers))?;
    place.hold_records(&foreign()[..1])?;
    carry_out(&place)?;
    let ours: Vec<Value> = numbers.iter().map(|number| record(*number, 100, 20)).collect();
    holds(&place, &[&foreign()[..1], &ours].concat())
}

#[test]
fn what_serve_writes_is_what_the_planned_batches_leave() -> Result<()> {
    let fleet = [running(1), running(2).weighing("50"), terminated(3), running(4)];
    let before = [foreign(), vec![record(1, 9, 20), record(3, 100, 20)]].concat();
    let planned = Place::with_fleet(&fleet)?;
    planned.hold_records(&before)?;
    carry_out(&planned)?;
    let served = Place::with_fleet(&fleet)?;
    served.hold_records(&before)?;
    let service = served.serve(&["--zone", "zone.json"])?;
    service.answers_become(&[1, 2, 4, 200])?;
    service.stop()?;
    let mut after = zone_of(&served.records()?)?;
    // The hosted zone that is served needs a start of authority, and gets one.
    after.retain(|(_, record_type, _), _| record_type != "SOA");
    assert_eq!(after, zone_of(&planned.records()?)?);
    Ok(())
}
