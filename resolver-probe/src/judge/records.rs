//! Findings about the hosted zone's records: whose they are, their weights, and how far servers follow them.
//!
//! Whether an address should be answered is the truth's to say. A listing is a moment earlier than the
//! answers, so that a record which changes in between makes a remark and never an alarm.

use std::net::Ipv4Addr;

use registrar_core::record_set::RecordSet;

use super::{Scene, finding, habit};
use crate::order::Habit;
use crate::records::{Ownership, RecordInventory};
use crate::report::{Finding, FindingId, Severity};
use crate::truth::{Standing, Truth};

/// Where a finding about weights comes from, beside the answers.
const SOURCE: &str = "hosted-zone";

pub(super) fn findings(scene: &Scene<'_>, held: &RecordInventory) -> Vec<Finding> {
    let mut findings: Vec<Finding> = held.records().filter_map(|record| foreign(held, record)).collect();
    match scene.truth {
        Some(truth) => {
            findings.extend(held.records().filter_map(|record| wrong_weight(truth, held, record)));
            findings.extend(held.records().filter_map(|record| left_over(scene, truth, held, record)));
        }
        None => findings.extend(held.records().flat_map(|record| never_answered(scene, held, record))),
    }
    findings.extend(held.records().filter(|record| held.leads_nowhere(record)).map(leads_nowhere));
    findings.extend(held.gap().map(|gap| {
        let message = format!("the records of the hosted zone were not read whole: {gap}");
        finding(FindingId::TruthIncomplete, Severity::Unknown, message)
    }));
    findings
}

/// Adds to findings about the answers what the hosted zone says of the same address.
pub(super) fn explain(findings: &mut [Finding], held: &RecordInventory) {
    for finding in findings {
        let of_server = finding.server.is_some();
        let explained = finding.address.filter(|_| of_server).and_then(|address| match finding.id {
            FindingId::StaleRecord => why_stale(held, address),
            FindingId::MissingIp | FindingId::NsDiverged => why_missing(held, address),
            _ => None,
        });
        if let Some((state, sentence)) = explained {
            finding.message = format!("{}; {sentence}", finding.message);
            finding.evidence.insert("hosted_zone", state.into());
        }
    }
}

fn why_stale(held: &RecordInventory, address: Ipv4Addr) -> Option<(&'static str, String)> {
    match (held.holding(address).next(), held.gap()) {
        (Some(record), _) => Some(("held", format!("the hosted zone still holds it ({})", brief(record)))),
        (None, None) => {
            Some(("absent", "the hosted zone no longer holds it, so that the server lags".to_owned()))
        }
        (None, Some(_)) => None,
    }
}

fn why_missing(held: &RecordInventory, address: Ipv4Addr) -> Option<(&'static str, String)> {
    let why = match (held.holding(address).next(), held.gap()) {
        (Some(record), _) if record.weight == Some(0) => {
            ("held", "the hosted zone holds it with weight 0".to_owned())
        }
        (Some(record), _) if !held.is_reached(record) => {
            ("unreached", format!("the hosted zone holds it at {}, where no alias leads", record.name))
        }
        (Some(RecordSet { health_check_id: Some(id), .. }), _) => {
            ("held", format!("the hosted zone holds it under health check {id}, which may keep it back"))
        }
        (Some(record), _) => {
            ("held", format!("the hosted zone holds it ({}), so that the server lags", brief(record)))
        }
        (None, None) => ("absent", "the hosted zone does not hold it".to_owned()),
        (None, Some(_)) => return None,
    };
    Some(why)
}

/// A record set in a few words: its set identifier and weight.
fn brief(record: &RecordSet) -> String {
    let weight = record.weight.map(|weight| format!("weight {weight}"));
    let identifier = record.set_identifier.as_ref().map(|text| text.escape_debug().to_string());
    let parts: Vec<String> = identifier.into_iter().chain(weight).collect();
    if parts.is_empty() { "a record without a set identifier".to_owned() } else { parts.join(", ") }
}

