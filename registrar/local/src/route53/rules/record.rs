//! Rules that look at one record set of a batch, and at the hosted zone's name.
//!
//! What its siblings are does not matter here.

use std::collections::BTreeSet;

use registrar_core::record_set::{RecordSet, RecordType};

use super::{describe, is_weighted_or_multivalue, policies, rr_set};
use crate::route53::hosted_zone::HostedZone;
use crate::value::{InvalidValue, Value};

/// Most values in one record set (Developer Guide, "Quotas").
const MOST_VALUES: usize = 400;

/// Finds what is wrong with a record set that is to be created.
pub(crate) fn problems(zone: &HostedZone, record: &RecordSet) -> Vec<String> {
    let single = [
        outside_the_zone(zone, record),
        too_many_values(record),
        more_than_one_value(record),
        simple_only(record),
        never_an_alias(record),
        never_multivalue(record),
        start_of_authority_below_the_apex(zone, record),
    ];
    single.into_iter().flatten().chain(duplicate_values(record)).chain(illegal_values(record)).collect()
}

/// Source: API reference, `ChangeResourceRecordSets`: names lie within the hosted zone.
fn outside_the_zone(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    (!record.name.is_within(&zone.origin)).then(|| {
        format!(
            "RRSet with DNS name {} is not permitted in zone {}",
            record.name.to_fqdn(),
            zone.origin.to_fqdn()
        )
    })
}

/// Source: Developer Guide, "Quotas": 400 values in a record set.
fn too_many_values(record: &RecordSet) -> Option<String> {
    (record.resource_records.len() > MOST_VALUES)
        .then(|| format!("{} has more than {MOST_VALUES} values", rr_set(record)))
}

