//! The figures as a table in Markdown.
//!
//! It renders and measures nothing.

use std::fmt::Write;

use crate::exposure::Figures;

/// One line of the table.
pub(crate) struct Row {
    storm: String,
    who: &'static str,
    figures: Figures,
}

impl Row {
    pub(crate) fn new(storm: &str, who: &'static str, figures: Figures) -> Self {
        Self { storm: storm.to_owned(), who, figures }
    }
}

/// Renders rows, a table for each storm.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let mut storm = "";
    for row in rows {
        if row.storm != storm {
            storm = &row.storm;
            let mut title = storm.to_owned();
            if let Some(first) = title.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let _ = writeln!(text, "\n### {title}\n");
            text.push_str(
                "| | Route 53 calls | changes | seconds until right | dead: sum, worst (s) | with TTL: sum, worst (s) | at the end |\n",
            );
            text.push_str("|---|---:|---:|---:|---:|---:|---|\n");
        }
        line(&mut text, row);
    }
    text
}

fn line(text: &mut String, row: &Row) {
    let Figures { calls, changes, right_after, missing, left, dead_secs, ttl_secs } = &row.figures;
    let right = right_after.map_or("never".to_owned(), |secs| format!("{secs:.1}"));
    let answered = dead_secs.iter().filter(|secs| **secs > 0.0);
    let sums = |extra: f64| {
        let sum = answered.clone().fold(0.0, |sum, secs| sum + secs + extra);
        let worst = answered.clone().map(|secs| secs + extra).fold(0.0, f64::max);
        format!("{sum:.0}, {worst:.1}")
    };
    let end = match (missing, left) {
        (0, 0) => "right".to_owned(),
        (missing, left) => format!("{missing} missing, {left} dead are answered"),
    };
    let (bare, with_ttl) = (sums(0.0), sums(f64::from(*ttl_secs)));
    let _ = writeln!(text, "| {} | {calls} | {changes} | {right} | {bare} | {with_ttl} | {end} |", row.who);
}
