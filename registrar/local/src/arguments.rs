//! The command line of `registrar-local`, as data: what may be given, and its help.
//!
//! It reads no file. It is in the library so that completions and man pages can be made of it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use registrar_core::ids::DeploymentName;
use registrar_core::name::RecordName;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; serve ends so on SIGINT, on SIGTERM, and with --exit-on-eof at the end of standard input
  1  failed, or a check of the demonstration did not hold
  2  usage";

/// An edge in one process: a fleet, a strict model of Route 53, and weighted DNS answers.
#[derive(Parser)]
#[command(name = "registrar-local", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the edge can be asked to do.
#[derive(Subcommand)]
pub enum Command {
    /// Watch a fleet scale out and in with its records following, a blackhole appear and be caught.
    Demo(DemoArguments),
    /// Keep records in step with dumps of a real fleet, and with EventBridge envelopes on standard input (one JSON a
    /// line), and answer for them over DNS.
    Serve(Box<ServeArguments>),
}

/// How the story is told.
#[derive(Args)]
pub struct DemoArguments {
    /// Tell the same story in a few seconds.
    #[arg(long)]
    pub fast: bool,
    /// Go on serving at the end, and print the command to try.
    #[arg(long)]
    pub keep: bool,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
}

/// What is served, from which files.
#[derive(Args)]
pub struct ServeArguments {
    /// A pool document, named by the file's stem, or as NAME=FILE. Watched.
    #[arg(long = "pool", value_name = "FILE", required = true, num_args = 1..)]
    pub pools: Vec<String>,
    /// What `aws ec2 describe-instances` printed. Watched.
    #[arg(long, value_name = "FILE")]
    pub fleet: PathBuf,
    /// What `aws autoscaling describe-auto-scaling-instances` or `describe-auto-scaling-groups` printed. Watched.
    /// Without it, an instance whose tag names a group is unknown: it is not added.
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,
    /// What `aws route53 list-resource-record-sets` printed: read at the start where it exists, written after
    /// each change.
    #[arg(long, value_name = "FILE")]
    pub zone: Option<PathBuf>,
    /// The name of the hosted zone.
    #[arg(long, value_name = "NAME", default_value = "edge.example.com")]
    pub origin: RecordName,
    /// Where a name server listens, over UDP and TCP; port 0 takes any free one. Several are several servers.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5353", num_args = 1..)]
    pub dns: Vec<SocketAddr>,
    /// Where a caching resolver in front of the name servers listens, over UDP and TCP; port 0 takes any free one. To
    /// test witnesses against.
    #[arg(long = "resolver", value_name = "IP:PORT", num_args = 1..)]
    pub resolvers: Vec<SocketAddr>,
    /// The deployment that owns the records.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub deployment: DeploymentName,
    /// How often everything is looked at, such as 500ms, 1s or 2m.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = registrar_shell::duration)]
    pub sweep: Duration,
    /// What goes wrong around the edge. Watched.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Where random numbers begin, of draws and of faults: the same queries in the same order get the same answers.
    /// Drawn by the system where it is not given.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Print JSON lines.
    #[arg(long)]
    pub json: bool,
    /// Stop at the end of standard input.
    #[arg(long)]
    pub exit_on_eof: bool,
}
