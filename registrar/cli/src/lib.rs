//! The operator's command: plans, applies, orders, and validates pool documents.
//!
//! Standard output is data; everything else goes to standard error. Time and randomness come from the binary, decisions
//! from the core, and AWS is behind the feature `aws`.

pub mod arguments;
#[cfg(feature = "aws")]
mod aws;
mod offline;
mod plan;
mod pool;
mod render;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use registrar_core::Timestamp;

use arguments::{Cli, Command};

/// What only a binary has.
#[derive(Clone, Copy, Debug)]
pub struct Shell {
    /// Tells the time.
    pub now: fn() -> Timestamp,
    /// Where random numbers begin.
    pub seed: u64,
}

/// Returns the command line, for completions and man pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that the program's arguments ask for.
#[must_use]
pub fn run(shell: Shell) -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    match dispatch(cli.command, shell) {
        Ok(code) => code,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command, shell: Shell) -> anyhow::Result<ExitCode> {
    match command {
        Command::Plan(arguments) if arguments.fleet.is_some() => plan::run_offline(&arguments, (shell.now)()),
        Command::Pool(command) => pool::run(&command),
        command => on_aws(command, shell),
    }
}

#[cfg(feature = "aws")]
fn on_aws(command: Command, shell: Shell) -> anyhow::Result<ExitCode> {
    aws::run(command, shell)
}

#[cfg(not(feature = "aws"))]
fn on_aws(_: Command, _: Shell) -> anyhow::Result<ExitCode> {
    anyhow::bail!(
        "this registrar was built without AWS (hint: build it with its default features, or plan offline with --fleet)"
    )
}

/// Where exit code 2 means that there are changes, a usage error is 1 like any other error.
fn refuse(error: &clap::Error) -> ExitCode {
    // There is nowhere left to report that it could not be printed.
    drop(error.print());
    let detailed = std::env::args().any(|argument| argument == "--detailed-exitcode");
    ExitCode::from(match (error.use_stderr(), detailed) {
        (false, _) => 0,
        (true, true) => 1,
        (true, false) => 2,
    })
}

/// Writes to standard output; a reader that went away is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
