//! Connected sockets for datagrams: UDP, and ICMP echo without privileges where the system allows it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::error_queue;

/// What to do where ICMP echo is not allowed; icmp(7) describes the setting.
const ECHO_HINT: &str = "allow it with: sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"";

/// Opens a UDP socket that talks with one address and port only.
pub(super) fn udp(server: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    connected(socket, server)
}

/// Opens a socket for ICMP echo with one address; with a text for the operator where that is not allowed.
pub(super) fn echo(host: Ipv4Addr) -> Result<UdpSocket, String> {
    // The first needs a setting of the system, and the second a privilege (CAP_NET_RAW).
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::ICMPV4))
        .or_else(|_| Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)))
        .map_err(|error| format!("this system does not allow ICMP echo: {error} (hint: {ECHO_HINT})"))?;
    connected(socket, SocketAddrV4::new(host, 0)).map_err(|error| error.to_string())
}

/// Hands a socket to the runtime; for what is sent and received, ICMP is like UDP.
fn connected(socket: Socket, peer: SocketAddrV4) -> io::Result<UdpSocket> {
    socket.set_nonblocking(true)?;
    error_queue::keep(&socket)?;
    socket.connect(&SocketAddr::from(peer).into())?;
    UdpSocket::from_std(socket.into())
}
