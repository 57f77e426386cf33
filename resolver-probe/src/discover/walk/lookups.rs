//! One question on its way down: whom to ask next, and where a reply leads.
//!
//! Nothing here knows what the whole walk is for, beyond the stage that a lookup ends.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};

use super::{
    Cut, Lookup, MOST_NESTED, MOST_SERVERS, Peer, Pending, Purpose, Query, SIDE_BY_SIDE, Stage, Walk,
};
use crate::discover::reading::{self, Asked, Glue, MOST_ADDRESSES, MOST_NAMES, Reading, text};
use crate::discover::result::{FaultKind, Presence};

impl Walk {
    /// Asks the innermost lookup's next servers, or begins to look for one.
    pub(super) fn ask_lookup(&mut self) -> Vec<Query> {
        let Some(lookup) = self.stack.last() else { return Vec::new() };
        let (name, record_type, cut) = (lookup.name.clone(), lookup.record_type, lookup.cut.clone());
        let room = MOST_SERVERS.saturating_sub(lookup.tried.len());
        let window = if lookup.tried.is_empty() { 1 } else { SIDE_BY_SIDE.min(room) };
        let mut peers = self.untried(lookup);
        peers.truncate(window);
        if peers.is_empty() {
            match self.unknown_host(&cut).filter(|_| room > 0) {
                Some((host, record_type)) => self.look_for_host(host, record_type),
                None => self.fail_lookup(),
            }
            return Vec::new();
        }
        if let Some(lookup) = self.stack.last_mut() {
            lookup.tried.extend(&peers);
        }
        let peers = peers.into_iter();
        peers.map(|peer| self.query(Pending::Lookup(peer), peer, name.clone(), record_type)).collect()
    }

    fn untried(&self, lookup: &Lookup) -> Vec<Peer> {
        let Some(cut) = self.cuts.get(&lookup.cut) else { return Vec::new() };
        let servers: Vec<Peer> = match self.assisted() {
            true => vec![Peer::Resolver],
            false => self.servers_of(cut).into_iter().map(Peer::Server).collect(),
        };
        let untried = |peer: &Peer| !lookup.tried.contains(peer) && !cut.dead.contains(peer);
        servers.into_iter().filter(untried).collect()
    }

    fn servers_of(&self, cut: &Cut) -> Vec<SocketAddr> {
        let known = cut.names.iter().flat_map(|name| self.addresses(name));
        let hinted = cut.glue.values().flatten().copied();
        // IPv4 first: few networks lack it.
        let addresses: BTreeSet<IpAddr> = known.chain(hinted).filter(|ip| self.reaches(*ip)).collect();
        let found = addresses.into_iter().map(|ip| SocketAddr::new(ip, self.start.port));
        let mut servers = cut.direct.clone();
        servers.extend(found.filter(|server| !cut.direct.contains(server)));
        servers
    }

    /// Returns the addresses that a name server's own zone gives it.
    pub(super) fn addresses(&self, name: &Name) -> BTreeSet<IpAddr> {
        let of = |record_type| self.hosts.get(&(name.clone(), record_type));
        of(RecordType::A).into_iter().chain(of(RecordType::AAAA)).flatten().copied().collect()
    }

    pub(super) fn reaches(&self, address: IpAddr) -> bool {
        self.start.ipv6 || address.is_ipv4()
    }

    /// Returns a name server of the zone whose address is to be found, if there is one left.
    fn unknown_host(&mut self, cut: &Name) -> Option<(Name, RecordType)> {
        let names = self.cuts.get(cut)?.names.clone();
        let types = if self.start.ipv6 { &[RecordType::A, RecordType::AAAA][..] } else { &[RecordType::A] };
        let hosts =
            names.into_iter().flat_map(|name| types.iter().map(move |of_type| (name.clone(), *of_type)));
        let unknown: Vec<(Name, RecordType)> = hosts.filter(|host| !self.hosts.contains_key(host)).collect();
        let (circular, mut free): (Vec<_>, Vec<_>) =
            unknown.into_iter().partition(|host| self.stack.iter().any(|lookup| lookup.is_for(&host.0)));
        // Name servers of the zone itself can only be found through it.
        free.retain(|(name, _)| !cut.zone_of(name));
        if free.is_empty() && !circular.is_empty() {
            let why = "its name servers' addresses can only be found through each other".to_owned();
            self.fault(cut, None, circular.first().map(|(name, _)| name), FaultKind::Loop, why);
        }
        free.into_iter().next()
    }

