//! Token buckets, as Route 53 throttles an account with.
//!
//! Source: Developer Guide, "Throttling of API requests". Nobody waits here: a call that finds too few
//! tokens is refused and takes none.

use registrar_core::Timestamp;

/// Tokens are counted in billionths, so that a refill by whole nanoseconds is exact.
const PER_TOKEN: i128 = 1_000_000_000;

/// A bucket that starts full and fills at a steady rate.
#[derive(Clone, Debug)]
pub(crate) struct TokenBucket {
    burst: i128,
    per_second: i128,
    level: i128,
    filled_at: Option<Timestamp>,
}

impl TokenBucket {
    pub(crate) fn new(burst: u32, per_second: u32) -> Self {
        let burst = i128::from(burst) * PER_TOKEN;
        Self { burst, per_second: i128::from(per_second), level: burst, filled_at: None }
    }

    /// Takes `tokens` at `now`, or nothing where there are fewer.
    pub(crate) fn take(&mut self, tokens: usize, now: Timestamp) -> bool {
        self.fill(now);
        let wanted = i128::try_from(tokens).unwrap_or(i128::MAX).saturating_mul(PER_TOKEN);
        let enough = wanted <= self.level;
        if enough {
            self.level -= wanted;
        }
        enough
    }

    fn fill(&mut self, now: Timestamp) {
        let since = self.filled_at.unwrap_or(now);
        let elapsed = (now.as_nanosecond() - since.as_nanosecond()).max(0);
        self.level = self.burst.min(self.level + elapsed * self.per_second);
        self.filled_at = Some(since.max(now));
    }
}

#[cfg(test)]
mod tests {
    use registrar_core::SignedDuration;

    use super::*;

    #[test]
    fn a_bucket_refuses_beyond_its_burst_and_refills_at_its_rate() {
        let mut bucket = TokenBucket::new(5, 2);
        let start = Timestamp::UNIX_EPOCH;
        assert!(bucket.take(5, start));
        assert!(!bucket.take(1, start));
        assert!(!bucket.take(1, start + SignedDuration::from_millis(499)));
        assert!(bucket.take(1, start + SignedDuration::from_millis(500)));
        assert!(!bucket.take(6, start + SignedDuration::from_secs(60)));
        assert!(bucket.take(5, start + SignedDuration::from_secs(60)));
    }

    #[test]
    fn a_refused_call_takes_no_tokens_and_time_running_backwards_gives_none() {
        let mut bucket = TokenBucket::new(2, 1);
        let start = Timestamp::UNIX_EPOCH;
        assert!(!bucket.take(3, start));
        assert!(bucket.take(2, start));
        assert!(!bucket.take(1, start - SignedDuration::from_secs(60)));
        assert!(!bucket.take(1, start));
    }
}
