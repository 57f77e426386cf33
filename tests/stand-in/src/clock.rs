//! The world's clock: the machine's own, or one that a test moves by hand.
//!
//! Latency and hanging calls are waited for in real time whichever clock the world has.

use std::sync::{Arc, Mutex, PoisonError};

use registrar_core::{SignedDuration, Timestamp};

/// What tells the world the time.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// A clock that stands still until somebody moves it.
    Manual(ManualClock),
}

impl Clock {
    /// Returns the time.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "a stand-in for AWS is a source of time, as AWS is")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Real => Timestamp::now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that stands still until somebody moves it. Clones are the same clock.
///
/// Start it near the present: an SDK client compares the expiry of assumed credentials with the
/// machine's clock.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// Builds a clock that shows the given time.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(time)))
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock on; the end of time is not passed.
    pub fn advance(&self, by: SignedDuration) {
        let mut time = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *time = time.checked_add(by).unwrap_or(Timestamp::MAX);
    }
}
