//! `registrar`: plans, and validates pool documents.
//!
//! Standard output is data; everything else goes to standard error. The only place of the operator
//! command that reads the clock.

mod plan;
mod pool;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, or a pool has an error
  2  usage
  3  something was held back
With plan --detailed-exitcode:
  0  nothing to change
  1  any error, usage included
  2  changes
  3  something was held back
  (where several hold, 1 comes before 3 and 3 before 2)";

/// Keeps the DNS records of an edge fleet in step with its instances.
#[derive(Parser)]
#[command(name = "registrar", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what would change, from dumps of the AWS CLI, without touching anything.
    #[command(after_help = EXIT_CODES)]
    Plan(plan::PlanArguments),
    /// Validate pool documents.
    #[command(subcommand)]
    Pool(pool::PoolCommand),
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let result = match cli.command {
        Command::Plan(arguments) => plan::run(&arguments, now()),
        Command::Pool(command) => pool::run(&command),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
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

#[expect(clippy::disallowed_methods, reason = "the binary is where the time enters")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Writes to standard output; a reader that went away is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match anstream::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}
