//! Scale-in by lifecycle hook: the record goes at once, the instance when nobody is sent to it any more.

use anyhow::{Context, Result};
use aws_stand_in::{
    ActionResult, Effect, EndedBy, Fault, Group, Hook, InstanceState, LifecycleAction, Operation,
    Route53Settings,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fleet::{document, id, machine, put_all, put_document, weighted_lines};
use crate::stage::{QUEUE, Stage};

const NONE: Vec<usize> = Vec::new();

/// Sets up `video` with three published members of a group that has this hook, and a Route 53 that takes its
/// time by the world's clock.
async fn with_hook(hook: Hook) -> Result<(Stage, Environment)> {
    let settings = Route53Settings {
        throttling: false,
        propagation: SignedDuration::from_secs(40),
        ..Route53Settings::default()
    };
    let stage = Stage::with_settings(settings, |world| {
        put_document(world, "video", &document("video"));
        world.put_group(Group::new("edge").with_hook(hook));
        put_all(world, [1, 2, 3].map(|number| machine("video", number).in_group("edge")));
        Ok(())
    })
    .await?;
    let environment = stage.environment().await?;
    environment.sweep().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    Ok((stage, environment))
}

/// Scales an instance in, and returns the event about the first hook that waits.
fn scale_in(stage: &Stage, number: u16) -> Result<Value> {
    let mut world = stage.world();
    let waiting = world.scale_in(&id(number));
    Ok(world.lifecycle_event(waiting.first().context("no hook waits")?))
}

fn actions(stage: &Stage) -> Vec<LifecycleAction> {
    stage.world().lifecycle_actions().to_vec()
}

/// Makes a ticket that was written so many seconds ago.
fn older(ticket: &Value, secs: i64) -> Result<Value> {
    let mut older = ticket.clone();
    for field in ["until", "issued_at", "beaten_at"] {
        if let Some(at) = ticket[field].as_str() {
            let at: Timestamp = at.parse()?;
            older[field] = json!((at - SignedDuration::from_secs(secs)).to_string());
        }
    }
    Ok(older)
}

#[tokio::test]
async fn a_drain_goes_from_the_hook_to_its_completion() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let begun = environment.deliver().await?;
    assert_eq!(begun.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]), "the record goes at once");
    assert_eq!(begun.served.event["drains"], json!({"ticketed": 1}));
    {
        let world = stage.world();
        let [ticket] = world.queue(QUEUE).context("queue")?.messages() else { anyhow::bail!("no ticket") };
        assert!(ticket.visible_at.duration_since(ticket.sent_at) >= SignedDuration::from_secs(5));
    }
    let ticket = stage.take_ticket()?;
    assert_eq!(ticket["registrar-ticket"], 1);
    assert!(ticket["change_id"].is_string(), "{ticket}");

    stage.send_all([&ticket])?;
    let pending = environment.deliver().await?;
    assert_eq!((pending.failed(), pending.served.calls_of("route53:GetChange")), (NONE, 1));
    assert_eq!(pending.served.total(), 2, "PENDING: the ticket is sent again, {:?}", pending.served.calls);

    stage.advance(60);
    let in_sync = environment.deliver().await?;
    assert_eq!((in_sync.failed(), in_sync.served.calls_of("route53:GetChange")), (NONE, 1));
    let ticket = stage.take_ticket()?;
    assert!(ticket["until"].is_string(), "INSYNC: the old TTL is waited out, {ticket}");
    assert_eq!(actions(&stage)[0].ended, None);

    stage.send_all([&ticket])?;
    let early = environment.deliver().await?;
    assert_eq!(early.served.calls_of("autoscaling:CompleteLifecycleAction"), 0, "the TTL has not passed");
    let ticket = stage.take_ticket()?;
    stage.send_all([&older(&ticket, 21)?])?;
    let completed = environment.deliver().await?;
    assert_eq!(completed.served.event["drains"], json!({"completed": 1}));
    assert_eq!(actions(&stage)[0].ended, Some((ActionResult::Continue, EndedBy::Call)));
    assert_eq!(stage.queued()?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_hook_with_a_short_timeout_gets_heartbeats() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 30)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    environment.deliver().await?;
    let ticket = stage.take_ticket()?;
    assert_eq!(ticket["heartbeat_secs"], 30);
    stage.send_all([&older(&ticket, 16)?])?;
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(actions(&stage)[0].heartbeats, 1);
    assert_eq!(actions(&stage)[0].ended, None);
    assert_eq!(stage.queued()?.len(), 1, "the ticket goes on");
    Ok(())
}

