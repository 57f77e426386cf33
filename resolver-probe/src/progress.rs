//! How far a check has come, told to whoever watches.
//!
//! It says what is being done and how much of it is left. It draws nothing, reads no clock and decides
//! nothing: a check is the same with and without somebody who watches.

use std::fmt;
use std::time::Duration;

use crate::render::words;
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

    /// Says it in a line of this width: what is done of how much, how fast, how long it will take, and, where
    /// there is room, why it is so much. `spent` is how long the phase has been going on.
    #[must_use]
    pub fn line(&self, spent: Duration, width: usize) -> String {
        let mut line = self.phase.words().to_owned();
        match (self.done, self.wanted) {
            (0, 0) => {}
            (done, 0) => {
                line.push_str(&format!(": {}", words::plural(done, self.phase.one(), self.phase.many())))
            }
            (done, wanted) => {
                let wanted = words::plural(wanted, self.phase.one(), self.phase.many());
                line.push_str(&format!(": {} of {wanted}", words::thousands(done)));
            }
        }
        let rate = self.rate_per_sec.or_else(|| self.rate_over(spent)).filter(|rate| *rate >= 1.0);
        let left =
            rate.filter(|_| self.wanted > self.done).map(|rate| (self.wanted - self.done) as f64 / rate);
        let mut parts = vec![line];
        parts.extend(rate.map(|rate| format!("{}/s", words::thousands(rate.round() as u64))));
        parts.extend(
            left.map(|secs| format!("{} left", words::span(Duration::from_secs(secs.ceil() as u64)))),
        );
        let mut line = parts.join(", ");
        if let Some(why) = self.why().filter(|why| line.chars().count() + 2 + why.chars().count() <= width) {
            line.push_str(&format!(": {why}"));
        }
        line.chars().take(width).collect()
    }

    fn rate_over(&self, spent: Duration) -> Option<f64> {
        (self.done > 0 && spent >= Duration::from_millis(500)).then(|| self.done as f64 / spent.as_secs_f64())
    }

    fn why(&self) -> Option<String> {
        let share = self.share.map_or_else(String::new, |share| format!(" of {}", words::percent(share)));
        Some(match self.because? {
            Requirement::Presence => format!("that many to see a share{share}"),
            Requirement::Proportions => format!("that many for a weight off by half at a share{share}"),
        })
    }
}

/// What a check is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It reads what should be answered.
    Looking,
    /// It looks for the name servers.
    Finding,
    /// It asks the name servers.
    Sampling,
    /// It asks the resolvers.
    Resolving,
    /// It asks the addresses whether they are alive.
    Reaching,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Looking => "reading what should be answered",
            Self::Finding => "finding the name servers",
            Self::Sampling => "asking the name servers",
            Self::Resolving => "asking the resolvers",
            Self::Reaching => "asking whether the addresses are alive",
        }
    }

    fn one(self) -> &'static str {
        match self {
            Self::Looking | Self::Finding | Self::Sampling | Self::Resolving => "answer",
            Self::Reaching => "address",
        }
    }

    fn many(self) -> &'static str {
        match self {
            Self::Looking | Self::Finding | Self::Sampling | Self::Resolving => "answers",
            Self::Reaching => "addresses",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(done: u64) -> ProgressState {
        ProgressState {
            done,
            because: Some(Requirement::Proportions),
            share: Some(0.01),
            ..ProgressState::new(Phase::Sampling, 61_000)
        }
    }

    #[test]
    fn a_line_says_how_much_how_fast_how_long_and_why() {
        assert_eq!(
            sampling(28_400).line(Duration::from_secs(4), 200),
            "asking the name servers: 28,400 of 61,000 answers, 7100/s, 5.0 s left: that many for a weight off \
             by half at a share of 1.0%"
        );
    }

    #[test]
    fn a_narrow_terminal_gets_no_reason_and_no_second_line() {
        let line = sampling(28_400).line(Duration::from_secs(4), 80);
        assert_eq!(line, "asking the name servers: 28,400 of 61,000 answers, 7100/s, 5.0 s left");
        assert_eq!(sampling(28_400).line(Duration::from_secs(4), 10), "asking the");
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let finding = ProgressState::new(Phase::Finding, 0);
        assert_eq!(finding.line(Duration::from_secs(4), 80), "finding the name servers");
        assert_eq!(sampling(0).line(Duration::ZERO, 60), "asking the name servers: 0 of 61,000 answers");
        let over = ProgressState { done: 70, ..ProgressState::new(Phase::Reaching, 60) };
        assert_eq!(
            over.line(Duration::ZERO, 80),
            "asking whether the addresses are alive: 70 of 60 addresses"
        );
    }
}
