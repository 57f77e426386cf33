//! How large a deviation is, beside how sure it is.

use serde::Serialize;

use super::Alpha;
use super::compare::Comparison;
use super::urn::Urn;

/// How large a deviation has to be to matter; either is enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Total variation distance above what chance explains, 0 to 1: the part of all answers that
    /// would have to be others.
    pub total_variation: f64,
    /// Relative error of a share that is off for sure: 0.2 is a fifth too many or too few.
    pub relative_error: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { total_variation: 0.02, relative_error: 0.2 }
    }
}

/// What follows from a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Chance explains what was seen.
    Agrees,
    /// Chance does not explain it, and it is too small to matter.
    Negligible,
    /// Chance does not explain it, and it matters: an alarm.
    Deviates,
}

/// One address whose share is off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// Where the address stands among the weights.
    pub index: usize,
    /// The share that it should have, 0 to 1.
    pub expected: f64,
    /// The share that it has, 0 to 1.
    pub observed: f64,
    /// Observed over expected, less 1: −0.5 is half of what it should be.
    pub relative_error: f64,
    /// The exact p-value of this share by itself, corrected for the number of addresses.
    pub p_value: f64,
}

/// The size of a deviation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// Total variation distance between the shares seen and those expected, 0 to 1.
    pub total_variation: f64,
    /// What it would be on average by chance alone, with this number of answers (at most).
    pub by_chance: f64,
    /// The address that is off by most among those that are off for sure; otherwise the most suspicious one.
    pub worst: Deviation,
    /// Whether the worst address is off for sure.
    pub is_sure: bool,
}

impl Effect {
    /// Measures counts beside an urn; `index` says where a cell stands among the weights.
    pub(super) fn new(
        (null, counts, answers): (&Urn, &[u64], u64),
        comparison: &Comparison,
        level: Alpha,
        index: impl Fn(usize) -> usize,
    ) -> Self {
        let drawn = answers as f64;
        let cells = counts.iter().enumerate().zip(&comparison.cells);
        let deviations = cells.map(|((cell, count), p_value)| {
            let (expected, observed) = (null.share(cell), *count as f64 / drawn);
            let p_value = (p_value * comparison.cells.len() as f64).min(1.0);
            let relative_error = observed / expected - 1.0;
            Deviation { index: index(cell), expected, observed, relative_error, p_value }
        });
        let is_sure = |deviation: &Deviation| 2.0 * deviation.p_value < level.get();
        let worst = deviations.clone().reduce(|worst, other| match (is_sure(&worst), is_sure(&other)) {
            (true, true) if other.relative_error.abs() > worst.relative_error.abs() => other,
            (false, true) => other,
            (false, false) if other.p_value < worst.p_value => other,
            (true, true | false) | (false, false) => worst,
        });
        let spread = null.spread(answers).max(0.0);
        let by_chance =
            deviations.clone().map(|cell| by_chance(cell.expected, drawn, spread)).sum::<f64>() / 2.0;
        let nothing = Deviation { index: 0, expected: 0.0, observed: 0.0, relative_error: 0.0, p_value: 1.0 };
        let worst = worst.unwrap_or(nothing);
        Self {
            total_variation: deviations.map(|cell| (cell.observed - cell.expected).abs()).sum::<f64>() / 2.0,
            by_chance,
            worst,
            is_sure: is_sure(&worst),
        }
    }

    /// Says whether this is large enough to matter.
    #[must_use]
    pub fn matters(&self, thresholds: Thresholds) -> bool {
        // What chance adds to the distance is not held against the server: with 100 addresses and 1,000
        // answers that is 0.12 where nothing is wrong.
        self.total_variation - self.by_chance > thresholds.total_variation
            || (self.is_sure && self.worst.relative_error.abs() > thresholds.relative_error)
    }

    pub(super) fn decide(&self, p_value: f64, level: Alpha, thresholds: Thresholds) -> Decision {
        match (p_value < level.get(), self.matters(thresholds)) {
            (false, _) => Decision::Agrees,
            (true, false) => Decision::Negligible,
            (true, true) => Decision::Deviates,
        }
    }
}

/// Returns the mean distance of a share from what is expected, or a little more.
fn by_chance(share: f64, answers: f64, spread: f64) -> f64 {
    let deviation = (share * (1.0 - share) * spread / answers).sqrt();
    (deviation * std::f64::consts::FRAC_2_PI.sqrt()).min(2.0 * share)
}
