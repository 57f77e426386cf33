//! Plays what happens on real edges that share one strict Route 53, with the referee beside every step.
//!
//! It moves time forward by itself only where a run waits. Whatever breaks a rule comes back as an
//! error that says which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::{Edge, EdgeFaults, Run, RunReport, SharedModel, Step, lock};
use registrar_local::route53::{ModelChange, Route53Model, Settings};

use super::happening::{FleetRead, ForeignKind, GroupsRead, Happening};
use super::referee::{Change, Look, allowed, deployment, judge};
use super::seen::Seen;
use super::truth::{Event, POOLS, Truth, pool_name};
use super::zone::{Published, answers, pool_record};
use super::{ORIGIN, expected, hosted_zone, known};

/// How long a run may take.
const RUN_TIME: SignedDuration = SignedDuration::from_secs(60);

/// How long a spent removal counts (every document here has this window).
const WINDOW: SignedDuration = SignedDuration::from_secs(900);

/// Edges and the Route 53 that they share.
pub struct Stage {
    /// The time.
    pub now: Timestamp,
    model: SharedModel,
    stations: Vec<Station>,
    foreign: Vec<RecordSet>,
    /// What came about how often, so that a test can say that it did not happen in vain.
    pub tally: BTreeMap<String, usize>,
}

/// One edge, what it was shown, and what it did.
struct Station {
    edge: Edge,
    seen: Seen,
    run: Option<Running>,
    spent: Vec<Spent>,
    runs: u64,
}

/// A removal that nothing proved.
struct Spent {
    pool: PoolName,
    at: Timestamp,
    run: u64,
}

struct Running {
    run: Run,
    looks: Vec<Look>,
    undisturbed: bool,
    answered: BTreeSet<RecordName>,
    fell_silent: BTreeSet<RecordName>,
}

/// What a step came to.
#[derive(Debug)]
pub enum Progress {
    /// No run is under way.
    Idle,
    /// Something was done.
    Moved,
    /// Nothing can be done until then.
    Waits(Timestamp),
    /// The run is over.
    Done(Box<RunReport>),
}

impl Stage {
    /// Sets the stage for so many edges, with an empty hosted zone.
    ///
    /// # Errors
    /// When Route 53 does not take the hosted zone.
    pub fn new(edges: u64, truth: &Truth) -> Result<Self, String> {
        let mut model = Route53Model::new(Settings::default());
        model
            .create_hosted_zone(hosted_zone(), known(ORIGIN), Vec::new())
            .map_err(|error| error.to_string())?;
        let model = Arc::new(Mutex::new(model));
        let stations = (0..edges).map(|number| Station::new(&model, number)).collect();
        Ok(Self { now: truth.now, model, stations, foreign: Vec::new(), tally: BTreeMap::new() })
    }

    /// Returns every record set of the hosted zone.
    ///
    /// # Errors
    /// When the hosted zone is gone.
    pub fn records(&self) -> Result<Vec<RecordSet>, String> {
        lock(&self.model).records(&hosted_zone()).map_err(|error| error.to_string())
    }

    /// Lets something happen, of which `before` and `after` are the truth.
    ///
    /// # Errors
    /// When a rule was broken.
    pub fn play(&mut self, happening: &Happening, before: &Truth, after: &Truth) -> Result<(), String> {
        self.now += after.now.duration_since(before.now);
        match *happening {
            Happening::Deliver { index, edge, .. } => {
                if let Some(event) = before.event(index) {
                    self.deliver(edge, event)?;
                }
            }
            Happening::Foreign(pool, kind) => self.add_foreign(pool, kind)?,
            Happening::ForeignGone(pool) => self.remove_foreign(pool)?,
            Happening::Vandalise(pool) => self.vandalise(pool)?,
            Happening::Faults(edge, route53) => {
                self.at(edge).edge.set_faults(EdgeFaults { route53 });
            }
            Happening::Sweep(edge, fleet, groups) => {
                self.sweep(edge, after, fleet, groups)?;
            }
            Happening::Begin(edge, fleet, groups) => {
                self.finish(edge)?;
                self.show(edge, after, fleet, groups);
                self.begin(edge)?;
            }
            Happening::Steps(edge, count) => {
                for _ in 0..count {
                    let _ = self.step(edge)?;
                }
            }
            Happening::Crash { edge, memory_kept } => self.crash(edge, memory_kept),
            Happening::Launch { .. }
            | Happening::Boot(..)
            | Happening::Associate(_)
            | Happening::Disassociate(_)
            | Happening::Stop(_)
            | Happening::Start(..)
            | Happening::Terminate(_)
            | Happening::Forget(_)
            | Happening::Move(..)
            | Happening::Select(..)
            | Happening::SelectAll(..)
            | Happening::Weigh(..)
            | Happening::SpotWarning(_)
            | Happening::Lose(_)
            | Happening::Edit(..)
            | Happening::Pass(_) => {}
        }
        self.foreign_is_untouched()
    }