/// Source: API reference, `ResourceRecordSet`: one `ResourceRecord` for a weighted record set. For
/// multivalue answers the model takes the same strict side. RFC 2181 §10.1 and RFC 1035 §5.2 for CNAME
/// and SOA.
fn more_than_one_value(record: &RecordSet) -> Option<String> {
    let single =
        is_weighted_or_multivalue(record) || matches!(record.r#type, RecordType::Cname | RecordType::Soa);
    (single && record.resource_records.len() > 1)
        .then(|| format!("{} can have only one value", rr_set(record)))
}

/// Source: Developer Guide, "Choosing a routing policy": NS and SOA record sets are simple.
fn simple_only(record: &RecordSet) -> Option<String> {
    let authority = matches!(record.r#type, RecordType::Ns | RecordType::Soa);
    (authority && !policies(record).is_empty())
        .then(|| format!("{} can only use simple routing", rr_set(record)))
}

/// Source: Developer Guide, "Choosing between alias and non-alias records": not for NS and SOA.
fn never_an_alias(record: &RecordSet) -> Option<String> {
    let authority = matches!(record.r#type, RecordType::Ns | RecordType::Soa);
    (authority && record.alias_target.is_some()).then(|| format!("{} cannot be an alias", rr_set(record)))
}

/// Source: Developer Guide, "Multivalue answer routing": neither aliases nor CNAME.
fn never_multivalue(record: &RecordSet) -> Option<String> {
    let unfit = record.alias_target.is_some() || record.r#type == RecordType::Cname;
    (unfit && record.multi_value_answer == Some(true))
        .then(|| format!("{} cannot use multivalue answer routing", rr_set(record)))
}

/// Source: Developer Guide, "NS and SOA records": one start of authority, at the apex.
fn start_of_authority_below_the_apex(zone: &HostedZone, record: &RecordSet) -> Option<String> {
    let misplaced = record.r#type == RecordType::Soa && record.name != zone.origin;
    misplaced
        .then(|| format!("{} is permitted only at apex in zone {}", rr_set(record), zone.origin.to_fqdn()))
}

/// Source: API reference, `ChangeResourceRecordSets`: no value twice in a record set.
fn duplicate_values(record: &RecordSet) -> impl Iterator<Item = String> {
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&str> = record.values().filter(|value| !seen.insert(*value)).collect();
    repeated.into_iter().map(|value| format!("Duplicate Resource Record: '{value}' in {}", rr_set(record)))
}

/// Source: Developer Guide, "Supported DNS record types".
fn illegal_values(record: &RecordSet) -> impl Iterator<Item = String> {
    record.values().filter_map(|value| {
        let InvalidValue { code, problem } = Value::parse(&record.r#type, value).err()?;
        Some(format!(
            "Invalid Resource Record: 'FATAL problem: {code} ({problem}) encountered with '{value}'' in {}",
            rr_set(record)
        ))
    })
}

/// Source: API reference, `Change`: a DELETE names every field exactly as it is, values in any order.
pub(crate) fn deletion_problem(found: Option<&RecordSet>, given: &RecordSet) -> Option<String> {
    let tried = || format!("Tried to delete resource record set {}", describe(given));
    match found {
        None => Some(format!("{} but it was not found", tried())),
        Some(found) if sorted(found) == sorted(given) => None,
        Some(_) => Some(format!("{} but the values provided do not match the current values", tried())),
    }
}

fn sorted(record: &RecordSet) -> RecordSet {
    let mut record = record.clone();
    record.resource_records.sort();
    record
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::route53::ModelChange;

    fn refused(record: RecordSet) -> String {
        messages(&mut model(vec![]), &creations([record])).remove(0)
    }

    #[test]
    fn a_name_outside_the_hosted_zone_is_refused() {
        assert_eq!(
            refused(simple("a.example.net", "A", &["192.0.2.1"])),
            "RRSet with DNS name a.example.net. is not permitted in zone example.com."
        );
    }

    #[test]
    fn a_record_set_has_at_most_400_values() {
        let addresses: Vec<String> = (0..401).map(|n| format!("192.0.{}.{}", n / 200, n % 200)).collect();
        let values: Vec<&str> = addresses.iter().map(String::as_str).collect();
        accept(&mut model(vec![]), &creations([simple("a.example.com", "A", &values[..400])]));
        assert!(refused(simple("a.example.com", "A", &values)).contains("more than 400 values"));
    }

    #[test]
    fn a_weighted_or_multivalue_record_set_has_one_value() {
        let two = simple("a.example.com", "A", &["192.0.2.1", "192.0.2.2"]).resource_records;
        for record in
            [weighted("a.example.com", "x", "192.0.2.1"), multivalue("a.example.com", "x", "192.0.2.1")]
        {
            let record = RecordSet { resource_records: two.clone(), ..record };
            assert!(refused(record).contains("SetIdentifier x can have only one value"));
        }
        assert!(
            refused(simple("a.example.com", "CNAME", &["b.example.com", "c.example.com"]))
                .contains("one value")
        );
    }

    #[test]
    fn name_servers_use_simple_routing_and_are_never_aliases() {
        let policy = RecordSet {
            set_identifier: Some("x".into()),
            weight: Some(1),
            ..simple("a.example.com", "NS", &["ns.example.net."])
        };
        assert!(refused(policy).contains("simple routing"));
        let alias = RecordSet { r#type: RecordType::Ns, ..alias("a.example.com", "Z2", "b.example.net") };
        assert!(refused(alias).contains("cannot be an alias"));
    }

    #[test]
    fn an_alias_cannot_use_multivalue_answer_routing() {
        let record = RecordSet {
            set_identifier: Some("x".into()),
            multi_value_answer: Some(true),
            ..alias("a.example.com", "Z2", "lb.example.net")
        };
        assert!(refused(record).contains("multivalue answer routing"));
    }

    #[test]
    fn a_start_of_authority_below_the_apex_is_refused() {
        let soa = "ns.example.com. h.example.com. 1 7200 900 1209600 86400";
        assert!(refused(simple("a.example.com", "SOA", &[soa])).contains("only at apex"));
    }

    #[test]
    fn a_value_twice_in_a_record_set_is_refused() {
        assert_eq!(
            refused(simple("a.example.com", "A", &["192.0.2.1", "192.0.2.1"])),
            "Duplicate Resource Record: '192.0.2.1' in RRSet with DNS name a.example.com., type A"
        );
    }

    #[test]
    fn a_value_that_is_not_of_its_type_is_refused() {
        assert_eq!(
            refused(weighted("a.example.com", "x", "bogus")),
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 \
             address) encountered with 'bogus'' in RRSet with DNS name a.example.com., type A, SetIdentifier x"
        );
        assert!(refused(simple("a.example.com", "TXT", &["bare"])).contains("quotation marks"));
    }

    #[test]
    fn deleting_what_is_not_there_is_refused() {
        let record = weighted("a.example.com", "x", "192.0.2.1");
        assert_eq!(
            messages(&mut model(vec![]), &[ModelChange::delete(record)]),
            [
                "Tried to delete resource record set [name='a.example.com.', type='A', set identifier='x'] but it \
              was not found"
            ]
        );
    }

    #[test]
    fn a_deletion_that_differs_in_any_field_is_refused() {
        let there = weighted("a.example.com", "x", "192.0.2.1");
        let mut model = model(vec![there.clone()]);
        for stale in [
            RecordSet { ttl_secs: Some(60), ..there.clone() },
            RecordSet { weight: Some(0), ..there.clone() },
            RecordSet { health_check_id: Some("h".into()), ..there.clone() },
            weighted("a.example.com", "x", "192.0.2.2"),
        ] {
            assert_eq!(
                messages(&mut model, &[ModelChange::delete(stale)]),
                [
                    "Tried to delete resource record set [name='a.example.com.', type='A', set identifier='x'] \
                  but the values provided do not match the current values"
                ]
            );
        }
        accept(&mut model, &[ModelChange::delete(there)]);
    }

    #[test]
    fn a_deletion_may_name_the_values_in_any_order() {
        let mut model = model(vec![simple("a.example.com", "A", &["192.0.2.1", "192.0.2.2"])]);
        accept(&mut model, &[ModelChange::delete(simple("a.example.com", "A", &["192.0.2.2", "192.0.2.1"]))]);
    }
}
