//! Findings about resolvers: TTLs that are stretched, answers that are stale, and no answers.
//!
//! What an answer shows is read off it elsewhere; here it becomes a row, a sentence and a severity.
//!
//! An address that the authority has withdrawn and a resolver still answers after its TTL is *critical* where
//! the fleet says that nobody serves there: that resolver's clients are sent to it now. Without a fleet it is a
//! *warning*: that the address is dead is not known. While its TTL is not over it is no fault at all; where the run
//! ended before it was, that is *unknown*. A resolver that stretches or serves stale will hurt clients after the
//! next change, so it is a *warning* although every answer may be right at the moment. One that does not
//! answer hurts its own clients alone, who have others: a *warning* too.

mod report;

use std::net::Ipv4Addr;

use super::finding;
use crate::report::{
    AddressReport, AddressVerdict, Finding, FindingId, ResolverReport, Severity, StaleInterval,
};
use crate::resolver::ResolverReply;
use crate::staleness::{Fate, Reference, STALE_TTL_SECS, Series, Sign, Signs, fate, signs};
use crate::truth::{Standing, Truth};

/// Everything about the resolvers of one run.
pub(crate) struct Judged {
    pub(crate) reports: Vec<ResolverReport>,
    pub(crate) findings: Vec<Finding>,
}

/// Judges every resolver.
pub(crate) fn judge(reference: &Reference<'_>, all: &[Series]) -> Judged {
    let mut judged = Judged { reports: Vec::new(), findings: Vec::new() };
    for series in all {
        let signs = signs(reference.ttl_secs(), series);
        let addresses = series.addresses().into_iter();
        let fates: Vec<(Ipv4Addr, Fate)> =
            addresses.map(|address| (address, fate(reference, series, &signs, address))).collect();
        let view = View { reference, series, signs: &signs, fates: &fates };
        judged.findings.extend(view.findings());
        judged.reports.push(report::report(&view));
    }
    if !all.is_empty() {
        judged.findings.extend(blind_ttl(reference));
    }
    judged
}

/// Adds to each address who resolves it, and addresses that only resolvers answer.
pub(super) fn beside(
    mut addresses: Vec<AddressReport>,
    resolvers: &[ResolverReport],
    truth: Option<&Truth>,
) -> Vec<AddressReport> {
    for resolver in resolvers {
        for answer in &resolver.answers {
            let place = addresses.iter().position(|report| report.address == answer.address);
            let place = place.unwrap_or_else(|| {
                addresses.push(only_resolved(&addresses, answer.address, answer.verdict, truth));
                addresses.len() - 1
            });
            let Some(report) = addresses.get_mut(place) else { continue };
            report.resolved_by.push(resolver.resolver.clone());
            // What the zone answers is judged by the zone's answers; a cache only repeats them.
            if report.answered_by.is_empty() || answer.verdict == AddressVerdict::StaleAnswer {
                report.verdict = report.verdict.min(answer.verdict);
            }
        }
    }
    addresses.sort_by_key(|report| report.address);
    addresses
}

fn only_resolved(
    others: &[AddressReport],
    address: Ipv4Addr,
    verdict: AddressVerdict,
    truth: Option<&Truth>,
) -> AddressReport {
    let mut answering: Vec<_> = others
        .iter()
        .flat_map(|report| report.answered_by.iter().chain(&report.not_answered_by))
        .copied()
        .collect();
    answering.sort_unstable();
    answering.dedup();
    AddressReport {
        address,
        verdict,
        instance: truth.and_then(|truth| super::instance(truth, address)),
        expected_share: None,
        liveness: None,
        answered_by: Vec::new(),
        not_answered_by: answering,
        resolved_by: Vec::new(),
    }
}

/// One resolver, as far as it is understood.
struct View<'a> {
    reference: &'a Reference<'a>,
    series: &'a Series,
    signs: &'a Signs,
    fates: &'a [(Ipv4Addr, Fate)],
}

