//! One cell's count as a random number: how likely it is, how extreme, and how to draw it.
//!
//! Tails are sums of exact probabilities from the count outwards, since an approximation is worst where
//! an alarm is decided.

use rand::RngExt;
use rand::rngs::StdRng;
use statrs::function::factorial::ln_binomial;

/// A term that is this small beside the sum so far does not change it.
const NEGLIGIBLE: f64 = 1e-17;

/// What a count may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Law {
    /// Successes in draws with replacement.
    Binomial { draws: u64, share: f64 },
    /// Marked balls in draws without replacement.
    Hypergeometric { draws: u64, marked: u64, balls: u64 },
}

impl Law {
    pub(super) fn mean(self) -> f64 {
        match self {
            Self::Binomial { draws, share } => draws as f64 * share,
            Self::Hypergeometric { balls: 0, .. } => 0.0,
            Self::Hypergeometric { draws, marked, balls } => draws as f64 * (marked as f64 / balls as f64),
        }
    }

    /// Returns the smallest and the largest possible count.
    fn support(self) -> (u64, u64) {
        match self {
            Self::Binomial { draws, .. } => (0, draws),
            Self::Hypergeometric { draws, marked, balls } => {
                (draws.saturating_sub(balls - marked), draws.min(marked))
            }
        }
    }

    fn mode(self) -> u64 {
        let (least, most) = self.support();
        let mode = match self {
            Self::Binomial { draws, share } => (draws as f64 + 1.0) * share,
            Self::Hypergeometric { draws, marked, balls } => {
                (draws as f64 + 1.0) * (marked as f64 + 1.0) / (balls as f64 + 2.0)
            }
        };
        (mode.floor() as u64).clamp(least, most)
    }

    /// Returns the probability of a count within the support.
    fn probability(self, count: u64) -> f64 {
        match self {
            Self::Binomial { share, .. } if share <= 0.0 => f64::from(u8::from(count == 0)),
            Self::Binomial { draws, share } if share >= 1.0 => f64::from(u8::from(count == draws)),
            Self::Binomial { draws, share } => {
                let ln = count as f64 * share.ln() + (draws - count) as f64 * (-share).ln_1p();
                (ln_binomial(draws, count) + ln).exp()
            }
            Self::Hypergeometric { draws, marked, balls } => (ln_binomial(marked, count)
                + ln_binomial(balls - marked, draws - count)
                - ln_binomial(balls, draws))
            .exp(),
        }
    }

    /// Returns how much likelier the count after this one is.
    fn rise(self, count: u64) -> f64 {
        match self {
            Self::Binomial { draws, share } => {
                (draws - count) as f64 / (count + 1) as f64 * (share / (1.0 - share))
            }
            Self::Hypergeometric { draws, marked, balls } => {
                let (left, unmarked) = ((draws - count) as f64, balls - marked);
                (marked - count) as f64 / (count + 1) as f64 * left / ((unmarked + count + 1) - draws) as f64
            }
        }
    }

    /// Returns the probability of this count or less.
    pub(super) fn at_most(self, count: u64) -> f64 {
        let (least, most) = self.support();
        if count < least || count >= most {
            return f64::from(u8::from(count >= most));
        }
        if count as f64 > self.mean() {
            return (1.0 - self.at_least(count + 1)).max(0.0);
        }
        let (mut term, mut sum) = (self.probability(count), 0.0);
        for lower in (least..=count).rev() {
            sum += term;
            if lower == least || term <= sum * NEGLIGIBLE {
                break;
            }
            term /= self.rise(lower - 1);
        }
        sum.min(1.0)
    }

    /// Returns the probability of this count or more.
    pub(super) fn at_least(self, count: u64) -> f64 {
        let (least, most) = self.support();
        if count <= least || count > most {
            return f64::from(u8::from(count <= least));
        }
        if (count as f64) < self.mean() {
            return (1.0 - self.at_most(count - 1)).max(0.0);
        }
        let (mut term, mut sum) = (self.probability(count), 0.0);
        for higher in count..=most {
            sum += term;
            if higher == most || term <= sum * NEGLIGIBLE {
                break;
            }
            term *= self.rise(higher);
        }
        sum.min(1.0)
    }

    /// Returns the exact p-value of a count that is too small or too large: twice its own tail.
    pub(super) fn two_sided(self, count: u64) -> f64 {
        let tail = if (count as f64) < self.mean() { self.at_most(count) } else { self.at_least(count) };
        (2.0 * tail).min(1.0)
    }

