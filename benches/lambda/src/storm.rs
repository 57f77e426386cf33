//! The storm: a thousand launches over a dozen pools within moments, with events late, doubled and in any order.
//!
//! A wave of instances becomes visible together; then its events arrive in batches. It ends when the queue is empty, or
//! when too much was tried.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_stand_in::{Delivery, Outcome, RuntimeApi, StandIn};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use serde::Serialize;
use tokio::time::Instant;

use crate::figures::{Calls, total};
use crate::scene::{QUEUE, Scene, event, is_drained, launch, send};
use crate::start::initialised;
use crate::subject::{Side, Subjects};

const TIMEOUT: Duration = Duration::from_secs(60);
/// How long an empty receive waits for messages that were handed back.
const PAUSE: Duration = Duration::from_millis(250);

/// The size of a storm.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Storm {
    /// How many instances are launched.
    pub(crate) launches: usize,
    /// How many of them are seen at a time.
    pub(crate) wave: usize,
    /// How many events come in one invocation.
    pub(crate) batch: usize,
    /// What of a hundred events comes twice.
    pub(crate) doubled_percent: usize,
    /// Where order and doubles come from.
    pub(crate) seed: u64,
    /// How long it may take, in seconds.
    pub(crate) limit_secs: u64,
}

/// How a storm ended.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Aftermath {
    /// Every call.
    pub(crate) calls: u64,
    /// By operation.
    pub(crate) by_operation: Calls,
    /// Calls that were refused, by operation and error.
    pub(crate) refused: Calls,
    /// Events, doubles included.
    pub(crate) events: usize,
    /// Invocations.
    pub(crate) invocations: usize,
    /// Messages that were handed back, each time.
    pub(crate) handed_back: usize,
    /// Seconds from the first wave to the end.
    pub(crate) seconds: f64,
    /// Whether every hosted zone has exactly the right records.
    pub(crate) right: bool,
    /// What is wrong with them.
    pub(crate) wrong: Vec<String>,
}

/// Lets a storm loose on one side.
pub(crate) async fn endure(
    subjects: &Subjects,
    side: Side,
    scene: &Scene,
    storm: &Storm,
) -> Result<Aftermath> {
    let stand_in = StandIn::start(scene.world(side)?).await.context("the stand-in could not be started")?;
    let runtime = RuntimeApi::start().await.context("the Runtime API could not be started")?;
    let mut process = subjects.start(side, scene, &stand_in, &runtime)?;
    initialised(&runtime, &mut process).await?;
    stand_in.world().clear_calls();
    let started = Instant::now();
    let mut tally = Tally::new(started + Duration::from_secs(storm.limit_secs));
    let mut random = StdRng::seed_from_u64(storm.seed);
    let mut launched = 0;
    while launched < storm.launches && !tally.is_over() {
        let wave = storm.wave.min(storm.launches - launched);
        tally.events += break_wave(&stand_in, scene, storm, launched..launched + wave, &mut random)?;
        launched += wave;
        drain(&stand_in, &runtime, storm, &mut tally).await?;
    }
    let seconds = started.elapsed().as_secs_f64();
    drop(process);
    let world = stand_in.world();
    let wrong = scene.wrong_records(&world)?;
    let mut refused = Calls::new();
    for call in world.call_log().iter().filter(|call| call.outcome != "ok") {
        *refused.entry(format!("{} {}", call.operation, call.outcome)).or_default() += 1;
    }
    Ok(Aftermath {
        calls: total(&world.calls()),
        by_operation: world.calls(),
        refused,
        events: tally.events,
        invocations: tally.invocations,
        handed_back: tally.handed_back,
        seconds,
        right: wrong.is_empty() && launched == storm.launches,
        wrong,
    })
}

/// Makes a wave visible, and sends its events. Returns how many those are.
fn break_wave(
    stand_in: &StandIn,
    scene: &Scene,
    storm: &Storm,
    numbers: std::ops::Range<usize>,
    random: &mut StdRng,
) -> Result<usize> {
    let mut world = stand_in.world();
    let mut events = Vec::new();
    for number in numbers {
        let instance = launch(&mut world, scene.instances() + number, number % scene.pools);
        events.push(event(&world, &instance)?);
    }
    events.shuffle(random);
    let doubled = events.len() * storm.doubled_percent / 100;
    events.extend_from_within(..doubled);
    events.shuffle(random);
    for event in &events {
        send(&mut world, event)?;
    }
    Ok(events.len())
}

/// Delivers batches until the queue is empty.
async fn drain(stand_in: &StandIn, runtime: &RuntimeApi, storm: &Storm, tally: &mut Tally) -> Result<()> {
    while !is_drained(stand_in) && !tally.is_over() {
        let delivery = stand_in.deliver(QUEUE, runtime, storm.batch, TIMEOUT).await?;
        if delivery.messages.is_empty() {
            tokio::time::sleep(PAUSE).await;
        }
        tally.count(&delivery);
    }
    Ok(())
}

struct Tally {
    until: Instant,
    events: usize,
    invocations: usize,
    handed_back: usize,
    timed_out: bool,
}

impl Tally {
    fn new(until: Instant) -> Self {
        Self { until, events: 0, invocations: 0, handed_back: 0, timed_out: false }
    }

    fn count(&mut self, delivery: &Delivery) {
        self.handed_back += delivery.failed.len();
        if let Some(invocation) = &delivery.invocation {
            self.invocations += 1;
            self.timed_out |= invocation.outcome == Outcome::TimedOut;
        }
    }

    /// A process that left an invocation without an answer is not asked again.
    fn is_over(&self) -> bool {
        self.timed_out || Instant::now() > self.until
    }
}
