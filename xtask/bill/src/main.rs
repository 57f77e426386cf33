//! Writes a CycloneDX bill of materials for each packaged program: the crates that are linked into it, and no other.
//!
//! It is no part of xtask, which everybody compiles first. What is in a bill follows from `Cargo.lock` and the
//! selection of packages alone: it has no time and no number of its own, so that it comes out the same everywhere.

mod bill;
mod crates;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crates::Crates;
use tree::Tree;

/// Usage: `registrar-bill FOLDER TARGET PACKAGE…`, all packages that are built together. Writes
/// `FOLDER/PACKAGE.cdx.json` for each.
fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, target, packages @ ..] = arguments.as_slice() else {
        bail!("say which folder to write to, which target is built, and which packages");
    };
    let bills = bills(target, packages)?;
    fs::create_dir_all(folder).with_context(|| format!("{folder} could not be made"))?;
    for (package, bill) in bills {
        let path = Path::new(folder).join(format!("{package}.cdx.json"));
        fs::write(&path, bill).with_context(|| format!("{} could not be written", path.display()))?;
    }
    Ok(())
}

/// Returns the bill of each package, as they are built for a target, all together.
fn bills(target: &str, packages: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
    let crates = Crates::read(&metadata(target)?, &lock()?)?;
    let tree = Tree::read(&edges(target, packages)?)?;
    let bill = |package: &String| Ok((package.clone(), bill::write(package, &tree, &crates)?));
    packages.iter().map(bill).collect()
}

/// Asks cargo what is linked into what: normal dependencies, with the features of this selection, and without macros,
/// which run in the compiler.
fn edges(target: &str, packages: &[String]) -> Result<String> {
    let mut arguments = vec!["tree", "--locked", "--target", target, "--edges", "normal,no-proc-macro"];
    arguments.extend(["--prefix", "depth", "--format", " {p}"]);
    arguments.extend(packages.iter().flat_map(|package| ["--package", package.as_str()]));
    cargo(&arguments)
}

fn metadata(target: &str) -> Result<String> {
    cargo(&["metadata", "--locked", "--format-version", "1", "--filter-platform", target])
}

fn lock() -> Result<String> {
    let path = root().join("Cargo.lock");
    fs::read_to_string(&path).with_context(|| format!("{} could not be read", path.display()))
}

fn cargo(arguments: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output();
    let output = output.context("cargo could not be started")?;
    if !output.status.success() {
        bail!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("cargo did not print text")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    const TARGET: &str = "x86_64-unknown-linux-gnu";

    fn bill_of(package: &str) -> Value {
        let bills = bills(TARGET, &[package.to_owned()]).unwrap();
        assert_eq!(bills, self::bills(TARGET, &[package.to_owned()]).unwrap(), "it comes out the same");
        serde_json::from_slice(&bills[0].1).unwrap()
    }

    fn components(bill: &Value) -> BTreeMap<String, Value> {
        let components = bill["components"].as_array().unwrap().iter();
        components.map(|it| (it["name"].as_str().unwrap().to_owned(), it.clone())).collect()
    }

    #[test]
    fn a_bill_holds_what_is_linked_in_and_nothing_else() {
        let bill = bill_of("registrar-core");
        let names: Vec<String> = components(&bill).into_keys().collect();
        for linked in ["serde", "serde_json", "jiff", "sha2", "thiserror", "schemars"] {
            assert!(names.iter().any(|name| name == linked), "{linked} is missing: {names:?}");
        }
        // Tests, benches, and macros, which run in the compiler.
        for other in ["proptest", "divan", "gungraun", "serde_derive", "syn", "registrar-core"] {
            assert!(names.iter().all(|name| name != other), "{other} is no part of it");
        }
        assert_eq!(bill["metadata"]["component"]["name"], "registrar-core");
        assert_eq!((&bill["specVersion"], &bill["serialNumber"]), (&"1.5".into(), &Value::Null));
    }

    #[test]
    fn every_crate_of_a_bill_is_the_one_that_is_locked() {
        let lock = lock().unwrap();
        for package in ["registrar-lambda", "resolver-probe-lambda"] {
            let bill = bill_of(package);
            let components = components(&bill);
            assert!(components.contains_key("aws-sdk-ec2") && components.contains_key("rustls"));
            for (name, component) in &components {
                let version = component["version"].as_str().unwrap();
                assert!(
                    !component["licenses"][0]["expression"].as_str().unwrap_or_default().is_empty(),
                    "{name}"
                );
                let Some(purl) = component["purl"].as_str() else {
                    assert!(name.starts_with("registrar-") || name.starts_with("resolver-probe"), "{name}");
                    continue;
                };
                assert_eq!(
                    purl.split(['?', '%']).next(),
                    Some(format!("pkg:cargo/{name}@{version}").as_str())
                );
                let sum = component["hashes"][0]["content"].as_str().unwrap();
                let start = format!("name = \"{name}\"\nversion = \"{version}\"\n");
                let locked = lock.split("[[package]]\n").find(|it| it.starts_with(&start)).unwrap();
                assert!(locked.contains(&format!("checksum = \"{sum}\"")), "{name}: {locked}");
            }
        }
    }

    #[test]
    fn every_dependency_of_a_bill_is_in_it() {
        let bill = bill_of("registrar-local");
        let mut known: Vec<&Value> =
            bill["components"].as_array().unwrap().iter().map(|it| &it["bom-ref"]).collect();
        known.push(&bill["metadata"]["component"]["bom-ref"]);
        let dependencies = bill["dependencies"].as_array().unwrap();
        assert_eq!(dependencies.len(), known.len());
        for dependency in dependencies {
            let on = dependency["dependsOn"].as_array().into_iter().flatten();
            assert!(on.chain([&dependency["ref"]]).all(|it| known.contains(&it)), "{dependency}");
        }
    }

    #[test]
    fn a_package_that_is_not_there_is_an_error() {
        assert!(bills(TARGET, &["registrar-nothing".to_owned()]).is_err());
    }
}
