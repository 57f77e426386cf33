//! Removals that nothing proves: a few at a time, written down before they are made, for every environment.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use aws_stand_in::{Effect, Fault, Operation};
use jiff::SignedDuration;
use serde_json::json;

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::{Stage, now};

const STATE: &str = "/registrar/edge/state/pools/video";

/// Ten records, and EC2 knows the first five instances only. By the usual guard 30 % or 2 may go: 3 of ten.
async fn half_forgotten() -> Result<Stage> {
    Stage::with_records(1..=10, |world| {
        put_all(world, (1..=5).map(|number| machine("video", number)));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn half_a_fleet_that_vanishes_goes_within_the_budget_only() -> Result<()> {
    let stage = half_forgotten().await?;
    let environment = stage.environment().await?;
    let served = environment.sweep().await?;
    let records: BTreeSet<String> = stage.records()?.into_iter().collect();
    assert!(weighted_lines("video", 1..=5).iter().all(|line| records.contains(line)));
    let gone = 10 - records.len();
    assert!((1..=3).contains(&gone), "{gone} are gone");
    assert_eq!(served.held("video", "removal-budget"), 5 - u64::try_from(gone)?);
    assert_eq!(served.level(), "WARN");
    let again = environment.sweep().await?;
    assert_eq!(again.calls_of("route53:ChangeResourceRecordSets"), 0, "the window has not passed");
    assert_eq!(stage.records()?.len(), records.len());
    Ok(())
}

#[tokio::test]
async fn the_budget_is_written_down_before_the_batch() -> Result<()> {
    let stage = half_forgotten().await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let world = stage.world();
    let calls = world.call_log();
    let first = |wanted: &str, about: &str| {
        let found = calls.iter().position(|call| call.operation == wanted && call.summary.contains(about));
        found.with_context(|| format!("no {wanted} about {about:?}"))
    };
    let written = first("ssm:PutParameter", STATE)?;
    assert!(written < first("route53:ChangeResourceRecordSets", "")?);
    Ok(())
}

#[tokio::test]
async fn another_environment_respects_what_was_spent() -> Result<()> {
    let stage = half_forgotten().await?;
    stage.environment().await?.sweep().await?;
    let left = stage.records()?.len();
    let served = stage.environment().await?.sweep().await?;
    assert_eq!(stage.records()?.len(), left);
    assert!(served.held("video", "removal-budget") > 0);
    Ok(())
}

#[tokio::test]
async fn two_environments_at_once_spend_one_budget() -> Result<()> {
    let stage = half_forgotten().await?;
    stage.world().set_latency(std::time::Duration::from_millis(5));
    let (one, other) = tokio::try_join!(stage.environment(), stage.environment())?;
    tokio::try_join!(one.sweep(), other.sweep())?;
    assert!(stage.records()?.len() >= 7, "{:?}", stage.records()?);
    Ok(())
}

#[tokio::test]
async fn a_spot_warning_does_not_overwrite_what_another_environment_spent() -> Result<()> {
    let stage = half_forgotten().await?;
    put_all(&mut stage.world(), [machine("video", 11)]);
    let environment = stage.environment().await?;
    // Its parameters are read, and nothing is spent: Route 53 is not to be had.
    let refusal =
        Effect::Refuse { status: 503, code: "ServiceUnavailable".to_owned(), message: "no".to_owned() };
    stage.world().arm(Fault::on(Operation::ListResourceRecordSets, refusal).always());
    let mut warm = environment.with_timeout(std::time::Duration::from_secs(3));
    warm.expects_error("ListResourceRecordSets failed");
    drop(warm.fails("{}").await?);
    stage.world().clear_faults();
    let spender = stage.environment().await?;
    spender.sweep().await?;
    let removals = stage.parameter(STATE).context("the state")?["removals"].clone();
    assert!(removals.is_array(), "{removals}");
    let warning = json!({"source": "aws.ec2", "detail-type": "EC2 Spot Instance Interruption Warning",
        "time": now().to_string(), "detail": {"instance-id": id(11), "instance-action": "terminate"}});
    stage.send_all([&warning])?;
    warm.deliver().await?;
    let state = stage.parameter(STATE).context("the state")?;
    assert_eq!(state["removals"], removals);
    assert!(state["spot_warnings"].get(id(11)).is_some(), "{state}");
    Ok(())
}

#[tokio::test]
async fn a_budget_that_cannot_be_written_down_is_not_spent() -> Result<()> {
    let stage = half_forgotten().await?;
    put_all(&mut stage.world(), [machine("video", 11)]);
    stage.world().terminate(&id(1));
    let environment = stage.environment().await?;
    let refusal =
        Effect::Refuse { status: 400, code: "AccessDeniedException".to_owned(), message: "no".to_owned() };
    // What is written at first is where the records are to be.
    environment.sweep().await?;
    let spent = 10 - stage.records()?.len();
    assert!(spent > 0, "the budget works while it can be written");
    drop(environment);
    let stage = half_forgotten().await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::PutParameter, refusal).always());
    stage.world().terminate(&id(1));
    let served = environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", 2..=10), "the proven dead goes all the same");
    assert!(served.held("video", "removal-budget") > 0, "{}", served.event);
    Ok(())
}

#[tokio::test]
async fn a_release_lets_what_is_held_go_once() -> Result<()> {
    let stage = half_forgotten().await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    assert!(stage.records()?.len() >= 7);
    let until = now() + SignedDuration::from_mins(15);
    let release = json!({"version": 1,
        "release": {"id": "r1", "reason": "the group was deleted", "until": until.to_string()}});
    stage.world().put_parameter("/registrar/edge/state/orders/video", &release.to_string());
    let announced = stage.world().parameter_event("/registrar/edge/state/orders/video", "Create");
    stage.send_all([&announced])?;
    assert_eq!(environment.deliver().await?.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, weighted_lines("video", 1..=5));
    let state = stage.parameter(STATE).context("the state")?;
    assert_eq!(state["used_release"], "r1");
    // Others vanish; the same release does not serve twice.
    for number in 2..=5 {
        stage.world().forget(&id(number));
    }
    let fresh = stage.environment().await?;
    let served = fresh.sweep().await?;
    assert!(served.held("video", "removal-budget") > 0, "{}", served.event);
    assert_eq!(stage.records()?, weighted_lines("video", 1..=5));
    Ok(())
}

#[tokio::test]
async fn a_pause_of_the_operator_is_kept_beside_the_document() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let (since, until) = (now(), now() + SignedDuration::from_mins(60));
    let pause = json!({"version": 1, "pause": {"reason": "a migration", "since": since.to_string(),
        "until": until.to_string()}});
    stage.world().put_parameter("/registrar/edge/state/orders/video", &pause.to_string());
    put_all(&mut stage.world(), [machine("video", 2)]);
    let served = stage.environment().await?.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    assert!(served.held("video", "paused") > 0, "{}", served.event);
    let over = json!({"version": 1, "pause": {"reason": "a migration", "since": since.to_string(),
        "until": since.to_string()}});
    stage.world().put_parameter("/registrar/edge/state/orders/video", &over.to_string());
    stage.environment().await?.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]), "it ends by itself");
    Ok(())
}
