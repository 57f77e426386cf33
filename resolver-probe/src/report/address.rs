//! What became of one address over all servers and resolvers.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::reach::Liveness;

/// One address over all servers.
#[derive(Clone, Debug, Serialize)]
pub struct AddressReport {
    /// The address.
    pub address: Ipv4Addr,
    /// The worst of its verdicts at the servers.
    pub verdict: AddressVerdict,
    /// The instance that has it, where that is known.
    pub instance: Option<String>,
    /// The share that it should have, where that is known.
    pub expected_share: Option<f64>,
    /// Whether it is alive, the worst of what was asked of it, where that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub liveness: Option<Liveness>,
    /// The servers that answer it.
    pub answered_by: Vec<SocketAddr>,
    /// The servers that answer, and not with it.
    pub not_answered_by: Vec<SocketAddr>,
    /// The resolvers that answer it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resolved_by: Vec<String>,
}

/// Whether an address should be answered, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressVerdict {
    /// It is answered, and no serving instance of the pool has it.
    StaleRecord,
    /// It is answered, and somebody else has it.
    ForeignOwner,
    /// It is answered, its instance should serve, and it does not answer clients.
    BlackholedEntry,
    /// It is not answered, and should be.
    MissingIp,
    /// No server answers it any more, and a resolver still does.
    StaleAnswer,
    /// It is answered, and whether rightly was not seen.
    Unknown,
    /// It was not seen, which may be chance.
    Undecided,
    /// It is answered, and should be; whether it is alive cannot be seen from here.
    VantageBlind,
    /// It is answered as the fallback.
    Fallback,
    /// It has weight 0, and is not answered.
    Idle,
    /// It is answered, and nothing says whether it should be.
    NotJudged,
    /// It is answered, and should be.
    Ok,
}
