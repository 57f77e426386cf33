//! Events that were lost, doubled, late or out of order: the records are right all the same.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_stand_in::InstanceState;
use serde_json::json;

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::Stage;

#[tokio::test]
async fn a_sweep_repairs_what_no_event_told() -> Result<()> {
    let stage = Stage::with_video([1, 2, 3, 4]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    {
        let mut world = stage.world();
        world.terminate(&id(1));
        world.fade_tags(&id(1));
        world.forget(&id(2));
        put_all(&mut world, [machine("video", 5)]);
    }
    stage.send_all([&json!({"source": "aws.events", "detail-type": "Scheduled Event"})])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, weighted_lines("video", [3, 4, 5]));
    assert_eq!(environment.sweep().await?.calls_of("route53:ChangeResourceRecordSets"), 0);
    Ok(())
}

#[tokio::test]
async fn doubled_and_reordered_events_lead_to_the_same_records() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 3), machine("video", 4)]);
    let mut events = Vec::new();
    for (number, states) in [
        (3, [InstanceState::Pending, InstanceState::Running].as_slice()),
        (1, &[InstanceState::ShuttingDown, InstanceState::Terminated]),
        (4, &[InstanceState::Running, InstanceState::Stopping]),
    ] {
        for state in states {
            stage.world().set_state(&id(number), *state);
            events.push(stage.state_event(&id(number))?);
        }
    }
    let shuffled = [5, 1, 3, 0, 3, 2, 1, 4, 5, 0].map(|place: usize| &events[place]);
    stage.send_all(shuffled)?;
    let batch = environment.deliver().await?;
    assert_eq!((batch.failed(), batch.delivery.messages.len()), (Vec::new(), 10));
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    stage.send_all(events.iter().rev())?;
    let again = environment.deliver().await?;
    assert_eq!(again.failed(), Vec::<usize>::new());
    assert_eq!(again.served.calls_of("route53:ChangeResourceRecordSets"), 0);
    assert_eq!(stage.records()?, weighted_lines("video", [2, 3]));
    Ok(())
}

#[tokio::test]
async fn one_look_serves_a_whole_batch() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), (2..=11).map(|number| machine("video", number)));
    for number in 2..=11 {
        stage.send_all([&stage.state_event(&id(number))?])?;
    }
    let batch = environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", 1..=11));
    assert!(batch.served.total() <= 4, "{:?}", batch.served.calls);
    Ok(())
}

#[tokio::test]
async fn a_terminated_instance_does_not_come_back_by_a_late_running_event() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let late = stage.state_event(&id(2))?;
    // EC2's descriptions lag behind its events: it still shows the instance as running.
    let mut ended = late.clone();
    ended["detail"]["state"] = json!("shutting-down");
    ended["time"] = json!(crate::stage::now().to_string());
    stage.send_all([&ended])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    stage.send_all([&late])?;
    environment.deliver().await?;
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn an_empty_batch_costs_nothing() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    let served = environment.invoke(r#"{"Records":[]}"#).await?;
    assert_eq!(served.answer, json!({"batchItemFailures": []}));
    assert_eq!(served.calls, BTreeMap::new());
    assert_eq!(served.level(), "INFO");
    Ok(())
}
