//! Rules that look at what the hosted zone would hold after a batch.
//!
//! Only what the batch touched is looked at, so that a hosted zone that already breaks a rule can still
//! be changed elsewhere, and mended.

use std::collections::BTreeSet;
use std::sync::Arc;

use registrar_core::name::RecordName;
use registrar_core::record_set::{AliasTarget, RecordSet, RecordType, SetKey};

use super::{describe, is_weighted_or_multivalue, policies, rr_set};
use crate::route53::batch::Before;
use crate::route53::hosted_zone::HostedZone;

/// Most record sets in a hosted zone (Developer Guide, "Quotas").
const MOST_RECORD_SETS: usize = 10_000;
/// Most weighted or multivalue record sets of one name and type (Developer Guide, "Quotas").
const MOST_IN_A_SET: usize = 100;

/// Finds what is wrong with the record sets that the batch created, and what it took away.
pub(crate) fn problems(zone: &HostedZone, before: &Before) -> Vec<String> {
    let created: Vec<&Arc<RecordSet>> = before.keys().filter_map(|key| zone.records.get(key)).collect();
    let created_sets: BTreeSet<SetKey> = created.iter().map(|record| record.set_key()).collect();
    let touched_sets: BTreeSet<SetKey> = before.keys().map(|key| key.set_key()).collect();
    let mut problems = Vec::new();
    for record in created {
        problems.extend(conflicting_policy(zone, record));
        problems.extend(conflicting_cname(zone, record));
        problems.extend(cname_at_the_apex(zone, record));
        problems.extend(mixed_ttl(zone, record));
        problems.extend(alias_without_target(zone, record));
    }
    problems.extend(created_sets.iter().filter_map(|set| too_many_in_a_set(zone, set)));
    problems.extend(touched_sets.iter().filter_map(|set| missing_at_the_apex(zone, set)));
    problems.extend(touched_sets.iter().flat_map(|set| orphaned_aliases(zone, before, set)));
    problems.extend(too_many_record_sets(zone));
    problems
}

/// Source: Developer Guide, "Choosing a routing policy": one policy for a name and type.
fn conflicting_policy(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    let own = policies(record);
    let set = record.set_key();
    zone.set(&set).find(|sibling| policies(sibling) != own)?;
    let reason = match own.first() {
        None => "as other RRSets exist with the same name and type.".to_owned(),
        Some(&"Weight") => "as a non-weighted set exists with the same name and type.".to_owned(),
        Some(&"MultiValueAnswer") => {
            "because a non multivalue answer rrset exists with the same name and type.".to_owned()
        }
        Some(other) => format!("as a set without {other} exists with the same name and type."),
    };
    Some(format!("{} cannot be created {reason}", rr_set(record)))
}

