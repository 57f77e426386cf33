//! The status of a deployment, for a person and as JSON.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::edge::Edge;

const NIGHT: &str = r#"
pools.games = {}
pools.video.guard.max_removals = { percent = 0, count = 0 }
fleet = ["i-01 running carrier=155.146.10.1", "i-02 pending", "i-04 running carrier=155.146.10.4"]
zone = ["video.bos.edge.example.com A registrar/edge/video/i-0{1..3} weight=100 ttl=20 155.146.10.{1..3}"]
"#;

fn status(edge: &Edge, more: &[&str]) -> Result<Value> {
    let arguments = [["status", "--deployment", "edge", "--format", "json"].as_slice(), more].concat();
    let ran = edge.run(&arguments)?;
    serde_json::from_str(&ran.stdout).with_context(|| ran.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_tells_members_holds_with_their_age_and_how_full_the_limits_are() -> Result<()> {
    let edge = Edge::start(NIGHT).await?;
    let before = status(&edge, &[])?;
    assert_eq!(before["schema"], "registrar-status/1");
    let video = &before["pools"][1];
    assert_eq!(video["members"], json!({ "gone": 1, "pending": 1, "serving": 2 }));
    assert_eq!(video["held_back"][1]["since"], Value::Null, "no run noted it yet");
    edge.run(&["apply", "--deployment", "edge", "--yes"])?.exited(3)?;
    edge.run(&["pause", "--deployment", "edge", "--pool", "games", "--reason", "maintenance"])?.exited(0)?;
    let after = status(&edge, &[])?;
    let held = after["pools"][1]["held_back"].as_array().context("holds")?;
    let removal = held.iter().find(|held| held["reason"] == "removal-budget").context("a removal")?;
    ensure!(removal["since"].is_string(), "{removal}");
    let limits = after["pools"][1]["limits"].as_array().context("limits")?;
    assert_eq!(limits[0], json!({ "limit": "record-sets-of-the-name", "used": 4, "most": 100 }));
    assert_eq!(limits[1], json!({ "limit": "record-sets-of-the-hosted-zone", "used": 6, "most": 10000 }));
    assert_eq!(limits[2]["limit"], "document-bytes");
    assert_eq!(after["pools"][0]["pause"]["reason"], "maintenance");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_3_where_something_is_held_back_and_0_where_nothing_is() -> Result<()> {
    let edge = Edge::start(NIGHT).await?;
    edge.run(&["status", "--deployment", "edge"])?
        .exited(3)?
        .says("held back")?
        .says("of 10000 record sets")?;
    edge.run(&["status", "--deployment", "edge", "--pool", "games"])?.exited(0)?;
    Ok(())
}
