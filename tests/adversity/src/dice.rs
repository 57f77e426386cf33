//! Random choices from one seed, so that a seed is a story.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// What is drawn from.
pub(crate) struct Dice(StdRng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Draws a number below `end`, or 0 where that is 0. The bias of so small numbers does not matter here.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.0.next_u64() % end).unwrap_or(0)
    }

    /// Draws a number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u16, to: u16) -> u16 {
        let more = self.below(usize::from(to.saturating_sub(from)) + 1);
        from.saturating_add(u16::try_from(more).unwrap_or(0))
    }

    /// Draws a small number below `end`.
    pub(crate) fn small(&mut self, end: u8) -> u8 {
        u8::try_from(self.below(usize::from(end))).unwrap_or(0)
    }

    /// Says yes in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// Picks one of several, each as often as its weight says.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[(u32, T)]) -> Option<T> {
        let all: u32 = choices.iter().map(|(weight, _)| weight).sum();
        let mut left = u32::try_from(self.below(usize::try_from(all).unwrap_or(0))).unwrap_or(0);
        for (weight, choice) in choices {
            if left < *weight {
                return Some(*choice);
            }
            left -= weight;
        }
        None
    }

    /// Picks one of several, each as often as the others.
    pub(crate) fn one<T: Copy>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).copied()
    }
}
