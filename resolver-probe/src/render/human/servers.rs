//! The servers: how each could be reached, how its shares compare with the weights, and the rows of those that
//! differ from the others.
//!
//! What all servers say alike stands in the table of addresses, once.

use anstyle::{AnsiColor, Style};

use super::layout::wrapped;
use super::{Look, addresses};
use crate::discover::{Discovery, FoundBy};
use crate::render::{digest, words};
use crate::report::{CheckReport, ServerReport, TransportState, WeightsReport};
use crate::statistics::{Decision, Homogeneity, Method, Pattern, SamplePlan};

/// Writes how the servers were found, each of them, and all their weights.
pub(super) fn block(report: &CheckReport, look: Look) -> String {
    let mut text = report.discovery.as_ref().map(|found| discovery(found, look)).unwrap_or_default();
    for (index, server) in report.servers.iter().enumerate() {
        text.push_str(&server_line(server, look));
        if look.verbose || (report.servers.len() > 1 && digest::differs(report, index)) {
            text.push_str(&addresses::of_server(server, report, look));
        }
        if let Some(weights) = &server.weights {
            text.push_str(&order(weights, look));
        }
    }
    text.push_str(&weights(report, look));
    text
}

fn discovery(found: &Discovery, look: Look) -> String {
    let how = match found.found_by {
        FoundBy::Delegation => "by delegation",
        FoundBy::Resolver => "through a resolver",
    };
    let zone = found.zone.as_ref().map_or_else(
        || "no zone was reached".to_owned(),
        |zone| format!("zone {}", if zone.is_empty() { "." } else { zone.as_str() }),
    );
    let mut text = format!(
        "found {how}: {zone}, {} with {}, {}",
        words::plural(found.name_servers.len() as u64, "name server", "name servers"),
        words::plural(found.authorities.len() as u64, "address", "addresses"),
        words::plural(u64::from(found.queries), "query", "queries"),
    );
    if !found.ipv6 {
        text.push_str("; no route to IPv6 from here");
    }
    if !found.faults.is_empty() {
        text.push_str(&format!(
            "; {} on the way",
            words::plural(found.faults.len() as u64, "fault", "faults")
        ));
    }
    wrapped(&words::plain(&text), 0, 2, look.width)
}

fn server_line(server: &ServerReport, look: Look) -> String {
    let name =
        server.name_server.as_ref().map_or_else(String::new, |name| format!(" {}", words::plain(name)));
    let address = server.server.to_string();
    let line = wrapped(&format!("{address}{name}: {}", state(server)), 0, 2, look.width);
    line.replacen(&address, &words::styled(&address, Style::new().bold()), 1)
}

/// Sums a server up in one line: `NOERROR, TTL 20 s, 60 answers over UDP, 3 over TCP`.
fn state(server: &ServerReport) -> String {
    let (udp, tcp) = (&server.transport.udp, &server.transport.tcp);
    let mut parts: Vec<String> = match server.rcodes.as_slice() {
        [one] => vec![one.rcode.clone()],
        many => many.iter().map(|rcode| format!("{} x {}", rcode.rcode, rcode.count)).collect(),
    };
    if !server.ttls.is_empty() {
        let ttls: Vec<String> = server.ttls.iter().map(|ttl| format!("{} s", ttl.ttl_secs)).collect();
        parts.push(format!("TTL {}", ttls.join(" and ")));
    }
    parts.push(match udp.state {
        TransportState::Answers => words::plural(server.samples.udp, "answer over UDP", "answers over UDP"),
        TransportState::Lossy => format!("{} of {} queries answered over UDP", udp.replies, udp.queries),
        TransportState::Dead => "UDP dead".to_owned(),
        TransportState::NotAsked => "UDP not asked".to_owned(),
    });
    parts.push(match tcp.state {
        TransportState::Answers => format!("{} over TCP", tcp.replies),
        TransportState::Lossy => format!("{} of {} over TCP", tcp.replies, tcp.queries),
        TransportState::Dead => "TCP dead".to_owned(),
        TransportState::NotAsked => "TCP not asked".to_owned(),
    });
    let retries = udp.tries - udp.queries.min(udp.tries);
    let odd = [
        (retries, "sent again"),
        (udp.late, "late"),
        (udp.mismatched, "mismatched"),
        (udp.garbage, "garbage"),
        (udp.truncated, "truncated"),
    ];
    let odd = odd.into_iter().filter(|(count, _)| *count > 0);
    parts.extend(odd.map(|(count, what)| format!("{count} {what}")));
    parts.join(", ")
}

