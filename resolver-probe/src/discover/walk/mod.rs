//! The walk from the root down to a zone's name servers, without I/O: it says which question to ask whom,
//! and takes what came back.
//!
//! ```text
//! Zone ──────► Names ──────► Addresses ──► Census ──► Done
//! SOA of the   NS of the     A and AAAA    SOA and NS of
//! name: down   zone, at      of each       the zone, at
//! referrals    its servers   name server   each address
//! ```
//!
//! The name's SOA record is asked for, and not its addresses, since even its absence names the zone, also
//! where one server has the zone above and the zone itself. A name server outside the zone that is told of
//! has its address looked up by a walk of its own, one within the other. Every way to go on for ever is
//! bounded: a referral must go down, a walk within a walk must be about another name, and queries are counted.

mod census;
mod conclusion;
mod lookups;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};

use super::reading::{Glue, text};
use super::result::{Fault, FaultKind, Presence};

/// Queries of one discovery, tries not counted. Route 53's four servers in four registries' zones take about
/// forty.
pub(super) const MOST_QUERIES: u32 = 400;
/// Walks within walks: a name server in a zone whose name servers are in a zone whose …
const MOST_NESTED: usize = 8;
/// Servers of one zone that are tried for one question before it is given up.
const MOST_SERVERS: usize = 7;
/// Servers that are asked side by side once one has failed, so that a few dead ones do not take all the time.
const SIDE_BY_SIDE: usize = 3;
/// Faults that are kept.
const MOST_FAULTS: usize = 200;

/// What a walk needs to know from the start.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The name whose name servers are wanted.
    pub(super) name: Name,
    /// The servers that are asked first.
    pub(super) from: Origin,
    /// The port of every name server that the walk finds.
    pub(super) port: u16,
    /// Whether IPv6 addresses can be reached from here.
    pub(super) ipv6: bool,
}

/// Who is asked first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Servers of the root, or of a zone that the name is in.
    Servers(Vec<SocketAddr>),
    /// A resolver, which finds everything; the name servers that it names are asked themselves in the end.
    Resolver,
}

/// A question, and whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// Comes back with the reply.
    pub(super) token: u32,
    pub(super) peer: Peer,
    pub(super) name: Name,
    pub(super) record_type: RecordType,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Peer {
    Server(SocketAddr),
    Resolver,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Ask these, side by side.
    Ask(Vec<Query>),
    /// Wait for a reply to what is being asked.
    Wait,
    /// Everything that can be known is known.
    Done,
}

/// The state of a walk.
#[derive(Debug)]
pub(super) struct Walk {
    start: Start,
    stage: Stage,
    /// The zones that were met, by name, the first one included.
    cuts: BTreeMap<Name, Cut>,
    /// Addresses of name servers from their own zones, by name and type.
    hosts: BTreeMap<(Name, RecordType), BTreeSet<IpAddr>>,
    /// What is being looked up, the innermost last.
    stack: Vec<Lookup>,
    pending: BTreeMap<u32, Pending>,
    token: u32,
    queries: u32,
    zone: Option<Name>,
    presence: Presence,
    alias: Option<Name>,
    parent_names: Option<BTreeSet<Name>>,
    zone_names: Option<BTreeSet<Name>>,
    soa: Option<(u32, u32)>,
    census: BTreeMap<SocketAddr, census::Entry>,
    faults: Vec<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Zone,
    Names,
    Addresses,
    Census,
    Done,
}

/// A zone, and where its servers are.
#[derive(Clone, Debug, Default)]
struct Cut {
    names: BTreeSet<Name>,
    glue: Glue,
    /// Servers that are known by their address alone.
    direct: Vec<SocketAddr>,
    /// Servers that were of no use for this zone; they are not asked again.
    dead: BTreeSet<Peer>,
}

