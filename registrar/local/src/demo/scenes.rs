//! The scenes: what happens, what the registrar makes of it, and what DNS answers then.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::Ipv4Addr;
use std::num::NonZeroU64;

use anyhow::Result;
use resolver_probe::{CheckReport, FindingId, Verdict};

use super::SceneFuture;
use super::stage::{Stage, address, answered, document, drain_hook, instance, state_change};
use super::telling::Teller;

/// Answers to ask for where shares are shown: with 2,000, a share is off by more than 5 points once in
/// 100,000 runs at most.
const MANY: NonZeroU64 = NonZeroU64::new(2_000).unwrap();
/// Answers to ask for where presence is enough: a share of 1 in 6 is missed once in 10¹⁵ runs.
const ENOUGH: NonZeroU64 = NonZeroU64::new(200).unwrap();

type Scene<W> = for<'a> fn(&'a mut Stage, &'a mut Teller<W>) -> SceneFuture<'a>;

/// Returns every scene, in the order of the story.
pub(super) fn all<W: Write>() -> [(&'static str, Scene<W>); 7] {
    [
        ("An empty fleet", |stage, teller| Box::pin(empty(stage, teller))),
        ("Scale-out from 1 to 4, by weight", |stage, teller| Box::pin(scale_out(stage, teller))),
        ("Drain before termination", |stage, teller| Box::pin(drain(stage, teller))),
        ("Scale-in", |stage, teller| Box::pin(scale_in(stage, teller))),
        ("A crash whose event is lost", |stage, teller| Box::pin(crash(stage, teller))),
        ("A partial read of EC2", |stage, teller| Box::pin(partial_read(stage, teller))),
        ("A bad pool document", |stage, teller| Box::pin(bad_document(stage, teller))),
    ]
}

fn these(numbers: &[u8]) -> BTreeSet<Ipv4Addr> {
    numbers.iter().map(|number| address(*number)).collect()
}

async fn show<W: Write>(teller: &mut Teller<W>, report: &CheckReport) -> Result<()> {
    for server in &report.servers {
        teller.answers(server.samples.udp, &server.answers).await?;
    }
    Ok(())
}

async fn empty<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller.say("No instance runs yet: the name has no record, and says so.").await?;
    let told = stage.sweep().await?;
    teller.happened(&told).await?;
    let report = stage.probe("video", ENOUGH).await?;
    let nothing = told.iter().all(|line| !line.contains("  + ") && !line.contains("  - "));
    teller.check("nothing is published for an empty fleet", nothing)?;
    teller.check("the name servers answer with authority, and with no address", answered(&report).is_empty())
}

async fn scale_out<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller
        .say("Auto Scaling launches an instance; EventBridge says that it runs. The event is only a hint:")
        .await?;
    teller.say("the registrar looks at EC2, finds the Carrier IP, and publishes it.").await?;
    stage.launch(1, "video", 100)?;
    let event = state_change(1, "running", stage.now())?;
    teller.happened(&stage.deliver(&[event]).await?).await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check("the first instance answers", answered(&report) == these(&[1]))?;
    teller.say("Three more follow, two of them half as strong: the tag edge-dns-weight says 50.").await?;
    let mut events = Vec::new();
    for (number, weight) in [(2, 100), (3, 50), (4, 50)] {
        stage.launch(number, "video", weight)?;
        events.push(state_change(number, "running", stage.now())?);
    }
    teller.happened(&stage.deliver(&events).await?).await?;
    let report = stage.probe("video", MANY).await?;
    show(teller, &report).await?;
    let close =
        |share: f64, expected: Option<f64>| expected.is_some_and(|expected| (share - expected).abs() < 0.05);
    let answers = || report.servers.iter().flat_map(|server| &server.answers);
    teller.check("exactly the four Carrier IPs answer", answered(&report) == these(&[1, 2, 3, 4]))?;
    teller.check(
        "each within 5 points of its weight's share",
        answers().count() == 4 && answers().all(|answer| close(answer.share, answer.expected_share)),
    )
}

