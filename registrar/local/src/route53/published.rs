//! The contents of a hosted zone as name servers see them, at the time they see them.
//!
//! A change becomes visible some time after it was accepted, and a lagging server shows an older state
//! still, so the last states are kept. Unchanged names are shared between states. Which of several
//! record sets answers a query is not decided here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use registrar_core::Timestamp;
use registrar_core::ids::HostedZoneId;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};

type RecordsOfName = Arc<[Arc<RecordSet>]>;

/// What a name server serves: one state of one hosted zone.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedZone {
    id: HostedZoneId,
    origin: RecordName,
    names: BTreeMap<Arc<RecordName>, RecordsOfName>,
}

impl PublishedZone {
    /// Collects a state from record sets, whatever they are.
    #[must_use]
    pub fn new(id: HostedZoneId, origin: RecordName, records: impl IntoIterator<Item = RecordSet>) -> Self {
        let mut by_name: BTreeMap<RecordName, Vec<Arc<RecordSet>>> = BTreeMap::new();
        for record in records {
            by_name.entry(record.name.clone()).or_default().push(Arc::new(record));
        }
        let names = by_name.into_iter().map(|(name, records)| (Arc::new(name), records.into()));
        Self { id, origin, names: names.collect() }
    }

    /// Returns the id of the hosted zone.
    #[must_use]
    pub fn id(&self) -> &HostedZoneId {
        &self.id
    }

    /// Returns the name of the hosted zone.
    #[must_use]
    pub fn origin(&self) -> &RecordName {
        &self.origin
    }

    /// Returns the record sets of one name, of every type.
    pub fn at_name(&self, name: &RecordName) -> impl Iterator<Item = &RecordSet> {
        self.names.get(name).into_iter().flat_map(|records| records.iter()).map(AsRef::as_ref)
    }

    /// Returns the record sets of one name and type.
    pub fn set(&self, name: &RecordName, r#type: &RecordType) -> impl Iterator<Item = &RecordSet> {
        self.at_name(name).filter(move |record| record.r#type == *r#type)
    }

    /// Says whether the name exists: it has record sets, or stands above a name that has (RFC 8020).
    #[must_use]
    pub fn exists(&self, name: &RecordName) -> bool {
        let mut following = self.names.range::<RecordName, _>((Bound::Included(name), Bound::Unbounded));
        following.next().is_some_and(|(found, _)| found.is_within(name))
    }

    /// Returns this state with every record set as `edit` makes it; `None` leaves one out.
    pub(crate) fn map_records(&self, edit: impl Fn(&RecordSet) -> Option<RecordSet>) -> Self {
        let records = self.names.values().flat_map(|records| records.iter());
        let edited = records.filter_map(|record| edit(record));
        Self::new(self.id.clone(), self.origin.clone(), edited)
    }

    /// Returns this state with the given names as `current` has them now.
    fn with<'a>(
        &self,
        changed: &BTreeSet<RecordName>,
        current: impl Fn(&RecordName) -> Vec<Arc<RecordSet>> + 'a,
    ) -> Self {
        let mut next = self.clone();
        for name in changed {
            let records = current(name);
            if records.is_empty() {
                next.names.remove(name);
            } else {
                next.names.insert(Arc::new(name.clone()), records.into());
            }
        }
        next
    }
}

/// The last states of one hosted zone, each with the time at which it became visible.
#[derive(Clone, Debug)]
pub(crate) struct History {
    /// Oldest first.
    older: VecDeque<(Timestamp, Arc<PublishedZone>)>,
    newest: (Timestamp, Arc<PublishedZone>),
    limit: usize,
}

impl History {
    /// Begins with a state that was always there, and keeps at most `limit` older ones.
    pub(crate) fn new(first: PublishedZone, limit: usize) -> Self {
        Self { older: VecDeque::new(), newest: (Timestamp::MIN, Arc::new(first)), limit }
    }

    /// Adds the state after a change that is seen from `visible_at` on.
    pub(crate) fn push(
        &mut self,
        visible_at: Timestamp,
        changed: &BTreeSet<RecordName>,
        current: impl Fn(&RecordName) -> Vec<Arc<RecordSet>>,
    ) {
        let visible_at = visible_at.max(self.newest.0);
        let next = Arc::new(self.newest.1.with(changed, current));
        let previous = std::mem::replace(&mut self.newest, (visible_at, next));
        if previous.0 < visible_at {
            self.older.push_back(previous);
        }
        while self.older.len() > self.limit {
            self.older.pop_front();
        }
    }

    /// Returns the newest state that was visible at `as_of`, or the oldest that is still kept.
    pub(crate) fn as_of(&self, as_of: Timestamp) -> Arc<PublishedZone> {
        if self.newest.0 <= as_of {
            return Arc::clone(&self.newest.1);
        }
        let visible = self.older.iter().rev().find(|(visible_at, _)| *visible_at <= as_of);
        let (_, state) = visible.or(self.older.front()).unwrap_or(&self.newest);
        Arc::clone(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> RecordName {
        text.parse().unwrap()
    }

    fn record(owner: &str, address: &str) -> RecordSet {
        RecordSet::simple(name(owner), RecordType::A, 20, vec![address.to_owned()])
    }

    fn state(records: Vec<RecordSet>) -> PublishedZone {
        PublishedZone::new("Z1".parse().unwrap(), name("example.com"), records)
    }

    #[test]
    fn a_name_above_a_record_set_exists() {
        let zone =
            state(vec![record("a.b.example.com", "192.0.2.1"), record("b-c.example.com", "192.0.2.2")]);
        for present in ["example.com", "b.example.com", "a.b.example.com", "b-c.example.com"] {
            assert!(zone.exists(&name(present)), "{present}");
        }
        for absent in ["c.example.com", "x.a.b.example.com", "xa.b.example.com", "example.net"] {
            assert!(!zone.exists(&name(absent)), "{absent}");
        }
    }

    #[test]
    fn the_history_answers_as_of_a_time_and_forgets_the_oldest_states() {
        let second = |count| Timestamp::from_second(count).unwrap();
        let mut history = History::new(state(vec![]), 2);
        for count in 1..=4 {
            let current =
                |_: &RecordName| vec![Arc::new(record("a.example.com", &format!("192.0.2.{count}")))];
            history.push(second(count * 10), &BTreeSet::from([name("a.example.com")]), current);
        }
        let seen = |at: i64| {
            let zone = history.as_of(second(at));
            zone.at_name(&name("a.example.com")).flat_map(RecordSet::addresses).next().unwrap().octets()[3]
        };
        assert_eq!([seen(100), seen(40), seen(39), seen(29)], [4, 4, 3, 2]);
        assert_eq!(seen(0), 2, "the oldest state that is kept stands in for what is forgotten");
    }
}
