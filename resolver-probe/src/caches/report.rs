//! What was seen of resolvers' caches, in the form that programs read: `resolver-probe-caches/1`.
//!
//! Nothing is judged here.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use registrar_core::Timestamp;
use serde::Serialize;

use crate::discover::Discovery;
use crate::report::{ExitPolicy, Finding, ResolverReport, Verdict, milliseconds};
use crate::staleness::Authority;

/// The version of the JSON form.
pub(super) const SCHEMA: &str = "resolver-probe-caches/1";

/// What was seen of resolvers' caches.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct CachesReport {
    /// The version of this form.
    pub schema: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    #[serde(rename = "duration_ms", serialize_with = "milliseconds")]
    pub duration: Duration,
    /// For how long of that the resolvers were watched.
    #[serde(rename = "watched_ms", serialize_with = "milliseconds")]
    pub watched: Duration,
    /// What the resolvers are compared with.
    pub authority: AuthorityReport,
    /// How the name servers were found, where they were not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// The resolvers, in the order in which they were named.
    pub resolvers: Vec<ResolverReport>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The seed that the message ids came from.
    pub seed: u64,
}

/// What the name servers answered meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthorityReport {
    /// Those that were asked, by address.
    pub servers: Vec<SocketAddr>,
    /// The longest TTL that they gave, in seconds.
    pub ttl_secs: Option<u32>,
    /// Every address that they answered at some time.
    pub addresses: BTreeSet<Ipv4Addr>,
}

impl AuthorityReport {
    pub(super) fn of(authority: &Authority) -> Self {
        let (servers, ttl_secs) = (authority.servers(), authority.ttl_secs());
        Self { servers, ttl_secs, addresses: authority.addresses() }
    }
}

impl CachesReport {
    /// Returns the exit code of the Monitoring Plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    #[must_use]
    pub fn exit_code(&self, policy: impl Into<ExitPolicy>) -> u8 {
        policy.into().outcome(self.findings.iter().map(|finding| finding.severity)).exit_code()
    }
}
