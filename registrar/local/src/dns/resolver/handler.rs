//! Answers requests as a resolver, from its caches or from the name servers.
//!
//! What is kept and for how long is elsewhere, and so is what a name server answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hickory_proto::op::{Query, ResponseCode};
use hickory_server::server::Request;
use rand::Rng;
use rand::rngs::StdRng;
use registrar_core::Timestamp;

use super::cache::{Cache, Found, Key, records};
use super::faults::{ResolverFaults, ResolverFaultsHandle, ServeStale, StaleWhen};
use crate::dns::faults::{ede, seeded};
use crate::dns::lookup::Response;
use crate::dns::message::{Reply, refusal};
use crate::dns::rdata;
use crate::dns::server::Authority;
use crate::dns::source::Clock;
use crate::dns::transport::{Delivery, Responder};

/// What the sockets of one resolver share.
pub(super) struct Handler {
    authorities: Vec<Authority>,
    clock: Clock,
    faults: ResolverFaultsHandle,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    caches: Vec<Cache>,
}

/// An answer, and how it is given.
struct Resolved {
    response: Response,
    ede: Option<u16>,
    after: Duration,
}

impl From<Response> for Resolved {
    fn from(response: Response) -> Self {
        Self { response, ede: None, after: Duration::ZERO }
    }
}

impl Responder for Handler {
    fn respond(&self, request: &Request) -> Delivery {
        let faults = self.faults.get();
        if faults.dead {
            return Delivery::Nothing;
        }
        let Resolved { response, ede: code, after } = self.resolve(&faults, request);
        let mut reply = Reply::new(request, Response { authoritative: false, ..response });
        reply.metadata.recursion_available = true;
        if let (Some(code), Some(edns)) = (code, &mut reply.edns) {
            ede(edns, code);
        }
        Delivery::Message(reply, after)
    }
}

impl Handler {
    pub(super) fn new(
        authorities: Vec<Authority>,
        clock: Clock,
        faults: ResolverFaultsHandle,
        seed: u64,
    ) -> Self {
        let state = State { rng: seeded(seed, "resolver", 0), caches: Vec::new() };
        Self { authorities, clock, faults, state: Mutex::new(state) }
    }

    fn resolve(&self, faults: &ResolverFaults, request: &Request) -> Resolved {
        let query = match (refusal(request), request.queries.queries().first()) {
            (None, Some(query)) => query.original(),
            (code, _) => return Response::refusal(code.unwrap_or(ResponseCode::FormErr)).into(),
        };
        let Some(name) = rdata::record_name(query.name()) else {
            return Response::refusal(ResponseCode::ServFail).into();
        };
        let key = (name, query.query_type());
        let now = (self.clock)();
        let State { rng, caches } = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        caches.resize_with(usize::from(faults.caches.get()), Cache::default);
        let drawn = below(rng, caches.len());
        let Some(cache) = caches.get_mut(drawn) else {
            return Response::refusal(ResponseCode::ServFail).into();
        };
        let mut turn = Turn { handler: self, faults, query, key: &key, now, rng, cache };
        let mut resolved = turn.resolve(request.metadata.recursion_desired);
        // What was kept for one spelling of the name is given for any.
        for record in &mut resolved.response.answers {
            if rdata::record_name(&record.name).as_ref() == Some(&key.0) {
                record.name.clone_from(query.name());
            }
        }
        resolved
    }
}

/// One question to one cache.
struct Turn<'a> {
    handler: &'a Handler,
    faults: &'a ResolverFaults,
    query: &'a Query,
    key: &'a Key,
    now: Timestamp,
    rng: &'a mut StdRng,
    cache: &'a mut Cache,
}

impl Turn<'_> {
    fn resolve(&mut self, recursion_desired: bool) -> Resolved {
        let (response, expired_secs) = match self.cache.find(self.key, self.now) {
            Found::Fresh(response) => return response.into(),
            // Whoever wants no recursion looks what is there, and must not change it.
            Found::Nothing if !recursion_desired => return Response::refusal(ResponseCode::Refused).into(),
            Found::Nothing => return self.fetch_or_fail(),
            Found::Expired(response, expired_secs) => (response, expired_secs),
        };
        let stale = self.faults.serve_stale.as_ref().filter(|stale| expired_secs < stale.for_secs);
        match stale {
            _ if self.faults.never_refresh => given_stale(response, stale),
            Some(ServeStale { when: StaleWhen::Expired, .. }) => {
                let _ = self.fetch();
                given_stale(response, stale)
            }
            Some(ServeStale { when: StaleWhen::Unreachable, .. }) => match self.fetch() {
                Some(fetched) => fetched.into(),
                None => given_stale(response, stale),
            },
            None => self.fetch_or_fail(),
        }
    }

    fn fetch_or_fail(&mut self) -> Resolved {
        self.fetch().unwrap_or_else(|| Response::refusal(ResponseCode::ServFail)).into()
    }

    /// Asks the name servers, from a drawn one on, and keeps what the first one answers.
    fn fetch(&mut self) -> Option<Response> {
        let authorities = &self.handler.authorities;
        let (before, from) = authorities.split_at_checked(below(self.rng, authorities.len()))?;
        let mut response = from.iter().chain(before).find_map(|authority| authority.0.ask(self.query))?;
        self.cache.keep(self.key.clone(), response.clone(), self.now, self.faults);
        if !self.faults.stretch.as_ref().is_some_and(|stretch| stretch.hides_first) {
            for record in records(&mut response) {
                record.ttl = self.faults.kept_secs(record.ttl);
            }
        }
        Some(response)
    }
}

/// Gives an expired answer.
fn given_stale(mut response: Response, stale: Option<&ServeStale>) -> Resolved {
    for record in records(&mut response) {
        record.ttl = stale.map_or(0, |stale| stale.ttl_secs);
    }
    let after = stale.map_or(0, |stale| stale.delay_ms);
    let after = Duration::from_millis(after.into());
    Resolved { response, ede: stale.and_then(|stale| stale.ede), after }
}

/// Draws an index below a small bound; 0 where there is none.
fn below(rng: &mut StdRng, bound: usize) -> usize {
    let draw = usize::try_from(rng.next_u32()).unwrap_or_default();
    draw.checked_rem(bound).unwrap_or_default()
}
