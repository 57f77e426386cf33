//! What a discovery found: the zone of a name, its name servers with their addresses, and what went wrong.
//!
//! Names are in lower case and without the dot at the end; every list is sorted. Nothing is judged here.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde::Serialize;

/// What a discovery found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Discovery {
    /// The name that was looked for.
    pub name: String,
    /// How it was looked for.
    pub found_by: FoundBy,
    /// The zone that the name is in, where it was reached.
    pub zone: Option<String>,
    /// Whether the zone has the name.
    pub presence: Presence,
    /// The name that this one is an alias of (CNAME); it was not followed.
    pub alias: Option<String>,
    /// The zone's name servers as the zone above names them, where that was seen.
    pub parent_names: Option<BTreeSet<String>>,
    /// The zone's name servers as the zone itself names them, where that was seen.
    pub zone_names: Option<BTreeSet<String>>,
    /// Every name server, by name, with its addresses.
    pub name_servers: Vec<NameServer>,
    /// Every address, and what it said of the zone.
    pub authorities: Vec<Authority>,
    /// The TTL of the zone's SOA record, in seconds.
    pub soa_ttl_secs: Option<u32>,
    /// The SOA record's last field, in seconds.
    pub soa_minimum_secs: Option<u32>,
    /// Whether IPv6 addresses were looked for: this machine has a route.
    pub ipv6: bool,
    /// What went wrong on the way, in order.
    pub faults: Vec<Fault>,
    /// Queries that were asked, each with its tries.
    pub queries: u32,
}

impl Discovery {
    /// Says whether the name does not exist, and the zone that says so is the root or directly below it. Its
    /// servers are nobody's to sample.
    #[must_use]
    pub fn belongs_to_others(&self) -> bool {
        let of_registry = self.zone.as_ref().is_some_and(|zone| !zone.trim_matches('.').contains('.'));
        of_registry && self.presence == Presence::NoSuchName
    }

    /// Returns the names that have this address, such as `ns-1.example.net`.
    #[must_use]
    pub fn name_of(&self, server: SocketAddr) -> Option<String> {
        self.servers().find(|(address, _)| *address == server).and_then(|(_, name)| name)
    }

    /// Returns each server's address with the names that have it, such as `ns-1.example.net`.
    pub fn servers(&self) -> impl Iterator<Item = (SocketAddr, Option<String>)> {
        self.authorities.iter().map(|authority| {
            let names = &authority.names;
            (authority.server, (!names.is_empty()).then(|| names.join(", ")))
        })
    }
}

/// How name servers were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// From the root down, asking no cache.
    Delegation,
    /// By asking a resolver; the servers themselves were asked too.
    Resolver,
}

/// Whether a zone has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It has records, or names below it have.
    Exists,
    /// The zone's server says NXDOMAIN.
    NoSuchName,
    /// Nobody with authority said.
    Unknown,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NameServer {
    /// Its name.
    pub name: String,
    /// Who names it.
    pub listed: Listed,
    /// Its addresses, in order.
    pub addresses: BTreeSet<SocketAddr>,
}

/// Who names a name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listed {
    /// The zone above and the zone itself.
    Both,
    /// The zone above alone.
    Parent,
    /// The zone itself alone, or the zone above was not seen.
    Zone,
}

/// One address, and what it said of the zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Authority {
    /// Where it was asked.
    pub server: SocketAddr,
    /// The name servers that have this address.
    pub names: Vec<String>,
    /// Whether it answers for the zone with authority; false too where it did not answer.
    pub authoritative: bool,
    /// The serial of its SOA record.
    pub serial: Option<u32>,
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The zone that was being asked for.
    pub zone: String,
    /// The server that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<SocketAddr>,
    /// The name server that it is about, where it has no address yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_server: Option<String>,
    /// What kind of fault.
    pub kind: FaultKind,
    /// What happened, as the end of a sentence.
    pub why: String,
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A server did not answer.
    Unreachable,
    /// A server answers, and does not serve the zone that it should.
    Lame,
    /// A name server has no address.
    NoAddress,
    /// Name servers can only be reached through each other.
    Loop,
    /// The address beside a referral is not the one that the name server's own zone has.
    GlueDiffers,
    /// The zone above and the zone's servers, or these among themselves, name other name servers.
    NamesDiffer,
    /// A zone has no server that answers.
    NoServer,
    /// A limit of the walk was reached: queries, depth, or time.
    Bound,
}
