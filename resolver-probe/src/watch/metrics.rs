//! How everything stands as Prometheus metrics, in the text format 0.0.4.
//!
//! One renderer serves the endpoint and the textfile. Labels are bounded: the servers of one name, and at most 256
//! addresses at each. The time of the run is among them, so that a probe that died raises an alarm.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use registrar_core::Timestamp;

use super::event::{PresenceWord, Summary};
use super::lines::word;
use crate::report::Verdict;

/// One family of metrics while it is written.
struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

/// Renders a summary.
#[must_use]
pub fn metrics(name: &str, summary: &Summary, at: Timestamp) -> String {
    let mut text = String::new();
    let of_name = [("name", name.to_owned())];
    let mut gauge =
        |metric, help, value: f64| family(&mut text, metric, "gauge", help).sample(&of_name, value);
    gauge(
        "resolver_probe_last_run_timestamp_seconds",
        "When this was written: where it grows old, the probe is not running.",
        at.as_millisecond() as f64 / 1_000.0,
    );
    gauge(
        "resolver_probe_success",
        "1 where everything was looked at and is as it should be.",
        f64::from(u8::from(summary.verdict == Verdict::Ok)),
    );
    gauge(
        "resolver_probe_watch_started_timestamp_seconds",
        "When the watch began.",
        summary.started_at.as_millisecond() as f64 / 1_000.0,
    );
    of_findings(&mut text, name, summary);
    of_servers(&mut text, name, summary);
    of_addresses(&mut text, name, summary);
    of_resolvers(&mut text, name, summary);
    text
}

fn of_findings(text: &mut String, name: &str, summary: &Summary) {
    let mut standing: BTreeMap<(String, &'static str), u32> = BTreeMap::new();
    for finding in summary.findings.iter().map(|standing| &standing.finding) {
        *standing.entry((finding.id.to_string(), word(finding.severity))).or_default() += 1;
    }
    let mut now =
        family(text, "resolver_probe_findings", "gauge", "Findings that stand, by kind and severity.");
    for ((id, severity), count) in standing {
        let labels = [("name", name.to_owned()), ("id", id), ("severity", severity.to_lowercase())];
        now.sample(&labels, f64::from(count));
    }
    let mut opened = family(
        text,
        "resolver_probe_findings_opened_total",
        "counter",
        "Findings that were opened since the watch began, by kind.",
    );
    for (id, count) in &summary.opened {
        opened.sample(&[("name", name.to_owned()), ("id", id.clone())], *count as f64);
    }
}

fn of_servers(text: &mut String, name: &str, summary: &Summary) {
    let labels =
        |server: &super::ServerSummary| [("name", name.to_owned()), ("ns", server.server.to_string())];
    let mut each = |metric, kind, help, value: &dyn Fn(&super::ServerSummary) -> Option<f64>| {
        let mut family = family(text, metric, kind, help);
        for server in &summary.servers {
            if let Some(value) = value(server) {
                family.sample(&labels(server), value);
            }
        }
    };
    each("resolver_probe_queries_total", "counter", "Queries that are over.", &|server| {
        Some(server.queries as f64)
    });
    each("resolver_probe_replies_total", "counter", "Queries that were replied to.", &|server| {
        Some(server.replies as f64)
    });
    each("resolver_probe_ttl_seconds", "gauge", "The TTL of the last answer.", &|server| {
        server.ttl_secs.map(f64::from)
    });
    each(
        "resolver_probe_weights_p_value",
        "gauge",
        "How likely shares are that deviate from the weights as much, valid however often it is looked at.",
        &|server| server.p_value,
    );
}

fn of_addresses(text: &mut String, name: &str, summary: &Summary) {
    let all = || {
        summary.servers.iter().flat_map(|server| {
            let labels =
                move |ip: String| [("name", name.to_owned()), ("ns", server.server.to_string()), ("ip", ip)];
            server.addresses.iter().map(move |address| (labels(address.address.to_string()), address))
        })
    };
    let mut answers =
        family(text, "resolver_probe_answers_total", "counter", "Answers of a name server with an address.");
    all().for_each(|(labels, address)| answers.sample(&labels, address.answers as f64));
    let mut share = family(
        text,
        "resolver_probe_share",
        "gauge",
        "The share of late of an address in the answers, 0 to 1.",
    );
    all().for_each(|(labels, address)| share.sample(&labels, address.share));
    let mut expected =
        family(text, "resolver_probe_expected_share", "gauge", "The share that it should have, 0 to 1.");
    for (labels, address) in all() {
        if let Some(share) = address.expected_share {
            expected.sample(&labels, share);
        }
    }
    let mut there = family(
        text,
        "resolver_probe_present",
        "gauge",
        "1 where an address is answered, 0 where it is gone.",
    );
    for (labels, address) in all().filter(|(_, address)| address.presence != PresenceWord::Unseen) {
        there.sample(&labels, f64::from(u8::from(address.presence == PresenceWord::There)));
    }
}

fn of_resolvers(text: &mut String, name: &str, summary: &Summary) {
    let labels = |resolver: &str| [("name", name.to_owned()), ("resolver", resolver.to_owned())];
    let mut asked =
        family(text, "resolver_probe_resolver_queries_total", "counter", "Questions to a resolver.");
    summary.resolvers.iter().for_each(|of| asked.sample(&labels(&of.resolver), of.asked as f64));
    let mut answered =
        family(text, "resolver_probe_resolver_replies_total", "counter", "Questions that it answered.");
    summary.resolvers.iter().for_each(|of| answered.sample(&labels(&of.resolver), of.answered as f64));
    let mut staleness = family(
        text,
        "resolver_probe_staleness_seconds",
        "gauge",
        "For how long at least a resolver has answered an address that the name servers no longer answer.",
    );
    for of in &summary.resolvers {
        for (address, secs) in &of.stale_secs {
            let [name, resolver] = labels(&of.resolver);
            staleness.sample(&[name, resolver, ("ip", address.to_string())], *secs as f64);
        }
    }
}

fn family<'a>(text: &'a mut String, name: &'static str, kind: &str, help: &str) -> Family<'a> {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    Family { text, name }
}

impl Family<'_> {
    fn sample<const N: usize>(&mut self, labels: &[(&str, String); N], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.text, "{}{{{}}} {value}", self.name, labels.join(","));
    }
}

/// The text format's escapes in label values.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
