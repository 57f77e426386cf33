//! What was seen of one name server: replies by content, and exchanges by fate.
//!
//! These are counts only; whether they are good or bad is for the judgement to say.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use crate::order::Order;
use crate::wire::{Rcode, Reply};

/// Everything that was seen of one server.
#[derive(Clone, Debug)]
pub(crate) struct Observation {
    pub(crate) server: SocketAddr,
    /// Replies to the sampling queries, which go out over UDP; a truncated one is asked again over TCP.
    pub(crate) sampled: Replies,
    /// The order of the first of them.
    pub(crate) order: Order,
    /// Replies to the queries that were sent over TCP from the start.
    pub(crate) over_tcp: Replies,
    pub(crate) udp: UdpTally,
    pub(crate) tcp: TcpTally,
    /// How many sampling queries were wanted in the end.
    pub(crate) wanted: u64,
    /// Why sampling stopped before all were sent.
    pub(crate) stopped: Option<Stopped>,
}

impl Observation {
    pub(crate) fn new(server: SocketAddr) -> Self {
        Self {
            server,
            sampled: Replies::default(),
            order: Order::default(),
            over_tcp: Replies::default(),
            udp: UdpTally::default(),
            tcp: TcpTally::default(),
            wanted: 0,
            stopped: None,
        }
    }

    /// Counts a finished sampling query.
    pub(crate) fn note_udp(&mut self, exchange: UdpExchange) {
        let udp = &mut self.udp;
        udp.queries += 1;
        udp.tries += exchange.tries;
        udp.late += exchange.noise.late;
        udp.mismatched += exchange.noise.mismatched;
        udp.garbage += exchange.noise.garbage;
        udp.truncated += u64::from(exchange.truncated);
        match exchange.fate {
            UdpFate::Answered(reply) => {
                udp.replies += 1;
                udp.lost_in_a_row = 0;
                self.note_answer(&reply);
                return;
            }
            UdpFate::Silent => udp.silent += 1,
            UdpFate::Refused => udp.refused += 1,
            UdpFate::Truncated(why) | UdpFate::Failed(why) => {
                udp.failed += 1;
                udp.error = Some(why);
            }
        }
        udp.lost_in_a_row += 1;
    }

    /// Counts a reply to a sampling query.
    pub(crate) fn note_answer(&mut self, reply: &Reply) {
        self.sampled.note(reply);
        if let (Some(address), 1) = (reply.addresses.first(), reply.addresses.len()) {
            self.order.note(*address);
        }
    }

    /// Counts a finished query over TCP.
    pub(crate) fn note_tcp(&mut self, fate: Result<Reply, TcpFailure>) {
        self.tcp.queries += 1;
        match fate {
            Ok(reply) => {
                self.tcp.replies += 1;
                self.over_tcp.note(&reply);
            }
            Err(failure) => self.tcp.last_failure = Some(failure),
        }
    }

    /// Returns how often the server answered with the address, over either transport.
    pub(crate) fn times_seen(&self, address: Ipv4Addr) -> u64 {
        self.sampled.count(address) + self.over_tcp.count(address)
    }

    /// Returns every address that the server answered, over either transport.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.sampled.addresses.keys().chain(self.over_tcp.addresses.keys()).copied()
    }
}

/// Replies of one server, counted by what they say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replies {
    pub(crate) all: u64,
    /// Those that answer the question, with records or with their absence.
    pub(crate) answers: u64,
    /// Of those, the ones without an address.
    pub(crate) empty: u64,
    /// Of those, the ones without the AA flag.
    pub(crate) without_authority: u64,
    /// In how many replies each address stood.
    pub(crate) addresses: BTreeMap<Ipv4Addr, u64>,
    pub(crate) rcodes: BTreeMap<Rcode, u64>,
    /// In how many replies each TTL stood, by seconds.
    pub(crate) ttls: BTreeMap<u32, u64>,
    /// Records that nobody asked for.
    pub(crate) unrelated: u64,
    /// The longest negative TTL, in seconds.
    pub(crate) negative_ttl: Option<u32>,
}

