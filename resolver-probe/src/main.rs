//! The command line of the probe: arguments in, a report on standard output, an exit code.
//!
//! All judgement is the library's. Standard output carries the report alone; errors and hints go to
//! standard error.

mod inputs;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use rand::TryRng;
use resolver_probe::{CheckReport, CheckRequest, FailOn, FindingId, Samples};

use registrar_shell::tell;

use inputs::TruthSource;

/// The Monitoring Plugins' code for a check that could not be made.
const UNKNOWN: u8 = 3;

const EXIT_CODES: &str = "\
Exit codes, those of the Monitoring Plugins; the worst finding decides, in the order 2, 1, 3, 0:
  0  OK        everything was looked at, and is as it should be
  1  WARNING   something should be looked into
  2  CRITICAL  clients are being hurt: a stale record, no address, no server that answers
  3  UNKNOWN   something could not be looked at, or the command line or a file is wrong
A check that was not made is never 0. With --fail-on critical, warnings alone are 0.";

#[derive(Parser)]
#[command(version, about, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Asks each server for a name, often enough to see every record, and compares with the fleet
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
}

#[derive(Args)]
struct CheckArgs {
    /// The name that clients ask for
    name: String,
    /// Authoritative name servers to ask, over UDP and TCP; they are not discovered. The port is 53
    /// unless given
    #[arg(long, value_name = "IP:PORT", num_args = 1.., value_delimiter = ',', value_parser = inputs::server)]
    server: Vec<SocketAddr>,
    /// What serves: a file with what `aws ec2 describe-instances` prints
    #[arg(long, value_name = "file:FLEET.json", requires = "pool")]
    truth: Option<TruthSource>,
    /// The pool document of the name
    #[arg(long, value_name = "POOL.json", requires = "truth")]
    pool: Option<PathBuf>,
    /// The members' lifecycle states: what `aws autoscaling describe-auto-scaling-instances` or
    /// `describe-auto-scaling-groups` prints. Without it, members that run count as in service
    #[arg(long, value_name = "FILE", requires = "truth")]
    groups: Option<PathBuf>,
    /// Queries to each server; auto asks until every record would have been seen with 99.9 %
    /// probability, and until a missing address is no accident
    #[arg(long, value_name = "N", default_value = "auto", value_parser = inputs::samples)]
    samples: Samples,
    /// How long each try waits for its reply; a query over UDP is tried four times
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = registrar_shell::duration)]
    timeout: Duration,
    /// When the check ends, done or not
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = registrar_shell::duration)]
    deadline: Duration,
    /// Queries a second to each server at most [default: 16 under way at a time]
    #[arg(long, value_name = "N")]
    rate: Option<NonZeroU32>,
    /// Where message ids come from, to send the same ones again [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The form of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The mildest finding that makes the exit code other than 0; what is unknown always does
    #[arg(long, value_enum, default_value_t)]
    fail_on: FailOnArg,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum Format {
    /// For a person; the first line is for monitoring
    #[default]
    Human,
    /// One document, schema resolver-probe/1
    Json,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum FailOnArg {
    /// Warnings are exit code 1
    #[default]
    Warning,
    /// Warnings are exit code 0
    Critical,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let Command::Check(arguments) = cli.command;
    match run(&arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Help and the version are what was asked for; anything else is a check that was not made.
fn refuse(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() || printed.is_err() { ExitCode::from(UNKNOWN) } else { ExitCode::SUCCESS }
}

fn run(arguments: &CheckArgs) -> Result<u8> {
    let request = request(arguments)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime")?;
    let report = runtime.block_on(resolver_probe::check(request));
    print(&report, arguments.format).context("failed to print the report")?;
    advise(&report);
    Ok(report.exit_code(match arguments.fail_on {
        FailOnArg::Warning => FailOn::Warning,
        FailOnArg::Critical => FailOn::Critical,
    }))
}

fn request(arguments: &CheckArgs) -> Result<CheckRequest> {
    let name = inputs::name(&arguments.name)?;
    if arguments.server.is_empty() {
        bail!("no server to ask for {name} (hint: name each authoritative server with --server IP:PORT)");
    }
    let truth = match (&arguments.truth, &arguments.pool) {
        (Some(fleet), Some(pool)) => Some(inputs::truth(&name, fleet, pool, arguments.groups.as_deref())?),
        (None, _) | (_, None) => None,
    };
    Ok(CheckRequest {
        name,
        servers: arguments.server.clone(),
        truth,
        samples: arguments.samples,
        timeout: arguments.timeout,
        deadline: arguments.deadline,
        rate: arguments.rate,
        seed: seed(arguments.seed)?,
    })
}

/// The one place where randomness enters. 53 bits: what reads JSON numbers as floats keeps the seed whole.
fn seed(given: Option<u64>) -> Result<u64> {
    match given {
        Some(seed) => Ok(seed),
        None => rand::rngs::SysRng
            .try_next_u64()
            .map_err(|error| anyhow!("no random seed: {error} (hint: give one with --seed)")),
    }
}

fn print(report: &CheckReport, format: Format) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    let text = match format {
        Format::Human => resolver_probe::render_human(report),
        Format::Json => resolver_probe::render_json(report),
    };
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Says once, beside the report, what else may explain it.
fn advise(report: &CheckReport) {
    let found = |id: FindingId| report.findings.iter().any(|finding| finding.id == id);
    if found(FindingId::StaleRecord) || found(FindingId::MissingIp) {
        tell("hint: dump the fleet again if instances came or went since it was dumped");
    }
    if found(FindingId::TooFewSamples) {
        tell("hint: use --samples auto, a longer --deadline or a higher --rate");
    }
}
