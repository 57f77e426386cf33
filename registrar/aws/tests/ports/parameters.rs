//! Parameters from SSM.

use std::collections::{BTreeMap, BTreeSet};

use registrar_aws::{Kind, Parameter};

use crate::replay::{answer, bodies, ok, replay, soon};

fn parameter(value: &str, version: i64) -> Parameter {
    Parameter { value: value.to_owned(), version }
}

#[tokio::test]
async fn an_empty_page_with_a_token_is_not_the_end() {
    let (aws, client) = replay(vec![
        ok(
            r#"{"Parameters":[{"Name":"/r/pools/a","Type":"String","Value":"{}","Version":3}],"NextToken":"one"}"#,
        ),
        ok(r#"{"Parameters":[],"NextToken":"two"}"#),
        ok(r#"{"Parameters":[{"Name":"/r/pools/b","Type":"String","Value":"x","Version":1}]}"#),
    ]);
    let found = aws.parameters_under("/r/pools", soon()).await.unwrap();
    let expected = BTreeMap::from([
        ("/r/pools/a".to_owned(), parameter("{}", 3)),
        ("/r/pools/b".to_owned(), parameter("x", 1)),
    ]);
    assert_eq!(found, expected);
    let first: serde_json::Value = serde_json::from_str(&bodies(&client)[0]).unwrap();
    assert_eq!(first, serde_json::json!({"Path": "/r/pools", "Recursive": true, "MaxResults": 10}));
    assert_eq!(aws.calls().of("ssm:GetParametersByPath"), 3);
}

#[tokio::test]
async fn a_token_of_parameters_that_repeats_is_a_failure() {
    let page = || ok(r#"{"Parameters":[],"NextToken":"same"}"#);
    let (aws, _) = replay(vec![page(), page(), page()]);
    let error = aws.parameters_under("/r/pools", soon()).await.unwrap_err();
    assert!(error.message.contains("cursor does not move"), "{error}");
}

#[tokio::test]
async fn half_of_the_documents_are_not_the_documents() {
    let denied = answer(400, r#"{"__type":"AccessDeniedException","Message":"not authorized"}"#);
    let (aws, _) = replay(vec![ok(r#"{"Parameters":[],"NextToken":"one"}"#), denied]);
    let error = aws.parameters_under("/r/pools", soon()).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Denied, "ssm:GetParametersByPath"));
    assert!(error.message.starts_with("AccessDeniedException: not authorized"), "{error}");
}

#[tokio::test]
async fn parameters_are_asked_for_ten_names_a_call_and_the_unknown_are_absent() {
    let names: BTreeSet<String> = (0..11).map(|number| format!("/r/{number:02}")).collect();
    let (aws, client) = replay(vec![
        ok(r#"{"Parameters":[{"Name":"/r/00","Value":"a","Version":7}],"InvalidParameters":["/r/01"]}"#),
        ok(r#"{"Parameters":[],"InvalidParameters":["/r/10"]}"#),
    ]);
    let found = aws.parameters_named(&names, soon()).await.unwrap();
    assert_eq!(found, BTreeMap::from([("/r/00".to_owned(), parameter("a", 7))]));
    let asked = |body: &String| body.matches("/r/").count();
    assert_eq!(bodies(&client).iter().map(asked).collect::<Vec<_>>(), [10, 1]);
}

#[tokio::test]
async fn a_parameter_is_written_over_whatever_it_was() {
    let (aws, client) = replay(vec![ok(r#"{"Version":2,"Tier":"Standard"}"#)]);
    aws.write_parameter("/r/state", "{\"a\":1}", soon()).await.unwrap();
    let sent: serde_json::Value = serde_json::from_str(&bodies(&client)[0]).unwrap();
    let expected =
        serde_json::json!({"Name": "/r/state", "Value": "{\"a\":1}", "Type": "String", "Overwrite": true});
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn deleting_what_is_not_there_is_done_already() {
    let missing = answer(400, r#"{"__type":"ParameterNotFound"}"#);
    let (aws, _) = replay(vec![missing, ok("{}"), answer(400, r#"{"__type":"AccessDeniedException"}"#)]);
    assert_eq!(aws.delete_parameter("/r/state", soon()).await, Ok(()));
    assert_eq!(aws.delete_parameter("/r/state", soon()).await, Ok(()));
    assert_eq!(aws.delete_parameter("/r/state", soon()).await.unwrap_err().kind, Kind::Denied);
}
