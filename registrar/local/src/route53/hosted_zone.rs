//! The record sets of one hosted zone, as the API has accepted them so far.
//!
//! It finds and replaces record sets; whether it should is for the rules to say.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use registrar_core::Timestamp;
use registrar_core::ids::HostedZoneId;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType, SetKey};

use super::listing::{Cursor, ListingKey, Page};
use super::published::{History, PublishedZone};

/// A hosted zone of the model.
#[derive(Clone, Debug)]
pub(crate) struct HostedZone {
    pub(crate) id: HostedZoneId,
    pub(crate) origin: RecordName,
    pub(crate) records: BTreeMap<ListingKey, Arc<RecordSet>>,
    pub(crate) history: History,
    /// When the last change was accepted.
    pub(crate) last_change_at: Option<Timestamp>,
}

impl HostedZone {
    pub(crate) fn new(
        id: HostedZoneId,
        origin: RecordName,
        records: BTreeMap<ListingKey, Arc<RecordSet>>,
        history_limit: usize,
    ) -> Self {
        let contents = records.values().map(|record| RecordSet::clone(record));
        let published = PublishedZone::new(id.clone(), origin.clone(), contents);
        let history = History::new(published, history_limit);
        Self { id, origin, records, history, last_change_at: None }
    }

    /// Returns the record sets of a name and type.
    pub(crate) fn set(&self, set: &SetKey) -> impl Iterator<Item = &Arc<RecordSet>> + use<'_> {
        let start = ListingKey::start_of_set(set);
        let following = self.records.range(start.clone()..);
        following
            .take_while(move |(key, _)| key.name == start.name && key.r#type == start.r#type)
            .map(|(_, record)| record)
    }

    /// Returns the record sets of a name, of every type.
    pub(crate) fn at_name<'a>(
        &'a self,
        name: &'a RecordName,
    ) -> impl Iterator<Item = &'a Arc<RecordSet>> + 'a {
        self.records
            .range(ListingKey::start_of_name(name)..)
            .take_while(|(key, _)| key.name == *name)
            .map(|(_, record)| record)
    }

    /// Returns up to `size` record sets from `start` on.
    pub(crate) fn page(&self, start: Option<&Cursor>, size: usize) -> Page {
        let from = start.map(ListingKey::from).map_or(Bound::Unbounded, Bound::Included);
        let mut following = self.records.range((from, Bound::Unbounded));
        let records = following.by_ref().take(size).map(|(_, record)| RecordSet::clone(record)).collect();
        Page { records, next: following.next().map(|(key, _)| Cursor::from(key)) }
    }

    /// Returns the start of authority and the name servers that Route 53 gives a new hosted zone.
    ///
    /// TTL 900 and minimum 86400 are Route 53's own (Developer Guide, "NS and SOA records"); the names
    /// are reserved ones (RFC 2606), so that nobody is asked by mistake.
    pub(crate) fn apex_defaults(origin: &RecordName) -> [RecordSet; 2] {
        let servers = (1..=4).map(|number| format!("ns-{number}.registrar-local.test."));
        let soa = "ns-1.registrar-local.test. hostmaster.registrar-local.test. 1 7200 900 1209600 86400";
        [
            RecordSet::simple(origin.clone(), RecordType::Ns, 172_800, servers.collect()),
            RecordSet::simple(origin.clone(), RecordType::Soa, 900, vec![soa.to_owned()]),
        ]
    }
}
