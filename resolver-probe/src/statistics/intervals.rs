//! Where a share lies, as an interval around the share that was seen.
//!
//! Wilson's interval is for pictures: it covers the true share about as often as it says. Clopper and
//! Pearson's is for claims: it covers it at least as often.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::cells::sum;
use super::law::Law;
use super::{Alpha, StatisticsError};

/// Halvings of an interval of length 1 until floating-point numbers cannot tell its ends apart.
const HALVINGS: u32 = 60;

/// Where a share lies, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    const ALL: Self = Self { low: 0.0, high: 1.0 };

    /// Says whether a share lies in it.
    #[must_use]
    pub fn contains(&self, share: f64) -> bool {
        self.low <= share && share <= self.high
    }
}

/// Returns Wilson's interval, which misses the true share with a probability of about `alpha` (E. B. Wilson,
/// "Probable inference, the law of succession, and statistical inference", JASA 22 (1927)).
#[must_use]
pub fn wilson(count: u64, answers: u64, alpha: Alpha) -> Interval {
    if answers == 0 {
        return Interval::ALL;
    }
    let (answers, quantile) = (answers as f64, -Normal::standard().inverse_cdf(alpha.get() / 2.0));
    let share = (count as f64 / answers).min(1.0);
    let square = quantile * quantile / answers;
    let centre = (share + square / 2.0) / (1.0 + square);
    let half = (square * share * (1.0 - share) + square * square / 4.0).max(0.0).sqrt() / (1.0 + square);
    // At the ends, rounding must not exclude a share of 0 or 1.
    let low = if count == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if share >= 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

/// Returns the interval of Clopper and Pearson, which misses the true share with probability `alpha` at most
/// (C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of
/// the binomial", Biometrika 26 (1934)).
#[must_use]
pub fn clopper_pearson(count: u64, answers: u64, alpha: Alpha) -> Interval {
    if answers == 0 {
        return Interval::ALL;
    }
    let (count, level) = (count.min(answers), alpha.get() / 2.0);
    let law = |share: f64| Law::Binomial { draws: answers, share };
    let low = if count == 0 { 0.0 } else { boundary(|share| law(share).at_least(count) < level).0 };
    let high = if count == answers { 1.0 } else { boundary(|share| law(share).at_most(count) >= level).1 };
    Interval { low, high }
}

/// Returns intervals of all shares, of which any misses its share with probability `alpha` at most.
///
/// # Errors
///
/// There is no answer, or there are more than a number can hold.
pub fn simultaneous(counts: &[u64], alpha: Alpha) -> Result<Vec<Interval>, StatisticsError> {
    let answers = sum(counts, "counts")?;
    if answers == 0 {
        return Err(StatisticsError::NoAnswers);
    }
    let level = alpha.split(counts.len());
    Ok(counts.iter().map(|count| clopper_pearson(*count, answers, level)).collect())
}

/// Returns, from below and from above, where a condition that holds for small shares ceases to hold.
fn boundary(holds: impl Fn(f64) -> bool) -> (f64, f64) {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(interval: Interval, low: f64, high: f64) {
        let near = |seen: f64, known: f64| (seen - known).abs() < 1e-9;
        assert!(near(interval.low, low) && near(interval.high, high), "{interval:?}, not {low} to {high}");
    }

    const FIVE_PERCENT: Alpha = Alpha(0.05);

    /// R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17
    /// (1998), table I; further digits by statsmodels.
    #[test]
    fn intervals_agree_with_newcombes_table() {
        close(wilson(81, 263, FIVE_PERCENT), 0.255_288_519_878_3, 0.366_209_576_982_8);
        close(wilson(15, 148, FIVE_PERCENT), 0.062_386_399_530_74, 0.160_487_241_723_3);
        close(wilson(0, 20, FIVE_PERCENT), 0.0, 0.161_125_158_052_8);
        close(wilson(1, 29, FIVE_PERCENT), 0.006_113_214_292_763, 0.171_755_218_793_2);
        close(wilson(29, 29, FIVE_PERCENT), 0.883_030_201_500_3, 1.0);
        close(clopper_pearson(81, 263, FIVE_PERCENT), 0.252_736_745_585_3, 0.367_621_922_601_4);
        close(clopper_pearson(15, 148, FIVE_PERCENT), 0.057_844_010_083_45, 0.161_650_490_349_5);
        close(clopper_pearson(0, 20, FIVE_PERCENT), 0.0, 0.168_433_470_983_1);
        close(clopper_pearson(1, 29, FIVE_PERCENT), 0.000_872_646_883_579_9, 0.177_644_295_488_7);
        close(clopper_pearson(29, 29, FIVE_PERCENT), 0.880_555_130_930_5, 1.0);
        close(clopper_pearson(300, 30_000, Alpha::default()), 0.007_435_342_041_916, 0.013_100_648_357_19);
    }

    #[test]
    fn without_an_answer_a_share_may_be_anything() {
        assert_eq!(wilson(0, 0, FIVE_PERCENT), Interval::ALL);
        assert_eq!(clopper_pearson(0, 0, FIVE_PERCENT), Interval::ALL);
        assert_eq!(simultaneous(&[0, 0], FIVE_PERCENT), Err(StatisticsError::NoAnswers));
    }

    #[test]
    fn simultaneous_intervals_share_the_level() {
        let all = simultaneous(&[81, 82, 100], FIVE_PERCENT).unwrap();
        assert_eq!(all[0], clopper_pearson(81, 263, Alpha::new(0.05 / 3.0).unwrap()));
    }

    proptest! {
        #[test]
        fn an_interval_holds_the_share_that_was_seen(answers in 1_u64..5_000, part in 0.0..=1.0, alpha in 1e-9..0.5) {
            let count = (answers as f64 * part) as u64;
            let (share, alpha) = (count as f64 / answers as f64, Alpha::new(alpha).unwrap());
            prop_assert!(clopper_pearson(count, answers, alpha).contains(share));
            prop_assert!(wilson(count, answers, alpha).contains(share));
        }

        #[test]
        fn a_surer_interval_is_wider(answers in 1_u64..5_000, part in 0.0..=1.0, alpha in 1e-9..0.1) {
            let count = (answers as f64 * part) as u64;
            let level = |alpha| Alpha::new(alpha).unwrap();
            let narrow = clopper_pearson(count, answers, level(alpha * 5.0));
            let wide = clopper_pearson(count, answers, level(alpha));
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
        }

        /// The interval and the test are two views of one thing.
        #[test]
        fn a_share_outside_is_one_that_the_exact_test_rejects(answers in 1_u64..800, part in 0.0..=1.0, share in 0.001..0.999) {
            let count = (answers as f64 * part) as u64;
            let outside = !clopper_pearson(count, answers, Alpha::new(0.01).unwrap()).contains(share);
            let p_value = Law::Binomial { draws: answers, share }.two_sided(count);
            prop_assume!((p_value - 0.01).abs() > 1e-9);
            prop_assert_eq!(outside, p_value < 0.01);
        }
    }
}
