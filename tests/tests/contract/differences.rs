//! Where ministack 1.5.33 is known to differ from the contract: rule by rule, and what is seen instead.
//!
//! The list is for the release that `aws_stand_in::MINISTACK_VERSION` pins. A rule that is not on it holds there.

/// Rules whose refusal ministack does not know: it answers 200, and applies what was asked.
const ACCEPTED: [&str; 31] = [
    "a_batch_has_at_most_1000_values",
    "a_batch_has_at_most_32000_characters_of_values",
    "a_batch_with_one_name_outside_changes_nothing",
    "a_change_while_another_is_in_progress_is_refused",
    "a_cname_stands_beside_nothing",
    "a_create_and_then_a_delete_are_refused",
    "a_name_outside_the_hosted_zone_is_refused",
    "a_record_set_without_values_is_refused",
    "a_set_has_at_most_100_record_sets",
    "a_set_identifier_has_at_most_128_characters",
    "a_set_identifier_needs_a_policy",
    "a_text_without_quotation_marks_is_refused",
    "a_type_without_a_name_is_refused",
    "a_value_that_is_not_an_address_is_refused",
    "a_value_twice_in_a_record_set_is_refused",
    "a_weight_above_255_is_refused",
    "a_weight_needs_a_set_identifier",
    "a_weighted_record_set_has_one_value",
    "a_weighted_set_has_one_ttl",
    "an_account_may_make_1500_changes_at_once",
    "an_alias_has_no_ttl",
    "an_alias_needs_its_target",
    "an_empty_batch_is_refused",
    "an_identifier_without_a_type_is_refused",
    "an_upsert_counts_twice",
    "multivalue_beside_weighted_is_refused",
    "nothing_stands_beside_a_cname",
    "simple_beside_weighted_is_refused",
    "the_start_of_authority_cannot_be_deleted",
    "the_target_of_an_alias_stays",
    "weighted_beside_simple_is_refused",
];

/// Rules for which ministack does something else.
const OTHERWISE: [(&str, &str); 3] = [
    (
        "a_wildcard_is_listed_in_octal_and_every_name_in_lower_case",
        r#"seen: ["*.edge.example.com.", "Upper.edge.example.com."]"#,
    ),
    ("an_account_may_ask_50_times_at_once", r#"70 requests in a row are served"#),
    (
        "names_are_listed_by_their_labels_in_reverse",
        r#"seen: ["a.edge.example.com.", "x.a.edge.example.com.", "a-b.edge.example.com.", "b.edge.example.com."]"#,
    ),
];

/// Returns what is seen in place of a rule.
pub(crate) fn of_ministack(rule: &str) -> Option<&'static str> {
    if ACCEPTED.contains(&rule) {
        return Some("accepted");
    }
    OTHERWISE.iter().find(|(known, _)| *known == rule).map(|(_, seen)| *seen)
}
