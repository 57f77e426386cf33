//! Events and metrics of invocations that did something, nothing, and not enough.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Durations, InvocationEvent, Level, METRICS, MOST_DETAILS, emf};
use crate::drain::DrainOutcome;
use crate::dump;
use crate::execute::{Applied, Outcome, Poison};
use crate::guard::RemovalLedger;
use crate::inventory::{EventMemory, Gap, GapSource, Groups, Inventory};
use crate::invocation::Invocation;
use crate::plan::{Plan, PlanInput, RouteBudget};
use crate::pool::Pool;

const DEAD: usize = 2;

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().unwrap()
}

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

fn pool(name: &str, members: &Value) -> Pool {
    let document = json!({
        "version": 1,
        "record": { "hosted_zone_id": "Z1", "name": format!("{name}.example.com") },
        "members": members,
        "guard": { "max_removals": { "percent": 0, "count": 0 } },
    });
    Pool::read(name.parse().unwrap(), &document.to_string())
}

fn reservation(number: usize, state: &str) -> Value {
    json!({ "Instances": [{
        "InstanceId": id(number),
        "State": { "Name": state },
        "Tags": [{ "Key": "edge-dns", "Value": "video" }],
        "NetworkInterfaces": [{ "Attachment": { "DeviceIndex": 0 }, "PrivateIpAddresses": [
            { "Primary": true, "Association": { "CarrierIp": format!("155.146.0.{number}") } }
        ] }],
    }] })
}

fn record(number: usize) -> Value {
    json!({
        "Name": "video.example.com.", "Type": "A", "SetIdentifier": format!("registrar/default/video/{}", id(number)),
        "Weight": 100, "TTL": 20, "ResourceRecords": [{ "Value": format!("155.146.0.{number}") }],
    })
}

/// One instance to publish, one that is dead, and `unknown` records of which EC2 knows nothing, whose removal
/// no budget allows.
fn plan(unknown: usize) -> Plan {
    let fleet = json!({ "Reservations": [reservation(1, "running"), reservation(DEAD, "terminated")] });
    let records: Vec<Value> = (DEAD..=DEAD + unknown).map(record).collect();
    let zone = dump::read_hosted_zone(&json!({ "ResourceRecordSets": records }).to_string()).unwrap();
    let inventory = Inventory {
        observed_at: now(),
        fleet: dump::read_fleet(&fleet.to_string()).unwrap(),
        groups: Groups::default(),
        hosted_zones: [("Z1".parse().unwrap(), zone)].into(),
        memory: EventMemory::default(),
    };
    let pools = [pool("broken", &json!({})), pool("video", &json!({ "tags": { "edge-dns": "video" } }))];
    Plan::new(PlanInput {
        deployment: &"default".parse().unwrap(),
        pools: &pools,
        inventory: &inventory,
        ledger: &RemovalLedger::default(),
        orders: &crate::orders::Orders::default(),
        tree: crate::tree::TreeLimits::default(),
    })
}

fn without_broken(mut plan: Plan) -> Plan {
    plan.pools.retain(|pool| pool.name.as_str() == "video");
    plan
}

fn all_applied(plan: &Plan) -> Outcome {
    let applied =
        |batch: &crate::plan::Batch| Applied { change_id: Some("C1".to_owned()), batch: batch.clone() };
    Outcome {
        applied: plan.batches.iter().map(applied).collect(),
        submitted: plan.batches.len(),
        ..Outcome::default()
    }
}

fn event_of(payload: &Value) -> InvocationEvent {
    let deployment = "default".parse().unwrap();
    let invocation = Invocation::parse(&payload.to_string(), &deployment);
    InvocationEvent::new(deployment, "8476a536-e9f4-11e8-9739-2dfe598c3fcd", &invocation, now())
}

fn sweep() -> InvocationEvent {
    event_of(&json!({}))
}

fn busy() -> InvocationEvent {
    let body = |event: Value| event.to_string();
    let message = |id: &str, body: &str| json!({ "messageId": id, "body": body, "eventSource": "aws:sqs" });
    let state = json!({"source":"aws.ec2","detail-type":"EC2 Instance State-change Notification",
        "time":"2026-11-21T09:59:57.500Z","detail":{"instance-id":id(DEAD),"state":"terminated"}});
    let mut event = event_of(&json!({ "Records": [message("m1", &body(state)), message("m2", "not JSON")] }));
    let plan = plan(1);
    event.run(&plan, &all_applied(&plan));
    event.forecast = Some(plan.forecast(RouteBudget { requests: 40.0, ..RouteBudget::default() }));
    event.cold_start = true;
    event.durations_ms = Durations { observe: 120, plan: 3, execute: 80, total: 210 };
    event.aws_calls =
        BTreeMap::from([("ec2:DescribeInstances".to_owned(), 1), ("ssm:GetParameters".to_owned(), 0)]);
    event.drains = BTreeMap::from([(DrainOutcome::Ticketed, 2)]);
    event
}

