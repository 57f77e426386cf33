//! AWS at its worst: what can be proven goes, what is not known stays, and what failed comes again.

use anyhow::{Context, Result};
use aws_stand_in::{Effect, Fault, Group, Operation, World};
use serde_json::{Value, json};

use crate::fleet::{document, id, machine, name, put_all, put_document, weighted, weighted_lines};
use crate::stage::{QUEUE, Stage, publish};

const NONE: Vec<usize> = Vec::new();
const CHANGE: &str = "route53:ChangeResourceRecordSets";

fn denied() -> Effect {
    Effect::Refuse { status: 403, code: "AccessDeniedException".to_owned(), message: "no".to_owned() }
}

fn in_progress() -> Effect {
    let message = "The request was rejected because Route 53 was still processing a prior request.";
    Effect::Refuse { status: 400, code: "PriorRequestNotComplete".to_owned(), message: message.to_owned() }
}

/// Puts the pool `video` with an instance for each number, each published unless it is in `fresh`.
fn video(world: &mut World, published: &[u16], fresh: &[u16]) -> Result<()> {
    put_document(world, "video", &document("video"));
    put_all(world, published.iter().chain(fresh).map(|number| machine("video", *number)));
    let records = published.iter().map(|number| weighted("video", *number)).collect::<Result<_>>()?;
    publish(world, records)
}

#[tokio::test]
async fn route_53_may_throttle_five_times_in_a_row() -> Result<()> {
    for operation in [Operation::ListResourceRecordSets, Operation::ChangeResourceRecordSets] {
        let stage = Stage::with_video([1, 2]).await?;
        let environment = stage.environment().await?;
        stage.world().arm(Fault::on(operation, Effect::Throttle).times(5));
        stage.send_all([&stage.state_event(&id(1))?])?;
        let batch = environment.deliver().await?;
        assert_eq!(batch.failed(), NONE, "{operation}");
        assert_eq!(stage.records()?, weighted_lines("video", [1, 2]), "{operation}");
        assert!(batch.served.calls_of(&operation.to_string()) >= 6, "{:?}", batch.served.calls);
    }
    Ok(())
}

#[tokio::test]
async fn another_change_in_progress_is_waited_for() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, in_progress()).times(4));
    let served = environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert_eq!(served.calls_of(CHANGE), 5, "one layer of retries");
    assert_eq!(served.event["retries"], json!({"prior-request-not-complete": 4}));
    assert_eq!(served.level(), "INFO");
    Ok(())
}

#[tokio::test]
async fn ec2_may_throttle_for_a_while() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::DescribeInstances, Effect::Throttle).times(5));
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn a_page_of_the_fleet_that_fails_keeps_everything_but_the_proven_dead() -> Result<()> {
    let published: Vec<u16> = (1..=80).collect();
    let stage = Stage::with(|world| {
        video(world, &published, &[])?;
        for pool in ["games", "voice", "sensors"] {
            put_document(world, pool, &document(pool));
        }
        for (pool, numbers) in [("games", 101..181), ("voice", 201..281), ("sensors", 301..381)] {
            put_all(world, numbers.clone().map(|number| machine(pool, number)));
            publish(world, numbers.map(|number| weighted(pool, number)).collect::<Result<_>>()?)?;
        }
        world.limit_page(Operation::DescribeInstances, 100);
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    let before = stage.records()?;
    assert_eq!(before.len(), 320);
    put_all(&mut stage.world(), [machine("games", 199)]);
    stage.world().terminate(&id(5));
    stage.world().arm(Fault::on(Operation::DescribeInstances, denied()).after(1).always());
    stage.send_all([&stage.state_event(&id(5))?, &stage.state_event(&id(199))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0, 1], "neither is served before the fleet was seen");
    let gone = weighted_lines("video", [5]);
    let expected: Vec<String> = before.iter().filter(|line| !gone.contains(line)).cloned().collect();
    assert_eq!(stage.records()?, expected, "the proven dead goes, and nothing else moves");
    assert_eq!(batch.served.level(), "WARN");
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?.len(), 320);
    Ok(())
}

#[tokio::test]
async fn a_cursor_that_does_not_move_is_a_gap_and_no_end() -> Result<()> {
    let stage = Stage::with(|world| {
        video(world, &(1..=20).collect::<Vec<u16>>(), &[])?;
        world.limit_page(Operation::DescribeInstances, 5);
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::DescribeInstances, Effect::RepeatCursor).always());
    stage.send_all([&json!({"source": "aws.events", "detail-type": "Scheduled Event"})])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0]);
    assert_eq!(stage.records()?, weighted_lines("video", 1..=20));
    assert!(batch.served.total() < 20, "{:?}", batch.served.calls);
    Ok(())
}

