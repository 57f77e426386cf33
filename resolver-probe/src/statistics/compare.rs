//! Compares counts with an urn: one p-value that is valid for any counts, and what led to it.
//!
//! Two tests share the level in halves. The *omnibus* test is Pearson's χ², which sees many small
//! deviations; the *cell* test is an exact test of each address by itself with Bonferroni's correction,
//! which sees a single wrong weight with 2 to 3 times fewer answers and says which one it is.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::exact::{self, Proposals};
use super::urn::Urn;
use super::{Alpha, Thresholds};

/// Pearson's χ² is not used where fewer answers are expected in some cell (W. G. Cochran, "Some methods
/// for strengthening the common χ² tests", Biometrics 10 (1954)).
const FEWEST_EXPECTED: f64 = 5.0;
/// A smaller p-value of Pearson's χ² is not believed, but computed exactly: the approximation acquits only.
const SUSPICIOUS: f64 = 0.01;
/// Draws of an exact p-value: its relative error near a level of one in a million is some 3 %.
const DRAWS: u32 = 10_000;

/// How a test is run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Probability of a false alarm of the whole test.
    pub alpha: Alpha,
    /// How large a deviation has to be to matter.
    pub thresholds: Thresholds,
    /// Where random draws start; the same seed and counts give the same result.
    pub seed: u64,
    /// How many draws an exact p-value takes at most. Fewer cost power; the level is kept with any number.
    pub draws: u32,
}

impl Settings {
    /// Returns the default settings: an alarm is false once in a million runs.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { alpha: Alpha::default(), thresholds: Thresholds::default(), seed, draws: DRAWS }
    }
}

/// How the p-value of the omnibus test was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "name")]
pub enum Method {
    /// From the χ² distribution: at least 5 answers are expected in each cell, and the result is far from
    /// an alarm.
    Pearson,
    /// By importance sampling; the value is too large rather than too small with any number of draws.
    Exact {
        /// Where the draws started.
        seed: u64,
        /// How many there were; they end early where the result is plainly no alarm.
        draws: u32,
    },
}

/// Counts beside an urn.
#[derive(Clone, Debug)]
pub(super) struct Comparison {
    pub(super) statistic: f64,
    pub(super) degrees: usize,
    pub(super) smallest_expected: f64,
    pub(super) omnibus: f64,
    pub(super) method: Method,
    /// The exact p-value of each cell by itself, without correction.
    pub(super) cells: Vec<f64>,
    pub(super) p_value: f64,
}

/// Compares the counts of so many answers with the urn that they should come from.
pub(super) fn compare(
    null: &Urn,
    counts: &[u64],
    answers: u64,
    level: Alpha,
    settings: &Settings,
) -> Comparison {
    let pearson = Pearson::new(null, answers);
    let (statistic, degrees) = (pearson.of(counts), null.cells() - 1);
    let cells: Vec<f64> =
        counts.iter().enumerate().map(|(cell, count)| null.law(cell, answers).two_sided(*count)).collect();
    let approximate = chi_squared_tail(statistic, degrees);
    let believed = pearson.smallest >= FEWEST_EXPECTED && approximate > SUSPICIOUS.max(10.0 * level.get());
    let (omnibus, method) = if believed || degrees == 0 {
        (approximate, Method::Pearson)
    } else {
        let wider = wider(null, answers, degrees, level);
        let proposals = Proposals { null, wider: &wider, answers };
        let exact =
            exact::p_value(&proposals, counts, |counts| pearson.of(counts), settings.draws, settings.seed);
        (exact.p_value, Method::Exact { seed: settings.seed, draws: exact.draws })
    };
    let smallest = cells.iter().copied().fold(1.0, f64::min);
    Comparison {
        statistic,
        degrees,
        smallest_expected: pearson.smallest,
        omnibus,
        method,
        p_value: (2.0 * omnibus.min(smallest * cells.len() as f64)).min(1.0),
        cells,
    }
}

/// Pearson's statistic, with what it divides by.
struct Pearson {
    expected: Vec<f64>,
    spread: f64,
    smallest: f64,
}

