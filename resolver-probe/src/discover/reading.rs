//! What one reply says to a walk down the delegation: an answer, its absence, a referral, or nothing of use.
//!
//! A pure function of the reply, the question and the zone that the server was asked for. What does not
//! belong to the question is left where it is: no other name's addresses, no referral up or sideways.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use crate::wire::{Rcode, ttl_secs};

/// Name servers of one set that are looked at; the root has 13, and no registry takes more.
pub(super) const MOST_NAMES: usize = 32;
/// Addresses of one name server that are looked at.
pub(super) const MOST_ADDRESSES: usize = 16;

/// A question that a walk asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked<'a> {
    pub(super) name: &'a Name,
    pub(super) record_type: RecordType,
    /// The zone that the server should serve, or refer down from.
    pub(super) zone: &'a Name,
    /// Whether a resolver was asked: it answers without authority, and never refers.
    pub(super) assisted: bool,
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Records of the name and type asked for.
    Answer { data: Vec<RData>, ttl: u32, glue: Glue },
    /// The name is an alias of another.
    Alias(Name),
    /// There is no such record; `apex` and `negative_ttl` are those of the SOA record beside it.
    Nothing { exists: bool, apex: Option<Name>, negative_ttl: Option<u32> },
    /// Other servers know: those of a zone below.
    Referral { cut: Name, names: BTreeSet<Name>, glue: Glue },
    /// The server is of no use for this question.
    Lame(Lame),
}

/// Addresses of name servers, as somebody else says them: a hint where to ask, and nothing more.
pub(super) type Glue = BTreeMap<Name, BTreeSet<IpAddr>>;

/// Why a server is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Lame {
    Rcode(Rcode),
    /// No AA flag, and no referral either.
    NoAuthority,
    /// It refers to, or answers for, a zone that is not below the one it was asked for.
    Above(Name),
    /// It refers to a zone that the name is not in.
    Elsewhere(Name),
}

impl fmt::Display for Lame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rcode(rcode) => write!(f, "it answers {rcode}"),
            Self::NoAuthority => f.write_str("it answers without authority (no AA)"),
            Self::Above(zone) => write!(f, "it does not serve the zone, and points to {}", text(zone)),
            Self::Elsewhere(zone) => write!(f, "it points to {}, where the name is not", text(zone)),
        }
    }
}

