//! Rules that need nothing but the request.
//!
//! What they refuse is refused whatever the hosted zone holds.

use std::collections::BTreeMap;

use registrar_core::record_set::RecordSet;

use super::policies;
use crate::route53::change::{ModelAction, ModelChange};
use crate::route53::error::Route53Error;
use crate::route53::listing::ListingKey;

/// Most `ResourceRecord` elements and characters of values in a request, UPSERT counted twice (API
/// reference, `ChangeResourceRecordSets`).
const MOST_ELEMENTS: usize = 1_000;
const MOST_VALUE_CHARACTERS: usize = 32_000;
/// Longest value (API reference, `ResourceRecord`).
const LONGEST_VALUE: usize = 4_000;
/// Longest set identifier and greatest TTL (API reference, `ResourceRecordSet`).
const LONGEST_SET_IDENTIFIER: usize = 128;
const GREATEST_TTL_SECS: u32 = 2_147_483_647;

/// Refuses a request that is malformed or too large.
pub(crate) fn check(changes: &[ModelChange]) -> Result<(), Route53Error> {
    let shape = [
        ttl_in_range,
        set_identifier_in_range,
        values_in_range,
        alias_or_values,
        set_identifier_with_policy,
        policy_with_set_identifier,
        one_policy,
    ];
    let first = changes.iter().find_map(|change| shape.iter().find_map(|rule| rule(change)));
    if let Some(problem) = no_changes(changes).or(first) {
        return Err(Route53Error::InvalidInput(problem));
    }
    let too_large: Vec<String> =
        [too_many_elements(changes), too_many_characters(changes)].into_iter().flatten().collect();
    if too_large.is_empty() { Ok(()) } else { Err(Route53Error::InvalidChangeBatch(too_large)) }
}

/// Source: API reference, `ChangeBatch`: at least one change.
fn no_changes(changes: &[ModelChange]) -> Option<String> {
    changes.is_empty().then(|| "Invalid request: ChangeBatch must contain at least one Change".to_owned())
}

/// Source: API reference, `ResourceRecordSet`: TTL 0 to 2147483647.
fn ttl_in_range(change: &ModelChange) -> Option<String> {
    let ttl_secs = change.record.ttl_secs.filter(|ttl| *ttl > GREATEST_TTL_SECS)?;
    Some(format!(
        "Invalid request: Value '{ttl_secs}' at 'TTL' failed to satisfy constraint: Member must have value \
         less than or equal to {GREATEST_TTL_SECS} in {}",
        in_change(change)
    ))
}

/// Source: API reference, `ResourceRecordSet`: set identifier of 1 to 128 characters.
fn set_identifier_in_range(change: &ModelChange) -> Option<String> {
    let length = change.record.set_identifier.as_ref()?.chars().count();
    (!(1..=LONGEST_SET_IDENTIFIER).contains(&length)).then(|| {
        format!(
            "Invalid request: SetIdentifier must have 1 to {LONGEST_SET_IDENTIFIER} characters in {}",
            in_change(change)
        )
    })
}

/// Source: API reference, `ResourceRecord`: values of at most 4000 characters.
fn values_in_range(change: &ModelChange) -> Option<String> {
    let too_long = change.record.values().any(|value| value.chars().count() > LONGEST_VALUE);
    too_long.then(|| {
        format!(
            "Invalid request: Value must have at most {LONGEST_VALUE} characters in {}",
            in_change(change)
        )
    })
}

/// Source: API reference, `ResourceRecordSet`: an alias has no TTL and no values, everything else both.
fn alias_or_values(change: &ModelChange) -> Option<String> {
    let RecordSet { ttl_secs, resource_records, alias_target, other, .. } = &change.record;
    let found = match (alias_target.is_some(), ttl_secs.is_some(), !resource_records.is_empty()) {
        (true, false, false) | (false, true, true) => return None,
        (false, false, false) if other.contains_key("TrafficPolicyInstanceId") => return None,
        (false, _, _) => "none",
        (true, _, _) => "more than one",
    };
    Some(format!(
        "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or \
         TrafficPolicyInstanceId], but found {found} in {}",
        in_change(change)
    ))
}

/// Source: API reference, `ResourceRecordSet`: a set identifier belongs to a routing policy.
fn set_identifier_with_policy(change: &ModelChange) -> Option<String> {
    let stray = change.record.set_identifier.is_some() && policies(&change.record).is_empty();
    stray.then(|| {
        format!(
            "Invalid request: Expected exactly one of [Weight, Region, Failover, GeoLocation, \
             MultiValueAnswer, GeoProximityLocation, or CidrRoutingConfig], but found none in {}",
            in_change(change)
        )
    })
}

