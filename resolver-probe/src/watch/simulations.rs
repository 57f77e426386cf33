//! Watches in simulated time: findings open and close when they should, and never by looking often.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::event::{Event, Happening};
use super::state::{State, WatchSettings};
use crate::fixtures::{self, NAME, STARTED_AT, address, fleet, policy, reply};
use crate::history::History;
use crate::observation::{Noise, UdpExchange, UdpFate};
use crate::report::{FindingId, Severity};
use crate::statistics::Alpha;
use crate::truth::Truth;
use crate::wire::{Rcode, Reply};
use registrar_core::{SignedDuration, Timestamp};

const NOTHING: [&str; 0] = [];
/// Servers of a simulation.
const SERVERS: u8 = 4;

/// A watch with one answer a second of each server, and what its servers answer.
pub(super) struct World {
    pub(super) state: State,
    random: StdRng,
    pub(super) now: Timestamp,
    /// The weights of each server's addresses.
    pub(super) zones: Vec<BTreeMap<u8, f64>>,
    pub(super) events: Vec<Event>,
}

pub(super) fn truth(weights: &[(u8, f64)]) -> Truth {
    let rows: Vec<(String, String, String)> = weights
        .iter()
        .map(|(last, weight)| (format!("i-{last}"), address(*last).to_string(), weight.to_string()))
        .collect();
    let rows: Vec<_> =
        rows.iter().map(|(id, ip, weight)| (id.as_str(), ip.as_str(), "running", weight.as_str())).collect();
    Truth::new(&policy(""), &fleet(&rows), None)
}

impl World {
    pub(super) fn new(weights: &[(u8, f64)], truth: Option<Truth>, seed: u64) -> Self {
        let settings = WatchSettings {
            name: NAME.parse().unwrap(),
            alpha: Alpha::default(),
            grace: SignedDuration::from_secs(60),
        };
        let mut state = State::new(settings, History::default(), STARTED_AT);
        state.servers((1..=SERVERS).map(|n| (fixtures::server(n), None)).collect(), STARTED_AT);
        if let Some(truth) = truth {
            state.truth(Ok(truth), STARTED_AT);
        }
        let zones = vec![weights.iter().copied().collect(); usize::from(SERVERS)];
        Self { state, random: StdRng::seed_from_u64(seed), now: STARTED_AT, zones, events: Vec::new() }
    }

    fn draw(&mut self, server: usize) -> Option<u8> {
        let zone = &self.zones[server];
        let mut point = self.random.random::<f64>() * zone.values().sum::<f64>();
        zone.iter()
            .find(|(_, weight)| {
                point -= **weight;
                point < 0.0
            })
            .map(|(last, _)| *last)
    }

    /// Lets time pass: each server answers each second, and everything is judged every so many seconds.
    pub(super) fn pass(&mut self, seconds: u64, judged_every: u64) {
        for second in 1..=seconds {
            self.now = self.now.checked_add(SignedDuration::from_secs(1)).unwrap();
            for n in 1..=SERVERS {
                let drawn = self.draw(usize::from(n) - 1).map(address);
                self.hear(n, reply(Rcode::NO_ERROR, drawn));
            }
            if second % judged_every == 0 {
                self.state.tick(self.now);
                let events = self.state.events();
                self.events.extend(events.into_iter().filter(|event| !is_summary(event)));
                drop(self.state.history_lines());
            }
        }
    }

    fn hear(&mut self, n: u8, reply: Reply) {
        let fate = UdpFate::Answered(reply);
        let exchange = UdpExchange { tries: 1, noise: Noise::default(), truncated: false, fate };
        self.state.answer(fixtures::server(n), &exchange, self.now);
    }

