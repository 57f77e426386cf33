//! A status says how each pool stands, since when, and how full its limits are.

#![expect(clippy::unwrap_used, reason = "a story that cannot be told is a failure of these tests")]

use std::collections::BTreeMap;

use registrar_core::state_document::PoolStateDocument;
use registrar_core::status::Status;
use registrar_tests::scenario::Scenario;
use registrar_tests::world::World;
use serde_json::{Value, json};

const A_NIGHT: &str = r#"
why = "Holds, orders, limits and a broken document."
pools.broken.record.ttl_secs = 0
pools.games = { state = "paused", record = { name = "games.bos.edge.example.com" }, members = { tags = { edge-dns = "games" } } }
pools.shared = { record = { name = "shared.bos.edge.example.com", routing = "simple" }, members = { tags = { edge-dns = "shared" } } }
pools.video.guard.max_removals = { percent = 0, count = 0 }
fleet = ["i-90 running carrier=155.146.10.90", "i-91 pending", "i-92 running carrier=155.146.10.92"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/i-{01..05} weight=100 ttl=20 155.146.10.{1..5}",
  "video.bos.edge.example.com A registrar/default/video/i-90 weight=100 ttl=20 155.146.10.90",
]
orders.shared.pause = { reason = "the carrier works on its gateway", since = "2026-11-21T09:00:00Z", until = "2026-11-21T12:00:00Z" }
orders.video.release = { reason = "i-99 is gone", until = "2026-11-21T10:15:00Z", only = ["i-99"] }
"#;

fn status() -> Status {
    let world = World::build(&Scenario::parse(A_NIGHT).unwrap()).unwrap();
    let plan = world.plan().unwrap();
    let mut states = BTreeMap::new();
    for pool in plan.pools.iter().filter(|pool| pool.name.as_str() == "video") {
        let mut state = PoolStateDocument::default();
        state.note_holds(pool, "2026-11-21T08:25:00Z".parse().unwrap());
        state.held_since.retain(|held, _| held.what != "i-02");
        states.insert(pool.name.clone(), state);
    }
    world.status(&states, 9_500).unwrap()
}

#[test]
fn a_status_shows_members_holds_orders_and_limits() {
    insta::assert_snapshot!("status_of_a_night", status().to_string());
}

#[test]
fn the_json_status_is_versioned_and_tells_the_same() {
    let status = serde_json::to_value(status()).unwrap();
    assert_eq!(status["schema"], "registrar-status/1");
    let pool = |name: &str| -> Value {
        let pools = status["pools"].as_array().unwrap();
        pools.iter().find(|pool| pool["name"] == name).unwrap().clone()
    };
    let video = pool("video");
    assert_eq!(video["state"], "active");
    assert_eq!(video["members"], json!({ "pending": 1, "serving": 2, "gone": 5 }));
    assert_eq!(
        video["limits"],
        json!([
            { "limit": "record-sets-of-the-name", "used": 6, "most": 100 },
            { "limit": "record-sets-of-the-hosted-zone", "used": 9500, "most": 10000 },
            { "limit": "document-bytes", "used": 3500, "most": 4096 },
        ])
    );
    assert_eq!(video["held_back"][0]["since"], "2026-11-21T08:25:00Z");
    assert_eq!(video["held_back"][1]["since"], Value::Null, "what nobody noted has no age");
    assert_eq!(video["release"]["only"], json!(["i-99"]));
    assert_eq!(pool("shared")["limits"][0]["limit"], "members-of-the-set");
    assert_eq!(pool("shared")["pause"]["reason"], "the carrier works on its gateway");
    assert_eq!(pool("broken")["state"], Value::Null);
    assert!(pool("broken")["errors"][0].as_str().unwrap().contains("record.ttl_secs"));
}

#[test]
fn a_hosted_zone_with_a_raised_quota_has_no_limit_that_anybody_knows() {
    let world = World::build(&Scenario::parse(A_NIGHT).unwrap()).unwrap();
    let told = |records| {
        let status = world.status(&BTreeMap::new(), records).unwrap();
        serde_json::to_string(&status).unwrap().contains("record-sets-of-the-hosted-zone")
    };
    assert_eq!((told(10_000), told(10_001)), (true, false));
}

const A_TREE: &str = r#"
why = "A tree with a leaf that nobody is led to, and an alias that leads nowhere."
pools.video = {}
fleet = ["i-01 running carrier=155.146.10.1"]
zone = [
  "video.bos.edge.example.com A registrar/default/video/l00 weight=200 alias=l00.video.bos.edge.example.com@Z0EDGE!",
  "video.bos.edge.example.com A registrar/default/video/l02 weight=1 alias=l02.video.bos.edge.example.com@Z0EDGE!",
  "l00.video.bos.edge.example.com A registrar/default/video/i-{01..81} weight=100 ttl=20 155.146.10.{1..81}",
  "l01.video.bos.edge.example.com A registrar/default/video/i-91 weight=50 ttl=20 155.146.10.91",
  "l01.video.bos.edge.example.com A somebody-else weight=50 ttl=20 155.146.10.92",
]
"#;

#[test]
fn a_status_shows_the_leaves_of_a_tree_and_what_is_wrong_with_them() {
    let world = World::build(&Scenario::parse(A_TREE).unwrap()).unwrap();
    let status = world.status(&BTreeMap::new(), 84).unwrap();
    let shown = status.to_string();
    let tree: Vec<&str> = shown.lines().skip_while(|line| !line.contains("tree")).take(6).collect();
    insta::assert_snapshot!("status_of_a_tree", tree.join("\n"));
    let status = serde_json::to_value(status).unwrap();
    let tree = &status["pools"][0]["tree"];
    assert_eq!((&tree["records"], &tree["alias_weight"]), (&json!(82), &json!(201)));
    let leaf =
        json!({ "leaf": "l01", "records": 1, "foreign_records": 1, "weight": 50, "alias_weight": null });
    assert_eq!(tree["leaves"][1], leaf);
    let limits = json!([
        { "limit": "record-sets-of-the-name", "used": 81, "most": 100 },
        { "limit": "instances-of-the-tree", "used": 82, "most": 7500 },
    ]);
    assert_eq!(json!(status["pools"][0]["limits"].as_array().unwrap()[..2]), limits);
}
