//! For how long each address was answered although nobody was there, and what the storm cost.
//!
//! It is told what was accepted and who died; it asks nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use registrar_core::{SignedDuration, Timestamp};

use crate::world::PROPAGATION;

/// Who was answered when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposure {
    died: BTreeMap<Ipv4Addr, Timestamp>,
    accepted: BTreeMap<Ipv4Addr, Timestamp>,
    /// Seconds of each dead address that was answered and is not any more.
    over: BTreeMap<Ipv4Addr, f64>,
    last_change: Option<Timestamp>,
}

/// What a storm came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) calls: usize,
    pub(crate) changes: usize,
    /// Seconds from the storm's beginning until name servers answer what is right; none where they never did.
    pub(crate) right_after: Option<f64>,
    /// Instances that run and are not answered at the end.
    pub(crate) missing: usize,
    /// Addresses that are answered at the end although nobody is there.
    pub(crate) left: usize,
    /// Seconds for which each dead address was answered, until the end where it still is.
    pub(crate) dead_secs: Vec<f64>,
    /// How long resolvers go on with what they have, in seconds.
    pub(crate) ttl_secs: u32,
}

impl Exposure {
    pub(crate) fn died(&mut self, address: Ipv4Addr, at: Timestamp) {
        self.died.insert(address, at);
    }

    /// Takes in that a record with these addresses was accepted.
    pub(crate) fn published(&mut self, addresses: impl Iterator<Item = Ipv4Addr>, at: Timestamp) {
        for address in addresses {
            self.accepted.insert(address, at);
            self.last_change = self.last_change.max(Some(at));
        }
    }

    /// Takes in that these addresses were withdrawn.
    pub(crate) fn withdrawn(&mut self, addresses: impl Iterator<Item = Ipv4Addr>, at: Timestamp) {
        for address in addresses {
            if let (Some(since), Some(died)) = (self.accepted.remove(&address), self.died.get(&address)) {
                *self.over.entry(address).or_insert(0.0) += answered(since, *died, at);
            }
            self.last_change = self.last_change.max(Some(at));
        }
    }

    /// Takes in which addresses are published now, all of them.
    pub(crate) fn are_published(&mut self, now_published: &BTreeSet<Ipv4Addr>, at: Timestamp) {
        let gone: Vec<Ipv4Addr> =
            self.accepted.keys().filter(|address| !now_published.contains(address)).copied().collect();
        self.withdrawn(gone.into_iter(), at);
        let new: Vec<Ipv4Addr> =
            now_published.iter().filter(|address| !self.accepted.contains_key(address)).copied().collect();
        self.published(new.into_iter(), at);
    }

    /// Takes in that records changed whose addresses did not.
    pub(crate) fn rewritten(&mut self, at: Timestamp) {
        self.last_change = self.last_change.max(Some(at));
    }

    /// Says whether what is published is what runs.
    pub(crate) fn is_right(&self, alive: &BTreeSet<Ipv4Addr>) -> bool {
        self.accepted.len() == alive.len() && alive.iter().all(|address| self.accepted.contains_key(address))
    }

    /// Sums up at the end of a storm that began at `start`.
    pub(crate) fn figures(&self, alive: &BTreeSet<Ipv4Addr>, start: Timestamp, end: Timestamp) -> Figures {
        let dead = self.accepted.keys().filter(|address| !alive.contains(address));
        let mut secs = self.over.clone();
        for address in dead.clone() {
            if let (Some(since), Some(died)) = (self.accepted.get(address), self.died.get(address)) {
                *secs.entry(*address).or_insert(0.0) += end.duration_since(*since.max(died)).as_secs_f64();
            }
        }
        let right_at = self.last_change.map_or(start, |at| (at + PROPAGATION).max(start));
        Figures {
            right_after: self.is_right(alive).then(|| right_at.duration_since(start).as_secs_f64()),
            missing: alive.iter().filter(|address| !self.accepted.contains_key(address)).count(),
            left: dead.count(),
            dead_secs: secs.into_values().collect(),
            ..Figures::default()
        }
    }
}

/// Returns for how many seconds an address was answered after its death: changes are seen as late as they propagate.
fn answered(accepted: Timestamp, died: Timestamp, withdrawn: Timestamp) -> f64 {
    let from = died.max(accepted + PROPAGATION);
    let until = withdrawn + PROPAGATION;
    until.duration_since(from).max(SignedDuration::ZERO).as_secs_f64()
}
