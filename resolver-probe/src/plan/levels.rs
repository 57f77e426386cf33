//! How the probability of a false alarm is divided among all tests of a check.
//!
//! Four kinds of claim each have a quarter: shares that are not those of the weights, servers that differ,
//! orders that are not random, and addresses that are missing. A sum of probabilities bounds the
//! probability of any of them, however the tests depend on each other.

use crate::statistics::Alpha;

const KINDS: usize = 4;
/// Servers differ in their shares, or in an address that one never answers; each has half of the quarter.
const WAYS_TO_DIFFER: usize = 2;
/// How often sampling looks whether a difference is proven: each time with twice the samples, from 26 to a million.
const LOOKS: usize = 16;

/// The probability of a false alarm that each test may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Levels {
    alpha: Alpha,
    servers: usize,
}

impl Levels {
    pub(crate) fn new(alpha: Alpha, servers: usize) -> Self {
        Self { alpha, servers: servers.max(1) }
    }

    /// Shares that are not those of the weights, at all servers together.
    pub(crate) fn fit(self) -> Alpha {
        self.alpha.split(KINDS)
    }

    /// Servers whose shares differ from each other, all together.
    pub(crate) fn homogeneity(self) -> Alpha {
        self.alpha.split(KINDS * WAYS_TO_DIFFER)
    }

    /// One server that never answers one of so many addresses, which others answer.
    pub(crate) fn divergence(self, addresses: usize) -> f64 {
        self.homogeneity().split(self.servers * LOOKS).split(addresses).get()
    }

    /// The order of one server's answers.
    pub(crate) fn independence(self) -> Alpha {
        self.alpha.split(KINDS * self.servers)
    }

    /// One of so many addresses that one server should answer, and does not. To go on until an
    /// address is seen, or its absence is proven, adds nothing: it has to stay unseen all the way.
    pub(crate) fn missing(self, addresses: usize) -> f64 {
        self.alpha.split(KINDS * self.servers).split(addresses).get()
    }

    pub(crate) fn servers(self) -> usize {
        self.servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tests_together_have_the_level_of_the_check() {
        let (servers, addresses) = (4, 10);
        let levels = Levels::new(Alpha::new(0.01).unwrap(), servers);
        let comparisons = (servers * addresses) as f64;
        let all = levels.fit().get()
            + levels.homogeneity().get()
            + LOOKS as f64 * comparisons * levels.divergence(addresses)
            + servers as f64 * levels.independence().get()
            + comparisons * levels.missing(addresses);
        assert!((all - 0.01).abs() < 1e-12, "{all}");
    }
}
