//! STS, and hosted zones of other accounts.

use aws_stand_in::{Clock, ManualClock, Route53Settings, StandIn, World};
use registrar_core::{SignedDuration, Timestamp};

use crate::client::Client;

const ROLE: &str = "arn:aws:iam::210987654321:role/teams/dns";
const OTHER_ROLE: &str = "arn:aws:iam::210987654321:role/reader";

async fn started() -> (StandIn, Client, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
    let mut world = World::new(Clock::Manual(clock.clone()), Route53Settings::default());
    world.put_role(OTHER_ROLE);
    world.put_hosted_zone("Z1", "edge.example.com", vec![]).unwrap();
    world.put_hosted_zone_of_role(ROLE, "Z2", "edge.example.org", vec![]).unwrap();
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client, clock)
}

async fn assume(stand_in: &StandIn, role: &str) -> Client {
    let client = Client::of(stand_in);
    let answer = client.sts(&format!("AssumeRole&RoleArn={role}&RoleSessionName=registrar")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let of = |name: &str| answer.element(name).unwrap().to_owned();
    Client { access_key_id: of("AccessKeyId"), session_token: Some(of("SessionToken")), ..client }
}

#[tokio::test]
async fn a_caller_is_told_who_it_is() {
    let (stand_in, client, _) = started().await;
    let answer = client.sts("GetCallerIdentity").await;
    assert_eq!(answer.element("Account"), Some("123456789012"));
    let answer = assume(&stand_in, ROLE).await.sts("GetCallerIdentity").await;
    assert_eq!(answer.element("Account"), Some("210987654321"));
    assert_eq!(answer.element("Arn"), Some("arn:aws:sts::210987654321:assumed-role/dns/registrar"));
    assert_eq!(stand_in.world().assumed_roles()[ROLE], 1);
}

#[tokio::test]
async fn a_role_that_does_not_trust_the_caller_cannot_be_assumed() {
    let (_stand_in, client, _) = started().await;
    let unknown = "AssumeRole&RoleArn=arn:aws:iam::210987654321:role/nope&RoleSessionName=registrar";
    assert_eq!(client.sts(unknown).await.refusal(), (403, "AccessDenied".to_owned()));
    for bad in [
        "RoleArn=nonsense&RoleSessionName=registrar".to_owned(),
        format!("RoleArn={ROLE}"),
        format!("RoleArn={ROLE}&RoleSessionName=registrar&DurationSeconds=899"),
        format!("RoleArn={ROLE}&RoleSessionName=registrar&Policy=x"),
    ] {
        let answer = client.sts(&format!("AssumeRole&{bad}")).await;
        assert_eq!(answer.refusal(), (400, "ValidationError".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn a_hosted_zone_of_another_account_is_reached_through_its_role_alone() {
    let (stand_in, home, _) = started().await;
    let (role, other_role) = (assume(&stand_in, ROLE).await, assume(&stand_in, OTHER_ROLE).await);
    for (client, zone, allowed) in [
        (&home, "Z1", true),
        (&home, "Z2", false),
        (&role, "Z1", false),
        (&role, "Z2", true),
        (&other_role, "Z2", false),
    ] {
        let answer = client.route53("GET", &format!("hostedzone/{zone}/rrset"), "").await;
        if allowed {
            assert_eq!(answer.status, 200, "{zone}");
        } else {
            assert_eq!(answer.refusal(), (403, "AccessDenied".to_owned()), "{zone}");
        }
    }
}

#[tokio::test]
async fn a_change_belongs_to_the_account_that_made_it() {
    let (stand_in, home, _) = started().await;
    let role = assume(&stand_in, ROLE).await;
    let batch = "<ChangeResourceRecordSetsRequest><ChangeBatch><Changes><Change><Action>CREATE</Action>\
                 <ResourceRecordSet><Name>a.edge.example.org</Name><Type>A</Type><TTL>20</TTL><ResourceRecords>\
                 <ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet>\
                 </Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>";
    let answer = role.route53("POST", "hostedzone/Z2/rrset/", batch).await;
    let id = answer.element("Id").unwrap().trim_start_matches('/').to_owned();
    assert_eq!(role.route53("GET", &id, "").await.element("Status"), Some("INSYNC"));
    assert_eq!(home.route53("GET", &id, "").await.refusal(), (404, "NoSuchChange".to_owned()));
}

#[tokio::test]
async fn credentials_need_their_token_and_expire() {
    let (stand_in, _, clock) = started().await;
    let role = assume(&stand_in, ROLE).await;
    let without = Client { session_token: None, ..assume(&stand_in, ROLE).await };
    assert_eq!(without.sts("GetCallerIdentity").await.refusal(), (403, "InvalidClientTokenId".to_owned()));
    clock.advance(SignedDuration::from_secs(3_599));
    assert_eq!(role.sts("GetCallerIdentity").await.status, 200);
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(role.sts("GetCallerIdentity").await.refusal(), (403, "ExpiredToken".to_owned()));
}
