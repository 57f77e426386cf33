//! A sound name server: draws, denials, refusals, sizes and EDNS.

use std::collections::BTreeMap;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::DNSClass;
use hickory_proto::rr::rdata::opt::{ClientSubnet, EdnsCode, EdnsOption};
use serde_json::json;

use super::*;
use crate::dns::sockets::Sockets;

#[tokio::test]
async fn weighted_answers_are_drawn_afresh_for_each_query() {
    let server = start().await;
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..400 {
        let answer = ask(server.address(), &video()).await;
        assert_eq!(answer.answers.len(), 1);
        *seen.entry(answer.answers[0].data.to_string()).or_default() += 1;
    }
    // 100 are expected of the lighter one; the bound is five standard deviations.
    assert!(seen.len() == 2 && seen["192.0.2.1"].abs_diff(100) < 44, "{seen:?}");
    server.shutdown().await;
}

#[tokio::test]
async fn an_answer_is_authoritative_offers_no_recursion_and_has_no_edns_unasked() {
    let server = start().await;
    let answer = ask(server.address(), &video()).await;
    let header = answer.metadata;
    assert_eq!((header.id, header.response_code), (4711, ResponseCode::NoError));
    assert!(header.authoritative && header.recursion_desired && !header.recursion_available);
    assert!(answer.edns.is_none());
    assert_eq!(answer.answers[0].ttl, 20);
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_truncated_and_whole_over_tcp() {
    let server = start().await;
    for (name, payload, fits) in [
        ("medium.example.com.", None, false),
        ("medium.example.com.", Some(1232), true),
        ("large.example.com.", Some(4096), false),
    ] {
        let asked = question(name, WireType::A);
        let asked = payload.map_or(asked.clone(), |payload| with_payload(asked, payload));
        let bytes = exchange_udp(server.address(), &asked.to_vec().unwrap()).await;
        assert!(bytes.len() <= usize::from(payload.unwrap_or(512).min(1232)), "{name}: {}", bytes.len());
        let answer = Message::from_vec(&bytes).unwrap();
        assert_eq!(answer.metadata.truncation, !fits, "{name}");
        assert_eq!(answer.answers.is_empty(), !fits, "{name}");
        assert_eq!(answer.edns.is_some(), payload.is_some(), "{name}");
    }
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let whole = ask_tcp(&mut stream, &question("large.example.com.", WireType::A)).await;
    assert_eq!((whole.answers.len(), whole.metadata.truncation), (100, false));
    let second = ask_tcp(&mut stream, &video()).await;
    assert_eq!(second.answers.len(), 1);
}

#[tokio::test]
async fn a_missing_name_is_denied_with_the_start_of_authority() {
    let server = start().await;
    let answer = ask(server.address(), &question("missing.example.com.", WireType::A)).await;
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert!(answer.metadata.authoritative);
    assert_eq!((answer.authorities[0].record_type(), answer.authorities[0].ttl), (WireType::SOA, 900));
}

#[tokio::test]
async fn what_is_not_served_is_refused_by_its_code() {
    let server = start().await;
    let outside = question("video.example.net.", WireType::A);
    let root = question(".", WireType::NS);
    let mut chaos = question("video.example.com.", WireType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    let mut notify = question("example.com.", WireType::SOA);
    notify.metadata.op_code = OpCode::Notify;
    let mut two = video();
    two.add_query(two.queries[0].clone());
    let mut none = video();
    none.queries.clear();
    for (message, code) in [
        (outside, ResponseCode::Refused),
        (root, ResponseCode::Refused),
        (chaos, ResponseCode::Refused),
        (notify, ResponseCode::NotImp),
        (two, ResponseCode::FormErr),
        (none, ResponseCode::FormErr),
    ] {
        let answer = ask(server.address(), &message).await;
        assert_eq!(answer.metadata.response_code, code);
        assert!(!answer.metadata.authoritative && answer.answers.is_empty());
    }
}

#[tokio::test]
async fn a_name_that_points_into_the_header_is_a_format_error_and_not_repeated() {
    let server = start().await;
    let mut asked = question(".", WireType::A).to_vec().unwrap();
    // The third octet is zero, which is the root's label; in a reply it says that it is one.
    asked[2] = 0;
    asked.splice(12..13, [0xC0, 2]);
    let answer = Message::from_vec(&exchange_udp(server.address(), &asked).await).unwrap();
    assert_eq!((answer.metadata.response_code, answer.queries.len()), (ResponseCode::FormErr, 0));
    let plain = ask(server.address(), &question(".", WireType::A)).await;
    assert_eq!((plain.metadata.response_code, plain.queries.len()), (ResponseCode::Refused, 1));
}

#[tokio::test]
async fn edns_is_clamped_echoes_the_subnet_and_knows_one_version() {
    let server = start().await;
    let mut asked = with_payload(video(), 4096);
    let subnet = ClientSubnet::new("192.0.2.0".parse().unwrap(), 24, 0);
    asked.edns.as_mut().unwrap().options_mut().insert(EdnsOption::Subnet(subnet));
    let edns = ask(server.address(), &asked).await.edns.unwrap();
    assert_eq!((edns.max_payload(), edns.version()), (1232, 0));
    let Some(EdnsOption::Subnet(echo)) = edns.option(EdnsCode::Subnet) else { panic!("no subnet") };
    assert_eq!(echo.scope_prefix(), 0);
    asked.edns.as_mut().unwrap().set_version(1);
    let answer = ask(server.address(), &asked).await;
    // 16 is BADVERS here; hickory reads it as BADSIG, which shares the number.
    assert_eq!(u16::from(answer.metadata.response_code), 16);
    assert_eq!(answer.edns.unwrap().version(), 0);
}

#[tokio::test]
async fn a_shut_down_server_frees_its_address() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    ask_tcp(&mut stream, &video()).await;
    let address = server.address();
    timeout(PATIENCE, server.shutdown()).await.expect("the server did not stop");
    // One socket shares its port with no other.
    Sockets::bind(address, 1).unwrap();
}

#[tokio::test]
async fn replies_that_are_held_back_do_not_keep_the_address() {
    let late = json!({ "duplicate_share": 1.0, "delay": { "ms": 600_000, "share": 0.5 } });
    let server = start_with(late).await;
    let socket = ask_openly(server.address(), &video().to_vec().unwrap()).await;
    for _ in 1..20 {
        socket.send_to(&video().to_vec().unwrap(), server.address()).await.unwrap();
    }
    let mut received = 0;
    while timeout(SILENCE, socket.recv(&mut [0; 512])).await.is_ok() {
        received += 1;
    }
    assert!((1..40).contains(&received), "{received}");
    let address = server.address();
    timeout(PATIENCE, server.shutdown()).await.expect("the server did not stop");
    Sockets::bind(address, 1).unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_a_format_error_and_a_reply_gets_no_reply() {
    let server = start().await;
    let mut cut = video().to_vec().unwrap();
    cut.truncate(20);
    let answer = Message::from_vec(&exchange_udp(server.address(), &cut).await).unwrap();
    assert_eq!((answer.metadata.id, answer.metadata.response_code), (4711, ResponseCode::FormErr));
    assert!(answer.queries.is_empty());
    let reply = video().into_response().to_vec().unwrap();
    for noise in [&b"short"[..], &[], &reply] {
        let socket = ask_openly(server.address(), noise).await;
        socket.send_to(&video().to_vec().unwrap(), server.address()).await.unwrap();
        // The first reply is that to the question, and the noise got none.
        let (answer, _) = receive_from(&socket).await;
        assert_eq!(Message::from_vec(&answer).unwrap().answers.len(), 1);
    }
}

#[tokio::test]
async fn questions_that_wait_on_one_connection_are_answered_in_turn() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let mut frames = Vec::new();
    for id in 1..=20_u16 {
        let mut message = video();
        message.metadata.id = id;
        let bytes = message.to_vec().unwrap();
        frames.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        frames.extend(bytes);
    }
    // In two pieces, of which the first ends within a message.
    let (first, second) = frames.split_at(frames.len() / 3 + 1);
    stream.write_all(first).await.unwrap();
    stream.write_all(second).await.unwrap();
    for id in 1..=20_u16 {
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(Message::from_vec(&answer).unwrap().metadata.id, id);
    }
}

#[tokio::test]
async fn a_whole_question_is_answered_while_the_next_one_is_still_on_its_way() {
    let server = start().await;
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let bytes = video().to_vec().unwrap();
    let frame = [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat();
    let (half, rest) = frame.split_at(frame.len() / 2);
    stream.write_all(&[&frame[..], half].concat()).await.unwrap();
    for rest in [rest, &[]] {
        let answer = async {
            let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut answer).await.unwrap();
            stream.write_all(rest).await.unwrap();
            answer
        };
        let answer = timeout(PATIENCE, answer).await.expect("no answer");
        assert_eq!(Message::from_vec(&answer).unwrap().answers.len(), 1);
    }
}

#[tokio::test]
async fn clients_that_leave_without_a_word_do_not_end_the_service() {
    let server = start().await;
    for _ in 0..50 {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        // A reset instead of an orderly end.
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    assert_eq!(ask_tcp(&mut stream, &video()).await.answers.len(), 1);
}
