//! EC2.

use std::net::Ipv4Addr;

use aws_stand_in::{
    AvailabilityZone, FurtherAddress, Instance, InstanceState, Operation, StandIn, World, ZoneType,
};

use crate::client::Client;

const BOSTON: &str = "us-east-1-wl1-bos-wlz-1";

fn world() -> World {
    let mut world = World::default();
    for number in 1..=7_u8 {
        let id = format!("i-000000000000000{number:02}");
        let instance = Instance::new(&id, BOSTON)
            .with_carrier_ip(Ipv4Addr::new(155, 146, 10, number))
            .with_private_ip(Ipv4Addr::new(10, 0, 0, number))
            .with_tag("edge-dns", if number < 4 { "video" } else { "games" });
        world.put_instance(instance);
    }
    world.set_state("i-00000000000000003", InstanceState::Terminated);
    world
}

async fn started() -> (StandIn, Client) {
    let stand_in = StandIn::start(world()).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client)
}

#[tokio::test]
async fn an_instance_shows_its_carrier_ip_on_its_interface_and_as_its_address() {
    let (_stand_in, client) = started().await;
    let answer = client.ec2("DescribeInstances&InstanceId.1=i-00000000000000001").await;
    assert_eq!(answer.status, 200);
    let association = "<association><carrierIp>155.146.10.1</carrierIp><ipOwnerId>amazon</ipOwnerId>";
    assert_eq!(answer.body.matches(association).count(), 2, "on the interface and on its address");
    assert_eq!(answer.element("ipAddress"), Some("155.146.10.1"));
    assert_eq!(answer.element("primary"), Some("true"));
    assert!(answer.body.contains("<instanceState><code>16</code><name>running</name></instanceState>"));
    assert_eq!(answer.element("availabilityZone"), Some(BOSTON));
    assert!(answer.body.contains("<item><key>edge-dns</key><value>video</value></item>"));
}

#[tokio::test]
async fn a_terminated_instance_has_no_interface_and_no_address() {
    let (_stand_in, client) = started().await;
    let answer = client.ec2("DescribeInstances&InstanceId.1=i-00000000000000003").await;
    assert!(answer.body.contains("<code>48</code><name>terminated</name>"));
    assert_eq!((answer.element("networkInterfaceSet"), answer.element("ipAddress")), (Some(""), None));
}

#[tokio::test]
async fn addresses_of_further_interfaces_are_shown_with_their_device() {
    let mut world = World::default();
    let mut instance = Instance::new("i-1", BOSTON).with_private_ip(Ipv4Addr::new(10, 0, 0, 1));
    instance.further_addresses = vec![FurtherAddress {
        device_index: 1,
        primary: true,
        private_ip: Ipv4Addr::new(10, 0, 1, 1),
        carrier_ip: Some(Ipv4Addr::new(155, 146, 10, 9)),
        public_ip: None,
    }];
    world.put_instance(instance);
    let stand_in = StandIn::start(world).await.unwrap();
    let answer = Client::of(&stand_in).ec2("DescribeInstances").await;
    assert_eq!((answer.count("networkInterfaceId"), answer.count("carrierIp")), (2, 2));
    let second = answer.body.split("<deviceIndex>1</deviceIndex>").nth(1).unwrap();
    assert!(second.contains("<carrierIp>155.146.10.9</carrierIp>"));
}

