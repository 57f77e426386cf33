//! Writes a report as metrics for Prometheus's textfile collector.
//!
//! Everything is a gauge: it is the state of one run, and its time of day is one of them, so that a probe which
//! stopped running is noticed. Addresses are bounded, whatever a server answers.

mod exposition;

use std::time::Duration;

use super::{digest, words};
use crate::reach::{Liveness, ReachDocument};
use crate::report::{CheckReport, ExitPolicy, Severity, TransportState, Verdict};

pub(crate) use exposition::{Exposition, Gauge};

/// Addresses that have metrics of their own, the worst first: as many as Route 53 takes records of a name
/// (Route 53 Developer Guide, "Quotas"). A hostile server may answer any number.
const MOST_ADDRESSES: usize = 100;

type Labels = Vec<(&'static str, String)>;

/// Writes a check as metrics.
#[must_use]
pub fn render_prometheus(report: &CheckReport, policy: impl Into<ExitPolicy>) -> String {
    let mut text = Exposition::default();
    let metrics = Metrics { report, shown: shown(report) };
    let outcome = report.outcome(policy);
    metrics.run(outcome).iter().for_each(|gauge| text.push(gauge));
    metrics.addresses().iter().for_each(|gauge| text.push(gauge));
    metrics.answers().iter().for_each(|gauge| text.push(gauge));
    metrics.servers().iter().for_each(|gauge| text.push(gauge));
    metrics.resolvers().iter().for_each(|gauge| text.push(gauge));
    reached(&report.reach, &metrics.named()).iter().for_each(|gauge| text.push(gauge));
    text.finish()
}

/// Writes what was found of addresses as metrics; `at` is when, in seconds since 1970.
#[must_use]
pub fn render_reach_prometheus(document: &ReachDocument, policy: impl Into<ExitPolicy>, at: f64) -> String {
    let mut text = Exposition::default();
    let probe = || vec![("probe", document.probe.to_string())];
    let mut success = Gauge::new("resolver_probe_reach_success", "1 where the exit code is 0.");
    success.push(probe(), f64::from(u8::from(document.outcome(policy) == Verdict::Ok)));
    let mut last = Gauge::new("resolver_probe_reach_last_run_timestamp_seconds", "When the last run ended.");
    last.push(probe(), at);
    [success, last].iter().for_each(|gauge| text.push(gauge));
    reached(std::slice::from_ref(document), &Vec::new()).iter().for_each(|gauge| text.push(gauge));
    text.finish()
}

struct Metrics<'a> {
    report: &'a CheckReport,
    shown: Vec<std::net::Ipv4Addr>,
}

/// The addresses that have metrics of their own.
fn shown(report: &CheckReport) -> Vec<std::net::Ipv4Addr> {
    let addresses = digest::worst_first(report).into_iter().take(MOST_ADDRESSES);
    let mut shown: Vec<_> = addresses.map(|address| address.address).collect();
    shown.sort_unstable();
    shown
}

