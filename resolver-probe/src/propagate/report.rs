//! What a propagation came to, in the form that programs read: `resolver-probe-propagate/1`.
//!
//! Every time is between two others. Nothing is judged here.

use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;
use serde::Serialize;

use super::track::{Edge, Seen, Wanted};
use crate::statistics::Alpha;

/// The version of the form.
pub(crate) const SCHEMA: &str = "resolver-probe-propagate/1";

/// What a propagation came to.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct PropagationReport {
    /// The version of this form.
    pub schema: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// Whether everybody has seen the change.
    pub propagated: Seen,
    /// What seconds count from: when the change was made, or else when this began.
    pub from: Timestamp,
    /// When this began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The probability that any absence is called one wrongly.
    pub alpha: Alpha,
    /// What Route 53 says of the change, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route53: Option<Route53Report>,
    /// The servers, by address.
    pub servers: Vec<ServerPropagation>,
    /// The resolvers, in the order in which they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<ResolverPropagation>,
    /// Why no server is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Where message ids come from.
    pub seed: u64,
}

/// What Route 53 says of a change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Route53Report {
    /// When it was INSYNC.
    pub edge: Option<Edge>,
    /// Why it could not be asked the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What one server came to.
#[derive(Clone, Debug, Serialize)]
pub struct ServerPropagation {
    /// Its address.
    pub server: SocketAddr,
    /// The names that it has in the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_server: Option<String>,
    /// Whether it has seen all of the change.
    pub propagated: Seen,
    /// Queries that are over.
    pub queries: u64,
    /// Queries that it answered.
    pub answers: u64,
    /// The addresses, in the order in which they were named.
    pub changes: Vec<ChangePropagation>,
}

/// What became of one address at one server.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePropagation {
    /// The address.
    pub address: Ipv4Addr,
    /// What is wanted of it.
    pub wanted: Wanted,
    /// Whether it is so.
    pub seen: Seen,
    /// When it became so.
    pub edge: Option<Edge>,
    /// When it was answered first.
    pub first_seen_at: Option<Timestamp>,
    /// When it was answered last.
    pub last_seen_at: Option<Timestamp>,
    /// How often it was as wanted, and then was not.
    pub flaps: u32,
    /// Answers in a row without it that say that it is not there.
    pub needed: usize,
}

/// What one resolver came to.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverPropagation {
    /// The resolver, as it was named.
    pub resolver: String,
    /// Whether its answers are new ones.
    pub propagated: Seen,
    /// Questions that it was asked.
    pub asked: u64,
    /// Those that it answered.
    pub answered: u64,
    /// When they became new.
    pub edge: Option<Edge>,
    /// When it last answered an address that should be gone.
    pub last_old_at: Option<Timestamp>,
    /// How often it answered what is new, and then what is old.
    pub flaps: u32,
    /// Why the last question had no reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl PropagationReport {
    /// Returns the exit code: 0 propagated, 2 not propagated, 3 could not be told.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.propagated {
            Seen::Yes => 0,
            Seen::NotYet => 2,
            Seen::Unknown => 3,
        }
    }

    /// Returns the later edge of the slowest server, where all have seen the change.
    #[must_use]
    pub fn servers_by(&self) -> Option<Timestamp> {
        latest(self.servers.iter().map(ServerPropagation::by))
    }
}

impl ServerPropagation {
    /// Returns the later edge of the slowest address, where all are as wanted.
    #[must_use]
    pub fn by(&self) -> Option<Timestamp> {
        latest(self.changes.iter().map(|change| change.edge.map(|edge| edge.by)))
    }
}

/// The latest of some times, where all are there, and one is.
fn latest(times: impl Iterator<Item = Option<Timestamp>>) -> Option<Timestamp> {
    times.reduce(|latest, time| latest.zip(time).map(|(latest, time)| latest.max(time))).flatten()
}

/// The worst of several: what is not so before what cannot be told.
pub(super) fn worst(all: impl Iterator<Item = Seen>) -> Seen {
    let rank = |seen: &Seen| match seen {
        Seen::NotYet => 0,
        Seen::Unknown => 1,
        Seen::Yes => 2,
    };
    all.min_by_key(rank).unwrap_or(Seen::Unknown)
}