#[tokio::test]
async fn without_ssm_a_cold_environment_hands_everything_back() -> Result<()> {
    let stage = Stage::with(|world| video(world, &[1, 2], &[3])).await?;
    let mut environment = stage.environment().await?;
    environment.expects_error("the pool documents were not read");
    stage.world().terminate(&id(1));
    stage.world().arm(Fault::on(Operation::GetParametersByPath, denied()).always());
    stage.send("not JSON")?;
    stage.send_all([&stage.state_event(&id(1))?, &stage.state_event(&id(3))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [1, 2], "the unreadable one is not looped");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    let error = environment.fails("{}").await?;
    assert!(error.to_string().contains("the pool documents were not read"), "{error}");
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    Ok(())
}

#[tokio::test]
async fn without_ssm_a_warm_environment_removes_and_does_not_add() -> Result<()> {
    let stage = Stage::with(|world| video(world, &[1, 2], &[])).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 3)]);
    stage.world().terminate(&id(1));
    stage.world().arm(Fault::on(Operation::GetParametersByPath, denied()).always());
    let announced = stage.world().parameter_event("/registrar/edge/pools/video", "Update");
    stage.send_all([&announced, &stage.state_event(&id(1))?, &stage.state_event(&id(3))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    assert_eq!(batch.failed(), [0, 1, 2]);
    assert_eq!(batch.served.level(), "WARN");
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    Ok(())
}

#[tokio::test]
async fn parameters_may_come_in_empty_pages() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    put_document(&mut stage.world(), "games", &document("games"));
    put_all(&mut stage.world(), [machine("games", 2)]);
    stage.world().limit_page(Operation::GetParametersByPath, 1);
    for page in [0, 2] {
        stage.world().arm(Fault::on(Operation::GetParametersByPath, Effect::EmptyPage).after(page));
    }
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let expected = [weighted_lines("games", [2]), weighted_lines("video", [1])].concat();
    assert_eq!(stage.records()?, expected);
    Ok(())
}

#[tokio::test]
async fn a_broken_document_holds_its_own_pool_and_no_other() -> Result<()> {
    let stage = Stage::with(|world| {
        video(world, &[1], &[2])?;
        let mut broken = document("games");
        broken["record"]["tll_secs"] = json!(20);
        put_document(world, "games", &broken);
        put_all(world, [machine("games", 12)]);
        publish(world, vec![weighted("games", 11)?])
    })
    .await?;
    let mut environment = stage.environment().await?;
    environment.expects_error("tll_secs");
    stage.send_all([&stage.state_event(&id(2))?, &stage.state_event(&id(12))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), NONE, "the same document would be as broken the next time");
    let expected = [weighted_lines("games", [11]), weighted_lines("video", [1, 2])].concat();
    assert_eq!(stage.records()?, expected);
    assert_eq!(batch.served.pool("games")["errors"], 1);
    Ok(())
}

#[tokio::test]
async fn beside_a_broken_document_what_a_look_covers_still_costs_nothing() -> Result<()> {
    let stage = Stage::with(|world| {
        put_document(world, "games", &json!({"version": 1}));
        video(world, &[1], &[2])
    })
    .await?;
    let mut environment = stage.environment().await?;
    environment.expects_error("games");
    let event = stage.state_event(&id(2))?;
    environment.sweep().await?;
    stage.send_all([&event])?;
    let covered = environment.deliver().await?;
    assert_eq!((covered.failed(), covered.served.total()), (NONE, 0));
    stage.world().terminate(&id(1));
    stage.send_all([&stage.state_event(&id(1))?])?;
    assert!(environment.deliver().await?.served.total() <= 4);
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    Ok(())
}

#[tokio::test]
async fn without_auto_scaling_nothing_moves_in_a_group() -> Result<()> {
    let stage = Stage::with(|world| {
        world.put_group(Group::new("edge"));
        put_document(world, "video", &document("video"));
        put_all(world, [1, 2, 3].map(|number| machine("video", number).in_group("edge")));
        publish(world, vec![weighted("video", 1)?, weighted("video", 2)?])
    })
    .await?;
    let environment = stage.environment().await?;
    for operation in [Operation::DescribeAutoScalingGroups, Operation::DescribeAutoScalingInstances] {
        stage.world().arm(Fault::on(operation, denied()).always());
    }
    stage.send_all([&stage.state_event(&id(3))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0]);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    Ok(())
}

