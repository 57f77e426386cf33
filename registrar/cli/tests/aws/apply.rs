//! Applying: what was shown is made, what was reviewed binds, and what moved is told.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_stand_in::{Effect, Fault, Operation};
use serde_json::json;

use crate::edge::Edge;

const GROWING: &str = r#"
pools.video = {}
fleet = ["i-0{1..3} running carrier=155.146.10.{1..3}", "i-04 terminated"]
zone = ["video.bos.edge.example.com A registrar/edge/video/i-0{3..4} weight=100 ttl=20 155.146.10.{3..4}"]
"#;

const APPLY: [&str; 4] = ["apply", "--deployment", "edge", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn apply_makes_the_records_right_and_says_who_did_it() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let ran =
        edge.run(&APPLY)?.exited(0)?.says("+ i-01")?.complains("= 3 serving; 2 created and 1 deleted")?;
    let audit = ran.audit("apply")?;
    assert_eq!(
        (&audit["created"], &audit["deleted"], &audit["complete"]),
        (&json!(2), &json!(1), &json!(true))
    );
    assert_eq!((&audit["deployment"], &audit["pools"]), (&json!("edge"), &json!(["video"])));
    ensure!(audit["who"].as_str().is_some_and(|who| who.starts_with("arn:aws:")), "{audit}");
    let records = edge.records()?;
    assert_eq!(records.len(), 3);
    let again = edge.run(&APPLY)?.exited(0)?.says("nothing to change")?;
    ensure!(again.audit("apply").is_err(), "nothing was done, and somebody is named for it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nothing_is_changed_unasked() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let before = edge.records()?;
    edge.run(&["apply", "--deployment", "edge"])?.exited(1)?.complains("hint: give --yes")?;
    assert_eq!(edge.records()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_reviewed_is_applied_without_asking() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let reviewed = edge.review()?;
    let ran = edge.run(&["apply", "--deployment", "edge", "--plan", "plan.json"])?.exited(0)?;
    assert_eq!(ran.audit("apply")?["plan"], reviewed["checksum"]);
    assert_eq!(edge.records()?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_made_offline_is_applied_too() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let offline = edge.plan_offline("2026-11-21T10:00:00Z")?.exited(0)?;
    edge.write("plan.json", &offline.stdout)?;
    edge.run(&["apply", "--deployment", "edge", "--plan", "plan.json"])?.exited(0)?;
    assert_eq!(edge.records()?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_world_moved_nothing_is_applied_and_what_moved_is_told() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    edge.review()?;
    edge.world().instance_mut("i-02").context("an instance")?.carrier_ip = Some("155.146.10.22".parse()?);
    let before = edge.records()?;
    let ran = edge.run(&["apply", "--deployment", "edge", "--plan", "plan.json"])?.exited(1)?;
    ran.complains(
        "moved: not reviewed: CREATE video.bos.edge.example.com A [registrar/edge/video/i-02] 155.146.10.22",
    )?
    .complains("moved: reviewed and not planned now: CREATE")?
    .complains("nothing was changed")?;
    assert_eq!(edge.records()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reviewed_run_ends_where_the_world_moves_under_it() -> Result<()> {
    let edge = Arc::new(Edge::start(GROWING).await?);
    edge.review()?;
    let change: Operation = "route53:ChangeResourceRecordSets".parse()?;
    edge.world().arm(Fault::on(change, Effect::Hang(Duration::from_secs(2))));
    let running = Arc::clone(&edge);
    let apply = ["apply", "--deployment", "edge", "--plan", "plan.json"];
    let run = tokio::task::spawn_blocking(move || running.run(&apply));
    // While the first request gets no answer, i-02 gets another address: the run looks again, and must stop.
    let asked = async {
        while edge.world().calls_of(change) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asked).await.context("no change was submitted")?;
    edge.world().instance_mut("i-02").context("an instance")?.carrier_ip = Some("155.146.10.22".parse()?);
    let ran = run.await??.exited(1)?.complains("the run was ended")?.complains("not reviewed: CREATE")?;
    assert_eq!(ran.audit("apply")?["complete"], false);
    assert_eq!(edge.records()?.len(), 2, "nothing was changed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_of_another_deployment_and_a_file_that_is_none_are_refused() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    edge.review()?;
    edge.run(&["apply", "--deployment", "other", "--plan", "plan.json"])?
        .exited(1)?
        .complains("is of deployment edge")?;
    edge.run(&["apply", "--deployment", "edge", "--plan", "zone.json"])?
        .exited(1)?
        .complains("it is not a plan")?;
    edge.run(&["apply", "--deployment", "edge", "--plan", "absent.json"])?
        .exited(1)?
        .complains("absent.json")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_and_lost_replies_are_waited_out_and_said() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let change = || "route53:ChangeResourceRecordSets".parse();
    edge.world().arm(Fault::on(change()?, Effect::Throttle).times(3));
    edge.world().arm(Fault::on(change()?, Effect::DropAfter));
    edge.run(&APPLY)?.exited(0)?.complains("waiting: throttled; trying again")?;
    assert_eq!(edge.records()?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_changed_is_told_change_by_change() -> Result<()> {
    let edge = Edge::start(GROWING).await?;
    let refuse = Effect::Refuse {
        status: 403,
        code: "AccessDenied".to_owned(),
        message: "not authorized to perform: route53:ChangeResourceRecordSets".to_owned(),
    };
    edge.world().arm(Fault::on("route53:ChangeResourceRecordSets".parse()?, refuse).always());
    let ran = edge.run(&APPLY)?.exited(1)?.complains("not made: CREATE")?.complains("denied: ")?;
    assert_eq!(ran.audit("apply")?["complete"], false);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_back_is_3_and_what_could_be_done_is_done() -> Result<()> {
    let edge = Edge::start(
        r#"
        pools.video.guard.max_removals = { percent = 0, count = 0 }
        fleet = ["i-01 running carrier=155.146.10.1"]
        zone = ["video.bos.edge.example.com A registrar/edge/video/i-02 weight=100 ttl=20 155.146.10.2"]
        "#,
    )
    .await?;
    edge.run(&APPLY)?
        .exited(3)?
        .says("registrar release --deployment edge --pool video --for 15m --reason TEXT")?;
    assert_eq!(edge.records()?.len(), 2);
    Ok(())
}
