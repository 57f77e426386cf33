//! Snapshots of what a person reads.

use anstream::adapter::strip_str;

use super::*;
use crate::fixtures::{observation, observation_of, reply, truth};
use crate::render::samples::{self, judged};
use crate::truth::Truth;
use crate::wire::Rcode;

fn plain(report: &CheckReport) -> String {
    plain_as(report, Look::default())
}

fn plain_as(report: &CheckReport, look: Look) -> String {
    strip_str(&render_human(report, look)).to_string()
}

fn fleet() -> Truth {
    let running = |id, ip| (id, ip, "running", "100");
    truth("", &[running("i-0a1b2c3d4e5f60001", "192.0.2.1"), running("i-0a1b2c3d4e5f60002", "192.0.2.2")])
}

#[test]
fn a_stale_record_is_read_at_a_glance() {
    insta::assert_snapshot!(plain(&samples::stale_record()));
}

#[test]
fn what_is_as_expected_is_short() {
    insta::assert_snapshot!(plain(&samples::healthy()));
}

#[test]
fn one_bad_address_among_a_hundred_stands_first_and_the_others_are_folded() {
    let text = plain(&samples::hundred());
    assert!(
        text.lines().nth(3).is_some_and(|line| line.starts_with("192.0.2.77  blackholed-entry")),
        "{text}"
    );
    insta::assert_snapshot!(text);
}

#[test]
fn a_stale_cache_is_told_with_both_bounds() {
    insta::assert_snapshot!(plain(&samples::stale_cache()));
}

#[test]
fn without_a_fleet_answers_are_only_counted() {
    let empty = (0..100).map(|_| reply(Rcode::NX_DOMAIN, None));
    let report = judged(None, &[observation(1, &[(1, 60), (2, 40)]), observation_of(2, empty)]);
    insta::assert_snapshot!(plain(&report));
}

#[test]
fn who_wants_every_row_gets_it() {
    let text = plain_as(&samples::hundred(), Look { verbose: true, ..Look::of_width(120) });
    let rows = text.lines().filter(|line| line.starts_with("192.0.2.") && line.contains('┃')).count();
    assert_eq!(rows, 100, "{text}");
}

#[test]
fn lines_fit_the_width_and_have_no_blanks_at_their_ends() {
    let samples = [samples::stale_record(), samples::healthy(), samples::hundred(), samples::stale_cache()];
    for (report, width) in samples.iter().flat_map(|report| [72, 80, 120].map(|width| (report, width))) {
        let text = plain_as(report, Look::of_width(width));
        for line in text.lines().skip(1) {
            assert_eq!(line, line.trim_end(), "blanks at the end");
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn performance_data_begins_at_the_only_bar() {
    for report in [samples::stale_record(), samples::stale_cache(), samples::hostile()] {
        let text = plain(&report);
        assert_eq!(text.matches('|').count(), 1, "{text}");
        assert!(text.lines().next().is_some_and(|line| line.contains('|')));
    }
}

#[test]
fn hostile_texts_reach_no_terminal() {
    let text = plain(&samples::hostile());
    let raw = render_human(&samples::hostile(), Look::default());
    assert!(!text.contains(|character| crate::render::words::is_invisible(character) && character != '\n'));
    // Of escape codes, there are the report's own alone.
    assert_eq!(
        raw.matches('\u{1b}').count(),
        render_human(&samples::stale_cache(), Look::default()).matches('\u{1b}').count()
    );
    assert!(!text.lines().any(|line| line.trim() == "OK"), "{text}");
}

#[test]
fn many_findings_are_cut_and_counted() {
    let strays: Vec<(u8, u64)> = (100..130).map(|last| (last, 1)).collect();
    let text = plain(&judged(Some(fleet()), &[observation(1, &strays)]));
    assert!(text.contains("--format json have all of them"), "{text}");
    assert!(text.lines().next().is_some_and(|line| line.len() < 300), "{text}");
}
