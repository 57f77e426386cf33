//! Finds every name server's addresses, and asks each of them whether it serves the zone.
//!
//! What the answers mean for the zone's clients is judged elsewhere.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RData, RecordType};

use super::{Peer, Pending, Query, Stage, Walk};
use crate::discover::reading::{self, Asked, MOST_NAMES, Reading};
use crate::discover::result::FaultKind;

/// Addresses that are asked side by side.
const SIDE_BY_SIDE: usize = 16;
/// Addresses of one zone that are asked at all.
const MOST_AUTHORITIES: usize = 64;

/// One address, and what it said.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// The questions that it was asked.
    asked: BTreeSet<RecordType>,
    pub(super) authoritative: bool,
    pub(super) serial: Option<u32>,
    pub(super) names: Option<BTreeSet<Name>>,
}

impl Walk {
    /// Begins to look for the next address of a name server; without one left, the census is next.
    pub(super) fn seek_address(&mut self) -> Vec<Query> {
        let types = if self.start.ipv6 { &[RecordType::A, RecordType::AAAA][..] } else { &[RecordType::A] };
        let mut hosts =
            self.all_names().into_iter().flat_map(|name| types.iter().map(move |t| (name.clone(), *t)));
        match hosts.find(|host| !self.hosts.contains_key(host)) {
            Some((name, record_type)) => self.look_for_host(name, record_type),
            None => {
                let mut servers = self.authorities();
                if servers.len() > MOST_AUTHORITIES {
                    let why = format!("more than {MOST_AUTHORITIES} addresses serve it: not all were asked");
                    self.fault(&self.zone_or_root(), None, None, FaultKind::Bound, why);
                    servers = servers.into_iter().take(MOST_AUTHORITIES).collect();
                }
                for server in servers {
                    self.census.entry(server).or_default();
                }
                self.stage = Stage::Census;
            }
        }
        Vec::new()
    }

    /// Returns every name server of the zone, whoever names it.
    pub(super) fn all_names(&self) -> BTreeSet<Name> {
        let cut = self.zone.as_ref().and_then(|zone| self.cuts.get(zone));
        cut.map(|cut| cut.names.clone()).unwrap_or_default()
    }

    /// Returns where a name server is: what its own zone says, and what the zone above says.
    pub(super) fn sockets_of(&self, name: &Name) -> BTreeSet<SocketAddr> {
        let cut = self.zone.as_ref().and_then(|zone| self.cuts.get(zone));
        let glue = cut.and_then(|cut| cut.glue.get(name)).cloned().unwrap_or_default();
        let addresses: BTreeSet<IpAddr> = self.addresses(name).union(&glue).copied().collect();
        let addresses = addresses.into_iter().filter(|address| self.reaches(*address));
        addresses.map(|address| SocketAddr::new(address, self.start.port)).collect()
    }

    fn authorities(&self) -> BTreeSet<SocketAddr> {
        let named = self.all_names().into_iter().flat_map(|name| self.sockets_of(&name));
        let cut = self.zone.as_ref().and_then(|zone| self.cuts.get(zone));
        named.chain(cut.into_iter().flat_map(|cut| cut.direct.iter().copied())).collect()
    }

    /// Asks the addresses that have not been asked yet.
    pub(super) fn ask_census(&mut self) -> Vec<Query> {
        let Some(zone) = self.zone.clone() else {
            self.stage = Stage::Done;
            return Vec::new();
        };
        let mut open = Vec::new();
        for (server, entry) in &mut self.census {
            for record_type in [RecordType::NS, RecordType::SOA] {
                if open.len() < SIDE_BY_SIDE && entry.asked.insert(record_type) {
                    open.push((*server, record_type));
                }
            }
        }
        if open.is_empty() {
            self.stage = if self.learn_names(&zone) { Stage::Addresses } else { Stage::Done };
        }
        let ask = |(server, record_type)| {
            let pending = Pending::Census(server, record_type);
            self.query(pending, Peer::Server(server), zone.clone(), record_type)
        };
        open.into_iter().map(ask).collect()
    }

    /// Takes in name servers that only some of the zone's servers name; says whether there are any.
    fn learn_names(&mut self, zone: &Name) -> bool {
        let told = self.census.values().filter_map(|entry| entry.names.clone()).flatten();
        let told: BTreeSet<Name> = told.take(MOST_NAMES * MOST_AUTHORITIES).collect();
        if !told.is_empty() {
            self.zone_names.get_or_insert_default().extend(told.iter().cloned());
        }
        let cut = self.cuts.entry(zone.clone()).or_default();
        let before = cut.names.len();
        let room = (2 * MOST_NAMES).saturating_sub(before);
        let new: Vec<Name> = told.difference(&cut.names).take(room).cloned().collect();
        cut.names.extend(new);
        cut.names.len() > before
    }

    pub(super) fn take_census(
        &mut self,
        server: SocketAddr,
        record_type: RecordType,
        outcome: Result<&Message, &str>,
    ) {
        let zone = self.zone_or_root();
        let message = match outcome {
            Ok(message) => message,
            Err(why) => return self.fault(&zone, Some(server), None, FaultKind::Unreachable, why.to_owned()),
        };
        let asked = Asked { name: &zone, record_type, zone: &zone, assisted: false };
        let reading = reading::read(message, &asked);
        let Some(entry) = self.census.get_mut(&server) else { return };
        match reading {
            Reading::Answer { data, ttl, .. } => {
                entry.authoritative = true;
                entry.note(&data);
                self.note_soa(&data, ttl);
            }
            Reading::Lame(why) => {
                self.fault(&zone, Some(server), None, FaultKind::Lame, why.to_string());
            }
            Reading::Nothing { .. } | Reading::Referral { .. } | Reading::Alias(_) => {
                let why = format!("it has no {record_type} record of the zone");
                self.fault(&zone, Some(server), None, FaultKind::Lame, why);
            }
        }
    }
}

impl Entry {
    fn note(&mut self, data: &[RData]) {
        let names: BTreeSet<Name> = data.iter().filter_map(reading::name_server).take(MOST_NAMES).collect();
        if !names.is_empty() {
            self.names = Some(names);
        }
        for data in data {
            if let RData::SOA(soa) = data {
                self.serial = Some(soa.serial);
            }
        }
    }
}
