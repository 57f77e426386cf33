//! SSM.

use aws_stand_in::{StandIn, World};
use serde_json::{Value, json};

use crate::client::Client;

async fn started() -> (StandIn, Client) {
    let mut world = World::default();
    for number in 0..12 {
        world.put_parameter(&format!("/registrar/default/pools/p{number:02}"), "{}");
    }
    world.put_parameter("/registrar/default/state/budget", "0");
    let stand_in = StandIn::start(world).await.unwrap();
    let client = Client::of(&stand_in);
    (stand_in, client)
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|parameter| parameter["Name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn parameters_by_path_come_in_pages_of_at_most_10() {
    let (_stand_in, client) = started().await;
    let first =
        client.ssm("GetParametersByPath", json!({ "Path": "/registrar/default", "Recursive": true })).await;
    assert_eq!(first.headers["content-type"], "application/x-amz-json-1.1");
    let first = first.json();
    assert_eq!(names(&first).len(), 10);
    let input = json!({ "Path": "/registrar/default", "Recursive": true, "NextToken": first["NextToken"], "MaxResults": 10 });
    let second = client.ssm("GetParametersByPath", input).await.json();
    assert_eq!(names(&second).last(), Some(&"/registrar/default/state/budget"));
    assert_eq!((names(&second).len(), second.get("NextToken")), (3, None));
    for size in [0, 11] {
        let answer = client.ssm("GetParametersByPath", json!({ "Path": "/", "MaxResults": size })).await;
        assert_eq!(answer.refusal(), (400, "ValidationException".to_owned()));
    }
    let bad = client.ssm("GetParametersByPath", json!({ "Path": "/", "NextToken": "x" })).await;
    assert_eq!(bad.refusal(), (400, "InvalidNextToken".to_owned()));
}

#[tokio::test]
async fn a_path_has_only_its_own_level_unless_it_is_recursive() {
    let (_stand_in, client) = started().await;
    let level = client.ssm("GetParametersByPath", json!({ "Path": "/registrar/default" })).await.json();
    assert_eq!(names(&level), [""; 0]);
    let level =
        client.ssm("GetParametersByPath", json!({ "Path": "/registrar/default/state/" })).await.json();
    assert_eq!(names(&level), ["/registrar/default/state/budget"]);
    let sibling =
        client.ssm("GetParametersByPath", json!({ "Path": "/registrar/def", "Recursive": true })).await;
    assert_eq!(names(&sibling.json()), [""; 0], "a path ends at a slash");
    let bare = client.ssm("GetParametersByPath", json!({ "Path": "registrar" })).await;
    assert_eq!(bare.refusal(), (400, "ValidationException".to_owned()));
}

#[tokio::test]
async fn parameters_are_named_ten_at_a_time_and_unknown_ones_are_invalid() {
    let (_stand_in, client) = started().await;
    let known = "/registrar/default/pools/p01";
    let answer =
        client.ssm("GetParameters", json!({ "Names": [known, "/nope", "/registrar/default/pools/p02:9"] }));
    let answer = answer.await.json();
    assert_eq!(names(&answer), [known]);
    assert_eq!(answer["InvalidParameters"], json!(["/nope", "/registrar/default/pools/p02:9"]));
    let many: Vec<String> = (0..11).map(|number| format!("/p{number}")).collect();
    for bad in [json!([]), json!(many), json!([known, known])] {
        let answer = client.ssm("GetParameters", json!({ "Names": bad })).await;
        assert_eq!(answer.refusal(), (400, "ValidationException".to_owned()));
    }
}

#[tokio::test]
async fn one_parameter_is_found_or_not() {
    let (_stand_in, client) = started().await;
    let found = client.ssm("GetParameter", json!({ "Name": "/registrar/default/state/budget" })).await.json();
    assert_eq!((&found["Parameter"]["Value"], &found["Parameter"]["Version"]), (&json!("0"), &json!(1)));
    let missing = client.ssm("GetParameter", json!({ "Name": "/nope" })).await;
    assert_eq!(missing.refusal(), (400, "ParameterNotFound".to_owned()));
    let version = client.ssm("GetParameter", json!({ "Name": "/registrar/default/state/budget:2" })).await;
    assert_eq!(version.refusal(), (400, "ParameterVersionNotFound".to_owned()));
}

#[tokio::test]
async fn a_write_counts_versions_and_overwrites_only_when_told() {
    let (stand_in, client) = started().await;
    let put = |value: &str, overwrite: bool| {
        client.ssm(
            "PutParameter",
            json!({ "Name": "/a/b", "Value": value, "Type": "String", "Overwrite": overwrite }),
        )
    };
    assert_eq!(put("one", false).await.json()["Version"], 1);
    assert_eq!(put("two", false).await.refusal(), (400, "ParameterAlreadyExists".to_owned()));
    assert_eq!(put("two", true).await.json()["Version"], 2);
    assert_eq!(stand_in.world().parameter("/a/b").unwrap().value, "two");
}

#[tokio::test]
async fn a_standard_value_has_at_most_4096_bytes() {
    let (_stand_in, client) = started().await;
    let put = |value: String, tier: &'static str| {
        client.ssm(
            "PutParameter",
            json!({ "Name": "/a", "Value": value, "Type": "String", "Overwrite": true, "Tier": tier }),
        )
    };
    assert_eq!(put("x".repeat(4_096), "Standard").await.status, 200);
    let refused = (400, "ValidationException".to_owned());
    assert_eq!(put("x".repeat(4_097), "Standard").await.refusal(), refused);
    assert_eq!(put("é".repeat(2_049), "Standard").await.refusal(), refused, "bytes count, not characters");
    assert_eq!(put("x".repeat(8_192), "Advanced").await.status, 200);
    assert_eq!(put(String::new(), "Standard").await.refusal(), refused);
}

