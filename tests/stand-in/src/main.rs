//! `aws-stand-in`: the stand-in as a process, for benches and for trying things out.
//!
//! Everything is in the library; here are the command line and the end.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_stand_in::{StandIn, World};
use clap::Parser;
use tokio::io::AsyncReadExt;

/// A strict stand-in for EC2, Auto Scaling, Route 53, SSM, SQS and STS on one port.
///
/// Prints one JSON line with its endpoint, and serves until it is interrupted.
#[derive(Parser)]
#[command(name = "aws-stand-in", version, max_term_width = 100)]
struct Cli {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The world at the start, as JSON; an empty one without it.
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,
    /// How much longer each call takes.
    #[arg(long, value_name = "MILLISECONDS")]
    latency_ms: Option<u64>,
    /// Stop at the end of standard input.
    #[arg(long)]
    exit_on_eof: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            registrar_shell::report_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> Result<()> {
    let mut world = match &cli.world {
        None => World::default(),
        Some(path) => {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            World::from_json(&text).with_context(|| format!("{} is not a world", path.display()))?
        }
    };
    if let Some(latency) = cli.latency_ms {
        world.set_latency(Duration::from_millis(latency));
    }
    let started = StandIn::start_on(cli.listen, world).await;
    let stand_in = started.with_context(|| format!("cannot listen on {}", cli.listen))?;
    let line = serde_json::json!({ "endpoint": stand_in.endpoint() });
    writeln!(std::io::stdout(), "{line}").context("cannot print the endpoint")?;
    if cli.exit_on_eof {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for SIGINT")?,
            () = end_of_input() => {}
        }
    } else {
        tokio::signal::ctrl_c().await.context("cannot wait for SIGINT")?;
    }
    stand_in.stop().await;
    Ok(())
}

/// Waits for the end of standard input, or for the error that ends it.
async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut ignored = [0; 256];
    while matches!(input.read(&mut ignored).await, Ok(1..)) {}
}
