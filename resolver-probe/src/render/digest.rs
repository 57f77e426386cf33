//! What several forms of a report say alike: why an address is bad, its share over all servers, which servers
//! differ, and findings that say the same of several servers.
//!
//! Nothing is judged here: it only puts together what the report holds.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use super::words;
use crate::report::{
    AddressReport, AddressVerdict, CheckReport, EvidenceValue, Finding, FindingId, ServerReport, Severity,
};
use crate::statistics::{Alpha, Decision, Interval, wilson};

/// How often all servers together answer an address.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pooled {
    /// Its part of all answers, 0 to 1.
    pub(super) share: f64,
    /// Where that lies in truth, with a confidence of 95 %.
    pub(super) interval: Interval,
}

/// Adds up how often the servers answer each address; nothing where no server answers.
pub(super) fn pooled(report: &CheckReport) -> BTreeMap<Ipv4Addr, Pooled> {
    let answers: u64 = report.servers.iter().map(|server| server.samples.udp).sum();
    let mut counts: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    for row in report.servers.iter().flat_map(|server| &server.answers) {
        *counts.entry(row.address).or_default() += row.count;
    }
    let pooled = |count: u64| Pooled {
        share: count as f64 / answers as f64,
        interval: wilson(count.min(answers), answers, Alpha::FIVE_PERCENT),
    };
    counts.retain(|_, _| answers > 0);
    counts.into_iter().map(|(address, count)| (address, pooled(count))).collect()
}

/// The addresses, those first that need somebody to look.
pub(super) fn worst_first(report: &CheckReport) -> Vec<&AddressReport> {
    let mut addresses: Vec<&AddressReport> = report.addresses.iter().collect();
    addresses.sort_by_key(|address| (address.verdict, address.address));
    addresses
}

/// Says in a few words why an address is what it is; nothing where it is as it should be.
pub(super) fn why(report: &CheckReport, address: &AddressReport) -> Option<String> {
    let about = || report.findings.iter().filter(|finding| finding.address == Some(address.address));
    let told = about().find_map(|finding| match finding.evidence.get("why") {
        Some(EvidenceValue::Text(why)) => Some(why.clone()),
        _ => None,
    });
    if told.is_some() {
        return told;
    }
    let why = match address.verdict {
        AddressVerdict::StaleRecord => "no serving instance of the pool has it".to_owned(),
        AddressVerdict::ForeignOwner => "somebody else has the address now".to_owned(),
        AddressVerdict::BlackholedEntry => return Some(silence(report, address)),
        AddressVerdict::MissingIp => {
            let (never, asked) = (address.not_answered_by.len(), report.servers.len());
            format!("its instance serves, and {never} of {asked} servers never answer it")
        }
        AddressVerdict::StaleAnswer => still(report, address),
        AddressVerdict::Unknown => "whether its instance serves was not seen".to_owned(),
        AddressVerdict::Undecided => "too few answers to tell whether it is missing".to_owned(),
        AddressVerdict::VantageBlind => "whether it is alive cannot be seen from here".to_owned(),
        AddressVerdict::Fallback | AddressVerdict::Idle | AddressVerdict::NotJudged | AddressVerdict::Ok => {
            return None;
        }
    };
    Some(why)
}

/// What became of the packets that a blackholed address was sent.
fn silence(report: &CheckReport, address: &AddressReport) -> String {
    let asked = report.reach.iter().flat_map(|document| &document.addresses);
    let mut asked: Vec<_> = asked.filter(|reach| reach.address == address.address).collect();
    asked.sort_by_key(|reach| reach.severity);
    let Some(worst) = asked.first() else { return "it does not answer what clients ask".to_owned() };
    let itself = format!("{} ", address.address);
    worst.message.strip_prefix(&itself).unwrap_or(&worst.message).to_owned()
}

fn still(report: &CheckReport, address: &AddressReport) -> String {
    let (still, asked) = (address.resolved_by.len(), report.resolvers.len());
    let stale = report.resolvers.iter().flat_map(|resolver| &resolver.stale);
    let longest =
        stale.filter(|stale| stale.address == address.address).map(|stale| stale.at_least_secs).max();
    let since = longest.map_or_else(String::new, |secs| format!(", {secs} s beyond its TTL at least"));
    format!("the name servers stopped answering it; {still} of {asked} resolvers still do{since}")
}

/// Says whether a server is to be shown by itself: it answers other addresses than the others, judges
/// differ about them, or its shares are off.
pub(super) fn differs(report: &CheckReport, index: usize) -> bool {
    let Some(server) = report.servers.get(index).filter(|server| server.samples.udp > 0) else {
        return false;
    };
    let off = server.weights.as_ref().is_some_and(|weights| weights.fit.decision == Decision::Deviates);
    off || verdicts(server) != usual_verdicts(report)
}

/// Says whether there are enough answers to call shares that agree with the weights right.
pub(super) fn are_enough(report: &CheckReport, answers: u64) -> bool {
    report.plan.as_ref().is_none_or(|plan| answers >= plan.proportions)
}

