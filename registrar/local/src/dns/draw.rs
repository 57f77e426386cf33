//! Chooses among record sets of one name and type, as Route 53 does for each query.
//!
//! Randomness comes from the caller, and so does what is healthy.

use rand::Rng;
use registrar_core::record_set::{RecordSet, RoutingKind};

/// Most answers to one query for multivalue record sets (Developer Guide, "Multivalue answer routing").
const MOST_MULTIVALUE_ANSWERS: usize = 8;

/// Chooses the record sets that answer one query, among those that are healthy; where none is, all are (Developer
/// Guide, "How Amazon Route 53 chooses records when health checking is configured").
pub(crate) fn choose<'a>(
    mut sets: Vec<&'a RecordSet>,
    is_healthy: impl Fn(&RecordSet) -> bool,
    rng: &mut impl Rng,
) -> Vec<&'a RecordSet> {
    let Some(first) = sets.first() else { return sets };
    match first.routing() {
        RoutingKind::Weighted => weighted(&sets, is_healthy, rng).into_iter().collect(),
        RoutingKind::Multivalue => {
            if sets.iter().any(|set| is_healthy(set)) {
                sets.retain(|set| is_healthy(set));
            }
            shuffle(&mut sets, rng);
            sets.truncate(MOST_MULTIVALUE_ANSWERS);
            sets
        }
        RoutingKind::Simple | RoutingKind::Other => vec![first],
    }
}

/// Chooses a healthy record set in proportion to its weight; one of weight 0 only where no other is healthy, and then
/// all of them are equal (API reference, `ResourceRecordSet`).
///
/// Who is healthy is asked of what was drawn, and not of all: drawing again without what is not leaves the
/// others in their proportions.
fn weighted<'a>(
    sets: &[&'a RecordSet],
    is_healthy: impl Fn(&RecordSet) -> bool,
    rng: &mut impl Rng,
) -> Option<&'a RecordSet> {
    let mut left: Vec<&RecordSet> = sets.to_vec();
    while !left.is_empty() {
        let drawn = weighted_draw(&left, rng)?;
        let set = left.swap_remove(drawn);
        if is_healthy(set) {
            return Some(set);
        }
    }
    weighted_draw(sets, rng).and_then(|drawn| sets.get(drawn)).copied()
}

/// Draws a place in proportion to the weights there.
fn weighted_draw(sets: &[&RecordSet], rng: &mut impl Rng) -> Option<usize> {
    let weight = |set: &RecordSet| u32::from(set.weight.unwrap_or_default());
    let total: u32 = sets.iter().map(|set| weight(set)).sum();
    if total == 0 {
        let count = u32::try_from(sets.len()).ok().filter(|count| *count > 0)?;
        return usize::try_from(below(rng, count)).ok();
    }
    let mut drawn = below(rng, total);
    sets.iter().position(|set| match drawn.checked_sub(weight(set)) {
        Some(rest) => {
            drawn = rest;
            false
        }
        None => true,
    })
}

/// Puts the items into a random order (Fisher and Yates).
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        let Ok(bound) = u32::try_from(last + 1) else { continue };
        if let Ok(other) = usize::try_from(below(rng, bound)) {
            items.swap(last, other);
        }
    }
}

