//! Requests that nobody would send: whatever comes in, what goes out is a message that may be sent.

use hickory_net::xfer::Protocol;
use hickory_proto::op::ResponseCode;
use hickory_server::server::Request;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::*;
use crate::dns::transport::{Delivery, Responder};

const REQUESTS: u64 = 20_000;

/// Changes, cuts or lengthens a request.
fn mutate(request: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = request.to_vec();
    for _ in 0..=rng.next_u32() % 4 {
        let at = usize::try_from(rng.next_u32()).unwrap() % bytes.len().max(1);
        let octet = rng.next_u32().to_le_bytes()[0];
        match rng.next_u32() % 8 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), octet),
            2 => bytes.extend_from_within(..at.min(bytes.len())),
            _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = octet),
        }
    }
    bytes
}

fn requests() -> impl Iterator<Item = Vec<u8>> {
    let seeds = [
        video().to_vec().unwrap(),
        with_payload(question("missing.example.com.", WireType::ANY), 4096).to_vec().unwrap(),
        with_payload(question("large.example.com.", WireType::A), 1232).to_vec().unwrap(),
    ];
    (0..REQUESTS).map(move |count| {
        let mut rng = StdRng::seed_from_u64(count);
        mutate(&seeds[usize::try_from(count).unwrap() % seeds.len()], &mut rng)
    })
}

/// Returns what leaves for some octets: nothing where hickory itself replies to what it cannot read, or
/// passes over a reply.
fn replies(server: &NameServer, octets: Vec<u8>, protocol: Protocol) -> Vec<Vec<u8>> {
    let client = "127.0.0.1:5300".parse().unwrap();
    let request = Request::from_bytes(octets, client, protocol).ok();
    let request = request.filter(|request| request.metadata.message_type == MessageType::Query);
    let Some(request) = request else { return Vec::new() };
    match server.authority().0.respond(&request) {
        Delivery::Nothing => Vec::new(),
        Delivery::Message(mut reply, _) => vec![reply.datagram(&request.queries)],
        Delivery::Datagrams(datagrams) => datagrams.into_iter().map(|datagram| datagram.bytes).collect(),
    }
}

#[tokio::test]
async fn a_sound_server_replies_to_any_octets_with_a_message_that_fits_or_not_at_all() {
    let server = start().await;
    let (mut count, mut answers) = (0, 0);
    for request in requests() {
        for octets in replies(&server, request.clone(), Protocol::Udp) {
            let reply = Message::from_vec(&octets).unwrap_or_else(|error| panic!("{error}: {request:?}"));
            assert!(octets.len() <= 1232 && request.starts_with(&octets[..2]), "{request:?}");
            assert_eq!(reply.metadata.message_type, MessageType::Response);
            count += 1;
            answers += u32::from(reply.metadata.response_code == ResponseCode::NoError);
        }
    }
    assert!(count > 5_000 && answers > 1_000, "{count} replies, {answers} answers");
}

#[tokio::test]
async fn all_faults_at_once_and_any_octets_bring_nothing_down() {
    let share = 0.3;
    let server = start_with(json!({
        "drop_first": 5, "drop_share": share, "lag_secs": u64::MAX, "negative_ttl_secs": u32::MAX,
        "weights": [{ "name": "video.example.com", "weights": { "x": 0, "y": 0 } }],
        "hide": [{ "name": "large.example.com", "address": "192.0.2.7" }],
        "lies": [{ "name": "video.example.com", "address": "192.0.2.66", "share": share }],
        "nxdomain": ["medium.example.com"], "round_robin": ["video.example.com"],
        "sticky": [{ "name": "large.example.com", "queries": u64::MAX }], "ttl_secs": u32::MAX,
        "poison": [{ "name": "bank.example.net", "address": "192.0.2.99", "section": "answer" }],
        "lame": "not-authoritative", "ede": 65_535, "question": "other-name", "truncate_tcp": true,
        "duplicate_share": share, "wrong_id_share": share, "garbage": { "share": share },
        "wrong_source": "127.0.0.1", "delay": { "ms": u32::MAX, "share": share },
    }))
    .await;
    let resolver = ResolverConfig {
        address: "127.0.0.1:0".parse().unwrap(),
        authorities: vec![server.authority()],
        clock: TestClock::default().clock(),
        seed: 1,
        faults: ResolverFaults { never_refresh: true, ..ResolverFaults::default() },
    };
    let resolver = Resolver::start(resolver).await.unwrap();
    let mut sent = 0;
    for request in requests() {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            sent += replies(&server, request.clone(), protocol).len();
        }
    }
    assert!(sent > 10_000, "{sent}");
    assert_eq!(ask(resolver.address(), &video()).await.metadata.response_code, ResponseCode::ServFail);
}
