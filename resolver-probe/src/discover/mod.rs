//! Finds every authoritative name server of a name by delegation, from the root down.
//!
//! The walk itself is pure; this module gives it sockets, time and an end. It caches nothing beyond one
//! discovery, and follows no alias. Where no root server can be reached, as in many corporate networks, a
//! resolver is asked for the name servers instead, and these are asked themselves whether it is true.

mod hostile;
mod reading;
mod result;
mod roots;
mod walk;
#[cfg(test)]
mod world;

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::Name;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::name::RecordName;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::exchange::{self, Patience};
use crate::resolver::Resolver;
use crate::wire::{Asking, Question};
use walk::{Next, Origin, Peer, Query, Start, Walk};

pub(crate) use hostile::keeps_bounds;

pub use result::{Authority, Discovery, Fault, FaultKind, FoundBy, Listed, NameServer, Presence};
pub(crate) use roots::DNS_PORT;

/// A query is sent once more before its server counts as silent: others can be asked.
const TRIES: u32 = 2;
/// A root server's IPv6 address: connecting a socket to it asks for a route, and sends nothing.
const FAR_AWAY: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf)), DNS_PORT);

/// What to look for, and where to begin.
#[derive(Debug)]
pub struct DiscoverRequest {
    /// The name whose authoritative name servers are wanted.
    pub name: RecordName,
    /// The servers to begin at, in place of the root servers. Every name server is asked on the port of the
    /// first of them.
    pub roots: Vec<SocketAddr>,
    /// Who is asked where no root server leads to the zone; never where `roots` are given.
    pub resolver: Option<Resolver>,
    /// How long each try waits; a query has two.
    pub timeout: Duration,
    /// How long it may all take. What was found by then remains.
    pub limit: Duration,
    /// Where message ids come from.
    pub seed: u64,
}

/// Finds the name servers. It needs a tokio runtime with I/O and time, and never fails: what goes wrong is in
/// the result.
pub async fn discover(request: DiscoverRequest) -> Discovery {
    let began = Instant::now();
    let end = began + request.limit;
    let mut random = StdRng::seed_from_u64(request.seed);
    let ipv6 = exchange::connect(FAR_AWAY).await.is_ok();
    let start = start(&request, ipv6, random.random());
    // Half of the time is for the other way, where there is one.
    let fallback = request.resolver.filter(|_| request.roots.is_empty());
    let first_end = if fallback.is_some() { began + request.limit / 2 } else { end };
    let patience = Patience { tries: TRIES, timeout: request.timeout };
    let name = start.name.clone();
    let mut found = run(Walk::new(start), None, patience, first_end, &mut random).await;
    if let Some(resolver) = fallback.filter(|_| found.zone.is_none()) {
        let start = Start { name, from: Origin::Resolver, port: DNS_PORT, ipv6 };
        let before = found;
        found = run(Walk::new(start), Some(resolver), patience, end, &mut random).await;
        found.queries += before.queries;
        found.faults.splice(0..0, before.faults);
    }
    found
}

fn start(request: &DiscoverRequest, ipv6: bool, turn: u64) -> Start {
    let (servers, port) = match request.roots.first() {
        Some(first) => (request.roots.clone(), first.port()),
        None => (roots::servers(turn, ipv6), DNS_PORT),
    };
    let mut name = Name::root();
    for label in request.name.labels() {
        // A record name fits: it is at most 255 octets, in labels of at most 63.
        name = name.clone().append_label(crate::wire::unescape(label).as_slice()).unwrap_or(name);
    }
    Start { name, from: Origin::Servers(servers), port, ipv6 }
}

/// Does what the walk says until it is done, or the time is over.
async fn run(
    mut walk: Walk,
    resolver: Option<Resolver>,
    patience: Patience,
    end: Instant,
    random: &mut StdRng,
) -> Discovery {
    let resolver = resolver.map(|resolver| Arc::new(Mutex::new(resolver)));
    // What is still being asked ends with this set.
    let mut asking = JoinSet::new();
    loop {
        match walk.next() {
            Next::Done => return walk.finish(),
            Next::Ask(queries) => {
                for query in queries {
                    let random = StdRng::from_rng(random);
                    asking.spawn(ask(query, resolver.clone(), patience, random));
                }
            }
            Next::Wait => match timeout_at(end, asking.join_next()).await {
                Ok(Some(Ok((token, outcome)))) => {
                    walk.take(token, outcome.as_ref().map_err(String::as_str));
                }
                Ok(Some(Err(_)) | None) => walk.give_up("a query was lost"),
                Err(_elapsed) => walk.give_up("the time for finding name servers was over"),
            },
        }
    }
}

async fn ask(
    query: Query,
    resolver: Option<Arc<Mutex<Resolver>>>,
    patience: Patience,
    mut random: StdRng,
) -> (u32, Result<Message, String>) {
    let question = Question::of(&query.name, query.record_type);
    let outcome = match (query.peer, resolver) {
        (Peer::Server(server), _) => {
            let asked = exchange::ask(server, &question, Asking::default(), patience, &mut random).await;
            asked.outcome.map(|answered| answered.message).map_err(|failure| failure.to_string())
        }
        (Peer::Resolver, Some(resolver)) => {
            let asked = resolver.lock().await.message(&question, true).await;
            asked.outcome.map(|reply| reply.message).map_err(|failure| failure.to_string())
        }
        (Peer::Resolver, None) => Err("there is no resolver".to_owned()),
    };
    (query.token, outcome)
}
