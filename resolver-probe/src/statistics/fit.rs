//! Goodness of fit: whether the answers of one server are distributed as the weights say.
//!
//! Answers have to be independent draws, which [`independence()`](super::independence()) looks into, and of
//! one time in which the weights did not change.

use serde::Serialize;

use super::cells::Cells;
use super::compare::compare;
use super::urn::Urn;
use super::{Decision, Effect, Method, Settings, StatisticsError};

/// Counts beside weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use]
pub struct Fit {
    /// Answers with an address that has a weight above 0.
    pub answers: u64,
    /// Addresses with a weight above 0.
    pub cells: usize,
    /// The smallest number of answers that is expected of one of them.
    pub smallest_expected: f64,
    /// Pearson's χ².
    pub statistic: f64,
    /// Its degrees of freedom.
    pub degrees: usize,
    /// Its p-value.
    pub omnibus: f64,
    /// How that was found.
    pub method: Method,
    /// The p-value of the whole: twice the smaller one of Pearson's χ² and of the single addresses.
    pub p_value: f64,
    /// How large the deviation is.
    pub effect: Effect,
    /// What follows.
    pub decision: Decision,
    /// Indexes of weights of 0 that were answered all the same. One answer proves it; no statistic is needed.
    pub forbidden: Vec<usize>,
}

/// Compares how often each address was answered with its weight.
///
/// # Errors
///
/// There are not as many counts as weights, or all of either are 0.
pub fn goodness_of_fit(weights: &[u64], counts: &[u64], settings: &Settings) -> Result<Fit, StatisticsError> {
    let cells = Cells::new(weights)?;
    let counted = cells.count(counts)?;
    if counted.total == 0 {
        return Err(StatisticsError::NoAnswers);
    }
    let null = Urn::Multinomial(cells.shares.clone());
    let comparison = compare(&null, &counted.counts, counted.total, settings.alpha, settings);
    let seen = (&null, counted.counts.as_slice(), counted.total);
    let effect = Effect::new(seen, &comparison, settings.alpha, |cell| cells.index(cell));
    Ok(Fit {
        answers: counted.total,
        cells: cells.len(),
        smallest_expected: comparison.smallest_expected,
        statistic: comparison.statistic,
        degrees: comparison.degrees,
        omnibus: comparison.omnibus,
        method: comparison.method,
        p_value: comparison.p_value,
        effect,
        decision: effect.decide(comparison.p_value, settings.alpha, settings.thresholds),
        forbidden: counted.forbidden,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fit(weights: &[u64], counts: &[u64]) -> Fit {
        goodness_of_fit(weights, counts, &Settings::new(1)).unwrap()
    }

    #[test]
    fn counts_like_the_weights_agree() {
        let fit = fit(&[10, 20, 30, 40], &[103, 195, 304, 398]);
        assert_eq!((fit.decision, fit.method), (Decision::Agrees, Method::Pearson));
        assert_eq!((fit.answers, fit.cells, fit.degrees, fit.smallest_expected), (1_000, 4, 3, 100.0));
        // 9/100 + 25/200 + 16/300 + 4/400
        assert!((fit.statistic - 0.278_333_333_333).abs() < 1e-9);
    }

    #[test]
    fn uniform_answers_for_unequal_weights_deviate() {
        let fit = fit(&[10, 20, 30, 40], &[75, 75, 75, 75]);
        assert_eq!(fit.decision, Decision::Deviates);
        assert_eq!((fit.effect.worst.index, fit.effect.is_sure), (0, true));
        assert!((fit.effect.worst.relative_error - 1.5).abs() < 1e-12);
        assert!((fit.effect.total_variation - 0.2).abs() < 1e-12);
        assert!(matches!(fit.method, Method::Exact { seed: 1, draws: 10_000 }));
    }

    #[test]
    fn a_sure_deviation_that_is_small_is_negligible() {
        let fit = fit(&[1, 1], &[5_050_000, 4_950_000]);
        assert!(fit.p_value < 1e-100);
        assert_eq!(fit.decision, Decision::Negligible);
    }

    #[test]
    fn one_missing_address_of_many_is_named_by_its_index_among_the_weights() {
        let mut counts = vec![100_u64; 51];
        counts[17] = 0;
        let mut weights = vec![3_u64; 51];
        (weights[4], counts[4]) = (0, 2);
        let fit = fit(&weights, &counts);
        assert_eq!((fit.decision, fit.effect.worst.index), (Decision::Deviates, 17));
        assert_eq!((fit.forbidden, fit.cells, fit.answers), (vec![4], 50, 4_900));
    }

    #[test]
    fn a_rare_answer_seen_twice_is_no_alarm() {
        // Pearson's χ² would say 2.5e-12: (2 − 0.04)² / 0.04 = 96, less what the other cells add.
        let fit = fit(&[1, 2_499], &[2, 98]);
        assert!(fit.statistic > 90.0 && fit.p_value > 1e-4, "{fit:?}");
        assert_eq!(fit.decision, Decision::Agrees);
    }

    #[test]
    fn a_single_address_always_agrees() {
        let fit = fit(&[7], &[30]);
        assert_eq!((fit.p_value, fit.decision, fit.degrees), (1.0, Decision::Agrees, 0));
    }

    #[test]
    fn nothing_to_judge_by_is_an_error_and_not_ok() {
        let judged = |counts: &[u64]| goodness_of_fit(&[1, 2, 0], counts, &Settings::new(1));
        assert_eq!(judged(&[0, 0, 0]), Err(StatisticsError::NoAnswers));
        assert_eq!(judged(&[0, 0, 5]), Err(StatisticsError::NoAnswers));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_order_of_the_addresses_does_not_matter(
            mut cells in prop::collection::vec((1_u64..=255, 0_u64..60), 2..12),
            turn in 0_usize..12,
        ) {
            prop_assume!(cells.iter().any(|(_, count)| *count > 0));
            let judge = |cells: &[(u64, u64)]| {
                let (weights, counts): (Vec<u64>, Vec<u64>) = cells.iter().copied().unzip();
                let settings = Settings { draws: 400, ..Settings::new(1) };
                goodness_of_fit(&weights, &counts, &settings).unwrap()
            };
            let before = judge(&cells);
            let places = cells.len();
            cells.rotate_left(turn % places);
            let after = judge(&cells);
            prop_assert!((before.statistic - after.statistic).abs() <= 1e-9 * before.statistic.max(1.0));
            prop_assert!((before.effect.total_variation - after.effect.total_variation).abs() < 1e-9);
            prop_assert!((before.effect.worst.p_value - after.effect.worst.p_value).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&after.p_value));
        }

        #[test]
        fn only_the_ratio_of_the_weights_matters(counts in prop::collection::vec(1_u64..60, 3), times in 1_u64..1_000) {
            let (small, large) = (fit(&[1, 2, 3], &counts), fit(&[times, 2 * times, 3 * times], &counts));
            prop_assert!((small.statistic - large.statistic).abs() < 1e-9 * small.statistic.max(1.0));
            prop_assert_eq!(small.decision, large.decision);
        }
    }
}
