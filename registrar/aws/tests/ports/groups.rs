//! Lifecycle states and hooks from Auto Scaling.

use std::collections::BTreeSet;

use aws_smithy_http_client::test_util::ReplayEvent;
use registrar_aws::{HookReply, Kind};
use registrar_core::drain::WaitingHook;
use registrar_core::ids::{AutoScalingGroupName, InstanceId};
use registrar_core::inventory::{GapSource, GroupMembership, LifecycleState};

use crate::replay::{answer, bodies, ok, refused, replay, soon};

fn group(name: &str, members: &[(&str, &str)]) -> String {
    let member = |(id, state): &(&str, &str)| {
        format!("<member><InstanceId>{id}</InstanceId><LifecycleState>{state}</LifecycleState></member>")
    };
    let members: String = members.iter().map(member).collect();
    format!(
        "<member><AutoScalingGroupName>{name}</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>9</MaxSize>\
         <DesiredCapacity>1</DesiredCapacity><DefaultCooldown>300</DefaultCooldown>\
         <AvailabilityZones/><HealthCheckType>EC2</HealthCheckType>\
         <CreatedTime>2026-11-21T09:00:00Z</CreatedTime><Instances>{members}</Instances></member>"
    )
}

fn groups(groups: &str, next: &str) -> ReplayEvent {
    ok(format!(
        "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult>\
         <AutoScalingGroups>{groups}</AutoScalingGroups><NextToken>{next}</NextToken>\
         </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
    ))
}

fn memberships(members: &str) -> ReplayEvent {
    ok(format!(
        "<DescribeAutoScalingInstancesResponse><DescribeAutoScalingInstancesResult>\
         <AutoScalingInstances>{members}</AutoScalingInstances>\
         </DescribeAutoScalingInstancesResult></DescribeAutoScalingInstancesResponse>"
    ))
}

fn names(names: &[&str]) -> BTreeSet<AutoScalingGroupName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn id(id: &str) -> InstanceId {
    id.parse().unwrap()
}

#[tokio::test]
async fn a_group_says_the_state_of_every_member_and_an_unknown_one_is_not_listed() {
    let (aws, client) = replay(vec![
        groups(&group("edge", &[("i-00000001", "InService"), ("i-00000002", "Terminating:Wait")]), "more"),
        groups(&group("edge-2", &[("i-00000003", "Warmed:Stopped")]), ""),
    ]);
    let read = aws.describe_groups(&names(&["edge", "edge-2", "gone"]), soon()).await;
    assert_eq!(read.gap, None);
    let of = |group: &str, state: &str| GroupMembership {
        group: group.parse().unwrap(),
        state: LifecycleState::from(state),
    };
    assert_eq!(read.members.get(&id("i-00000001")), Some(&of("edge", "InService")));
    assert_eq!(read.members.get(&id("i-00000002")), Some(&of("edge", "Terminating:Wait")));
    assert_eq!(read.members.get(&id("i-00000003")), Some(&of("edge-2", "Warmed:Stopped")));
    let sent = bodies(&client);
    assert!(sent[0].contains("AutoScalingGroupNames.member.3=gone") && sent[0].contains("MaxRecords=100"));
    assert!(sent[1].contains("NextToken=more"));
}

#[tokio::test]
async fn a_page_of_groups_that_fails_is_a_gap_and_what_came_before_stays() {
    let (aws, _) = replay(vec![
        groups(&group("edge", &[("i-00000001", "InService")]), "more"),
        refused(403, "AccessDenied", "User is not authorized"),
    ]);
    let read = aws.describe_groups(&names(&["edge"]), soon()).await;
    assert_eq!(read.members.len(), 1);
    let gap = read.gap.unwrap();
    assert_eq!(gap.source, GapSource::Groups);
    assert!(gap.reason.starts_with(
        "autoscaling:DescribeAutoScalingGroups failed on page 2: AccessDenied: User is not authorized (hint: "
    ));
}

#[tokio::test]
async fn a_token_of_groups_that_repeats_is_a_gap() {
    let (aws, _) = replay(vec![groups("", "same"), groups("", "same"), groups("", "")]);
    let read = aws.describe_groups(&names(&["edge"]), soon()).await;
    assert!(read.gap.unwrap().reason.contains("cursor does not move"));
}

#[tokio::test]
async fn memberships_are_asked_for_fifty_ids_a_call() {
    let ids: BTreeSet<InstanceId> = (1..=51).map(|number| id(&format!("i-{number:08x}"))).collect();
    let member = |id: &str| {
        format!(
            "<member><InstanceId>{id}</InstanceId><AutoScalingGroupName>edge</AutoScalingGroupName>\
             <AvailabilityZone>us-east-1a</AvailabilityZone><LifecycleState>InService</LifecycleState>\
             <HealthStatus>HEALTHY</HealthStatus><ProtectedFromScaleIn>false</ProtectedFromScaleIn></member>"
        )
    };
    let (aws, client) = replay(vec![memberships(&member("i-00000001")), memberships(&member("i-00000033"))]);
    let read = aws.describe_memberships(&ids, soon()).await;
    assert_eq!((read.members.len(), read.gap), (2, None));
    let asked = |body: &String| body.matches("InstanceIds.member.").count();
    assert_eq!(bodies(&client).iter().map(asked).collect::<Vec<_>>(), [50, 1]);
}

