//! What `docs/faults.md` promises of a name server's faults, in the words and exit codes of the probe.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::dns::{Over, ask};
use crate::fleet::{all_running, document, ip, name, record, running, terminated};
use crate::place::Place;
use crate::service::Service;
use crate::waiting::eventually;

const ONE: [&str; 2] = ["--faults", "faults.json"];
const TWO: [&str; 5] = ["--faults", "faults.json", "--dns", "127.0.0.1:0", "127.0.0.1:0"];
/// Silence costs a try of the probe its timeout; over loopback an answer takes far less.
const QUICK: [&str; 2] = ["--timeout", "150ms"];

/// Serves two instances, answered before anything goes wrong.
fn serve_two(arguments: &[&str]) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.arm(&json!({}))?;
    let service = place.serve(arguments)?;
    service.answers_become(&[1, 2])?;
    place.probe(&service, &QUICK)?.is(0, &[])?;
    Ok((place, service))
}

/// Arms faults of the name servers, and probes until the findings are these.
fn finds(place: &Place, service: &Service, faults: Value, code: i32, findings: &[&str]) -> Result<()> {
    place.arm(&json!({ "name_servers": faults }))?;
    eventually("the findings", || {
        let probed = place.probe(service, &QUICK).map_err(|error| format!("{error:#}"))?;
        probed.is(code, findings).map_err(|error| format!("{error:#}\n{}", probed.report["findings"]))
    })
}

#[test]
fn a_dead_server_is_critical_alone_and_a_warning_beside_another() -> Result<()> {
    let (place, service) = serve_two(&ONE)?;
    finds(&place, &service, json!([{ "dead": true }]), 2, &["critical ns-unreachable", "warning tcp-dead"])?;
    finds(&place, &service, json!([]), 0, &[])?;
    let (place, service) = serve_two(&TWO)?;
    finds(
        &place,
        &service,
        json!([{}, { "dead": true }]),
        1,
        &["warning ns-unreachable", "warning tcp-dead"],
    )?;
    let both = json!([{ "dead": true }, { "dead": true }]);
    finds(&place, &service, both, 2, &["critical ns-unreachable", "warning tcp-dead"])?;
    finds(&place, &service, json!([]), 0, &[])
}

#[test]
fn a_server_that_is_silent_over_tcp_is_a_warning() -> Result<()> {
    let (place, service) = serve_two(&ONE)?;
    finds(&place, &service, json!([{ "tcp_dead": true }]), 1, &["warning tcp-dead"])?;
    assert_eq!(place.probe(&service, &QUICK)?.server(0)?["transport"]["udp"]["state"], "answers");
    finds(&place, &service, json!([{}]), 0, &[])
}

#[test]
fn a_lie_is_a_stale_record_with_its_address() -> Result<()> {
    let (place, service) = serve_two(&ONE)?;
    let lie = |share: f64| json!([{ "lies": [{ "name": name("video"), "address": "192.0.2.66", "share": share }] }]);
    finds(&place, &service, lie(0.2), 2, &["critical stale-record"])?;
    // A share of 0.2 of 2,000 is further off than 0.08 less than once in 10¹⁰ times (Hoeffding).
    let probed = place.probe(&service, &["--samples", "2000"])?;
    let answers = probed.server(0)?["answers"].as_array().cloned().unwrap_or_default();
    let lied = answers.iter().find(|answer| answer["address"] == "192.0.2.66");
    let share = lied.and_then(|lied| lied["share"].as_f64()).unwrap_or_default();
    ensure!((share - 0.2).abs() < 0.08, "a share of {share}");
    let all = ["critical missing-ip", "critical stale-record"];
    finds(&place, &service, lie(1.0), 2, &all)?;
    let elsewhere =
        json!([{ "lies": [{ "name": "other.edge.example.com", "address": "192.0.2.66", "share": 1.0 }] }]);
    finds(&place, &service, elsewhere, 0, &[])
}

