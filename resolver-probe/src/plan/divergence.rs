//! Addresses that one server was never seen to answer, and others were.
//!
//! Shares that differ are not looked at here.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::Levels;
use crate::observation::Observation;

/// An address that one server was never seen to answer, and others were.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Divergence {
    /// The index of the server that does not answer it.
    pub(crate) server: usize,
    pub(crate) address: Ipv4Addr,
    /// In how many of the other servers' answers it stood.
    pub(crate) seen: u64,
    pub(crate) elsewhere: u64,
    /// The probability of that if all servers answer alike.
    pub(crate) chance: f64,
    /// Whether chance does not explain it.
    pub(crate) is_proven: bool,
}

/// Compares each server that answers with the others together, by address and server.
pub(crate) fn divergences(levels: Levels, observations: &[Observation]) -> Vec<Divergence> {
    let answering: Vec<(usize, &Observation)> =
        observations.iter().enumerate().filter(|(_, observed)| observed.sampled.answers > 0).collect();
    let all: u64 = answering.iter().map(|(_, observed)| observed.sampled.answers).sum();
    let mut seen: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    for (_, observed) in &answering {
        for (address, count) in &observed.sampled.addresses {
            *seen.entry(*address).or_default() += count;
        }
    }
    let level = levels.divergence(seen.len());
    let mut divergences = Vec::new();
    for (address, seen) in seen {
        for (server, observed) in &answering {
            if observed.times_seen(address) == 0 {
                let elsewhere = all - observed.sampled.answers;
                let chance = chance_of_divergence(seen, elsewhere, observed.sampled.answers);
                let is_proven = chance <= level;
                divergences.push(Divergence { server: *server, address, seen, elsewhere, chance, is_proven });
            }
        }
    }
    divergences
}

/// Returns the probability that all sightings of an address fall on other servers by chance, if this
/// server answers like them (Fisher's exact test, one side).
///
/// `seen` of `elsewhere` replies of the others hold it, and none of `here` replies of this server.
fn chance_of_divergence(seen: u64, elsewhere: u64, here: u64) -> f64 {
    (0..seen.min(elsewhere)).map(|i| (elsewhere - i) as f64 / (elsewhere + here - i) as f64).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fishers_test_agrees_with_counting() {
        // One of two marked balls on one side of four: 1/2 that the single sighting is elsewhere.
        assert_eq!(chance_of_divergence(1, 2, 2), 0.5);
        // Both sightings among the first two of four: 1/6.
        assert!((chance_of_divergence(2, 2, 2) - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(chance_of_divergence(0, 10, 10), 1.0);
    }
}
