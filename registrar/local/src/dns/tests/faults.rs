//! Each fault of a name server, seen from the other end of a socket.

use std::collections::BTreeMap;
use std::sync::Mutex;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use registrar_core::SignedDuration;
use serde_json::json;

use super::*;
use crate::route53::{ModelChange, Route53Model, Settings};

fn arm(server: &NameServer, faults: serde_json::Value) {
    server.faults().set(serde_json::from_value(faults).unwrap());
}

/// Asks for the addresses of the weighted name as often, and returns them in turn.
async fn addresses(server: &NameServer, count: usize) -> Vec<String> {
    let mut addresses = Vec::new();
    for _ in 0..count {
        addresses.extend(data(&ask(server.address(), &video()).await));
    }
    addresses
}

fn counts(addresses: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for address in addresses {
        *counts.entry(address.as_str()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn a_dead_server_and_one_that_drops_everything_are_silent_until_they_are_mended() {
    let server = start_with(json!({ "dead": true })).await;
    assert_silent_udp(server.address()).await;
    assert_silent_tcp(server.address()).await;
    arm(&server, json!({ "drop_share": 1.0 }));
    assert_silent_udp(server.address()).await;
    arm(&server, json!({}));
    assert_eq!(addresses(&server, 1).await.len(), 1);
}

#[tokio::test]
async fn a_server_whose_tcp_is_dead_or_closed_answers_over_udp_only() {
    let server = start_with(json!({ "tcp_dead": true })).await;
    assert_silent_tcp(server.address()).await;
    assert_eq!(addresses(&server, 1).await.len(), 1);
    let open = TcpStream::connect(server.address()).await.unwrap();
    arm(&server, json!({ "tcp_close": true }));
    let new = TcpStream::connect(server.address()).await.unwrap();
    for mut stream in [open, new] {
        let end = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("the connection stays open");
        assert_eq!(end.unwrap_or_default(), 0);
    }
    assert_eq!(addresses(&server, 1).await.len(), 1);
    arm(&server, json!({}));
    let answered = async {
        loop {
            // A connection that is accepted at the very moment may still be closed.
            let mut stream = TcpStream::connect(server.address()).await.unwrap();
            if exchange_tcp(&mut stream, &video()).await.is_ok() {
                break;
            }
        }
    };
    timeout(PATIENCE, answered).await.expect("no answer over TCP");
}

#[tokio::test]
async fn the_first_queries_are_dropped_whoever_asks_again_is_answered() {
    let server = start_with(json!({ "drop_first": 1 })).await;
    assert_silent_udp(server.address()).await;
    assert_eq!(addresses(&server, 1).await.len(), 1);
}

#[tokio::test]
async fn lies_are_told_about_their_name_beside_weight_zero_and_a_ttl_can_be_overridden() {
    let server = start_with(json!({
        "weights": [{ "name": "video.example.com", "weights": { "y": 0 } }],
        "lies": [
            { "name": "video.example.com", "address": "198.51.100.66", "share": 0.5 },
            { "name": "video.example.com", "address": "198.51.100.67", "share": 0.25 },
        ],
        "ttl_secs": 77,
    }))
    .await;
    let all = addresses(&server, 200).await;
    let seen = counts(&all);
    // 50, 100 and 50 are expected; the bound is five standard deviations of the widest.
    assert!(seen["192.0.2.1"].abs_diff(50) < 36 && seen["198.51.100.66"].abs_diff(100) < 36, "{seen:?}");
    assert!(seen["198.51.100.67"].abs_diff(50) < 36 && seen.len() == 3, "{seen:?}");
    assert_eq!(ask(server.address(), &video()).await.answers[0].ttl, 77);
    let honest = ask(server.address(), &question("medium.example.com.", WireType::AAAA)).await;
    assert!(honest.answers.is_empty());
}

#[tokio::test]
async fn a_server_diverges_by_weights_and_by_a_hidden_address() {
    let server = start_with(json!({
        "weights": [{ "name": "video.example.com", "weights": { "x": 0, "192.0.2.2": 1 } }],
    }))
    .await;
    assert_eq!(counts(&addresses(&server, 60).await), BTreeMap::from([("192.0.2.2", 60)]));
    arm(&server, json!({ "hide": [{ "name": "video.example.com", "address": "192.0.2.2" }] }));
    assert_eq!(counts(&addresses(&server, 60).await), BTreeMap::from([("192.0.2.1", 60)]));
    arm(&server, json!({}));
    assert_eq!(counts(&addresses(&server, 60).await).len(), 2);
}

#[tokio::test]
async fn sticky_answers_last_for_their_queries_and_round_robin_follows_the_weights() {
    let server = start_with(json!({ "sticky": [{ "name": "video.example.com", "queries": 20 }] })).await;
    let all = addresses(&server, 400).await;
    assert!(all.chunks(20).all(|chunk| counts(chunk).len() == 1), "{all:?}");
    assert_eq!(counts(&all).len(), 2);
    arm(&server, json!({ "round_robin": ["video.example.com"] }));
    let turns = addresses(&server, 8).await;
    let expected = ["192.0.2.2", "192.0.2.1", "192.0.2.2", "192.0.2.2"];
    assert_eq!(turns, [expected, expected].concat());
}

#[tokio::test]
async fn a_name_that_exists_is_denied_with_all_beneath_it_and_for_long() {
    let server = start_with(json!({ "nxdomain": ["video.example.com"], "negative_ttl_secs": 604_800 })).await;
    for name in [VIDEO, "a.video.example.com."] {
        let answer = ask(server.address(), &question(name, WireType::A)).await;
        assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
        let soa = &answer.authorities[0];
        assert_eq!((soa.record_type(), soa.ttl), (WireType::SOA, 604_800));
        assert!(soa.data.to_string().ends_with(" 604800"), "{}", soa.data);
    }
    let other = ask(server.address(), &question("medium.example.com.", WireType::A)).await;
    assert_eq!(other.metadata.response_code, ResponseCode::NoError);
}

#[tokio::test]
async fn a_lame_server_refuses_fails_or_is_no_authority() {
    let server = start().await;
    for (lame, code, answers) in [
        ("refused", ResponseCode::Refused, 0),
        ("servfail", ResponseCode::ServFail, 0),
        ("not-authoritative", ResponseCode::NoError, 1),
    ] {
        arm(&server, json!({ "lame": lame }));
        let answer = ask(server.address(), &video()).await;
        assert_eq!((answer.metadata.response_code, answer.answers.len()), (code, answers), "{lame}");
        assert!(!answer.metadata.authoritative);
    }
}

#[tokio::test]
async fn addresses_that_nobody_asked_for_stand_behind_the_answer() {
    let poison = |section| json!({ "name": "bank.example.net", "address": "192.0.2.99", "section": section });
    let server = start_with(json!({ "poison": [poison("answer"), poison("additional")] })).await;
    let answer = ask(server.address(), &video()).await;
    let names: Vec<String> = answer.answers.iter().map(|record| record.name.to_string()).collect();
    assert_eq!(names, ["video.example.com.", "bank.example.net."]);
    assert_eq!(answer.additionals[0].data.to_string(), "192.0.2.99");
}

#[tokio::test]
async fn an_extended_error_comes_to_those_who_speak_edns() {
    let server = start_with(json!({ "ede": 19 })).await;
    let edns = ask(server.address(), &with_payload(video(), 1232)).await.edns.unwrap();
    let Some(EdnsOption::Unknown(15, octets)) = edns.option(EdnsCode::Unknown(15)) else {
        panic!("no error")
    };
    assert_eq!(octets, &[0, 19]);
    assert!(ask(server.address(), &video()).await.edns.is_none());
}

#[tokio::test]
async fn truncation_is_a_lie_over_udp_and_then_over_tcp() {
    let server = start_with(json!({ "truncate": true })).await;
    let cut = ask(server.address(), &video()).await;
    assert!(cut.metadata.truncation && cut.answers.is_empty());
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(ask_tcp(&mut stream, &video()).await.answers.len(), 1);
    arm(&server, json!({ "truncate_tcp": true }));
    assert!(ask_tcp(&mut stream, &video()).await.metadata.truncation);
    assert!(!ask(server.address(), &video()).await.metadata.truncation);
}

#[tokio::test]
async fn a_reply_can_have_the_wrong_id_question_and_source_at_once() {
    let server = start_with(json!({
        "wrong_id_share": 1.0, "question": "none", "wrong_source": "127.0.0.77",
    }))
    .await;
    let socket = ask_openly(server.address(), &video().to_vec().unwrap()).await;
    let (answer, source) = receive_from(&socket).await;
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!(source.ip().to_string(), "127.0.0.77");
    assert!(answer.metadata.id != 4711 && answer.queries.is_empty() && answer.answers.len() == 1);
    arm(&server, json!({ "wrong_source": "127.0.0.1" }));
    let socket = ask_openly(server.address(), &video().to_vec().unwrap()).await;
    let (_, source) = receive_from(&socket).await;
    assert!(source.ip() == server.address().ip() && source.port() != server.address().port());
}

#[tokio::test]
async fn a_reply_comes_twice_and_the_copies_are_the_same() {
    let server = start_with(json!({ "duplicate_share": 1.0 })).await;
    let socket = ask_openly(server.address(), &video().to_vec().unwrap()).await;
    assert_eq!(receive_from(&socket).await, receive_from(&socket).await);
}

#[tokio::test]
async fn a_late_reply_holds_up_no_other() {
    let server = start_with(json!({ "delay": { "ms": 300 } })).await;
    let late = ask_openly(server.address(), &video().to_vec().unwrap()).await;
    assert!(timeout(Duration::from_millis(100), late.recv(&mut [0; 512])).await.is_err());
    arm(&server, json!({}));
    assert_eq!(addresses(&server, 1).await.len(), 1);
    assert!(!receive_from(&late).await.0.is_empty());
    arm(&server, json!({ "delay": { "ms": 300 } }));
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    send_tcp(&mut stream, &video()).await.unwrap();
    assert!(timeout(Duration::from_millis(100), stream.read_u8()).await.is_err());
}

#[tokio::test]
async fn garbage_of_every_kind_comes_over_udp_and_is_replayed_by_the_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let server = start_with(json!({ "garbage": { "kinds": ["header", "cut", "pointer-loop"] } })).await;
        let mut replies = Vec::new();
        for _ in 0..20 {
            replies.push(exchange_udp(server.address(), &video().to_vec().unwrap()).await);
        }
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        assert_eq!(ask_tcp(&mut stream, &video()).await.answers.len(), 1);
        for reply in &replies {
            assert!(reply.len() >= 12 && Message::from_vec(reply).is_err(), "{reply:?}");
        }
        runs.push(replies);
    }
    assert_eq!(runs[0], runs[1]);
    let noise = start_with(json!({ "garbage": { "kinds": ["random"] } })).await;
    let reply = exchange_udp(noise.address(), &video().to_vec().unwrap()).await;
    assert!(!reply.starts_with(&4711_u16.to_be_bytes()), "{reply:?}");
}

#[tokio::test]
async fn faults_of_the_wire_leave_the_honest_draws_as_they_would_be() {
    let sound = addresses(&start().await, 50).await;
    let faulty = start_with(json!({ "duplicate_share": 0.5, "ttl_secs": 5, "wrong_id_share": 0.5 })).await;
    assert_eq!(addresses(&faulty, 50).await, sound);
}

#[tokio::test]
async fn a_server_that_lags_serves_an_older_state_of_the_model() {
    let at = |secs| Timestamp::from_second(secs).unwrap();
    let mut model =
        Route53Model::new(Settings { propagation: SignedDuration::from_secs(10), ..Settings::default() });
    let zone = ZONE.parse().unwrap();
    model.create_hosted_zone(ZONE.parse().unwrap(), "example.com".parse().unwrap(), vec![]).unwrap();
    let addition = ModelChange::create(weighted("video.example.com", "x", "192.0.2.1"));
    model.change_record_sets(&zone, &[addition], at(1_000)).unwrap();
    let clock: Clock = Arc::new(move || at(1_010));
    let zones = Arc::new(Mutex::new(model));
    let config = NameServerConfig::new("127.0.0.1:0".parse().unwrap(), zones, clock, 1);
    let server = NameServer::start(config).await.unwrap();
    let asked = video();
    assert_eq!(ask(server.address(), &asked).await.answers.len(), 1);
    server.faults().set(NameServerFaults { lag_secs: 1, ..NameServerFaults::default() });
    assert_eq!(ask(server.address(), &asked).await.metadata.response_code, ResponseCode::NXDomain);
}