impl Metrics<'_> {
    fn named(&self) -> Labels {
        vec![("name", self.report.name.clone())]
    }

    fn with(&self, more: impl IntoIterator<Item = (&'static str, String)>) -> Labels {
        self.named().into_iter().chain(more).collect()
    }

    /// The run as a whole.
    fn run(&self, outcome: Verdict) -> Vec<Gauge> {
        let report = self.report;
        let single = |name, help, value| {
            let mut gauge = Gauge::new(name, help);
            gauge.push(self.named(), value);
            gauge
        };
        let ended = seconds_of(report.started_at) + secs(report.duration);
        let mut verdict =
            Gauge::new("resolver_probe_verdict", "1 at the worst of the findings, 0 at the others.");
        for each in [Verdict::Ok, Verdict::Warning, Verdict::Critical, Verdict::Unknown] {
            let labels = self.with([("verdict", words::verdict_name(each).to_owned())]);
            verdict.push(labels, f64::from(u8::from(each == report.verdict)));
        }
        let success = f64::from(u8::from(outcome == Verdict::Ok));
        vec![
            single("resolver_probe_success", "1 where the exit code is 0.", success),
            single("resolver_probe_last_run_timestamp_seconds", "When the last run ended.", ended),
            single("resolver_probe_duration_seconds", "How long it took.", secs(report.duration)),
            verdict,
            self.findings(),
            self.kinds(),
        ]
    }

    fn findings(&self) -> Gauge {
        let mut gauge = Gauge::new("resolver_probe_findings", "Findings by severity.");
        for severity in [Severity::Critical, Severity::Warning, Severity::Unknown, Severity::Info] {
            let count = self.report.findings.iter().filter(|finding| finding.severity == severity).count();
            let labels = self.with([("severity", words::severity_name(severity).to_owned())]);
            gauge.push(labels, count as f64);
        }
        gauge
    }

    fn kinds(&self) -> Gauge {
        let mut gauge = Gauge::new("resolver_probe_finding", "Findings by kind, of kinds that were found.");
        let mut kinds: Vec<_> =
            self.report.findings.iter().map(|finding| (finding.severity, finding.id)).collect();
        kinds.sort_unstable();
        for alike in kinds.chunk_by(|a, b| a == b) {
            let Some((severity, id)) = alike.first() else { continue };
            let severity = words::severity_name(*severity).to_owned();
            gauge.push(self.with([("id", id.to_string()), ("severity", severity)]), alike.len() as f64);
        }
        gauge
    }

    /// Addresses over all servers.
    fn addresses(&self) -> Vec<Gauge> {
        let mut count = Gauge::new("resolver_probe_addresses", "Addresses that were answered or expected.");
        count.push(self.named(), self.report.addresses.len() as f64);
        let mut verdict = Gauge::new("resolver_probe_address", "1 for each address, with its verdict.");
        let mut expected = Gauge::new(
            "resolver_probe_expected_share",
            "The share of the answers that an address should have.",
        );
        let shown = self.report.addresses.iter().filter(|report| self.shown.contains(&report.address));
        for report in shown {
            let ip = ("ip", report.address.to_string());
            let (word, _) = words::verdict(report.verdict);
            verdict.push(self.with([ip.clone(), ("verdict", word.to_owned())]), 1.0);
            if let Some(share) = report.expected_share {
                expected.push(self.with([ip]), share);
            }
        }
        vec![count, verdict, expected]
    }

    /// Answers by server and address.
    fn answers(&self) -> Vec<Gauge> {
        let mut answers =
            Gauge::new("resolver_probe_answers", "Answers over UDP in this run that hold an address.");
        let mut share =
            Gauge::new("resolver_probe_answer_share", "The part of a server's answers that hold an address.");
        for server in &self.report.servers {
            let rows = server.answers.iter().filter(|row| self.shown.contains(&row.address));
            for row in rows {
                let labels =
                    || self.with([("ns", server.server.to_string()), ("ip", row.address.to_string())]);
                answers.push(labels(), row.count as f64);
                share.push(labels(), row.share);
            }
        }
        vec![answers, share]
    }

    /// Servers by themselves.
    fn servers(&self) -> Vec<Gauge> {
        let mut up = Gauge::new(
            "resolver_probe_server_up",
            "1 where a server answers over a transport, lossy or not.",
        );
        let mut p =
            Gauge::new("resolver_probe_p_value", "How well a server's shares agree with the weights.");
        let mut effect = Gauge::new(
            "resolver_probe_misplaced_share",
            "The part of the answers that are elsewhere than the weights say.",
        );
        for server in &self.report.servers {
            let ns = ("ns", server.server.to_string());
            let transports = [("udp", server.transport.udp.state), ("tcp", server.transport.tcp.state)];
            for (transport, state) in
                transports.into_iter().filter(|(_, state)| *state != TransportState::NotAsked)
            {
                let labels = self.with([ns.clone(), ("transport", transport.to_owned())]);
                up.push(labels, f64::from(u8::from(state != TransportState::Dead)));
            }
            if let Some(weights) = &server.weights {
                p.push(self.with([ns.clone()]), weights.corrected_p_value);
                effect.push(self.with([ns]), weights.fit.effect.total_variation);
            }
        }
        vec![up, p, effect]
    }

    /// Resolvers, and what is stale in them.
    fn resolvers(&self) -> Vec<Gauge> {
        let mut ttl =
            Gauge::new("resolver_probe_resolver_ttl_seconds", "The highest TTL that a resolver answered.");
        let mut rtt =
            Gauge::new("resolver_probe_resolver_rtt_seconds", "The median time to a resolver's reply.");
        let mut least =
            Gauge::new("resolver_probe_staleness_seconds", "Stale beyond the TTL for so long at least.");
        let mut most = Gauge::new(
            "resolver_probe_staleness_max_seconds",
            "Stale for so long at most, where that is known.",
        );
        for resolver in &self.report.resolvers {
            let of = ("resolver", resolver.resolver.clone());
            if let Some(secs) = resolver.highest_ttl_secs {
                ttl.push(self.with([of.clone()]), f64::from(secs));
            }
            if let Some(median) = median(resolver.sightings.iter().map(|seen| seen.rtt).collect()) {
                rtt.push(self.with([of.clone()]), secs(median));
            }
            let stale = resolver.stale.iter().filter(|stale| self.shown.contains(&stale.address));
            for stale in stale {
                let labels = || self.with([of.clone(), ("ip", stale.address.to_string())]);
                least.push(labels(), stale.at_least_secs as f64);
                if let Some(secs) = stale.at_most_secs {
                    most.push(labels(), secs as f64);
                }
            }
        }
        vec![ttl, rtt, least, most]
    }
}

/// Whether addresses are alive, by what they were asked.
fn reached(documents: &[ReachDocument], named: &Labels) -> Vec<Gauge> {
    let mut alive = Gauge::new(
        "resolver_probe_alive",
        "1 where an address answers what it was asked; the verdict says what else.",
    );
    let mut rtt = Gauge::new("resolver_probe_reach_rtt_seconds", "The median time to an address's reply.");
    for document in documents {
        for report in document.addresses.iter().take(MOST_ADDRESSES) {
            let labels = || -> Labels {
                let own = [("probe", document.probe.to_string()), ("ip", report.address.to_string())];
                named.iter().cloned().chain(own).collect()
            };
            let verdict = ("liveness", words::liveness(report.liveness).to_owned());
            let lives = f64::from(u8::from(report.liveness == Liveness::Alive));
            alive.push(labels().into_iter().chain([verdict]).collect(), lives);
            if let Some(seen) = report.evidence.rtt {
                rtt.push(labels(), secs(Duration::from_micros(seen.median_us)));
            }
        }
    }
    vec![alive, rtt]
}

fn median(mut times: Vec<Duration>) -> Option<Duration> {
    times.sort_unstable();
    times.get(times.len().checked_sub(1)? / 2).copied()
}

/// Seconds, to the microsecond; shorter in writing than the nearest number to the nanosecond.
fn secs(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e6
}

/// Seconds since 1970, with milliseconds.
fn seconds_of(time: registrar_core::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests;
