//! Spot: an instance that was warned leaves at once, and stays away from every environment.

use anyhow::Result;
use serde_json::{Value, json};

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::{Stage, now};

fn spot_event(number: u16, detail_type: &str) -> Value {
    json!({"version": "0", "source": "aws.ec2", "detail-type": detail_type, "time": now().to_string(),
        "resources": [format!("arn:aws:ec2:us-east-1a:instance/{}", id(number))],
        "detail": {"instance-id": id(number), "instance-action": "terminate"}})
}

#[tokio::test]
async fn an_instance_that_was_warned_leaves_and_stays_away_while_it_runs() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.send_all([&spot_event(1, "EC2 Spot Instance Interruption Warning")])?;
    assert_eq!(environment.deliver().await?.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    environment.kill().await?;
    let next = stage.environment().await?;
    next.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]), "it runs, and will not for long");
    stage.send_all([&stage.state_event(&id(1))?])?;
    next.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    Ok(())
}

#[tokio::test]
async fn a_warning_reaches_an_environment_that_was_warm_before_it() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (one, other) = tokio::try_join!(stage.environment(), stage.environment())?;
    one.sweep().await?;
    other.sweep().await?;
    stage.send_all([&spot_event(1, "EC2 Spot Instance Interruption Warning")])?;
    one.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    other.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]), "the other one adds nothing on old knowledge");
    Ok(())
}

#[tokio::test]
async fn a_warning_that_is_read_beside_a_look_counts_in_it() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (one, other) = tokio::try_join!(stage.environment(), stage.environment())?;
    one.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 3)]);
    other.sweep().await?;
    stage.world().terminate(&id(1));
    stage
        .send_all([&stage.state_event(&id(1))?, &spot_event(3, "EC2 Spot Instance Interruption Warning")])?;
    one.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    let announced = stage.world().parameter_event("/registrar/edge/pools/video", "Update");
    stage.send_all([&announced])?;
    other.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [2]));
    Ok(())
}

#[tokio::test]
async fn a_recommendation_to_rebalance_is_counted_and_nothing_else() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.send_all([&spot_event(1, "EC2 Instance Rebalance Recommendation")])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.served.total(), 0);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}
