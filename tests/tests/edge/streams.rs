//! Standard output is data: JSON lines of one schema, or plain text for a person, and nothing else.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::fleet::{all_running, document, id, running, state_event};
use crate::place::Place;

#[test]
fn every_line_has_the_schema_a_time_and_a_known_event() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(2), running(3).in_group("video-edge")])?;
    let mut service = place.serve(&["--zone", "zone.json"])?;
    service.answers_become(&[1, 2])?;
    service.hear("garbage")?;
    service.hear(&state_event(2, "terminated"))?;
    service.answers_become(&[1])?;
    place.remove("fleet.json")?;
    service.tells_of("trouble", &["fleet.json"])?;
    place.show_fleet(&all_running(&[1]))?;
    service.tells_of("over", &["read of fleet"])?;
    let ran = service.stop()?;
    ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
    let known = ["listening", "applied", "looked", "held-back", "trouble", "over", "dropped", "stopped"];
    let mut seen = Vec::new();
    let mut last = String::new();
    for line in ran.json_lines()? {
        ensure!(line["schema"] == "registrar-local/1", "{line}");
        let event = line["event"].as_str().context("an event")?.to_owned();
        let at = line["at"].as_str().context("a time")?.to_owned();
        ensure!(known.contains(&event.as_str()) && at.ends_with('Z'), "{line}");
        ensure!(at[..19] >= *last, "{at} after {last}");
        last = at[..19].to_owned();
        seen.push(event);
    }
    for event in known {
        ensure!(seen.iter().any(|seen| seen == event), "{event} was not told: {seen:?}");
    }
    assert_eq!((seen[0].as_str(), seen[seen.len() - 1].as_str()), ("listening", "stopped"));
    Ok(())
}

#[test]
fn a_change_is_told_with_all_that_it_is_and_why() -> Result<()> {
    let place = Place::with_fleet(&[running(1).weighing("7")])?;
    let service = place.serve(&[])?;
    let mut told = service.tells("applied", |_| true)?;
    if let Some(told) = told.as_object_mut() {
        told.remove("at");
        told.remove("record");
    }
    let wanted = json!({
        "schema": "registrar-local/1", "event": "applied", "pool": "video", "action": "CREATE",
        "set_identifier": crate::fleet::mark(1), "values": ["155.146.10.1"], "weight": 7,
        "evidence": "running and in service",
    });
    assert_eq!(told, wanted);
    Ok(())
}

#[test]
fn a_person_reads_plain_lines_that_begin_with_the_time() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(2).in_group("video-edge")])?;
    let mut arguments = place.serve_arguments(&["--sweep", "1h"]);
    arguments.push("--exit-on-eof");
    // The event makes it look before the end of the input ends it.
    let mut command = place.command("registrar-local", &arguments)?;
    command.stdin(std::fs::File::open({
        place.write("events.jsonl", &(state_event(77, "running") + "\ngarbage\n"))?;
        place.path("events.jsonl")
    })?);
    let ran = crate::commands::Ran::of(command.output()?)?.exited(0)?.plain()?;
    ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
    for line in ran.stdout.lines() {
        let (time, rest) = line.split_once("  ").with_context(|| line.to_owned())?;
        let digits = time.split(':').filter(|part| part.len() == 2 && part.parse::<u8>().is_ok()).count();
        ensure!(digits == 3 && !rest.is_empty(), "{line:?}");
    }
    let (one, two) = (id(1), id(2));
    ran.says(&[
        "serving edge.example.com on 127.0.0.1:",
        &format!("+ video  {one}  155.146.10.1 weight 100   running and in service"),
        &format!("held back: registrar/default/video/{two} [unknown]"),
        "hint: ",
        "dropped: line 2 [malformed]",
        "stopped: the end of standard input; events: 1 understood, 1 dropped",
    ])?;
    Ok(())
}

#[test]
fn the_forms_of_a_plan_are_data_and_what_is_held_back_is_said_beside() -> Result<()> {
    let place = Place::with_fleet(&[running(1), running(2).in_group("video-edge")])?;
    place.hold_records(&[])?;
    for format in ["json", "change-batch"] {
        let ran = place.plan(&["--format", format])?.exited(3)?.plain()?;
        serde_json::from_str::<serde_json::Value>(&ran.stdout)?;
        ran.complains(&[&id(2), "--groups"])?;
    }
    place.plan(&[])?.exited(3)?.plain()?.says(&["+ ", "held back", &id(2)])?;
    Ok(())
}

#[test]
fn a_document_is_checked_as_the_service_reads_it() -> Result<()> {
    let place = Place::with_fleet(&[])?;
    place.run("registrar", &["pool", "check", "video.json"])?.exited(0)?.plain()?;
    let mut bad = document("video");
    bad["record"]["ttl_secs"] = json!(0);
    place.write_json("video.json", &bad)?;
    let ran = place.run("registrar", &["pool", "check", "video.json"])?.exited(1)?.plain()?;
    ensure!(format!("{}{}", ran.stdout, ran.stderr).contains("record.ttl_secs: 0 is not"), "{ran:?}");
    Ok(())
}
