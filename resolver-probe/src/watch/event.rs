//! What a watch tells, one document each: schema `resolver-probe-watch/1`.
//!
//! Every event has the time at which it was known; when something began and was last seen is beside it. Nothing is
//! judged here.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use registrar_core::Timestamp;
use serde::Serialize;

use crate::report::{ExitPolicy, Finding, StaleInterval, Verdict};
use crate::statistics::{Alpha, Interval};

/// The version of the form.
pub(crate) const SCHEMA: &str = "resolver-probe-watch/1";

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// The version of this form.
    pub schema: &'static str,
    /// When it was known.
    pub at: Timestamp,
    /// The name that is watched.
    pub name: String,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Happening {
    /// The watch began.
    Started {
        /// The level of all tests together, between two changes of what should be answered.
        alpha: Alpha,
        /// Queries a second to each server.
        rate_per_sec: f64,
        /// The resolvers that are asked.
        resolvers: Vec<String>,
        /// Where message ids come from.
        seed: u64,
    },
    /// The servers that are asked are known, or others.
    Servers {
        /// Each with the names that it has in the zone.
        servers: BTreeMap<SocketAddr, Option<String>>,
    },
    /// What should be answered is known, or has changed.
    Truth {
        /// The addresses with their shares, 0 to 1.
        addresses: BTreeMap<Ipv4Addr, f64>,
    },
    /// A server answers an address for the first time, or again.
    Appeared {
        /// The server.
        server: SocketAddr,
        /// The address.
        address: Ipv4Addr,
        /// The TTL of that answer, in seconds.
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl_secs: Option<u32>,
    },
    /// A server no longer answers an address: chance does not explain its absence.
    Vanished {
        /// The server.
        server: SocketAddr,
        /// The address.
        address: Ipv4Addr,
        /// When it was answered last: it went between then and now.
        last_seen_at: Timestamp,
        /// Answers without it since then.
        answers: u64,
    },
    /// A finding is there.
    Opened(Standing),
    /// A finding that is there has become worse or milder.
    Changed(Standing),
    /// A finding is over.
    Closed(Standing),
    /// How everything stands; now and then.
    Summary(Summary),
    /// The watch is over; how everything stood.
    Ended {
        /// The exit code of the Monitoring Plugins.
        exit_code: u8,
        /// How everything stood.
        #[serde(flatten)]
        summary: Summary,
    },
}

/// A finding with its times.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// The finding.
    pub finding: Finding,
    /// When it was first seen, which is before it was certain.
    pub since: Timestamp,
    /// When it was last seen. Where it is over, it ended between then and the time of the event.
    pub last_seen_at: Timestamp,
}

/// How everything stands.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// When the watch began.
    pub started_at: Timestamp,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// Whether the answers are compared with a fleet.
    pub compared: bool,
    /// The servers, by address.
    pub servers: Vec<ServerSummary>,
    /// The resolvers, in the order in which they were named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolvers: Vec<ResolverSummary>,
    /// The findings, worst first.
    pub findings: Vec<Standing>,
    /// How many findings were opened since the watch began, by their names.
    pub opened: BTreeMap<String, u64>,
}

impl Summary {
    /// Returns the exit code of the Monitoring Plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    #[must_use]
    pub fn exit_code(&self, policy: ExitPolicy) -> u8 {
        policy.outcome(self.findings.iter().map(|standing| standing.finding.severity)).exit_code()
    }
}

/// How one server stands.
#[derive(Clone, Debug, Serialize)]
pub struct ServerSummary {
    /// Its address.
    pub server: SocketAddr,
    /// The names that it has in the zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_server: Option<String>,
    /// Queries that are over; each is tried up to four times.
    pub queries: u64,
    /// Those that were replied to.
    pub replies: u64,
    /// Replies that answer the question, with addresses or with their absence.
    pub answers: u64,
    /// Addresses in answers that were not kept, since there were too many of them.
    #[serde(skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// When the last of those came.
    pub last_answer_at: Option<Timestamp>,
    /// The TTL of the last answer, in seconds.
    pub ttl_secs: Option<u32>,
    /// The addresses that it answers or should answer, in order.
    pub addresses: Vec<AddressSummary>,
    /// The p-value of its shares in the present epoch, valid however often it is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p_value: Option<f64>,
    /// The answers that it is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_answers: Option<u64>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How one address stands at one server.
#[derive(Clone, Debug, Serialize)]
pub struct AddressSummary {
    /// The address.
    pub address: Ipv4Addr,
    /// Answers with it since the watch began.
    pub answers: u64,
    /// Its share of late, 0 to 1.
    pub share: f64,
    /// The share that it should have, where that is known.
    pub expected_share: Option<f64>,
    /// Where the share of late lies in truth, with a confidence of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// When it was answered last.
    pub last_seen_at: Option<Timestamp>,
    /// Whether it is answered: `there`, `gone`, or `unseen` where chance may explain that.
    pub presence: PresenceWord,
}

/// Whether an address is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PresenceWord {
    /// It is.
    There,
    /// It is not, and chance does not explain that.
    Gone,
    /// It was not seen yet, which may be chance.
    Unseen,
}

/// How one resolver stands.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverSummary {
    /// The resolver, as it was named.
    pub resolver: String,
    /// Questions that it was asked.
    pub asked: u64,
    /// Those that it answered.
    pub answered: u64,
    /// The highest TTL of its last answers, in seconds.
    pub highest_ttl_secs: Option<u32>,
    /// The addresses that it answers after the name servers stopped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleInterval>,
    /// Why the last question had no reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Its last answers with their TTLs in seconds, the oldest first.
    pub sawtooth: Vec<Tooth>,
}

/// One answer of a resolver.
#[derive(Clone, Debug, Serialize)]
pub struct Tooth {
    /// When it came.
    pub at: Timestamp,
    /// The addresses.
    pub addresses: Vec<Ipv4Addr>,
    /// The lowest of their TTLs, in seconds.
    pub ttl_secs: u32,
}
