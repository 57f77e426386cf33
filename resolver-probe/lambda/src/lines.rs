//! What the function writes to its log: each finding, and the metrics, as JSON lines on standard output.
//!
//! A level is for what people read; the metrics are written whatever it is, since alarms need them.

use std::io::Write;

use jiff::Timestamp;
use resolver_probe::{CheckReport, Dimensions, Finding, Severity, emf};
use serde::Serialize;
use tracing::level_filters::LevelFilter;

/// Where lines go.
pub struct Lines {
    write: Box<dyn FnMut(&str) + Send>,
}

/// A finding as a line of the log.
#[derive(Serialize)]
struct FindingLine<'a> {
    timestamp: Timestamp,
    level: &'static str,
    schema: &'static str,
    #[serde(rename = "requestId")]
    request_id: &'a str,
    deployment: &'a str,
    pool: &'a str,
    name: &'a str,
    #[serde(flatten)]
    finding: &'a Finding,
}

/// The version of a finding's line.
const SCHEMA: &str = "resolver-probe-finding/1";

impl Lines {
    /// Writes to standard output, which the platform logs.
    #[must_use]
    pub fn to_stdout() -> Self {
        // There is nowhere left to report that a line could not be written.
        Self { write: Box::new(|line| drop(writeln!(std::io::stdout().lock(), "{line}"))) }
    }

    /// Hands each line to `write`.
    #[must_use]
    pub fn to(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self { write: Box::new(write) }
    }

    /// Writes the findings from `level` on, worst first, and the metrics of a check that ended at `now`.
    pub(crate) fn tell(
        &mut self,
        report: &CheckReport,
        dimensions: &Dimensions,
        request_id: &str,
        level: LevelFilter,
        now: Timestamp,
    ) {
        for finding in &report.findings {
            let (threshold, word) = level_of(finding.severity);
            let line = FindingLine {
                timestamp: now,
                level: word,
                schema: SCHEMA,
                request_id,
                deployment: &dimensions.deployment,
                pool: &dimensions.pool,
                name: &report.name,
                finding,
            };
            // Texts and finite numbers: there is nothing in it that JSON cannot hold.
            if let Some(line) = serde_json::to_string(&line).ok().filter(|_| threshold <= level) {
                (self.write)(&line);
            }
        }
        (self.write)(&emf(report, dimensions, now));
    }
}

fn level_of(severity: Severity) -> (LevelFilter, &'static str) {
    match severity {
        Severity::Critical => (LevelFilter::ERROR, "ERROR"),
        Severity::Warning | Severity::Unknown => (LevelFilter::WARN, "WARN"),
        Severity::Info => (LevelFilter::INFO, "INFO"),
    }
}
