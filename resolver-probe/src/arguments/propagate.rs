//! The command line of `propagate`: which change is waited for, where, and for how long.

use std::net::Ipv4Addr;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use registrar_core::Timestamp;

use super::watch::{alpha, rate};
use super::{AskingArgs, TruthArgs};
use crate::statistics::Alpha;

/// Which change is waited for.
#[derive(Args)]
#[command(group = ArgGroup::new("change").required(true).multiple(true).args(["expect", "expect_gone"]))]
pub struct PropagateArgs {
    /// The name that clients ask for
    pub name: String,
    /// An address that shall be answered
    #[arg(long, value_name = "IP", num_args = 1.., value_delimiter = ',')]
    pub expect: Vec<Ipv4Addr>,
    /// An address that shall no longer be answered
    #[arg(long, value_name = "IP", num_args = 1.., value_delimiter = ',')]
    pub expect_gone: Vec<Ipv4Addr>,
    /// Who is asked, and how.
    #[command(flatten)]
    pub asking: AskingArgs,
    /// What should be answered, which tells the shares.
    #[command(flatten)]
    pub truth: TruthArgs,
    /// The share of the answers that the addresses have while they are there, from 0 to 1: with weights, few
    /// answers hold any one of them [default: from the truth, or one of all addresses that are seen, and of 8
    /// at least]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub share: Option<f64>,
    /// Queries a second to each server, on average
    #[arg(long, value_name = "N", default_value = "5", value_parser = rate)]
    pub rate: f64,
    /// Between two questions to each resolver, on average
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = registrar_shell::duration)]
    pub resolver_period: Duration,
    /// When it ends, propagated or not
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// When the change was made, such as 2026-11-21T12:00:00Z, which seconds then count from [default: now]
    #[arg(long, value_name = "TIME")]
    pub changed_at: Option<Timestamp>,
    /// The probability that an absence is called one wrongly, of all servers and addresses together
    #[arg(long, value_name = "P", default_value = "0.000001", value_parser = alpha)]
    pub alpha: Alpha,
    /// The form of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: PropagateFormat,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PropagateFormat {
    /// For a person; on a terminal with a line whenever somebody has seen it
    #[default]
    Human,
    /// One document, schema resolver-probe-propagate/1
    Json,
    /// Metrics in the text format
    Prometheus,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        Ok(_) | Err(_) => Err("write a share above 0 and at 1 at most, such as 0.25".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_0_and_at_1_at_most() {
        assert_eq!((share("0.25"), share("1")), (Ok(0.25), Ok(1.0)));
        assert!(["0", "1.1", "-1", "NaN", "x"].into_iter().all(|text| share(text).is_err()));
    }
}
