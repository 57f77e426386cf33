//! The wire form of events: EventBridge envelopes by exact source and detail type.
//!
//! Shapes: EC2, EC2 Auto Scaling, Systems Manager and EventBridge user guides, event references. Every
//! field is optional on the wire, so that one missing field drops one event and never a batch. An
//! instance id is taken from the detail and never from an ARN: Spot's ARNs carry no account.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Dropped, HookAction, LARGEST_EVENT, Movement, Trigger};
use crate::ids::InstanceId;
use crate::inventory::InstanceState;
use crate::json;

const TEST_NOTIFICATION: &str = "autoscaling:TEST_NOTIFICATION";
const STATE_CHANGE: &str = "EC2 Instance State-change Notification";
const LAUNCH_ACTION: &str = "EC2 Instance-launch Lifecycle Action";
const TERMINATE_ACTION: &str = "EC2 Instance-terminate Lifecycle Action";
const LAUNCHED: &str = "EC2 Instance Launch Successful";
const TERMINATED: &str = "EC2 Instance Terminate Successful";
const SPOT_INTERRUPTION: &str = "EC2 Spot Instance Interruption Warning";
const REBALANCE: &str = "EC2 Instance Rebalance Recommendation";
const SCHEDULED: &str = "Scheduled Event";
const PARAMETER_CHANGE: &str = "Parameter Store Change";
const API_CALL: &str = "AWS API Call via CloudTrail";

/// What is recognised: an event whose source and detail type are not here is dropped before it is looked into.
pub(super) const KNOWN: &[(&str, &str)] = &[
    ("aws.ec2", STATE_CHANGE),
    ("aws.ec2", SPOT_INTERRUPTION),
    ("aws.ec2", REBALANCE),
    ("aws.ec2", API_CALL),
    ("aws.autoscaling", LAUNCH_ACTION),
    ("aws.autoscaling", TERMINATE_ACTION),
    ("aws.autoscaling", LAUNCHED),
    ("aws.autoscaling", TERMINATED),
    ("aws.events", SCHEDULED),
    ("aws.ssm", PARAMETER_CHANGE),
];

/// The calls that are recognised in events of CloudTrail.
pub(super) const KNOWN_CALLS: &[(&str, &str)] =
    &[("ec2.amazonaws.com", "AssociateAddress"), ("ec2.amazonaws.com", "DisassociateAddress")];

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    source: String,
    #[serde(default, rename = "detail-type")]
    detail_type: String,
    #[serde(default)]
    time: Option<Timestamp>,
    #[serde(default)]
    detail: Option<Map<String, Value>>,
    // A notification that Auto Scaling sends without an envelope.
    #[serde(default, rename = "Event")]
    event: Option<String>,
    #[serde(default, rename = "LifecycleTransition")]
    lifecycle_transition: Option<String>,
}

