//! The engine of a watch: answers go in with their times, events come out.
//!
//! ```text
//! servers, truth, answers, resolvers' answers ──► State ── tick ──► events
//! ```
//!
//! It has no clock, no socket and no file: time is an argument, so that 1,000 hours pass in a test. Its memory does
//! not grow with time: what it keeps is bounded by the numbers of servers, resolvers and addresses.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use registrar_core::{SignedDuration, Timestamp};

use super::event::{Event, Happening, SCHEMA, Summary};
use super::ledger::Ledger;
use super::resolvers::{Reference, ResolverState};
use super::server::{Presence, ServerState};
use super::{judge, summary};
use crate::discover::Discovery;
use crate::history::{History, HistoryLine};
use crate::judge::of_discovery;
use crate::observation::{UdpExchange, UdpFate};
use crate::report::Finding;
use crate::resolver::ResolverExchange;
use crate::statistics::Alpha;
use crate::truth::{Standing as Place, Truth};
use registrar_core::name::RecordName;

/// What is watched, and how carefully.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// The name.
    pub name: RecordName,
    /// The level of all tests together, between two changes of what should be answered.
    pub alpha: Alpha,
    /// How long a change of what should be answered may take to be answered before what is answered is wrong.
    pub grace: SignedDuration,
}

/// Everything that a watch knows.
#[derive(Debug)]
pub struct State {
    pub(super) settings: WatchSettings,
    pub(super) started_at: Timestamp,
    pub(super) now: Timestamp,
    pub(super) truth: Option<Arc<Truth>>,
    /// Why the truth could not be read, and how often in a row; since when.
    pub(super) truth_failed: Option<(String, u32, Timestamp)>,
    /// Until when a change of the truth is in progress: for single addresses, and for weights and TTL.
    pub(super) settling: BTreeMap<Ipv4Addr, Timestamp>,
    pub(super) settles_at: Timestamp,
    pub(super) servers: BTreeMap<SocketAddr, ServerState>,
    pub(super) resolvers: Vec<ResolverState>,
    /// What the last search for name servers found wrong.
    pub(super) discovered: Vec<(Finding, Timestamp)>,
    pub(super) history: History,
    /// Lines that are in the history, and not yet written.
    pub(super) unwritten: Vec<HistoryLine>,
    pub(super) ledger: Ledger,
    events: Vec<Event>,
    has_ended: bool,
}

impl State {
    /// Begins to watch. `history` is what was kept of an earlier watch.
    #[must_use]
    pub fn new(settings: WatchSettings, history: History, at: Timestamp) -> Self {
        Self {
            settings,
            started_at: at,
            now: at,
            truth: None,
            truth_failed: None,
            settling: BTreeMap::new(),
            settles_at: at,
            servers: BTreeMap::new(),
            resolvers: Vec::new(),
            discovered: Vec::new(),
            history,
            unwritten: Vec::new(),
            ledger: Ledger::default(),
            events: Vec::new(),
            has_ended: false,
        }
    }

    /// Says that the watch begins, with these resolvers.
    pub fn start(&mut self, resolvers: Vec<String>, rate_per_sec: f64, seed: u64) {
        self.resolvers = resolvers.iter().cloned().map(ResolverState::new).collect();
        self.tell(Happening::Started { alpha: self.settings.alpha, rate_per_sec, resolvers, seed });
    }

    /// Takes the servers that are asked from now on; what was heard of others is forgotten.
    pub fn servers(&mut self, servers: BTreeMap<SocketAddr, Option<String>>, at: Timestamp) {
        self.pass(at);
        let same = servers.keys().eq(self.servers.keys());
        self.servers.retain(|server, _| servers.contains_key(server));
        for (server, name_server) in &servers {
            let known = self.servers.entry(*server).or_default();
            known.name_server.clone_from(name_server);
        }
        if !same {
            // The level is split among other servers, and what was answered before this watch may still be.
            let (remembered, now) = (self.history.addresses(), self.now);
            for state in self.servers.values_mut() {
                state.weights = None;
                for address in &remembered {
                    state.addresses.entry(*address).or_insert_with(|| Presence::expected(now));
                }
            }
            self.expect_everywhere();
            self.tell(Happening::Servers { servers });
        }
    }

    /// Takes what the search for name servers found wrong.
    pub fn discovered(&mut self, found: &Discovery, at: Timestamp) {
        self.pass(at);
        let since = |finding: &Finding| {
            let before = self.discovered.iter().find(|(before, _)| before.message == finding.message);
            before.map_or(at, |(_, since)| *since)
        };
        let findings = of_discovery(found).into_iter();
        self.discovered =
            findings.map(|finding| (since(&finding), finding)).map(|(at, of)| (of, at)).collect();
    }

    /// Takes what should be answered from now on, or why that could not be read.
    pub fn truth(&mut self, read: Result<Truth, String>, at: Timestamp) {
        self.pass(at);
        let truth = match read {
            Ok(truth) => Arc::new(truth),
            Err(why) => {
                let (times, since) =
                    self.truth_failed.take().map_or((1, at), |(_, times, since)| (times + 1, since));
                self.truth_failed = Some((why, times, since));
                return;
            }
        };
        self.truth_failed = None;
        let is_first = self.truth.is_none();
        let before = self.truth.replace(Arc::clone(&truth));
        if !is_first {
            let until = at.checked_add(self.settings.grace).unwrap_or(at);
            self.settles_at = until;
            self.note_changes(before.as_deref(), &truth, until);
        }
        self.servers.values_mut().for_each(|server| {
            server.weights = None;
            server.other_ttl = None;
        });
        self.expect_everywhere();
        self.tell(Happening::Truth { addresses: truth.expected().collect() });
    }

