//! The probe as a program: arguments in, a report on standard output, an exit code.
//!
//! All judgement is the library's. Standard output carries the report alone; errors and hints go to
//! standard error.

mod inputs;
mod reach_command;

use std::io::{self, Write as _};
use std::process::ExitCode;

#[cfg(not(feature = "encrypted"))]
use anyhow::bail;
use anyhow::{Context, Result, anyhow};
use clap::Parser;
use rand::TryRng;
use resolver_probe::arguments::{CheckArgs, Cli, Command, FailOnArg, Format};
use resolver_probe::{
    CheckReport, CheckRequest, FailOn, FindingId, NoResolver, ResolverManner, ResolverSpec, resolvers,
};

use registrar_shell::tell;
use tokio::runtime::Runtime;

/// The Monitoring Plugins' code for a check that could not be made.
const UNKNOWN: u8 = 3;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let done = match cli.command {
        Command::Check(arguments) => run(&arguments),
        Command::Reach(arguments) => reach_command::run(&arguments),
    };
    match done {
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
    let report = runtime()?.block_on(resolver_probe::check(request));
    let text = match arguments.format {
        Format::Human => resolver_probe::render_human(&report),
        Format::Json => resolver_probe::render_json(&report),
    };
    print(&text).context("failed to print the report")?;
    advise(&report);
    Ok(report.exit_code(fail_on(arguments.fail_on)))
}

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start the runtime")
}

fn fail_on(argument: FailOnArg) -> FailOn {
    match argument {
        FailOnArg::Warning => FailOn::Warning,
        FailOnArg::Critical => FailOn::Critical,
    }
}

fn request(arguments: &CheckArgs) -> Result<CheckRequest> {
    let name = inputs::name(&arguments.name)?;
    let truth = match (&arguments.truth, &arguments.pool) {
        (Some(fleet), Some(pool)) => Some(inputs::truth(&name, fleet, pool, arguments.groups.as_deref())?),
        (None, _) | (_, None) => None,
    };
    let seed = seed(arguments.seed)?;
    let specs = if arguments.resolver.is_empty() { &[ResolverSpec::System][..] } else { &arguments.resolver };
    let resolvers = match resolvers(specs, &inputs::system(), &manner(arguments)?, seed) {
        // A machine without resolvers can still ask name servers.
        Err(NoResolver::System { .. }) if arguments.resolver.is_empty() => Vec::new(),
        resolvers => resolvers.map_err(|error| anyhow!("--resolver: {error}"))?,
    };
    Ok(CheckRequest {
        name,
        servers: arguments.server.clone(),
        roots: arguments.root.clone(),
        resolvers,
        truth,
        samples: arguments.samples,
        timeout: arguments.timeout,
        deadline: arguments.deadline,
        rate: arguments.rate,
        seed,
    })
}

/// Over UDP a question to a resolver is sent three times at most.
const RESOLVER_TRIES: u32 = 3;

fn manner(arguments: &CheckArgs) -> Result<ResolverManner> {
    let manner = ResolverManner::new(arguments.timeout, RESOLVER_TRIES);
    #[cfg(feature = "encrypted")]
    let manner = manner.trusting(inputs::trust(arguments.ca.as_deref())?);
    #[cfg(not(feature = "encrypted"))]
    if let Some(path) = &arguments.ca {
        bail!("--ca {}: this program was built without encryption", path.display());
    }
    Ok(manner)
}

/// The one place where randomness enters. 53 bits: what reads JSON numbers as floats keeps the seed whole.
fn seed(given: Option<u64>) -> Result<u64> {
    match given {
        Some(seed) => Ok(seed),
        None => rand::rngs::SysRng
            .try_next_u64()
            .map(|seed| seed >> 11)
            .map_err(|error| anyhow!("no random seed: {error} (hint: give one with --seed)")),
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = anstream::stdout().lock();
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