pub(super) fn parse(text: &str) -> Result<Trigger, Dropped> {
    if text.len() > LARGEST_EVENT {
        return Err(Dropped::TooLarge { bytes: text.len() });
    }
    let envelope: Envelope = json::parse(text).map_err(Dropped::Malformed)?;
    if [&envelope.event, &envelope.lifecycle_transition]
        .into_iter()
        .flatten()
        .any(|kind| kind == TEST_NOTIFICATION)
    {
        return Ok(Trigger::TestNotification);
    }
    let detail = Detail { fields: envelope.detail.unwrap_or_default(), at: envelope.time };
    let kind = (envelope.source.as_str(), envelope.detail_type.as_str());
    if kind.0 == "aws.autoscaling" && detail.is_test() {
        return Ok(Trigger::TestNotification);
    }
    let kind = if KNOWN.contains(&kind) { kind } else { ("", "") };
    match kind {
        ("aws.ec2", STATE_CHANGE) => detail.instance_state(),
        ("aws.ec2", SPOT_INTERRUPTION) => Ok(Trigger::SpotInterruption {
            instance: detail.instance(SPOT_INTERRUPTION, "instance-id")?,
            at: detail.at,
        }),
        ("aws.ec2", REBALANCE) => {
            Ok(Trigger::RebalanceRecommendation { instance: detail.instance(REBALANCE, "instance-id")? })
        }
        ("aws.ec2", API_CALL) => detail.address_call(),
        ("aws.autoscaling", LAUNCH_ACTION) => detail.group_change(LAUNCH_ACTION, true),
        ("aws.autoscaling", TERMINATE_ACTION) => detail.group_change(TERMINATE_ACTION, false),
        ("aws.autoscaling", LAUNCHED) => detail.group_change(LAUNCHED, true),
        ("aws.autoscaling", TERMINATED) => detail.group_change(TERMINATED, false),
        ("aws.events", SCHEDULED) => Ok(Trigger::Sweep),
        ("aws.ssm", PARAMETER_CHANGE) => {
            let name = detail.text("name").ok_or(bad(PARAMETER_CHANGE, "name"))?;
            Ok(Trigger::ParameterChanged { name: name.to_owned() })
        }
        _ => Err(Dropped::Unrecognised {
            source_name: excerpt(&envelope.source),
            detail_type: excerpt(&envelope.detail_type),
        }),
    }
}

fn excerpt(text: &str) -> String {
    text.chars().take(80).collect()
}

fn bad(detail_type: &'static str, field: &'static str) -> Dropped {
    Dropped::BadDetail { detail_type, field }
}

struct Detail {
    fields: Map<String, Value>,
    at: Option<Timestamp>,
}

