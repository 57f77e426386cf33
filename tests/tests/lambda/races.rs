//! Two environments at once, and processes that die at the worst moment.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_stand_in::{Effect, Fault, Operation, Queue};

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::{QUEUE, Stage, ZONE};

const NONE: Vec<usize> = Vec::new();
const CHANGE: &str = "route53:ChangeResourceRecordSets";

#[tokio::test]
async fn two_environments_race_on_the_same_events_and_agree() -> Result<()> {
    let stage = Stage::with_video([1, 2, 3]).await?;
    let (one, other) = tokio::try_join!(stage.environment(), stage.environment())?;
    tokio::try_join!(one.sweep(), other.sweep())?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    stage.world().set_latency(Duration::from_millis(5));
    for round in 0..8 {
        let (leaves, comes) = (1 + round, 4 + round);
        stage.world().terminate(&id(leaves));
        put_all(&mut stage.world(), [machine("video", comes)]);
        let events = [stage.state_event(&id(leaves))?, stage.state_event(&id(comes))?];
        // Each event is delivered to both, as SQS may.
        stage.send_all(events.iter().chain(&events))?;
        let (first, second) = tokio::join!(one.deliver_up_to(2), other.deliver_up_to(2));
        assert_eq!((first?.failed(), second?.failed()), (NONE, NONE));
        assert_eq!(stage.records()?, weighted_lines("video", 2 + round..5 + round), "round {round}");
    }
    assert_eq!(one.sweep().await?.calls_of(CHANGE), 0);
    assert_eq!(other.sweep().await?.calls_of(CHANGE), 0);
    Ok(())
}

#[tokio::test]
async fn a_process_that_dies_between_submission_and_reply_leaves_the_right_records() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 3)]);
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(3))?, &stage.state_event(&id(1))?])?;
    let late = Effect::Delay(Duration::from_secs(60));
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, late).always());
    let is_gone = |world: &mut aws_stand_in::World| {
        world.records(ZONE).is_ok_and(|records| {
            !records
                .iter()
                .any(|record| record.set_identifier.as_deref().is_some_and(|mark| mark.ends_with(&id(1))))
        })
    };
    environment.dies_once(&stage, "the first batch", is_gone).await?;
    stage.world().clear_faults();
    stage.advance(181);
    let next = stage.environment().await?;
    let batch = next.deliver().await?;
    assert_eq!((batch.failed(), batch.delivery.messages.len()), (NONE, 2), "the same messages again");
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    assert_eq!(next.sweep().await?.calls_of(CHANGE), 0);
    Ok(())
}

#[tokio::test]
async fn a_process_that_dies_before_its_submission_is_applied_leaves_it_to_the_next() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    stage.send_all([&stage.state_event(&id(2))?])?;
    let hang = Effect::Hang(Duration::from_secs(60));
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, hang));
    let submitted = |world: &mut aws_stand_in::World| world.calls_of(Operation::ChangeResourceRecordSets) > 0;
    environment.dies_once(&stage, "the submission", submitted).await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    stage.advance(181);
    let next = stage.environment().await?;
    assert_eq!(next.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn a_reply_that_is_lost_is_found_out_by_looking() -> Result<()> {
    for effect in [Effect::DropAfter, Effect::CutAnswer, Effect::DropBefore] {
        let stage = Stage::with_video([1]).await?;
        let environment = stage.environment().await?;
        environment.sweep().await?;
        put_all(&mut stage.world(), [machine("video", 2)]);
        stage.send_all([&stage.state_event(&id(2))?])?;
        stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, effect.clone()));
        let batch = environment.deliver().await?;
        assert_eq!(batch.failed(), NONE, "{effect:?}");
        assert_eq!(stage.records()?, weighted_lines("video", [1, 2]), "{effect:?}");
        assert_eq!(batch.served.event["lost_replies"], 1, "{effect:?}");
        let submissions = if effect == Effect::DropBefore { 2 } else { 1 };
        assert_eq!(batch.served.calls_of(CHANGE), submissions, "{effect:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_reply_that_does_not_come_in_time_is_a_lost_one() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    stage.send_all([&stage.state_event(&id(2))?])?;
    let late = Effect::Delay(Duration::from_secs(60));
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, late));
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert_eq!(batch.served.event["lost_replies"], 1);
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_reads_harms_nothing() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    for operation in
        [Operation::GetParametersByPath, Operation::DescribeInstances, Operation::ListResourceRecordSets]
    {
        let environment = stage.environment().await?;
        stage.world().put_queue(Queue::new(QUEUE));
        stage.send_all([&stage.state_event(&id(1))?])?;
        stage.world().clear_calls();
        stage.world().arm(Fault::on(operation, Effect::Hang(Duration::from_secs(60))));
        environment.dies_once(&stage, "the read", |world| world.calls_of(operation) > 0).await?;
    }
    assert_eq!(stage.records()?, Vec::<String>::new());
    stage.advance(181);
    let environment = stage.environment().await?;
    assert_eq!(environment.deliver().await.context("the message is there still")?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}
