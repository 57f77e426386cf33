//! Listings of Route 53.

use std::collections::BTreeSet;

use aws_smithy_http_client::test_util::ReplayEvent;
use registrar_aws::Kind;
use registrar_core::dump;
use registrar_core::inventory::{GapSource, HostedZone};
use registrar_core::name::RecordName;
use registrar_core::record_set::RoutingKind;

use crate::replay::{ok, own_zone, refused, replay, replay_then_silence, soon, uris, within_secs};

/// A weighted record set, in the form in which it is listed.
fn weighted(name: &str, id: &str) -> String {
    format!(
        "<ResourceRecordSet><Name>{name}</Name><Type>A</Type><SetIdentifier>{id}</SetIdentifier>\
         <Weight>100</Weight><TTL>20</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value>\
         </ResourceRecord></ResourceRecords></ResourceRecordSet>"
    )
}

/// A page; `next` is the cursor where it is truncated.
fn page(records: &[String], next: Option<(&str, &str)>) -> ReplayEvent {
    let cursor = next.map(|(name, id)| {
        format!(
            "<NextRecordName>{name}</NextRecordName><NextRecordType>A</NextRecordType>\
             <NextRecordIdentifier>{id}</NextRecordIdentifier>"
        )
    });
    let (truncated, cursor) = (cursor.is_some(), cursor.unwrap_or_default());
    ok(format!(
        "<ListResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
         <ResourceRecordSets>{}</ResourceRecordSets><IsTruncated>{truncated}</IsTruncated>{cursor}\
         <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>",
        records.concat()
    ))
}

fn names(names: &[&str]) -> BTreeSet<RecordName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn seen(zone: &HostedZone) -> Vec<String> {
    let shown = |key: &registrar_core::record_set::RecordKey| {
        format!("{} {}", key.set.name, key.set_identifier.as_deref().unwrap_or("-"))
    };
    zone.records.keys().map(shown).collect()
}

/// What was asked for: the query of each request.
fn asked(client: &aws_smithy_http_client::test_util::StaticReplayClient) -> Vec<String> {
    let query = |uri: String| uri.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    uris(client).into_iter().map(query).collect()
}

#[tokio::test]
async fn the_wire_and_the_cli_dump_of_the_same_record_sets_agree() {
    let (aws, client) = replay(vec![ok(include_str!("documents/zone.xml"))]);
    let read = aws.list_whole(&own_zone(), soon()).await;
    let dumped = dump::read_hosted_zone(include_str!("documents/zone.json")).unwrap();
    assert_eq!(dumped.records.len(), 12);
    assert_eq!(read, dumped);
    let uri = "https://route53.amazonaws.com/2013-04-01/hostedzone/Z0123456789ABCDEFGHIJ/rrset?maxitems=300";
    assert_eq!(uris(&client), [uri]);
}

#[tokio::test]
async fn a_whole_hosted_zone_is_followed_by_the_cursor_of_three_parts() {
    let (aws, client) = replay(vec![
        page(&[weighted("a.example.com.", "1")], Some(("a.example.com.", "registrar/d/p/i-2"))),
        page(&[weighted("a.example.com.", "2")], Some(("\\052.b.example.com.", "x"))),
        page(&[weighted("\\052.b.example.com.", "x")], None),
    ]);
    let zone = aws.list_whole(&own_zone(), soon()).await;
    assert_eq!(seen(&zone), ["a.example.com 1", "a.example.com 2", "\\052.b.example.com x"]);
    assert_eq!(zone.gap, None);
    let expected = [
        "maxitems=300",
        "name=a.example.com.&type=A&identifier=registrar%2Fd%2Fp%2Fi-2&maxitems=300",
        "name=%5C052.b.example.com.&type=A&identifier=x&maxitems=300",
    ];
    assert_eq!(asked(&client), expected);
    assert_eq!(aws.calls().of("route53:ListResourceRecordSets"), 3);
}

#[tokio::test]
async fn one_name_costs_one_page_and_others_on_it_are_left_out() {
    let (aws, client) = replay(vec![page(
        &[
            weighted("video.example.com.", "1"),
            weighted("registrar-owner.video.example.com.", "t"),
            weighted("x.example.com.", "foreign"),
        ],
        Some(("y.example.com.", "z")),
    )]);
    let zone = aws.list_names(&own_zone(), &names(&["video.example.com"]), soon()).await;
    assert_eq!(seen(&zone), ["video.example.com 1", "registrar-owner.video.example.com t"]);
    assert_eq!((zone.gap, zone.origin), (None, None));
    assert_eq!(asked(&client), ["name=video.example.com.&maxitems=300"]);
}

