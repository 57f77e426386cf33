//! The report: one table for a person, and one document for a machine.
//!
//! It measures nothing and judges nothing.

use serde::Serialize;

use crate::figures::{Figures, Spread};
use crate::goals::Goal;
use crate::storm::{Aftermath, Storm};

/// Everything that was measured. Its JSON form is schema `registrar-bench/1`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The schema.
    pub(crate) schema: &'static str,
    /// The conditions of the measurement.
    pub(crate) conditions: Conditions,
    /// Processes, invocations and memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) processes: Option<Pair<Figures>>,
    /// The storm, and how each side came out of it; the baseline may be left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storm: Option<StormReport>,
    /// What was meant to be reached.
    pub(crate) goals: Vec<Goal>,
}

/// Under which conditions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Conditions {
    /// Cores of the machine.
    pub(crate) cores: usize,
    /// How often each side was started.
    pub(crate) repetitions: usize,
    /// How much longer each call to AWS takes, in milliseconds.
    pub(crate) latency_ms: u64,
    /// Instances that serve at the start.
    pub(crate) serving: usize,
    /// Bytes of the registrar's zip.
    pub(crate) zip_bytes: u64,
    /// Bytes of the registrar's executable.
    pub(crate) bootstrap_bytes: u64,
}

/// The same of both sides.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pair<T> {
    /// The registrar.
    pub(crate) registrar: T,
    /// The published reference design.
    pub(crate) baseline: T,
}

/// The storm of both sides.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct StormReport {
    /// Its size.
    pub(crate) storm: Storm,
    /// Pools.
    pub(crate) pools: usize,
    /// Hosted zones.
    pub(crate) hosted_zones: usize,
    /// How the registrar came out of it.
    pub(crate) registrar: Aftermath,
    /// How the reference design did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) baseline: Option<Aftermath>,
}

impl Report {
    /// Renders the report for a person.
    pub(crate) fn render(&self) -> String {
        let conditions = &self.conditions;
        let mut lines = vec![format!(
            "zip {}, bootstrap {}; {} cores, {} ms on each call",
            mebibytes(conditions.zip_bytes),
            mebibytes(conditions.bootstrap_bytes),
            conditions.cores,
            conditions.latency_ms
        )];
        if let Some(pair) = &self.processes {
            let (repetitions, serving) = (conditions.repetitions, conditions.serving);
            lines.push(format!(
                "\nmedians (smallest to largest) of {repetitions} processes each; {serving} instances serve"
            ));
            lines.push(row(["", "registrar", "reference design", "ratio"]));
            for (what, unit, ours, theirs) in pair.rows() {
                let ratio = format!("{:.1}", theirs.median / ours.median);
                lines.push(row([what, &shown(ours, unit), &shown(theirs, unit), &ratio]));
            }
        }
        if let Some(storm) = &self.storm {
            lines.extend(storm.render());
        }
        lines.push(String::new());
        for Goal { goal, measured, reached, .. } in &self.goals {
            lines.push(format!("{} {goal}: {measured}", if *reached { "✓" } else { "✗" }));
        }
        lines.join("\n") + "\n"
    }
}

impl Pair<Figures> {
    fn rows(&self) -> [(&'static str, &'static str, Spread, Spread); 8] {
        let (ours, theirs) = (&self.registrar, &self.baseline);
        [
            ("start to first request", " ms", ours.start_ms, theirs.start_ms),
            ("first invocation, one event", " ms", ours.first_invocation_ms, theirs.first_invocation_ms),
            ("warm invocation, one event", " ms", ours.warm_invocation_ms, theirs.warm_invocation_ms),
            ("warm invocation, ten events", " ms", ours.batch_of_ten_ms, theirs.batch_of_ten_ms),
            ("peak memory", " MiB", ours.peak_memory_mib, theirs.peak_memory_mib),
            ("calls, first invocation", "", ours.first_calls, theirs.first_calls),
            ("calls, one event", "", ours.warm_calls, theirs.warm_calls),
            ("calls, ten events", "", ours.batch_calls, theirs.batch_calls),
        ]
    }
}

impl StormReport {
    fn render(&self) -> Vec<String> {
        let Storm { launches, wave, batch, doubled_percent, seed, .. } = self.storm;
        let mut lines = vec![format!(
            "\nstorm: {launches} launches over {} pools in {} hosted zones, {wave} seen at a time, {batch} events a batch, \
             {doubled_percent} % doubled, shuffled with --seed {seed}",
            self.pools, self.hosted_zones
        )];
        let sides = [("registrar", Some(&self.registrar)), ("reference design", self.baseline.as_ref())];
        for (side, aftermath) in sides.into_iter().filter_map(|(side, aftermath)| Some((side, aftermath?))) {
            let right = if aftermath.right { "right" } else { "WRONG" };
            lines.push(format!(
                "{side}: {} calls in {} invocations, {:.1} s; {} messages handed back; records {right}",
                aftermath.calls, aftermath.invocations, aftermath.seconds, aftermath.handed_back
            ));
            lines.extend(
                aftermath.by_operation.iter().map(|(operation, count)| format!("  {count:>6}  {operation}")),
            );
            let refused = |(refusal, count)| format!("  {count:>6}  of them refused: {refusal}");
            lines.extend(aftermath.refused.iter().map(refused));
        }
        lines
    }
}

fn row(cells: [&str; 4]) -> String {
    let [what, ours, theirs, ratio] = cells;
    format!("{what:<29}{ours:>26}{theirs:>28}{ratio:>8}")
}

fn shown(spread: Spread, unit: &str) -> String {
    let Spread { median, min, max } = spread;
    format!("{}{unit} ({}–{})", number(median), number(min), number(max))
}

/// Three digits are as many as the measurements are good for.
fn number(value: f64) -> String {
    match value {
        whole if whole.fract() == 0.0 => format!("{whole}"),
        small if small < 10.0 => format!("{small:.2}"),
        medium if medium < 100.0 => format!("{medium:.1}"),
        large => format!("{large:.0}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files are far below 2^52")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / (1024.0 * 1024.0))
}