    fn at(&mut self, edge: u8) -> &mut Station {
        let index = usize::from(edge) % self.stations.len();
        &mut self.stations[index]
    }

    /// Shows an edge the documents, the fleet and the groups.
    pub fn show(&mut self, edge: u8, truth: &Truth, fleet: FleetRead, groups: GroupsRead) {
        let now = self.now;
        let station = self.at(edge);
        for (pool, document) in &truth.documents {
            station.edge.read_pool(pool.clone(), Ok(&document.text()));
        }
        station.seen.documents.clone_from(&truth.documents);
        if let Some(text) = station.seen.read_fleet(truth, fleet, now) {
            station.edge.read_fleet("fleet", text.as_deref().map_err(Clone::clone), now);
        }
        let text = station.seen.read_groups(truth, groups);
        station.edge.read_groups("groups", text.as_deref().map_err(Clone::clone));
        station.disturb();
    }

    /// Delivers an event to an edge.
    ///
    /// # Errors
    /// When the edge has no use for it.
    pub fn deliver(&mut self, edge: u8, event: &Event) -> Result<(), String> {
        let now = self.now;
        let station = self.at(edge);
        station.edge.event(&event.text(), now).map_err(|dropped| format!("{event:?}: {dropped}"))?;
        station.seen.receive(event, now);
        station.disturb();
        Ok(())
    }

    fn crash(&mut self, edge: u8, memory_kept: bool) {
        let model = Arc::clone(&self.model);
        let station = self.at(edge);
        station.run = None;
        if !memory_kept {
            *station = Station::new(&model, u64::from(edge) + 100);
        }
    }

    /// Begins a run; says whether there is one.
    ///
    /// # Errors
    /// When the plan breaks a rule.
    pub fn begin(&mut self, edge: u8) -> Result<bool, String> {
        let (now, records) = (self.now, self.records()?);
        let station = self.at(edge);
        let look = Look { at: now, seen: station.seen.clone(), records };
        match station.edge.begin(now, now + RUN_TIME) {
            Err(problem) if breaks_rules(&problem) => Err(problem),
            Err(_) => Ok(false),
            Ok(run) => {
                let names = POOLS.map(|pool| pool_record(&known(pool)));
                let answered = names.into_iter().filter(|name| answers(name, &look.records)).collect();
                let fell_silent = BTreeSet::new();
                station.runs += 1;
                station.run =
                    Some(Running { run, looks: vec![look], undisturbed: true, answered, fell_silent });
                Ok(true)
            }
        }
    }

    /// Takes one step of an edge's run.
    ///
    /// # Errors
    /// When a rule was broken.
    pub fn step(&mut self, edge: u8) -> Result<Progress, String> {
        let (now, before) = (self.now, self.records()?);
        let station = self.at(edge);
        let Some(mut running) = station.run.take() else { return Ok(Progress::Idle) };
        let step = match station.edge.step(&mut running.run, now) {
            Step::Look => {
                station.edge.look_again(&mut running.run, now);
                Step::Progress
            }
            step => step,
        };
        let after = self.records()?;
        let station = self.at(edge);
        if before == after {
            // The step may have looked again, but not have submitted what it planned then.
            running.looks.push(Look { at: now, seen: station.seen.clone(), records: before });
        } else {
            station.judge(&mut running, &before, &after, now)?;
            self.disturb_others(edge);
        }
        self.foreign_is_untouched()?;
        let station = self.at(edge);
        match step {
            Step::Progress | Step::Look => station.run = Some(running),
            Step::WaitUntil { at, .. } => {
                station.run = Some(running);
                return Ok(Progress::Waits(at));
            }
            Step::Done(report) => {
                station.end(&running, &report, &after)?;
                self.count(&report);
                return Ok(Progress::Done(report));
            }
        }
        Ok(Progress::Moved)
    }

    /// Takes every step that is left of an edge's run, and waits where it waits.
    ///
    /// # Errors
    /// When a rule was broken, or the run does not end.
    pub fn finish(&mut self, edge: u8) -> Result<Option<Box<RunReport>>, String> {
        for _ in 0..1_000 {
            match self.step(edge)? {
                Progress::Idle => return Ok(None),
                Progress::Moved => {}
                Progress::Waits(at) => self.now = self.now.max(at),
                Progress::Done(report) => return Ok(Some(report)),
            }
        }
        Err("a run does not come to an end".to_owned())
    }

