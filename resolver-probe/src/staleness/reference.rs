//! Whether a resolver may answer an address at a certain time: everything that says what was valid, and when.
//!
//! An answer is right if the authority gave the address at any time within the TTL before. What was valid is known
//! from this run's own samples, from the answer history, and from the fleet. What is not known to be gone is
//! never called stale.

use std::net::Ipv4Addr;
use std::time::Duration;

use registrar_core::{SignedDuration, Timestamp};

use super::Authority;
use crate::history::History;
use crate::report::StaleInterval;
use crate::truth::{self, Truth};

/// Caches round TTLs to whole seconds, and those behind other caches do so once more.
const ROUNDING: SignedDuration = SignedDuration::from_secs(2);

/// What is known about the name apart from its resolvers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference<'a> {
    pub(crate) authority: &'a Authority,
    pub(crate) truth: Option<&'a Truth>,
    pub(crate) history: Option<&'a History>,
    /// When the run began.
    pub(crate) started_at: Timestamp,
}

/// How an address stands that a resolver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The authority answers it, or should.
    Valid,
    /// The authority has stopped answering it.
    Gone(Gone),
    /// No server was seen to answer it, and that proves nothing.
    Unproven,
}

/// When an address went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    /// When the authority was last seen to answer it.
    pub(crate) last_valid_at: Option<Timestamp>,
    /// By when it certainly did not any more.
    pub(crate) by: Timestamp,
    /// For how many seconds a cache may keep it.
    pub(crate) ttl_secs: u32,
}

impl Reference<'_> {
    /// Returns the time of day of something that happened so long after the run began.
    pub(crate) fn at(&self, since: Duration) -> Timestamp {
        let since = SignedDuration::try_from(since).unwrap_or(SignedDuration::MAX);
        self.started_at.saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    /// Returns the longest TTL that an honest cache can have, in seconds: the authority's now, or one before that has
    /// not run out yet.
    pub(crate) fn ttl_secs(&self) -> Option<u32> {
        let before = self.history.and_then(|history| history.ttl_secs_in_caches(self.started_at));
        self.authority.ttl_secs().max(before)
    }

    /// Says how an address stands.
    pub(crate) fn standing(&self, address: Ipv4Addr) -> Standing {
        let should_be = self.truth.is_some_and(|truth| {
            matches!(truth.standing(address), truth::Standing::Expected(_) | truth::Standing::Fallback)
        });
        if should_be {
            return Standing::Valid;
        }
        match self.authority.last_seen(address) {
            Some(last) => self.gone_in_this_run(address, last),
            None => self.gone_before(address),
        }
    }

    fn gone_in_this_run(&self, address: Ipv4Addr, last_seen: Duration) -> Standing {
        match (self.authority.gone_by(address), self.ttl_secs()) {
            (Some(by), Some(ttl_secs)) => {
                Standing::Gone(Gone { last_valid_at: Some(self.at(last_seen)), by: self.at(by), ttl_secs })
            }
            (None, _) | (_, None) => Standing::Valid,
        }
    }

    fn gone_before(&self, address: Ipv4Addr) -> Standing {
        let presence = self.history.and_then(|history| history.of(address));
        let watched = self.history.filter(|history| history.is_watched_at(self.started_at));
        let gone_by = match presence {
            Some(presence) => watched.and(presence.gone_by),
            // What was never answered while somebody watched was not valid from when the watcher knew the name.
            None => watched.and_then(History::known_since),
        };
        let by = gone_by.or_else(|| self.authority.gone_by(address).map(|by| self.at(by)));
        let ttl_secs = self.ttl_secs().max(presence.and_then(|presence| presence.ttl_secs));
        match (by, ttl_secs) {
            (Some(by), Some(ttl_secs)) => {
                let last_valid_at = presence.and_then(|presence| presence.last_valid_at);
                Standing::Gone(Gone { last_valid_at, by, ttl_secs })
            }
            (None, _) | (_, None) => Standing::Unproven,
        }
    }
}

impl Gone {
    /// Returns the last time at which an honest cache may answer the address.
    pub(crate) fn allowed_until(&self) -> Timestamp {
        self.kept_from(self.by).saturating_add(ROUNDING).unwrap_or(Timestamp::MAX)
    }

    /// Returns how long an answer at this time was stale, where it was.
    pub(crate) fn interval(&self, address: Ipv4Addr, answered_at: Timestamp) -> Option<StaleInterval> {
        if answered_at <= self.allowed_until() {
            return None;
        }
        Some(self.at_least(address, answered_at))
    }