#[tokio::test]
async fn a_name_has_its_alphabet_and_at_most_15_levels() {
    let (_stand_in, client) = started().await;
    let put =
        |name: String| client.ssm("PutParameter", json!({ "Name": name, "Value": "x", "Type": "String" }));
    let deep = |levels: usize| "/x".repeat(levels);
    assert_eq!(put(deep(15)).await.status, 200);
    assert_eq!(put(deep(16)).await.refusal(), (400, "HierarchyLevelLimitExceededException".to_owned()));
    for bad in ["", "/a b", "a/b", "/a//b", "/a/"] {
        assert_eq!(put(bad.to_owned()).await.refusal(), (400, "ValidationException".to_owned()), "{bad:?}");
    }
    let untyped = client.ssm("PutParameter", json!({ "Name": "/new", "Value": "x" })).await;
    assert_eq!(untyped.refusal(), (400, "ValidationException".to_owned()));
}

#[tokio::test]
async fn deleting_tells_what_was_there() {
    let (stand_in, client) = started().await;
    let name = "/registrar/default/state/budget";
    assert_eq!(client.ssm("DeleteParameter", json!({ "Name": name })).await.status, 200);
    let again = client.ssm("DeleteParameter", json!({ "Name": name })).await;
    assert_eq!(again.refusal(), (400, "ParameterNotFound".to_owned()));
    let both = client
        .ssm("DeleteParameters", json!({ "Names": [name, "/registrar/default/pools/p00"] }))
        .await
        .json();
    assert_eq!(both["DeletedParameters"], json!(["/registrar/default/pools/p00"]));
    assert_eq!(both["InvalidParameters"], json!([name]));
    assert!(stand_in.world().parameter("/registrar/default/pools/p00").is_none());
}

#[tokio::test]
async fn an_input_that_is_not_modelled_is_refused() {
    let (_stand_in, client) = started().await;
    let filters = json!({ "Path": "/", "ParameterFilters": [{ "Key": "Type", "Values": ["String"] }] });
    let answer = client.ssm("GetParametersByPath", filters).await;
    assert_eq!(answer.refusal(), (400, "ValidationException".to_owned()));
}
