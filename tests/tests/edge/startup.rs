//! What cannot be started is refused with exit code 1, the thing, its value and a way on; wrong usage with 2.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::fleet::{all_running, document, name};
use crate::place::Place;

fn place() -> Result<Place> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.write_json("games.json", &document("games"))?;
    Ok(place)
}

#[test]
fn a_port_in_use_is_named_with_a_hint() -> Result<()> {
    let place = place()?;
    let service = place.serve(&[])?;
    let address = service.server()?.to_string();
    place.refused(&["--dns", &address])?.exited(1)?.complains(&["error:", &address, "in use"])?.hints()?;
    let both = ["--dns", "127.0.0.1:0", &address];
    place.refused(&both)?.exited(1)?.complains(&[&address])?;
    Ok(())
}

#[test]
fn an_address_that_is_not_one_of_this_machine_is_refused_with_a_hint() -> Result<()> {
    let place = place()?;
    for (address, complaint) in [
        ("0.0.0.0:0", "every local address"),
        ("[::]:0", "every local address"),
        ("192.0.2.1:0", "Cannot assign"),
    ] {
        place.refused(&["--dns", address])?.exited(1)?.complains(&[address, complaint])?.hints()?;
    }
    Ok(())
}

#[test]
fn every_file_that_is_missing_is_named() -> Result<()> {
    let place = place()?;
    for option in ["--fleet", "--groups", "--faults", "--pool"] {
        let ran = place.refused(&[option, "nowhere.json"])?.exited(1)?;
        ran.complains(&["error:", option.trim_start_matches('-'), "nowhere.json", "No such file"])?;
    }
    place.refused(&["--fleet", "."])?.exited(1)?.complains(&["fleet ."])?;
    Ok(())
}

#[test]
fn a_fleet_that_is_torn_is_named_with_line_path_and_hint() -> Result<()> {
    let place = place()?;
    let whole = place.read("fleet.json")?;
    place.write("fleet.json", &whole[..whole.len() / 2])?;
    let line = format!("line {}", whole[..whole.len() / 2].lines().count());
    let ran = place.refused(&[])?.exited(1)?;
    ran.complains(&["fleet.json", &line, "Reservations[0]"])?.hints()?;
    Ok(())
}

#[test]
fn every_file_that_is_something_else_is_named_with_a_hint() -> Result<()> {
    let place = place()?;
    place.write("other.json", "{\"Other\": []}")?;
    for option in ["--fleet", "--groups", "--zone", "--pool"] {
        let ran = place.refused(&[option, "other.json"])?.exited(1)?;
        ran.complains(&[option.trim_start_matches('-'), "other.json"])?.hints()?;
    }
    place.refused(&["--faults", "other.json"])?.exited(1)?.complains(&["other.json", "Other"])?;
    Ok(())
}

#[test]
fn a_zone_that_was_cut_short_is_refused_with_a_hint() -> Result<()> {
    let place = place()?;
    for more in [json!({ "IsTruncated": true }), json!({ "NextToken": "x" })] {
        let mut zone = json!({ "ResourceRecordSets": [] });
        if let (Some(zone), Some(more)) = (zone.as_object_mut(), more.as_object()) {
            zone.extend(more.clone());
        }
        place.write_json("zone.json", &zone)?;
        place.refused(&["--zone", "zone.json"])?.exited(1)?.complains(&["zone.json"])?.hints()?;
    }
    Ok(())
}

#[test]
fn a_zone_of_another_origin_is_named_with_the_record_that_tells() -> Result<()> {
    let place = place()?;
    place.hold_records(&[json!({ "Name": "www.example.net.", "Type": "A", "TTL": 60,
        "ResourceRecords": [{ "Value": "192.0.2.1" }] })])?;
    let ran = place.refused(&["--zone", "zone.json"])?.exited(1)?;
    ran.complains(&["www.example.net", "edge.example.com"])?;
    Ok(())
}

#[test]
fn a_zone_of_another_origin_is_named_with_its_file_and_a_hint() -> Result<()> {
    let place = place()?;
    place.hold_records(&[json!({ "Name": "www.example.net.", "Type": "A", "TTL": 60,
        "ResourceRecords": [{ "Value": "192.0.2.1" }] })])?;
    place.refused(&["--zone", "zone.json"])?.exited(1)?.complains(&["zone.json"])?.hints()?;
    Ok(())
}

#[test]
fn a_zone_file_that_cannot_be_written_is_refused_before_anything_depends_on_it() -> Result<()> {
    let place = place()?;
    let ran = place.refused(&["--zone", "no/such/folder/zone.json"])?.exited(1)?;
    ran.complains(&["no/such/folder/zone.json"])?;
    Ok(())
}