/// Draws a number below `bound`, each with the same probability.
///
/// Multiply and shift, with the few draws rejected that would favour some numbers: D. Lemire, "Fast
/// random integer generation in an interval" (2019). `bound` is never 0 here.
fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    let unfair = bound.wrapping_neg().checked_rem(bound).unwrap_or_default();
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(bound);
        let [high, low] = [product >> 32, product & u64::from(u32::MAX)];
        if low >= u64::from(unfair) {
            return u32::try_from(high).unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::route53::testing::{multivalue, simple, weighted};

    const DRAWS: u32 = 40_000;

    fn with_weights(weights: &[u8]) -> Vec<RecordSet> {
        let record = |(n, weight): (usize, &u8)| RecordSet {
            weight: Some(*weight),
            ..weighted("a.example.com", &n.to_string(), "192.0.2.1")
        };
        weights.iter().enumerate().map(record).collect()
    }

    fn counts(weights: &[u8], seed: u64) -> Vec<u32> {
        let (sets, mut rng) = (with_weights(weights), StdRng::seed_from_u64(seed));
        let mut counts = vec![0; weights.len()];
        for _ in 0..DRAWS {
            let chosen = choose(sets.iter().collect(), |_| true, &mut rng);
            assert_eq!(chosen.len(), 1);
            counts[chosen[0].set_identifier.as_ref().unwrap().parse::<usize>().unwrap()] += 1;
        }
        counts
    }

    /// Pearson's statistic against the expected shares.
    fn chi_square(counts: &[u32], weights: &[f64]) -> f64 {
        let total: f64 = weights.iter().sum();
        let term = |(count, weight): (&u32, &f64)| {
            let expected = f64::from(DRAWS) * weight / total;
            (f64::from(*count) - expected).powi(2) / expected
        };
        counts.iter().zip(weights).map(term).sum()
    }

    #[test]
    fn record_sets_are_drawn_in_proportion_to_their_weights() {
        for seed in 0..5 {
            let statistic = chi_square(&counts(&[10, 20, 30, 40], seed), &[10.0, 20.0, 30.0, 40.0]);
            // The 99.9th percentile with three degrees of freedom.
            assert!(statistic < 16.27, "seed {seed}: {statistic}");
        }
    }

    #[test]
    fn successive_draws_do_not_depend_on_each_other() {
        let (sets, mut rng) = (with_weights(&[1, 1]), StdRng::seed_from_u64(7));
        let draws: Vec<bool> = (0..DRAWS)
            .map(|_| {
                choose(sets.iter().collect(), |_| true, &mut rng)[0].set_identifier.as_deref() == Some("1")
            })
            .collect();
        let repeats = draws.windows(2).filter(|pair| pair[0] == pair[1]).count();
        let expected = f64::from(DRAWS - 1) / 2.0;
        let deviation = (repeats as f64 - expected).abs() / (f64::from(DRAWS - 1) / 4.0).sqrt();
        assert!(deviation < 3.3, "{deviation} standard deviations");
    }

    #[test]
    fn weight_zero_is_never_drawn_beside_another_weight() {
        assert_eq!(counts(&[0, 5, 0, 5], 1)[0], 0);
        assert_eq!(counts(&[0, 5, 0, 5], 1)[2], 0);
    }

    #[test]
    fn weights_that_are_all_zero_are_equal() {
        let statistic = chi_square(&counts(&[0, 0, 0, 0], 3), &[1.0; 4]);
        assert!(statistic < 16.27, "{statistic}");
    }

    #[test]
    fn what_is_not_healthy_is_not_drawn_and_leaves_the_others_in_proportion() {
        let (sets, mut rng) = (with_weights(&[50, 10, 20, 0]), StdRng::seed_from_u64(13));
        let mut counts = [0; 4];
        for _ in 0..DRAWS {
            let chosen = choose(sets.iter().collect(), |set| set.weight != Some(50), &mut rng);
            counts[chosen[0].set_identifier.as_ref().unwrap().parse::<usize>().unwrap()] += 1;
        }
        assert_eq!((counts[0], counts[3]), (0, 0));
        let statistic = chi_square(&counts[1..3], &[10.0, 20.0]);
        // The 99.9th percentile with one degree of freedom.
        assert!(statistic < 10.83, "{statistic}");
    }

    #[test]
    fn weight_zero_serves_where_nothing_else_is_healthy_and_everything_where_nothing_is() {
        let (sets, mut rng) = (with_weights(&[50, 0, 0, 10]), StdRng::seed_from_u64(17));
        let mut drawn = |is_healthy: fn(&RecordSet) -> bool| -> Vec<String> {
            let draw =
                |_| choose(sets.iter().collect(), is_healthy, &mut rng)[0].set_identifier.clone().unwrap();
            let mut drawn: Vec<String> = (0..200).map(draw).collect();
            drawn.sort();
            drawn.dedup();
            drawn
        };
        assert_eq!(drawn(|set| set.weight == Some(0)), ["1", "2"]);
        assert_eq!(drawn(|_| false), ["0", "3"]);
    }

    #[test]
    fn up_to_eight_multivalue_record_sets_answer_each_as_often() {
        let sets: Vec<RecordSet> =
            (0..20).map(|n| multivalue("a.example.com", &format!("{n:02}"), "192.0.2.1")).collect();
        let mut rng = StdRng::seed_from_u64(11);
        let mut seen: BTreeMap<String, u32> = BTreeMap::new();
        for _ in 0..2_000 {
            let chosen = choose(sets.iter().collect(), |_| true, &mut rng);
            assert_eq!(chosen.len(), 8);
            for set in chosen {
                *seen.entry(set.set_identifier.clone().unwrap()).or_default() += 1;
            }
        }
        // 800 are expected of each; the bound is five standard deviations.
        assert!(seen.len() == 20 && seen.values().all(|count| count.abs_diff(800) < 110), "{seen:?}");
        let few = choose(sets.iter().take(3).collect(), |_| true, &mut rng);
        assert_eq!(few.len(), 3);
    }

    #[test]
    fn a_simple_record_set_answers_alone_and_nothing_answers_for_nothing() {
        let mut rng = StdRng::seed_from_u64(1);
        let record = simple("a.example.com", "A", &["192.0.2.1"]);
        assert_eq!(choose(vec![&record], |_| true, &mut rng), [&record]);
        assert!(choose(vec![], |_| true, &mut rng).is_empty());
    }

    #[test]
    fn a_shuffle_puts_every_item_first_equally_often() {
        let mut rng = StdRng::seed_from_u64(5);
        let mut first = vec![0; 4];
        for _ in 0..DRAWS {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, &mut rng);
            first[items[0]] += 1;
        }
        assert!(chi_square(&first, &[1.0; 4]) < 16.27, "{first:?}");
    }
}
