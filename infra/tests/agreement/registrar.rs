//! registrar.yaml and the code: permissions, settings, events, metrics, and the custom resource.

use registrar_infra::checks::{
    alarms, delivery, documents, events, function, permissions, requests, surface,
};
use registrar_infra::template::Template;
use registrar_lambda::environment::VARIABLES;

use crate::{code, registrar};

/// The parameters of the issue, with their defaults; those without must be given.
const PARAMETERS: &[(&str, Option<&str>)] = &[
    ("DeploymentName", Some("edge")),
    ("HostedZoneId", None),
    ("HostedZoneName", None),
    ("PoolName", Some("video")),
    ("RecordName", None),
    ("TtlSeconds", Some("20")),
    ("WavelengthZones", Some("")),
    ("SelectorTagKey", Some("edge-dns")),
    ("SelectorTagValue", Some("video")),
    ("AutoScalingGroupNames", Some("")),
    ("AddressKind", Some("carrier-ip")),
    ("CodeBucket", None),
    ("CodeKey", None),
    ("Architecture", Some("arm64")),
    ("SweepSchedule", Some("rate(1 minute)")),
    ("AlarmTopicArn", Some("")),
    ("PermissionsBoundaryArn", Some("")),
    ("AdditionalRecordNames", Some("")),
    ("DnsRoleArn", Some("")),
    ("PoolState", Some("active")),
];

const OUTPUTS: &[&str] =
    &["QueueUrl", "DeadLetterQueueUrl", "FunctionName", "PoolParameterName", "DashboardUrl", "ProbeCommand"];

pub(crate) fn actions(template: &Template) -> Vec<String> {
    permissions::actions(template, &code::actions())
}

pub(crate) fn environment(template: &Template) -> Vec<String> {
    function::environment(template, VARIABLES)
}

pub(crate) fn paths(template: &Template) -> Vec<String> {
    match (code::paths(), "video".parse()) {
        (Ok(paths), Ok(pool)) => function::paths(template, paths.config(), &paths.document(&pool)),
        (paths, pool) => vec![format!("{:?} {:?}", paths.err(), pool.err())],
    }
}

pub(crate) fn parameter_changes(template: &Template) -> Vec<String> {
    match code::paths() {
        Ok(paths) => events::parameters_pass(template, &|name| paths.concerns(name)),
        Err(error) => vec![error.to_string()],
    }
}

pub(crate) fn surface(template: &Template) -> Vec<String> {
    surface::wanted(template, PARAMETERS, OUTPUTS)
}

#[test]
fn every_action_that_the_code_calls_is_allowed_and_no_other() {
    registrar(actions);
}

#[test]
fn least_privilege_ends_where_it_should() {
    registrar(requests::decided);
}

#[test]
fn every_variable_is_one_that_the_function_reads_and_the_needed_ones_are_set() {
    registrar(environment);
}

#[test]
fn the_paths_of_parameters_are_the_codes() {
    registrar(paths);
}

#[test]
fn every_metric_of_an_alarm_and_of_the_dashboard_is_published() {
    registrar(alarms::known);
}

#[test]
fn the_rules_let_through_what_the_code_knows_and_nothing_else() {
    registrar(events::pairs);
}

#[test]
fn an_event_of_each_kind_passes_one_rule_and_is_a_trigger() {
    registrar(events::samples_pass);
}

#[test]
fn a_change_of_a_parameter_passes_where_it_matters_and_the_functions_own_writes_do_not() {
    registrar(parameter_changes);
}

#[test]
fn the_schedule_sends_a_sweep() {
    registrar(events::schedule);
}

#[test]
fn the_custom_resource_has_the_properties_that_the_code_knows() {
    registrar(documents::properties);
}

#[test]
fn the_pool_document_says_what_the_parameters_say() {
    registrar(documents::pools);
}

#[test]
fn parameters_and_outputs_have_their_names_and_defaults() {
    registrar(surface);
}

#[test]
fn what_could_bring_a_record_back_is_gone_before_the_last_is_removed() {
    registrar(delivery::order);
}

#[test]
fn the_function_has_its_permissions_before_the_first_record_is_made() {
    registrar(delivery::permissions_first);
}

#[test]
fn what_should_wake_somebody_has_an_alarm() {
    registrar(alarms::complete);
}
