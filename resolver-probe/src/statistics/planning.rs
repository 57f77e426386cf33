//! How many answers it takes to see every address, and to see a share that is wrong by a factor of 2.
//!
//! The second number is that of the exact test of single addresses in
//! [`goodness_of_fit`](super::goodness_of_fit()) at its own level; Pearson's χ² may find a deviation
//! earlier, so that the power is at least what was asked for.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::cells::Cells;
use super::law::Law;
use super::{Alpha, StatisticsError};

/// No plan asks for more.
const MOST_ANSWERS: u64 = 1 << 40;

/// What has to be found, and how surely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// Probability of a false alarm of the whole run.
    pub alpha: Alpha,
    /// Probability that what is wrong is found, above 0 and below 1.
    pub power: f64,
    /// The smallest share that is found where its weight is half or double of what it should be, 0 to 1.
    /// Where all shares are smaller, the largest of them is.
    pub smallest_share: f64,
    /// How many servers are tested, each by itself.
    pub servers: usize,
}

impl Default for Goal {
    /// What is found is found in all but one of 10,000 runs.
    fn default() -> Self {
        Self { alpha: Alpha::default(), power: 0.9999, smallest_share: 0.01, servers: 1 }
    }
}

/// What a number of answers is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// That every address is seen.
    Presence,
    /// That a share which is wrong by a factor of 2 is found.
    Proportions,
}

/// How many answers of each server are needed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[must_use]
pub struct SamplePlan {
    /// For every address to be seen at least once.
    pub presence: u64,
    /// For a share that is wrong by a factor of 2 to be found.
    pub proportions: u64,
    /// The smallest share among all, which [`SamplePlan::presence`] is for.
    pub smallest_share: f64,
    /// The smallest share for which a wrong weight is found.
    pub smallest_proportion: f64,
    /// The larger number.
    pub answers: u64,
    /// What it is needed for.
    pub dominated_by: Requirement,
}

impl SamplePlan {
    /// Returns how many seconds it takes at so many answers a second of each server.
    #[must_use]
    pub fn seconds_at(&self, answers_per_sec: f64) -> f64 {
        self.answers as f64 / answers_per_sec
    }
}

/// Plans how many answers of each server are needed for these weights.
///
/// # Errors
///
/// No weight is above 0, or the power is not between 0 and 1.
pub fn plan_samples(weights: &[u64], goal: &Goal) -> Result<SamplePlan, StatisticsError> {
    if !(goal.power > 0.0 && goal.power < 1.0) {
        let range = "above 0 and below 1";
        return Err(StatisticsError::OutOfRange { what: "power", value: goal.power, range });
    }
    let cells = Cells::new(weights)?;
    let all = || cells.shares.iter().copied();
    let smallest_share = all().fold(1.0, f64::min);
    let largest = all().fold(0.0, f64::max);
    let smallest_proportion =
        all().filter(|share| *share >= goal.smallest_share).reduce(f64::min).unwrap_or(largest);
    let presence = presence(smallest_share, (1.0 - goal.power) / cells.len() as f64);
    // Half of the level is the χ² test's, and half of what is left is for counts on the other side.
    let level = goal.alpha.split(goal.servers).split(cells.len()).get() / 4.0;
    let proportions = if cells.len() == 1 { 1 } else { proportions(smallest_proportion, level, goal.power) };
    let dominated_by = if presence >= proportions { Requirement::Presence } else { Requirement::Proportions };
    let answers = presence.max(proportions);
    Ok(SamplePlan { presence, proportions, smallest_share, smallest_proportion, answers, dominated_by })
}

/// Returns how many answers leave an address with this share unseen with this probability at most.
fn presence(share: f64, miss: f64) -> u64 {
    if share >= 1.0 {
        return 1;
    }
    ((miss.ln() / (-share).ln_1p()).ceil() as u64).clamp(1, MOST_ANSWERS)
}

/// Returns how many answers show a weight that is half, or double, of what it should be.
fn proportions(share: f64, level: f64, power: f64) -> u64 {
    // The other weights stay, so that a wrong weight changes the sum of all, too.
    let (halved, doubled) = (share / (2.0 - share), 2.0 * share / (1.0 + share));
    let enough = |answers: u64| {
        finds_too_few(share, halved, answers, level) >= power
            && finds_too_many(share, doubled, answers, level) >= power
    };
    let guess = [halved, doubled].map(|wrong| normal_guess(share, wrong, level, power));
    let mut high = (guess[0].max(guess[1]) as u64).clamp(2, MOST_ANSWERS);
    while !enough(high) && high < MOST_ANSWERS {
        high = high.saturating_add(high / 8 + 1);
    }
    let mut low = high / 2;
    while low > 1 && enough(low) {
        (low, high) = (low / 2, low);
    }
    while high - low > 1 + high / 2_000 {
        let middle = low.midpoint(high);
        if enough(middle) { high = middle } else { low = middle }
    }
    high
}

