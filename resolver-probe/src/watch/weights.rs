//! Whether one server's answers keep to the weights, looked at for ever.
//!
//! ```text
//! epoch k: AnytimeTest at α / (k (k + 1)) ── no alarm within its answers ──► epoch k + 1
//!        │ alarm, and the effect matters
//!        ▼
//!      wrong ── a window of answers in which half a weight would show, and does not ──► epoch k + 1
//! ```
//!
//! A single test for ever would be right, and slow: what goes wrong after a week has a week of good answers
//! against it. So the test begins anew after a bounded number of answers, and the levels of all epochs together
//! are α. It knows nothing of which addresses should be there.

use std::net::Ipv4Addr;

use registrar_core::Timestamp;

use super::trail::spend;
use crate::statistics::{
    Alpha, AnytimeTest, Decision, Fit, Goal, Settings, StatisticsError, goodness_of_fit, plan_samples,
};

/// How surely half or double of a weight is found in one epoch, and in one window.
const POWER: f64 = 0.999;
/// The level at which a window still calls the weights wrong; closing is not an alarm.
const CLOSING: f64 = 1e-3;
/// An epoch is so many times what finds half of a weight in answers that begin with it.
const EPOCHS: u64 = 2;
/// Where an alarm is of no size that matters, it is looked at again after so much more of the answers.
const AGAIN: u64 = 8;

/// Watches one server's shares.
#[derive(Clone, Debug)]
pub(crate) struct WeightWatch {
    addresses: Vec<Ipv4Addr>,
    weights: Vec<u64>,
    alpha: Alpha,
    epoch: u64,
    test: AnytimeTest,
    /// Answers of this epoch or window, and of those the ones that the test has not seen yet.
    answers: u64,
    pending: Vec<u64>,
    limit: u64,
    look_again_at: u64,
    wrong: Option<Wrong>,
}

/// Weights that are wrong.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) since: Timestamp,
    /// The last comparison; indexes are places in `addresses`.
    pub(crate) fit: Fit,
    /// The p-value of the test that raised it, valid however often it is looked at.
    pub(crate) p_value: f64,
    window: Vec<u64>,
    window_answers: u64,
}

impl WeightWatch {
    /// Begins with weights above 0, two at least, in the order of their addresses.
    pub(crate) fn new(of: &[(Ipv4Addr, u64)], alpha: Alpha) -> Result<Self, StatisticsError> {
        let weights: Vec<u64> = of.iter().map(|(_, weight)| *weight).collect();
        let goal = Goal { alpha, power: POWER, ..Goal::default() };
        let limit = plan_samples(&weights, &goal)?.answers.saturating_mul(EPOCHS);
        Ok(Self {
            addresses: of.iter().map(|(address, _)| *address).collect(),
            pending: vec![0; weights.len()],
            test: AnytimeTest::new(&weights, level(alpha, 0))?,
            weights,
            alpha,
            epoch: 0,
            answers: 0,
            limit,
            look_again_at: 0,
            wrong: None,
        })
    }

    /// Returns the addresses that are compared.
    pub(crate) fn addresses(&self) -> &[Ipv4Addr] {
        &self.addresses
    }

    /// Says whether these are the weights that it watches.
    pub(crate) fn watches(&self, of: &[(Ipv4Addr, u64)]) -> bool {
        let mine = self.addresses.iter().copied().zip(self.weights.iter().copied());
        mine.eq(of.iter().copied())
    }

