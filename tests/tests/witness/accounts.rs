//! Other people's accounts: a hosted zone behind a role, and credentials that lead to the wrong place.

use anyhow::Result;
use serde_json::json;

use crate::place::{NAME, Place, ZONE, document, finding, machine, put_document, says, weighted};

const READER: &str = "arn:aws:iam::210987654321:role/edge-dns-reader";
const WRITER: &str = "arn:aws:iam::210987654321:role/edge-dns";

/// The hosted zone is another account's, and answers the records of both instances.
async fn elsewhere(instances: &[u8], document: serde_json::Value) -> Result<Place> {
    Place::start(|world| {
        let records = [weighted(1, 100), weighted(2, 100)].map(serde_json::from_value);
        let records = records.into_iter().collect::<Result<Vec<_>, _>>()?;
        world.put_hosted_zone_of_role(READER, ZONE, "edge.example.com", records)?;
        put_document(world, "video", &document);
        instances.iter().for_each(|number| world.put_instance(machine(*number)));
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_zone_of_another_account_is_read_through_the_role_that_is_given() -> Result<()> {
    let mut document = document();
    document["record"]["role_arn"] = json!(WRITER);
    let place = elsewhere(&[1, 2], document).await?;
    place.check(&["--dns-role-arn", READER]).await?.is(0, &[])?;
    assert_eq!(place.world().assumed_roles()[READER], 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_role_the_documents_own_is_assumed() -> Result<()> {
    let mut document = document();
    document["record"]["role_arn"] = json!(READER);
    let place = elsewhere(&[1, 2], document).await?;
    place.check(&[]).await?.is(0, &[])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_zone_that_cannot_be_read_is_unknown_and_the_answers_are_still_compared() -> Result<()> {
    let place = elsewhere(&[1, 2], document()).await?;
    let report = place.check(&[]).await?.is(3, &["unknown truth-incomplete"])?;
    let gap = finding(&report, "truth-incomplete")?;
    says(gap, "the records of the hosted zone were not read whole")?;
    says(gap, ZONE)?;
    assert_eq!(report["addresses"][0]["verdict"], "ok");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_nobody_beside_a_hosted_zone_that_cannot_be_read_proves_nothing_stale() -> Result<()> {
    let place = elsewhere(&[], document()).await?;
    let report = place.check(&[]).await?.is(3, &["unknown truth-incomplete"])?;
    let gaps = report["findings"].to_string();
    assert!(gaps.contains("another account's credentials, or another Region"), "{gaps}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fleet_of_nobody_in_the_account_of_the_hosted_zone_is_believed() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    place.world().forget(&crate::place::id(1));
    place.world().forget(&crate::place::id(2));
    place.check(&[]).await?.is(2, &["critical stale-record"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_about_another_name_is_refused_with_both() -> Result<()> {
    let mut other = document();
    other["record"]["name"] = json!("video.atl.edge.example.com");
    let place = Place::with(|world| {
        put_document(world, "video", &other);
        Ok(())
    })
    .await?;
    place.check(&[]).await?.refuses(&["video.atl.edge.example.com", NAME, "hint: "])?;
    Ok(())
}
