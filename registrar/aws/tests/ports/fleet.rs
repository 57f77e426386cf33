//! Instances from EC2.

use std::collections::{BTreeMap, BTreeSet};

use registrar_aws::FleetQuery;
use registrar_core::dump;
use registrar_core::ids::InstanceId;
use registrar_core::inventory::GapSource;

use crate::replay::{bodies, ec2_refused, ok, replay, replay_then_silence, soon, within_secs};

fn page(ids: &[&str], next: &str) -> String {
    let instance = |id: &&str| {
        format!(
            "<item><instancesSet><item><instanceId>{id}</instanceId><instanceState><code>16</code>\
             <name>running</name></instanceState></item></instancesSet></item>"
        )
    };
    let instances: String = ids.iter().map(instance).collect();
    format!(
        "<DescribeInstancesResponse><reservationSet>{instances}</reservationSet>\
         <nextToken>{next}</nextToken></DescribeInstancesResponse>"
    )
}

fn seen(fleet: &registrar_core::inventory::Fleet) -> Vec<&str> {
    fleet.instances.keys().map(InstanceId::as_str).collect()
}

#[tokio::test]
async fn the_wire_and_the_cli_dump_of_the_same_instances_agree() {
    let (aws, _) = replay(vec![ok(include_str!("documents/fleet.xml"))]);
    let read = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    let dumped = dump::read_fleet(include_str!("documents/fleet.json")).unwrap();
    assert_eq!(dumped.instances.len(), 8);
    assert_eq!(read, dumped);
}