#[test]
fn another_ttl_is_a_mismatch() -> Result<()> {
    let (place, service) = serve_two(&ONE)?;
    finds(&place, &service, json!([{ "ttl_secs": 60 }]), 1, &["warning ttl-mismatch"])?;
    let ttls = &place.probe(&service, &QUICK)?.server(0)?["ttls"].clone();
    assert_eq!(ttls[0]["ttl_secs"], 60);
    finds(&place, &service, json!([{ "ttl_secs": 20 }]), 0, &[])
}

#[test]
fn dropped_queries_are_seen_as_loss_and_no_record_is_missed_for_them() -> Result<()> {
    let (place, service) = serve_two(&ONE)?;
    place.arm(&json!({ "name_servers": [{ "drop_share": 0.5 }] }))?;
    // Of 200 queries at 0.5, fewer than 50 are dropped at the first try once in 10¹² times (Hoeffding).
    let more = ["--samples", "200", "--timeout", "50ms"];
    eventually("queries are dropped", || {
        let probed = place.probe(&service, &more).map_err(|error| format!("{error:#}"))?;
        let udp = &probed.report["servers"][0]["transport"]["udp"];
        let number = |key: &str| udp[key].as_u64().unwrap_or_default();
        let critical = probed.code == Some(2);
        if number("tries") >= number("queries") + 50 && !critical {
            Ok(())
        } else {
            Err(probed.report.to_string())
        }
    })?;
    finds(&place, &service, json!([]), 0, &[])
}

#[test]
fn a_server_that_lags_answers_with_what_is_gone_and_differs_from_the_other() -> Result<()> {
    let place = Place::with_fleet(&[running(1), terminated(2), running(3)])?;
    place.hold_records(&[record(1, 100, 20), record(2, 100, 20)])?;
    place.arm(&json!({ "name_servers": [{}, { "lag_secs": 3600 }] }))?;
    let service = place.serve(&[&TWO[..], &["--zone", "zone.json"]].concat())?;
    service.answers_become(&[1, 3])?;
    // With fewer answers, the one may be sure before the other is.
    let probed = place.probe(&service, &[&QUICK[..], &["--samples", "400"]].concat())?;
    let all = ["critical stale-record", "warning missing-ip", "warning ns-diverged"];
    probed.is(2, &all)?;
    let stale = &probed.report["findings"][0];
    assert_eq!((&stale["address"], &stale["server"]), (&json!(ip(2)), &json!(service.servers[1])));
    // Without a fleet to compare with, the servers are compared with each other.
    let ran = place.probe_with(&service.servers, &["--format", "json"])?.exited(1)?;
    ensure!(ran.stdout.contains("ns-diverged") && !ran.stdout.contains("stale-record"), "{}", ran.stdout);
    finds(&place, &service, json!([]), 0, &[])
}

#[test]
fn a_short_lag_is_made_up_for_by_waiting() -> Result<()> {
    let (place, service) = serve_two(&TWO)?;
    place.arm(&json!({ "name_servers": [{}, { "lag_secs": 1 }] }))?;
    place.show_fleet(&all_running(&[1, 2, 3]))?;
    service.answers_become(&[1, 2, 3])?;
    eventually("both servers agree", || {
        let probed = place.probe(&service, &QUICK).map_err(|error| format!("{error:#}"))?;
        probed.is(0, &[]).map_err(|error| format!("{error:#}"))
    })
}

#[test]
fn a_lame_server_is_named() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    let mut elsewhere = document("video");
    elsewhere["record"]["name"] = json!("video.example.net");
    place.write_json("elsewhere.json", &elsewhere)?;
    let server = service.server()?.to_string();
    let arguments = ["check", "video.example.net", "--server", &server, "--truth", "file:fleet.json"];
    let ran = place.run("resolver-probe", &[&arguments[..], &["--pool", "elsewhere.json"]].concat())?;
    ran.plain()?.exited(2)?.says(&["lame", "REFUSED"])?;
    Ok(())
}