impl Detail {
    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(Value::as_str)
    }

    fn instance(&self, detail_type: &'static str, field: &'static str) -> Result<InstanceId, Dropped> {
        self.text(field).and_then(|id| id.parse().ok()).ok_or(bad(detail_type, field))
    }

    fn is_test(&self) -> bool {
        ["Event", "LifecycleTransition"].iter().any(|field| self.text(field) == Some(TEST_NOTIFICATION))
    }

    fn instance_state(&self) -> Result<Trigger, Dropped> {
        let state =
            self.text("state").and_then(InstanceState::from_name).ok_or(bad(STATE_CHANGE, "state"))?;
        Ok(Trigger::InstanceState {
            instance: self.instance(STATE_CHANGE, "instance-id")?,
            state,
            at: self.at,
        })
    }

    fn group_change(&self, detail_type: &'static str, launching: bool) -> Result<Trigger, Dropped> {
        let group = self.text("AutoScalingGroupName").and_then(|name| name.parse().ok());
        let hook = self.text("LifecycleHookName").and_then(|name| name.parse().ok());
        Ok(Trigger::GroupChange {
            instance: self.instance(detail_type, "EC2InstanceId")?,
            group: group.ok_or(bad(detail_type, "AutoScalingGroupName"))?,
            movement: self.movement(launching),
            hook: hook
                .map(|hook| HookAction { hook, token: self.text("LifecycleActionToken").map(str::to_owned) }),
            at: self.at,
        })
    }

    /// Events from before warm pools existed have no origin and destination: they mean EC2 and the group.
    fn movement(&self, launching: bool) -> Movement {
        match (launching, self.text("Origin"), self.text("Destination")) {
            (true, _, Some("WarmPool")) | (false, Some("WarmPool"), _) => Movement::Elsewhere,
            (true, _, _) => Movement::Into,
            (false, _, _) => Movement::OutOf,
        }
    }

    /// `DisassociateAddress` names only the association, so the instance cannot be known afterwards.
    fn address_call(&self) -> Result<Trigger, Dropped> {
        let event_name = self.text("eventName").unwrap_or_default();
        let event_source = self.text("eventSource").unwrap_or_default();
        if !KNOWN_CALLS.contains(&(event_source, event_name)) {
            let source_name = excerpt(event_source);
            return Err(Dropped::Unrecognised { source_name, detail_type: excerpt(event_name) });
        }
        if let Some(error_code) = self.text("errorCode") {
            return Err(Dropped::FailedCall { error_code: excerpt(error_code) });
        }
        let named = self.fields.get("requestParameters").and_then(|parameters| parameters.get("instanceId"));
        let instance = named.and_then(Value::as_str).and_then(|id| id.parse().ok());
        Ok(Trigger::AddressChanged { instance })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse_value(value: &Value) -> Result<Trigger, Dropped> {
        Trigger::parse(&value.to_string())
    }

    #[test]
    fn every_known_kind_is_looked_into_and_no_other() {
        for (source, detail_type) in KNOWN {
            let known = parse_value(&json!({"source": source, "detail-type": detail_type, "detail": {}}));
            let is_call = *detail_type == API_CALL;
            let unrecognised = matches!(known, Err(Dropped::Unrecognised { .. }));
            assert_eq!(unrecognised, is_call, "{source} {detail_type}: {known:?}");
            let elsewhere = json!({"source": "aws.s3", "detail-type": detail_type, "detail": {}});
            assert!(matches!(parse_value(&elsewhere), Err(Dropped::Unrecognised { .. })), "{elsewhere}");
        }
        for (event_source, event_name) in KNOWN_CALLS {
            let call = json!({"source": "aws.ec2", "detail-type": API_CALL,
                "detail": {"eventSource": event_source, "eventName": event_name}});
            assert_eq!(parse_value(&call), Ok(Trigger::AddressChanged { instance: None }));
        }
    }

    fn state_change(state: &str) -> Value {
        json!({"id":"7bf73129-1428-4cd3-a780-95db273d1602","detail-type":STATE_CHANGE,"source":"aws.ec2",
            "account":"123456789012","time":"2021-11-11T21:29:54Z","region":"us-east-1",
            "resources":["arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111"],
            "detail":{"instance-id":"i-abcd1111","state":state}})
    }

    fn lifecycle(detail_type: &str, origin: &str, destination: &str) -> Value {
        json!({"version":"0","source":"aws.autoscaling","detail-type":detail_type,"time":"2026-11-21T10:00:00Z",
            "detail":{"LifecycleActionToken":"87654321-4321-4321-4321-210987654321","AutoScalingGroupName":"edge",
            "LifecycleHookName":"dns-drain","EC2InstanceId":"i-1234567890abcdef0","Origin":origin,
            "Destination":destination}})
    }

    fn movement_of(value: &Value) -> Movement {
        match parse_value(value) {
            Ok(Trigger::GroupChange { movement, .. }) => movement,
            other => panic!("not a group change: {other:?}"),
        }
    }

    #[test]
    fn a_state_change_names_the_instance_and_state_exactly() {
        let trigger = parse_value(&state_change("shutting-down")).unwrap();
        assert_eq!(
            trigger,
            Trigger::InstanceState {
                instance: "i-abcd1111".parse().unwrap(),
                state: InstanceState::ShuttingDown,
                at: Some("2021-11-11T21:29:54Z".parse().unwrap()),
            }
        );
        for state in ["", "shutting", "Terminated", "terminated "] {
            let dropped = parse_value(&state_change(state)).unwrap_err();
            assert_eq!(dropped.kind(), "bad-detail", "{state:?}");
        }
    }

    #[test]
    fn the_warm_pool_table_is_followed() {
        let table = [
            (LAUNCH_ACTION, "EC2", "WarmPool", Movement::Elsewhere),
            (LAUNCH_ACTION, "WarmPool", "AutoScalingGroup", Movement::Into),
            (LAUNCH_ACTION, "EC2", "AutoScalingGroup", Movement::Into),
            (TERMINATE_ACTION, "AutoScalingGroup", "EC2", Movement::OutOf),
            (TERMINATE_ACTION, "AutoScalingGroup", "WarmPool", Movement::OutOf),
            (TERMINATE_ACTION, "WarmPool", "EC2", Movement::Elsewhere),
            (LAUNCHED, "EC2", "AutoScalingGroup", Movement::Into),
            (TERMINATED, "AutoScalingGroup", "EC2", Movement::OutOf),
        ];
        for (detail_type, origin, destination, expected) in table {
            let movement = movement_of(&lifecycle(detail_type, origin, destination));
            assert_eq!(movement, expected, "{detail_type}: {origin} to {destination}");
        }
    }

    #[test]
    fn an_event_without_origin_and_destination_means_ec2_and_the_group() {
        let mut event = lifecycle(TERMINATE_ACTION, "", "");
        let detail = event["detail"].as_object_mut().unwrap();
        detail.remove("Origin");
        detail.remove("Destination");
        assert_eq!(movement_of(&event), Movement::OutOf);
    }

    #[test]
    fn every_shape_of_test_notification_is_recognised() {
        let shapes = [
            json!({"AccountId":"1","RequestId":"x","AutoScalingGroupName":"g","Service":"AWS Auto Scaling",
                "Event":TEST_NOTIFICATION,"Time":"2026-11-21T10:00:00.000Z"}),
            json!({"AutoScalingGroupName":"g","LifecycleTransition":TEST_NOTIFICATION}),
            json!({"source":"aws.autoscaling","detail-type":"x","detail":{"Event":TEST_NOTIFICATION}}),
            json!({"source":"aws.autoscaling","detail-type":"x","detail":{"LifecycleTransition":TEST_NOTIFICATION}}),
        ];
        for shape in shapes {
            assert_eq!(parse_value(&shape), Ok(Trigger::TestNotification), "{shape}");
        }
    }

    #[test]
    fn spot_ids_come_from_the_detail() {
        let event = json!({"version":"0","detail-type":SPOT_INTERRUPTION,"source":"aws.ec2",
            "resources":["arn:aws:ec2:us-east-2a:instance/i-ffffffffffffffff0"],
            "detail":{"instance-id":"i-1234567890abcdef0","instance-action":"terminate"}});
        assert_eq!(
            parse_value(&event).unwrap().instance().map(InstanceId::as_str),
            Some("i-1234567890abcdef0")
        );
    }

    #[test]
    fn failed_calls_are_ignored() {
        let mut event = json!({"source":"aws.ec2","detail-type":API_CALL,"detail":{"eventSource":"ec2.amazonaws.com",
            "eventName":"AssociateAddress","requestParameters":{"instanceId":"i-1234567890abcdef0"}}});
        assert!(matches!(parse_value(&event), Ok(Trigger::AddressChanged { instance: Some(_) })));
        event["detail"]["errorCode"] = json!("Client.InvalidInstanceID.NotFound");
        assert_eq!(parse_value(&event).unwrap_err().kind(), "failed-call");
    }

    #[test]
    fn disassociation_names_no_instance() {
        let event = json!({"source":"aws.ec2","detail-type":API_CALL,"detail":{"eventSource":"ec2.amazonaws.com",
            "eventName":"DisassociateAddress","requestParameters":{"associationId":"eipassoc-1"}}});
        assert_eq!(parse_value(&event), Ok(Trigger::AddressChanged { instance: None }));
    }

    #[test]
    fn unknown_events_are_dropped_with_their_names() {
        let event = json!({"source":"aws.ec2","detail-type":"EBS Volume Notification","detail":{}});
        assert_eq!(
            parse_value(&event).unwrap_err().to_string(),
            "no use for \"EBS Volume Notification\" from \"aws.ec2\""
        );
        for text in ["{}", "null", "[]", "", "{\"detail\":{}}", "{\"source\":\"aws.ec2\"}"] {
            assert!(Trigger::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn oversized_events_are_not_parsed() {
        let text = format!("{{\"source\":\"{}\"}}", "x".repeat(LARGEST_EVENT));
        assert_eq!(Trigger::parse(&text).unwrap_err().kind(), "too-large");
    }
}