    /// Draws a count, by walking outwards from the likeliest one: about as many steps as the standard
    /// deviation, without a table and for any size.
    pub(super) fn draw(self, random: &mut StdRng) -> u64 {
        let ((least, most), mode) = (self.support(), self.mode());
        let (mut below, mut above) = (mode, mode);
        let first = self.probability(mode);
        let (mut down, mut up) = (first, first);
        let mut rest: f64 = random.random::<f64>() - first;
        let mut last = mode;
        while rest > 0.0 && (below > least || above < most) {
            if above < most {
                up *= self.rise(above);
                above += 1;
                rest -= up;
                last = above;
            }
            if rest > 0.0 && below > least {
                below -= 1;
                down /= self.rise(below);
                rest -= down;
                last = below;
            }
            // Rounding may leave a rest that no count takes; what is this unlikely decides nothing.
            if up + down < 1e-300 {
                return mode;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn near(seen: f64, known: f64) -> bool {
        (seen - known).abs() <= 1e-8 * known
    }

    /// Values of scipy 1.17 (`binom.cdf`, `binom.sf`).
    #[test]
    fn tails_of_the_binomial_distribution_agree_with_scipy() {
        let binomial = |draws, share| Law::Binomial { draws, share };
        assert!(near(binomial(100, 0.05).at_most(0), 0.005_920_529_220_334));
        assert!(near(binomial(1_000, 0.01).at_least(30), 2.059_988_850_972e-7));
        assert!(near(binomial(30_000, 0.01).at_most(180), 3.774_523_840_503e-14));
        assert!(near(binomial(30_000, 1.0 / 12_800.0).at_least(15), 3.028_834_647_746e-8));
        assert!(near(binomial(20, 0.3).at_most(6), 0.608_009_812_200_9));
        let large = binomial(10_000_000, 0.5).at_least(5_001_000);
        assert!((large - 0.263_647_928_103_4).abs() < 1e-6, "{large}");
    }

    /// Values of scipy 1.17 (`hypergeom.cdf`, `hypergeom.sf`).
    #[test]
    fn tails_of_the_hypergeometric_distribution_agree_with_scipy() {
        let dealt = |draws, marked, balls| Law::Hypergeometric { draws, marked, balls };
        assert!(near(dealt(10, 5, 50).at_least(4), 0.004_083_520_549_756));
        assert!(near(dealt(500, 40, 2_000).at_least(30), 2.721_808_475_301e-11));
        assert!(near(dealt(5_000, 300, 20_000).at_most(30), 3.129_372_265_506e-11));
        assert!(near(dealt(60, 50, 100).at_most(20), 4.154_329_353_12e-5));
        assert!(near(dealt(60, 50, 100).at_least(41), 6.324_602_145_036e-6));
    }

    #[test]
    fn what_is_certain_is_no_surprise() {
        assert_eq!(Law::Binomial { draws: 9, share: 1.0 }.two_sided(9), 1.0);
        assert_eq!(Law::Binomial { draws: 9, share: 1.0 }.two_sided(8), 0.0);
        assert_eq!(Law::Hypergeometric { draws: 5, marked: 7, balls: 7 }.two_sided(5), 1.0);
        let mut random = StdRng::seed_from_u64(1);
        assert_eq!(Law::Hypergeometric { draws: 5, marked: 7, balls: 7 }.draw(&mut random), 5);
        assert_eq!(Law::Hypergeometric { draws: 0, marked: 0, balls: 0 }.draw(&mut random), 0);
        assert_eq!(Law::Binomial { draws: 9, share: 0.0 }.draw(&mut random), 0);
    }

    #[test]
    fn draws_have_the_mean_and_the_variance_of_their_law() {
        let mut random = StdRng::seed_from_u64(5);
        let law = Law::Hypergeometric { draws: 300, marked: 50, balls: 1_000 };
        let drawn: Vec<f64> = (0..20_000).map(|_| law.draw(&mut random) as f64).collect();
        let mean = drawn.iter().sum::<f64>() / 20_000.0;
        let variance = drawn.iter().map(|count| (count - mean).powi(2)).sum::<f64>() / 20_000.0;
        let known = 300.0 * 0.05 * 0.95 * 700.0 / 999.0;
        assert!((mean - 15.0).abs() < 0.1, "{mean}");
        assert!((variance / known - 1.0).abs() < 0.05, "{variance}, not {known}");
    }

    fn law() -> impl Strategy<Value = Law> {
        let dealt = (1_u64..300).prop_flat_map(|balls| (0..=balls, 0..=balls, Just(balls)));
        prop_oneof![
            (1_u64..2_000, 0.0..=1.0).prop_map(|(draws, share)| Law::Binomial { draws, share }),
            dealt.prop_map(|(draws, marked, balls)| Law::Hypergeometric { draws, marked, balls }),
        ]
    }

    proptest! {
        #[test]
        fn both_tails_together_are_everything(law in law(), part in 0.0..=1.0) {
            let (least, most) = law.support();
            let count = least + ((most - least) as f64 * part) as u64;
            let above = if count == most { 0.0 } else { law.at_least(count + 1) };
            prop_assert!((law.at_most(count) + above - 1.0).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&law.two_sided(count)));
        }

        #[test]
        fn a_draw_is_possible(law in law(), seed in 0_u64..1_000) {
            let (least, most) = law.support();
            let count = law.draw(&mut StdRng::seed_from_u64(seed));
            prop_assert!((least..=most).contains(&count) && law.probability(count) > 0.0);
        }

        /// P(p ≤ α) ≤ α, summed over all counts.
        #[test]
        fn a_two_sided_test_keeps_its_level(law in law(), alpha in 1e-6..0.3) {
            let (least, most) = law.support();
            let rejected = (least..=most).filter(|count| law.two_sided(*count) <= alpha);
            let size: f64 = rejected.map(|count| law.probability(count)).sum();
            prop_assert!(size <= alpha * (1.0 + 1e-6), "{size} for {alpha}");
        }
    }
}