#[tokio::test]
async fn several_hooks_of_one_change_wait_on_one_ticket() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 1)?, &scale_in(&stage, 2)?])?;
    let begun = environment.deliver().await?;
    assert_eq!(stage.records()?, weighted_lines("video", [3]));
    assert_eq!(begun.served.event["drains"], json!({"ticketed": 2}));
    let ticket = stage.take_ticket()?;
    assert_eq!(ticket["hooks"].as_array().map(Vec::len), Some(2));
    stage.send_all([&older(&ticket, 2000)?])?;
    environment.deliver().await?;
    assert!(
        actions(&stage).iter().all(|action| action.ended == Some((ActionResult::Continue, EndedBy::Call)))
    );
    Ok(())
}

#[tokio::test]
async fn a_hook_event_that_comes_again_after_a_crash_still_gets_its_ticket() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let hang = Effect::Hang(std::time::Duration::from_secs(60));
    stage.world().arm(Fault::on(Operation::SendMessage, hang));
    environment.dies_once(&stage, "the ticket", |world| world.calls_of(Operation::SendMessage) > 0).await?;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]), "the record went before the ticket");
    stage.advance(181);
    let again = stage.environment().await?;
    let batch = again.deliver().await?;
    assert_eq!(batch.failed(), NONE);
    let ticket = stage.take_ticket()?;
    assert!(ticket["until"].is_string(), "nobody knows the change any more: {ticket}");
    assert_eq!(ticket["hooks"][0]["instance"], json!(id(2)));
    stage.send_all([&older(&ticket, 81)?])?;
    again.deliver().await?;
    assert_eq!(actions(&stage)[0].ended, Some((ActionResult::Continue, EndedBy::Call)));
    Ok(())
}

#[tokio::test]
async fn a_hook_event_that_comes_twice_does_no_harm() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    let event = scale_in(&stage, 2)?;
    for _ in 0..2 {
        stage.send_all([&event])?;
        assert_eq!(environment.deliver().await?.failed(), NONE);
    }
    let tickets = stage.queued()?;
    assert_eq!(tickets.len(), 2, "neither delivery may be the one that was lost: {tickets:?}");
    let mut outcomes = Vec::new();
    for ticket in tickets {
        let served = environment.invoke(&older(&ticket, 2000)?.to_string()).await?;
        outcomes.push(served.event["drains"].clone());
    }
    assert_eq!(outcomes, [json!({"completed": 1}), json!({"already-gone": 1})]);
    Ok(())
}

#[tokio::test]
async fn a_hook_that_is_not_ours_is_never_completed() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("backup", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let served = environment.deliver().await?.served;
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]), "it leaves, whoever holds it");
    assert_eq!(served.event["drains"], json!({"not-ours": 1}));
    assert_eq!(stage.queued()?, Vec::<Value>::new());
    assert_eq!(actions(&stage)[0].ended, None);
    Ok(())
}

#[tokio::test]
async fn a_hook_of_our_name_on_an_instance_of_nobody_is_only_a_hint() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    put_all(&mut stage.world(), [machine("somebody-elses", 9).in_group("edge")]);
    stage.send_all([&scale_in(&stage, 9)?])?;
    let batch = environment.deliver().await?;
    assert_eq!((batch.failed(), stage.queued()?), (NONE, vec![]));
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    assert_eq!(actions(&stage)[0].ended, None);
    Ok(())
}