    /// Returns what is wrong.
    pub(crate) fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }

    /// Returns the p-value of the present epoch, and the answers in it.
    pub(crate) fn p_value(&self) -> (f64, u64) {
        (self.test.p_value(), self.answers)
    }

    /// Counts an answer; one with another address is none of its business.
    pub(crate) fn note(&mut self, address: Ipv4Addr) {
        if let Ok(place) = self.addresses.binary_search(&address) {
            self.pending[place] += 1;
            self.answers += 1;
            if let Some(wrong) = &mut self.wrong {
                wrong.window[place] += 1;
                wrong.window_answers += 1;
            }
        }
    }

    /// Looks at what was counted. Where `doubtful` is true, an address may just be vanishing, which is no matter
    /// of weights: alarms wait.
    pub(crate) fn look(&mut self, at: Timestamp, doubtful: bool) {
        if self.wrong.is_some() {
            self.look_at_window(at);
            return;
        }
        let pending = std::mem::replace(&mut self.pending, vec![0; self.weights.len()]);
        // Sums of 2^53 answers are centuries away; until then nothing is refused.
        let alarm = self.test.observe(&pending).unwrap_or(false);
        if alarm && !doubtful && self.answers >= self.look_again_at {
            self.look_again_at = self.answers + self.answers / AGAIN + 1;
            let counts = self.test.counts().to_vec();
            self.wrong = self
                .compare(&counts, self.alpha)
                .filter(|fit| fit.decision == Decision::Deviates)
                .map(|fit| Wrong {
                    since: at,
                    fit,
                    p_value: self.test.p_value(),
                    window: vec![0; self.weights.len()],
                    window_answers: 0,
                });
        }
        if self.answers >= self.limit && self.wrong.is_none() {
            self.next_epoch();
        }
    }

    /// Compares a full window; the finding goes on with its figures, or ends.
    fn look_at_window(&mut self, at: Timestamp) {
        let Some(wrong) = &self.wrong else { return };
        if wrong.window_answers < self.limit / EPOCHS {
            return;
        }
        let counts = wrong.window.clone();
        let closing = Alpha::new(CLOSING).unwrap_or(self.alpha);
        match self.compare(&counts, closing).filter(|fit| fit.decision == Decision::Deviates) {
            None => self.next_epoch(),
            Some(fit) => {
                let since = self.wrong.take().map_or(at, |wrong| wrong.since);
                let p_value = self.test.p_value();
                let window = vec![0; self.weights.len()];
                self.wrong = Some(Wrong { since, fit, p_value, window, window_answers: 0 });
            }
        }
    }

    fn compare(&self, counts: &[u64], alpha: Alpha) -> Option<Fit> {
        // The seed is a constant: the same answers get the same verdict.
        let settings = Settings { alpha, ..Settings::new(self.epoch) };
        goodness_of_fit(&self.weights, counts, &settings).ok()
    }

    fn next_epoch(&mut self) {
        self.epoch += 1;
        self.answers = 0;
        self.look_again_at = 0;
        self.wrong = None;
        self.pending = vec![0; self.weights.len()];
        if let Ok(test) = AnytimeTest::new(&self.weights, level(self.alpha, self.epoch)) {
            self.test = test;
        }
    }
}

/// The level of one epoch.
fn level(alpha: Alpha, epoch: u64) -> Alpha {
    Alpha::new(spend(alpha.get(), epoch)).unwrap_or(alpha)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::fixtures::{STARTED_AT, address};

    const SHARES: [f64; 4] = [0.1, 0.2, 0.3, 0.4];

    fn weights(weights: [u64; 4]) -> Vec<(Ipv4Addr, u64)> {
        (1..).map(address).zip(weights).collect()
    }

    fn watched() -> WeightWatch {
        WeightWatch::new(&weights([10, 20, 30, 40]), Alpha::default()).unwrap()
    }

    /// Answers so often with these shares, looks after every tenth answer, and returns when it was wrong first.
    fn answer(watch: &mut WeightWatch, shares: [f64; 4], answers: u64, random: &mut StdRng) -> Option<u64> {
        let sum: f64 = shares.iter().sum();
        let mut first = None;
        for n in 1..=answers {
            let mut point = random.random::<f64>() * sum;
            let place = shares.iter().position(|share| {
                point -= share;
                point < 0.0
            });
            watch.note(address(1 + place.unwrap_or(3) as u8));
            if n % 10 == 0 {
                watch.look(STARTED_AT, false);
                first = first.or(watch.wrong().map(|_| n));
            }
        }
        first
    }

    #[test]
    fn right_weights_are_never_wrong_over_many_epochs() {
        let (mut watch, mut random) = (watched(), StdRng::seed_from_u64(1));
        assert_eq!(answer(&mut watch, SHARES, 200_000, &mut random), None);
        assert!(watch.epoch >= 10, "{}", watch.epoch);
    }

    #[test]
    fn a_weight_that_is_halved_late_is_found_within_two_epochs_and_closed_when_it_is_right_again() {
        let (mut watch, mut random) = (watched(), StdRng::seed_from_u64(2));
        assert_eq!(answer(&mut watch, SHARES, 150_000, &mut random), None);
        let limit = watch.limit;
        let found = answer(&mut watch, [0.1, 0.2, 0.3, 0.2], 2 * limit, &mut random);
        assert!(found.is_some_and(|answers| answers <= 2 * limit), "{found:?} of {limit}");
        let wrong = watch.wrong().unwrap();
        assert_eq!(wrong.fit.effect.worst.index, 3);
        answer(&mut watch, SHARES, limit, &mut random);
        assert!(watch.wrong().is_none());
    }

    #[test]
    fn a_deviation_of_no_size_is_none() {
        let (mut watch, mut random) = (watched(), StdRng::seed_from_u64(3));
        assert_eq!(answer(&mut watch, [0.101, 0.2, 0.3, 0.399], 60_000, &mut random), None);
    }

    #[test]
    fn other_weights_are_told_apart() {
        let watch = watched();
        assert!(watch.watches(&weights([10, 20, 30, 40])) && !watch.watches(&weights([10, 20, 30, 40])[1..]));
        assert!(!watch.watches(&weights([10, 20, 40, 30])));
    }
}
