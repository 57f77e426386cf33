//! Findings about shares: not those of the weights, not those of the other servers, or not drawn at random.
//!
//! An address that is missing, stale or not known for certain is not judged here: what is compared are the answers
//! with one of the other addresses, and among those, every address has its part of the sum of the weights.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::servers::too_few;
use super::{Scene, finding};
use crate::observation::Observation;
use crate::order::{Dependence, Habit};
use crate::plan::{self, Samples};
use crate::report::{AddressVerdict, AnswerReport, Finding, FindingId, Severity, WeightsReport};
use crate::statistics::{
    Alpha, Decision, Deviation, Homogeneity, Method, Settings, Thresholds, clopper_pearson, goodness_of_fit,
    holm, homogeneity,
};
use crate::truth::Truth;

/// What the shares say.
pub(super) struct Weights {
    pub(super) findings: Vec<Finding>,
    /// The comparison of each server with the weights, in the order of the observations.
    pub(super) reports: Vec<Option<WeightsReport>>,
    pub(super) homogeneity: Option<Homogeneity>,
}

/// Compares shares with the weights, and servers with each other; `seed` begins the draws of exact tests.
pub(super) fn judge(scene: &Scene<'_>, seed: u64) -> Weights {
    let mut reports: Vec<Option<WeightsReport>> =
        (0..scene.observations.len()).map(|server| compare(scene, server, seed)).collect();
    correct(scene, &mut reports);
    let mut findings: Vec<Finding> =
        (0..reports.len()).flat_map(|server| of_server(scene, server, reports[server].as_ref())).collect();
    let (table, settings) = (table(scene), settings(scene.aim.levels.homogeneity(), seed));
    findings.extend(diverged(scene, &table, &settings, &reports));
    Weights { findings, reports, homogeneity: homogeneity(&table.rows, &settings).ok() }
}

fn settings(alpha: Alpha, seed: u64) -> Settings {
    Settings { alpha, ..Settings::new(seed) }
}

/// Compares the answers of one server with the weights.
fn compare(scene: &Scene<'_>, server: usize, seed: u64) -> Option<WeightsReport> {
    let observed = scene.observations.get(server).filter(|observed| observed.sampled.is_comparable())?;
    let rows = scene.rows.get(server)?;
    let weights = scene.truth?.weights()?;
    let missing: BTreeSet<Ipv4Addr> =
        rows.iter().filter(|row| row.verdict == AddressVerdict::MissingIp).map(|row| row.address).collect();
    let (addresses, weights): (Vec<Ipv4Addr>, Vec<u64>) =
        weights.into_iter().filter(|(address, _)| !missing.contains(address)).unzip();
    let counts: Vec<u64> = addresses.iter().map(|address| observed.sampled.count(*address)).collect();
    let levels = scene.aim.levels;
    let settings = settings(levels.fit().split(levels.servers()), seed.wrapping_add(server as u64));
    let fit = goodness_of_fit(&weights, &counts, &settings).ok().filter(|_| addresses.len() > 1)?;
    let independence = scene.orders.get(server)?.map(|order| order.independence);
    Some(WeightsReport { corrected_p_value: fit.p_value, fit, addresses, independence })
}

/// Corrects the p-values for the number of servers, and decides by them.
fn correct(scene: &Scene<'_>, reports: &mut [Option<WeightsReport>]) {
    let mut tested: Vec<&mut WeightsReport> = reports.iter_mut().flatten().collect();
    // Servers that were not compared stay in the number: it was not known before which ones that would be.
    let others = scene.aim.levels.servers() - tested.len().min(scene.aim.levels.servers());
    let p_values: Vec<f64> =
        tested.iter().map(|report| report.fit.p_value).chain(vec![1.0; others]).collect();
    for (report, corrected) in tested.iter_mut().zip(holm(&p_values)) {
        report.corrected_p_value = corrected;
        let matters = report.fit.effect.matters(Thresholds::default());
        report.fit.decision = match (corrected < scene.aim.levels.fit().get(), matters) {
            (false, _) => Decision::Agrees,
            (true, false) => Decision::Negligible,
            (true, true) => Decision::Deviates,
        };
    }
}

