//! Follows one resolver: since when its cache holds what the name servers answer after the change.
//!
//! An answer with *t* seconds left was drawn at the earliest when *t* was the longest TTL that the resolver has given.
//! Where that is after the last name server had changed, the answer is a new one, whichever of the addresses it holds;
//! and an address that can only be new is new at any time. A TTL that is above the authority's, 0, or called stale by the
//! resolver itself proves nothing.

use std::net::Ipv4Addr;

use registrar_core::{SignedDuration, Timestamp};

use super::track::{Edge, Seen};
use crate::resolver::ResolverReply;

/// Caches round TTLs to whole seconds, up or down, and one that asks another one does so once more.
const ROUNDING_SECS: i64 = 2;

/// Follows one resolver.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    longest_ttl_secs: u32,
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    /// The last answer that was not known to be new.
    old_at: Option<Timestamp>,
    /// The last answer with an address that should be gone.
    pub(crate) last_old_at: Option<Timestamp>,
    pub(crate) edge: Option<Edge>,
    pub(crate) flaps: u32,
    pub(crate) failure: Option<String>,
}

/// What an answer is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Against<'a> {
    /// Addresses that should be gone, and that should be there.
    pub(crate) gone: &'a [Ipv4Addr],
    pub(crate) there: &'a [Ipv4Addr],
    /// The name servers' TTL, where one was seen, in seconds.
    pub(crate) ttl_secs: Option<u32>,
    /// When the last name server had changed, if it has.
    pub(crate) changed_by: Option<Timestamp>,
}

impl Cache {
    pub(crate) fn fail(&mut self, why: String) {
        self.asked += 1;
        self.failure = Some(why);
    }

    /// Takes an answer.
    pub(crate) fn note(&mut self, reply: &ResolverReply, against: Against<'_>, at: Timestamp) {
        self.asked += 1;
        self.answered += 1;
        self.failure = None;
        let ttl = reply.addresses.values().copied().min();
        self.longest_ttl_secs =
            self.longest_ttl_secs.max(ttl.unwrap_or(0)).max(against.ttl_secs.unwrap_or(0));
        let is_old = against.gone.iter().any(|address| reply.addresses.contains_key(address));
        if is_old {
            self.last_old_at = Some(at);
        }
        let is_new =
            !is_old && (self.can_only_be_new(reply, against) || self.is_fresh(reply, ttl, against, at));
        match (is_new, self.edge) {
            (true, None) => self.edge = Some(Edge { after: self.old_at, by: at }),
            (false, Some(_)) if is_old => {
                (self.edge, self.flaps) = (None, self.flaps + 1);
            }
            (true | false, _) => {}
        }
        if !is_new && self.edge.is_none() {
            self.old_at = Some(at);
        }
    }

    /// Says whether its answers are new ones.
    pub(crate) fn seen(&self) -> Seen {
        match (self.edge, self.answered) {
            (Some(_), _) => Seen::Yes,
            (None, 0) => Seen::Unknown,
            (None, _) => Seen::NotYet,
        }
    }

    /// An address that was not answered before the change.
    fn can_only_be_new(&self, reply: &ResolverReply, against: Against<'_>) -> bool {
        against.there.iter().any(|address| reply.addresses.contains_key(address))
    }

    fn is_fresh(&self, reply: &ResolverReply, ttl: Option<u32>, against: Against<'_>, at: Timestamp) -> bool {
        let (Some(authority), Some(changed_by)) = (against.ttl_secs, against.changed_by) else {
            return false;
        };
        let ttl = match ttl {
            Some(ttl) => ttl,
            // Without an address there is none to be old.
            None => return reply.rcode.is_answer() && !reply.says_stale(),
        };
        let proves_nothing = reply.says_stale() || ttl > authority || (ttl == 0 && authority > 0);
        let age =
            SignedDuration::from_secs(i64::from(self.longest_ttl_secs.saturating_sub(ttl)) + ROUNDING_SECS);
        let drawn_at = at.checked_sub(age).unwrap_or(Timestamp::MIN);
        !proves_nothing && drawn_at >= changed_by
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::fixtures::{STARTED_AT, address};
    use crate::resolver::Transport;
    use crate::wire::Rcode;

    fn at(secs: i64) -> Timestamp {
        STARTED_AT.checked_add(SignedDuration::from_secs(secs)).unwrap()
    }

    fn reply(last: u8, ttl_secs: u32) -> ResolverReply {
        ResolverReply {
            rcode: Rcode::NO_ERROR,
            addresses: BTreeMap::from([(address(last), ttl_secs)]),
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

    const GONE: [Ipv4Addr; 1] = [Ipv4Addr::new(192, 0, 2, 9)];

    fn against(changed_by: Option<i64>) -> Against<'static> {
        Against { gone: &GONE, there: &[], ttl_secs: Some(20), changed_by: changed_by.map(at) }
    }

    #[test]
    fn an_answer_that_was_drawn_after_the_change_is_new() {
        let mut cache = Cache::default();
        cache.note(&reply(9, 15), against(None), at(5));
        // It may have been drawn before the change at second 10.
        cache.note(&reply(1, 15), against(Some(10)), at(15));
        assert_eq!((cache.seen(), cache.last_old_at), (Seen::NotYet, Some(at(5))));
        cache.note(&reply(1, 19), against(Some(10)), at(30));
        assert_eq!(cache.edge, Some(Edge { after: Some(at(15)), by: at(30) }));
        cache.note(&reply(1, 10), against(Some(10)), at(39));
        assert_eq!((cache.seen(), cache.flaps), (Seen::Yes, 0));
    }

    #[test]
    fn an_old_address_after_a_new_one_begins_again() {
        let mut cache = Cache::default();
        cache.note(&reply(1, 20), against(Some(0)), at(30));
        cache.note(&reply(9, 3), against(Some(0)), at(31));
        assert_eq!((cache.seen(), cache.flaps), (Seen::NotYet, 1));
    }

    #[test]
    fn a_stretched_or_stale_answer_proves_nothing() {
        let mut cache = Cache::default();
        for ttl_secs in [30, 0, 120] {
            cache.note(&reply(1, ttl_secs), against(Some(0)), at(100));
        }
        assert_eq!(cache.seen(), Seen::NotYet);
        // Of 120 seconds 20 are left: it may be 100 seconds old.
        cache.note(&reply(1, 20), against(Some(50)), at(120));
        assert_eq!(cache.seen(), Seen::NotYet);
    }

    #[test]
    fn a_new_address_is_new_whatever_its_ttl_says() {
        let mut cache = Cache::default();
        let there = [address(1)];
        cache.note(&reply(1, 300), Against { there: &there, ..against(None) }, at(1));
        assert_eq!(cache.edge, Some(Edge { after: None, by: at(1) }));
    }
}