/// Source: API reference, `ResourceRecordSet`: every policy but simple needs a set identifier.
fn policy_with_set_identifier(change: &ModelChange) -> Option<String> {
    let missing = change.record.set_identifier.is_none() && !policies(&change.record).is_empty();
    missing.then(|| format!("Invalid request: Missing field 'SetIdentifier' in {}", in_change(change)))
}

/// Source: API reference, `ResourceRecordSet`: one routing policy for a record set.
fn one_policy(change: &ModelChange) -> Option<String> {
    let found = policies(&change.record);
    (found.len() > 1).then(|| {
        format!(
            "Invalid request: Expected exactly one routing policy, but found [{}] in {}",
            found.join(", "),
            in_change(change)
        )
    })
}

/// Source: Developer Guide, "Quotas": an alias is one element, an UPSERT counts each of its own twice.
fn too_many_elements(changes: &[ModelChange]) -> Option<String> {
    let elements = |change: &ModelChange| change.record.resource_records.len().max(1) * change.cost();
    let total: usize = changes.iter().map(elements).sum();
    (total > MOST_ELEMENTS).then(|| format!("Number of records limit of {MOST_ELEMENTS} exceeded."))
}

/// Source: Developer Guide, "Quotas": the characters of all values, an UPSERT's counted twice.
fn too_many_characters(changes: &[ModelChange]) -> Option<String> {
    let characters = |change: &ModelChange| {
        change.record.values().map(|value| value.chars().count()).sum::<usize>() * change.cost()
    };
    let total: usize = changes.iter().map(characters).sum();
    (total > MOST_VALUE_CHARACTERS)
        .then(|| format!("Number of value characters limit of {MOST_VALUE_CHARACTERS} exceeded."))
}

/// Finds record sets that a batch changes more than once, with what Route 53 says about each.
///
/// One DELETE followed by one CREATE is the exception that replaces a record set (API reference,
/// `ChangeResourceRecordSets`).
pub(crate) fn repeated_keys(changes: &[ModelChange]) -> BTreeMap<ListingKey, String> {
    let mut actions: BTreeMap<ListingKey, Vec<ModelAction>> = BTreeMap::new();
    for change in changes {
        actions.entry(ListingKey::of(&change.record)).or_default().push(change.action);
    }
    actions.retain(|_, actions| actions.len() > 1 && *actions != [ModelAction::Delete, ModelAction::Create]);
    let message = |key: ListingKey| {
        let identifier = key.set_identifier.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let message = format!(
            "The request contains an invalid set of changes for a resource record set '{} {}{identifier}'",
            key.r#type,
            key.name.to_fqdn()
        );
        (key, message)
    };
    actions.into_keys().map(message).collect()
}

