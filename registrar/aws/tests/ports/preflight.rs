//! What is asked before a stack's records are made: the hosted zone itself, and the zones of EC2.

use std::collections::BTreeSet;

use registrar_aws::Kind;
use registrar_core::preflight::ZoneFacts;

use crate::replay::{bodies, ec2_refused, ok, own_zone, refused, replay, soon, uris};

fn hosted_zone(private: bool, delegation: &str) -> String {
    format!(
        "<GetHostedZoneResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><HostedZone>\
         <Id>/hostedzone/Z0123456789ABCDEFGHIJ</Id><Name>edge.example.com.</Name>\
         <CallerReference>x</CallerReference><Config><PrivateZone>{private}</PrivateZone></Config>\
         <ResourceRecordSetCount>2</ResourceRecordSetCount></HostedZone>{delegation}</GetHostedZoneResponse>"
    )
}

#[tokio::test]
async fn a_public_hosted_zone_has_a_name_and_name_servers() {
    let delegation = "<DelegationSet><NameServers><NameServer>ns-1.awsdns-01.com</NameServer>\
        <NameServer>ns-2.awsdns-02.net.</NameServer></NameServers></DelegationSet>";
    let (aws, client) = replay(vec![ok(hosted_zone(false, delegation))]);
    let found = aws.hosted_zone(&own_zone(), soon()).await.unwrap();
    assert_eq!((found.name.as_str(), found.is_private), ("edge.example.com", false));
    assert_eq!(found.name_servers, ["ns-1.awsdns-01.com", "ns-2.awsdns-02.net"]);
    let uri = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z0123456789ABCDEFGHIJ";
    assert_eq!(uris(&client), [uri]);
}

#[tokio::test]
async fn a_private_hosted_zone_has_no_name_servers() {
    let vpcs = "<VPCs><VPC><VPCRegion>us-east-1</VPCRegion><VPCId>vpc-1</VPCId></VPC></VPCs>";
    let (aws, _) = replay(vec![ok(hosted_zone(true, vpcs))]);
    let found = aws.hosted_zone(&own_zone(), soon()).await.unwrap();
    assert_eq!((found.is_private, found.name_servers), (true, Vec::new()));
}

#[tokio::test]
async fn a_hosted_zone_that_does_not_exist_is_told_from_one_that_may_not_be_seen() {
    let (aws, _) = replay(vec![
        refused(404, "NoSuchHostedZone", "No hosted zone found with ID: Z0123456789ABCDEFGHIJ"),
        refused(403, "AccessDenied", "no"),
    ]);
    assert_eq!(aws.hosted_zone(&own_zone(), soon()).await.unwrap_err().kind, Kind::NotFound);
    let denied = aws.hosted_zone(&own_zone(), soon()).await.unwrap_err();
    assert_eq!(denied.kind, Kind::Denied);
    assert!(denied.to_string().contains("allow route53:GetHostedZone in the IAM policy"), "{denied}");
}

#[tokio::test]
async fn zones_are_asked_for_by_a_filter_whether_or_not_the_account_may_use_them() {
    let (aws, client) = replay(vec![ok(
        "<DescribeAvailabilityZonesResponse><availabilityZoneInfo><item><zoneName>us-east-1-wl1-bos-wlz-1</zoneName>\
         <zoneState>available</zoneState><regionName>us-east-1</regionName><zoneType>wavelength-zone</zoneType>\
         <optInStatus>not-opted-in</optInStatus><groupName>us-east-1-wl1</groupName></item></availabilityZoneInfo>\
         </DescribeAvailabilityZonesResponse>",
    )]);
    let names = ["us-east-1-wl1-bos-wlz-1", "us-east-1-wl1-xyz-wlz-1"];
    let names: BTreeSet<_> = names.iter().map(|name| name.parse().unwrap()).collect();
    let found = aws.describe_zones(&names, soon()).await.unwrap();
    let facts = ZoneFacts {
        zone_type: "wavelength-zone".to_owned(),
        opt_in_status: "not-opted-in".to_owned(),
        group_name: "us-east-1-wl1".to_owned(),
    };
    assert_eq!(found.into_iter().collect::<Vec<_>>(), [("us-east-1-wl1-bos-wlz-1".parse().unwrap(), facts)]);
    let body = bodies(&client).remove(0);
    for part in ["AllAvailabilityZones=true", "Filter.1.Name=zone-name", "Value.2=us-east-1-wl1-xyz-wlz-1"] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn zones_that_may_not_be_described_are_an_error_that_names_the_action() {
    let (aws, _) = replay(vec![ec2_refused(403, "UnauthorizedOperation", "You are not authorized.")]);
    let names = BTreeSet::from(["us-east-1-wl1-bos-wlz-1".parse().unwrap()]);
    let error = aws.describe_zones(&names, soon()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Denied);
    assert!(error.to_string().contains("allow ec2:DescribeAvailabilityZones"), "{error}");
}
