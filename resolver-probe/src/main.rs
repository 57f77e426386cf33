//! The probe as a program: arguments in, a report on standard output, an exit code.
//!
//! All judgement is the library's. Standard output carries the report alone; errors and hints go to
//! standard error.

mod commands;
mod inputs;

use std::process::ExitCode;

use clap::Parser;
use resolver_probe::arguments::{Cli, Command};

/// The Monitoring Plugins' code for a check that could not be made.
const UNKNOWN: u8 = 3;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let done = match cli.command {
        Command::Caches(arguments) => commands::caches::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Reach(arguments) => commands::reach::run(&arguments),
        Command::Propagate(arguments) => commands::propagate::run(*arguments),
        Command::Watch(arguments) => commands::watch::run(*arguments),
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
