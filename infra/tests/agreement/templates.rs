//! Every template: queues, logs, targets, roles, wildcards, and what Wavelength zones do not have.

use registrar_infra::checks::{alarms, delivery, fleet, nested, permissions, requests, surface, wildcards};
use registrar_infra::template::{self, Template};

use crate::{assert_none, every, read};

#[test]
fn good_parameters_are_taken() {
    every(surface::accepted);
}

#[test]
fn parameters_and_outputs_are_described_grouped_and_limited() {
    every(surface::described);
}

#[test]
fn queues_are_encrypted_and_have_dead_letters() {
    every(delivery::queues);
}

#[test]
fn logs_are_kept_for_a_number_of_days() {
    every(delivery::logs);
}

#[test]
fn targets_are_tried_again_and_may_be_sent_to() {
    every(delivery::targets);
}

#[test]
fn mappings_hand_back_single_messages_at_once() {
    every(delivery::mappings);
}

#[test]
fn alarms_tell_the_topic_where_there_is_one() {
    every(alarms::told);
}

#[test]
fn wildcards_have_their_reasons() {
    every(wildcards::reasons);
}

#[test]
fn no_wildcard_stands_for_what_could_be_named() {
    every(wildcards::narrowest);
}

#[test]
fn roles_carry_the_boundary() {
    every(permissions::boundaries);
}

#[test]
fn roles_carry_the_deployments_tag() {
    every(permissions::tagged);
}

#[test]
fn hooks_let_an_instance_drain_and_then_go() {
    every(fleet::hooks);
}

#[test]
fn instances_are_launched_as_a_wavelength_zone_can() {
    every(fleet::launches);
}

#[test]
fn groups_have_the_tag_that_the_pool_selects() {
    every(fleet::tags);
}

#[test]
fn nothing_is_asked_for_that_a_wavelength_zone_has_not() {
    every(fleet::absent);
}

#[test]
fn the_wavelength_subnet_leads_to_the_carrier() {
    every(fleet::routes);
}

fn all() -> Vec<Template> {
    template::all().unwrap_or_else(|error| panic!("{error:?}"))
}

fn page() -> String {
    std::fs::read_to_string(template::folder().join("README.md")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_runbook_explains_every_alarm() {
    let problems = all().iter().flat_map(|template| alarms::explained(template, &page())).collect::<Vec<_>>();
    assert_none(&problems, "the runbook");
}

#[test]
fn the_page_names_every_parameter_of_the_control_plane() {
    assert_none(&nested::documented(&read("registrar.yaml"), &page()), "infra/README.md");
}

#[test]
fn nested_stacks_take_what_they_are_handed_and_have_what_they_are_asked_for() {
    assert_none(&nested::stacks(&read("main.yaml"), &all()), "main.yaml");
}

#[test]
fn a_parameter_takes_the_same_values_wherever_it_is() {
    assert_none(&nested::alike(&all()), "parameters");
}

#[test]
fn the_role_in_the_account_of_the_hosted_zone_may_do_what_the_functions_own_could() {
    assert_none(&requests::decided_elsewhere(&read("dns-role.yaml")), "dns-role.yaml");
}

#[test]
fn the_role_in_the_account_of_the_hosted_zone_trusts_the_function_and_nobody_else() {
    assert_none(&requests::trusted(&read("dns-role.yaml")), "dns-role.yaml");
}
