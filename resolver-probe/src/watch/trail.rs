//! How often something was seen among answers, and how unlikely its absence has become.
//!
//! What is seen once is there. That it is gone again is never seen, only ever less likely to be chance: after
//! `seen` of `of` answers, with nothing known about the share before, none of the next *g* answers shows it with
//! probability ∏ (of − seen + 1 + i) / (of + 2 + i), i from 0 to g − 1 (Laplace's rule of succession, which
//! takes the uncertainty of the share into account). A watch looks for ever, so that every gap between two
//! sightings is another chance to be wrong: the n-th gap has the part 1 / (n (n + 1)) of the level, and all
//! gaps together, however many, have the level.

use registrar_core::Timestamp;
use serde::Serialize;
use statrs::function::gamma::ln_gamma;

/// Answers that the share is estimated from; beyond, old ones count half, then a quarter, and so on, so that
/// the estimate follows a share that changes, and costs two numbers however long it runs.
const REMEMBERED: u64 = 4_096;

/// Route 53 Developer Guide, "Quotas": records of a weighted name, so that one of them may be in 1 of 100 answers.
const MOST_RECORDS: u64 = 100;

/// The sightings of one thing among answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Trail {
    /// Sightings, and the answers from the first sighting to the last; the oldest are forgotten in part.
    seen: u64,
    of: u64,
    /// Answers since the last sighting.
    gap: u64,
    /// All sightings.
    pub(crate) sightings: u64,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

impl Trail {
    /// Begins with a sighting.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self { seen: 1, of: 1, gap: 0, sightings: 1, first_at: at, last_at: at }
    }

    /// Counts an answer, with the thing in it or without.
    pub(crate) fn note(&mut self, hit: bool, at: Timestamp) {
        if !hit {
            self.gap = self.gap.saturating_add(1);
            return;
        }
        self.seen += 1;
        self.of = self.of.saturating_add(self.gap + 1);
        self.gap = 0;
        self.sightings = self.sightings.saturating_add(1);
        self.last_at = at;
        while self.of > REMEMBERED {
            (self.seen, self.of) = (self.seen.div_ceil(2), self.of.div_ceil(2));
        }
    }

    /// Begins the gap anew: what was not seen so far need not have been there.
    pub(crate) fn forgive(&mut self) {
        self.gap = 0;
    }

    /// Returns the answers since the last sighting.
    pub(crate) fn gap(&self) -> u64 {
        self.gap
    }

    /// Returns the sightings of late, and of how many answers.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.seen, self.of + self.gap)
    }

    /// Returns its share of late, 0 to 1.
    pub(crate) fn share(&self) -> f64 {
        self.seen as f64 / (self.of + self.gap).max(1) as f64
    }

    /// Returns the probability of such a gap if the share is what it was.
    pub(crate) fn chance_of_gap(&self) -> f64 {
        self.chance_of(self.gap)
    }

    /// Returns the probability that so many more answers, here or at a server like this one, are all without it.
    pub(crate) fn chance_of(&self, answers: u64) -> f64 {
        if answers == 0 {
            return 1.0;
        }
        let (misses, of, gap) = ((self.of - self.seen) as f64, self.of as f64, answers as f64);
        let logarithm = ln_gamma(misses + 1.0 + gap) + ln_gamma(of + 2.0)
            - ln_gamma(misses + 1.0)
            - ln_gamma(of + 2.0 + gap);
        logarithm.exp().min(1.0)
    }

    /// Returns the probability of such a gap if it goes on, where nothing but its sightings is known of its share: it
    /// may be as rare as one record of a hundred, of which the first sightings say little.
    pub(crate) fn chance_that_it_goes_on(&self) -> f64 {
        Self { of: self.of.saturating_add(MOST_RECORDS), ..*self }.chance_of_gap()
    }

    /// Returns the level of the present gap, out of the level of all gaps together.
    pub(crate) fn level(&self, level: f64) -> f64 {
        spend(level, self.sightings)
    }
}

/// Returns the part of a level that the n-th of infinitely many tests has, from 0: all parts add up to it.
pub(crate) fn spend(level: f64, n: u64) -> f64 {
    let n = n as f64;
    level / ((n + 1.0) * (n + 2.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures::STARTED_AT;

    fn trail(seen: u64, misses_each: u64, gap: u64) -> Trail {
        let mut trail = Trail::new(STARTED_AT);
        for _ in 1..seen {
            (0..misses_each).for_each(|_| trail.note(false, STARTED_AT));
            trail.note(true, STARTED_AT);
        }
        (0..gap).for_each(|_| trail.note(false, STARTED_AT));
        trail
    }

    #[test]
    fn what_was_seen_once_is_not_over_before_a_rare_record_would_have_shown() {
        // One of 101 answers, as a record with weight 1 beside a hundred of weight 1 would be in.
        assert!(trail(1, 0, 44).chance_of_gap() < 1e-3 && trail(1, 0, 44).chance_that_it_goes_on() > 0.4);
        assert!(trail(1, 0, 3_500).chance_that_it_goes_on() < 1e-3);
        assert!(trail(30, 2, 60).chance_that_it_goes_on() < 1e-3);
    }

    #[test]
    fn one_sighting_says_little_about_the_share() {
        // 2 / ((g + 1) (g + 2))
        assert!((trail(1, 0, 8).chance_of_gap() - 2.0 / 90.0).abs() < 1e-9);
    }

    #[test]
    fn what_was_in_every_answer_is_gone_sooner_than_what_was_in_every_tenth() {
        let answers_until_sure = |trail: Trail| {
            let mut trail = trail;
            (1..).find(|_| {
                trail.note(false, STARTED_AT);
                trail.chance_of_gap() <= 1e-6
            })
        };
        assert_eq!(answers_until_sure(trail(1_000, 0, 0)), Some(3));
        let tenth = answers_until_sure(trail(400, 9, 0)).unwrap();
        // A share of exactly 10 % would take ln(1e-6) / ln(0.9) = 132.
        assert!((132..150).contains(&tenth), "{tenth}");
    }

    #[test]
    fn the_share_follows_what_changes_and_the_numbers_stay_small() {
        let mut trail = trail(100_000, 0, 0);
        for n in 0..100_000 {
            trail.note(n % 4 == 0, STARTED_AT);
        }
        assert!((trail.share() - 0.25).abs() < 0.01, "{}", trail.share());
        assert!(trail.of <= REMEMBERED && trail.sightings == 125_000);
    }

    #[test]
    fn the_levels_of_all_gaps_add_up_to_the_level() {
        let sum: f64 = (0..1_000_000).map(|n| spend(1e-6, n)).sum();
        assert!(sum <= 1e-6 && sum > 0.999e-6, "{sum}");
    }

    proptest! {
        #[test]
        fn a_longer_gap_is_less_likely(seen in 1_u64..200, misses in 0_u64..20, gap in 1_u64..500) {
            let (short, long) = (trail(seen, misses, gap), trail(seen, misses, gap + 1));
            prop_assert!(long.chance_of_gap() < short.chance_of_gap());
            prop_assert!((0.0..1.0).contains(&short.chance_of_gap()));
        }
    }
}
