//! `registrar-local`: an edge in one process, to try, to demonstrate and to test with.
//!
//! This is where time, randomness and the terminal enter.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use rand::TryRng;
use rand::rngs::SysRng;
use registrar_core::offline::PoolArgument;
use registrar_local::arguments::{Cli, Command, DemoArguments, ServeArguments};
use registrar_local::demo::{self, DemoConfig};
use registrar_local::dns::Clock;
use registrar_local::serve::{Inputs, ServeConfig, serve};

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
        resolvers: arguments.resolvers,
        deployment: arguments.deployment,
        sweep: arguments.sweep,
        exit_on_eof: arguments.exit_on_eof,
        seed: arguments.seed.map_or_else(seed, Ok)?,
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