#[tokio::test]
async fn a_member_without_a_state_is_a_gap_and_not_in_service() {
    let (aws, _) = replay(vec![groups(
        &group("edge", &[("i-00000001", "InService")])
            .replace("<LifecycleState>InService</LifecycleState>", ""),
        "",
    )]);
    let read = aws.describe_groups(&names(&["edge"]), soon()).await;
    assert!(read.members.is_empty());
    assert_eq!(read.gap.unwrap().reason, "i-00000001 in group edge has no lifecycle state");
}

fn waiting(token: Option<&str>) -> WaitingHook {
    WaitingHook {
        group: "edge".parse().unwrap(),
        hook: "dns-drain".parse().unwrap(),
        instance: id("i-00000001"),
        token: token.map(str::to_owned),
    }
}

fn completed() -> ReplayEvent {
    ok("<CompleteLifecycleActionResponse><CompleteLifecycleActionResult/></CompleteLifecycleActionResponse>")
}

#[tokio::test]
async fn a_hook_is_completed_with_continue() {
    let (aws, client) = replay(vec![completed()]);
    let token = "87654321-4321-4321-4321-210987654321";
    let reply = aws.complete_hook(&waiting(Some(token)), soon()).await;
    assert_eq!(reply, Ok(HookReply::Done));
    let sent = bodies(&client).remove(0);
    for part in [
        "Action=CompleteLifecycleAction",
        "LifecycleActionResult=CONTINUE",
        "LifecycleHookName=dns-drain",
        "AutoScalingGroupName=edge",
        "InstanceId=i-00000001",
        "LifecycleActionToken=87654321-4321-4321-4321-210987654321",
    ] {
        assert!(sent.contains(part), "{part} is not in {sent}");
    }
}

#[tokio::test]
async fn a_hook_that_is_already_gone_is_no_failure() {
    let gone = || {
        let message = "No active Lifecycle Action found with instance ID i-00000001";
        refused(400, "ValidationError", message)
    };
    let (aws, _) = replay(vec![gone(), gone()]);
    assert_eq!(aws.complete_hook(&waiting(None), soon()).await, Ok(HookReply::AlreadyGone));
    assert_eq!(aws.heartbeat_hook(&waiting(None), soon()).await, Ok(HookReply::AlreadyGone));
}

#[tokio::test]
async fn a_hook_that_may_not_be_completed_is_a_failure() {
    let (aws, _) = replay(vec![refused(403, "AccessDenied", "no")]);
    let error = aws.complete_hook(&waiting(None), soon()).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Denied, "autoscaling:CompleteLifecycleAction"));
}

#[tokio::test(start_paused = true)]
async fn contention_is_tried_again() {
    let busy = || refused(500, "ResourceContention", "a pending update exists");
    let (aws, _) = replay(vec![busy(), busy(), completed()]);
    assert_eq!(aws.complete_hook(&waiting(None), soon()).await, Ok(HookReply::Done));
    assert_eq!(aws.calls().of("autoscaling:CompleteLifecycleAction"), 3);
}

#[tokio::test]
async fn a_hook_says_how_long_it_waits() {
    let hooks = |inner: &str| {
        ok(format!(
            "<DescribeLifecycleHooksResponse><DescribeLifecycleHooksResult><LifecycleHooks>{inner}\
             </LifecycleHooks></DescribeLifecycleHooksResult></DescribeLifecycleHooksResponse>"
        ))
    };
    let hook = "<member><LifecycleHookName>dns-drain</LifecycleHookName>\
                <HeartbeatTimeout>120</HeartbeatTimeout></member>";
    let no_group = answer(
        400,
        "<ErrorResponse><Error><Code>ValidationError</Code><Message>AutoScalingGroup name not found - \
         edge</Message></Error></ErrorResponse>",
    );
    let (aws, _) = replay(vec![hooks(hook), hooks(""), no_group]);
    let (group, hook) = ("edge".parse().unwrap(), "dns-drain".parse().unwrap());
    assert_eq!(aws.hook_timeout_secs(&group, &hook, soon()).await, Ok(Some(120)));
    assert_eq!(aws.hook_timeout_secs(&group, &hook, soon()).await, Ok(None));
    assert_eq!(aws.hook_timeout_secs(&group, &hook, soon()).await, Ok(None));
}
