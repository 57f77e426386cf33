//! Files given on a command line: pool documents by name, event lines, and what they come to.
//!
//! The text arrives as an argument; nothing here opens a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::ids::{HostedZoneId, InvalidId, PoolName};
use crate::inventory::EventMemory;
use crate::pool::Pool;
use crate::trigger::{Dropped, Trigger};

/// A `--pool` argument: `FILE`, which is named by its stem, or `NAME=FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolArgument {
    /// The pool's name.
    pub name: PoolName,
    /// Its document.
    pub file: PathBuf,
}

/// A set of arguments that do not go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// The name of a pool is not one.
    #[error("--pool {argument}: {problem} (hint: name it with --pool NAME={file})")]
    BadName {
        /// The argument.
        argument: String,
        /// Its file.
        file: String,
        /// Why it is not a name.
        problem: InvalidId,
    },
    /// Two documents are for one pool.
    #[error("pool {name} is given twice, by {first} and {second} (hint: name them with --pool NAME=FILE)")]
    Twice {
        /// The pool.
        name: PoolName,
        /// Its first document.
        first: String,
        /// Its second.
        second: String,
    },
    /// The pools are in several hosted zones, and there is one listing.
    #[error("the pools are in the hosted zones {} and there is one listing of records (hint: run once for each)", .0.join(", "))]
    SeveralHostedZones(Vec<String>),
}

impl PoolArgument {
    /// Reads one argument.
    ///
    /// # Errors
    /// When the name, or the file's stem, is not a pool's name.
    pub fn parse(argument: &str) -> Result<Self, ArgumentError> {
        let named = argument.split_once('=').filter(|(name, _)| !name.contains('/'));
        let (name, file) = match named {
            Some((name, file)) => (name.to_owned(), file),
            None => {
                let stem = Path::new(argument).file_stem().unwrap_or_default();
                (stem.to_string_lossy().into_owned(), argument)
            }
        };
        let bad = |problem| ArgumentError::BadName {
            argument: argument.to_owned(),
            file: file.to_owned(),
            problem,
        };
        Ok(Self { name: name.parse().map_err(bad)?, file: PathBuf::from(file) })
    }

    /// Reads all arguments.
    ///
    /// # Errors
    /// When one is not understood or a pool is given twice.
    pub fn parse_all(arguments: &[String]) -> Result<Vec<Self>, ArgumentError> {
        let mut parsed: Vec<Self> = Vec::new();
        for argument in arguments {
            let next = Self::parse(argument)?;
            if let Some(first) = parsed.iter().find(|known| known.name == next.name) {
                return Err(ArgumentError::Twice {
                    name: next.name,
                    first: first.file.display().to_string(),
                    second: next.file.display().to_string(),
                });
            }
            parsed.push(next);
        }
        Ok(parsed)
    }
}

/// Returns the one hosted zone that the pools' documents name, or `None` where no document can be read.
///
/// # Errors
/// When they name several.
pub fn single_hosted_zone(pools: &[Pool]) -> Result<Option<HostedZoneId>, ArgumentError> {
    let policies = pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
    let zones: BTreeSet<&HostedZoneId> = policies.map(|policy| &policy.hosted_zone_id).collect();
    if zones.len() > 1 {
        return Err(ArgumentError::SeveralHostedZones(zones.iter().map(ToString::to_string).collect()));
    }
    Ok(zones.into_iter().next().cloned())
}

/// Recorded events, as far as they bear on a plan made at some time.
#[derive(Clone, Debug, Default)]
pub struct RecordedEvents {
    /// What they tell.
    pub memory: EventMemory,
    /// Lines that ask for nothing, by their number from 1.
    pub dropped: Vec<(usize, Dropped)>,
    /// How many lines were understood.
    pub understood: usize,
}

impl RecordedEvents {
    /// Reads envelopes, one JSON a line. Each counts as received when it says it happened, or at `now`.
    #[must_use]
    pub fn read(text: &str, now: Timestamp) -> Self {
        let mut events = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            match Trigger::parse(line) {
                Ok(trigger) => {
                    events.memory.note(&trigger, trigger.at().unwrap_or(now).min(now));
                    events.understood += 1;
                }
                Err(dropped) => events.dropped.push((index + 1, dropped)),
            }
        }
        events
    }

    /// Counts the dropped lines by kind.
    #[must_use]
    pub fn dropped_by_kind(&self) -> BTreeMap<&'static str, usize> {
        let mut kinds = BTreeMap::new();
        for (_, dropped) in &self.dropped {
            *kinds.entry(dropped.kind()).or_insert(0) += 1;
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_named_by_its_stem_or_by_name() {
        let named = |argument: &str| PoolArgument::parse(argument).map(|pool| pool.name.to_string());
        assert_eq!(named("pools/video.json"), Ok("video".to_owned()));
        assert_eq!(named("games=pools/video.json"), Ok("games".to_owned()));
        let error = named("Video.json").unwrap_err().to_string();
        assert!(error.contains("--pool NAME=Video.json"), "{error}");
    }

    #[test]
    fn a_pool_given_twice_is_refused() {
        let arguments = ["a/video.json".to_owned(), "b/video.json".to_owned()];
        let error = PoolArgument::parse_all(&arguments).unwrap_err().to_string();
        assert!(error.contains("a/video.json") && error.contains("b/video.json"), "{error}");
    }

    #[test]
    fn lines_that_are_no_events_are_counted_by_kind() {
        let text = "{}\n\nnot json\n{\"source\":\"aws.events\",\"detail-type\":\"Scheduled Event\"}\n";
        let events = RecordedEvents::read(text, "2026-11-21T10:00:00Z".parse().unwrap());
        assert_eq!(events.understood, 1);
        assert_eq!(events.dropped.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(
            events.dropped_by_kind().into_iter().collect::<Vec<_>>(),
            [("malformed", 1), ("unrecognised", 1)]
        );
    }
}