async fn drain<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller.say("Auto Scaling wants instance 4 gone and waits for the hook dns-drain. To EC2 it is still running,").await?;
    teller
        .say("but its group says Terminating:Wait: the record goes first, while the instance still serves.")
        .await?;
    stage.change(4, |instance| {
        if let Some((_, state)) = &mut instance.group {
            "Terminating:Wait".clone_into(state);
        }
    })?;
    let event = drain_hook(4, stage.now())?;
    teller.happened(&stage.deliver(&[event]).await?).await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check("no answer leads to the draining instance", answered(&report) == these(&[1, 2, 3]))?;
    teller
        .say("Clients that have the old answer keep it for one TTL, 20 s; then the hook may be completed.")
        .await
}

async fn scale_in<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller
        .say("Instance 4 terminates, and instance 3 with it. The events come late, twice and out of order.")
        .await?;
    stage.terminate(4)?;
    stage.terminate(3)?;
    let now = stage.now();
    let events = [
        state_change(3, "terminated", now)?,
        state_change(4, "terminated", now)?,
        state_change(3, "terminated", now)?,
        state_change(3, "shutting-down", now)?,
    ];
    teller.happened(&stage.deliver(&events).await?).await?;
    let again = stage.sweep().await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check("the two that remain answer", answered(&report) == these(&[1, 2]))?;
    teller.check("looking again changes nothing", again.is_empty())
}

async fn crash<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller.say("Instance 2 crashes, and its event is lost: events are best effort. Its record is a blackhole now:").await?;
    teller.say("every second client is sent to an address that answers nothing, or to a stranger.").await?;
    stage.terminate(2)?;
    let report = stage.probe("video", ENOUGH).await?;
    show(teller, &report).await?;
    let stale: Vec<_> =
        report.findings.iter().filter(|finding| finding.id == FindingId::StaleRecord).collect();
    for finding in &stale {
        teller.say(&format!("resolver-probe: {}", finding.message)).await?;
    }
    teller.check("the probe calls it critical", report.verdict == Verdict::Critical)?;
    teller.check(
        "and names the address that leads nowhere",
        stale.iter().any(|finding| finding.address == Some(address(2))),
    )?;
    teller.say("The sweep looks at everything, whether or not an event came:").await?;
    teller.happened(&stage.sweep().await?).await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check("the blackhole is gone", answered(&report) == these(&[1]))?;
    teller.check("and the probe is content", report.verdict == Verdict::Ok)
}

async fn partial_read<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller
        .say("Two instances join. Then EC2 returns one page of the fleet, and the next page fails.")
        .await?;
    for number in [5, 6] {
        stage.launch(number, "video", 100)?;
    }
    teller.happened(&stage.sweep().await?).await?;
    stage.show_first(1)?;
    let told = stage.sweep().await?;
    teller.happened(&told).await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check("nothing is removed: not seen is not gone", answered(&report) == these(&[1, 5, 6]))?;
    let id = instance(5)?;
    teller.check(
        "what is held back is said, with the reason",
        told.iter().any(|line| line.contains(id.as_str()) && line.contains("[unknown]")),
    )?;
    stage.show_fleet()?;
    teller.happened(&stage.sweep().await?).await?;
    let report = stage.probe("video", ENOUGH).await?;
    teller.check(
        "a whole read ends it",
        answered(&report) == these(&[1, 5, 6]) && report.verdict == Verdict::Ok,
    )
}

async fn bad_document<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    teller.say("A second pool, games, has an instance of its own. Then somebody sets its TTL to 0.").await?;
    stage.launch(7, "games", 100)?;
    teller.happened(&stage.sweep().await?).await?;
    stage.write_document("games", &document("games", 0))?;
    stage.launch(8, "video", 100)?;
    let told = stage.sweep().await?;
    teller.happened(&told).await?;
    let games = stage.probe("games", ENOUGH).await?;
    let video = stage.probe("video", ENOUGH).await?;
    teller.check(
        "the document is refused, with its path",
        told.iter().any(|line| line.contains("games") && line.contains("record.ttl_secs")),
    )?;
    teller.check("its own pool keeps its record", answered(&games) == these(&[7]))?;
    teller.check("and the other pool goes on growing", answered(&video) == these(&[1, 5, 6, 8]))?;
    stage.write_document("games", &document("games", 20))?;
    teller.happened(&stage.sweep().await?).await
}
