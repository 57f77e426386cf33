//! How the service ends, and how it does not.

use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::commands::Ran;
use crate::fleet::{all_running, running, state_event, terminated};
use crate::place::Place;
use crate::waiting::{eventually, now};

#[test]
fn a_termination_signal_ends_it_with_0_and_a_last_word() -> Result<()> {
    for (signal, why) in [("TERM", "SIGTERM"), ("INT", "SIGINT")] {
        let place = Place::with_fleet(&all_running(&[1]))?;
        let service = place.serve(&[])?;
        service.answers_become(&[1])?;
        let address = service.server()?;
        service.signal(signal)?;
        let ran = service.ended()?.exited(0)?;
        let last = ran.json_lines()?.pop().context("a last line")?;
        assert_eq!((&last["event"], &last["why"]), (&json!("stopped"), &json!(why)));
        ensure!(ran.stderr.is_empty(), "{}", ran.stderr);
        // The address is free again.
        std::net::TcpListener::bind(address)?;
    }
    Ok(())
}

#[test]
fn a_signal_right_after_it_says_that_it_listens_is_heeded() -> Result<()> {
    for _ in 0..10 {
        let place = Place::with_fleet(&all_running(&[1]))?;
        let arguments = place.serve_arguments(&["--json"]);
        let mut command = place.command("registrar-local", &arguments)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // A shell that is already there sends the signal sooner than one that has to be started.
        let script = format!("read -r first; kill -TERM {}; cat > /dev/null", child.id());
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).stdin(child.stdout.take().context("standard output")?);
        ensure!(shell.status()?.success());
        Ran::of(child.wait_with_output()?)?.exited(0)?;
    }
    Ok(())
}

#[test]
fn the_end_of_standard_input_does_not_end_it() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let mut service = place.serve(&[])?;
    service.answers_become(&[1])?;
    service.close_stdin();
    place.show_fleet(&all_running(&[1, 2]))?;
    service.answers_become(&[1, 2])?;
    assert!(service.is_running()?);
    service.stop()?;
    Ok(())
}

#[test]
fn the_end_of_standard_input_ends_it_where_that_is_wanted() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let mut service = place.serve(&["--exit-on-eof", "--zone", "zone.json", "--sweep", "1h"])?;
    service.answers_become(&[1, 2])?;
    // The last event needs no end of line, and is dealt with before the end.
    service.hear_bytes(state_event(2, "terminated").as_bytes())?;
    service.close_stdin();
    let ran = service.ended()?.exited(0)?;
    let last = ran.json_lines()?.pop().context("a last line")?;
    assert_eq!((&last["event"], &last["events"]), (&json!("stopped"), &json!(1)));
    let zone = place.read("zone.json")?;
    ensure!(zone.contains("155.146.10.1\"") && !zone.contains("155.146.10.2\""), "{zone}");
    Ok(())
}

#[test]
fn without_any_event_it_still_looks_once_before_the_end_of_standard_input_ends_it() -> Result<()> {
    for round in 1..=10 {
        let place = Place::with_fleet(&all_running(&[1]))?;
        let arguments = place.serve_arguments(&["--exit-on-eof", "--json"]);
        let ran = place.run("registrar-local", &arguments)?.exited(0)?;
        let applied = ran.json_lines()?.iter().filter(|line| line["event"] == "applied").count();
        ensure!(applied == 1, "round {round}: {applied} changes\n{}", ran.stdout);
    }
    Ok(())
}

#[test]
fn a_signal_is_heeded_while_route_53_refuses_everything() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.arm(&json!({ "route53": { "throttle": 1_000_000 } }))?;
    let service = place.serve(&["--faults", "faults.json"])?;
    // The name servers answer, and the records wait for Route 53.
    service.answers_become(&[])?;
    let start = now();
    service.signal("TERM")?;
    service.ended()?.exited(0)?;
    let took = start.elapsed().as_secs_f64();
    ensure!(took < 7.0, "it took {took} s; service managers kill after 10");
    Ok(())
}

#[test]
fn a_reader_that_goes_away_ends_it_without_a_panic() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let arguments = place.serve_arguments(&["--json"]);
    let mut command = place.command("registrar-local", &arguments)?;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut first = [0];
    child.stdout.take().context("standard output")?.read_exact(&mut first)?;
    // Its standard output is closed now, and the next change has to be told.
    place.show_fleet(&[running(2), terminated(1)])?;
    let ended = eventually("it ends", || match child.try_wait() {
        Ok(Some(status)) => Ok(status),
        Ok(None) => Err("it still runs".to_owned()),
        Err(error) => Err(error.to_string()),
    });
    if ended.is_err() {
        child.kill()?;
    }
    Ran::of(child.wait_with_output()?)?.plain()?;
    ensure!(ended?.code() == Some(0));
    Ok(())
}

#[test]
fn a_sweep_every_millisecond_does_no_harm() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&["--sweep", "1ms"])?;
    service.answers_become(&[1])?;
    place.show_fleet(&[terminated(1), running(2)])?;
    service.answers_become(&[2])?;
    service.stop()?;
    Ok(())
}
