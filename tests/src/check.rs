//! Runs a scenario: expand, plan, check, compare, apply, and plan again.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context, Result, bail};
use registrar_core::diff::Difference;
use registrar_core::guard::Evidence;
use registrar_core::plan::{Batch, HeldBack, Plan};
use registrar_core::record_set::{RecordSet, RecordType};

use crate::lines::{difference, expand_all};
use crate::promises;
use crate::record_line::{change_line, line, record};
use crate::scenario::{HOSTED_ZONE, ORIGIN, Scenario};
use crate::strict_zone::StrictZone;
use crate::world::World;

/// A scenario that did not come out as it says: its name, its story and every difference, line by line.
pub struct Mismatch(String);

/// Test harnesses print errors with `Debug`; line breaks are to stay line breaks.
impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

/// Checks that a scenario comes out as it says.
///
/// # Errors
/// When it does not, or cannot be read.
pub fn scenario(name: &str, text: &str) -> Result<(), Mismatch> {
    let unreadable = |error: anyhow::Error| Mismatch(format!("{name}\n{error:#}"));
    let scenario = Scenario::parse(text).map_err(unreadable)?;
    let world = World::build(&scenario).map_err(unreadable)?;
    let problems = match world.plan() {
        Ok(plan) => Run::new(&scenario, world, plan).and_then(|run| run.problems()).map_err(unreadable)?,
        Err(refused) => vec![format!("{refused:#}")],
    };
    if problems.is_empty() {
        return Ok(());
    }
    Err(Mismatch(format!("{name}\n{}\n{}", scenario.why, problems.join("\n"))))
}

