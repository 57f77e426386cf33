//! Whether answers are independent draws, or depend on the answers before them.
//!
//! A server that hands its records out in turn has perfect shares and is not random; one that repeats
//! itself makes any deviation look surer than it is. Both are seen in the order of the answers alone: given
//! how often each address came, all orders are equally likely if the answers are independent. No share
//! has to be known, and none is tested.
//!
//! Reading the answers in their order, the chance that the next one equals the one *l* before it is known
//! exactly: it is that address's part of the answers still to come. One bets on and against it, at several
//! lags and with several odds, and also that the next answer follows the last one as it did so far. If
//! the answers are independent, no such bettor multiplies his stake by 1/α with a probability above α
//! (Markov's inequality), so that the p-value is 1 over the mean gain: exact for any number of addresses
//! and answers. Tables of transitions would need at least 5 answers in each of 100 × 100 cells.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Alpha, StatisticsError};

/// Lags at which repeats are counted, besides the number of different answers.
const LAGS: usize = 6;
/// Odds against which repeats are bet on (above 1) and against (below 1).
const ODDS: [f64; 6] = [0.02, 0.25, 0.7, 1.5, 5.0, 100.0];
/// How many answers the expectation of what follows an address weighs, beside the transitions seen.
const PRIOR: f64 = 3.0;

/// How answers depend on those before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Pattern {
    /// Answers repeat the last one too often: a cache, or a server that sticks to an answer.
    Sticky,
    /// Answers avoid the last ones: they are handed out in turn.
    Avoiding {
        /// How many answers back repeats are too rare.
        lag: usize,
    },
    /// Answers come again after so many others: handed out in turn, with this period or a multiple.
    Periodic {
        /// How many answers later they come again.
        lag: usize,
    },
    /// What follows depends on the last answer in some other way.
    Serial,
}

/// The order of answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[must_use]
pub struct Independence {
    /// Answers in the sequence.
    pub answers: usize,
    /// Answers that equal the one before.
    pub repeats: u64,
    /// How many of them there are on average if the order is random.
    pub expected_repeats: f64,
    /// The probability, at most, of an order as remarkable as this one if it is random.
    pub p_value: f64,
    /// How the order is not random, where that is sure.
    pub pattern: Option<Pattern>,
}

/// Looks for dependence in the order of the answers of one server; each is an index of an address.
///
/// Answers have to be in the order in which the server gave them, and of a time in which neither weights
/// nor addresses changed: a change is a dependence, too.
///
/// # Errors
///
/// There is no answer.
pub fn independence(answers: &[usize], alpha: Alpha) -> Result<Independence, StatisticsError> {
    let (sequence, counts) = numbered(answers);
    if sequence.is_empty() {
        return Err(StatisticsError::NoAnswers);
    }
    let bets = bets(&sequence, &counts);
    let best = bets.iter().fold((f64::NEG_INFINITY, Pattern::Serial), |best, bet| {
        if bet.0 + bet.1 > best.0 { (bet.0 + bet.1, bet.2) } else { best }
    });
    let gain: f64 =
        bets.iter().map(|(stake, gain, _)| (stake + gain - best.0).exp()).sum::<f64>().ln() + best.0;
    let p_value = (-gain).exp().min(1.0);
    let all = sequence.len() as f64;
    Ok(Independence {
        answers: sequence.len(),
        repeats: sequence.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64,
        expected_repeats: counts.iter().map(|count| *count as f64 * (*count as f64 - 1.0)).sum::<f64>() / all,
        p_value,
        pattern: (p_value < alpha.get()).then_some(best.1),
    })
}

/// Numbers the different answers from 0, and counts them.
fn numbered(answers: &[usize]) -> (Vec<usize>, Vec<u64>) {
    let mut numbers = BTreeMap::new();
    let mut counts = Vec::new();
    let number = |answer: &usize| {
        let next = numbers.len();
        let number = *numbers.entry(*answer).or_insert(next);
        if number == counts.len() {
            counts.push(0);
        }
        counts[number] += 1;
        number
    };
    (answers.iter().map(number).collect(), counts)
}

