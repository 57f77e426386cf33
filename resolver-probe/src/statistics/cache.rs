//! How many independent draws stand behind the answers of a cache: one for each generation of its entry, and
//! never more than can be proven.
//!
//! A cache asks the authority once, and then gives the same answer until its TTL has run out. That answer
//! is one draw, however often it was heard. What is counted may depend on times and TTLs only: to count
//! where the *answer* changes would count what changes often, and not what is likely.
//!
//! An answer with *t* seconds left was drawn at the earliest when *t* was the authority's full TTL, and at the
//! latest when it was heard. Two draws are proven to be two where these intervals do not overlap. That
//! holds for any number of caches behind one address, with their sawtooths interleaved, and for caches that
//! ask other caches.
//!
//! It does not hold for a cache that stretches TTLs, which is known by a TTL above the authority's. Then
//! nothing tells how old an entry is, and the next draw is counted only after every entry that was
//! heard of has run out. How far it stretches is known from the longest TTL that was heard: a cache that gives the
//! authority's TTL at first and is not asked again soon, or that only lengthens what another cache has left of
//! it, looks like an honest one, and a draw of it may be counted twice.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Caches round TTLs to whole seconds, up or down, and one that asks another one does so once more.
const ROUNDING_MS: i64 = 2_000;
/// A TTL that stands still for so long does not belong to an entry that grows older.
const STANDING_MS: i64 = 2_000;
/// The TTL of a stale answer (RFC 8767, section 4).
const STALE_TTL_SECS: u32 = 30;

/// An answer of one recursive resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachedAnswer {
    /// When the reply came, since any fixed moment.
    pub at: Duration,
    /// Which address it holds; it does not matter for what is counted.
    pub answer: usize,
    /// The TTL that it has left, in seconds.
    pub ttl_secs: u32,
}

/// Counts draws behind the answers of one resolver's address, as they come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheDraws {
    authority_ttl_secs: u32,
    /// The longest TTL seen, or the authority's.
    longest_ttl_secs: u32,
    draws: u64,
    last_draw_ms: Option<i64>,
    /// When every entry that was heard of has run out.
    busy_until_ms: i64,
    plateau: Option<Plateau>,
}

/// A TTL that is answered again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Plateau {
    ttl_secs: u32,
    since_ms: i64,
    at_ms: i64,
}

impl CacheDraws {
    /// Starts counting; `authority_ttl_secs` is the TTL that the authority gives the record, and has to be
    /// known: without it, a stretched TTL looks like any other.
    #[must_use]
    pub fn new(authority_ttl_secs: u32) -> Self {
        Self {
            authority_ttl_secs,
            longest_ttl_secs: authority_ttl_secs,
            draws: 0,
            last_draw_ms: None,
            busy_until_ms: i64::MIN,
            plateau: None,
        }
    }

    /// Says that the resolver is known to answer TTLs up to this one.
    #[must_use]
    pub fn stretched_to(mut self, ttl_secs: u32) -> Self {
        self.longest_ttl_secs = self.longest_ttl_secs.max(ttl_secs);
        self
    }

    /// Takes the next answer, and says whether it is a draw of its own.
    ///
    /// Answers that the resolver itself calls stale (extended DNS errors 3 and 19) should not be given. One that is
    /// older than the one before is no draw.
    pub fn observe(&mut self, seen: &CachedAnswer) -> bool {
        let at = i64::try_from(seen.at.as_millis()).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        if self.plateau.is_some_and(|plateau| at < plateau.at_ms) {
            return false;
        }
        let expires = at + i64::from(seen.ttl_secs) * 1_000;
        let stands = self.stands_still(at, seen.ttl_secs);
        let unheard_of = seen.ttl_secs > self.longest_ttl_secs;
        self.longest_ttl_secs = self.longest_ttl_secs.max(seen.ttl_secs);
        let is_draw = !stands
            && !self.may_be_stale(seen.ttl_secs)
            && match self.last_draw_ms {
                None => true,
                Some(last) => !unheard_of && self.is_proven(at, expires, last),
            };
        self.busy_until_ms = self.busy_until_ms.max(expires);
        if is_draw {
            self.draws += 1;
            self.last_draw_ms = Some(at);
            if self.is_stretching() {
                self.busy_until_ms = self.busy_until_ms.max(at + self.longest_ms());
            }
        }
        is_draw
    }

    /// Returns how many draws there were.
    #[must_use]
    pub fn draws(&self) -> u64 {
        self.draws
    }

    /// Says whether a TTL above the authority's was seen.
    #[must_use]
    pub fn is_stretching(&self) -> bool {
        self.longest_ttl_secs > self.authority_ttl_secs
    }

    fn longest_ms(&self) -> i64 {
        i64::from(self.longest_ttl_secs) * 1_000
    }

    fn is_proven(&self, at: i64, expires: i64, last: i64) -> bool {
        if self.authority_ttl_secs == 0 && !self.is_stretching() {
            return true;
        }
        let entered = expires - self.longest_ms() - ROUNDING_MS;
        if !self.is_stretching() {
            return entered > last;
        }
        // Another cache may have passed on its own entry, which was as old as the authority's TTL by then.
        let drawn = entered - i64::from(self.authority_ttl_secs) * 1_000;
        let is_another = expires > self.busy_until_ms + ROUNDING_MS;
        is_another && at >= self.busy_until_ms - ROUNDING_MS && drawn > last
    }

    /// Says whether a TTL is one that stale answers have. An entry with 0 or 30 seconds left is
    /// heard of before and after, too, so that nothing is lost by leaving it out.
    fn may_be_stale(&self, ttl_secs: u32) -> bool {
        let authority = self.authority_ttl_secs;
        (ttl_secs == 0 && authority > 0) || (ttl_secs == STALE_TTL_SECS && authority > STALE_TTL_SECS)
    }

    /// Says whether a TTL stands still while its entry grows older.
    fn stands_still(&mut self, at_ms: i64, ttl_secs: u32) -> bool {
        let lives = |plateau: &Plateau| at_ms < plateau.at_ms + i64::from(ttl_secs) * 1_000;
        let goes_on = self.plateau.filter(|plateau| plateau.ttl_secs == ttl_secs && lives(plateau));
        let since_ms = goes_on.map_or(at_ms, |plateau| plateau.since_ms);
        self.plateau = Some(Plateau { ttl_secs, since_ms, at_ms });
        at_ms - since_ms >= STANDING_MS
    }
}

/// Returns the answers among those of one resolver's address, in the order of their times, that are draws of
/// their own.
///
/// Unlike [`CacheDraws`], it knows from the start whether TTLs are stretched later on.
#[must_use]
pub fn draws_through_cache(authority_ttl_secs: u32, answers: &[CachedAnswer]) -> Vec<CachedAnswer> {
    let longest = answers.iter().map(|seen| seen.ttl_secs).max().unwrap_or(0);
    let mut draws = CacheDraws::new(authority_ttl_secs).stretched_to(longest);
    answers.iter().filter(|seen| draws.observe(seen)).copied().collect()
}
