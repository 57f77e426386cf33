//! The answer history that a watch keeps: what it adds, and when.
//!
//! Lines are made here and written elsewhere.

use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::{SignedDuration, Timestamp};

use super::server::Presence;
use super::state::State;
use crate::history::HistoryLine;

/// Each server has a line at least so often, or every TTL where that is longer (`history`). A little earlier, so that
/// a busy machine does not look like one that slept.
const EVERY_SECS: i64 = 50;
/// What has been gone for so long is no longer kept in mind: no resolver is asked to remember longer, except one that
/// serves stale answers for a day (RFC 8767 §4 says at most three).
const REMEMBERED: SignedDuration = SignedDuration::from_hours(72);

impl State {
    /// Takes the lines that are to be written.
    pub fn history_lines(&mut self) -> Vec<HistoryLine> {
        std::mem::take(&mut self.unwritten)
    }

    /// Remembers what a server answers from now on, and what no more.
    pub(super) fn remember_change(
        &mut self,
        server: SocketAddr,
        appeared: Vec<Ipv4Addr>,
        vanished: Vec<Ipv4Addr>,
    ) {
        let ttl_secs = self.servers.get(&server).and_then(|state| state.ttl_secs);
        let name = self.settings.name.clone();
        self.remember(HistoryLine::change(self.now, name, server, appeared, vanished, ttl_secs));
    }

    /// Remembers, where it is time, what each server has answered since its line before.
    pub(super) fn remember_watching(&mut self) {
        let due: Vec<SocketAddr> =
            self.servers.keys().copied().filter(|server| self.is_due(*server)).collect();
        for server in due {
            self.remember_answers(server);
        }
        let forgotten = self.now.checked_sub(REMEMBERED).unwrap_or(Timestamp::MIN);
        self.history.forget(forgotten);
    }

    /// Remembers the end of the watch: what was answered until now.
    pub(super) fn remember_end(&mut self) {
        let all: Vec<SocketAddr> = self.servers.keys().copied().collect();
        for server in all {
            self.remember_answers(server);
        }
    }

    /// A server that does not answer has no line: nobody knows what it would say.
    fn is_due(&self, server: SocketAddr) -> bool {
        let Some(state) = self.servers.get(&server) else { return false };
        let every = EVERY_SECS.max(i64::from(state.ttl_secs.unwrap_or(0)));
        let told_at = state.told_at.unwrap_or(self.started_at);
        self.now.duration_since(told_at) >= SignedDuration::from_secs(every)
    }

    fn remember_answers(&mut self, server: SocketAddr) {
        let (now, name, started_at) = (self.now, self.settings.name.clone(), self.started_at);
        let Some(state) = self.servers.get_mut(&server) else { return };
        let since = state.told_at.unwrap_or(started_at);
        if state.tally.last_answer_at.is_none_or(|last| last < since) {
            return;
        }
        state.told_at = Some(now);
        let seen = |presence: &Presence| presence.trail.is_some_and(|trail| trail.last_at >= since);
        let answered = state.addresses.iter().filter(|(_, presence)| seen(presence)).map(|(ip, _)| *ip);
        let line = HistoryLine::watching(now, name, server, answered.collect(), state.ttl_secs);
        self.remember(line);
    }

    fn remember(&mut self, line: HistoryLine) {
        self.history.add(&line);
        self.unwritten.push(line);
    }
}