fn lines(event: &InvocationEvent) -> Vec<Value> {
    emf(event, "Registrar", now()).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns every metric as CloudWatch would take it: name and dimensions, with the value.
fn metrics(event: &InvocationEvent) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for line in lines(event) {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            let keys = directive["Dimensions"][0].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
            let dimensions: Vec<String> =
                keys.map(|key| format!("{key}={}", line[key].as_str().unwrap())).collect();
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                let before = found.insert(format!("{name} {}", dimensions.join(" ")), line[name].clone());
                assert_eq!(before, None, "{name} {dimensions:?} is published twice");
            }
        }
    }
    found
}

#[test]
fn the_event_tells_everything_about_a_busy_invocation() {
    let event = busy();
    let document = serde_json::to_value(event.to_document(now())).unwrap();
    let hint = document["pools"]["video"]["held_back_details"][0]["hint"].clone();
    let detail = document["pools"]["video"]["held_back_details"][0]["detail"].clone();
    let problem = document["pools"]["broken"]["problems"][0].clone();
    assert!(problem.as_str().unwrap().contains("members"), "{problem}");
    assert_eq!(
        document,
        json!({
            "schema": "registrar-invocation/1",
            "timestamp": "2026-11-21T10:00:00Z",
            "level": "ERROR",
            "message": "1 serving; 1 created and 1 deleted in 2 requests; 1 held back; 1 errors",
            "deployment": "default",
            "request_id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "cold_start": true,
            "invocation": "batch",
            "triggers": { "instance-state": 1 },
            "messages": { "received": 2, "covered": 0, "handed_back": 0, "dropped": { "malformed": 1 } },
            "discarded": [{ "message_id": "m2", "why": "not an event: line 1, column 2, at .: expected ident",
                "excerpt": "not JSON" }],
            "event_age_seconds": 2.5,
            "runs": 1,
            "observed_at": "2026-11-21T10:00:00Z",
            "pools": {
                "broken": {
                    "members": {}, "records": 0, "applied": {}, "held_back": {}, "refused": 0, "handed_back": 0,
                    "errors": 1, "blackholes_removed": 0, "judged": false, "held_back_details": [], "refusals": [],
                    "problems": [problem],
                },
                "video": {
                    "members": { "serving": 1, "gone": 2 }, "records": 2, "applied": { "CREATE": 1, "DELETE": 1 },
                    "held_back": { "removal-budget": 1 }, "refused": 0, "handed_back": 0, "errors": 0,
                    "blackholes_removed": 1, "judged": true,
                    "held_back_details": [{ "set_identifier": format!("registrar/default/video/{}", id(3)),
                        "reason": "removal-budget", "detail": detail, "hint": hint }],
                    "refusals": [], "problems": [],
                },
            },
            "gaps": [],
            "forecast": { "requests": 2, "changes": 2, "done_in_ms": 0, "at_full_budget": false,
                "hosted_zones": { "Z1": { "records": 2, "records_after": 2, "most": 10_000 } } },
            "requests": 2, "retries": {}, "lost_replies": 0, "failed_looks": [], "notes": [], "denied": null,
            "problems": [],
            "aws_calls": { "ec2:DescribeInstances": 1, "ssm:GetParameters": 0 },
            "drains": { "ticketed": 2 },
            "durations_ms": { "observe": 120, "plan": 3, "execute": 80, "total": 210 },
            "summary": "1 serving; 1 created and 1 deleted in 2 requests; 1 held back; 1 errors",
        })
    );
}

#[test]
fn the_metrics_of_a_busy_invocation_are_these() {
    let expected = json!({
        "reconcile_seconds Deployment=default": 0.203,
        "event_age_seconds Deployment=default": 2.5,
        "drains Deployment=default outcome=ticketed": 2,
        "aws_calls Deployment=default operation=ec2:DescribeInstances": 1,
        "records Deployment=default Pool=video": 2,
        "blackholes_removed Deployment=default Pool=video": 1,
        "members Deployment=default Pool=video state=serving": 1,
        "members Deployment=default Pool=video state=gone": 2,
        "changes Deployment=default Pool=video action=create": 1,
        "changes Deployment=default Pool=video action=delete": 1,
        "held_back Deployment=default Pool=video reason=removal-budget": 1,
    });
    assert_eq!(serde_json::to_value(metrics(&busy())).unwrap(), expected);
}

