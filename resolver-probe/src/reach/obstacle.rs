//! What an ICMP error says of an address: refused, unreachable or filtered.
//!
//! Pure: codes in, a kind out. How bad each is, the verdict says.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;

use serde::Serialize;

const DESTINATION_UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;

/// Something on the way, or the host itself, that said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// What it comes to.
    pub kind: ObstacleKind,
    /// The ICMP message that said so, where the system tells.
    pub icmp: Option<IcmpError>,
}

/// What an obstacle comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObstacleKind {
    /// The host is up, and nothing listens on the port.
    Refused,
    /// There is no such host, or no route to it.
    Unreachable,
    /// Somebody forbids it; or the system did not say whether it is that or a missing route.
    Filtered,
}

/// An ICMP error message about what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct IcmpError {
    /// The type, such as 3, destination unreachable.
    #[serde(rename = "type")]
    pub kind: u8,
    /// The code within the type.
    pub code: u8,
    /// Who sent the message.
    pub from: Option<Ipv4Addr>,
}

impl Obstacle {
    /// Reads an ICMP error; `None` where it is no obstacle, such as a datagram that was too long.
    pub(crate) fn of_icmp(error: IcmpError) -> Option<Self> {
        let kind = match (error.kind, error.code) {
            (DESTINATION_UNREACHABLE, 2 | 3) => ObstacleKind::Refused,
            (DESTINATION_UNREACHABLE, 9 | 10 | 13 | 14 | 15) => ObstacleKind::Filtered,
            // Fragmentation needed: the system sends the next one in smaller pieces.
            (DESTINATION_UNREACHABLE, 4) => return None,
            (DESTINATION_UNREACHABLE | TIME_EXCEEDED, _) => ObstacleKind::Unreachable,
            _ => return None,
        };
        Some(Self { kind, icmp: Some(error) })
    }

    /// Takes into account who was asked: that a port is closed only its host can say. From somebody else it is a
    /// firewall's way to refuse (the default of REJECT in iptables).
    pub(crate) fn of_somebody_at(self, asked: Option<Ipv4Addr>) -> Self {
        let from = self.icmp.and_then(|icmp| icmp.from);
        match (self.kind, from, asked) {
            (ObstacleKind::Refused, Some(from), Some(asked)) if from != asked => {
                Self { kind: ObstacleKind::Filtered, ..self }
            }
            (ObstacleKind::Refused | ObstacleKind::Unreachable | ObstacleKind::Filtered, _, _) => self,
        }
    }

    /// Reads the error of a socket on a system that tells no ICMP code: a host that is unreachable and
    /// one that is filtered are then the same.
    pub(super) fn of_error(error: &io::Error) -> Option<Self> {
        let kind = match error.kind() {
            io::ErrorKind::ConnectionRefused => ObstacleKind::Refused,
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => ObstacleKind::Filtered,
            _ => return None,
        };
        Some(Self { kind, icmp: None })
    }
}

impl fmt::Display for IcmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match (self.kind, self.code) {
            (DESTINATION_UNREACHABLE, 0) => "network unreachable",
            (DESTINATION_UNREACHABLE, 1) => "host unreachable",
            (DESTINATION_UNREACHABLE, 2) => "protocol unreachable",
            (DESTINATION_UNREACHABLE, 3) => "port unreachable",
            (DESTINATION_UNREACHABLE, 9) => "network prohibited",
            (DESTINATION_UNREACHABLE, 10) => "host prohibited",
            (DESTINATION_UNREACHABLE, 13) => "communication prohibited",
            (TIME_EXCEEDED, _) => "time exceeded",
            _ => "destination unreachable",
        };
        write!(f, "ICMP {}/{}, {what}", self.kind, self.code)?;
        self.from.map_or(Ok(()), |from| write!(f, ", from {from}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: u8, code: u8) -> Option<ObstacleKind> {
        Obstacle::of_icmp(IcmpError { kind, code, from: None }).map(|obstacle| obstacle.kind)
    }

    #[test]
    fn a_closed_port_is_refused_a_missing_route_unreachable_and_a_ban_filtered() {
        assert_eq!(kind(3, 3), Some(ObstacleKind::Refused));
        for code in [0, 1, 5, 6, 7, 11, 12] {
            assert_eq!(kind(3, code), Some(ObstacleKind::Unreachable), "3/{code}");
        }
        for code in [9, 10, 13] {
            assert_eq!(kind(3, code), Some(ObstacleKind::Filtered), "3/{code}");
        }
        assert_eq!(kind(11, 0), Some(ObstacleKind::Unreachable));
    }

    #[test]
    fn a_closed_port_that_somebody_else_tells_of_is_filtered() {
        let asked = Ipv4Addr::new(192, 0, 2, 1);
        let told_by = |from: Option<Ipv4Addr>| {
            let error = IcmpError { kind: 3, code: 3, from };
            Obstacle::of_icmp(error).map(|obstacle| obstacle.of_somebody_at(Some(asked)).kind)
        };
        assert_eq!(told_by(Some(asked)), Some(ObstacleKind::Refused));
        assert_eq!(told_by(None), Some(ObstacleKind::Refused));
        assert_eq!(told_by(Some(Ipv4Addr::new(192, 0, 2, 254))), Some(ObstacleKind::Filtered));
    }

    #[test]
    fn a_datagram_that_was_too_long_is_no_obstacle() {
        assert_eq!(kind(3, 4), None);
        assert_eq!(kind(12, 0), None);
    }

    #[test]
    fn without_a_code_an_unreachable_host_may_be_a_filtered_one() {
        let of = |kind: io::ErrorKind| Obstacle::of_error(&kind.into()).map(|obstacle| obstacle.kind);
        assert_eq!(of(io::ErrorKind::ConnectionRefused), Some(ObstacleKind::Refused));
        assert_eq!(of(io::ErrorKind::HostUnreachable), Some(ObstacleKind::Filtered));
        assert_eq!(of(io::ErrorKind::PermissionDenied), None);
    }
}
