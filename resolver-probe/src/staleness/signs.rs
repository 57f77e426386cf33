//! What the TTLs, errors and times of one resolver's replies say about its cache.
//!
//! | seen | sign | known from |
//! |---|---|---|
//! | a TTL above the authority's | it stretches | Unbound `cache-min-ttl` (at once), dnsmasq `--min-cache-ttl` (from the second answer on) |
//! | extended error 3 or 19 | it says that the answer is stale | RFC 8914; dnsmasq always, Unbound with `ede-serve-expired` |
//! | the TTL stands at 0 or 30 while nothing else is answered | stale | dnsmasq `--use-stale-cache`, Unbound `serve-expired` |
//! | 30 once, and then less than 30 counts down to | stale, and asked again behind it | Unbound `serve-expired`, first query after expiry |
//! | 30 after 1.8 s | stale after waiting for the authority | RFC 8767 §5, Unbound `serve-expired-client-timeout: 1800` |
//! | entries that live equally short each time | it clamps, which is allowed | Unbound `cache-max-ttl` |
//!
//! With an authority's TTL of 30 s, a stale answer has the TTL of a fresh one: 30 then says nothing. Whether an
//! *address* is stale is not judged here.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::sawtooth::Sawtooth;
use super::series::{Point, Series};

/// RFC 8767 §4: the TTL that stale answers should have. dnsmasq gives 0.
pub(crate) const STALE_TTL_SECS: u32 = 30;
/// A TTL that stands still for so long, in so many replies, does not count down.
const STANDING: Duration = Duration::from_secs(2);
const STANDING_REPLIES: usize = 3;
/// How unlikely chance must be where several honest caches may all have reached 0 or 30 when they were asked.
const PROOF: f64 = 1e-6;
/// Replies that have to stand at 0 or 30 where the authority's TTL is not known.
const STANDING_UNKNOWN: usize = 16;
/// Authority TTLs below this may honestly be seen as 0 again and again.
const SHORTEST_TTL_SECS: u32 = 3;
/// RFC 8767 §5 waits 1.8 s for the authority before a stale answer is given; the way there and back comes on top.
const CLIENT_TIMEOUT: std::ops::Range<Duration> = Duration::from_millis(1_700)..Duration::from_millis(2_300);
/// How far a countdown may be off: whole seconds, rounded twice.
const ROUNDING_SECS: f64 = 2.0;

/// Something about a resolver's cache that its replies show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "sign", rename_all = "kebab-case")]
pub enum Sign {
    /// TTLs above the authority's: it keeps answers longer than it may.
    TtlAbove {
        /// The highest, which is a lower bound of the least TTL that it is set to.
        highest_ttl_secs: u32,
        /// Replies with one.
        replies: u64,
        /// Whether the first reply still had an honest one.
        hides_first: bool,
    },
    /// It says itself that the answer is stale (extended errors 3 and 19).
    SaysStale {
        /// Replies that do.
        replies: u64,
    },
    /// The TTL stands at a value of stale answers, and does not count down.
    Plateau {
        /// The TTL, in seconds.
        ttl_secs: u32,
        /// Replies with it.
        replies: u64,
    },
    /// A TTL of 30 s, and afterwards less than that would have counted down to: the first answer after expiry.
    Jump {
        /// How often.
        times: u64,
    },
    /// Replies with a TTL of 30 s that took as long as a resolver waits before it answers stale.
    SlowStale {
        /// How often.
        times: u64,
        /// The quickest of them, in milliseconds.
        rtt_ms: u64,
    },
    /// Answers are kept for less time than the authority allows, which is nobody's harm.
    Clamped {
        /// The highest TTL that it gives, in seconds.
        ttl_secs: u32,
    },
    /// Every reply has the same TTL: it keeps nothing, or rewrites TTLs.
    Constant {
        /// The TTL, in seconds.
        ttl_secs: u32,
    },
    /// It answers with authority: it has the zone itself, and is no cache.
    Authoritative,
}

