//! Route 53 on the wire; its rules have tests of their own beside the model and in the contract suite.

use aws_stand_in::{Clock, ManualClock, Operation, Route53Settings, StandIn, World};
use registrar_core::{SignedDuration, Timestamp};

use crate::client::{Answer, Client};

const ZONE: &str = "hostedzone/Z0123456789ABCDEFGHIJ";

fn settings() -> Route53Settings {
    Route53Settings { throttling: false, ..Route53Settings::default() }
}

async fn started(settings: Route53Settings) -> (StandIn, Client, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let mut world = World::new(Clock::Manual(clock.clone()), settings);
    world.put_hosted_zone("Z0123456789ABCDEFGHIJ", "edge.example.com", vec![]).unwrap();
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client, clock)
}

fn weighted(name: &str, id: &str) -> String {
    format!(
        "<Name>{name}</Name><Type>A</Type><SetIdentifier>{id}</SetIdentifier><Weight>100</Weight><TTL>20</TTL>\
         <ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords>"
    )
}

fn batch(changes: &[(&str, String)]) -> String {
    let change = |(action, record): &(&str, String)| {
        format!("<Change><Action>{action}</Action><ResourceRecordSet>{record}</ResourceRecordSet></Change>")
    };
    let changes: String = changes.iter().map(change).collect();
    format!(
        "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch>\
         <Changes>{changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>"
    )
}

async fn change(client: &Client, changes: &[(&str, String)]) -> Answer {
    client.route53("POST", &format!("{ZONE}/rrset/"), &batch(changes)).await
}

#[tokio::test]
async fn a_change_is_accepted_listed_and_found_by_its_id() {
    let propagation = SignedDuration::from_secs(30);
    let (_stand_in, client, clock) = started(Route53Settings { propagation, ..settings() }).await;
    let answer = change(&client, &[("CREATE", weighted("*.edge.example.com", "a/b"))]).await;
    assert_eq!((answer.status, answer.element("Status")), (200, Some("PENDING")));
    let id = answer.element("Id").unwrap().trim_start_matches('/').to_owned();
    let listed = client.route53("GET", &format!("{ZONE}/rrset"), "").await;
    assert_eq!(
        listed.element("SetIdentifier"),
        Some("a/b"),
        "accepted changes are listed before they are INSYNC"
    );
    assert!(listed.body.contains("<Name>\\052.edge.example.com.</Name>"), "{}", listed.body);
    assert_eq!(client.route53("GET", &id, "").await.element("Status"), Some("PENDING"));
    clock.advance(propagation);
    assert_eq!(client.route53("GET", &id, "").await.element("Status"), Some("INSYNC"));
    let unknown = client.route53("GET", "change/C2682N5HXP0BZ4", "").await;
    assert_eq!(unknown.refusal(), (404, "NoSuchChange".to_owned()));
}

#[tokio::test]
async fn a_refused_batch_names_every_problem_in_brackets() {
    let (_stand_in, client, _) = started(settings()).await;
    let two = [("DELETE", weighted("a.edge.example.com", "x")), ("CREATE", weighted("a.example.net", "y"))];
    let answer = change(&client, &two).await;
    assert_eq!(answer.refusal(), (400, "InvalidChangeBatch".to_owned()));
    let message = answer.element("Message").unwrap();
    assert!(message.starts_with("[Tried to delete") && message.ends_with(']'), "{message}");
    assert!(message.contains("but it was not found, RRSet with DNS name a.example.net."), "{message}");
    assert!(answer.body.starts_with("<?xml"), "{}", answer.body);
}

#[tokio::test]
async fn what_is_not_the_schemas_xml_is_invalid_input() {
    let (_stand_in, client, _) = started(settings()).await;
    let invalid = (400, "InvalidInput".to_owned());
    let good = batch(&[("CREATE", weighted("a.edge.example.com", "x"))]);
    for bad in [
        String::new(),
        good.replace("<Weight>100</Weight>", "<Weight>heavy</Weight>"),
        good.replace("CREATE", "create"),
        good.replace("<Name>a.edge.example.com</Name>", ""),
        good.replace("</ChangeBatch>", ""),
    ] {
        let answer = client.route53("POST", &format!("{ZONE}/rrset/"), &bad).await;
        assert_eq!(answer.refusal(), invalid, "{bad}");
    }
    assert_eq!(change(&client, &[]).await.refusal(), invalid);
}

