//! Each server's shares with their intervals, beside the weights.
//!
//! Few addresses stand below each other with their names; many side by side, sorted, with the odd ones named.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use maud::{Markup, html};

use super::badge;
use crate::render::{digest, words};
use crate::report::{AnswerReport, CheckReport, ServerReport, WeightsReport};
use crate::statistics::{Decision, Interval};

/// Addresses that have a line of their own.
const FEW: usize = 16;
/// Servers that are shown where they are like the others.
const ALIKE: usize = 2;

pub(super) fn section(report: &CheckReport) -> Markup {
    let answering: Vec<usize> =
        (0..report.servers.len()).filter(|index| is_drawn(report.servers.get(*index))).collect();
    if answering.is_empty() {
        return html! {};
    }
    let (unlike, alike): (Vec<usize>, Vec<usize>) =
        answering.into_iter().partition(|index| digest::differs(report, *index));
    let shown = ALIKE.saturating_sub(unlike.len()).max(1).min(alike.len());
    let (open, folded) = alike.split_at(shown);
    let panels = |indexes: &[usize]| -> Vec<Markup> {
        indexes
            .iter()
            .filter_map(|index| report.servers.get(*index))
            .map(|server| panel(report, server))
            .collect()
    };
    html! {
        section {
            h2 { "Shares of the answers" @if report.compared { " beside the weights" } }
            (legend(report.compared))
            @for panel in panels(&unlike) { (panel) }
            @for panel in panels(open) { (panel) }
            @if !folded.is_empty() {
                details {
                    summary { (words::plural(folded.len() as u64, "more server", "more servers")) " with the same picture" }
                    @for panel in panels(folded) { (panel) }
                }
            }
        }
    }
}

fn is_drawn(server: Option<&ServerReport>) -> bool {
    server.is_some_and(|server| server.samples.udp > 0 && !server.answers.is_empty())
}

fn legend(compared: bool) -> Markup {
    html! {
        div class="legend" {
            span {
                svg width="34" height="12" viewBox="0 0 34 12" {
                    line class="range" x1="3" x2="31" y1="6" y2="6" {}
                    circle class="seen" cx="17" cy="6" r="3.5" {}
                }
                "seen, and where the share lies with 95% confidence"
            }
            @if compared {
                span {
                    svg width="10" height="14" viewBox="0 0 10 14" { line class="should" x1="5" x2="5" y1="0" y2="14" {} }
                    "what the weight asks for"
                }
            }
        }
    }
}

fn panel(report: &CheckReport, server: &ServerReport) -> Markup {
    let name = server.name_server.as_ref().map(|name| format!(" {}", words::visible(name)));
    let odd = odd(report, server);
    html! {
        h3 {
            span class="mono" { (server.server) } (name.unwrap_or_default())
            span class="soft" { " " (words::plural(server.samples.udp, "answer", "answers")) }
        }
        (fit(report, server))
        div class="wide" {
            @if server.answers.len() <= FEW { (few(&server.answers, &odd, scale(report))) } @else { (many(&server.answers, &odd)) }
        }
    }
}

/// What the test says.
fn fit(report: &CheckReport, server: &ServerReport) -> Markup {
    let Some(weights) = &server.weights else { return html! {} };
    let (word, tone) = match weights.fit.decision {
        Decision::Agrees if !digest::are_enough(report, weights.fit.answers) => {
            ("nothing against the weights so far", "info")
        }
        Decision::Agrees => ("agrees with the weights", "ok"),
        Decision::Negligible => ("off by too little to matter", "ok"),
        Decision::Deviates => ("does not agree with the weights", "warning"),
    };
    html! {
        p {
            (badge(word, tone))
            span class="soft" {
                " " (how_far(weights)) "; p=" (words::probability(weights.fit.p_value))
                ", χ² " (format!("{:.1}", weights.fit.statistic)) " (" (weights.fit.degrees) " df)"
            }
        }
    }
}

/// How large the deviation is: of one address where that is sure, and otherwise of all together.
fn how_far(weights: &WeightsReport) -> String {
    let effect = &weights.fit.effect;
    match weights.addresses.get(effect.worst.index).filter(|_| effect.is_sure) {
        Some(address) => format!("{address} has {:.2} times its share", 1.0 + effect.worst.relative_error),
        None => {
            let (elsewhere, chance) =
                (words::percent(effect.total_variation), words::percent(effect.by_chance));
            format!("{elsewhere} of the answers elsewhere than the weights say, {chance} by chance")
        }
    }
}

/// The addresses of a server that are drawn in colour: bad ones, and the one that is off for sure.
fn odd(report: &CheckReport, server: &ServerReport) -> BTreeSet<Ipv4Addr> {
    let bad = report.addresses.iter().filter(|address| !words::is_calm(address.verdict));
    let mut odd: BTreeSet<Ipv4Addr> = bad.map(|address| address.address).collect();
    if let Some(weights) =
        server.weights.as_ref().filter(|weights| weights.fit.decision == Decision::Deviates)
    {
        odd.extend(weights.addresses.get(weights.fit.effect.worst.index));
    }
    odd
}

/// The share that fills the drawings of all servers, so that they can be compared.
fn scale(report: &CheckReport) -> f64 {
    report.servers.iter().map(|server| most(&server.answers)).fold(0.0, f64::max)
}

/// The share that fills a drawing.
fn most(rows: &[AnswerReport]) -> f64 {
    let shares = rows.iter().flat_map(|row| {
        [Some(row.share), row.expected_share, row.interval.map(|interval| interval.high)]
            .into_iter()
            .flatten()
    });
    shares.fold(1e-6, f64::max)
}

