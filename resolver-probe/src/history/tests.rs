//! What a history says of an address, and what it is not taken for.

use proptest::prelude::*;
use registrar_core::SignedDuration;

use super::*;
use crate::fixtures::{NAME, address, server};

fn at(secs: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(secs)
}

fn name() -> RecordName {
    NAME.parse().unwrap()
}

fn addresses(last: &[u8]) -> Vec<Ipv4Addr> {
    last.iter().map(|last| address(*last)).collect()
}

fn change(secs: i64, n: u8, appeared: &[u8], vanished: &[u8]) -> String {
    let (appeared, vanished) = (addresses(appeared), addresses(vanished));
    HistoryLine::change(at(secs), name(), server(n), appeared, vanished, Some(20)).write()
}

fn watching(secs: i64, n: u8, answered: &[u8]) -> String {
    HistoryLine::watching(at(secs), name(), server(n), addresses(answered), Some(20)).write()
}

fn read(lines: &[String]) -> History {
    History::read(&lines.concat()).unwrap()
}

/// Last valid, gone by, in seconds.
fn times(history: &History, last: u8) -> (Option<i64>, Option<i64>) {
    let presence = history.of(address(last)).unwrap();
    let seconds = |at: Option<Timestamp>| at.map(Timestamp::as_second);
    (seconds(presence.last_valid_at), seconds(presence.gone_by))
}

#[test]
fn a_line_is_written_on_one_line_and_read_back() {
    let line = change(3_600, 1, &[1], &[9]);
    let written = r#"{"schema":"resolver-probe-history/1","at":"1970-01-01T01:00:00Z","name":"video.bos.edge.example.com","server":"127.0.0.1:53","appeared":["192.0.2.1"],"vanished":["192.0.2.9"],"ttl_secs":20}"#;
    assert_eq!(line, format!("{written}\n"));
    assert_eq!(HistoryLine::read(&line, 1).unwrap().write(), line);
    let line = watching(3_600, 1, &[]);
    assert_eq!(HistoryLine::read(&line, 1).unwrap().write(), line);
}

#[test]
fn an_address_is_valid_while_it_is_answered_and_gone_when_it_vanished() {
    let mut lines = vec![change(0, 1, &[1, 9], &[]), watching(20, 1, &[1, 9]), watching(40, 1, &[1])];
    let history = read(&lines);
    // It was answered at some time between 0 s and 20 s: 0 s is certain.
    assert_eq!((times(&history, 9), times(&history, 1)), ((Some(0), None), (Some(20), None)));
    lines.extend([change(50, 1, &[], &[9]), watching(60, 1, &[1])]);
    let history = read(&lines);
    assert_eq!((times(&history, 9), times(&history, 1)), ((Some(0), Some(50)), (Some(50), None)));
    assert_eq!(history.of(address(9)).unwrap().ttl_secs, Some(20));
    assert_eq!(history.of(address(7)), None);
    assert_eq!((history.until(), history.addresses()), (Some(at(60)), addresses(&[1, 9])));
}

#[test]
fn what_comes_back_is_valid_again() {
    let history = read(&[change(0, 1, &[9], &[]), change(10, 1, &[], &[9]), watching(30, 1, &[9])]);
    assert_eq!(times(&history, 9), (Some(10), None));
}

#[test]
fn an_address_is_gone_when_the_last_server_has_stopped() {
    let mut lines = vec![change(0, 1, &[9], &[]), change(0, 2, &[9], &[]), change(10, 1, &[], &[9])];
    assert_eq!(times(&read(&lines), 9), (Some(0), None));
    lines.push(change(25, 2, &[], &[9]));
    assert_eq!(times(&read(&lines), 9), (Some(0), Some(25)));
}

#[test]
fn where_nobody_watched_for_a_while_what_was_gone_is_gone_only_from_then_on() {
    let gone = [change(0, 1, &[9], &[]), change(10, 1, &[], &[9])];
    let watched = read(&[&gone[..], &[watching(130, 1, &[1])]].concat());
    assert_eq!(times(&watched, 9), (Some(0), Some(10)));
    let unwatched = read(&[&gone[..], &[watching(131, 1, &[1])]].concat());
    assert_eq!(times(&unwatched, 9), (Some(0), Some(131)));
}

#[test]
fn of_a_server_that_is_watched_no_more_nothing_is_known() {
    let gone = [change(0, 1, &[9], &[]), change(10, 1, &[], &[9]), change(0, 2, &[1], &[])];
    let history = read(&[&gone[..], &[watching(100, 2, &[1])]].concat());
    assert_eq!(times(&history, 9), (Some(0), Some(10)));
    assert!(history.is_watched_at(at(130)) && !history.is_watched_at(at(131)));
    let history = read(&[&gone[..], &[watching(100, 2, &[1]), watching(200, 2, &[1])]].concat());
    assert_eq!(times(&history, 9), (Some(0), None));
    assert!(!History::default().is_watched_at(at(0)));
}

