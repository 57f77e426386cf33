//! One process from its start on: until it asks for work, its first invocation, later ones, and batches of ten.
//!
//! After each invocation the records have to be right; a side that is fast and wrong is not measured.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use aws_stand_in::{Outcome, RuntimeApi, StandIn};
use serde_json::Value;
use tokio::time::Instant;

use crate::figures::{Calls, Sample};
use crate::scene::{QUEUE, Scene, event, launch, send};
use crate::subject::{Process, Side, Subjects};

/// How long Lambda gives the initialisation; both are far below it.
const INITIALISATION: Duration = Duration::from_secs(10);
/// The function's timeout.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a process is looked at that has not asked for work.
const GLANCE: Duration = Duration::from_millis(50);

/// How often each kind of invocation is measured in one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// With one event.
    pub(crate) warm: usize,
    /// With ten events.
    pub(crate) batches: usize,
}

struct Run<'a> {
    scene: &'a Scene,
    stand_in: &'a StandIn,
    runtime: &'a RuntimeApi,
    launched: usize,
}

/// Measures one process of a side.
pub(crate) async fn measure(
    subjects: &Subjects,
    side: Side,
    scene: &Scene,
    counts: Counts,
) -> Result<Sample> {
    let stand_in = StandIn::start(scene.world(side)?).await.context("the stand-in could not be started")?;
    let runtime = RuntimeApi::start().await.context("the Runtime API could not be started")?;
    let started = Instant::now();
    let mut process = subjects.start(side, scene, &stand_in, &runtime)?;
    let start = initialised(&runtime, &mut process).await?.duration_since(started);
    let mut run = Run { scene, stand_in: &stand_in, runtime: &runtime, launched: 0 };
    let mut sample = Sample { start, ..Sample::default() };
    sample.first = run.invoke(1, &mut sample.first_calls).await?;
    for _ in 0..counts.warm {
        sample.warm.push(run.invoke(1, &mut sample.warm_calls).await?);
    }
    for _ in 0..counts.batches {
        sample.batch.push(run.invoke(10, &mut sample.batch_calls).await?);
    }
    sample.peak_memory_kib = process.peak_memory_kib()?;
    drop(process);
    runtime.stop().await;
    stand_in.stop().await;
    Ok(sample)
}

impl Run<'_> {
    /// Launches instances, delivers the events about them in one batch, and returns how long that took.
    async fn invoke(&mut self, instances: usize, calls: &mut Calls) -> Result<Duration> {
        {
            let mut world = self.stand_in.world();
            for _ in 0..instances {
                let number = self.scene.instances() + self.launched;
                let instance = launch(&mut world, number, self.launched % self.scene.pools);
                self.launched += 1;
                let event = event(&world, &instance)?;
                send(&mut world, &event)?;
            }
            world.clear_calls();
        }
        let delivery = self.stand_in.deliver(QUEUE, self.runtime, instances, TIMEOUT).await?;
        let invocation = delivery.invocation.context("the queue was empty")?;
        let took = invocation.took().context("the process took no invocation")?;
        match &invocation.outcome {
            Outcome::Answered(_) if delivery.failed.is_empty() => {}
            Outcome::Answered(body) => bail!("messages were handed back: {body}"),
            Outcome::Failed(error) => bail!("the invocation failed: {error}"),
            Outcome::TimedOut => bail!("the invocation did not end within {} s", TIMEOUT.as_secs()),
        }
        let world = self.stand_in.world();
        let wrong = self.scene.wrong_records(&world)?;
        if !wrong.is_empty() {
            bail!("the records are wrong: {}", wrong.join("; "));
        }
        for (operation, count) in world.calls() {
            *calls.entry(operation).or_default() += count;
        }
        Ok(took)
    }
}

/// Waits until the process asks for work, and returns when that was.
pub(crate) async fn initialised(runtime: &RuntimeApi, process: &mut Process) -> Result<Instant> {
    let given_up = Instant::now() + INITIALISATION;
    loop {
        if let Ok(reached) = tokio::time::timeout(GLANCE, runtime.initialised()).await {
            return reached.map_err(|error: Value| anyhow::anyhow!("the initialisation failed: {error}"));
        }
        if let Some(status) = process.ended()? {
            bail!(
                "the process ended before it asked for work ({status}) (hint: --show-output shows what it says)"
            );
        }
        if Instant::now() > given_up {
            bail!("the process did not ask for work within {} s", INITIALISATION.as_secs());
        }
    }
}
