//! An address that is served: its sockets, each with a server of hickory's, until it is shut down or dropped.
//!
//! What is received and sent is decided elsewhere.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Weak};
use std::time::Duration;

use hickory_server::Server;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::sockets::{NameServerError, Sockets};
use super::transport::{Responder, SocketHandler};

/// How long a TCP connection may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long where connections are closed as soon as they are accepted: hickory's least but for none at all.
const CLOSED_AT_ONCE: Duration = Duration::from_millis(1);
/// How many replies may wait on one TCP connection.
const REPLIES_IN_FLIGHT: usize = 32;
/// How long a socket rests whose server ended by itself, so that a lasting error does not spin.
const REST: Duration = Duration::from_millis(50);

/// An address that is served. The servers end when this is dropped.
#[derive(Debug)]
pub(crate) struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Served {
    /// Binds the address and begins to answer.
    pub(crate) fn start(
        address: SocketAddr,
        udp_sockets: usize,
        responder: &Arc<impl Responder>,
    ) -> Result<Self, NameServerError> {
        let Sockets { address, tcp, udp } = Sockets::bind(address, udp_sockets)?;
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let sockets = udp.into_iter().map(|socket| ServedSocket::Udp(Arc::new(socket)));
        for socket in sockets.chain([ServedSocket::Tcp(tcp)]) {
            tasks.spawn(keep_serving(socket, Arc::clone(responder), stop.clone()));
        }
        Ok(Self { address, stop, tasks })
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops answering and frees the address.
    pub(crate) async fn shutdown(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

enum ServedSocket {
    Udp(Arc<UdpSocket>),
    Tcp(TcpListener),
}

/// Serves one socket until told to stop, beginning again whenever its server ends.
///
/// hickory 0.26.3 gives up a socket for good when a client aborts a connection before it is accepted
/// (its issue 3725), and a server of several sockets does not even say so. Each socket therefore has a
/// server of its own, made anew on a duplicate of the same socket, whose queue outlives it. So is a
/// listener's server where it shall close its connections, or no longer.
async fn keep_serving<R: Responder>(socket: ServedSocket, responder: Arc<R>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let closes = responder.closes_connections();
        if let Ok(mut server) = socket.server(&responder, closes) {
            let ended = tokio::select! {
                _ = server.block_until_done() => true,
                () = responder.turns(closes), if socket.is_tcp() => false,
                () = stop.cancelled() => false,
            };
            if !ended {
                // The error of a socket that is being closed tells nothing.
                let _ = server.shutdown_gracefully().await;
                continue;
            }
        }
        tokio::select! {
            () = sleep(REST) => {}
            () = stop.cancelled() => {}
        }
    }
}

impl ServedSocket {
    fn is_tcp(&self) -> bool {
        matches!(self, Self::Tcp(_))
    }

    /// Begins to serve a duplicate of the socket.
    fn server<R: Responder>(&self, responder: &Arc<R>, closes: bool) -> io::Result<Server<SocketHandler<R>>> {
        let server = |socket| Server::new(SocketHandler { responder: Arc::clone(responder), socket });
        match self {
            Self::Udp(socket) => {
                let mut server = server(Arc::downgrade(socket));
                server.register_socket(tokio::net::UdpSocket::from_std(socket.try_clone()?)?);
                Ok(server)
            }
            Self::Tcp(listener) => {
                let mut server = server(Weak::new());
                let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
                let timeout = if closes { CLOSED_AT_ONCE } else { IDLE_TIMEOUT };
                server.register_listener(listener, timeout, REPLIES_IN_FLIGHT);
                Ok(server)
            }
        }
    }
}
