//! The registrar in the same world: the embedded edge, driven as the function drives the core.
//!
//! Batches of up to ten messages, one observation for a batch, no call for a message that the last look covers, a sweep
//! each minute, an invocation of at most a minute, and one of them at a time. It decides nothing.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use anyhow::{Result, anyhow, bail};
use registrar_core::plan::{REQUEST_BURST, REQUESTS_PER_SEC};
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::{Edge, Run, Step, lock};

use crate::budget::Bucket;
use crate::exposure::Figures;
use crate::storm::{TTL_SECS, start};
use crate::world::{HOSTED_ZONE, Message, NAME, World, addresses};

const IN_A_BATCH: usize = 10;
const SWEEP: SignedDuration = SignedDuration::from_mins(1);
const INVOCATION: SignedDuration = SignedDuration::from_secs(60);
/// How long before its end an invocation stops to submit.
const MARGIN: SignedDuration = SignedDuration::from_millis(1_500);
/// What an invocation costs that calls nobody.
const COVERED: SignedDuration = SignedDuration::from_millis(20);
/// How long a call takes.
const CALL: SignedDuration = SignedDuration::from_millis(100);
/// Instances on a page of a describe, and record sets on one of a listing.
const INSTANCES_ON_A_PAGE: usize = 1_000;
const RECORDS_ON_A_PAGE: usize = 300;
/// How long a storm may last before the bench gives up.
const LONGEST: SignedDuration = SignedDuration::from_mins(60);

struct Player {
    world: World,
    edge: Edge,
    /// The account's requests, as the function's own limiter counts them.
    requests: Bucket,
    records: usize,
    calls: usize,
    changes: usize,
    published: BTreeSet<Published>,
    /// When the last look began that saw everything, and whose plan was applied whole.
    covered_until: Option<Timestamp>,
}

type Published = (String, Option<String>, Option<u32>, Option<u8>, Vec<String>);

/// Plays a storm and returns what it came to.
pub(crate) fn play(mut world: World, seed: u64) -> Result<Figures> {
    let records = registered_before(&world, seed)?;
    world.open_account(records);
    let mut player = Player::new(world, seed)?;
    player.note_records()?;
    player.changes = 0;
    player.storm()?;
    let alive = player.world.alive();
    let figures = player.world.exposure.figures(&alive, start(), player.world.now);
    Ok(Figures { calls: player.calls, changes: player.changes, ttl_secs: TTL_SECS, ..figures })
}

/// Returns what a registrar leaves that registered the fleet in peace, with no limit on the account.
fn registered_before(world: &World, seed: u64) -> Result<Vec<RecordSet>> {
    use registrar_local::route53::{Route53Model, Settings};
    if world.before.is_empty() {
        return Ok(Vec::new());
    }
    let mut model = Route53Model::new(Settings { throttling: false, ..Settings::default() });
    model.create_hosted_zone(HOSTED_ZONE.parse()?, "edge.example.com".parse()?, Vec::new())?;
    *lock(&world.model) = model;
    let mut edge = edge(world, seed)?;
    edge.read_fleet("fleet", Ok(&world.fleet.describe_instances().to_string()), world.now);
    edge.read_groups("groups", Ok(&world.fleet.describe_auto_scaling_instances().to_string()));
    let begun = edge.begin(world.now, world.now + INVOCATION);
    let mut run = begun.map_err(|problem| anyhow!("nothing could be registered: {problem}"))?;
    loop {
        match edge.step(&mut run, world.now) {
            Step::Progress => {}
            Step::Done(report) if report.outcome.is_complete() => return Ok(edge.records()?),
            step @ (Step::Done(_) | Step::WaitUntil { .. } | Step::Look) => {
                bail!("the fleet could not be registered in peace: {step:?}")
            }
        }
    }
}

fn edge(world: &World, seed: u64) -> Result<Edge> {
    let mut edge = Edge::new("default".parse()?, HOSTED_ZONE.parse()?, world.model.clone(), seed);
    edge.read_pool("video".parse()?, Ok(&document(world.ttl_secs)));
    Ok(edge)
}

fn document(ttl_secs: u32) -> String {
    format!(
        r#"{{"version":1,"record":{{"hosted_zone_id":"{HOSTED_ZONE}","name":"{NAME}","ttl_secs":{ttl_secs}}},
            "members":{{"tags":{{"edge-dns":"video"}}}}}}"#
    )
}

impl Player {
    fn new(world: World, seed: u64) -> Result<Self> {
        let edge = edge(&world, seed)?;
        let requests = Bucket::new(REQUEST_BURST, REQUESTS_PER_SEC);
        let (records, calls, changes) = (0, 0, 0);
        let (published, covered_until) = (BTreeSet::new(), None);
        Ok(Self { world, edge, requests, records, calls, changes, published, covered_until })
    }

