//! What a plan prints: for a person, as JSON, and as change batches.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;
use serde_json::{Value, json};

use crate::edge::Edge;

const A_BUSY_NIGHT: &str = r#"
pools.video.record.ttl_secs = 20
pools.games.state = "paused"
pools.games.members.address = "public-ip"
fleet = [
  "i-01 running carrier=155.146.10.1",
  "i-02 running carrier=155.146.10.22",
  "i-03 terminated",
  "i-04 running carrier=155.146.10.4 weight=50",
  "i-05 running carrier=155.146.10.5",
  "i-06 running carrier=155.146.10.6 weight=heavy",
  "i-09 running carrier=155.146.10.9 pool=none",
  "i-0a running public=198.51.100.1 pool=games",
]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/default/video/i-02 weight=100 ttl=20 155.146.10.2",
  "video.bos.edge.example.com A registrar/default/video/i-03 weight=100 ttl=20 155.146.10.3",
  "video.bos.edge.example.com A registrar/default/video/i-04 weight=100 ttl=20 155.146.10.4",
  "video.bos.edge.example.com A registrar/default/video/i-06 weight=70 ttl=20 155.146.10.6",
  "video.bos.edge.example.com A registrar/default/video/i-09 weight=100 ttl=20 155.146.10.9",
]
"#;

const A_PAGE_IS_MISSING: &str = r#"
pools.video.record.ttl_secs = 60
truncated = ["fleet", "zone"]
fleet = ["i-01 running carrier=155.146.10.1", "i-02 stopping", "i-03 running carrier=155.146.10.3"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-01 weight=100 ttl=20 155.146.10.1",
  "video.bos.edge.example.com A registrar/default/video/i-02 weight=100 ttl=20 155.146.10.2",
  "video.bos.edge.example.com A registrar/default/video/i-04 weight=100 ttl=20 155.146.10.4",
]
"#;

const ERRORS: &str = r#"
pools.copy.record.name = "video.bos.edge.example.com"
pools.games.weight.default = 256
pools.outside.record.name = "video.example.net"
pools.quiet = {}
pools.video = {}
pools.way.record.name = "way.bos.edge.example.com"
fleet = ["i-01 running carrier=155.146.10.1 pool=way"]
zone = ["way.bos.edge.example.com CNAME ttl=300 elsewhere.example.net"]
"#;

#[test]
fn a_plan_shows_old_and_new_values_and_reasons() -> Result<()> {
    let ran = Edge::new(A_BUSY_NIGHT)?.plan(&[])?.exited(3)?;
    insta::assert_snapshot!("plan_of_a_busy_night", ran.stdout);
    assert_eq!(ran.stderr, "");
    Ok(())
}

#[test]
fn a_plan_on_incomplete_reads_says_so_first() -> Result<()> {
    insta::assert_snapshot!(
        "plan_on_incomplete_reads",
        Edge::new(A_PAGE_IS_MISSING)?.plan(&[])?.exited(3)?.stdout
    );
    Ok(())
}

#[test]
fn errors_name_path_value_and_hint() -> Result<()> {
    insta::assert_snapshot!("plan_with_errors", Edge::new(ERRORS)?.plan(&[])?.exited(1)?.stdout);
    Ok(())
}

#[test]
fn every_command_explains_itself() -> Result<()> {
    let edge = Edge::new(TWO_POOLS)?;
    let mut help = edge.run(&["--help"])?.exited(0)?.stdout;
    for command in ["plan", "apply", "status", "release", "pause", "resume", "adopt"] {
        help.push_str(&format!("\n=== {command}\n{}", edge.run(&[command, "--help"])?.exited(0)?.stdout));
    }
    insta::assert_snapshot!("help", help);
    Ok(())
}

#[test]
fn the_json_plan_is_versioned_and_holds_values_evidence_and_holds() -> Result<()> {
    let ran = Edge::new(A_BUSY_NIGHT)?.plan(&["--format", "json"])?.exited(3)?;
    let plan: Value = serde_json::from_str(&ran.stdout)?;
    assert_eq!(plan["schema"], "registrar-plan/1");
    assert_eq!(plan["deployment"], "default");
    assert_eq!(plan["observed_at"], "2026-11-21T10:00:00Z");
    let names: Vec<&Value> =
        plan["pools"].as_array().context("pools")?.iter().map(|pool| &pool["name"]).collect();
    assert_eq!(names, ["games", "video"]);
    let change = &plan["pools"][1]["changes"][0];
    assert_eq!(change["action"], "DELETE");
    assert_eq!(change["set_identifier"], "registrar/default/video/i-03");
    assert_eq!(change["values"], json!(["155.146.10.3"]));
    assert_eq!(change["ttl_secs"], 20);
    ensure!(change["evidence"].as_str().is_some_and(|text| text.contains("terminated")), "{change}");
    assert_eq!(plan["pools"][0]["held_back"][0]["reason"], "paused");
    ran.complains("[paused]")?.complains("[weight-tag]")?;
    Ok(())
}