    /// Returns the same where the resolver says itself that the answer is stale: then it was for some time.
    pub(crate) fn at_least(&self, address: Ipv4Addr, answered_at: Timestamp) -> StaleInterval {
        let since = |from: Timestamp| {
            let seconds = answered_at.duration_since(self.kept_from(from)).as_secs();
            u64::try_from(seconds).unwrap_or(0).max(1)
        };
        StaleInterval {
            address,
            last_valid_at: self.last_valid_at,
            gone_by: self.by,
            last_answered_at: answered_at,
            at_least_secs: since(self.by),
            // Rounded up, so that the truth lies between the two.
            at_most_secs: self.last_valid_at.map(|last| since(last).saturating_add(1)),
        }
    }

    fn kept_from(&self, at: Timestamp) -> Timestamp {
        at.saturating_add(SignedDuration::from_secs(self.ttl_secs.into())).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NAME, STARTED_AT, address, observation, server, truth};
    use crate::history::HistoryLine;
    use crate::staleness::testing::secs;

    fn at(secs: i64) -> Timestamp {
        STARTED_AT + SignedDuration::from_secs(secs)
    }

    /// What one server was seen to answer for 100 s, up to `until` seconds after the run began.
    fn history(vanished: &[u8], until: i64) -> History {
        let all = |last: &[u8]| last.iter().map(|last| address(*last)).collect::<Vec<_>>();
        let name = || NAME.parse().unwrap();
        let mut history = History::default();
        let line = |at, appeared: &[u8], vanished: &[u8]| {
            HistoryLine::change(at, name(), server(1), all(appeared), all(vanished), Some(20))
        };
        history.add(&line(at(until - 100), &[1, 8, 9], &[]));
        history.add(&line(at(until - 50), &[], vanished));
        history.add(&HistoryLine::watching(at(until), name(), server(1), all(&[1]), Some(20)));
        history
    }

    fn standing(
        authority: &Authority,
        history: Option<&History>,
        truth: Option<&Truth>,
        last: u8,
    ) -> Standing {
        Reference { authority, truth, history, started_at: STARTED_AT }.standing(address(last))
    }

    fn gone(last_valid: Option<i64>, by: i64) -> Standing {
        Standing::Gone(Gone { last_valid_at: last_valid.map(at), by: at(by), ttl_secs: 20 })
    }

    #[test]
    fn what_the_authority_answers_is_valid_and_what_it_does_not_is_gone_by_now() {
        let authority = Authority::sampled(&[observation(1, &[(1, 150)])], secs(1), None);
        assert_eq!(standing(&authority, None, None, 1), Standing::Valid);
        assert_eq!(standing(&authority, None, None, 9), gone(None, 1));
        let few = Authority::sampled(&[observation(1, &[(1, 10)])], secs(1), None);
        assert_eq!(standing(&few, None, None, 9), Standing::Unproven);
        assert_eq!(standing(&Authority::default(), None, None, 9), Standing::Unproven);
    }

    #[test]
    fn the_history_knows_since_when_it_is_gone() {
        let authority = Authority::sampled(&[observation(1, &[(1, 150)])], secs(1), None);
        let watched = history(&[9], 0);
        assert_eq!(standing(&authority, Some(&watched), None, 9), gone(Some(-100), -50));
        // It was still answered when it was last watched.
        assert_eq!(standing(&authority, Some(&watched), None, 8), gone(Some(-100), 1));
        // A history that ended too long ago says when it was valid, and not that it did not come back.
        let ended = history(&[9], -121);
        assert_eq!(standing(&authority, Some(&ended), None, 9), gone(Some(-221), 1));
    }

    #[test]
    fn what_was_never_answered_while_somebody_watched_was_never_valid() {
        let authority = Authority::sampled(&[observation(1, &[(1, 150)])], secs(1), None);
        let known = history(&[9], 0).known_since().unwrap();
        assert_eq!(known, at(-40));
        assert_eq!(standing(&authority, Some(&history(&[9], 0)), None, 66), gone(None, -40));
    }

    #[test]
    fn what_should_be_answered_is_not_stale_wherever_it_is() {
        let authority = Authority::sampled(&[observation(1, &[(1, 150)])], secs(1), None);
        let truth = truth("", &[("i-9", "192.0.2.9", "running", "100")]);
        assert_eq!(standing(&authority, Some(&history(&[9], 0)), Some(&truth), 9), Standing::Valid);
    }

    #[test]
    fn an_answer_is_stale_only_beyond_the_ttl_and_between_two_bounds() {
        let gone = Gone { last_valid_at: Some(at(-70)), by: at(-50), ttl_secs: 20 };
        assert_eq!(gone.allowed_until(), at(-28));
        assert_eq!(gone.interval(address(9), at(-28)), None);
        let interval = gone.interval(address(9), at(10)).unwrap();
        assert_eq!((interval.at_least_secs, interval.at_most_secs), (40, Some(61)));
        let unknown = Gone { last_valid_at: None, ..gone };
        assert_eq!(unknown.interval(address(9), at(-20)).unwrap().at_most_secs, None);
        // Never for 0 s: what says that it is stale is so for some time.
        assert_eq!(gone.at_least(address(9), at(-45)).at_least_secs, 1);
    }
}
