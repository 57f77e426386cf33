//! Findings: what kind, how bad, about what, and the figures behind them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Clients are being hurt.
    Critical,
    /// Something should be looked into.
    Warning,
    /// It could not be told.
    Unknown,
    /// Worth knowing, and no fault.
    Info,
}

/// What kind of finding it is. The names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingId {
    /// An address is answered that no serving instance of the pool has.
    StaleRecord,
    /// An address is answered, its instance runs, and it does not answer what clients ask of it.
    BlackholedEntry,
    /// Somebody else has an address that is answered.
    ForeignOwner,
    /// The name has no address, and there is no truth that says it should have none.
    EmptyAnswer,
    /// A serving instance's address is never answered.
    MissingIp,
    /// A resolver answers an address that the authority no longer answers.
    StaleAnswer,
    /// Addresses are not answered in proportion to their weights.
    WrongWeights,
    /// The hosted zone holds a record of the name that is not the registrar's.
    ForeignRecord,
    /// A server never answered over UDP, or a name server has no address.
    NsUnreachable,
    /// A server refuses, fails, or does not answer with authority.
    Lame,
    /// A server never answered over TCP.
    TcpDead,
    /// A server answers an address that another never does, or names other name servers.
    NsDiverged,
    /// A resolver answers with a TTL above the authority's.
    TtlStretched,
    /// There is more than one TTL, or not the one of the pool document.
    TtlMismatch,
    /// What was asked cannot be judged from where the probe stands.
    VantageBlind,
    /// The fleet or its groups were not seen whole.
    TruthIncomplete,
    /// Too little was asked to tell.
    TooFewSamples,
    /// The pool is paused: its records are not kept in step.
    PoolPaused,
    /// Resolvers remember the absence of the name far longer than its records.
    NegativeTtlLong,
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StaleRecord => "stale-record",
            Self::BlackholedEntry => "blackholed-entry",
            Self::ForeignOwner => "foreign-owner",
            Self::StaleAnswer => "stale-answer",
            Self::WrongWeights => "wrong-weights",
            Self::ForeignRecord => "foreign-record",
            Self::TtlStretched => "ttl-stretched",
            Self::VantageBlind => "vantage-blind",
            Self::EmptyAnswer => "empty-answer",
            Self::MissingIp => "missing-ip",
            Self::NsUnreachable => "ns-unreachable",
            Self::Lame => "lame",
            Self::TcpDead => "tcp-dead",
            Self::NsDiverged => "ns-diverged",
            Self::TtlMismatch => "ttl-mismatch",
            Self::TruthIncomplete => "truth-incomplete",
            Self::TooFewSamples => "too-few-samples",
            Self::PoolPaused => "pool-paused",
            Self::NegativeTtlLong => "negative-ttl-long",
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What kind of finding it is.
    pub id: FindingId,
    /// How bad it is.
    pub severity: Severity,
    /// One sentence for a person.
    pub message: String,
    /// The address that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
    /// The server that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<SocketAddr>,
    /// The resolver that it is about, as it was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<String>,
    /// The instance that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The figures behind it, by name.
    pub evidence: BTreeMap<&'static str, EvidenceValue>,
}

/// A figure behind a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum EvidenceValue {
    /// A count, or a number of seconds.
    Count(u64),
    /// A share or a probability, 0 to 1.
    Share(f64),
    /// A text.
    Text(String),
    /// Several counts.
    Counts(Vec<u64>),
}

impl From<u64> for EvidenceValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for EvidenceValue {
    fn from(share: f64) -> Self {
        Self::Share(share)
    }
}

impl From<String> for EvidenceValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for EvidenceValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u64>> for EvidenceValue {
    fn from(counts: Vec<u64>) -> Self {
        Self::Counts(counts)
    }
}
