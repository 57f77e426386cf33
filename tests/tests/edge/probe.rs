//! `resolver-probe check` against a running edge: its report, and what it exits with.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::commands::Ran;
use crate::fleet::{all_running, document, ip, name, running, terminated};
use crate::place::Place;
use crate::service::Service;

/// A report in JSON, and the exit code that came with it.
pub(crate) struct Probed {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
}

impl Probed {
    /// Returns the findings as `critical stale-record`, without those for information.
    pub(crate) fn findings(&self) -> Result<BTreeSet<String>> {
        let findings = self.report["findings"].as_array().context("findings")?;
        let words = findings.iter().map(|finding| {
            let word = |key: &str| finding[key].as_str().unwrap_or("?").to_owned();
            format!("{} {}", word("severity"), word("id"))
        });
        Ok(words.filter(|words| !words.starts_with("info ")).collect())
    }

    /// Checks findings and exit code together.
    pub(crate) fn is(&self, code: i32, findings: &[&str]) -> Result<()> {
        let wanted: BTreeSet<String> = findings.iter().map(|words| (*words).to_owned()).collect();
        let found = self.findings()?;
        let same = found == wanted && self.code == Some(code);
        ensure!(same, "exit code {:?} with {found:?}, and not {code} with {wanted:?}", self.code);
        Ok(())
    }

    /// Returns what is reported about one server.
    pub(crate) fn server(&self, index: usize) -> Result<&Value> {
        self.report["servers"].get(index).context("the server is in the report")
    }
}

impl Place {
    /// Runs the probe with these arguments.
    pub(crate) fn probe_with(&self, servers: &[SocketAddr], more: &[&str]) -> Result<Ran> {
        let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let name = name("video");
        let mut arguments = vec!["check", name.as_str()];
        for server in &servers {
            arguments.extend(["--server", server]);
        }
        arguments.extend(more);
        self.run("resolver-probe", &arguments)?.plain()
    }

    /// Compares what the service answers for `video` with the fleet.
    pub(crate) fn probe(&self, service: &Service, more: &[&str]) -> Result<Probed> {
        let usual = ["--truth", "file:fleet.json", "--pool", "video.json", "--format", "json"];
        let ran = self.probe_with(&service.servers, &[&usual, more].concat())?;
        let report = serde_json::from_str(&ran.stdout).with_context(|| format!("{ran:?}"))?;
        Ok(Probed { code: ran.code, report })
    }
}

#[test]
fn what_serves_as_it_should_is_ok_and_0() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2])?;
    let probed = place.probe(&service, &[])?;
    probed.is(0, &[])?;
    assert_eq!(probed.report["schema"], "resolver-probe/1");
    let human =
        place.probe_with(&service.servers, &["--truth", "file:fleet.json", "--pool", "video.json"])?;
    let human = human.exited(0)?.says(&["OK", "2 addresses", "as expected"])?;
    ensure!(human.stderr.is_empty(), "{}", human.stderr);
    Ok(())
}

#[test]
fn an_address_that_leads_nowhere_is_critical_and_2_whatever_fails_the_check() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&["--sweep", "1h"])?;
    service.answers_become(&[1, 2])?;
    // The sweep is far away, and nobody tells the registrar.
    place.show_fleet(&[running(1), terminated(2)])?;
    for more in [[].as_slice(), &["--fail-on", "critical"]] {
        let probed = place.probe(&service, more)?;
        probed.is(2, &["critical stale-record"])?;
        assert_eq!(probed.report["findings"][0]["address"], json!(ip(2)));
    }
    let human =
        place.probe_with(&service.servers, &["--truth", "file:fleet.json", "--pool", "video.json"])?;
    human.exited(2)?.says(&["CRITICAL", "155.146.10.2"])?.complains(&["hint: dump the fleet again"])?;
    Ok(())
}

#[test]
fn a_warning_is_1_unless_only_what_is_critical_counts() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    let mut other_ttl = document("video");
    other_ttl["record"]["ttl_secs"] = json!(60);
    place.write_json("planned.json", &other_ttl)?;
    place.probe(&service, &[])?.is(0, &[])?;
    let usual = ["--truth", "file:fleet.json", "--pool", "planned.json", "--format", "json"];
    for (more, code) in [([].as_slice(), 1), (&["--fail-on", "critical"], 0)] {
        let ran = place.probe_with(&service.servers, &[&usual, more].concat())?.exited(code)?;
        ensure!(ran.stdout.contains("ttl-mismatch"), "{}", ran.stdout);
    }
    Ok(())
}

#[test]
fn a_check_that_was_not_made_is_3_and_says_why_on_standard_error_alone() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    place.write("torn.json", "{\"Reservations\": [")?;
    let server = ["127.0.0.1:53535".parse()?];
    for (servers, more, complaint) in [
        ([].as_slice(), ["--root", "nowhere"].as_slice(), "nowhere"),
        (&server, &["--samples", "0"], "--samples"),
        (&server, &["--server", "nowhere"], "nowhere"),
        (&server, &["--truth", "fleet.json", "--pool", "video.json"], "file:FLEET.json"),
        (&server, &["--truth", "file:fleet.json"], "--pool"),
        (&server, &["--truth", "file:gone.json", "--pool", "video.json"], "gone.json"),
        (&server, &["--truth", "file:torn.json", "--pool", "video.json"], "torn.json"),
        (&server, &["--truth", "file:fleet.json", "--pool", "fleet.json"], "fleet.json"),
    ] {
        place.probe_with(servers, more)?.exited(3)?.silent()?.complains(&[complaint])?;
    }
    place.run("resolver-probe", &["check", "bad..name", "--server", "127.0.0.1"])?.exited(3)?.silent()?;
    place.run("resolver-probe", &[])?.exited(3)?.silent()?;
    Ok(())
}

#[test]
fn a_check_that_its_deadline_cuts_short_is_not_0() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1, 2])?;
    let probed = place.probe(&service, &["--rate", "5", "--deadline", "300ms"])?;
    probed.is(3, &["unknown too-few-samples"])
}

#[test]
fn a_fleet_that_was_not_read_to_its_end_is_unknown_and_3() -> Result<()> {
    let place = Place::with_fleet(&all_running(&[1]))?;
    let service = place.serve(&[])?;
    service.answers_become(&[1])?;
    let mut cut = place.read_json("fleet.json")?;
    cut["NextToken"] = json!("eyJOZXh0VG9rZW4iOiBudWxsfQ==");
    place.write_json("fleet.json", &cut)?;
    place.probe(&service, &[])?.is(3, &["unknown truth-incomplete"])
}

#[test]
fn the_help_of_the_probe_lists_its_exit_codes_and_is_0() -> Result<()> {
    let place = Place::with_fleet(&[])?;
    let help = place.run("resolver-probe", &["check", "--help"])?.exited(0)?.plain()?;
    help.says(&["Exit codes", "UNKNOWN", "--fail-on"])?;
    Ok(())
}
