//! Goodness of fit that may be looked at after every answer, for as long as one likes.
//!
//! A test that is repeated finds something in the end even where nothing is wrong. This one is a bet: its
//! gain, the Bayes factor, is a martingale while the weights are right, and exceeds 1/α *ever* with
//! probability α at most (Ville's inequality; M. Lindon and A. Malek, "Anytime-valid inference for multinomial
//! count data", NeurIPS 2022). Half of the stake is on all shares being others (Dirichlet-multinomial, of
//! several concentrations), and half on one single weight being gone or off by some factor, which
//! is what goes wrong in practice and is found with a fraction of the answers.
//!
//! The state is one count for each address, however long it runs. After a change of weights it starts
//! again, and so does α: it is the probability of a false alarm between two changes.

use serde::{Deserialize, Serialize};

use super::cells::Cells;
use super::urn::Urn;
use super::{Alpha, StatisticsError};

/// How many answers each address's prior share weighs in the bets on all shares.
const CONCENTRATIONS: [f64; 4] = [1.0, 16.0, 256.0, 4096.0];
/// By what a single weight is multiplied in the bets on one of them.
const FACTORS: [f64; 6] = [0.0, 0.5, 0.75, 1.5, 2.0, 4.0];

/// A running test of one server against weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct AnytimeTest {
    state: State,
    cells: Cells,
}

/// What is kept of a test between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    weights: Vec<u64>,
    counts: Vec<u64>,
    alpha: Alpha,
    /// The largest logarithm of the Bayes factor so far.
    peak: f64,
}

impl AnytimeTest {
    /// Starts a test: no answer was seen yet.
    ///
    /// # Errors
    ///
    /// No weight is above 0.
    pub fn new(weights: &[u64], alpha: Alpha) -> Result<Self, StatisticsError> {
        let state = State { weights: weights.to_vec(), counts: vec![0; weights.len()], alpha, peak: 0.0 };
        Ok(Self { cells: Cells::new(weights)?, state })
    }

    /// Adds answers, counted by address in the order of the weights, and says whether there is an alarm now.
    ///
    /// Answers with an address of weight 0 are left out: one of them is proof enough, and no matter of shares.
    ///
    /// # Errors
    ///
    /// There are not as many counts as weights, or the sums are too large; nothing is added then.
    pub fn observe(&mut self, counts: &[u64]) -> Result<bool, StatisticsError> {
        self.cells.count(counts)?;
        let sums = self.state.counts.iter().zip(counts).map(|(sum, count)| sum.saturating_add(*count));
        let sums: Vec<u64> = sums.collect();
        self.cells.count(&sums)?;
        self.state.counts = sums;
        self.state.peak = self.state.peak.max(self.log_bayes_factor());
        Ok(self.is_alarm())
    }

    /// Returns the natural logarithm of the Bayes factor against the weights, for all answers so far.
    #[must_use]
    pub fn log_bayes_factor(&self) -> f64 {
        ln_sum(self.bets().map(|(_, gain)| gain))
    }

    /// Says whether the Bayes factor has exceeded 1/α at any time since the start.
    #[must_use]
    pub fn is_alarm(&self) -> bool {
        self.state.peak > -self.state.alpha.get().ln()
    }

    /// Returns a p-value that holds however often it is looked at: 1 over the largest Bayes factor.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        (-self.state.peak).exp().min(1.0)
    }

    /// Returns the index of the address whose weight is most likely the one that is wrong, if the bet on it
    /// gained more than that on all shares being others.
    #[must_use]
    pub fn suspect(&self) -> Option<usize> {
        self.bets().max_by(|left, right| left.1.total_cmp(&right.1)).and_then(|(index, _)| index)
    }

    /// Returns the counts so far, in the order of the weights.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.state.counts
    }

    /// Starts again with other weights.
    ///
    /// # Errors
    ///
    /// No weight is above 0; the test stays as it is then.
    pub fn reset(&mut self, weights: &[u64]) -> Result<(), StatisticsError> {
        *self = Self::new(weights, self.state.alpha)?;
        Ok(())
    }

    /// Returns what each bet is on (one address, or all) and the logarithm of its stake times its gain.
    fn bets(&self) -> impl Iterator<Item = (Option<usize>, f64)> {
        let counted = self.cells.sort(&self.state.counts);
        let shares = &self.cells.shares;
        let (counts, answers) = (counted.counts, counted.total);
        let null = Urn::Multinomial(shares.clone()).ln_likelihood(&counts, answers);
        let stake = -(2.0 * CONCENTRATIONS.len() as f64).ln();
        let on_all: Vec<_> = CONCENTRATIONS
            .iter()
            .map(|answers_each| {
                let concentration = answers_each * shares.len() as f64;
                let urn = Urn::Polya { shares: shares.clone(), concentration };
                (None, stake + urn.ln_likelihood(&counts, answers) - null)
            })
            .collect();
        let stake = -(2.0 * (FACTORS.len() * shares.len()) as f64).ln();
        // The weight of a single address does not matter, whatever it is.
        let several = if shares.len() > 1 { counts } else { Vec::new() };
        let on_one = several.into_iter().enumerate().flat_map(move |(cell, count)| {
            FACTORS.map(|factor| {
                let of_address = if count == 0 { 0.0 } else { count as f64 * f64::ln(factor) };
                let of_sum = answers as f64 * ((factor - 1.0) * shares[cell]).ln_1p();
                (Some(self.cells.index(cell)), stake + of_address - of_sum)
            })
        });
        on_all.into_iter().chain(on_one)
    }
}

