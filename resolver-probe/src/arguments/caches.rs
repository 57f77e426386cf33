//! The command line of `caches`: which resolvers to watch, for how long, and how to say what was seen.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{AskingArgs, ExitArgs};

/// Which resolvers to watch, and how.
#[derive(Args)]
pub struct CachesArgs {
    /// The name that clients ask for
    pub name: String,
    /// Who is asked, and how; without any --resolver, those of this machine.
    #[command(flatten)]
    pub asking: AskingArgs,
    /// How long to watch [default: two TTLs of the name and 5 s more, and 20 s at least]
    #[arg(long = "for", value_name = "DURATION", value_parser = registrar_shell::duration)]
    pub lasting: Option<Duration>,
    /// When it ends, done or not
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = registrar_shell::duration)]
    pub deadline: Duration,
    /// What the name answered before, as `watch --history FILE` writes it
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// The form of the report on standard output
    #[arg(long, value_enum, default_value_t)]
    pub format: CachesFormat,
    /// What it exits with.
    #[command(flatten)]
    pub exit: ExitArgs,
}

/// The form of the report.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum CachesFormat {
    /// For a person; the first line is for monitoring
    #[default]
    Human,
    /// One document, schema resolver-probe-caches/1
    Json,
}
