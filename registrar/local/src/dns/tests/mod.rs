//! Servers on loopback, asked with raw messages.

mod faults;
mod name_server;
mod resolver;
mod robustness;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType as WireType};
use registrar_core::Timestamp;
use registrar_core::record_set::RecordSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::*;
use crate::route53::PublishedZone;
use crate::route53::testing::{ZONE, simple, weighted};

/// How long an answer may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long silence is listened to.
const SILENCE: Duration = Duration::from_millis(200);
/// The name that most tests ask for.
const VIDEO: &str = "video.example.com.";

fn hosted_zone() -> PublishedZone {
    let addresses: Vec<String> = (0..100).map(|n| format!("192.0.2.{n}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let soa = "ns.example.net. h.example.net. 1 7200 900 1209600 86400";
    let records = vec![
        RecordSet { ttl_secs: Some(900), ..simple("example.com", "SOA", &[soa]) },
        RecordSet { weight: Some(1), ..weighted("video.example.com", "x", "192.0.2.1") },
        RecordSet { weight: Some(3), ..weighted("video.example.com", "y", "192.0.2.2") },
        simple("large.example.com", "A", &addresses),
        simple("medium.example.com", "A", &addresses[..40]),
    ];
    PublishedZone::new(ZONE.parse().unwrap(), "example.com".parse().unwrap(), records)
}

/// A clock that a test moves.
#[derive(Clone, Default)]
struct TestClock(Arc<AtomicI64>);

impl TestClock {
    fn advance(&self, secs: i64) {
        self.0.fetch_add(secs, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Arc::new(move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).unwrap())
    }
}

fn config() -> NameServerConfig {
    let zones = Arc::new(Arc::new(hosted_zone()));
    NameServerConfig::new("127.0.0.1:0".parse().unwrap(), zones, TestClock::default().clock(), 42)
}

async fn start() -> NameServer {
    NameServer::start(config()).await.unwrap()
}

/// Starts a name server with faults in the form of the faults file.
async fn start_with(faults: serde_json::Value) -> NameServer {
    let faults = serde_json::from_value(faults).unwrap();
    NameServer::start(NameServerConfig { faults, ..config() }).await.unwrap()
}

fn question(name: &str, wire_type: WireType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), wire_type));
    message
}

fn video() -> Message {
    question(VIDEO, WireType::A)
}

fn with_payload(mut message: Message, max_payload: u16) -> Message {
    let mut edns = Edns::new();
    edns.set_max_payload(max_payload);
    message.set_edns(edns);
    message
}

/// A socket that takes datagrams from anywhere.
async fn ask_openly(server: SocketAddr, request: &[u8]) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(request, server).await.unwrap();
    socket
}

async fn receive_from(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 65_535];
    let (length, source) =
        timeout(PATIENCE, socket.recv_from(&mut buffer)).await.expect("no answer").unwrap();
    buffer.truncate(length);
    (buffer, source)
}

async fn exchange_udp(server: SocketAddr, request: &[u8]) -> Vec<u8> {
    let (answer, source) = receive_from(&ask_openly(server, request).await).await;
    assert_eq!(source, server);
    answer
}

async fn ask(server: SocketAddr, message: &Message) -> Message {
    Message::from_vec(&exchange_udp(server, &message.to_vec().unwrap()).await).unwrap()
}

async fn send_tcp(stream: &mut TcpStream, message: &Message) -> io::Result<()> {
    let bytes = message.to_vec().unwrap();
    stream.write_u16(u16::try_from(bytes.len()).unwrap()).await?;
    stream.write_all(&bytes).await
}

async fn exchange_tcp(stream: &mut TcpStream, message: &Message) -> io::Result<Vec<u8>> {
    send_tcp(stream, message).await?;
    let answer = async {
        let mut answer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    timeout(PATIENCE, answer).await.expect("no answer")
}

async fn ask_tcp(stream: &mut TcpStream, message: &Message) -> Message {
    Message::from_vec(&exchange_tcp(stream, message).await.unwrap()).unwrap()
}

async fn assert_silent_udp(server: SocketAddr) {
    let socket = ask_openly(server, &video().to_vec().unwrap()).await;
    assert!(timeout(SILENCE, socket.recv(&mut [0; 512])).await.is_err(), "an answer over UDP");
}

async fn assert_silent_tcp(server: SocketAddr) {
    let mut stream = TcpStream::connect(server).await.unwrap();
    send_tcp(&mut stream, &video()).await.unwrap();
    assert!(timeout(SILENCE, stream.read_u16()).await.is_err(), "an answer over TCP");
}

/// Returns the data of the answers, in their order.
fn data(answer: &Message) -> Vec<String> {
    answer.answers.iter().map(|record| record.data.to_string()).collect()
}
