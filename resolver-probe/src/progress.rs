//! How far a check has come, told to whoever watches.
//!
//! It says what is being done and how much of it is left. It draws nothing, reads no clock and decides
//! nothing: a check is the same with and without somebody who watches.

use std::fmt;

use crate::statistics::Requirement;

/// Somebody who watches a check.
///
/// It is called from the tasks that ask, often: it must not block, and takes what it has no use for lightly.
pub trait Progress: Send + Sync {
    /// Takes note of how far the check has come.
    fn report(&self, state: &ProgressState);
}

/// So that a request that holds a watcher can be printed.
impl fmt::Debug for dyn Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProgressState {
    /// What is being done.
    pub phase: Phase,
    /// How much of it is done: answers while sampling and resolving, addresses while reaching, over all
    /// servers, resolvers or addresses.
    pub done: u64,
    /// How much there is to do, as far as is known by now; 0 where it is not.
    pub wanted: u64,
    /// How fast it goes, in answers or addresses a second, where that can be told.
    pub rate_per_sec: Option<f64>,
    /// What so many answers are needed for.
    pub because: Option<Requirement>,
    /// The share that they are needed for, 0 to 1.
    pub share: Option<f64>,
}

impl ProgressState {
    /// Begins a phase: nothing is done yet.
    #[must_use]
    pub fn new(phase: Phase, wanted: u64) -> Self {
        Self { phase, done: 0, wanted, rate_per_sec: None, because: None, share: None }
    }
}

/// What a check is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It looks for the name servers.
    Finding,
    /// It asks the name servers.
    Sampling,
    /// It asks the resolvers.
    Resolving,
    /// It asks the addresses whether they are alive.
    Reaching,
}
