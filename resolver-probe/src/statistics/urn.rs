//! The three urns that counts may come from: with replacement, without, and with more put back.
//!
//! The first two are what is assumed of a correct server. The third, Pólya's, is the first with more
//! variance; it proposes rare outcomes to importance sampling, and is the alternative of the anytime
//! test.

use rand::distr::Distribution;
use rand::rngs::StdRng;
use rand_distr::{Binomial, Gamma};
use statrs::function::factorial::ln_factorial;
use statrs::function::gamma::ln_gamma;

use super::law::Law;

/// Where the counts of all cells come from.
#[derive(Clone, Debug)]
pub(super) enum Urn {
    /// Independent answers with these shares.
    Multinomial(Vec<f64>),
    /// Answers dealt out of these counts of all servers together.
    Hypergeometric { balls: Vec<u64>, all: u64 },
    /// Independent answers with shares that are themselves drawn, from a Dirichlet distribution.
    Polya { shares: Vec<f64>, concentration: f64 },
}

impl Urn {
    pub(super) fn without_replacement(balls: Vec<u64>) -> Self {
        let all = balls.iter().sum();
        Self::Hypergeometric { balls, all }
    }

    pub(super) fn cells(&self) -> usize {
        match self {
            Self::Multinomial(shares) | Self::Polya { shares, .. } => shares.len(),
            Self::Hypergeometric { balls, .. } => balls.len(),
        }
    }

    pub(super) fn share(&self, cell: usize) -> f64 {
        match self {
            Self::Multinomial(shares) | Self::Polya { shares, .. } => shares[cell],
            Self::Hypergeometric { balls, all } => balls[cell] as f64 / *all as f64,
        }
    }

    /// Returns what one cell's count may be among so many answers; Pólya's is not asked for it.
    pub(super) fn law(&self, cell: usize, answers: u64) -> Law {
        match self {
            Self::Multinomial(shares) | Self::Polya { shares, .. } => {
                Law::Binomial { draws: answers, share: shares[cell] }
            }
            Self::Hypergeometric { balls, all } => {
                Law::Hypergeometric { draws: answers, marked: balls[cell], balls: *all }
            }
        }
    }

    /// Returns the variance of a count beside that of independent answers.
    pub(super) fn spread(&self, answers: u64) -> f64 {
        let answers = answers as f64;
        match self {
            Self::Multinomial(_) => 1.0,
            Self::Hypergeometric { all, .. } if *all <= 1 => 1.0,
            Self::Hypergeometric { all, .. } => (*all as f64 - answers) / (*all as f64 - 1.0),
            Self::Polya { concentration, .. } => (concentration + answers) / (concentration + 1.0),
        }
    }

    /// Returns an urn with the same shares whose counts vary more, by this factor in their variance.
    pub(super) fn widened(&self, answers: u64, factor: f64) -> Self {
        let spread = self.spread(answers) * factor;
        let drawn = answers as f64;
        let shares: Vec<f64> = (0..self.cells()).map(|cell| self.share(cell)).collect();
        if let Self::Hypergeometric { balls, all } = self
            && spread < 0.999
        {
            let larger = ((drawn - spread) / (1.0 - spread)).max(*all as f64);
            let scaled = |balls: &u64| (*balls as f64 * larger / *all as f64).round() as u64;
            return Self::without_replacement(balls.iter().map(|balls| scaled(balls).max(*balls)).collect());
        }
        if spread < 1.001 {
            return Self::Multinomial(shares);
        }
        Self::Polya { shares, concentration: ((drawn - spread) / (spread - 1.0)).max(1.0) }
    }

    /// Draws counts of so many answers.
    pub(super) fn draw(&self, answers: u64, random: &mut StdRng, counts: &mut [u64]) {
        match self {
            Self::Multinomial(shares) => draw_independent(shares, answers, random, counts),
            Self::Hypergeometric { balls, all } => draw_dealt(balls, *all, answers, random, counts),
            Self::Polya { shares, concentration } => {
                let drawn: Vec<f64> =
                    shares.iter().map(|share| gamma(share * concentration, random)).collect();
                draw_independent(&drawn, answers, random, counts);
            }
        }
    }

    /// Returns the logarithm of the probability of these counts in one given order of the answers.
    ///
    /// The number of orders is the same for all urns, and cancels wherever two of them are compared.
    pub(super) fn ln_likelihood(&self, counts: &[u64], answers: u64) -> f64 {
        let seen = counts.iter().enumerate().filter(|(_, count)| **count > 0);
        match self {
            Self::Multinomial(shares) => seen.map(|(cell, count)| *count as f64 * shares[cell].ln()).sum(),
            Self::Hypergeometric { balls, all } => {
                let falling = |balls: u64, drawn: u64| match balls.checked_sub(drawn) {
                    Some(left) => ln_factorial(balls) - ln_factorial(left),
                    None => f64::NEG_INFINITY,
                };
                seen.map(|(cell, count)| falling(balls[cell], *count)).sum::<f64>() - falling(*all, answers)
            }
            Self::Polya { shares, concentration } => {
                let rising = |from: f64, by: u64| ln_gamma(from + by as f64) - ln_gamma(from);
                let cells = seen.map(|(cell, count)| rising(shares[cell] * concentration, *count));
                cells.sum::<f64>() - rising(*concentration, answers)
            }
        }
    }
}

