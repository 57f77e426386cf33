//! Writes the report of a check for a person.
//!
//! Pure: a report in, a text out. Colour comes as escape codes, which the caller's stream may drop;
//! everything can be understood without it.

mod addresses;
mod findings;
mod layout;
mod resolvers;
mod servers;

use super::{headline, words};
use crate::report::{CheckReport, Severity};

/// How a report for a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The width of a line, in characters. The first line, which is for monitoring, is as long as it has to be.
    pub width: usize,
    /// Whether every row is written that would otherwise be folded, because nothing is wrong with it.
    pub verbose: bool,
}

impl Look {
    /// Narrower than this, tables would not stay tables.
    const NARROWEST: usize = 72;
    /// Wider than this, lines are hard to read.
    const WIDEST: usize = 160;

    /// Takes the width of a terminal, within bounds.
    #[must_use]
    pub fn of_width(width: usize) -> Self {
        Self { width: width.clamp(Self::NARROWEST, Self::WIDEST), ..Self::default() }
    }
}

impl Default for Look {
    /// 80 columns, and only what needs to be seen.
    fn default() -> Self {
        Self { width: 80, verbose: false }
    }
}

/// Writes the report for a person: a line for monitoring; the addresses, worst first; servers, resolvers and
/// whether the addresses are alive; and the findings.
///
/// The first line has the form of the Monitoring Plugins, with performance data after a `|`, which
/// therefore stands nowhere else.
#[must_use]
pub fn render_human(report: &CheckReport, look: Look) -> String {
    let blocks = [
        addresses::block(report, look),
        servers::block(report, look),
        resolvers::block(report, look),
        resolvers::reach_block(report, look),
        findings::block(&report.findings, look),
        summary(report, look),
    ];
    let mut text = first_line(report);
    for block in blocks.iter().filter(|block| !block.is_empty()) {
        text.push('\n');
        text.push_str(block);
    }
    text
}

fn first_line(report: &CheckReport) -> String {
    let (word, style) = words::state(report.verdict);
    let word = words::styled(word, style.bold());
    let (wrong, data) = (headline::what_is_wrong(report), headline::performance_data(report));
    format!("RESOLVER {word} - {wrong} | {data}\n")
}

fn summary(report: &CheckReport, look: Look) -> String {
    let of = |severity| report.findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let asked = format!(
        "{}: {}, {}, {}.",
        report.name,
        words::plural(report.servers.len() as u64, "server", "servers"),
        words::plural(headline::answers(report), "answer", "answers"),
        words::plural(report.addresses.len() as u64, "address", "addresses"),
    );
    let found = format!(
        "{} critical, {}, {} unknown. {}. Seed {}.",
        of(Severity::Critical),
        words::plural(of(Severity::Warning), "warning", "warnings"),
        of(Severity::Unknown),
        words::span(report.duration),
        report.seed,
    );
    [asked, found].map(|line| layout::wrapped(&line, 0, 2, look.width)).concat()
}

#[cfg(test)]
mod tests;
