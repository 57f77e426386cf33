//! The command line of the probe, as data: what may be given, and its help.
//!
//! It reads no file and checks nothing. It is in the library so that completions and man pages can be made of it.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{ResolverSpec, Samples};

mod reach;

pub use reach::{AddressArg, KindArg, ReachArgs, ReachFormat};

const EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst finding decides, in the order 2, 1, 3, 0:
  0  OK        everything was looked at, and is as it should be
  1  WARNING   something should be looked into
  2  CRITICAL  clients are being hurt: a stale record, no address, no server that answers
  3  UNKNOWN   something could not be looked at, or the command line or a file is wrong
A check that was not made is never 0. With --fail-on critical, warnings alone are 0.";

const REACH_EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst address decides, in the order 2, 1, 3, 0:
  0  OK        every address is alive
  1  WARNING   an address is silent, and why is not certain
  2  CRITICAL  an address is dead, or refuses what clients ask of it
  3  UNKNOWN   an address cannot be judged from here, or the command line is wrong
A check that was not made is never 0. With --fail-on critical, warnings alone are 0.";

/// The probe's command line.
#[derive(Parser)]
#[command(version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the probe can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    /// Asks each server for a name, often enough to see every record, and compares with the fleet
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Asks addresses whether they are alive, with the smallest correct packet of a protocol
    #[command(after_help = REACH_EXIT_CODES)]
    Reach(ReachArgs),
}

/// What to check, and how.
#[derive(Args)]
pub struct CheckArgs {
    /// The name that clients ask for
    pub name: String,
    /// Authoritative name servers to ask, over UDP and TCP. The port is 53 unless given [default: all
    /// that the delegation from the root leads to, at each of their addresses]
    #[arg(long, value_name = "IP:PORT", num_args = 1.., value_delimiter = ',', value_parser = server)]
    pub server: Vec<SocketAddr>,
    /// Where the search for name servers begins, in place of the root: servers of any zone above the
    /// name. With a port, every name server is asked on it
    #[arg(long, value_name = "IP:PORT", num_args = 1.., value_delimiter = ',', value_parser = server,
          conflicts_with = "server")]
    pub root: Vec<SocketAddr>,
    /// Recursive resolvers: IP:PORT, tls://HOST, https://HOST/PATH, quic://HOST, each with a port or, after
    /// an address, #NAME for its certificate where needed; or system, for those of this machine. Where the
    /// root servers lead nowhere, as behind many firewalls, the first is asked for the name servers, and
    /// these are still asked themselves [default: system]
    #[arg(long, value_name = "RESOLVER", num_args = 1.., value_delimiter = ',')]
    pub resolver: Vec<ResolverSpec>,
    /// Certificates to trust for resolvers, beside those that this machine trusts, in PEM form
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// What serves: a file with what `aws ec2 describe-instances` prints
    #[arg(long, value_name = "file:FLEET.json", requires = "pool")]
    pub truth: Option<TruthSource>,
    /// The pool document of the name
    #[arg(long, value_name = "POOL.json", requires = "truth")]
    pub pool: Option<PathBuf>,
    /// The members' lifecycle states: what `aws autoscaling describe-auto-scaling-instances` or
    /// `describe-auto-scaling-groups` prints. Without it, members that run count as in service
    #[arg(long, value_name = "FILE", requires = "truth")]
    pub groups: Option<PathBuf>,
    /// Queries to each server; auto asks until every record would have been seen with 99.9 %
    /// probability, and until a missing address is no accident
    #[arg(long, value_name = "N", default_value = "auto", value_parser = samples)]
    pub samples: Samples,
    /// How long each try waits for its reply; a query over UDP is tried four times
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = registrar_shell::duration)]
    pub timeout: Duration,
    /// When the check ends, done or not
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// Queries a second to each server at most [default: 64 under way at a time]
    #[arg(long, value_name = "N")]
    pub rate: Option<NonZeroU32>,
    /// Where message ids come from, to send the same ones again [default: random]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// The form of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The mildest finding that makes the exit code other than 0; what is unknown always does
    #[arg(long, value_enum, default_value_t)]
    pub fail_on: FailOnArg,
}

/// The form of the report.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// For a person; the first line is for monitoring
    #[default]
    Human,
    /// One document, schema resolver-probe/1
    Json,
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

/// The port of name servers, RFC 1035 §4.2.
const DNS_PORT: u16 = 53;

/// Reads `127.0.0.1:5353`, `127.0.0.1`, `[::1]:53` or `::1`.
fn server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = SocketAddr::from_str(text)
        .or_else(|_| IpAddr::from_str(bare).map(|address| SocketAddr::new(address, DNS_PORT)))
        .map_err(|_| {
            "write an address such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53".to_owned()
        })?;
    if address.port() == 0 {
        return Err("0 is not a port: leave it out for port 53".to_owned());
    }
    Ok(address)
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

/// Where the truth comes from.
#[derive(Clone, Debug)]
pub struct TruthSource(PathBuf);

impl TruthSource {
    /// Returns the file of the fleet's dump.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl FromStr for TruthSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self(path.into())),
            Some(_) | None => Err("write file:FLEET.json, a file with what `aws ec2 describe-instances` \
                                   prints; there is no other source yet"
                .to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_port_is_asked_on_port_53() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("127.0.0.1:5353", "127.0.0.1:5353"),
            ("::1", "[::1]:53"),
            ("[::1]", "[::1]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(server(text).unwrap().to_string(), address);
        }
    }

    #[test]
    fn what_is_no_server_address_is_refused() {
        for text in ["", "localhost", "127.0.0.1:0", "127.0.0.1:99999", "300.0.0.1"] {
            assert!(server(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn samples_are_auto_or_a_positive_number() {
        assert_eq!(samples("auto"), Ok(Samples::Auto));
        assert!(samples("60").is_ok());
        assert!(samples("0").is_err());
    }
}
