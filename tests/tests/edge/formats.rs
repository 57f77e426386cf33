//! Each form of the probe's report, once, against a running edge with an address that leads nowhere.

use anyhow::{Context, Result, ensure};

use crate::commands::Ran;
use crate::fleet::{all_running, ip, name, running, terminated};
use crate::place::Place;
use crate::service::Service;

const TRUTH: [&str; 4] = ["--truth", "file:fleet.json", "--pool", "video.json"];

/// Serves two instances, of which the second is gone and the registrar has not looked since.
fn serve_with_a_stale_record() -> Result<(Place, Service)> {
    let place = Place::with_fleet(&all_running(&[1, 2]))?;
    let service = place.serve(&["--sweep", "1h"])?;
    service.answers_become(&[1, 2])?;
    place.show_fleet(&[running(1), terminated(2)])?;
    Ok((place, service))
}

fn check(place: &Place, service: &Service, more: &[&str]) -> Result<Ran> {
    place.probe_with(&service.servers, &[&TRUTH, more].concat())
}

#[test]
fn monitoring_gets_a_line_with_figures_and_a_long_text() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    let ran = check(&place, &service, &["--format", "nagios"])?.exited(2)?;
    let mut lines = ran.stdout.lines();
    let first = lines.next().context("a line")?;
    let gone = ip(2);
    let begin = format!("RESOLVER CRITICAL - 1 stale record ({gone} at 1/1 servers)");
    ensure!(first.starts_with(&begin) && first.contains(" | stale=1;;;0 "), "{first}");
    ensure!(lines.next().is_some_and(|line| line.starts_with("CRITICAL stale-record: ")), "{}", ran.stdout);
    ensure!(ran.stdout.matches('|').count() == 1, "{}", ran.stdout);
    Ok(())
}

#[test]
fn prometheus_gets_metrics_in_a_file_that_is_replaced_at_once() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    place.write("probe.prom", "what was there before")?;
    let more = ["--format", "prometheus", "--output", "probe.prom"];
    check(&place, &service, &more)?.exited(2)?.silent()?;
    let text = place.read("probe.prom")?;
    let (name, gone) = (name("video"), ip(2));
    for line in [
        format!("resolver_probe_success{{name=\"{name}\"}} 0"),
        format!("resolver_probe_finding{{name=\"{name}\",id=\"stale-record\",severity=\"critical\"}} 1"),
        format!("resolver_probe_address{{name=\"{name}\",ip=\"{gone}\",verdict=\"stale-record\"}} 1"),
    ] {
        ensure!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
    }
    ensure!(text.ends_with('\n') && text.starts_with("# HELP "), "{text}");
    Ok(())
}

#[test]
fn ci_gets_a_test_case_for_each_address() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    let ran = check(&place, &service, &["--format", "junit"])?.exited(2)?;
    let (name, gone, there) = (name("video"), ip(2), ip(1));
    ran.says(&[
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"resolver-probe\"",
        &format!("<testcase classname=\"{name}.addresses\" name=\"{there}\" time=\"0\"/>"),
        &format!("<testcase classname=\"{name}.addresses\" name=\"{gone}\" time=\"0\">\n      <failure type=\"stale-record\""),
    ])?;
    Ok(())
}

#[test]
fn an_incident_gets_a_page_that_names_the_address_and_the_reason() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    check(&place, &service, &["--html", "probe.html", "--format", "json", "--seed", "7"])?.exited(2)?;
    let page = place.read("probe.html")?;
    let gone = ip(2);
    for part in
        ["<!DOCTYPE html>", &format!("<h1>{gone} should be gone: "), "resolver-probe check ", "--seed 7"]
    {
        ensure!(page.contains(part), "{part} is not in the page");
    }
    ensure!(!page.contains("<script") && !page.contains("src="), "it fetches or runs something");
    Ok(())
}

#[test]
fn schedulers_get_the_exit_code_that_they_ask_for() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    check(&place, &service, &["--exit-zero"])?.exited(0)?.says(&["RESOLVER CRITICAL"])?;
    // Nobody is asked, so nothing is known: that is never 0.
    let nobody = ["check", "video.bos.edge.example.com", "--root", "127.0.0.1:9", "--timeout", "50ms"];
    for (more, code) in [("--exit-zero", 3), ("--unknown-as=unknown", 3), ("--unknown-as=critical", 2)] {
        place.run("resolver-probe", &[&nobody[..], &[more]].concat())?.exited(code)?;
    }
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_a_check_without_a_report() -> Result<()> {
    let (place, service) = serve_with_a_stale_record()?;
    for option in ["--output", "--html"] {
        let ran = check(&place, &service, &[option, "nowhere/report"])?.exited(3)?;
        ran.complains(&["nowhere/report: there is no folder nowhere"])?;
    }
    Ok(())
}