#[tokio::test]
async fn an_unknown_hosted_zone_is_not_found() {
    let (_stand_in, client, _) = started(settings()).await;
    for path in ["hostedzone/Z9", "hostedzone/Z9/rrset", "hostedzone/not-an-id"] {
        let answer = client.route53("GET", path, "").await;
        assert_eq!(answer.refusal(), (404, "NoSuchHostedZone".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_hosted_zone_is_described_with_its_name_servers() {
    let (_stand_in, client, _) = started(settings()).await;
    let answer = client.route53("GET", ZONE, "").await;
    assert_eq!(answer.element("Id"), Some("/hostedzone/Z0123456789ABCDEFGHIJ"));
    assert_eq!(answer.element("Name"), Some("edge.example.com."));
    assert_eq!((answer.element("ResourceRecordSetCount"), answer.count("NameServer")), (Some("2"), 4));
}

#[tokio::test]
async fn a_listing_goes_on_at_its_three_part_cursor() {
    let (stand_in, client, _) = started(settings()).await;
    let records: Vec<(&str, String)> =
        (0..5).map(|number| ("CREATE", weighted("a.edge.example.com", &format!("id {number}")))).collect();
    change(&client, &records).await;
    let first = client.route53("GET", &format!("{ZONE}/rrset?name=a.edge.example.com&maxitems=2"), "").await;
    assert_eq!((first.element("IsTruncated"), first.element("MaxItems")), (Some("true"), Some("2")));
    let next = ["NextRecordName", "NextRecordType", "NextRecordIdentifier"].map(|name| first.element(name));
    assert_eq!(next, [Some("a.edge.example.com."), Some("A"), Some("id 2")]);
    let cursor = "name=a.edge.example.com.&type=A&identifier=id+2";
    let rest = client.route53("GET", &format!("{ZONE}/rrset?{cursor}"), "").await;
    assert_eq!((rest.count("SetIdentifier"), rest.element("IsTruncated")), (3, Some("false")));
    stand_in.world().limit_page(Operation::ListResourceRecordSets, 1);
    let small = client.route53("GET", &format!("{ZONE}/rrset?{cursor}"), "").await;
    assert_eq!((small.count("SetIdentifier"), small.element("MaxItems")), (1, Some("300")));
}

#[tokio::test]
async fn a_cursor_needs_its_name_before_its_type_and_its_type_before_its_identifier() {
    let (_stand_in, client, _) = started(settings()).await;
    for query in [
        "type=A",
        "identifier=x",
        "name=a.edge.example.com&identifier=x",
        "name=a..b",
        "maxitems=0",
        "maxitems=x",
        "colour=red",
    ] {
        let answer = client.route53("GET", &format!("{ZONE}/rrset?{query}"), "").await;
        assert_eq!(answer.refusal(), (400, "InvalidInput".to_owned()), "{query}");
    }
}

#[tokio::test]
async fn a_second_change_while_the_first_is_in_progress_is_refused() {
    let change_in_progress = SignedDuration::from_secs(2);
    let (_stand_in, client, clock) = started(Route53Settings { change_in_progress, ..settings() }).await;
    change(&client, &[("CREATE", weighted("a.edge.example.com", "x"))]).await;
    let second = [("CREATE", weighted("a.edge.example.com", "y"))];
    assert_eq!(change(&client, &second).await.refusal(), (400, "PriorRequestNotComplete".to_owned()));
    clock.advance(change_in_progress);
    assert_eq!(change(&client, &second).await.status, 200);
}

#[tokio::test]
async fn both_token_buckets_throttle() {
    let (_stand_in, client, clock) = started(Route53Settings::default()).await;
    let throttled = (400, "Throttling".to_owned());
    let records: Vec<(&str, String)> =
        (0..499).map(|number| ("UPSERT", weighted(&format!("n{number}.edge.example.com"), "x"))).collect();
    assert_eq!(change(&client, &records).await.status, 200);
    assert_eq!(change(&client, &records).await.refusal(), throttled, "1,500 changes, and an UPSERT is two");
    for _ in 0..48 {
        assert_eq!(client.route53("GET", ZONE, "").await.status, 200);
    }
    assert_eq!(client.route53("GET", ZONE, "").await.refusal(), throttled, "50 requests");
    clock.advance(SignedDuration::from_millis(100));
    assert_eq!(client.route53("GET", ZONE, "").await.status, 200);
}

#[tokio::test]
async fn a_public_hosted_zone_has_a_delegation_set_and_a_private_one_vpcs() {
    let (stand_in, client, _) = started(settings()).await;
    let public = client.route53("GET", ZONE, "").await;
    assert_eq!(
        (public.element("Name"), public.element("PrivateZone")),
        (Some("edge.example.com."), Some("false"))
    );
    assert!(public.count("NameServer") >= 1 && public.count("VPC") == 0, "{}", public.body);
    stand_in.world().make_private("Z0123456789ABCDEFGHIJ").unwrap();
    let private = client.route53("GET", ZONE, "").await;
    assert_eq!((private.element("PrivateZone"), private.count("VPC")), (Some("true"), 1));
    assert_eq!(private.count("NameServer"), 0);
}

#[tokio::test]
async fn a_hosted_zone_that_was_deleted_is_unknown() {
    let (stand_in, client, _) = started(settings()).await;
    stand_in.world().delete_hosted_zone("Z0123456789ABCDEFGHIJ").unwrap();
    for path in [ZONE.to_owned(), format!("{ZONE}/rrset")] {
        assert_eq!(client.route53("GET", &path, "").await.refusal(), (404, "NoSuchHostedZone".to_owned()));
    }
}
