//! Judges what was seen against what should be, and writes the report.
//!
//! A pure function of its arguments: what it does not see in them, it calls unknown.

mod addresses;
pub(crate) mod discovered;
mod liveness;
mod records;
pub(crate) mod resolvers;
mod servers;
mod weights;

pub(crate) use discovered::findings as of_discovery;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::check::CheckRequest;
use crate::discover::Discovery;
use crate::observation::Observation;
use crate::order::{Dependence, Habit};
use crate::plan::{self, Aim};
use crate::reach::ReachDocument;
use crate::report::{
    AddressReport, AddressVerdict, AnswerReport, CheckReport, EvidenceValue, Finding, FindingId, SCHEMA,
    ServerReport, Severity, Verdict,
};
use crate::staleness::{Reference, Resolved};
use crate::statistics::{Alpha, Interval, wilson};
use crate::truth::{Standing, Truth};

/// Everything that a check saw.
#[derive(Debug, Default)]
pub(crate) struct Seen<'a> {
    pub(crate) observations: &'a [Observation],
    pub(crate) discovery: Option<Discovery>,
    pub(crate) resolved: Resolved,
    pub(crate) reached: Vec<ReachDocument>,
    pub(crate) duration: Duration,
}

/// Judges what a check saw.
pub(crate) fn judge(request: &CheckRequest, seen: Seen<'_>) -> CheckReport {
    let observations = seen.observations;
    let scene = Scene::new(Aim::of(request, observations.len()), observations);
    let weights = weights::judge(&scene, request.seed);
    let mut findings = addresses::findings(&scene);
    findings.extend(servers::findings(&scene));
    findings.extend(weights.findings);
    findings.extend(seen.discovery.iter().flat_map(discovered::findings));
    if let Some(held) = &request.records {
        records::explain(&mut findings, held);
        findings.extend(records::findings(&scene, held));
    }
    findings.extend(request.untold.iter().map(untold));
    let resolvers = resolvers::judge(&reference(request, &seen.resolved), &seen.resolved.series);
    findings.extend(resolvers.findings);
    let mut addresses = resolvers::beside(over_all_servers(&scene), &resolvers.reports, scene.truth);
    findings.extend(liveness::findings(scene.truth, &seen.reached, &mut addresses));
    liveness::add_evidence(&mut findings, &addresses);
    findings.sort_by(|one, other| place(one).cmp(&place(other)));
    let answers = scene.rows.iter().cloned().zip(weights.reports);
    let report = |(observed, (rows, weights)): (&Observation, (Vec<AnswerReport>, _))| ServerReport {
        name_server: seen.discovery.as_ref().and_then(|found| found.name_of(observed.server)),
        weights,
        ..servers::report(observed, rows)
    };
    CheckReport {
        schema: SCHEMA,
        name: request.name.to_string(),
        verdict: Verdict::of(findings.iter().map(|finding| finding.severity)),
        compared: request.truth.is_some(),
        started_at: request.started_at,
        duration: seen.duration,
        alpha: request.alpha,
        plan: scene.aim.plan(),
        homogeneity: weights.homogeneity,
        resolvers: resolvers.reports,
        reach: seen.reached,
        servers: observations.iter().zip(answers).map(report).collect(),
        discovery: seen.discovery,
        addresses,
        findings,
        seed: request.seed,
    }
}

/// Findings are in this order, the worst first.
fn place(finding: &Finding) -> impl Ord {
    (finding.severity, finding.id, finding.address, finding.server, &finding.resolver)
}

fn reference<'a>(request: &'a CheckRequest, resolved: &'a Resolved) -> Reference<'a> {
    Reference {
        authority: &resolved.authority,
        truth: request.truth.as_ref(),
        history: request.history.as_ref(),
        started_at: request.started_at,
    }
}

/// Everything that a judgement looks at.
struct Scene<'a> {
    aim: Aim<'a>,
    truth: Option<&'a Truth>,
    observations: &'a [Observation],
    /// What the order of each server's answers is like, in the order of the observations.
    orders: Vec<Option<Dependence>>,
    /// The addresses of each server, in the order of the observations.
    rows: Vec<Vec<AnswerReport>>,
}

impl<'a> Scene<'a> {
    fn new(aim: Aim<'a>, observations: &'a [Observation]) -> Self {
        let orders: Vec<_> = observations.iter().map(|observed| aim.dependence(observed)).collect();
        let ordered = observations.iter().zip(&orders);
        let rows = ordered.map(|(observed, order)| rows(&aim, observed, habit(order.as_ref()))).collect();
        Self { aim, truth: aim.truth, observations, orders, rows }
    }

    /// Returns each server together with its addresses.
    fn servers(&self) -> impl Iterator<Item = (&'a Observation, &[AnswerReport])> {
        self.observations.iter().zip(self.rows.iter().map(Vec::as_slice))
    }

    /// Says whether a server repeats itself: then chance is not what is computed for it.
    fn is_clustered(&self, server: usize) -> bool {
        let order = self.orders.get(server).and_then(Option::as_ref);
        order.is_some_and(|order| order.habit == Some(Habit::Clustered))
    }

    /// Says whether any server answers the question.
    fn is_answered(&self) -> bool {
        self.observations.iter().any(|observed| observed.sampled.answers > 0)
    }
}

/// Lists the addresses that a server answers, or should answer. A server that does not answer the question
/// has none: what it would say is not known.
fn rows(aim: &Aim<'_>, observed: &Observation, habit: Option<Habit>) -> Vec<AnswerReport> {
    let mut addresses: BTreeSet<Ipv4Addr> = observed.addresses().collect();
    if observed.sampled.answers > 0 {
        addresses.extend(aim.truth.into_iter().flat_map(Truth::expected).map(|(address, _)| address));
    }
    let strangers = aim.truth.map_or(0, |truth| plan::strangers(truth, observed));
    addresses.into_iter().map(|address| row((aim, strangers), observed, habit, address)).collect()
}

