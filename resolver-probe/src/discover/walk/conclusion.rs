//! Writes down what a walk found, whether it came to its end or was given up.
//!
//! The last comparisons are made here: who names which name servers, and who has no address.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use hickory_proto::rr::Name;

use super::{Stage, Walk};
use crate::discover::reading::text;
use crate::discover::result::{Authority, Discovery, FaultKind, FoundBy, Listed, NameServer};

impl Walk {
    /// Ends the walk.
    pub(in crate::discover) fn finish(mut self) -> Discovery {
        if self.stage == Stage::Done && self.zone.is_some() {
            self.name_without_address();
            self.different_names();
        }
        let name_servers: Vec<NameServer> =
            self.all_names().iter().map(|name| self.name_server(name)).collect();
        let authorities = self.census.iter().map(|(server, entry)| Authority {
            server: *server,
            names: names_of(&name_servers, *server),
            authoritative: entry.authoritative,
            serial: entry.serial,
        });
        Discovery {
            name: text(&self.start.name),
            found_by: if self.assisted() { FoundBy::Resolver } else { FoundBy::Delegation },
            zone: self.zone.as_ref().map(text),
            presence: self.presence,
            alias: self.alias.as_ref().map(text),
            parent_names: self.parent_names.as_ref().map(texts),
            zone_names: self.zone_names.as_ref().map(texts),
            authorities: authorities.collect(),
            name_servers,
            soa_ttl_secs: self.soa.map(|(ttl, _)| ttl),
            soa_minimum_secs: self.soa.map(|(_, minimum)| minimum),
            ipv6: self.start.ipv6,
            faults: self.faults,
            queries: self.queries,
        }
    }

    fn name_server(&self, name: &Name) -> NameServer {
        let in_parent = self.parent_names.as_ref().is_some_and(|names| names.contains(name));
        let in_zone = self.zone_names.as_ref().is_some_and(|names| names.contains(name));
        let listed = match (in_parent, in_zone) {
            (true, true) => Listed::Both,
            (true, false) => Listed::Parent,
            (false, _) => Listed::Zone,
        };
        NameServer { name: text(name), listed, addresses: self.sockets_of(name) }
    }

    fn name_without_address(&mut self) {
        let zone = self.zone_or_root();
        for name in self.all_names() {
            let told = self.faults.iter().any(|fault| {
                fault.name_server.as_deref() == Some(&*text(&name)) && says_why_unfound(fault.kind)
            });
            let found_or_told = told || !self.sockets_of(&name).is_empty();
            if !found_or_told {
                let why = match self.start.ipv6 {
                    true => "it has no address".to_owned(),
                    false => "it has no IPv4 address, and this machine has no route to others".to_owned(),
                };
                self.fault(&zone, None, Some(&name), FaultKind::NoAddress, why);
            }
        }
    }

    fn different_names(&mut self) {
        let zone = self.zone_or_root();
        if let (Some(parent), Some(own)) = (self.parent_names.clone(), self.zone_names.clone()) {
            for name in parent.difference(&own) {
                let why = "the zone above names it, and the zone itself does not".to_owned();
                self.fault(&zone, None, Some(name), FaultKind::NamesDiffer, why);
            }
            for name in own.difference(&parent) {
                let why = "the zone itself names it, and the zone above does not".to_owned();
                self.fault(&zone, None, Some(name), FaultKind::NamesDiffer, why);
            }
        }
        let all = self.zone_names.clone().unwrap_or_default();
        let others: Vec<(SocketAddr, Vec<String>)> = self
            .census
            .iter()
            .filter_map(|(server, entry)| Some((*server, entry.names.as_ref()?)))
            .map(|(server, names)| (server, all.difference(names).map(text).collect()))
            .filter(|(_, missing): &(SocketAddr, Vec<String>)| !missing.is_empty())
            .collect();
        for (server, missing) in others {
            let why = format!("it does not name {}, and another server of the zone does", missing.join(", "));
            self.fault(&zone, Some(server), None, FaultKind::NamesDiffer, why);
        }
    }
}

/// Says whether this kind of fault explains that a name server has no address.
fn says_why_unfound(kind: FaultKind) -> bool {
    matches!(kind, FaultKind::NoAddress | FaultKind::NoServer | FaultKind::Loop | FaultKind::Bound)
}

fn texts(names: &BTreeSet<Name>) -> BTreeSet<String> {
    names.iter().map(text).collect()
}

fn names_of(name_servers: &[NameServer], server: SocketAddr) -> Vec<String> {
    let named = name_servers.iter().filter(|named| named.addresses.contains(&server));
    named.map(|named| named.name.clone()).collect()
}
