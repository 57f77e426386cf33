//! `registrar pool check` and `registrar pool schema`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::edge::Edge;

fn document() -> Value {
    json!({
        "version": 1,
        "record": {
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ", "name": "video.bos.edge.example.com",
            "ttl_secs": 20, "routing": "weighted",
        },
        "members": {
            "wavelength_zones": ["us-east-1-wl1-bos-wlz-1"], "tags": { "edge-dns": "video" },
            "auto_scaling_groups": [], "address": "carrier-ip",
        },
        "weight": { "default": 100, "tag": "edge-dns-weight" },
        "guard": { "max_removals": { "percent": 30, "count": 2, "window_secs": 900 }, "when_empty": "remove" },
        "drain": { "hook": "dns-drain" },
        "state": "active",
    })
}

fn check(edge: &Edge, document: &Value) -> Result<i32> {
    edge.write("video.json", &document.to_string())?;
    Ok(edge.run(&["pool", "check", "video.json"])?.code)
}

#[test]
fn the_documented_example_is_accepted() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    edge.write("video.json", &document().to_string())?;
    edge.run(&["pool", "check", "video.json"])?.exited(0)?.says("video.bos.edge.example.com")?;
    Ok(())
}

#[test]
fn a_bad_document_is_refused_with_file_path_value_and_hint() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    let cases = [
        ("/record/ttl_secs", json!(0), "record.ttl_secs"),
        ("/record/ttl_secs", json!(86_401), "86401"),
        ("/weight/default", json!(256), "weight.default"),
        ("/guard/max_removals/percent", json!(101), "guard.max_removals.percent"),
        ("/record/name", json!("*.edge.example.com"), "record.name"),
        ("/record/routing", json!("Weighted"), "record.routing"),
        ("/version", json!(2), "version"),
        ("/state", json!("deleted"), "state"),
        ("/guard/when_empty", json!("fallback"), "guard.fallback"),
        ("/members/tags", json!({ "aws:autoscaling:groupName": "edge" }), "members.tags"),
    ];
    for (pointer, value, part) in cases {
        let mut bad = document();
        *bad.pointer_mut(pointer).context(pointer)? = value;
        edge.write("video.json", &bad.to_string())?;
        let ran = edge.run(&["pool", "check", "video.json"])?.exited(1)?.silent()?;
        ran.complains("video.json")?.complains(part)?.complains("hint:")?;
    }
    edge.run(&["pool", "check", "gone.json"])?.exited(1)?.complains("gone.json")?;
    Ok(())
}

#[test]
fn what_the_schema_requires_is_required() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    let schema: Value = serde_json::from_str(&edge.run(&["pool", "schema"])?.exited(0)?.stdout)?;
    let mut required = Vec::new();
    for (pointer, section) in
        [("", &schema), ("/record", section(&schema, "record")?), ("/members", section(&schema, "members")?)]
    {
        for key in section["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let mut bad = document();
            let object = bad.pointer_mut(pointer).and_then(Value::as_object_mut).context("an object")?;
            object.remove(key);
            assert_eq!(check(&edge, &bad)?, 1, "without {pointer}/{key}");
            required.push(format!("{pointer}/{key}"));
        }
    }
    required.sort();
    assert_eq!(required, ["/members", "/record", "/record/hosted_zone_id", "/record/name", "/version"]);
    Ok(())
}

#[test]
fn what_the_schema_leaves_open_has_a_default() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    let minimal = json!({
        "version": 1,
        "record": { "hosted_zone_id": "Z1", "name": "video.edge.example.com" },
        "members": { "auto_scaling_groups": ["edge"] },
    });
    assert_eq!(check(&edge, &minimal)?, 0);
    let mut nothing_selected = minimal;
    nothing_selected["members"] = json!({});
    assert_eq!(check(&edge, &nothing_selected)?, 1);
    Ok(())
}

#[test]
fn the_bounds_of_the_schema_are_the_bounds_of_the_command() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    let schema: Value = serde_json::from_str(&edge.run(&["pool", "schema"])?.exited(0)?.stdout)?;
    let guard = section(&schema, "guard")?;
    let limits = resolve(&schema, &guard["properties"]["max_removals"])?;
    for (pointer, property) in [
        ("/version", &schema["properties"]["version"]),
        ("/record/ttl_secs", &section(&schema, "record")?["properties"]["ttl_secs"]),
        ("/weight/default", &section(&schema, "weight")?["properties"]["default"]),
        ("/guard/max_removals/percent", &limits["properties"]["percent"]),
        ("/guard/max_removals/count", &limits["properties"]["count"]),
        ("/guard/max_removals/window_secs", &limits["properties"]["window_secs"]),
    ] {
        let bound = |key: &str| property[key].as_i64().with_context(|| format!("{pointer} has no {key}"));
        let (least, most) = (bound("minimum")?, bound("maximum")?);
        for (value, code) in [(least - 1, 1), (least, 0), (most, 0), (most + 1, 1)] {
            let mut changed = document();
            *changed.pointer_mut(pointer).context(pointer)? = json!(value);
            assert_eq!(check(&edge, &changed)?, code, "{pointer} = {value}");
        }
    }
    Ok(())
}

#[test]
fn unknown_keys_are_refused_by_schema_and_command_alike() -> Result<()> {
    let edge = Edge::new("pools = {}")?;
    let schema: Value = serde_json::from_str(&edge.run(&["pool", "schema"])?.exited(0)?.stdout)?;
    assert_eq!(schema["additionalProperties"], false);
    for key in ["record", "members", "weight", "guard", "drain"] {
        assert_eq!(section(&schema, key)?["additionalProperties"], false, "{key}");
        let mut bad = document();
        bad[key]["no_such_key"] = json!(1);
        assert_eq!(check(&edge, &bad)?, 1, "{key}");
    }
    Ok(())
}

fn section<'a>(schema: &'a Value, key: &str) -> Result<&'a Value> {
    resolve(schema, &schema["properties"][key])
}

/// Follows a reference; with `anyOf` or a default beside it, it may stand inside `allOf`.
fn resolve<'a>(schema: &'a Value, place: &'a Value) -> Result<&'a Value> {
    let reference = place["$ref"].as_str().or_else(|| place["allOf"][0]["$ref"].as_str());
    let Some(reference) = reference else { return Ok(place) };
    let found = schema.pointer(reference.trim_start_matches('#')).with_context(|| reference.to_owned())?;
    ensure!(found.is_object(), "{reference} is no object");
    Ok(found)
}
