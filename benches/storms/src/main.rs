//! Plays four storms in simulated time, through the embedded edge and through the reference design, against a strict
//! Route 53 with its real budgets, and prints what each came to as a table.
//!
//! Nothing here waits, and no clock is read: the same seed gives the same figures. It judges nothing.

mod budget;
mod exposure;
mod reference;
mod registrar;
mod report;
mod storm;
mod world;

use std::io::Write;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

use report::Row;
use storm::Storm;
use world::World;

/// Plays storms in simulated time.
#[derive(Parser)]
#[command(name = "registrar-storms", max_term_width = 100)]
struct Cli {
    /// Which storms [default: all of them]
    #[arg(long, value_enum)]
    only: Vec<Name>,
    /// How many instances each storm has, in percent of what it usually has
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=150))]
    size: u16,
    /// Where the jitter of retries comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// The storms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// 5,000 instances launch within a minute
    Launch,
    /// A Wavelength zone with 1,000 of a pool's 3,000 instances terminates
    Evacuation,
    /// An Auto Scaling group of 50, in a pool of 200, replaces all of its instances every 30 s for ten minutes
    Flapping,
    /// The TTL of a pool of 1,000 is changed
    Ttl,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let names = if cli.only.is_empty() { Name::value_variants().to_vec() } else { cli.only };
    let mut rows = Vec::new();
    for name in names {
        let storm = Storm::new(name, usize::from(cli.size));
        let least = budget::least(&storm);
        let ours = registrar::play(World::new(&storm), cli.seed)
            .with_context(|| format!("the registrar in the storm {name:?}"))?;
        rows.push(Row::new(&storm.title, "theoretical minimum", least));
        rows.push(Row::new(&storm.title, "registrar", ours));
        let theirs = reference::play(World::new(&storm), cli.seed);
        rows.push(Row::new(&storm.title, "reference design", theirs));
    }
    let text = report::table(&rows);
    std::io::stdout().write_all(text.as_bytes()).context("failed to write the table")
}