/// Addresses with what a server's answers make of them.
pub(super) type Verdicts = BTreeSet<(Ipv4Addr, AddressVerdict)>;

fn verdicts(server: &ServerReport) -> Verdicts {
    server.answers.iter().map(|row| (row.address, row.verdict)).collect()
}

/// What most servers say of the addresses; of several as common, the first server's.
pub(super) fn usual_verdicts(report: &CheckReport) -> Verdicts {
    let answering = || report.servers.iter().filter(|server| server.samples.udp > 0).map(verdicts);
    let mut votes: BTreeMap<Verdicts, usize> = BTreeMap::new();
    for verdicts in answering() {
        *votes.entry(verdicts).or_default() += 1;
    }
    let most = votes.values().max().copied();
    answering().find(|verdicts| votes.get(verdicts).copied() == most).unwrap_or_default()
}

/// Findings that say the same of several servers or resolvers.
#[derive(Debug)]
pub(super) struct Alike<'a> {
    /// The first of them.
    pub(super) first: &'a Finding,
    /// Where it is the same.
    pub(super) likewise: Vec<String>,
}

/// Puts findings together that differ in their server or resolver, and in numbers, alone.
pub(super) fn alike(findings: &[Finding]) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    let mut places: BTreeMap<(Severity, FindingId, Option<Ipv4Addr>, String), usize> = BTreeMap::new();
    for finding in findings {
        let key = (finding.severity, finding.id, finding.address, skeleton(finding));
        match (places.get(&key).and_then(|place| groups.get_mut(*place)), place_of(finding)) {
            (Some(group), Some(place)) => group.likewise.push(place),
            (Some(_) | None, _) => {
                places.insert(key, groups.len());
                groups.push(Alike { first: finding, likewise: Vec::new() });
            }
        }
    }
    groups
}

fn place_of(finding: &Finding) -> Option<String> {
    finding.resolver.clone().or_else(|| finding.server.as_ref().map(SocketAddr::to_string))
}

/// A message without its place and its numbers.
fn skeleton(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if let Some(place) = place_of(finding) {
        text = text.replace(&place, "");
    }
    text.retain(|character| !character.is_ascii_digit());
    text
}

/// A finding's figures in one line: `answers 60, count 12, share 20.0%`. Long lists and what is said elsewhere
/// are left out.
pub(super) fn evidence(finding: &Finding) -> String {
    const MOST_COUNTS: usize = 12;
    let figure = |(name, value): (&&'static str, &EvidenceValue)| {
        let value = match value {
            EvidenceValue::Count(count) => words::thousands(*count),
            EvidenceValue::Share(share) => figure_of(*share),
            EvidenceValue::Text(text) => words::plain(text),
            EvidenceValue::Counts(counts) if counts.len() <= MOST_COUNTS => {
                counts.iter().map(u64::to_string).collect::<Vec<_>>().join("/")
            }
            EvidenceValue::Counts(counts) => format!("{} counts", counts.len()),
        };
        let (name, unit) = match (name.strip_suffix("_secs"), name.strip_suffix("_ms")) {
            (Some(name), _) => (name, " s"),
            (None, Some(name)) => (name, " ms"),
            (None, None) => (*name, ""),
        };
        format!("{} {value}{unit}", name.replace('_', " "))
    };
    let figures = finding.evidence.iter().filter(|(name, _)| **name != "why").map(figure);
    figures.collect::<Vec<_>>().join(", ")
}

/// A share or a p-value: four digits that matter, or an exponent.
pub(super) fn figure_of(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.001 {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::samples;

    #[test]
    fn findings_that_differ_in_their_server_alone_are_one() {
        let report = samples::stale_record();
        let stale = || report.findings.iter().filter(|finding| finding.id == FindingId::StaleRecord);
        assert_eq!(stale().count(), 2);
        let groups = alike(&report.findings);
        let group = groups.iter().find(|group| group.first.id == FindingId::StaleRecord).unwrap();
        assert_eq!(group.likewise, ["127.0.0.2:53"]);
    }

    #[test]
    fn findings_without_a_place_are_never_put_together() {
        let mut report = samples::stale_record();
        report.findings.retain(|finding| finding.id == FindingId::StaleRecord);
        for finding in &mut report.findings {
            (finding.server, finding.message) = (None, "the same".to_owned());
        }
        assert_eq!(alike(&report.findings).len(), 2);
    }

    #[test]
    fn a_server_that_answers_like_most_does_not_differ() {
        let report = samples::hundred();
        let differing: Vec<usize> =
            (0..report.servers.len()).filter(|index| differs(&report, *index)).collect();
        assert_eq!(differing, [2]);
    }

    #[test]
    fn shares_over_all_servers_are_those_of_all_answers() {
        let report = samples::healthy();
        let sum: f64 = pooled(&report).values().map(|pooled| pooled.share).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn figures_are_short_and_exact_enough() {
        assert_eq!([0.2, 0.3333, 0.0, 1.0, 2.5e-8].map(figure_of), ["0.2", "0.3333", "0", "1", "2.5e-8"]);
    }
}
