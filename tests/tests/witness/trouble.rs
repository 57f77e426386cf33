//! What is wrong with the way to AWS, or with the command line: a reason, a hint, and never a report of nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use aws_stand_in::{Effect, Fault};
use serde_json::json;
use tokio::time::Instant;

use crate::place::{Place, finding, put_document, says};

const AWS: [&str; 6] = ["--truth", "aws", "--deployment", "edge", "--pool", "video"];

fn denied(action: &str) -> Effect {
    let message = format!("User is not authorized to perform: {action}");
    Effect::Refuse { status: 400, code: "AccessDeniedException".to_owned(), message }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_none_is_refused_with_those_that_are() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    put_document(&mut place.world(), "audio", &json!({}));
    let ran = place.run(&["--truth", "aws", "--deployment", "edge", "--pool", "vidoe"], &[]).await?;
    ran.refuses(&["deployment edge has no pool vidoe", "hint: its pools are audio, video"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_without_documents_is_refused_with_the_place_and_the_region() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let ran = place.run(&["--truth", "aws", "--pool", "video"], &[]).await?;
    ran.refuses(&["no pool documents under /registrar/default/pools in us-east-1", "hint: check"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_at_a_path_of_their_own_are_found_there() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    place.world().put_parameter("/dns/pools/video", &crate::place::document().to_string());
    place.check(&["--config-path", "/dns/pools/"]).await?.is(0, &[])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_used_is_refused_with_what_is_wrong() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    put_document(&mut place.world(), "video", &json!({ "version": 2 }));
    place.check(&[]).await?.refuses(&["/registrar/edge/pools/video", "not a version", "hint: "])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_may_not_be_read_is_refused_with_the_action() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let operation = "ssm:GetParameters";
    place.world().arm(Fault::on(operation.parse()?, denied(operation)).always());
    place.check(&[]).await?.refuses(&["the pool document was not read", "hint: allow ssm:GetParameters"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_that_may_not_be_read_is_unknown_with_the_action() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let operation = "ec2:DescribeInstances";
    let effect = Effect::Refuse {
        status: 403,
        code: "UnauthorizedOperation".to_owned(),
        message: "You are not authorized to perform this operation.".to_owned(),
    };
    place.world().arm(Fault::on(operation.parse()?, effect).always());
    let report = place.check(&[]).await?.is(3, &["unknown truth-incomplete"])?;
    says(finding(&report, "truth-incomplete")?, "hint: allow ec2:DescribeInstances")
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_and_a_missing_region_are_named() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let without = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];
    place.run(&AWS, &without).await?.refuses(&["no credentials", "hint: log in"])?;
    place.run(&AWS, &[("AWS_REGION", None)]).await?.refuses(&["no AWS Region", "hint: set AWS_REGION"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_ends_inside_the_deadline() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let began = Instant::now();
    let nobody = [("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"))];
    let ran = place.run(&[AWS.as_slice(), &["--deadline", "4s"]].concat(), &nobody).await?;
    ran.refuses(&["ssm:GetParameters failed", "hint: check the network"])?;
    ensure!(began.elapsed() < Duration::from_secs(20), "it took {:?}", began.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_hangs_leaves_time_to_ask_the_name_servers() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    let hangs = Effect::Hang(Duration::from_secs(60));
    place.world().arm(Fault::on("ec2:DescribeInstances".parse()?, hangs).always());
    let report = place.check(&["--deadline", "6s"]).await?.is(3, &["unknown truth-incomplete"])?;
    says(finding(&report, "truth-incomplete")?, "no answer came")?;
    assert_eq!(report["servers"][0]["transport"]["udp"]["state"], "answers");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_aws_do_not_mix() -> Result<()> {
    let place = Place::serving(&[1]).await?;
    for (arguments, said) in [
        (vec!["--truth", "aws", "--pool", "video", "--groups", "groups.json"], "--groups goes with"),
        (vec!["--truth", "aws", "--pool", "video", "--records", "zone.json"], "--records goes with"),
        (vec!["--truth", "aws", "--pool", "video.json"], "a document goes with --truth file:"),
        (vec!["--truth", "aws"], "--pool"),
        (vec!["--truth", "aws", "--pool", "video", "--deployment", "Edge!"], "a deployment name"),
        (vec!["--truth", "file:fleet.json", "--pool", "p.json", "--config-path", "/x"], "--config-path goes"),
        (vec!["--truth", "file:fleet.json", "--pool", "p.json", "--dns-role-arn", "role"], "--dns-role-arn"),
        (vec!["--config-path", "/x"], "--truth"),
    ] {
        place.run(&arguments, &[]).await?.refuses(&[said])?;
    }
    place.write("fleet.json", r#"{"Reservations":[]}"#)?;
    let ran = place.run(&["--truth", "file:fleet.json", "--pool", "video"], &[]).await?;
    ran.refuses(&["there is no such file", "goes with --truth aws"])?;
    assert_eq!(place.world().calls().len(), 0);
    Ok(())
}
