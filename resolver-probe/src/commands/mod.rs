//! The commands, and what they share: the runtime, the clock and randomness.

pub(crate) mod caches;
pub(crate) mod check;
mod output;
mod progress;
pub(crate) mod reach;

use anyhow::{Context, Result, anyhow};
use rand::TryRng;
use registrar_core::Timestamp;
use tokio::runtime::Runtime;

fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start the runtime")
}

/// The one place where randomness enters. 53 bits: what reads JSON numbers as floats keeps the seed whole.
fn seed(given: Option<u64>) -> Result<u64> {
    match given {
        Some(seed) => Ok(seed),
        None => rand::rngs::SysRng
            .try_next_u64()
            .map(|seed| seed >> 11)
            .map_err(|error| anyhow!("no random seed: {error} (hint: give one with --seed)")),
    }
}

/// The one place where the time of day enters.
#[expect(clippy::disallowed_methods, reason = "a binary may look at the clock")]
fn now() -> Timestamp {
    Timestamp::now()
}
