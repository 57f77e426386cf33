//! What happens, told as it happens: lines for a person, or JSON lines of schema `registrar-local/1`.
//!
//! A thing that lasts (a hold, a gap, an error) is told when it begins and when it ends, not at every
//! sweep. Nothing is decided here.

use std::collections::BTreeMap;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use registrar_core::Timestamp;
use registrar_core::owner::{OwnerMark, Role};
use registrar_core::plan::{Change, Unit};
use registrar_core::record_set::ChangeAction;
use registrar_core::report::Report;
use serde::Serialize;

use crate::edge::RunReport;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// The name servers answer.
    Listening {
        /// The name of the hosted zone.
        origin: String,
        /// Where, over UDP and TCP.
        addresses: Vec<String>,
        /// Where the resolvers in front of them answer, if there are any.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        resolvers: Vec<String>,
    },
    /// A change took effect.
    Applied {
        /// The pool.
        pool: String,
        /// `CREATE` or `DELETE`.
        action: ChangeAction,
        /// The record set.
        record: String,
        /// Its set identifier.
        set_identifier: Option<String>,
        /// Its values.
        values: Vec<String>,
        /// Its weight.
        weight: Option<u8>,
        /// What allowed it.
        evidence: String,
    },
    /// Something is held back from now on.
    HeldBack {
        /// The pool.
        pool: String,
        /// The record's set identifier.
        set_identifier: Option<String>,
        /// Why, as a stable identifier.
        reason: String,
        /// Why, in words.
        detail: String,
        /// How to proceed.
        hint: Option<String>,
    },
    /// Something is not complete, or not as it should be, from now on.
    Trouble {
        /// What it concerns: a pool, a file, or a read.
        about: String,
        /// What is wrong.
        problem: String,
    },
    /// A hold or a trouble is over.
    Over {
        /// What it was.
        what: String,
    },
    /// A look changed something, or could not.
    Looked {
        /// Its numbers.
        report: Report,
    },
    /// A line on standard input asked for nothing.
    Dropped {
        /// Its number, from 1.
        line: usize,
        /// Why, as a stable identifier.
        kind: &'static str,
        /// Why, in words.
        detail: String,
    },
    /// Route 53 refuses a change by itself; it was set aside.
    Refused {
        /// The pool.
        pool: String,
        /// The change.
        change: String,
        /// What Route 53 said.
        messages: Vec<String>,
    },
    /// There was no time for a change; the next look tries again.
    HandedBack {
        /// The pool.
        pool: String,
        /// The change.
        change: String,
    },
    /// The edge stops.
    Stopped {
        /// Why.
        why: &'static str,
        /// Events that were understood.
        events: usize,
        /// Lines that were dropped.
        dropped: usize,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    at: Timestamp,
    #[serde(flatten)]
    happening: &'a Happening,
}

/// Where happenings are told, and which of them last.
pub struct Console<W> {
    out: W,
    json: bool,
    lasting: BTreeMap<String, Happening>,
    has_looked: bool,
}

impl<W: Write> Console<W> {
    /// Tells happenings to `out`.
    pub fn new(out: W, json: bool) -> Self {
        Self { out, json, lasting: BTreeMap::new(), has_looked: false }
    }