    /// Reads, looks, plans and executes to the end.
    ///
    /// # Errors
    /// When a rule was broken.
    pub fn sweep(
        &mut self,
        edge: u8,
        truth: &Truth,
        fleet: FleetRead,
        groups: GroupsRead,
    ) -> Result<Option<Box<RunReport>>, String> {
        self.finish(edge)?;
        self.show(edge, truth, fleet, groups);
        let report = if self.begin(edge)? { self.finish(edge)? } else { None };
        if let Some(report) = report.as_ref().filter(|report| is_done_with(report)) {
            self.again_nothing(edge, report)?;
        }
        Ok(report)
    }

    /// Planning again after applying changes nothing.
    fn again_nothing(&mut self, edge: u8, first: &RunReport) -> Result<(), String> {
        if !self.begin(edge)? {
            return Ok(());
        }
        let again = self.finish(edge)?;
        let Some(again) = again.filter(|again| again.plan.gaps == first.plan.gaps) else { return Ok(()) };
        if again.plan.batches.is_empty() {
            return Ok(());
        }
        Err(format!("planning again changes something: {:#?}", again.plan.batches))
    }

    /// Clears every fault, delivers what is under way, and lets time pass and sweeps run until nothing
    /// changes any more; then the hosted zone must be what the true fleet asks for.
    ///
    /// # Errors
    /// When a rule is broken, or it does not come to that.
    pub fn settle(&mut self, truth: &Truth) -> Result<(), String> {
        let mut truth = truth.clone();
        for document in truth.documents.values_mut() {
            document.repair();
        }
        let edges: Vec<u8> = (0..self.stations.len()).filter_map(|edge| u8::try_from(edge).ok()).collect();
        for edge in &edges {
            self.at(*edge).edge.set_faults(EdgeFaults::default());
            self.finish(*edge)?;
            for event in &truth.bag {
                self.deliver(*edge, event)?;
            }
            self.sweep(*edge, &truth, FleetRead::Whole, GroupsRead::Whole)?;
        }
        for _ in 0..20 {
            let before = self.records()?;
            self.now += SignedDuration::from_mins(16);
            let mut quiet = true;
            for edge in &edges {
                let report = self.sweep(*edge, &truth, FleetRead::Whole, GroupsRead::Whole)?;
                quiet &= report.is_some_and(|report| report.plan.batches.is_empty());
                // Reads at one moment do not agree, they are the same.
                self.now += SignedDuration::from_secs(1);
            }
            if quiet && self.records()? == before {
                return expected::check(&truth, &before);
            }
        }
        Err(format!("it does not settle: {:#?}", self.records()?))
    }

    fn count(&mut self, report: &RunReport) {
        let outcome = &report.outcome;
        let mut add = |what: String, count: usize| *self.tally.entry(what).or_insert(0) += count;
        for change in outcome.applied.iter().flat_map(|applied| applied.batch.changes()) {
            add(format!("{}", change.action), 1);
        }
        for pool in &report.plan.pools {
            pool.steps.iter().for_each(|(_, evidence)| add(format!("go: {}", evidence.id()), 1));
            pool.held_back.iter().for_each(|held| add(format!("held: {}", held.reason()), 1));
        }
        for (reason, count) in &outcome.retries {
            add(format!("wait: {reason:?}"), *count);
        }
        add("lost replies".to_owned(), outcome.lost_replies);
        add("poison".to_owned(), outcome.poison.len());
        add("handed back".to_owned(), outcome.handed_back.len());
    }

    fn disturb_others(&mut self, edge: u8) {
        let own = usize::from(edge) % self.stations.len();
        for (index, station) in self.stations.iter_mut().enumerate() {
            if index != own {
                station.disturb();
            }
        }
    }

    fn disturb_all(&mut self) {
        self.stations.iter_mut().for_each(Station::disturb);
    }

    fn change(&mut self, change: ModelChange) -> bool {
        let accepted = lock(&self.model).change_record_sets(&hosted_zone(), &[change], self.now).is_ok();
        if accepted {
            self.disturb_all();
        }
        accepted
    }

