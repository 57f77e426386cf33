//! The command line of `check`: what to check, how thoroughly, and how to say it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{AskingArgs, LivenessArgs, OutputArgs, TruthArgs};
use crate::Samples;
use crate::statistics::Alpha;

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
    /// What the name answered before, as `watch --history FILE` writes it: with it, what resolvers answer
    /// is known to be stale without waiting for a TTL to run out
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Queries to each server. auto asks until every record would have been seen, a missing one is no accident,
    /// and a weight that is half or double of what it should be would have been found: some 1,100 for 4
    /// addresses of equal weight, 3,500 for 10, 28,000 where the smallest share is 1 %. Without a truth, until every
    /// record would have been seen, and one server that differs from another
    #[arg(long, value_name = "N", default_value = "auto", value_parser = samples)]
    pub samples: Samples,
    /// Probability of a false alarm that all tests of the check have together
    #[arg(long, value_name = "P", default_value = "1e-6", value_parser = alpha)]
    pub alpha: Alpha,
    /// Probability that a wrong weight is found, for --samples auto
    #[arg(long, value_name = "P", default_value = "0.9999", value_parser = probability)]
    pub power: f64,
    /// The smallest share for which a weight off by half has to be found, for --samples auto: half the share takes
    /// twice the queries. Addresses with less than a tenth of it may stay unseen
    #[arg(long, value_name = "SHARE", default_value = "0.01", value_parser = probability)]
    pub smallest_share: f64,
    /// When the check ends, done or not; it ends as soon as it can. 28,000 queries take half a minute at the
    /// default rate, and up to a minute where replies take 100 ms
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// Queries a second to each server at most, each at a random moment of its slot; 64 are under way at a time
    /// [default: 1000, and without limit to servers on this machine]
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Write a page of the check as well, for a browser: everything in one file, to attach to an incident
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Where the report goes, and what it exits with.
    #[command(flatten)]
    pub output: OutputArgs,
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

/// Reads a probability of false alarms.
fn alpha(text: &str) -> Result<Alpha, String> {
    let number: f64 = text.parse().map_err(|_| "write a number such as 1e-6".to_owned())?;
    Alpha::new(number).map_err(|error| error.to_string())
}

/// Reads a number above 0 and below 1.
fn probability(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number < 1.0);
    number.ok_or_else(|| "write a number above 0 and below 1, such as 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_numbers_between_0_and_1() {
        assert_eq!((probability("0.99"), alpha("1e-3")), (Ok(0.99), Ok(Alpha::new(0.001).unwrap())));
        for text in ["0", "1", "-0.1", "NaN", "inf", "much"] {
            assert!(probability(text).is_err() && alpha(text).is_err(), "{text:?} was accepted");
        }
        assert!(alpha("0.9").is_err());
    }

    #[test]
    fn samples_are_auto_or_a_positive_number() {
        assert_eq!(samples("auto"), Ok(Samples::Auto));
        assert!(samples("60").is_ok());
        assert!(samples("0").is_err());
    }
}