/// Adds numbers that are given by their logarithms.
fn ln_sum(logarithms: impl Iterator<Item = f64>) -> f64 {
    let logarithms: Vec<f64> = logarithms.collect();
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logarithms.iter().map(|logarithm| (logarithm - largest).exp()).sum::<f64>().ln() + largest
}

impl From<AnytimeTest> for State {
    fn from(test: AnytimeTest) -> Self {
        test.state
    }
}

impl TryFrom<State> for AnytimeTest {
    type Error = StatisticsError;

    fn try_from(state: State) -> Result<Self, StatisticsError> {
        let cells = Cells::new(&state.weights)?;
        cells.count(&state.counts)?;
        if !state.peak.is_finite() || state.peak < 0.0 {
            return Err(StatisticsError::OutOfRange {
                what: "peak",
                value: state.peak,
                range: "at 0 or above",
            });
        }
        Ok(Self { state, cells })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn test(weights: &[u64]) -> AnytimeTest {
        AnytimeTest::new(weights, Alpha::default()).unwrap()
    }

    /// Computed with numpy and scipy 1.17 (`gammaln`, `logsumexp`) from the formulas above.
    #[test]
    fn bayes_factors_agree_with_scipy() {
        let known: [(&[u64], &[u64], f64); 3] = [
            (&[10, 20, 30, 40], &[9, 22, 31, 38], -1.049_048_226_959),
            (&[10, 20, 30, 40], &[30, 30, 30, 30], 7.501_523_779_339),
            (&[1, 1, 2], &[0, 10, 14], 3.589_370_206_344),
        ];
        for (weights, counts, known) in known {
            let mut test = test(weights);
            test.observe(counts).unwrap();
            assert!((test.log_bayes_factor() - known).abs() < 1e-9, "{}", test.log_bayes_factor());
        }
    }

    #[test]
    fn before_the_first_answer_nothing_is_known() {
        assert!(test(&[10, 20, 30, 40]).log_bayes_factor().abs() < 1e-12);
        assert_eq!(test(&[1, 2]).p_value(), 1.0);
    }

    #[test]
    fn a_missing_address_is_an_alarm_and_named() {
        let mut test = test(&[0, 10, 20, 70]);
        let looks = (1..400).find(|_| test.observe(&[0, 0, 2, 7]).unwrap());
        assert!(looks.is_some_and(|looks| looks * 9 < 250), "{looks:?}");
        assert_eq!(test.suspect(), Some(1));
    }

    #[test]
    fn an_alarm_stays_until_the_weights_change() {
        let mut test = test(&[1, 1]);
        assert!(test.observe(&[40, 0]).unwrap());
        assert!(test.observe(&[0, 40]).unwrap(), "{}", test.log_bayes_factor());
        assert!(test.log_bayes_factor() < 0.0 && test.p_value() < 1e-6);
        test.reset(&[1, 1, 1]).unwrap();
        assert_eq!((test.is_alarm(), test.counts()), (false, [0, 0, 0].as_slice()));
    }

    #[test]
    fn answers_of_weight_zero_and_a_single_address_move_nothing() {
        let mut test = test(&[0, 5]);
        assert!(!test.observe(&[3, 5_000]).unwrap());
        assert!(test.log_bayes_factor() <= 0.0);
        assert_eq!(test.suspect(), None);
    }

    #[test]
    fn what_is_refused_is_not_added() {
        let mut test = test(&[1, 2]);
        assert!(test.observe(&[1]).is_err());
        test.observe(&[1, 1]).unwrap();
        assert!(test.observe(&[1 << 53, 0]).is_err());
        assert_eq!(test.counts(), [1, 1]);
    }

    #[test]
    fn a_damaged_state_is_refused() {
        let read = |json: &str| serde_json::from_str::<AnytimeTest>(json);
        assert!(read(r#"{"weights":[1,2],"counts":[3,4],"alpha":1e-6,"peak":0.5}"#).is_ok());
        for json in [
            r#"{"weights":[1,2],"counts":[3],"alpha":1e-6,"peak":0.5}"#,
            r#"{"weights":[0,0],"counts":[3,4],"alpha":1e-6,"peak":0.5}"#,
            r#"{"weights":[1,2],"counts":[3,4],"alpha":2.0,"peak":0.5}"#,
            r#"{"weights":[1,2],"counts":[3,4],"alpha":1e-6,"peak":-1.0}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }

    proptest! {
        /// The martingale property: the mean of the next Bayes factors is the present one.
        #[test]
        fn the_next_answer_is_a_fair_bet(cells in prop::collection::vec((1_u64..=255, 0_u64..50), 2..8)) {
            let (weights, counts): (Vec<u64>, Vec<u64>) = cells.into_iter().unzip();
            let mut now = test(&weights);
            now.observe(&counts).unwrap();
            let sum: u64 = weights.iter().sum();
            let mean: f64 = (0..weights.len())
                .map(|cell| {
                    let mut next = now.clone();
                    let mut answer = vec![0; weights.len()];
                    answer[cell] = 1;
                    next.observe(&answer).unwrap();
                    let change = next.log_bayes_factor() - now.log_bayes_factor();
                    weights[cell] as f64 / sum as f64 * change.exp()
                })
                .sum();
            prop_assert!((mean - 1.0).abs() < 1e-6, "{}", mean);
        }

        #[test]
        fn a_state_survives_a_restart(counts in prop::collection::vec(0_u64..50, 4)) {
            let mut before = test(&[3, 1, 0, 9]);
            before.observe(&counts).unwrap();
            let text = serde_json::to_string(&before).unwrap();
            let after: AnytimeTest = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(before.counts(), after.counts());
            prop_assert!((before.p_value() - after.p_value()).abs() <= 1e-12);
        }
    }
}