#[tokio::test]
async fn a_name_of_two_pages_is_read_to_its_end_and_no_further() {
    let (aws, client) = replay(vec![
        page(&[weighted("video.example.com.", "1")], Some(("video.example.com.", "2"))),
        page(&[weighted("video.example.com.", "2")], Some(("z.example.com.", "1"))),
    ]);
    let zone = aws.list_names(&own_zone(), &names(&["video.example.com"]), soon()).await;
    assert_eq!(seen(&zone), ["video.example.com 1", "video.example.com 2"]);
    assert_eq!(asked(&client)[1], "name=video.example.com.&type=A&identifier=2&maxitems=300");
}

#[tokio::test]
async fn what_lies_between_two_names_is_jumped_over() {
    let (aws, client) = replay(vec![
        page(&[weighted("a.example.com.", "1")], Some(("b.example.com.", "1"))),
        page(&[weighted("v.example.com.", "1")], Some(("w.example.com.", "1"))),
    ]);
    let zone = aws.list_names(&own_zone(), &names(&["v.example.com", "a.example.com"]), soon()).await;
    assert_eq!(seen(&zone), ["a.example.com 1", "v.example.com 1"]);
    assert_eq!(asked(&client), ["name=a.example.com.&maxitems=300", "name=v.example.com.&maxitems=300"]);
}

#[tokio::test]
async fn leaves_are_read_with_their_pool_and_cost_no_more_than_their_pages() {
    let (aws, client) = replay(vec![
        page(
            &[weighted("v.example.com.", "l00"), weighted("l00.v.example.com.", "1")],
            Some(("l00.v.example.com.", "2")),
        ),
        page(
            &[weighted("l00.v.example.com.", "2"), weighted("l01.v.example.com.", "3")],
            Some(("l02.v.example.com.", "4")),
        ),
        page(
            &[
                weighted("l02.v.example.com.", "4"),
                weighted("lxx.v.example.com.", "foreign"),
                weighted("registrar-owner.v.example.com.", "t"),
            ],
            Some(("w.example.com.", "z")),
        ),
    ]);
    let zone = aws.list_names(&own_zone(), &names(&["v.example.com"]), soon()).await;
    let expected = [
        "v.example.com l00",
        "l00.v.example.com 1",
        "l00.v.example.com 2",
        "l01.v.example.com 3",
        "l02.v.example.com 4",
        "registrar-owner.v.example.com t",
    ];
    assert_eq!((seen(&zone), zone.gap), (expected.map(str::to_owned).to_vec(), None));
    let expected = [
        "name=v.example.com.&maxitems=300",
        "name=l00.v.example.com.&type=A&identifier=2&maxitems=300",
        "name=l02.v.example.com.&type=A&identifier=4&maxitems=300",
    ];
    assert_eq!(asked(&client), expected);
}

#[tokio::test]
async fn a_wildcard_is_asked_for_in_octal_and_read_by_itself_with_what_stands_below_it() {
    let (aws, client) = replay(vec![
        page(&[weighted("a.example.com.", "1")], None),
        page(
            &[weighted("\\052.example.com.", "1"), weighted("l00.\\052.example.com.", "2")],
            Some(("a.example.com.", "1")),
        ),
    ]);
    let zone = aws.list_names(&own_zone(), &names(&["*.example.com", "a.example.com"]), soon()).await;
    let expected = ["a.example.com 1", "\\052.example.com 1", "l00.\\052.example.com 2"];
    let mut found = seen(&zone);
    found.sort_unstable_by_key(|shown| expected.iter().position(|expected| expected == shown));
    assert_eq!(found, expected);
    assert_eq!(asked(&client), ["name=a.example.com.&maxitems=300", "name=%5C052.example.com.&maxitems=300"]);
}

#[tokio::test]
async fn a_page_of_record_sets_that_fails_is_a_gap_and_what_came_before_stays() {
    let (aws, _) = replay(vec![
        page(&[weighted("a.example.com.", "1")], Some(("a.example.com.", "2"))),
        refused(403, "AccessDenied", "User is not authorized"),
    ]);
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), soon()).await;
    assert_eq!(seen(&zone), ["a.example.com 1"]);
    let gap = zone.gap.unwrap();
    assert_eq!(gap.source, GapSource::HostedZone);
    assert!(gap.reason.starts_with(
        "route53:ListResourceRecordSets failed on page 2: AccessDenied: User is not authorized (hint: "
    ));
}