/// Writes a name as people do: without the dot at the end, and in lower case.
pub(super) fn text(name: &Name) -> String {
    if name.is_root() {
        return ".".to_owned();
    }
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// Reads a reply to the question.
pub(super) fn read(message: &Message, asked: &Asked<'_>) -> Reading {
    let rcode = Rcode(u16::from(message.metadata.response_code));
    if !rcode.is_answer() {
        return Reading::Lame(Lame::Rcode(rcode));
    }
    let believed = message.metadata.authoritative || asked.assisted;
    if let Some(answer) = answer(message, asked) {
        return if believed { answer } else { Reading::Lame(Lame::NoAuthority) };
    }
    let soa = soa(&message.authorities);
    if soa.is_none()
        && rcode == Rcode::NO_ERROR
        && let Some(referral) = referral(message, asked)
    {
        return referral;
    }
    if !believed {
        return Reading::Lame(Lame::NoAuthority);
    }
    nothing(rcode, soa, asked)
}

/// Returns what stands at the name itself.
fn answer(message: &Message, asked: &Asked<'_>) -> Option<Reading> {
    let at_name = || {
        let records = message.answers.iter();
        records.filter(|record| record.name == *asked.name && record.dns_class == DNSClass::IN)
    };
    let of_type = || at_name().filter(|record| record.record_type() == asked.record_type);
    if let Some(ttl) = of_type().map(|record| ttl_secs(record.ttl)).min() {
        let data: Vec<RData> = of_type().map(|record| record.data.clone()).collect();
        let names = data.iter().filter_map(name_server).collect();
        return Some(Reading::Answer { glue: glue(message, asked.name, &names), data, ttl });
    }
    at_name().find_map(|record| match &record.data {
        RData::CNAME(target) => Some(Reading::Alias(target.0.clone())),
        _ => None,
    })
}

fn nothing(rcode: Rcode, soa: Option<(&Name, u32)>, asked: &Asked<'_>) -> Reading {
    let exists = rcode == Rcode::NO_ERROR;
    match soa {
        Some((apex, _)) if apex.zone_of(asked.zone) && apex != asked.zone && !asked.assisted => {
            Reading::Lame(Lame::Above(apex.clone()))
        }
        Some((apex, _)) if !apex.zone_of(asked.name) => Reading::Lame(Lame::Elsewhere(apex.clone())),
        Some((apex, negative_ttl)) => {
            Reading::Nothing { exists, apex: Some(apex.clone()), negative_ttl: Some(negative_ttl) }
        }
        None => Reading::Nothing { exists, apex: None, negative_ttl: None },
    }
}

/// Reads the NS records in the authority section, where a server puts who knows better.
fn referral(message: &Message, asked: &Asked<'_>) -> Option<Reading> {
    let at = |owner: &Name| {
        let records = message.authorities.iter();
        let owner = owner.clone();
        records.filter(move |record| record.name == owner && record.dns_class == DNSClass::IN)
    };
    let is_ns = |record: &&Record| record.record_type() == RecordType::NS;
    let cut = &message.authorities.iter().find(is_ns)?.name;
    if cut.zone_of(asked.zone) {
        // With authority this is an answer without records, and the zone's own name servers beside it.
        let authoritative = message.metadata.authoritative && cut == asked.zone;
        return (!authoritative).then(|| Reading::Lame(Lame::Above(cut.clone())));
    }
    if !cut.zone_of(asked.name) || !asked.zone.zone_of(cut) {
        return Some(Reading::Lame(Lame::Elsewhere(cut.clone())));
    }
    if asked.assisted {
        return Some(Reading::Lame(Lame::NoAuthority));
    }
    let names: BTreeSet<Name> =
        at(cut).filter_map(|record| name_server(&record.data)).take(MOST_NAMES).collect();
    Some(Reading::Referral { cut: cut.clone(), glue: glue(message, cut, &names), names })
}

/// Reads addresses beside name servers' names, where those names are in the zone that is being told of: of
/// any other name the server has no say, and its addresses are looked up.
fn glue(message: &Message, cut: &Name, names: &BTreeSet<Name>) -> Glue {
    let mut glue = Glue::new();
    for record in &message.additionals {
        let name = &record.name;
        let Some(address) = address(&record.data) else { continue };
        if record.dns_class == DNSClass::IN && names.contains(name) && cut.zone_of(name) {
            let known = glue.entry(name.clone()).or_default();
            if known.len() < MOST_ADDRESSES {
                known.insert(address);
            }
        }
    }
    glue
}

/// Returns the name server in an NS record.
pub(super) fn name_server(data: &RData) -> Option<Name> {
    match data {
        RData::NS(name) => Some(name.0.clone()),
        _ => None,
    }
}

/// Returns the address in an A or AAAA record, if it is one that a server can have.
pub(super) fn address(data: &RData) -> Option<IpAddr> {
    let address = match data {
        RData::A(address) => IpAddr::V4(address.0),
        RData::AAAA(address) => IpAddr::V6(address.0),
        _ => return None,
    };
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    (!address.is_unspecified() && !address.is_multicast() && !broadcast).then_some(address)
}

/// Returns the owner of the SOA record, and how long the absence may be remembered (RFC 2308 §5).
fn soa(authorities: &[Record]) -> Option<(&Name, u32)> {
    authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) if record.dns_class == DNSClass::IN => {
            Some((&record.name, ttl_secs(record.ttl).min(ttl_secs(soa.minimum))))
        }
        _ => None,
    })
}

#[cfg(test)]
#[path = "reading_tests.rs"]
mod tests;
