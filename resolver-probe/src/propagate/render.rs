//! A propagation for a person, for programs and for Prometheus.
//!
//! Times are seconds since the change, or since it was first looked for; always between two.

use std::fmt::Write as _;

use registrar_core::Timestamp;

use super::report::{ChangePropagation, PropagationReport, ResolverPropagation};
use super::state::News;
use super::track::{Edge, Seen, Wanted};

/// Writes a line for something that was seen.
#[must_use]
pub fn news_line(news: &News, resolver: &str, from: Timestamp) -> String {
    match news {
        News::Server(server, address, wanted, edge) => {
            format!("{server} {} {address}: {}\n", verb(*wanted, true), between(*edge, from))
        }
        News::Lost(server, address, wanted) => {
            format!(
                "{server} {} {address} again: other machines behind it may still be behind\n",
                verb(*wanted, false)
            )
        }
        News::Resolver(_, edge) => format!("{resolver} answers what is new: {}\n", between(*edge, from)),
        News::Ready => {
            "every server was asked often enough: what changes from now on has both edges\n".to_owned()
        }
        News::InSync(edge) => format!("Route 53 says INSYNC: {}\n", between(*edge, from)),
    }
}

fn verb(wanted: Wanted, as_wanted: bool) -> &'static str {
    match (wanted, as_wanted) {
        (Wanted::Appears, true) | (Wanted::Vanishes, false) => "answers",
        (Wanted::Vanishes, true) | (Wanted::Appears, false) => "does not answer",
    }
}

/// Says when something happened.
fn between(edge: Edge, from: Timestamp) -> String {
    match edge.after {
        Some(after) => format!("after {} s, by {} s", secs(after, from), secs(edge.by, from)),
        None => format!("already so when it was first looked at, by {} s", secs(edge.by, from)),
    }
}

fn secs(at: Timestamp, from: Timestamp) -> String {
    format!("{:.1}", at.duration_since(from).as_secs_f64())
}

/// Writes a report for a person.
#[must_use]
pub fn render_human(report: &PropagationReport) -> String {
    let mut text = headline(report);
    let mut rows = vec![["where", "what", "after", "by", "answers"].map(str::to_owned)];
    for server in &report.servers {
        let name = server.name_server.as_ref().map_or_else(String::new, |name| format!(" {name}"));
        for change in &server.changes {
            let what = format!("{} {}", verb(change.wanted, true), change.address);
            let [after, by] = of_change(change, report.from);
            rows.push([format!("{}{name}", server.server), what, after, by, server.answers.to_string()]);
        }
    }
    if let Some(route53) = &report.route53 {
        let [after, by] = of_edge(route53.edge, report.from, route53.failure.as_deref().unwrap_or("PENDING"));
        rows.push(["Route 53".to_owned(), "says INSYNC".to_owned(), after, by, "-".to_owned()]);
    }
    for resolver in &report.resolvers {
        let [after, by] = of_resolver(resolver, report.from);
        let answered = resolver.answered.to_string();
        rows.push([resolver.resolver.clone(), "answers what is new".to_owned(), after, by, answered]);
    }
    let widths: [usize; 5] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text.push_str(&flaps(report));
    text
}

fn headline(report: &PropagationReport) -> String {
    let (servers, resolvers) = (report.servers.len(), report.resolvers.len());
    let took = secs(report.ended_at, report.started_at);
    let since = if report.from == report.started_at { "since this began" } else { "since the change" };
    let behind = |seen: Seen| {
        let servers =
            report.servers.iter().filter(|of| of.propagated == seen).map(|of| of.server.to_string());
        let resolvers =
            report.resolvers.iter().filter(|of| of.propagated == seen).map(|of| of.resolver.clone());
        servers.chain(resolvers).collect::<Vec<_>>().join(", ")
    };
    let verdict = match report.propagated {
        Seen::Yes => {
            let by =
                report.servers_by().map_or_else(String::new, |by| format!(" by {} s", secs(by, report.from)));
            let beside = match resolvers {
                0 => String::new(),
                1 => " and 1 resolver".to_owned(),
                more => format!(" and {more} resolvers"),
            };
            let servers = if servers == 1 { "1 server".to_owned() } else { format!("{servers} servers") };
            format!("OK - {servers}{by}{beside} saw the change")
        }
        Seen::NotYet => format!("CRITICAL - not propagated after {took} s: {}", behind(Seen::NotYet)),
        Seen::Unknown => match (&report.failure, report.servers.is_empty()) {
            (Some(why), true) => format!("UNKNOWN - the name servers were not found: {why}"),
            (_, true) => "UNKNOWN - no name server was found".to_owned(),
            (_, false) => format!("UNKNOWN - could not be told in {took} s of {}", behind(Seen::Unknown)),
        },
    };
    format!("{verdict}\n\nseconds {since}\n")
}

