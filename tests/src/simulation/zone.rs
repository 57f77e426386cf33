//! Reads what a pool has published off the records of a hosted zone.
//!
//! It knows the marks from the design's text alone and shares no code with the core's own reading.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};

use super::{ORIGIN, known};

/// The deployment of every edge in the tests.
pub(crate) const DEPLOYMENT: &str = "default";

/// What is published for one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub address: Option<Ipv4Addr>,
    /// The weight, for weighted records.
    pub weight: Option<u8>,
}

/// What one pool has published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// By instance, whose id is kept as text.
    pub entries: BTreeMap<String, Entry>,
    /// The record that serves when nothing else does.
    pub fallback: Option<RecordSet>,
    /// Every record set that the pool owns.
    pub owned: Vec<RecordSet>,
}

impl Published {
    /// Reads what `pool` has published.
    #[must_use]
    pub fn read(pool: &PoolName, records: &[RecordSet]) -> Self {
        let mut published = Self::default();
        let prefix = format!("registrar/{DEPLOYMENT}/{pool}/");
        for record in records {
            let Some(id) = record.set_identifier.as_ref().and_then(|text| text.strip_prefix(&prefix)) else {
                continue;
            };
            published.owned.push(record.clone());
            if id == "fallback" {
                published.fallback = Some(record.clone());
            } else {
                let entry = Entry { address: record.addresses().next(), weight: record.weight };
                published.entries.insert(id.to_owned(), entry);
            }
        }
        published.read_simple(pool, &prefix, records);
        published
    }

    fn read_simple(&mut self, pool: &PoolName, prefix: &str, records: &[RecordSet]) {
        let (name, texts_name) = (pool_record(pool), owner_record(pool));
        let texts = records.iter().find(|record| record.name == texts_name);
        let Some(texts) = texts.filter(|record| record.r#type == RecordType::Txt) else { return };
        let ours: BTreeMap<&str, &str> = texts
            .values()
            .filter_map(|text| text.trim_matches('"').strip_prefix(prefix)?.split_once('='))
            .collect();
        if ours.is_empty() {
            return;
        }
        self.owned.push(texts.clone());
        let simple = |record: &&RecordSet| {
            record.name == name && record.r#type == RecordType::A && record.set_identifier.is_none()
        };
        let set = records.iter().find(simple);
        let addresses: BTreeSet<Ipv4Addr> = set.iter().flat_map(|set| set.addresses()).collect();
        self.owned.extend(set.cloned());
        for (id, address) in ours {
            let address = address.parse().ok().filter(|address| addresses.contains(address));
            self.entries.entry(id.to_owned()).or_insert(Entry { address, weight: None });
        }
    }
}

/// The name of a pool's records.
pub(crate) fn pool_record(pool: &PoolName) -> RecordName {
    known(&format!("{pool}.{ORIGIN}"))
}

/// The name of the texts beside a pool's simple set.
pub(crate) fn owner_record(pool: &PoolName) -> RecordName {
    known(&format!("registrar-owner.{pool}.{ORIGIN}"))
}

/// Says whether a query for the name finds something.
pub(crate) fn answers(name: &RecordName, records: &[RecordSet]) -> bool {
    records
        .iter()
        .any(|record| record.name == *name && matches!(record.r#type, RecordType::A | RecordType::Cname))
}
