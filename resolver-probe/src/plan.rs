//! How many replies are enough to tell whether an address is answered.
//!
//! Each reply of an authoritative server is one draw, so that a record with share *s* stays unseen in
//! *n* replies with probability (1 − s)ⁿ. Sampling goes in rounds:
//!
//! 1. With a truth, *s* is the smallest share of an expected record beside one stray record of the
//!    default weight, and *n* is such that every one of those *k* records is seen with 99.9 %
//!    probability: n = ln(0.001 / k) / ln(1 − s). Without one, the first round is for 8 equal records,
//!    and *n* grows until it would have shown one equal record more than have been seen, up to the 100
//!    that Route 53 allows; records far smaller than the others may stay unseen.
//! 2. An address that is missing somewhere is a suspicion at 99.9 %, and a check that runs every minute
//!    would raise it falsely once a day. Sampling therefore goes on until chance explains it at most
//!    once in a million runs, or the address is seen.
//!
//! Proportions are not judged here, only presence.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::num::NonZeroU64;

use crate::observation::Observation;
use crate::truth::Truth;

/// How unlikely it must be that a record stays unseen in the first round.
const MISS: f64 = 0.001;
/// How unlikely chance must be as the explanation before a missing address is reported.
pub(crate) const PROOF: f64 = 1e-6;
/// Equal records assumed in the first round without a truth.
const FIRST_GUESS: u64 = 8;
/// Route 53 Developer Guide, "Quotas": records with the same name and type in weighted routing.
const MOST_RECORDS: u64 = 100;
/// Queries to one server at most, whatever the weights: a courtesy limit.
const MOST_QUERIES: u64 = 10_000;
/// Queries at least, even where every reply should say the same.
const FEWEST_QUERIES: u64 = 10;
/// How far a suspicion about diverging servers may lengthen sampling: to so many times the first round.
const LONGEST_EXTENSION: u64 = 4;

/// How many sampling queries go to each server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Samples {
    /// As many as it takes: every expected record, and one stray record of the default weight, would be
    /// seen with 99.9 % probability, and a missing address is chance at most once in a million runs.
    /// Without a truth, as if there were one more record of equal share than was seen. At most 10,000.
    #[default]
    Auto,
    /// Exactly so many.
    Exactly(NonZeroU64),
}

/// Returns how many replies show a record with this share (0 to 1), but for a chance (0 to 1).
pub(crate) fn enough(share: f64, chance: f64) -> u64 {
    let replies = (chance.ln() / (-share).ln_1p()).ceil();
    // `as` saturates: a share of 0 needs more replies than there are.
    (replies as u64).max(1)
}

/// Returns the probability of a record with this share being in none of so many replies.
pub(crate) fn chance_of_missing(share: f64, replies: u64) -> f64 {
    (1.0 - share).powf(replies as f64)
}

/// Returns the probability that all sightings of an address fall on other servers by chance, if this
/// server answers like them (Fisher's exact test, one side).
///
/// `seen` of `elsewhere` replies of the others hold it, and none of `here` replies of this server.
pub(crate) fn chance_of_divergence(seen: u64, elsewhere: u64, here: u64) -> f64 {
    (0..seen.min(elsewhere)).map(|i| (elsewhere - i) as f64 / (elsewhere + here - i) as f64).product()
}

/// Returns how many sampling queries each server should have had, given what was seen so far.
pub(crate) fn wanted(samples: Samples, truth: Option<&Truth>, observations: &[Observation]) -> u64 {
    let base = match samples {
        Samples::Exactly(count) => return count.get(),
        Samples::Auto => base(truth, observations),
    };
    let unseen = truth.map_or(0, |truth| proof_of_missing(truth, observations));
    let asked = observations.iter().map(|observed| observed.udp.queries).max().unwrap_or(0);
    let diverged = match asked {
        0 => 0,
        _ if may_diverge(observations) => asked.saturating_mul(2).min(base.saturating_mul(LONGEST_EXTENSION)),
        _ => 0,
    };
    base.max(unseen).max(diverged).min(MOST_QUERIES)
}

/// Returns how many replies the first round needs.
pub(crate) fn base(truth: Option<&Truth>, observations: &[Observation]) -> u64 {
    let (share, records) = match truth {
        Some(truth) => truth.smallest_share(),
        None => {
            let seen: BTreeSet<Ipv4Addr> = observations.iter().flat_map(Observation::addresses).collect();
            let records = (seen.len() as u64 + 1).clamp(FIRST_GUESS, MOST_RECORDS);
            (1.0 / records as f64, records)
        }
    };
    enough(share, MISS / records as f64).max(FEWEST_QUERIES)
}

/// Returns how many replies prove that the expected addresses which were not seen are missing.
fn proof_of_missing(truth: &Truth, observations: &[Observation]) -> u64 {
    let of_server = |observed: &Observation| {
        let strangers = strangers(truth, observed);
        let unseen = truth.expected().filter(|(address, _)| observed.times_seen(*address) == 0);
        let shares = unseen.filter_map(|(address, _)| truth.share_beside(address, strangers));
        shares.filter(|share| *share > 0.0).map(|share| enough(share, PROOF)).max()
    };
    let answering = observations.iter().filter(|observed| observed.sampled.answers > 0);
    answering.filter_map(of_server).max().unwrap_or(0)
}

/// Returns how many addresses a server answers that are not expected.
pub(crate) fn strangers(truth: &Truth, observed: &Observation) -> u64 {
    let addresses: BTreeSet<Ipv4Addr> = observed.addresses().collect();
    addresses.into_iter().filter(|address| truth.share_beside(*address, 0).is_none()).count() as u64
}