#[test]
fn the_list_of_metrics_is_what_is_published() {
    let mut event = busy();
    event.gap(&Gap::new(GapSource::Fleet, "page 2"));
    let mut published = BTreeSet::new();
    let mut of_everything = sweep();
    of_everything.run(&plan(1), &Outcome::default());
    for line in lines(&event).into_iter().chain(lines(&of_everything)) {
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            let dimensions = directive["Dimensions"][0].to_string();
            let metrics = directive["Metrics"].as_array().unwrap().iter();
            let text = |metric: &Value, field: &str| metric[field].as_str().unwrap().to_owned();
            published.extend(
                metrics.map(|metric| (text(metric, "Name"), text(metric, "Unit"), dimensions.clone())),
            );
        }
    }
    let listed = METRICS
        .iter()
        .map(|metric| (metric.name.to_owned(), metric.unit.to_owned(), json!(metric.dimensions).to_string()));
    assert_eq!(published, listed.collect());
}

#[test]
fn a_document_is_what_cloudwatch_specifies() {
    let mut event = sweep();
    event.fail("ssm:GetParametersByPath failed: no reply");
    let lines = emf(&event, "Registrar", now());
    // Which fields come first is up to the features of serde_json.
    let values: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        "{\"Deployment\":\"default\",\"_aws\":{\"CloudWatchMetrics\":[{\"Dimensions\":[[\"Deployment\"]],\"Metrics\":\
          [{\"Name\":\"gaps\",\"Unit\":\"Count\"},{\"Name\":\"held_back\",\"Unit\":\"Count\"},{\"Name\":\"reconciles\",\
          \"Unit\":\"Count\"}],\"Namespace\":\"Registrar\"}],\"Timestamp\":1795255200000},\"gaps\":0,\"held_back\":0,\
          \"reconciles\":0}",
    ];
    let expected = expected.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(values, expected);
}

#[test]
fn documents_keep_within_cloudwatchs_limits_and_name_no_instance() {
    let mut event = busy();
    let plan = plan(90);
    event.run(&plan, &all_applied(&plan));
    event.aws_calls = (0..200).map(|number| (format!("ec2:Operation{number}"), 1)).collect();
    for line in lines(&event) {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let names: Vec<&str> = directives
            .iter()
            .flat_map(|directive| directive["Metrics"].as_array().unwrap())
            .map(|metric| metric["Name"].as_str().unwrap())
            .collect();
        assert!(names.len() <= 100, "{line}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a name has one value: {line}");
        assert!(names.iter().all(|name| line[name].is_number()), "{line}");
        for directive in directives {
            let keys = directive["Dimensions"][0].as_array().unwrap();
            assert!((1..=30).contains(&keys.len()), "{line}");
            for key in keys {
                let value = line[key.as_str().unwrap()].as_str().unwrap();
                assert!(
                    !value.is_empty() && !value.contains("i-") && !value.contains("155."),
                    "{key}: {value}"
                );
            }
        }
    }
}

#[test]
fn nobody_serving_is_a_zero_and_an_unreadable_pool_a_silence() {
    let mut plan = plan(0);
    plan.pools.iter_mut().for_each(|pool| pool.members.clear());
    let mut event = sweep();
    event.run(&plan, &Outcome::default());
    let metrics = metrics(&event);
    assert_eq!(metrics["members Deployment=default Pool=video state=serving"], json!(0));
    assert!(metrics.keys().all(|metric| !metric.contains("Pool=broken")), "{metrics:?}");
}

#[test]
fn an_invocation_that_looked_at_nothing_claims_nothing() {
    let event = event_of(&json!({ "Records": [] }));
    assert_eq!(event.level(), Level::Info);
    assert_eq!(serde_json::to_value(metrics(&event)).unwrap(), json!({}));
}

#[test]
fn a_reconcile_counts_when_nothing_was_left_undone() {
    let plan = without_broken(plan(1));
    let done = || {
        let mut event = sweep();
        event.run(&plan, &all_applied(&plan));
        event
    };
    assert!(done().reconciled(), "what is held back is not to be done");
    assert_eq!(metrics(&done())["reconciles Deployment=default"], json!(1));
    let mut failed = done();
    failed.fail("the queue took no ticket");
    let mut with_gap = done();
    with_gap.gap(&Gap::new(GapSource::Groups, "throttled"));
    let unit = plan.batches[0].units[0].clone();
    let mut refused = done();
    refused.run(
        &plan,
        &Outcome {
            poison: vec![Poison { unit: unit.clone(), messages: vec!["no".to_owned()] }],
            ..Outcome::default()
        },
    );
    let mut handed_back = done();
    handed_back.run(&plan, &Outcome { handed_back: vec![unit], ..Outcome::default() });
    let mut denied = done();
    denied.run(&plan, &Outcome { denied: Some("AccessDenied".to_owned()), ..Outcome::default() });
    for event in [failed, with_gap, refused, handed_back, denied, sweep()] {
        assert!(!event.reconciled(), "{event:?}");
    }
}

