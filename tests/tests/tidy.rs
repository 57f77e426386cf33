//! The rules of the house that a machine can hold the tree to.

#![expect(clippy::expect_used, reason = "a tree that cannot be read is a failure of these tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 70;

/// What the core may depend on: formats, errors, a digest, and time as a value.
const CORE_DEPENDENCIES: [&str; 7] =
    ["jiff", "schemars", "serde", "serde_json", "serde_path_to_error", "sha2", "thiserror"];

/// What the core must not name: I/O, clocks, randomness, threads and runtimes.
const NOT_IN_CORE: [&str; 12] = [
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "std::thread",
    "std::time",
    "TcpStream",
    "UdpSocket",
    "tokio",
    "Timestamp::now",
    "rand::",
    "println!",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_path_buf()
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                files(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root(), ".rs", &mut found);
    found.sort();
    found.into_iter().map(|path| (shown(&path), fs::read_to_string(&path).expect("a source file"))).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn assert_none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}:\n  {}", problems.join("\n  "));
}

#[test]
fn every_file_is_short_enough_to_be_one_idea() {
    let long = |(path, text): (String, String)| {
        let lines = text.lines().count();
        (lines > LONGEST_FILE).then(|| format!("{path}: {lines} lines"))
    };
    let problems: Vec<String> = sources().into_iter().filter_map(long).collect();
    assert_none(&problems, "files of more than 600 lines");
}

#[test]
fn every_function_fits_a_screen() {
    let mut problems = Vec::new();
    for (path, text) in sources() {
        for (name, lines) in functions(&text) {
            if lines > LONGEST_FUNCTION {
                problems.push(format!("{path}: {name} has {lines} lines"));
            }
        }
    }
    assert_none(&problems, "functions of more than 70 lines");
}

/// Finds functions by their indentation, which rustfmt guarantees.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let words: Vec<&str> = line.split_whitespace().take_while(|word| !word.contains('(')).collect();
        let header = line.trim_start();
        let starts =
            ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "async fn ", "pub async fn ", "const fn "];
        if !starts.iter().any(|start| header.starts_with(start)) || words.is_empty() {
            continue;
        }
        let close = format!("{}}}", " ".repeat(indent));
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push((header.chars().take(60).collect(), length + 1));
        }
    }
    found
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent = |(path, text): (String, String)| (!text.starts_with("//! ")).then_some(path);
    let problems: Vec<String> = sources().into_iter().filter_map(silent).collect();
    assert_none(&problems, "modules without a first sentence");
}

#[test]
fn the_core_depends_on_nothing_that_acts() {
    let manifest = fs::read_to_string(root().join("registrar/core/Cargo.toml")).expect("core's manifest");
    let section = manifest.split("[dependencies]").nth(1).expect("dependencies").split("\n[").next();
    let names: Vec<&str> =
        section.expect("a section").lines().filter_map(|line| line.split(['.', ' ', '=']).next()).collect();
    let names: BTreeSet<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    assert_eq!(names, BTreeSet::from(CORE_DEPENDENCIES));
}

#[test]
fn the_core_names_no_clock_no_file_and_no_socket() {
    let mut problems = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path.starts_with("registrar/core/src")) {
        for forbidden in NOT_IN_CORE.iter().filter(|forbidden| text.contains(**forbidden)) {
            problems.push(format!("{path} names {forbidden}"));
        }
    }
    assert_none(&problems, "the core acts");
}

#[test]
fn hickory_stays_behind_the_modules_that_wrap_it() {
    let allowed = ["registrar/local/src/dns/", "resolver-probe/", "tests/"];
    let outside = |(path, text): (String, String)| {
        let names_it = text.contains("hickory_proto::") || text.contains("hickory_server::");
        (names_it && !allowed.iter().any(|start| path.starts_with(start))).then_some(path)
    };
    let problems: Vec<String> = sources().into_iter().filter_map(outside).collect();
    assert_none(&problems, "hickory is named outside its wrapper");
}

#[test]
fn one_file_knows_the_types_of_the_aws_sdk() {
    let allowed = "registrar/aws/src/convert.rs";
    let mut problems = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| path != allowed) {
        let names_type = |line: &&str| {
            let sdk = line.split_once("aws_sdk_").map_or("", |(_, item)| item);
            sdk.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "types")
        };
        problems.extend(text.lines().filter(names_type).map(|line| format!("{path}: {}", line.trim())));
    }
    assert_none(&problems, "the SDK's model types are named outside the file that converts them");
}

#[test]
fn every_dependency_says_in_one_sentence_what_it_is_for() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let section = manifest.split("[workspace.dependencies]").nth(1).expect("dependencies");
    let section = section.split("\n[").next().expect("a section");
    let unexplained =
        |line: &&str| !line.is_empty() && !line.split_once(" # ").is_some_and(|(_, why)| why.ends_with('.'));
    let problems: Vec<String> = section.lines().filter(unexplained).map(str::to_owned).collect();
    assert_none(&problems, "dependencies without a reason");
}

#[test]
fn the_quickstart_pulls_in_no_aws_sdk() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let is_shown = |line: &&str| line.starts_with("cargo run") && line.contains("registrar-local");
    let shown: Vec<&str> = readme.lines().filter(is_shown).collect();
    assert!(shown.len() > 1, "the README does not show how to run registrar-local");
    for command in shown {
        // Without a package, cargo turns on what every other member of the workspace asks of shared crates.
        assert!(command.contains(" -p registrar-local "), "{command:?} selects the whole workspace");
    }
    let without_aws = ["-p", "resolver-probe", "--no-default-features", "--features", "encrypted"];
    for selected in [["-p", "registrar-local"].as_slice(), &["-p", "registrar-core"], &without_aws] {
        let packages = resolved(selected);
        assert!(packages.len() > 5, "{selected:?} has no dependencies: {packages:?}");
        // A library for TLS, which the probe takes only with its feature `encrypted`.
        let is_of_sdk = |name: &&String| name.starts_with("aws-") && !name.starts_with("aws-lc-");
        let of_sdk: Vec<&String> = packages.iter().filter(is_of_sdk).collect();
        assert!(of_sdk.is_empty(), "{selected:?} pulls in {of_sdk:?}");
    }
}

/// Asks cargo for the packages that it would build, with the features that it would build them with.
fn resolved(selected: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["tree", "--locked", "--offline", "--edges", "normal,build"]);
    cargo.args(["--prefix", "none", "--format", "{p}"]).args(selected);
    let output = cargo.output().expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("text");
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn nothing_is_left_for_later_or_belongs_to_one_machine() {
    let here = file!();
    let this_machine = root().display().to_string();
    let words =
        ["TODO", "FIXME", "unimplemented!(", "todo!(", "/home/", "/root/", "/tmp/", this_machine.as_str()];
    let mut problems = Vec::new();
    let mut found = Vec::new();
    for ending in [".rs", ".md", ".toml", ".json", ".yaml"] {
        files(&root(), ending, &mut found);
    }
    for path in found {
        let text = fs::read_to_string(&path).expect("a text file");
        let path = shown(&path);
        if !here.ends_with(&path) {
            let hits = words.iter().filter(|word| text.contains(**word));
            problems.extend(hits.map(|word| format!("{path} has {word}")));
        }
    }
    assert_none(&problems, "left for later, or private");
}
