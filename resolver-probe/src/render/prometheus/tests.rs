//! What a scraper reads: every line by the grammar of the format, and nothing a hostile text adds.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::fixtures::observation;
use crate::render::samples;
use crate::report::FailOn;

type Sample = (String, BTreeMap<String, String>, f64);

/// Reads an exposition as strictly as "Exposition formats" 0.0.4 is written, and refuses what promtool would.
fn read(text: &str) -> Vec<Sample> {
    assert!(text.ends_with('\n'), "no line break at the end");
    let (mut announced, mut seen, mut samples) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    let (mut helped, mut family) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a help text");
            assert!(is_name(name) && !words.is_empty(), "{line}");
            helped = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            assert_eq!(kind, format!("{helped} gauge"));
            assert!(announced.insert(helped.clone()), "announced twice: {helped}");
            family.clone_from(&helped);
        } else {
            let sample = sample(line);
            assert_eq!(sample.0, family, "not below its own announcement: {line}");
            assert!(seen.insert((sample.0.clone(), sample.1.clone())), "twice: {line}");
            samples.push(sample);
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').expect("a value");
    let value: f64 = value.parse().expect("a number");
    let (name, labels) = match head.split_once('{') {
        Some((name, rest)) => (name, labels(rest.strip_suffix('}').expect("a closing brace"))),
        None => (head, BTreeMap::new()),
    };
    assert!(is_name(name), "{line}");
    (name.to_owned(), labels, value)
}

fn labels(text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").expect("a quoted value");
        assert!(is_name(name), "{name}");
        let (mut value, mut end, mut characters) = (String::new(), None, quoted.char_indices());
        while let Some((place, character)) = characters.next() {
            match character {
                '"' => {
                    end = Some(place + 1);
                    break;
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('\\' | '"'))) => value.push(escaped),
                    Some((_, 'n')) => value.push('\n'),
                    other => panic!("no such escape: {other:?}"),
                },
                other => value.push(other),
            }
        }
        rest = &quoted[end.expect("a closing quote")..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
        assert!(labels.insert(name.to_owned(), value).is_none(), "a label twice: {name}");
    }
    labels
}

fn is_name(text: &str) -> bool {
    let fits = |character: char| character.is_ascii_lowercase() || character == '_';
    !text.is_empty() && text.chars().all(fits)
}

fn value(samples: &[Sample], name: &str, label: (&str, &str)) -> Option<f64> {
    let is_it =
        |sample: &&Sample| sample.0 == name && sample.1.get(label.0).is_some_and(|value| value == label.1);
    samples.iter().find(is_it).map(|sample| sample.2)
}

#[test]
fn a_check_is_metrics_that_a_strict_reader_takes() {
    let text = render_prometheus(&samples::stale_cache(), FailOn::Warning);
    let samples = read(&text);
    let name = ("name", "video.bos.edge.example.com");
    assert_eq!(value(&samples, "resolver_probe_success", name), Some(0.0));
    // Noon, and the 30 s that it took.
    assert_eq!(value(&samples, "resolver_probe_last_run_timestamp_seconds", name), Some(1_795_262_430.0));
    assert_eq!(value(&samples, "resolver_probe_finding", ("id", "stale-answer")), Some(1.0));
    assert_eq!(value(&samples, "resolver_probe_staleness_seconds", ("ip", "192.0.2.9")), Some(71.0));
    assert_eq!(value(&samples, "resolver_probe_staleness_max_seconds", ("ip", "192.0.2.9")), Some(124.0));
    assert_eq!(value(&samples, "resolver_probe_answers", ("ip", "192.0.2.1")), Some(1850.0));
    insta::assert_snapshot!(text);
}

#[test]
fn success_is_that_of_the_exit_code() {
    for (fail_on, success) in [(FailOn::Warning, 0.0), (FailOn::Critical, 1.0)] {
        let samples = read(&render_prometheus(&samples::stale_cache(), fail_on));
        let name = ("name", "video.bos.edge.example.com");
        assert_eq!(value(&samples, "resolver_probe_success", name), Some(success));
        // What was found stays what was found.
        assert_eq!(value(&samples, "resolver_probe_verdict", ("verdict", "warning")), Some(1.0));
    }
}

#[test]
fn hostile_texts_are_label_values_and_nothing_else() {
    let honest = read(&render_prometheus(&samples::stale_cache(), FailOn::Warning));
    let hostile = samples::hostile();
    let mut one = hostile.clone();
    one.resolvers.truncate(1);
    let read = read(&render_prometheus(&one, FailOn::Warning));
    let names = |samples: &[Sample]| samples.iter().map(|sample| sample.0.clone()).collect::<BTreeSet<_>>();
    assert!(names(&read).is_subset(&names(&honest)), "{read:?}");
    assert!(read.iter().any(|sample| sample.1.get("resolver").is_some_and(|name| name.contains("<script"))));
}

#[test]
fn a_server_that_answers_everything_makes_no_more_metrics_than_a_full_pool() {
    let strays: Vec<(u8, u64)> = (0..=255).map(|last| (last, 1)).collect();
    let report = samples::judged(None, &[observation(1, &strays)]);
    assert_eq!(report.addresses.len(), 256);
    let samples = read(&render_prometheus(&report, FailOn::Warning));
    let of = |name: &str| samples.iter().filter(|sample| sample.0 == name).count();
    assert_eq!((of("resolver_probe_answers"), of("resolver_probe_address")), (100, 100));
    assert_eq!(value(&samples, "resolver_probe_addresses", ("name", &report.name)), Some(256.0));
}

#[test]
fn a_reach_is_metrics_too() {
    let text = render_reach_prometheus(&samples::reach_document(), FailOn::Warning, 1_795_262_400.5);
    let samples = read(&text);
    assert_eq!(value(&samples, "resolver_probe_alive", ("ip", "192.0.2.3")), Some(0.0));
    assert_eq!(value(&samples, "resolver_probe_alive", ("ip", "192.0.2.1")), Some(1.0));
    insta::assert_snapshot!(text);
}
