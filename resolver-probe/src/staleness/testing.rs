//! Replies and series for the unit tests of staleness.
//!
//! They are written down, and not asked for.

use std::time::Duration;

use super::{Asked, Series};
use crate::fixtures::address;
use crate::resolver::{ExtendedError, ResolverFailure, ResolverReply, Transport};
use crate::wire::Rcode;

pub(crate) fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A resolver's reply with 192.0.2.n and TTLs.
pub(crate) fn resolved(addresses: &[(u8, u32)]) -> ResolverReply {
    ResolverReply {
        rcode: Rcode::NO_ERROR,
        addresses: addresses.iter().map(|(last, ttl)| (address(*last), *ttl)).collect(),
        alias: None,
        authoritative: false,
        recursion_available: true,
        authentic: false,
        truncated: false,
        extended_errors: Vec::new(),
        nsid: None,
        ecs_scope: None,
        negative_ttl_secs: None,
        unrelated: 0,
        transport: Transport::Udp,
        rtt: Duration::from_millis(1),
    }
}

pub(crate) fn authoritative(addresses: &[(u8, u32)]) -> ResolverReply {
    ResolverReply { authoritative: true, recursion_available: false, ..resolved(addresses) }
}

pub(crate) fn empty(rcode: u16) -> ResolverReply {
    ResolverReply { rcode: Rcode(rcode), ..resolved(&[]) }
}

impl ResolverReply {
    /// Lets the resolver call the answer stale.
    pub(crate) fn said_to_be_stale(mut self) -> Self {
        self.extended_errors.push(ExtendedError { code: 3, text: String::new() });
        self
    }

    pub(crate) fn after(self, rtt: Duration) -> Self {
        Self { rtt, ..self }
    }
}

/// A series of replies at these times, in milliseconds.
pub(crate) fn series(replies: impl IntoIterator<Item = (u64, ResolverReply)>) -> Series {
    let mut series = Series::new("192.0.2.53:53".to_owned());
    for (at, reply) in replies {
        series.note(Asked { at: Duration::from_millis(at), outcome: Ok(reply) });
    }
    series
}

/// A series of replies with 192.0.2.1 and these TTLs, a little more than a second apart.
pub(crate) fn ttls(ttls: &[u32]) -> Series {
    series((0..).zip(ttls).map(|(turn, ttl)| (turn * 1_050, resolved(&[(1, *ttl)]))))
}

pub(crate) fn failed(mut series: Series, times: usize, failure: &ResolverFailure) -> Series {
    for _ in 0..times {
        series.note(Asked { at: Duration::ZERO, outcome: Err(failure.clone()) });
    }
    series
}