/// Places all bets; returns the logarithm of each one's stake and gain, and what it bets on.
fn bets(sequence: &[usize], counts: &[u64]) -> Vec<(f64, f64, Pattern)> {
    let mut lags: Vec<usize> = (1..=LAGS).collect();
    if counts.len() > LAGS {
        lags.push(counts.len());
    }
    // Half of the stake is on lags, and half of that on the first, where most of what is wrong shows.
    let stake = |lag: usize| if lag == 1 { 0.25 } else { 0.25 / (lags.len() - 1) as f64 };
    let mut bets = vec![(0.5_f64.ln(), gain_of_transitions(sequence, counts), Pattern::Serial)];
    for lag in &lags {
        for (odds, gain) in ODDS.iter().zip(gains_of_repeats(sequence, counts, *lag)) {
            let pattern = match (*odds > 1.0, *lag) {
                (true, 1) => Pattern::Sticky,
                (true, lag) => Pattern::Periodic { lag },
                (false, lag) => Pattern::Avoiding { lag },
            };
            bets.push(((stake(*lag) / ODDS.len() as f64).ln(), gain, pattern));
        }
    }
    bets
}

/// Bets at each of the odds that answers equal, or do not equal, those so many before them.
fn gains_of_repeats(sequence: &[usize], counts: &[u64], lag: usize) -> [f64; ODDS.len()] {
    let mut gains = [0.0; ODDS.len()];
    let mut left: Vec<u64> = counts.to_vec();
    for (place, answer) in sequence.iter().enumerate() {
        let before = place.checked_sub(lag).and_then(|before| sequence.get(before));
        let to_come = (sequence.len() - place) as f64;
        let chance = before.map_or(0.0, |before| left[*before] as f64 / to_come);
        if chance > 0.0 && chance < 1.0 {
            for (gain, odds) in gains.iter_mut().zip(ODDS) {
                let paid = if before == Some(answer) { odds } else { 1.0 };
                *gain += (paid / (1.0 - chance + odds * chance)).ln();
            }
        }
        left[*answer] -= 1;
    }
    gains
}

