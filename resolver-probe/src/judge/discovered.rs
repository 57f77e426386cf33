//! Findings about how the name servers were found: delegations that are broken, and searches that failed.
//!
//! What the servers then answer is judged elsewhere; a server that is sampled is judged by its samples.

use super::finding;
use crate::discover::{Discovery, Fault, FaultKind, Presence};
use crate::report::{Finding, FindingId, Severity};

pub(crate) fn findings(found: &Discovery) -> Vec<Finding> {
    let mut findings = vec![absent(found), not_found(found), alias(found), on_the_way(found)];
    let faults = found.faults.iter().filter(|fault| is_of_zone(found, fault));
    findings.extend(faults.map(|fault| of_fault(found, fault)));
    findings.into_iter().flatten().collect()
}

/// Faults of the zone's own name servers, and not of those on the way to it.
fn is_of_zone(found: &Discovery, fault: &Fault) -> bool {
    let own_name = fault.name_server.as_ref();
    let of_name = own_name.is_some_and(|name| found.name_servers.iter().any(|server| server.name == *name));
    found.zone.is_some() && (of_name || found.zone.as_ref() == Some(&fault.zone))
}

fn of_fault(found: &Discovery, fault: &Fault) -> Option<Finding> {
    let sampled = found.servers().any(|(server, _)| Some(server) == fault.server);
    let (id, severity) = match fault.kind {
        FaultKind::Unreachable | FaultKind::Lame if sampled => return None,
        FaultKind::Unreachable | FaultKind::NoAddress | FaultKind::Loop | FaultKind::NoServer => {
            (FindingId::NsUnreachable, Severity::Warning)
        }
        FaultKind::Lame => (FindingId::Lame, Severity::Warning),
        // Resolvers take what they are given first, and find out.
        FaultKind::GlueDiffers | FaultKind::NamesDiffer => (FindingId::NsDiverged, Severity::Info),
        FaultKind::Bound => (FindingId::TooFewSamples, Severity::Unknown),
    };
    let finding = finding(id, severity, sentence(fault));
    let finding = finding.with("delegated_zone", fault.zone.as_str());
    Some(match fault.server {
        Some(server) => finding.at(server),
        None => finding,
    })
}

fn sentence(fault: &Fault) -> String {
    let zone = &fault.zone;
    match (&fault.name_server, fault.server) {
        (Some(name), _) => format!("name server {name} ({zone}): {}", fault.why),
        (None, Some(server)) => format!("{server} ({zone}): {}", fault.why),
        (None, None) => format!("{zone}: {}", fault.why),
    }
}

fn absent(found: &Discovery) -> Option<Finding> {
    let zone = found.zone.as_ref().filter(|_| found.belongs_to_others())?;
    let zone = if zone == "." { "the root" } else { zone };
    let message = format!("{} does not exist: the servers of {zone} know no zone for it", found.name);
    Some(finding(FindingId::EmptyAnswer, Severity::Critical, message))
}

fn not_found(found: &Discovery) -> Option<Finding> {
    if found.zone.is_some() {
        return None;
    }
    let why = found.faults.last().map_or_else(|| "nothing was asked".to_owned(), sentence);
    let message = format!("the name servers of {} were not found: {why}", found.name);
    let finding = finding(FindingId::TooFewSamples, Severity::Unknown, message);
    Some(finding.with("faults", found.faults.len() as u64).with("queries", u64::from(found.queries)))
}

fn alias(found: &Discovery) -> Option<Finding> {
    let target = found.alias.as_ref().filter(|_| found.presence == Presence::Exists)?;
    let message = format!("{} is an alias (CNAME) of {target}, which was not followed", found.name);
    Some(finding(FindingId::EmptyAnswer, Severity::Info, message))
}

/// What went wrong above the zone is somebody else's, and worth one line.
fn on_the_way(found: &Discovery) -> Option<Finding> {
    found.zone.as_ref()?;
    let mut others = found.faults.iter().filter(|fault| !is_of_zone(found, fault));
    let first = others.next()?;
    let more = others.count();
    let others = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let message = format!("on the way to the zone, {}{others}", sentence(first));
    let finding = finding(FindingId::NsUnreachable, Severity::Info, message);
    Some(finding.with("faults", more as u64 + 1))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::discover::{Authority, FoundBy, Listed, NameServer};
    use crate::fixtures::server;

    fn found(zone: Option<&str>, faults: Vec<Fault>) -> Discovery {
        let name_server = NameServer {
            name: "ns1.example.com".to_owned(),
            listed: Listed::Both,
            addresses: BTreeSet::new(),
        };
        Discovery {
            name: "video.example.com".to_owned(),
            found_by: FoundBy::Delegation,
            zone: zone.map(str::to_owned),
            presence: Presence::Exists,
            alias: None,
            parent_names: None,
            zone_names: None,
            name_servers: vec![name_server],
            authorities: vec![Authority {
                server: server(1),
                names: Vec::new(),
                authoritative: true,
                serial: None,
            }],
            soa_ttl_secs: None,
            soa_minimum_secs: None,
            ipv6: false,
            faults,
            queries: 9,
        }
    }

    fn fault(zone: &str, n: Option<u8>, name: Option<&str>, kind: FaultKind) -> Fault {
        let (zone, name_server) = (zone.to_owned(), name.map(str::to_owned));
        Fault { zone, server: n.map(server), name_server, kind, why: "it broke".to_owned() }
    }

    fn briefs(found: &Discovery) -> Vec<(FindingId, Severity)> {
        findings(found).iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    #[test]
    fn a_search_that_failed_is_unknown_with_its_reason() {
        let found = found(None, vec![fault(".", None, None, FaultKind::NoServer)]);
        assert_eq!(briefs(&found), [(FindingId::TooFewSamples, Severity::Unknown)]);
        assert!(findings(&found)[0].message.ends_with("were not found: .: it broke"));
    }

    #[test]
    fn a_sampled_server_is_judged_by_its_samples_and_a_name_without_address_is_told() {
        let zone = "example.com";
        let faults = vec![
            fault(zone, Some(1), None, FaultKind::Lame),
            fault(zone, None, Some("ns1.example.com"), FaultKind::NoAddress),
            fault(zone, Some(1), None, FaultKind::NamesDiffer),
        ];
        let expected =
            [(FindingId::NsUnreachable, Severity::Warning), (FindingId::NsDiverged, Severity::Info)];
        assert_eq!(briefs(&found(Some(zone), faults)), expected);
    }

    #[test]
    fn faults_above_the_zone_are_one_line() {
        let faults = vec![
            fault("com", Some(7), None, FaultKind::Unreachable),
            fault(".", Some(8), None, FaultKind::Unreachable),
        ];
        let found = found(Some("example.com"), faults);
        assert_eq!(briefs(&found), [(FindingId::NsUnreachable, Severity::Info)]);
        assert!(findings(&found)[0].message.ends_with("(and 1 more)"));
    }

    #[test]
    fn a_name_without_a_zone_does_not_exist_and_the_registry_is_not_sampled() {
        let mut found = found(Some("com"), Vec::new());
        found.presence = Presence::NoSuchName;
        assert!(found.belongs_to_others());
        assert_eq!(briefs(&found), [(FindingId::EmptyAnswer, Severity::Critical)]);
    }
}
