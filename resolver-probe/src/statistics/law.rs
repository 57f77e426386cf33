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