/// Bets that each answer follows the one before as it did so far.
fn gain_of_transitions(sequence: &[usize], counts: &[u64]) -> f64 {
    let mut gain = 0.0;
    let mut left: Vec<u64> = counts.to_vec();
    let mut seen: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    let mut starts: Vec<u64> = vec![0; counts.len()];
    let mut last: Option<usize> = None;
    for (place, answer) in sequence.iter().enumerate() {
        if let Some(last) = last {
            let chance = left[*answer] as f64 / (sequence.len() - place) as f64;
            let followed = seen.entry((last, *answer)).or_insert(0);
            let expected = *followed as f64 + PRIOR * chance;
            gain += (expected / (starts[last] as f64 + PRIOR) / chance).ln();
            *followed += 1;
            starts[last] += 1;
        }
        left[*answer] -= 1;
        last = Some(*answer);
    }
    gain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn judge(answers: &[usize]) -> Independence {
        independence(answers, Alpha::default()).unwrap()
    }

    fn draws(addresses: usize, answers: usize, seed: u64) -> Vec<usize> {
        let mut random = StdRng::seed_from_u64(seed);
        (0..answers).map(|_| random.random_range(0..addresses)).collect()
    }

    #[test]
    fn independent_draws_show_no_pattern() {
        for (addresses, seed) in [(1, 1), (2, 2), (4, 3), (100, 4), (1_000, 5)] {
            let seen = judge(&draws(addresses, 3_000, seed));
            assert_eq!(seen.pattern, None, "{seen:?}");
            assert!(seen.p_value > 0.01, "{seen:?}");
            let deviation = (seen.repeats as f64 - seen.expected_repeats).abs();
            assert!(deviation <= 4.0 * seen.expected_repeats.sqrt(), "{seen:?}");
        }
    }

    #[test]
    fn records_handed_out_in_turn_are_periodic() {
        for (addresses, answers) in [(3, 60), (4, 60), (10, 60), (100, 300)] {
            let turns: Vec<usize> = (0..answers).map(|turn| turn % addresses).collect();
            assert_eq!(judge(&turns).pattern, Some(Pattern::Periodic { lag: addresses }), "{addresses}");
        }
    }

    #[test]
    fn a_shuffled_deck_that_is_dealt_again_and_again_avoids_repeats() {
        let mut random = StdRng::seed_from_u64(9);
        let mut deck: Vec<usize> = (0..8).collect();
        let mut answers = Vec::new();
        for _ in 0..120 {
            for place in (1..deck.len()).rev() {
                deck.swap(place, random.random_range(0..=place));
            }
            answers.extend(&deck);
        }
        assert!(matches!(judge(&answers).pattern, Some(Pattern::Avoiding { .. })), "{:?}", judge(&answers));
    }

    #[test]
    fn answers_that_stick_are_sticky() {
        let mut random = StdRng::seed_from_u64(2);
        let mut answers = draws(100, 2_000, 2);
        for place in 1..answers.len() {
            if random.random::<f64>() < 0.1 {
                answers[place] = answers[place - 1];
            }
        }
        let seen = judge(&answers);
        assert_eq!(seen.pattern, Some(Pattern::Sticky), "{seen:?}");
        assert!(seen.repeats > 150 && seen.expected_repeats < 30.0);
    }

    #[test]
    fn an_answer_that_decides_the_next_one_is_serial() {
        let mut random = StdRng::seed_from_u64(2);
        let mut answers = vec![0];
        for _ in 0..2_000 {
            let last = answers.last().copied().unwrap();
            let follows = random.random::<f64>() < 0.3;
            answers.push(if follows { (last * 7 + 3) % 20 } else { random.random_range(0..20) });
        }
        assert_eq!(judge(&answers).pattern, Some(Pattern::Serial));
    }

    #[test]
    fn no_answer_has_no_order() {
        assert_eq!(independence(&[], Alpha::default()), Err(StatisticsError::NoAnswers));
    }

    /// The mean gain over all orders is 1 or less: the reason why the p-value keeps its level.
    #[test]
    fn over_all_orders_of_the_same_answers_the_mean_gain_is_fair() {
        let orders = orders(&mut vec![0, 0, 0, 1, 1, 2, 3], 0);
        let counts = [3, 2, 1, 1];
        let mut sums: BTreeMap<usize, f64> = BTreeMap::new();
        for order in &orders {
            for (bet, (_, gain, _)) in bets(order, &counts).into_iter().enumerate() {
                *sums.entry(bet).or_default() += gain.exp() / orders.len() as f64;
            }
        }
        assert_eq!(orders.len(), 5_040);
        for (bet, mean) in sums {
            assert!(mean < 1.0 + 1e-9 && (bet == 0 || mean > 1.0 - 1e-9), "bet {bet}: {mean}");
        }
    }

    fn orders(answers: &mut Vec<usize>, place: usize) -> Vec<Vec<usize>> {
        if place == answers.len() {
            return vec![answers.clone()];
        }
        let mut all = Vec::new();
        for other in place..answers.len() {
            answers.swap(place, other);
            all.extend(orders(answers, place + 1));
            answers.swap(place, other);
        }
        all
    }

    proptest! {
        #[test]
        fn names_of_addresses_do_not_matter(answers in prop::collection::vec(0_usize..5, 1..80)) {
            let renamed: Vec<usize> = answers.iter().map(|answer| 1_000 - 7 * answer).collect();
            let (seen, other) = (judge(&answers), judge(&renamed));
            prop_assert!((seen.p_value - other.p_value).abs() < 1e-9);
            prop_assert!((0.0..=1.0).contains(&seen.p_value));
        }
    }
}
