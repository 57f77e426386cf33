//! Answers that are kept, and how old they are.
//!
//! What becomes of an answer that has expired is decided elsewhere. Times are the caller's.

use std::collections::BTreeMap;

use hickory_proto::rr::{Record, RecordType as WireType};
use registrar_core::Timestamp;
use registrar_core::name::RecordName;

use super::faults::ResolverFaults;
use crate::dns::lookup::Response;

/// How many answers a cache keeps before it begins anew: names that nobody serves must not fill memory.
const MOST_ENTRIES: usize = 10_000;

/// What an answer is kept under.
pub(super) type Key = (RecordName, WireType);

/// One cache.
#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<Key, Entry>);

#[derive(Debug)]
struct Entry {
    /// The answer, each record with the TTL that it is kept for.
    response: Response,
    since: Timestamp,
    lifetime_secs: u32,
}

/// What a cache has.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    Nothing,
    /// An answer whose TTLs have run down since it was kept.
    Fresh(Response),
    /// An answer that has expired so many seconds ago.
    Expired(Response, u32),
}

impl Cache {
    /// Looks for an answer.
    pub(super) fn find(&self, key: &Key, now: Timestamp) -> Found {
        let Some(Entry { response, since, lifetime_secs }) = self.0.get(key) else { return Found::Nothing };
        // A clock that went back makes nothing younger than it was.
        let age_secs = u32::try_from(now.duration_since(*since).as_secs().max(0)).unwrap_or(u32::MAX);
        let mut response = response.clone();
        match age_secs.checked_sub(*lifetime_secs) {
            Some(expired_secs) => Found::Expired(response, expired_secs),
            None => {
                for record in records(&mut response) {
                    record.ttl = record.ttl.saturating_sub(age_secs);
                }
                Found::Fresh(response)
            }
        }
    }

    /// Keeps an answer for as long as its TTLs and the faults say: that of its shortest-lived record.
    pub(super) fn keep(&mut self, key: Key, mut response: Response, now: Timestamp, faults: &ResolverFaults) {
        for record in records(&mut response) {
            record.ttl = faults.kept_secs(record.ttl);
        }
        let lifetime_secs = records(&mut response).map(|record| record.ttl).min().unwrap_or_default();
        if lifetime_secs == 0 {
            return;
        }
        if self.0.len() >= MOST_ENTRIES {
            self.0.clear();
        }
        self.0.insert(key, Entry { response, since: now, lifetime_secs });
    }
}

/// Returns the records that say how long an answer may be kept.
pub(super) fn records(response: &mut Response) -> impl Iterator<Item = &mut Record> {
    response.answers.iter_mut().chain(&mut response.authorities)
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::ResponseCode;
    use hickory_proto::rr::rdata::A;
    use hickory_proto::rr::{Name, RData};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(name: &str) -> Key {
        (name.parse().unwrap(), WireType::A)
    }

    fn response(ttls: &[u32]) -> Response {
        let record = |ttl: &u32| Record::from_rdata(Name::root(), *ttl, RData::A(A::new(192, 0, 2, 1)));
        Response { answers: ttls.iter().map(record).collect(), ..Response::refusal(ResponseCode::NoError) }
    }

    #[test]
    fn ttls_run_down_and_the_shortest_ends_the_answer() {
        let mut cache = Cache::default();
        let wanted = key("video.example.com");
        assert_eq!(cache.find(&wanted, at(100)), Found::Nothing);
        cache.keep(wanted.clone(), response(&[20, 60]), at(100), &ResolverFaults::default());
        assert_eq!(cache.find(&wanted, at(100)), Found::Fresh(response(&[20, 60])));
        assert_eq!(cache.find(&wanted, at(119)), Found::Fresh(response(&[1, 41])));
        assert_eq!(cache.find(&wanted, at(120)), Found::Expired(response(&[20, 60]), 0));
        assert_eq!(cache.find(&wanted, at(125)), Found::Expired(response(&[20, 60]), 5));
        assert_eq!(cache.find(&wanted, at(90)), Found::Fresh(response(&[20, 60])));
        assert_eq!(cache.find(&(wanted.0, WireType::AAAA), at(100)), Found::Nothing);
    }

    #[test]
    fn what_has_no_ttl_is_not_kept() {
        let mut cache = Cache::default();
        for (name, ttls) in [("zero.example.com", &[0, 20][..]), ("empty.example.com", &[])] {
            cache.keep(key(name), response(ttls), at(100), &ResolverFaults::default());
            assert_eq!(cache.find(&key(name), at(100)), Found::Nothing, "{name}");
        }
    }

    #[test]
    fn a_full_cache_begins_anew() {
        let mut cache = Cache::default();
        for n in 0..=MOST_ENTRIES {
            cache.keep(
                key(&format!("{n}.example.com")),
                response(&[20]),
                at(100),
                &ResolverFaults::default(),
            );
        }
        assert_eq!(cache.0.len(), 1);
        assert!(matches!(cache.find(&key(&format!("{MOST_ENTRIES}.example.com")), at(100)), Found::Fresh(_)));
    }
}