    /// Lets every address whose standing changed settle.
    fn note_changes(&mut self, before: Option<&Truth>, truth: &Truth, until: Timestamp) {
        let mut changed: Vec<Ipv4Addr> = truth.expected().map(|(address, _)| address).collect();
        changed.extend(before.iter().flat_map(|before| before.expected()).map(|(address, _)| address));
        changed.retain(|address| {
            let serves = |truth: &Truth| matches!(truth.standing(*address), Place::Expected(_));
            before.is_none_or(|before| serves(before) != serves(truth))
        });
        for address in changed {
            self.settling.insert(address, until);
            for server in self.servers.values_mut() {
                if let Some(presence) = server.addresses.get_mut(&address) {
                    presence.settle(until);
                }
            }
        }
    }

    /// Every server should answer every expected address.
    fn expect_everywhere(&mut self) {
        let Some(truth) = &self.truth else { return };
        for server in self.servers.values_mut() {
            for (address, _) in truth.expected() {
                let settles_at = self.settling.get(&address).copied().unwrap_or(self.now);
                server.addresses.entry(address).or_insert_with(|| Presence::expected(settles_at));
            }
        }
    }

    /// Takes a query to a server that is over.
    pub(crate) fn answer(&mut self, server: SocketAddr, exchange: &UdpExchange, at: Timestamp) {
        self.pass(at);
        let (now, settled) = (self.now, self.now >= self.settles_at);
        let Some(state) = self.servers.get_mut(&server) else { return };
        if !settled {
            state.weights = None;
        }
        let appeared = state.note(exchange, now);
        if let (Some(truth), UdpFate::Answered(reply), true) = (&self.truth, &exchange.fate, settled) {
            state.note_ttl(reply, truth.ttl_secs(), now);
        }
        let ttl_secs = state.ttl_secs;
        if appeared.is_empty() {
            return;
        }
        // Another address has other shares beside it.
        state.weights = None;
        for address in &appeared {
            self.tell(Happening::Appeared { server, address: *address, ttl_secs });
        }
        self.remember_change(server, appeared, Vec::new());
    }

    /// Takes a query over TCP that is over.
    pub(crate) fn answer_over_tcp(&mut self, server: SocketAddr, failure: Option<String>, at: Timestamp) {
        self.pass(at);
        if let Some(state) = self.servers.get_mut(&server) {
            state.note_tcp(failure, at);
        }
    }

    /// Takes a question to a resolver that is over, by its place in the list.
    pub(crate) fn resolved(&mut self, resolver: usize, exchange: &ResolverExchange, at: Timestamp) {
        self.pass(at);
        let authority = self.servers.values().filter_map(|server| server.ttl_secs).max();
        let reference = Reference {
            history: &self.history,
            truth: self.truth.as_deref(),
            ttl_secs: authority,
            started_at: self.started_at,
        };
        if let Some(state) = self.resolvers.get_mut(resolver) {
            state.note(exchange, reference, self.now);
        }
    }

    /// Judges everything, as often as one likes; once a second is often enough.
    pub fn tick(&mut self, at: Timestamp) {
        self.pass(at);
        let now = self.now;
        self.settling.retain(|_, until| now < *until);
        let servers: Vec<SocketAddr> = self.servers.keys().copied().collect();
        for server in servers {
            self.look_for_vanished(server);
            self.look_at_weights(server);
        }
        self.remember_watching();
        self.servers.values_mut().for_each(ServerState::forget);
        self.resolvers.iter_mut().for_each(|resolver| resolver.look(now));
        for happening in self.ledger.update(judge::standing(self)) {
            self.tell(happening);
        }
    }

    /// Returns what happened since this was last asked.
    pub fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Says whether the watch is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns how everything stands.
    pub fn summary(&self) -> Summary {
        summary::of(self)
    }

    /// Says how everything stands, as an event.
    pub fn summarize(&mut self, at: Timestamp) {
        self.pass(at);
        let summary = self.summary();
        self.tell(Happening::Summary(summary));
    }

    /// Ends the watch: what could not be told until now is a finding.
    pub fn end(&mut self, at: Timestamp, exit_code: impl Fn(&Summary) -> u8) -> u8 {
        self.tick(at);
        self.remember_end();
        let mut standing = judge::standing(self);
        standing.extend(judge::undecided(self));
        for happening in self.ledger.update(standing) {
            self.tell(happening);
        }
        let summary = self.summary();
        let exit_code = exit_code(&summary);
        self.has_ended = true;
        self.tell(Happening::Ended { exit_code, summary });
        exit_code
    }

    /// Time never goes back, whatever the clock does.
    fn pass(&mut self, at: Timestamp) {
        self.now = self.now.max(at);
    }

    pub(super) fn tell(&mut self, happening: Happening) {
        let name = self.settings.name.to_string();
        self.events.push(Event { schema: SCHEMA, at: self.now, name, happening });
    }
}