/// One question on its way down.
#[derive(Clone, Debug)]
struct Lookup {
    name: Name,
    record_type: RecordType,
    purpose: Purpose,
    /// The zone whose servers are being asked.
    cut: Name,
    /// Those who were asked this at this zone.
    tried: BTreeSet<Peer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// The zone of the name.
    Zone,
    /// The zone's name servers.
    Names,
    /// An address of a name server.
    Host,
}

/// What a query that is being asked is for.
#[derive(Clone, Debug)]
enum Pending {
    Lookup(Peer),
    Census(SocketAddr, RecordType),
}

impl Walk {
    pub(super) fn new(start: Start) -> Self {
        let mut root = Cut::default();
        if let Origin::Servers(servers) = &start.from {
            root.direct.extend(servers);
        }
        let first = Lookup::new(start.name.clone(), RecordType::SOA, Purpose::Zone, Name::root());
        Self {
            start,
            stage: Stage::Zone,
            cuts: BTreeMap::from([(Name::root(), root)]),
            hosts: BTreeMap::new(),
            stack: vec![first],
            pending: BTreeMap::new(),
            token: 0,
            queries: 0,
            zone: None,
            presence: Presence::Unknown,
            alias: None,
            parent_names: None,
            zone_names: None,
            soa: None,
            census: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// Says what to do now.
    pub(super) fn next(&mut self) -> Next {
        loop {
            if !self.pending.is_empty() {
                return Next::Wait;
            }
            if self.stage != Stage::Done && self.queries >= MOST_QUERIES {
                let why = format!("{MOST_QUERIES} queries did not find every name server");
                self.give_up(&why);
            }
            let queries = match self.stage {
                Stage::Zone | Stage::Names | Stage::Addresses if !self.stack.is_empty() => self.ask_lookup(),
                Stage::Zone | Stage::Names => {
                    self.stage = Stage::Addresses;
                    Vec::new()
                }
                Stage::Addresses => self.seek_address(),
                Stage::Census => self.ask_census(),
                Stage::Done => return Next::Done,
            };
            if !queries.is_empty() {
                return Next::Ask(queries);
            }
        }
    }

    /// Takes what became of a query: a message that is the reply to it, or why there is none.
    pub(super) fn take(&mut self, token: u32, outcome: Result<&Message, &str>) {
        // Late: another server's reply to the same question has led further.
        let Some(pending) = self.pending.remove(&token) else { return };
        match pending {
            Pending::Lookup(peer) => self.take_lookup(peer, outcome),
            Pending::Census(server, record_type) => self.take_census(server, record_type, outcome),
        }
    }

    /// Ends the walk where it is.
    pub(super) fn give_up(&mut self, why: &str) {
        if self.stage != Stage::Done {
            let zone = self.stack.last().map_or_else(|| self.zone_or_root(), |lookup| lookup.cut.clone());
            self.fault(&zone, None, None, FaultKind::Bound, why.to_owned());
            self.stage = Stage::Done;
            self.stack.clear();
            self.pending.clear();
        }
    }

    fn query(&mut self, pending: Pending, peer: Peer, name: Name, record_type: RecordType) -> Query {
        let token = self.token;
        self.token += 1;
        self.queries += 1;
        self.pending.insert(token, pending);
        Query { token, peer, name, record_type }
    }

    fn assisted(&self) -> bool {
        self.start.from == Origin::Resolver
    }

    fn zone_or_root(&self) -> Name {
        self.zone.clone().unwrap_or_else(Name::root)
    }

    fn fault(
        &mut self,
        zone: &Name,
        server: Option<SocketAddr>,
        name_server: Option<&Name>,
        kind: FaultKind,
        why: String,
    ) {
        let fault = Fault { zone: text(zone), server, name_server: name_server.map(text), kind, why };
        if self.faults.len() < MOST_FAULTS && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}

impl Lookup {
    fn new(name: Name, record_type: RecordType, purpose: Purpose, cut: Name) -> Self {
        Self { name, record_type, purpose, cut, tried: BTreeSet::new() }
    }
}
