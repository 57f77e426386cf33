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
