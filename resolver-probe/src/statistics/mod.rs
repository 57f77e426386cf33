//! Whether what a name server answers agrees with the weights, and how sure one can be of that.
//!
//! Everything here is a pure function of counts, times and a seed. It asks nothing, and decides nothing
//! about severity: a judgement does that, from the p-values, effects and decisions returned here.
//!
//! **The level is kept, not approximated.** A check that runs each minute may raise a false alarm once
//! in a million runs, and there Pearson's χ² is wrong by orders of magnitude (with one cell of 5 expected
//! answers, by 70). So a textbook approximation may only acquit. What convicts is valid for every number
//! of answers, however small: sums of exact probabilities, p-values by importance sampling that are
//! valid at any number of draws ([`Method::Exact`]), or bets whose gain bounds the p-value
//! ([`independence()`], [`AnytimeTest`]).
//!
//! **Significant is not important.** With enough answers every deviation is significant; an alarm also
//! needs an [`Effect`] above the [`Thresholds`].

mod anytime;
mod cache;
mod cells;
mod compare;
mod effect;
mod exact;
mod fit;
mod homogeneity;
mod independence;
mod intervals;
mod law;
mod planning;
mod urn;

#[cfg(test)]
mod cache_tests;
#[cfg(test)]
mod simulations;

pub use anytime::AnytimeTest;
pub use cache::{CacheDraws, CachedAnswer, draws_through_cache};
pub use compare::{Method, Settings, holm};
pub use effect::{Decision, Deviation, Effect, Thresholds};
pub use fit::{Fit, goodness_of_fit};
pub use homogeneity::{Homogeneity, ServerDeviation, homogeneity};
pub use independence::{Independence, Pattern, independence};
pub use intervals::{Interval, clopper_pearson, simultaneous, wilson};
pub use planning::{Goal, Requirement, SamplePlan, plan_samples};

/// Why there is nothing to test.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// Counts and weights are not of the same addresses.
    #[error("compare {counts} counts with {weights} weights (hint: one count for each address)")]
    Lengths {
        /// How many counts there are.
        counts: usize,
        /// How many weights there are.
        weights: usize,
    },
    /// No address has a weight above 0, so that there is no distribution to compare with.
    #[error("find a weight above 0 among {weights}")]
    NoWeight {
        /// How many weights there are.
        weights: usize,
    },
    /// No answer was counted.
    #[error("find an answer to judge by: all counts are 0")]
    NoAnswers,
    /// Fewer than two servers answered.
    #[error("compare servers: {servers} of them answered (hint: two are needed)")]
    TooFewServers {
        /// How many answered.
        servers: usize,
    },
    /// A number is outside its range.
    #[error("use {value} as {what}: it has to lie {range}")]
    OutOfRange {
        /// What the number is for.
        what: &'static str,
        /// The number.
        value: f64,
        /// Where it has to lie.
        range: &'static str,
    },
    /// Counts or weights are so large that sums of them are not exact.
    #[error("add up {what}: the sum is above 2^53")]
    TooLarge {
        /// What was added up.
        what: &'static str,
    },
}

/// Probability of a false alarm that a test may have.
///
/// The default is one in a million, for a test that is run again and again.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Alpha(f64);

impl Alpha {
    /// One in twenty, for pictures and not for alarms.
    pub const FIVE_PERCENT: Self = Self(0.05);

    /// Takes a probability above 0, of at most 0.5.
    ///
    /// # Errors
    ///
    /// [`StatisticsError::OutOfRange`] where it is not.
    pub fn new(value: f64) -> Result<Self, StatisticsError> {
        if value > 0.0 && value <= 0.5 {
            return Ok(Self(value));
        }
        Err(StatisticsError::OutOfRange { what: "alpha", value, range: "above 0 and at 0.5 at most" })
    }

    /// Returns the probability.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// Returns the part of it that each of several tests may have, so that all together keep it.
    #[must_use]
    pub fn split(self, tests: usize) -> Self {
        Self(self.0 / tests.max(1) as f64)
    }
}

impl Default for Alpha {
    fn default() -> Self {
        Self(1e-6)
    }
}

impl TryFrom<f64> for Alpha {
    type Error = StatisticsError;

    fn try_from(value: f64) -> Result<Self, StatisticsError> {
        Self::new(value)
    }
}

impl From<Alpha> for f64 {
    fn from(alpha: Alpha) -> Self {
        alpha.0
    }
}
