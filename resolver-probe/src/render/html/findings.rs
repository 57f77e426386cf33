//! The findings with all the figures behind them.

use maud::{Markup, html};

use super::{badge, tone_of_severity};
use crate::render::{digest, words};
use crate::report::{EvidenceValue, Finding};

pub(super) fn section(findings: &[Finding]) -> Markup {
    let groups = digest::alike(findings);
    html! {
        section {
            h2 { "Findings" }
            @if groups.is_empty() { p { "None." } }
            @for group in &groups { (one(group)) }
        }
    }
}

fn one(group: &digest::Alike<'_>) -> Markup {
    let finding = group.first;
    let (word, _) = words::severity(finding.severity);
    html! {
        div class="finding" {
            (badge(word, tone_of_severity(finding.severity))) " " b { (finding.id) }
            p { (words::visible(&finding.message)) }
            @if !group.likewise.is_empty() {
                p class="soft" {
                    "Likewise: "
                    @for (index, place) in group.likewise.iter().enumerate() {
                        @if index > 0 { ", " }
                        span class="mono" { (words::visible(place)) }
                    }
                }
            }
            @if !finding.evidence.is_empty() {
                dl { @for (name, value) in &finding.evidence { div { dt { (name.replace('_', " ")) } dd { (figure(value)) } } } }
            }
        }
    }
}

fn figure(value: &EvidenceValue) -> String {
    match value {
        EvidenceValue::Count(count) => words::thousands(*count),
        EvidenceValue::Share(share) => digest::figure_of(*share),
        EvidenceValue::Text(text) => words::visible(text),
        EvidenceValue::Counts(counts) => counts.iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
    }
}
