//! Instances that come and go, as their events tell, and what looking costs.

use std::collections::BTreeMap;

use anyhow::Result;
use aws_stand_in::{Group, Hook, InstanceState, Operation};
use serde_json::json;

use crate::fleet::{id, machine, put_all, weighted_lines};
use crate::stage::Stage;

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// Sets up `video` with running members of an Auto Scaling group.
async fn with_group(numbers: &[u16]) -> Result<Stage> {
    let stage = Stage::with_video([]).await?;
    {
        let mut world = stage.world();
        world.put_group(Group::new("edge").with_hook(Hook::launching("warm-up", 300)));
        put_all(&mut world, numbers.iter().map(|number| machine("video", *number).in_group("edge")));
    }
    Ok(stage)
}

#[tokio::test]
async fn an_instance_is_published_once_it_runs() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.world().put_instance(machine("video", 2).in_state(InstanceState::Pending));
    stage.send_all([&stage.state_event(&id(2))?])?;
    let pending = environment.deliver().await?;
    assert_eq!((pending.failed(), pending.served.calls_of(CHANGE)), (vec![], 0));
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    stage.world().set_state(&id(2), InstanceState::Running);
    stage.send_all([&stage.state_event(&id(2))?])?;
    let running = environment.deliver().await?;
    assert_eq!(running.failed(), Vec::<usize>::new());
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert!(running.served.total() <= 4, "{:?}", running.served.calls);
    Ok(())
}

#[tokio::test]
async fn a_member_of_a_group_is_published_with_four_calls_once_it_is_in_service() -> Result<()> {
    let stage = with_group(&[1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    let waiting = stage.world().launch(machine("video", 2).in_group("edge"));
    assert_eq!(waiting.len(), 1);
    let launched = stage.world().lifecycle_event(&waiting[0]);
    stage.send_all([&stage.state_event(&id(2))?, &launched])?;
    environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1]), "it runs, but Pending:Wait is not in service");
    stage.world().set_lifecycle_state(&id(2), "InService");
    let event = json!({"version": "0", "id": "x", "source": "aws.autoscaling",
        "detail-type": "EC2 Instance Launch Successful", "time": crate::stage::now().to_string(),
        "detail": {"EC2InstanceId": id(2), "AutoScalingGroupName": "edge",
            "Origin": "EC2", "Destination": "AutoScalingGroup"}});
    stage.send_all([&event])?;
    let served = environment.deliver().await?.served;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    let expected = BTreeMap::from([
        ("ec2:DescribeInstances".to_owned(), 1),
        ("autoscaling:DescribeAutoScalingGroups".to_owned(), 1),
        ("route53:ListResourceRecordSets".to_owned(), 1),
        (CHANGE.to_owned(), 1),
    ]);
    assert_eq!(served.calls, expected);
    assert_eq!(stage.world().calls_of(Operation::CompleteLifecycleAction), 0, "a launch hook is not ours");
    Ok(())
}

#[tokio::test]
async fn a_document_that_was_announced_as_changed_costs_one_call_more() -> Result<()> {
    let stage = with_group(&[1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2).in_group("edge")]);
    let announced = stage.world().parameter_event("/registrar/edge/pools/video", "Update");
    stage.send_all([&announced, &stage.state_event(&id(2))?])?;
    let served = environment.deliver().await?.served;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    assert!(served.total() <= 5, "{:?}", served.calls);
    assert_eq!(served.calls_of("ssm:GetParametersByPath"), 1);
    Ok(())
}

#[tokio::test]
async fn a_termination_removes_the_record_with_at_most_four_calls() -> Result<()> {
    let stage = Stage::with_video([1, 2, 3]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    stage.world().terminate(&id(2));
    stage.send_all([&stage.state_event(&id(2))?])?;
    let served = environment.deliver().await?.served;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]));
    assert!(served.total() <= 4, "{:?}", served.calls);
    assert_eq!(served.pool("video")["blackholes_removed"], 1);
    Ok(())
}

#[tokio::test]
async fn an_event_that_a_look_covers_costs_nothing() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    let event = stage.state_event(&id(2))?;
    environment.sweep().await?;
    for _ in 0..2 {
        stage.send_all([&event])?;
        let batch = environment.deliver().await?;
        assert_eq!(batch.failed(), Vec::<usize>::new());
        assert_eq!(batch.served.calls, BTreeMap::new());
        assert_eq!(batch.served.event["messages"]["covered"], 1);
    }
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn an_instance_that_concerns_nobody_costs_one_describe() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("somebody-elses", 9)]);
    stage.send_all([&stage.state_event(&id(9))?])?;
    let served = environment.deliver().await?.served;
    assert_eq!(served.calls, BTreeMap::from([("ec2:DescribeInstances".to_owned(), 1)]));
    assert_eq!(stage.records()?, weighted_lines("video", [1]));
    Ok(())
}

#[tokio::test]
async fn an_event_that_comes_bare_is_served_as_one_of_a_batch() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    put_all(&mut stage.world(), [machine("video", 2)]);
    let event = stage.state_event(&id(2))?;
    let served = environment.invoke(&event.to_string()).await?;
    assert_eq!(served.answer, serde_json::Value::Null);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    Ok(())
}

#[tokio::test]
async fn an_instance_with_another_address_is_replaced_in_one_batch() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    if let Some(instance) = stage.world().instance_mut(&id(2)) {
        instance.carrier_ip = Some(crate::fleet::ip(200));
    }
    let served = environment.sweep().await?;
    assert_eq!(served.calls_of(CHANGE), 1);
    let expected = weighted_lines("video", [1, 2]);
    let expected = [expected[0].clone(), expected[1].replace(".0.2", ".0.200")];
    assert_eq!(stage.records()?, expected);
    Ok(())
}
