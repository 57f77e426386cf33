//! Caches that are simulated with the number of the draw behind each answer, which the counting never sees.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{CacheDraws, CachedAnswer, draws_through_cache};

/// A cache, and what it holds.
#[derive(Clone, Debug, Default)]
struct Cache {
    /// The TTL that it makes of shorter ones; its first answer still has the authority's.
    least_ttl_secs: u64,
    passes_first: bool,
    /// The draw, and when it runs out.
    entry: Option<(usize, u64)>,
}

impl Cache {
    /// Answers at a time in milliseconds, with the number of the draw and the TTL that is left.
    fn answer(&mut self, at: u64, fetch: impl FnOnce() -> (usize, u32)) -> (usize, u32) {
        if let Some((draw, expires)) = self.entry.filter(|(_, expires)| *expires > at) {
            return (draw, (expires - at).div_ceil(1_000) as u32);
        }
        let (draw, ttl) = fetch();
        let kept = u64::from(ttl).max(self.least_ttl_secs);
        self.entry = Some((draw, at + kept * 1_000));
        (draw, if self.passes_first { ttl } else { kept as u32 })
    }
}

/// Asks caches behind one address in random turns; `shared` puts another cache between them and the authority.
fn stream(mut caches: Vec<Cache>, shared: bool, ttl: u32, gaps: &[u64], seed: u64) -> Vec<CachedAnswer> {
    let mut random = StdRng::seed_from_u64(seed);
    let (mut upstream, mut draws, mut at) = (Cache::default(), 0, 0);
    let mut answers = Vec::new();
    for gap in gaps {
        at += gap;
        let mut authority = || {
            draws += 1;
            (draws, ttl)
        };
        let cache = random.random_range(0..caches.len());
        let (answer, ttl_secs) = caches[cache]
            .answer(at, || if shared { upstream.answer(at, &mut authority) } else { authority() });
        answers.push(CachedAnswer { at: Duration::from_millis(at), answer, ttl_secs });
    }
    answers
}

/// Returns how many draws were counted, after making sure that none was counted twice.
fn counted(ttl: u32, answers: &[CachedAnswer]) -> Result<usize, TestCaseError> {
    let counted = draws_through_cache(ttl, answers);
    let different: BTreeSet<usize> = counted.iter().map(|draw| draw.answer).collect();
    prop_assert_eq!(different.len(), counted.len(), "a draw was counted twice: {:?}", counted);
    Ok(counted.len())
}

fn all_draws(answers: &[CachedAnswer]) -> usize {
    answers.iter().map(|seen| seen.answer).collect::<BTreeSet<_>>().len()
}

proptest! {
    #[test]
    fn any_number_of_honest_caches_is_never_counted_too_often(
        caches in 1_usize..6,
        shared in any::<bool>(),
        ttl in 1_u32..120,
        gaps in prop::collection::vec(0_u64..20_000, 1..200),
        seed in any::<u64>(),
    ) {
        counted(ttl, &stream(vec![Cache::default(); caches], shared, ttl, &gaps, seed))?;
    }

    #[test]
    fn caches_that_stretch_every_ttl_are_never_counted_too_often(
        least in prop::collection::vec(1_u64..200, 1..4),
        shared in any::<bool>(),
        ttl in 1_u32..60,
        gaps in prop::collection::vec(0_u64..1_000, 300),
        seed in any::<u64>(),
    ) {
        // Behind another cache, one that lengthens no TTL above the authority's looks honest to everybody.
        prop_assume!(!shared || least.iter().any(|least_ttl_secs| *least_ttl_secs > u64::from(ttl)));
        let cache = |least_ttl_secs| Cache { least_ttl_secs, passes_first: false, entry: None };
        let answers = stream(least.into_iter().map(cache).collect(), shared, ttl, &gaps, seed);
        counted(ttl, &answers)?;
    }
}

#[test]
fn one_cache_asked_each_second_gives_one_draw_for_each_generation() {
    let answers = stream(vec![Cache::default()], false, 60, &[1_000; 3_000], 1);
    assert_eq!((counted(60, &answers).unwrap(), all_draws(&answers)), (50, 50));
}

#[test]
fn one_cache_that_stretches_gives_one_draw_for_each_generation_at_most() {
    // Where the first answer of a generation shows the authority's TTL, it looks like the end of a stretched one.
    for (passes_first, least) in [(false, 50), (true, 25)] {
        let cache = Cache { least_ttl_secs: 60, passes_first, entry: None };
        let answers = stream(vec![cache], false, 4, &[1_000; 3_000], 1);
        let seen = counted(4, &answers).unwrap();
        assert!(all_draws(&answers) == 50 && (least..=50).contains(&seen), "{passes_first}: {seen}");
    }
}

#[test]
fn interleaved_sawtooths_count_as_often_as_one_cache_at_least() {
    let answers = stream(vec![Cache::default(); 5], false, 20, &[250; 4_000], 3);
    let seen = counted(20, &answers).unwrap();
    let all = all_draws(&answers);
    assert!(all > 200 && seen >= 45, "{seen} of {all}");
}

#[test]
fn asked_more_rarely_than_the_ttl_every_answer_is_a_draw() {
    let answers = stream(vec![Cache::default()], false, 4, &[6_000; 50], 1);
    assert_eq!(counted(4, &answers).unwrap(), 50);
}

#[test]
fn a_ttl_that_stands_still_is_a_stale_answer_and_no_draw() {
    for (ttl_secs, authority) in [(0, 4), (30, 60), (30, 30), (17, 20)] {
        let mut draws = CacheDraws::new(authority);
        let answer = |second| CachedAnswer { at: Duration::from_secs(second), answer: 0, ttl_secs };
        let seen = (0..1_000).filter(|second| draws.observe(&answer(*second))).count();
        assert!(seen <= 1, "TTL {ttl_secs} of {authority}: {seen}");
    }
}

#[test]
fn a_ttl_that_jumps_up_begins_a_generation() {
    let mut draws = CacheDraws::new(60);
    let mut observe = |second, ttl_secs| {
        draws.observe(&CachedAnswer { at: Duration::from_secs(second), answer: 0, ttl_secs })
    };
    assert!(observe(0, 50));
    assert!(!observe(10, 40) && !observe(49, 1));
    assert!(observe(51, 60));
    assert!(!observe(52, 59) && !observe(20, 60));
    assert_eq!(draws.draws(), 2);
}

#[test]
fn an_authority_that_forbids_caching_gives_a_draw_each_time() {
    let mut draws = CacheDraws::new(0);
    let answer = |second| CachedAnswer { at: Duration::from_secs(second), answer: 0, ttl_secs: 0 };
    assert_eq!((0..10).filter(|second| draws.observe(&answer(*second))).count(), 10);
}

#[test]
fn counting_goes_on_after_a_restart() {
    let answers = stream(vec![Cache::default(); 2], false, 10, &[700; 300], 3);
    let count = |mut draws: CacheDraws, answers: &[CachedAnswer]| {
        let counted = answers.iter().filter(|seen| draws.observe(seen)).count();
        (draws, counted)
    };
    let (whole, all) = count(CacheDraws::new(10), &answers);
    let (part, before) = count(CacheDraws::new(10), &answers[..150]);
    let restarted: CacheDraws = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
    let (rest, after) = count(restarted, &answers[150..]);
    assert_eq!((whole, all), (rest, before + after));
}