#[tokio::test]
async fn a_hook_that_is_gone_already_is_a_success() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    environment.deliver().await?;
    let ticket = stage.take_ticket()?;
    stage.world().terminate(&id(2));
    stage.send_all([&older(&ticket, 2000)?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), NONE);
    assert_eq!(batch.served.event["drains"], json!({"already-gone": 1}));
    assert_eq!(stage.queued()?, Vec::<Value>::new());
    Ok(())
}

#[tokio::test]
async fn a_hook_whose_record_cannot_be_removed_is_handed_back_without_a_ticket() -> Result<()> {
    let (stage, mut environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let refusal = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
    stage.world().arm(Fault::on(Operation::ChangeResourceRecordSets, refusal).always());
    environment.expects_error("AccessDenied");
    let batch = environment.deliver().await?;
    assert_eq!(batch.failed(), [0]);
    assert_eq!(stage.queued()?.len(), 1, "the event alone");
    assert_eq!(actions(&stage)[0].ended, None);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]));
    assert_eq!(stage.queued()?.len(), 1, "the ticket now");
    Ok(())
}

#[tokio::test]
async fn a_ticket_that_cannot_be_sent_has_the_event_come_again() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let refusal = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
    stage.world().arm(Fault::on(Operation::SendMessage, refusal).always());
    assert_eq!(environment.deliver().await?.failed(), [0]);
    assert_eq!(stage.records()?, weighted_lines("video", [1, 3]));
    stage.world().clear_faults();
    stage.advance(31);
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.queued()?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_hook_that_cannot_be_described_is_taken_for_a_short_one() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    let refusal = Effect::Refuse { status: 403, code: "AccessDenied".to_owned(), message: "no".to_owned() };
    stage.world().arm(Fault::on(Operation::DescribeLifecycleHooks, refusal).always());
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.take_ticket()?["heartbeat_secs"], 30);
    Ok(())
}

#[tokio::test]
async fn a_ticket_of_another_deployment_is_dropped() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    stage.send_all([&scale_in(&stage, 2)?])?;
    environment.deliver().await?;
    let mut ticket = older(&stage.take_ticket()?, 2000)?;
    ticket["deployment"] = json!("other");
    stage.send_all([&ticket])?;
    let batch = environment.deliver().await?;
    assert_eq!((batch.failed(), batch.served.total()), (NONE, 0));
    assert_eq!(actions(&stage)[0].ended, None);
    Ok(())
}

#[tokio::test]
async fn an_instance_that_no_look_has_seen_is_drained_beside_a_sweep() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    put_all(&mut stage.world(), [machine("video", 4).in_group("edge")]);
    let sweep = json!({"source": "aws.events", "detail-type": "Scheduled Event"});
    stage.send_all([&sweep, &scale_in(&stage, 4)?])?;
    let batch = environment.deliver().await?;
    assert_eq!(batch.served.event["drains"], json!({"ticketed": 1}));
    assert_eq!(stage.take_ticket()?["hooks"][0]["instance"], json!(id(4)));
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    Ok(())
}

#[tokio::test]
async fn an_instance_that_never_had_a_record_is_drained_as_well() -> Result<()> {
    let (stage, environment) = with_hook(Hook::terminating("dns-drain", 3600)).await?;
    let mut fresh = machine("video", 4).in_group("edge").in_state(InstanceState::Running);
    fresh.carrier_ip = None;
    put_all(&mut stage.world(), [fresh]);
    stage.send_all([&scale_in(&stage, 4)?])?;
    assert_eq!(environment.deliver().await?.failed(), NONE);
    assert_eq!(stage.take_ticket()?["hooks"][0]["instance"], json!(id(4)));
    assert_eq!(stage.records()?, weighted_lines("video", [1, 2, 3]));
    Ok(())
}
