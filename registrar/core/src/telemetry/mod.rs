//! What one invocation did, as one wide log event (`registrar-invocation/1`) and as metrics.
//!
//! It counts with the words of the plan and the report, and writes nothing anywhere. Set identifiers, and
//! with them instance ids, stand in the details of the event and never in a metric's dimensions.

mod emf;
mod level;
mod metrics;
mod pool;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

pub use emf::emf;
pub use level::Level;
pub use metrics::{METRICS, Metric};
use pool::PoolEvent;

use crate::drain::DrainOutcome;
use crate::execute::{Outcome, RetryReason};
use crate::ids::{DeploymentName, PoolName};
use crate::inventory::Gap;
use crate::invocation::{Discarded, Invocation};
use crate::plan::{Forecast, Plan};
use crate::report::Report;
use crate::trigger::Trigger;

/// The name and version of the event's JSON form.
const SCHEMA: &str = "registrar-invocation/1";

/// How many particulars of one kind an event, or a pool in it, has at most; counts are always complete.
const MOST_DETAILS: usize = 20;

/// How many particulars of one kind the pools of an event share; each pool has one at least. With texts of
/// 300 characters that keeps an event well below CloudWatch's 1 MiB.
const MOST_POOL_DETAILS: usize = 100;

/// How long the text of a particular is at most, in characters.
const LONGEST_DETAIL: usize = 300;

/// Everything about one invocation.
///
/// What has private fields is filled by [`new`](Self::new), [`run`](Self::run) and
/// [`fail`](Self::fail); the rest are plain numbers of whoever runs it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use = "an event that is not written tells nobody"]
pub struct InvocationEvent {
    deployment: DeploymentName,
    request_id: String,
    /// Whether it is the first of its execution environment.
    pub cold_start: bool,
    invocation: &'static str,
    triggers: BTreeMap<&'static str, usize>,
    /// What became of its messages.
    pub messages: MessageCounts,
    discarded: Vec<DiscardedDetail>,
    /// How long before it was handled the oldest event happened, in seconds.
    event_age_seconds: Option<f64>,
    /// Runs: a look, a plan and its execution.
    runs: usize,
    observed_at: Option<Timestamp>,
    pools: BTreeMap<PoolName, PoolEvent>,
    gaps: BTreeSet<Gap>,
    /// What its last run's first plan was to cost when it was made, and how full hosted zones will be.
    pub forecast: Option<Forecast>,
    requests: usize,
    retries: BTreeMap<RetryReason, usize>,
    lost_replies: usize,
    failed_looks: Vec<String>,
    /// What else an operator should know: parameters that cannot be used, records without a document.
    notes: Vec<String>,
    denied: Option<String>,
    problems: Vec<String>,
    /// Attempts on the wire, by operation, such as `ec2:DescribeInstances`.
    pub aws_calls: BTreeMap<String, u64>,
    /// Hooks, by what became of them.
    pub drains: BTreeMap<DrainOutcome, usize>,
    /// How long it took.
    pub durations_ms: Durations,
    summary: String,
}

/// What became of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MessageCounts {
    /// Messages of the batch, or 1 for a single event.
    pub received: usize,
    /// Those whose hint an earlier look had covered, at no cost.
    pub covered: usize,
    /// Those that go back to the queue.
    pub handed_back: usize,
    /// Those that ask for nothing, by kind.
    pub dropped: BTreeMap<&'static str, usize>,
}

/// How long the stages took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    /// Reading the world.
    pub observe: u64,
    /// Deciding, without I/O.
    pub plan: u64,
    /// Changing records, with its waits.
    pub execute: u64,
    /// The whole invocation.
    pub total: u64,
}

/// A message that asks for nothing: why, and how it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct DiscardedDetail {
    message_id: Option<String>,
    why: String,
    excerpt: String,
}

/// The event in its versioned JSON form.
#[derive(Clone, Debug, Serialize)]
pub struct InvocationDocument<'a> {
    schema: &'static str,
    timestamp: Timestamp,
    level: Level,
    message: &'a str,
    #[serde(flatten)]
    event: &'a InvocationEvent,
}

impl InvocationEvent {
    /// Counts what was asked for at `now`.
    pub fn new(
        deployment: DeploymentName,
        request_id: &str,
        invocation: &Invocation,
        now: Timestamp,
    ) -> Self {
        let mut event = Self::empty(deployment, request_id, invocation.kind());
        event.messages.received = invocation.messages().len();
        for message in invocation.messages() {
            match &message.content {
                Ok(content) => *event.triggers.entry(content.kind()).or_insert(0) += 1,
                Err(discarded) => event.discard(message.id.as_deref(), discarded),
            }
        }
        if let Invocation::Unusable(discarded) = invocation {
            event.messages.received = 1;
            event.discard(None, discarded);
        }
        let oldest = invocation.messages().iter().filter_map(|message| message.age(now)).max();
        event.event_age_seconds = oldest.map(seconds);
        event
    }

