//! `registrar-local demo`: a story of about a minute, told live and checked by real DNS queries.
//!
//! Files, events, planning, Route 53's rules, name servers and the probe are the real ones; only EC2 is
//! played by an embedded fleet. A step that does not hold makes the demonstration fail.

mod scenes;
mod stage;
mod telling;

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::dns::Clock;
use crate::serve::Signals;
use stage::Stage;
use telling::Teller;

/// How to tell the story.
#[derive(Clone, Copy, Debug)]
pub struct DemoConfig {
    /// Without the pauses that give a person time to read.
    pub fast: bool,
    /// Go on serving at the end.
    pub keep: bool,
    /// As JSON lines of schema `registrar-demo/1`.
    pub json: bool,
    /// Where random numbers begin.
    pub seed: u64,
}

/// Tells the story.
///
/// # Errors
/// When a step does not hold, or something could not be set up.
pub async fn run(config: &DemoConfig, out: impl Write, clock: Clock) -> Result<()> {
    let pace = if config.fast { Duration::ZERO } else { Duration::from_millis(1_700) };
    let mut signals = Signals::new()?;
    let mut stage = Stage::set(config.seed, clock).await?;
    let mut teller = Teller::new(out, config.json, pace);
    teller.opening(&stage.where_it_answers())?;
    let told = tokio::select! {
        told = tell(&mut stage, &mut teller) => told,
        why = signals.next() => Err(anyhow!("ended by {why}")),
    };
    if let Err(error) = told {
        stage.clear().await?;
        return Err(error);
    }
    let failed = teller.closing(stage.queries())?;
    if config.keep && failed == 0 {
        teller.keeping(&stage.dig_command())?;
        stage.keep_serving(&mut signals).await?;
    }
    stage.clear().await?;
    if failed > 0 {
        bail!("{failed} of the demonstration's checks did not hold (hint: the lines marked ✗ say which)");
    }
    Ok(())
}

async fn tell<W: Write>(stage: &mut Stage, teller: &mut Teller<W>) -> Result<()> {
    for (title, scene) in scenes::all() {
        teller.scene(title)?;
        scene(stage, teller).await?;
    }
    Ok(())
}

type SceneFuture<'a> = std::pin::Pin<Box<dyn Future<Output = Result<()>> + 'a>>;
