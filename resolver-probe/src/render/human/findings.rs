//! The findings, worst first, each with the figures behind it.
//!
//! Those that say the same of several servers are written once.

use anstyle::Style;

use super::Look;
use super::layout::wrapped;
use crate::render::{digest, words};
use crate::report::Finding;

/// Findings that are written out; the JSON form has all.
const MOST: usize = 20;
/// Blanks before everything but the first line of a finding.
const INDENT: usize = 9;

/// Writes the findings.
pub(super) fn block(findings: &[Finding], look: Look) -> String {
    let groups = digest::alike(findings);
    let most = if look.verbose { usize::MAX } else { MOST };
    let mut text = String::new();
    for group in groups.iter().take(most) {
        text.push_str(&of(group, look));
    }
    if let Some(more) = groups.len().checked_sub(most).filter(|more| *more > 0) {
        text.push_str(&format!("... and {more} more; --verbose and --format json have all of them\n"));
    }
    text
}

fn of(group: &digest::Alike<'_>, look: Look) -> String {
    let finding = group.first;
    let (word, style) = words::severity(finding.severity);
    // A message may quote what a file or the system said.
    let said = format!("{}: {}", finding.id, words::plain(&finding.message));
    let lines = wrapped(&said, INDENT, INDENT, look.width);
    let blanks = " ".repeat(INDENT - word.len());
    let mut text = format!("{}{blanks}{}", words::styled(word, style), lines.trim_start());
    let evidence = digest::evidence(finding);
    if !evidence.is_empty() {
        let dim = Style::new().dimmed();
        let lines = wrapped(&evidence, INDENT, INDENT, look.width);
        text.push_str(&format!("{}\n", words::styled(lines.trim_end(), dim)));
    }
    if !group.likewise.is_empty() {
        let places = group.likewise.iter().map(|place| words::plain(place)).collect::<Vec<_>>().join(", ");
        text.push_str(&wrapped(&format!("likewise {places}"), INDENT, INDENT, look.width));
    }
    text
}
