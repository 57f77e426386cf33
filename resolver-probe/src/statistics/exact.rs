//! The probability of a statistic at least as large as the observed one, by importance sampling that
//! never flatters.
//!
//! Drawing from the null alone cannot show a probability of one in a million with fewer than millions
//! of draws. Half of the draws therefore come from the null and half from wider urns, and each counts
//! with the weight that makes up for that, which is 2 at most. The observed counts join the sample with
//! their own weight: with that, P(p ≤ α) ≤ α holds for *every* α, every number of draws and every
//! proposal, however badly chosen (M. T. Harrison, "Conservative hypothesis tests and confidence intervals
//! using importance sampling", Biometrika 99 (2012), theorem 1). Few draws cost power, never truth.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::urn::Urn;

/// Draws after which a sample that is plainly not extreme is let go.
const FIRST_LOOK: u32 = 400;
/// What is not extreme after the first look. Stopping early acquits only, so that the level is kept.
const PLAIN: f64 = 0.02;

/// A p-value and how many draws it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Exact {
    pub(super) p_value: f64,
    pub(super) draws: u32,
}

/// Where rare outcomes are proposed from, and how they are weighed.
pub(super) struct Proposals<'a> {
    pub(super) null: &'a Urn,
    pub(super) wider: &'a [Urn],
    pub(super) answers: u64,
}

impl Proposals<'_> {
    fn draw(&self, random: &mut StdRng, counts: &mut [u64]) {
        let from_null = self.wider.is_empty() || random.random::<bool>();
        let urn = if from_null { self.null } else { &self.wider[random.random_range(0..self.wider.len())] };
        urn.draw(self.answers, random, counts);
    }

    /// Returns how likely counts are under the null beside the mixture that they are drawn from.
    fn weight(&self, counts: &[u64]) -> f64 {
        if self.wider.is_empty() {
            return 1.0;
        }
        let null = self.null.ln_likelihood(counts, self.answers);
        if null == f64::NEG_INFINITY {
            return 0.0;
        }
        let ratio = |urn: &Urn| (urn.ln_likelihood(counts, self.answers) - null).exp();
        let wider = self.wider.iter().map(ratio).sum::<f64>() / self.wider.len() as f64;
        2.0 / (1.0 + wider)
    }
}

/// Returns the p-value of counts by a statistic whose large values speak against the null.
pub(super) fn p_value(
    proposals: &Proposals<'_>,
    observed: &[u64],
    statistic: impl Fn(&[u64]) -> f64,
    most_draws: u32,
    seed: u64,
) -> Exact {
    // Equal outcomes must not differ by the order in which their terms were rounded.
    let threshold = statistic(observed) * (1.0 - 1e-12);
    let mut random = StdRng::seed_from_u64(seed);
    let mut counts = vec![0; observed.len()];
    let mut sum = proposals.weight(observed);
    let mut draws = 0;
    while draws < most_draws {
        proposals.draw(&mut random, &mut counts);
        draws += 1;
        if statistic(&counts) >= threshold {
            sum += proposals.weight(&counts);
        }
        if draws == FIRST_LOOK && sum / f64::from(FIRST_LOOK + 1) > PLAIN {
            break;
        }
    }
    Exact { p_value: (sum / f64::from(draws + 1)).min(1.0), draws }
}