#[test]
fn change_batches_are_what_the_aws_cli_takes() -> Result<()> {
    let edge = Edge::new(
        r#"
        pools.video = {}
        fleet = ["i-0a running carrier=155.146.10.1"]
        zone = ["video.bos.edge.example.com A registrar/default/video/i-0a weight=100 ttl=20 155.146.10.9"]
        "#,
    )?;
    let ran = edge.plan(&["--format", "change-batch", "--detailed-exitcode"])?.exited(2)?;
    let record = |address: &str| {
        json!({
            "Name": "video.bos.edge.example.com.",
            "Type": "A",
            "SetIdentifier": "registrar/default/video/i-0a",
            "Weight": 100,
            "TTL": 20,
            "ResourceRecords": [{ "Value": address }],
        })
    };
    let expected = json!([{
        "Comment": "registrar: video",
        "Changes": [
            { "Action": "DELETE", "ResourceRecordSet": record("155.146.10.9") },
            { "Action": "CREATE", "ResourceRecordSet": record("155.146.10.1") },
        ],
    }]);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout)?, expected);
    Ok(())
}

#[test]
fn a_pipe_gets_no_colour_and_the_same_bytes_each_time() -> Result<()> {
    let edge = Edge::new(A_BUSY_NIGHT)?;
    for format in ["human", "json", "change-batch"] {
        let (once, again) = (edge.plan(&["--format", format])?, edge.plan(&["--format", format])?);
        assert_eq!(once.stdout, again.stdout);
        ensure!(!once.stdout.contains('\u{1b}') && !once.stderr.contains('\u{1b}'), "{}", once.stdout);
    }
    Ok(())
}

const TWO_POOLS: &str = r#"
pools.a.members.tags.x = "1"
pools.b.members.tags.x = "1"
fleet = ["i-0a running carrier=155.146.10.1 tag:x=1"]
"#;

/// Runs with two pools in either order.
fn either_way(format: &str) -> Result<[String; 2]> {
    let edge = Edge::new(TWO_POOLS)?;
    let inputs = ["plan", "--fleet", "fleet.json", "--zone", "zone.json", "--now", "2026-11-21T10:00:00Z"];
    let run = |pools: [&str; 2]| -> Result<String> {
        let arguments = [inputs.as_slice(), &["--format", format, "--pool"], &pools].concat();
        Ok(edge.run(&arguments)?.exited(0)?.stdout)
    };
    Ok([run(["a.json", "b.json"])?, run(["b.json", "a.json"])?])
}

#[test]
fn the_order_in_which_pools_are_given_changes_no_plan() -> Result<()> {
    for format in ["human", "json"] {
        let [one, other] = either_way(format)?;
        assert_eq!(one, other, "{format}");
    }
    Ok(())
}

#[test]
fn the_order_in_which_pools_are_given_changes_no_batch() -> Result<()> {
    let [one, other] = either_way("change-batch")?;
    assert_eq!(one, other);
    Ok(())
}

/// Scenarios that need what the command has no argument for are left out.
fn fits_the_command(scenario: &Scenario) -> bool {
    scenario.spent.is_empty()
        && scenario.orders.is_empty()
        && scenario.remembered.is_none()
        && !scenario.stale_fleet
        && scenario.zone_records.is_none()
        && scenario.other_zones.is_empty()
}

#[test]
fn the_command_prints_the_plan_of_every_scenario() -> Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut compared = 0;
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let scenario = Scenario::parse(&std::fs::read_to_string(&path)?)?;
        if !fits_the_command(&scenario) {
            continue;
        }
        let name = path.display().to_string();
        let ran = Edge::of(&scenario)?.plan(&["--format", "json", "--deployment", &scenario.deployment])?;
        // The command also names the file of a document that it cannot use.
        let text =
            scenario.pools.keys().fold(ran.stdout, |text, pool| text.replace(&format!("{pool}.json: "), ""));
        let printed: Value = serde_json::from_str(&text).with_context(|| name.clone())?;
        let plan = World::build(&scenario)?.plan()?;
        assert_eq!(printed, serde_json::to_value(plan.to_document())?, "{name}");
        compared += 1;
    }
    ensure!(compared >= 40, "only {compared} scenarios were compared");
    Ok(())
}