#[tokio::test]
async fn a_cursor_that_does_not_move_is_a_gap() {
    let same = || page(&[weighted("a.example.com.", "1")], Some(("a.example.com.", "1")));
    let (aws, _) = replay(vec![same(), same(), same()]);
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), soon()).await;
    assert!(zone.gap.unwrap().reason.contains("cursor does not move"));
    assert_eq!(aws.calls().total(), 2);
}

#[tokio::test]
async fn a_truncated_page_without_a_cursor_is_a_gap() {
    let (aws, _) = replay(vec![ok("<ListResourceRecordSetsResponse><ResourceRecordSets/>\
        <IsTruncated>true</IsTruncated><MaxItems>300</MaxItems></ListResourceRecordSetsResponse>")]);
    let zone = aws.list_whole(&own_zone(), soon()).await;
    assert!(zone.gap.unwrap().reason.contains("does not say where it goes on"));
}

#[tokio::test]
async fn a_hosted_zone_that_does_not_exist_is_told_apart() {
    let (aws, _) = replay(vec![refused(404, "NoSuchHostedZone", "No hosted zone found with ID: Z1")]);
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), soon()).await;
    let reason = zone.gap.unwrap().reason;
    assert_eq!(
        reason,
        "route53:ListResourceRecordSets failed on page 1: NoSuchHostedZone: No hosted zone found with ID: Z1"
    );
}

#[tokio::test(start_paused = true)]
async fn record_sets_that_were_read_before_the_deadline_stay() {
    let aws =
        replay_then_silence(vec![page(&[weighted("a.example.com.", "1")], Some(("a.example.com.", "2")))]);
    let started = tokio::time::Instant::now();
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), within_secs(2)).await;
    assert_eq!(started.elapsed().as_secs(), 2);
    assert_eq!(seen(&zone), ["a.example.com 1"]);
    assert!(zone.gap.unwrap().reason.ends_with("on page 2: no answer came before the deadline"));
}

#[tokio::test]
async fn a_field_of_a_later_version_makes_a_record_set_somebody_elses() {
    let odd = weighted("a.example.com.", "registrar/default/video/i-00000001")
        .replace("<TTL>", "<Moonphase>new</Moonphase><TTL>");
    let (aws, _) = replay(vec![page(&[weighted("a.example.com.", "1"), odd], None)]);
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), soon()).await;
    let understood: Vec<bool> = zone.records.values().map(|record| record.is_understood()).collect();
    assert_eq!((understood, zone.gap), (vec![true, false], None));
    assert_eq!(zone.records.values().next_back().unwrap().routing(), RoutingKind::Other);
}

#[tokio::test]
async fn a_value_outside_its_range_makes_a_record_set_somebody_elses() {
    let heavy = weighted("a.example.com.", "1").replace("<Weight>100<", "<Weight>1000<");
    let long = weighted("a.example.com.", "2").replace("<TTL>20<", "<TTL>-1<");
    let (aws, _) = replay(vec![page(&[heavy, long], None)]);
    let zone = aws.list_names(&own_zone(), &names(&["a.example.com"]), soon()).await;
    assert_eq!(zone.records.len(), 2);
    assert!(zone.records.values().all(|record| !record.is_understood()));
}

#[tokio::test]
async fn the_origin_is_where_the_start_of_authority_stands() {
    let soa = "<ResourceRecordSet><Name>example.com.</Name><Type>SOA</Type><TTL>900</TTL><ResourceRecords>\
               <ResourceRecord><Value>x. y. 1 2 3 4 5</Value></ResourceRecord></ResourceRecords>\
               </ResourceRecordSet>";
    let (aws, client) = replay(vec![
        page(&[soa.to_owned()], None),
        page(&[weighted("example.com.", "1")], Some(("example.com.", "2"))),
        page(&[soa.to_owned()], None),
        page(&[], None),
    ]);
    let origin: RecordName = "example.com".parse().unwrap();
    assert_eq!(aws.origin(&own_zone(), soon()).await, Ok(origin.clone()));
    assert_eq!(aws.origin(&own_zone(), soon()).await, Ok(origin), "behind many records at the apex");
    assert_eq!(asked(&client)[0], "maxitems=10");
    assert_eq!(asked(&client)[2], "name=example.com.&type=SOA&maxitems=1");
    assert_eq!(aws.origin(&own_zone(), soon()).await.unwrap_err().kind, Kind::Other);
}

#[tokio::test]
async fn no_names_are_no_call() {
    let (aws, _) = replay(vec![]);
    assert_eq!(aws.list_names(&own_zone(), &BTreeSet::new(), soon()).await, HostedZone::default());
}