#[tokio::test]
async fn values_of_a_filter_are_alternatives_and_filters_all_have_to_fit() {
    let (_stand_in, client) = started().await;
    let states = "Filter.1.Name=instance-state-name&Filter.1.Value.1=running&Filter.1.Value.2=pending";
    let video = "Filter.2.Name=tag:edge-dns&Filter.2.Value.1=video";
    for (filters, expected) in [
        (states.to_owned(), 6),
        (format!("{states}&{video}"), 2),
        (format!("{states}&{video}&Filter.3.Name=availability-zone&Filter.3.Value.1={BOSTON}"), 2),
        (format!("{states}&{video}&Filter.3.Name=availability-zone&Filter.3.Value.1=us-east-1a"), 0),
        ("Filter.1.Name=tag-key&Filter.1.Value.1=edge-dns".to_owned(), 7),
        ("Filter.1.Name=instance-id&Filter.1.Value.1=i-00000000000000001&Filter.1.Value.2=i-0".to_owned(), 1),
        ("Filter.1.Name=tag:edge-dns&Filter.1.Value.1=VIDEO".to_owned(), 0),
    ] {
        let answer = client.ec2(&format!("DescribeInstances&{filters}")).await;
        assert_eq!((answer.status, answer.count("instanceId")), (200, expected), "{filters}");
    }
}

#[tokio::test]
async fn a_filter_that_is_not_modelled_or_has_no_value_or_too_many_is_refused() {
    let (_stand_in, client) = started().await;
    let invalid = (400, "InvalidParameterValue".to_owned());
    let answer = client.ec2("DescribeInstances&Filter.1.Name=vpc-id&Filter.1.Value.1=vpc-1").await;
    assert_eq!(answer.refusal(), invalid);
    assert_eq!(client.ec2("DescribeInstances&Filter.1.Name=instance-id").await.refusal(), invalid);
    let values = |count: usize| {
        (1..=count).map(|number| format!("&Filter.1.Value.{number}=i-{number}")).collect::<String>()
    };
    let most = format!("DescribeInstances&Filter.1.Name=instance-id{}", values(200));
    assert_eq!(client.ec2(&most).await.status, 200);
    let more = format!("DescribeInstances&Filter.1.Name=instance-id{}", values(201));
    assert_eq!(client.ec2(&more).await.refusal(), (400, "FilterLimitExceeded".to_owned()));
}

#[tokio::test]
async fn one_unknown_id_that_is_named_outright_fails_the_whole_call() {
    let (_stand_in, client) = started().await;
    let known = "DescribeInstances&InstanceId.1=i-00000000000000001";
    assert_eq!(client.ec2(known).await.count("instanceId"), 1);
    let answer = client.ec2(&format!("{known}&InstanceId.2=i-0000000000000dead")).await;
    assert_eq!(answer.refusal(), (400, "InvalidInstanceID.NotFound".to_owned()));
    assert_eq!(
        answer.element("Message"),
        Some("The instance ID &apos;i-0000000000000dead&apos; does not exist")
    );
    let answer = client.ec2("DescribeInstances&InstanceId.1=bogus").await;
    assert_eq!(answer.refusal(), (400, "InvalidInstanceID.Malformed".to_owned()));
}

#[tokio::test]
async fn pages_have_5_to_1000_results_and_follow_each_other() {
    let (_stand_in, client) = started().await;
    for size in ["4", "1001", "many"] {
        let answer = client.ec2(&format!("DescribeInstances&MaxResults={size}")).await;
        assert_eq!(answer.refusal(), (400, "InvalidParameterValue".to_owned()), "{size}");
    }
    let first = client.ec2("DescribeInstances&MaxResults=5").await;
    let token = first.element("nextToken").unwrap();
    let second = client.ec2(&format!("DescribeInstances&MaxResults=5&NextToken={token}")).await;
    assert_eq!([first.count("instanceId"), second.count("instanceId")], [5, 2]);
    assert_eq!(second.element("nextToken"), None);
    let bad = client.ec2("DescribeInstances&NextToken=bogus").await;
    assert_eq!(bad.refusal(), (400, "InvalidParameterValue".to_owned()));
    let both = client.ec2("DescribeInstances&MaxResults=5&InstanceId.1=i-00000000000000001").await;
    assert_eq!(both.refusal(), (400, "InvalidParameterCombination".to_owned()));
}