    /// Tells one happening.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell(&mut self, at: Timestamp, happening: &Happening) -> std::io::Result<()> {
        if self.json {
            let line = serde_json::to_string(&Line { schema: "registrar-local/1", at, happening })?;
            writeln!(self.out, "{line}")?;
        } else {
            for (style, line) in human(happening) {
                let time = at.strftime("%H:%M:%S");
                writeln!(self.out, "{time}  {style}{line}{style:#}")?;
            }
        }
        self.out.flush()
    }

    /// Tells what a run did, and what begins or ends to be held back with it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell_run(
        &mut self,
        at: Timestamp,
        report: &RunReport,
        troubles: &[Happening],
    ) -> std::io::Result<()> {
        self.tell_changes(at, report)?;
        if report.outcome.submitted > 0 || !self.has_looked {
            self.has_looked = true;
            let report = Report::new(&report.plan, &report.outcome);
            self.tell(at, &Happening::Looked { report })?;
        }
        let denied = report
            .outcome
            .denied
            .iter()
            .map(|problem| Happening::Trouble { about: "Route 53".to_owned(), problem: problem.clone() });
        let lasting = lasting(report).chain(denied).chain(troubles.iter().cloned());
        self.tell_lasting(at, lasting.collect())
    }

    /// Tells what was changed; a person is told the first changes of a large number, and how many more there are.
    fn tell_changes(&mut self, at: Timestamp, report: &RunReport) -> std::io::Result<()> {
        let changes = report.outcome.applied.iter().flat_map(|applied| applied.batch.attributed_changes());
        let mut more = 0;
        for (number, (unit, change)) in changes.enumerate() {
            if self.json || number < MOST_CHANGES {
                self.tell(at, &applied(unit, change))?;
            } else {
                more += 1;
            }
        }
        if more > 0 {
            let time = at.strftime("%H:%M:%S");
            writeln!(self.out, "{time}  … and {more} changes more (hint: --json tells every one)")?;
        }
        self.out.flush()
    }

    /// Tells which of some lasting things begin; whatever else lasts goes on.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell_also(&mut self, at: Timestamp, more: Vec<Happening>) -> std::io::Result<()> {
        let lasting = self.lasting.values().cloned().chain(more).collect();
        self.tell_lasting(at, lasting)
    }

    /// Tells a person the first holds of a pool and reason, and how many more there are.
    fn tell_beginning(&mut self, at: Timestamp, begins: &[&Happening]) -> std::io::Result<()> {
        let mut told: BTreeMap<(String, String), usize> = BTreeMap::new();
        for happening in begins {
            if let Happening::HeldBack { pool, reason, .. } = happening
                && !self.json
            {
                let count = told.entry((pool.clone(), reason.clone())).or_insert(0);
                *count += 1;
                if *count > MOST_AT_ONCE {
                    continue;
                }
            }
            self.tell(at, happening)?;
        }
        for ((pool, reason), count) in told.into_iter().filter(|(_, count)| *count > MOST_AT_ONCE) {
            let (more, what) = (count - MOST_AT_ONCE, format!("of pool {pool}"));
            let detail = format!("{more} more");
            let happening =
                Happening::HeldBack { pool, set_identifier: Some(what), reason, detail, hint: None };
            self.tell(at, &happening)?;
        }
        Ok(())
    }

    /// Tells which lasting things begin and which end.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn tell_lasting(&mut self, at: Timestamp, now: Vec<Happening>) -> std::io::Result<()> {
        let now: BTreeMap<String, Happening> =
            now.into_iter().map(|what| (what_lasts(&what), what)).collect();
        let before = std::mem::take(&mut self.lasting);
        let over: Vec<&String> = before.keys().filter(|what| !now.contains_key(*what)).collect();
        let shown = if self.json { over.len() } else { MOST_AT_ONCE };
        for what in over.iter().take(shown) {
            self.tell(at, &Happening::Over { what: (*what).clone() })?;
        }
        if over.len() > shown {
            self.tell(at, &Happening::Over { what: format!("{} more", over.len() - shown) })?;
        }
        let begins: Vec<&Happening> = now
            .iter()
            .filter(|(what, _)| !before.contains_key(*what))
            .map(|(_, happening)| happening)
            .collect();
        self.tell_beginning(at, &begins)?;
        self.lasting = now;
        Ok(())
    }
}

/// How many changes of one run a person is told.
const MOST_CHANGES: usize = 100;
/// How many holds of one pool and reason a person is told at once, and changes of a unit.
const MOST_AT_ONCE: usize = 3;

fn applied(unit: &Unit, change: &Change) -> Happening {
    Happening::Applied {
        pool: unit.pool.to_string(),
        action: change.action,
        record: change.record.to_string(),
        set_identifier: change.record.set_identifier.clone(),
        values: change.record.values().map(str::to_owned).collect(),
        weight: change.record.weight,
        evidence: change.evidence.clone(),
    }
}

/// Names the first changes of a unit, and how many more there are.
fn describe(unit: &Unit) -> String {
    let shown = unit.changes.iter().take(MOST_AT_ONCE);
    let mut changes: Vec<String> =
        shown.map(|change| format!("{} {}", change.action, change.record)).collect();
    let more = unit.changes.len().saturating_sub(MOST_AT_ONCE);
    changes.extend((more > 0).then(|| format!("and {more} more")));
    changes.join(", ")
}

fn lasting(report: &RunReport) -> impl Iterator<Item = Happening> {
    let gaps = report.plan.gaps.iter().map(|gap| Happening::Trouble {
        about: format!("read of {}", gap.source),
        problem: format!(
            "{}: what was not seen is unknown, and nothing is removed on its account",
            gap.reason
        ),
    });
    let pools = report.plan.pools.iter().flat_map(|pool| {
        let held_back = pool.held_back.iter().map(|held| Happening::HeldBack {
            pool: pool.name.to_string(),
            set_identifier: held.set_identifier.clone(),
            reason: held.hold.reason.to_string(),
            detail: held.hold.detail.clone(),
            hint: held.hold.hint.clone(),
        });
        let errors = pool
            .errors
            .iter()
            .map(|error| Happening::Trouble { about: format!("pool {}", pool.name), problem: error.clone() });
        held_back.chain(errors).collect::<Vec<_>>()
    });
    let refused = report.outcome.poison.iter().map(|poison| Happening::Refused {
        pool: poison.unit.pool.to_string(),
        change: describe(&poison.unit),
        messages: poison.messages.clone(),
    });
    let handed_back = report
        .outcome
        .handed_back
        .iter()
        .map(|unit| Happening::HandedBack { pool: unit.pool.to_string(), change: describe(unit) });
    gaps.chain(pools).chain(refused).chain(handed_back)
}

