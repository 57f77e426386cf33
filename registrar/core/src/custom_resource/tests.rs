//! CloudFormation's requests, as it sends them, and the answers to them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    CustomResourceRequest, LARGEST_RESPONSE, MEANT_FOR_CLOUDFORMATION, PROPERTIES, RequestKind,
    ResourceProperties, ResponseStatus, Undo,
};
use crate::ids::DeploymentName;
use crate::invocation::Invocation;
use crate::pool::Routing;

fn own() -> DeploymentName {
    "default".parse().unwrap()
}

fn request(kind: &str, properties: &Value) -> Value {
    json!({
        "RequestType": kind,
        "ResponseURL": "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/key?X-Amz-Signature=hush",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/edge/2f1a8f70-c6d5-11f0-8c3b-0e0000000000",
        "RequestId": "7bf73129-1428-4cd3-a780-95db273d1602",
        "ResourceType": "Custom::RegistrarPools",
        "LogicalResourceId": "Pools",
        "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:registrar",
        "ResourceProperties": properties,
    })
}

fn parse(request: &Value) -> CustomResourceRequest {
    match Invocation::parse(&request.to_string(), &own()) {
        Invocation::CustomResource(request) => *request,
        other => panic!("not a custom resource: {other:?}"),
    }
}

fn of(kind: &str, physical_id: Option<&str>) -> CustomResourceRequest {
    let mut request = request(kind, &json!({}));
    if let Some(id) = physical_id {
        request["PhysicalResourceId"] = json!(id);
    }
    parse(&request)
}

/// A pool document as CloudFormation passes an object on: every scalar has become a string.
fn stringly() -> Value {
    json!({
        "version": "1",
        "record": { "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "name": "video.example.com", "ttl_secs": "20",
            "routing": "weighted" },
        "members": { "tags": { "edge-dns": "1", "live": "true" }, "wavelength_zones": ["us-east-1-wl1-bos-wlz-1"] },
        "weight": { "default": "10" },
        "guard": { "max_removals": { "percent": "40", "count": "3", "window_secs": "600" }, "when_empty": "fallback",
            "fallback": { "hosted_zone_id": "Z2", "name": "region.example.net", "evaluate_target_health": "true" } },
    })
}

fn problem(properties: &Value) -> String {
    parse(&request("Create", properties)).properties.unwrap_err().to_string()
}

#[test]
fn a_request_is_read_with_everything_that_its_answer_repeats() {
    let mut update = request("Update", &json!({"ServiceToken": "arn", "DeploymentName": "edge"}));
    update["PhysicalResourceId"] = json!("registrar-edge");
    update["OldResourceProperties"] = json!({"DeploymentName": "old"});
    let request = parse(&update);
    assert_eq!(request.kind, RequestKind::Update);
    assert_eq!(request.deployment(&own()).as_str(), "edge");
    assert_eq!(request.old_properties.unwrap().deployment.unwrap().as_str(), "old");
    assert_eq!(request.resource_type, "Custom::RegistrarPools");
}

#[test]
fn a_document_may_be_text_or_an_object_whose_scalars_became_strings() {
    let text = json!({"version":1,"record":{"hosted_zone_id":"Z1","name":"chat.example.com"},
        "members":{"tags":{"a":"b"}}});
    let properties = json!({
        "PoolName": "chat", "PoolDocument": text.to_string(), "Pools": { "video": stringly() },
    });
    let pools = parse(&request("Create", &properties)).properties.unwrap().pools();
    assert_eq!(pools.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["chat", "video"]);
    assert!(pools[0].policy.is_ok());
    let video = pools[1].policy.as_ref().unwrap();
    assert_eq!((video.ttl_secs, video.default_weight, video.routing), (20, 10, Routing::Weighted));
    assert_eq!(video.max_removals.percent, 40);
    // A tag's value is text, whatever it looks like.
    assert_eq!(video.selector().tags["edge-dns"], "1");
    assert_eq!(video.selector().tags["live"], "true");
}

#[test]
fn a_document_that_is_an_object_is_read_up_to_a_size() {
    let tags: serde_json::Map<String, Value> = (0..20_000).map(|at| (format!("t{at}"), json!("1"))).collect();
    let error = problem(&json!({"Pools": {"video": {"members": {"tags": tags}}}}));
    assert!(error.starts_with("Pools.video: has ") && error.contains("more than 65536"), "{error}");
}

#[test]
fn a_string_that_is_no_number_stays_one_for_the_documents_own_error() {
    let mut document = stringly();
    document["record"]["ttl_secs"] = json!("twenty");
    let properties = json!({"Pools": {"video": document}});
    let pools = parse(&request("Create", &properties)).properties.unwrap().pools();
    let error = pools[0].policy.as_ref().unwrap_err();
    assert!(error.to_string().contains("record.ttl_secs"), "{error}");
    assert!(error.to_string().contains("twenty"), "{error}");
}

