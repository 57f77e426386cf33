//! Findings about addresses that were asked whether they are alive, together with what the fleet knows of them.
//!
//! | answered, and | alive | dead | somebody else's certificate | cannot be judged |
//! |---|---|---|---|---|
//! | its instance should serve | – | `blackholed-entry` | `foreign-owner` | `vantage-blind` |
//! | nothing says whether it should | – | `blackholed-entry` | `foreign-owner` | `vantage-blind` |
//! | no running instance has it | `foreign-owner` | – | `foreign-owner` | – |
//! | an instance of the pool has it that should not serve | – | – | `foreign-owner` | – |
//! | a running instance of nobody's or another pool has it | `foreign-owner` | `foreign-owner` | `foreign-owner` | `foreign-owner` |
//!
//! The last three are stale records besides, which is said elsewhere. What is not answered hurts no client:
//! its liveness is evidence, and no finding. Whether an address is alive was judged with the asking.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::finding;
use crate::reach::{InstanceStanding, Liveness, ReachDocument, ReachProbe, ReachReport};
use crate::report::{AddressReport, AddressVerdict, Finding, FindingId, Severity};
use crate::truth::Truth;

/// Writes what was found alive, dead or neither into the reports of the addresses, and returns the findings.
pub(super) fn findings(
    truth: Option<&Truth>,
    documents: &[ReachDocument],
    addresses: &mut [AddressReport],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for report in addresses.iter_mut() {
        let asked: Vec<Asked<'_>> = asked(documents, report.address).collect();
        let worst = asked.iter().min_by_key(|asked| (asked.report.severity, asked.report.liveness));
        report.liveness = worst.map(|asked| asked.report.liveness);
        if asked.is_empty() || (report.answered_by.is_empty() && report.resolved_by.is_empty()) {
            continue;
        }
        let about = About { truth, verdict: report.verdict };
        findings.extend(about.foreign(&asked));
        findings.extend(asked.iter().filter_map(|asked| about.blackholed(asked)));
        let verdict = asked.iter().map(|asked| about.verdict(asked)).min();
        report.verdict = verdict.map_or(report.verdict, |verdict| report.verdict.min(verdict));
    }
    findings.extend(unjudged(documents, addresses));
    findings
}

/// Returns findings about addresses that could not be judged, one for each probe and reason.
fn unjudged(documents: &[ReachDocument], addresses: &[AddressReport]) -> Vec<Finding> {
    let is_served = |address: Ipv4Addr| {
        let mut reports = addresses.iter().filter(|report| report.address == address);
        reports.any(|report| {
            let answered = !report.answered_by.is_empty() || !report.resolved_by.is_empty();
            answered && !is_stale(report.verdict)
        })
    };
    documents.iter().flat_map(|document| unjudged_by(document, &is_served)).collect()
}

/// Adds what is known of an address's life to what was found of its record.
pub(super) fn add_evidence(findings: &mut [Finding], addresses: &[AddressReport]) {
    let known: BTreeMap<Ipv4Addr, Liveness> =
        addresses.iter().filter_map(|report| Some((report.address, report.liveness?))).collect();
    let of_records = findings
        .iter_mut()
        .filter(|finding| matches!(finding.id, FindingId::StaleRecord | FindingId::MissingIp));
    for finding in of_records {
        if let Some(liveness) = finding.address.and_then(|address| known.get(&address)) {
            finding.evidence.insert("liveness", liveness.to_string().into());
        }
    }
}

/// One address as one probe found it.
struct Asked<'a> {
    probe: &'a ReachProbe,
    report: &'a ReachReport,
}

fn asked(documents: &[ReachDocument], address: Ipv4Addr) -> impl Iterator<Item = Asked<'_>> {
    documents.iter().filter_map(move |document| {
        let report = document.addresses.iter().find(|report| report.address == address)?;
        Some(Asked { probe: &document.probe, report })
    })
}

/// What else is known of an address.
struct About<'a> {
    truth: Option<&'a Truth>,
    /// What was found of its record.
    verdict: AddressVerdict,
}

/// Says whether an address should not be answered: that is a finding already, whatever its liveness.
fn is_stale(verdict: AddressVerdict) -> bool {
    matches!(verdict, AddressVerdict::StaleRecord | AddressVerdict::StaleAnswer)
}

/// What one probe says of an answered address.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Alive,
    Dead,
    SomebodyElse,
    Unjudged,
}

fn said(report: &ReachReport) -> Said {
    match (report.liveness, report.severity) {
        (Liveness::WrongIdentity, _) => Said::SomebodyElse,
        // Where it speaks, and not as clients do, it is of no use to them.
        (Liveness::Alive, Severity::Warning | Severity::Critical)
            if report.instance != InstanceStanding::NotRunning =>
        {
            Said::Dead
        }
        (Liveness::Alive, _) => Said::Alive,
        (Liveness::Refused | Liveness::Unreachable | Liveness::WrongReply, _)
        | (Liveness::SilentHostUp | Liveness::Silent, _) => Said::Dead,
        (Liveness::Filtered | Liveness::VantageBlind | Liveness::NotProbed, _) => Said::Unjudged,
    }
}

