//! Writes a check as one page for a browser: what is wrong and why, in one look, with the evidence below.
//!
//! Everything is in the one file, and nothing is fetched: no script, no font, no picture. What came from outside
//! is escaped by the macro that writes the page, and the page's own policy lets nothing run.

mod addresses;
mod findings;
mod servers;
mod shares;
mod timeline;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{digest, headline, words};
use crate::reach::Liveness;
use crate::report::{AddressReport, AddressVerdict, CheckReport, Severity, Verdict, WeightsReport};
use crate::statistics::Decision;

const STYLE: &str = include_str!("page.css");
/// Nothing but the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// How a report came to be, so that it can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The command line, quoted for a shell.
    pub command: String,
    /// The version of the program.
    pub version: &'static str,
}

/// Writes the report as a page.
#[must_use]
pub fn render_html(report: &CheckReport, origin: &Origin) -> String {
    let (word, _) = words::state(report.verdict);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="referrer" content="no-referrer";
                title { (word) " - " (report.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(report))
                    (addresses::section(report))
                    (shares::section(report))
                    (timeline::section(report))
                    (findings::section(&report.findings))
                    (servers::section(report))
                    (servers::resolvers(report))
                    (servers::reached(report))
                    (made(report, origin))
                }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

/// The verdict, the one sentence that says why, and the figures of the check.
fn head(report: &CheckReport) -> Markup {
    let (word, _) = words::state(report.verdict);
    let began = report.started_at.strftime("%Y-%m-%d %H:%M:%S UTC");
    html! {
        header class=(tone_of_verdict(report.verdict)) {
            span class="badge big" { (word) }
            " " span class="mono" { (words::visible(&report.name)) }
            h1 { (words::visible(&sentence(report))) }
            p class="soft" { (words::visible(&rest(report))) "Checked at " (began) "." }
            div class="tiles" { @for (figure, label) in tiles(report) { div { b { (figure) } span { (label) } } } }
        }
    }
}

/// The one sentence: the worst address and why it is bad; without one, the worst finding.
fn sentence(report: &CheckReport) -> String {
    let worst = digest::worst_first(report).into_iter().find(|address| !words::is_calm(address.verdict));
    let finding = report.findings.first().filter(|finding| finding.severity != Severity::Info);
    let is_worst = finding.is_none_or(|finding| finding.address.is_some());
    match (worst, finding) {
        (Some(address), _) if is_worst => about(report, address),
        (_, Some(finding)) => finding.message.clone(),
        (Some(address), None) => about(report, address),
        (None, None) if report.compared => "Every address is answered as it should be.".to_owned(),
        (None, None) => {
            "Nothing is wrong with the servers; the addresses were compared with no fleet.".to_owned()
        }
    }
}

fn about(report: &CheckReport, address: &AddressReport) -> String {
    let share = digest::pooled(report).get(&address.address).map(|pooled| words::percent(pooled.share));
    let clients = share.map_or_else(|| "clients".to_owned(), |share| format!("{share} of the answers"));
    let why = digest::why(report, address).unwrap_or_default();
    let ip = address.address;
    match address.verdict {
        AddressVerdict::StaleRecord => {
            format!("{ip} should be gone: {clients} still lead there, but {why}.")
        }
        AddressVerdict::ForeignOwner => {
            format!("{ip} belongs to somebody else: {clients} lead there; {why}.")
        }
        AddressVerdict::BlackholedEntry => {
            format!("{ip} is a blackhole: {clients} lead there, and it {why}.")
        }
        AddressVerdict::MissingIp => format!("{ip} is missing: {why}."),
        AddressVerdict::StaleAnswer => format!("{ip} is stale in a cache: {why}."),
        AddressVerdict::Unknown
        | AddressVerdict::Undecided
        | AddressVerdict::VantageBlind
        | AddressVerdict::Fallback
        | AddressVerdict::Idle
        | AddressVerdict::NotJudged
        | AddressVerdict::Ok => format!("{ip} cannot be judged: {why}."),
    }
}

/// How much more needs a look.
fn rest(report: &CheckReport) -> String {
    let bad = report.addresses.iter().filter(|address| !words::is_calm(address.verdict)).count() as u64;
    let told = report.findings.iter().filter(|finding| finding.severity != Severity::Info).count() as u64;
    match (bad, told) {
        (0, 0) => String::new(),
        (0 | 1, told) => format!("{} in all. ", words::plural(told, "finding", "findings")),
        (bad, told) => {
            let findings = words::plural(told, "finding", "findings");
            format!("{bad} addresses need a look; {findings} in all. ")
        }
    }
}

fn tiles(report: &CheckReport) -> Vec<(String, &'static str)> {
    let calm = report.addresses.iter().filter(|address| words::is_calm(address.verdict)).count();
    let answering = report.servers.iter().filter(|server| server.samples.udp > 0).count();
    let mut tiles = vec![
        (format!("{calm}/{}", report.addresses.len()), "addresses with nothing wrong"),
        (format!("{answering}/{}", report.servers.len()), "name servers answer"),
        (words::thousands(headline::answers(report)), "answers"),
    ];
    let weighed = report.servers.iter().filter_map(|server| server.weights.as_ref());
    let agrees = |weights: &WeightsReport| match weights.fit.decision {
        Decision::Agrees => digest::are_enough(report, weights.fit.answers).then_some(true),
        Decision::Negligible => Some(true),
        Decision::Deviates => Some(false),
    };
    let weighed: Vec<bool> = weighed.filter_map(agrees).collect();
    if !weighed.is_empty() {
        let agree = weighed.iter().filter(|agrees| **agrees).count();
        tiles.push((format!("{agree}/{}", weighed.len()), "servers agree with the weights"));
    }
    let asked: Vec<Liveness> = report.addresses.iter().filter_map(|address| address.liveness).collect();
    if !asked.is_empty() {
        let alive = asked.iter().filter(|liveness| **liveness == Liveness::Alive).count();
        tiles.push((format!("{alive}/{}", asked.len()), "addresses alive"));
    }
    if !report.resolvers.is_empty() {
        let clean = report.resolvers.iter().filter(|resolver| resolver.stale.is_empty()).count();
        tiles.push((format!("{clean}/{}", report.resolvers.len()), "resolvers with nothing stale"));
    }
    tiles
}

/// How the check was made, and how it is made again.
fn made(report: &CheckReport, origin: &Origin) -> Markup {
    html! {
        section {
            h2 { "Make it again" }
            pre { (words::visible(&origin.command)) }
            dl {
                div { dt { "version" } dd { "resolver-probe " (origin.version) ", report " (report.schema) } }
                div { dt { "began" } dd { (report.started_at) } }
                div { dt { "took" } dd { (words::span(report.duration)) } }
                div { dt { "seed" } dd class="mono" { (report.seed) } }
                div { dt { "chance of a false alarm" } dd { (words::probability(report.alpha.get())) } }
                @if let Some(plan) = &report.plan {
                    div {
                        dt { "enough to show" }
                        dd {
                            "a weight that is half or double, at shares of " (words::percent(plan.smallest_proportion))
                            " and more (" (words::plural(plan.answers, "answer", "answers")) " of each server)"
                        }
                    }
                }
            }
        }
    }
}

fn badge(word: &str, tone: &str) -> Markup {
    html! { span class={ "badge " (tone) } { (word) } }
}

fn tone_of_verdict(verdict: Verdict) -> &'static str {
    words::verdict_name(verdict)
}

fn tone_of_severity(severity: Severity) -> &'static str {
    words::severity_name(severity)
}

fn tone_of_address(verdict: AddressVerdict) -> &'static str {
    match verdict {
        AddressVerdict::StaleRecord | AddressVerdict::ForeignOwner | AddressVerdict::BlackholedEntry => {
            "critical"
        }
        AddressVerdict::MissingIp | AddressVerdict::StaleAnswer => "warning",
        AddressVerdict::Unknown | AddressVerdict::Undecided | AddressVerdict::VantageBlind => "unknown",
        AddressVerdict::Fallback | AddressVerdict::Idle | AddressVerdict::NotJudged => "info",
        AddressVerdict::Ok => "ok",
    }
}

#[cfg(test)]
mod tests;
