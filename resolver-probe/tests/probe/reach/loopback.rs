//! What the probe makes of peers that answer rightly, wrongly, twice, late, from elsewhere or not at all.

use std::net::Ipv4Addr;
use std::num::NonZeroU16;
use std::time::Duration;

use resolver_probe::Severity;
use resolver_probe::reach::{
    Liveness, ObstacleKind, ReachReport, ReachRequest, ReachTarget, ReplyDetail, reach,
};
use tokio::net::{TcpListener, UdpSocket};
use tokio::time::Instant;

use super::peers::{
    self, Peer, always, quic, quic_draft, silence, srt, start, stun, stun_error, stun_to_somebody_else,
};

const LOCALHOST: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn request(probe: &str) -> ReachRequest {
    ReachRequest::new(vec![ReachTarget::new(LOCALHOST)], probe.parse().unwrap(), 42)
}

/// Waits no longer than it takes to know that nothing comes over loopback.
fn impatient(probe: &str) -> ReachRequest {
    ReachRequest { timeout: Duration::from_millis(200), ..request(probe) }
}

fn twice(probe: &str) -> ReachRequest {
    ReachRequest { tries: NonZeroU16::new(2).unwrap(), ..request(probe) }
}

async fn one(request: ReachRequest) -> ReachReport {
    let mut reports = reach(&request).await;
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

async fn asked(reply: fn(&[u8]) -> Vec<u8>, kind: &str) -> ReachReport {
    let peer = start(always(reply)).await;
    one(impatient(&format!("{kind}:{}", peer.port()))).await
}

fn assert_alive(report: &ReachReport) {
    assert_eq!((report.liveness, report.severity), (Liveness::Alive, Severity::Info), "{report:?}");
    assert_eq!((report.evidence.sent, report.evidence.replies), (1, 1));
    assert!(report.evidence.rtt.is_some());
}

#[tokio::test]
async fn a_stun_server_is_alive_and_tells_where_we_come_from() {
    let report = asked(stun, "stun").await;
    assert_alive(&report);
    let reflexive = Some("192.0.2.7:4660".parse().unwrap());
    let expected = ReplyDetail::Stun { reflexive, is_error: false, error_code: None };
    assert_eq!(report.evidence.reply, Some(expected));
}

#[tokio::test]
async fn a_stun_server_that_wants_a_password_is_alive() {
    let report = asked(stun_error, "stun").await;
    assert_alive(&report);
    let expected = ReplyDetail::Stun { reflexive: None, is_error: true, error_code: Some(401) };
    assert_eq!(report.evidence.reply, Some(expected));
}

#[tokio::test]
async fn a_quic_server_is_alive_and_lists_its_versions() {
    let report = asked(quic, "quic").await;
    assert_alive(&report);
    let versions = vec![1, 0x6b33_43cf];
    assert_eq!(report.evidence.reply, Some(ReplyDetail::Quic { versions }));
}

#[tokio::test]
async fn a_quic_server_without_version_1_is_a_warning() {
    let report = asked(quic_draft, "quic").await;
    assert_eq!((report.liveness, report.severity), (Liveness::Alive, Severity::Warning));
}

#[tokio::test]
async fn an_srt_listener_is_alive() {
    let report = asked(srt, "srt").await;
    assert_alive(&report);
    let expected = ReplyDetail::Srt { version: 5, encryption: 0, mtu: 1500 };
    assert_eq!(report.evidence.reply, Some(expected));
}

#[tokio::test]
async fn a_reply_that_begins_as_expected_is_alive_and_any_other_is_not() {
    let peer = start(always(|request| [request, b" pong"].concat())).await;
    let port = peer.port();
    for (probe, alive) in [
        (format!("udp:{port},send=70696e67"), true),
        (format!("udp:{port},send=70696e67,expect=70696e6720"), true),
        (format!("udp:{port},send=70696e67,expect=706f"), false),
    ] {
        let report = one(impatient(&probe)).await;
        let expected = if alive { Liveness::Alive } else { Liveness::WrongReply };
        assert_eq!(report.liveness, expected, "{probe}");
        assert_eq!(report.evidence.garbage, u64::from(!alive), "{probe}");
    }
}

#[tokio::test]
async fn a_port_that_accepts_tcp_is_alive() {
    let listener = TcpListener::bind((LOCALHOST, 0)).await.unwrap();
    let report = one(request(&format!("tcp:{}", listener.local_addr().unwrap().port()))).await;
    assert_alive(&report);
}

#[tokio::test]
async fn a_closed_udp_port_is_refused_at_once_with_the_icmp_code() {
    let port = UdpSocket::bind((LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    for kind in ["stun", "quic", "srt"] {
        let began = Instant::now();
        let report = one(request(&format!("{kind}:{port}"))).await;
        assert_eq!((report.liveness, report.severity), (Liveness::Refused, Severity::Critical), "{kind}");
        assert!(began.elapsed() < Duration::from_millis(400), "it waited for what cannot come");
        let obstacle = report.evidence.obstacle.unwrap();
        assert_eq!(obstacle.kind, ObstacleKind::Refused);
        let icmp = obstacle.icmp.unwrap();
        assert_eq!((icmp.kind, icmp.code, icmp.from), (3, 3, Some(LOCALHOST)));
    }
}

#[tokio::test]
async fn a_closed_tcp_port_is_refused() {
    let port = TcpListener::bind((LOCALHOST, 0)).await.unwrap().local_addr().unwrap().port();
    let report = one(request(&format!("tcp:{port}"))).await;
    assert_eq!((report.liveness, report.severity), (Liveness::Refused, Severity::Critical));
    // A reset is no ICMP message.
    assert_eq!(report.evidence.obstacle.unwrap().icmp, None);
}

#[tokio::test]
async fn a_silent_port_is_no_refusal_and_not_alive() {
    let peer = start(silence()).await;
    let report = one(impatient(&format!("stun:{}", peer.port()))).await;
    // Whether the host's echo can be seen depends on what this system allows.
    assert!(matches!(report.liveness, Liveness::SilentHostUp | Liveness::Silent), "{report:?}");
    assert_eq!(report.severity, Severity::Warning);
    assert_eq!((report.evidence.sent, report.evidence.replies), (1, 0));
}

#[tokio::test]
async fn a_reply_with_another_transaction_id_is_not_believed() {
    let report = asked(stun_to_somebody_else, "stun").await;
    assert_eq!((report.liveness, report.severity), (Liveness::WrongReply, Severity::Warning));
    assert_eq!((report.evidence.mismatched, report.evidence.garbage), (1, 0));
}

#[tokio::test]
async fn garbage_before_the_reply_is_counted_and_the_reply_still_comes() {
    let script =
        |_: usize, request: &[u8]| vec![b"hello".to_vec(), stun_to_somebody_else(request), stun(request)];
    let peer = start(Box::new(script)).await;
    let report = one(impatient(&format!("stun:{}", peer.port()))).await;
    assert_alive(&report);
    assert_eq!((report.evidence.mismatched, report.evidence.garbage), (1, 1));
}

#[tokio::test]
async fn a_reply_from_another_port_is_not_seen() {
    let (heard, asked) = std::sync::mpsc::channel();
    let listening = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
    let port = listening.local_addr().unwrap().port();
    let elsewhere = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
    let peer = tokio::spawn(async move {
        let mut datagram = [0; 2048];
        let (length, client) = listening.recv_from(&mut datagram).await.unwrap();
        elsewhere.send_to(&stun(&datagram[..length]), client).await.unwrap();
        heard.send(()).unwrap();
        // Both sockets stay open, so that nothing is refused.
        std::future::pending::<()>().await;
    });
    let report = one(impatient(&format!("stun:{port}"))).await;
    asked.try_recv().expect("the peer had answered");
    peer.abort();
    assert_eq!(report.severity, Severity::Warning);
    let evidence = report.evidence;
    assert_eq!((evidence.replies, evidence.mismatched, evidence.garbage), (0, 0, 0));
}

#[tokio::test]
async fn a_lost_request_is_sent_again_and_the_time_is_that_of_the_one_that_was_answered() {
    let script = |n: usize, request: &[u8]| if n == 0 { Vec::new() } else { vec![stun(request)] };
    let peer = start(Box::new(script)).await;
    let report = one(request(&format!("stun:{}", peer.port()))).await;
    assert_eq!(report.liveness, Liveness::Alive);
    assert_eq!((report.evidence.sent, report.evidence.replies), (2, 1));
    let rtt = report.evidence.rtt.unwrap();
    assert!(rtt.max_us < 400_000, "{rtt:?} counts from the first request");
}

#[tokio::test]
async fn every_request_has_an_id_of_its_own() {
    let (heard, asked) = std::sync::mpsc::channel();
    let script = move |n: usize, request: &[u8]| {
        heard.send(request.to_vec()).unwrap();
        if n == 0 { Vec::new() } else { vec![stun(request)] }
    };
    let peer = start(Box::new(script)).await;
    let report = one(request(&format!("stun:{}", peer.port()))).await;
    assert_eq!(report.evidence.sent, 2);
    let requests: Vec<Vec<u8>> = asked.try_iter().collect();
    assert_ne!(requests[0][8..], requests[1][8..]);
}

#[tokio::test]
async fn a_reply_that_comes_twice_is_counted_once() {
    let peer = start(Box::new(|_, request| vec![stun(request), stun(request)])).await;
    let report = one(twice(&format!("stun:{}", peer.port()))).await;
    let evidence = &report.evidence;
    assert_eq!((evidence.sent, evidence.replies), (2, 2));
    // The second pair's copy may come after the end.
    assert!((1..=2).contains(&evidence.duplicates), "{evidence:?}");
    assert_eq!((evidence.late, evidence.mismatched, evidence.garbage), (0, 0, 0));
}

#[tokio::test]
async fn a_reply_to_a_request_that_was_repeated_counts_and_the_other_is_late() {
    let mut first = Vec::new();
    let script = move |n: usize, request: &[u8]| match n {
        0 => {
            first = request.to_vec();
            Vec::new()
        }
        1 => vec![stun(&first), stun(request)],
        _ => vec![stun(request)],
    };
    let peer = start(Box::new(script)).await;
    let report = one(twice(&format!("stun:{}", peer.port()))).await;
    let evidence = &report.evidence;
    assert_eq!((evidence.sent, evidence.replies, evidence.late), (3, 2, 1));
    assert!(evidence.rtt.unwrap().max_us > 400_000, "the first request's reply took half a second");
}

#[tokio::test]
async fn an_address_is_tried_at_most_once_a_second() {
    let peer = start(always(stun)).await;
    let began = Instant::now();
    let report = one(twice(&format!("stun:{}", peer.port()))).await;
    assert_eq!(report.evidence.replies, 2);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn the_deadline_ends_it_and_what_had_no_time_is_unknown() {
    let peer = start(silence()).await;
    let began = Instant::now();
    let deadline = Duration::from_millis(100);
    let report = one(ReachRequest { deadline, ..request(&format!("stun:{}", peer.port())) }).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!((report.liveness, report.severity), (Liveness::NotProbed, Severity::Unknown));
}

#[tokio::test]
async fn a_flood_of_garbage_does_not_outlast_the_timeout() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let socket = UdpSocket::bind((LOCALHOST, 0)).await.unwrap();
    let port = socket.local_addr().unwrap().port();
    let flood = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = socket.into_std().unwrap();
        runtime.block_on(pour(socket, stopped));
    });
    let began = Instant::now();
    let report = one(impatient(&format!("stun:{port}"))).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(report.liveness, Liveness::WrongReply);
    stop.send(()).unwrap();
    flood.join().unwrap();
}

async fn pour(socket: std::net::UdpSocket, mut stopped: tokio::sync::oneshot::Receiver<()>) {
    let socket = UdpSocket::from_std(socket).unwrap();
    let (_, client) = socket.recv_from(&mut [0; 2048]).await.unwrap();
    while stopped.try_recv().is_err() {
        // Once the client is gone, its port refuses.
        let _ = socket.send_to(b"garbage", client).await;
    }
}

#[tokio::test]
async fn many_addresses_are_asked_at_once_and_reported_in_order_and_once_each() {
    let peer: Peer = start(always(peers::stun)).await;
    let addresses = (1..=120_u8).rev().map(|last| Ipv4Addr::new(127, 0, 0, last));
    let mut targets: Vec<ReachTarget> = addresses.map(ReachTarget::new).collect();
    targets.push(ReachTarget::new(LOCALHOST));
    let probe = format!("stun:{}", peer.port()).parse().unwrap();
    let reports = reach(&ReachRequest::new(targets, probe, 42)).await;
    let order: Vec<u8> = reports.iter().map(|report| report.address.octets()[3]).collect();
    assert_eq!(order, (1..=120).collect::<Vec<u8>>());
    let alive = reports.iter().filter(|report| report.liveness == Liveness::Alive);
    assert_eq!(alive.map(|report| report.address).collect::<Vec<_>>(), [LOCALHOST]);
    assert!(reports[1..].iter().all(|report| report.liveness == Liveness::Refused), "{:?}", reports[1]);
}
