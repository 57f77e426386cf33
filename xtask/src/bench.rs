//! `cargo xtask bench`: builds what is measured, and runs the measurement on it.
//!
//! Each measuring program is a package of its own, so that xtask stays quick to compile.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::command::{cargo, root, step};
use crate::{package, venv};

#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// Measure the function against the published reference design: start, invocations, memory, calls
    Lambda(LambdaArguments),
    /// Play storms on the embedded edge in simulated time: calls, changes, seconds until right and of dead answers
    Storms(StormsArguments),
}

#[derive(Args)]
pub(crate) struct LambdaArguments {
    /// What the measuring program takes; see `cargo xtask bench lambda -- --help`
    #[arg(last = true)]
    rest: Vec<String>,
}

#[derive(Args)]
pub(crate) struct StormsArguments {
    /// What the program takes; see `cargo xtask bench storms -- --help`
    #[arg(last = true)]
    rest: Vec<String>,
}

/// Runs a bench.
pub(crate) fn run(command: &BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Lambda(arguments) => lambda(&arguments.rest),
        BenchCommand::Storms(arguments) => storms(&arguments.rest),
    }
}

/// Plays storms; the package is selected by name, so that no AWS SDK is compiled.
fn storms(rest: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "registrar-storms", "--"]);
    command.args(rest);
    step("bench", command)
}

/// Measures the function with these options of the measuring program.
pub(crate) fn lambda(rest: &[String]) -> Result<()> {
    let function = package::function()?;
    let python = venv::PYTHON.ensure()?.join("python");
    let mut command = cargo(&["run", "--quiet", "--release", "--package", "registrar-bench", "--"]);
    command.arg("--bootstrap").arg(&function.bootstrap).arg("--zip").arg(&function.zip);
    command.arg("--python").arg(python).arg("--baseline").arg(root().join("benches/baseline"));
    command.args(rest);
    step("bench", command)
}
