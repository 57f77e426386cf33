//! Samples one server: the first queries one after the other, then many side by side, and a few over TCP.
//!
//! How many are enough is the plan's business; when the deadline passes, what was seen so far remains.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as SyncMutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::observation::{Observation, Stopped, TcpFailure};
use crate::pace::Pace;
use crate::tcp;
use crate::udp::UdpAsker;
use crate::wire::{Question, Reply};

/// Queries under way to one server at a time, each on a socket of its own, and so from as many ports.
pub(crate) const IN_FLIGHT: u64 = 64;
/// Queries lost one after the other before a server that did answer is given up.
const LOST_IN_A_ROW: u64 = 16;
/// First queries before a server that answers, but not the question, is given up.
const FIRST_QUERIES: u64 = 4;
/// Queries that go out one after the other, so that the order of the answers is the server's; those of a server
/// that hands 100 addresses out in turn show it.
const ALONE: u64 = 256;
/// How long that may take: a distant server shows less of its order, and is not waited for.
const ALONE_FOR: Duration = Duration::from_secs(1);
/// Datagrams a second to a server that is not on this machine, where nothing else is asked for. Authoritative
/// servers answer 100 times as many; it is what a busy resolver asks, and lets the 25,000 queries that show
/// half of a share of 1 % take half a minute.
pub(crate) const COURTEOUS_RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// Queries over TCP to each server.
pub(crate) const TCP_QUERIES: usize = 3;

/// How servers are asked.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    pub(crate) question: Arc<Question>,
    /// How long each try waits for its reply.
    pub(crate) timeout: Duration,
    /// Datagrams a second to one server; without it, a courteous rate, and on this machine as fast as
    /// replies come.
    pub(crate) rate: Option<NonZeroU32>,
    /// Queries under way to one server at a time.
    pub(crate) in_flight: u64,
    /// Sampling queries that are over, at all servers together.
    pub(crate) done: Arc<AtomicU64>,
}

impl Manner {
    fn rate_to(&self, server: SocketAddr) -> Option<NonZeroU32> {
        self.rate.or((!server.ip().is_loopback()).then_some(COURTEOUS_RATE))
    }
}

/// Samples one server over several rounds.
pub(crate) struct Sampler {
    pub(crate) observation: Observation,
    manner: Manner,
    pace: Option<Arc<Pace>>,
    random: StdRng,
    /// Until when queries go out one after the other, once they began to.
    alone_until: Option<Instant>,
    /// The queries over TCP, which run beside the sampling and end with this sampler.
    over_tcp: mpsc::Receiver<Result<Reply, TcpFailure>>,
    _background: JoinSet<()>,
}

impl Sampler {
    pub(crate) fn new(server: SocketAddr, manner: Manner, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let pace = manner.rate_to(server).map(|rate| Arc::new(Pace::new(rate, random.random())));
        let (results, over_tcp) = mpsc::channel(TCP_QUERIES);
        let mut background = JoinSet::new();
        background.spawn(ask_over_tcp(server, manner.clone(), StdRng::from_rng(&mut random), results));
        let observation = Observation::new(server);
        Self { observation, manner, pace, random, alone_until: None, over_tcp, _background: background }
    }

    /// Sends queries until `wanted` were sent in all rounds together, or `over` says stop.
    pub(crate) async fn round(mut self, wanted: u64, mut over: watch::Receiver<bool>) -> Self {
        self.observation.wanted = wanted;
        tokio::select! {
            () = self.ask(wanted) => {}
            _ = over.wait_for(|over| *over) => {
                self.observation.stopped.get_or_insert(Stopped::Deadline);
            }
        }
        while let Ok(fate) = self.over_tcp.try_recv() {
            self.observation.note_tcp(fate);
        }
        self
    }

    async fn ask(&mut self, wanted: u64) {
        if self.observation.udp.queries == 0 {
            self.greet().await;
        }
        if !self.observation.order.is_together() {
            self.ask_alone(wanted).await;
        }
        if self.observation.stopped.is_none() {
            self.sample_udp(wanted).await;
        }
        while let Some(fate) = self.over_tcp.recv().await {
            self.observation.note_tcp(fate);
        }
    }

