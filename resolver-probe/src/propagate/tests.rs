//! Propagations in simulated time: servers that lag, a dead one, one that flaps, and caches behind them.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::{SignedDuration, Timestamp};

use super::report::PropagationReport;
use super::state::{Change, News, PropagateSettings, State};
use super::track::{Seen, Wanted};
use super::{ChangeState, render_human, render_prometheus};
use crate::fixtures::{NAME, STARTED_AT, address, reply, server};
use crate::observation::{Noise, UdpExchange, UdpFate};
use crate::statistics::Alpha;
use crate::wire::Rcode;

/// The n-th quarter of a second.
fn at(quarters: i64) -> Timestamp {
    STARTED_AT.checked_add(SignedDuration::from_millis(250 * quarters)).unwrap()
}

fn secs(time: Timestamp) -> f64 {
    time.duration_since(STARTED_AT).as_secs_f64()
}

fn settings(changes: &[(u8, Wanted, Option<f64>)]) -> PropagateSettings {
    let changes = changes.iter().map(|(last, wanted, share)| Change {
        address: address(*last),
        wanted: *wanted,
        share: *share,
    });
    PropagateSettings {
        name: NAME.parse().unwrap(),
        changes: changes.collect(),
        alpha: Alpha::default(),
        changed_at: None,
        seed: 1,
    }
}

/// Asks so many servers four times a second for so many seconds; `zone` says which addresses the n-th one has at
/// which second, none where it is dead.
fn run(
    settings: PropagateSettings,
    servers: u8,
    seconds: i64,
    zone: impl Fn(u8, f64) -> Option<Vec<u8>>,
) -> PropagationReport {
    let mut state = State::new(settings, Vec::new(), false, STARTED_AT);
    state.servers((1..=servers).map(|n| (server(n), None)).collect());
    let mut random = StdRng::seed_from_u64(7);
    for quarter in 1..=seconds * 4 {
        for n in 1..=servers {
            let fate = match zone(n, quarter as f64 / 4.0) {
                Some(addresses) => {
                    let drawn = addresses[random.random_range(0..addresses.len())];
                    UdpFate::Answered(reply(Rcode::NO_ERROR, Some(address(drawn))))
                }
                None => UdpFate::Silent,
            };
            let exchange = UdpExchange { tries: 1, noise: Noise::default(), truncated: false, fate };
            state.answer(server(n), &exchange, at(quarter));
        }
        if state.is_over() {
            return state.report(at(quarter));
        }
    }
    state.report(at(seconds * 4))
}

const REPLACED: [(u8, Wanted, Option<f64>); 2] =
    [(5, Wanted::Appears, Some(0.25)), (4, Wanted::Vanishes, Some(0.25))];

/// Address 4 is replaced by 5 at this second.
fn replaced(second: f64, at: f64) -> Option<Vec<u8>> {
    Some(if second < at { vec![1, 2, 3, 4] } else { vec![1, 2, 3, 5] })
}

#[test]
fn both_edges_of_each_server_enclose_its_change() {
    let changed = |n: u8| 30.0 + 7.0 * f64::from(n);
    let report = run(settings(&REPLACED), 4, 300, |n, second| replaced(second, changed(n)));
    assert_eq!((report.propagated, report.exit_code()), (Seen::Yes, 0));
    for (of, n) in report.servers.iter().zip(1..) {
        for change in &of.changes {
            let edge = change.edge.unwrap();
            let (after, by) = (secs(edge.after.unwrap()), secs(edge.by));
            assert!(after < changed(n) && changed(n) <= by, "{after} to {by}, and not around {}", changed(n));
            // At four answers a second, 56 answers say that a share of a quarter is gone.
            assert!(by - after < 25.0, "{after} to {by}");
        }
        assert_eq!(of.changes[1].needed, 56);
    }
}