    /// Serves messages and sweeps until the storm is over and everything is right.
    fn storm(&mut self) -> Result<()> {
        let mut sweep_at = start() + SWEEP / 2;
        loop {
            let message_at = self.world.queue.front().map(|message| message.visible_at);
            let happening_at = self.world.next_happening();
            let is_over = message_at.is_none() && happening_at.is_none();
            if is_over && self.covered_until.is_some() && self.world.exposure.is_right(&self.world.alive()) {
                return Ok(());
            }
            if self.world.now.duration_since(start()) > LONGEST {
                return Ok(());
            }
            let next = [message_at, happening_at].into_iter().flatten().fold(sweep_at, Timestamp::min);
            self.world.advance(next);
            if sweep_at <= self.world.now {
                sweep_at += SWEEP;
                self.invocation()?;
            }
            self.serve_messages()?;
        }
    }

    fn serve_messages(&mut self) -> Result<()> {
        let now = self.world.now;
        let due = self.world.queue.iter().take(IN_A_BATCH).take_while(|message| message.visible_at <= now);
        let count = due.count();
        let batch: Vec<Message> = self.world.queue.drain(..count).collect();
        if batch.is_empty() {
            return Ok(());
        }
        for message in &batch {
            // What is not recognised asks for nothing.
            let _ = self.edge.event(&message.text, now);
        }
        let covered = |message: &Message| self.covered_until.is_some_and(|look| look > message.happened_at);
        if batch.iter().all(covered) {
            self.world.pass(COVERED);
            return Ok(());
        }
        if self.invocation()? {
            return Ok(());
        }
        // It failed, and comes back later.
        let visible_at = self.world.now + SignedDuration::from_secs(5);
        self.world.queue.extend(batch.into_iter().map(|message| Message { visible_at, ..message }));
        self.world.queue.make_contiguous().sort_by_key(|message| message.visible_at);
        Ok(())
    }

    /// Looks, plans and executes until its deadline; says whether everything was done.
    fn invocation(&mut self) -> Result<bool> {
        let deadline = self.world.now + INVOCATION - MARGIN;
        let looked_at = self.world.now;
        self.read();
        let begun = self.edge.begin(self.world.now, deadline);
        let mut run = begun.map_err(|problem| anyhow!("no look came: {problem}"))?;
        self.pass_listing();
        let is_complete = self.pump(&mut run)?;
        if is_complete {
            self.covered_until = Some(looked_at);
        }
        Ok(is_complete)
    }

    fn pump(&mut self, run: &mut Run) -> Result<bool> {
        loop {
            match self.edge.step(run, self.world.now) {
                Step::Progress => {
                    self.calls += 1;
                    self.spend_requests(1);
                    self.note_records()?;
                    self.world.pass(CALL);
                }
                Step::WaitUntil { at, .. } => self.world.advance(at),
                Step::Look => {
                    self.read();
                    self.edge.look_again(run, self.world.now);
                    self.pass_listing();
                }
                Step::Done(report) => return Ok(report.outcome.is_complete()),
            }
        }
    }

    /// Reads fleet, groups and document, and waits until the account has the requests for a listing.
    fn read(&mut self) {
        let pages = self.world.fleet.instances.len().div_ceil(INSTANCES_ON_A_PAGE).max(1);
        self.world.pass(CALL * i32::try_from(pages).unwrap_or(i32::MAX));
        let pages = self.listing_pages();
        self.spend_requests(pages);
        let (fleet, groups) =
            (self.world.fleet.describe_instances(), self.world.fleet.describe_auto_scaling_instances());
        self.edge.read_fleet("fleet", Ok(&fleet.to_string()), self.world.now);
        self.edge.read_groups("groups", Ok(&groups.to_string()));
        if let Ok(name) = "video".parse() {
            self.edge.read_pool(name, Ok(&document(self.world.ttl_secs)));
        }
    }

    fn listing_pages(&self) -> usize {
        (self.records + 1).div_ceil(RECORDS_ON_A_PAGE)
    }

    fn pass_listing(&mut self) {
        let pages = self.listing_pages();
        self.calls += pages;
        self.world.pass(CALL * i32::try_from(pages).unwrap_or(i32::MAX));
    }

    /// Waits until the account allows so many requests.
    fn spend_requests(&mut self, count: usize) {
        let now = self.world.now.duration_since(start()).as_secs_f64();
        let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let granted = self.requests.take(count, now);
        let wait = SignedDuration::try_from_secs_f64((granted - now).max(0.0)).unwrap_or_default();
        self.world.pass(wait + SignedDuration::from_nanos(i64::from(!wait.is_zero())));
    }

    /// Takes in what is published now.
    fn note_records(&mut self) -> Result<()> {
        let records = self.edge.records()?;
        self.records = records.len();
        let ours = records.iter().filter(|record| record.r#type == RecordType::A);
        let published: BTreeSet<Published> = ours.map(form).collect();
        let changed = self.published.symmetric_difference(&published).count();
        if changed == 0 {
            return Ok(());
        }
        self.changes += changed;
        self.published = published;
        let addresses: BTreeSet<Ipv4Addr> = records.iter().flat_map(addresses).collect();
        self.world.exposure.rewritten(self.world.now);
        self.world.exposure.are_published(&addresses, self.world.now);
        Ok(())
    }
}

fn form(record: &RecordSet) -> Published {
    let values = record.values().map(ToOwned::to_owned).collect();
    (record.name.to_string(), record.set_identifier.clone(), record.ttl_secs, record.weight, values)
}
