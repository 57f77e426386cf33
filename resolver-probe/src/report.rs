//! What a check found, in the form that programs read: `resolver-probe/1`.
//!
//! Every list is sorted, so that the same findings make the same document. Nothing is judged here.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use crate::discover::Discovery;

/// The version of the JSON form.
pub(crate) const SCHEMA: &str = "resolver-probe/1";

/// The report of one check.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct CheckReport {
    /// The version of this form.
    pub schema: &'static str,
    /// The name that was asked for.
    pub name: String,
    /// The worst of the findings.
    pub verdict: Verdict,
    /// Whether the answers were compared with a fleet.
    pub compared: bool,
    /// How the servers were found, where they were not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discovery: Option<Discovery>,
    /// The servers that were asked, by address.
    pub servers: Vec<ServerReport>,
    /// The addresses that were answered or expected, in order.
    pub addresses: Vec<AddressReport>,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// The seed that the message ids came from.
    pub seed: u64,
}

/// Which findings make a check fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Warnings and critical findings.
    #[default]
    Warning,
    /// Critical findings alone.
    Critical,
}

impl CheckReport {
    /// Returns the exit code of the Monitoring Plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
    ///
    /// Where warnings do not fail the check, what is unknown beside them still does.
    #[must_use]
    pub fn exit_code(&self, fail_on: FailOn) -> u8 {
        exit_code(self.findings.iter().map(|finding| finding.severity), fail_on)
    }
}

/// The exit code of the Monitoring Plugins for the worst of some severities.
pub(crate) fn exit_code(severities: impl IntoIterator<Item = Severity>, fail_on: FailOn) -> u8 {
    let counts = |severity: &Severity| fail_on == FailOn::Warning || *severity != Severity::Warning;
    match Verdict::of(severities.into_iter().filter(counts)) {
        Verdict::Ok => 0,
        Verdict::Warning => 1,
        Verdict::Critical => 2,
        Verdict::Unknown => 3,
    }
}

/// The result of a whole check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Everything was looked at, and is as it should be.
    Ok,
    /// Something should be looked into.
    Warning,
    /// Clients are being hurt.
    Critical,
    /// Something could not be looked at, and nothing worse was found.
    Unknown,
}

impl Verdict {
    /// The worst of some severities: critical before warning before unknown.
    pub(crate) fn of(severities: impl Iterator<Item = Severity>) -> Self {
        match severities.min() {
            Some(Severity::Critical) => Self::Critical,
            Some(Severity::Warning) => Self::Warning,
            Some(Severity::Unknown) => Self::Unknown,
            Some(Severity::Info) | None => Self::Ok,
        }
    }
}

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
    /// The name has no address, and there is no truth that says it should have none.
    EmptyAnswer,
    /// A serving instance's address is never answered.
    MissingIp,
    /// A server never answered over UDP, or a name server has no address.
    NsUnreachable,
    /// A server refuses, fails, or does not answer with authority.
    Lame,
    /// A server never answered over TCP.
    TcpDead,
    /// A server answers an address that another never does, or names other name servers.
    NsDiverged,
    /// There is more than one TTL, or not the one of the pool document.
    TtlMismatch,
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

/// What was seen of one server.
#[derive(Clone, Debug, Serialize)]
pub struct ServerReport {
    /// Its address.
    pub server: SocketAddr,
    /// The names that it has in the zone, where it was found by them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_server: Option<String>,
    /// Response codes of the sampling replies, by number.
    pub rcodes: Vec<RcodeCount>,
    /// TTLs of the sampling replies, in order.
    pub ttls: Vec<TtlCount>,
    /// How many replies there are to judge by.
    pub samples: SampleCounts,
    /// The addresses that it answered or should have answered, in order.
    pub answers: Vec<AnswerReport>,
    /// How it could be reached.
    pub transport: TransportReport,
}

/// A response code and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RcodeCount {
    /// The mnemonic, such as `NOERROR`.
    pub rcode: String,
    /// Replies with it.
    pub count: u64,
}

/// A TTL and how often it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TtlCount {
    /// Seconds.
    pub ttl_secs: u32,
    /// Replies with it.
    pub count: u64,
}

/// How many replies there are to judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SampleCounts {
    /// Sampling queries that were wanted.
    pub wanted: u64,
    /// Sampling replies that answer the question, with addresses or with their absence.
    pub udp: u64,
    /// The same of the queries that went over TCP.
    pub tcp: u64,
}

/// One address at one server.
#[derive(Clone, Debug, Serialize)]
pub struct AnswerReport {
    /// The address.
    pub address: Ipv4Addr,
    /// Sampling replies that hold it.
    pub count: u64,
    /// Replies over TCP that hold it.
    pub tcp_count: u64,
    /// Its share of the sampling replies, 0 to 1.
    pub share: f64,
    /// The share that it should have, where that is known.
    pub expected_share: Option<f64>,
    /// The instance that has it, where that is known.
    pub instance: Option<String>,
    /// Whether it should be there.
    pub verdict: AddressVerdict,
}

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
    /// The servers that answer it.
    pub answered_by: Vec<SocketAddr>,
    /// The servers that answer, and not with it.
    pub not_answered_by: Vec<SocketAddr>,
}

/// Whether an address should be answered, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressVerdict {
    /// It is answered, and no serving instance of the pool has it.
    StaleRecord,
    /// It is not answered, and should be.
    MissingIp,
    /// It is answered, and whether rightly was not seen.
    Unknown,
    /// It was not seen, which may be chance.
    Undecided,
    /// It is answered as the fallback.
    Fallback,
    /// It has weight 0, and is not answered.
    Idle,
    /// It is answered, and nothing says whether it should be.
    NotJudged,
    /// It is answered, and should be.
    Ok,
}

/// How a server could be reached.
#[derive(Clone, Debug, Serialize)]
pub struct TransportReport {
    /// Over UDP.
    pub udp: UdpReport,
    /// Over TCP.
    pub tcp: TcpReport,
}

/// Whether a server answers over a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportState {
    /// Every query was answered.
    Answers,
    /// Some queries were answered.
    Lossy,
    /// No query was answered.
    Dead,
    /// No query was finished before the deadline.
    NotAsked,
}

/// The sampling queries, by what became of them.
#[derive(Clone, Debug, Serialize)]
pub struct UdpReport {
    /// Whether the server answers.
    pub state: TransportState,
    /// Queries that are over; each is tried up to four times.
    pub queries: u64,
    /// Datagrams that were sent for them.
    pub tries: u64,
    /// Queries that were answered, with whatever response code.
    pub replies: u64,
    /// Queries that nothing answered.
    pub silent: u64,
    /// Queries that the host refused: nothing listens on the port.
    pub refused: u64,
    /// Queries that could not be sent, or whose truncated reply TCP did not complete.
    pub failed: u64,
    /// Replies to an earlier query or try; they were not believed.
    pub late: u64,
    /// Messages with another id or question; they were not believed.
    pub mismatched: u64,
    /// Messages that could not be parsed.
    pub garbage: u64,
    /// Truncated replies, which were asked for again over TCP.
    pub truncated: u64,
    /// Records in replies that were not asked for.
    pub unrelated_records: u64,
    /// The last reason why a query failed.
    pub error: Option<String>,
}

/// The queries over TCP, by what became of them.
#[derive(Clone, Debug, Serialize)]
pub struct TcpReport {
    /// Whether the server answers.
    pub state: TransportState,
    /// Queries that are over, each on a connection of its own.
    pub queries: u64,
    /// Queries that were answered, with whatever response code.
    pub replies: u64,
    /// The last reason why a query failed.
    pub error: Option<String>,
}
