//! Resolvers over TLS, HTTPS and QUIC: connections that carry the probe's own octets.
//!
//! The client streams of hickory-net would decode and encode messages by themselves, and hand back what is
//! left of the errors as text. A query and its reply are one exchange on each of these transports, so that
//! rustls, h2 and quinn are used directly, and one place writes and checks messages for all of them.

pub(super) mod https;
pub(super) mod quic;
mod tls;
mod trust;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::Message;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout};

use super::client::Manner;
use super::{Endpoint, Host, ResolverFailure, ResolverSpec, Transport};
use crate::observation::TcpFailure;
use crate::wire::{self, Asking, Question};

pub use trust::{Trust, TrustError};

/// A resolver that is asked over an encrypted connection.
#[derive(Debug)]
pub(super) struct Upstream {
    endpoint: Endpoint,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Tls,
    /// At this path.
    Https(String),
    Quic,
}

/// An open connection.
#[derive(Debug)]
pub(super) enum Connection {
    Tls(tls::Stream),
    Https(https::Stream),
    Quic(quic::Stream),
}

impl Upstream {
    /// Returns nothing for resolvers that are not asked over an encrypted connection.
    pub(super) fn of(spec: &ResolverSpec) -> Option<Self> {
        let (endpoint, way) = match spec {
            ResolverSpec::Tls(endpoint) => (endpoint, Way::Tls),
            ResolverSpec::Https(endpoint, path) => (endpoint, Way::Https(path.clone())),
            ResolverSpec::Quic(endpoint) => (endpoint, Way::Quic),
            ResolverSpec::Plain(_) | ResolverSpec::System => return None,
        };
        Some(Self { endpoint: endpoint.clone(), way })
    }

    pub(super) fn transport(&self) -> Transport {
        match self.way {
            Way::Tls => Transport::Tls,
            Way::Https(_) => Transport::Https,
            Way::Quic => Transport::Quic,
        }
    }

    /// Asks over the open connection, or a new one; `tries` counts the queries that were sent.
    pub(super) async fn ask(
        &self,
        open: &mut Option<Connection>,
        manner: &Manner,
        question: &Question,
        asking: Asking,
        id: u16,
        tries: &mut u32,
    ) -> Result<(Message, Duration), ResolverFailure> {
        // RFC 8484 §4.1 and RFC 9250 §4.2.1: there is no other query to be told apart.
        let id = if matches!(self.way, Way::Tls) { id } else { 0 };
        let query = question.encode_with(id, asking);
        loop {
            let (mut connection, reused) = match open.take() {
                Some(connection) => (connection, true),
                None => (in_time(manner, self.connect(manner)).await?, false),
            };
            *tries += 1;
            let sent = Instant::now();
            match in_time(manner, connection.exchange(&query)).await {
                Ok(octets) => {
                    let rtt = sent.elapsed();
                    let message = wire::read_message(&octets, question, id).map_err(TcpFailure::from)?;
                    *open = Some(connection);
                    return Ok((message, rtt));
                }
                Err(ResolverFailure::Closed | ResolverFailure::Failed(_)) if reused => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn connect(&self, manner: &Manner) -> Result<Connection, ResolverFailure> {
        let config =
            |alpn| manner.trust().config(alpn).map_err(|error| ResolverFailure::Failed(error.to_string()));
        let name = self.server_name()?;
        let mut last = ResolverFailure::NoAddress("there is none".to_owned());
        for address in self.addresses().await? {
            let connected = match &self.way {
                Way::Tls => tls::connect(address, name.clone(), config(b"dot")?).await.map(Connection::Tls),
                Way::Https(path) => {
                    let stream = tls::connect(address, name.clone(), config(b"h2")?).await?;
                    https::open(stream, &self.authority(), path).await.map(Connection::Https)
                }
                Way::Quic => {
                    quic::connect(address, &name.to_str(), config(b"doq")?).await.map(Connection::Quic)
                }
            };
            match connected {
                Ok(connection) => return Ok(connection),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, ResolverFailure> {
        match &self.endpoint.host {
            Host::Address(address) => Ok(vec![SocketAddr::new(*address, self.endpoint.port)]),
            Host::Name(name) => {
                let found = tokio::net::lookup_host((name.as_str(), self.endpoint.port)).await;
                let mut found: Vec<SocketAddr> =
                    found.map_err(|error| ResolverFailure::NoAddress(error.to_string()))?.collect();
                found.sort_by_key(SocketAddr::is_ipv6);
                Ok(found)
            }
        }
    }

    /// Returns who the certificate has to be for.
    fn server_name(&self) -> Result<ServerName<'static>, ResolverFailure> {
        let name = match (&self.endpoint.name, &self.endpoint.host) {
            (Some(name), _) | (None, Host::Name(name)) => name.trim_end_matches('.').to_owned(),
            (None, Host::Address(address)) => return Ok(ServerName::from(*address)),
        };
        ServerName::try_from(name).map_err(|error| ResolverFailure::Tls(error.to_string()))
    }

    /// Returns the host as a URL has it.
    fn authority(&self) -> String {
        let host = match (&self.endpoint.name, &self.endpoint.host) {
            (Some(name), _) | (None, Host::Name(name)) => name.clone(),
            (None, Host::Address(address)) if address.is_ipv6() => format!("[{address}]"),
            (None, Host::Address(address)) => address.to_string(),
        };
        format!("{host}:{}", self.endpoint.port)
    }
}

impl Connection {
    async fn exchange(&mut self, query: &[u8]) -> Result<Vec<u8>, ResolverFailure> {
        match self {
            Self::Tls(stream) => tls::exchange(stream, query).await,
            Self::Https(stream) => stream.exchange(query).await,
            Self::Quic(stream) => stream.exchange(query).await,
        }
    }
}

async fn in_time<T>(
    manner: &Manner,
    work: impl Future<Output = Result<T, ResolverFailure>>,
) -> Result<T, ResolverFailure> {
    timeout(manner.timeout(), work).await.unwrap_or(Err(ResolverFailure::Silent))
}

/// What rustls refuses comes as invalid data; everything else is the network's.
fn failure(error: &io::Error) -> ResolverFailure {
    match error.kind() {
        io::ErrorKind::InvalidData => ResolverFailure::Tls(error.to_string()),
        _ => TcpFailure::from(error).into(),
    }
}
