//! The loops around the sockets: they receive requests, and send what a responder gives for them.
//!
//! They are this crate's own, because a fault is a reply that no server library would send: damaged
//! octets, another source, a copy, a connection closed at once. What is replied is decided elsewhere.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a TCP connection may be silent, and how long its client may take to accept a reply.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a socket rests after an error of its own, so that a lasting one does not spin.
const REST: Duration = Duration::from_millis(50);
/// Longest datagram, and longest message over TCP (RFC 1035 §4.2.2).
const LONGEST_MESSAGE: usize = 65_535;

/// What a request came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// One message to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) bytes: Vec<u8>,
    /// How long it is held back.
    pub(crate) after: Duration,
    /// The address that it comes from, where that is not the one that was asked; over UDP only.
    pub(crate) source: Option<IpAddr>,
}

impl Delivery {
    /// Builds a message that leaves at once, from where it should.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, after: Duration::ZERO, source: None }
    }
}

/// What answers the requests that come to a socket.
pub(crate) trait Responder: Send + Sync + 'static {
    /// Returns what is sent for a request, in this order; nothing where it is ignored.
    fn respond(&self, request: &[u8], transport: Transport) -> Vec<Delivery>;

    /// Says whether connections are closed as soon as they are accepted.
    fn closes_connections(&self) -> bool;
}

/// Serves one UDP socket for ever.
///
/// Requests are taken in turn, so that seeded draws do not depend on the order in which tasks run; only
/// a reply that is held back gets a task.
pub(crate) async fn serve_udp(socket: UdpSocket, responder: Arc<impl Responder>) {
    let socket = Arc::new(socket);
    let mut late = JoinSet::new();
    let mut buffer = vec![0; LONGEST_MESSAGE];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            sleep(REST).await;
            continue;
        };
        let request = buffer.get(..length).unwrap_or_default();
        for delivery in responder.respond(request, Transport::Udp) {
            if delivery.after.is_zero() {
                send(&socket, client, &delivery).await;
            } else {
                let socket = Arc::clone(&socket);
                late.spawn(async move {
                    sleep(delivery.after).await;
                    send(&socket, client, &delivery).await;
                });
            }
        }
        while late.try_join_next().is_some() {}
    }
}

/// Sends one datagram. A client that cannot be reached is no concern of a name server.
async fn send(socket: &UdpSocket, client: SocketAddr, delivery: &Delivery) {
    let _ = match delivery.source {
        None => socket.send_to(&delivery.bytes, client).await,
        Some(source) => send_from(source, client, &delivery.bytes).await,
    };
}

async fn send_from(source: IpAddr, client: SocketAddr, bytes: &[u8]) -> io::Result<usize> {
    UdpSocket::bind((source, 0)).await?.send_to(bytes, client).await
}

/// Serves one TCP listener for ever.
pub(crate) async fn serve_tcp(listener: TcpListener, responder: Arc<impl Responder>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok(_) if responder.closes_connections() => {}
            Ok((stream, _)) => {
                let responder = Arc::clone(&responder);
                connections.spawn(async move {
                    // Whatever ends a conversation, the connection closes and nobody else is concerned.
                    let _ = converse(stream, &*responder).await;
                });
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => sleep(REST).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Answers the requests of one connection in turn, until its client leaves or falls silent.
async fn converse(stream: TcpStream, responder: &impl Responder) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let (mut reader, mut writer) = (BufReader::new(reader), BufWriter::new(writer));
    let mut request = Vec::new();
    loop {
        timeout(IDLE_TIMEOUT, receive(&mut reader, &mut request)).await??;
        for delivery in responder.respond(&request, Transport::Tcp) {
            if !delivery.after.is_zero() {
                writer.flush().await?;
                sleep(delivery.after).await;
            }
            let Ok(length) = u16::try_from(delivery.bytes.len()) else { continue };
            let frame = [&length.to_be_bytes()[..], &delivery.bytes].concat();
            timeout(IDLE_TIMEOUT, writer.write_all(&frame)).await??;
        }
        // Replies to requests that are already here leave together.
        if !holds_a_message(reader.buffer()) {
            timeout(IDLE_TIMEOUT, writer.flush()).await??;
        }
    }
}

/// Reads one message and its length (RFC 1035 §4.2.2).
async fn receive(stream: &mut BufReader<OwnedReadHalf>, request: &mut Vec<u8>) -> io::Result<()> {
    let length = stream.read_u16().await?;
    request.resize(usize::from(length), 0);
    stream.read_exact(request).await?;
    Ok(())
}

/// Says whether the next message is here as a whole.
fn holds_a_message(received: &[u8]) -> bool {
    received
        .split_first_chunk()
        .is_some_and(|(length, rest)| rest.len() >= usize::from(u16::from_be_bytes(*length)))
}
