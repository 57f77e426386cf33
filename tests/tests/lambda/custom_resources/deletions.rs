//! Stacks that go: no record of theirs is left, whatever became of their parameters.

use std::time::Duration;

use anyhow::Result;
use aws_stand_in::{Effect, Fault, Operation, World};
use registrar_core::record_set::RecordSet;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Bucket, LITTLE_TIME, ask, made_with, properties, reason, refusal};
use crate::fleet::{document, machine, put_all, put_document, record, weighted, weighted_lines};
use crate::stage::{Stage, ZONE, publish};

const ROLE: &str = "arn:aws:iam::210987654321:role/dns";
const THEIRS: &str = "Z9999999999999999999";

/// Everything that a deployment may have left: a pool with a document and one without, a leaf with its alias, and a
/// simple pool with its owner texts.
fn everything() -> Result<Vec<RecordSet>> {
    let owner = format!("\"registrar/edge/simple/{}=155.146.0.9\"", crate::fleet::id(9));
    let mut records = vec![weighted("video", 1)?, weighted("forgotten", 7)?];
    let further = [
        json!({"Name": "l00.big.edge.example.com", "Type": "A", "TTL": 20, "Weight": 100,
            "SetIdentifier": format!("registrar/edge/big/{}", crate::fleet::id(8)),
            "ResourceRecords": [{"Value": "155.146.0.8"}]}),
        json!({"Name": "simple.edge.example.com", "Type": "A", "TTL": 20,
            "ResourceRecords": [{"Value": "155.146.0.9"}]}),
        json!({"Name": "registrar-owner.simple.edge.example.com", "Type": "TXT", "TTL": 20,
            "ResourceRecords": [{"Value": owner}]}),
        json!({"Name": "big.edge.example.com", "Type": "A", "Weight": 100, "SetIdentifier": "registrar/edge/big/l00",
            "AliasTarget": {"HostedZoneId": ZONE, "DNSName": "l00.big.edge.example.com.",
                "EvaluateTargetHealth": false}}),
    ];
    records.extend(further.iter().map(record).collect::<Result<Vec<_>>>()?);
    Ok(records)
}

/// The properties of a stack as its template gives them.
fn of_template(pool_document: &str) -> Value {
    json!({"DeploymentName": "edge", "HostedZoneId": ZONE, "HostedZoneName": "edge.example.com", "DnsRoleArn": "",
        "PoolName": "video", "PoolDocument": pool_document})
}

/// Deletes a stack of this world, which leaves nothing.
async fn leaves_nothing(
    case: &'static str,
    properties: Value,
    set_up: impl FnOnce(&mut World) -> Result<()>,
) -> Result<()> {
    let stage = Stage::with(|world| {
        put_all(world, [machine("video", 1)]);
        Ok(())
    })
    .await?;
    publish(&mut stage.world(), everything()?)?;
    set_up(&mut stage.world())?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{case}: {answer}");
    assert_eq!(stage.records()?, Vec::<String>::new(), "{case}");
    assert_eq!(served.calls_of("ec2:DescribeInstances"), 0, "{case}: nobody has to be asked");
    Ok(())
}

/// Runs what waits for ten seconds side by side.
async fn all(mut cases: JoinSet<Result<()>>) -> Result<()> {
    while let Some(done) = cases.join_next().await {
        done??;
    }
    Ok(())
}

fn on_all_of_ssm(world: &mut World, effect: &Effect) {
    let ssm = [Operation::GetParametersByPath, Operation::GetParameters, Operation::DeleteParameter];
    ssm.into_iter().for_each(|operation| world.arm(Fault::on(operation, effect.clone()).always()));
}

#[tokio::test]
async fn whatever_ssm_does_a_stack_that_goes_leaves_nothing() -> Result<()> {
    let good = of_template(&document("video").to_string());
    let mut cases = JoinSet::new();
    let denied = |world: &mut World| {
        on_all_of_ssm(world, &refusal(400, "AccessDeniedException"));
        Ok(())
    };
    cases.spawn(leaves_nothing("SSM denies", good.clone(), denied));
    let throttled = |world: &mut World| {
        on_all_of_ssm(world, &Effect::Throttle);
        Ok(())
    };
    cases.spawn(leaves_nothing("SSM throttles", good.clone(), throttled));
    cases.spawn(leaves_nothing("SSM is empty", good.clone(), |_| Ok(())));
    let broken = |world: &mut World| {
        put_document(world, "video", &json!({"version": 1}));
        put_document(world, "other", &json!("nonsense"));
        Ok(())
    };
    cases.spawn(leaves_nothing("a document in SSM is broken", good, broken));
    all(cases).await
}

