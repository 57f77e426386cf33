//! What one account may ask of Route 53: requests and changes for each second, with a burst.
//!
//! Route 53 throttles an account at 10 requests a second with a burst of 50, and at 100 changes a second
//! with a burst of 1,500, where CREATE and DELETE count 1 and UPSERT counts 2 (Route 53 Developer Guide,
//! "API request throttling"). The budget is data, with time as a parameter; the limiter only waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_route53::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_route53::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use registrar_core::plan::{
    Batch, CHANGE_BURST, CHANGES_PER_SEC, REQUEST_BURST, REQUESTS_PER_SEC, RouteBudget,
};
use registrar_core::record_set::ChangeAction;
use tokio::time::Instant;

use crate::clients::Deadline;

/// The smallest share that still gets anything done: one request every ten seconds.
const SMALLEST_SHARE: f64 = 0.01;

/// What one request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    requests: u32,
    changes: u32,
}

impl Cost {
    /// The cost of a request that changes nothing.
    pub(crate) const REQUEST: Self = Self { requests: 1, changes: 0 };

    /// Returns the cost of submitting a batch.
    pub(crate) fn of(batch: &Batch) -> Self {
        let units = batch.changes().map(|change| match change.action {
            ChangeAction::Create | ChangeAction::Delete => 1,
        });
        Self { requests: 1, changes: units.sum() }
    }
}

/// Tokens that come back with time. They may be owed: whoever takes them waits until the debt is paid,
/// in the order of asking.
#[derive(Clone, Debug, PartialEq)]
struct Bucket {
    burst: f64,
    per_sec: f64,
    tokens: f64,
    as_of: Duration,
}

impl Bucket {
    fn new(burst: f64, per_sec: f64) -> Self {
        Self { burst, per_sec, tokens: burst, as_of: Duration::ZERO }
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.as_of).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_sec).min(self.burst);
        self.as_of = self.as_of.max(now);
    }

    /// Returns how long whoever takes `cost` now has to wait.
    fn wait_for(&self, cost: u32) -> Duration {
        if cost == 0 {
            return Duration::ZERO;
        }
        let owed = (f64::from(cost) - self.tokens).max(0.0);
        Duration::from_secs_f64(owed / self.per_sec)
    }

    fn take(&mut self, cost: u32) {
        self.tokens -= f64::from(cost);
    }
}

/// Both buckets of one account, scaled to a share of it. Times are measured from any fixed moment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Budget {
    requests: Bucket,
    changes: Bucket,
}

impl Budget {
    /// Makes full buckets; a share that is no number in (0, 1] is taken as the nearest that is.
    pub(crate) fn new(share: f64) -> Self {
        let share = if share.is_nan() { 1.0 } else { share.clamp(SMALLEST_SHARE, 1.0) };
        Self {
            requests: Bucket::new((REQUEST_BURST * share).max(1.0), REQUESTS_PER_SEC * share),
            changes: Bucket::new((CHANGE_BURST * share).max(1.0), CHANGES_PER_SEC * share),
        }
    }

    /// Takes `cost` and returns how long to wait before spending it.
    ///
    /// # Errors
    /// When that is longer than `longest`: nothing is taken then, and the wait is returned.
    pub(crate) fn reserve(
        &mut self,
        cost: Cost,
        now: Duration,
        longest: Duration,
    ) -> Result<Duration, Duration> {
        self.requests.refill(now);
        self.changes.refill(now);
        let wait = self.requests.wait_for(cost.requests).max(self.changes.wait_for(cost.changes));
        if wait > longest {
            return Err(wait);
        }
        self.charge(cost);
        Ok(wait)
    }

    /// Returns what is left at `now`.
    fn left(&mut self, now: Duration) -> RouteBudget {
        self.requests.refill(now);
        self.changes.refill(now);
        RouteBudget {
            requests: self.requests.tokens,
            changes: self.changes.tokens,
            share: self.changes.per_sec / CHANGES_PER_SEC,
        }
    }

    /// Takes note of what was spent without asking, such as a retry.
    fn charge(&mut self, cost: Cost) {
        self.requests.take(cost.requests);
        self.changes.take(cost.changes);
    }
}

/// The budget of one account, shared by everything that calls Route 53 in it.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    budget: Arc<Mutex<Budget>>,
    since: Instant,
}

/// The budget will not allow a request before its deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BudgetSpent {
    /// How long it would have had to wait.
    pub(crate) wait: Duration,
}

impl Limiter {
    pub(crate) fn new(share: f64) -> Self {
        Self { budget: Arc::new(Mutex::new(Budget::new(share))), since: Instant::now() }
    }

