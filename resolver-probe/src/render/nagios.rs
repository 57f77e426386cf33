//! Writes a report as a monitoring plugin does: a line, performance data, and a long text below.
//!
//! Development guidelines of the Monitoring Plugins: the first line is what pagers show, performance data
//! follows its bar, and further lines are shown on demand. Nothing here is coloured or aligned.

use super::{digest, headline, words};
use crate::reach::ReachDocument;
use crate::report::{CheckReport, ExitPolicy, Severity, Verdict};

/// Octets of the long text at most: Nagios keeps 8 KiB of an output with its performance data, and agents that
/// carry it elsewhere keep less.
const MOST: usize = 4096;

/// Writes a check for a monitoring system. The word at its beginning is that of the exit code.
#[must_use]
pub fn render_nagios(report: &CheckReport, policy: impl Into<ExitPolicy>) -> String {
    let word = word(report.outcome(policy));
    let (wrong, data) = (headline::what_is_wrong(report), headline::performance_data(report));
    let groups = digest::alike(&report.findings);
    let lines = groups.iter().map(|group| {
        let (severity, _) = words::severity(group.first.severity);
        let likewise = match group.likewise.len() {
            0 => String::new(),
            more => format!("; likewise at {more} more"),
        };
        format!("{severity} {}: {}{likewise}", group.first.id, group.first.message)
    });
    let lines: Vec<String> = lines.collect();
    format!("RESOLVER {word} - {wrong} | {data}\n{}", long_text(&lines))
}

/// Writes what was found of addresses for a monitoring system.
#[must_use]
pub fn render_reach_nagios(document: &ReachDocument, policy: impl Into<ExitPolicy>) -> String {
    let word = word(document.outcome(policy));
    let mut reports: Vec<_> =
        document.addresses.iter().filter(|report| report.severity != Severity::Info).collect();
    reports.sort_by_key(|report| (report.severity, report.address));
    let lines: Vec<String> = reports
        .iter()
        .map(|report| {
            let (severity, _) = words::severity(report.severity);
            format!("{severity} {}: {}", words::liveness(report.liveness), report.message)
        })
        .collect();
    let (said, data) = (crate::reach::said(document), crate::reach::performance_data(document));
    format!("REACH {word} - {said} | {data}\n{}", long_text(&lines))
}

fn word(outcome: Verdict) -> &'static str {
    words::state(outcome).0
}

fn long_text(lines: &[String]) -> String {
    let mut text = String::new();
    for (written, line) in lines.iter().enumerate() {
        let line = words::plain(line);
        if text.len() + line.len() > MOST {
            text.push_str(&format!("... and {} more lines\n", lines.len() - written));
            break;
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{observation, truth};
    use crate::render::samples;
    use crate::report::FailOn;

    #[test]
    fn a_stale_record_has_a_line_figures_and_a_long_text() {
        insta::assert_snapshot!(render_nagios(&samples::stale_record(), FailOn::Warning));
    }

    #[test]
    fn the_word_is_that_of_the_exit_code() {
        let policy = |fail_on| ExitPolicy { fail_on, unknown_is_critical: false };
        for (fail_on, word, code) in [
            (FailOn::Warning, "RESOLVER WARNING - ", 1),
            (FailOn::Critical, "RESOLVER OK - ", 0),
            (FailOn::Nothing, "RESOLVER OK - ", 0),
        ] {
            let report = samples::stale_cache();
            assert!(render_nagios(&report, policy(fail_on)).starts_with(word));
            assert_eq!(report.exit_code(policy(fail_on)), code);
        }
    }

    #[test]
    fn hostile_texts_add_no_line_and_no_figures() {
        let honest = render_nagios(&samples::stale_cache(), FailOn::Warning);
        let text = render_nagios(&samples::hostile(), FailOn::Warning);
        assert_eq!(text.lines().count(), honest.lines().count(), "{text}");
        assert_eq!(text.matches('|').count(), 1, "{text}");
        assert!(!text.contains('\u{1b}'));
    }

    #[test]
    fn a_long_text_is_cut_between_lines_and_says_so() {
        let strays: Vec<(u8, u64)> = (100..200).map(|last| (last, 1)).collect();
        let fleet = truth("", &[("i-0a1b2c3d4e5f60001", "192.0.2.1", "running", "100")]);
        let report = samples::judged(Some(fleet), &[observation(1, &strays)]);
        let text = render_nagios(&report, FailOn::Warning);
        assert!(text.len() < 8192, "{}", text.len());
        assert!(text.lines().last().is_some_and(|line| line.ends_with("more lines")), "{text}");
    }

    #[test]
    fn a_dead_address_among_live_ones_is_told_by_itself() {
        insta::assert_snapshot!(render_reach_nagios(&samples::reach_document(), FailOn::Warning));
    }
}