/// Returns the number that the normal approximation asks for, which is where the search begins.
fn normal_guess(share: f64, wrong: f64, level: f64, power: f64) -> f64 {
    let deviation = |share: f64| (share * (1.0 - share)).sqrt();
    let quantile = |tail: f64| -Normal::standard().inverse_cdf(tail);
    let width = quantile(level) * deviation(share) + quantile(1.0 - power) * deviation(wrong);
    (width / (share - wrong)).powi(2)
}

/// Returns the probability that a share of `wrong` is found to be less than `share`.
fn finds_too_few(share: f64, wrong: f64, answers: u64, level: f64) -> f64 {
    let right = Law::Binomial { draws: answers, share };
    // The largest count that is too small for the right share.
    let (mut below, mut above) = (0, right.mean() as u64 + 1);
    if right.at_most(0) > level {
        return 0.0;
    }
    while above - below > 1 {
        let middle = below.midpoint(above);
        if right.at_most(middle) <= level { below = middle } else { above = middle }
    }
    Law::Binomial { draws: answers, share: wrong }.at_most(below)
}

/// Returns the probability that a share of `wrong` is found to be more than `share`.
fn finds_too_many(share: f64, wrong: f64, answers: u64, level: f64) -> f64 {
    let right = Law::Binomial { draws: answers, share };
    if right.at_least(answers) > level {
        return 0.0;
    }
    let (mut below, mut above) = (right.mean() as u64, answers);
    while above - below > 1 {
        let middle = below.midpoint(above);
        if right.at_least(middle) <= level { above = middle } else { below = middle }
    }
    Law::Binomial { draws: answers, share: wrong }.at_least(above)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn planned(weights: &[u64], goal: Goal) -> SamplePlan {
        plan_samples(weights, &goal).unwrap()
    }

    #[test]
    fn every_one_of_equal_addresses_is_seen_with_99_9_percent() {
        let goal = Goal { power: 0.999, ..Goal::default() };
        for (addresses, answers) in [(4, 29), (10, 88), (100, 1_146)] {
            assert_eq!(planned(&vec![1; addresses], goal).presence, answers);
        }
    }

    /// Found by trying every number of answers in Python (scipy 1.17, `binom`): the first that is
    /// enough, and the last that is not, since whole counts make the power a sawtooth.
    #[test]
    fn numbers_for_a_wrong_weight_agree_with_an_exhaustive_search() {
        let known = [
            (0.05, 100.0, 1e-6, 0.9999, 5_593, 5_640),
            (0.25, 4.0, 1e-6, 0.9999, 1_110, 1_118),
            (0.4, 4.0, 1e-3, 0.99, 371, 375),
            (0.01, 100.0, 1e-6, 0.9999, 27_423, 27_785),
        ];
        for (share, cells, alpha, power, first, last) in known {
            let seen = proportions(share, alpha / (4.0 * cells), power);
            assert!((first..=last + last / 1_000 + 1).contains(&seen), "{share}: {seen}");
        }
    }

    #[test]
    fn a_plan_says_what_it_is_for_and_how_long_it_takes() {
        let few = planned(&[10, 20, 30, 40], Goal::default());
        assert_eq!((few.dominated_by, few.smallest_proportion), (Requirement::Proportions, 0.1));
        assert!((few.seconds_at(1_000.0) - few.answers as f64 / 1_000.0).abs() < 1e-12);
        let rare = planned(&[1, 9_999, 10_000], Goal::default());
        assert_eq!((rare.dominated_by, rare.answers), (Requirement::Presence, rare.presence));
        assert!(rare.smallest_proportion > 0.4 && rare.smallest_share < 0.001);
    }

    #[test]
    fn where_all_shares_are_small_the_largest_one_is_planned_for() {
        let plan = planned(&vec![1; 1_000], Goal::default());
        assert!((plan.smallest_proportion - 0.001).abs() < 1e-12);
    }

    #[test]
    fn a_single_address_needs_a_single_answer() {
        assert_eq!(planned(&[0, 5], Goal::default()).answers, 1);
    }

    #[test]
    fn a_power_of_one_is_refused() {
        let refused = plan_samples(&[1, 2], &Goal { power: 1.0, ..Goal::default() });
        assert!(matches!(refused, Err(StatisticsError::OutOfRange { what: "power", .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn surer_takes_more(weights in prop::collection::vec(1_u64..=255, 2..30), servers in 1_usize..8) {
            let goal = Goal { servers, ..Goal::default() };
            let lax = Goal { power: 0.9, alpha: Alpha::new(1e-3).unwrap(), ..goal };
            let (sure, lax) = (planned(&weights, goal), planned(&weights, lax));
            prop_assert!(sure.presence >= lax.presence && sure.proportions > lax.proportions);
            prop_assert_eq!(sure.answers, sure.presence.max(sure.proportions));
        }
    }
}
