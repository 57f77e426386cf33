//! What a drain ticket says at which moment, and what is read as one.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Drain, DrainTicket, Stage, TicketStep, WaitingHook};
use crate::trigger::{Dropped, Trigger};

fn start() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn after(secs: i64) -> Timestamp {
    start() + SignedDuration::from_secs(secs)
}

fn hook(group: &str, instance: usize) -> WaitingHook {
    WaitingHook {
        group: group.parse().unwrap(),
        hook: "dns-drain".parse().unwrap(),
        instance: format!("i-{instance:017x}").parse().unwrap(),
        token: Some("87654321-4321-4321-4321-210987654321".to_owned()),
    }
}

fn drain(heartbeat_secs: Option<u32>) -> Drain {
    Drain {
        deployment: "default".parse().unwrap(),
        pool: "video".parse().unwrap(),
        hooks: [hook("edge", 1)].into(),
        hosted_zone_id: "Z0123456789ABCDEFGHIJ".parse().unwrap(),
        ttl_secs: 20,
        heartbeat_secs,
        waiting_since: None,
    }
}

fn following_a_change() -> DrainTicket {
    DrainTicket::for_change(drain(None), "/change/C1", start()).remove(0)
}

fn again(ticket: &DrainTicket, now: Timestamp) -> (u16, bool) {
    match ticket.next(now) {
        TicketStep::Again(visit) => (visit.delay_secs, visit.heartbeat),
        other => panic!("not to be visited again: {other:?}"),
    }
}

fn reading(body: &Value) -> Result<DrainTicket, Dropped> {
    DrainTicket::parse(&body.to_string()).expect("something that claims to be a ticket")
}

fn document() -> Value {
    serde_json::from_str(&following_a_change().to_body()).unwrap()
}

#[test]
fn a_change_is_asked_about_and_the_ttl_counts_from_its_insync() {
    let ticket = following_a_change();
    assert_eq!(ticket.next(after(5)), TicketStep::AskChange { change_id: "/change/C1".to_owned() });
    let ticket = ticket.in_sync(after(30));
    assert_eq!(again(&ticket, after(30)), (20, false));
    assert_eq!(again(&ticket, after(49)), (1, false));
    assert_eq!(ticket.next(after(50)), TicketStep::Complete);
}

#[test]
fn a_pending_change_is_asked_about_after_five_seconds_growing_to_fifteen() {
    let delays = [0, 5, 18, 30, 45, 800].map(|secs| following_a_change().postpone(after(secs)).delay_secs);
    assert_eq!(delays, [5, 5, 6, 10, 15, 15]);
}

#[test]
fn after_fifteen_minutes_a_change_is_taken_to_be_in_sync() {
    let ticket = following_a_change();
    assert_eq!(ticket.next(after(899)), TicketStep::AskChange { change_id: "/change/C1".to_owned() });
    assert_eq!(again(&ticket, after(900)), (20, false));
    assert_eq!(ticket.next(after(920)), TicketStep::Complete);
}

#[test]
fn without_a_change_it_waits_a_minute_and_the_ttl() {
    let ticket = DrainTicket::without_change(drain(None), start()).remove(0);
    assert_eq!(again(&ticket, start()), (80, false));
    assert_eq!(ticket.next(after(80)), TicketStep::Complete);
}

#[test]
fn what_cannot_be_the_id_of_a_change_is_not_asked_about() {
    for id in ["", "/change/", "C 1", "../hostedzone/Z1", &"C".repeat(65)] {
        let ticket = DrainTicket::for_change(drain(None), id, start()).remove(0);
        assert_eq!(ticket.stage, Stage::Expiring { until: after(80) }, "{id:?}");
    }
}

#[test]
fn a_wait_is_rounded_up_to_whole_seconds_and_cut_at_fifteen_minutes() {
    let mut long = drain(None);
    long.ttl_secs = 86_400;
    let ticket = DrainTicket::without_change(long, start()).remove(0);
    assert_eq!(again(&ticket, start()), (900, false));
    let nearly = after(86_458) + SignedDuration::from_millis(600);
    assert_eq!(again(&ticket, nearly), (2, false));
}

