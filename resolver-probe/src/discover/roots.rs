//! The root name servers' addresses, where every walk begins unless it is told otherwise.
//!
//! Source: <https://www.internic.net/domain/named.root>. The last change was b.root-servers.net in
//! November 2023; operators keep old addresses in service for a year or more, so that a list that has
//! aged still works.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// a.root-servers.net to m.root-servers.net.
const ROOTS: [(Ipv4Addr, Ipv6Addr); 13] = [
    (Ipv4Addr::new(198, 41, 0, 4), Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30)),
    (Ipv4Addr::new(170, 247, 170, 2), Ipv6Addr::new(0x2801, 0x1b8, 0x10, 0, 0, 0, 0, 0xb)),
    (Ipv4Addr::new(192, 33, 4, 12), Ipv6Addr::new(0x2001, 0x500, 2, 0, 0, 0, 0, 0xc)),
    (Ipv4Addr::new(199, 7, 91, 13), Ipv6Addr::new(0x2001, 0x500, 0x2d, 0, 0, 0, 0, 0xd)),
    (Ipv4Addr::new(192, 203, 230, 10), Ipv6Addr::new(0x2001, 0x500, 0xa8, 0, 0, 0, 0, 0xe)),
    (Ipv4Addr::new(192, 5, 5, 241), Ipv6Addr::new(0x2001, 0x500, 0x2f, 0, 0, 0, 0, 0xf)),
    (Ipv4Addr::new(192, 112, 36, 4), Ipv6Addr::new(0x2001, 0x500, 0x12, 0, 0, 0, 0, 0xd0d)),
    (Ipv4Addr::new(198, 97, 190, 53), Ipv6Addr::new(0x2001, 0x500, 1, 0, 0, 0, 0, 0x53)),
    (Ipv4Addr::new(192, 36, 148, 17), Ipv6Addr::new(0x2001, 0x7fe, 0, 0, 0, 0, 0, 0x53)),
    (Ipv4Addr::new(192, 58, 128, 30), Ipv6Addr::new(0x2001, 0x503, 0xc27, 0, 0, 0, 2, 0x30)),
    (Ipv4Addr::new(193, 0, 14, 129), Ipv6Addr::new(0x2001, 0x7fd, 0, 0, 0, 0, 0, 1)),
    (Ipv4Addr::new(199, 7, 83, 42), Ipv6Addr::new(0x2001, 0x500, 0x9f, 0, 0, 0, 0, 0x42)),
    (Ipv4Addr::new(202, 12, 27, 33), Ipv6Addr::new(0x2001, 0xdc3, 0, 0, 0, 0, 0, 0x35)),
];

/// The port of name servers, RFC 1035 §4.2.
pub(crate) const DNS_PORT: u16 = 53;

/// Returns the root servers, beginning with the `first`-th, so that not every run asks the same one.
pub(super) fn servers(first: u64, ipv6: bool) -> Vec<SocketAddr> {
    let start = (first % ROOTS.len() as u64) as usize;
    let turned = ROOTS.iter().cycle().skip(start).take(ROOTS.len());
    let v4 = turned.clone().map(|(v4, _)| IpAddr::V4(*v4));
    let v6 = turned.filter(|_| ipv6).map(|(_, v6)| IpAddr::V6(*v6));
    v4.chain(v6).map(|address| SocketAddr::new(address, DNS_PORT)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_server_is_there_once_wherever_the_walk_begins() {
        for first in [0, 5, u64::MAX] {
            let mut servers = servers(first, true);
            servers.sort_unstable();
            servers.dedup();
            assert_eq!(servers.len(), 26);
        }
    }
}
