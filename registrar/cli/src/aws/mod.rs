//! The commands that talk to AWS: thin shells around one deployment's driver.
//!
//! They ask, show and tell; what is to be done is decided in the core, and carried out by `registrar_aws`.

mod adopt;
mod apply;
mod audit;
mod confirm;
mod orders;
mod plan;
mod progress;
mod session;
mod status;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::Shell;
use crate::arguments::Command;

/// Runs a command on a runtime of its own; one thread is enough for what is mostly waiting.
pub(crate) fn run(command: Command, shell: Shell) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // The SDK's futures are nested too deeply for the compiler to lay them out in one piece.
    runtime.context("the runtime could not be started")?.block_on(Box::pin(dispatch(command, shell)))
}

async fn dispatch(command: Command, shell: Shell) -> Result<ExitCode> {
    match command {
        Command::Plan(arguments) => plan::run(&arguments, shell).await,
        Command::Apply(arguments) => apply::run(&arguments, shell).await,
        Command::Status(arguments) => status::run(&arguments, shell).await,
        Command::Release(arguments) => orders::release(&arguments, shell).await,
        Command::Pause(arguments) => orders::pause(&arguments, shell).await,
        Command::Resume(arguments) => orders::resume(&arguments, shell).await,
        Command::Adopt(arguments) => adopt::run(&arguments, shell).await,
        Command::Pool(_) => bail!("pool documents are checked without AWS"),
    }
}
