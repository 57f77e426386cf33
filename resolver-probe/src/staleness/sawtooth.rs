//! The TTLs of one resolver as a sawtooth: the entries of its caches, how many caches there are at least, and
//! whether entries live shorter than the authority lets them.
//!
//! An entry with *t* seconds left at time *x* ends at *x + t*, however often it is heard of; entries that end at
//! different times are different ones. Where an older one is heard of again after a newer one, they are in
//! different caches. What is stale has no place here: its TTL does not count down.

use std::time::Duration;

use super::series::Point;

/// Caches round TTLs to whole seconds, up or down, and one that asks another one does so once more.
const ROUNDING_MS: i64 = 2_000;
/// Lifetimes of a clamped cache's entries are alike within this, beside the time between two questions.
const ALIKE_MS: i64 = 200;
/// Entries in a row that have to live equally short before that is called a habit.
const ALIKE: usize = 2;

/// One entry of a cache, as far as it was heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    first_ms: i64,
    last_ms: i64,
    /// The earliest and the latest end that its TTLs name; they differ by rounding.
    ends_ms: (i64, i64),
}

/// The entries that a resolver's answers came from, in the order of their first appearance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sawtooth {
    entries: Vec<Entry>,
    last_ms: Option<i64>,
    longest_gap_ms: i64,
    highest_ttl_secs: u32,
}

impl Sawtooth {
    /// Sorts answers into entries; stale ones should not be among them.
    pub(crate) fn of<'a>(points: impl IntoIterator<Item = Point<'a>>) -> Self {
        let mut sawtooth = Self::default();
        for point in points {
            let at = milliseconds(point.at);
            let gap = at - sawtooth.last_ms.replace(at).unwrap_or(at);
            sawtooth.longest_gap_ms = sawtooth.longest_gap_ms.max(gap);
            sawtooth.highest_ttl_secs = sawtooth.highest_ttl_secs.max(point.ttl_secs);
            sawtooth.note(at, at.saturating_add(i64::from(point.ttl_secs) * 1_000));
        }
        sawtooth
    }

    fn note(&mut self, at: i64, ends: i64) {
        let fits = |entry: &&mut Entry| {
            let (earliest, latest) = entry.ends_ms;
            latest.max(ends) - earliest.min(ends) <= ROUNDING_MS
        };
        if let Some(entry) = self.entries.iter_mut().rev().find(fits) {
            entry.last_ms = at;
            entry.ends_ms = (entry.ends_ms.0.min(ends), entry.ends_ms.1.max(ends));
        } else {
            self.entries.push(Entry { first_ms: at, last_ms: at, ends_ms: (ends, ends) });
        }
    }

    /// Returns how many caches there are at least: so many entries lived side by side.
    pub(crate) fn caches(&self) -> u64 {
        let beside =
            |at: i64| self.entries.iter().filter(|entry| entry.first_ms <= at && at <= entry.last_ms).count();
        self.entries.iter().map(|entry| beside(entry.first_ms)).max().unwrap_or(0) as u64
    }

    /// Returns for how many seconds a cache keeps the name at most, where that is shorter than the authority allows,
    /// and each time the same.
    ///
    /// A cache behind another one gets an entry that is already old, but only once: both run out together,
    /// and the next one is new.
    pub(crate) fn clamp_secs(&self, authority_ttl_secs: u32) -> Option<u32> {
        if self.caches() != 1 {
            return None;
        }
        let ends: Vec<i64> = self.entries.iter().map(|entry| entry.ends_ms.1).collect();
        let lives: Vec<i64> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (shortest, longest) = (lives.iter().min()?, lives.iter().max()?);
        let is_short = *longest + ROUNDING_MS <= i64::from(authority_ttl_secs) * 1_000;
        // An entry is fetched when somebody asks, which may be as late as our own next question.
        let is_alike = lives.len() >= ALIKE && longest - shortest <= ALIKE_MS + self.longest_gap_ms;
        (is_short && is_alike && *shortest > 0).then_some(self.highest_ttl_secs)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2).min(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staleness::testing::{resolved, series, ttls};

    fn of(ttl_secs: &[u32]) -> Sawtooth {
        Sawtooth::of(ttls(ttl_secs).points())
    }

    /// Answers of caches that each keep for `life_ms`, and were filled at these times, one each `every` ms by turns.
    fn caches(filled_ms: &[u64], life_ms: u64, every: u64, until: u64) -> Sawtooth {
        let replies = (100_000..100_000 + until).step_by(every as usize).enumerate().map(|(turn, at)| {
            let age = (at - filled_ms[turn % filled_ms.len()]) % life_ms;
            (at, resolved(&[(1, (life_ms - age).div_ceil(1_000) as u32)]))
        });
        let series = series(replies.collect::<Vec<_>>());
        Sawtooth::of(series.points())
    }

    #[test]
    fn one_cache_counts_down_and_starts_again() {
        let sawtooth = of(&[4, 3, 2, 1, 4, 3, 2, 1, 0, 4, 3, 2]);
        assert_eq!((sawtooth.entries.len(), sawtooth.caches()), (3, 1));
        assert_eq!(of(&[]).caches(), 0);
    }

    #[test]
    fn caches_are_told_apart_by_entries_that_live_side_by_side() {
        assert_eq!(caches(&[0], 20_000, 500, 60_000).caches(), 1);
        assert_eq!(caches(&[0, 7_000], 20_000, 500, 40_000).caches(), 2);
        assert_eq!(caches(&[0, 5_000, 10_000, 15_000], 20_000, 300, 40_000).caches(), 4);
    }

    #[test]
    fn an_entry_that_was_fetched_again_early_is_no_second_cache() {
        assert_eq!(of(&[20, 19, 18, 20, 19, 18, 17]).caches(), 1);
        assert_eq!(of(&[4, 59, 58, 57]).caches(), 1);
    }

    #[test]
    fn entries_that_live_equally_short_each_time_are_clamped() {
        assert_eq!(caches(&[0], 10_000, 1_000, 45_000).clamp_secs(20), Some(10));
        assert_eq!(caches(&[0], 20_000, 1_000, 90_000).clamp_secs(20), None);
        assert_eq!(caches(&[0], 19_000, 1_000, 90_000).clamp_secs(20), None);
    }

    #[test]
    fn a_cache_behind_another_is_short_once_and_not_clamped() {
        let behind: Vec<u32> = (1..=7).rev().chain((1..=20).rev()).chain((1..=20).rev()).collect();
        assert_eq!(of(&behind).clamp_secs(20), None);
        let once: Vec<u32> = (1..=7).rev().chain((1..=20).rev()).collect();
        assert_eq!(of(&once).clamp_secs(20), None);
    }

    #[test]
    fn nothing_is_said_of_how_long_several_caches_keep() {
        assert_eq!(caches(&[0, 5_000], 10_000, 500, 60_000).clamp_secs(20), None);
    }
}