    /// Begins to look for an address of a name server.
    pub(super) fn look_for_host(&mut self, name: Name, record_type: RecordType) {
        let hosts = self.stack.iter().filter(|lookup| lookup.purpose == Purpose::Host).count();
        if hosts >= MOST_NESTED {
            let why = format!("its address is more than {MOST_NESTED} walks away");
            self.fault(&name.base_name(), None, Some(&name), FaultKind::Bound, why);
            self.hosts.insert((name, record_type), BTreeSet::new());
            return;
        }
        let cut = self.cuts.keys().filter(|cut| cut.zone_of(&name)).max_by_key(|cut| cut.num_labels());
        let cut = if self.assisted() { None } else { cut.cloned() };
        let cut = cut.unwrap_or_else(Name::root);
        self.stack.push(Lookup::new(name, record_type, Purpose::Host, cut));
    }

    /// Takes a reply to the innermost lookup.
    pub(super) fn take_lookup(&mut self, peer: Peer, outcome: Result<&Message, &str>) {
        let Some(lookup) = self.stack.last().cloned() else { return };
        let message = match outcome {
            Ok(message) => message,
            Err(why) => return self.write_off(&lookup.cut, peer, FaultKind::Unreachable, why.to_owned()),
        };
        let asked = Asked {
            name: &lookup.name,
            record_type: lookup.record_type,
            zone: &lookup.cut,
            assisted: self.assisted(),
        };
        match reading::read(message, &asked) {
            Reading::Lame(lame) => self.write_off(&lookup.cut, peer, FaultKind::Lame, lame.to_string()),
            useful => {
                // The others that were asked the same need not be waited for.
                self.pending.clear();
                self.follow(lookup, peer, useful);
            }
        }
    }

    fn write_off(&mut self, zone: &Name, peer: Peer, kind: FaultKind, why: String) {
        let (server, why) = match peer {
            Peer::Server(server) => (Some(server), why),
            Peer::Resolver => (None, format!("of the resolver: {why}")),
        };
        self.fault(zone, server, None, kind, why);
        if let Some(cut) = self.cuts.get_mut(zone).filter(|_| peer != Peer::Resolver) {
            cut.dead.insert(peer);
        }
    }

    fn follow(&mut self, lookup: Lookup, peer: Peer, reading: Reading) {
        match (lookup.purpose, reading) {
            (_, Reading::Referral { cut, names, glue }) => self.descend(cut, names, glue),
            (Purpose::Host, reading) => self.end_host(&lookup, reading),
            (Purpose::Zone, Reading::Alias(target)) => self.note_alias(&lookup, peer, target),
            (Purpose::Zone, Reading::Nothing { apex: None, .. }) if self.assisted() => {
                let why = "it does not say which zone the name is in".to_owned();
                self.write_off(&lookup.cut, peer, FaultKind::Lame, why);
            }
            (Purpose::Zone, Reading::Nothing { exists, apex, .. }) => {
                if self.alias.is_none() {
                    self.presence = if exists { Presence::Exists } else { Presence::NoSuchName };
                }
                self.end_zone(apex.unwrap_or(lookup.cut), peer);
            }
            (Purpose::Zone, Reading::Answer { data, ttl, .. }) => {
                self.presence = Presence::Exists;
                self.note_soa(&data, ttl);
                self.end_zone(lookup.name, peer);
            }
            (Purpose::Names, Reading::Answer { data, glue, .. }) => self.end_names(&lookup, &data, glue),
            (Purpose::Names, Reading::Nothing { .. } | Reading::Alias(_)) => {
                let why = "the zone names no name server".to_owned();
                self.fault(&lookup.name, None, None, FaultKind::NamesDiffer, why);
                self.end_names(&lookup, &[], Glue::new());
            }
            // What is lame is written off before.
            (Purpose::Zone | Purpose::Names, Reading::Lame(_)) => {}
        }
    }

    fn descend(&mut self, cut: Name, names: BTreeSet<Name>, glue: Glue) {
        let known = self.cuts.entry(cut.clone()).or_default();
        // The first word of the zone above stands: a second one adds nothing that could be checked.
        if known.names.is_empty() {
            known.names = names;
            known.glue = glue;
        }
        if let Some(lookup) = self.stack.last_mut() {
            lookup.cut = cut;
            lookup.tried.clear();
        }
    }