#[tokio::test]
async fn a_broken_document_of_its_own_does_not_keep_a_stack() -> Result<()> {
    let mut unusable = document("video");
    unusable["record"]["ttl_secs"] = json!(0);
    let mut by_document = of_template(&unusable.to_string());
    by_document["HostedZoneId"] = json!("");
    let mut cases = JoinSet::new();
    cases.spawn(leaves_nothing("it is no JSON", of_template("{"), |_| Ok(())));
    cases.spawn(leaves_nothing("it still names the hosted zone", by_document, |_| Ok(())));
    all(cases).await
}

#[tokio::test]
async fn a_stack_that_goes_leaves_no_state_and_few_calls() -> Result<()> {
    let stage = Stage::with_video([1, 2]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.sweep().await?;
    stage.world().put_parameter("/registrar/edge/state/orders/gone", "{}");
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties())).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, Vec::<String>::new());
    for state in ["pools/video", "places/0", "orders/video", "orders/gone"] {
        assert!(stage.world().parameter(&format!("/registrar/edge/state/{state}")).is_none(), "{state}");
    }
    assert!(stage.world().parameter("/registrar/edge/pools/video").is_some(), "the document is the stack's");
    let calls: Vec<String> = served.calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    let expected = [
        "route53:ChangeResourceRecordSets 1",
        "route53:ListResourceRecordSets 3",
        "ssm:DeleteParameter 2",
        "ssm:GetParametersByPath 1",
    ];
    assert_eq!(calls, expected);
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_of_another_account_is_reached_through_the_stacks_role() -> Result<()> {
    let stage = Stage::with(|world| {
        world.put_hosted_zone_of_role(ROLE, THEIRS, "their.example.org", vec![]).map_err(Into::into)
    })
    .await?;
    let orphan = record(&json!({"Name": "games.their.example.org", "Type": "A", "TTL": 20, "Weight": 1,
        "SetIdentifier": format!("registrar/edge/games/{}", crate::fleet::id(3)),
        "ResourceRecords": [{"Value": "155.146.0.3"}]}))?;
    {
        let mut world = stage.world();
        let (id, now) = (THEIRS.parse()?, world.now());
        let create = (registrar_core::record_set::ChangeAction::Create, orphan).into();
        world.route53_model(THEIRS)?.change_record_sets(&id, &[create], now)?;
    }
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    let properties = json!({"HostedZoneId": THEIRS, "DnsRoleArn": ROLE});
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records_of(THEIRS)?, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_hosted_zone_that_is_gone_keeps_no_stack() -> Result<()> {
    let stage = Stage::with_video([1]).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    let mut gone = properties();
    gone["HostedZoneId"] = json!("Z00000000000000000000");
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&gone)).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(served.calls_of("route53:ListResourceRecordSets"), 1);
    Ok(())
}

