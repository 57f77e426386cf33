//! `cargo xtask`: the project's own commands.
//!
//! `cargo xtask ci` is the whole of what has to pass; it needs the toolchain and nothing else.

mod ci;
mod readme;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Cli {
    /// Run every check: format, lints, tests, documentation, the demonstration, and the README's commands.
    Ci,
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

/// Tells on standard error, where there is nowhere left to report a failure of telling.
fn tell(line: &str) {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "{line}"));
}