impl View<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = [self.unreachable(), self.failing(), self.empty(), self.stretched()]
            .into_iter()
            .flatten()
            .collect();
        let stale: Vec<Finding> =
            self.fates.iter().filter_map(|(address, fate)| self.of_address(*address, fate)).collect();
        if stale.iter().all(|finding| finding.severity == Severity::Unknown) {
            findings.extend(self.serves_stale());
        }
        findings.extend(stale);
        findings
    }

    fn finding(&self, id: FindingId, severity: Severity, message: String) -> Finding {
        Finding { resolver: Some(self.series.resolver.clone()), ..finding(id, severity, message) }
    }

    fn unreachable(&self) -> Option<Finding> {
        let (resolver, asked) = (&self.series.resolver, self.series.asked.len());
        let Some(last) = self.series.asked.last() else {
            let message = format!("no question to {resolver} was over at the end");
            return Some(self.finding(FindingId::TooFewSamples, Severity::Unknown, message));
        };
        if self.series.replies().next().is_some() {
            return None;
        }
        let why = last.outcome.as_ref().err().map_or_else(String::new, ToString::to_string);
        let message = format!("resolver {resolver} never answered ({asked} questions): {why}");
        // While no name server answers, a resolver may only be waiting for one.
        let severity = if self.reference.authority.answers() { Severity::Warning } else { Severity::Info };
        let finding = self.finding(FindingId::NsUnreachable, severity, message);
        Some(finding.with("asked", asked as u64).with("failure", why))
    }

    /// A resolver that fails while the authority answers. Once the authority does not any more, that is why.
    fn failing(&self) -> Option<Finding> {
        let last_answer = self.reference.authority.last_answer();
        let failing: Vec<String> = self
            .series
            .replies()
            .filter(|(at, reply)| !reply.rcode.is_answer() && Some(*at) <= last_answer)
            .map(|(_, reply)| reply.rcode.to_string())
            .collect();
        let rcode = failing.last()?;
        let (resolver, replies) = (&self.series.resolver, self.series.replies().count());
        let failed = failing.len();
        let message = format!(
            "resolver {resolver} says {rcode} in {failed} of {replies} replies, and the name servers answer"
        );
        let finding = self.finding(FindingId::Lame, Severity::Warning, message);
        Some(
            finding
                .with("failed", failed as u64)
                .with("replies", replies as u64)
                .with("rcode", rcode.as_str()),
        )
    }

    /// A resolver that knows of no address while the authority always has one.
    fn empty(&self) -> Option<Finding> {
        let answers: Vec<_> = self.series.answers().map(|(_, reply)| reply).collect();
        let is_empty = |reply: &&&ResolverReply| reply.addresses.is_empty() && reply.alias.is_none();
        let last = answers.iter().rev().find(is_empty);
        let last = last.filter(|_| self.reference.authority.always_has_addresses())?;
        let (resolver, count, answers) =
            (&self.series.resolver, answers.iter().filter(is_empty).count(), answers.len());
        let (rcode, remembered) = (last.rcode, last.negative_ttl_secs);
        let until =
            remembered.map_or_else(String::new, |secs| format!(", which it may remember for {secs} s"));
        let message = format!(
            "resolver {resolver} answers with no address ({rcode}) {count} of {answers} times{until}, and every \
             name server has one"
        );
        let finding = self.finding(FindingId::EmptyAnswer, Severity::Warning, message);
        let finding = finding.with("empty", count as u64).with("answers", answers as u64);
        Some(match remembered {
            Some(secs) => finding.with("negative_ttl_secs", u64::from(secs)),
            None => finding,
        })
    }

    fn stretched(&self) -> Option<Finding> {
        let ttl = self.reference.ttl_secs()?;
        let (highest, replies, hides_first) = self.signs.signs.iter().find_map(|sign| match sign {
            Sign::TtlAbove { highest_ttl_secs, replies, hides_first } => {
                Some((*highest_ttl_secs, *replies, *hides_first))
            }
            _ => None,
        })?;
        let resolver = &self.series.resolver;
        let hidden = if hides_first { ", though not in its first answer," } else { "" };
        let message = format!(
            "resolver {resolver} answers with TTL {highest} s{hidden} and the authority's is {ttl} s: what is removed \
             from the zone stays there for at least {highest} s (unless the zone's TTL was as long until {highest} s ago)"
        );
        let finding = self.finding(FindingId::TtlStretched, Severity::Warning, message);
        Some(
            finding
                .with("highest_ttl_secs", u64::from(highest))
                .with("authority_ttl_secs", u64::from(ttl))
                .with("replies", replies),
        )
    }

    fn of_address(&self, address: Ipv4Addr, fate: &Fate) -> Option<Finding> {
        match fate {
            Fate::Valid | Fate::Dropped => None,
            Fate::Stale(interval) => Some(self.stale(interval, false)),
            Fate::Expired(interval) => Some(self.stale(interval, true)),
            Fate::Suspect(until) => {
                let message = format!(
                    "resolver {} answers {address}, which no name server does; it may have it until {until:.0}, which \
                     was not waited for (hint: give a longer --deadline, or the --history of a watch)",
                    self.series.resolver
                );
                Some(self.finding(FindingId::StaleAnswer, Severity::Unknown, message).about(address))
            }
            // Where no name server answers, there is nothing to compare with, and that is said elsewhere.
            Fate::Unproven if !self.reference.authority.answers() => None,
            Fate::Unproven => {
                let message = format!(
                    "resolver {} answers {address}, which no name server was seen to answer; too few answers, or a name \
                     server without any, leave open whether one does",
                    self.series.resolver
                );
                Some(self.finding(FindingId::StaleAnswer, Severity::Unknown, message).about(address))
            }
        }
    }

    fn stale(&self, interval: &StaleInterval, by_its_signs: bool) -> Finding {
        let StaleInterval { address, gone_by, last_answered_at, at_least_secs, .. } = interval;
        let owner = self.reference.truth.and_then(|truth| gone_owner(truth, *address));
        let whose = owner.as_ref().map_or_else(String::new, |(_, why)| format!("; {why}"));
        let how = if by_its_signs {
            format!("the answer had expired by its own signs: {}", self.signs_of_staleness())
        } else {
            let at_most =
                interval.at_most_secs.map_or_else(String::new, |most| format!(" and at most {most} s"));
            format!(
                "at {last_answered_at:.0} it was stale for at least {at_least_secs} s{at_most} beyond its TTL"
            )
        };
        let message = format!(
            "resolver {} still answers {address}, which no name server did any more by {gone_by:.0}; {how}{whose}",
            self.series.resolver
        );
        let severity = if owner.is_some() { Severity::Critical } else { Severity::Warning };
        let mut finding = self.finding(FindingId::StaleAnswer, severity, message).about(*address);
        finding.instance = owner.and_then(|(instance, _)| instance);
        finding.evidence.extend(self.evidence());
        let finding = finding.with("stale_at_least_secs", *at_least_secs);
        match interval.at_most_secs {
            Some(most) => finding.with("stale_at_most_secs", most),
            None => finding,
        }
    }

    /// A resolver that gives what has expired, though nothing wrong was seen to come of it.
    fn serves_stale(&self) -> Option<Finding> {
        let evidence = self.evidence();
        if evidence.is_empty() {
            return None;
        }
        let message = format!(
            "resolver {} answers from its cache after the TTL is over ({}): what is removed from the zone may be \
             answered there long after",
            self.series.resolver,
            self.signs_of_staleness()
        );
        let mut finding = self.finding(FindingId::StaleAnswer, Severity::Warning, message);
        finding.evidence = evidence.into_iter().collect();
        Some(finding)
    }

    fn signs_of_staleness(&self) -> String {
        let stale = self.signs.signs.iter().filter(|sign| sign.is_stale());
        stale.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    /// What shows that answers are stale, beside the address.
    fn evidence(&self) -> Vec<(&'static str, crate::report::EvidenceValue)> {
        let of = |sign: &Sign| {
            Some(match sign {
                Sign::SaysStale { replies } => ("says_stale", *replies),
                Sign::Plateau { replies, .. } => ("plateau", *replies),
                Sign::Jump { times } => ("jumps_to_30", *times),
                Sign::SlowStale { rtt_ms, .. } => ("slow_stale_rtt_ms", *rtt_ms),
                Sign::TtlAbove { .. }
                | Sign::Clamped { .. }
                | Sign::Constant { .. }
                | Sign::Authoritative => {
                    return None;
                }
            })
        };
        self.signs.signs.iter().filter_map(of).map(|(name, count)| (name, count.into())).collect()
    }
}

/// Says that nobody serves with an address, and who had it.
fn gone_owner(truth: &Truth, address: Ipv4Addr) -> Option<(Option<String>, String)> {
    match truth.standing(address) {
        Standing::NotServing(instance, why) => {
            Some((Some(instance.to_string()), format!("instance {instance}, which has it, {why}")))
        }
        Standing::Nobody => Some((None, "no serving instance has it".to_owned())),
        Standing::Expected(_) | Standing::Fallback | Standing::Unsure(_) => None,
    }
}

/// Says that one TTL hides stale answers.
fn blind_ttl(reference: &Reference<'_>) -> Option<Finding> {
    let ttl = reference.authority.ttl_secs().filter(|ttl| *ttl == STALE_TTL_SECS)?;
    let message = format!(
        "the record's TTL is {ttl} s, which is the one of stale answers (RFC 8767): resolvers that serve them cannot be \
         told by it (hint: use 20 or 25)"
    );
    let finding = finding(FindingId::StaleAnswer, Severity::Info, message);
    Some(finding.with("authority_ttl_secs", u64::from(ttl)))
}
