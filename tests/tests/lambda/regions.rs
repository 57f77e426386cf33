//! A function that asks the wrong Region or account about its instances.

use anyhow::Result;
use serde_json::json;

use crate::environment::Environment;
use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::Stage;

#[tokio::test]
async fn in_the_wrong_region_nothing_moves_and_it_says_so() -> Result<()> {
    let stage = Stage::with_records(1..=10, |world| {
        put_all(world, (1..=10).map(|number| machine("video", number)));
        Ok(())
    })
    .await?;
    let environment = Environment::start(&stage, &[("AWS_REGION", "us-west-2")]).await?;
    stage.send_all([
        &json!({"source": "aws.events", "detail-type": "Scheduled Event"}),
        &stage.state_event(&id(1))?,
    ])?;
    let batch = environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", 1..=10));
    assert_eq!(batch.served.calls_of("route53:ChangeResourceRecordSets"), 0);
    assert_eq!(batch.served.held("video", "wrong-account-or-region"), 10);
    assert!(matches!(batch.served.level(), "WARN" | "ERROR"), "{}", batch.served.event);
    let details = &batch.served.pool("video")["held_back_details"];
    assert!(details.to_string().contains("wrong-account-or-region"), "{details}");
    Ok(())
}

#[tokio::test]
async fn an_event_from_the_right_region_removes_its_own_instance_and_no_other() -> Result<()> {
    let stage = Stage::with_records([1, 2, 3], |world| {
        put_all(world, (1..=3).map(|number| machine("video", number)));
        Ok(())
    })
    .await?;
    let environment = Environment::start(&stage, &[("AWS_REGION", "us-west-2")]).await?;
    environment.sweep().await?;
    stage.world().terminate(&id(2));
    stage.send_all([&stage.state_event(&id(2))?])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]));
    Ok(())
}