#[tokio::test]
async fn a_listing_that_is_denied_fails_with_the_reason() -> Result<()> {
    let stage = Stage::with_records([1], |_| Ok(())).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("AccessDenied");
    stage.world().arm(Fault::on(Operation::ListResourceRecordSets, refusal(403, "AccessDenied")).always());
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties())).await?;
    assert_eq!(answer["Status"], "FAILED");
    assert!(reason(&answer).contains("allow route53:ListResourceRecordSets"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_stack_that_does_not_say_where_its_records_are_is_not_deleted_in_silence() -> Result<()> {
    let stage = Stage::with_records([1], |_| Ok(())).await?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("HostedZoneId");
    let (served, answer) =
        ask(&mut environment, &mut bucket, "Delete", &made_with(&json!({"DeploymentName": "edge"}))).await?;
    assert_eq!((&answer["Status"], served.total()), (&json!("FAILED"), 0));
    assert!(reason(&answer).contains("(hint: update the stack with the property HostedZoneId"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn without_time_for_a_second_listing_the_stack_is_to_be_deleted_again() -> Result<()> {
    let stage = Stage::with_records([1], |_| Ok(())).await?;
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    environment.expects_error("no time to look again");
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties())).await?;
    assert_eq!(answer["Status"], "FAILED");
    assert!(reason(&answer).contains("(hint: delete the stack again"), "{answer}");
    assert_eq!(stage.records()?, Vec::<String>::new(), "what could be removed is");
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_cannot_remove_says_how_much_is_left() -> Result<()> {
    let hang = Effect::Hang(Duration::from_secs(60));
    for effect in [refusal(403, "AccessDenied"), Effect::Throttle, hang] {
        let stage = Stage::with_records([1, 2], |_| Ok(())).await?;
        let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
        let mut bucket = Bucket::open(0).await?;
        environment.expects_error("records are left");
        stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, effect.clone()).always());
        let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &made_with(&properties())).await?;
        assert_eq!(answer["Status"], "FAILED", "{effect:?}: {answer}");
        assert!(reason(&answer).starts_with("records are left: 2 × "), "{effect:?}: {answer}");
        assert!(reason(&answer).contains("(hint: delete the stack again"), "{effect:?}: {answer}");
        assert_eq!(stage.records()?, weighted_lines("video", [1, 2]));
    }
    Ok(())
}

#[tokio::test]
async fn a_stack_whose_names_are_in_use_elsewhere_is_refused_and_its_deletion_spares_them() -> Result<()> {
    let stage = Stage::with_records([1, 2], |_| Ok(())).await?;
    publish(&mut stage.world(), vec![weighted("games", 7)?])?;
    let before = stage.records()?;
    let (mut environment, mut bucket) = (stage.environment().await?, Bucket::open(0).await?);
    environment.expects_error("another Region or account");
    let (_, refused) = ask(&mut environment, &mut bucket, "Create", &json!({})).await?;
    assert_eq!(refused["Status"], "FAILED");
    assert!(reason(&refused).contains("another Region or account"), "{refused}");
    let known = json!({"PhysicalResourceId": refused["PhysicalResourceId"]});
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &known).await?;
    assert_eq!((&answer["Status"], served.total()), (&json!("SUCCESS"), 0));
    // CloudFormation makes an id up where none came in time: then nobody knows whose the records are.
    let made_up = json!({"PhysicalResourceId": "s-Records-1ABCDEF"});
    let (served, answer) = ask(&mut environment, &mut bucket, "Delete", &made_up).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(served.level(), "WARN", "what was spared is told");
    assert_eq!(stage.records()?, before);
    Ok(())
}

#[tokio::test]
async fn what_a_creation_made_before_it_failed_goes_with_its_deletion() -> Result<()> {
    let mut theirs = document("games");
    theirs["record"]["hosted_zone_id"] = json!(THEIRS);
    theirs["record"]["name"] = json!("games.other.example.org");
    let stage = Stage::with(|world| {
        world.put_hosted_zone(THEIRS, "other.example.org", vec![])?;
        put_all(world, [machine("video", 1), machine("games", 2)]);
        Ok(())
    })
    .await?;
    let both = json!({"ResourceProperties": {"HostedZoneId": ZONE, "Pools": {"video": document("video"), "games": theirs}}});
    // The first change is made and the second is not, nor any that follows it.
    let denied = refusal(403, "AccessDenied");
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, denied).after(1).always());
    let mut environment = stage.environment().await?.with_timeout(LITTLE_TIME);
    let mut bucket = Bucket::open(0).await?;
    environment.expects_error("AccessDenied");
    let (_, failed) = ask(&mut environment, &mut bucket, "Create", &both).await?;
    assert_eq!(failed["PhysicalResourceId"], "registrar:failed:edge", "{failed}");
    let left = [stage.records()?, stage.records_of(THEIRS)?].concat();
    assert_eq!(left.iter().filter(|line| line.contains("registrar/edge/")).count(), 1, "{left:?}");
    stage.world().clear_faults();
    let mut goes = both;
    goes["PhysicalResourceId"] = failed["PhysicalResourceId"].clone();
    let mut environment = environment.with_timeout(Duration::from_secs(30));
    let (_, answer) = ask(&mut environment, &mut bucket, "Delete", &goes).await?;
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, weighted_lines("video", []));
    assert!(stage.records_of(THEIRS)?.iter().all(|line| !line.contains("registrar/edge/")));
    Ok(())
}
