//! The ICMP errors that Linux keeps for a socket, with their codes and senders (ip(7), IP_RECVERR).
//!
//! Elsewhere nothing is known but the error of the call, which cannot tell a missing route from a filter.

use std::io;

use super::obstacle::Obstacle;

#[cfg(target_os = "linux")]
pub(super) use linux::keep;

#[cfg(not(target_os = "linux"))]
pub(super) fn keep<S>(_socket: &S) -> io::Result<()> {
    Ok(())
}

/// What the error of a call on a socket is about.
pub(super) enum Reported {
    /// Somebody said no to what was sent.
    Obstacle(Obstacle),
    /// Somebody said something that does not matter, such as that a datagram has to go in pieces.
    Harmless,
    /// It is not about what was sent: this side could not send, or not receive.
    Own,
}

impl Reported {
    fn of(obstacle: Option<Obstacle>, otherwise: Self) -> Self {
        obstacle.map_or(otherwise, Self::Obstacle)
    }
}

/// Finds out what the `error` of a call on the socket is about.
#[cfg(target_os = "linux")]
pub(super) fn read<S: std::os::fd::AsRawFd>(socket: &S, error: &io::Error) -> Reported {
    match linux::newest(socket) {
        Some(icmp) => {
            let obstacle = Obstacle::of_icmp(icmp).map(|said| said.of_somebody_at(linux::asked(socket)));
            Reported::of(obstacle, Reported::Harmless)
        }
        None => Reported::of(Obstacle::of_error(error), Reported::Own),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn read<S>(_socket: &S, error: &io::Error) -> Reported {
    Reported::of(Obstacle::of_error(error), Reported::Own)
}

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, IoSliceMut};
    use std::net::Ipv4Addr;
    use std::os::fd::{AsFd, AsRawFd};

    use nix::libc;
    use nix::sys::socket::{
        ControlMessageOwned, MsgFlags, SockaddrIn, getpeername, recvmsg, setsockopt, sockopt,
    };

    use crate::reach::obstacle::IcmpError;

    /// Errors that are read at most; the kernel's own limit is the socket's receive buffer.
    const MOST_ERRORS: usize = 64;

    /// Asks the kernel to keep ICMP errors, and to report those as well that may pass by themselves.
    pub(in crate::reach) fn keep(socket: &impl AsFd) -> io::Result<()> {
        Ok(setsockopt(socket, sockopt::Ipv4RecvErr, &true)?)
    }

    /// Returns whom a connected socket asks.
    pub(super) fn asked(socket: &impl AsRawFd) -> Option<Ipv4Addr> {
        getpeername::<SockaddrIn>(socket.as_raw_fd()).ok().map(|peer| peer.ip())
    }

    /// Empties the queue, and returns what came last.
    pub(super) fn newest(socket: &impl AsRawFd) -> Option<IcmpError> {
        let errors = std::iter::from_fn(|| next(socket)).take(MOST_ERRORS);
        errors.flatten().last()
    }

    /// Reads one entry: `None` when there is no more, `Some(None)` when it is no ICMP error.
    fn next(socket: &impl AsRawFd) -> Option<Option<IcmpError>> {
        let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
        let mut datagram = [0; 64];
        let mut parts = [IoSliceMut::new(&mut datagram)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrIn>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
        let icmp = message.cmsgs().ok()?.find_map(|control| match control {
            ControlMessageOwned::Ipv4RecvErr(error, from) if error.ee_origin == libc::SO_EE_ORIGIN_ICMP => {
                let from = from.map(|from| Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)));
                Some(IcmpError { kind: error.ee_type, code: error.ee_code, from })
            }
            _ => None,
        });
        Some(icmp)
    }
}
