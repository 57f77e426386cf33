//! Snapshots of everything that a watch shows: the picture, the lines, the metrics, the events.

use super::simulations::{FOUR, World, truth};
use super::{Picture, line, metrics};
use crate::fixtures::STARTED_AT;
use crate::report::ExitPolicy;

/// Two minutes, at the end of which the third server has answered a stale record for half a minute.
fn world() -> World {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 1);
    world.pass(90, 1);
    world.zones[2].insert(9, 100.0);
    world.pass(30, 1);
    world
}

fn drawn(world: &mut World, columns: usize, rows: usize) -> Vec<String> {
    let events: Vec<String> = world.events.iter().filter_map(|event| line(event, STARTED_AT)).collect();
    let (summary, name) = (world.state.summary(), "video.bos.edge.example.com");
    let picture = Picture { name, summary: &summary, events: &events, at: world.now, colour: false };
    picture.draw(columns, rows)
}

#[test]
fn a_stale_record_is_seen_at_a_glance() {
    insta::assert_snapshot!(drawn(&mut world(), 100, 30).join("\n"));
}

#[test]
fn a_picture_fits_every_terminal() {
    let mut world = world();
    for (columns, rows) in [(0, 0), (1, 1), (10, 3), (40, 8), (80, 24), (300, 100)] {
        let picture = drawn(&mut world, columns, rows);
        assert!(picture.len() <= rows, "{} of {rows} rows", picture.len());
        let widest = picture.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        assert!(widest <= columns, "{widest} of {columns} columns");
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let world = world();
    let summary = world.state.summary();
    let draw = |colour| {
        let picture = Picture { name: "n", summary: &summary, events: &[], at: world.now, colour };
        picture.draw(100, 30).join("\n")
    };
    assert!(draw(true).contains('\u{1b}') && !draw(false).contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&draw(true)).to_string(), draw(false));
}

#[test]
fn the_metrics_of_a_watch_are_named_as_those_of_a_check() {
    let world = world();
    let text =
        metrics("video.bos.edge.example.com", &world.state.summary(), ExitPolicy::default(), world.now);
    let of_two: Vec<&str> =
        text.lines().filter(|line| !line.contains("ns=") || line.contains("127.0.0.3")).collect();
    insta::assert_snapshot!(of_two.join("\n"));
}

#[test]
fn what_happens_is_a_line_for_a_person_and_a_document_for_a_program() {
    let world = world();
    let opened = world.events.iter().filter(|event| {
        serde_json::to_value(event)
            .is_ok_and(|event| event["event"] == "opened" || event["event"] == "servers")
    });
    let told: Vec<String> = opened
        .map(|event| {
            let line = line(event, STARTED_AT).unwrap_or_default();
            format!("{line}{}", serde_json::to_string_pretty(event).unwrap_or_default())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}
