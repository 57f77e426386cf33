//! The command line of `watch`: what to watch, how carefully, for how long, and who is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{AskingArgs, ExitArgs, TruthArgs};
use crate::statistics::Alpha;

/// What to watch, and how.
#[derive(Args)]
pub struct WatchArgs {
    /// The name that clients ask for
    pub name: String,
    /// Who is asked, and how.
    #[command(flatten)]
    pub asking: AskingArgs,
    /// What should be answered.
    #[command(flatten)]
    pub truth: TruthArgs,
    /// Queries a second to each server, on average; a tenth is one in ten seconds
    #[arg(long, value_name = "N", default_value = "1", value_parser = rate)]
    pub rate: f64,
    /// Between two questions to each resolver, on average
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = registrar_shell::duration)]
    pub resolver_period: Duration,
    /// How long to watch [default: until it is stopped]
    #[arg(long = "for", value_name = "DURATION", value_parser = registrar_shell::duration)]
    pub length: Option<Duration>,
    /// Queries to each server after which the watch ends [default: until it is stopped]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// How often the truth is looked at again
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = registrar_shell::duration)]
    pub refresh: Duration,
    /// How often the name servers are looked for again
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = registrar_shell::duration)]
    pub rediscover: Duration,
    /// How long a change of the truth may take until it is answered; Route 53 promises 60 s
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = registrar_shell::duration)]
    pub grace: Duration,
    /// The probability of a false alarm, of all servers and addresses together and however long the watch
    /// goes on, between two changes of the truth
    #[arg(long, value_name = "P", default_value = "0.000001", value_parser = alpha)]
    pub alpha: Alpha,
    /// A file that is given a line for each change of the answers, and read again by the next watch
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Octets after which the history begins anew; the full one is kept as FILE.1
    #[arg(long, value_name = "N", default_value = "16777216", requires = "history",
          value_parser = clap::value_parser!(u64).range(4096..))]
    pub history_max: u64,
    /// Where Prometheus finds /metrics, and others /healthz
    #[arg(long, value_name = "IP:PORT")]
    pub listen: Option<SocketAddr>,
    /// A file for the textfile collector, replaced by rename
    #[arg(long, value_name = "FILE")]
    pub textfile: Option<PathBuf>,
    /// How often a summary is told, and the textfile written
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = registrar_shell::duration)]
    pub every: Duration,
    /// The form on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: WatchFormat,
    /// What it exits with.
    #[command(flatten)]
    pub exit: ExitArgs,
}

/// The form of what a watch tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WatchFormat {
    /// A live view on a terminal, and elsewhere a line for each event
    #[default]
    Human,
    /// A line for each event, on a terminal too
    Lines,
    /// A JSON document for each event, one a line, schema resolver-probe-watch/1
    Json,
}

/// Queries a second to one server: above one in a thousand seconds, and no flood.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1_000.0).contains(&rate) => Ok(rate),
        Ok(_) | Err(_) => Err("write a number of queries a second from 0.001 to 1000".to_owned()),
    }
}

pub(super) fn alpha(text: &str) -> Result<Alpha, String> {
    let value: f64 = text.parse().map_err(|_| "write a probability such as 0.000001".to_owned())?;
    Alpha::new(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_that_is_no_flood() {
        assert_eq!((rate("0.1"), rate("50")), (Ok(0.1), Ok(50.0)));
        for text in ["0", "-1", "1e9", "NaN", "fast"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_level_is_a_probability() {
        assert!(alpha("1e-6").is_ok());
        assert!(alpha("0").is_err() && alpha("0.9").is_err() && alpha("x").is_err());
    }
}