fn of_change(change: &ChangePropagation, from: Timestamp) -> [String; 2] {
    let behind = match (change.seen, change.wanted) {
        (Seen::NotYet, Wanted::Appears) => "not yet",
        (Seen::NotYet, Wanted::Vanishes) => "still answered",
        (Seen::Unknown | Seen::Yes, _) => "too few answers",
    };
    of_edge(change.edge, from, behind)
}

fn of_resolver(resolver: &ResolverPropagation, from: Timestamp) -> [String; 2] {
    let behind = match (&resolver.failure, resolver.propagated) {
        (Some(why), Seen::Unknown) => why.as_str(),
        (_, Seen::Unknown) => "no answer",
        (_, Seen::NotYet | Seen::Yes) => "not yet",
    };
    of_edge(resolver.edge, from, behind)
}

fn of_edge(edge: Option<Edge>, from: Timestamp, behind: &str) -> [String; 2] {
    match edge {
        Some(edge) => {
            let after = edge.after.map_or_else(|| "before".to_owned(), |after| secs(after, from));
            [after, secs(edge.by, from)]
        }
        None => ["-".to_owned(), behind.to_owned()],
    }
}

fn flaps(report: &PropagationReport) -> String {
    let mut text = String::new();
    for server in &report.servers {
        for change in server.changes.iter().filter(|change| change.flaps > 0) {
            let (address, times) = (change.address, change.flaps);
            let _ = writeln!(
                text,
                "{} went back and forth about {address} ({times} times): not all machines behind it agree",
                server.server
            );
        }
    }
    for resolver in report.resolvers.iter().filter(|resolver| resolver.flaps > 0) {
        let _ = writeln!(
            text,
            "{} answered what is old after what is new ({} times): it has several caches",
            resolver.resolver, resolver.flaps
        );
    }
    text
}

/// Writes a report as JSON, schema `resolver-probe-propagate/1`.
#[must_use]
pub fn render_json(report: &PropagationReport) -> String {
    // Texts, numbers and lists of them: there is nothing that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// Writes a report as Prometheus metrics. Who has not seen the change has no sample.
#[must_use]
pub fn render_prometheus(report: &PropagationReport) -> String {
    let mut text = String::from(
        "# HELP resolver_probe_propagation_seconds By when a name server or resolver had seen the change.\n\
         # TYPE resolver_probe_propagation_seconds gauge\n",
    );
    let servers = report.servers.iter().map(|of| ("ns", of.server.to_string(), of.by()));
    let resolvers =
        report.resolvers.iter().map(|of| ("resolver", of.resolver.clone(), of.edge.map(|edge| edge.by)));
    let route53 = report.route53.iter().map(|of| ("ns", "INSYNC".to_owned(), of.edge.map(|edge| edge.by)));
    for (label, value, by) in servers.chain(route53).chain(resolvers) {
        if let Some(by) = by {
            let secs = by.duration_since(report.from).as_secs_f64();
            let _ = writeln!(
                text,
                "resolver_probe_propagation_seconds{{name=\"{}\",{label}=\"{value}\"}} {secs}",
                report.name
            );
        }
    }
    let done = u8::from(report.propagated == Seen::Yes);
    let at = report.ended_at.as_millisecond() as f64 / 1_000.0;
    let _ = write!(
        text,
        "# HELP resolver_probe_propagated 1 where everybody has seen the change.\n\
         # TYPE resolver_probe_propagated gauge\nresolver_probe_propagated{{name=\"{name}\"}} {done}\n\
         # HELP resolver_probe_last_run_timestamp_seconds When this was written.\n\
         # TYPE resolver_probe_last_run_timestamp_seconds gauge\n\
         resolver_probe_last_run_timestamp_seconds{{name=\"{name}\"}} {at}\n",
        name = report.name
    );
    text
}
