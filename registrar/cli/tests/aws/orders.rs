//! Orders: written beside the documents, heeded by the next run, ended by themselves, with an audit line each.

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Effect, Fault};
use serde_json::{Value, json};

use crate::edge::Edge;

const HELD: &str = r#"
pools.video.guard.max_removals = { percent = 0, count = 0 }
fleet = ["i-01 running carrier=155.146.10.1"]
zone = ["video.bos.edge.example.com A registrar/edge/video/i-0{1..3} weight=100 ttl=20 155.146.10.{1..3}"]
"#;

const ORDERS: &str = "/registrar/edge/state/orders/video";

fn orders(edge: &Edge) -> Result<Value> {
    let world = edge.world();
    Ok(serde_json::from_str(&world.parameter(ORDERS).context("the orders")?.value)?)
}

/// A command about the pool, split at spaces.
fn about(command: &str) -> Vec<&str> {
    let mut arguments: Vec<&str> = command.split(' ').collect();
    arguments.splice(1..1, ["--deployment", "edge", "--pool", "video"]);
    arguments
}

const APPLY: [&str; 4] = ["apply", "--deployment", "edge", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn a_release_lets_held_removals_go_once() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    let ran = edge.run(&about("release --for 15m --reason rebuilt"))?.exited(0)?.says("once")?;
    let audit = ran.audit("release")?;
    assert_eq!((&audit["reason"], &audit["pools"]), (&json!("rebuilt"), &json!(["video"])));
    ensure!(audit["who"].as_str().is_some_and(|who| who.starts_with("arn:aws:")), "{audit}");
    edge.run(&APPLY)?.exited(0)?.says("released by the operator: rebuilt")?;
    assert_eq!(edge.records()?.len(), 1);
    let refill = "155.146.10.9".to_owned();
    let records = edge.records()?;
    ensure!(!records.iter().any(|record| record.contains(&refill)));
    let state = edge.world().parameter("/registrar/edge/state/pools/video").context("a state")?.value.clone();
    ensure!(state.contains("used_release"), "{state}");
    edge.run(&["status", "--deployment", "edge"])?.exited(0)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_release_lets_nothing_more_go() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    edge.run(&about("release --for 15m --only i-02 --reason rebuilt"))?.exited(0)?;
    edge.run(&APPLY)?.exited(3)?;
    assert_eq!(edge.records()?.len(), 2);
    edge.run(&APPLY)?.exited(3)?.says("[removal-budget]")?;
    assert_eq!(edge.records()?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_holds_everything_until_it_is_resumed() -> Result<()> {
    let edge = Edge::start(&HELD.replace("i-01 running", "i-01 terminated")).await?;
    edge.run(&about("pause --for 2h --reason maintenance"))?.exited(0)?.audit("pause")?;
    edge.run(&APPLY)?
        .exited(3)?
        .says("[paused]")?
        .says("maintenance")?
        .says("registrar resume --deployment edge --pool video")?;
    assert_eq!(edge.records()?.len(), 3);
    let first = orders(&edge)?;
    edge.run(&about("pause --for 3h --reason longer"))?.exited(0)?;
    let second = orders(&edge)?;
    assert_eq!(second["pause"]["since"], first["pause"]["since"], "a pause that goes on is as old as it was");
    edge.run(&about("resume --reason done"))?.exited(0)?.audit("resume")?;
    ensure!(edge.world().parameter(ORDERS).is_none(), "nothing is left to order");
    edge.run(&about("resume"))?.exited(0)?.says("no pause is in force")?;
    edge.run(&APPLY)?;
    assert_eq!(edge.records()?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_does_not_undo_the_other() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    edge.run(&about("pause --reason maintenance"))?.exited(0)?;
    edge.run(&about("release --for 15m --reason rebuilt"))?.exited(0)?;
    let both = orders(&edge)?;
    ensure!(both["pause"]["reason"] == "maintenance" && both["release"]["reason"] == "rebuilt", "{both}");
    edge.run(&about("resume"))?.exited(0)?;
    ensure!(orders(&edge)?["release"]["reason"] == "rebuilt");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_told_before_anything_is_asked() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    for (command, said) in [
        ("release --for 25h --reason x", "of 24h at most"),
        ("release --for soon --reason x", "of 24h at most"),
        ("release --for 15m", "--reason"),
        ("release --for 15m --only web-1 --reason x", "web-1"),
        ("pause --for 721h --reason x", "of 720h at most"),
        ("pause --for 1h", "--reason"),
    ] {
        edge.run(&about(command))?.exited(2)?.complains(said)?;
    }
    assert_eq!(edge.world().calls().len(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_about_a_pool_that_is_none_names_the_pools() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    edge.run(&["pause", "--deployment", "edge", "--pool", "vidoe", "--reason", "x"])?
        .exited(1)?
        .complains("has no pool vidoe")?
        .complains("its pools are video")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be_read_or_written_are_left_as_they_are() -> Result<()> {
    let edge = Edge::start(HELD).await?;
    edge.world().put_parameter(ORDERS, "{\"version\":9}");
    edge.run(&about("pause --reason x"))?.exited(1)?.complains(ORDERS)?.complains("version 9")?;
    ensure!(edge.world().delete_parameter(ORDERS));
    let refuse = Effect::Refuse {
        status: 400,
        code: "AccessDeniedException".to_owned(),
        message: "not authorized".to_owned(),
    };
    edge.world().arm(Fault::on("ssm:PutParameter".parse()?, refuse).always());
    let ran = edge.run(&about("pause --reason x"))?.exited(1)?.complains("allow ssm:PutParameter")?;
    ensure!(ran.audit("pause").is_err(), "nothing was ordered, and somebody is named for it");
    Ok(())
}
