//! A thousand launches over a dozen pools, with events doubled, late and in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use aws_stand_in::InstanceState;
use serde_json::Value;

use crate::environment::Environment;
use crate::fleet::{document, id, machine, put_all, put_document, weighted_lines};
use crate::stage::{QUEUE, Stage};

const POOLS: u16 = 12;
const LAUNCHES: u16 = 1_000;
const SEEN_AT_A_TIME: u16 = 300;
const BATCH: usize = 10;
const SEED: u64 = 20_261_121;
const MOST_CALLS: u64 = 150;

fn pool(number: u16) -> String {
    format!("pool-{:02}", number % POOLS)
}

/// Returns the record sets of these instances, in the order of a listing.
fn expected(numbers: std::ops::RangeInclusive<u16>) -> Vec<String> {
    let mut by_pool: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    numbers.for_each(|number| by_pool.entry(pool(number)).or_default().push(number));
    by_pool.into_iter().flat_map(|(pool, numbers)| weighted_lines(&pool, numbers)).collect()
}

/// SplitMix64 (Steele, Lea and Flood 2014): a failing order can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap_or_default()
    }

    fn shuffle(&mut self, events: &mut [Value]) {
        for place in (1..events.len()).rev() {
            events.swap(place, self.below(place + 1));
        }
    }
}

/// Doubles one event in ten, and mixes all of them.
fn disorder(events: &mut Vec<Value>, random: &mut Random) {
    random.shuffle(events);
    let doubled = events.len() / 10;
    events.extend_from_within(..doubled);
    random.shuffle(events);
}

async fn stage() -> Result<Stage> {
    Stage::with(|world| {
        (0..POOLS).for_each(|number| put_document(world, &pool(number), &document(&pool(number))));
        Ok(())
    })
    .await
}

/// Delivers batches until the queue is empty, and returns how many calls that took.
async fn drain(stage: &Stage, environment: &Environment) -> Result<u64> {
    let mut calls = 0;
    loop {
        let left = stage.world().queue(QUEUE).map_or(0, |queue| queue.messages().len());
        if left == 0 {
            return Ok(calls);
        }
        let batch = environment.deliver_up_to(BATCH).await?;
        ensure!(batch.failed().is_empty(), "seed {SEED}: {}", batch.served.event);
        calls += batch.served.total();
    }
}

#[tokio::test]
async fn a_thousand_launches_cost_at_most_150_calls_and_end_right() -> Result<()> {
    let stage = stage().await?;
    let environment = stage.environment().await?;
    let mut random = Random(SEED);
    let mut calls = 0;
    let mut first = 1;
    while first <= LAUNCHES {
        let last = (first + SEEN_AT_A_TIME - 1).min(LAUNCHES);
        let mut events = Vec::new();
        for number in first..=last {
            put_all(&mut stage.world(), [machine(&pool(number), number)]);
            events.push(stage.state_event(&id(number))?);
        }
        disorder(&mut events, &mut random);
        stage.send_all(&events)?;
        calls += drain(&stage, &environment).await?;
        assert_eq!(stage.records()?, expected(1..=last), "seed {SEED}");
        first = last + 1;
    }
    assert!(calls <= MOST_CALLS, "{calls} calls");
    assert_eq!(environment.sweep().await?.calls_of("route53:ChangeResourceRecordSets"), 0);
    Ok(())
}

#[tokio::test]
async fn a_fleet_that_is_replaced_while_it_launches_ends_right() -> Result<()> {
    let stage = stage().await?;
    let environment = stage.environment().await?;
    let mut random = Random(SEED);
    let mut calls = 0;
    // A hundred come and a hundred go at a time, so that three hundred live.
    for wave in 0..10_u16 {
        let mut events = Vec::new();
        for number in wave * 100 + 1..=wave * 100 + 100 {
            put_all(&mut stage.world(), [machine(&pool(number), number)]);
            events.push(stage.state_event(&id(number))?);
            if let Some(old) = number.checked_sub(SEEN_AT_A_TIME).filter(|old| *old > 0) {
                stage.world().set_state(&id(old), InstanceState::ShuttingDown);
                events.push(stage.state_event(&id(old))?);
                stage.world().terminate(&id(old));
                events.push(stage.state_event(&id(old))?);
            }
        }
        disorder(&mut events, &mut random);
        stage.send_all(&events)?;
        calls += drain(&stage, &environment).await?;
        let last = wave * 100 + 100;
        assert_eq!(stage.records()?, expected(last.saturating_sub(SEEN_AT_A_TIME) + 1..=last), "seed {SEED}");
    }
    // Ten waves, of launches and of ends that were seen to be such.
    assert!(calls <= 200, "{calls} calls");
    Ok(())
}

#[tokio::test]
async fn a_storm_over_two_environments_with_a_slow_aws_ends_right() -> Result<()> {
    let stage = stage().await?;
    stage.world().set_latency(Duration::from_millis(2));
    let (one, other) = tokio::try_join!(stage.environment(), stage.environment())?;
    let mut random = Random(SEED);
    let mut events = Vec::new();
    for number in 1..=SEEN_AT_A_TIME {
        put_all(&mut stage.world(), [machine(&pool(number), number)]);
        events.push(stage.state_event(&id(number))?);
    }
    disorder(&mut events, &mut random);
    stage.send_all(&events)?;
    for _ in 0..events.len() / BATCH / 2 {
        let (first, second) = tokio::join!(one.deliver_up_to(BATCH), other.deliver_up_to(BATCH));
        ensure!(first?.failed().is_empty() && second?.failed().is_empty(), "seed {SEED}");
    }
    drain(&stage, &one).await?;
    assert_eq!(stage.records()?, expected(1..=SEEN_AT_A_TIME), "seed {SEED}");
    Ok(())
}