    fn empty(deployment: DeploymentName, request_id: &str, invocation: &'static str) -> Self {
        Self {
            deployment,
            request_id: bounded(request_id),
            cold_start: false,
            invocation,
            triggers: BTreeMap::new(),
            messages: MessageCounts::default(),
            discarded: Vec::new(),
            event_age_seconds: None,
            runs: 0,
            observed_at: None,
            pools: BTreeMap::new(),
            gaps: BTreeSet::new(),
            forecast: None,
            requests: 0,
            retries: BTreeMap::new(),
            lost_replies: 0,
            failed_looks: Vec::new(),
            notes: Vec::new(),
            denied: None,
            problems: Vec::new(),
            aws_calls: BTreeMap::new(),
            drains: BTreeMap::new(),
            durations_ms: Durations::default(),
            summary: "nothing was looked at".to_owned(),
        }
    }

    fn discard(&mut self, message_id: Option<&str>, discarded: &Discarded) {
        *self.messages.dropped.entry(discarded.why.kind()).or_insert(0) += 1;
        if self.discarded.len() < MOST_DETAILS {
            self.discarded.push(DiscardedDetail {
                message_id: message_id.map(bounded),
                why: discarded.reason().to_string(),
                excerpt: discarded.excerpt.to_string(),
            });
        }
    }

    /// Adds what a plan and its execution came to. A pool that was looked at more than once stands as the
    /// last look saw it, with the changes of all of them.
    pub fn run(&mut self, plan: &Plan, outcome: &Outcome) {
        let report = Report::new(plan, outcome);
        self.summary = report.to_string();
        self.runs += 1;
        self.observed_at = Some(report.observed_at);
        for (name, counts) in report.pools {
            let mut pool = PoolEvent::new(counts, &name, plan, outcome);
            if let Some(before) = self.pools.remove(&name) {
                pool.add_changes_of(before);
            }
            self.pools.insert(name, pool);
        }
        let share = (MOST_POOL_DETAILS / self.pools.len().max(1)).clamp(1, MOST_DETAILS);
        self.pools.values_mut().for_each(|pool| pool.keep_details(share));
        self.gaps.extend(plan.gaps.iter().map(|gap| Gap::new(gap.source, bounded(&gap.reason))));
        self.requests += report.requests;
        for (reason, retries) in report.retries {
            *self.retries.entry(reason).or_insert(0) += retries;
        }
        self.lost_replies += report.lost_replies;
        note(&mut self.failed_looks, outcome.failed_looks.iter().map(String::as_str));
        note(&mut self.notes, plan.notes.iter().map(String::as_str));
        self.denied = report.denied.as_deref().map(bounded).or(self.denied.take());
    }

    /// Adds a read that was incomplete before there was anything to plan.
    pub fn gap(&mut self, gap: &Gap) {
        self.gaps.insert(Gap::new(gap.source, bounded(&gap.reason)));
    }

    /// Adds something else that an operator should know.
    pub fn note(&mut self, text: &str) {
        note(&mut self.notes, [text]);
    }

    /// Adds what kept the invocation from its work.
    pub fn fail(&mut self, problem: &str) {
        note(&mut self.problems, [problem]);
    }

    /// Says whether it was asked to look at everything.
    fn is_sweep(&self) -> bool {
        self.invocation == Invocation::Everything.kind() || self.triggers.contains_key(Trigger::Sweep.kind())
    }

    /// Says whether it looked at its pools, or tried to.
    fn looked(&self) -> bool {
        self.runs > 0 || !self.gaps.is_empty() || !self.problems.is_empty()
    }

    /// Says whether it looked at its pools without a gap, and did everything that was to be done. What is
    /// held back is not to be done.
    #[must_use]
    pub fn reconciled(&self) -> bool {
        let done = |pool: &PoolEvent| {
            pool.counts.errors == 0 && pool.counts.refused == 0 && pool.counts.handed_back == 0
        };
        self.runs > 0
            && self.gaps.is_empty()
            && self.problems.is_empty()
            && self.denied.is_none()
            && self.pools.values().all(done)
    }

    /// Returns the event as the one line of JSON that is logged, written at `timestamp`.
    #[must_use]
    pub fn to_document(&self, timestamp: Timestamp) -> InvocationDocument<'_> {
        let message = &self.summary;
        InvocationDocument { schema: SCHEMA, timestamp, level: self.level(), message, event: self }
    }
}

/// Keeps the first particulars of a kind, each once.
fn note<'a>(kept: &mut Vec<String>, texts: impl IntoIterator<Item = &'a str>) {
    for text in texts {
        let text = bounded(text);
        if kept.len() < MOST_DETAILS && !kept.contains(&text) {
            kept.push(text);
        }
    }
}

fn bounded(text: &str) -> String {
    match text.char_indices().nth(LONGEST_DETAIL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// To the millisecond; more digits only make the line longer.
fn seconds(duration: SignedDuration) -> f64 {
    let millis = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
    f64::from(millis) / 1000.0
}
