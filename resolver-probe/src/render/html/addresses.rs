//! The table of addresses: the bad ones first, each with its reason in words.
//!
//! Where there are many with which nothing is wrong, they are folded.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use maud::{Markup, html};

use super::{badge, tone_of_address};
use crate::reach::Liveness;
use crate::render::digest::{self, Pooled};
use crate::render::words;
use crate::report::{AddressReport, CheckReport};

/// Calm rows that are shown where there are no more.
const FEW: usize = 12;
/// Width of a share's drawing.
const WIDTH: f64 = 130.0;

pub(super) fn section(report: &CheckReport) -> Markup {
    let rows = digest::worst_first(report);
    let (bad, calm): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| !words::is_calm(row.verdict));
    let pooled = digest::pooled(report);
    let table = |rows: &[&AddressReport]| table(report, rows, &pooled);
    html! {
        section class="addresses" {
            h2 { "Addresses" }
            @if report.addresses.is_empty() {
                p { "None was answered, and none was expected." }
            } @else if calm.len() <= FEW {
                (table(&[bad, calm].concat()))
            } @else {
                @if !bad.is_empty() { (table(&bad)) }
                details {
                    summary { (words::plural(calm.len() as u64, "address", "addresses")) " with nothing wrong" }
                    (table(&calm))
                }
            }
        }
    }
}

/// What a table has room and reason for, and the share that fills a drawing.
#[derive(Clone, Copy)]
struct Columns {
    most: f64,
    alive: bool,
    resolved: bool,
    told: bool,
}

fn table(report: &CheckReport, rows: &[&AddressReport], pooled: &BTreeMap<Ipv4Addr, Pooled>) -> Markup {
    let alive = report.addresses.iter().any(|address| address.liveness.is_some());
    let resolved = !report.resolvers.is_empty();
    let told = rows.iter().any(|row| digest::why(report, row).is_some());
    let most = pooled.values().map(|pooled| pooled.interval.high).fold(0.0, f64::max);
    let most = report.addresses.iter().filter_map(|address| address.expected_share).fold(most, f64::max);
    let columns = Columns { most, alive, resolved, told };
    html! {
        div class="wide" {
            table {
                thead {
                    tr {
                        th { "address" } th { "verdict" } @if told { th { "why" } }
                        th colspan="2" { "share of the answers" }
                        th { "name servers" }
                        @if alive { th { "alive" } }
                        @if resolved { th { "resolvers" } }
                        th { "instance" }
                    }
                }
                tbody { @for row in rows { (line(report, row, pooled.get(&row.address), columns)) } }
            }
        }
    }
}

fn line(report: &CheckReport, row: &AddressReport, pooled: Option<&Pooled>, columns: Columns) -> Markup {
    let Columns { most, alive, resolved, told } = columns;
    let (word, _) = words::verdict(row.verdict);
    let tone = tone_of_address(row.verdict);
    let is_bad = !words::is_calm(row.verdict);
    let why = digest::why(report, row).map(|why| words::visible(&why)).unwrap_or_default();
    html! {
        tr class=[is_bad.then(|| format!("bad {tone}"))] {
            td class="mono tight" { @if is_bad { b { (row.address) } } @else { (row.address) } }
            td { (badge(word, tone)) }
            @if told { td class="why" { (why) } }
            td class="num" data-label="share" { (pooled.map_or("-".to_owned(), |pooled| words::percent(pooled.share))) }
            td { @if let Some(pooled) = pooled { (drawing(pooled, row.expected_share, most)) } }
            td class="tight" data-label="name servers" { (row.answered_by.len()) "/" (report.servers.len()) }
            @if alive {
                td class="tight" data-label="alive" { (row.liveness.map(alive_badge).unwrap_or_else(|| html! { "-" })) }
            }
            @if resolved {
                td class="tight" data-label="resolvers" { (row.resolved_by.len()) "/" (report.resolvers.len()) }
            }
            td class="mono tight" { (row.instance.as_deref().map_or("-".to_owned(), words::visible)) }
        }
    }
}

fn alive_badge(liveness: Liveness) -> Markup {
    let tone = match liveness {
        Liveness::Alive => "ok",
        Liveness::WrongIdentity
        | Liveness::Refused
        | Liveness::Unreachable
        | Liveness::Silent
        | Liveness::SilentHostUp => "critical",
        Liveness::WrongReply => "warning",
        Liveness::Filtered | Liveness::VantageBlind | Liveness::NotProbed => "unknown",
    };
    badge(words::liveness(liveness), tone)
}

/// A share with its interval, and a mark where it should be.
fn drawing(pooled: &Pooled, expected: Option<f64>, most: f64) -> Markup {
    let place = |share: f64| format!("{:.1}", 4.0 + share / most.max(f64::MIN_POSITIVE) * (WIDTH - 8.0));
    let (low, high, at) = (place(pooled.interval.low), place(pooled.interval.high), place(pooled.share));
    html! {
        svg width=(WIDTH) height="18" viewBox={ "0 0 " (WIDTH) " 18" } role="img" aria-label="share of the answers" {
            rect class="lane" x="0" y="7" width=(WIDTH) height="4" rx="2" {}
            line class="range" x1=(low) x2=(high) y1="9" y2="9" {}
            @if let Some(expected) = expected.map(place) { line class="should" x1=(expected) x2=(expected) y1="2" y2="16" {} }
            circle class="seen" cx=(at) cy="9" r="3.5" {}
        }
    }
}
