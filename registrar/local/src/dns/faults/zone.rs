//! Faults of what a name server knows: it serves a hosted zone that differs from everybody else's.
//!
//! They are edits of a whole state of the hosted zone, so that draws and denials follow from it as usual.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};
use serde::{Deserialize, Serialize};

use super::NameServerFaults;
use crate::route53::PublishedZone;

/// Other weights than the hosted zone's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherWeights {
    /// The name of the record sets.
    pub name: RecordName,
    /// By set identifier or by value: the weight that such a record set has here. Others keep theirs.
    pub weights: BTreeMap<String, u8>,
}

/// An address that is missing from a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HiddenAddress {
    /// The name.
    pub name: RecordName,
    /// The address.
    pub address: Ipv4Addr,
}

impl NameServerFaults {
    /// Says whether it serves another hosted zone than there is.
    pub(super) fn diverges(&self) -> bool {
        !self.weights.is_empty() || !self.hide.is_empty() || self.negative_ttl_secs.is_some()
    }

    /// Returns a hosted zone as this name server knows it.
    pub(super) fn diverged(&self, hosted_zone: &PublishedZone) -> PublishedZone {
        hosted_zone.map_records(|record| {
            let record = self.without_hidden(record.clone())?;
            Some(self.with_negative_ttl(self.with_other_weight(record)))
        })
    }

    fn without_hidden(&self, mut record: RecordSet) -> Option<RecordSet> {
        let here: Vec<String> = self
            .hide
            .iter()
            .filter(|hidden| hidden.name == record.name)
            .map(|hidden| hidden.address.to_string())
            .collect();
        if here.is_empty() || record.r#type != RecordType::A || record.alias_target.is_some() {
            return Some(record);
        }
        record.resource_records.retain(|value| !here.contains(&value.value));
        (!record.resource_records.is_empty()).then_some(record)
    }

    fn with_other_weight(&self, mut record: RecordSet) -> RecordSet {
        for other in self.weights.iter().filter(|other| other.name == record.name) {
            let keys = record.set_identifier.as_deref().into_iter().chain(record.values());
            let weight = keys.filter_map(|key| other.weights.get(key)).next().copied();
            if record.weight.is_some() {
                record.weight = weight.or(record.weight);
            }
        }
        record
    }

    fn with_negative_ttl(&self, mut record: RecordSet) -> RecordSet {
        let Some(ttl_secs) = self.negative_ttl_secs.filter(|_| record.r#type == RecordType::Soa) else {
            return record;
        };
        record.ttl_secs = Some(ttl_secs);
        for value in &mut record.resource_records {
            if let Some((others, _minimum)) = value.value.rsplit_once(' ') {
                value.value = format!("{others} {ttl_secs}");
            }
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route53::testing::{ZONE, simple, weighted};

    fn name(text: &str) -> RecordName {
        text.parse().unwrap()
    }

    fn hosted_zone() -> PublishedZone {
        let soa = "ns.example.net. h.example.net. 1 7200 900 1209600 300";
        let records = [
            simple("example.com", "SOA", &[soa]),
            weighted("video.example.com", "x", "192.0.2.1"),
            weighted("video.example.com", "y", "192.0.2.2"),
            weighted("audio.example.com", "x", "192.0.2.1"),
            simple("www.example.com", "A", &["192.0.2.1", "192.0.2.2"]),
        ];
        PublishedZone::new(ZONE.parse().unwrap(), name("example.com"), records)
    }

    fn weights_of(hosted_zone: &PublishedZone, of: &str) -> Vec<Option<u8>> {
        hosted_zone.set(&name(of), &RecordType::A).map(|record| record.weight).collect()
    }

    #[test]
    fn weights_change_by_identifier_or_address_for_one_name_alone() {
        let weights = BTreeMap::from([("x".to_owned(), 0), ("192.0.2.2".to_owned(), 200)]);
        let other = |of: &str| OtherWeights { name: name(of), weights: weights.clone() };
        let faults = NameServerFaults {
            weights: vec![other("video.example.com"), other("www.example.com")],
            ..NameServerFaults::default()
        };
        let (before, after) = (hosted_zone(), faults.diverged(&hosted_zone()));
        assert_eq!(weights_of(&after, "video.example.com"), [Some(0), Some(200)]);
        for untouched in ["audio.example.com", "www.example.com"] {
            assert_eq!(weights_of(&after, untouched), weights_of(&before, untouched), "{untouched}");
        }
    }

    #[test]
    fn a_hidden_address_goes_with_its_record_set_or_out_of_it() {
        let hidden = |of: &str| HiddenAddress { name: name(of), address: Ipv4Addr::new(192, 0, 2, 1) };
        let faults = NameServerFaults {
            hide: vec![hidden("video.example.com"), hidden("www.example.com")],
            ..NameServerFaults::default()
        };
        let after = faults.diverged(&hosted_zone());
        for of in ["video.example.com", "www.example.com"] {
            let records: Vec<_> =
                after.set(&name(of), &RecordType::A).flat_map(RecordSet::addresses).collect();
            assert_eq!(records, [Ipv4Addr::new(192, 0, 2, 2)], "{of}");
        }
        assert_eq!(weights_of(&after, "audio.example.com").len(), 1);
    }

    #[test]
    fn the_negative_ttl_is_both_the_ttl_and_the_minimum_of_the_start_of_authority() {
        let faults = NameServerFaults { negative_ttl_secs: Some(86_400), ..NameServerFaults::default() };
        assert!(faults.diverges() && !NameServerFaults::default().diverges());
        let after = faults.diverged(&hosted_zone());
        let soa = after.set(&name("example.com"), &RecordType::Soa).next().unwrap();
        assert_eq!(soa.ttl_secs, Some(86_400));
        assert!(soa.values().next().unwrap().ends_with("1209600 86400"));
    }
}