fn foreign(held: &RecordInventory, record: &RecordSet) -> Option<Finding> {
    let addresses: Vec<Ipv4Addr> = record.addresses().collect();
    let is_whole = record.set_identifier.is_some() || addresses.is_empty();
    let holders: Vec<(Option<Ipv4Addr>, Ownership)> = if is_whole {
        vec![(addresses.first().copied(), held.ownership(record, None))]
    } else {
        addresses.iter().map(|address| (Some(*address), held.ownership(record, Some(*address)))).collect()
    };
    let mut foreign = holders.into_iter().filter(|(_, holder)| !matches!(holder, Ownership::Ours(_)));
    let (address, holder) = foreign.next()?;
    let more: Vec<String> = foreign.filter_map(|(address, _)| address).map(|ip| ip.to_string()).collect();
    let whose = match &holder {
        Ownership::OfOwner(owner) => {
            format!("it has the mark of deployment {}, pool {}", owner.deployment, owner.pool)
        }
        Ownership::Ours(_) | Ownership::Unmarked => "it has no mark of the registrar".to_owned(),
    };
    let message =
        format!("the hosted zone holds a record that is not of {}: {record} ({whose})", held.owner());
    let mut finding = finding(FindingId::ForeignRecord, Severity::Warning, message);
    finding.address = address;
    let values: Vec<String> = record.values().map(str::to_owned).collect();
    let alias = record.alias_target.as_ref().map(|alias| format!("alias {}", alias.dns_name));
    let value = alias.unwrap_or_else(|| values.join(" "));
    finding = finding.with("type", record.r#type.to_string()).with("value", value);
    if let Some(identifier) = &record.set_identifier {
        finding = finding.with("set_identifier", identifier.as_str());
    }
    if let Some(weight) = record.weight {
        finding = finding.with("weight", u64::from(weight));
    }
    if !more.is_empty() {
        finding = finding.with("also_foreign", more.join(" "));
    }
    Some(finding)
}

/// An alias that leads to a leaf without a record answers nothing, where it is drawn. One that evaluates its target is only
/// drawn where nothing else is healthy.
fn leads_nowhere(record: &RecordSet) -> Finding {
    let target = record.alias_target.as_ref();
    let leaf = target.map(|target| target.dns_name.to_string()).unwrap_or_default();
    let evaluates = target.is_some_and(|target| target.evaluate_target_health);
    let (severity, follows) = match evaluates || record.weight == Some(0) {
        true => (Severity::Info, "it answers nothing, and is drawn where nothing else is"),
        false => (Severity::Warning, "its share of the answers is empty"),
    };
    let message = format!(
        "the hosted zone holds an alias ({}) to {leaf}, where no record stands: {follows}",
        brief(record)
    );
    let finding = finding(FindingId::EmptyAnswer, severity, message);
    finding.with("source", SOURCE).with("leaf", leaf.as_str())
}

/// The hosted zone itself has another weight than the fleet: no server can be at fault then.
fn wrong_weight(truth: &Truth, held: &RecordInventory, record: &RecordSet) -> Option<Finding> {
    let weight = record.weight?;
    let address = record.addresses().next()?;
    let Ownership::Ours(Some(instance)) = held.ownership(record, Some(address)) else { return None };
    let expected = truth.weight_of(address).filter(|expected| *expected != weight)?;
    let severity = if truth.is_paused() { Severity::Info } else { Severity::Warning };
    let message = format!(
        "the hosted zone itself gives {address} of instance {instance} weight {weight}, and the fleet says \
         {expected}"
    );
    let mut finding = finding(FindingId::WrongWeights, severity, message).about(address);
    finding.instance = Some(instance.to_string());
    Some(
        finding
            .with("source", SOURCE)
            .with("weight", u64::from(weight))
            .with("expected_weight", u64::from(expected)),
    )
}

/// The pool's own record of an address that nobody serves with, and that no server was seen to answer.
fn left_over(
    scene: &Scene<'_>,
    truth: &Truth,
    held: &RecordInventory,
    record: &RecordSet,
) -> Option<Finding> {
    let address = record.addresses().next()?;
    let is_answered = scene.observations.iter().any(|observed| observed.times_seen(address) > 0);
    if is_answered || !scene.is_answered() || record.weight == Some(0) || record.health_check_id.is_some() {
        return None;
    }
    let Ownership::Ours(instance) = held.ownership(record, Some(address)) else { return None };
    let why = match truth.standing(address) {
        Standing::NotServing(instance, why) => format!("instance {instance}, which has it, {why}"),
        Standing::Nobody => "no serving instance has it".to_owned(),
        Standing::Expected(_) | Standing::Fallback | Standing::Unsure(_) => return None,
    };
    let message = format!(
        "the hosted zone held {address} ({}) when it was listed, but {why}; no server was seen to answer it",
        brief(record)
    );
    let mut finding = finding(FindingId::StaleRecord, Severity::Info, message).about(address);
    finding.instance = instance.map(|instance| instance.to_string());
    Some(finding.with("source", SOURCE))
}

/// Without a fleet to compare with, what the hosted zone holds should be answered.
fn never_answered<'a>(
    scene: &'a Scene<'_>,
    held: &'a RecordInventory,
    record: &'a RecordSet,
) -> impl Iterator<Item = Finding> + 'a {
    let share = held.share(record).filter(|_| record.health_check_id.is_none());
    let addresses = record.addresses().filter_map(move |address| Some((address, share?)));
    addresses.flat_map(move |(address, share)| {
        let addresses = held.addresses();
        let servers = scene.observations.iter().zip(&scene.orders);
        servers.filter_map(move |(observed, order)| {
            let is_draw = habit(order.as_ref()) != Some(Habit::Clustered);
            let is_absent = is_draw && scene.aim.is_absent(observed, address, share, addresses);
            let answers = observed.sampled.answers;
            let message = format!(
                "{address} is in none of {answers} answers of {}, and the hosted zone holds it ({})",
                observed.server,
                brief(record)
            );
            let finding = finding(FindingId::MissingIp, Severity::Warning, message);
            let finding = finding.about(address).at(observed.server).with("answers", answers);
            is_absent.then(|| finding.with("expected_share", share).with("source", SOURCE))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NAME, address, listing, observation, record, request, truth};
    use crate::judge::{Seen, judge};
    use crate::report::CheckReport;

    const ONE: &str = "registrar/edge/video/i-1";

    fn report(truth: Option<Truth>, records: &[String], answers: &[(u8, u64)]) -> CheckReport {
        let mut request = request(truth);
        request.records = Some(listing(records));
        judge(&request, Seen { observations: &[observation(1, answers)], ..Seen::default() })
    }

    fn briefs(report: &CheckReport) -> Vec<(FindingId, Severity)> {
        report.findings.iter().map(|finding| (finding.id, finding.severity)).collect()
    }

    fn of(report: &CheckReport, id: FindingId) -> &Finding {
        report.findings.iter().find(|finding| finding.id == id).unwrap()
    }

    fn one_serves() -> Option<Truth> {
        Some(truth("", &[("i-1", "192.0.2.1", "running", "100")]))
    }

    #[test]
    fn a_hosted_zone_as_the_fleet_has_nothing_to_find() {
        let records = [
            record("A", ONE, 100, "192.0.2.1"),
            record("A", "registrar/edge/video/fallback", 0, "198.51.100.1"),
            record("AAAA", "", 0, "2001:db8::1"),
            record("TXT", "", 0, "x"),
        ];
        assert_eq!(briefs(&report(one_serves(), &records, &[(1, 60)])), []);
    }

    #[test]
    fn a_health_check_on_our_own_record_is_nobody_elses_business() {
        let checked = record("A", ONE, 100, "192.0.2.1").replacen('{', r#"{"HealthCheckId":"abc","#, 1);
        assert_eq!(briefs(&report(one_serves(), &[checked], &[(1, 60)])), []);
    }

    #[test]
    fn a_record_of_another_pool_is_named_with_its_mark_value_and_weight() {
        let other = "registrar/edge/audio/i-7";
        let records = [record("A", ONE, 100, "192.0.2.1"), record("A", other, 3, "192.0.2.7")];
        let report = report(one_serves(), &records, &[(1, 60)]);
        assert_eq!(briefs(&report), [(FindingId::ForeignRecord, Severity::Warning)]);
        let found = of(&report, FindingId::ForeignRecord);
        assert_eq!(found.address, Some(address(7)));
        assert_eq!(found.evidence["set_identifier"], other.into());
        assert_eq!(found.evidence["weight"], 3_u64.into());
        assert!(found.message.contains("deployment edge, pool audio"), "{}", found.message);
    }

    #[test]
    fn a_record_without_a_mark_and_a_cname_in_its_place_are_foreign() {
        for foreign in [record("A", "blue", 3, "192.0.2.7"), record("CNAME", "", 0, "www.example.com")] {
            let report = report(one_serves(), &[foreign], &[(1, 60)]);
            assert_eq!(briefs(&report), [(FindingId::ForeignRecord, Severity::Warning)]);
            assert!(report.findings[0].message.ends_with("(it has no mark of the registrar)"));
        }
    }

    #[test]
    fn a_weight_that_the_hosted_zone_itself_has_wrong_is_told_with_both() {
        let report = report(one_serves(), &[record("A", ONE, 10, "192.0.2.1")], &[(1, 60)]);
        assert_eq!(briefs(&report), [(FindingId::WrongWeights, Severity::Warning)]);
        let evidence = &report.findings[0].evidence;
        assert_eq!(evidence["source"], "hosted-zone".into());
        assert_eq!((&evidence["weight"], &evidence["expected_weight"]), (&10_u64.into(), &100_u64.into()));
    }

    #[test]
    fn a_weight_whose_tag_cannot_be_read_is_left_alone() {
        let truth = Some(truth("", &[("i-1", "192.0.2.1", "running", "many")]));
        let records = [record("A", ONE, 10, "192.0.2.1")];
        assert_eq!(briefs(&report(truth, &records, &[(1, 60)])), []);
    }

    #[test]
    fn a_stale_record_is_told_apart_by_what_the_hosted_zone_still_holds() {
        let ours = record("A", ONE, 100, "192.0.2.1");
        let stale = record("A", "registrar/edge/video/i-9", 100, "192.0.2.9");
        let held = report(one_serves(), &[ours.clone(), stale], &[(1, 30), (9, 30)]);
        let found = of(&held, FindingId::StaleRecord);
        assert!(found.message.contains("the hosted zone still holds it (registrar/edge/video/i-9, weight"));
        assert_eq!(found.evidence["hosted_zone"], "held".into());

        let lags = report(one_serves(), &[ours], &[(1, 30), (9, 30)]);
        let found = of(&lags, FindingId::StaleRecord);
        assert!(found.message.ends_with("no longer holds it, so that the server lags"), "{}", found.message);
        assert_eq!(found.evidence["hosted_zone"], "absent".into());
    }

    #[test]
    fn a_missing_address_is_told_apart_by_whether_the_hosted_zone_holds_it() {
        let both = || {
            Some(truth("", &[("i-1", "192.0.2.1", "running", "100"), ("i-2", "192.0.2.2", "running", "100")]))
        };
        let one = record("A", ONE, 100, "192.0.2.1");
        let absent = report(both(), std::slice::from_ref(&one), &[(1, 60)]);
        let found = of(&absent, FindingId::MissingIp);
        assert!(found.message.ends_with("the hosted zone does not hold it"), "{}", found.message);
        let two = record("A", "registrar/edge/video/i-2", 100, "192.0.2.2");
        let lags = report(both(), &[one, two], &[(1, 60)]);
        let found = of(&lags, FindingId::MissingIp);
        assert!(found.message.ends_with("so that the server lags"), "{}", found.message);
    }

    #[test]
    fn a_listing_that_has_gaps_is_unknown_and_proves_no_absence() {
        let mut request = request(one_serves());
        let held = listing(&[record("A", ONE, 100, "192.0.2.1")]);
        request.records = Some(held.with_gap(Some("page 2 failed".to_owned())));
        let report =
            judge(&request, Seen { observations: &[observation(1, &[(1, 30), (9, 30)])], ..Seen::default() });
        let found = of(&report, FindingId::TruthIncomplete);
        assert_eq!(found.severity, Severity::Unknown);
        assert!(found.message.ends_with("page 2 failed"), "{}", found.message);
        assert!(!of(&report, FindingId::StaleRecord).evidence.contains_key("hosted_zone"));
    }

    #[test]
    fn our_own_record_that_is_neither_right_nor_answered_is_worth_a_remark() {
        let gone = record("A", "registrar/edge/video/i-9", 100, "192.0.2.9");
        let records = [record("A", ONE, 100, "192.0.2.1"), gone];
        let report = report(one_serves(), &records, &[(1, 60)]);
        assert_eq!(briefs(&report), [(FindingId::StaleRecord, Severity::Info)]);
    }

    #[test]
    fn without_a_fleet_the_hosted_zone_says_what_should_be_answered() {
        let one = record("A", ONE, 100, "192.0.2.1");
        let two = record("A", "registrar/edge/video/i-2", 100, "192.0.2.2");
        let checked = two.replacen('{', r#"{"HealthCheckId":"abc","#, 1);
        let weightless = record("A", "registrar/edge/video/i-2", 0, "192.0.2.2");
        let missing = report(None, &[one.clone(), two], &[(1, 200)]);
        assert_eq!(briefs(&missing), [(FindingId::MissingIp, Severity::Warning)]);
        for close in [checked, weightless] {
            assert_eq!(briefs(&report(None, &[one.clone(), close], &[(1, 200)])), []);
        }
    }

    #[test]
    fn an_alias_to_an_empty_leaf_is_a_warning_where_it_is_drawn_and_a_remark_where_it_is_not() {
        let ours = record("A", ONE, 100, "192.0.2.1");
        for (evaluates, expected) in [(false, Severity::Warning), (true, Severity::Info)] {
            let alias = format!(
                r#"{{"Name":"{NAME}.","Type":"A","SetIdentifier":"registrar/edge/video/l03","Weight":10,
                   "AliasTarget":{{"HostedZoneId":"Z1","DNSName":"l03.{NAME}.","EvaluateTargetHealth":{evaluates}}}}}"#
            );
            let report = report(one_serves(), &[ours.clone(), alias], &[(1, 60)]);
            assert_eq!(briefs(&report), [(FindingId::EmptyAnswer, expected)]);
            assert_eq!(report.findings[0].evidence["leaf"], format!("l03.{NAME}").as_str().into());
        }
    }

    #[test]
    fn a_record_at_a_leaf_where_no_alias_leads_explains_why_it_is_not_answered() {
        let both =
            truth("", &[("i-1", "192.0.2.1", "running", "100"), ("i-2", "192.0.2.2", "running", "100")]);
        let two =
            record("A", "registrar/edge/video/i-2", 100, "192.0.2.2").replace(NAME, &format!("l00.{NAME}"));
        let report = report(Some(both), &[record("A", ONE, 100, "192.0.2.1"), two], &[(1, 60)]);
        let found = of(&report, FindingId::MissingIp);
        assert!(
            found.message.ends_with("at l00.video.bos.edge.example.com, where no alias leads"),
            "{}",
            found.message
        );
        assert_eq!(found.evidence["hosted_zone"], "unreached".into());
    }
}