fn of_server(scene: &Scene<'_>, server: usize, report: Option<&WeightsReport>) -> Vec<Finding> {
    let Some(observed) = scene.observations.get(server) else { return Vec::new() };
    let order =
        scene.orders.get(server).and_then(Option::as_ref).filter(|_| observed.sampled.is_comparable());
    let habit = order.and_then(|order| order.habit.map(|habit| dependent(scene, observed, order, habit)));
    let deviates = report.filter(|_| super::habit(order) != Some(Habit::Clustered));
    let deviates = deviates.and_then(|report| deviates_from_weights(scene, observed, report));
    let at_once = scene.truth.and_then(|truth| all_at_once(scene, truth, observed));
    let forbidden = report.map(|report| forbidden(scene, observed, report)).unwrap_or_default();
    let too_few = too_few_for_weights(scene, observed);
    [habit, deviates, at_once, too_few].into_iter().flatten().chain(forbidden).collect()
}

/// A wrong share sends clients to the wrong of two working addresses, which is no emergency. What is not known
/// for certain is called so, and a paused pool is not kept in step.
fn severity(scene: &Scene<'_>) -> Severity {
    match scene.truth {
        Some(truth) if truth.is_paused() => Severity::Info,
        Some(truth) if !truth.gaps().is_empty() => Severity::Unknown,
        Some(_) | None => Severity::Warning,
    }
}

fn deviates_from_weights(
    scene: &Scene<'_>,
    observed: &Observation,
    report: &WeightsReport,
) -> Option<Finding> {
    let (fit, worst) = (&report.fit, report.fit.effect.worst);
    let address = *report.addresses.get(worst.index).filter(|_| fit.decision == Decision::Deviates)?;
    let (server, answers) = (observed.server, fit.answers);
    let chance = format!("p = {:.1e}", report.corrected_p_value);
    let rows = scene.servers().find(|(other, _)| other.server == server).map(|(_, rows)| rows);
    let message = format!(
        "{address} is in {} of {} answers of {server} and should be in {}: {} of all answers go to the wrong \
         address, which is no chance ({chance})",
        percent(worst.observed),
        thousands(answers),
        percent(worst.expected),
        percent(fit.effect.total_variation),
    );
    let mut finding = finding(FindingId::WrongWeights, severity(scene), message).about(address).at(server);
    finding.instance = rows.and_then(|rows| rows.iter().find(|row| row.address == address)?.instance.clone());
    let interval = clopper_pearson(observed.sampled.count(address), answers, scene.aim.levels.fit());
    let finding = measured(finding, worst, fit.method).with("answers", answers);
    Some(
        finding
            .with("statistic", fit.statistic)
            .with("degrees", fit.degrees as u64)
            .with("p_value", fit.p_value)
            .with("corrected_p_value", report.corrected_p_value)
            .with("total_variation", fit.effect.total_variation)
            .with("observed_low", interval.low)
            .with("observed_high", interval.high),
    )
}

/// Adds the share that is off, and how its p-value was found.
fn measured(finding: Finding, worst: Deviation, method: Method) -> Finding {
    let finding = finding
        .with("observed_share", worst.observed)
        .with("expected_share", worst.expected)
        .with("relative_error", worst.relative_error);
    match method {
        Method::Pearson => finding.with("method", "pearson"),
        Method::Exact { seed, draws } => {
            finding.with("method", "exact").with("seed", seed).with("draws", u64::from(draws))
        }
    }
}