#[test]
fn a_hook_that_would_give_up_gets_a_heartbeat_at_half_of_its_timeout() {
    let ticket = DrainTicket::without_change(drain(Some(60)), start()).remove(0);
    let visit = ticket.postpone(start());
    assert_eq!((visit.delay_secs, visit.heartbeat), (30, false));
    let TicketStep::Again(visit) = visit.ticket.next(after(31)) else { panic!("not again") };
    assert_eq!((visit.delay_secs, visit.heartbeat), (30, true));
    assert_eq!(visit.ticket.beaten_at, after(31));
    let TicketStep::Again(visit) = visit.ticket.next(after(61)) else { panic!("not again") };
    assert_eq!((visit.delay_secs, visit.heartbeat), (19, true));
}

#[test]
fn a_hook_that_waited_before_its_ticket_is_beaten_at_once() {
    let mut drain = drain(Some(30));
    drain.waiting_since = Some(after(-20));
    let visit = DrainTicket::for_change(drain, "C1", start()).remove(0).postpone(start());
    assert_eq!((visit.delay_secs, visit.heartbeat), (5, true));
}

#[test]
fn a_hook_with_a_long_timeout_gets_no_heartbeat() {
    let ticket = DrainTicket::without_change(drain(Some(3_600)), start()).remove(0);
    assert_eq!(again(&ticket, start()), (80, false));
}

#[test]
fn a_ticket_of_long_ago_completes() {
    assert_eq!(following_a_change().next(after(1_000_000)), TicketStep::Complete);
    assert_eq!(following_a_change().next(Timestamp::MAX), TicketStep::Complete);
}

#[test]
fn a_ticket_from_the_future_waits_no_longer_than_one_that_was_issued_now() {
    let mut ticket = DrainTicket::without_change(drain(Some(30)), Timestamp::MAX).remove(0);
    assert_eq!(again(&ticket, start()), (15, false));
    ticket.heartbeat_secs = None;
    assert_eq!(again(&ticket, start()), (80, false));
}

#[test]
fn a_ticket_without_hooks_is_done() {
    let mut ticket = following_a_change();
    ticket.hooks.clear();
    assert_eq!(ticket.next(start()), TicketStep::Complete);
}

#[test]
fn tickets_survive_the_queue() {
    for ticket in [
        following_a_change(),
        following_a_change().in_sync(after(3)),
        DrainTicket::without_change(drain(Some(7_200)), start()).remove(0),
    ] {
        assert_eq!(DrainTicket::parse(&ticket.to_body()), Some(Ok(ticket)));
    }
}

#[test]
fn many_hooks_are_shared_out_over_tickets_that_fit_a_message() {
    let group = format!("\"\\{}", "x".repeat(253));
    let mut drain = drain(None);
    drain.hooks =
        (0..2_000).map(|number| hook(if number % 2 == 0 { &group } else { "edge" }, number)).collect();
    let expected: Vec<WaitingHook> = drain.hooks.iter().cloned().collect();
    let tickets = DrainTicket::for_change(drain, "C1", start());
    assert!(tickets.len() > 3, "{}", tickets.len());
    for ticket in &tickets {
        assert!(ticket.to_body().len() < 200 * 1024, "{}", ticket.to_body().len());
        assert_eq!(DrainTicket::parse(&ticket.to_body()), Some(Ok(ticket.clone())));
    }
    let carried: Vec<WaitingHook> = tickets.into_iter().flat_map(|ticket| ticket.hooks).collect();
    assert_eq!(carried, expected);
}

#[test]
fn a_hook_with_and_without_its_token_is_one_hook() {
    let mut drain = drain(None);
    drain.hooks.insert(WaitingHook { token: None, ..hook("edge", 1) });
    assert_eq!(DrainTicket::for_change(drain, "C1", start())[0].hooks.len(), 1);
}

