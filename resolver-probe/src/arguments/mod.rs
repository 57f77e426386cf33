//! The command line of the probe, as data: what may be given, and its help.
//!
//! It reads no file and checks nothing. It is in the library so that completions and man pages can be made of it.

mod asking;
mod caches;
mod check;
mod exit;
mod liveness;
mod propagate;
mod reach;
mod truth;
mod watch;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use asking::AskingArgs;
pub use caches::{CachesArgs, CachesFormat};
pub use check::CheckArgs;
pub use exit::{ExitArgs, FailOnArg, UnknownAsArg};
pub use liveness::LivenessArgs;
pub use propagate::{PropagateArgs, PropagateFormat};
pub use truth::{TruthArgs, TruthSource};
pub use watch::{WatchArgs, WatchFormat};

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

const PROPAGATE_HELP: &str = "\
Everything is between two times: an address of share s is in s of the answers, so that its absence takes as many
answers to tell as leave (1 - s)^n below --alpha. Begin it before the change is made, or tell it with --changed-at.

Examples:
  An instance was replaced:
    resolver-probe propagate video.bos.edge.example.com --expect 192.0.2.5 --expect-gone 192.0.2.4 \\
      --truth file:fleet.json --pool video.json --resolver system
  A record of its own, without weights:
    resolver-probe propagate www.example.com --expect 192.0.2.80 --share 1

Exit codes:
  0  every name server, and every resolver, has seen the change
  2  at the deadline, one of them still answers as before
  3  one of them could not be told: it does not answer, or not often enough; or the command line is wrong";

const WATCH_HELP: &str = "\
It watches until it is stopped, by Ctrl-C or SIGTERM, and then says how everything stands. No finding is raised
by looking often: the levels of all tests, for ever, add up to --alpha.

Examples:
  A live view, against the fleet:
    resolver-probe watch video.bos.edge.example.com --truth file:fleet.json --pool video.json
  Beside two resolvers, as a service:
    resolver-probe watch video.bos.edge.example.com --resolver system,192.0.2.53 \\
      --format json --history video.history --listen 127.0.0.1:9753
  For a quarter of an hour, failing a build:
    resolver-probe watch video.bos.edge.example.com --for 15m --truth file:fleet.json --pool video.json

Exit codes, those of the Monitoring Plugins, of what stands at the end; the worst decides, in the order 2, 1, 3, 0:
  0  OK        everything was looked at, and is as it should be
  1  WARNING   something should be looked into
  2  CRITICAL  clients are being hurt: a stale record, no address, no server that answers
  3  UNKNOWN   something could not be told until the end, or the command line or a file is wrong
What stood before and is over does not count; it was told. With --fail-on critical, warnings alone are 0;
with --exit-zero, all findings are; with --unknown-as critical, what is unknown is 2.";

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
    /// Asks until every name server and resolver has seen a change, and tells how long each took
    #[command(after_help = PROPAGATE_HELP)]
    Propagate(Box<PropagateArgs>),
    /// Asks servers and resolvers for a name for ever, and tells what changes and what is wrong, from when to when
    #[command(after_help = WATCH_HELP)]
    Watch(Box<WatchArgs>),
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
