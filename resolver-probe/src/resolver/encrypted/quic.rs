//! DNS over QUIC (RFC 9250): one stream for each query.
//!
//! No early data: a question would go out before it is known who hears it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, TransportConfig, VarInt};

use crate::resolver::ResolverFailure;
use crate::tcp;

/// A message and its length (RFC 9250 §4.2).
const LONGEST_STREAM: usize = 2 + 65_535;
/// RFC 9250 §4.3: the connection is no longer needed.
const NO_ERROR: VarInt = VarInt::from_u32(0);

/// A connection, on a socket of its own.
#[derive(Debug)]
pub(in crate::resolver) struct Stream {
    connection: Connection,
    // The connection lives as long as its endpoint's socket does.
    _endpoint: Endpoint,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.close(NO_ERROR, b"");
    }
}

pub(super) async fn connect(
    address: SocketAddr,
    name: &str,
    tls: rustls::ClientConfig,
) -> Result<Stream, ResolverFailure> {
    let from: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let endpoint = Endpoint::client(from).map_err(|error| super::failure(&error))?;
    let tls = QuicClientConfig::try_from(tls).map_err(|error| ResolverFailure::Tls(error.to_string()))?;
    let mut config = ClientConfig::new(Arc::new(tls));
    let mut transport = TransportConfig::default();
    // RFC 9250 §4.2: the client opens all streams.
    transport.max_concurrent_bidi_streams(VarInt::from_u32(0));
    transport.max_concurrent_uni_streams(VarInt::from_u32(0));
    config.transport_config(Arc::new(transport));
    let connecting = endpoint.connect_with(config, address, name);
    let connecting = connecting.map_err(|error| ResolverFailure::Failed(error.to_string()))?;
    let connection = connecting.await.map_err(|error| failure(&error))?;
    Ok(Stream { connection, _endpoint: endpoint })
}

impl Stream {
    pub(super) async fn exchange(&mut self, query: &[u8]) -> Result<Vec<u8>, ResolverFailure> {
        let (mut send, mut receive) = self.connection.open_bi().await.map_err(|error| failure(&error))?;
        let framed = tcp::framed(query).map_err(|error| super::failure(&error))?;
        let failed = |error: &dyn std::error::Error| ResolverFailure::Failed(error.to_string());
        send.write_all(&framed).await.map_err(|error| failed(&error))?;
        send.finish().map_err(|error| failed(&error))?;
        let octets = receive.read_to_end(LONGEST_STREAM).await.map_err(|error| failed(&error))?;
        unframed(&octets)
    }
}

/// RFC 9250 §4.2: a stream holds one message, preceded by its length in two octets.
pub(in crate::resolver) fn unframed(octets: &[u8]) -> Result<Vec<u8>, ResolverFailure> {
    match octets.split_first_chunk::<2>() {
        Some((length, message)) if message.len() == usize::from(u16::from_be_bytes(*length)) => {
            Ok(message.to_vec())
        }
        Some(_) => Err(ResolverFailure::Garbage),
        None => Err(ResolverFailure::Closed),
    }
}

fn failure(error: &ConnectionError) -> ResolverFailure {
    match error {
        ConnectionError::TimedOut => ResolverFailure::Silent,
        ConnectionError::ApplicationClosed(_) | ConnectionError::Reset => ResolverFailure::Closed,
        // RFC 9001 §4.8: alerts of TLS are 0x100 and above.
        ConnectionError::TransportError(error) if u64::from(error.code) >= 0x100 => {
            ResolverFailure::Tls(error.reason.clone())
        }
        other => ResolverFailure::Failed(other.to_string()),
    }
}
