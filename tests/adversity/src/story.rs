//! A story: what happens, to how large a world; and how it ends when it is played.
//!
//! It knows nothing of seeds: a story that was made smaller is played in the same way.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use registrar_tests::simulation::{FleetRead, GroupsRead, Happening, Sizes, Snapshot, Stage, Truth};

/// What came about how often.
pub(crate) type Tally = BTreeMap<String, u64>;

/// What happens, to how large a world.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    /// Registrars that share the hosted zone.
    pub(crate) edges: u8,
    pub(crate) sizes: Sizes,
    pub(crate) happenings: Vec<Happening>,
}

/// A rule that broke.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// How many things happened by then; all of them where it did not settle.
    pub(crate) after: usize,
    pub(crate) what: String,
}

/// What became of a story.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) steps: u64,
    /// Simulated time, in seconds.
    pub(crate) seconds: u64,
    pub(crate) happened: Tally,
    pub(crate) came_about: Tally,
    pub(crate) failure: Option<Failure>,
}

impl Story {
    /// Plays it to its end, and lets it settle. A panic is a failure like any other.
    pub(crate) fn play(&self) -> Ending {
        self.play_telling(&mut |_| {})
    }

    /// Plays it and tells what happens, line by line.
    pub(crate) fn play_telling(&self, tell: &mut dyn FnMut(String)) -> Ending {
        let mut ending = Ending::default();
        let mut after = 0;
        let played = catch_unwind(AssertUnwindSafe(|| self.play_to_the_end(&mut ending, &mut after, tell)));
        let what = match played {
            Ok(Ok(())) => None,
            Ok(Err(what)) => Some(what),
            Err(panic) => Some(said(panic.as_ref())),
        };
        ending.failure = what.map(|what| Failure { after, what });
        ending
    }

    fn play_to_the_end(
        &self,
        ending: &mut Ending,
        after: &mut usize,
        tell: &mut dyn FnMut(String),
    ) -> Result<(), String> {
        let mut truth = Truth::new(self.sizes.clone());
        let mut stage = Stage::new(u64::from(self.edges), &truth)?;
        let start = stage.now;
        for happening in &self.happenings {
            *after += 1;
            *ending.happened.entry(kind(happening)).or_default() += 1;
            let before = stage.zone();
            tell(format!("{after:>5}  {happening:?}"));
            let played = stage.play(&mut truth, happening);
            tell_changes(&before, &stage.zone(), tell);
            played?;
        }
        let before = stage.zone();
        let settled = stage.settle(&truth).map_err(|what| format!("in the end: {what}"));
        tell("  end  everything is repaired, and time passes".to_owned());
        tell_changes(&before, &stage.zone(), tell);
        ending.steps = stage.steps;
        ending.seconds = u64::try_from(stage.now.duration_since(start).as_secs()).unwrap_or(0);
        for (what, count) in &stage.tally {
            ending.came_about.insert(what.clone(), u64::try_from(*count).unwrap_or(u64::MAX));
        }
        settled
    }
}

fn tell_changes(before: &Arc<Snapshot>, after: &Arc<Snapshot>, tell: &mut dyn FnMut(String)) {
    if Arc::ptr_eq(before, after) {
        return;
    }
    for gone in before.records.iter().filter(|record| !after.records.contains(record)) {
        tell(format!("         - {gone}"));
    }
    for new in after.records.iter().filter(|record| !before.records.contains(record)) {
        tell(format!("         + {new}"));
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    format!("panic: {}", text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("without a word"))
}

/// Names the kind of a happening, as the table counts it.
fn kind(happening: &Happening) -> String {
    match happening {
        Happening::Sweep(_, fleet, groups) => format!("sweep{}", reads(*fleet, *groups)),
        Happening::Begin(_, fleet, groups) => format!("run begun{}", reads(*fleet, *groups)),
        Happening::Outage { edge, plane, kind, .. } => {
            let whom = if edge.is_some() { "one executor" } else { "all" };
            format!("outage: {plane:?}, {kind:?}, for {whom}")
        }
        Happening::Foreign(_, kind) => format!("foreign record: {}", word(kind)),
        Happening::Edit(_, change) => format!("edit: {}", word(change)),
        Happening::Launch { .. } => "launch".to_owned(),
        Happening::Deliver { .. } => "event delivered".to_owned(),
        Happening::Lose(_) => "event lost".to_owned(),
        Happening::Crash { memory_kept: true, .. } => "crash, memory kept".to_owned(),
        Happening::Crash { memory_kept: false, .. } => "crash, memory lost".to_owned(),
        Happening::Faults(..) => "faults of Route 53 armed".to_owned(),
        other => word(other),
    }
}

fn reads(fleet: FleetRead, groups: GroupsRead) -> String {
    let groups = match groups {
        GroupsRead::Whole => "",
        GroupsRead::Fails => ", groups fail",
    };
    format!(", fleet {}{groups}", word(&fleet).to_lowercase())
}

/// The first word of a value's name.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}
