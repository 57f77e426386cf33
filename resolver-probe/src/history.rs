//! The answer history of a name: which addresses its name servers answered, and until when.
//!
//! It is written as JSON lines while the name is watched, and read by whoever has to tell whether an answer is
//! stale. It looks at no clock and no file, and judges nothing.
//!
//! ```text
//! {"schema":"resolver-probe-history/1","at":"2026-11-21T12:00:00Z","name":"video.bos.edge.example.com",
//!  "server":"192.0.2.53:53","appeared":["192.0.2.1"],"vanished":["192.0.2.9"],"ttl_secs":20}
//! {"schema":"resolver-probe-history/1","at":"2026-11-21T12:00:20Z","name":"video.bos.edge.example.com",
//!  "server":"192.0.2.53:53","watching":["192.0.2.1","192.0.2.2"],"ttl_secs":20}
//! ```
//!
//! (each on one line). A change says what a server answers from then on, and what no more. While the name is
//! watched, each server has a line at least every TTL, or every minute where that is longer: what it has answered
//! since its line before. Where lines are further apart nobody watched, and what was gone may have
//! come back and gone again.

mod line;
mod presence;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;
use registrar_core::name::RecordName;

pub use line::HistoryLine;
pub use presence::Presence;
use presence::Server;

/// The version of a line.
pub(crate) const SCHEMA: &str = "resolver-probe-history/1";
/// Longest line that is read, in octets: 4,000 addresses.
const LONGEST_LINE: usize = 64 * 1024;
/// Lines that are read: two years of one a minute.
const MOST_LINES: usize = 1_000_000;
/// Addresses at servers that are kept in mind: 20,000 addresses at four servers.
const MOST_PRESENCES: usize = 80_000;

/// Why a history cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// A line is not one of a history.
    #[error("line {line}: {why} (hint: a history is what `resolver-probe watch --history FILE` writes)")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// A line is of another version of this form.
    #[error(
        "line {line}: the schema is {schema:?}, and this program reads {SCHEMA} (hint: use the program that wrote it)"
    )]
    Schema {
        /// Which, from 1.
        line: usize,
        /// What it says, cut.
        schema: String,
    },
    /// Two lines are about two names.
    #[error(
        "line {line} is about {found}, and those before it about {name} (hint: keep one file for each name)"
    )]
    OtherName {
        /// Which, from 1.
        line: usize,
        /// The name of the lines before.
        name: RecordName,
        /// The name of this one.
        found: RecordName,
    },
    /// There is more in it than is kept in mind.
    #[error(
        "line {line}: {what} (hint: give the end of the file alone: a history need not be older than the TTL)"
    )]
    TooMuch {
        /// Where, from 1.
        line: usize,
        /// What there is too much of.
        what: &'static str,
    },
}

/// What the name servers of one name answered, and until when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    name: Option<RecordName>,
    servers: BTreeMap<SocketAddr, Server>,
    until: Option<Timestamp>,
}

impl History {
    /// Reads a history. Lines may be in any order; empty ones do not count, and neither does a last one that
    /// is not finished, since somebody may be writing it.
    ///
    /// # Errors
    /// Where a line is too long, cannot be read, is of another version or name than the others, or where there are
    /// too many. The line is named.
    pub fn read(text: &str) -> Result<Self, HistoryError> {
        let mut lines = Vec::new();
        let mut history = Self::default();
        for (index, text) in text.split_inclusive('\n').enumerate() {
            let number = index + 1;
            if text.trim().is_empty() {
                continue;
            }
            if lines.len() == MOST_LINES {
                return Err(HistoryError::TooMuch {
                    line: number,
                    what: "there are more than 1,000,000 lines",
                });
            }
            match HistoryLine::read(text, number) {
                Ok(line) => {
                    history.is_of(&line, number)?;
                    lines.push((number, line));
                }
                // Only what was being written has no line break.
                Err(HistoryError::Line { .. }) if !text.ends_with('\n') => {}
                Err(error) => return Err(error),
            }
        }
        lines.sort_by_key(|(_, line)| line.at);
        let mut kept = 0;
        for (number, line) in lines {
            kept += history.note(&line);
            if kept > MOST_PRESENCES {
                let what = "there are more than 80,000 addresses at servers";
                return Err(HistoryError::TooMuch { line: number, what });
            }
        }
        Ok(history)
    }

    /// Takes the next line, which is not older than those before it; lines of another name should not be given.
    pub fn add(&mut self, line: &HistoryLine) {
        self.name.get_or_insert_with(|| line.name.clone());
        self.note(line);
    }

    /// Forgets the addresses that were gone before this time, so that a watch can go on for ever.
    pub fn forget(&mut self, gone_before: Timestamp) {
        self.servers.values_mut().for_each(|server| server.forget(gone_before));
    }

    /// Returns the name that it is about, where there is a line.
    #[must_use]
    pub fn name(&self) -> Option<&RecordName> {
        self.name.as_ref()
    }

    /// Returns when the last line was written.
    #[must_use]
    pub fn until(&self) -> Option<Timestamp> {
        self.until
    }

    /// Says whether the name was still watched at this time: the last line of no server is much older.
    #[must_use]
    pub fn is_watched_at(&self, at: Timestamp) -> bool {
        !self.servers.is_empty() && self.servers.values().all(|server| server.is_watched_at(at))
    }

    /// Returns the time from which on every server has been watched, and for so long that each of its addresses
    /// had come up: a minute, or three TTLs. What is not among them was not answered since.
    #[must_use]
    pub fn known_since(&self) -> Option<Timestamp> {
        let since = self.servers.values().map(Server::known_since).max()?;
        (since <= self.until?).then_some(since)
    }

    /// Returns the longest TTL that an entry of a cache may have had from the authority and still live by, in
    /// seconds.
    #[must_use]
    pub fn ttl_secs_in_caches(&self, at: Timestamp) -> Option<u32> {
        self.servers.values().filter_map(|server| server.ttl_secs_in_caches(at)).max()
    }

    /// Returns every address that any server answered.
    #[must_use]
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        let mut all: Vec<Ipv4Addr> = self.servers.values().flat_map(Server::addresses).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns when an address was answered, over all servers: it is valid while any server answers it, and gone when
    /// all have stopped that ever answered it. `None` where none ever did.
    #[must_use]
    pub fn of(&self, address: Ipv4Addr) -> Option<Presence> {
        let until = self.until?;
        let everywhere = self.servers.values().filter_map(|server| server.presence(address, until));
        everywhere.reduce(Presence::beside)
    }

    fn is_of(&mut self, line: &HistoryLine, number: usize) -> Result<(), HistoryError> {
        let name = self.name.get_or_insert_with(|| line.name.clone());
        if *name == line.name {
            return Ok(());
        }
        Err(HistoryError::OtherName { line: number, name: name.clone(), found: line.name.clone() })
    }

    /// Returns how many addresses at servers are new.
    fn note(&mut self, line: &HistoryLine) -> usize {
        self.until = self.until.max(Some(line.at));
        self.servers.entry(line.server).or_insert_with(|| Server::new(line)).note(line)
    }
}

#[cfg(test)]
mod tests;
