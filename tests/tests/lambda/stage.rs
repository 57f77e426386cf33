//! A world with a deployment in it, and what can be asked of it at any time.
//!
//! Its clock follows the machine's, and can be moved ahead. Whatever is in a hosted zone at the start and is
//! not the deployment's stays as it is to the end: every test of these ends with that look.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_stand_in::{Clock, ManualClock, Queue, Route53Settings, StandIn, World};
use jiff::{SignedDuration, Timestamp};
use registrar_core::record_set::RecordSet;
use serde_json::{Value, json};

use crate::environment::Environment;
use crate::fleet::{document, line, machine, put_all, put_document, record, weighted};

/// The hosted zone of most pools.
pub(crate) const ZONE: &str = "Z0123456789ABCDEFGHIJ";

/// The function's queue.
pub(crate) const QUEUE: &str = "registrar";

/// What never appears in a log: the key, its id, the session's token; those that STS issues; tokens of hooks.
pub(crate) const SECRETS: [&str; 6] = [
    "AKIAHARNESS0SECRET0ID",
    "harness/secret/access/key/never/logged",
    "harness-session-token-never-logged",
    "session-token-",
    "ASIA00000000",
    "0000-4000-c000-",
];

/// How long something may take that happens by itself, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(2);

/// A world that is served.
pub(crate) struct Stage {
    aws: Arc<StandIn>,
    clock: ManualClock,
    foreign: BTreeMap<String, Vec<RecordSet>>,
}

/// Returns what other people keep in the hosted zone, some of it at the very name of the pool `video`.
fn other_peoples_records() -> Result<Vec<RecordSet>> {
    [
        json!({"Name": "edge.example.com", "Type": "TXT", "TTL": 300,
            "ResourceRecords": [{"Value": "\"of somebody else\""}]}),
        json!({"Name": "video.bos.edge.example.com", "Type": "TXT", "TTL": 7,
            "ResourceRecords": [{"Value": "\"of somebody else\""}]}),
        json!({"Name": "www.edge.example.com", "Type": "CNAME", "TTL": 300,
            "ResourceRecords": [{"Value": "example.com"}]}),
        json!({"Name": "weighted.edge.example.com", "Type": "A", "TTL": 60, "Weight": 3,
            "SetIdentifier": "registrar/other/video/i-0000000000000000f",
            "ResourceRecords": [{"Value": "192.0.2.1"}]}),
    ]
    .iter()
    .map(record)
    .collect()
}

impl Stage {
    /// Sets a world up, with an empty hosted zone of ours and a queue, and serves it.
    pub(crate) async fn with(set_up: impl FnOnce(&mut World) -> Result<()>) -> Result<Self> {
        Self::with_settings(Route53Settings { throttling: false, ..Route53Settings::default() }, set_up).await
    }

    /// Sets a world up whose Route 53 behaves in a given way.
    pub(crate) async fn with_settings(
        settings: Route53Settings,
        set_up: impl FnOnce(&mut World) -> Result<()>,
    ) -> Result<Self> {
        let clock = ManualClock::at(now());
        let mut world = World::new(Clock::Manual(clock.clone()), settings);
        world.put_hosted_zone(ZONE, "edge.example.com", other_peoples_records()?)?;
        world.put_queue(queue());
        set_up(&mut world)?;
        let foreign = BTreeMap::from([(ZONE.to_owned(), foreign(&world.records(ZONE)?))]);
        Ok(Self { aws: Arc::new(StandIn::start(world).await?), clock, foreign })
    }

    /// Sets up the pool `video` with running instances, none of them published.
    pub(crate) async fn with_video(numbers: impl IntoIterator<Item = u16>) -> Result<Self> {
        Self::with(|world| {
            put_document(world, "video", &document("video"));
            put_all(world, numbers.into_iter().map(|number| machine("video", number)));
            Ok(())
        })
        .await
    }

    /// Sets up a hosted zone with these records of `video` in it, beside what `set_up` does.
    pub(crate) async fn with_records(
        numbers: impl IntoIterator<Item = u16>,
        set_up: impl FnOnce(&mut World) -> Result<()>,
    ) -> Result<Self> {
        let records: Vec<RecordSet> =
            numbers.into_iter().map(|number| weighted("video", number)).collect::<Result<_>>()?;
        Self::with(|world| {
            publish(world, records)?;
            put_document(world, "video", &document("video"));
            set_up(world)
        })
        .await
    }

    pub(crate) fn aws(&self) -> &Arc<StandIn> {
        &self.aws
    }