    /// A name with a CNAME record is no zone's own name (RFC 1034 §3.6.2): the zone is that of the name above.
    fn note_alias(&mut self, lookup: &Lookup, peer: Peer, target: Name) {
        if self.alias.is_none() && lookup.name == self.start.name {
            self.alias = Some(target);
            self.presence = Presence::Exists;
        }
        let above = lookup.name.base_name();
        if lookup.name == lookup.cut || above == lookup.cut {
            return self.end_zone(lookup.cut.clone(), peer);
        }
        if let Some(lookup) = self.stack.last_mut() {
            lookup.name = above;
            lookup.tried.clear();
        }
    }

    pub(super) fn note_soa(&mut self, data: &[RData], ttl: u32) {
        let minimum = data.iter().find_map(|data| match data {
            RData::SOA(soa) => Some(soa.minimum),
            _ => None,
        });
        self.soa = self.soa.or(minimum.map(|minimum| (ttl, minimum)));
    }

    fn end_zone(&mut self, apex: Name, peer: Peer) {
        self.stack.clear();
        let referred = self.cuts.get(&apex).map(|cut| cut.names.clone());
        self.parent_names = referred.filter(|names| !names.is_empty());
        let cut = self.cuts.entry(apex.clone()).or_default();
        if let Peer::Server(server) = peer {
            cut.direct.push(server);
        }
        self.zone = Some(apex.clone());
        self.stage = Stage::Names;
        self.stack.push(Lookup::new(apex.clone(), RecordType::NS, Purpose::Names, apex));
    }

    fn end_names(&mut self, lookup: &Lookup, data: &[RData], glue: Glue) {
        let names: BTreeSet<Name> = data.iter().filter_map(reading::name_server).take(MOST_NAMES).collect();
        let cut = self.cuts.entry(lookup.name.clone()).or_default();
        cut.names.extend(names.iter().cloned());
        for (name, addresses) in glue {
            cut.glue.entry(name).or_insert(addresses);
        }
        if !names.is_empty() {
            self.zone_names = Some(names);
        }
        self.stack.pop();
    }

    fn end_host(&mut self, lookup: &Lookup, reading: Reading) {
        let addresses: BTreeSet<IpAddr> = match reading {
            Reading::Answer { data, .. } => {
                data.iter().filter_map(reading::address).take(MOST_ADDRESSES).collect()
            }
            Reading::Alias(target) => {
                let why = format!("it is an alias of {}, which RFC 2181 §10.3 forbids", text(&target));
                self.fault(&lookup.cut, None, Some(&lookup.name), FaultKind::NoAddress, why);
                BTreeSet::new()
            }
            Reading::Nothing { .. } | Reading::Referral { .. } | Reading::Lame(_) => BTreeSet::new(),
        };
        self.compare_glue(&lookup.name, lookup.record_type, &addresses);
        self.hosts.insert((lookup.name.clone(), lookup.record_type), addresses);
        self.stack.pop();
    }

    /// Gives the innermost lookup up: nobody is left to ask.
    fn fail_lookup(&mut self) {
        let Some(lookup) = self.stack.pop() else { return };
        let why = format!("no server of {} answers for {}", text(&lookup.cut), text(&lookup.name));
        let host = (lookup.purpose == Purpose::Host).then_some(&lookup.name);
        self.fault(&lookup.cut, None, host, FaultKind::NoServer, why);
        match lookup.purpose {
            Purpose::Host => {
                self.hosts.insert((lookup.name, lookup.record_type), BTreeSet::new());
            }
            Purpose::Zone => self.stage = Stage::Done,
            Purpose::Names => {}
        }
    }

    /// Tells where the zone above gives other addresses than the name server's own zone does.
    fn compare_glue(&mut self, name: &Name, record_type: RecordType, addresses: &BTreeSet<IpAddr>) {
        let of_type = |ip: &&IpAddr| ip.is_ipv4() == (record_type == RecordType::A);
        let hints: Vec<(Name, BTreeSet<IpAddr>)> = self
            .cuts
            .iter()
            .filter_map(|(cut, known)| Some((cut.clone(), known.glue.get(name)?)))
            .map(|(cut, glue)| (cut, glue.iter().filter(of_type).copied().collect()))
            .collect();
        for (cut, hinted) in hints {
            if !hinted.is_empty() && hinted != *addresses {
                let why = format!("the referral says {}, its own zone {}", list(&hinted), list(addresses));
                self.fault(&cut, None, Some(name), FaultKind::GlueDiffers, why);
            }
        }
    }
}

impl Lookup {
    fn is_for(&self, host: &Name) -> bool {
        self.purpose == Purpose::Host && self.name == *host
    }
}

fn list(addresses: &BTreeSet<IpAddr>) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    if addresses.is_empty() { "none".to_owned() } else { addresses.join(" and ") }
}
