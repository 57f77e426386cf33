//! Binds the sockets of a server: TCP and several of UDP, all on one address.
//!
//! Nothing is served here.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

/// How often another port is tried where any will do and the UDP half of one is taken.
const PORT_ATTEMPTS: usize = 16;

/// Why a name server does not start.
#[derive(Debug, thiserror::Error)]
pub enum NameServerError {
    /// The address stands for every local address.
    #[error("serve DNS on {address}, which stands for every local address")]
    Wildcard {
        /// The address.
        address: SocketAddr,
    },
    /// Something else listens there.
    #[error("serve DNS on {address}, which is in use")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system refuses the address.
    #[error("serve DNS on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl NameServerError {
    /// Says what may help, where something may.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Wildcard { .. } => {
                Some("name each local address: a reply from a wildcard socket may leave from another address")
            }
            Self::AddressInUse { .. } => {
                Some("another name server may still run there; stop it, or use port 0 for any free port")
            }
            Self::Bind { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some("ports below 1024 need privileges; try 5300"),
                io::ErrorKind::AddrNotAvailable => Some("the address must be one of this machine's own"),
                _ => None,
            },
        }
    }

    pub(crate) fn new(address: SocketAddr, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::AddressInUse { address, source }
        } else {
            Self::Bind { address, source }
        }
    }
}

/// The sockets of one server.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) address: SocketAddr,
    pub(crate) tcp: TcpListener,
    pub(crate) udp: Vec<UdpSocket>,
}

impl Sockets {
    /// Binds TCP first, since two servers cannot share that half, and then UDP on the same port.
    pub(crate) fn bind(address: SocketAddr, udp_sockets: usize) -> Result<Self, NameServerError> {
        if address.ip().is_unspecified() {
            return Err(NameServerError::Wildcard { address });
        }
        let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
        loop {
            attempts -= 1;
            match Self::try_bind(address, udp_sockets.max(1)) {
                Ok(sockets) => return Ok(sockets),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts > 0 => {}
                Err(error) => return Err(NameServerError::new(address, error)),
            }
        }
    }

    fn try_bind(address: SocketAddr, udp_sockets: usize) -> io::Result<Self> {
        let tcp = TcpListener::bind(address)?;
        tcp.set_nonblocking(true)?;
        let address = tcp.local_addr()?;
        let udp = (0..udp_sockets).map(|_| udp_socket(address, udp_sockets > 1));
        Ok(Self { address, udp: udp.collect::<io::Result<_>>()?, tcp })
    }
}

fn udp_socket(address: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn tcp_and_every_udp_socket_share_one_port() {
        let sockets = Sockets::bind(loopback(), 3).unwrap();
        assert_ne!(sockets.address.port(), 0);
        assert_eq!(sockets.udp.len(), 3);
        for socket in &sockets.udp {
            assert_eq!(socket.local_addr().unwrap(), sockets.address);
        }
        assert_eq!(sockets.tcp.local_addr().unwrap(), sockets.address);
    }

    #[test]
    fn a_wildcard_address_is_refused() {
        for address in ["0.0.0.0:5300", "[::]:5300"] {
            let error = Sockets::bind(address.parse().unwrap(), 1).unwrap_err();
            assert!(matches!(error, NameServerError::Wildcard { .. }));
            assert!(error.to_string().contains(address) && error.hint().is_some());
        }
    }

    #[test]
    fn an_address_in_use_is_named_with_a_hint() {
        let first = Sockets::bind(loopback(), 2).unwrap();
        let error = Sockets::bind(first.address, 2).unwrap_err();
        assert!(matches!(error, NameServerError::AddressInUse { .. }));
        assert!(error.to_string().contains(&first.address.to_string()));
        assert!(error.hint().unwrap().contains("another name server"));
    }

    #[test]
    fn an_address_whose_udp_half_is_taken_is_in_use() {
        let taken = UdpSocket::bind(loopback()).unwrap();
        let error = Sockets::bind(taken.local_addr().unwrap(), 2).unwrap_err();
        assert!(matches!(error, NameServerError::AddressInUse { .. }));
    }
}