impl About<'_> {
    fn verdict(&self, asked: &Asked<'_>) -> AddressVerdict {
        match said(asked.report) {
            Said::SomebodyElse => AddressVerdict::ForeignOwner,
            _ if is_stale(self.verdict) => self.verdict,
            Said::Alive => AddressVerdict::Ok,
            Said::Dead => AddressVerdict::BlackholedEntry,
            Said::Unjudged => AddressVerdict::VantageBlind,
        }
    }

    /// Says that somebody else has the address, once, on the best evidence that there is.
    fn foreign(&self, asked: &[Asked<'_>]) -> Option<Finding> {
        let by_certificate = asked.iter().find(|asked| said(asked.report) == Said::SomebodyElse);
        if let Some(asked) = by_certificate {
            let message = format!("{}; the name gives out the address", asked.report.message);
            return Some(self.finding(FindingId::ForeignOwner, Severity::Critical, message, asked));
        }
        let first = asked.first().filter(|_| is_stale(self.verdict))?;
        let alive = asked.iter().find(|asked| said(asked.report) == Said::Alive);
        let address = first.report.address;
        let holder = self.truth.and_then(|truth| truth.holder(address));
        let (message, evidence) = match (holder, alive) {
            (Some(holder), _) if holder.standing == InstanceStanding::Running && !holder.is_of_pool => {
                let instance = &holder.instance;
                let message = format!(
                    "{address} is given out by the name, and belongs to instance {instance}, which runs and is \
                     none of the pool's"
                );
                (message, alive.unwrap_or(first))
            }
            (Some(holder), Some(alive)) if holder.standing == InstanceStanding::NotRunning => {
                let (instance, what) = (&holder.instance, alive.probe);
                let message = format!(
                    "{address} answers {what}, and instance {instance}, which had it, does not run: somebody \
                     else has it now, and the name still gives it out"
                );
                (message, alive)
            }
            (None, Some(alive)) if self.truth.is_some_and(Truth::knows_all) => {
                let what = alive.probe;
                let message = format!(
                    "{address} answers {what}, and no instance of the fleet has it: somebody else has it now, \
                     and the name still gives it out"
                );
                (message, alive)
            }
            (Some(_) | None, _) => return None,
        };
        Some(self.finding(FindingId::ForeignOwner, Severity::Critical, message, evidence))
    }

    fn blackholed(&self, asked: &Asked<'_>) -> Option<Finding> {
        let report = asked.report;
        if is_stale(self.verdict) || said(report) != Said::Dead {
            return None;
        }
        let who = match self.truth.and_then(|truth| truth.holder(report.address)) {
            Some(holder) if holder.standing == InstanceStanding::Running => {
                format!(", and instance {}, which has it, runs", holder.instance)
            }
            Some(_) | None => String::new(),
        };
        let message = format!("{}; the name gives out the address{who}", report.message);
        Some(self.finding(FindingId::BlackholedEntry, report.severity, message, asked))
    }

    fn finding(&self, id: FindingId, severity: Severity, message: String, asked: &Asked<'_>) -> Finding {
        let report = asked.report;
        let holder = self.truth.and_then(|truth| truth.holder(report.address));
        let mut finding = finding(id, severity, message).about(report.address);
        finding.instance = holder.map(|holder| holder.instance.to_string());
        let finding = finding
            .with("probe", asked.probe.to_string())
            .with("liveness", report.liveness.to_string())
            .with("sent", report.evidence.sent)
            .with("replies", report.evidence.replies);
        match report.asked {
            Some(asked) => finding.with("asked", asked.to_string()),
            None => finding,
        }
    }
}

/// What the deadline cut short is too little asked; everything else is a matter of where the probe stands.
fn unjudged_by<'a>(
    document: &'a ReachDocument,
    is_served: &dyn Fn(Ipv4Addr) -> bool,
) -> impl Iterator<Item = Finding> + 'a {
    let mut by_id: BTreeMap<FindingId, Vec<&ReachReport>> = BTreeMap::new();
    let unjudged = document.addresses.iter().filter(|report| said(report) == Said::Unjudged);
    for report in unjudged.filter(|report| is_served(report.address)) {
        let cut_short = report.liveness == Liveness::NotProbed && report.evidence.failure.is_none();
        let id = if cut_short { FindingId::TooFewSamples } else { FindingId::VantageBlind };
        by_id.entry(id).or_default().push(report);
    }
    by_id.into_iter().filter_map(|(id, reports)| {
        let (first, rest) = reports.split_first()?;
        let others = match rest.len() {
            0 => String::new(),
            1 => "; so it is with 1 other address".to_owned(),
            more => format!("; so it is with {more} other addresses"),
        };
        let message = format!("{}{others}", first.message);
        let addresses: Vec<String> = reports.iter().map(|report| report.address.to_string()).collect();
        Some(
            finding(id, Severity::Unknown, message)
                .with("probe", document.probe.to_string())
                .with("vantage", document.vantage.to_string())
                .with("count", reports.len() as u64)
                .with("addresses", addresses.join(" ")),
        )
    })
}

#[cfg(test)]
#[path = "liveness_tests.rs"]
mod tests;
