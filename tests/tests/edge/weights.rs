//! Weights, as the probe sees them: wrong, right, different from server to server, or not drawn at random.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::fleet::{Machine, ip, name, record, running};
use crate::place::Place;
use crate::probe::Probed;
use crate::service::Service;
use crate::waiting::eventually;

const ONE: [&str; 4] = ["--zone", "zone.json", "--faults", "faults.json"];
const TWO: [&str; 7] =
    ["--zone", "zone.json", "--faults", "faults.json", "--dns", "127.0.0.1:0", "127.0.0.1:0"];

/// Serves instances with these weights, numbered from 0, whose records are there from the start.
fn serve(weights: &[u8], arguments: &[&str]) -> Result<(Place, Service)> {
    let numbered = || (0..).zip(weights);
    let machines: Vec<Machine> =
        numbered().map(|(number, weight)| running(number).weighing(weight)).collect();
    let place = Place::with_fleet(&machines)?;
    let records: Vec<Value> = numbered().map(|(number, weight)| record(number, *weight, 20)).collect();
    place.hold_records(&records)?;
    place.arm(&json!({}))?;
    let service = place.serve(&[arguments, &["--seed", "42"]].concat())?;
    Ok((place, service))
}

/// Arms faults of the name servers, probes until the findings are these, and once more: the faults may
/// have come into force while the first was sampling.
fn finds(place: &Place, service: &Service, faults: Value, code: i32, findings: &[&str]) -> Result<Probed> {
    place.arm(&json!({ "name_servers": faults }))?;
    eventually("the findings", || {
        let probed = place.probe(service, &["--seed", "7"]).map_err(|error| format!("{error:#}"))?;
        match probed.is(code, findings) {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error:#}\n{}", probed.report["findings"])),
        }
    })?;
    let probed = place.probe(service, &["--seed", "7"])?;
    probed.is(code, findings)?;
    Ok(probed)
}

/// One server that gives the instance with this number another weight.
fn weighing(number: u8, weight: u8) -> Value {
    json!({ "weights": [{ "name": name("video"), "weights": { ip(number).to_string(): weight } }] })
}

fn finding<'a>(probed: &'a Probed, id: &str) -> Result<&'a Value> {
    let findings = probed.report["findings"].as_array().context("findings")?;
    findings.iter().find(|finding| finding["id"] == id).with_context(|| format!("{id} in {findings:?}"))
}

#[test]
fn a_weight_off_by_half_is_a_warning_with_the_address_and_off_by_a_tenth_is_none() -> Result<()> {
    let (place, service) = serve(&[10, 20, 30, 40], &ONE)?;
    finds(&place, &service, json!([]), 0, &[])?;
    let probed = finds(&place, &service, json!([weighing(1, 10)]), 1, &["warning wrong-weights"])?;
    let wrong = finding(&probed, "wrong-weights")?;
    assert_eq!((&wrong["address"], &wrong["server"]), (&json!(ip(1)), &json!(service.servers[0])));
    let share = |key: &str| wrong["evidence"][key].as_f64().unwrap_or_default();
    ensure!(share("observed_low") < 1.0 / 9.0 && share("observed_high") > 1.0 / 9.0, "{wrong}");
    ensure!(share("expected_share") == 0.2 && share("corrected_p_value") < 1e-6, "{wrong}");
    finds(&place, &service, json!([weighing(1, 22)]), 0, &[])?;
    finds(&place, &service, json!([weighing(3, 80)]), 1, &["warning wrong-weights"])?;
    Ok(())
}

#[test]
fn a_hundred_unequal_weights_are_ok() -> Result<()> {
    let weights: Vec<u8> = (0..100_u16).map(|number| 1 + (number * 97 % 255) as u8).collect();
    let (place, service) = serve(&weights, &ONE)?;
    let probed = finds(&place, &service, json!([]), 0, &[])?;
    let fit = &probed.server(0)?["weights"]["fit"];
    assert_eq!((&fit["decision"], &fit["cells"]), (&json!("agrees"), &json!(100)));
    let plan = &probed.report["plan"];
    ensure!(plan["answers"].as_u64().is_some_and(|answers| answers > 20_000), "{plan}");
    Ok(())
}

#[test]
fn a_weight_of_0_that_is_answered_is_a_warning() -> Result<()> {
    let (place, service) = serve(&[10, 20, 0], &ONE)?;
    finds(&place, &service, json!([]), 0, &[])?;
    let probed = finds(&place, &service, json!([weighing(2, 10)]), 1, &["warning wrong-weights"])?;
    assert_eq!(finding(&probed, "wrong-weights")?["address"], json!(ip(2)));
    Ok(())
}

#[test]
fn an_address_that_is_never_answered_is_missing_and_makes_no_weight_wrong() -> Result<()> {
    let (place, service) = serve(&[10, 20, 30, 40], &ONE)?;
    finds(&place, &service, json!([weighing(2, 0)]), 1, &["warning missing-ip"])?;
    Ok(())
}

#[test]
fn one_of_two_servers_is_named_by_the_fleet_or_else_by_the_other() -> Result<()> {
    let (place, service) = serve(&[10, 20, 30, 40], &TWO)?;
    let probed = finds(&place, &service, json!([{}, weighing(0, 40)]), 1, &["warning wrong-weights"])?;
    assert_eq!(finding(&probed, "wrong-weights")?["server"], json!(service.servers[1]));
    let ran = place.probe_with(&service.servers, &["--format", "json"])?.exited(1)?;
    ensure!(ran.stdout.contains("ns-diverged") && !ran.stdout.contains("wrong-weights"), "{}", ran.stdout);
    finds(&place, &service, json!([]), 0, &[])?;
    place.probe_with(&service.servers, &[])?.exited(0)?;
    Ok(())
}

#[test]
fn addresses_in_turn_are_ok_and_told() -> Result<()> {
    let (place, service) = serve(&[10, 20, 30, 40], &ONE)?;
    finds(&place, &service, json!([]), 0, &[])?;
    place.arm(&json!({ "name_servers": [{ "round_robin": [name("video")] }] }))?;
    eventually("turns are noticed", || {
        let probed = place.probe(&service, &["--seed", "7"]).map_err(|error| format!("{error:#}"))?;
        let told = finding(&probed, "wrong-weights").map_err(|error| format!("{error:#}"))?;
        let is_told = told["severity"] == "info" && told["evidence"]["habit"] == "in-turn";
        if is_told && probed.code == Some(0) { Ok(()) } else { Err(probed.report["findings"].to_string()) }
    })
}

#[test]
fn addresses_that_stick_are_a_warning_and_neither_missing_nor_wrong() -> Result<()> {
    let (place, service) = serve(&[100, 100], &ONE)?;
    let sticky = json!([{ "sticky": [{ "name": name("video"), "queries": 50 }] }]);
    let probed = finds(&place, &service, sticky, 1, &["warning wrong-weights"])?;
    let clustered = finding(&probed, "wrong-weights")?;
    assert_eq!((&clustered["evidence"]["habit"], &clustered["address"]), (&json!("clustered"), &Value::Null));
    Ok(())
}
