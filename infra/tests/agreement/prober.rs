//! prober.yaml and the code of the scheduled probe: permissions, settings, metrics, and what it is asked to reach.

use registrar_infra::checks::{function, prober};
use registrar_infra::template::Template;
use resolver_probe::reach::ReachProbe;
use resolver_probe::{ACTIONS, DIMENSIONS, METRICS};
use resolver_probe_lambda::environment::VARIABLES;

use crate::{assert_none, code, read};

pub(crate) fn actions(template: &Template) -> Vec<String> {
    prober::actions(template, ACTIONS)
}

pub(crate) fn environment(template: &Template) -> Vec<String> {
    function::environment(template, VARIABLES)
}

pub(crate) fn metrics(template: &Template) -> Vec<String> {
    let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
    prober::metrics(template, &names, &DIMENSIONS)
}

pub(crate) fn paths(template: &Template) -> Vec<String> {
    code::paths()
        .map_or_else(|error| vec![error.to_string()], |paths| prober::paths(template, paths.config()))
}

/// What the template lets through as `ProbeReach`, the code understands, its default first.
pub(crate) fn reach(template: &Template) -> Vec<String> {
    let parameter = template.entry("Parameters", "ProbeReach");
    let default = parameter.and_then(|parameter| parameter["Default"].as_str()).unwrap_or_default();
    let samples = [default, "stun:3478", "quic:443", "srt:9000", "tcp:8443", "udp:1,send=00,expect=ff"];
    let refused = samples.into_iter().filter_map(|sample| {
        let error = sample.parse::<ReachProbe>().err()?;
        Some(format!("the probe does not understand {sample:?}: {error}"))
    });
    refused.collect()
}

fn holds(check: crate::Check) {
    assert_none(&check(&read("prober.yaml")), "prober.yaml");
}

#[test]
fn every_action_that_the_probe_calls_is_allowed_and_no_other() {
    holds(actions);
}

#[test]
fn every_variable_is_one_that_the_probe_reads_and_all_are_set() {
    holds(environment);
}

#[test]
fn every_metric_that_the_probe_publishes_has_an_alarm_and_no_alarm_another() {
    holds(metrics);
}

#[test]
fn the_probe_looks_for_documents_where_the_registrar_does() {
    holds(paths);
}

#[test]
fn what_may_be_asked_of_an_instance_is_understood() {
    holds(reach);
}
