//! Coverage at its edges: what was shown, when, and to whom.

use super::*;
use crate::dump::{read_fleet, read_hosted_zone};
use crate::guard::RemovalLedger;
use crate::inventory::{EventMemory, Fleet, Groups};
use crate::lint::CheckedPlan;
use crate::orders::Orders;
use crate::plan::{Batch, PlanInput};

const DOCUMENT: &str = r#"{"version":1,"record":{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"video.edge.example.com"},
    "members":{"tags":{"edge-dns":"video"}}}"#;

fn at(time: &str) -> Timestamp {
    format!("2026-11-21T{time}Z").parse().unwrap()
}

fn id(number: u8) -> InstanceId {
    format!("i-0123456789abcde{number:02x}").parse().unwrap()
}

fn fleet(states: &[(u8, &str)]) -> Fleet {
    let instances: Vec<serde_json::Value> = states
        .iter()
        .map(|(number, state)| {
            serde_json::json!({"InstanceId": id(*number), "State": {"Name": state},
                "Tags": [{"Key": "edge-dns", "Value": "video"}],
                "NetworkInterfaces": [{"Attachment": {"DeviceIndex": 0}, "PrivateIpAddresses": [{"Primary": true,
                    "Association": {"CarrierIp": format!("155.146.10.{number}")}}]}]})
        })
        .collect();
    let dump = serde_json::json!({"Reservations": [{"Instances": instances}]});
    read_fleet(&dump.to_string()).unwrap()
}

/// Looks at `observed_at`, and applies everything or nothing.
fn looked(fleet: Fleet, observed_at: &str, applies: bool) -> (Looks, Vec<Pool>) {
    let pools = vec![Pool::read("video".parse().unwrap(), DOCUMENT)];
    let deployment: DeploymentName = "edge".parse().unwrap();
    let record = serde_json::json!({"Name": "video.edge.example.com.", "Type": "A", "Weight": 100, "TTL": 20,
        "SetIdentifier": format!("registrar/edge/video/{}", id(7)), "ResourceRecords": [{"Value": "155.146.10.7"}]});
    let zone = read_hosted_zone(&serde_json::json!({ "ResourceRecordSets": [record] }).to_string()).unwrap();
    let inventory = Inventory {
        observed_at: at(observed_at),
        fleet,
        groups: Groups::default(),
        hosted_zones: BTreeMap::from([("Z0123456789ABCDEFGHIJ".parse().unwrap(), zone)]),
        memory: EventMemory::default(),
    };
    let ledger = RemovalLedger::default();
    let plan = Plan::new(PlanInput {
        deployment: &deployment,
        pools: &pools,
        inventory: &inventory,
        ledger: &ledger,
        orders: &Orders::default(),
        tree: crate::tree::TreeLimits::default(),
    });
    let plan = CheckedPlan::new(plan, &pools, &inventory).unwrap().into_plan();
    let applied =
        |batch: &Batch| crate::execute::Applied { change_id: Some("C1".to_owned()), batch: batch.clone() };
    let mut outcome = Outcome::default();
    if applies {
        outcome.applied = plan.batches.iter().map(applied).collect();
    } else {
        outcome.handed_back = plan.batches.iter().flat_map(|batch| batch.units.clone()).collect();
    }
    let mut looks = Looks::default();
    looks.remember(FinishedRun {
        deployment: &deployment,
        pools: &pools,
        inventory: &inventory,
        plan: &plan,
        outcome: &outcome,
    });
    (looks, pools)
}

fn says(number: u8, state: InstanceState, time: &str) -> Trigger {
    Trigger::InstanceState { instance: id(number), state, at: Some(at(time)) }
}

fn ask(looks: &Looks, pools: &[Pool], trigger: &Trigger) -> Concern {
    looks.concern(trigger, pools)
}

fn video() -> Concern {
    Concern::Pools(BTreeSet::from(["video".parse().unwrap()]))
}