#[test]
fn a_fault_that_does_not_exist_is_refused_at_the_start_with_its_path() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    for (faults, complaint) in [
        (json!({ "name_servers": [{ "deaf": true }] }), "deaf"),
        (json!({ "name_servers": [{ "drop_share": 1.5 }] }), "name_servers[0].drop_share: 1.5"),
        (json!({ "name_servers": [{ "garbage": { "kinds": ["x"] } }] }), "name_servers[0].garbage.kinds[0]"),
        (json!({ "name_servers": [{ "wrong_source": "192.0.2.1" }] }), "name_servers[0].wrong_source"),
        (json!({ "resolvers": [{}] }), "resolvers: there are 0"),
        (json!({ "route53": { "throttle": -1 } }), "route53.throttle"),
    ] {
        place.arm(&faults)?;
        place.refused(&ONE)?.exited(1)?.complains(&["faults.json", complaint])?;
    }
    Ok(())
}

#[test]
fn the_same_seed_replays_draws_and_faults() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    place.hold_records(&[record(1, 100, 20), record(2, 100, 20)])?;
    let lies = json!([{ "name": name("video"), "address": "192.0.2.66", "share": 0.3 }]);
    place.arm(&json!({ "name_servers": [{ "lies": lies, "drop_share": 0.1 }] }))?;
    let answers = |seed: &str| {
        let service = place.serve(&[&ONE[..], &["--zone", "zone.json", "--seed", seed]].concat())?;
        let server = service.server()?;
        // Over TCP, nothing is dropped and nothing is asked twice.
        (0..40).map(|_| Ok(ask(server, &name("video"), Over::Tcp)?.addresses)).collect::<Result<Vec<_>>>()
    };
    let first = answers("7")?;
    assert_eq!(answers("7")?, first);
    ensure!(answers("8")? != first, "another seed draws the same");
    Ok(())
}

#[test]
fn faults_of_a_name_server_that_there_is_not_are_told() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.arm(&json!({ "name_servers": [{}, { "dead": true }] }))?;
    place.refused(&ONE)?.exited(1)?.complains(&["faults.json", "name_servers"])?;
    Ok(())
}

#[test]
fn an_absence_that_is_remembered_for_long_is_told_where_the_name_may_be_empty() -> Result<()> {
    let place = Place::with_fleet(&[terminated(1)])?;
    place.arm(&json!({}))?;
    let empty = place.serve(&ONE)?;
    empty.answers_become(&[])?;
    tells_of_absence(&place, &empty, 3_600, true)?;
    // The records live 20 s, and ten times as long is the limit.
    tells_of_absence(&place, &empty, 200, false)?;
    // Records that are there are remembered for their own TTL.
    let (place, service) = serve_two(&ONE)?;
    tells_of_absence(&place, &service, 3_600, false)
}

/// Arms a negative TTL, and probes until it is told, or told no more.
fn tells_of_absence(place: &Place, service: &Service, secs: u32, told: bool) -> Result<()> {
    place.arm(&json!({ "name_servers": [{ "negative_ttl_secs": secs }] }))?;
    eventually("the finding", || {
        let probed = place.probe(service, &QUICK).map_err(|error| format!("{error:#}"))?;
        let findings = probed.report["findings"].to_string();
        let found = findings.contains(&format!("may remember for {secs} s"));
        if found == told { Ok(()) } else { Err(findings) }
    })
}

#[test]
fn a_name_without_an_address_is_critical_unless_the_fleet_says_that_it_should_be() -> Result<()> {
    let place = Place::with_fleet(&[terminated(1)])?;
    place.arm(&json!({ "name_servers": [{ "negative_ttl_secs": 60 }] }))?;
    let service = place.serve(&ONE)?;
    service.answers_become(&[])?;
    let without_a_fleet = place.probe_with(&service.servers, &["--format", "json"])?.exited(2)?;
    ensure!(without_a_fleet.stdout.contains("empty-answer"), "{}", without_a_fleet.stdout);
    place.probe(&service, &QUICK)?.is(0, &[])
}