/// Draws counts of independent answers, cell by cell; the shares need not add up to 1.
fn draw_independent(shares: &[f64], answers: u64, random: &mut StdRng, counts: &mut [u64]) {
    let (mut left, mut rest): (u64, f64) = (answers, shares.iter().sum());
    let last = shares.iter().rposition(|share| *share > 0.0).unwrap_or(0);
    for (cell, count) in counts.iter_mut().enumerate() {
        let share = if cell >= last { 1.0 } else { (shares[cell] / rest).clamp(0.0, 1.0) };
        *count = match Binomial::new(left, share) {
            Ok(binomial) if left > 0 && share < 1.0 => binomial.sample(random).min(left),
            Ok(_) | Err(_) => left,
        };
        left -= *count;
        rest -= shares[cell];
    }
}

/// Deals answers out of the balls, cell by cell.
fn draw_dealt(balls: &[u64], all: u64, answers: u64, random: &mut StdRng, counts: &mut [u64]) {
    let (mut left, mut rest) = (answers, all);
    for (cell, count) in counts.iter_mut().enumerate() {
        *count = Law::Hypergeometric { draws: left, marked: balls[cell], balls: rest }.draw(random);
        left -= *count;
        rest -= balls[cell];
    }
}

fn gamma(shape: f64, random: &mut StdRng) -> f64 {
    Gamma::new(shape, 1.0).map_or(0.0, |gamma| gamma.sample(random))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn urns() -> [Urn; 3] {
        let shares = vec![0.1, 0.2, 0.7];
        [
            Urn::Multinomial(shares.clone()),
            Urn::without_replacement(vec![4, 8, 28]),
            Urn::Polya { shares, concentration: 5.0 },
        ]
    }

    /// All ways to count so many answers in three cells, with the number of orders of each.
    fn outcomes(answers: u64) -> Vec<([u64; 3], f64)> {
        let all = (0..=answers).flat_map(|first| (0..=answers - first).map(move |second| (first, second)));
        all.map(|(first, second)| {
            let counts = [first, second, answers - first - second];
            (counts, ln_factorial(answers) - counts.iter().map(|count| ln_factorial(*count)).sum::<f64>())
        })
        .collect()
    }

    #[test]
    fn the_probabilities_of_all_outcomes_add_up_to_1() {
        for urn in urns() {
            let probability =
                |(counts, orders): &([u64; 3], f64)| (urn.ln_likelihood(counts, 12) + orders).exp();
            let sum: f64 = outcomes(12).iter().map(probability).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{urn:?}: {sum}");
        }
    }

    #[test]
    fn outcomes_are_drawn_as_often_as_they_are_likely() {
        const DRAWS: u32 = 30_000;
        for urn in urns() {
            let (mut random, mut counts) = (StdRng::seed_from_u64(3), vec![0; 3]);
            let mut drawn = std::collections::BTreeMap::new();
            for _ in 0..DRAWS {
                urn.draw(6, &mut random, &mut counts);
                *drawn.entry(counts.clone()).or_insert(0_u32) += 1;
            }
            for (counts, orders) in outcomes(6) {
                let expected = (urn.ln_likelihood(&counts, 6) + orders).exp() * f64::from(DRAWS);
                let seen = f64::from(drawn.get(counts.as_slice()).copied().unwrap_or(0));
                assert!(
                    (seen - expected).abs() <= 5.0 * expected.sqrt() + 5.0,
                    "{urn:?} {counts:?}: {seen}, not {expected}"
                );
            }
        }
    }

    #[test]
    fn a_widened_urn_has_the_same_shares_and_the_variance_asked_for() {
        for (urn, factor) in [(0, 1.8), (0, 10.0), (1, 1.05), (1, 1.3), (1, 3.0)] {
            let urn =
                if urn == 0 { urns()[0].clone() } else { Urn::without_replacement(vec![400, 800, 2_800]) };
            let wide = urn.widened(1_500, factor);
            let spread = wide.spread(1_500) / urn.spread(1_500);
            assert!((spread / factor - 1.0).abs() < 0.02, "{spread}, not {factor}: {wide:?}");
            assert!((wide.share(2) - 0.7).abs() < 1e-3);
        }
    }
}
