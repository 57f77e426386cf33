//! Looks at what was counted: which addresses are gone, and whether shares keep to the weights.
//!
//! How the level is split: half is for addresses that seem gone, half for shares; each half is split evenly
//! among the servers, and the first among the 100 records that a name may have, however many there are: what is
//! seen shall not decide what it takes to be believed.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use super::event::Happening;
use super::server::{Known, MOST_RECORDS, Presence, ServerState};
use super::state::State;
use super::trail::Trail;
use super::weights::WeightWatch;
use crate::truth::{Standing as Place, Truth};

/// While the absence of an address is less likely than this, alarms about shares wait for what becomes of it.
const DOUBTFUL: f64 = 1e-2;

impl State {
    /// Finds the addresses that one server no longer answers.
    pub(super) fn look_for_vanished(&mut self, server: SocketAddr) {
        let level = self.settings.alpha.split(2 * self.servers.len() * MOST_RECORDS).get();
        let (now, truth, elsewhere) = (self.now, self.truth.clone(), self.elsewhere(server));
        let Some(state) = self.servers.get_mut(&server) else { return };
        let shares = Shares::new(truth.as_deref(), elsewhere, state);
        for (address, trail) in &shares.elsewhere {
            let is_old = now.duration_since(trail.first_at) >= self.settings.grace;
            if is_old && truth.is_none() {
                state.addresses.entry(*address).or_insert_with(|| Presence::expected(now));
            }
        }
        let mut vanished = Vec::new();
        for (address, presence) in &mut state.addresses {
            if !presence.is_gone && presence.is_absent(shares.of(*address), level) {
                (presence.is_gone, presence.gone_at) = (true, Some(now));
                vanished.push((*address, presence.trail));
            }
        }
        // What is gone rightly need not be kept in mind.
        state.addresses.retain(|address, presence| !presence.is_gone || shares.expects(*address));
        if vanished.is_empty() {
            return;
        }
        state.weights = None;
        for (address, trail) in &vanished {
            if let Some(trail) = trail {
                let (last_seen_at, answers) = (trail.last_at, trail.gap());
                self.tell(Happening::Vanished { server, address: *address, last_seen_at, answers });
            }
        }
        self.remember_change(server, Vec::new(), vanished.into_iter().map(|(address, _)| address).collect());
    }

    /// Returns what other servers answer, each address as the one does that had it last.
    pub(super) fn elsewhere(&self, server: SocketAddr) -> BTreeMap<Ipv4Addr, Trail> {
        let mut all: BTreeMap<Ipv4Addr, Trail> = BTreeMap::new();
        if self.truth.is_some() {
            return all;
        }
        let others = self.servers.iter().filter(|(other, _)| **other != server);
        for (address, presence) in others.flat_map(|(_, other)| &other.addresses) {
            if let Some(trail) = presence.trail.filter(|_| presence.is_there()) {
                let known = all.entry(*address).or_insert(trail);
                if trail.last_at > known.last_at {
                    *known = trail;
                }
            }
        }
        all
    }

    /// Compares the shares of one server with the weights.
    pub(super) fn look_at_weights(&mut self, server: SocketAddr) {
        let (now, alpha) = (self.now, self.settings.alpha.split(2 * self.servers.len()));
        let Some(truth) = self.truth.clone().filter(|_| now >= self.settles_at) else { return };
        let Some(state) = self.servers.get_mut(&server) else { return };
        let weights = comparable(&truth, state);
        if weights.len() < 2 {
            state.weights = None;
            return;
        }
        let shares = Shares::new(Some(&truth), BTreeMap::new(), state);
        let doubtful = weights.iter().any(|(address, _)| {
            let presence = state.addresses.get(address);
            presence.is_some_and(|presence| presence.chance(shares.of(*address)) <= DOUBTFUL)
        });
        match &mut state.weights {
            Some(watch) if watch.watches(&weights) => watch.look(now, doubtful),
            watch => *watch = WeightWatch::new(&weights, alpha).ok(),
        }
    }
}

pub(super) fn expects(truth: &Truth, address: Ipv4Addr) -> bool {
    matches!(truth.standing(address), Place::Expected(_))
}

/// What is known of the shares of addresses at one server.
pub(super) struct Shares<'a> {
    truth: Option<&'a Truth>,
    /// What other servers answer, where there is no truth.
    elsewhere: BTreeMap<Ipv4Addr, Trail>,
    /// Addresses that are answered and not expected.
    strangers: u64,
}

impl<'a> Shares<'a> {
    pub(super) fn new(
        truth: Option<&'a Truth>,
        elsewhere: BTreeMap<Ipv4Addr, Trail>,
        state: &ServerState,
    ) -> Self {
        let there = state.addresses.iter().filter(|(_, presence)| presence.is_there());
        let strangers = there.filter(|(address, _)| truth.is_none_or(|truth| !expects(truth, **address)));
        Self { truth, elsewhere, strangers: strangers.count() as u64 }
    }

    /// Returns what is known of an address: the share that it should have, how others answer it, or, where only an
    /// earlier watch saw it, that it may be one of 100. The absence of a weight of 0 says nothing.
    pub(super) fn of(&self, address: Ipv4Addr) -> Known {
        if let Some(share) = self.truth.and_then(|truth| truth.share_beside(address, self.strangers)) {
            return if share > 0.0 { Known::Share(share) } else { Known::Nothing };
        }
        self.elsewhere.get(&address).map_or(Known::Remembered, |trail| Known::Elsewhere(*trail))
    }

    /// Says whether an address should be answered.
    fn expects(&self, address: Ipv4Addr) -> bool {
        self.truth.is_some_and(|truth| expects(truth, address)) || self.elsewhere.contains_key(&address)
    }
}

/// Returns the weights of the addresses that are expected and not known to be gone; none where weights decide nothing.
fn comparable(truth: &Truth, state: &ServerState) -> Vec<(Ipv4Addr, u64)> {
    let is_gone = |address: &Ipv4Addr| state.addresses.get(address).is_some_and(|presence| presence.is_gone);
    let weights = truth.weights().unwrap_or_default().into_iter();
    weights.filter(|(address, weight)| *weight > 0 && !is_gone(address)).collect()
}
