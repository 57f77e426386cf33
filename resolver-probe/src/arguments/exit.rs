//! What a command exits with: which findings count, and what the unknown is worth.

use clap::{Args, ValueEnum};

use crate::{ExitPolicy, FailOn};

/// What a command exits with.
#[derive(Args)]
pub struct ExitArgs {
    /// The mildest finding that makes the exit code other than 0; what is unknown always does
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOnArg,
    /// Exit 0 whatever was found, for cron and systemd; what is unknown is still 3
    #[arg(long, conflicts_with = "fail_on")]
    pub exit_zero: bool,
    /// What the exit code makes of what is unknown, for schedulers that know nothing between good and bad
    #[arg(long, value_enum, default_value_t)]
    pub unknown_as: UnknownAsArg,
}

impl ExitArgs {
    /// Returns what the exit code makes of findings.
    #[must_use]
    pub fn policy(&self) -> ExitPolicy {
        let fail_on = match self.fail_on {
            _ if self.exit_zero => FailOn::Nothing,
            FailOnArg::Warning => FailOn::Warning,
            FailOnArg::Critical => FailOn::Critical,
        };
        ExitPolicy { fail_on, unknown_is_critical: self.unknown_as == UnknownAsArg::Critical }
    }
}

/// The mildest finding that fails the check.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum FailOnArg {
    /// Warnings are exit code 1
    #[default]
    Warning,
    /// Warnings are exit code 0
    Critical,
}

/// What could not be looked at, as an exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum UnknownAsArg {
    /// Exit code 3, unless something worse was found
    #[default]
    Unknown,
    /// Exit code 2
    Critical,
}
