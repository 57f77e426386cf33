//! The engine of a propagation: answers go in with their times, what was seen comes out.
//!
//! It has no clock and no socket, and asks for nothing: who has seen what, since when, and whether everybody has.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;
use registrar_core::name::RecordName;

use super::cache::{Against, Cache};
use super::report::{
    ChangePropagation, PropagationReport, ResolverPropagation, Route53Report, SCHEMA, ServerPropagation,
    worst,
};
use super::track::{Edge, Seen, Track, Wanted, needed};
use crate::observation::{UdpExchange, UdpFate};
use crate::resolver::ResolverExchange;
use crate::statistics::Alpha;

/// One address, and what is wanted of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// The address.
    pub address: Ipv4Addr,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// Its share of the answers while it is there, 0 to 1; without it, that of one more address like the others,
    /// and of 8 at least.
    pub share: Option<f64>,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub struct PropagateSettings {
    /// The name.
    pub name: RecordName,
    /// The addresses, each once.
    pub changes: Vec<Change>,
    /// The probability that any absence is called one wrongly.
    pub alpha: Alpha,
    /// When the change was made, where that is known.
    pub changed_at: Option<Timestamp>,
    /// Where message ids come from.
    pub seed: u64,
}

/// What Route 53 says of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeState {
    /// It is on its way to the name servers.
    Pending,
    /// All name servers have it, says Route 53.
    InSync,
}

/// Something that was seen for the first time, or is no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A server has seen what is wanted of an address.
    Server(SocketAddr, Ipv4Addr, Wanted, Edge),
    /// A server had, and no longer has.
    Lost(SocketAddr, Ipv4Addr, Wanted),
    /// A resolver's answers are new.
    Resolver(usize, Edge),
    /// Route 53 says INSYNC.
    InSync(Edge),
    /// Every server was asked often enough to say how it stands: what changes from now on has both edges.
    Ready,
}

/// Everything that is known of a propagation.
#[derive(Debug)]
pub(crate) struct State {
    settings: PropagateSettings,
    started_at: Timestamp,
    servers: BTreeMap<SocketAddr, Server>,
    resolvers: Vec<(String, Cache)>,
    route53: Option<(Route53Report, Option<Timestamp>)>,
    failure: Option<String>,
    is_ready: bool,
}

#[derive(Debug)]
struct Server {
    name_server: Option<String>,
    queries: u64,
    answers: u64,
    ttl_secs: Option<u32>,
    others: BTreeSet<Ipv4Addr>,
    tracks: Vec<Track>,
}

/// Equal records that are assumed at least where no share is known, as in a check: not all were seen yet.
const FIRST_GUESS: usize = 8;
/// Addresses that are counted to estimate a share: Route 53 allows so many records.
const MOST_RECORDS: usize = 100;

impl State {
    pub(crate) fn new(
        settings: PropagateSettings,
        resolvers: Vec<String>,
        asks_route53: bool,
        at: Timestamp,
    ) -> Self {
        let resolvers = resolvers.into_iter().map(|resolver| (resolver, Cache::default())).collect();
        let route53 = asks_route53.then(Default::default);
        Self {
            settings,
            started_at: at,
            servers: BTreeMap::new(),
            resolvers,
            route53,
            failure: None,
            is_ready: false,
        }
    }

    /// Takes the servers that are asked.
    pub(crate) fn servers(&mut self, servers: BTreeMap<SocketAddr, Option<String>>) {
        self.failure = None;
        for (server, name_server) in servers {
            let tracks = self.settings.changes.iter().map(|change| Track::new(change.wanted)).collect();
            self.servers.entry(server).or_insert(Server {
                name_server,
                queries: 0,
                answers: 0,
                ttl_secs: None,
                others: BTreeSet::new(),
                tracks,
            });
        }
    }

    /// Says whether servers are known.
    pub(crate) fn knows_servers(&self) -> bool {
        !self.servers.is_empty()
    }

    /// Takes why no server is known.
    pub(crate) fn failed(&mut self, why: String) {
        self.failure = Some(why);
    }

    /// Takes a query to a server that is over.
    pub(crate) fn answer(&mut self, server: SocketAddr, exchange: &UdpExchange, at: Timestamp) -> Vec<News> {
        let level = self.level();
        let Some(state) = self.servers.get_mut(&server) else { return Vec::new() };
        state.queries += 1;
        let UdpFate::Answered(reply) = &exchange.fate else { return Vec::new() };
        if !reply.rcode.is_answer() {
            return Vec::new();
        }
        state.answers += 1;
        state.ttl_secs = reply.ttls.last().copied().max(state.ttl_secs);
        if state.others.len() < MOST_RECORDS {
            state.others.extend(&reply.addresses);
        }
        let mut news = Vec::new();
        for (change, place) in self.settings.changes.iter().zip(0..) {
            let needed = state.needed(change, level);
            let Some(track) = state.tracks.get_mut(place) else { continue };
            let before = track.seen();
            track.note(reply.addresses.contains(&change.address), needed, at);
            match (before, track.seen(), track.edge) {
                (Seen::NotYet | Seen::Unknown, Seen::Yes, Some(edge)) => {
                    news.push(News::Server(server, change.address, change.wanted, edge));
                }
                (Seen::Yes, Seen::NotYet | Seen::Unknown, _) => {
                    news.push(News::Lost(server, change.address, change.wanted));
                }
                (Seen::Yes | Seen::NotYet | Seen::Unknown, ..) => {}
            }
        }
        let mut tracks = self.servers.values().flat_map(|server| &server.tracks);
        if !self.is_ready && tracks.all(|track| track.seen() != Seen::Unknown) {
            self.is_ready = true;
            news.push(News::Ready);
        }
        news
    }

