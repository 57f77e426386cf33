//! One question to one server: over UDP from a fresh connected socket for each try, over TCP where the
//! reply is truncated.
//!
//! For questions that are asked once; sampling keeps its sockets. Tries are counted, and nothing is cached.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::Message;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use crate::observation::{Noise, TcpFailure};
use crate::tcp;
use crate::wire::{self, Asking, Question, Rejected};

/// Longest datagram that is received whole; queries allow 1,232 octets.
pub(crate) const LONGEST_DATAGRAM: usize = 4096;

/// How a question is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// How often it is sent at most.
    pub(crate) tries: u32,
    /// How long each try waits, and a query over TCP in all.
    pub(crate) timeout: Duration,
}

/// A question that was asked, when it is over.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// Datagrams sent.
    pub(crate) tries: u32,
    pub(crate) noise: Noise,
    /// Whether the reply over UDP was truncated, and TCP was used.
    pub(crate) truncated: bool,
    pub(crate) outcome: Result<Answered, Failure>,
}

/// The reply, and how long it took from the query that it answers.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) message: Message,
    pub(crate) rtt: Duration,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Silent { tries: u32, noise: u64 },
    Refused,
    Truncated(TcpFailure),
    Failed(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { tries, noise: 0 } => write!(f, "{tries} tries went unanswered"),
            Self::Silent { tries, .. } => write!(f, "what came in {tries} tries was no reply to the query"),
            Self::Refused => f.write_str("the port is closed"),
            Self::Truncated(why) => write!(f, "the answer was truncated, and over TCP {why}"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// Asks until there is a reply, a refusal, or no try left.
pub(crate) async fn ask(
    server: SocketAddr,
    question: &Question,
    asking: Asking,
    patience: Patience,
    random: &mut StdRng,
) -> Exchange {
    let mut noise = Noise::default();
    for tries in 1..=patience.tries {
        let id = random.random();
        let query = question.encode_with(id, asking);
        let attempt = attempt(server, question, &query, id, &mut noise);
        let outcome = match timeout(patience.timeout, attempt).await {
            Err(_elapsed) => continue,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(Failure::Refused),
            Ok(Err(error)) => Err(Failure::Failed(error.to_string())),
            Ok(Ok(answered)) => Ok(answered),
        };
        return match outcome {
            Ok(answered) if answered.message.metadata.truncation => {
                let outcome = ask_over_tcp(server, question, asking, patience.timeout, random.random()).await;
                let outcome = outcome.map_err(Failure::Truncated);
                Exchange { tries, noise, truncated: true, outcome }
            }
            outcome => Exchange { tries, noise, truncated: false, outcome },
        };
    }
    let silent = Failure::Silent { tries: patience.tries, noise: noise.garbage + noise.mismatched };
    Exchange { tries: patience.tries, noise, truncated: false, outcome: Err(silent) }
}

/// Makes a socket that hears this server alone, from a port of the kernel's random choice.
pub(crate) async fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let from: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from).await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn attempt(
    server: SocketAddr,
    question: &Question,
    query: &[u8],
    id: u16,
    noise: &mut Noise,
) -> io::Result<Answered> {
    let socket = connect(server).await?;
    let sent = Instant::now();
    socket.send(query).await?;
    let mut datagram = vec![0; LONGEST_DATAGRAM];
    loop {
        let length = socket.recv(&mut datagram).await?;
        match wire::read_message(&datagram[..length], question, id) {
            Ok(message) => return Ok(Answered { message, rtt: sent.elapsed() }),
            Err(Rejected::OtherId(_) | Rejected::OtherQuestion) => noise.mismatched += 1,
            Err(Rejected::Garbage) => noise.garbage += 1,
        }
    }
}

/// RFC 7766 §5: what does not fit is asked for again over TCP.
async fn ask_over_tcp(
    server: SocketAddr,
    question: &Question,
    asking: Asking,
    limit: Duration,
    id: u16,
) -> Result<Answered, TcpFailure> {
    let started = Instant::now();
    let octets = tcp::message(server, &question.encode_with(id, asking), limit).await?;
    let message = wire::read_message(&octets, question, id).map_err(TcpFailure::from)?;
    if message.metadata.truncation {
        return Err(TcpFailure::Truncated);
    }
    Ok(Answered { message, rtt: started.elapsed() })
}