    /// Returns what was opened and closed, as `+ stale-record` and `- stale-record`, without what is for information.
    fn lives(&self) -> Vec<String> {
        let word = |event: &Event| match &event.happening {
            Happening::Opened(of) if of.finding.severity != Severity::Info => {
                Some(format!("+ {}", of.finding.id))
            }
            Happening::Closed(of) if of.finding.severity != Severity::Info => {
                Some(format!("- {}", of.finding.id))
            }
            _ => None,
        };
        self.events.iter().filter_map(word).collect()
    }

    /// Returns the seconds from the beginning to the first finding of this kind.
    fn opened_after(&self, id: FindingId) -> Option<i64> {
        let first = self.events.iter().find(
            |event| matches!(&event.happening, Happening::Opened(standing) if standing.finding.id == id),
        );
        first.map(|event| event.at.duration_since(STARTED_AT).as_secs())
    }
}

fn is_summary(event: &Event) -> bool {
    matches!(event.happening, Happening::Summary(_))
}

pub(super) const FOUR: [(u8, f64); 4] = [(1, 100.0), (2, 100.0), (3, 50.0), (4, 50.0)];

/// Watches a pool that is as it should be, and returns what was raised.
fn alarms(hours: u64, weights: &[(u8, f64)], with_truth: bool, seed: u64) -> Vec<String> {
    let mut world = World::new(weights, with_truth.then(|| truth(weights)), seed);
    world.pass(hours * 3_600, 10);
    world.lives()
}

#[test]
fn ten_hours_of_a_right_pool_raise_nothing() {
    assert_eq!(alarms(10, &FOUR, true, 1), NOTHING);
    assert_eq!(alarms(10, &FOUR, false, 2), NOTHING);
}

/// `cargo test --release -p resolver-probe --lib thousand -- --ignored`
#[test]
#[ignore = "two minutes; its figures are in docs/probe.md"]
fn a_thousand_hours_raise_nothing() {
    let ten: Vec<(u8, f64)> = (1..=10).map(|last| (last, f64::from(last) * 10.0)).collect();
    for (weights, with_truth, hours) in
        [(&FOUR[..], true, 500), (&ten, true, 300), (&FOUR[..], false, 150), (&ten, false, 50)]
    {
        assert_eq!(alarms(hours, weights, with_truth, hours), NOTHING, "{hours} hours");
    }
}

#[test]
fn a_stale_record_opens_at_its_first_answer_and_closes_when_it_would_have_shown() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 3);
    world.pass(600, 1);
    world.zones[2].insert(9, 100.0);
    world.pass(120, 1);
    assert_eq!(world.lives(), ["+ stale-record"]);
    world.zones[2].remove(&9);
    world.pass(120, 1);
    assert_eq!(world.lives(), ["+ stale-record", "- stale-record"]);
    let closed = world.events.iter().find_map(|event| match &event.happening {
        Happening::Closed(standing) => Some((event.at, standing.clone())),
        _ => None,
    });
    let (at, standing) = closed.unwrap();
    assert_eq!(standing.finding.server, Some(fixtures::server(3)));
    let from = |time: Timestamp| time.duration_since(STARTED_AT).as_secs();
    assert!((600..640).contains(&from(standing.since)), "{standing:?}");
    assert!((690..=720).contains(&from(standing.last_seen_at)), "{standing:?}");
    // A share of a quarter: 0.75 to the power of 24 is 0.001. But the share is not known exactly, and nothing says that
    // it is not far smaller.
    assert!((24..110).contains(&(from(at) - from(standing.last_seen_at))), "{at}");
}

#[test]
fn an_address_that_goes_missing_opens_when_chance_does_not_explain_it_and_closes_at_its_next_answer() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 4);
    world.pass(3_600, 1);
    world.zones[0].remove(&3);
    world.pass(600, 1);
    assert_eq!(world.lives(), ["+ missing-ip"]);
    let after = world.opened_after(FindingId::MissingIp).unwrap() - 3_600;
    assert!((100..400).contains(&after), "{after}");
    world.zones[0].insert(3, 50.0);
    world.pass(60, 1);
    assert_eq!(world.lives(), ["+ missing-ip", "- missing-ip"]);
}

