//! What was seen of one name server.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Serialize;

use super::AddressVerdict;
use crate::statistics::{Fit, Independence, Interval};

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
    /// How the answers compare with the weights, where those are known and there is more than one address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsReport>,
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

/// The answers of one server beside the weights.
#[derive(Clone, Debug, Serialize)]
pub struct WeightsReport {
    /// The comparison; indexes are places in `addresses`.
    pub fit: Fit,
    /// Its p-value, corrected for the number of servers as Holm does.
    pub corrected_p_value: f64,
    /// The addresses that were compared, in the order of the weights.
    pub addresses: Vec<Ipv4Addr>,
    /// Whether the answers are independent draws, where their order was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub independence: Option<Independence>,
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
    /// Where the share lies in truth, with a confidence of 95 %.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The share that it should have, where that is known.
    pub expected_share: Option<f64>,
    /// The instance that has it, where that is known.
    pub instance: Option<String>,
    /// Whether it should be there.
    pub verdict: AddressVerdict,
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
