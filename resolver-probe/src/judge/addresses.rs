//! Findings about addresses: answered and should not be, not answered and should be, or not everywhere.
//!
//! Whether an address should be answered is already in the rows; here it becomes a sentence.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::{Scene, finding};
use crate::observation::Observation;
use crate::plan;
use crate::report::{AddressVerdict, AnswerReport, Finding, FindingId, Severity};
use crate::truth::{Standing, Truth};

pub(super) fn findings(scene: &Scene<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (observed, rows) in scene.servers() {
        if let Some(truth) = scene.truth {
            findings.extend(stale(scene, truth, observed, rows));
            findings.extend(missing(truth, observed, rows));
        }
        findings.extend(empty(scene, observed));
    }
    findings.extend(diverged(scene));
    findings
}

fn stale<'a>(
    scene: &'a Scene<'_>,
    truth: &'a Truth,
    observed: &'a Observation,
    rows: &'a [AnswerReport],
) -> impl Iterator<Item = Finding> + 'a {
    let severity = if is_kept_by_policy(scene, truth) { Severity::Warning } else { Severity::Critical };
    let stale = rows.iter().filter(|row| row.verdict == AddressVerdict::StaleRecord);
    stale.map(move |row| {
        let why = match truth.standing(row.address) {
            Standing::NotServing(instance, why) => format!("instance {instance}, which has it, {why}"),
            Standing::Nobody if truth.is_retired() => "the pool is retired".to_owned(),
            Standing::Nobody | Standing::Expected(_) | Standing::Fallback | Standing::Unsure(_) => {
                "no serving instance has it".to_owned()
            }
        };
        let mut finding = finding(
            FindingId::StaleRecord,
            severity,
            format!(
                "{} is answered by {} ({}), but {why}",
                row.address,
                observed.server,
                often(observed, row)
            ),
        );
        finding.instance.clone_from(&row.instance);
        let finding = finding.about(row.address).at(observed.server).with("count", row.count);
        finding
            .with("answers", observed.sampled.answers)
            .with("share", row.share)
            .with("tcp_count", row.tcp_count)
            .with("tcp_answers", observed.over_tcp.answers)
            .with("why", why)
    })
}

/// With nothing to serve, `keep-last` leaves one record where it is, whatever became of its instance.
fn is_kept_by_policy(scene: &Scene<'_>, truth: &Truth) -> bool {
    let answered: BTreeSet<Ipv4Addr> = scene.observations.iter().flat_map(Observation::addresses).collect();
    truth.keeps_last() && answered.len() == 1
}

fn often(observed: &Observation, row: &AnswerReport) -> String {
    match row.count {
        0 => format!("{} of {} answers over TCP", row.tcp_count, observed.over_tcp.answers),
        count => format!("{count} of {} answers", observed.sampled.answers),
    }
}

fn missing<'a>(
    truth: &'a Truth,
    observed: &'a Observation,
    rows: &'a [AnswerReport],
) -> impl Iterator<Item = Finding> + 'a {
    let serves = |row: &AnswerReport| matches!(row.verdict, AddressVerdict::Ok | AddressVerdict::Fallback);
    let severity = match (rows.iter().any(serves), truth.is_paused()) {
        (false, _) => Severity::Critical,
        (true, false) => Severity::Warning,
        (true, true) => Severity::Info,
    };
    let missing = rows.iter().filter(|row| row.verdict == AddressVerdict::MissingIp);
    missing.map(move |row| {
        let answers = observed.sampled.answers;
        let owner = row.instance.as_ref().map_or("the fallback".to_owned(), |id| format!("instance {id}"));
        let expected = row.expected_share.unwrap_or_default();
        let message = format!(
            "{} of {owner} is in none of {answers} answers of {}, and should be in {:.1} % of them",
            row.address,
            observed.server,
            expected * 100.0,
        );
        let mut finding = finding(FindingId::MissingIp, severity, message);
        finding.instance.clone_from(&row.instance);
        finding
            .about(row.address)
            .at(observed.server)
            .with("answers", answers)
            .with("expected_share", expected)
    })
}

fn empty(scene: &Scene<'_>, observed: &Observation) -> Option<Finding> {
    let (empty, answers) = (observed.sampled.empty, observed.sampled.answers);
    let server = observed.server;
    let rcodes: Vec<String> = observed.sampled.rcodes.keys().map(ToString::to_string).collect();
    let rcodes = rcodes.join(" and ");
    let (severity, message) = if empty == 0 {
        return None;
    } else if empty < answers {
        (Severity::Warning, format!("{empty} of {answers} answers of {server} hold no address ({rcodes})"))
    } else if scene.truth.is_none_or(Truth::serves_by_alias) {
        (Severity::Critical, format!("{server} answers with no address at all ({rcodes})"))
    } else {
        // What should be answered, if anything, is known, and is reported address by address.
        return None;
    };
    let finding = finding(FindingId::EmptyAnswer, severity, message).at(server);
    Some(finding.with("empty", empty).with("answers", answers).with("rcodes", rcodes))
}

fn diverged(scene: &Scene<'_>) -> Vec<Finding> {
    let divergences = plan::divergences(scene.aim.levels, scene.observations).into_iter();
    divergences
        .filter(|divergence| divergence.is_proven && !scene.is_clustered(divergence.server))
        .filter_map(|divergence| {
            let observed = scene.observations.get(divergence.server)?;
            let (address, server, answers) = (divergence.address, observed.server, observed.sampled.answers);
            let message = format!(
                "{address} is in {} of {} answers of the other servers, and in none of {answers} of {server}",
                divergence.seen, divergence.elsewhere,
            );
            let finding = finding(FindingId::NsDiverged, Severity::Warning, message);
            Some(
                finding
                    .about(address)
                    .at(server)
                    .with("answers", answers)
                    .with("seen_elsewhere", divergence.seen)
                    .with("answers_elsewhere", divergence.elsewhere)
                    .with("p_value", divergence.chance),
            )
        })
        .collect()
}