#[test]
fn a_weight_that_is_off_at_one_server_opens_there_alone_and_closes() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 5);
    world.pass(3_600, 10);
    world.zones[1].insert(1, 30.0);
    world.pass(7_200, 10);
    assert_eq!(world.lives(), ["+ wrong-weights"]);
    world.zones[1].insert(1, 100.0);
    world.pass(14_400, 10);
    assert_eq!(world.lives(), ["+ wrong-weights", "- wrong-weights"]);
}

#[test]
fn a_change_of_the_fleet_that_is_answered_within_the_grace_raises_nothing() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 6);
    world.pass(600, 1);
    let after = [(1, 100.0), (2, 50.0), (3, 50.0), (5, 100.0)];
    world.state.truth(Ok(truth(&after)), world.now);
    world.pass(45, 1);
    world.zones = vec![after.into_iter().collect(); usize::from(SERVERS)];
    world.pass(7_200, 1);
    assert_eq!(world.lives(), NOTHING);
    let vanished = |event: &&Event| matches!(event.happening, Happening::Vanished { address: ip, .. } if ip == address(4));
    assert_eq!(world.events.iter().filter(vanished).count(), usize::from(SERVERS));
}

#[test]
fn a_change_of_the_fleet_that_is_never_answered_is_found_after_the_grace() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 7);
    world.pass(600, 1);
    world.state.truth(Ok(truth(&FOUR[..3])), world.now);
    world.pass(50, 1);
    assert_eq!(world.lives(), NOTHING);
    world.pass(30, 1);
    assert_eq!(world.lives(), vec!["+ stale-record"; usize::from(SERVERS)]);
}

#[test]
fn without_a_truth_servers_that_differ_are_told() {
    let mut world = World::new(&FOUR, None, 8);
    world.pass(3_600, 1);
    world.zones[3].remove(&2);
    world.pass(600, 1);
    assert_eq!(world.lives(), ["+ ns-diverged"]);
    // Everywhere gone is a change, and no divergence.
    world.zones.iter_mut().for_each(|zone| zone.retain(|last, _| *last != 2));
    world.pass(600, 1);
    assert_eq!(world.lives(), ["+ ns-diverged", "- ns-diverged"]);
}

#[test]
fn a_server_that_falls_silent_is_told_after_four_queries_and_closed_after_four() {
    let mut world = World::new(&FOUR, None, 9);
    world.pass(60, 1);
    let silent = UdpExchange { tries: 4, noise: Noise::default(), truncated: false, fate: UdpFate::Silent };
    for lost in 1..=4 {
        world.state.answer(fixtures::server(1), &silent, world.now);
        world.state.tick(world.now);
        world.events.extend(world.state.events());
        assert_eq!(world.lives().len(), usize::from(lost == 4));
    }
    world.pass(4, 1);
    assert_eq!(world.lives(), ["+ ns-unreachable", "- ns-unreachable"]);
}

#[test]
fn a_server_that_answers_random_addresses_does_not_fill_the_memory() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 10);
    for n in 0..2_000_u32 {
        let reply = reply(Rcode::NO_ERROR, Some(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n)));
        world.hear(1, reply);
    }
    world.state.tick(world.now);
    let summary = world.state.summary();
    assert!(summary.servers[0].addresses.len() <= 256, "{}", summary.servers[0].addresses.len());
    assert!(summary.servers[0].left_out >= 1_700 && summary.findings.len() <= 1_000);
}

#[test]
fn a_watch_that_ends_before_everything_was_seen_is_not_ok() {
    let mut world = World::new(&FOUR, Some(truth(&FOUR)), 11);
    world.pass(2, 1);
    let severities = |summary: &super::Summary| summary.findings.iter().map(|of| of.finding.severity).min();
    let code = world.state.end(world.now, |summary| u8::from(severities(summary) == Some(Severity::Unknown)));
    assert_eq!(code, 1);
}
