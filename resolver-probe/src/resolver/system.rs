//! The resolvers of this machine, as /etc/resolv.conf names them.
//!
//! The file is read elsewhere; options in it are for the C library, and do not count here.

use std::net::{IpAddr, SocketAddr};

use super::ResolverSpec;
use crate::discover::DNS_PORT;

/// What /etc/resolv.conf names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemResolvers {
    /// Each once, in the file's order.
    pub resolvers: Vec<ResolverSpec>,
    /// Name servers that cannot be asked from here: link-local addresses with an interface, or nonsense.
    pub unusable: Vec<String>,
}

/// Reads the text of /etc/resolv.conf (resolv.conf(5)).
#[must_use]
pub fn system_resolvers(resolv_conf: &str) -> SystemResolvers {
    let mut found = SystemResolvers::default();
    for line in resolv_conf.lines() {
        let mut words = line.split_whitespace();
        let (Some("nameserver"), Some(address)) = (words.next(), words.next()) else { continue };
        match address.parse::<IpAddr>() {
            Ok(address) => {
                let spec = ResolverSpec::Plain(SocketAddr::new(address, DNS_PORT));
                if !found.resolvers.contains(&spec) {
                    found.resolvers.push(spec);
                }
            }
            Err(_) => found.unusable.push(address.to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_server_counts_once_and_what_cannot_be_asked_is_told() {
        let text = "# nameserver 192.0.2.1\nsearch example.com\nnameserver 192.0.2.2\n nameserver\t2001:db8::3 \n\
                    nameserver 192.0.2.2\nnameserver fe80::1%eth0\noptions edns0\n";
        let found = system_resolvers(text);
        let written: Vec<String> = found.resolvers.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["192.0.2.2:53", "[2001:db8::3]:53"]);
        assert_eq!(found.unusable, ["fe80::1%eth0"]);
        assert_eq!(system_resolvers(""), SystemResolvers::default());
    }
}
