//! Writes a report in the forms that people and programs read.
//!
//! Pure: a report in, a text out. It reads no clock, opens no file and judges nothing.

mod digest;
mod headline;
mod html;
mod human;
mod junit;
mod nagios;
mod prometheus;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod words;

use crate::report::CheckReport;

pub use html::{Origin, render_html};
pub use human::{Look, render_human};
pub use junit::{render_junit, render_reach_junit};
pub use nagios::{render_nagios, render_reach_nagios};
pub use prometheus::{render_prometheus, render_reach_prometheus};

/// Writes the report as one JSON document, followed by a line break.
#[must_use]
pub fn render_json(report: &CheckReport) -> String {
    // Its maps have text keys and its numbers are finite: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
