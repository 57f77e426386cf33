//! An address that is served: its sockets, each with its loop, until it is shut down or dropped.
//!
//! What is received and sent is decided elsewhere.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::sockets::{NameServerError, Sockets};
use super::transport::{Responder, serve_tcp, serve_udp};

/// An address that is served. The loops end when this is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    address: SocketAddr,
    loops: JoinSet<()>,
}

impl Served {
    /// Binds the address and begins to answer.
    pub(crate) fn start(
        address: SocketAddr,
        udp_sockets: usize,
        responder: &Arc<impl Responder>,
    ) -> Result<Self, NameServerError> {
        let Sockets { address, tcp, udp } = Sockets::bind(address, udp_sockets)?;
        let failed = |error| NameServerError::new(address, error);
        let mut loops = JoinSet::new();
        for socket in udp {
            let socket = tokio::net::UdpSocket::from_std(socket).map_err(failed)?;
            loops.spawn(serve_udp(socket, Arc::clone(responder)));
        }
        let listener = tokio::net::TcpListener::from_std(tcp).map_err(failed)?;
        loops.spawn(serve_tcp(listener, Arc::clone(responder)));
        Ok(Self { address, loops })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops answering and frees the address.
    pub(crate) async fn shutdown(mut self) {
        self.loops.shutdown().await;
    }
}