/// An address of weight 0 beside others is one that somebody took out of service: a single answer proves it wrong.
fn forbidden(scene: &Scene<'_>, observed: &Observation, report: &WeightsReport) -> Vec<Finding> {
    let addresses = report.fit.forbidden.iter().filter_map(|index| report.addresses.get(*index));
    let server = observed.server;
    let finding = |address: &Ipv4Addr| {
        let (count, answers) = (observed.sampled.count(*address), observed.sampled.answers);
        let message = format!(
            "{address} has weight 0 and is in {} of {} answers of {server}: it should be in none",
            thousands(count),
            thousands(answers),
        );
        let finding = finding(FindingId::WrongWeights, severity(scene), message).about(*address).at(server);
        finding.with("count", count).with("answers", answers).with("expected_share", 0.0)
    };
    addresses.map(finding).collect()
}

/// Addresses that are answered together have no shares.
fn all_at_once(scene: &Scene<'_>, truth: &Truth, observed: &Observation) -> Option<Finding> {
    let (replies, server) = (&observed.sampled, observed.server);
    if replies.is_drawn() || truth.weights().is_none() {
        return None;
    }
    let together: u64 = replies.addresses.values().sum();
    let message = format!(
        "{server} answers with several addresses at once ({} in {} answers): weights have no effect on it",
        thousands(together),
        thousands(replies.answers),
    );
    let finding = finding(FindingId::WrongWeights, severity(scene), message).at(server);
    Some(finding.with("addresses", together).with("answers", replies.answers))
}

/// A server that does not draw at random. To hand out in turn hurts nobody; a server that repeats itself sends many
/// clients in a row to one address, and its counts cannot be judged.
fn dependent(scene: &Scene<'_>, observed: &Observation, order: &Dependence, habit: Habit) -> Finding {
    let (server, test) = (observed.server, order.independence);
    let pairs = (test.answers.max(2) - 1) as f64;
    let (repeats, by_chance) = (test.repeats as f64 / pairs, test.expected_repeats / pairs);
    let (severity, what) = match habit {
        Habit::InTurn => (
            Severity::Info,
            "hands its addresses out in turn and does not draw them: their shares are kept more evenly than \
             by chance",
        ),
        Habit::Clustered => (
            if scene.truth.is_some_and(Truth::is_paused) { Severity::Info } else { Severity::Warning },
            "repeats itself: its addresses come in clusters, as from a cache or while records change, and its \
             shares cannot be judged",
        ),
    };
    let message = format!(
        "{server} {what} ({} of {} answers equal the one before, and {} would by chance)",
        percent(repeats),
        thousands(test.answers as u64),
        percent(by_chance),
    );
    finding(FindingId::WrongWeights, severity, message)
        .at(server)
        .with("answers", test.answers as u64)
        .with("repeats", test.repeats)
        .with("expected_repeats", test.expected_repeats)
        .with("p_value", test.p_value)
        .with("habit", if habit == Habit::InTurn { "in-turn" } else { "clustered" })
}

/// Whoever chooses the number of samples is told what it leaves open.
fn too_few_for_weights(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let Samples::Exactly(count) = scene.aim.samples else { return None };
    let plan = scene.aim.plan().filter(|plan| plan.proportions > count.get())?;
    if observed.stopped.is_some() || !observed.sampled.is_comparable() {
        return None;
    }
    let message = format!(
        "{} answers of {} do not show a weight that is off by half at a share of {}: that takes {}",
        thousands(observed.sampled.answers),
        observed.server,
        percent(plan.smallest_proportion),
        thousands(plan.proportions),
    );
    let finding = Finding { severity: Severity::Info, ..too_few(message) }.at(observed.server);
    Some(finding.with("answers", observed.sampled.answers).with("enough", plan.proportions))
}

/// How often each server answered each address that all of them answer.
struct Table {
    rows: Vec<Vec<u64>>,
    addresses: Vec<Ipv4Addr>,
}

