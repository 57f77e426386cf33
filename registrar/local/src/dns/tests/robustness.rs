//! Requests that nobody would send: whatever comes in, what goes out is a message that may be sent.

use hickory_proto::op::ResponseCode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::*;
use crate::dns::transport::{Responder, Transport};

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

#[tokio::test]
async fn a_sound_server_replies_to_any_octets_with_a_message_that_fits_or_not_at_all() {
    let server = start().await;
    let (mut replies, mut answers) = (0, 0);
    for request in requests() {
        for delivery in server.authority().0.respond(&request, Transport::Udp) {
            let reply =
                Message::from_vec(&delivery.bytes).unwrap_or_else(|error| panic!("{error}: {request:?}"));
            assert!(delivery.bytes.len() <= 1232 && request.starts_with(&delivery.bytes[..2]), "{request:?}");
            assert_eq!(reply.metadata.message_type, MessageType::Response);
            replies += 1;
            answers += u32::from(reply.metadata.response_code == ResponseCode::NoError);
        }
    }
    assert!(replies > 10_000 && answers > 1_000, "{replies} replies, {answers} answers");
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
        for transport in [Transport::Udp, Transport::Tcp] {
            sent += server.authority().0.respond(&request, transport).len();
        }
    }
    assert!(sent > 20_000, "{sent}");
    assert_eq!(ask(resolver.address(), &video()).await.metadata.response_code, ResponseCode::ServFail);
}
