//! A plan on AWS is the plan that the AWS CLI's dumps of the same world give offline.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::edge::Edge;

/// Additions, a removal by proof, one without, an instance that left its group, an unreadable weight, a pool that is
/// paused, one that is simple, and one whose document cannot be used.
const BUSY: &str = r#"
pools.broken.record.ttl_secs = 0
pools.games = { state = "paused" }
pools.shared.record.routing = "simple"
pools.video = {}
fleet = [
  "i-0{1..4} running carrier=155.146.10.{1..4} group=fleet",
  "i-05 running carrier=155.146.10.55",
  "i-06 terminated",
  "i-07 running carrier=155.146.10.7 weight=heavy",
  "i-08 running carrier=155.146.10.8 pool=games",
  "i-0{10..11} running carrier=155.146.11.{10..11} pool=shared",
]
groups.fleet = ["i-0{1..3} InService", "i-04 Terminating:Wait"]
zone = [
  "video.bos.edge.example.com A registrar/edge/video/i-0{4..7} weight=100 ttl=20 155.146.10.{4..7}",
  "video.bos.edge.example.com A registrar/edge/video/i-09 weight=100 ttl=20 155.146.10.9",
  "video.bos.edge.example.com A by-hand weight=10 ttl=20 health=check 198.51.100.7",
  "gone.bos.edge.example.com A registrar/edge/gone/i-99 weight=100 ttl=20 155.146.10.99",
  "www.edge.example.com CNAME ttl=300 elsewhere.example.net",
]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_on_aws_equals_the_offline_plan_on_the_dumps() -> Result<()> {
    let edge = Edge::start(BUSY).await?;
    let on_aws = edge.run(&["plan", "--deployment", "edge", "--format", "json"])?.exited(1)?;
    let on_aws: Value = serde_json::from_str(&on_aws.stdout)?;
    let now = on_aws["observed_at"].as_str().context("a time")?;
    let offline = edge.plan_offline(now)?.exited(1)?;
    let text = offline.stdout.replace("broken.json: ", "");
    assert_eq!(serde_json::from_str::<Value>(&text)?, on_aws);
    let changes: Vec<&Value> =
        on_aws["pools"].as_array().context("pools")?.iter().map(|pool| &pool["changes"]).collect();
    assert!(changes.iter().filter_map(|changes| changes.as_array()).map(Vec::len).sum::<usize>() > 8);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn planning_writes_nothing_anywhere() -> Result<()> {
    let edge = Edge::start(BUSY).await?;
    let before = edge.records()?;
    edge.run(&["plan", "--deployment", "edge"])?.exited(1)?.says("+ i-01")?;
    assert_eq!(edge.records()?, before);
    let writes =
        |name: &&String| !name.contains(":Describe") && !name.contains(":Get") && !name.contains(":List");
    let calls = edge.world().calls();
    assert_eq!(calls.keys().filter(writes).count(), 0, "{calls:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pool_is_planned_without_the_others() -> Result<()> {
    let edge = Edge::start(BUSY).await?;
    let ran =
        edge.run(&["plan", "--deployment", "edge", "--pool", "shared", "--detailed-exitcode"])?.exited(2)?;
    let ran = ran.says("shared.bos.edge.example.com")?;
    assert!(!ran.stdout.contains("video.bos.edge.example.com  weighted"), "{}", ran.stdout);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_may_be_under_another_path() -> Result<()> {
    let edge = Edge::start(BUSY).await?;
    let document =
        edge.world().parameter("/registrar/edge/pools/shared").context("a document")?.value.clone();
    edge.world().put_parameter("/dns/pools/shared", &document);
    let elsewhere = ["plan", "--deployment", "edge", "--config-path", "/dns/pools", "--detailed-exitcode"];
    edge.run(&elsewhere)?.exited(2)?.says("shared.bos.edge.example.com")?;
    Ok(())
}
