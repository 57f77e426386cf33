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

#[cfg(test)]
mod tests {
    use super::*;

    /// Pearson's χ² of outcomes, whose exact p-values were found by enumerating all outcomes in Python.
    const KNOWN: [(&[f64], &[u64], f64); 7] = [
        (&[1.0, 2.0, 7.0], &[4, 2, 4], 0.015_323_008_8),
        (&[1.0, 2.0, 7.0], &[0, 0, 12], 0.077_296_069_754),
        (&[1.0, 99.0], &[6, 24], 4.831_534_612_407e-7),
        (&[1.0, 1.0, 1.0, 1.0], &[12, 3, 2, 1], 9.227_094_706_148e-4),
        (&[1.0, 255.0], &[5, 95], 5.030_414_928_063e-5),
        (&[1.0, 4.0, 16.0, 64.0], &[5, 3, 6, 16], 5.533_080_033_582e-6),
        (&[10.0, 20.0, 30.0, 40.0], &[14, 10, 4, 2], 2.027_479_214_492e-8),
    ];

    fn of(weights: &[f64], counts: &[u64], factors: &[f64], draws: u32, seed: u64) -> Exact {
        let (sum, answers): (f64, u64) = (weights.iter().sum(), counts.iter().sum());
        let shares: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let null = Urn::Multinomial(shares.clone());
        let wider: Vec<Urn> = factors.iter().map(|factor| null.widened(answers, *factor)).collect();
        let proposals = Proposals { null: &null, wider: &wider, answers };
        let pearson = |counts: &[u64]| {
            let cells =
                counts.iter().zip(&shares).map(|(count, share)| (*count as f64, share * answers as f64));
            cells.map(|(count, expected)| (count - expected).powi(2) / expected).sum()
        };
        p_value(&proposals, counts, pearson, draws, seed)
    }

    #[test]
    fn p_values_agree_with_enumeration_down_to_one_in_fifty_million() {
        for (weights, counts, known) in KNOWN {
            let seen = of(weights, counts, &[2.5, 6.0, 12.0], 20_000, 11);
            // What the observed counts add with their own weight makes it too large rather than too small.
            let ratio = seen.p_value / known;
            assert!((0.7..1.6).contains(&ratio), "{counts:?}: {seen:?}, not {known}");
        }
    }

    #[test]
    fn without_proposals_the_resolution_is_the_number_of_draws_and_says_so() {
        let seen = of(&[1.0, 99.0], &[6, 24], &[], 999, 1);
        assert_eq!(seen, Exact { p_value: 1.0 / 1_000.0, draws: 999 });
    }

    #[test]
    fn a_proposal_that_never_comes_near_costs_power_and_not_truth() {
        let (weights, counts, known) = KNOWN[6];
        let seen = of(weights, counts, &[1.0], 500, 1);
        assert!(seen.p_value > known && seen.p_value > 1e-3, "{seen:?}");
    }

    #[test]
    fn what_is_plainly_not_extreme_ends_early() {
        assert_eq!(of(&[1.0, 2.0, 7.0], &[0, 0, 12], &[6.0], 8_000, 1).draws, FIRST_LOOK);
    }

    #[test]
    fn the_same_seed_gives_the_same_p_value() {
        let seen = |seed| of(&[1.0, 255.0], &[5, 95], &[8.0], 1_000, seed).p_value;
        assert_eq!(seen(3), seen(3));
        assert_ne!(seen(3), seen(4));
    }
}