#[test]
fn properties_that_cannot_be_used_are_named_and_can_be_answered() {
    for (properties, expected) in [
        (json!("text"), "ResourceProperties: is not an object"),
        (json!({"DeploymentName": "Edge!"}), "DeploymentName: \"Edge!\" is not a deployment name"),
        (json!({"DeploymentName": ["edge"]}), "DeploymentName: is not a string"),
        (
            json!({"HostedZoneId": "/hostedzone/Z1"}),
            "HostedZoneId: \"/hostedzone/Z1\" is not a hosted zone id",
        ),
        (json!({"HostedZoneName": "a..b"}), "HostedZoneName: \"a..b\" is not"),
        (json!({"DnsRoleArn": "edge-dns"}), "DnsRoleArn: \"edge-dns\" is not the ARN of an IAM role"),
        (json!({"PoolName": "video"}), "PoolDocument: is missing"),
        (json!({"PoolDocument": "{}"}), "PoolName: is missing"),
        (json!({"PoolName": "a/b", "PoolDocument": "{}"}), "PoolName: \"a/b\" is not a pool name"),
        (
            json!({"PoolName": "video", "PoolDocument": "7", "Pools": {"video": "{}"}}),
            "pool video has two documents",
        ),
        (
            json!({"PoolName": "video", "PoolDocument": [1]}),
            "PoolDocument: is neither a string nor an object",
        ),
        (json!({"Pools": "text"}), "Pools: is not an object"),
        (json!({"Pools": {"Video": "{}"}}), "Pools: \"Video\" is not a pool name"),
    ] {
        let shown = problem(&properties);
        assert!(shown.contains(expected) && shown.contains("(hint: "), "{properties}: {shown}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let text = request("Create", &json!({"PoolName": "video", "PoolDocument": "DEEP"})).to_string();
    match Invocation::parse(&text.replace("\"DEEP\"", &deep), &own()) {
        Invocation::CustomResource(request) => {
            assert!(request.properties.unwrap_err().problem.contains("recursion"))
        }
        other => panic!("not a custom resource: {other:?}"),
    }
}

#[test]
fn the_physical_id_is_derived_once_and_then_kept() {
    let id = |request: &CustomResourceRequest, failed: bool| -> String {
        let response = match failed {
            true => request.fail(&own(), "no"),
            false => request.succeed(&own(), BTreeMap::new()),
        };
        let body: Value = serde_json::from_str(&response.to_body()).unwrap();
        body["PhysicalResourceId"].as_str().unwrap().to_owned()
    };
    assert_eq!(id(&of("Create", None), false), "registrar-default");
    for kind in ["Update", "Delete"] {
        assert_eq!(id(&of(kind, Some("registrar-before")), false), "registrar-before");
        assert_eq!(id(&of(kind, Some("registrar-before")), true), "registrar-before");
    }
}

#[test]
fn deleting_what_was_refused_undoes_nothing() {
    let refused = of("Create", None).fail(&own(), "the names are in use elsewhere");
    let body: Value = serde_json::from_str(&refused.to_body()).unwrap();
    assert_eq!(of("Delete", body["PhysicalResourceId"].as_str()).undo(), Undo::Nothing);
    assert_eq!(of("Delete", Some("registrar-default")).undo(), Undo::Creation);
    assert_eq!(of("Delete", Some("registrar-its-old-name")).undo(), Undo::Creation);
    // CloudFormation makes up an id where no answer came.
    assert_eq!(of("Delete", Some("registrar-Pools-1D5Q8SJ2TXN0M")).undo(), Undo::Unconfirmed);
    assert_eq!(of("Delete", None).undo(), Undo::Unconfirmed);
    assert_eq!(of("Update", Some("registrar-default")).undo(), Undo::Nothing);
}

#[test]
fn what_a_failed_creation_may_have_made_is_undone_on_evidence() {
    let failed = of("Create", None).fail_midway(&own(), "a change was refused");
    let body: Value = serde_json::from_str(&failed.to_body()).unwrap();
    assert_eq!(body["PhysicalResourceId"], "registrar:failed:default");
    assert_eq!(of("Delete", body["PhysicalResourceId"].as_str()).undo(), Undo::Unconfirmed);
    let kept = of("Update", Some("registrar-default")).fail_midway(&own(), "a change was refused");
    let body: Value = serde_json::from_str(&kept.to_body()).unwrap();
    assert_eq!(body["PhysicalResourceId"], "registrar-default");
}

#[test]
fn the_hosted_zone_is_read_with_its_name_and_role() {
    let role = "arn:aws:iam::123456789012:role/dns";
    let properties = json!({"HostedZoneId": "Z1", "HostedZoneName": "Edge.example.com.", "DnsRoleArn": role});
    let properties = parse(&request("Create", &properties)).properties.unwrap();
    assert_eq!(properties.hosted_zone_id.unwrap().as_str(), "Z1");
    assert_eq!(properties.hosted_zone_name.unwrap().as_str(), "edge.example.com");
    assert_eq!(properties.dns_role_arn.unwrap().as_str(), role);
    let left_out = json!({"HostedZoneId": "", "HostedZoneName": "", "DnsRoleArn": ""});
    let properties = parse(&request("Create", &left_out)).properties.unwrap();
    assert_eq!(properties, ResourceProperties::default());
}

#[test]
fn the_properties_are_listed_apart_from_those_for_cloudformation() {
    assert_eq!(PROPERTIES.len(), 7);
    assert!(MEANT_FOR_CLOUDFORMATION.iter().all(|name| !PROPERTIES.contains(name)));
    // Each of those that are read is missed, or found wrong, where it is a number.
    for name in PROPERTIES {
        let properties = parse(&request("Create", &json!({ *name: 7 }))).properties;
        assert!(properties.is_err(), "{name} is not read: {properties:?}");
    }
    for name in MEANT_FOR_CLOUDFORMATION {
        let properties = parse(&request("Create", &json!({ *name: 7 }))).properties;
        assert_eq!(properties, Ok(ResourceProperties::default()), "{name}");
    }
}

#[test]
fn the_address_of_the_answer_is_never_shown() {
    let request = of("Create", None);
    assert!(request.response_url.expose().ends_with("X-Amz-Signature=hush"));
    assert!(!format!("{request:?}").contains("hush"));
    assert!(!request.fail(&own(), "no").to_body().contains("hush"));
}

#[test]
fn an_answer_has_every_field_that_cloudformation_reads() {
    let request = of("Create", None);
    let data = BTreeMap::from([("Records".to_owned(), "12".to_owned())]);
    assert_eq!(
        serde_json::from_str::<Value>(&request.succeed(&own(), data).to_body()).unwrap(),
        json!({
            "Status": "SUCCESS",
            "Reason": "",
            "PhysicalResourceId": "registrar-default",
            "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/edge/2f1a8f70-c6d5-11f0-8c3b-0e0000000000",
            "RequestId": "7bf73129-1428-4cd3-a780-95db273d1602",
            "LogicalResourceId": "Pools",
            "NoEcho": false,
            "Data": { "Records": "12" },
        })
    );
    let failed = request.fail(&own(), "");
    assert_eq!(failed.status(), ResponseStatus::Failed);
    let body: Value = serde_json::from_str(&failed.to_body()).unwrap();
    assert_eq!((&body["Status"], &body["Reason"]), (&json!("FAILED"), &json!("no reason was given")));
}

#[test]
fn a_request_whose_identifiers_cannot_be_repeated_is_no_request() {
    for (field, value) in [
        ("StackId", json!("x".repeat(600))),
        ("RequestId", json!("a\"b")),
        ("LogicalResourceId", json!("")),
        ("LogicalResourceId", json!(7)),
        ("RequestType", json!("create")),
        ("ResponseURL", json!("ftp://host/")),
    ] {
        let mut request = request("Create", &json!({}));
        request[field] = value.clone();
        match Invocation::parse(&request.to_string(), &own()) {
            Invocation::Unusable(discarded) => {
                assert_eq!(
                    discarded.why.to_string(),
                    format!("\"custom-resource request\" has no usable {field}")
                );
            }
            other => panic!("{field}: {value}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_to_be_said_an_answer_keeps_within_its_size(
        reason in "(?s).{0,6000}",
        physical_id in prop::option::of("[a-zA-Z0-9:/-]{1,1024}"),
        data in prop::collection::btree_map("(?s).{0,60}", "(?s).{0,3000}", 0..6),
        failed in any::<bool>(),
    ) {
        let mut request = of("Update", physical_id.as_deref());
        request.stack_id = "s".repeat(512);
        request.request_id = "r".repeat(512);
        request.logical_resource_id = "l".repeat(512);
        let response = if failed { request.fail(&own(), reason.clone()) } else { request.succeed(&own(), data) };
        let body = response.to_body();
        prop_assert!(body.len() <= LARGEST_RESPONSE, "{} bytes", body.len());
        let body: Value = serde_json::from_str(&body).unwrap();
        let said = body["Reason"].as_str().unwrap();
        if failed && !reason.is_empty() {
            prop_assert!(!said.is_empty() && reason.starts_with(said.trim_end_matches('…')));
        }
    }
}
