//! Hosted zones of other accounts, by assumed roles.

use std::collections::BTreeSet;

use aws_smithy_http_client::test_util::{ReplayEvent, StaticReplayClient};
use registrar_aws::ZoneAccess;
use registrar_core::execute::Reply;

use crate::changes::create;
use crate::replay::{bodies, ok, own_zone, refused, replay, soon, uris};

fn their_zone() -> ZoneAccess {
    let role = "arn:aws:iam::210987654321:role/dns/registrar";
    ZoneAccess { id: "Z9999999999999999999".parse().unwrap(), role_arn: Some(role.parse().unwrap()) }
}

fn assumed(key: &str, until: &str) -> ReplayEvent {
    ok(format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>their-secret</SecretAccessKey>\
         <SessionToken>their-token</SessionToken><Expiration>{until}</Expiration></Credentials>\
         <AssumedRoleUser><Arn>arn:aws:sts::210987654321:assumed-role/registrar/registrar</Arn>\
         <AssumedRoleId>AROAEXAMPLE:registrar</AssumedRoleId></AssumedRoleUser></AssumeRoleResult>\
         </AssumeRoleResponse>"
    ))
}

fn empty_page() -> ReplayEvent {
    ok("<ListResourceRecordSetsResponse><ResourceRecordSets/><IsTruncated>false</IsTruncated>\
        <MaxItems>300</MaxItems></ListResourceRecordSetsResponse>")
}

fn signers(client: &StaticReplayClient) -> Vec<String> {
    let key = |authorization: &str| {
        let rest = authorization.split("Credential=").nth(1).unwrap_or_default();
        rest.split('/').next().unwrap_or_default().to_owned()
    };
    let requests = client.actual_requests();
    requests.map(|request| key(request.headers().get("authorization").unwrap_or_default())).collect()
}

#[tokio::test]
async fn a_hosted_zone_with_a_role_is_reached_as_that_role_assumed_once() {
    let (aws, client) =
        replay(vec![assumed("ASIATHEIRS", "2099-01-01T00:00:00Z"), empty_page(), empty_page(), empty_page()]);
    for zone in [their_zone(), their_zone(), own_zone()] {
        assert_eq!(aws.list_whole(&zone, soon()).await.gap, None);
    }
    assert_eq!(signers(&client), ["AKIDEXAMPLE", "ASIATHEIRS", "ASIATHEIRS", "AKIDEXAMPLE"]);
    assert!(uris(&client)[0].starts_with("https://sts.us-east-1.amazonaws.com"));
    let assume = bodies(&client).remove(0);
    assert!(
        assume.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fdns%2Fregistrar"),
        "{assume}"
    );
    assert!(assume.contains("RoleSessionName=registrar"), "{assume}");
    assert_eq!(aws.calls().to_string(), "route53:ListResourceRecordSets 3, sts:AssumeRole 1");
}

#[tokio::test]
async fn a_role_is_assumed_again_when_its_credentials_have_expired() {
    let (aws, client) = replay(vec![
        assumed("ASIAFIRST", "2020-01-01T00:00:00Z"),
        empty_page(),
        assumed("ASIASECOND", "2099-01-01T00:00:00Z"),
        empty_page(),
    ]);
    aws.list_whole(&their_zone(), soon()).await;
    aws.list_whole(&their_zone(), soon()).await;
    assert_eq!(signers(&client), ["AKIDEXAMPLE", "ASIAFIRST", "AKIDEXAMPLE", "ASIASECOND"]);
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_a_gap_that_says_so_without_secrets() {
    let denied = || {
        refused(
            403,
            "AccessDenied",
            "User: arn:aws:iam::123456789012:role/lambda is not authorized to perform: sts:AssumeRole",
        )
    };
    let (aws, _) = replay(vec![denied()]);
    let names = BTreeSet::from(["a.example.com".parse().unwrap()]);
    let reason = aws.list_names(&their_zone(), &names, soon()).await.gap.unwrap().reason;
    assert_eq!(
        reason,
        "route53:ListResourceRecordSets failed on page 1: the role could not be assumed: AccessDenied: User: \
         arn:aws:iam::123456789012:role/lambda is not authorized to perform: sts:AssumeRole (hint: allow \
         sts:AssumeRole in the IAM policy of the caller's role)"
    );
    assert_eq!(aws.calls().to_string(), "sts:AssumeRole 1");
}

#[tokio::test]
async fn a_batch_that_could_not_be_signed_is_denied_and_not_lost() {
    let (aws, _) = replay(vec![refused(403, "AccessDenied", "no")]);
    let reply = aws.change_records(&their_zone(), &create(), soon()).await;
    let Reply::Denied(text) = reply else { panic!("{reply:?}") };
    assert!(text.contains("the role could not be assumed: AccessDenied: no"), "{text}");
    assert!(text.ends_with("nothing was sent"), "{text}");
    assert_eq!(aws.calls().of("route53:ChangeResourceRecordSets"), 0);
}
