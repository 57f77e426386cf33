//! What became of a hook in one invocation: the words that logs and metrics use.

use std::fmt;

use serde::Serialize;

/// What became of a hook in one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainOutcome {
    /// Its first ticket was sent.
    Ticketed,
    /// Its ticket was sent again: the wait is not over.
    Waiting,
    /// It was completed.
    Completed,
    /// It did not wait any more when it was to be completed, which is as good.
    AlreadyGone,
    /// Its record is held back, so that it is left to its timeout.
    Held,
    /// It is not the hook of a pool that selects or owns the instance, and is left to its owner.
    NotOurs,
    /// Its record could not be removed, or it could not be completed; its message is handed back.
    Failed,
}

impl fmt::Display for DrainOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ticketed => "ticketed",
            Self::Waiting => "waiting",
            Self::Completed => "completed",
            Self::AlreadyGone => "already-gone",
            Self::Held => "held",
            Self::NotOurs => "not-ours",
            Self::Failed => "failed",
        })
    }
}
