//! Input that is missing, cut short, contradictory or garbage.

use anyhow::{Result, ensure};

use crate::edge::Edge;

const TWO_INSTANCES: &str = r#"
pools.video = {}
fleet = ["i-0a running carrier=155.146.10.1", "i-0b terminated"]
zone = ["video.bos.edge.example.com A registrar/default/video/i-0b weight=100 ttl=20 155.146.10.2"]
"#;

#[test]
fn a_fleet_that_was_cut_in_half_is_an_error_that_says_where() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    let value: serde_json::Value = serde_json::from_str(&edge.read("fleet.json")?)?;
    let fleet = serde_json::to_string_pretty(&value)?;
    let half: String = fleet.chars().take(fleet.chars().count() / 2).collect();
    edge.write("fleet.json", &half)?;
    let line = format!("line {}", half.lines().count());
    edge.plan(&[])?
        .exited(1)?
        .silent()?
        .complains("fleet.json")?
        .complains(&line)?
        .complains("Reservations[")?
        .complains("hint:")?;
    Ok(())
}

#[test]
fn every_dump_that_is_something_else_is_refused() -> Result<()> {
    for (file, text) in [
        ("fleet.json", "[]"),
        ("fleet.json", "{}"),
        ("fleet.json", ""),
        ("zone.json", "{}"),
        ("zone.json", r#"{"Reservations": []}"#),
        ("fleet.json", r#"{"ResourceRecordSets": []}"#),
    ] {
        let edge = Edge::new(TWO_INSTANCES)?;
        edge.write(file, text)?;
        edge.plan(&[])?.exited(1)?.silent()?.complains(file)?;
    }
    Ok(())
}

#[test]
fn a_groups_dump_that_is_something_else_is_refused() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    edge.write("groups.json", "{}")?;
    edge.plan(&["--groups", "groups.json"])?.exited(1)?.silent()?.complains("groups.json")?;
    Ok(())
}

#[test]
fn a_next_token_removes_nothing_and_says_why() -> Result<()> {
    let edge = Edge::new(
        r#"
        pools.video = {}
        truncated = ["fleet"]
        zone = ["video.bos.edge.example.com A registrar/default/video/i-0{1..3} weight=100 ttl=20 155.146.10.{1..3}"]
        "#,
    )?;
    edge.plan(&[])?.exited(3)?.says("NextToken")?.says("Nothing to change; 3 held back")?;
    let json = edge.plan(&["--format", "change-batch"])?.exited(3)?.complains("NextToken")?;
    assert_eq!(json.stdout.trim(), "[]");
    Ok(())
}

#[test]
fn a_missing_file_is_named() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    for flag in ["--events", "--groups"] {
        edge.plan(&[flag, "nowhere.json"])?.exited(1)?.silent()?.complains("nowhere.json")?;
    }
    let arguments = ["plan", "--pool", "gone.json", "--fleet", "fleet.json", "--zone", "zone.json"];
    edge.run(&arguments)?.exited(1)?.silent()?.complains("gone.json")?;
    Ok(())
}

#[test]
fn a_pool_given_twice_names_both_files() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    let ran = edge.plan(&["--pool", "video=copy.json"])?.silent()?;
    let ran = ran.complains("video.json")?.complains("copy.json")?.complains("hint:")?;
    ensure!(matches!(ran.code, 1 | 2), "exit code {}", ran.code);
    Ok(())
}

#[test]
fn pools_in_two_hosted_zones_are_refused_with_both_ids() -> Result<()> {
    let edge = Edge::new(&format!("pools.games.record.hosted_zone_id = \"Z2OTHER\"\n{TWO_INSTANCES}"))?;
    let ran = edge.plan(&[])?.silent()?.complains("Z0EDGE")?.complains("Z2OTHER")?.complains("hint:")?;
    ensure!(matches!(ran.code, 1 | 2), "exit code {}", ran.code);
    Ok(())
}

#[test]
fn a_bad_document_holds_its_own_pool_and_the_good_one_goes_on() -> Result<()> {
    let edge = Edge::new(&format!("pools.games.record.ttl_secs = 0\n{TWO_INSTANCES}"))?;
    edge.plan(&[])?
        .exited(1)?
        .says("record.ttl_secs: 0 is not")?
        .says("+ i-0a")?
        .says("- i-0b")?
        .says("2 changes in 1 batch; 0 held back; 1 error.")?;
    edge.plan(&["--format", "change-batch"])?
        .exited(1)?
        .says("i-0b")?
        .complains("games.json: record.ttl_secs")?;
    Ok(())
}

#[test]
fn a_pool_can_be_named_apart_from_its_file() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    edge.write("Document 7.json", &edge.read("video.json")?)?;
    let inputs = ["plan", "--fleet", "fleet.json", "--zone", "zone.json", "--pool"];
    let with = |pool: &'static str| [inputs.as_slice(), &[pool]].concat();
    edge.run(&with("video=Document 7.json"))?.exited(0)?.says("- i-0b")?;
    edge.run(&with("Document 7.json"))?.silent()?.complains("--pool NAME=Document 7.json")?;
    Ok(())
}

#[test]
fn garbage_among_the_events_is_counted_by_line_and_kind_and_the_rest_counts() -> Result<()> {
    let edge = Edge::new(
        r#"
        pools.video = {}
        fleet = ["i-0{1..2} running carrier=155.146.10.{1..2}"]
        zone = ["video.bos.edge.example.com A registrar/default/video/i-0{1..2} weight=100 ttl=20 155.146.10.{1..2}"]
        events = [
          "09:59:00 i-01 shutting-down",
          "not json",
          '{"source":"aws.ec2","detail-type":"EBS Volume Notification"}',
          '{"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification","detail":{}}',
        ]
        "#,
    )?;
    edge.plan(&["--format", "json"])?
        .exited(0)?
        .says("DELETE")?
        .complains("events.jsonl line 2")?
        .complains("events.jsonl line 3")?
        .complains("events.jsonl line 4")?
        .complains("1 understood, dropped 1 bad-detail, 1 malformed, 1 unrecognised")?;
    Ok(())
}

#[test]
fn a_group_member_without_a_groups_dump_is_held_with_the_flag_to_give() -> Result<()> {
    let edge = Edge::new("pools.video = {}\nfleet = [\"i-0a running carrier=155.146.10.1 group=edge\"]")?;
    edge.plan(&[])?.exited(3)?.says("[unknown]")?.says("--groups")?;
    Ok(())
}

#[test]
fn another_deployment_owns_other_records() -> Result<()> {
    let edge = Edge::new(TWO_INSTANCES)?;
    let ran = edge.plan(&["--deployment", "blue", "--format", "change-batch"])?.exited(0)?;
    ensure!(!ran.stdout.contains("DELETE"), "{}", ran.stdout);
    ran.says("registrar/blue/video/i-0a")?;
    edge.plan(&["--deployment", "Blue!"])?.exited(2)?;
    Ok(())
}
