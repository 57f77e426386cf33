//! A pool of thousands of instances in a tree: what one event costs, how much memory it takes, and that a stack which goes
//! leaves nothing of it.
#![expect(
    clippy::print_stderr,
    reason = "what was measured is shown to whoever asks for it with --nocapture"
)]

use std::time::Duration;

use anyhow::{Result, ensure};
use registrar_core::record_set::RecordSet;
use serde_json::json;

use crate::custom_resources::delete_the_stack;
use crate::environment::Served;
use crate::fleet::{document, id, ip, machine, mark, name, put_all, put_document, record};
use crate::stage::{Stage, ZONE, publish};

/// The most that a pool may have.
const MOST_INSTANCES: u16 = 7_500;
/// As many as a build without optimisation plans for in a second or two.
const INSTANCES: u16 = 1_500;
const IN_LEAF: u16 = 75;
/// Record sets on a page of a listing, and instances on one of a description.
const RECORDS_ON_PAGE: u64 = 300;
const INSTANCES_ON_PAGE: u64 = 1_000;
/// Record sets that one request creates here, well below what Route 53 takes.
const AT_ONCE: usize = 500;
/// What the function may have resident, in MiB.
const MOST_MEMORY_MIB: u64 = 200;
/// What reading, planning and checking takes in a build without optimisation, beside everything else.
const PATIENCE: Duration = Duration::from_secs(120);
const LIST: &str = "route53:ListResourceRecordSets";
const DESCRIBE: &str = "ec2:DescribeInstances";

/// The records of a tree: those of its leaves, and then the aliases.
fn tree(instances: u16) -> Result<Vec<RecordSet>> {
    let leaf = |number: u16| format!("l{:02}", number / IN_LEAF);
    let members = (0..instances).map(|number| {
        record(&json!({
            "Name": format!("{}.{}", leaf(number), name("video")), "Type": "A", "TTL": 20, "Weight": 100,
            "SetIdentifier": mark("video", number), "ResourceRecords": [{ "Value": ip(number).to_string() }],
        }))
    });
    let aliases = (0..instances).step_by(IN_LEAF.into()).map(|number| {
        let target = format!("{}.{}.", leaf(number), name("video"));
        record(&json!({
            "Name": name("video"), "Type": "A", "Weight": 150,
            "SetIdentifier": format!("registrar/edge/video/{}", leaf(number)),
            "AliasTarget": { "HostedZoneId": ZONE, "DNSName": target, "EvaluateTargetHealth": true },
        }))
    });
    members.chain(aliases).collect()
}

async fn stage(instances: u16) -> Result<Stage> {
    let stage = Stage::with(|world| {
        put_document(world, "video", &document("video"));
        put_all(world, (0..instances).map(|number| machine("video", number)));
        Ok(())
    })
    .await?;
    let records = if instances > 100 {
        tree(instances)?
    } else {
        (0..instances).map(|number| crate::fleet::weighted("video", number)).collect::<Result<_>>()?
    };
    for records in records.chunks(AT_ONCE) {
        publish(&mut stage.world(), records.to_vec())?;
    }
    Ok(stage)
}

/// Ends one of so many instances, and returns what that cost, and the most memory that was resident, in MiB.
async fn end_one_of(instances: u16) -> Result<(Served, u64, Vec<String>)> {
    let stage = stage(instances).await?;
    let environment = stage.environment().await?.with_timeout(PATIENCE);
    // The first look finds its own scale for the aliases.
    environment.sweep().await?;
    let swept = environment.sweep().await?;
    assert_eq!(
        swept.calls_of("route53:ChangeResourceRecordSets"),
        0,
        "the tree is as it should be: {:?}",
        swept.event
    );
    let ended = instances / 2;
    let before = stage.records()?;
    stage.world().terminate(&id(ended));
    stage.send_all([&stage.state_event(&id(ended))?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), Vec::<usize>::new());
    let after = stage.records()?;
    let changed = before
        .iter()
        .filter(|line| !after.contains(line))
        .chain(after.iter().filter(|line| !before.contains(line)));
    let changed: Vec<String> = changed.cloned().collect();
    ensure!(!after.iter().any(|line| line.contains(&id(ended))), "it is still there");
    Ok((batch.served, environment.peak_memory_mib()?, changed))
}

/// Ends one of ten and one of so many, and compares what that costs.
async fn costs_no_more_than_its_pages(instances: u16) -> Result<()> {
    let (few, _, _) = end_one_of(10).await?;
    let (many, memory, changed) = end_one_of(instances).await?;
    let pages = |served: &Served| served.calls_of(LIST) + served.calls_of(DESCRIBE);
    assert_eq!(
        few.total() - pages(&few),
        many.total() - pages(&many),
        "{:?} and {:?}",
        few.calls,
        many.calls
    );
    let listed = u64::from(instances + instances / IN_LEAF) / RECORDS_ON_PAGE + 1;
    let described = u64::from(instances).div_ceil(INSTANCES_ON_PAGE) - 1;
    ensure!(many.calls_of(LIST) <= few.calls_of(LIST) + listed, "{:?}", many.calls);
    ensure!(many.calls_of(DESCRIBE) <= few.calls_of(DESCRIBE) + described, "{:?}", many.calls);
    // Its record, and the alias to its leaf as it was and as it is now.
    ensure!(changed.len() <= 3, "{changed:?}");
    eprintln!("10: {:?}\n{instances}: {:?}; {memory} MiB; {changed:?}", few.calls, many.calls);
    ensure!(memory < MOST_MEMORY_MIB, "{memory} MiB");
    Ok(())
}

#[tokio::test]
async fn the_end_of_one_of_1_500_costs_the_calls_of_one_of_ten_and_the_pages_to_see_it() -> Result<()> {
    costs_no_more_than_its_pages(INSTANCES).await
}

/// `cargo test --release --workspace --test lambda -- --ignored 7_500 --nocapture`
#[tokio::test]
#[ignore = "a build without optimisation takes so long to plan for 7,500 that it looks again"]
async fn the_end_of_one_of_7_500_costs_the_calls_of_one_of_ten_and_the_pages_to_see_it() -> Result<()> {
    costs_no_more_than_its_pages(MOST_INSTANCES).await
}

#[tokio::test]
async fn a_stack_that_goes_takes_a_tree_of_7_500_with_it() -> Result<()> {
    let stage = stage(MOST_INSTANCES).await?;
    let mut environment = stage.environment().await?.with_timeout(PATIENCE);
    let (served, answer) = delete_the_stack(&mut environment).await?;
    eprintln!("{:?}", served.calls);
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    assert_eq!(stage.records()?, Vec::<String>::new());
    // Beyond the burst, a hundred changes a second come back, and a plan is ten seconds old at most: where a whole request
    // would have to wait for longer, halves of it go.
    let fewest = u64::from(MOST_INSTANCES).div_ceil(1_000);
    let batches = served.calls_of("route53:ChangeResourceRecordSets");
    ensure!(batches >= fewest && batches < 10 * fewest, "{batches} batches");
    Ok(())
}
