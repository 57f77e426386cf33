//! What each series of replies is taken for, and what comes close to it and is not.

use proptest::prelude::*;

use super::*;
use crate::staleness::testing::{resolved, series, ttls};

/// The habits of a resolver with these TTLs, a little more than a second apart.
fn habits(authority: u32, seen: &[u32]) -> Vec<&'static str> {
    signs(Some(authority), &ttls(seen)).signs.iter().map(Sign::habit).collect()
}

fn down(from: u32) -> Vec<u32> {
    (0..from).map(|age| from - age).collect()
}

#[test]
fn a_cache_that_counts_down_and_asks_again_has_no_habit() {
    for seen in [&[4, 3, 2, 1, 4, 3, 2, 1, 0, 4, 3][..], &[2, 1, 4, 3], &[4, 4, 3], &[]] {
        assert!(habits(4, seen).is_empty(), "{seen:?}");
    }
    assert!(habits(60, &[down(60), down(60)].concat()).is_empty());
}

#[test]
fn unbound_stretches_at_once_and_dnsmasq_from_the_second_answer_on() {
    let of = |seen: &[u32]| signs(Some(4), &ttls(seen)).signs;
    let above =
        |highest_ttl_secs, replies, hides_first| Sign::TtlAbove { highest_ttl_secs, replies, hides_first };
    assert_eq!(of(&[120, 119, 118, 117]), [above(120, 4, false)]);
    assert_eq!(of(&[4, 59, 58, 57]), [above(59, 3, true)]);
    assert_eq!(of(&[5]), [above(5, 1, false)]);
    assert!(of(&[4]).is_empty());
}

#[test]
fn a_least_ttl_of_30_counts_down_and_is_stretched_not_stale() {
    assert_eq!(habits(4, &[30, 29, 28, 27]), ["stretches"]);
    assert_eq!(habits(4, &[4, 30, 29, 28]), ["stretches"]);
    assert_eq!(habits(29, &[30, 29, 28, 27]), ["stretches"]);
}

#[test]
fn thirty_that_falls_at_once_is_the_first_answer_after_expiry() {
    let found = signs(Some(4), &ttls(&[4, 3, 2, 1, 30, 3, 2, 1, 30, 3])).signs;
    assert_eq!(found, [Sign::Jump { times: 2 }]);
    assert_eq!(habits(20, &[30, 19, 18, 17]), ["serves-stale"]);
    // As the last word, nobody can tell it from a stretched entry.
    assert_eq!(habits(4, &[4, 3, 2, 1, 30]), ["stretches"]);
}

#[test]
fn a_ttl_that_stands_at_30_or_0_is_stale() {
    let found = signs(Some(4), &ttls(&[4, 3, 2, 30, 30, 30, 30])).signs;
    assert_eq!(found, [Sign::Plateau { ttl_secs: 30, replies: 4 }]);
    let stuck = |ttl: u32, at: u32, replies: usize| [vec![ttl, ttl - 1], vec![at; replies]].concat();
    assert_eq!(habits(4, &stuck(4, 0, 13)), ["serves-stale"]);
    assert_eq!(habits(20, &stuck(20, 0, 7)), ["serves-stale"]);
    assert_eq!(habits(60, &stuck(60, 30, 6)), ["serves-stale"]);
    // Of many honest caches behind one address, some are at 0 or 30 at any time.
    assert!(habits(4, &stuck(4, 0, 11)).is_empty());
    assert!(habits(60, &stuck(60, 30, 4)).is_empty());
}

#[test]
fn a_ttl_that_never_was_another_is_constant_and_not_stale() {
    assert_eq!(habits(60, &[30; 6]), ["constant-ttl"]);
    assert_eq!(habits(20, &[0; 6]), ["constant-ttl"]);
    assert_eq!(habits(20, &[20; 6]), ["constant-ttl"]);
    // It is above the authority's.
    assert_eq!(habits(20, &[30; 6]), ["serves-stale"]);
}

#[test]
fn ttls_that_are_cut_at_30_on_the_way_out_are_not_stale() {
    let cut: Vec<u32> = [vec![30; 20], down(30), vec![30; 20]].concat();
    assert!(habits(60, &cut).is_empty(), "{:?}", signs(Some(60), &ttls(&cut)).signs);
}

