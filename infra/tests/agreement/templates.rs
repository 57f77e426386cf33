//! Every template: queues, logs, targets, roles, wildcards, and what Wavelength zones do not have.

use registrar_infra::checks::{alarms, delivery, fleet, permissions, surface, wildcards};
use registrar_infra::template;

use crate::{assert_none, every};

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

#[test]
fn the_runbook_explains_every_alarm() {
    let runbook = std::fs::read_to_string(template::folder().join("README.md")).expect("infra/README.md");
    let problems: Vec<String> = template::all()
        .expect("templates")
        .iter()
        .flat_map(|template| alarms::explained(template, &runbook))
        .collect();
    assert_none(&problems, "the runbook");
}
