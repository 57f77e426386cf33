//! Changes in few words, and the rules about a record set by itself.

use crate::subject::{Subject, Verdict, seen};

pub(crate) const SIMPLE: &str = "";

/// Writes a change of a record set: its policy's fields are XML that stands before the TTL.
pub(crate) fn change(
    action: &str,
    name: &str,
    kind: &str,
    policy: &str,
    ttl: u32,
    values: &[&str],
) -> String {
    let value = |value: &&str| format!("<ResourceRecord><Value>{value}</Value></ResourceRecord>");
    let values: String = values.iter().map(value).collect();
    format!(
        "<Change><Action>{action}</Action><ResourceRecordSet><Name>{name}.edge.example.com</Name><Type>{kind}</Type>\
         {policy}<TTL>{ttl}</TTL><ResourceRecords>{values}</ResourceRecords></ResourceRecordSet></Change>"
    )
}

/// Writes the fields of a weighted record set.
pub(crate) fn weight(id: &str, weight: u32) -> String {
    format!("<SetIdentifier>{id}</SetIdentifier><Weight>{weight}</Weight>")
}

/// Writes the fields of a multivalue record set.
pub(crate) fn multivalue(id: &str) -> String {
    format!("<SetIdentifier>{id}</SetIdentifier><MultiValueAnswer>true</MultiValueAnswer>")
}

/// Writes a change of a weighted record set as the registrar makes them.
pub(crate) fn weighted(action: &str, name: &str, id: &str) -> String {
    change(action, name, "A", &weight(id, 100), 20, &["192.0.2.1"])
}

/// Writes a change of a simple record set.
pub(crate) fn simple(action: &str, name: &str) -> String {
    change(action, name, "A", SIMPLE, 20, &["192.0.2.1"])
}

const BATCH: &str = "InvalidChangeBatch";
const INPUT: &str = "InvalidInput";

fn create_where_the_record_set_exists_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[weighted("CREATE", "a", "x")], BATCH)
}

fn delete_where_there_is_none_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[weighted("DELETE", "a", "x")], BATCH)
}

fn delete_with_another_value_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[change("DELETE", "a", "A", &weight("x", 100), 20, &["192.0.2.2"])], BATCH)
}

fn delete_with_another_ttl_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[change("DELETE", "a", "A", &weight("x", 100), 21, &["192.0.2.1"])], BATCH)
}

fn delete_with_another_weight_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x")])?;
    zone.refuses(&[change("DELETE", "a", "A", &weight("x", 101), 20, &["192.0.2.1"])], BATCH)
}

fn delete_takes_the_values_in_any_order(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[change("CREATE", "a", "A", SIMPLE, 20, &["192.0.2.1", "192.0.2.2"])])?;
    zone.accepts(&[change("DELETE", "a", "A", SIMPLE, 20, &["192.0.2.2", "192.0.2.1"])])
}

fn delete_of_one_identifier_leaves_it_under_other_names(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[
        weighted("CREATE", "a", "x"),
        weighted("CREATE", "b", "x"),
        weighted("CREATE", "a", "y"),
    ])?;
    zone.accepts(&[weighted("DELETE", "a", "x")])?;
    seen(zone.identifiers(), vec!["y".to_owned(), "x".to_owned()])
}

fn upsert_replaces_the_record_set_of_its_identifier(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", "x"), weighted("CREATE", "a", "y")])?;
    zone.accepts(&[change("UPSERT", "a", "A", &weight("x", 7), 20, &["192.0.2.9"])])?;
    let listed = zone.list("name=a.edge.example.com&maxitems=1");
    seen([listed.element("Weight"), listed.element("Value")], [Some("7"), Some("192.0.2.9")])?;
    seen(zone.identifiers().len(), 2)
}

fn a_name_outside_the_hosted_zone_is_refused(subject: &Subject) -> Verdict {
    let outside = weighted("CREATE", "a", "x").replace("a.edge.example.com", "a.example.net");
    subject.zone().refuses(&[outside], BATCH)
}

fn a_value_that_is_not_an_address_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[change("CREATE", "a", "A", SIMPLE, 20, &["bogus"])], BATCH)
}

fn a_text_without_quotation_marks_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[change("CREATE", "a", "TXT", SIMPLE, 20, &["bare"])], BATCH)
}

fn a_value_twice_in_a_record_set_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[change("CREATE", "a", "A", SIMPLE, 20, &["192.0.2.1", "192.0.2.1"])], BATCH)
}

fn a_weighted_record_set_has_one_value(subject: &Subject) -> Verdict {
    let two = change("CREATE", "a", "A", &weight("x", 1), 20, &["192.0.2.1", "192.0.2.2"]);
    subject.zone().refuses(&[two], BATCH)
}

fn a_weight_above_255_is_refused(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[change("CREATE", "a", "A", &weight("x", 255), 20, &["192.0.2.1"])])?;
    zone.refuses(&[change("CREATE", "a", "A", &weight("y", 256), 20, &["192.0.2.1"])], INPUT)
}

fn a_weight_needs_a_set_identifier(subject: &Subject) -> Verdict {
    let without = change("CREATE", "a", "A", "<Weight>1</Weight>", 20, &["192.0.2.1"]);
    subject.zone().refuses(&[without], INPUT)
}

fn a_set_identifier_needs_a_policy(subject: &Subject) -> Verdict {
    let without = change("CREATE", "a", "A", "<SetIdentifier>x</SetIdentifier>", 20, &["192.0.2.1"]);
    subject.zone().refuses(&[without], INPUT)
}

fn a_set_identifier_has_at_most_128_characters(subject: &Subject) -> Verdict {
    let zone = subject.zone();
    zone.accepts(&[weighted("CREATE", "a", &"x".repeat(128))])?;
    zone.refuses(&[weighted("CREATE", "a", &"y".repeat(129))], INPUT)
}

fn a_record_set_without_values_is_refused(subject: &Subject) -> Verdict {
    subject.zone().refuses(&[change("CREATE", "a", "A", SIMPLE, 20, &[])], INPUT)
}

rules! {
    create_where_the_record_set_exists_is_refused,
    delete_where_there_is_none_is_refused,
    delete_with_another_value_is_refused,
    delete_with_another_ttl_is_refused,
    delete_with_another_weight_is_refused,
    delete_takes_the_values_in_any_order,
    delete_of_one_identifier_leaves_it_under_other_names,
    upsert_replaces_the_record_set_of_its_identifier,
    a_name_outside_the_hosted_zone_is_refused,
    a_value_that_is_not_an_address_is_refused,
    a_text_without_quotation_marks_is_refused,
    a_value_twice_in_a_record_set_is_refused,
    a_weighted_record_set_has_one_value,
    a_weight_above_255_is_refused,
    a_weight_needs_a_set_identifier,
    a_set_identifier_needs_a_policy,
    a_set_identifier_has_at_most_128_characters,
    a_record_set_without_values_is_refused,
}
