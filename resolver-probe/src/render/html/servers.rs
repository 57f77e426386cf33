//! The tables below the pictures: name servers, resolvers, and what the addresses were asked.

use maud::{Markup, html};

use super::{badge, tone_of_severity};
use crate::reach::{ReachDocument, Vantage};
use crate::render::words;
use crate::report::{
    CheckReport, ResolverReport, ServerReport, Severity, StaleInterval, TcpReport, TransportState, UdpReport,
};

/// Addresses of one probe that are listed where they are not alive.
const MOST: usize = 100;

/// The name servers.
pub(super) fn section(report: &CheckReport) -> Markup {
    html! {
        section {
            h2 { "Name servers" }
            @if let Some(found) = &report.discovery {
                p class="soft" {
                    "Found " (match found.found_by {
                        crate::discover::FoundBy::Delegation => "by delegation",
                        crate::discover::FoundBy::Resolver => "through a resolver",
                    })
                    @if let Some(zone) = &found.zone { ", in the zone " span class="mono" { (words::visible(zone)) } }
                    " with " (words::plural(u64::from(found.queries), "query", "queries"))
                    @if !found.faults.is_empty() { "; " (words::plural(found.faults.len() as u64, "fault", "faults")) " on the way" }
                    "."
                }
            }
            @if report.servers.is_empty() {
                p { "None was asked." }
            } @else {
                div class="wide" {
                    table {
                        thead { tr { th { "server" } th { "over UDP" } th { "over TCP" } th { "says" } th { "TTL" } th class="num" { "answers" } th { "odd" } } }
                        tbody { @for server in &report.servers { (server_line(server)) } }
                    }
                }
            }
            @if let Some(seen) = &report.homogeneity {
                p class="soft" {
                    @if seen.deviants.is_empty() { "All servers answer alike." }
                    @else { (seen.deviants.len()) " of " (seen.servers.len()) " servers answer unlike the others." }
                }
            }
        }
    }
}

fn server_line(server: &ServerReport) -> Markup {
    let rcodes: Vec<String> = server
        .rcodes
        .iter()
        .map(|rcode| format!("{} × {}", rcode.rcode, words::thousands(rcode.count)))
        .collect();
    let ttls: Vec<String> = server.ttls.iter().map(|ttl| format!("{} s", ttl.ttl_secs)).collect();
    html! {
        tr {
            td {
                span class="mono" { (server.server) }
                @if let Some(name) = &server.name_server { " " span class="soft" { (words::visible(name)) } }
            }
            td { (transport(server.transport.udp.state)) }
            td { (transport(server.transport.tcp.state)) }
            td { (rcodes.join(", ")) }
            td class="tight" { (ttls.join(" and ")) }
            td class="num" { (words::thousands(server.samples.udp + server.samples.tcp)) }
            td { (words::visible(&odd(&server.transport.udp, &server.transport.tcp))) }
        }
    }
}

fn transport(state: TransportState) -> Markup {
    let tone = match state {
        TransportState::Answers => "ok",
        TransportState::Lossy => "warning",
        TransportState::Dead => "critical",
        TransportState::NotAsked => "unknown",
    };
    badge(words::transport(state), tone)
}

fn odd(udp: &UdpReport, tcp: &TcpReport) -> String {
    let counts = [
        (udp.silent, "silent"),
        (udp.refused, "refused"),
        (udp.failed, "failed"),
        (udp.tries.saturating_sub(udp.queries), "sent again"),
        (udp.late, "late"),
        (udp.mismatched, "mismatched"),
        (udp.garbage, "garbage"),
        (udp.truncated, "truncated"),
        (udp.unrelated_records, "records not asked for"),
    ];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    counts.chain(udp.error.clone()).chain(tcp.error.clone()).collect::<Vec<_>>().join("; ")
}

/// The resolvers.
pub(super) fn resolvers(report: &CheckReport) -> Markup {
    if report.resolvers.is_empty() {
        return html! {};
    }
    html! {
        section {
            h2 { "Resolvers" }
            div class="wide" {
                table {
                    thead { tr { th { "resolver" } th { "answered" } th { "TTL" } th { "its cache" } th { "stale" } th { "says" } } }
                    tbody { @for resolver in &report.resolvers { (resolver_line(resolver)) } }
                }
            }
        }
    }
}

fn resolver_line(resolver: &ResolverReport) -> Markup {
    let errors =
        resolver.extended_errors.iter().map(|(code, count)| format!("extended error {code} × {count}"));
    let failures = resolver.failures.iter().map(|(why, count)| format!("{why} × {count}"));
    let nsids = resolver.nsids.iter().map(|nsid| format!("machine {nsid}"));
    let says: Vec<String> = errors.chain(failures).chain(nsids).collect();
    let ttl = |ttl: Option<u32>| ttl.map_or("-".to_owned(), |secs| secs.to_string());
    html! {
        tr class=[(!resolver.stale.is_empty()).then_some("bad warning")] {
            td class="mono" { (words::visible(&resolver.resolver)) }
            td class="tight" { (resolver.answered) " of " (resolver.asked) ", " (words::plural(resolver.draws, "draw", "draws")) }
            td class="tight" {
                (ttl(resolver.lowest_ttl_secs)) " to " (ttl(resolver.highest_ttl_secs)) " s"
                @if let Some(authority) = resolver.authority_ttl_secs { span class="soft" { ", authority " (authority) " s" } }
            }
            td { @for habit in &resolver.habits { (badge(&words::visible(habit), "warning")) " " } }
            td { @for stale in &resolver.stale { p { b class="mono" { (stale.address) } " " (bounds(stale)) } } }
            td { (words::visible(&says.join("; "))) }
        }
    }
}

/// How long it was stale: always between two bounds.
pub(super) fn bounds(stale: &StaleInterval) -> String {
    match stale.at_most_secs {
        Some(most) => format!("stale for {} to {most} s", stale.at_least_secs),
        None => format!("stale for {} s or more", stale.at_least_secs),
    }
}

/// What the addresses were asked, and those that are not alive.
pub(super) fn reached(report: &CheckReport) -> Markup {
    if report.reach.is_empty() {
        return html! {};
    }
    html! { section { h2 { "Are they alive?" } @for document in &report.reach { (probe(document)) } } }
}

fn probe(document: &ReachDocument) -> Markup {
    let from = match document.vantage {
        Vantage::Internet => "the internet",
        Vantage::Carrier => "the carrier's network",
        Vantage::Vpc => "the VPC",
    };
    let mut told: Vec<_> =
        document.addresses.iter().filter(|report| report.severity != Severity::Info).collect();
    told.sort_by_key(|report| (report.severity, report.address));
    let well = document.addresses.len() - told.len();
    html! {
        p { span class="mono" { (document.probe) } " from " (from) ": " (well) " of " (document.addresses.len()) " answer as they should." }
        @for report in told.iter().take(MOST) {
            p {
                (badge(words::liveness(report.liveness), tone_of_severity(report.severity)))
                " " (words::visible(&report.message))
            }
        }
    }
}