    /// Asks alone at first: a server that is silent, or does not answer the question, costs a few queries
    /// and not hundreds.
    async fn greet(&mut self) {
        let mut asker = self.asker();
        for _ in 0..FIRST_QUERIES {
            self.ask_once(&mut asker).await;
            if self.observation.udp.replies == 0 {
                self.observation.stopped = Some(Stopped::Silence);
                return;
            }
            if self.observation.sampled.answers > 0 {
                return;
            }
        }
        self.observation.stopped = Some(Stopped::NoAnswers);
    }

    /// Asks one query after the other: what comes back is in the order in which the server chose it.
    async fn ask_alone(&mut self, wanted: u64) {
        let end = *self.alone_until.get_or_insert_with(|| Instant::now() + ALONE_FOR);
        let mut asker = self.asker();
        let more = |observed: &Observation| observed.udp.queries < wanted.min(ALONE);
        while self.observation.stopped.is_none() && more(&self.observation) && Instant::now() < end {
            self.ask_once(&mut asker).await;
        }
    }

    async fn ask_once(&mut self, asker: &mut UdpAsker) {
        let exchange = asker.ask().await;
        self.observation.note_udp(exchange);
        self.manner.done.fetch_add(1, Ordering::Relaxed);
    }

    async fn sample_udp(&mut self, wanted: u64) {
        let server = self.observation.server;
        let more = wanted.saturating_sub(self.observation.udp.queries);
        if more == 0 {
            return;
        }
        self.observation.order.begin_together();
        let askers: Vec<UdpAsker> = (0..more.min(self.manner.in_flight)).map(|_| self.asker()).collect();
        let seen = std::mem::replace(&mut self.observation, Observation::new(server));
        let round = Arc::new(Round { left: AtomicU64::new(more), seen: SyncMutex::new(seen) });
        // What is put back when this function is left, whichever way: also when it is dropped in its middle.
        let _seen = PutBack { to: &mut self.observation, from: Arc::clone(&round) };
        let mut workers = JoinSet::new();
        for asker in askers {
            workers.spawn(work(asker, Arc::clone(&round), Arc::clone(&self.manner.done)));
        }
        while let Some(worker) = workers.join_next().await {
            if worker.is_ok_and(|ended| ended == Ended::Silence) {
                return;
            }
        }
    }

    fn asker(&mut self) -> UdpAsker {
        let (manner, random) = (&self.manner, StdRng::from_rng(&mut self.random));
        let question = Arc::clone(&manner.question);
        UdpAsker::new(self.observation.server, question, manner.timeout, self.pace.clone(), random)
    }
}

/// What the workers of one round share.
struct Round {
    /// Queries that no worker has begun.
    left: AtomicU64,
    seen: SyncMutex<Observation>,
}

impl Round {
    fn seen(&self) -> MutexGuard<'_, Observation> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Gives a round's observation back to its sampler.
struct PutBack<'a> {
    to: &'a mut Observation,
    from: Arc<Round>,
}

impl Drop for PutBack<'_> {
    fn drop(&mut self) {
        std::mem::swap(self.to, &mut self.from.seen());
    }
}

/// Why a worker ended.
#[derive(PartialEq, Eq)]
enum Ended {
    /// No query is left.
    Done,
    /// The server has stopped answering.
    Silence,
}

/// Asks while there are queries left, and writes down what comes of each.
async fn work(mut asker: UdpAsker, round: Arc<Round>, done: Arc<AtomicU64>) -> Ended {
    while take(&round.left) {
        let exchange = asker.ask().await;
        done.fetch_add(1, Ordering::Relaxed);
        let mut seen = round.seen();
        seen.note_udp(exchange);
        if seen.udp.lost_in_a_row >= LOST_IN_A_ROW {
            seen.stopped = Some(Stopped::Silence);
            return Ended::Silence;
        }
    }
    Ended::Done
}

async fn ask_over_tcp(
    server: SocketAddr,
    manner: Manner,
    mut random: StdRng,
    results: mpsc::Sender<Result<Reply, TcpFailure>>,
) {
    for _ in 0..TCP_QUERIES {
        let fate = tcp::ask(server, &manner.question, random.random(), manner.timeout).await;
        if results.send(fate).await.is_err() {
            return;
        }
    }
}

fn take(tickets: &AtomicU64) -> bool {
    tickets.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}
