//! What must survive a restart about one pool, in one SSM parameter, written by whoever executes its plan.
//!
//! It is no cache: the records are always read anew. What it holds makes a run more careful and never less, so that
//! whatever does not fit into a parameter is merged or dropped on that side. It does not read or write parameters.

use std::collections::BTreeMap;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde::{Deserialize, Serialize};

use crate::guard::RemovalLedger;
use crate::ids::{InstanceId, PoolName};
use crate::inventory::EventMemory;
use crate::inventory::evidence::TERMINAL_EVENT_LIFETIME;
use crate::json::{self, JsonError};
use crate::orders::LARGEST_PARAMETER;
use crate::plan::{HeldBack, PoolPlan};
use crate::trigger::Trigger;

/// The version of the JSON form.
const VERSION: u32 = 1;

/// Times at which removals were counted; further ones are merged into the next newer one.
const MOST_REMOVAL_TIMES: usize = 32;

/// Removals of one time, as a document may say; no budget allows more (`guard.max_removals.count`).
const MOST_REMOVALS: usize = 10_000;

/// Spot warnings that are kept, the newest: a warned instance ends within two minutes.
const MOST_SPOT_WARNINGS: usize = 30;

/// Characters of a release's id.
const LONGEST_RELEASE_ID: usize = 80;

/// Characters of the reason of a hold; each record keeps its own copy, and those that are written here are shorter.
const LONGEST_REASON: usize = 80;

/// What is held back where no single record is meant.
const WHOLE_POOL: &str = "pool";

/// What must survive a restart about one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolStateDocument {
    /// How many removals without proof were counted, and when.
    pub removals: BTreeMap<Timestamp, usize>,
    /// Spot interruption warnings, and when they were given.
    pub spot_warnings: BTreeMap<InstanceId, Timestamp>,
    /// The operator's release that was used last.
    pub used_release: Option<String>,
    /// Since when something is held back for the same reason: see [`PoolStateDocument::note_holds`].
    pub held_since: BTreeMap<Held, Timestamp>,
}

/// Something that is held back, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The last part of the record's set identifier, or `pool` where no single record is meant.
    pub what: String,
    /// The reason, as [`crate::guard::HoldReason`] prints it: a later release may know others.
    pub reason: String,
}

impl Held {
    fn of(held: &HeldBack) -> Self {
        let of_mark = held.set_identifier.as_deref().and_then(|id| id.rsplit('/').next());
        Self { what: of_mark.unwrap_or(WHOLE_POOL).to_owned(), reason: held.reason().to_string() }
    }
}

/// A state that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// The text is not a state document.
    #[error(
        "the pool's state cannot be read: {0} (hint: delete the parameter; at worst one window's removals are counted anew)"
    )]
    Malformed(JsonError),
    /// Another release wrote it.
    #[error(
        "the pool's state is of version {0}, which this release does not read (hint: use a newer release)"
    )]
    Version(u32),
}

#[derive(Serialize, Deserialize)]
struct Form {
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    removals: Vec<(Timestamp, usize)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    spot_warnings: BTreeMap<InstanceId, Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_release: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<HeldForm>,
}

/// A whole fleet may be held back at once, for one reason: its ids share reason and time.
#[derive(Serialize, Deserialize)]
struct HeldForm {
    reason: String,
    since: Timestamp,
    what: Vec<String>,
}

impl PoolStateDocument {
    /// Reads the document; what it leaves out is empty, and what it does not know is ignored.
    ///
    /// # Errors
    /// When it is not JSON of version 1.
    pub fn parse(text: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = json::parse(text).map_err(StateError::Malformed)?;
        if version != VERSION {
            return Err(StateError::Version(version));
        }
        let form: Form = json::parse(text).map_err(StateError::Malformed)?;
        let mut state = Self {
            removals: BTreeMap::new(),
            spot_warnings: form.spot_warnings,
            used_release: form.used_release,
            held_since: BTreeMap::new(),
        };
        for (at, count) in form.removals {
            *state.removals.entry(at).or_insert(0) += count.min(MOST_REMOVALS);
        }
        for HeldForm { reason, since, what } in form.held {
            let reason: String = reason.chars().take(LONGEST_REASON).collect();
            let held = what.into_iter().map(|what| (Held { what, reason: reason.clone() }, since));
            state.held_since.extend(held);
        }
        Ok(state)
    }