#[test]
fn without_hooks_there_is_no_ticket() {
    let mut drain = drain(None);
    drain.hooks.clear();
    assert_eq!(DrainTicket::for_change(drain, "C1", start()), []);
}

#[test]
fn what_does_not_claim_to_be_a_ticket_is_something_else() {
    for body in
        ["", "{}", "[]", "registrar-ticket", "{\"detail\":{\"registrar-ticket\":1}}", "{\"registrar-ticket\""]
    {
        assert_eq!(DrainTicket::parse(body), None, "{body}");
    }
}

#[test]
fn a_ticket_is_read_strictly() {
    let zones = json!([{"group":"g","hook":"h","instance":"i-1"}]);
    for (field, value, problem) in [
        ("registrar-ticket", json!(2), "version 2 is not one"),
        ("registrar-ticket", json!("1"), "version \"1\" is not one"),
        ("deployment", json!("A/B"), "deployment"),
        ("pool", json!("x".repeat(33)), "pool"),
        ("hosted_zone_id", json!("../z"), "hosted zone"),
        ("change_id", json!("C/../1"), "change_id"),
        ("change_id", json!(null), "either change_id or until"),
        ("until", json!("2026-11-21T10:00:00Z"), "either change_id or until"),
        ("ttl_secs", json!(86_401), "ttl_secs"),
        ("ttl_secs", json!(-1), "ttl_secs"),
        ("issued_at", json!("yesterday"), "issued_at"),
        ("beaten_at", json!(7), "beaten_at"),
        ("heartbeat_secs", json!("60"), "heartbeat_secs"),
        ("hooks", json!([]), "hooks: 0"),
        ("hooks", json!(vec![zones[0].clone(); 501]), "hooks: 501"),
        ("hooks", json!([{"group":"g","hook":"h h","instance":"i-1"}]), "hooks[0]"),
        ("hooks", json!([{"group":"g","hook":"h","instance":"i-1","result":"ABANDON"}]), "hooks[0]"),
        ("address", json!("155.146.10.111"), "unknown field"),
    ] {
        let mut document = document();
        document[field] = value.clone();
        let dropped = reading(&document).unwrap_err();
        assert_eq!(dropped.kind(), "bad-ticket");
        assert!(dropped.to_string().contains(problem), "{field}: {value}: {dropped}");
    }
}

#[test]
fn a_token_that_is_none_is_left_out() {
    let mut document = document();
    document["hooks"][0]["token"] = json!("not a token; \"quoted\"");
    assert_eq!(reading(&document).unwrap().hooks[0].token, None);
}

#[test]
fn a_ticket_larger_than_any_that_is_written_is_not_read() {
    let mut document = document();
    document["hooks"] = json!("x".repeat(300_000));
    let dropped = reading(&document).unwrap_err();
    assert!(dropped.to_string().contains("bytes, more than"), "{dropped}");
}

#[test]
fn only_a_hook_that_holds_a_leaving_instance_waits_to_be_drained() {
    let event = |detail_type: &str, destination: &str| {
        json!({"source":"aws.autoscaling","detail-type":detail_type,"detail":{"AutoScalingGroupName":"edge",
            "LifecycleActionToken":"87654321-4321-4321-4321-210987654321","LifecycleHookName":"dns-drain",
            "EC2InstanceId":"i-00000000000000001","Origin":"AutoScalingGroup","Destination":destination}})
    };
    let waiting = |event: Value| WaitingHook::from_trigger(&Trigger::parse(&event.to_string()).unwrap());
    assert_eq!(waiting(event("EC2 Instance-terminate Lifecycle Action", "EC2")), Some(hook("edge", 1)));
    assert_eq!(waiting(event("EC2 Instance-terminate Lifecycle Action", "WarmPool")), Some(hook("edge", 1)));
    assert_eq!(waiting(event("EC2 Instance-launch Lifecycle Action", "AutoScalingGroup")), None);
    let mut finished = event("EC2 Instance Terminate Successful", "EC2");
    finished["detail"]["LifecycleHookName"] = json!(null);
    assert_eq!(waiting(finished), None);
}
