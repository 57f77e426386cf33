//! What was seen of one resolver, and what its cache does to the name.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use registrar_core::Timestamp;
use serde::Serialize;

use super::{AddressVerdict, milliseconds};
use crate::staleness::Sign;

/// What was seen of one resolver.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverReport {
    /// The resolver, as it was named.
    pub resolver: String,
    /// Questions that it was asked.
    pub asked: u64,
    /// Those that it answered, with addresses or with their absence.
    pub answered: u64,
    /// Independent draws behind the answers: one for each generation of its cache.
    pub draws: u64,
    /// Why there was no reply, and how often.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub failures: BTreeMap<String, u64>,
    /// The addresses that it answered, in order.
    pub answers: Vec<ResolverAnswer>,
    /// The TTL of the authority, in seconds, where it was seen.
    pub authority_ttl_secs: Option<u32>,
    /// The highest TTL that it answered, in seconds.
    pub highest_ttl_secs: Option<u32>,
    /// The lowest TTL that it answered, in seconds.
    pub lowest_ttl_secs: Option<u32>,
    /// Extended errors (RFC 8914) that it added, by code.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub extended_errors: BTreeMap<u16, u64>,
    /// Which of its machines answered, where they say it (RFC 5001).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nsids: Vec<String>,
    /// What its cache does to the name: stretches, clamps or serves stale, by its stable name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub habits: Vec<String>,
    /// What shows these habits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signs: Vec<Sign>,
    /// Caches behind its address, at least: so many entries lived side by side.
    pub caches_at_least: u64,
    /// The least TTL that it is set to, in seconds, or more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_ttl_at_least_secs: Option<u32>,
    /// The highest TTL that it is set to, in seconds, where that is below the authority's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_ttl_secs: Option<u32>,
    /// Addresses that it answered after the authority had stopped answering them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stale: Vec<StaleInterval>,
    /// Every reply, in order; a bounded number of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sightings: Vec<Sighting>,
}

/// One address at one resolver.
#[derive(Clone, Debug, Serialize)]
pub struct ResolverAnswer {
    /// The address.
    pub address: Ipv4Addr,
    /// Replies that hold it.
    pub count: u64,
    /// Whether it should be there.
    pub verdict: AddressVerdict,
}

/// How long a resolver answered an address that was gone: never a moment, always between two bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaleInterval {
    /// The address.
    pub address: Ipv4Addr,
    /// When the authority was last seen to answer it, where it ever was.
    pub last_valid_at: Option<Timestamp>,
    /// When the authority was first seen not to answer it any more.
    pub gone_by: Timestamp,
    /// When the resolver last answered it.
    pub last_answered_at: Timestamp,
    /// Stale for at least so long, in seconds, beyond what the TTL allows.
    pub at_least_secs: u64,
    /// Stale for so long at most, in seconds, beyond what the TTL allows, where that is known.
    pub at_most_secs: Option<u64>,
}

/// One reply of a resolver.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sighting {
    /// When it came, since the check began.
    #[serde(rename = "at_ms", serialize_with = "milliseconds")]
    pub at: Duration,
    /// The addresses with their TTLs in seconds.
    pub addresses: BTreeMap<Ipv4Addr, u32>,
    /// From the query to the reply.
    #[serde(rename = "rtt_ms", serialize_with = "milliseconds")]
    pub rtt: Duration,
    /// Whether the resolver itself calls it stale (extended errors 3 and 19).
    pub says_stale: bool,
}
