//! The records behind the name: whose they are, their weights, and the same from a file.

use anyhow::Result;
use serde_json::{Value, json};

use crate::place::{NAME, Place, document, finding, id, ip, machine, publish, record, says, weighted};

/// A foreign record of weight 0 is never answered, so that nothing else is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_somebody_else_is_a_warning_that_names_it() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    publish(&mut place.world(), [record("registrar/edge/audio/i-0f", 0, ip(9))])?;
    let report = place.check(&[]).await?.is(1, &["warning foreign-record"])?;
    let foreign = finding(&report, "foreign-record")?;
    assert_eq!(foreign["address"], ip(9).to_string());
    assert_eq!(foreign["evidence"]["set_identifier"], "registrar/edge/audio/i-0f");
    assert_eq!(foreign["evidence"]["weight"], 0);
    says(foreign, "deployment edge, pool audio")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_beside_the_pools_records_and_answers_nothing_is_no_finding() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let beside = |name: &str, kind: &str, value: &str| json!({ "Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{ "Value": value }] });
    let records = [
        beside(NAME, "TXT", "\"of somebody else\""),
        beside(NAME, "AAAA", "2001:db8::1"),
        beside("www.edge.example.com", "CNAME", NAME),
        beside(&format!("registrar-owner.{NAME}"), "TXT", "\"of somebody else\""),
        record("registrar/edge/video/fallback", 0, ip(200)),
    ];
    publish(&mut place.world(), records)?;
    place.check(&[]).await?.is(0, &[])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weight_that_the_hosted_zone_itself_has_wrong_is_said_to_be_its_own() -> Result<()> {
    let place = Place::with(|world| {
        world.put_instance(machine(1).with_tag("edge-dns-weight", "20"));
        world.put_instance(machine(2).with_tag("edge-dns-weight", "20"));
        publish(world, [weighted(1, 20), weighted(2, 10)])
    })
    .await?;
    let ran = place.check(&[]).await?;
    let report = ran.report()?;
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let of_zone: Vec<&Value> =
        findings.iter().filter(|finding| finding["evidence"]["source"] == "hosted-zone").collect();
    assert_eq!(of_zone.len(), 1, "{findings:#?}");
    assert_eq!((&of_zone[0]["id"], &of_zone[0]["severity"]), (&json!("wrong-weights"), &json!("warning")));
    assert_eq!((&of_zone[0]["instance"], ran.code), (&json!(id(2)), Some(1)));
    says(of_zone[0], "weight 10, and the fleet says 20")
}

#[tokio::test(flavor = "multi_thread")]
async fn records_from_a_file_say_the_same_without_aws() -> Result<()> {
    let place = Place::serving(&[1, 2]).await?;
    let foreign = record("registrar/edge/audio/i-0f", 0, ip(9));
    publish(&mut place.world(), [foreign.clone()])?;
    let listed = json!({ "ResourceRecordSets": [weighted(1, 100), weighted(2, 100), foreign] });
    place.write("records.json", &listed.to_string())?;
    place.write("video.json", &document().to_string())?;
    place.write("fleet.json", &fleet(&[1, 2]).to_string())?;
    let records = ["--records", "records.json", "--deployment", "edge", "--format", "json"];
    let files = ["--truth", "file:fleet.json", "--pool", "video.json"];
    place.run(&[&records, files.as_slice()].concat(), &[]).await?.is(1, &["warning foreign-record"])?;
    // Without a pool's document, every pool of the deployment may be meant.
    place.run(&records, &[]).await?.is(0, &[])?;
    assert_eq!(place.world().calls().len(), 0);

    // Without the deployment's name, everything is somebody else's, and says whose.
    let unnamed = ["--records", "records.json", "--format", "json"];
    let report = place.run(&unnamed, &[]).await?.is(1, &["warning foreign-record"])?;
    says(finding(&report, "foreign-record")?, "not of deployment default")?;
    says(finding(&report, "foreign-record")?, "deployment edge, pool video")
}

fn fleet(numbers: &[u8]) -> Value {
    let instance = |number: &u8| {
        json!({
            "InstanceId": id(*number),
            "State": { "Name": "running" },
            "Placement": { "AvailabilityZone": "us-east-1-wl1-bos-wlz-1" },
            "Tags": [{ "Key": "edge-dns", "Value": "video" }],
            "NetworkInterfaces": [{
                "Attachment": { "DeviceIndex": 0 },
                "PrivateIpAddresses": [{ "Primary": true, "Association": { "CarrierIp": ip(*number) } }],
            }],
        })
    };
    json!({ "Reservations": [{ "Instances": numbers.iter().map(instance).collect::<Vec<_>>() }] })
}