impl Sign {
    /// Returns what it is called as a habit of the resolver. The names are stable.
    #[must_use]
    pub fn habit(&self) -> &'static str {
        match self {
            Self::TtlAbove { .. } => "stretches",
            Self::SaysStale { .. } | Self::Plateau { .. } | Self::Jump { .. } | Self::SlowStale { .. } => {
                "serves-stale"
            }
            Self::Clamped { .. } => "clamps",
            Self::Constant { .. } => "constant-ttl",
            Self::Authoritative => "authoritative",
        }
    }

    /// Says whether it shows a stale answer.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.habit() == "serves-stale"
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TtlAbove { highest_ttl_secs, hides_first: true, .. } => {
                write!(f, "TTL {highest_ttl_secs} s from the second answer on, above the authority's")
            }
            Self::TtlAbove { highest_ttl_secs, .. } => {
                write!(f, "TTL {highest_ttl_secs} s, above the authority's")
            }
            Self::SaysStale { replies } => write!(f, "it says so itself, {replies} times"),
            Self::Plateau { ttl_secs, replies } => {
                write!(f, "the TTL stood at {ttl_secs} s in {replies} replies")
            }
            Self::Jump { times } => {
                write!(f, "TTL {STALE_TTL_SECS} s and less right after it, {times} times")
            }
            Self::SlowStale { times, rtt_ms } => {
                write!(f, "TTL {STALE_TTL_SECS} s after {rtt_ms} ms of waiting, {times} times")
            }
            Self::Clamped { ttl_secs } => write!(f, "TTL {ttl_secs} s at most, below the authority's"),
            Self::Constant { ttl_secs } => write!(f, "the TTL is always {ttl_secs} s"),
            Self::Authoritative => f.write_str("it answers with authority, and is no cache"),
        }
    }
}

/// What the replies of one resolver show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signs {
    pub(crate) signs: Vec<Sign>,
    /// The times of the replies that are stale by their signs.
    pub(crate) stale_at: BTreeSet<Duration>,
    /// The entries of its caches; stale answers are left out.
    pub(crate) sawtooth: Sawtooth,
}

/// Reads the signs off a series. Without the authority's TTL, few can be told.
pub(crate) fn signs(authority_ttl_secs: Option<u32>, series: &Series) -> Signs {
    let points = series.points();
    // dnsmasq hands the flag on with what it has just fetched, so that one reply says nothing.
    if points.len() >= STANDING_REPLIES && points.iter().all(|point| point.reply.authoritative) {
        return Signs { signs: vec![Sign::Authoritative], ..Signs::default() };
    }
    let reading = Reading { ttl: authority_ttl_secs, points: &points };
    let plateaus = reading.plateaus();
    let (jumps, slow) = (reading.jumps(), reading.slow());
    let mut stale: BTreeSet<usize> = plateaus.iter().flat_map(|run| run.clone()).collect();
    stale.extend((0..points.len()).filter(|place| points[*place].reply.says_stale()));
    stale.extend(jumps.iter().chain(&slow));
    let honest: Vec<Point<'_>> = points
        .iter()
        .enumerate()
        .filter(|(place, _)| !stale.contains(place))
        .map(|(_, point)| *point)
        .collect();
    let sawtooth = Sawtooth::of(honest.iter().copied());
    let says_stale = series.answers().filter(|(_, reply)| reply.says_stale()).count() as u64;
    let constant = constant(&honest);
    // What does not count down says nothing of how long it is kept.
    let clamp = authority_ttl_secs.filter(|_| constant.is_none()).and_then(|ttl| sawtooth.clamp_secs(ttl));
    let signs = [
        reading.above(&honest),
        (says_stale > 0).then_some(Sign::SaysStale { replies: says_stale }),
        longest(&points, &plateaus),
        (!jumps.is_empty()).then_some(Sign::Jump { times: jumps.len() as u64 }),
        reading.slow_sign(&slow),
        clamp.map(|ttl_secs| Sign::Clamped { ttl_secs }),
        constant,
    ];
    let stale_at = stale.iter().map(|place| points[*place].at).collect();
    Signs { signs: signs.into_iter().flatten().collect(), stale_at, sawtooth }
}

struct Reading<'a> {
    ttl: Option<u32>,
    points: &'a [Point<'a>],
}