    /// Starts an execution environment.
    pub(crate) async fn environment(&self) -> Result<Environment> {
        Environment::start(self, &[]).await
    }

    /// Locks the world, at the present time at least.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        let world = self.aws.world();
        let behind = now().duration_since(self.clock.now());
        if behind.is_positive() {
            self.clock.advance(behind);
        }
        world
    }

    /// Moves the world's clock ahead of the machine's.
    pub(crate) fn advance(&self, secs: i64) {
        drop(self.world());
        self.clock.advance(SignedDuration::from_secs(secs));
    }

    /// Returns the record sets that are there beside other people's, which are all as they were.
    pub(crate) fn records(&self) -> Result<Vec<String>> {
        self.records_of(ZONE)
    }

    /// Returns what is in a hosted zone beside other people's record sets.
    pub(crate) fn records_of(&self, zone: &str) -> Result<Vec<String>> {
        let records = self.world().records(zone)?;
        let foreign = self.foreign.get(zone).map(Vec::as_slice).unwrap_or_default();
        let touched = foreign.iter().find(|record| !records.contains(record));
        ensure!(touched.is_none(), "somebody else's record set was touched: {touched:?}");
        let ours = records.iter().filter(|record| !foreign.contains(record));
        Ok(ours.map(line).filter(|line| !is_apex(line)).collect())
    }

    /// Puts a message into the function's queue.
    pub(crate) fn send(&self, body: &str) -> Result<()> {
        self.world().send(QUEUE, body).context("the queue")?;
        Ok(())
    }

    /// Puts events into the function's queue.
    pub(crate) fn send_all<'a>(&self, events: impl IntoIterator<Item = &'a Value>) -> Result<()> {
        events.into_iter().try_for_each(|event| self.send(&event.to_string()))
    }

    /// Returns the event about the state that an instance is in now.
    pub(crate) fn state_event(&self, id: &str) -> Result<Value> {
        self.world().state_change_event(id).with_context(|| format!("there is no {id}"))
    }

    /// Returns the messages that are in the queue, as JSON.
    pub(crate) fn queued(&self) -> Result<Vec<Value>> {
        let world = self.world();
        let messages = world.queue(QUEUE).context("the queue")?.messages();
        messages.iter().map(|message| Ok(serde_json::from_str(&message.body)?)).collect()
    }

    /// Waits until the world is as it is wanted.
    pub(crate) async fn eventually(&self, wanted: &str, ready: impl Fn(&mut World) -> bool) -> Result<()> {
        let reached = async {
            while !ready(&mut self.world()) {
                tokio::time::sleep(GLANCE).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.with_context(|| format!("{wanted} never came; the calls: {:?}", self.world().calls()))
    }

    /// Takes the only message off the queue, whether or not it is visible, and returns it as JSON.
    pub(crate) fn take_ticket(&self) -> Result<Value> {
        let queued = self.queued()?;
        let [ticket] = queued.as_slice() else { bail!("not one message but {queued:?}") };
        self.world().put_queue(queue());
        Ok(ticket.clone())
    }

    /// Returns a parameter as JSON.
    pub(crate) fn parameter(&self, name: &str) -> Option<Value> {
        serde_json::from_str(&self.world().parameter(name)?.value).ok()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            for zone in self.foreign.keys() {
                let looked = self.records_of(zone);
                assert!(looked.is_ok(), "{looked:?}");
            }
        }
    }
}

/// Puts record sets into the hosted zone, as an earlier run or somebody else did.
pub(crate) fn publish(world: &mut World, records: Vec<RecordSet>) -> Result<()> {
    let changes: Vec<registrar_local::route53::ModelChange> = records
        .into_iter()
        .map(|record| (registrar_core::record_set::ChangeAction::Create, record).into())
        .collect();
    let now = world.now();
    world.route53_model(ZONE)?.change_record_sets(&ZONE.parse()?, &changes, now)?;
    Ok(())
}

fn foreign(records: &[RecordSet]) -> Vec<RecordSet> {
    let ours = |record: &RecordSet| {
        record.set_identifier.as_deref().is_some_and(|identifier| identifier.starts_with("registrar/edge/"))
    };
    records.iter().filter(|record| !ours(record)).cloned().collect()
}

/// The function's queue, empty, with six times the function's timeout as Lambda wants it.
fn queue() -> Queue {
    Queue::new(QUEUE).with_visibility_secs(180)
}

fn is_apex(line: &str) -> bool {
    line.contains(" SOA ") || line.contains(" NS ")
}

/// Returns the time of the machine, which the process under test has too.
#[expect(clippy::disallowed_methods, reason = "a process is tested by the clock that it has")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