/// A server whose answers are no independent draws; nothing where they are.
fn order(weights: &WeightsReport, look: Look) -> String {
    let pattern = weights.independence.as_ref().and_then(|independence| independence.pattern.as_ref());
    let Some(pattern) = pattern else { return String::new() };
    let pattern = match pattern {
        Pattern::Sticky => "answers repeat the one before too often".to_owned(),
        Pattern::Avoiding { lag } => format!("answers avoid what was answered {lag} before: they go in turn"),
        Pattern::Periodic { lag } => format!("answers come again after {lag}: they go in turn"),
        Pattern::Serial => "answers depend on the one before".to_owned(),
    };
    wrapped(&format!("order: {pattern}"), 2, 4, look.width)
}

/// How the shares compare with the weights: one line where all servers agree, and one for each that does not.
fn weights(report: &CheckReport, look: Look) -> String {
    let compared: Vec<(&ServerReport, &WeightsReport)> =
        report.servers.iter().filter_map(|server| Some((server, server.weights.as_ref()?))).collect();
    let mut text = String::new();
    let (off, agreeing): (Vec<_>, Vec<_>) =
        compared.iter().partition(|(_, weights)| weights.fit.decision == Decision::Deviates);
    for (server, weights) in off {
        let word = words::styled("weights off", AnsiColor::Yellow.on_default());
        let line = format!("{word} at {}: {}", server.server, fit(weights));
        text.push_str(&wrapped(&line, 0, 2, look.width));
    }
    let closest = agreeing.iter().map(|(_, weights)| *weights);
    let closest = closest.min_by(|a, b| a.fit.p_value.total_cmp(&b.fit.p_value));
    if let Some(closest) = closest {
        let (some, all) = (agreeing.len(), report.servers.len());
        let which = if some > 1 { "nearest to an alarm: " } else { "" };
        let enough = agreeing.iter().all(|(_, weights)| digest::are_enough(report, weights.fit.answers));
        let word = if enough { "weights agree" } else { "nothing against the weights so far" };
        let line = format!("{word} at {some}/{all} servers; {which}{}", fit(closest));
        text.push_str(&wrapped(&line, 0, 2, look.width));
    }
    text.push_str(&report.homogeneity.as_ref().map(|seen| alike(seen, look)).unwrap_or_default());
    text.push_str(&report.plan.as_ref().map(|plan| power(plan, look)).unwrap_or_default());
    text
}

/// The figures of a comparison: `χ² 3.1 (4 df), p=0.54; 1.2% of 6000 answers elsewhere …`.
fn fit(weights: &WeightsReport) -> String {
    let (fit, effect) = (&weights.fit, &weights.fit.effect);
    let method = match fit.method {
        Method::Pearson => String::new(),
        Method::Exact { draws, .. } => {
            format!(" (exact, {})", words::plural(u64::from(draws), "draw", "draws"))
        }
    };
    let worst = weights.addresses.get(effect.worst.index);
    let worst = worst.filter(|_| effect.is_sure).map_or_else(String::new, |address| {
        let (observed, expected) = (effect.worst.observed, effect.worst.expected);
        format!(", {address} worst with {} for {}", words::percent(observed), words::percent(expected))
    });
    format!(
        "χ² {:.1} ({} df), p={}{method}; {} of {} elsewhere than the weights say, {} by chance{worst}",
        fit.statistic,
        fit.degrees,
        words::probability(fit.p_value),
        words::percent(effect.total_variation),
        words::plural(fit.answers, "answer", "answers"),
        words::percent(effect.by_chance),
    )
}

fn alike(seen: &Homogeneity, look: Look) -> String {
    let smallest = seen.servers.iter().map(|server| server.corrected).reduce(f64::min).unwrap_or(1.0);
    let p = words::probability(smallest);
    let line = match seen.deviants.len() {
        0 => format!("servers answer alike: smallest p={p} of {}", seen.servers.len()),
        some => format!("{some} of {} servers answer unlike the others: smallest p={p}", seen.servers.len()),
    };
    wrapped(&line, 0, 2, look.width)
}

/// What the number of answers is good for.
fn power(plan: &SamplePlan, look: Look) -> String {
    let line = format!(
        "{} of each server would show a weight that is half or double, at shares of {} and more; {} would show every \
         address",
        words::plural(plan.proportions, "answer", "answers"),
        words::percent(plan.smallest_proportion),
        words::thousands(plan.presence),
    );
    wrapped(&line, 0, 2, look.width)
}
