//! A resolver and its habits, in front of a name server whose state a test changes.

use std::collections::BTreeSet;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use serde_json::{Value, json};

use super::*;

/// A name server that answers with one address at a time, and a resolver in front of it.
struct Pair {
    server: NameServer,
    resolver: Resolver,
    clock: TestClock,
}

impl Pair {
    async fn start(faults: Value) -> Self {
        let clock = TestClock::default();
        let server = start_with(one_address("192.0.2.1")).await;
        let resolver = Resolver::start(ResolverConfig {
            address: "127.0.0.1:0".parse().unwrap(),
            authorities: vec![server.authority()],
            clock: clock.clock(),
            seed: 42,
            faults: serde_json::from_value(faults).unwrap(),
        })
        .await
        .unwrap();
        Self { server, resolver, clock }
    }

    fn arm(&self, faults: Value) {
        self.server.faults().set(serde_json::from_value(faults).unwrap());
    }

    /// Returns the answer and its TTL, as a client without EDNS sees them.
    async fn asked(&self) -> (String, u32) {
        let answer = ask(self.resolver.address(), &video()).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
        (data(&answer).join(" "), answer.answers[0].ttl)
    }

    async fn code(&self, message: &Message) -> ResponseCode {
        ask(self.resolver.address(), message).await.metadata.response_code
    }
}

/// Lets the name server answer with one address, which need not be in its hosted zone.
fn one_address(address: &str) -> Value {
    json!({ "lies": [{ "name": "video.example.com", "address": address, "share": 1.0 }] })
}

fn was(address: &str, ttl_secs: u32) -> (String, u32) {
    (address.to_owned(), ttl_secs)
}

const OLD: &str = "192.0.2.1";
const NEW: &str = "192.0.2.7";

#[tokio::test]
async fn a_sound_resolver_gives_one_draw_until_its_ttl_has_run_down() {
    let pair = Pair::start(json!({})).await;
    assert_eq!(pair.asked().await, was(OLD, 20));
    pair.arm(one_address(NEW));
    pair.clock.advance(19);
    assert_eq!(pair.asked().await, was(OLD, 1));
    pair.clock.advance(1);
    assert_eq!(pair.asked().await, was(NEW, 20));
    let upper = ask(pair.resolver.address(), &question("VIDEO.example.com.", WireType::A)).await;
    assert_eq!(upper.answers[0].name.to_string(), "VIDEO.example.com.");
}

#[tokio::test]
async fn denials_are_kept_and_what_nobody_answers_is_a_failure() {
    let pair = Pair::start(json!({})).await;
    let missing = question("missing.example.com.", WireType::A);
    assert_eq!(pair.code(&missing).await, ResponseCode::NXDomain);
    pair.arm(json!({ "dead": true }));
    pair.clock.advance(899);
    assert_eq!(pair.code(&missing).await, ResponseCode::NXDomain);
    pair.clock.advance(1);
    assert_eq!(pair.code(&missing).await, ResponseCode::ServFail);
    for lame in ["refused", "servfail", "not-authoritative"] {
        pair.arm(json!({ "lame": lame }));
        assert_eq!(pair.code(&video()).await, ResponseCode::ServFail, "{lame}");
    }
    pair.arm(json!({}));
    assert_eq!(pair.code(&question("video.example.net.", WireType::A)).await, ResponseCode::ServFail);
}

#[tokio::test]
async fn whoever_wants_no_recursion_sees_what_is_kept_and_changes_nothing() {
    let pair = Pair::start(json!({})).await;
    let mut snoop = video();
    snoop.metadata.recursion_desired = false;
    for _ in 0..2 {
        assert_eq!(pair.code(&snoop).await, ResponseCode::Refused);
    }
    assert_eq!(pair.asked().await, was(OLD, 20));
    assert_eq!(data(&ask(pair.resolver.address(), &snoop).await), [OLD]);
}

#[tokio::test]
async fn a_least_ttl_shows_at_once_or_from_the_second_answer_on() {
    for (hides_first, first) in [(false, 60), (true, 20)] {
        let stretch = json!({ "min_ttl_secs": 60, "hides_first": hides_first });
        let pair = Pair::start(json!({ "stretch": stretch })).await;
        assert_eq!(pair.asked().await, was(OLD, first));
        pair.arm(one_address(NEW));
        assert_eq!(pair.asked().await, was(OLD, 60));
        pair.clock.advance(59);
        assert_eq!(pair.asked().await, was(OLD, 1));
        pair.clock.advance(1);
        assert_eq!(pair.asked().await, was(NEW, first));
    }
    let clamped = Pair::start(json!({ "max_ttl_secs": 5 })).await;
    assert_eq!(clamped.asked().await, was(OLD, 5));
}

