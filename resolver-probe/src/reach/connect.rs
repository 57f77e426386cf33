//! Connections over TCP, made and closed again, nothing being said.
//!
//! The system repeats the first packet by itself. An address that accepts is tried again, at most once a
//! second; one that does not is left alone. Nothing is judged.

use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use nix::errno::Errno;
use rand::rngs::StdRng;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::conversation::{Manner, pause};
use super::error_queue::{self, Reported};
use super::evidence::ReachEvidence;

/// Connects until every try is accepted, or one is not.
pub(super) async fn run(
    server: SocketAddrV4,
    manner: Manner,
    mut random: StdRng,
) -> (ReachEvidence, Vec<Duration>) {
    let mut evidence = ReachEvidence::default();
    let mut rtts = Vec::new();
    for attempt in 0..manner.tries {
        let began = Instant::now();
        let Some(rtt) = attempt_once(server, manner, &mut evidence).await else { break };
        evidence.replies += 1;
        rtts.push(rtt);
        let next = began + pause(&mut random);
        if attempt + 1 == manner.tries || next >= manner.over {
            break;
        }
        sleep_until(next).await;
    }
    (evidence, rtts)
}

async fn attempt_once(
    server: SocketAddrV4,
    manner: Manner,
    evidence: &mut ReachEvidence,
) -> Option<Duration> {
    let began = Instant::now();
    let until = (began + manner.timeout).min(manner.over);
    let stream = match begin(server) {
        Ok(stream) => stream,
        Err(error) => {
            evidence.failure = Some(error.to_string());
            return None;
        }
    };
    evidence.sent += 1;
    match timeout_at(until, finish(&stream)).await {
        Ok(Ok(())) => return Some(began.elapsed()),
        Ok(Err(error)) => match error_queue::read(&stream, &error) {
            Reported::Obstacle(obstacle) => evidence.obstacle = Some(obstacle),
            // The system's own patience was shorter than ours.
            Reported::Own if error.kind() == io::ErrorKind::TimedOut => {}
            Reported::Own | Reported::Harmless => evidence.failure = Some(error.to_string()),
        },
        Err(_elapsed) => evidence.unfinished = until == manner.over,
    }
    None
}

/// Begins a connection on a socket that keeps what ICMP says of it.
fn begin(server: SocketAddrV4) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    error_queue::keep(&socket)?;
    match socket.connect(&SocketAddr::from(server).into()) {
        Ok(()) => {}
        // The first packet is on its way.
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(error),
    }
    TcpStream::from_std(socket.into())
}

async fn finish(stream: &TcpStream) -> io::Result<()> {
    stream.writable().await?;
    match stream.take_error()? {
        Some(error) => Err(error),
        // A stream without a peer was writable only to say that it failed.
        None => stream.peer_addr().map(drop),
    }
}