#[test]
fn an_authority_with_30_cannot_be_told_by_ttls() {
    assert!(habits(30, &[5, 4, 30, 29, 30, 30]).is_empty());
    assert!(habits(30, &[1, 0, 30, 30, 30, 30]).is_empty());
}

#[test]
fn a_ttl_of_0_or_1_is_seen_as_0_without_being_stale() {
    assert!(habits(1, &[1, 0, 0, 0, 1, 0]).is_empty());
    assert!(habits(20, &[2, 1, 0, 20, 19]).is_empty());
}

#[test]
fn what_the_resolver_says_itself_is_believed() {
    let stale = series([(0, resolved(&[(1, 20)]).said_to_be_stale()), (1_000, resolved(&[(1, 19)]))]);
    assert_eq!(signs(Some(20), &stale).signs, [Sign::SaysStale { replies: 1 }]);
    assert_eq!(signs(None, &stale).signs, [Sign::SaysStale { replies: 1 }]);
}

#[test]
fn thirty_after_1_8_seconds_is_stale_and_a_slow_answer_alone_is_not() {
    let slow = Duration::from_millis(1_820);
    let found = |authority, ttl: u32, times: u64| {
        let replies = (0..times).map(|turn| (turn * 2_900, resolved(&[(1, ttl)]).after(slow)));
        signs(Some(authority), &series(replies)).signs
    };
    assert_eq!(found(4, 30, 1), [Sign::SlowStale { times: 1, rtt_ms: 1_820 }]);
    assert_eq!(found(60, 30, 1), []);
    assert_eq!(found(60, 30, 2), [Sign::SlowStale { times: 2, rtt_ms: 1_820 }]);
    assert_eq!(found(4, 4, 1), []);
}

#[test]
fn a_cache_that_keeps_less_long_clamps() {
    let seen: Vec<u32> = down(5).repeat(4);
    assert_eq!(signs(Some(20), &ttls(&seen)).signs, [Sign::Clamped { ttl_secs: 5 }]);
    assert_eq!(habits(5, &seen), [] as [&str; 0]);
}

#[test]
fn who_has_the_zone_is_no_cache() {
    let replies = (0..4).map(|turn| (turn * 1_000, crate::staleness::testing::authoritative(&[(1, 60)])));
    assert_eq!(signs(Some(4), &series(replies)).signs, [Sign::Authoritative]);
}

#[test]
fn an_alias_has_ttls_of_its_own() {
    let alias =
        crate::resolver::ResolverReply { alias: Some("cdn.example.net".to_owned()), ..resolved(&[(1, 300)]) };
    assert!(signs(Some(4), &series([(0, alias.clone()), (1_000, alias)])).signs.is_empty());
}

proptest! {
    /// Whoever counts down from a TTL of at most the authority's, and asks again when it is over, is honest, however
    /// often it is asked and wherever it rounds.
    #[test]
    fn an_honest_cache_never_has_a_bad_habit(
        ttl in 1_u32..100,
        phase_ms in 0_u64..100_000,
        gaps in proptest::collection::vec(200_u64..2_500, 1..80),
        rounds_up in any::<bool>(),
    ) {
        let life = u64::from(ttl) * 1_000;
        let mut at = phase_ms;
        let replies: Vec<_> = gaps.iter().map(|gap| {
            at += gap;
            let left = life - at % life;
            let left = if rounds_up { left.div_ceil(1_000) } else { left / 1_000 };
            (at, resolved(&[(1, left as u32)]))
        }).collect();
        let found = signs(Some(ttl), &series(replies)).signs;
        let bad = found.iter().filter(|sign| !matches!(sign, Sign::Constant { .. }));
        prop_assert_eq!(bad.count(), 0, "{:?}", found);
    }

    #[test]
    fn any_ttls_are_read(authority in any::<Option<u32>>(), seen in proptest::collection::vec(any::<u32>(), 0..40)) {
        let _ = signs(authority, &ttls(&seen));
    }
}