struct Run<'a> {
    scenario: &'a Scenario,
    world: World,
    before: StrictZone,
    plan: Plan,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, world: World, plan: Plan) -> Result<Self> {
        let records = world.hosted_zone()?.records.values();
        let before = StrictZone::new(records.map(|record| record.as_ref().clone()))?;
        Ok(Self { scenario, world, before, plan })
    }

    fn problems(&self) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        problems.extend(self.compare_plan()?);
        problems.extend(self.compare_errors());
        if self.world.dropped != self.scenario.expect.dropped {
            problems.push(format!("{} messages were dropped", self.world.dropped));
        }
        let released = self.plan.pools.iter().filter(|pool| pool.release_used.is_some());
        let released: BTreeSet<String> = released.map(|pool| pool.name.to_string()).collect();
        if released != self.scenario.expect.releases_used {
            problems.push(format!("releases of {released:?} were used up"));
        }
        for batch in &self.plan.batches {
            problems.extend(promises::deletes_come_first(batch).err().map(|error| error.to_string()));
        }
        for promise in
            [promises::change_batches_read_back(&self.plan), promises::the_document_tells_all(&self.plan)]
        {
            problems.extend(promise.err().map(|error| format!("{error:#}")));
        }
        if self.world.plan()? != self.plan {
            problems.push("planning twice gave two plans".to_owned());
        }
        match self.apply() {
            Ok(after) => problems.extend(self.afterwards(&after)?),
            Err(error) => problems.push(format!("Route 53 would refuse: {error:#}")),
        }
        Ok(problems)
    }

    fn compare_plan(&self) -> Result<Vec<String>> {
        let expect = &self.scenario.expect;
        let mut expected = Vec::new();
        for (index, batch) in expect.batches.iter().enumerate() {
            expected.push(format!("batch {}", index + 1));
            for text in expand_all(batch)? {
                let (action, rest) = text.split_once(' ').context("a change is written ACTION RECORD")?;
                expected.push(format!("{action} {}", line(&record(rest)?)));
            }
        }
        let mut got = Vec::new();
        for (index, batch) in self.plan.batches.iter().enumerate() {
            got.push(format!("batch {}{}", index + 1, foreign_zone(batch)));
            got.extend(batch.changes().map(change_line));
        }
        let in_order = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let pools = self.plan.pools.iter();
        let held = in_order(pools.clone().flat_map(|pool| &pool.held_back).map(held_line).collect());
        let held_back = in_order(expand_all(&expect.held_back)?);
        let taken = in_order(pools.flat_map(|pool| &pool.steps).map(step_line).collect());
        let steps = match &expect.steps {
            Some(steps) => in_order(expand_all(steps)?),
            None => taken.clone(),
        };
        let shown = |title: &str, shown: Option<String>| {
            shown.map(|shown| format!("{title} (- expected, + got)\n{shown}"))
        };
        let batches = shown("batches", difference(&expected, &got)).filter(|_| !expect.any_batches);
        let steps = shown("steps", difference(&steps, &taken));
        let held_back = shown("held back", difference(&held_back, &held));
        Ok(batches.into_iter().chain(steps).chain(held_back).collect())
    }

    /// Each expected part is in an error of its own, and no error is left over.
    fn compare_errors(&self) -> Vec<String> {
        let mut left: Vec<&String> = self.plan.pools.iter().flat_map(|pool| &pool.errors).collect();
        let mut problems = Vec::new();
        for part in &self.scenario.expect.errors {
            match left.iter().position(|error| error.contains(part)) {
                Some(index) => drop(left.remove(index)),
                None => problems.push(format!("no error says {part:?}")),
            }
        }
        problems.extend(left.into_iter().map(|error| format!("error not expected: {error}")));
        problems
    }

    fn apply(&self) -> Result<StrictZone> {
        let mut zone = self.before.clone();
        for batch in &self.plan.batches {
            zone.apply(batch)?;
        }
        Ok(zone)
    }

    fn afterwards(&self, after: &StrictZone) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let untouched = promises::foreign_records_are_untouched(&self.world, &self.before, after);
        problems.extend(untouched.err().map(|error| error.to_string()));
        let expected = match &self.scenario.expect.zone {
            Some(lines) => sorted(expand_all(lines)?.iter().map(|text| record(text)).collect::<Result<_>>()?),
            None => sorted(self.before.records().cloned().collect()),
        };
        let got = sorted(after.records().cloned().collect());
        problems.extend(
            difference(&expected, &got).map(|shown| format!("zone afterwards (- expected, + got)\n{shown}")),
        );
        problems.extend(self.fixpoint(after).err().map(|error| format!("{error:#}")));
        problems.extend(self.resumes(after).err().map(|error| format!("{error:#}")));
        Ok(problems)
    }

    /// Planning again after applying changes nothing.
    fn fixpoint(&self, after: &StrictZone) -> Result<()> {
        let mut world = self.world.with_records(after.records())?;
        world.spend(&self.plan);
        let again = world.plan().context("planning again")?;
        let changes: Vec<String> = again.batches.iter().flat_map(Batch::changes).map(change_line).collect();
        if changes.is_empty() {
            Ok(())
        } else {
            bail!("planning again would change:\n  + {}", changes.join("\n  + "))
        }
    }

    /// A run that stops between two batches is completed by the next one. Budgets are written before a
    /// batch, so that a run that stops may have spent too much; such plans are left out.
    fn resumes(&self, after: &StrictZone) -> Result<()> {
        if self.plan.budget_spent().next().is_some() {
            return Ok(());
        }
        for applied in 1..self.plan.batches.len() {
            let mut zone = self.before.clone();
            self.plan.batches[..applied].iter().try_for_each(|batch| zone.apply(batch))?;
            let next = self.world.with_records(zone.records())?.plan()?;
            next.batches.iter().try_for_each(|batch| zone.apply(batch))?;
            if !zone.records().eq(after.records()) {
                bail!("a run that stopped after batch {applied} ends in another zone than one that did not");
            }
        }
        Ok(())
    }
}

fn foreign_zone(batch: &Batch) -> String {
    let id = batch.hosted_zone_id.as_str();
    if id == HOSTED_ZONE { String::new() } else { format!(" in {id}") }
}

/// `SUBJECT REASON`: the subject is an instance, or the first word of a difference of the whole set.
fn held_line(held: &HeldBack) -> String {
    let subject = match &held.set_identifier {
        Some(id) => id.rsplit('/').next().map(str::to_owned),
        None => held.difference.as_deref().and_then(of_set),
    };
    format!("{} {}", subject.unwrap_or_default(), held.reason())
}

/// `SUBJECT EVIDENCE`, with the same subjects.
fn step_line((difference, evidence): &(Difference, Evidence)) -> String {
    let subject = match difference.instance() {
        Some(instance) => Some(instance.to_string()),
        None => of_set(&difference.to_string()),
    };
    format!("{} {}", subject.unwrap_or_default(), evidence.id())
}

fn of_set(difference: &str) -> Option<String> {
    difference.split_whitespace().nth(1).map(str::to_lowercase)
}

/// The lines of a zone without the two record sets that every hosted zone has.
fn sorted(records: Vec<RecordSet>) -> Vec<String> {
    let apex = |record: &RecordSet| {
        record.name.as_str() == ORIGIN && matches!(record.r#type, RecordType::Ns | RecordType::Soa)
    };
    let mut lines: Vec<String> = records.iter().filter(|record| !apex(record)).map(line).collect();
    lines.sort();
    lines
}
