//! What was heard of one resolver, and what its cache does to the name.
//!
//! It keeps its last answers alone, for the picture; what is stale is told from the history of the authority.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

use registrar_core::Timestamp;

use super::event::{ResolverSummary, Standing, Tooth};
use super::server::CLOSED;
use super::trail::Trail;
use crate::history::History;
use crate::judge::finding;
use crate::report::{FindingId, Severity};
use crate::resolver::ResolverExchange;

/// Answers that are kept: a minute and a half of one a second, which is as wide as a terminal.
const TEETH: usize = 90;

/// What was heard of one resolver.
#[derive(Clone, Debug)]
pub(crate) struct ResolverState {
    pub(crate) resolver: String,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) teeth: VecDeque<Tooth>,
    /// Why the last question had no reply.
    pub(crate) failure: Option<String>,
    /// TTLs above the authority's, with the highest of them and the authority's.
    stretched: Option<(u32, u32, Trail)>,
}

impl ResolverState {
    pub(crate) fn new(resolver: String) -> Self {
        Self { resolver, asked: 0, answered: 0, teeth: VecDeque::new(), failure: None, stretched: None }
    }

    /// Takes a question that is over. `authority` is the TTL of the name servers, where it was seen.
    pub(crate) fn note(
        &mut self,
        exchange: &ResolverExchange,
        authority: Option<u32>,
        _history: &History,
        at: Timestamp,
    ) {
        self.asked += 1;
        let reply = match &exchange.outcome {
            Ok(reply) => reply,
            Err(why) => {
                self.failure = Some(why.to_string());
                return;
            }
        };
        self.failure = None;
        self.answered += 1;
        let (highest, lowest) = (reply.addresses.values().max(), reply.addresses.values().min());
        let addresses: Vec<Ipv4Addr> = reply.addresses.keys().copied().collect();
        if self.teeth.len() == TEETH {
            self.teeth.pop_front();
        }
        self.teeth.push_back(Tooth { at, addresses, ttl_secs: lowest.copied().unwrap_or(0) });
        let (Some(highest), Some(authority)) = (highest.copied(), authority) else { return };
        match &mut self.stretched {
            Some((most, of, trail)) => {
                (*most, *of) = ((*most).max(highest), authority);
                trail.note(highest > authority, at);
            }
            None if highest > authority => self.stretched = Some((highest, authority, Trail::new(at))),
            None => {}
        }
    }

    pub(crate) fn forget(&mut self) {
        self.stretched.take_if(|(_, _, trail)| trail.chance_of_gap() <= CLOSED);
    }

    pub(crate) fn standing(&self) -> Vec<Standing> {
        let stretched = self.stretched.iter().map(|(most, authority, trail)| {
            let message = format!(
                "{} answers with a TTL of up to {most} s, and the name servers with {authority} s",
                self.resolver
            );
            let mut found = finding(FindingId::TtlStretched, Severity::Warning, message);
            found.resolver = Some(self.resolver.clone());
            let found = found.with("highest_ttl_secs", u64::from(*most));
            let finding =
                found.with("authority_ttl_secs", u64::from(*authority)).with("count", trail.sightings);
            Standing { finding, since: trail.first_at, last_seen_at: trail.last_at }
        });
        stretched.collect()
    }

    pub(crate) fn summary(&self) -> ResolverSummary {
        ResolverSummary {
            resolver: self.resolver.clone(),
            asked: self.asked,
            answered: self.answered,
            stale_secs: BTreeMap::new(),
            failure: self.failure.clone(),
            sawtooth: self.teeth.iter().cloned().collect(),
        }
    }
}
