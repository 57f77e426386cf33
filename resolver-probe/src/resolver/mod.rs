//! Recursive resolvers: who they are, how they are asked, and what they answer.
//!
//! Every transport carries the same octets, which are written and checked by the probe itself: what comes
//! back has to repeat the question, whoever brings it. Nothing is cached, and every try is counted. Whether
//! an answer is stale, stretched or right is judged elsewhere.

mod client;
#[cfg(feature = "encrypted")]
mod encrypted;
mod hostile;
mod reply;
mod spec;
mod system;

use std::fmt;

use serde::Serialize;

use crate::observation::TcpFailure;

pub use client::{Manner, NoResolver, Resolver, ResolverExchange, resolvers};
#[cfg(feature = "encrypted")]
pub use encrypted::{Trust, TrustError};
pub(crate) use hostile::keeps_bounds;
#[cfg(feature = "encrypted")]
pub(crate) use hostile::{doh_body, doq_message};
pub use reply::{ExtendedError, ResolverReply};
pub use spec::{Endpoint, Host, ResolverSpec, ResolverSpecError};
pub use system::{SystemResolvers, system_resolvers};

/// How a resolver was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Over UDP.
    Udp,
    /// Over TCP, after a truncated reply over UDP.
    Tcp,
    /// Over TLS.
    Tls,
    /// Over HTTPS.
    Https,
    /// Over QUIC.
    Quic,
}

/// Why a resolver gave no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolverFailure {
    /// Its name has no address, or could not be looked up.
    NoAddress(String),
    /// Nothing came in time.
    Silent,
    /// The port is closed.
    Refused,
    /// The connection was closed without a reply.
    Closed,
    /// TLS came to no agreement: the certificate, most often.
    Tls(String),
    /// HTTP says something other than 200.
    Http(u16),
    /// The reply was to another question.
    Mismatched,
    /// The reply could not be parsed.
    Garbage,
    /// The reply was truncated, over TCP too.
    Truncated,
    /// Anything else.
    Failed(String),
}

impl fmt::Display for ResolverFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(why) => write!(f, "its address was not found: {why}"),
            Self::Silent => f.write_str("no answer came in time"),
            Self::Refused => f.write_str("the port is closed"),
            Self::Closed => f.write_str("the connection was closed without an answer"),
            Self::Tls(why) => write!(f, "TLS failed: {why}"),
            Self::Http(status) => write!(f, "the answer was HTTP status {status}"),
            Self::Mismatched => f.write_str("the answer was to another question"),
            Self::Garbage => f.write_str("the answer could not be parsed"),
            Self::Truncated => f.write_str("the answer was truncated"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl From<TcpFailure> for ResolverFailure {
    fn from(failure: TcpFailure) -> Self {
        match failure {
            TcpFailure::Refused => Self::Refused,
            TcpFailure::TimedOut => Self::Silent,
            TcpFailure::Closed => Self::Closed,
            TcpFailure::Mismatched => Self::Mismatched,
            TcpFailure::Garbage => Self::Garbage,
            TcpFailure::Truncated => Self::Truncated,
            TcpFailure::Failed(why) => Self::Failed(why),
        }
    }
}
