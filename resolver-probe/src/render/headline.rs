//! The first line of a check, in the form of the Monitoring Plugins: what is wrong, worst first, and figures.
//!
//! The bar that begins performance data stands nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use super::words;
use crate::report::{AddressVerdict, CheckReport, Finding, FindingId, Severity};

/// Addresses that the first line names for one kind of finding.
const MOST_NAMED: usize = 3;

/// What is wrong, worst first; or that nothing is.
pub(super) fn what_is_wrong(report: &CheckReport) -> String {
    let mut kinds: BTreeMap<(Severity, FindingId), Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        kinds.entry((finding.severity, finding.id)).or_default().push(finding);
    }
    if kinds.is_empty() {
        let (addresses, servers) = (report.addresses.len() as u64, report.servers.len());
        let compared = if report.compared { "as expected" } else { "not compared with a fleet" };
        let counted = words::plural(addresses, "address", "addresses");
        return format!("{}: {counted} at {servers}/{servers} servers, {compared}", report.name);
    }
    let kinds = kinds.iter().map(|((_, id), findings)| kind(*id, findings, report));
    kinds.collect::<Vec<_>>().join(", ")
}

/// Names one kind of finding: `1 stale record (192.0.2.9 at 2/2 servers)`.
fn kind(id: FindingId, findings: &[&Finding], report: &CheckReport) -> String {
    let mut by_address: BTreeMap<Ipv4Addr, Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let Some(address) = finding.address {
            by_address.entry(address).or_default().push(finding);
        }
    }
    let (one, many) = words::kind(id);
    if by_address.is_empty() {
        return format!("{one}{}", at(findings, report));
    }
    let named = by_address.iter().take(MOST_NAMED);
    let mut named: Vec<String> =
        named.map(|(address, findings)| format!("{address}{}", at(findings, report))).collect();
    if by_address.len() > MOST_NAMED {
        named.push("...".to_owned());
    }
    format!("{} ({})", words::plural(by_address.len() as u64, one, many), named.join(", "))
}

/// Says where: ` at 1/2 servers`, ` at 1/3 resolvers`, or nothing.
fn at(findings: &[&Finding], report: &CheckReport) -> String {
    let servers: BTreeSet<SocketAddr> = findings.iter().filter_map(|finding| finding.server).collect();
    let resolvers: BTreeSet<&String> =
        findings.iter().filter_map(|finding| finding.resolver.as_ref()).collect();
    match (servers.len(), resolvers.len()) {
        (0, 0) => String::new(),
        (0, some) => format!(" at {some}/{} resolvers", report.resolvers.len()),
        (some, _) => format!(" at {some}/{} servers", report.servers.len()),
    }
}

/// Performance data of the Monitoring Plugins: `label=value;warn;crit;min`.
pub(super) fn performance_data(report: &CheckReport) -> String {
    let of = |verdict| report.addresses.iter().filter(|address| address.verdict == verdict).count();
    let unreachable = report.findings.iter().filter(|finding| finding.id == FindingId::NsUnreachable).count();
    let mut data = vec![
        format!("stale={};;;0", of(AddressVerdict::StaleRecord)),
        format!("missing={};;;0", of(AddressVerdict::MissingIp)),
        format!("unreachable={unreachable};;;0"),
        format!("servers={};;;0", report.servers.len()),
        format!("answers={};;;0", answers(report)),
    ];
    if !report.reach.is_empty() {
        data.push(format!("blackholed={};;;0", of(AddressVerdict::BlackholedEntry)));
    }
    if !report.resolvers.is_empty() {
        data.push(format!("stale_answers={};;;0", of(AddressVerdict::StaleAnswer)));
    }
    data.push(format!("time={:.3}s;;;0", report.duration.as_secs_f64()));
    data.join(" ")
}

/// Answers of all servers, over UDP and TCP.
pub(super) fn answers(report: &CheckReport) -> u64 {
    report.servers.iter().map(|server| server.samples.udp + server.samples.tcp).sum()
}
