//! The first invocation of an environment, the ones after it, and its end.

use std::time::Duration;

use anyhow::Result;
use aws_stand_in::{Effect, Fault, Operation};

use crate::environment::Environment;
use crate::fleet::weighted_lines;
use crate::stage::Stage;

const CHANGE: &str = "route53:ChangeResourceRecordSets";

#[tokio::test]
async fn the_first_invocation_publishes_who_serves_and_the_second_changes_nothing() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    let first = environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert_eq!((first.level(), first.calls_of(CHANGE)), ("INFO", 1));
    assert_eq!(first.event["cold_start"], true);
    let second = environment.sweep().await?;
    assert_eq!(second.calls_of(CHANGE), 0);
    assert_eq!(second.event["cold_start"], false);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn the_event_counts_the_calls_that_reached_aws() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    for _ in 0..3 {
        let served = environment.sweep().await?;
        assert_eq!(served.event["aws_calls"], serde_json::to_value(&served.calls)?);
    }
    Ok(())
}

#[tokio::test]
async fn an_environment_serves_many_invocations_and_ends_when_it_is_asked_to() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    for _ in 0..50 {
        environment.sweep().await?;
    }
    let ended = environment.terminate().await?;
    assert_eq!(ended.code(), Some(0));
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn an_environment_ends_when_it_is_asked_to_in_the_middle_of_a_call() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    stage.world().arm(Fault::on(Operation::DescribeInstances, Effect::Hang(Duration::from_secs(60))));
    let ended = tokio::select! {
        served = environment.sweep() => anyhow::bail!("it was served: {served:?}"),
        ended = async {
            stage.eventually("the call", |world| world.calls_of(Operation::DescribeInstances) > 0).await?;
            environment.terminate().await
        } => ended?,
    };
    assert_eq!(ended.code(), Some(0));
    Ok(())
}

#[tokio::test]
async fn a_warm_environment_looks_with_few_calls() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let warm = environment.sweep().await?;
    let expected: Vec<(&str, u64)> =
        vec![("ec2:DescribeInstances", 1), ("route53:ListResourceRecordSets", 1)];
    let calls: Vec<(&str, u64)> = warm.calls.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(calls, expected);
    Ok(())
}

#[tokio::test]
async fn documents_may_be_somewhere_else() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    {
        let mut world = stage.world();
        let document =
            world.parameter("/registrar/edge/pools/video").map(|parameter| parameter.value.clone());
        world.delete_parameter("/registrar/edge/pools/video");
        world.put_parameter("/dns/pools/video", &document.unwrap_or_default());
    }
    let environment = Environment::start(&stage, &[("REGISTRAR_CONFIG_PATH", "/dns/pools")]).await?;
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn a_server_of_the_runtime_api_that_sets_nothing_else_is_enough() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = Environment::start_without_the_platform(&stage).await?;
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    assert_eq!(environment.terminate().await?.code(), Some(0));
    Ok(())
}