/// What makes a lasting thing the same one at the next look; its words may change.
fn what_lasts(happening: &Happening) -> String {
    match happening {
        Happening::HeldBack { pool, set_identifier, reason, .. } => match set_identifier {
            Some(id) => format!("held back: {id} [{reason}]"),
            None => format!("held back: pool {pool} [{reason}]"),
        },
        // A read fails in ever other words while a file is being written; a pool may have several errors.
        Happening::Trouble { about, .. } if about.starts_with("read of ") => about.clone(),
        Happening::Trouble { about, problem } => {
            format!("{about}: {}", problem.split(" (hint: ").next().unwrap_or_default())
        }
        Happening::Refused { pool, change, .. } => format!("pool {pool}: Route 53 refuses {change}"),
        Happening::HandedBack { pool, change } => format!("pool {pool}: no time for {change}"),
        Happening::Listening { .. }
        | Happening::Applied { .. }
        | Happening::Over { .. }
        | Happening::Looked { .. }
        | Happening::Dropped { .. }
        | Happening::Stopped { .. } => String::new(),
    }
}

fn human(happening: &Happening) -> Vec<(Style, String)> {
    let style = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    let one = |colour: AnsiColor, line: String| vec![(style(colour), line)];
    match happening {
        Happening::Listening { origin, addresses, resolvers } => {
            let serving = format!("serving {origin} on {} (UDP and TCP)", addresses.join(", "));
            let lines = [serving, format!("resolving on {}", resolvers.join(", "))];
            let count = 1 + usize::from(!resolvers.is_empty());
            lines.into_iter().take(count).map(|line| (style(AnsiColor::Cyan), line)).collect()
        }
        Happening::Applied { action, evidence, .. } => {
            let (mark, colour) = match action {
                ChangeAction::Create => ("+", AnsiColor::Green),
                ChangeAction::Delete => ("-", AnsiColor::Red),
            };
            one(colour, format!("{mark} {}   {evidence}", short(happening)))
        }
        Happening::HeldBack { pool, set_identifier, reason, detail, hint } => {
            let what = set_identifier.clone().unwrap_or_else(|| format!("pool {pool}"));
            let mut lines = one(AnsiColor::Magenta, format!("held back: {what} [{reason}] {detail}"));
            lines.extend(hint.iter().map(|hint| (style(AnsiColor::Magenta), format!("  hint: {hint}"))));
            lines
        }
        Happening::Trouble { about, problem } => one(AnsiColor::Yellow, format!("! {about}: {problem}")),
        Happening::Over { what } => one(AnsiColor::Cyan, format!("over: {what}")),
        Happening::Looked { report } => vec![(Style::new().dimmed(), format!("= {report}"))],
        Happening::Dropped { line, kind, detail } => {
            one(AnsiColor::Yellow, format!("dropped: line {line} [{kind}] {detail}"))
        }
        Happening::Refused { pool, change, messages } => {
            one(AnsiColor::Red, format!("! pool {pool}: Route 53 refuses {change}: {}", messages.join(", ")))
        }
        Happening::HandedBack { pool, change } => one(
            AnsiColor::Yellow,
            format!("! pool {pool}: no time left for {change}; the next look tries again"),
        ),
        Happening::Stopped { why, events, dropped } => {
            one(AnsiColor::Cyan, format!("stopped: {why}; events: {events} understood, {dropped} dropped"))
        }
    }
}

/// A member's record by its instance and address, any other by all that it is.
fn short(happening: &Happening) -> String {
    let Happening::Applied { pool, record, set_identifier, values, weight, .. } = happening else {
        return String::new();
    };
    let mark = set_identifier.as_deref().and_then(|id| id.parse::<OwnerMark>().ok());
    let Some(OwnerMark { role: Role::Member(instance), .. }) = mark else { return record.clone() };
    let weight = weight.map(|weight| format!(" weight {weight}")).unwrap_or_default();
    format!("{pool}  {instance}  {}{weight}", values.join(" "))
}