#[test]
fn a_state_that_a_later_look_showed_is_covered() {
    let (looks, pools) = looked(fleet(&[(1, "running")]), "10:00:02", true);
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::Running, "10:00:01")), Concern::Nothing);
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::Running, "10:00:03")), video());
}

#[test]
fn an_end_that_the_look_did_not_show_yet_is_looked_into() {
    let (looks, pools) = looked(fleet(&[(1, "running")]), "10:00:02", true);
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::ShuttingDown, "10:00:01")), video());
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::ShuttingDown, "09:59:57")), Concern::Nothing);
}

#[test]
fn an_end_whose_record_the_look_removed_is_covered() {
    let (looks, pools) = looked(fleet(&[(7, "terminated")]), "10:00:02", true);
    assert_eq!(ask(&looks, &pools, &says(7, InstanceState::Terminated, "10:00:01")), Concern::Nothing);
    let (looks, pools) = looked(fleet(&[(7, "terminated")]), "10:00:02", false);
    assert_eq!(ask(&looks, &pools, &says(7, InstanceState::Terminated, "10:00:01")), video());
}

#[test]
fn what_was_not_applied_covers_nothing() {
    let (looks, pools) = looked(fleet(&[(1, "running")]), "10:00:30", false);
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::Running, "10:00:01")), video());
}

#[test]
fn a_look_with_a_gap_covers_nothing() {
    use crate::inventory::{Gap, GapSource};
    let cut = Fleet { gap: Some(Gap::new(GapSource::Fleet, "page 2 failed")), ..fleet(&[(1, "running")]) };
    let (looks, pools) = looked(cut, "10:00:30", true);
    assert_eq!(ask(&looks, &pools, &says(1, InstanceState::Running, "10:00:01")), video());
}

#[test]
fn a_stranger_costs_a_question_until_a_look_is_late_enough() {
    let (looks, pools) = looked(fleet(&[(1, "running")]), "10:00:02", true);
    let stranger = says(9, InstanceState::Running, "10:00:01");
    assert_eq!(ask(&looks, &pools, &stranger), Concern::Stranger(id(9)));
    assert_eq!(ask(&looks, &pools, &says(9, InstanceState::Running, "09:59:56")), Concern::Nothing);
}

#[test]
fn the_end_of_a_stranger_is_covered_by_a_look_after_it() {
    let (looks, pools) = looked(fleet(&[(1, "running")]), "10:00:02", true);
    assert_eq!(ask(&looks, &pools, &says(9, InstanceState::Terminated, "10:00:01")), Concern::Nothing);
    let later = says(9, InstanceState::Terminated, "10:00:03");
    assert_eq!(ask(&looks, &pools, &later), Concern::Stranger(id(9)));
}

#[test]
fn a_hook_is_never_covered() {
    let (looks, pools) = looked(fleet(&[(1, "terminated")]), "10:00:30", true);
    let hook = Trigger::GroupChange {
        instance: id(1),
        group: "edge".parse().unwrap(),
        movement: Movement::OutOf,
        hook: Some(crate::trigger::HookAction { hook: "dns-drain".parse().unwrap(), token: None }),
        at: Some(at("10:00:01")),
    };
    assert_eq!(ask(&looks, &pools, &hook), video());
}

#[test]
fn a_cold_start_looks_at_everything() {
    let (_, pools) = looked(fleet(&[]), "10:00:00", true);
    assert_eq!(
        ask(&Looks::default(), &pools, &says(1, InstanceState::Running, "09:00:00")),
        Concern::Everything
    );
    assert_eq!(ask(&Looks::default(), &pools, &Trigger::Sweep), Concern::Everything);
    assert_eq!(ask(&Looks::default(), &pools, &Trigger::TestNotification), Concern::Nothing);
}

#[test]
fn a_sweep_always_looks() {
    let (looks, pools) = looked(fleet(&[]), "10:00:05", true);
    assert_eq!(ask(&looks, &pools, &Trigger::Sweep), Concern::Everything);
}