    fn add_foreign(&mut self, pool: u8, kind: ForeignKind) -> Result<(), String> {
        let name = pool_record(&pool_name(pool));
        let there = self.records()?.into_iter().find(|it| it.name == name && it.r#type == RecordType::A);
        let shared = there.and_then(|record| record.ttl_secs).unwrap_or(20);
        let ttl_secs = |own: bool| if own { 60 } else { shared };
        let address =
            |ttl_secs| RecordSet::simple(name.clone(), RecordType::A, ttl_secs, vec!["192.0.2.1".to_owned()]);
        let set_identifier = Some("theirs".to_owned());
        let record = match kind {
            ForeignKind::Weighted { own_ttl } => {
                RecordSet { weight: Some(10), set_identifier, ..address(ttl_secs(own_ttl)) }
            }
            ForeignKind::Multivalue { own_ttl } => {
                RecordSet { multi_value_answer: Some(true), set_identifier, ..address(ttl_secs(own_ttl)) }
            }
            ForeignKind::Simple => address(60),
            ForeignKind::Cname => RecordSet::simple(
                name.clone(),
                RecordType::Cname,
                60,
                vec!["elsewhere.example.net".to_owned()],
            ),
        };
        if self.change(ModelChange::create(record.clone())) {
            self.foreign.push(record);
        }
        Ok(())
    }

    fn remove_foreign(&mut self, pool: u8) -> Result<(), String> {
        let name = pool_record(&pool_name(pool));
        let theirs: Vec<RecordSet> = self.foreign.iter().filter(|it| it.name == name).cloned().collect();
        for record in theirs {
            if self.change(ModelChange::delete(record.clone())) {
                self.foreign.retain(|kept| *kept != record);
            }
        }
        Ok(())
    }

    fn vandalise(&mut self, pool: u8) -> Result<(), String> {
        let records = self.records()?;
        let owned = Published::read(&pool_name(pool), &records).owned;
        if let Some(record) = owned.into_iter().find(|record| record.set_identifier.is_some()) {
            self.change(ModelChange::delete(record));
        }
        Ok(())
    }

    /// Whatever no pool owns is exactly what others put there, TTL included.
    fn foreign_is_untouched(&self) -> Result<(), String> {
        let mut records = self.records()?;
        records.retain(|record| !matches!(record.r#type, RecordType::Soa | RecordType::Ns));
        for pool in POOLS {
            let owned = Published::read(&known(pool), &records).owned;
            records.retain(|record| !owned.contains(record));
        }
        let mut theirs = self.foreign.clone();
        theirs.sort_by_key(RecordSet::key);
        records.sort_by_key(RecordSet::key);
        if records == theirs {
            return Ok(());
        }
        Err(format!("records that no pool owns changed from {theirs:#?} to {records:#?}"))
    }
}

/// Says whether the lint found fault with a plan, or with a pool's part of it.
fn breaks_rules(problem: &str) -> bool {
    problem.contains("break a rule") || problem.contains("breaks its own rules")
}

/// Says whether a run did all that there was to do.
fn is_done_with(report: &RunReport) -> bool {
    report.outcome.is_complete()
}

impl Station {
    fn new(model: &SharedModel, seed: u64) -> Self {
        let edge = Edge::new(known(deployment()), hosted_zone(), Arc::clone(model), seed);
        Self { edge, seen: Seen::default(), run: None, spent: Vec::new(), runs: 0 }
    }

    fn disturb(&mut self) {
        if let Some(running) = &mut self.run {
            running.undisturbed = false;
        }
    }

    fn judge(
        &mut self,
        running: &mut Running,
        before: &[RecordSet],
        after: &[RecordSet],
        at: Timestamp,
    ) -> Result<(), String> {
        let change = Change { before, after, at, looks: &running.looks, undisturbed: running.undisturbed };
        let unproven: BTreeMap<PoolName, usize> = judge(change)?;
        for (pool, count) in unproven {
            let spent = Spent { pool: pool.clone(), at, run: self.runs };
            self.spent.extend((0..count).map(|_| Spent { pool: spent.pool.clone(), ..spent }));
            self.within_budget(&pool, running, at)?;
        }
        let silent = running.answered.iter().filter(|name| !answers(name, after));
        running.fell_silent.extend(silent.cloned());
        Ok(())
    }

    fn within_budget(&self, pool: &PoolName, running: &Running, at: Timestamp) -> Result<(), String> {
        let spent = |from: Timestamp, earlier_runs: bool| {
            let counts = |spent: &&Spent| {
                spent.pool == *pool && spent.at + WINDOW > from && (!earlier_runs || spent.run < self.runs)
            };
            self.spent.iter().filter(counts).count()
        };
        let fits = |look: &Look| spent(look.at, false) <= allowed(look, pool, spent(look.at, true));
        if running.looks.iter().any(fits) {
            return Ok(());
        }
        let count = spent(at, false);
        Err(format!("pool {pool} lost {count} records without proof, which its budget does not allow"))
    }

    /// Checks what can only be said of a whole run.
    fn end(&self, running: &Running, report: &RunReport, records: &[RecordSet]) -> Result<(), String> {
        let errors = report.plan.pools.iter().flat_map(|pool| &pool.errors);
        let mut problems = report.outcome.failed_looks.iter().chain(errors);
        if let Some(refused) = problems.find(|problem| breaks_rules(problem)) {
            return Err(refused.clone());
        }
        if !running.undisturbed {
            return Ok(());
        }
        if let Some(poison) = report.outcome.poison.first() {
            return Err(format!("a plan that nobody disturbed was refused: {:?}", poison.messages));
        }
        match running.fell_silent.iter().find(|name| answers(name, records)) {
            Some(name) => Err(format!("{name} did not answer in the middle of a run")),
            None => Ok(()),
        }
    }
}
