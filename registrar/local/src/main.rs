//! `registrar-local`: an edge in one process, to try, to demonstrate and to test with.
//!
//! This is where time, randomness and the terminal enter.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use rand::TryRng;
use rand::rngs::SysRng;
use registrar_core::ids::DeploymentName;
use registrar_core::name::RecordName;
use registrar_core::offline::PoolArgument;
use registrar_local::demo::{self, DemoConfig};
use registrar_local::dns::Clock;
use registrar_local::serve::{Inputs, ServeConfig, serve};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; serve ends so on SIGINT, on SIGTERM, and with --exit-on-eof at the end of standard input
  1  failed, or a check of the demonstration did not hold
  2  usage";

/// An edge in one process: a fleet, a strict model of Route 53, and weighted DNS answers.
#[derive(Parser)]
#[command(name = "registrar-local", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Watch a fleet scale out and in with its records following, a blackhole appear and be caught.
    Demo(DemoArguments),
    /// Keep records in step with dumps of a real fleet, and with EventBridge envelopes on standard input (one JSON a
    /// line), and answer for them over DNS.
    Serve(Box<ServeArguments>),
}

#[derive(Args)]
struct DemoArguments {
    /// Tell the same story in a few seconds.
    #[arg(long)]
    fast: bool,
    /// Go on serving at the end, and print the command to try.
    #[arg(long)]
    keep: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ServeArguments {
    /// A pool document, named by the file's stem, or as NAME=FILE. Watched.
    #[arg(long = "pool", value_name = "FILE", required = true, num_args = 1..)]
    pools: Vec<String>,
    /// What `aws ec2 describe-instances` printed. Watched.
    #[arg(long, value_name = "FILE")]
    fleet: PathBuf,
    /// What `aws autoscaling describe-auto-scaling-instances` or `describe-auto-scaling-groups` printed. Watched.
    /// Without it, an instance whose tag names a group is unknown: it is not added.
    #[arg(long, value_name = "FILE")]
    groups: Option<PathBuf>,
    /// What `aws route53 list-resource-record-sets` printed: read at the start where it exists, written after
    /// each change.
    #[arg(long, value_name = "FILE")]
    zone: Option<PathBuf>,
    /// The name of the hosted zone.
    #[arg(long, value_name = "NAME", default_value = "edge.example.com")]
    origin: RecordName,
    /// Where a name server listens, over UDP and TCP; port 0 takes any free one. Several are several servers.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5353", num_args = 1..)]
    dns: Vec<SocketAddr>,
    /// The deployment that owns the records.
    #[arg(long, value_name = "NAME", default_value = "default")]
    deployment: DeploymentName,
    /// How often everything is looked at, such as 500ms, 1s or 2m.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = registrar_shell::duration)]
    sweep: Duration,
    /// What goes wrong around the edge. Watched.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
    /// Stop at the end of standard input.
    #[arg(long)]
    exit_on_eof: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(arguments) => run_serve(*arguments).await,
        Command::Demo(arguments) => run_demo(&arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run_serve(arguments: ServeArguments) -> Result<()> {
    let config = ServeConfig {
        inputs: Inputs {
            pools: PoolArgument::parse_all(&arguments.pools)?,
            fleet: arguments.fleet,
            groups: arguments.groups,
            zone: arguments.zone,
            faults: arguments.faults,
        },
        origin: arguments.origin,
        dns: arguments.dns,
        deployment: arguments.deployment,
        sweep: arguments.sweep,
        exit_on_eof: arguments.exit_on_eof,
        seed: seed()?,
    };
    finish(serve(config, anstream::stdout(), arguments.json, clock()).await)
}

async fn run_demo(arguments: &DemoArguments) -> Result<()> {
    let config =
        DemoConfig { fast: arguments.fast, keep: arguments.keep, json: arguments.json, seed: seed()? };
    finish(demo::run(&config, anstream::stdout(), clock()).await)
}

/// A reader that went away ends the program and is not a failure.
fn finish(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        other => other,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let source = error.downcast_ref::<std::io::Error>();
    source.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn clock() -> Clock {
    #[expect(clippy::disallowed_methods, reason = "the binary is where the time enters")]
    Arc::new(registrar_core::Timestamp::now)
}

fn seed() -> Result<u64> {
    SysRng.try_next_u64().context("the system gave no random numbers")
}
