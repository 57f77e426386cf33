//! Auto Scaling: groups, members, and lifecycle actions.

use aws_stand_in::{
    ActionResult, Clock, EndedBy, Group, Hook, Instance, InstanceState, ManualClock, Route53Settings,
    StandIn, World,
};
use registrar_core::{SignedDuration, Timestamp};

use crate::client::Client;

const BOSTON: &str = "us-east-1-wl1-bos-wlz-1";
const HOOK: &str = "AutoScalingGroupName=edge&LifecycleHookName=dns-drain";

fn world() -> World {
    let mut world = World::default();
    world.put_group(Group::new("edge").with_hook(Hook::terminating("dns-drain", 60)));
    world.put_group(Group::new("other"));
    for number in 1..=3 {
        world.put_instance(Instance::new(&format!("i-{number}"), BOSTON).in_group("edge"));
    }
    world.put_instance(Instance::new("i-alone", BOSTON));
    world
}

async fn started() -> (StandIn, Client) {
    let stand_in = StandIn::start(world()).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client)
}

#[tokio::test]
async fn a_group_is_described_by_name_with_the_state_of_every_member() {
    let (stand_in, client) = started().await;
    stand_in.world().set_lifecycle_state("i-2", "Pending:Wait");
    let answer = client.autoscaling("DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=edge").await;
    assert_eq!((answer.status, answer.count("AutoScalingGroupARN"), answer.count("InstanceId")), (200, 1, 3));
    assert_eq!(answer.body.matches("<LifecycleState>InService</LifecycleState>").count(), 2);
    assert_eq!(answer.body.matches("<LifecycleState>Pending:Wait</LifecycleState>").count(), 1);
    let unknown = client.autoscaling("DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=nobody").await;
    assert_eq!((unknown.status, unknown.count("AutoScalingGroupARN")), (200, 0));
    let without = "DescribeAutoScalingGroups&AutoScalingGroupNames.member.1=edge&IncludeInstances=false";
    assert_eq!(client.autoscaling(without).await.count("InstanceId"), 0);
}

#[tokio::test]
async fn groups_come_in_pages_of_at_most_100() {
    let (_stand_in, client) = started().await;
    for size in ["0", "101", "x"] {
        let answer = client.autoscaling(&format!("DescribeAutoScalingGroups&MaxRecords={size}")).await;
        assert_eq!(answer.refusal(), (400, "ValidationError".to_owned()), "{size}");
    }
    let first = client.autoscaling("DescribeAutoScalingGroups&MaxRecords=1").await;
    let token = first.element("NextToken").unwrap();
    let second =
        client.autoscaling(&format!("DescribeAutoScalingGroups&MaxRecords=1&NextToken={token}")).await;
    assert_eq!(second.element("AutoScalingGroupName"), Some("other"));
    assert_eq!(second.element("NextToken"), None);
    let bad = client.autoscaling("DescribeAutoScalingGroups&NextToken=x").await;
    assert_eq!(bad.refusal(), (400, "InvalidNextToken".to_owned()));
}

#[tokio::test]
async fn instances_are_asked_for_by_at_most_50_ids_and_unknown_ones_are_absent() {
    let (_stand_in, client) = started().await;
    let ids = |count: usize| {
        (1..=count).map(|number| format!("&InstanceIds.member.{number}=i-{number}")).collect::<String>()
    };
    let answer = client.autoscaling(&format!("DescribeAutoScalingInstances{}", ids(50))).await;
    assert_eq!((answer.count("InstanceId"), answer.count("AutoScalingGroupName")), (3, 3));
    let answer = client.autoscaling(&format!("DescribeAutoScalingInstances{}", ids(51))).await;
    assert_eq!(answer.refusal(), (400, "ValidationError".to_owned()));
    let alone = client.autoscaling("DescribeAutoScalingInstances&InstanceIds.member.1=i-alone").await;
    assert_eq!(alone.element("AutoScalingInstances"), Some(""));
}

#[tokio::test]
async fn another_region_has_none_of_these_groups() {
    let (_stand_in, mut client) = started().await;
    client.region = "eu-west-2";
    assert_eq!(client.autoscaling("DescribeAutoScalingGroups").await.element("AutoScalingGroups"), Some(""));
    let answer = client.autoscaling(&format!("DescribeLifecycleHooks&{HOOK}")).await;
    assert_eq!(answer.refusal(), (400, "ValidationError".to_owned()));
}

#[tokio::test]
async fn hooks_are_described_with_their_timeout() {
    let (_stand_in, client) = started().await;
    let answer = client.autoscaling("DescribeLifecycleHooks&AutoScalingGroupName=edge").await;
    assert_eq!(answer.element("HeartbeatTimeout"), Some("60"));
    assert_eq!(answer.element("GlobalTimeout"), Some("6000"));
    assert_eq!(answer.element("LifecycleTransition"), Some("autoscaling:EC2_INSTANCE_TERMINATING"));
    assert_eq!(answer.element("DefaultResult"), Some("CONTINUE"));
    let unknown = client.autoscaling("DescribeLifecycleHooks&AutoScalingGroupName=nobody").await;
    assert_eq!(unknown.refusal(), (400, "ValidationError".to_owned()));
}

