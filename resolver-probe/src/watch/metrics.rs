//! How everything stands as Prometheus metrics.
//!
//! One renderer serves the endpoint and the textfile, and what a check has too is named as there. Labels are bounded: the
//! servers of one name, and at most 256 addresses at each. The time of the run is among them, so that a probe that
//! died raises an alarm.

use std::collections::BTreeMap;

use registrar_core::Timestamp;

use super::event::{AddressSummary, PresenceWord, ServerSummary, Summary};
use crate::render::prometheus::{Exposition, Gauge};
use crate::render::words;
use crate::report::{ExitPolicy, Severity, Verdict};

type Labels = Vec<(&'static str, String)>;

/// Renders a summary.
#[must_use]
pub fn metrics(name: &str, summary: &Summary, policy: ExitPolicy, at: Timestamp) -> String {
    let metrics = Metrics { name, summary };
    let mut text = Exposition::default();
    let all = [
        metrics.run(policy, at),
        metrics.findings(),
        metrics.servers(),
        metrics.addresses(),
        metrics.resolvers(),
    ];
    all.iter().flatten().for_each(|gauge| text.push(gauge));
    text.finish()
}

struct Metrics<'a> {
    name: &'a str,
    summary: &'a Summary,
}

impl Metrics<'_> {
    fn with(&self, more: impl IntoIterator<Item = (&'static str, String)>) -> Labels {
        std::iter::once(("name", self.name.to_owned())).chain(more).collect()
    }

    fn run(&self, policy: ExitPolicy, at: Timestamp) -> Vec<Gauge> {
        let single = |name, help, value| {
            let mut gauge = Gauge::new(name, help);
            gauge.push(self.with([]), value);
            gauge
        };
        let secs = |at: Timestamp| at.as_millisecond() as f64 / 1_000.0;
        let mut verdict =
            Gauge::new("resolver_probe_verdict", "1 at the worst of the findings, 0 at the others.");
        for each in [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
            let labels = self.with([("verdict", words::verdict_name(each).to_owned())]);
            verdict.push(labels, f64::from(u8::from(each == self.summary.verdict)));
        }
        let success = f64::from(u8::from(self.summary.exit_code(policy) == 0));
        let started = secs(self.summary.started_at);
        vec![
            single("resolver_probe_success", "1 where the exit code would be 0.", success),
            single("resolver_probe_last_run_timestamp_seconds", "When this was written.", secs(at)),
            single("resolver_probe_watch_started_timestamp_seconds", "When the watch began.", started),
            verdict,
        ]
    }

    fn findings(&self) -> Vec<Gauge> {
        let mut by_severity = Gauge::new("resolver_probe_findings", "Findings by severity.");
        let mut kinds = Gauge::new("resolver_probe_finding", "Findings by kind, of kinds that were found.");
        let standing = || self.summary.findings.iter().map(|standing| &standing.finding);
        for severity in [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Info] {
            let word = words::severity_name(severity);
            let count = standing().filter(|finding| finding.severity == severity).count();
            by_severity.push(self.with([("severity", word.to_owned())]), count as f64);
            let mut of_kind: BTreeMap<String, u32> = BTreeMap::new();
            for finding in standing().filter(|finding| finding.severity == severity) {
                *of_kind.entry(finding.id.to_string()).or_default() += 1;
            }
            for (id, count) in of_kind {
                kinds.push(self.with([("id", id), ("severity", word.to_owned())]), f64::from(count));
            }
        }
        let mut opened = Gauge::counter(
            "resolver_probe_findings_opened_total",
            "Findings that were opened since the watch began, by kind.",
        );
        for (id, count) in &self.summary.opened {
            opened.push(self.with([("id", id.clone())]), *count as f64);
        }
        vec![by_severity, kinds, opened]
    }

    fn servers(&self) -> Vec<Gauge> {
        let of = |mut gauge: Gauge, value: &dyn Fn(&ServerSummary) -> Option<f64>| {
            for server in &self.summary.servers {
                if let Some(value) = value(server) {
                    gauge.push(self.with([("ns", server.server.to_string())]), value);
                }
            }
            gauge
        };
        vec![
            of(Gauge::counter("resolver_probe_queries_total", "Queries that are over."), &|server| {
                Some(server.queries as f64)
            }),
            of(Gauge::counter("resolver_probe_replies_total", "Queries that were replied to."), &|server| {
                Some(server.replies as f64)
            }),
            of(Gauge::new("resolver_probe_ttl_seconds", "The TTL of the last answer."), &|server| {
                server.ttl_secs.map(f64::from)
            }),
            of(
                Gauge::new("resolver_probe_p_value", "How well a server's shares agree with the weights."),
                &|server| server.p_value,
            ),
        ]
    }

    fn addresses(&self) -> Vec<Gauge> {
        let mut answers = Gauge::counter("resolver_probe_answers_total", "Answers that hold an address.");
        let mut share = Gauge::new(
            "resolver_probe_answer_share",
            "The part of a server's answers of late that hold an address.",
        );
        let mut present =
            Gauge::new("resolver_probe_present", "1 where an address is answered, 0 where it is gone.");
        let mut expected = Gauge::new(
            "resolver_probe_expected_share",
            "The share of the answers that an address should have.",
        );
        let mut shares: BTreeMap<String, f64> = BTreeMap::new();
        for server in &self.summary.servers {
            for of in &server.addresses {
                let labels =
                    || self.with([("ns", server.server.to_string()), ("ip", of.address.to_string())]);
                answers.push(labels(), of.answers as f64);
                share.push(labels(), of.share);
                if of.presence != PresenceWord::Unseen {
                    present.push(labels(), is_there(of));
                }
                shares.extend(of.expected_share.map(|share| (of.address.to_string(), share)));
            }
        }
        shares.into_iter().for_each(|(ip, share)| expected.push(self.with([("ip", ip)]), share));
        vec![answers, share, present, expected]
    }

    fn resolvers(&self) -> Vec<Gauge> {
        let mut asked = Gauge::counter("resolver_probe_resolver_queries_total", "Questions to a resolver.");
        let mut answered =
            Gauge::counter("resolver_probe_resolver_replies_total", "Questions that it answered.");
        let mut ttl =
            Gauge::new("resolver_probe_resolver_ttl_seconds", "The highest TTL that a resolver answered.");
        let mut least =
            Gauge::new("resolver_probe_staleness_seconds", "Stale beyond the TTL for so long at least.");
        let mut most = Gauge::new(
            "resolver_probe_staleness_max_seconds",
            "Stale for so long at most, where that is known.",
        );
        for resolver in &self.summary.resolvers {
            let of = ("resolver", resolver.resolver.clone());
            asked.push(self.with([of.clone()]), resolver.asked as f64);
            answered.push(self.with([of.clone()]), resolver.answered as f64);
            if let Some(secs) = resolver.highest_ttl_secs {
                ttl.push(self.with([of.clone()]), f64::from(secs));
            }
            for stale in &resolver.stale {
                let labels = || self.with([of.clone(), ("ip", stale.address.to_string())]);
                least.push(labels(), stale.at_least_secs as f64);
                if let Some(secs) = stale.at_most_secs {
                    most.push(labels(), secs as f64);
                }
            }
        }
        vec![asked, answered, ttl, least, most]
    }
}

fn is_there(of: &AddressSummary) -> f64 {
    f64::from(u8::from(of.presence == PresenceWord::There))
}
