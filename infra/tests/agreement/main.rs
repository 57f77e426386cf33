//! The templates agree with the code, and with what a security review asks of them.
//!
//! Each check is run on the templates as they are, and on texts that were broken in one place, which it must find.

#![expect(clippy::panic, reason = "a template that cannot be read is a failure of these tests")]

mod broken;
mod code;
mod parameters;
mod prober;
mod registrar;
mod templates;

use registrar_infra::template::Template;

/// A check, with what it expects of the code already given.
type Check = fn(&Template) -> Vec<String>;

fn read(name: &str) -> Template {
    Template::named(name).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn assert_none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}", problems.join("\n  "));
}

/// Runs a check on registrar.yaml.
fn registrar(check: Check) {
    assert_none(&check(&read("registrar.yaml")), "registrar.yaml");
}

/// Runs a check on every template.
fn every(check: Check) {
    let templates = registrar_infra::template::all().unwrap_or_else(|error| panic!("{error:?}"));
    assert!(templates.len() > 1, "templates are missing");
    let told = |template: &Template| {
        let name = template.name.clone();
        check(template).into_iter().map(move |problem| format!("{name}: {problem}")).collect::<Vec<_>>()
    };
    assert_none(&templates.iter().flat_map(told).collect::<Vec<_>>(), "templates");
}