fn interval_of(row: &AnswerReport) -> Interval {
    row.interval.unwrap_or(Interval { low: row.share, high: row.share })
}

/// A line for each address.
fn few(rows: &[AnswerReport], odd: &BTreeSet<Ipv4Addr>, most: f64) -> Markup {
    const LINE: usize = 24;
    const LEFT: f64 = 130.0;
    const PLOT: f64 = 560.0;
    let place = |share: f64| format!("{:.1}", LEFT + share / most * PLOT);
    let height = rows.len() * LINE + 22;
    html! {
        svg class="chart" width="900" height=(height) viewBox={ "0 0 900 " (height) } role="img" aria-label="shares of one server" {
            @for tick in ticks(most) {
                line class="grid" x1=(place(tick)) x2=(place(tick)) y1="0" y2=(rows.len() * LINE) {}
                text class="dim" x=(place(tick)) y=(height - 6) text-anchor="middle" { (label(tick)) }
            }
            @for (index, row) in rows.iter().enumerate() {
                @let (middle, range) = (index * LINE + LINE / 2, interval_of(row));
                g class=[odd.contains(&row.address).then_some("off critical")] {
                    text x=(LEFT - 10.0) y=(middle + 4) text-anchor="end" { (row.address) }
                    line class="range" x1=(place(range.low)) x2=(place(range.high)) y1=(middle) y2=(middle) {}
                    @if let Some(expected) = row.expected_share {
                        line class="should" x1=(place(expected)) x2=(place(expected)) y1=(middle - 8) y2=(middle + 8) {}
                    }
                    circle class="seen" cx=(place(row.share)) cy=(middle) r="4" {}
                    text x=(LEFT + PLOT + 14.0) y=(middle + 4) { (figures(row)) }
                }
            }
        }
    }
}

fn figures(row: &AnswerReport) -> String {
    let expected =
        row.expected_share.map_or_else(String::new, |share| format!(" of {}", words::percent(share)));
    format!("{}{expected}", words::percent(row.share))
}

/// A column for each address, sorted by what it should have and then by what it has.
fn many(rows: &[AnswerReport], odd: &BTreeSet<Ipv4Addr>) -> Markup {
    const LEFT: f64 = 52.0;
    const WIDTH: f64 = 1080.0;
    const TOP: f64 = 34.0;
    const PLOT: f64 = 190.0;
    let mut sorted: Vec<&AnswerReport> = rows.iter().collect();
    sorted.sort_by(|a, b| {
        let expected = b.expected_share.unwrap_or(0.0).total_cmp(&a.expected_share.unwrap_or(0.0));
        expected.then(b.share.total_cmp(&a.share)).then(a.address.cmp(&b.address))
    });
    let (most, step) = (most(rows), (WIDTH - LEFT - 12.0) / sorted.len() as f64);
    let height = |share: f64| format!("{:.1}", TOP + PLOT - share / most * PLOT);
    let column = |index: usize| LEFT + (index as f64 + 0.5) * step;
    let text = |x: f64| format!("{x:.1}");
    html! {
        svg class="chart" width=(WIDTH) height="250" viewBox={ "0 0 " (WIDTH) " 250" } role="img" aria-label="shares of one server" {
            @for tick in ticks(most) {
                line class="grid" x1=(LEFT) x2=(WIDTH) y1=(height(tick)) y2=(height(tick)) {}
                text class="dim" x=(LEFT - 8.0) y=(height(tick)) dy="4" text-anchor="end" { (label(tick)) }
            }
            @for (index, row) in sorted.iter().enumerate() {
                @let (x, range) = (text(column(index)), interval_of(row));
                g class=[odd.contains(&row.address).then_some("off critical")] {
                    line class="range" x1=(x) x2=(x) y1=(height(range.low)) y2=(height(range.high)) {}
                    @if let Some(expected) = row.expected_share {
                        line class="should" x1=(text(column(index) - step / 2.0)) x2=(text(column(index) + step / 2.0))
                            y1=(height(expected)) y2=(height(expected)) {}
                    }
                    circle class="seen" cx=(x) cy=(height(row.share)) r="3.2" {}
                    @if odd.contains(&row.address) { (named(row, column(index), WIDTH, &height(range.high))) }
                    title { (row.address) " " (figures(row)) }
                }
            }
            text class="dim" x=(LEFT) y="244" {
                (sorted.len()) " addresses, by the share that they should have and then by what they have"
            }
        }
    }
}

/// The name of an odd address above its column, kept inside the drawing.
fn named(row: &AnswerReport, x: f64, width: f64, y: &str) -> Markup {
    let anchor = if x < 180.0 {
        "start"
    } else if x > width - 180.0 {
        "end"
    } else {
        "middle"
    };
    html! {
        text x=(format!("{x:.1}")) y=(y) dy="-8" text-anchor=(anchor) { (row.address) " " (figures(row)) }
    }
}

/// Three to six round shares from 0 up to the most.
fn ticks(most: f64) -> Vec<f64> {
    let rough = most / 4.0;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    (0..=(most / step) as usize).map(|tick| tick as f64 * step).collect()
}

fn label(share: f64) -> String {
    let percent = share * 100.0;
    let text = format!("{percent:.2}");
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let labels = |most: f64| ticks(most).into_iter().map(label).collect::<Vec<_>>();
        assert_eq!(labels(0.32), ["0%", "10%", "20%", "30%"]);
        assert_eq!(labels(0.031), ["0%", "1%", "2%", "3%"]);
        for most in [1e-6, 0.001, 0.5, 1.0] {
            assert!((3..=6).contains(&ticks(most).len()), "{most}: {:?}", ticks(most));
        }
    }
}
