//! One line of a history, as it is written and read.

use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;
use registrar_core::name::RecordName;
use serde::{Deserialize, Serialize};

use super::{HistoryError, LONGEST_LINE, SCHEMA};

/// Characters of what a line says that an error repeats.
const LONGEST_EXCERPT: usize = 80;

/// One line of a history: what changed at one server, or what it answered since its line before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryLine {
    schema: String,
    pub(super) at: Timestamp,
    pub(super) name: RecordName,
    pub(super) server: SocketAddr,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) appeared: Vec<Ipv4Addr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) vanished: Vec<Ipv4Addr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) watching: Option<Vec<Ipv4Addr>>,
    /// The record's TTL in seconds, where the server answers with an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ttl_secs: Option<u32>,
}

impl HistoryLine {
    /// Makes the line that says that a server answers some addresses from `at` on, and others no more.
    ///
    /// An address has vanished when it is certain, and not when it happened not to be answered: an address
    /// of a small share is in few answers.
    #[must_use]
    pub fn change(
        at: Timestamp,
        name: RecordName,
        server: SocketAddr,
        appeared: Vec<Ipv4Addr>,
        vanished: Vec<Ipv4Addr>,
        ttl_secs: Option<u32>,
    ) -> Self {
        let schema = SCHEMA.to_owned();
        Self { schema, at, name, server, appeared, vanished, watching: None, ttl_secs }
    }

    /// Makes the line that says what a server has answered since its line before. Each server that is watched gets
    /// one at least every TTL, or every minute where that is longer.
    #[must_use]
    pub fn watching(
        at: Timestamp,
        name: RecordName,
        server: SocketAddr,
        answered: Vec<Ipv4Addr>,
        ttl_secs: Option<u32>,
    ) -> Self {
        let (schema, watching) = (SCHEMA.to_owned(), Some(answered));
        Self { schema, at, name, server, appeared: Vec::new(), vanished: Vec::new(), watching, ttl_secs }
    }

    /// Says whether it tells of a change.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.watching.is_none()
    }

    /// Returns when it was written.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Writes it as JSON, with a line break.
    #[must_use]
    pub fn write(&self) -> String {
        // Texts, numbers and lists of texts: there is nothing that JSON cannot hold.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    pub(super) fn read(text: &str, number: usize) -> Result<Self, HistoryError> {
        #[derive(Deserialize)]
        struct Versioned {
            schema: String,
        }
        let wrong = |why: String| HistoryError::Line { line: number, why };
        if text.len() > LONGEST_LINE {
            return Err(wrong(format!("it has more than {LONGEST_LINE} octets")));
        }
        let reason = |error: serde_json::Error| {
            // The parser sees one line, and calls it the first.
            let text = error.to_string();
            let what = text.split(" at line 1 column ").next().unwrap_or_default();
            wrong(format!("column {}: {}", error.column(), excerpt(what)))
        };
        let text = text.trim_end();
        let Versioned { schema } = serde_json::from_str(text).map_err(reason)?;
        if schema != SCHEMA {
            return Err(HistoryError::Schema { line: number, schema: excerpt(&schema) });
        }
        let line: Self = serde_json::from_str(text).map_err(reason)?;
        match (&line.watching, line.appeared.is_empty() && line.vanished.is_empty()) {
            (Some(_), false) => Err(wrong("watching stands beside appeared or vanished".to_owned())),
            (None, true) => Err(wrong("none of appeared, vanished and watching is there".to_owned())),
            (Some(_), true) | (None, false) => Ok(line),
        }
    }
}

/// What a file says may be anything, and goes to terminals.
fn excerpt(text: &str) -> String {
    let kept = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let kept: String = kept.take(LONGEST_EXCERPT).collect();
    if kept.len() < text.len() { format!("{kept}...") } else { kept }
}
