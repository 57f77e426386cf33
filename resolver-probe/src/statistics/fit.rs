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
