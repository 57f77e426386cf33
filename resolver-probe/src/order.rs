//! The order in which a server gave its answers, and what kind of order that is.
//!
//! A server that hands its addresses out in turn, or repeats itself, does not draw at random, and then the chance
//! that the weights explain its counts is not what is computed. The order in which answers come in is that of
//! the server only where one query is asked after the other, which is why the first ones are asked so.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::statistics::{Alpha, Independence, independence};

/// Answers whose order is kept, of each server: memory does not grow with the number of samples.
const MOST_KEPT: usize = 8_192;

/// The addresses that were answered, in order.
///
/// Answers to queries that were under way together come in an order that is nearly the server's: nothing is
/// proven false by it, since of independent draws every order is as likely as any other, and of a server
/// that repeats itself it shows as much. Of one that hands out in turn it shows less the more queries
/// are under way; so the two parts are looked at apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// Answers to queries that were asked one after the other.
    alone: Vec<Ipv4Addr>,
    /// Answers to queries that were under way together.
    together: Vec<Ipv4Addr>,
    is_together: bool,
}

/// What the order of a server's answers is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dependence {
    /// The test of the part that is more remarkable.
    pub(crate) independence: Independence,
    /// What that part is like, where it is not random.
    pub(crate) habit: Option<Habit>,
}

/// How a server that does not draw at random chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Addresses come more evenly than chance would have it: shares are kept, and no count is far off by chance.
    InTurn,
    /// Addresses come in clusters: counts are far off more often than chance would have it.
    Clustered,
}

impl Order {
    /// Takes note of an answer with one address.
    pub(crate) fn note(&mut self, address: Ipv4Addr) {
        if self.alone.len() + self.together.len() < MOST_KEPT {
            if self.is_together { self.together.push(address) } else { self.alone.push(address) }
        }
    }

    /// From now on, queries are under way together.
    pub(crate) fn begin_together(&mut self) {
        self.is_together = true;
    }

    pub(crate) fn is_together(&self) -> bool {
        self.is_together
    }

    /// Says what the order is like, with this probability of taking a random one for another.
    pub(crate) fn dependence(&self, alpha: Alpha) -> Option<Dependence> {
        let parts = [&self.alone, &self.together].map(|part| numbered(part));
        let tests = parts.iter().filter_map(|part| {
            let test = independence(part, alpha.split(parts.len())).ok()?;
            Some((test, test.pattern.map(|_| habit(part))))
        });
        let (independence, habit) =
            tests.min_by(|(left, _), (right, _)| left.p_value.total_cmp(&right.p_value))?;
        let p_value = (independence.p_value * parts.len() as f64).min(1.0);
        Some(Dependence { independence: Independence { p_value, ..independence }, habit })
    }
}

fn numbered(addresses: &[Ipv4Addr]) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let number = |address: &Ipv4Addr| {
        let next = numbers.len();
        *numbers.entry(*address).or_insert(next)
    };
    addresses.iter().map(number).collect()
}

/// Tells by how much the counts of stretches of the sequence differ from each other: more than by chance, or less.
fn habit(answers: &[usize]) -> Habit {
    let addresses = answers.iter().max().map_or(0, |last| last + 1);
    let mut shares = vec![0.0; addresses];
    for answer in answers {
        shares[*answer] += 1.0 / answers.len() as f64;
    }
    let length = answers.len().isqrt().max(2);
    let (mut statistic, mut degrees) = (0.0, -(addresses as f64 - 1.0));
    for stretch in answers.chunks_exact(length) {
        let mut counts = vec![0.0; addresses];
        for answer in stretch {
            counts[*answer] += 1.0;
        }
        let expected = shares.iter().map(|share| share * length as f64);
        statistic += counts
            .iter()
            .zip(expected)
            .map(|(count, mean)| (count - mean) * (count - mean) / mean)
            .sum::<f64>();
        degrees += addresses as f64 - 1.0;
    }
    if statistic > degrees { Habit::Clustered } else { Habit::InTurn }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::seq::SliceRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;

    fn order(alone: &[u8], together: &[u8]) -> Order {
        let mut order = Order::default();
        alone.iter().for_each(|last| order.note(Ipv4Addr::new(192, 0, 2, *last)));
        order.begin_together();
        together.iter().for_each(|last| order.note(Ipv4Addr::new(192, 0, 2, *last)));
        order
    }

    fn habit_of(alone: &[u8], together: &[u8]) -> Option<Habit> {
        order(alone, together).dependence(Alpha::default()).unwrap().habit
    }

    fn draws(answers: usize, addresses: u8) -> Vec<u8> {
        let mut random = StdRng::seed_from_u64(1);
        (0..answers).map(|_| random.random_range(0..addresses)).collect()
    }

    /// Smooth weighted round-robin, as common load balancers do it.
    fn in_turn(answers: usize, weights: &[i64]) -> Vec<u8> {
        let mut debts = vec![0; weights.len()];
        let next = |_| {
            debts.iter_mut().zip(weights).for_each(|(debt, weight)| *debt += weight);
            let next = (0..debts.len()).max_by_key(|index| debts[*index]).unwrap();
            debts[next] -= weights.iter().sum::<i64>();
            next as u8
        };
        (0..answers).map(next).collect()
    }

    #[test]
    fn independent_draws_have_no_habit() {
        assert_eq!(habit_of(&draws(256, 4), &draws(5_000, 4)), None);
        assert_eq!(habit_of(&draws(256, 100), &draws(5_000, 100)), None);
    }

    #[test]
    fn a_server_that_hands_out_in_turn_is_known_by_the_queries_asked_alone() {
        for weights in [vec![1, 1], vec![1, 1, 1, 1], vec![100, 37, 10, 3], vec![1; 60]] {
            assert_eq!(
                habit_of(&in_turn(256, &weights), &draws(5_000, 4)),
                Some(Habit::InTurn),
                "{weights:?}"
            );
        }
    }

    #[test]
    fn a_server_that_repeats_itself_is_known_by_either_part() {
        let sticky = |answers: usize, each: usize| -> Vec<u8> {
            draws(answers / each + 1, 4).iter().flat_map(|draw| vec![*draw; each]).take(answers).collect()
        };
        assert_eq!(habit_of(&sticky(256, 50), &draws(2_000, 4)), Some(Habit::Clustered));
        assert_eq!(habit_of(&draws(40, 4), &sticky(2_000, 50)), Some(Habit::Clustered));
        assert_eq!(habit_of(&sticky(256, 3), &[]), Some(Habit::Clustered));
    }

    #[test]
    fn answers_that_come_in_a_little_out_of_order_still_show_clusters() {
        let mut random = StdRng::seed_from_u64(3);
        let mut sticky: Vec<u8> = draws(60, 4).iter().flat_map(|draw| vec![*draw; 50]).collect();
        sticky.chunks_mut(64).for_each(|together| together.shuffle(&mut random));
        assert_eq!(habit_of(&[], &sticky), Some(Habit::Clustered));
    }

    #[test]
    fn addresses_that_change_on_the_way_come_in_clusters() {
        let mut changed = vec![1; 128];
        changed.extend(vec![2; 128]);
        assert_eq!(habit_of(&changed, &[]), Some(Habit::Clustered));
    }

    #[test]
    fn the_memory_of_the_order_is_bounded() {
        let kept = order(&draws(200, 4), &draws(20_000, 4));
        assert_eq!((kept.alone.len(), kept.together.len()), (200, MOST_KEPT - 200));
        assert_eq!(Order::default().dependence(Alpha::default()), None);
    }
}