#[tokio::test]
async fn an_expired_answer_is_given_once_while_the_authority_lives_and_on_when_it_dies() {
    let pair = Pair::start(json!({ "serve_stale": { "when": "expired" } })).await;
    assert_eq!(pair.asked().await, was(OLD, 20));
    pair.arm(one_address(NEW));
    pair.clock.advance(40);
    assert_eq!(pair.asked().await, was(OLD, 30));
    assert_eq!(pair.asked().await, was(NEW, 20));
    pair.arm(json!({ "dead": true }));
    pair.clock.advance(100);
    for _ in 0..3 {
        assert_eq!(pair.asked().await, was(NEW, 30));
    }
    pair.clock.advance(86_400);
    assert_eq!(pair.code(&video()).await, ResponseCode::ServFail);
}

#[tokio::test]
async fn a_stale_answer_when_nobody_answers_is_late_and_says_that_it_is_stale() {
    let stale = json!({ "when": "unreachable", "ttl_secs": 0, "ede": 3, "delay_ms": 300 });
    let pair = Pair::start(json!({ "serve_stale": stale })).await;
    assert_eq!(pair.asked().await, was(OLD, 20));
    pair.arm(one_address(NEW));
    pair.clock.advance(20);
    assert_eq!(pair.asked().await, was(NEW, 20));
    pair.arm(json!({ "dead": true }));
    pair.clock.advance(20);
    let asked = with_payload(video(), 1232).to_vec().unwrap();
    let socket = ask_openly(pair.resolver.address(), &asked).await;
    assert!(timeout(Duration::from_millis(100), socket.recv(&mut [0; 512])).await.is_err());
    let answer = Message::from_vec(&receive_from(&socket).await.0).unwrap();
    assert_eq!((data(&answer), answer.answers[0].ttl), (vec![NEW.to_owned()], 0));
    let edns = answer.edns.unwrap();
    let Some(EdnsOption::Unknown(15, octets)) = edns.option(EdnsCode::Unknown(15)) else {
        panic!("no error")
    };
    assert_eq!(octets, &[0, 3]);
}

#[tokio::test]
async fn a_resolver_that_never_refreshes_keeps_its_first_answer_for_ever() {
    let pair = Pair::start(json!({ "never_refresh": true })).await;
    assert_eq!(pair.asked().await, was(OLD, 20));
    pair.arm(one_address(NEW));
    pair.clock.advance(1_000_000);
    assert_eq!(pair.asked().await, was(OLD, 0));
    assert_eq!(pair.asked().await, was(OLD, 0));
}

#[tokio::test]
async fn several_caches_behind_one_address_tell_different_ages_the_same_way_each_time() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let pair = Pair::start(json!({ "caches": 4 })).await;
        let mut ttls = Vec::new();
        for _ in 0..15 {
            ttls.push(pair.asked().await.1);
            pair.clock.advance(1);
        }
        runs.push(ttls);
    }
    assert_eq!(runs[0], runs[1]);
    // Taken together with its time, each cache shows one moment at which it asked.
    let begun: BTreeSet<u32> = (0..).zip(&runs[0]).map(|(second, ttl)| second + ttl).collect();
    assert_eq!(begun.len(), 4, "{:?}", runs[0]);
}

#[tokio::test]
async fn a_dead_resolver_is_silent_and_a_living_one_reads_what_it_is_asked() {
    let pair = Pair::start(json!({ "dead": true })).await;
    assert_silent_udp(pair.resolver.address()).await;
    assert_silent_tcp(pair.resolver.address()).await;
    pair.resolver.faults().set(ResolverFaults::default());
    let mut two = video();
    two.add_query(two.queries[0].clone());
    assert_eq!(pair.code(&two).await, ResponseCode::FormErr);
    let mut stream = TcpStream::connect(pair.resolver.address()).await.unwrap();
    assert_eq!(ask_tcp(&mut stream, &video()).await.answers.len(), 1);
    pair.resolver.shutdown().await;
    pair.server.shutdown().await;
}