#[test]
fn what_was_so_at_the_start_has_no_earlier_edge() {
    let report = run(settings(&REPLACED), 2, 60, |_, second| replaced(second, 0.0));
    assert_eq!(report.propagated, Seen::Yes);
    assert!(report.servers.iter().flat_map(|of| &of.changes).all(|of| of.edge.unwrap().after.is_none()));
    assert!(render_human(&report).contains("before"), "{}", render_human(&report));
}

#[test]
fn what_never_comes_is_not_propagated_and_named() {
    let late = |n: u8| if n == 2 { 1e9 } else { 10.0 };
    let report = run(settings(&REPLACED), 3, 120, |n, second| replaced(second, late(n)));
    assert_eq!((report.propagated, report.exit_code()), (Seen::NotYet, 2));
    let text = render_human(&report);
    assert!(text.starts_with("CRITICAL - not propagated after 120.0 s: 127.0.0.2:53\n"), "{text}");
    assert!(text.contains("not yet") && text.contains("still answered"), "{text}");
}

#[test]
fn a_dead_server_cannot_be_told_and_what_is_too_early_neither() {
    let report =
        run(settings(&REPLACED), 2, 120, |n, second| if n == 2 { None } else { replaced(second, 5.0) });
    assert_eq!((report.propagated, report.exit_code()), (Seen::Unknown, 3));
    let report = run(settings(&[(4, Wanted::Vanishes, None)]), 1, 5, |_, second| replaced(second, 0.0));
    assert_eq!(report.exit_code(), 3);
}

#[test]
fn a_server_that_goes_back_and_forth_is_told() {
    let at = [(5, Wanted::Appears, Some(0.25)), (9, Wanted::Appears, Some(0.25))];
    let report = run(settings(&at), 1, 180, |_, second| replaced(second % 60.0, 30.0));
    assert_eq!(report.exit_code(), 2);
    assert!(report.servers[0].changes[0].flaps >= 2, "{report:?}");
    assert!(render_human(&report).contains("went back and forth"));
}

#[test]
fn without_a_share_as_many_answers_are_asked_for_as_one_of_eight_takes() {
    let report = run(settings(&[(4, Wanted::Vanishes, None)]), 1, 120, |_, second| replaced(second, 20.0));
    assert_eq!((report.exit_code(), report.servers[0].changes[0].needed), (0, 104));
}

#[test]
fn route_53_stands_beside_the_servers_and_is_not_waited_for() {
    let mut state = State::new(settings(&REPLACED), Vec::new(), true, STARTED_AT);
    assert!(state.route53(Ok(ChangeState::Pending), at(4)).is_none());
    assert!(state.route53(Err("throttled".to_owned()), at(8)).is_none());
    assert!(state.route53(Ok(ChangeState::InSync), at(40)).is_some());
    assert!(state.route53(Ok(ChangeState::InSync), at(44)).is_none());
    let report = state.report(at(48));
    let edge = report.route53.as_ref().unwrap().edge.unwrap();
    assert_eq!((edge.after.map(secs), secs(edge.by)), (Some(1.0), 10.0));
    assert!(render_prometheus(&report).contains("ns=\"INSYNC\"} 10\n"));
}

#[test]
fn it_is_ready_when_every_server_was_asked_often_enough() {
    let mut state = State::new(settings(&REPLACED), Vec::new(), false, STARTED_AT);
    state.servers((1..=2).map(|n| (server(n), None)).collect());
    let answer = |last| UdpExchange {
        tries: 1,
        noise: Noise::default(),
        truncated: false,
        fate: UdpFate::Answered(reply(Rcode::NO_ERROR, Some(address(last)))),
    };
    let mut ready = Vec::new();
    for quarter in 1..=60 {
        for n in 1..=2 {
            // The address that shall go is there, and the one that shall come is not.
            let news = state.answer(server(n), &answer(4), at(quarter));
            ready.extend(news.contains(&News::Ready).then_some(quarter));
        }
    }
    assert_eq!(ready, [state.report(at(60)).servers[0].changes[0].needed as i64]);
}
