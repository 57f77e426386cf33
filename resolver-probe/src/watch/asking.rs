//! The tasks of a watch that ask: one server, one resolver, for name servers, and for the truth.
//!
//! Each sends what it found into the queue, and ends when nobody listens any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::name::RecordName;
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::shell::{Finder, TruthSource, pause};
use crate::discover::{DiscoverRequest, Discovery, discover};
use crate::observation::UdpExchange;
use crate::resolver::{Resolver, ResolverExchange};
use crate::tcp;
use crate::truth::Truth;
use crate::udp::UdpAsker;
use crate::wire::Question;

/// Between two queries over TCP to one server: what breaks there is a listener, and stays broken.
const TCP_PERIOD: Duration = Duration::from_secs(30);
/// Queries a second that one asker can make where a reply takes a tenth of a second.
const RATE_OF_ASKER: f64 = 10.0;
/// Askers of one server at most, each on a socket of its own.
const MOST_ASKERS: u32 = 64;
/// How long a search for name servers may take.
const SEARCH: Duration = Duration::from_secs(30);
/// Between two searches while nothing was found.
const SEARCH_AGAIN: Duration = Duration::from_secs(10);

/// Something that an asker found.
#[derive(Debug)]
pub(crate) enum Message {
    Udp(SocketAddr, UdpExchange),
    /// A query over TCP, with why it has no answer.
    Tcp(SocketAddr, Option<String>),
    Resolved(usize, ResolverExchange),
    Found(Box<Discovery>),
    Truth(Result<Truth, String>),
}

/// How servers are asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asking {
    /// How long each try waits.
    pub(crate) timeout: Duration,
    /// Queries a second to one server.
    pub(crate) rate: f64,
}

/// Begins to ask one server.
pub(crate) fn ask_server(
    tasks: &mut JoinSet<()>,
    (server, name): (SocketAddr, &RecordName),
    asking: &Asking,
    random: &mut StdRng,
    sender: &Sender<Message>,
) {
    let question = Arc::new(Question::new(name));
    let askers = ((asking.rate / RATE_OF_ASKER).ceil() as u32).clamp(1, MOST_ASKERS);
    let period = Duration::from_secs_f64(f64::from(askers) / asking.rate);
    for _ in 0..askers {
        let (own, sender) = (StdRng::from_rng(random), sender.clone());
        let random = StdRng::from_rng(random);
        let asker = UdpAsker::new(server, Arc::clone(&question), asking.timeout, None, own);
        tasks.spawn(ask_over_udp(server, asker, period, random, sender));
    }
    let random = StdRng::from_rng(random);
    tasks.spawn(ask_over_tcp(server, question, asking.timeout, random, sender.clone()));
}

async fn ask_over_udp(
    server: SocketAddr,
    mut asker: UdpAsker,
    period: Duration,
    mut random: StdRng,
    sender: Sender<Message>,
) {
    // Not all at once: the first queries are spread over a period.
    tokio::time::sleep(period.mul_f64(random.random())).await;
    loop {
        let asked = asker.ask();
        // What a query takes is part of its period.
        let (exchange, ()) = tokio::join!(asked, pause(period, &mut random));
        if sender.send(Message::Udp(server, exchange)).await.is_err() {
            return;
        }
    }
}

async fn ask_over_tcp(
    server: SocketAddr,
    question: Arc<Question>,
    timeout: Duration,
    mut random: StdRng,
    sender: Sender<Message>,
) {
    loop {
        let asked = tcp::ask(server, &question, random.random(), timeout).await;
        let failure = asked.err().map(|failure| failure.to_string());
        if sender.send(Message::Tcp(server, failure)).await.is_err() {
            return;
        }
        pause(TCP_PERIOD, &mut random).await;
    }
}

/// Asks one resolver for the name.
pub(crate) async fn ask_resolver(
    place: usize,
    mut resolver: Resolver,
    name: RecordName,
    period: Duration,
    mut random: StdRng,
    sender: Sender<Message>,
) {
    loop {
        let exchange = resolver.ask(&name, true).await;
        if sender.send(Message::Resolved(place, exchange)).await.is_err() {
            return;
        }
        pause(period, &mut random).await;
    }
}

/// Looks for the name servers, now and then.
pub(crate) async fn find_servers(
    (name, roots, timeout, period, seed): (RecordName, Vec<SocketAddr>, Duration, Duration, u64),
    mut finder: Finder,
    sender: Sender<Message>,
) {
    let mut random = StdRng::seed_from_u64(seed);
    loop {
        let request = DiscoverRequest {
            name: name.clone(),
            roots: roots.clone(),
            resolver: finder(),
            timeout,
            limit: SEARCH,
            seed: random.random(),
        };
        let found = discover(request).await;
        let again = if found.authorities.is_empty() { SEARCH_AGAIN.min(period) } else { period };
        if sender.send(Message::Found(Box::new(found))).await.is_err() {
            return;
        }
        pause(again, &mut random).await;
    }
}

/// Looks at the truth, as often as was wanted.
pub(crate) async fn read_truth(mut source: Box<dyn TruthSource>, period: Duration, sender: Sender<Message>) {
    loop {
        let truth = match source.look().await {
            Ok(None) => None,
            Ok(Some(truth)) => Some(Ok(truth)),
            Err(why) => Some(Err(why)),
        };
        if let Some(truth) = truth
            && sender.send(Message::Truth(truth)).await.is_err()
        {
            return;
        }
        tokio::time::sleep(period).await;
    }
}