    /// Writes the document, in at most the 4,096 bytes that a parameter holds: removals are merged into newer times,
    /// so that they count for longer and never for less; the oldest warnings, and the holds that began last, are left
    /// out.
    #[must_use]
    pub fn to_text(&self) -> String {
        let (mut times, mut warnings, mut holds) =
            (MOST_REMOVAL_TIMES, MOST_SPOT_WARNINGS, self.held_since.len());
        loop {
            // Strings, times and ids always serialize.
            let text = serde_json::to_string(&self.form(times, warnings, holds)).unwrap_or_default();
            let over = text.len().saturating_sub(LARGEST_PARAMETER);
            match (over, holds, warnings, times) {
                (0, ..) => return text,
                // The shortest id takes a few bytes, so that this never leaves out more than is needed by far.
                (over, 1.., ..) => holds -= (over / 40).clamp(1, holds),
                (_, 0, 1.., _) => warnings -= 1,
                (_, 0, 0, 2..) => times /= 2,
                (_, 0, 0, _) => return text,
            }
        }
    }

    fn form(&self, times: usize, warnings: usize, holds: usize) -> Form {
        let mut newest: Vec<(&InstanceId, Timestamp)> =
            self.spot_warnings.iter().map(|(id, at)| (id, down(*at))).collect();
        newest.sort_by_key(|(id, at)| (std::cmp::Reverse(*at), *id));
        Form {
            version: VERSION,
            removals: merged(&self.removals, times),
            spot_warnings: newest.into_iter().take(warnings).map(|(id, at)| (id.clone(), at)).collect(),
            used_release: self.used_release.as_ref().map(|id| id.chars().take(LONGEST_RELEASE_ID).collect()),
            held: self.grouped_holds(holds),
        }
    }

    fn grouped_holds(&self, most: usize) -> Vec<HeldForm> {
        let mut oldest: Vec<(Timestamp, &String, &String)> =
            self.held_since.iter().map(|(held, since)| (down(*since), &held.reason, &held.what)).collect();
        oldest.sort();
        oldest.truncate(most);
        let mut groups: Vec<HeldForm> = Vec::new();
        for (since, reason, what) in oldest {
            match groups.last_mut().filter(|last| last.since == since && last.reason == *reason) {
                Some(last) => last.what.push(what.clone()),
                None => groups.push(HeldForm { reason: reason.clone(), since, what: vec![what.clone()] }),
            }
        }
        groups
    }

    /// Adds the counted removals to a ledger, as those of `pool`.
    pub fn fill_ledger(&self, pool: &PoolName, ledger: &mut RemovalLedger) {
        for (at, count) in &self.removals {
            ledger.spend(pool, *count, *at);
        }
    }

    /// Takes over what a ledger counted for `pool`.
    pub fn take_ledger(&mut self, pool: &PoolName, ledger: &RemovalLedger) {
        self.removals = ledger.counted(pool);
    }

    /// Tells the memory of the Spot warnings.
    pub fn fill_memory(&self, memory: &mut EventMemory) {
        for (instance, at) in &self.spot_warnings {
            let warning = Trigger::SpotInterruption { instance: instance.clone(), at: Some(*at) };
            memory.note(&warning, *at);
        }
    }

    /// Takes note of a Spot warning, and forgets those that prove nothing any more.
    pub fn note_spot_warning(&mut self, instance: &InstanceId, at: Timestamp) {
        self.spot_warnings.insert(instance.clone(), at);
        self.spot_warnings.retain(|_, known| at.duration_since(*known) <= TERMINAL_EVENT_LIFETIME);
    }

    /// Takes note of what a plan holds back: what is held for the same reason as before stays as old as it is.
    pub fn note_holds(&mut self, plan: &PoolPlan, now: Timestamp) {
        let before = std::mem::take(&mut self.held_since);
        let since = |held: &Held| before.get(held).copied().unwrap_or(now);
        let held = plan.held_back.iter().map(Held::of);
        self.held_since = held.map(|held| (held.clone(), since(&held))).collect();
    }

