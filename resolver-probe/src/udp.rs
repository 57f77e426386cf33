//! Sampling queries over UDP, each with its own random id, tried up to four times.
//!
//! Sockets are connected, so that the kernel drops datagrams from elsewhere and reports a refusal at
//! once, and are replaced after a few queries, so that source ports change. A message that is not the
//! reply is counted, and the query goes on waiting.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::{Interval, timeout};

use crate::exchange::{LONGEST_DATAGRAM, connect};
use crate::observation::{Noise, UdpExchange, UdpFate};
use crate::tcp;
use crate::wire::{self, Question, Rejected, Reply};

/// A query is sent once, and again up to three times, before it counts as lost.
pub(crate) const TRIES: u64 = 4;
/// Queries for which one socket, and so one source port, is used. One query after the other: replies
/// that come late, or twice, are still received and can be counted.
const QUERIES_PER_SOCKET: usize = 8;

/// Spaces out the datagrams to one server.
pub(crate) type Pace = Option<Arc<Mutex<Interval>>>;

/// Asks one server, one query at a time.
pub(crate) struct UdpAsker {
    pub(crate) server: SocketAddr,
    pub(crate) question: Arc<Question>,
    pub(crate) timeout: Duration,
    pub(crate) pace: Pace,
    pub(crate) random: StdRng,
    pub(crate) connection: Option<Connection>,
}

/// A connected socket, and the ids that were sent through it.
pub(crate) struct Connection {
    socket: UdpSocket,
    ids: Vec<u16>,
    queries: usize,
}

enum Try {
    Reply(Reply),
    Silent,
    Refused,
    Failed(String),
}

impl UdpAsker {
    /// Sends one query until it is answered, refused, or out of tries.
    pub(crate) async fn ask(&mut self) -> UdpExchange {
        let mut exchange =
            UdpExchange { tries: 0, noise: Noise::default(), truncated: false, fate: UdpFate::Silent };
        self.renew();
        while exchange.tries < TRIES {
            exchange.tries += 1;
            exchange.fate = match self.attempt(&mut exchange.noise).await {
                Try::Silent => continue,
                Try::Refused => UdpFate::Refused,
                Try::Failed(why) => UdpFate::Failed(why),
                Try::Reply(reply) if reply.truncated => {
                    exchange.truncated = true;
                    self.ask_again_over_tcp().await
                }
                Try::Reply(reply) => UdpFate::Answered(reply),
            };
            break;
        }
        exchange
    }

    /// RFC 7766 §5: what does not fit is asked for again over TCP.
    async fn ask_again_over_tcp(&mut self) -> UdpFate {
        let id = self.random.random();
        match tcp::ask(self.server, &self.question, id, self.timeout).await {
            Ok(reply) => UdpFate::Answered(reply),
            Err(failure) => UdpFate::Truncated(format!("truncated, and over TCP {failure}")),
        }
    }

    fn renew(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.queries += 1;
            if connection.queries >= QUERIES_PER_SOCKET {
                self.connection = None;
            }
        }
    }

    async fn attempt(&mut self, noise: &mut Noise) -> Try {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
        match self.send_and_wait(noise).await {
            Ok(Some(reply)) => Try::Reply(reply),
            Ok(None) => Try::Silent,
            Err(error) => {
                // An error of the socket says nothing about the next query: that gets a new one.
                self.connection = None;
                match error.kind() {
                    io::ErrorKind::ConnectionRefused => Try::Refused,
                    _ => Try::Failed(error.to_string()),
                }
            }
        }
    }

    async fn send_and_wait(&mut self, noise: &mut Noise) -> io::Result<Option<Reply>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection { socket: connect(self.server).await?, ids: Vec::new(), queries: 0 },
        };
        let id = self.unused_id(&connection.ids);
        connection.ids.push(id);
        connection.socket.send(&self.question.encode(id)).await?;
        let waited = timeout(self.timeout, receive(&connection, &self.question, id, noise)).await;
        let reply = match waited {
            Ok(received) => Some(received?),
            Err(_elapsed) => None,
        };
        self.connection = Some(connection);
        Ok(reply)
    }

    fn unused_id(&mut self, ids: &[u16]) -> u16 {
        loop {
            let id = self.random.random();
            if !ids.contains(&id) {
                return id;
            }
        }
    }
}

async fn receive(
    connection: &Connection,
    question: &Question,
    id: u16,
    noise: &mut Noise,
) -> io::Result<Reply> {
    let mut datagram = vec![0; LONGEST_DATAGRAM];
    loop {
        let length = connection.socket.recv(&mut datagram).await?;
        match wire::read(&datagram[..length], question, id) {
            Ok(reply) => return Ok(reply),
            Err(Rejected::OtherId(other)) if connection.ids.contains(&other) => noise.late += 1,
            Err(Rejected::OtherId(_) | Rejected::OtherQuestion) => noise.mismatched += 1,
            Err(Rejected::Garbage) => noise.garbage += 1,
        }
    }
}