#[tokio::test]
async fn scaling_in_waits_at_the_hook_while_ec2_still_says_running() {
    let (stand_in, client) = started().await;
    let actions = stand_in.world().scale_in("i-1");
    assert_eq!(actions.len(), 1);
    let answer = client.autoscaling("DescribeAutoScalingInstances&InstanceIds.member.1=i-1").await;
    assert_eq!(answer.element("LifecycleState"), Some("Terminating:Wait"));
    let answer = client.ec2("DescribeInstances&InstanceId.1=i-1").await;
    assert!(answer.body.contains("<name>running</name>"));
    let event = stand_in.world().lifecycle_event(&actions[0]);
    assert_eq!(event["detail-type"], "EC2 Instance-terminate Lifecycle Action");
    assert_eq!(event["detail"]["LifecycleActionToken"], actions[0].token.as_str());
}

#[tokio::test]
async fn an_action_is_completed_once_by_its_token_or_its_instance() {
    let (stand_in, client) = started().await;
    let token = stand_in.world().scale_in("i-1")[0].token.clone();
    stand_in.world().scale_in("i-2");
    for about in [format!("LifecycleActionToken={token}"), "InstanceId=i-2".to_owned()] {
        let call = format!("CompleteLifecycleAction&{HOOK}&LifecycleActionResult=CONTINUE&{about}");
        assert_eq!(client.autoscaling(&call).await.status, 200);
        let again = client.autoscaling(&call).await;
        assert_eq!(again.refusal(), (400, "ValidationError".to_owned()));
        let expected = format!(
            "No active Lifecycle Action found with {}",
            about.replace("LifecycleActionToken=", "token ").replace("InstanceId=", "instance ID ")
        );
        assert_eq!(again.element("Message"), Some(expected.as_str()));
    }
    let mut world = stand_in.world();
    assert_eq!(world.instance("i-1").unwrap().state, InstanceState::Terminated);
    let ended = [Some((ActionResult::Continue, EndedBy::Call)); 2];
    assert!(world.lifecycle_actions().iter().map(|action| action.ended).eq(ended));
}

#[tokio::test]
async fn completing_wants_a_known_group_hook_and_result_and_a_whole_token() {
    let (stand_in, client) = started().await;
    stand_in.world().scale_in("i-1");
    for bad in [
        "AutoScalingGroupName=nobody&LifecycleHookName=dns-drain&LifecycleActionResult=CONTINUE&InstanceId=i-1",
        "AutoScalingGroupName=edge&LifecycleHookName=theirs&LifecycleActionResult=CONTINUE&InstanceId=i-1",
        "AutoScalingGroupName=edge&LifecycleHookName=dns-drain&LifecycleActionResult=GO&InstanceId=i-1",
        "AutoScalingGroupName=edge&LifecycleHookName=dns-drain&InstanceId=i-1",
        "AutoScalingGroupName=edge&LifecycleHookName=dns-drain&LifecycleActionResult=CONTINUE",
        "AutoScalingGroupName=edge&LifecycleHookName=dns-drain&LifecycleActionResult=CONTINUE&LifecycleActionToken=1",
    ] {
        let answer = client.autoscaling(&format!("CompleteLifecycleAction&{bad}")).await;
        assert_eq!(answer.refusal(), (400, "ValidationError".to_owned()), "{bad}");
    }
    assert_eq!(stand_in.world().lifecycle_actions()[0].ended, None);
}

#[tokio::test]
async fn a_heartbeat_lets_an_action_wait_and_its_deadline_ends_it_with_the_default() {
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let mut world = World::new(Clock::Manual(clock.clone()), Route53Settings::default());
    world.put_group(Group::new("edge").with_hook(Hook::terminating("dns-drain", 60)));
    world.put_instance(Instance::new("i-1", BOSTON).in_group("edge"));
    world.scale_in("i-1");
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    clock.advance(SignedDuration::from_secs(59));
    let beat = format!("RecordLifecycleActionHeartbeat&{HOOK}&InstanceId=i-1");
    assert_eq!(client.autoscaling(&beat).await.status, 200);
    clock.advance(SignedDuration::from_secs(59));
    assert_eq!(stand_in.world().lifecycle_actions()[0].ended, None);
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(client.autoscaling(&beat).await.refusal(), (400, "ValidationError".to_owned()));
    let action = stand_in.world().lifecycle_actions()[0].clone();
    assert_eq!((action.ended, action.heartbeats), (Some((ActionResult::Continue, EndedBy::Deadline)), 1));
}

#[tokio::test]
async fn a_launch_waits_at_its_hook_until_it_is_completed() {
    let mut world = World::default();
    world.put_group(Group::new("edge").with_hook(Hook::launching("warm-up", 60)));
    let actions = world.launch(Instance::new("i-1", BOSTON).in_group("edge"));
    assert_eq!(world.instance("i-1").unwrap().member.as_ref().unwrap().lifecycle_state, "Pending:Wait");
    let stand_in = StandIn::start(world).await.unwrap();
    let call = format!(
        "CompleteLifecycleAction&AutoScalingGroupName=edge&LifecycleHookName=warm-up&LifecycleActionToken={}\
         &LifecycleActionResult=CONTINUE",
        actions[0].token
    );
    assert_eq!(Client::of(&stand_in).autoscaling(&call).await.status, 200);
    let world = stand_in.world();
    assert_eq!(world.instance("i-1").unwrap().member.as_ref().unwrap().lifecycle_state, "InService");
}