/// An address that a server lacks is a finding of its own, and no column here.
fn table(scene: &Scene<'_>) -> Table {
    let divergences = plan::divergences(scene.aim.levels, scene.observations).into_iter();
    let lacking: BTreeSet<Ipv4Addr> =
        divergences.filter(|divergence| divergence.is_proven).map(|divergence| divergence.address).collect();
    let is_missing = |row: &AnswerReport| row.verdict == AddressVerdict::MissingIp;
    let missing = scene.rows.iter().flatten().filter(|row| is_missing(row)).map(|row| row.address);
    let lacking: BTreeSet<Ipv4Addr> = lacking.into_iter().chain(missing).collect();
    let seen: BTreeSet<Ipv4Addr> = scene.observations.iter().flat_map(Observation::addresses).collect();
    let addresses: Vec<Ipv4Addr> = seen.difference(&lacking).copied().collect();
    let ordered = scene.observations.iter().zip(&scene.orders);
    let row = |(observed, order): (&Observation, &Option<Dependence>)| {
        let counts =
            observed.sampled.is_comparable() && super::habit(order.as_ref()) != Some(Habit::Clustered);
        let count = |address: &Ipv4Addr| if counts { observed.sampled.count(*address) } else { 0 };
        addresses.iter().map(count).collect()
    };
    Table { rows: ordered.map(row).collect(), addresses }
}

/// Names the servers that differ from the others, but for those whose own shares are accused already.
fn diverged(
    scene: &Scene<'_>,
    table: &Table,
    settings: &Settings,
    reports: &[Option<WeightsReport>],
) -> Vec<Finding> {
    let is_accused = |report: &WeightsReport| report.fit.decision == Decision::Deviates;
    let kept = table.rows.iter().zip(reports).map(|(row, report)| {
        if report.as_ref().is_some_and(is_accused) { vec![0; row.len()] } else { row.clone() }
    });
    let rows: Vec<Vec<u64>> = kept.collect();
    let Ok(seen) = homogeneity(&rows, settings) else { return Vec::new() };
    // Of two servers that differ, either may be the wrong one: that is said once.
    let is_pair = seen.deviants.len() == seen.servers.len();
    let named = seen.deviants.iter().take(if is_pair { seen.deviants.len() - 1 } else { usize::MAX });
    named.filter_map(|server| diverges(scene, table, &seen, *server)).collect()
}

fn diverges(scene: &Scene<'_>, table: &Table, seen: &Homogeneity, server: usize) -> Option<Finding> {
    let beside = seen.servers.iter().find(|beside| beside.server == server)?;
    let (worst, observed) = (beside.effect.worst, scene.observations.get(server)?);
    let address = *table.addresses.get(worst.index)?;
    let others: Vec<usize> =
        seen.servers.iter().map(|other| other.server).filter(|other| *other != server).collect();
    let count = |server: &usize| table.rows.get(*server).and_then(|row| row.get(worst.index)).copied();
    let answers: u64 = others.iter().filter_map(|other| table.rows.get(*other)).flatten().sum();
    let elsewhere = others.iter().filter_map(count).sum::<u64>() as f64 / answers.max(1) as f64;
    let name = match others.as_slice() {
        [other] => scene.observations.get(*other)?.server.to_string(),
        others => format!("the {} other servers", others.len()),
    };
    let message = format!(
        "{address} is in {} of {} answers of {}, and in {} of {} of {name}: they do not answer alike \
         (p = {:.1e})",
        percent(worst.observed),
        thousands(beside.answers),
        observed.server,
        percent(elsewhere),
        thousands(answers),
        beside.corrected,
    );
    let finding =
        finding(FindingId::NsDiverged, Severity::Warning, message).about(address).at(observed.server);
    Some(
        measured(finding, worst, beside.method)
            .with("answers", beside.answers)
            .with("answers_elsewhere", answers)
            .with("share_elsewhere", elsewhere)
            .with("statistic", beside.statistic)
            .with("p_value", beside.p_value)
            .with("corrected_p_value", beside.corrected)
            .with("total_variation", beside.effect.total_variation),
    )
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Writes 6012 as 6,012.
fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let places = digits.len();
    let grouped = digits.chars().enumerate().map(|(place, digit)| {
        let comma = if place > 0 && (places - place).is_multiple_of(3) { "," } else { "" };
        format!("{comma}{digit}")
    });
    grouped.collect()
}

#[cfg(test)]
mod simulations;
#[cfg(test)]
mod tests;
