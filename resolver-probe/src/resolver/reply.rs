//! What a resolver answered: addresses with their TTLs, flags, and what it says about itself.
//!
//! Only what belongs to the question counts: the name's addresses, or those of the name that it is an alias
//! of, within the same answer.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, Name, RData, Record};
use serde::{Serialize, Serializer};

use super::Transport;
use crate::wire::Rcode;

/// Aliases of aliases that are followed within one answer.
const MOST_ALIASES: usize = 16;
/// EDE options of one reply that are kept.
const MOST_ERRORS: usize = 16;
/// RFC 8914 §2: the option code of extended errors.
const EXTENDED_ERROR: u16 = 15;

/// One reply of a resolver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResolverReply {
    /// The response code.
    pub rcode: Rcode,
    /// The name's addresses with their TTLs in seconds, as the resolver counts them down.
    pub addresses: BTreeMap<Ipv4Addr, u32>,
    /// The name that it is an alias of in the end, whose addresses these are.
    pub alias: Option<String>,
    /// The AA flag: the resolver has the zone itself, or says so.
    pub authoritative: bool,
    /// The RA flag: it does recursion.
    pub recursion_available: bool,
    /// The AD flag: it has validated the answer (DNSSEC).
    pub authentic: bool,
    /// The TC flag of the first reply: over UDP the answer was cut, and asked for again over TCP.
    pub truncated: bool,
    /// Extended errors (RFC 8914); 3 and 19 are stale answers.
    pub extended_errors: Vec<ExtendedError>,
    /// Which of its machines answered (RFC 5001), as text where it is one, and else in hexadecimal.
    pub nsid: Option<String>,
    /// For how many bits of the client's address the answer was made (RFC 7871).
    pub ecs_scope: Option<u8>,
    /// How long the absence of the name may be remembered, in seconds (RFC 2308 §5).
    pub negative_ttl_secs: Option<u32>,
    /// Records in the answer section that were not asked for.
    pub unrelated: u64,
    /// How it was asked.
    pub transport: Transport,
    /// From the query to its reply, without the making of a connection, in microseconds.
    #[serde(rename = "rtt_us", serialize_with = "microseconds")]
    pub rtt: Duration,
}

/// An extended error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExtendedError {
    /// Its number: 3 is Stale Answer, 19 is Stale NXDOMAIN Answer.
    pub code: u16,
    /// What the resolver adds for people; control characters are replaced.
    pub text: String,
}

fn microseconds<S: Serializer>(rtt: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX))
}

impl ResolverReply {
    /// Says whether the resolver itself calls the answer stale (EDE 3 or 19).
    #[must_use]
    pub fn says_stale(&self) -> bool {
        self.extended_errors.iter().any(|error| matches!(error.code, 3 | 19))
    }

    pub(crate) fn of(message: &Message, transport: Transport, rtt: Duration, truncated: bool) -> Self {
        let metadata = &message.metadata;
        let asked = message.queries.first().map(|query| query.name().clone()).unwrap_or_default();
        let (end, aliases) = follow(&asked, &message.answers);
        let mut addresses = BTreeMap::new();
        let mut related = aliases;
        for record in message.answers.iter().filter(|record| record.name == end) {
            if let (RData::A(address), DNSClass::IN) = (&record.data, record.dns_class) {
                let ttl = addresses.entry(address.0).or_insert(record.ttl);
                *ttl = record.ttl.min(*ttl);
                related += 1;
            }
        }
        let option = |code| message.edns.as_ref().and_then(|edns| edns.option(code));
        Self {
            rcode: Rcode(u16::from(metadata.response_code)),
            addresses,
            alias: (end != asked).then(|| end.to_ascii().trim_end_matches('.').to_ascii_lowercase()),
            authoritative: metadata.authoritative,
            recursion_available: metadata.recursion_available,
            authentic: metadata.authentic_data,
            truncated,
            extended_errors: extended_errors(message),
            nsid: option(EdnsCode::NSID).and_then(nsid),
            ecs_scope: option(EdnsCode::Subnet).and_then(|option| match option {
                EdnsOption::Subnet(subnet) => Some(subnet.scope_prefix()),
                _ => None,
            }),
            negative_ttl_secs: message.authorities.iter().find_map(negative_ttl),
            unrelated: (message.answers.len() as u64).saturating_sub(related),
            transport,
            rtt,
        }
    }
}

/// Follows aliases from the name that was asked for; returns where they end, and how many records that took.
fn follow(asked: &Name, answers: &[Record]) -> (Name, u64) {
    let mut end = asked.clone();
    for aliases in 0..MOST_ALIASES as u64 {
        let target = answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == end && record.dns_class == DNSClass::IN => Some(&target.0),
            _ => None,
        });
        match target {
            Some(target) => end = target.clone(),
            None => return (end, aliases),
        }
    }
    // Aliases in a circle lead nowhere.
    (asked.clone(), 0)
}

fn extended_errors(message: &Message) -> Vec<ExtendedError> {
    let Some(edns) = &message.edns else { return Vec::new() };
    let options = edns.options().get_all(EdnsCode::from(EXTENDED_ERROR));
    let errors = options.into_iter().filter_map(|option| match option {
        EdnsOption::Unknown(EXTENDED_ERROR, octets) => {
            let (code, text) = octets.split_first_chunk::<2>()?;
            Some(ExtendedError { code: u16::from_be_bytes(*code), text: printable(text) })
        }
        _ => None,
    });
    errors.take(MOST_ERRORS).collect()
}

fn nsid(option: &EdnsOption) -> Option<String> {
    let EdnsOption::NSID(payload) = option else { return None };
    let octets = payload.as_ref();
    let is_text = octets.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ');
    match octets {
        [] => None,
        _ if is_text => Some(printable(octets)),
        _ => Some(octets.iter().map(|octet| format!("{octet:02x}")).collect()),
    }
}

/// What comes from the network goes to terminals: no control characters.
fn printable(octets: &[u8]) -> String {
    let text = String::from_utf8_lossy(octets);
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn negative_ttl(record: &Record) -> Option<u32> {
    match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
