//! `resolver-probe propagate` against a running edge whose name servers lag, each otherwise.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{all_running, ip, name};
use crate::place::Place;
use crate::service::Service;
use crate::watching::Watching;

/// Serves two instances at two name servers with these faults, and a resolver that keeps nothing for long.
fn served(faults: &Value) -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let mut all = faults.clone();
    all["resolvers"] = json!([{ "max_ttl_secs": 1 }]);
    place.arm(&all)?;
    let more = [
        "--dns",
        "127.0.0.1:0",
        "--dns",
        "127.0.0.1:0",
        "--faults",
        "faults.json",
        "--resolver",
        "127.0.0.1:0",
    ];
    let service = place.serve(&more)?;
    service.answers_become(&[1, 2])?;
    Ok((place, service))
}

fn propagating(place: &Place, service: &Service, more: &[&str]) -> Result<Watching> {
    place.probing(service, "propagate", &[&["--rate", "100"], more].concat())
}

fn report(stdout: &str) -> Result<Value> {
    serde_json::from_str(stdout).with_context(|| stdout.to_owned())
}

#[test]
fn each_server_has_both_edges_and_the_one_that_lags_is_later() -> Result<()> {
    let (place, service) = served(&json!({ "name_servers": [{}, { "lag_secs": 3 }] }))?;
    let (old, new, resolver) = (ip(2).to_string(), ip(3).to_string(), service.resolvers[0].to_string());
    let both = ["--expect", &new, "--expect-gone", &old, "--share", "0.5", "--format", "json"];
    let asking = propagating(&place, &service, &[&both[..], &["--resolver", &resolver]].concat())?;
    asking.complains("ready: ")?;
    place.show_fleet(&all_running(&[1, 3]))?;
    let ran = asking.ended()?.exited(0)?;
    let report = report(&ran.stdout)?;
    assert_eq!(
        (&report["schema"], &report["propagated"]),
        (&json!("resolver-probe-propagate/1"), &json!("yes"))
    );
    let mut slowest = Vec::new();
    for address in &service.servers {
        let servers = report["servers"].as_array().context("servers")?;
        let server = servers.iter().find(|server| server["server"] == json!(address)).context("a server")?;
        for change in server["changes"].as_array().context("changes")? {
            let edge = &change["edge"];
            ensure!(edge["after"].as_str() < edge["by"].as_str(), "{edge}");
        }
        slowest.push(server["changes"][0]["edge"]["by"].as_str().context("an edge")?.to_owned());
    }
    ensure!(slowest[0] < slowest[1], "{slowest:?}");
    ensure!(report["resolvers"][0]["edge"]["by"].is_string(), "{}", report["resolvers"][0]);
    Ok(())
}

#[test]
fn what_never_comes_is_not_propagated_and_2() -> Result<()> {
    let (place, service) = served(&json!({}))?;
    let new = ip(9).to_string();
    let more = ["--expect", &new, "--share", "0.5", "--deadline", "1s"];
    let ran = propagating(&place, &service, &more)?.ended()?.exited(2)?;
    ran.says(&["CRITICAL - not propagated", "not yet"])?.hints()?;
    Ok(())
}

#[test]
fn a_dead_server_cannot_be_told_and_is_3() -> Result<()> {
    let (place, service) = served(&json!({ "name_servers": [{}, { "dead": true }] }))?;
    let here = ip(1).to_string();
    let more = ["--expect", &here, "--deadline", "1s", "--timeout", "100ms"];
    let ran = propagating(&place, &service, &more)?.ended()?.exited(3)?;
    ran.says(&["UNKNOWN - could not be told", &service.servers[1].to_string()])?;
    Ok(())
}

#[test]
fn what_was_there_at_the_start_is_told_so() -> Result<()> {
    let (place, service) = served(&json!({}))?;
    let here = ip(1).to_string();
    let human = propagating(&place, &service, &["--expect", &here])?.ended()?.exited(0)?;
    human.says(&["OK - 2 servers", "before"])?;
    let metrics = propagating(&place, &service, &["--expect", &here, "--format", "prometheus"])?;
    let sample = format!(
        "resolver_probe_propagation_seconds{{name=\"{}\",ns=\"{}\"}}",
        name("video"),
        service.servers[0]
    );
    metrics.ended()?.exited(0)?.says(&[&sample, "resolver_probe_propagated{"])?;
    Ok(())
}

#[test]
fn a_change_that_cannot_be_is_refused() -> Result<()> {
    let (place, service) = served(&json!({}))?;
    for (more, complaint) in [
        ([].as_slice(), "--expect"),
        (&["--expect", "192.0.2.1", "--expect-gone", "192.0.2.1"], "cannot be there and gone"),
        (&["--expect", "192.0.2.1", "--share", "2"], "--share"),
    ] {
        propagating(&place, &service, more)?.ended()?.exited(3)?.silent()?.complains(&[complaint])?;
    }
    Ok(())
}
