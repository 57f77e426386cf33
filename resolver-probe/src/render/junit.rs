//! Writes a report as JUnit XML: a test case for each address, server, resolver and kind of finding.
//!
//! Findings that fail the check are failures, what could not be looked at is an error, and nothing is skipped.

use std::collections::BTreeMap;
use std::time::Duration;

use quick_xml::escape::escape;

use super::{digest, words};
use crate::reach::ReachDocument;
use crate::report::{CheckReport, ExitPolicy, FailOn, Finding, Severity};

/// Writes a check as JUnit XML.
#[must_use]
pub fn render_junit(report: &CheckReport, policy: impl Into<ExitPolicy>) -> String {
    let policy = policy.into();
    let mut suites: BTreeMap<&'static str, BTreeMap<String, Vec<&Finding>>> = BTreeMap::new();
    let mut expect = |suite, cases: Vec<String>| {
        suites.entry(suite).or_default().extend(cases.into_iter().map(|case| (case, Vec::new())));
    };
    expect("addresses", report.addresses.iter().map(|report| report.address.to_string()).collect());
    expect("servers", report.servers.iter().map(|report| report.server.to_string()).collect());
    expect("resolvers", report.resolvers.iter().map(|report| report.resolver.clone()).collect());
    expect("check", vec!["made".to_owned()]);
    for finding in &report.findings {
        let (suite, case) = place(finding);
        suites.entry(suite).or_default().entry(case).or_default().push(finding);
    }
    let suites = suites.into_iter().filter(|(_, cases)| !cases.is_empty()).map(|(name, cases)| {
        let cases = cases.into_iter().map(|(name, findings)| Case::of_findings(name, &findings, policy));
        Suite { name, cases: cases.collect() }
    });
    let suites: Vec<Suite> = suites.collect();
    // Readers' schemas know no fractions of a second.
    let began = report.started_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    document(&report.name, &suites, &began, report.duration)
}

/// Writes what was found of addresses as JUnit XML.
#[must_use]
pub fn render_reach_junit(document: &ReachDocument, policy: impl Into<ExitPolicy>) -> String {
    let policy = policy.into();
    let case = |report: &crate::reach::ReachReport| Case {
        name: report.address.to_string(),
        fault: fault(report.severity, policy).map(|element| Fault {
            element,
            kind: words::liveness(report.liveness).to_owned(),
            message: report.message.clone(),
            text: report.message.clone(),
        }),
    };
    let mut cases: Vec<Case> = document.addresses.iter().map(case).collect();
    if cases.is_empty() {
        let (element, kind) = ("error", "not-probed".to_owned());
        let message = "no address was asked".to_owned();
        cases.push(Case {
            name: "made".to_owned(),
            fault: Some(Fault { element, kind, text: message.clone(), message }),
        });
    }
    let name = format!("reach {}", document.probe);
    self::document(&name, &[Suite { name: "addresses", cases }], "", Duration::ZERO)
}

struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

struct Case {
    name: String,
    fault: Option<Fault>,
}

/// What makes a case fail. Readers expect one at most.
struct Fault {
    element: &'static str,
    kind: String,
    message: String,
    text: String,
}

impl Case {
    fn of_findings(name: String, findings: &[&Finding], policy: ExitPolicy) -> Self {
        let failing = findings.iter().filter_map(|finding| Some((fault(finding.severity, policy)?, finding)));
        let failing: Vec<_> = failing.collect();
        let fault = failing.first().map(|(element, worst)| Fault {
            element,
            kind: worst.id.to_string(),
            message: worst.message.clone(),
            text: failing.iter().map(|(_, finding)| paragraph(finding)).collect::<Vec<_>>().join("\n"),
        });
        Self { name, fault }
    }
}

/// The element that a severity is written as; nothing where it fails nothing.
fn fault(severity: Severity, policy: ExitPolicy) -> Option<&'static str> {
    match (severity, policy.fail_on) {
        (Severity::Critical, FailOn::Warning | FailOn::Critical) => Some("failure"),
        (Severity::Warning, FailOn::Warning) => Some("failure"),
        (Severity::Unknown, _) => Some("error"),
        (Severity::Critical | Severity::Warning | Severity::Info, _) => None,
    }
}

fn paragraph(finding: &Finding) -> String {
    let (severity, _) = words::severity(finding.severity);
    let evidence = digest::evidence(finding);
    let evidence = if evidence.is_empty() { evidence } else { format!(" ({evidence})") };
    format!("{severity} {}: {}{evidence}", finding.id, words::plain(&finding.message))
}

/// The case that a finding belongs to: what it is about, or else its kind.
fn place(finding: &Finding) -> (&'static str, String) {
    match (finding.address, finding.server, &finding.resolver) {
        (Some(address), _, _) => ("addresses", address.to_string()),
        (None, Some(server), _) => ("servers", server.to_string()),
        (None, None, Some(resolver)) => ("resolvers", resolver.clone()),
        (None, None, None) => ("check", finding.id.to_string()),
    }
}

