//! The command line of `check`: what to check, how thoroughly, and how to say it.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::{AskingArgs, FailOnArg, Format, LivenessArgs, TruthArgs};
use crate::Samples;

/// What to check, and how.
#[derive(Args)]
pub struct CheckArgs {
    /// The name that clients ask for
    pub name: String,
    /// Who is asked, and how.
    #[command(flatten)]
    pub asking: AskingArgs,
    /// What should be answered.
    #[command(flatten)]
    pub truth: TruthArgs,
    /// What the addresses are asked.
    #[command(flatten)]
    pub liveness: LivenessArgs,
    /// Queries to each server; auto asks until every record would have been seen with 99.9 %
    /// probability, and until a missing address is no accident
    #[arg(long, value_name = "N", default_value = "auto", value_parser = samples)]
    pub samples: Samples,
    /// When the check ends, done or not
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// Queries a second to each server at most [default: 64 under way at a time]
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// The form of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The mildest finding that makes the exit code other than 0; what is unknown always does
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOnArg,
}

/// Reads `auto` or a number.
fn samples(text: &str) -> Result<Samples, String> {
    match text {
        "auto" => Ok(Samples::Auto),
        number => {
            number.parse().map(Samples::Exactly).map_err(|_| "write auto, or a number from 1".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_auto_or_a_positive_number() {
        assert_eq!(samples("auto"), Ok(Samples::Auto));
        assert!(samples("60").is_ok());
        assert!(samples("0").is_err());
    }
}
