//! When one address was answered, at one server and over all of them.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::{SignedDuration, Timestamp};

use super::HistoryLine;

/// How often a server that is watched has a line, where the TTL is shorter.
const EVERY_SECS: u32 = 60;
/// How many times its TTL a name is watched before every address has come up, all but for chance; and TTLs that
/// are remembered: whoever changes them more often than that is not understood anyway.
const UNTIL_KNOWN: u32 = 3;
const MOST_TTLS: usize = 16;
/// A line may be late by as long as it should take: a watcher is busy, or was suspended for a moment.
const LATE: i64 = 2;

/// When an address was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// The latest time at which it certainly was answered.
    pub last_valid_at: Option<Timestamp>,
    /// The time by which it was gone, from which on it has been watched and not come back; `None` where it is still
    /// answered, or nobody can say.
    pub gone_by: Option<Timestamp>,
    /// The TTL that caches were given it with at last, in seconds; the longest of all servers.
    pub ttl_secs: Option<u32>,
}

impl Presence {
    /// Joins what two servers did.
    pub(super) fn beside(self, other: Self) -> Self {
        let gone_by = match (self.gone_by, other.gone_by) {
            (Some(here), Some(there)) => Some(here.max(there)),
            (None, _) | (_, None) => None,
        };
        Self {
            last_valid_at: self.last_valid_at.max(other.last_valid_at),
            gone_by,
            ttl_secs: self.ttl_secs.max(other.ttl_secs),
        }
    }
}

/// What one server did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// When its last line was written.
    at: Timestamp,
    /// From when on it has been watched without a gap.
    since: Timestamp,
    ttl_secs: Option<u32>,
    /// Until when each TTL was given.
    ttls: BTreeMap<u32, Timestamp>,
    presences: BTreeMap<Ipv4Addr, Presence>,
}

impl Server {
    pub(super) fn new(first: &HistoryLine) -> Self {
        let (ttls, presences) = (BTreeMap::new(), BTreeMap::new());
        Self { at: first.at, since: first.at, ttl_secs: first.ttl_secs, ttls, presences }
    }

    pub(super) fn known_since(&self) -> Timestamp {
        let until_known = self.ttl_secs.unwrap_or(0).saturating_mul(UNTIL_KNOWN).max(EVERY_SECS);
        self.since.saturating_add(SignedDuration::from_secs(until_known.into())).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn ttl_secs_in_caches(&self, at: Timestamp) -> Option<u32> {
        let lives = |(ttl, until): &(&u32, &Timestamp)| {
            at.duration_since(**until) <= SignedDuration::from_secs(i64::from(**ttl))
        };
        self.ttls.iter().filter(lives).map(|(ttl, _)| *ttl).max()
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.presences.keys().copied()
    }

    /// Takes the next line, and returns how many addresses are new.
    pub(super) fn note(&mut self, line: &HistoryLine) -> usize {
        let before = self.presences.len();
        if !self.is_watched_at(line.at) {
            // Nobody watched: what was gone may have been back, and is known to be gone only from now on.
            for presence in self.presences.values_mut().filter(|presence| presence.gone_by.is_some()) {
                presence.gone_by = Some(line.at);
            }
            self.since = line.at;
        }
        // What was answered since the line before was so then at the earliest, which alone is certain.
        for address in line.watching.iter().flatten() {
            self.answered(*address, self.at, line.ttl_secs);
        }
        for address in &line.appeared {
            self.answered(*address, line.at, line.ttl_secs);
        }
        for address in &line.vanished {
            let presence = self.presence_of(*address);
            presence.gone_by.get_or_insert(line.at);
        }
        self.at = self.at.max(line.at);
        self.ttl_secs = line.ttl_secs.or(self.ttl_secs);
        if let Some(ttl) =
            line.ttl_secs.filter(|ttl| self.ttls.len() < MOST_TTLS || self.ttls.contains_key(ttl))
        {
            self.ttls.insert(ttl, line.at);
        }
        self.presences.len() - before
    }

    /// Forgets the addresses that were gone before this time.
    pub(super) fn forget(&mut self, gone_before: Timestamp) {
        self.presences.retain(|_, presence| presence.gone_by.is_none_or(|gone| gone >= gone_before));
    }

    fn answered(&mut self, address: Ipv4Addr, at: Timestamp, ttl_secs: Option<u32>) {
        let presence = self.presence_of(address);
        presence.last_valid_at = presence.last_valid_at.max(Some(at));
        presence.gone_by = None;
        presence.ttl_secs = ttl_secs.or(presence.ttl_secs);
    }

    fn presence_of(&mut self, address: Ipv4Addr) -> &mut Presence {
        let ttl_secs = self.ttl_secs;
        let unseen = || Presence { last_valid_at: None, gone_by: None, ttl_secs };
        self.presences.entry(address).or_insert_with(unseen)
    }

    /// Returns what is known of an address at `until`: gone is only what has been watched up to then.
    pub(super) fn presence(&self, address: Ipv4Addr, until: Timestamp) -> Option<Presence> {
        let presence = *self.presences.get(&address)?;
        let gone_by = presence.gone_by.filter(|_| self.is_watched_at(until));
        Some(Presence { gone_by, ..presence })
    }

    /// Says whether a line could be due after `at`: if not, nobody watches any more.
    pub(super) fn is_watched_at(&self, at: Timestamp) -> bool {
        let every = i64::from(self.ttl_secs.unwrap_or(0).max(EVERY_SECS));
        at.duration_since(self.at) <= SignedDuration::from_secs(every.saturating_mul(LATE))
    }
}
