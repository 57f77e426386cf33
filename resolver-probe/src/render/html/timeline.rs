//! When each address was answered, by the name servers and by each resolver, and when it was stale.
//!
//! Addresses that need a look stand first, with those that resolvers answered; the others are the same
//! from the beginning to the end of a check.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use maud::{Markup, html};
use registrar_core::Timestamp;

use super::{badge, servers, tone_of_address};
use crate::render::{digest, words};
use crate::report::{AddressReport, CheckReport, ResolverReport, Sighting, StaleInterval};

/// Addresses that are shown at once.
const OPEN: usize = 8;
/// Addresses that are drawn at all.
const MOST: usize = 100;
const WIDTH: f64 = 1080.0;
/// Where time begins.
const LEFT: f64 = 300.0;
const LANE: usize = 24;
/// Characters of a resolver's name that fit before its lane.
const NAME: usize = 38;

pub(super) fn section(report: &CheckReport) -> Markup {
    let addresses: Vec<&AddressReport> = selected(report);
    // Name servers alone are asked for a moment, in which nothing changes that a table would not say.
    if addresses.is_empty() || report.resolvers.is_empty() {
        return html! {};
    }
    let scale = Scale::new(report);
    let (open, folded) = addresses.split_at(addresses.len().min(OPEN));
    let folded = folded.get(..folded.len().min(MOST)).unwrap_or_default();
    html! {
        section {
            h2 { "Timeline" }
            (legend())
            @for address in open { (one(report, address, &scale)) }
            @if !folded.is_empty() {
                details {
                    summary { (words::plural(folded.len() as u64, "more address", "more addresses")) }
                    @for address in folded { (one(report, address, &scale)) }
                }
            }
        }
    }
}

/// Addresses that are bad, and those that a resolver answered.
fn selected(report: &CheckReport) -> Vec<&AddressReport> {
    let seen: BTreeSet<Ipv4Addr> = report
        .resolvers
        .iter()
        .flat_map(|resolver| resolver.sightings.iter().flat_map(|seen| seen.addresses.keys().copied()))
        .collect();
    let tells =
        |address: &&AddressReport| !words::is_calm(address.verdict) || seen.contains(&address.address);
    digest::worst_first(report).into_iter().filter(tells).collect()
}

fn legend() -> Markup {
    let swatch = |class: &'static str| {
        html! { svg width="22" height="10" viewBox="0 0 22 10" { rect class=(class) width="22" height="10" rx="2" {} } }
    };
    let dot = |class: &'static str| {
        html! { svg width="10" height="10" viewBox="0 0 10 10" { circle class=(class) cx="5" cy="5" r="4" {} } }
    };
    html! {
        div class="legend" {
            span { (swatch("answers")) "name servers answer it" }
            span { (swatch("doubt")) "it went somewhere in here" }
            span { (swatch("wrong")) "stale beyond its TTL" }
            span { (dot("right-dot")) "a resolver answers it, with its TTL" }
            span { (dot("wrong-dot")) "and should not any more" }
        }
    }
}

/// Seconds since the check began, as places in a drawing.
struct Scale {
    began: Timestamp,
    from: f64,
    to: f64,
}

impl Scale {
    fn new(report: &CheckReport) -> Self {
        let began = report.started_at;
        let since = |time: Timestamp| seconds(began, time);
        let stale = report.resolvers.iter().flat_map(|resolver| &resolver.stale);
        let known = stale.flat_map(|stale| [Some(stale.gone_by), stale.last_valid_at]).flatten().map(since);
        let first = known.fold(0.0, f64::min);
        let sightings = report.resolvers.iter().flat_map(|resolver| &resolver.sightings);
        let last = sightings.map(|seen| seen.at.as_secs_f64()).fold(report.duration.as_secs_f64(), f64::max);
        let margin = (last - first).max(0.1) * 0.08;
        // Before the first change, something was there already; after the check, nothing is known.
        Self { began, from: if first < 0.0 { first - margin } else { first }, to: last.max(0.1) }
    }

    fn place(&self, secs: f64) -> f64 {
        let part = (secs.clamp(self.from, self.to) - self.from) / (self.to - self.from);
        LEFT + part * (WIDTH - LEFT - 14.0)
    }

    fn of(&self, time: Timestamp) -> f64 {
        self.place(seconds(self.began, time))
    }

    /// Round times of day, each with its place.
    fn ticks(&self) -> Vec<(f64, String)> {
        const STEPS: [i64; 14] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 86_400];
        let span = self.to - self.from;
        let step = STEPS.into_iter().find(|step| span / *step as f64 <= 7.0).unwrap_or(604_800);
        let first = (self.began.as_second() + self.from.floor() as i64).div_euclid(step) * step;
        let times = (0..=8).map(|tick| first + tick * step);
        let ticks = times.filter_map(|secs| {
            let time = Timestamp::from_second(secs).ok()?;
            let since = seconds(self.began, time);
            (since >= self.from && since <= self.to)
                .then(|| (self.place(since), time.strftime("%H:%M:%S").to_string()))
        });
        ticks.collect()
    }
}

fn seconds(began: Timestamp, time: Timestamp) -> f64 {
    (time.as_millisecond() - began.as_millisecond()) as f64 / 1000.0
}