fn document(name: &str, suites: &[Suite], timestamp: &str, time: Duration) -> String {
    let counts = |cases: &mut dyn Iterator<Item = &Case>| {
        let faults: Vec<&str> =
            cases.map(|case| case.fault.as_ref().map_or("", |fault| fault.element)).collect();
        let of = |element: &str| faults.iter().filter(|fault| **fault == element).count();
        format!("tests=\"{}\" failures=\"{}\" errors=\"{}\"", faults.len(), of("failure"), of("error"))
    };
    let time = format!("time=\"{:.3}\"", time.as_secs_f64());
    let all = counts(&mut suites.iter().flat_map(|suite| &suite.cases));
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    text.push_str(&format!("<testsuites name=\"resolver-probe\" {all} {time}>\n"));
    let stamp =
        if timestamp.is_empty() { String::new() } else { format!(" timestamp=\"{}\"", fit(timestamp)) };
    for suite in suites {
        let counted = counts(&mut suite.cases.iter());
        let suite_name = format!("{} {}", fit(name), suite.name);
        text.push_str(&format!(
            "  <testsuite name=\"{suite_name}\" {counted} skipped=\"0\" {time}{stamp}>\n"
        ));
        let class = format!("{}.{}", fit(name), suite.name);
        suite.cases.iter().for_each(|case| text.push_str(&case_element(case, &class)));
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn case_element(case: &Case, class: &str) -> String {
    let head = format!("    <testcase classname=\"{class}\" name=\"{}\" time=\"0\"", fit(&case.name));
    let Some(fault) = &case.fault else { return format!("{head}/>\n") };
    let (element, kind, message) = (fault.element, fit(&fault.kind), fit(&fault.message));
    let lines: Vec<String> = fault.text.lines().map(fit).collect();
    let text = lines.join("\n");
    format!(
        "{head}>\n      <{element} type=\"{kind}\" message=\"{message}\">{text}</{element}>\n    </testcase>\n"
    )
}

/// Escapes a text, and leaves out what XML 1.0 cannot hold even so.
fn fit(text: &str) -> String {
    escape(words::plain(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use quick_xml::events::Event;
    use quick_xml::{Reader, XmlVersion};

    use super::*;
    use crate::render::samples;

    /// Reads a document as strictly as XML asks for, and returns its elements with their attributes.
    fn read(text: &str) -> Vec<(String, BTreeMap<String, String>)> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().enable_all_checks(true);
        let mut elements = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let attributes = start.attributes().map(|attribute| {
                        let attribute = attribute.unwrap();
                        let key = String::from_utf8(attribute.key.as_ref().to_vec()).unwrap();
                        (key, attribute.normalized_value(XmlVersion::Implicit1_0).unwrap().into_owned())
                    });
                    let name = String::from_utf8(start.name().as_ref().to_vec()).unwrap();
                    elements.push((name, attributes.collect()));
                }
                Event::Text(text) => drop(text.xml10_content().unwrap()),
                Event::Eof => return elements,
                _ => {}
            }
        }
    }

    fn count(elements: &[(String, BTreeMap<String, String>)], name: &str) -> usize {
        elements.iter().filter(|(element, _)| element == name).count()
    }

    #[test]
    fn each_address_and_server_is_a_case_and_the_bad_ones_fail() {
        let text = render_junit(&samples::stale_record(), FailOn::Warning);
        insta::assert_snapshot!(text);
        let elements = read(&text);
        assert_eq!((count(&elements, "testcase"), count(&elements, "failure")), (6, 3));
        let (_, totals) = elements.iter().find(|(name, _)| name == "testsuites").unwrap();
        assert_eq!((totals["tests"].as_str(), totals["failures"].as_str()), ("6", "3"));
    }

    #[test]
    fn what_does_not_fail_the_check_fails_no_case() {
        for (fail_on, failures) in [(FailOn::Warning, 3), (FailOn::Critical, 1), (FailOn::Nothing, 0)] {
            let elements = read(&render_junit(&samples::stale_record(), fail_on));
            assert_eq!(count(&elements, "failure"), failures, "{fail_on:?}");
        }
    }

    #[test]
    fn what_is_unknown_is_an_error_whatever_fails_the_check() {
        let mut report = samples::stale_cache();
        report.findings.iter_mut().for_each(|finding| finding.severity = Severity::Unknown);
        let elements = read(&render_junit(&report, FailOn::Nothing));
        assert_eq!((count(&elements, "error"), count(&elements, "failure")), (1, 0));
    }

    #[test]
    fn hostile_texts_are_texts() {
        let text = render_junit(&samples::hostile(), FailOn::Warning);
        let elements = read(&text);
        assert_eq!(count(&elements, "script"), 0);
        assert!(!text.contains('\u{1b}'));
        let (_, failure) = elements.iter().find(|(name, _)| name == "failure").unwrap();
        assert!(failure["message"].contains("<script src="), "{failure:?}");
    }

    #[test]
    fn a_dead_address_fails_and_no_address_is_an_error() {
        let document = samples::reach_document();
        insta::assert_snapshot!(render_reach_junit(&document, FailOn::Warning));
        let nothing = ReachDocument::new(document.probe, document.vantage, Vec::new(), 1);
        assert_eq!(count(&read(&render_reach_junit(&nothing, FailOn::Nothing)), "error"), 1);
    }
}