fn in_change(change: &ModelChange) -> String {
    let RecordSet { name, r#type, set_identifier, .. } = &change.record;
    let id = set_identifier.as_deref().unwrap_or("null");
    format!(
        "Change with [Action={}, Name={}, Type={type}, SetIdentifier={id}]",
        change.action,
        name.to_fqdn()
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;

    fn invalid_input(record: RecordSet) -> String {
        match refusal(&mut model(vec![]), &[ModelChange::create(record)]) {
            Route53Error::InvalidInput(message) => message,
            other => panic!("not invalid input: {other:?}"),
        }
    }

    #[test]
    fn a_batch_without_changes_is_refused() {
        assert!(matches!(refusal(&mut model(vec![]), &[]), Route53Error::InvalidInput(_)));
    }

    #[test]
    fn a_ttl_beyond_31_bits_is_refused() {
        let with_ttl =
            |ttl| RecordSet { ttl_secs: Some(ttl), ..simple("a.example.com", "A", &["192.0.2.1"]) };
        accept(&mut model(vec![]), &[ModelChange::create(with_ttl(2_147_483_647))]);
        accept(&mut model(vec![]), &[ModelChange::create(with_ttl(0))]);
        assert!(invalid_input(with_ttl(2_147_483_648)).contains("'TTL'"));
    }

    #[test]
    fn a_set_identifier_has_1_to_128_characters() {
        let with_id = |id: &str| weighted("a.example.com", id, "192.0.2.1");
        accept(&mut model(vec![]), &[ModelChange::create(with_id(&"x".repeat(128)))]);
        assert!(invalid_input(with_id("")).contains("SetIdentifier"));
        assert!(invalid_input(with_id(&"x".repeat(129))).contains("SetIdentifier"));
    }

    #[test]
    fn a_value_has_at_most_4000_characters() {
        let strings = vec![format!("\"{}\"", "a".repeat(250)); 16].join(" ");
        assert!(invalid_input(simple("a.example.com", "TXT", &[&strings])).contains("at most 4000"));
    }

    #[test]
    fn an_alias_has_neither_ttl_nor_values() {
        let good = alias("a.example.com", "Z2", "lb.example.net");
        let with_ttl = RecordSet { ttl_secs: Some(60), ..good.clone() };
        assert!(invalid_input(with_ttl).contains("found more than one in Change with [Action=CREATE"));
        let values = simple("a.example.com", "A", &["192.0.2.1"]).resource_records;
        assert!(invalid_input(RecordSet { resource_records: values, ..good }).contains("more than one"));
    }

    #[test]
    fn a_record_set_without_alias_has_ttl_and_values() {
        let good = simple("a.example.com", "A", &["192.0.2.1"]);
        assert!(invalid_input(RecordSet { ttl_secs: None, ..good.clone() }).contains("found none"));
        assert!(invalid_input(RecordSet { resource_records: vec![], ..good }).contains("found none"));
    }

    #[test]
    fn a_policy_and_a_set_identifier_need_each_other() {
        let good = weighted("a.example.com", "x", "192.0.2.1");
        let without_policy = RecordSet { weight: None, ..good.clone() };
        assert!(invalid_input(without_policy).contains("found none in Change with"));
        let without_identifier = RecordSet { set_identifier: None, ..good };
        assert_eq!(
            invalid_input(without_identifier),
            "Invalid request: Missing field 'SetIdentifier' in Change with [Action=CREATE, \
             Name=a.example.com., Type=A, SetIdentifier=null]"
        );
    }

    #[test]
    fn a_record_set_has_one_routing_policy() {
        let both =
            RecordSet { multi_value_answer: Some(true), ..weighted("a.example.com", "x", "192.0.2.1") };
        assert!(invalid_input(both).contains("found [Weight, MultiValueAnswer]"));
    }

    #[test]
    fn a_request_has_at_most_1000_values_with_upsert_counted_twice() {
        let records = |count: usize| {
            (0..count).map(|n| simple(&format!("n{n}.example.com"), "A", &["192.0.2.1"])).collect::<Vec<_>>()
        };
        let limit = ["Number of records limit of 1000 exceeded."];
        accept(&mut model(vec![]), &creations(records(1_000)));
        assert_eq!(messages(&mut model(vec![]), &creations(records(1_001))), limit);
        let upserts = |count| records(count).into_iter().map(ModelChange::upsert).collect::<Vec<_>>();
        accept(&mut model(vec![]), &upserts(500));
        assert_eq!(messages(&mut model(vec![]), &upserts(501)), limit);
    }

    #[test]
    fn an_alias_counts_as_one_value() {
        let aliases = (0..1_001).map(|n| alias(&format!("n{n}.example.com"), "Z2", "lb.example.net"));
        let found = messages(&mut model(vec![]), &creations(aliases));
        assert_eq!(found, ["Number of records limit of 1000 exceeded."]);
    }

    #[test]
    fn a_request_has_at_most_32000_characters_of_values_with_upsert_counted_twice() {
        let text = format!("\"{}\"", "a".repeat(198));
        let records = |count: usize| {
            (0..count).map(|n| simple(&format!("n{n}.example.com"), "TXT", &[&text])).collect::<Vec<_>>()
        };
        accept(&mut model(vec![]), &creations(records(160)));
        assert!(messages(&mut model(vec![]), &creations(records(161)))[0].contains("32000"));
        let upserts = |count| records(count).into_iter().map(ModelChange::upsert).collect::<Vec<_>>();
        accept(&mut model(vec![]), &upserts(80));
        assert!(messages(&mut model(vec![]), &upserts(81))[0].contains("32000"));
    }

    #[test]
    fn the_same_record_set_twice_in_a_batch_is_refused() {
        let record = weighted("a.example.com", "x", "192.0.2.1");
        let (create, delete) = (ModelChange::create(record.clone()), ModelChange::delete(record.clone()));
        let upsert = ModelChange::upsert(record.clone());
        let expected =
            ["The request contains an invalid set of changes for a resource record set 'A a.example.com. x'"];
        for batch in [
            vec![create.clone(), create.clone()],
            vec![create.clone(), delete.clone()],
            vec![upsert.clone(), upsert.clone()],
            vec![delete.clone(), upsert],
            vec![delete.clone(), create, delete],
        ] {
            assert_eq!(messages(&mut model(vec![record.clone()]), &batch), expected);
        }
    }

    #[test]
    fn one_delete_and_then_one_create_replace_a_record_set() {
        let old = weighted("a.example.com", "x", "192.0.2.1");
        let new = weighted("a.example.com", "x", "192.0.2.2");
        let mut model = model(vec![old.clone()]);
        accept(&mut model, &[ModelChange::delete(old), ModelChange::create(new.clone())]);
        assert!(model.records(&ZONE.parse().unwrap()).unwrap().contains(&new));
    }
}
