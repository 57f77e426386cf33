//! Writes a report in the forms that people and programs read.
//!
//! Pure: a report in, a text out. It reads no clock, opens no file and judges nothing.

mod digest;
mod headline;
mod human;
#[cfg(test)]
mod samples;
mod words;

use crate::report::CheckReport;

pub use human::{Look, render_human};

/// Writes the report as one JSON document, followed by a line break.
#[must_use]
pub fn render_json(report: &CheckReport) -> String {
    // Its maps have text keys and its numbers are finite: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}