/// Source: Developer Guide, "CNAME record type" (RFC 1034 §3.6.2): nothing stands beside a CNAME.
fn conflicting_cname(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    let is_cname = record.r#type == RecordType::Cname;
    zone.at_name(&record.name).find(|other| (other.r#type == RecordType::Cname) != is_cname)?;
    let rr_set = format!("RRSet of type {} with DNS name {}", record.r#type, record.name.to_fqdn());
    let origin = zone.origin.to_fqdn();
    Some(if is_cname {
        format!(
            "{rr_set} is not permitted as it conflicts with other records with the same DNS name in zone \
             {origin}"
        )
    } else {
        format!(
            "{rr_set} is not permitted because a conflicting RRSet of type CNAME with the same DNS name \
             already exists in zone {origin}"
        )
    })
}

/// Source: Developer Guide, "CNAME record type": not at the top of the zone.
fn cname_at_the_apex(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    (record.r#type == RecordType::Cname && record.name == zone.origin).then(|| {
        let origin = zone.origin.to_fqdn();
        format!("RRSet of type CNAME with DNS name {origin} is not permitted at apex in zone {origin}")
    })
}

/// Source: API reference, `ResourceRecordSet`: one TTL for all weighted record sets of a name and type.
/// The guide says that Route 53 rewrites the others; refusals are seen in the wild, and the model takes
/// the strict side, for multivalue answers too.
fn mixed_ttl(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    if !is_weighted_or_multivalue(record) || record.alias_target.is_some() {
        return None;
    }
    let set = record.set_key();
    let mut values = zone.set(&set).filter(|sibling| sibling.alias_target.is_none());
    values.find(|sibling| sibling.ttl_secs != record.ttl_secs)?;
    let kind = if record.weight.is_some() { "weighted" } else { "multivalue answer" };
    Some(format!("{} cannot be created as {kind} sets must contain the same TTL.", rr_set(record)))
}

/// Source: API reference, `AliasTarget`: a target in the same hosted zone exists, has the alias's type
/// and is not the alias itself. Targets elsewhere are not looked at.
fn alias_without_target(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    let target = target_in(zone, record)?;
    let tried = format!(
        "Tried to create an alias that targets {}, type {} in zone {}",
        target.dns_name.to_fqdn(),
        record.r#type,
        zone.id
    );
    if !target.dns_name.is_within(&zone.origin) {
        return Some(format!("{tried}, but the alias target name does not lie within the target zone"));
    }
    if target.dns_name == record.name {
        return Some(format!("{tried}, but an alias cannot target its own name"));
    }
    let wanted = SetKey { name: target.dns_name.clone(), r#type: record.r#type.clone() };
    zone.set(&wanted).next().is_none().then(|| format!("{tried}, but that target was not found"))
}

/// Source: Developer Guide, "Quotas": 100 weighted or multivalue record sets of one name and type.
fn too_many_in_a_set(zone: &HostedZone, set: &SetKey) -> Option<String> {
    let count = zone.set(set).filter(|record| is_weighted_or_multivalue(record)).count();
    (count > MOST_IN_A_SET).then(|| {
        format!(
            "RRSet with DNS name {}, type {} has more than {MOST_IN_A_SET} resource record sets with the \
             same name and type",
            set.name.to_fqdn(),
            set.r#type
        )
    })
}

/// Source: Developer Guide, "NS and SOA records": neither can be deleted from the apex.
fn missing_at_the_apex(zone: &HostedZone, touched: &SetKey) -> Option<String> {
    if touched.name != zone.origin || zone.set(touched).next().is_some() {
        return None;
    }
    match touched.r#type {
        RecordType::Soa => Some("A HostedZone must contain exactly one SOA record.".to_owned()),
        RecordType::Ns => {
            Some("A HostedZone must contain at least one NS record for the zone itself.".to_owned())
        }
        RecordType::A | RecordType::Cname | RecordType::Txt | RecordType::Other(_) => None,
    }
}

/// Source: Developer Guide, "Choosing between alias and non-alias records": the target of an alias stays
/// while the alias does. An alias that the batch itself created is reported as one without a target.
fn orphaned_aliases(zone: &HostedZone, before: &Before, touched: &SetKey) -> Vec<String> {
    if zone.set(touched).next().is_some() {
        return Vec::new();
    }
    let orphaned = |record: &&Arc<RecordSet>| {
        record.r#type == touched.r#type
            && target_in(zone, record).is_some_and(|target| target.dns_name == touched.name)
    };
    let left = zone.records.iter().filter(|(key, _)| !before.contains_key(key)).map(|(_, record)| record);
    left.filter(orphaned).map(|record| deleted_under(&touched.name, record)).collect()
}

fn deleted_under(target: &RecordName, record: &RecordSet) -> String {
    format!(
        "Tried to delete resource record set [name='{}', type='{}'] but the alias {} targets it",
        target.to_fqdn(),
        record.r#type,
        describe(record)
    )
}

/// Source: Developer Guide, "Quotas": 10,000 record sets in a hosted zone.
fn too_many_record_sets(zone: &HostedZone) -> Option<String> {
    (zone.records.len() > MOST_RECORD_SETS)
        .then(|| format!("Number of records in zone {} limit of {MOST_RECORD_SETS} exceeded.", zone.id))
}

/// Returns the target of an alias whose target is said to be in this hosted zone.
fn target_in<'a>(zone: &HostedZone, record: &'a RecordSet) -> Option<&'a AliasTarget> {
    record.alias_target.as_ref().filter(|target| target.hosted_zone_id == zone.id.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::route53::ModelChange;

    #[test]
    fn routing_policies_cannot_be_mixed_for_a_name_and_type() {
        let name = "a.example.com";
        let simple = || simple(name, "A", &["192.0.2.1"]);
        let weighted = || weighted(name, "w", "192.0.2.1");
        let multivalue = || multivalue(name, "m", "192.0.2.1");
        let latency = || RecordSet {
            weight: None,
            other: [("Region".to_owned(), "us-east-1".into())].into(),
            ..super::super::testing::weighted(name, "l", "192.0.2.1")
        };
        for (there, added, reason) in [
            (simple(), weighted(), "SetIdentifier w cannot be created as a non-weighted set exists"),
            (weighted(), simple(), "type A cannot be created as other RRSets exist"),
            (simple(), multivalue(), "because a non multivalue answer rrset exists"),
            (multivalue(), weighted(), "as a non-weighted set exists"),
            (weighted(), latency(), "as a set without Region exists"),
            (latency(), weighted(), "as a non-weighted set exists"),
        ] {
            let found = messages(&mut model(vec![there]), &creations([added]));
            assert!(found.len() == 1 && found[0].contains(reason), "{found:?}");
        }
    }

    #[test]
    fn a_policy_can_be_changed_in_one_batch() {
        let old = weighted("a.example.com", "w", "192.0.2.1");
        let new = simple("a.example.com", "A", &["192.0.2.1"]);
        accept(&mut model(vec![old.clone()]), &[ModelChange::delete(old), ModelChange::create(new)]);
    }

    #[test]
    fn nothing_stands_beside_a_cname() {
        let cname = || simple("a.example.com", "CNAME", &["b.example.com"]);
        let text = || simple("a.example.com", "TXT", &["\"x\""]);
        assert_eq!(
            messages(&mut model(vec![cname()]), &creations([text()])),
            [
                "RRSet of type TXT with DNS name a.example.com. is not permitted because a conflicting RRSet of \
              type CNAME with the same DNS name already exists in zone example.com."
            ]
        );
        assert_eq!(
            messages(&mut model(vec![text()]), &creations([cname()])),
            ["RRSet of type CNAME with DNS name a.example.com. is not permitted as it conflicts with other \
              records with the same DNS name in zone example.com."]
        );
    }

    #[test]
    fn a_cname_cannot_stand_at_the_apex() {
        let found =
            messages(&mut model(vec![]), &creations([simple("example.com", "CNAME", &["a.example.net"])]));
        assert!(found.iter().any(|message| message.contains("not permitted at apex")), "{found:?}");
    }

    #[test]
    fn a_set_has_one_ttl_after_the_batch() {
        let name = "a.example.com";
        for (there, added) in [
            (weighted(name, "1", "192.0.2.1"), weighted(name, "2", "192.0.2.2")),
            (multivalue(name, "1", "192.0.2.1"), multivalue(name, "2", "192.0.2.2")),
        ] {
            let slower = RecordSet { ttl_secs: Some(60), ..added };
            let mut model = model(vec![there.clone()]);
            let found = messages(&mut model, &creations([slower.clone()]));
            assert!(found.len() == 1 && found[0].ends_with("sets must contain the same TTL."), "{found:?}");
            let rewritten = RecordSet { ttl_secs: Some(60), ..there };
            accept(&mut model, &[ModelChange::upsert(rewritten), ModelChange::create(slower)]);
        }
    }

    #[test]
    fn a_set_has_at_most_100_record_sets() {
        let record = |n: usize| weighted("a.example.com", &format!("x{n}"), &format!("192.0.2.{n}"));
        let mut model = model((0..100).map(record).collect());
        let found = messages(&mut model, &creations([record(100)]));
        assert!(found.len() == 1 && found[0].contains("more than 100"), "{found:?}");
        accept(&mut model, &[ModelChange::create(record(101)), ModelChange::delete(record(0))]);
    }

    #[test]
    fn a_target_in_the_same_hosted_zone_exists_with_the_same_type() {
        let mut model = model(vec![simple("b.example.com", "TXT", &["\"x\""])]);
        let missing = messages(&mut model, &creations([alias("a.example.com", ZONE, "b.example.com")]));
        assert_eq!(
            missing,
            [
                "Tried to create an alias that targets b.example.com., type A in zone Z0123456789ABCDEFGHIJ, but \
              that target was not found"
            ]
        );
        let outside = messages(&mut model, &creations([alias("a.example.com", ZONE, "b.example.net")]));
        assert!(outside[0].ends_with("does not lie within the target zone"), "{outside:?}");
        let own = messages(&mut model, &creations([alias("a.example.com", ZONE, "a.example.com")]));
        assert!(own[0].ends_with("cannot target its own name"), "{own:?}");
    }

    #[test]
    fn a_target_may_be_created_in_the_same_batch_or_live_elsewhere() {
        let target = simple("b.example.com", "A", &["192.0.2.1"]);
        accept(&mut model(vec![]), &creations([alias("a.example.com", ZONE, "b.example.com"), target]));
        accept(&mut model(vec![]), &creations([alias("a.example.com", "ZELSEWHERE", "lb.example.net")]));
    }

    #[test]
    fn a_target_cannot_be_deleted_under_its_alias() {
        let target = simple("b.example.com", "A", &["192.0.2.1"]);
        let alias = alias("a.example.com", ZONE, "b.example.com");
        let mut model = model(vec![target.clone(), alias.clone()]);
        assert_eq!(
            messages(&mut model, &[ModelChange::delete(target.clone())]),
            ["Tried to delete resource record set [name='b.example.com.', type='A'] but the alias \
              [name='a.example.com.', type='A'] targets it"]
        );
        accept(&mut model, &[ModelChange::delete(target), ModelChange::delete(alias)]);
    }

    #[test]
    fn the_apex_keeps_its_start_of_authority_and_its_name_servers() {
        let mut model = model(vec![]);
        let records = model.records(&ZONE.parse().unwrap()).unwrap();
        let found: Vec<String> = records
            .into_iter()
            .flat_map(|record| messages(&mut model, &[ModelChange::delete(record)]))
            .collect();
        assert_eq!(
            found,
            [
                "A HostedZone must contain at least one NS record for the zone itself.",
                "A HostedZone must contain exactly one SOA record."
            ]
        );
    }

    #[test]
    fn a_hosted_zone_has_at_most_10000_record_sets() {
        let record = |n: usize| simple(&format!("n{n}.example.com"), "A", &["192.0.2.1"]);
        let mut model = model((0..9_998).map(record).collect());
        let found = messages(&mut model, &creations([record(9_998)]));
        assert!(found.len() == 1 && found[0].contains("limit of 10000 exceeded"), "{found:?}");
    }

    #[test]
    fn a_set_that_already_breaks_a_rule_can_be_mended() {
        let name = "a.example.com";
        let slow = RecordSet { ttl_secs: Some(60), ..weighted(name, "1", "192.0.2.1") };
        let mut model = model(vec![slow.clone(), weighted(name, "2", "192.0.2.2")]);
        accept(&mut model, &creations([simple("b.example.com", "A", &["192.0.2.1"])]));
        accept(&mut model, &[ModelChange::delete(slow)]);
    }
}
