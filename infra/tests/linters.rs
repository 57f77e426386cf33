//! The linters that others wrote: cfn-lint on every template for every Region that Wavelength zones belong to, and
//! parliament on every policy as it is resolved.
//!
//! They need the Python environment that `cargo xtask python` makes, and are run by `cargo xtask ci`:
//! `REGISTRAR_PYTHON=target/python/bin/python cargo test --workspace --test linters -- --ignored`.

#![expect(clippy::panic, reason = "a linter that cannot be run is a failure of these tests")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use registrar_infra::policy;
use registrar_infra::samples::stacks;
use registrar_infra::template::{self, Template};
use serde_json::{Value, json};

/// The Regions that Wavelength zones belong to. Source: Wavelength developer guide, "Available Wavelength zones";
/// eu-central-1 and ap-northeast-2 had some before.
const REGIONS: [&str; 8] = [
    "us-east-1",
    "us-west-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-2",
    "eu-west-3",
];

fn python() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "the environment of a test run enters here")]
    let python = std::env::var_os("REGISTRAR_PYTHON");
    PathBuf::from(python.unwrap_or_else(|| panic!("REGISTRAR_PYTHON is not set (hint: cargo xtask python)")))
}

fn cfn_lint(templates: &[PathBuf]) -> Output {
    let mut command = Command::new(python().with_file_name("cfn-lint"));
    command.args(["--non-zero-exit-code", "informational", "--regions"]).args(REGIONS);
    command.arg("--").args(templates);
    command.output().unwrap_or_else(|error| panic!("cfn-lint could not be run: {error}"))
}

/// Returns what parliament finds in policies, each with the name of who has it.
fn parliament(policies: &Value) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint_policies.py");
    let mut command = Command::new(python());
    command.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("parliament could not be run: {error}"));
    if let Some(input) = child.stdin.take() {
        let mut input = input;
        input.write_all(policies.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    }
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "parliament: {}", String::from_utf8_lossy(&output.stderr));
    told
}

fn policies_of(template: &Template) -> Vec<Value> {
    let mut found = Vec::new();
    for stack in stacks(template).unwrap_or_else(|problems| panic!("{}: {problems:?}", template.name)) {
        for (id, policies) in policy::all(&stack) {
            let policies = policies.unwrap_or_else(|problem| panic!("{id}: {problem}"));
            for policy in policies {
                let named = json!({"name": format!("{} {id}", template.name), "policy": policy});
                if !found.contains(&named) {
                    found.push(named);
                }
            }
        }
    }
    found
}

fn templates() -> Vec<Template> {
    template::all().unwrap_or_else(|error| panic!("{error:?}"))
}

#[test]
#[ignore = "needs cfn-lint, which cargo xtask ci installs"]
fn cfn_lint_finds_nothing_for_any_region_of_a_wavelength_zone() {
    let paths: Vec<PathBuf> =
        templates().iter().map(|template| template::folder().join(&template.name)).collect();
    assert!(paths.len() > 1, "templates are missing");
    let output = cfn_lint(&paths);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs cfn-lint, which cargo xtask ci installs"]
fn cfn_lint_finds_a_property_that_is_misspelt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.yaml");
    let text = std::fs::read_to_string(template::folder().join("registrar.yaml")).unwrap();
    std::fs::write(&path, text.replacen("VisibilityTimeout:", "VisibilityTimeOut:", 1)).unwrap();
    let output = cfn_lint(&[path]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("VisibilityTimeOut"));
}

#[test]
#[ignore = "needs parliament, which cargo xtask ci installs"]
fn parliament_finds_nothing_in_any_policy() {
    let policies: Vec<Value> = templates().iter().flat_map(policies_of).collect();
    assert!(policies.len() > 5, "policies are missing");
    let told = parliament(&json!(policies));
    assert!(told.is_empty(), "{told}");
}

#[test]
#[ignore = "needs parliament, which cargo xtask ci installs"]
fn parliament_finds_an_action_on_what_it_does_not_apply_to() {
    let statement = json!({"Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": "arn:aws:ssm:us-east-1:123456789012:parameter/x"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    let told = parliament(&json!([{"name": "broken", "policy": policy}]));
    assert!(told.contains("broken: RESOURCE_MISMATCH"), "{told}");
}