/// Says whether an address is answered by one server, not seen at another, and chance may explain it.
fn may_diverge(observations: &[Observation]) -> bool {
    divergences(observations).iter().any(|divergence| divergence.chance > PROOF)
}

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
}

/// Compares each server that answers with the others together, by address and server.
pub(crate) fn divergences(observations: &[Observation]) -> Vec<Divergence> {
    let answering: Vec<(usize, &Observation)> =
        observations.iter().enumerate().filter(|(_, observed)| observed.sampled.answers > 0).collect();
    let all: u64 = answering.iter().map(|(_, observed)| observed.sampled.answers).sum();
    let mut seen: BTreeMap<Ipv4Addr, u64> = BTreeMap::new();
    for (_, observed) in &answering {
        for (address, count) in &observed.sampled.addresses {
            *seen.entry(*address).or_default() += count;
        }
    }
    let mut divergences = Vec::new();
    for (address, seen) in seen {
        for (server, observed) in &answering {
            if observed.times_seen(address) == 0 {
                let elsewhere = all - observed.sampled.answers;
                let chance = chance_of_divergence(seen, elsewhere, observed.sampled.answers);
                divergences.push(Divergence { server: *server, address, seen, elsewhere, chance });
            }
        }
    }
    divergences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{address, observation, truth};

    const FOUR: [(&str, &str, &str, &str); 4] = [
        ("i-1", "192.0.2.1", "running", "100"),
        ("i-2", "192.0.2.2", "running", "100"),
        ("i-3", "192.0.2.3", "running", "100"),
        ("i-4", "192.0.2.4", "running", "100"),
    ];

    #[test]
    fn enough_replies_show_a_share_with_99_9_percent() {
        let shares = [(0.25, 25), (0.10, 66), (0.05, 135), (0.01, 688), (1.0 / 256.0, 1765)];
        for (share, replies) in shares {
            assert_eq!(enough(share, 0.001), replies, "share {share}");
        }
        assert_eq!(enough(1.0, 0.001), 1);
        assert_eq!(enough(0.0, 0.001), u64::MAX);
    }

    #[test]
    fn enough_replies_show_every_one_of_equal_records() {
        for (records, replies) in [(4_u64, 29), (10, 88), (100, 1146)] {
            let share = 1.0 / records as f64;
            assert_eq!(enough(share, MISS / records as f64), replies, "{records} records");
        }
    }

    #[test]
    fn the_first_round_would_show_a_stray_record_too() {
        let truth = truth("", &FOUR);
        assert_eq!(truth.smallest_share(), (0.2, 5));
        assert_eq!(wanted(Samples::Auto, Some(&truth), &[]), 39);
    }

    #[test]
    fn a_missing_address_lengthens_sampling_until_chance_does_not_explain_it() {
        let truth = truth("", &FOUR);
        let three = [(1, 13), (2, 13), (3, 13)];
        assert_eq!(wanted(Samples::Auto, Some(&truth), &[observation(1, &three)]), 49);
        assert!(chance_of_missing(0.25, 49) <= PROOF);
        let all = [(1, 10), (2, 10), (3, 10), (4, 9)];
        assert_eq!(wanted(Samples::Auto, Some(&truth), &[observation(1, &all)]), 39);
    }

    #[test]
    fn without_a_truth_sampling_goes_on_while_one_more_record_could_hide() {
        assert_eq!(wanted(Samples::Auto, None, &[]), 68);
        let few: Vec<(u8, u64)> = (1..=7).map(|last| (last, 10)).collect();
        assert_eq!(wanted(Samples::Auto, None, &[observation(1, &few)]), 68);
        let more: Vec<(u8, u64)> = (1..=9).map(|last| (last, 10)).collect();
        assert_eq!(wanted(Samples::Auto, None, &[observation(1, &more)]), 88);
        let all: Vec<(u8, u64)> = (1..=120).map(|last| (last, 10)).collect();
        assert_eq!(wanted(Samples::Auto, None, &[observation(1, &all)]), 1146);
    }

    #[test]
    fn a_number_of_samples_that_was_given_is_kept() {
        let seven = Samples::Exactly(NonZeroU64::new(7).unwrap());
        assert_eq!(wanted(seven, Some(&truth("", &FOUR)), &[observation(1, &[(1, 7)])]), 7);
    }

    #[test]
    fn a_divergence_that_chance_may_explain_lengthens_sampling_within_bounds() {
        let servers = [observation(1, &[(1, 66), (2, 2)]), observation(2, &[(1, 68)])];
        assert_eq!(wanted(Samples::Auto, None, &servers), 136);
        let servers = [observation(1, &[(1, 270), (2, 2)]), observation(2, &[(1, 272)])];
        assert_eq!(wanted(Samples::Auto, None, &servers), 272);
        let proven = [observation(1, &[(1, 34), (2, 34)]), observation(2, &[(1, 68)])];
        assert_eq!(wanted(Samples::Auto, None, &proven), 68);
        assert_eq!(divergences(&proven).len(), 1);
        assert_eq!(divergences(&proven)[0].address, address(2));
    }

    #[test]
    fn fishers_test_agrees_with_counting() {
        // One of two marked balls on one side of four: 1/2 that the single sighting is elsewhere.
        assert_eq!(chance_of_divergence(1, 2, 2), 0.5);
        // Both sightings among the first two of four: 1/6.
        assert!((chance_of_divergence(2, 2, 2) - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(chance_of_divergence(0, 10, 10), 1.0);
    }
}