#[test]
fn a_ttl_that_was_longer_lives_on_in_caches_until_it_has_run_out() {
    let line =
        |secs, ttl| HistoryLine::watching(at(secs), name(), server(1), addresses(&[1]), Some(ttl)).write();
    let history = read(&[line(0, 300), line(60, 20), line(120, 20)]);
    assert_eq!(history.ttl_secs_in_caches(at(300)), Some(300));
    assert_eq!(
        (history.ttl_secs_in_caches(at(301)), history.of(address(1)).unwrap().ttl_secs),
        (None, Some(20))
    );
    assert_eq!(history.ttl_secs_in_caches(at(130)), Some(300));
}

#[test]
fn what_a_name_answers_is_known_after_a_minute_of_watching() {
    let mut lines = vec![change(0, 1, &[1], &[]), watching(50, 1, &[1])];
    assert_eq!(read(&lines).known_since(), None);
    lines.push(watching(70, 1, &[1]));
    assert_eq!(read(&lines).known_since(), Some(at(60)));
    lines.push(watching(1_000, 1, &[1]));
    assert_eq!(read(&lines).known_since(), None);
}

#[test]
fn lines_of_two_watchers_are_read_by_their_times() {
    let lines = [change(10, 1, &[], &[9]), watching(30, 1, &[]), change(0, 1, &[9], &[])];
    assert_eq!(times(&read(&lines), 9), (Some(0), Some(10)));
}

#[test]
fn a_line_that_is_being_written_does_not_count_and_a_torn_one_in_the_middle_is_named() {
    let whole = change(0, 1, &[9], &[]);
    let torn = &whole[..whole.len() / 2];
    assert_eq!(History::read(&format!("{whole}{torn}")).unwrap(), read(std::slice::from_ref(&whole)));
    let error = History::read(&format!("{whole}\n{torn}\n{whole}")).unwrap_err().to_string();
    assert!(
        error.starts_with("line 3: column 82: EOF while parsing") && error.contains("(hint: "),
        "{error}"
    );
}

#[test]
fn what_is_no_history_is_refused_with_its_line() {
    let good = change(0, 1, &[9], &[]);
    for (from, to, complaint) in [
        ("history/1", "history/2", ": the schema is \"resolver-probe-history/2\""),
        ("ttl_secs", "ttl", "unknown field `ttl`"),
        (NAME, "audio.example.com", " is about audio.example.com, and those before it about video."),
        ("127.0.0.1:53", "localhost", "invalid socket address"),
        ("\"appeared\":[\"192.0.2.9\"],", "", ": none of appeared, vanished and watching"),
        ("\"appeared\"", "\"watching\":[],\"appeared\"", ": watching stands beside"),
        ("192.0.2.9", "192.0.2.999", "invalid IPv4"),
        ("1970-01-01", "yesterday", ""),
        ("\"schema\"", "\"s\\u0007chema\"", "missing field `schema`"),
    ] {
        let text = format!("{good}{}", good.replace(from, to));
        let error = History::read(&text).unwrap_err().to_string();
        assert!(error.starts_with("line 2") && error.contains(complaint), "{error}");
        assert!(error.contains("(hint: "), "{error}");
        assert!(error.len() < 300 && !error.contains('\u{7}'), "{error}");
    }
}

#[test]
fn a_line_without_end_and_addresses_without_end_are_refused() {
    let long = format!("{{\"schema\":\"{}\"}}\n", "x".repeat(LONGEST_LINE));
    assert!(History::read(&long).unwrap_err().to_string().starts_with("line 1: it has more than"));
    let lines = (0..40_u16).map(|n| {
        let all = (0..2_048_u16).map(|m| Ipv4Addr::from(u32::from(n) << 16 | u32::from(m))).collect();
        HistoryLine::watching(at(i64::from(n)), name(), server(1), all, None).write()
    });
    let error = History::read(&lines.collect::<String>()).unwrap_err().to_string();
    assert!(error.starts_with("line 40: there are more than 80,000 addresses"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(.|\n){0,200}") {
        let _ = History::read(&text);
    }

    #[test]
    fn a_line_with_any_character_changed_is_read_or_refused(at in 0_usize..190, with in any::<char>()) {
        let line = change(0, 1, &[9], &[7]);
        let changed: String = line.chars().enumerate().map(|(n, c)| if n == at { with } else { c }).collect();
        if let Ok(history) = History::read(&changed) {
            prop_assert!(history.addresses().len() <= 2);
        }
    }
}
