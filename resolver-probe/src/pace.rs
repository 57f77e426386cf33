//! When each datagram to a server may leave: so many a second, each at a random moment around its slot.
//!
//! Slots stand on a schedule of their own, so that the rate is right whatever the timers' precision; the jitter
//! keeps a server that does something at regular intervals from always being asked in the same phase of it.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

/// Timers are no finer than this (tokio's documentation of `sleep`): what is due sooner leaves at once, so that at
/// high rates datagrams leave in batches of one millisecond's.
const TIMER: Duration = Duration::from_millis(1);
/// How far slots may lie back: a delay of ours is made up for, a pause is not followed by a flood.
const MADE_UP_FOR: Duration = Duration::from_millis(5);

/// Spaces out the datagrams to one server.
#[derive(Debug)]
pub(crate) struct Pace {
    period: Duration,
    schedule: Mutex<Schedule>,
}

#[derive(Debug)]
struct Schedule {
    /// When the next slot begins, once there was one.
    next: Option<Instant>,
    random: StdRng,
}

impl Pace {
    pub(crate) fn new(per_sec: NonZeroU32, seed: u64) -> Self {
        let schedule = Schedule { next: None, random: StdRng::seed_from_u64(seed) };
        let period = (Duration::from_secs(1) / per_sec.get()).max(Duration::from_nanos(1));
        Self { period, schedule: Mutex::new(schedule) }
    }

    /// Waits until a datagram may leave.
    pub(crate) async fn turn(&self) {
        let now = Instant::now();
        let due = self.take(now);
        if due.saturating_duration_since(now) >= TIMER {
            sleep_until(due).await;
        }
    }

    /// Takes the next slot, and returns the moment in it at which the datagram is due.
    fn take(&self, now: Instant) -> Instant {
        let mut schedule = self.schedule.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(MADE_UP_FOR).unwrap_or(now);
        let slot = schedule.next.map_or(now, |next| next.max(earliest));
        schedule.next = Some(slot + self.period);
        slot + self.period.mul_f64(schedule.random.random::<f64>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(per_sec: u32, seed: u64) -> Pace {
        Pace::new(NonZeroU32::new(per_sec).unwrap(), seed)
    }

    /// Moments at which so many datagrams are due, in milliseconds from the first slot, all asked for at once.
    fn due(pace: &Pace, datagrams: usize) -> Vec<f64> {
        let now = Instant::now();
        (0..datagrams).map(|_| pace.take(now).duration_since(now).as_secs_f64() * 1_000.0).collect()
    }

    #[tokio::test]
    async fn every_datagram_has_a_slot_of_its_own_and_a_random_moment_in_it() {
        let moments = due(&pace(100, 7), 50);
        let phases: Vec<f64> =
            moments.iter().enumerate().map(|(slot, moment)| moment - 10.0 * slot as f64).collect();
        assert!(phases.iter().all(|phase| (0.0..10.0).contains(phase)), "{phases:?}");
        assert!(phases.iter().any(|phase| *phase < 2.0) && phases.iter().any(|phase| *phase > 8.0));
    }

    #[tokio::test]
    async fn the_same_seed_sets_the_same_moments_and_another_one_others() {
        assert_eq!(due(&pace(100, 7), 20), due(&pace(100, 7), 20));
        assert_ne!(due(&pace(100, 7), 20), due(&pace(100, 8), 20));
    }

    #[tokio::test]
    async fn a_pause_is_not_followed_by_a_flood() {
        let pace = pace(1_000, 7);
        let began = Instant::now();
        pace.take(began);
        let later = began + Duration::from_secs(10);
        let at_once = (0..100).filter(|_| pace.take(later) <= later).count();
        assert!((4..=6).contains(&at_once), "{at_once} leave at once");
    }

    #[tokio::test]
    async fn a_rate_that_timers_cannot_follow_is_kept_on_average() {
        let pace = pace(20_000, 7);
        let began = Instant::now();
        for _ in 0..2_000 {
            pace.turn().await;
        }
        // 100 ms less what may be early; how much later is the machine's business.
        assert!(began.elapsed() >= Duration::from_millis(98), "{:?}", began.elapsed());
    }
}
