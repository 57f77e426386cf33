//! What is wrong with the way to AWS is told in a line that says what to do.

use anyhow::Result;
use aws_stand_in::{Effect, Fault};

use crate::edge::Edge;

const SMALL: &str = r#"
pools.video = {}
fleet = ["i-01 running carrier=155.146.10.1"]
"#;

const PLAN: [&str; 3] = ["plan", "--deployment", "edge"];

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_region_is_named_before_anything_is_asked() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    edge.run_with(&PLAN, &[("AWS_REGION", None)])?
        .exited(1)?
        .complains("no AWS Region")?
        .complains("hint: set AWS_REGION")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_are_named() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    let without = [("AWS_ACCESS_KEY_ID", None), ("AWS_SECRET_ACCESS_KEY", None)];
    edge.run_with(&PLAN, &without)?.exited(1)?.complains("no credentials")?.complains("hint: log in")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_without_documents_is_no_empty_plan() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    edge.run(&["plan", "--deployment", "egde"])?
        .exited(1)?
        .complains("no pool documents under /registrar/egde/pools in us-east-1")?
        .complains("hint: check the deployment's name")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_answer_ends_at_the_timeout() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    let nobody = [("AWS_ENDPOINT_URL", Some("http://127.0.0.1:1"))];
    let ran = edge.run_with(&[PLAN.as_slice(), &["--timeout", "3s"]].concat(), &nobody)?.exited(1)?;
    ran.complains("ssm:GetParametersByPath failed")?.complains("hint: check the network")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_named() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    let refuse = Effect::Refuse {
        status: 400,
        code: "AccessDeniedException".to_owned(),
        message: "User is not authorized to perform: ssm:GetParametersByPath".to_owned(),
    };
    edge.world().arm(Fault::on("ssm:GetParametersByPath".parse()?, refuse).always());
    edge.run(&PLAN)?.exited(1)?.complains("hint: allow ssm:GetParametersByPath")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_region_removes_nothing_and_says_so() -> Result<()> {
    let edge = Edge::start(
        r#"
        pools.video = {}
        zone = ["video.bos.edge.example.com A registrar/edge/video/i-0{1..2} weight=100 ttl=20 155.146.10.{1..2}"]
        "#,
    )
    .await?;
    let before = edge.records()?;
    edge.run(&["apply", "--deployment", "edge", "--yes"])?.exited(3)?.says("[wrong-account-or-region]")?;
    assert_eq!(edge.records()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_none_and_a_file_in_its_place_are_told_apart() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    edge.run(&["plan", "--deployment", "edge", "--pool", "vidoe"])?
        .exited(1)?
        .complains("has no pool vidoe")?;
    edge.run(&["plan", "--deployment", "edge", "--pool", "video.json"])?
        .exited(1)?
        .complains("given with --fleet and --zone")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_and_aws_do_not_mix() -> Result<()> {
    let edge = Edge::start(SMALL).await?;
    for (arguments, said) in [
        (vec!["plan"], "--deployment"),
        (vec!["plan", "--deployment", "edge", "--zone", "zone.json"], "--fleet"),
        (vec!["plan", "--fleet", "fleet.json", "--pool", "video.json"], "--zone"),
        (vec!["plan", "--fleet", "fleet.json", "--zone", "zone.json"], "--pool"),
        (
            vec![
                "plan",
                "--fleet",
                "fleet.json",
                "--zone",
                "zone.json",
                "--pool",
                "video.json",
                "--config-path",
                "/x",
            ],
            "--config-path",
        ),
        (vec!["apply"], "--deployment"),
        (vec!["status", "--deployment", "Edge!"], "a deployment name"),
    ] {
        edge.run(&arguments)?.exited(2)?.complains(said)?;
    }
    assert_eq!(edge.world().calls().len(), 0);
    Ok(())
}