#[tokio::test]
async fn only_what_the_query_names_is_asked_for() {
    let (aws, client) = replay(vec![ok(page(&[], ""))]);
    let query = FleetQuery {
        wavelength_zones: BTreeSet::from(["us-east-1-wl1-bos-wlz-1".parse().unwrap()]),
        tags: BTreeMap::from([("edge-dns".to_owned(), BTreeSet::from(["video".to_owned()]))]),
        auto_scaling_groups: BTreeSet::from(["edge*".parse().unwrap()]),
        include_ended: false,
    };
    assert_eq!(aws.describe_fleet(&query, soon()).await, Default::default());
    let body = bodies(&client).remove(0);
    let parameters: BTreeSet<&str> = body.split('&').filter(|part| part.starts_with("Filter")).collect();
    let expected = BTreeSet::from([
        "Filter.1.Name=instance-state-name",
        "Filter.1.Value.1=pending",
        "Filter.1.Value.2=running",
        "Filter.2.Name=availability-zone",
        "Filter.2.Value.1=us-east-1-wl1-bos-wlz-1",
        "Filter.3.Name=tag%3Aedge-dns",
        "Filter.3.Value.1=video",
        "Filter.4.Name=tag%3Aaws%3Aautoscaling%3AgroupName",
        "Filter.4.Value.1=edge%5C%2A",
    ]);
    assert_eq!(parameters, expected);
    assert!(body.contains("MaxResults=1000"), "{body}");
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let (aws, client) = replay(vec![
        ok(page(&["i-00000001"], "first")),
        ok(page(&[], "second")),
        ok(page(&["i-00000002"], "")),
    ]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    assert_eq!((seen(&fleet), &fleet.gap), (vec!["i-00000001", "i-00000002"], &None));
    assert!(bodies(&client)[2].contains("NextToken=second"));
    assert_eq!(aws.calls().of("ec2:DescribeInstances"), 3);
}

#[tokio::test]
async fn a_page_that_fails_is_a_gap_and_what_came_before_stays() {
    let denied =
        ec2_refused(403, "UnauthorizedOperation", "You are not authorized to perform this operation.");
    let (aws, _) = replay(vec![ok(page(&["i-00000001"], "first")), denied]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    assert_eq!(seen(&fleet), ["i-00000001"]);
    let gap = fleet.gap.unwrap();
    assert_eq!(gap.source, GapSource::Fleet);
    assert_eq!(
        gap.reason,
        "ec2:DescribeInstances failed on page 2: UnauthorizedOperation: You are not authorized to perform this \
         operation. (hint: allow ec2:DescribeInstances in the IAM policy of the caller's role)"
    );
}

#[tokio::test]
async fn a_token_that_repeats_is_a_gap_and_not_the_end() {
    let (aws, _) = replay(vec![
        ok(page(&["i-00000001"], "same")),
        ok(page(&["i-00000002"], "same")),
        ok(page(&["i-00000003"], "")),
    ]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    assert_eq!(seen(&fleet), ["i-00000001", "i-00000002"]);
    assert!(fleet.gap.unwrap().reason.contains("cursor does not move"));
    assert_eq!(aws.calls().total(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_read_before_the_deadline_stays() {
    let aws = replay_then_silence(vec![ok(page(&["i-00000001"], "first"))]);
    let started = tokio::time::Instant::now();
    let fleet = aws.describe_fleet(&FleetQuery::default(), within_secs(5)).await;
    assert_eq!(started.elapsed().as_secs(), 5);
    assert_eq!(seen(&fleet), ["i-00000001"]);
    let reason = fleet.gap.unwrap().reason;
    assert_eq!(reason, "ec2:DescribeInstances failed on page 2: no answer came before the deadline");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let (aws, _) = replay(vec![]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), within_secs(0)).await;
    assert!(fleet.gap.is_some());
    assert_eq!(aws.calls().total(), 0);
}

#[tokio::test]
async fn ids_are_asked_for_by_filter_two_hundred_a_call_and_the_unknown_are_absent() {
    let ids: BTreeSet<InstanceId> = (1..=201).map(|id| format!("i-{id:08x}").parse().unwrap()).collect();
    let (aws, client) = replay(vec![ok(page(&["i-00000001"], "")), ok(page(&["i-000000c9"], ""))]);
    let fleet = aws.describe_ids(&ids, soon()).await;
    assert_eq!((seen(&fleet), &fleet.gap), (vec!["i-00000001", "i-000000c9"], &None));
    let bodies = bodies(&client);
    assert!(bodies.iter().all(|body| body.contains("Filter.1.Name=instance-id")));
    assert!(bodies.iter().all(|body| !body.contains("InstanceId.1") && !body.contains("instance-state")));
    let values = |body: &String| body.matches("Filter.1.Value.").count();
    assert_eq!(bodies.iter().map(values).collect::<Vec<_>>(), [200, 1]);
}

#[tokio::test]
async fn no_ids_are_no_call() {
    let (aws, _) = replay(vec![]);
    assert_eq!(aws.describe_ids(&BTreeSet::new(), soon()).await, Default::default());
}

#[tokio::test]
async fn an_instance_that_cannot_be_read_is_a_gap_and_the_others_stay() {
    let odd = page(&["i-00000001", "i-00000002"], "").replace(
        "<instanceId>i-00000002</instanceId>",
        "<instanceId>i-00000002</instanceId><ipAddress>2001:db8::1</ipAddress>",
    );
    let (aws, _) = replay(vec![ok(odd)]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    assert_eq!(seen(&fleet), ["i-00000001"]);
    assert_eq!(fleet.gap.unwrap().reason, "i-00000002: \"2001:db8::1\" is not an IPv4 address");
}

#[tokio::test]
async fn an_instance_that_two_pages_describe_differently_is_a_gap() {
    let stopped = page(&["i-00000001"], "").replace("running", "stopped");
    let (aws, _) = replay(vec![ok(page(&["i-00000001", "i-00000002"], "first")), ok(stopped)]);
    let fleet = aws.describe_fleet(&FleetQuery::default(), soon()).await;
    assert_eq!(seen(&fleet), ["i-00000002"]);
    assert!(fleet.gap.unwrap().reason.contains("i-00000001 is described twice"));
}