fn row(
    (aim, strangers): (&Aim<'_>, u64),
    observed: &Observation,
    habit: Option<Habit>,
    address: Ipv4Addr,
) -> AnswerReport {
    let truth = aim.truth;
    let count = observed.sampled.count(address);
    let replies = observed.sampled.answers;
    AnswerReport {
        address,
        count,
        tcp_count: observed.over_tcp.count(address),
        interval: interval(count, replies),
        share: if replies == 0 { 0.0 } else { rounded(count as f64 / replies as f64) },
        expected_share: truth.and_then(|truth| truth.share_beside(address, 0)).map(rounded),
        instance: truth.and_then(|truth| instance(truth, address)),
        verdict: match truth {
            None => AddressVerdict::NotJudged,
            Some(truth) if observed.times_seen(address) > 0 => verdict_of_answered(truth, address),
            Some(truth) => verdict_of_unseen(aim, (truth, strangers), observed, habit, address),
        },
    }
}

fn interval(count: u64, replies: u64) -> Option<Interval> {
    let Interval { low, high } = wilson(count, replies, Alpha::FIVE_PERCENT);
    (replies > 0).then(|| Interval { low: rounded(low), high: rounded(high) })
}

fn instance(truth: &Truth, address: Ipv4Addr) -> Option<String> {
    match truth.standing(address) {
        Standing::Expected(instance) | Standing::Unsure(instance) => instance.map(ToString::to_string),
        Standing::NotServing(instance, _) => Some(instance.to_string()),
        Standing::Fallback | Standing::Nobody => None,
    }
}

pub(crate) fn verdict_of_answered(truth: &Truth, address: Ipv4Addr) -> AddressVerdict {
    match truth.standing(address) {
        Standing::Expected(Some(_)) => AddressVerdict::Ok,
        Standing::Expected(None) | Standing::Fallback => AddressVerdict::Fallback,
        Standing::NotServing(..) | Standing::Nobody => AddressVerdict::StaleRecord,
        Standing::Unsure(_) => AddressVerdict::Unknown,
    }
}

/// An expected address is missing only where chance does not explain that it was not seen, and chance is known
/// only of answers that do not come in clusters.
fn verdict_of_unseen(
    aim: &Aim<'_>,
    (truth, strangers): (&Truth, u64),
    observed: &Observation,
    habit: Option<Habit>,
    address: Ipv4Addr,
) -> AddressVerdict {
    match truth.share_beside(address, strangers) {
        Some(share) if share > 0.0 => {
            let proven =
                habit != Some(Habit::Clustered) && aim.is_missing((truth, strangers), observed, address);
            if proven { AddressVerdict::MissingIp } else { AddressVerdict::Undecided }
        }
        Some(_) | None => AddressVerdict::Idle,
    }
}

fn habit(order: Option<&Dependence>) -> Option<Habit> {
    order.and_then(|order| order.habit)
}

fn over_all_servers(scene: &Scene<'_>) -> Vec<AddressReport> {
    let mut reports: BTreeMap<Ipv4Addr, AddressReport> = BTreeMap::new();
    for (observed, rows) in scene.servers() {
        for row in rows {
            let report = reports.entry(row.address).or_insert_with(|| AddressReport {
                address: row.address,
                verdict: row.verdict,
                instance: row.instance.clone(),
                expected_share: row.expected_share,
                answered_by: Vec::new(),
                not_answered_by: Vec::new(),
                liveness: None,
                resolved_by: Vec::new(),
            });
            report.verdict = report.verdict.min(row.verdict);
            if row.count + row.tcp_count > 0 {
                report.answered_by.push(observed.server);
            }
        }
    }
    // Where nobody answers, what should be answered is still known.
    for (address, share) in scene.truth.into_iter().flat_map(Truth::expected) {
        reports.entry(address).or_insert_with(|| AddressReport {
            address,
            verdict: AddressVerdict::Undecided,
            instance: scene.truth.and_then(|truth| instance(truth, address)),
            expected_share: Some(rounded(share)),
            answered_by: Vec::new(),
            not_answered_by: Vec::new(),
            liveness: None,
            resolved_by: Vec::new(),
        });
    }
    for report in reports.values_mut() {
        let answering = scene.observations.iter().filter(|observed| observed.sampled.answers > 0);
        let servers = answering.map(|observed| observed.server);
        report.not_answered_by = servers.filter(|server| !report.answered_by.contains(server)).collect();
    }
    reports.into_values().collect()
}

/// What should be answered was asked for, and is not known.
fn untold(why: &String) -> Finding {
    let message = format!("what should be answered is not known: {why}");
    finding(FindingId::TruthIncomplete, Severity::Unknown, message)
}

/// Starts a finding; what it is about follows.
pub(crate) fn finding(id: FindingId, severity: Severity, message: String) -> Finding {
    let evidence = BTreeMap::new();
    Finding { id, severity, message, address: None, server: None, resolver: None, instance: None, evidence }
}

impl Finding {
    pub(crate) fn at(mut self, server: SocketAddr) -> Self {
        self.server = Some(server);
        self
    }

    pub(crate) fn about(mut self, address: Ipv4Addr) -> Self {
        self.address = Some(address);
        self
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<EvidenceValue>) -> Self {
        self.evidence.insert(name, value.into());
        self
    }
}

/// Four decimals tell 1 of 10,000 queries apart, and keep reports short.
fn rounded(share: f64) -> f64 {
    (share * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