#[test]
fn a_name_outside_the_origin_is_refused_with_both_and_a_hint() -> Result<()> {
    let place = place()?;
    let ran = place.refused(&["--origin", "example.org"])?.exited(1)?;
    ran.complains(&["video.json", "record.name", &name("video"), "example.org"])?.hints()?;
    Ok(())
}

#[test]
fn a_pool_that_is_given_twice_is_refused_with_both_files_and_a_hint() -> Result<()> {
    let place = place()?;
    let ran = place.refused(&["--pool", "video.json", "video=games.json"])?.exited(1)?;
    ran.complains(&["video", "video.json", "games.json"])?.hints()?;
    place.refused(&["--pool", "Bad Name.json"])?.exited(1)?.complains(&["Bad Name"])?.hints()?;
    Ok(())
}

#[test]
fn two_pools_that_claim_one_name_are_refused_with_a_hint() -> Result<()> {
    let place = place()?;
    let ran = place.refused(&["--pool", "video.json", "film=video.json"])?.exited(1)?;
    ran.complains(&["film", &name("video")])?.hints()?;
    Ok(())
}

#[test]
fn two_pools_that_claim_one_name_are_both_named() -> Result<()> {
    let place = place()?;
    let ran = place.refused(&["--pool", "video.json", "film=video.json"])?.exited(1)?;
    let problem = ran.stderr.lines().next().unwrap_or_default().replace(&name("video"), "");
    ensure!(problem.contains("film") && problem.contains("video"), "{}", ran.stderr);
    Ok(())
}

#[test]
fn pools_in_two_hosted_zones_are_refused_with_both_and_a_hint() -> Result<()> {
    let place = place()?;
    let mut games = document("games");
    games["record"]["hosted_zone_id"] = json!("Z9OTHER");
    place.write_json("games.json", &games)?;
    let ran = place.refused(&["--pool", "video.json", "games.json"])?.exited(1)?;
    ran.complains(&["Z0123456789ABCDEFGHIJ", "Z9OTHER"])?.hints()?;
    Ok(())
}

#[test]
fn a_bad_document_is_refused_with_its_path_value_and_hint() -> Result<()> {
    let place = place()?;
    for (section, key, value, parts) in [
        ("record", "ttl_secs", json!(0), ["record.ttl_secs", "0 is not"]),
        ("record", "ttl_secs", json!("20"), ["record.ttl_secs", "line"]),
        ("record", "name", json!("bad..name"), ["record.name", "bad..name"]),
        ("record", "color", json!("red"), ["record", "color"]),
        ("members", "address", json!("ipv6"), ["members.address", "ipv6"]),
        ("weight", "default", json!(256), ["weight.default", "256"]),
        ("guard", "when_empty", json!("fallback"), ["guard.fallback", "fallback"]),
    ] {
        let mut document = document("video");
        document[section][key] = value;
        place.write_json("video.json", &document)?;
        place.refused(&[])?.exited(1)?.complains(&["video.json"])?.complains(&parts)?.hints()?;
    }
    place.write("video.json", "{\"version\": 7}")?;
    place.refused(&[])?.exited(1)?.complains(&["video.json", "version", "7"])?.hints()?;
    Ok(())
}

#[test]
fn wrong_usage_is_2_and_names_the_option_and_the_value() -> Result<()> {
    let place = place()?;
    for (option, value) in [
        ("--origin", "bad..name"),
        ("--dns", "127.0.0.1"),
        ("--dns", "localhost:5353"),
        ("--dns", "127.0.0.1:99999"),
        ("--sweep", "soon"),
        ("--sweep", "5"),
        ("--deployment", "Blue!"),
    ] {
        place.refused(&[option, value])?.exited(2)?.complains(&["error:", option, value])?;
    }
    place.refused(&["--sweep=-1s"])?.exited(2)?.complains(&["--sweep"])?;
    place.refused(&["--nonsense"])?.exited(2)?.complains(&["--nonsense", "Usage"])?;
    place.run("registrar-local", &["serve"])?.exited(2)?.silent()?.complains(&["--pool", "--fleet"])?;
    place.run("registrar-local", &[])?.exited(2)?.silent()?.complains(&["Usage"])?;
    Ok(())
}

#[test]
fn a_sweep_of_zero_is_wrong_usage() -> Result<()> {
    place()?.refused(&["--sweep", "0s"])?.exited(2)?.complains(&["--sweep", "0s"])?;
    Ok(())
}

#[test]
fn the_help_is_data_and_0() -> Result<()> {
    let place = place()?;
    for arguments in [["--help"].as_slice(), &["serve", "--help"], &["demo", "--help"], &["--version"]] {
        let ran = place.run("registrar-local", arguments)?.exited(0)?.plain()?;
        ensure!(ran.stderr.is_empty() && !ran.stdout.is_empty(), "{ran:?}");
    }
    Ok(())
}
