//! Plays what happens on real edges that share one strict Route 53, with the referee beside every step.
//!
//! It moves time forward by itself only where a run waits. Whatever breaks a rule comes back as an
//! error that says which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use registrar_core::record_set::RecordSet;
use registrar_core::{SignedDuration, Timestamp};
use registrar_local::edge::{Route53Faults, RunReport, SharedModel, Step, lock};
use registrar_local::route53::{PublishedZone, Route53Model, Settings};

use super::happening::{FleetRead, GroupsRead, Happening, Plane};
use super::referee::Look;
use super::sizes::Sizes;
use super::station::{Running, Station};
use super::truth::{Event, Truth};
use super::zone::{Names, Snapshot};
use super::{ORIGIN, expected, hosted_zone, known};

/// How long a run may take.
const RUN_TIME: SignedDuration = SignedDuration::from_secs(60);

/// Edges and the Route 53 that they share.
pub struct Stage {
    /// The time.
    pub now: Timestamp,
    pub(super) model: SharedModel,
    pub(super) sizes: Arc<Sizes>,
    pub(super) names: Arc<Vec<Names>>,
    /// What stands in the hosted zone, and the state of the model of which it was read.
    snapshot: Arc<Snapshot>,
    read_from: Option<Arc<PublishedZone>>,
    pub(super) stations: Vec<Station>,
    pub(super) foreign: Vec<RecordSet>,
    /// What came about how often, so that a test can say that it did not happen in vain.
    pub tally: BTreeMap<String, usize>,
    /// How many things happened and how many steps the edges took.
    pub steps: u64,
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
        let sizes = Arc::clone(&truth.sizes);
        let names: Arc<Vec<Names>> = Arc::new(sizes.names().iter().map(Names::of).collect());
        let mut stage = Self {
            now: truth.now,
            stations: (0..edges).map(|number| Station::new(&model, &sizes, number)).collect(),
            snapshot: Arc::new(Snapshot::new(&names, Vec::new())),
            read_from: None,
            model,
            sizes,
            names,
            foreign: Vec::new(),
            tally: BTreeMap::new(),
            steps: 0,
        };
        stage.refresh();
        Ok(stage)
    }

    /// Returns what stands in the hosted zone.
    #[must_use]
    pub fn zone(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot)
    }

    /// Reads the hosted zone again where it was changed: every accepted change makes a new state of it.
    pub(super) fn refresh(&mut self) {
        let model = lock(&self.model);
        let Ok(state) = model.published(&hosted_zone(), Timestamp::MAX) else { return };
        if self.read_from.as_ref().is_some_and(|known| Arc::ptr_eq(known, &state)) {
            return;
        }
        let records = model.records(&hosted_zone()).unwrap_or_default();
        self.snapshot = Arc::new(Snapshot::new(&self.names, records));
        self.read_from = Some(state);
    }

    /// Lets something happen, to the truth as well.
    ///
    /// # Errors
    /// When a rule was broken.
    pub fn play(&mut self, truth: &mut Truth, happening: &Happening) -> Result<(), String> {
        // Runs that waited have moved the time on.
        truth.now = truth.now.max(self.now);
        let event = match *happening {
            Happening::Deliver { index, edge, .. } if truth.outage(edge, Plane::Events).is_none() => {
                truth.event(index).cloned()
            }
            _ => None,
        };
        truth.apply(happening);
        self.now = truth.now;
        self.steps += 1;
        self.meet_outages(truth)?;
        if let (Happening::Deliver { edge, .. }, Some(event)) = (happening, event) {
            self.deliver(*edge, &event)?;
        }
        self.happens(truth, happening)
    }

    /// Calls fail while an outage lasts; what it held back comes when it is over.
    fn meet_outages(&mut self, truth: &Truth) -> Result<(), String> {
        for (edge, station) in (0..).zip(&mut self.stations) {
            station.meet_outages(truth, edge);
        }
        for (edge, event) in &truth.flood {
            let all = 0..u8::try_from(self.stations.len()).unwrap_or(u8::MAX);
            let to = edge.map_or(all, |edge| edge..edge.saturating_add(1));
            for edge in to {
                self.deliver(edge, event)?;
                *self.tally.entry("late events".to_owned()).or_default() += 1;
            }
        }
        Ok(())
    }

    fn happens(&mut self, after: &Truth, happening: &Happening) -> Result<(), String> {
        match *happening {
            Happening::Foreign(pool, kind) => self.add_foreign(pool, kind),
            Happening::ForeignGone(pool) => self.remove_foreign(pool),
            Happening::Vandalise(pool, which) => self.vandalise(pool, which),
            Happening::Faults(edge, route53) => {
                self.at(edge).set_faults(route53);
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
            | Happening::Deliver { .. }
            | Happening::Outage { .. }
            | Happening::Pass(_) => {}
        }
        self.foreign_is_untouched()
    }

    pub(super) fn at(&mut self, edge: u8) -> &mut Station {
        let index = usize::from(edge) % self.stations.len();
        &mut self.stations[index]
    }

    /// Shows an edge the documents, the fleet and the groups.
    pub fn show(&mut self, edge: u8, truth: &Truth, fleet: FleetRead, groups: GroupsRead) {
        let now = self.now;
        let station = self.at(edge);
        let seen = Arc::make_mut(&mut station.seen);
        for (pool, document) in truth.documents.iter() {
            if seen.documents.get(pool) != Some(document) {
                station.edge.read_pool(pool.clone(), Ok(&document.text()));
            }
        }
        seen.documents = Arc::clone(&truth.documents);
        if let Some(text) = seen.read_fleet(truth, edge, fleet, now) {
            station.edge.read_fleet("fleet", text.as_deref().map_err(Clone::clone), now);
        }
        let text = seen.read_groups(truth, edge, groups);
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
        Arc::make_mut(&mut station.seen).receive(event, now);
        station.disturb();
        Ok(())
    }

    fn crash(&mut self, edge: u8, memory_kept: bool) {
        let fresh = Station::new(&self.model, &self.sizes, u64::from(edge) + 100);
        let station = self.at(edge);
        station.run = None;
        if !memory_kept {
            *station = fresh;
        }
    }

    /// Begins a run; says whether there is one.
    ///
    /// # Errors
    /// When the plan breaks a rule.
    pub fn begin(&mut self, edge: u8) -> Result<bool, String> {
        let (now, zone, names) = (self.now, self.zone(), Arc::clone(&self.names));
        let station = self.at(edge);
        let look = Look { at: now, seen: Arc::clone(&station.seen), zone };
        match station.edge.begin(now, now + RUN_TIME) {
            Err(problem) if breaks_rules(&problem) => Err(problem),
            Err(_) => Ok(false),
            Ok(run) => {
                let names = names.iter().map(|names| &names.name);
                let answered = names.filter(|name| look.zone.answers(name)).cloned().collect();
                let (fell_silent, listed) = (BTreeSet::new(), !station.truncates);
                station.run = Some(Running {
                    run,
                    looks: vec![look],
                    undisturbed: true,
                    listed,
                    answered,
                    fell_silent,
                });
                Ok(true)
            }
        }
    }

    /// Takes one step of an edge's run.
    ///
    /// # Errors
    /// When a rule was broken.
    pub fn step(&mut self, edge: u8) -> Result<Progress, String> {
        let (now, before) = (self.now, self.zone());
        let station = self.at(edge);
        let Some(mut running) = station.run.take() else { return Ok(Progress::Idle) };
        let step = match station.edge.step(&mut running.run, now) {
            Step::Look => {
                station.edge.look_again(&mut running.run, now);
                Step::Progress
            }
            step => step,
        };
        self.steps += 1;
        self.refresh();
        let after = self.zone();
        let station = self.at(edge);
        if Arc::ptr_eq(&before, &after) {
            // The step may have looked again, but not have submitted what it planned then.
            running.looks.push(Look { at: now, seen: Arc::clone(&station.seen), zone: before });
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
        // What was added counts as serving now, so that a share of it is more than it was: more may go.
        let within_budget =
            again.plan.batches.iter().flat_map(|batch| &batch.units).any(|it| it.budgeted > 0);
        if again.plan.batches.is_empty() || within_budget {
            return Ok(());
        }
        let changes = again.plan.batches.iter().flat_map(|batch| batch.changes());
        let lines = changes.map(|it| format!("\n  {} [{}]: {}", it.action, it.record, it.evidence));
        Err(format!("planning again changes something:{}", lines.collect::<String>()))
    }

    /// Clears every fault, delivers what is under way, and lets time pass and sweeps run until nothing
    /// changes any more; then the hosted zone must be what the true fleet asks for.
    ///
    /// # Errors
    /// When a rule is broken, or it does not come to that.
    pub fn settle(&mut self, truth: &Truth) -> Result<(), String> {
        let mut truth = truth.clone();
        truth.clear();
        self.meet_outages(&truth)?;
        let edges: Vec<u8> = (0..self.stations.len()).filter_map(|edge| u8::try_from(edge).ok()).collect();
        for edge in &edges {
            self.at(*edge).set_faults(Route53Faults::default());
            self.finish(*edge)?;
            self.sweep(*edge, &truth, FleetRead::Whole, GroupsRead::Whole)?;
        }
        for _ in 0..20 {
            let before = self.zone();
            self.now += SignedDuration::from_mins(16);
            let mut quiet = true;
            for edge in &edges {
                let report = self.sweep(*edge, &truth, FleetRead::Whole, GroupsRead::Whole)?;
                quiet &= report.is_some_and(|report| report.plan.batches.is_empty());
                // Reads at one moment do not agree, they are the same.
                self.now += SignedDuration::from_secs(1);
            }
            if quiet && Arc::ptr_eq(&self.zone(), &before) {
                return expected::check(&truth, &before);
            }
        }
        Err(format!("it does not settle: {:#?}", self.snapshot.records))
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
}

/// Says whether the lint found fault with a plan, or with a pool's part of it.
pub(super) fn breaks_rules(problem: &str) -> bool {
    problem.contains("break a rule") || problem.contains("breaks its own rules")
}

/// Says whether a run did all that there was to do.
fn is_done_with(report: &RunReport) -> bool {
    report.outcome.is_complete()
}