    /// Returns since when something is held back, as far as it was noted.
    #[must_use]
    pub fn held_since(&self, held: &HeldBack) -> Option<Timestamp> {
        self.held_since.get(&Held::of(held)).copied()
    }
}

/// Merges the oldest times, each into the next newer one, until there are at most `most`.
fn merged(removals: &BTreeMap<Timestamp, usize>, most: usize) -> Vec<(Timestamp, usize)> {
    let mut whole: BTreeMap<Timestamp, usize> = BTreeMap::new();
    for (at, count) in removals.iter().filter(|(_, count)| **count > 0) {
        *whole.entry(up(*at)).or_insert(0) += count;
    }
    let mut times: Vec<(Timestamp, usize)> = whole.into_iter().collect();
    let surplus = times.len().saturating_sub(most.max(1));
    let early: usize = times.drain(..surplus).map(|(_, count)| count).sum();
    if let Some((_, count)) = times.first_mut() {
        *count += early;
    }
    times
}

/// Rounds up to whole seconds, which take fewer bytes: what is counted counts for a moment longer.
fn up(at: Timestamp) -> Timestamp {
    let rounding = TimestampRound::new().smallest(Unit::Second).mode(RoundMode::Ceil);
    at.round(rounding).unwrap_or(at)
}

fn down(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use serde_json::json;

    use super::*;
    use crate::guard::{Hold, HoldReason};
    use crate::inventory::evidence::TerminalKind;

    fn at(text: &str) -> Timestamp {
        format!("2026-11-21T{text}Z").parse().unwrap()
    }

    fn video() -> PoolName {
        "video".parse().unwrap()
    }

    fn held(id: &str, reason: HoldReason) -> HeldBack {
        HeldBack {
            set_identifier: Some(format!("registrar/default/video/{id}")),
            difference: None,
            hold: Hold::waiting(reason, "a detail"),
        }
    }

    /// A state with more of everything than a parameter holds.
    fn overfull() -> PoolStateDocument {
        let start = at("00:00:00.5");
        let second = SignedDuration::from_secs(1);
        let id = |number: i32| format!("i-{number:017x}");
        PoolStateDocument {
            removals: (0..5_000).map(|number| (start + second * number, 2)).collect(),
            spot_warnings: (0..200).map(|it| (id(it).parse().unwrap(), start + second * it)).collect(),
            used_release: Some("x".repeat(5_000)),
            held_since: (0..1_000)
                .map(|it| {
                    (Held { what: id(it), reason: "removal-budget".to_owned() }, start + second * (it / 10))
                })
                .collect(),
        }
    }

    #[test]
    fn a_reason_that_nobody_wrote_is_not_kept_once_for_each_record() {
        let what: Vec<String> = (0..1_000).map(|number| format!("i-{number}")).collect();
        let held = json!([{ "reason": "r".repeat(5_000), "since": "2026-11-21T10:00:00Z", "what": what }]);
        let text = json!({ "version": 1, "held": held }).to_string();
        let state = PoolStateDocument::parse(&text).unwrap();
        let kept: usize = state.held_since.keys().map(|held| held.reason.len() + held.what.len()).sum();
        assert_eq!(state.held_since.len(), 1_000);
        assert!(kept < 10 * text.len(), "{kept} bytes are kept of {}", text.len());
    }

    #[test]
    fn a_state_reads_back_as_it_was_written() {
        let mut state = PoolStateDocument {
            removals: BTreeMap::from([(at("10:00:00"), 3), (at("10:05:00"), 1)]),
            used_release: Some("r1".to_owned()),
            ..PoolStateDocument::default()
        };
        state.note_spot_warning(&"i-01".parse().unwrap(), at("10:01:00"));
        let key = Held { what: "i-02".to_owned(), reason: "last-record".to_owned() };
        state.held_since.insert(key, at("09:00:00"));
        assert_eq!(PoolStateDocument::parse(&state.to_text()), Ok(state));
    }

    #[test]
    fn what_is_left_out_is_empty_and_another_version_is_refused() {
        assert_eq!(PoolStateDocument::parse(r#"{"version":1}"#), Ok(PoolStateDocument::default()));
        assert_eq!(
            PoolStateDocument::parse(r#"{"version":1,"of a later release":[]}"#),
            Ok(PoolStateDocument::default())
        );
        assert_eq!(PoolStateDocument::parse(r#"{"version":2}"#), Err(StateError::Version(2)));
        for text in ["", "{}", "[]", r#"{"version":1,"removals":"many"}"#] {
            assert!(matches!(PoolStateDocument::parse(text), Err(StateError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn it_always_fits_a_parameter_and_never_counts_too_few_removals() {
        let state = overfull();
        let text = state.to_text();
        assert!(text.len() <= LARGEST_PARAMETER, "{} bytes", text.len());
        let read = PoolStateDocument::parse(&text).unwrap();
        let (mut before, mut after) = (RemovalLedger::default(), RemovalLedger::default());
        state.fill_ledger(&video(), &mut before);
        read.fill_ledger(&video(), &mut after);
        for minutes in 0..200 {
            let now = at("00:00:01") + SignedDuration::from_mins(minutes);
            for window in [1, 15, 120].map(SignedDuration::from_mins) {
                let (whole, kept) = (before.spent(&video(), window, now), after.spent(&video(), window, now));
                assert!(kept >= whole, "{kept} of {whole} at {now} within {window}");
            }
        }
    }

    #[test]
    fn of_too_many_warnings_the_newest_stay_and_of_too_many_holds_the_oldest() {
        let state = overfull();
        let read = PoolStateDocument::parse(&state.to_text()).unwrap();
        assert!(read.spot_warnings.contains_key(&"i-000000000000000c7".parse().unwrap()));
        assert!(!read.spot_warnings.contains_key(&"i-00000000000000000".parse().unwrap()));
        let of = |id: &str| Held { what: id.to_owned(), reason: "removal-budget".to_owned() };
        assert!(read.held_since.contains_key(&of("i-00000000000000000")));
        assert!(!read.held_since.contains_key(&of("i-000000000000003e7")));
        assert!(read.held_since.len() >= 20, "only {} holds", read.held_since.len());
    }

    #[test]
    fn the_ledger_goes_there_and_back() {
        let mut ledger = RemovalLedger::default();
        ledger.spend(&video(), 3, at("10:00:00"));
        ledger.spend(&video(), 2, at("10:05:00"));
        let mut state = PoolStateDocument::default();
        state.take_ledger(&video(), &ledger);
        let mut again = RemovalLedger::default();
        PoolStateDocument::parse(&state.to_text()).unwrap().fill_ledger(&video(), &mut again);
        assert_eq!(again, ledger);
    }

    #[test]
    fn a_spot_warning_outlives_a_restart_as_proof() {
        let id: InstanceId = "i-01".parse().unwrap();
        let mut state = PoolStateDocument::default();
        state.note_spot_warning(&id, at("10:00:00"));
        let mut memory = EventMemory::default();
        PoolStateDocument::parse(&state.to_text()).unwrap().fill_memory(&mut memory);
        let event = memory.terminal(&id, None, at("10:14:00")).unwrap();
        assert_eq!(event.kind, TerminalKind::SpotInterruption);
        assert!(memory.terminal(&id, None, at("10:15:01")).is_none());
        state.note_spot_warning(&"i-02".parse().unwrap(), at("10:16:00"));
        assert_eq!(state.spot_warnings.len(), 1, "a warning past its lifetime is forgotten");
    }

    #[test]
    fn a_hold_is_as_old_as_its_reason() {
        let mut plan = PoolPlan::held(&video(), "an error".to_owned());
        let mut state = PoolStateDocument::default();
        plan.held_back = vec![held("i-01", HoldReason::RemovalBudget), held("i-02", HoldReason::Unknown)];
        state.note_holds(&plan, at("10:00:00"));
        plan.held_back = vec![held("i-01", HoldReason::RemovalBudget), held("i-02", HoldReason::LastRecord)];
        state.note_holds(&plan, at("10:05:00"));
        assert_eq!(state.held_since(&plan.held_back[0]), Some(at("10:00:00")));
        assert_eq!(state.held_since(&plan.held_back[1]), Some(at("10:05:00")));
        assert_eq!(state.held_since(&held("i-02", HoldReason::Unknown)), None);
        plan.held_back.clear();
        state.note_holds(&plan, at("10:06:00"));
        assert!(state.held_since.is_empty());
    }
}
