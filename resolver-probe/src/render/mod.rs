//! Writes a report in the forms that people and programs read.
//!
//! Pure: a report in, a text out. It reads no clock, opens no file and judges nothing.

mod digest;
mod headline;
mod html;
mod human;
mod junit;
mod nagios;
pub(crate) mod prometheus;
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const SCHEMA: &str = include_str!("../../../docs/probe-schema.md");

    /// Objects whose keys are names of their own: findings' figures, addresses, codes and reasons.
    const OPEN: [&str; 4] = ["evidence", "extended_errors", "failures", "sightings[].addresses"];

    /// Collects the path of every field, such as `servers[].ttls[].ttl_secs`.
    fn fields(path: &str, value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) if path.is_empty() || !is_open(path) => {
                for (name, value) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{name}");
                    found.insert(path.clone());
                    fields(&path, value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| fields(&format!("{path}[]"), item, found)),
            _ => {}
        }
    }

    /// The evidence of a finding is open; that of an address that was asked is not.
    fn is_open(path: &str) -> bool {
        OPEN.iter().any(|open| path.ends_with(open)) && path != "reach[].addresses[].evidence"
    }

    #[test]
    fn every_field_of_a_report_is_described() {
        let mut found = BTreeSet::new();
        for report in [samples::stale_cache(), samples::stale_record(), samples::hundred()] {
            fields("", &serde_json::to_value(&report).unwrap(), &mut found);
        }
        // The same objects stand in two places, and are described once.
        let place =
            |path: &String| path.replace("homogeneity.servers[].effect.", "servers[].weights.fit.effect.");
        let place = |path: &String| {
            place(path).replace("homogeneity.servers[].method.", "servers[].weights.fit.method.")
        };
        let missing: Vec<&String> =
            found.iter().filter(|path| !SCHEMA.contains(&format!("| `{}` |", place(path)))).collect();
        assert!(missing.is_empty(), "docs/probe-schema.md does not describe {missing:#?}");
        assert!(found.contains("discovery.faults[].why") && found.len() > 150, "{found:#?}");
    }

    #[test]
    fn the_json_form_is_versioned_and_sorted() {
        insta::assert_snapshot!(render_json(&samples::stale_record()));
    }
}
