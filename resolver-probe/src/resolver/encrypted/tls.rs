//! DNS over TLS (RFC 7858): messages as over TCP, in a TLS connection.
//!
//! One query at a time; nothing is pipelined.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::failure;
use crate::resolver::ResolverFailure;
use crate::tcp;

pub(super) type Stream = Box<TlsStream<TcpStream>>;

pub(super) async fn connect(
    address: SocketAddr,
    name: ServerName<'static>,
    config: ClientConfig,
) -> Result<Stream, ResolverFailure> {
    let stream = TcpStream::connect(address).await.map_err(|error| failure(&error))?;
    // A query is one small write, and waits for its reply.
    stream.set_nodelay(true).map_err(|error| failure(&error))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map(Box::new).map_err(|error| failure(&error))
}

pub(super) async fn exchange(stream: &mut Stream, query: &[u8]) -> Result<Vec<u8>, ResolverFailure> {
    tcp::exchange(stream, query).await.map_err(|error| failure(&error))
}