#[tokio::test]
async fn a_test_can_make_pages_smaller_than_asked_for() {
    let (stand_in, client) = started().await;
    stand_in.world().limit_page(Operation::DescribeInstances, 3);
    let answer = client.ec2("DescribeInstances&MaxResults=1000").await;
    assert_eq!(answer.count("instanceId"), 3);
    assert!(answer.element("nextToken").is_some());
}

#[tokio::test]
async fn a_parameter_that_is_not_modelled_is_refused() {
    let (_stand_in, client) = started().await;
    let answer = client.ec2("DescribeInstances&IncludeManagedResources=true").await;
    assert_eq!(answer.refusal(), (400, "UnknownParameter".to_owned()));
}

#[tokio::test]
async fn another_region_has_none_of_these_instances() {
    let (stand_in, mut client) = started().await;
    stand_in.world().put_instance(Instance::new("i-2", "eu-west-2a").in_region("eu-west-2"));
    client.region = "eu-west-2";
    let answer = client.ec2("DescribeInstances").await;
    assert_eq!((answer.count("instanceId"), answer.element("instanceId")), (1, Some("i-2")));
    let answer = client.ec2("DescribeInstances&InstanceId.1=i-00000000000000001").await;
    assert_eq!(answer.refusal(), (400, "InvalidInstanceID.NotFound".to_owned()));
    client.region = "ap-northeast-1";
    assert_eq!(client.ec2("DescribeInstances").await.element("reservationSet"), Some(""));
}

#[tokio::test]
async fn zones_are_those_of_the_instances() {
    let (stand_in, client) = started().await;
    stand_in.world().put_instance(Instance::new("i-9", "us-east-1a"));
    let answer = client.ec2("DescribeAvailabilityZones").await;
    assert_eq!(answer.count("zoneName"), 2);
    let wavelength = "DescribeAvailabilityZones&Filter.1.Name=zone-type&Filter.1.Value.1=wavelength-zone";
    let answer = client.ec2(wavelength).await;
    assert_eq!((answer.count("zoneName"), answer.element("zoneName")), (1, Some(BOSTON)));
    let unknown = client.ec2("DescribeAvailabilityZones&ZoneName.1=us-east-1f").await;
    assert_eq!(unknown.refusal(), (400, "InvalidParameterValue".to_owned()));
}

#[tokio::test]
async fn a_zone_without_opt_in_is_shown_to_those_who_ask_for_all() {
    let (stand_in, client) = started().await;
    let new_york = AvailabilityZone::wavelength("us-east-1-wl1-nyc-wlz-1", "us-east-1-wl1").not_opted_in();
    stand_in.world().put_availability_zone(new_york);
    let named = "DescribeAvailabilityZones&Filter.1.Name=zone-name&Filter.1.Value.1=us-east-1-wl1-nyc-wlz-1";
    assert_eq!(client.ec2(named).await.count("zoneName"), 0);
    let answer = client.ec2(&format!("{named}&AllAvailabilityZones=true")).await;
    assert_eq!(answer.element("optInStatus"), Some("not-opted-in"));
    assert_eq!(answer.element("groupName"), Some("us-east-1-wl1"));
    let refused = client.ec2("DescribeAvailabilityZones&AllAvailabilityZones=yes").await;
    assert_eq!(refused.refusal(), (400, "InvalidParameterValue".to_owned()));
}

#[tokio::test]
async fn a_zone_says_what_it_is() {
    let (stand_in, client) = started().await;
    let local =
        AvailabilityZone::wavelength("us-east-1-bos-1a", "us-east-1-bos-1").of_type(ZoneType::LocalZone);
    stand_in.world().put_availability_zone(local);
    let answer = client.ec2("DescribeAvailabilityZones&ZoneName.1=us-east-1-bos-1a").await;
    assert_eq!(
        (answer.element("zoneType"), answer.element("optInStatus")),
        (Some("local-zone"), Some("opted-in"))
    );
}
