//! `registrar-local demo --fast`: every check holds, in words and in JSON, and nothing is left behind.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::commands::Ran;
use crate::place::Place;
use crate::service::signal_process;
use crate::waiting::eventually;

const SCENES: [&str; 7] = [
    "An empty fleet",
    "Scale-out from 1 to 4, by weight",
    "Drain before termination",
    "Scale-in",
    "A crash whose event is lost",
    "A partial read of EC2",
    "A bad pool document",
];

/// Prepares the demonstration with a folder of its own for temporary files.
fn demo(place: &Place, arguments: &[&str]) -> Result<Command> {
    let temporary = place.path("temporary");
    if !temporary.exists() {
        std::fs::create_dir(&temporary)?;
    }
    let mut command = place.command("registrar-local", &[&["demo"], arguments].concat())?;
    command.env("TMPDIR", temporary).stdin(Stdio::null());
    Ok(command)
}

fn leaves_nothing_behind(place: &Place) -> Result<()> {
    let left = left_in(&place.path("temporary"))?;
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

fn left_in(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[test]
fn every_scene_holds_and_nothing_is_left_behind() -> Result<()> {
    let place = Place::with_fleet(&[])?;
    let ran = Ran::of(demo(&place, &["--fast"])?.output()?)?.exited(0)?.plain()?.says(&SCENES)?;
    ensure!(ran.stderr.is_empty() && !ran.stdout.contains('✗'), "{ran:?}");
    let summary = ran.stdout.split_once("Summary").context("a summary")?.1;
    for scene in SCENES {
        let line = summary.lines().find(|line| line.contains(scene)).context(scene)?;
        ensure!(line.trim_start().starts_with("✓ "), "{line}");
    }
    leaves_nothing_behind(&place)
}

#[test]
fn as_json_it_prints_lines_of_its_schema_and_nothing_else() -> Result<()> {
    let place = Place::with_fleet(&[])?;
    let ran = Ran::of(demo(&place, &["--fast", "--json"])?.output()?)?.exited(0)?.plain()?;
    let lines = ran.json_lines()?;
    for line in &lines {
        ensure!(line["schema"] == "registrar-demo/1" && line["event"].is_string(), "{line}");
    }
    let of = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let titles: Vec<&str> = of("scene").iter().filter_map(|line| line["title"].as_str()).collect();
    assert_eq!(titles, SCENES);
    assert_eq!(of("score").len(), SCENES.len());
    ensure!(of("check").iter().all(|line| line["holds"] == json!(true)), "{}", ran.stdout);
    assert_eq!(of("summary")[0]["failed"], 0);
    ensure!(of("end")[0]["queries"].as_u64() > Some(0));
    ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
    leaves_nothing_behind(&place)
}

#[test]
fn a_reader_of_the_first_line_alone_is_no_failure() -> Result<()> {
    for arguments in [["--fast"].as_slice(), &["--fast", "--json"]] {
        let place = Place::with_fleet(&[])?;
        let mut child = demo(&place, arguments)?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut first = String::new();
        BufReader::new(child.stdout.take().context("standard output")?).read_line(&mut first)?;
        ensure!(!first.is_empty());
        let ran = Ran::of(child.wait_with_output()?)?.exited(0)?.plain()?;
        ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
        leaves_nothing_behind(&place)?;
    }
    Ok(())
}

/// Starts the slow telling, interrupts it once it has begun, and returns how it ended.
fn interrupted(place: &Place, signal: &str) -> Result<Ran> {
    let mut child = demo(place, &[])?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().context("standard output")?;
    stdout.read_exact(&mut [0])?;
    signal_process(child.id(), signal)?;
    let ended = eventually("it ends", || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("it still runs".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    if ended.is_err() {
        child.kill()?;
    }
    ended?;
    drop(stdout);
    Ran::of(child.wait_with_output()?)?.plain()
}

#[test]
fn an_interrupt_ends_it() -> Result<()> {
    for signal in ["INT", "TERM"] {
        interrupted(&Place::with_fleet(&[])?, signal)?;
    }
    Ok(())
}

#[test]
fn an_interrupt_leaves_nothing_behind() -> Result<()> {
    for signal in ["INT", "TERM"] {
        let place = Place::with_fleet(&[])?;
        interrupted(&place, signal)?;
        leaves_nothing_behind(&place)?;
    }
    Ok(())
}

#[test]
fn kept_it_serves_on_prints_the_command_to_try_and_ends_with_0() -> Result<()> {
    for signal in ["INT", "TERM"] {
        let place = Place::with_fleet(&[])?;
        let mut child = demo(&place, &["--fast", "--keep", "--json"])?
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("standard output")?).lines();
        let keeping = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"keeping\"")));
        let keeping: serde_json::Value = serde_json::from_str(&keeping.context("it keeps serving")??)?;
        let command = keeping["command"].as_str().context("a command")?;
        let port = command.split(" -p ").nth(1).and_then(|rest| rest.split(' ').next()).context("a port")?;
        let server = format!("127.0.0.1:{port}").parse()?;
        let answered = crate::dns::addresses(server, &crate::fleet::name("video"), crate::dns::Over::Udp)?;
        assert_eq!(answered.len(), 4);
        signal_process(child.id(), signal)?;
        drop(lines);
        Ran::of(child.wait_with_output()?)?.exited(0)?.plain()?;
        leaves_nothing_behind(&place)?;
    }
    Ok(())
}
