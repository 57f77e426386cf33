//! The threat model, `docs/security.md`: what it says that somebody cannot do has a test that is named there, and the
//! tests here are those that have no better place.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use registrar_core::guard::RemovalLedger;
use registrar_core::inventory::{EventMemory, Groups, HostedZone, Inventory};
use registrar_core::orders::Orders;
use registrar_core::plan::{Plan, PlanInput};
use registrar_core::pool::Pool;
use registrar_core::record_set::ChangeAction;
use registrar_core::tree::TreeLimits;
use registrar_core::{Timestamp, dump};
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;
use serde_json::json;

const PAGE: &str = "docs/security.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn plan(story: &str) -> Plan {
    World::build(&Scenario::parse(story).unwrap()).unwrap().plan().unwrap()
}

/// What stands between back quotes on the page and names a test: `path.rs::function`, or a scenario's file.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted.filter(|quoted| {
        quoted.contains(".rs::") || quoted.ends_with(".toml") && quoted.contains("scenarios/")
    })
}

/// Says whether a file has a test of that name: a function with an attribute that makes it one.
fn is_test(text: &str, function: &str) -> bool {
    let Some((before, _)) = text.split_once(&format!("fn {function}(")) else { return false };
    let attributes = before.rsplit("\n\n").next().unwrap_or_default();
    // Properties stand in a macro, and have their attribute as any other test.
    attributes.contains("#[test]") || attributes.contains("#[tokio::test")
}

#[test]
fn every_test_that_the_threat_model_names_exists() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    let names: BTreeSet<&str> = named(&page).collect();
    assert!(names.len() > 40, "only {} tests are named", names.len());
    let missing = |name: &&&str| match name.split_once("::") {
        Some((path, function)) => {
            !fs::read_to_string(root().join(path)).is_ok_and(|text| is_test(&text, function))
        }
        None => !root().join(name).is_file(),
    };
    let missing: Vec<&&str> = names.iter().filter(missing).collect();
    assert!(missing.is_empty(), "the page names what is no test: {missing:#?}");
}

#[test]
fn every_cannot_of_the_threat_model_has_a_test() {
    let page = fs::read_to_string(root().join(PAGE)).unwrap();
    // A statement goes on to the next one, or to an empty line.
    let statements: Vec<&str> = page.split("\n- **Cannot** ").skip(1).collect();
    assert!(statements.len() > 20, "only {} statements", statements.len());
    let untested = |statement: &&&str| {
        let own = statement.split("\n- ").next().and_then(|own| own.split("\n\n").next()).unwrap_or_default();
        named(own).next().is_none()
    };
    let untested: Vec<&&str> = statements.iter().filter(untested).collect();
    assert!(untested.is_empty(), "said without a test: {untested:#?}");
}

#[test]
fn a_function_is_a_test_by_its_attribute_and_not_by_its_name() {
    let text = "#[test]\nfn one() {}\n\nfn two() {}\n\n#[tokio::test]\nasync fn three() {}\n";
    assert_eq!(["one", "two", "three", "four"].map(|name| is_test(text, name)), [true, false, true, false]);
}

#[test]
fn whoever_tags_instances_gets_one_record_for_each_at_the_pools_name_and_no_other() {
    let plan = plan(
        r#"why = "Sixty instances that somebody tagged."
        pools.video = {}
        fleet = ["i-{10..69} running carrier=155.146.10.{10..69}"]"#,
    );
    let changes: Vec<_> = plan.batches.iter().flat_map(|batch| batch.changes()).collect();
    assert_eq!(changes.len(), 60);
    let mut addresses = BTreeSet::new();
    for change in changes {
        assert_eq!(
            (change.action, change.record.name.as_str()),
            (ChangeAction::Create, "video.bos.edge.example.com")
        );
        assert_eq!((change.record.weight, change.record.ttl_secs), (Some(100), Some(20)));
        let id = change.record.set_identifier.as_deref().unwrap();
        let number = id.strip_prefix("registrar/default/video/i-").unwrap();
        assert!(change.record.values().eq([format!("155.146.10.{number}")]));
        addresses.extend(change.record.addresses());
    }
    assert_eq!(addresses.len(), 60);
}

#[test]
fn a_tag_says_a_weight_from_0_to_255_or_nothing() {
    let plan = plan(
        r#"why = "Weights that nobody should have."
        pools.video = {}
        fleet = ["i-01 running carrier=155.146.10.1 weight=99999999999999999999",
                 "i-02 running carrier=155.146.10.2 weight=1e9", "i-03 running carrier=155.146.10.3 weight=255"]"#,
    );
    let weights: Vec<_> =
        plan.batches.iter().flat_map(|batch| batch.changes()).map(|it| it.record.weight).collect();
    assert_eq!(weights, [Some(100), Some(100), Some(255)]);
}

#[test]
fn whatever_a_tag_holds_it_is_told_on_lines_of_ours_and_bounded_in_length() {
    let tag = format!("\u{1b}[2J\n{{\"_aws\":{{}}}}\u{202e}{}", "x".repeat(200));
    let fleet = json!({ "Reservations": [{ "Instances": [{
        "InstanceId": "i-01", "State": { "Name": "running" },
        "Tags": [{ "Key": "edge-dns", "Value": "video" }, { "Key": "edge-dns-weight", "Value": tag }],
        "NetworkInterfaces": [{ "Association": { "CarrierIp": "155.146.10.1" } }],
    }] }] });
    let document = json!({
        "version": 1, "record": { "hosted_zone_id": "Z1", "name": "video.bos.edge.example.com" },
        "members": { "tags": { "edge-dns": "video" } },
    });
    let pools = [Pool::read("video".parse().unwrap(), &document.to_string())];
    let inventory = Inventory {
        observed_at: Timestamp::UNIX_EPOCH,
        fleet: dump::read_fleet(&fleet.to_string()).unwrap(),
        groups: Groups::default(),
        hosted_zones: [("Z1".parse().unwrap(), HostedZone::default())].into(),
        memory: EventMemory::default(),
    };
    let (ledger, orders, deployment) =
        (RemovalLedger::default(), Orders::default(), "default".parse().unwrap());
    let (pools, inventory) = (&pools[..], &inventory);
    let tree = TreeLimits::default();
    let plan = Plan::new(PlanInput {
        deployment: &deployment,
        pools,
        inventory,
        ledger: &ledger,
        orders: &orders,
        tree,
    });
    assert_eq!(plan.change_count(), 1);
    let told = plan.to_string();
    let written = serde_json::to_string(&plan.to_document()).unwrap();
    assert!(told.contains("edge-dns-weight") && told.len() < 2_000 && written.len() < 3_000, "{told}");
    let hidden = |character: char| character.is_control() && character != '\n' || character == '\u{202e}';
    assert!(!told.contains(hidden) && !written.contains(hidden), "{told:?}");
    assert!(told.lines().all(|line| !line.trim_start().starts_with('{')), "{told}");
}

/// Asks cargo what a program is made of.
fn linked(package: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args([
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    cargo.args(["--format", "{p}", "--package", package]);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_function_asks_no_name_server_about_any_record() {
    let function = linked("registrar-lambda");
    assert!(function.contains("aws-sdk-route53") && function.contains("registrar-core"), "{function:?}");
    let asks = |name: &&String| name.starts_with("hickory") || name.starts_with("resolver-probe");
    assert_eq!(function.iter().find(asks), None);
}
