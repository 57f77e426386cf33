//! The command line of the probe, as data: what may be given, and its help.
//!
//! It reads no file and checks nothing. It is in the library so that completions and man pages can be made of it.

mod asking;
mod caches;
mod check;
mod exit;
mod liveness;
mod reach;
mod truth;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use asking::AskingArgs;
pub use caches::{CachesArgs, CachesFormat};
pub use check::CheckArgs;
pub use exit::{ExitArgs, FailOnArg, UnknownAsArg};
pub use liveness::LivenessArgs;
pub use truth::{TruthArgs, TruthSource};

pub use reach::{AddressArg, KindArg, ReachArgs};

const EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst finding decides, in the order 2, 1, 3, 0:
  0  OK        everything was looked at, and is as it should be
  1  WARNING   something should be looked into
  2  CRITICAL  clients are being hurt: a stale record, no address, no server that answers
  3  UNKNOWN   something could not be looked at, or the command line or a file is wrong
A check that was not made is never 0. With --fail-on critical, warnings alone are 0;
with --exit-zero, all findings are; with --unknown-as critical, what is unknown is 2.";

const REACH_EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst address decides, in the order 2, 1, 3, 0:
  0  OK        every address is alive
  1  WARNING   an address is silent, and why is not certain
  2  CRITICAL  an address is dead, or refuses what clients ask of it
  3  UNKNOWN   an address cannot be judged from here, or the command line is wrong
A check that was not made is never 0. With --fail-on critical, warnings alone are 0;
with --exit-zero, all findings are; with --unknown-as critical, what is unknown is 2.";

const CACHES_EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst finding decides, in the order 2, 1, 3, 0:
  0  OK        every resolver was watched for long enough, and keeps answers no longer than it may
  1  WARNING   a resolver stretches TTLs, serves stale answers, or does not answer
  3  UNKNOWN   too little was seen to tell, or the command line or a file is wrong
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
    Check(Box<CheckArgs>),
    /// Watches resolvers for some TTLs: which of them stretch, clamp or serve stale, with the evidence
    #[command(after_help = CACHES_EXIT_CODES)]
    Caches(CachesArgs),
    /// Asks addresses whether they are alive, with the smallest correct packet of a protocol
    #[command(after_help = REACH_EXIT_CODES)]
    Reach(ReachArgs),
}

/// The form of the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person; the first line is for monitoring
    #[default]
    Human,
    /// One document: schema resolver-probe/1, and of reach resolver-probe-reach/1
    Json,
    /// A monitoring plugin's: a line, performance data, and a long text
    Nagios,
    /// Metrics for Prometheus's textfile collector, best with --output
    Prometheus,
    /// JUnit XML, a test case for each address, server and resolver
    Junit,
}

/// Where the report goes, in which form, and what it exits with.
#[derive(Args)]
pub struct OutputArgs {
    /// The form of the report
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Write the report to this file, and not to standard output. It is replaced at once, by renaming,
    /// so that nobody reads half of it
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write every row for a person, those too with which nothing is wrong
    #[arg(long)]
    pub verbose: bool,
    /// What it exits with.
    #[command(flatten)]
    pub exit: ExitArgs,
}
