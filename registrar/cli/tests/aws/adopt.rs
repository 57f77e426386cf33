//! Adoption: shown, then made in one request, and nothing else is touched.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::edge::Edge;

const REFERENCE: &str = r#"
pools.video = {}
fleet = ["i-0{1..2}0000000000000aa running carrier=155.146.10.{1..2}"]
zone = [
  "video.bos.edge.example.com A i-0{1..2}0000000000000aa weight=100 ttl=30 155.146.10.{1..2}",
  "other.bos.edge.example.com A i-030000000000000aa weight=100 ttl=30 155.146.10.3",
]
"#;

const ADOPT: [&str; 6] = ["adopt", "--deployment", "edge", "--pool", "video", "--yes"];

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_designs_records_are_adopted_in_one_request() -> Result<()> {
    let edge = Edge::start(REFERENCE).await?;
    let ran = edge.run(&ADOPT)?.exited(0)?.says("~ ttl  30 s → 20 s")?;
    let audit = ran.audit("adopt")?;
    assert_eq!(audit["set_identifiers"], json!(["i-010000000000000aa", "i-020000000000000aa"]));
    let records = edge.records()?;
    let own = records
        .iter()
        .filter(|record| record.contains("[registrar/edge/video/i-0") && record.contains("TTL 20"));
    assert_eq!(own.count(), 2, "{records:#?}");
    ensure!(records.iter().any(|record| record.contains("other.bos") && record.contains("TTL 30")));
    assert_eq!(edge.world().calls().get("route53:ChangeResourceRecordSets"), Some(&1));
    edge.run(&["plan", "--deployment", "edge", "--detailed-exitcode"])?.exited(0)?;
    edge.run(&ADOPT)?.exited(0)?.says("0 adopted")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tools_record_is_adopted_where_it_is_named() -> Result<()> {
    let edge = Edge::start(&REFERENCE.replace("A i-0{1..2}0000000000000aa", "A blue={1..2}")).await?;
    edge.run(&ADOPT)?.exited(0)?.says("left as it is: blue=1")?;
    let records = ["--record", "blue=1=i-010000000000000aa", "nowhere=i-02"];
    edge.run(&[ADOPT.as_slice(), &records].concat())?.exited(3)?.says("not adopted: nowhere")?;
    let found = edge.records()?;
    ensure!(found.iter().any(|record| record.contains("registrar/edge/video/i-01")), "{found:#?}");
    ensure!(
        found.iter().any(|record| record.contains("[blue=2]") && record.contains("TTL 30")),
        "{found:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_the_pool_does_not_select_is_looked_up_and_named() -> Result<()> {
    let edge = Edge::start(
        &REFERENCE.replace("carrier=155.146.10.{1..2}\"", "carrier=155.146.10.{1..2} pool=none\""),
    )
    .await?;
    edge.run(&ADOPT)?.exited(0)?.says("the pool does not select it")?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_nothing_is_adopted_unasked() -> Result<()> {
    let edge = Edge::start(REFERENCE).await?;
    let before = edge.records()?;
    edge.run(&ADOPT[..5])?.exited(1)?.says("2 adopted")?.complains("hint: give --yes")?;
    assert_eq!(edge.records()?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_cannot_adopt_says_why() -> Result<()> {
    let edge = Edge::start(&REFERENCE.replace("pools.video = {}", "pools.video.record.routing = \"simple\""))
        .await?;
    edge.run(&ADOPT)?.exited(1)?.complains("is simple")?;
    let document = edge.world().parameter("/registrar/edge/pools/video").context("a document")?.value.clone();
    edge.world().put_parameter("/registrar/edge/pools/copy", &document);
    edge.run(&ADOPT)?.exited(1)?.complains("claim the same name")?;
    Ok(())
}
