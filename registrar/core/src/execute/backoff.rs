//! Waits that double and are spread at random, from a seed that the caller gives.

use jiff::SignedDuration;

const FIRST_MS: u64 = 100;
const LONGEST_MS: u64 = 5_000;

/// Exponential backoff with full jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    attempts: u32,
    state: u64,
}

impl Backoff {
    pub(super) fn new(seed: u64) -> Self {
        Self { attempts: 0, state: seed }
    }

    /// Returns a wait between half of and the whole of 100 ms doubled for each attempt, up to 5 s: half
    /// is kept so that two executors do not meet again at once.
    pub(super) fn next_delay(&mut self) -> SignedDuration {
        let longest = FIRST_MS.saturating_mul(1 << self.attempts.min(10)).min(LONGEST_MS);
        self.attempts += 1;
        let spread = self.random() % (longest / 2 + 1);
        SignedDuration::from_millis((longest / 2 + spread).cast_signed())
    }

    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// SplitMix64 (Steele, Lea and Flood 2014): spreading waits asks for no more.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_seconds_and_start_over() {
        let mut backoff = Backoff::new(7);
        let waits: Vec<i128> = (0..9).map(|_| backoff.next_delay().as_millis()).collect();
        for (attempt, wait) in waits.iter().enumerate() {
            let longest = (100 << attempt).min(5_000);
            assert!((longest / 2..=longest).contains(wait), "{waits:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay().as_millis() <= 100);
    }
}