impl Replies {
    pub(crate) fn note(&mut self, reply: &Reply) {
        self.all += 1;
        *self.rcodes.entry(reply.rcode).or_default() += 1;
        self.unrelated += reply.unrelated;
        if !reply.rcode.is_answer() {
            return;
        }
        self.answers += 1;
        self.without_authority += u64::from(!reply.authoritative);
        self.empty += u64::from(reply.addresses.is_empty());
        if reply.addresses.is_empty() {
            self.negative_ttl = self.negative_ttl.max(reply.negative_ttl);
        }
        for address in &reply.addresses {
            *self.addresses.entry(*address).or_default() += 1;
        }
        for ttl in &reply.ttls {
            *self.ttls.entry(*ttl).or_default() += 1;
        }
    }

    /// Says whether counts of addresses tell how the server draws. What a cache answers is drawn elsewhere.
    pub(crate) fn is_comparable(&self) -> bool {
        self.answers > self.empty && self.without_authority == 0 && self.is_drawn()
    }

    /// Says whether each answer holds one address at most, as in weighted routing: only then do counts tell how
    /// it was drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        self.addresses.values().sum::<u64>() == self.answers - self.empty
    }

    pub(crate) fn count(&self, address: Ipv4Addr) -> u64 {
        self.addresses.get(&address).copied().unwrap_or(0)
    }
}

/// Sampling queries, counted by what became of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct UdpTally {
    /// Queries that are over; each was tried up to four times.
    pub(crate) queries: u64,
    /// Datagrams sent.
    pub(crate) tries: u64,
    /// Queries that were answered.
    pub(crate) replies: u64,
    /// Queries that nothing answered.
    pub(crate) silent: u64,
    /// Queries that the host refused: nothing listens there.
    pub(crate) refused: u64,
    /// Queries that could not be sent, or not be asked again over TCP.
    pub(crate) failed: u64,
    /// Replies to an earlier query or try.
    pub(crate) late: u64,
    /// Messages that answer nothing that was asked.
    pub(crate) mismatched: u64,
    /// Messages that could not be parsed.
    pub(crate) garbage: u64,
    /// Truncated replies.
    pub(crate) truncated: u64,
    /// The last reason why a query failed.
    pub(crate) error: Option<String>,
    pub(crate) lost_in_a_row: u64,
}

/// Queries over TCP, counted by what became of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TcpTally {
    pub(crate) queries: u64,
    pub(crate) replies: u64,
    pub(crate) last_failure: Option<TcpFailure>,
}

/// Why sampling of a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// The check's deadline passed.
    Deadline,
    /// The server stopped answering, or never did.
    Silence,
    /// The server answers, but not the question.
    NoAnswers,
}

/// One sampling query, when it is over.
#[derive(Clone, Debug)]
pub(crate) struct UdpExchange {
    pub(crate) tries: u64,
    pub(crate) noise: Noise,
    /// Whether a truncated reply came.
    pub(crate) truncated: bool,
    pub(crate) fate: UdpFate,
}

/// What became of a sampling query.
#[derive(Clone, Debug)]
pub(crate) enum UdpFate {
    Answered(Reply),
    Silent,
    Refused,
    /// The reply was truncated, and TCP did not bring the whole.
    Truncated(String),
    Failed(String),
}

/// Messages that came in while a reply was awaited, and were not it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Noise {
    pub(crate) late: u64,
    pub(crate) mismatched: u64,
    pub(crate) garbage: u64,
}

/// Why a query over TCP got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TcpFailure {
    Refused,
    TimedOut,
    Closed,
    Mismatched,
    Garbage,
    Truncated,
    Failed(String),
}

impl std::fmt::Display for TcpFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Refused => "the connection was refused",
            Self::TimedOut => "no answer came in time",
            Self::Closed => "the connection was closed without an answer",
            Self::Mismatched => "the answer was to another question",
            Self::Garbage => "the answer could not be parsed",
            Self::Truncated => "the answer was truncated",
            Self::Failed(why) => why,
        })
    }
}