#[test]
fn the_level_is_that_of_the_worst_that_happened() {
    let clean = without_broken(plan(0));
    let level = |change: &dyn Fn(&mut InvocationEvent)| {
        let mut event = sweep();
        event.run(&clean, &all_applied(&clean));
        change(&mut event);
        event.level()
    };
    assert_eq!(level(&|_| {}), Level::Info);
    assert_eq!(level(&|event| event.messages.covered = 3), Level::Info);
    assert_eq!(level(&|event| event.messages.handed_back = 1), Level::Warn);
    assert_eq!(level(&|event| event.gap(&Gap::new(GapSource::Fleet, "cut"))), Level::Warn);
    assert_eq!(
        level(&|event| *event = event_of(&json!({"Records": [{"messageId": "a", "body": "{"}]}))),
        Level::Warn
    );
    assert_eq!(
        level(&|event| *event = event_of(&json!({"Records": [{"messageId": "a", "body": "{}"}]}))),
        Level::Info
    );
    assert_eq!(level(&|event| event.drains = [(DrainOutcome::Failed, 1)].into()), Level::Warn);
    assert_eq!(level(&|event| event.drains = [(DrainOutcome::NotOurs, 1)].into()), Level::Info);
    assert_eq!(level(&|event| event.run(&without_broken(plan(1)), &Outcome::default())), Level::Warn);
    assert_eq!(level(&|event| event.run(&plan(0), &Outcome::default())), Level::Error);
    assert_eq!(level(&|event| event.fail("no queue")), Level::Error);
}

#[test]
fn only_a_sweep_speaks_for_the_whole_deployment() {
    let whole = ["reconciles", "held_back", "gaps"].map(|name| format!("{name} Deployment=default"));
    let published = |mut event: InvocationEvent| {
        let plan = without_broken(plan(1));
        event.run(&plan, &all_applied(&plan));
        let metrics = metrics(&event);
        whole.iter().map(|name| metrics.get(name).cloned()).collect::<Vec<_>>()
    };
    let of_one_pool = json!({"source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification",
        "detail": {"instance-id": id(DEAD), "state": "terminated"}});
    let scheduled = json!({"source": "aws.events", "detail-type": "Scheduled Event"});
    let message = |id: &str, body: &Value| json!({ "messageId": id, "body": body.to_string(), "eventSource": "aws:sqs" });
    assert_eq!(published(event_of(&of_one_pool)), [None, None, None]);
    let all = [Some(json!(1)), Some(json!(1)), Some(json!(0))];
    let batch = json!({ "Records": [message("m1", &of_one_pool), message("m2", &scheduled)] });
    for payload in [json!({}), scheduled.clone(), batch] {
        assert_eq!(published(event_of(&payload)), all, "{payload}");
    }
}

#[test]
fn runs_of_one_invocation_add_up() {
    let plan = without_broken(plan(0));
    let mut event = sweep();
    event.run(&plan, &all_applied(&plan));
    event.run(&plan, &all_applied(&plan));
    let metrics = metrics(&event);
    assert_eq!(metrics["changes Deployment=default Pool=video action=create"], json!(2));
    assert_eq!(metrics["blackholes_removed Deployment=default Pool=video"], json!(2));
    assert_eq!(metrics["records Deployment=default Pool=video"], json!(1));
}

#[test]
fn particulars_are_bounded_and_counts_are_complete() {
    let mut event = sweep();
    let plan = plan(90);
    event.run(&plan, &Outcome::default());
    (0..1_000).for_each(|number| event.fail(&format!("{number}{}", "x".repeat(100_000))));
    let document = serde_json::to_value(event.to_document(now())).unwrap();
    assert_eq!(document["pools"]["video"]["held_back"]["removal-budget"], json!(90));
    assert_eq!(document["pools"]["video"]["held_back_details"].as_array().unwrap().len(), MOST_DETAILS);
    assert_eq!(document["problems"].as_array().unwrap().len(), MOST_DETAILS);
    assert!(document.to_string().len() < 32 * 1024, "{} bytes", document.to_string().len());
}