#[tokio::test]
async fn one_pool_that_fails_hands_back_its_own_messages_only() -> Result<()> {
    const OTHER: &str = "Z1111111111111111111";
    let stage = Stage::with(|world| {
        video(world, &[1], &[])?;
        world.put_hosted_zone_of_role(
            "arn:aws:iam::210987654321:role/dns",
            OTHER,
            "other.example.com",
            vec![],
        )?;
        let mut games = document("games");
        games["record"]["hosted_zone_id"] = json!(OTHER);
        games["record"]["name"] = json!("games.other.example.com");
        put_document(world, "games", &games);
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    put_all(&mut stage.world(), [machine("video", 2), machine("games", 12)]);
    stage.send_all([&stage.state_event(&id(12))?, &stage.state_event(&id(2))?])?;
    // Without its role in the document, the hosted zone of the other account cannot be read.
    let batch = environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    // Everything was looked at, and still each event is about its own pool.
    assert_eq!(batch.failed(), [0]);
    stage.advance(31);
    let again = environment.deliver().await?;
    let failed: Vec<&str> = again
        .delivery
        .messages
        .iter()
        .filter(|message| again.delivery.failed.contains(&message.id))
        .map(|message| message.body.as_str())
        .collect();
    assert!(failed.len() == 1 && failed[0].contains(&id(12)), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn what_failed_is_seen_again_within_five_to_thirty_seconds() -> Result<()> {
    let stage = Stage::with(|world| video(world, &[1], &[2])).await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::ListResourceRecordSets, denied()).always());
    stage.send_all([&stage.state_event(&id(2))?])?;
    for _ in 0..4 {
        let batch = environment.deliver().await?;
        assert_eq!(batch.failed(), [0]);
        assert_eq!(batch.served.calls_of("sqs:ChangeMessageVisibilityBatch"), 1);
        let received_at = batch.served_at(&stage)?;
        let waits = {
            let world = stage.world();
            let message = world.queue(QUEUE).context("queue")?.messages().first().context("the message")?;
            message.visible_at.duration_since(received_at).as_secs()
        };
        assert!((5..=31).contains(&waits), "{waits} s");
        stage.advance(31);
    }
    Ok(())
}

#[tokio::test]
async fn a_wave_of_denials_names_the_permission_and_harms_nothing() -> Result<()> {
    let stage = Stage::with(|world| video(world, &[1, 2], &[3])).await?;
    let mut environment = stage.environment().await?;
    environment.expects_error("AccessDenied");
    let refusal = Effect::Refuse {
        status: 403,
        code: "AccessDenied".to_owned(),
        message: "User is not authorized to perform: route53:ChangeResourceRecordSets".to_owned(),
    };
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, refusal).always());
    stage.send_all([&stage.state_event(&id(3))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0]);
    assert_eq!(batch.served.calls_of(CHANGE), 1, "a permission is not there the next moment either");
    let denied = batch.served.event["denied"].as_str().unwrap_or_default();
    assert!(denied.contains("ChangeResourceRecordSets"), "{denied}");
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn a_pool_whose_name_is_not_permitted_fails_its_own_messages_alone() -> Result<()> {
    let stage = Stage::with(|world| {
        for (pool, published, fresh) in [("games", 11, 12), ("video", 1, 2)] {
            put_document(world, pool, &document(pool));
            put_all(world, [machine(pool, published), machine(pool, fresh)]);
            publish(world, vec![weighted(pool, published)?])?;
        }
        Ok(())
    })
    .await?;
    let mut environment = stage.environment().await?;
    environment.expects_error("AccessDenied");
    let refusal = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
    let fault = Fault::on(Operation::ChangeResourceRecordSets, refusal).naming(&name("games"));
    stage.world().arm(fault.always());
    stage.send_all([&stage.state_event(&id(2))?, &stage.state_event(&id(12))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [1]);
    assert_eq!(batch.served.calls_of(CHANGE), 3, "both together, and then each by itself");
    let denied = batch.served.event["denied"].as_str().unwrap_or_default();
    assert!(denied.starts_with("pool games: "), "{denied}");
    let expected = [weighted_lines("games", [11]), weighted_lines("video", [1, 2])].concat();
    assert_eq!(stage.records()?, expected);
    Ok(())
}

#[tokio::test]
async fn what_the_deadline_cuts_short_is_handed_back() -> Result<()> {
    let stage = Stage::with(|world| video(world, &[1], &[2])).await?;
    let environment = stage.environment().await?.with_timeout(std::time::Duration::from_secs(4));
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, Effect::Throttle).always());
    stage.send_all([&stage.state_event(&id(2))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0]);
    assert_eq!(batch.served.event["pools"]["video"]["handed_back"], 1);
    assert_eq!(batch.served.answer["batchItemFailures"].as_array().map(Vec::len), Some(1));
    assert_ne!(batch.served.event["retries"]["throttled"], Value::Null);
    Ok(())
}