impl Reading<'_> {
    fn above(&self, honest: &[Point<'_>]) -> Option<Sign> {
        let ttl = self.ttl?;
        let above = honest.iter().filter(|point| point.highest_ttl_secs > ttl);
        let highest_ttl_secs = above.clone().map(|point| point.highest_ttl_secs).max()?;
        let hides_first = honest.first().is_some_and(|first| first.highest_ttl_secs <= ttl);
        Some(Sign::TtlAbove { highest_ttl_secs, replies: above.count() as u64, hides_first })
    }

    /// Runs of replies whose TTL stands where stale answers have it.
    fn plateaus(&self) -> Vec<std::ops::Range<usize>> {
        let mut runs = Vec::new();
        let mut start = 0;
        for end in 1..=self.points.len() {
            let goes_on =
                self.points.get(end).is_some_and(|next| next.ttl_secs == self.points[start].ttl_secs);
            if goes_on {
                continue;
            }
            if self.is_plateau(start, end) {
                runs.push(start..end);
            }
            start = end;
        }
        runs
    }

    fn is_plateau(&self, start: usize, end: usize) -> bool {
        let run = &self.points[start..end];
        let (ttl_secs, lasted) = (run[0].ttl_secs, run[run.len() - 1].at - run[0].at);
        // An authority with less never lets anybody count down through 30.
        let is_impossible = ttl_secs == STALE_TTL_SECS && self.ttl.is_some_and(|ttl| ttl < STALE_TTL_SECS);
        let stands = run.len() >= STANDING_REPLIES && lasted >= STANDING;
        if !stands || is_impossible {
            return stands;
        }
        // What a resolver never goes above may be all that it lets out: dnsmasq `--max-ttl` cuts TTLs so.
        let is_more = self.points.iter().any(|point| point.ttl_secs > ttl_secs);
        let is_stale_ttl = matches!(ttl_secs, 0 | STALE_TTL_SECS) && self.ttl != Some(ttl_secs);
        is_more && is_stale_ttl && self.is_no_accident(run)
    }

    /// An honest cache is at any one value for a second of each TTL, and one of several is drawn for each reply.
    fn is_no_accident(&self, run: &[Point<'_>]) -> bool {
        let Some(ttl) = self.ttl else { return run.len() >= STANDING_UNKNOWN };
        let chance = f64::from(ttl).powi(1 - i32::try_from(run.len()).unwrap_or(i32::MAX));
        let shortest_way_round = Duration::from_secs(u64::from(ttl.saturating_sub(1)));
        let is_once = run.windows(2).all(|pair| pair[1].at - pair[0].at < shortest_way_round);
        ttl >= SHORTEST_TTL_SECS && is_once && chance * self.points.len() as f64 <= PROOF
    }

    /// Replies with a TTL of 30, of an authority with less, that were followed by less than 30 counts down to.
    /// Where other TTLs above the authority's are seen, 30 is one of a stretched entry.
    fn jumps(&self) -> Vec<usize> {
        let Some(ttl) = self.ttl.filter(|ttl| *ttl < STALE_TTL_SECS) else { return Vec::new() };
        let is_other =
            |point: &Point<'_>| point.highest_ttl_secs > ttl && point.highest_ttl_secs != STALE_TTL_SECS;
        if self.points.iter().any(is_other) {
            return Vec::new();
        }
        let pairs = self.points.windows(2).enumerate();
        let fell = pairs.filter(|(_, pair)| {
            let counted_down = f64::from(STALE_TTL_SECS) - (pair[1].at - pair[0].at).as_secs_f64();
            pair[0].ttl_secs == STALE_TTL_SECS && f64::from(pair[1].ttl_secs) < counted_down - ROUNDING_SECS
        });
        fell.map(|(place, _)| place).collect()
    }

    /// Replies with a TTL of 30 that were waited for as long as RFC 8767 says. Where the authority's TTL passes
    /// through 30 on its way down, one of them may be an accident.
    fn slow(&self) -> Vec<usize> {
        let places = self.points.iter().enumerate().filter(|(_, point)| {
            let is_stale_ttl = point.ttl_secs == STALE_TTL_SECS && self.ttl != Some(STALE_TTL_SECS);
            (is_stale_ttl || point.reply.says_stale()) && CLIENT_TIMEOUT.contains(&point.reply.rtt)
        });
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        let enough = if self.ttl.is_some_and(|ttl| ttl < STALE_TTL_SECS) { 1 } else { 2 };
        if places.len() < enough { Vec::new() } else { places }
    }

    fn slow_sign(&self, slow: &[usize]) -> Option<Sign> {
        let quickest = slow.iter().map(|place| self.points[*place].reply.rtt).min()?;
        let rtt_ms = u64::try_from(quickest.as_millis()).unwrap_or(u64::MAX);
        Some(Sign::SlowStale { times: slow.len() as u64, rtt_ms })
    }
}

fn longest(points: &[Point<'_>], plateaus: &[std::ops::Range<usize>]) -> Option<Sign> {
    let longest = plateaus.iter().max_by_key(|run| run.len())?;
    let ttl_secs = points[longest.start].ttl_secs;
    Some(Sign::Plateau { ttl_secs, replies: longest.len() as u64 })
}

fn constant(honest: &[Point<'_>]) -> Option<Sign> {
    let (first, last) = (honest.first()?, honest.last()?);
    let stands = honest.len() >= STANDING_REPLIES && last.at - first.at >= STANDING;
    let is_same = honest.iter().all(|point| point.ttl_secs == first.ttl_secs);
    (stands && is_same).then_some(Sign::Constant { ttl_secs: first.ttl_secs })
}

#[cfg(test)]
#[path = "signs_tests.rs"]
mod tests;