    /// Waits until `cost` may be spent; never past the deadline, and not at all when it would not be
    /// enough.
    pub(crate) async fn acquire(&self, cost: Cost, deadline: Deadline) -> Result<(), BudgetSpent> {
        let now = self.since.elapsed();
        let reserved = self.lock().reserve(cost, now, deadline.remaining());
        let wait = reserved.map_err(|wait| BudgetSpent { wait })?;
        if !wait.is_zero() {
            tracing::debug!(wait_ms = wait.as_millis(), "waiting for the Route 53 budget");
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Returns what is left now, as far as this process knows.
    pub(crate) fn left(&self) -> RouteBudget {
        self.lock().left(self.since.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Retries are spent too: [`Limiter::acquire`] pays for the first attempt, this for the others.
#[dyn_dispatch_hint]
impl Intercept for Limiter {
    fn name(&self) -> &'static str {
        "Route53Limiter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<RequestAttempts>().is_some_and(|attempt| attempt.attempts() > 1) {
            self.lock().charge(Cost::REQUEST);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_WAIT: Duration = Duration::ZERO;
    const LONG: Duration = Duration::from_secs(3_600);

    fn changes(changes: u32) -> Cost {
        Cost { requests: 1, changes }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_burst_of_fifty_requests_goes_at_once_and_then_ten_a_second() {
        let mut budget = Budget::new(1.0);
        for _ in 0..50 {
            assert_eq!(budget.reserve(Cost::REQUEST, secs(0), LONG), Ok(NO_WAIT));
        }
        let wait = |budget: &mut Budget| budget.reserve(Cost::REQUEST, secs(0), LONG).unwrap();
        assert_eq!(wait(&mut budget), Duration::from_millis(100));
        assert_eq!(wait(&mut budget), Duration::from_millis(200));
    }

    #[test]
    fn a_thousand_and_a_half_changes_go_at_once_and_then_a_hundred_a_second() {
        let mut budget = Budget::new(1.0);
        assert_eq!(budget.reserve(changes(1_000), secs(0), LONG), Ok(NO_WAIT));
        assert_eq!(budget.reserve(changes(1_000), secs(0), LONG), Ok(secs(5)));
        assert_eq!(
            budget.reserve(Cost::REQUEST, secs(0), LONG),
            Ok(NO_WAIT),
            "reads do not wait for changes"
        );
    }

    #[test]
    fn a_share_scales_rates_and_bursts() {
        let mut budget = Budget::new(0.5);
        assert_eq!(budget.reserve(changes(750), secs(0), LONG), Ok(NO_WAIT));
        assert_eq!(budget.reserve(changes(100), secs(0), LONG), Ok(secs(2)));
        for nonsense in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(Budget::new(nonsense).reserve(Cost::REQUEST, secs(0), LONG).is_ok());
        }
    }

    #[test]
    fn what_is_left_is_what_was_not_spent_and_what_came_back() {
        let mut budget = Budget::new(0.5);
        budget.reserve(changes(500), secs(0), LONG).unwrap();
        assert_eq!(budget.left(secs(0)), RouteBudget { requests: 24.0, changes: 250.0, share: 0.5 });
        assert_eq!(budget.left(secs(2)), RouteBudget { requests: 25.0, changes: 350.0, share: 0.5 });
        assert_eq!(Budget::new(1.0).left(secs(9)), RouteBudget::default());
    }

    #[test]
    fn a_batch_above_the_burst_waits_and_is_not_refused_for_ever() {
        let mut budget = Budget::new(0.5);
        assert_eq!(budget.reserve(changes(1_000), secs(0), LONG), Ok(secs(5)));
    }

    #[test]
    fn what_cannot_be_granted_in_time_is_not_taken() {
        let mut budget = Budget::new(1.0);
        budget.reserve(changes(1_500), secs(0), LONG).unwrap();
        assert_eq!(budget.reserve(changes(200), secs(0), secs(1)), Err(secs(2)));
        assert_eq!(budget.reserve(changes(100), secs(0), secs(1)), Ok(secs(1)));
    }

    #[test]
    fn half_of_what_would_have_to_wait_too_long_may_go_in_time() {
        let mut budget = Budget::new(1.0);
        budget.reserve(changes(1_400), secs(0), LONG).unwrap();
        let patience = secs(6);
        assert_eq!(budget.reserve(changes(1_000), secs(0), patience), Err(secs(9)));
        assert_eq!(budget.reserve(changes(500), secs(0), patience), Ok(secs(4)));
    }

    #[test]
    fn tokens_come_back_with_time_up_to_the_burst() {
        let mut budget = Budget::new(1.0);
        for _ in 0..50 {
            budget.reserve(Cost::REQUEST, secs(0), LONG).unwrap();
        }
        assert_eq!(budget.reserve(Cost::REQUEST, secs(1), LONG), Ok(NO_WAIT));
        let mut rested = Budget::new(1.0);
        rested.reserve(changes(1_500), secs(0), LONG).unwrap();
        assert_eq!(rested.reserve(changes(1_501), secs(10_000), LONG), Ok(Duration::from_millis(10)));
    }

    #[test]
    fn a_retry_that_did_not_ask_is_owed() {
        let mut budget = Budget::new(1.0);
        for _ in 0..60 {
            budget.charge(Cost::REQUEST);
        }
        assert_eq!(budget.reserve(Cost::REQUEST, secs(0), LONG), Ok(Duration::from_millis(1_100)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_limiter_waits_but_never_past_the_deadline() {
        let limiter = Limiter::new(1.0);
        for _ in 0..50 {
            limiter.acquire(Cost::REQUEST, Deadline::after(secs(1))).await.unwrap();
        }
        let started = Instant::now();
        limiter.acquire(Cost::REQUEST, Deadline::after(secs(1))).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(100));
        let refused = limiter.acquire(Cost { requests: 20, changes: 0 }, Deadline::after(secs(1))).await;
        assert!(refused.is_err_and(|spent| spent.wait > secs(1)), "the wait would outlast the deadline");
        assert!(started.elapsed() < secs(1), "and is not begun");
    }
}