impl Pearson {
    fn new(null: &Urn, answers: u64) -> Self {
        let expected: Vec<f64> = (0..null.cells()).map(|cell| null.share(cell) * answers as f64).collect();
        let (spread, others) = match null {
            Urn::Multinomial(_) | Urn::Polya { .. } => (1.0, f64::INFINITY),
            // The χ² of a table with two rows, written with the expected counts of one of them.
            Urn::Hypergeometric { all, .. } => {
                let rest = (*all - answers) as f64;
                (rest / *all as f64, rest / answers as f64)
            }
        };
        let smallest = expected.iter().copied().fold(f64::INFINITY, f64::min);
        Self { expected, spread, smallest: smallest * others.min(1.0) }
    }

    fn of(&self, counts: &[u64]) -> f64 {
        let cells = counts.iter().zip(&self.expected);
        let sum: f64 = cells.map(|(count, expected)| (*count as f64 - expected).powi(2) / expected).sum();
        if self.spread > 0.0 { sum / self.spread } else { 0.0 }
    }
}

/// Returns urns from which counts near the edge of an alarm come often.
///
/// They depend on the level and the size of the sample only, never on the counts: otherwise the p-value
/// would not be valid.
fn wider(null: &Urn, answers: u64, degrees: usize, level: Alpha) -> Vec<Urn> {
    let Ok(chi_squared) = ChiSquared::new(degrees as f64) else { return Vec::new() };
    let factor = chi_squared.inverse_cdf(1.0 - level.get() / 2.0) / degrees as f64;
    let factor = factor.max(1.01);
    [factor.sqrt(), factor, 2.0 * factor].map(|factor| null.widened(answers, factor)).to_vec()
}

/// Returns the probability that a χ² with so many degrees of freedom is at least this large.
pub(super) fn chi_squared_tail(statistic: f64, degrees: usize) -> f64 {
    ChiSquared::new(degrees as f64).map_or(1.0, |chi_squared| chi_squared.sf(statistic))
}

/// Returns a seed for one of several tests, so that they do not share their draws.
pub(super) fn seed_of(seed: u64, test: usize) -> u64 {
    StdRng::seed_from_u64(seed.wrapping_add(test as u64)).random()
}

/// Corrects p-values for their number, in their order (S. Holm, "A simple sequentially rejective multiple test
/// procedure", Scandinavian Journal of Statistics 6 (1979)).
///
/// To call those significant that are below α afterwards is wrong about any of them with probability α at
/// most, however they depend on each other.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|left, right| p_values[*left].total_cmp(&p_values[*right]));
    let mut corrected = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[index]).min(1.0);
        corrected[index] = largest;
    }
    corrected
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values of scipy 1.17 (`chi2.sf`).
    #[test]
    fn the_tail_of_chi_squared_agrees_with_scipy() {
        let known = [
            (30.66, 3, 1.002_353_249_02e-6),
            (178.0, 99, 1.930_687_515_392e-6),
            (3.84, 1, 0.050_043_521_248_71),
            (8_100.0, 7_499, 8.439_992_763_276e-7),
            (500.0, 99, 7.615_943_956_674e-55),
        ];
        for (statistic, degrees, known) in known {
            let seen = chi_squared_tail(statistic, degrees);
            assert!((seen / known - 1.0).abs() < 1e-6, "{statistic}, {degrees}: {seen}, not {known}");
        }
    }

    #[test]
    fn holm_corrects_step_by_step() {
        let close =
            |seen: Vec<f64>, known: &[f64]| seen.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(close(holm(&[0.01, 0.04, 0.03]), &[0.03, 0.06, 0.06]));
        assert!(close(holm(&[0.5, 0.9]), &[1.0, 1.0]));
        assert!(holm(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn holm_lies_between_no_correction_and_bonferronis(p_values in prop::collection::vec(0.0..=1.0, 1..20)) {
            for (corrected, p_value) in holm(&p_values).iter().zip(&p_values) {
                prop_assert!(*corrected >= *p_value && *corrected <= (p_value * p_values.len() as f64).min(1.0) + 1e-12);
            }
        }
    }
}
