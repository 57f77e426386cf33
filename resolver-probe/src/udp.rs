//! Sampling queries over UDP, each with its own random id, tried up to four times.
//!
//! Sockets are connected, so that the kernel drops datagrams from elsewhere and reports a refusal at
//! once, and are replaced every second, so that source ports change. A message that is not the reply is
//! counted, and the query goes on waiting. Nothing grows with the number of queries.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};

use crate::exchange::{LONGEST_DATAGRAM, connect};
use crate::observation::{Noise, UdpExchange, UdpFate};
use crate::pace::Pace;
use crate::tcp;
use crate::wire::{self, Question, Rejected, Reply};

/// A query is sent once, and again up to three times, before it counts as lost.
pub(crate) const TRIES: u64 = 4;
/// How long one socket, and so one source port, is used. One query after the other: replies that come
/// late, or twice, are still received and can be counted.
const SOCKET_LIFETIME: Duration = Duration::from_secs(1);
/// Ids that a socket remembers, to tell late replies from strangers'. It waits four times for one query,
/// so that these are at least the last eight queries.
const REMEMBERED_IDS: usize = 32;

/// Asks one server, one query at a time.
pub(crate) struct UdpAsker {
    server: SocketAddr,
    question: Arc<Question>,
    timeout: Duration,
    pace: Option<Arc<Pace>>,
    random: StdRng,
    connection: Option<Connection>,
    /// The query with the last id that was sent.
    query: Vec<u8>,
    datagram: Vec<u8>,
}

/// A connected socket, and the ids that were sent through it.
struct Connection {
    socket: UdpSocket,
    made: Instant,
    ids: [Option<u16>; REMEMBERED_IDS],
    next: usize,
}

enum Try {
    Reply(Reply),
    Silent,
    Refused,
    Failed(String),
}

impl UdpAsker {
    pub(crate) fn new(
        server: SocketAddr,
        question: Arc<Question>,
        timeout: Duration,
        pace: Option<Arc<Pace>>,
        random: StdRng,
    ) -> Self {
        let (query, datagram) = (question.encode(0), vec![0; LONGEST_DATAGRAM]);
        Self { server, question, timeout, pace, random, connection: None, query, datagram }
    }

    /// Sends one query until it is answered, refused, or out of tries.
    pub(crate) async fn ask(&mut self) -> UdpExchange {
        let mut exchange =
            UdpExchange { tries: 0, noise: Noise::default(), truncated: false, fate: UdpFate::Silent };
        self.connection.take_if(|connection| connection.made.elapsed() >= SOCKET_LIFETIME);
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

    async fn attempt(&mut self, noise: &mut Noise) -> Try {
        if let Some(pace) = &self.pace {
            pace.turn().await;
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
            None => Connection::open(self.server).await?,
        };
        let id = connection.unused_id(&mut self.random);
        if let Some(place) = self.query.first_chunk_mut::<2>() {
            *place = id.to_be_bytes();
        }
        connection.socket.send(&self.query).await?;
        let received = receive(&connection, &self.question, id, &mut self.datagram, noise);
        let reply = match timeout(self.timeout, received).await {
            Ok(received) => Some(received?),
            Err(_elapsed) => None,
        };
        self.connection = Some(connection);
        Ok(reply)
    }
}

impl Connection {
    async fn open(server: SocketAddr) -> io::Result<Self> {
        let socket = connect(server).await?;
        Ok(Self { socket, made: Instant::now(), ids: [None; REMEMBERED_IDS], next: 0 })
    }

    /// Draws an id that no reply on its way can have, and remembers it in place of the oldest.
    fn unused_id(&mut self, random: &mut StdRng) -> u16 {
        loop {
            let id = random.random();
            if !self.sent(id) {
                self.ids[self.next % REMEMBERED_IDS] = Some(id);
                self.next = self.next.wrapping_add(1);
                return id;
            }
        }
    }

    fn sent(&self, id: u16) -> bool {
        self.ids.contains(&Some(id))
    }
}

async fn receive(
    connection: &Connection,
    question: &Question,
    id: u16,
    datagram: &mut [u8],
    noise: &mut Noise,
) -> io::Result<Reply> {
    loop {
        let length = connection.socket.recv(datagram).await?;
        match wire::read(&datagram[..length], question, id) {
            Ok(reply) => return Ok(reply),
            Err(Rejected::OtherId(other)) if connection.sent(other) => noise.late += 1,
            Err(Rejected::OtherId(_) | Rejected::OtherQuestion) => noise.mismatched += 1,
            Err(Rejected::Garbage) => noise.garbage += 1,
        }
    }
}