/// The lanes of one address.
fn one(report: &CheckReport, address: &AddressReport, scale: &Scale) -> Markup {
    let resolvers: Vec<&ResolverReport> =
        report.resolvers.iter().filter(|resolver| knows(resolver, address.address)).collect();
    let stale: Vec<&StaleInterval> = resolvers
        .iter()
        .flat_map(|resolver| &resolver.stale)
        .filter(|stale| stale.address == address.address)
        .collect();
    let bottom = (resolvers.len() + 1) * LANE;
    let (word, _) = words::verdict(address.verdict);
    html! {
        h3 { span class="mono" { (address.address) } " " (badge(word, tone_of_address(address.verdict))) }
        div class="wide" {
            svg class="chart" width=(WIDTH) height=(bottom + 20) viewBox={ "0 0 " (WIDTH) " " (bottom + 20) } role="img"
                aria-label="when it was answered" {
                @for (x, time) in scale.ticks() {
                    line class="grid" x1=(at(x)) x2=(at(x)) y1="0" y2=(bottom) {}
                    @let anchor = if x > WIDTH - 50.0 { "end" } else { "middle" };
                    text class="dim" x=(at(x)) y=(bottom + 15) text-anchor=(anchor) { (time) }
                }
                (of_servers(report, address, stale.first().copied(), scale))
                @for (index, resolver) in resolvers.iter().enumerate() {
                    (of_resolver(resolver, address.address, (index + 1) * LANE, scale))
                }
                @if scale.from < 0.0 {
                    line class="now" x1=(at(scale.place(0.0))) x2=(at(scale.place(0.0))) y1="0" y2=(bottom) {}
                }
            }
        }
    }
}

fn knows(resolver: &ResolverReport, address: Ipv4Addr) -> bool {
    resolver.sightings.iter().any(|seen| seen.addresses.contains_key(&address))
        || resolver.answers.iter().any(|answer| answer.address == address)
}

/// The lane of all name servers together.
fn of_servers(
    report: &CheckReport,
    address: &AddressReport,
    stale: Option<&StaleInterval>,
    scale: &Scale,
) -> Markup {
    let (by, all) = (address.answered_by.len(), report.servers.len());
    let begin = scale.place(f64::MIN);
    let name = format!("{by}/{all} name servers");
    let bars: Vec<(&str, f64, f64)> = match stale {
        Some(stale) => {
            let gone = scale.of(stale.gone_by);
            let valid = stale.last_valid_at.map_or(begin, |time| scale.of(time));
            vec![("answers", begin, valid), ("doubt", valid, gone)]
        }
        None if by > 0 => vec![("answers", scale.place(0.0), scale.place(f64::MAX))],
        None => Vec::new(),
    };
    html! { (lane(&name, 0)) @for (class, from, to) in bars { (bar(class, from, to, 0)) } }
}

fn of_resolver(resolver: &ResolverReport, address: Ipv4Addr, top: usize, scale: &Scale) -> Markup {
    let stale = resolver.stale.iter().find(|stale| stale.address == address);
    let ttl = f64::from(resolver.authority_ttl_secs.unwrap_or(0));
    let due = stale.map(|stale| seconds(scale.began, stale.gone_by) + ttl);
    let wrong = |seen: &Sighting| seen.says_stale || due.is_some_and(|due| seen.at.as_secs_f64() > due);
    let middle = top + LANE / 2;
    let seen = resolver.sightings.iter().filter_map(|seen| Some((seen, *seen.addresses.get(&address)?)));
    html! {
        (lane(&shortened(&resolver.resolver), top))
        @if let (Some(stale), Some(due)) = (stale, due) {
            @let (from, to) = (scale.place(due), scale.of(stale.last_answered_at));
            (bar("wrong", from, to.max(from + 2.0), top))
        }
        @for (seen, ttl) in seen {
            @let (secs, class) = (seen.at.as_secs_f64(), if wrong(seen) { "wrong-dot" } else { "right-dot" });
            line class="ttl" x1=(at(scale.place(secs))) x2=(at(scale.place(secs + f64::from(ttl)))) y1=(middle) y2=(middle) {}
            circle class=(class) cx=(at(scale.place(secs))) cy=(middle) r="4.5" {
                title { (ttl) " s left, " (words::span(seen.rtt)) " to the reply" }
            }
        }
        @if let Some(stale) = stale {
            text x=(at(scale.place(f64::MIN) + 6.0)) y=(middle + 4) { (servers::bounds(stale)) }
        }
    }
}

fn lane(name: &str, top: usize) -> Markup {
    html! {
        rect class="lane" x=(LEFT) y=(top + 4) width=(WIDTH - LEFT - 14.0) height=(LANE - 8) rx="3" {}
        text x=(LEFT - 10.0) y=(top + LANE / 2 + 4) text-anchor="end" { (name) }
    }
}

fn bar(class: &str, from: f64, to: f64, top: usize) -> Markup {
    html! {
        @if to > from { rect class=(class) x=(at(from)) y=(top + 4) width=(at(to - from)) height=(LANE - 8) rx="2" {} }
    }
}

fn shortened(name: &str) -> String {
    let name = words::visible(name);
    if name.chars().count() <= NAME {
        return name;
    }
    name.chars().take(NAME - 1).chain(['…']).collect()
}

fn at(place: f64) -> String {
    format!("{place:.1}")
}
