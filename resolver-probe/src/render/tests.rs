//! Snapshots of what a person, and a program, reads.

use anstream::adapter::strip_str;

use super::*;
use crate::fixtures::{observation, observation_of, reply, request, truth};
use crate::judge::{Seen, judge};
use crate::observation::{Observation, TcpFailure};
use crate::truth::Truth;
use crate::wire::Rcode;

fn report(truth: Option<Truth>, observations: &[Observation]) -> CheckReport {
    judge(&request(truth), Seen { observations, ..Seen::default() })
}

fn plain(report: &CheckReport) -> String {
    strip_str(&render_human(report)).to_string()
}

fn fleet() -> Truth {
    truth(
        "",
        &[
            ("i-0a1b2c3d4e5f60001", "192.0.2.1", "running", "100"),
            ("i-0a1b2c3d4e5f60002", "192.0.2.2", "running", "50"),
            ("i-0a1b2c3d4e5f60003", "192.0.2.3", "stopped", "100"),
        ],
    )
}

#[test]
fn a_stale_record_is_read_at_a_glance() {
    let mut second = observation(2, &[(1, 100), (3, 50)]);
    (second.tcp.replies, second.tcp.last_failure) = (0, Some(TcpFailure::TimedOut));
    (second.udp.garbage, second.udp.tries) = (2, 151);
    let report = report(Some(fleet()), &[observation(1, &[(1, 62), (2, 34), (3, 24)]), second]);
    insta::assert_snapshot!(plain(&report));
}

#[test]
fn what_is_as_expected_fits_one_line_and_a_table() {
    let report = report(Some(fleet()), &[observation(1, &[(1, 1_000), (2, 500)])]);
    insta::assert_snapshot!(plain(&report));
}

#[test]
fn without_a_fleet_answers_are_only_counted() {
    let empty = (0..100).map(|_| reply(Rcode::NX_DOMAIN, None));
    let report = report(None, &[observation(1, &[(1, 60), (2, 40)]), observation_of(2, empty)]);
    insta::assert_snapshot!(plain(&report));
}

#[test]
fn the_json_form_is_versioned_and_sorted() {
    let report = report(Some(fleet()), &[observation(1, &[(1, 31), (2, 17), (3, 12)])]);
    insta::assert_snapshot!(render_json(&report));
}

#[test]
fn performance_data_begins_at_the_only_bar() {
    let mut report = report(Some(fleet()), &[observation(1, &[(3, 60)])]);
    report.findings[0].message.push_str(" | x");
    let text = plain(&report);
    assert_eq!(text.matches('|').count(), 1, "{text}");
    assert!(text.lines().next().is_some_and(|line| line.contains('|')));
}

#[test]
fn many_findings_are_cut_and_counted() {
    let strays: Vec<(u8, u64)> = (100..130).map(|last| (last, 1)).collect();
    let text = plain(&report(Some(fleet()), &[observation(1, &strays)]));
    assert!(text.contains("--format json has all of them"), "{text}");
    assert!(text.lines().next().is_some_and(|line| line.len() < 300), "{text}");
}