    /// Takes a question to a resolver that is over, by its place in the list.
    pub(crate) fn resolved(
        &mut self,
        resolver: usize,
        exchange: &ResolverExchange,
        at: Timestamp,
    ) -> Option<News> {
        let of = |wanted: Wanted| {
            let all = self.settings.changes.iter().filter(move |change| change.wanted == wanted);
            all.map(|change| change.address).collect::<Vec<_>>()
        };
        let (gone, there) = (of(Wanted::Vanishes), self.new_addresses());
        let ttl_secs = self.servers.values().filter_map(|server| server.ttl_secs).max();
        let against = Against { gone: &gone, there: &there, ttl_secs, changed_by: self.changed_by() };
        let (_, cache) = self.resolvers.get_mut(resolver)?;
        let before = cache.seen();
        match &exchange.outcome {
            Ok(reply) => cache.note(reply, against, at),
            Err(why) => cache.fail(why.to_string()),
        }
        let edge = cache.edge.filter(|_| before != Seen::Yes)?;
        Some(News::Resolver(resolver, edge))
    }

    /// Takes what Route 53 says.
    pub(crate) fn route53(&mut self, says: Result<ChangeState, String>, at: Timestamp) -> Option<News> {
        let (report, pending_at) = self.route53.as_mut()?;
        match says {
            Err(why) => report.failure = Some(why),
            Ok(ChangeState::Pending) => (*pending_at, report.failure) = (Some(at), None),
            Ok(ChangeState::InSync) => {
                report.failure = None;
                let edge = Edge { after: *pending_at, by: at };
                let is_new = report.edge.is_none();
                report.edge.get_or_insert(edge);
                return is_new.then_some(News::InSync(edge));
            }
        }
        None
    }

    /// Says whether everybody has seen the change; Route 53's own word is not waited for.
    pub(crate) fn is_over(&self) -> bool {
        self.propagated() == Seen::Yes
    }

    /// Returns everything, at its end.
    pub(crate) fn report(&self, at: Timestamp) -> PropagationReport {
        let level = self.level();
        PropagationReport {
            schema: SCHEMA,
            name: self.settings.name.to_string(),
            propagated: self.propagated(),
            from: self.settings.changed_at.unwrap_or(self.started_at),
            started_at: self.started_at,
            ended_at: at,
            alpha: self.settings.alpha,
            route53: self.route53.as_ref().map(|(report, _)| report.clone()),
            servers: self
                .servers
                .iter()
                .map(|(address, server)| self.of_server(*address, server, level))
                .collect(),
            resolvers: self.resolvers.iter().map(of_resolver).collect(),
            failure: self.failure.clone(),
            seed: self.settings.seed,
        }
    }

    /// Returns a resolver as it was named.
    pub(crate) fn resolver(&self, place: usize) -> &str {
        self.resolvers.get(place).map_or("", |(resolver, _)| resolver)
    }

    fn propagated(&self) -> Seen {
        let servers = self.servers.values().flat_map(|server| &server.tracks).map(Track::seen);
        worst(servers.chain(self.resolvers.iter().map(|(_, cache)| cache.seen())))
    }

    /// Addresses that no server answered before the change, as far as was seen: where one did from the beginning, a
    /// cache that holds it may be old.
    fn new_addresses(&self) -> Vec<Ipv4Addr> {
        let changes = self.settings.changes.iter().enumerate();
        let wanted = changes.filter(|(_, change)| change.wanted == Wanted::Appears);
        let is_new = |place: usize| {
            let mut tracks = self.servers.values().filter_map(|server| server.tracks.get(place));
            tracks.all(|track| track.edge.is_none_or(|edge| edge.after.is_some()))
        };
        wanted.filter(|(place, _)| is_new(*place)).map(|(_, change)| change.address).collect()
    }

    /// When the last server that answers had seen all of the change.
    fn changed_by(&self) -> Option<Timestamp> {
        let mut by = None;
        for server in self.servers.values().filter(|server| server.answers > 0) {
            for track in &server.tracks {
                by = by.max(Some(track.edge.filter(|_| track.seen() == Seen::Yes)?.by));
            }
        }
        by
    }

    /// Each absence has its part of the level.
    fn level(&self) -> f64 {
        self.settings.alpha.split(self.servers.len() * self.settings.changes.len()).get()
    }

    fn of_server(&self, address: SocketAddr, server: &Server, level: f64) -> ServerPropagation {
        let changes = self.settings.changes.iter().zip(&server.tracks);
        ServerPropagation {
            server: address,
            name_server: server.name_server.clone(),
            propagated: worst(server.tracks.iter().map(Track::seen)),
            queries: server.queries,
            answers: server.answers,
            changes: changes
                .map(|(change, track)| ChangePropagation {
                    address: change.address,
                    wanted: change.wanted,
                    seen: track.seen(),
                    edge: track.edge,
                    first_seen_at: track.first_seen_at,
                    last_seen_at: track.last_seen_at,
                    flaps: track.flaps,
                    needed: server.needed(change, level),
                })
                .collect(),
        }
    }
}

impl Server {
    /// Returns how many answers in a row without an address say that it is not there.
    fn needed(&self, change: &Change, level: f64) -> usize {
        let others = self.others.iter().filter(|address| **address != change.address).count();
        needed(change.share.unwrap_or(1.0 / (others + 1).max(FIRST_GUESS) as f64), level)
    }
}

fn of_resolver((resolver, cache): &(String, Cache)) -> ResolverPropagation {
    ResolverPropagation {
        resolver: resolver.clone(),
        propagated: cache.seen(),
        asked: cache.asked,
        answered: cache.answered,
        edge: cache.edge,
        last_old_at: cache.last_old_at,
        flaps: cache.flaps,
        failure: cache.failure.clone(),
    }
}
