//! `cargo xtask`: the project's own commands.
//!
//! `cargo xtask ci` is the whole of what has to pass; it needs the toolchain, a C++ compiler and Python, and installs the
//! rest below `target`, but for the servers of other makers, which are packages of the system.

mod adversity;
mod bench;
mod ci;
mod command;
mod deny;
mod fuzz;
mod mutants;
mod package;
mod readme;
mod servers;
mod venv;

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Cli {
    /// Run every check: format, lints, tests, documentation, the demonstration, and the README's commands.
    Ci,
    /// Build, check and pack the function for Lambda, and the operator's programs.
    Package(package::PackageArguments),
    /// Fuzz what reads from outside, for a bounded time.
    Fuzz(fuzz::FuzzArguments),
    /// Hold the dependencies to deny.toml: licences, duplicates, bans and sources.
    Deny(deny::DenyArguments),
    /// Play random stories about failing fleets, registrars and Regions until a rule breaks, and print a table.
    Adversity(adversity::AdversityArguments),
    /// Change the core's guard, diff and plan in small ways, and list the changes that no test notices.
    Mutants(mutants::MutantsArguments),
    /// Measure, and print the figures.
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Make the Python environment of the tests and benches, and print its interpreter.
    Python,
    /// Run the commands that the README shows.
    #[command(subcommand)]
    Readme(ReadmeCommand),
}

#[derive(Subcommand)]
enum ReadmeCommand {
    /// Run them.
    Run,
    /// List them.
    List,
}

fn main() -> ExitCode {
    let result = match Cli::parse() {
        Cli::Ci => ci::run(),
        Cli::Package(arguments) => package::run(&arguments),
        Cli::Fuzz(arguments) => fuzz::run(&arguments),
        Cli::Deny(arguments) => deny::run(&arguments),
        Cli::Adversity(arguments) => adversity::run(&arguments),
        Cli::Mutants(arguments) => mutants::run(&arguments),
        Cli::Bench(command) => bench::run(&command),
        Cli::Python => python(),
        Cli::Readme(ReadmeCommand::Run) => readme::run(),
        Cli::Readme(ReadmeCommand::List) => readme::list(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("xtask: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn python() -> Result<()> {
    let interpreter = venv::PYTHON.ensure()?.join("python");
    writeln!(std::io::stdout(), "{}", interpreter.display()).context("standard output is closed")
}

/// Tells on standard error, where there is nowhere left to report a failure of telling.
fn tell(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}
