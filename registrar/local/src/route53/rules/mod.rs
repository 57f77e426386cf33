//! Everything that Route 53 checks before it accepts a batch, one function for each rule.
//!
//! Rules only look; nothing is changed here. `request` needs nothing but the request, `record` looks
//! at one record set of it, `outcome` at what the hosted zone would hold afterwards.

pub(crate) mod outcome;
pub(crate) mod record;
pub(crate) mod request;

use registrar_core::record_set::RecordSet;

/// The fields that each stand for one routing policy (API reference, `ResourceRecordSet`).
const OTHER_POLICIES: [&str; 5] =
    ["Region", "GeoLocation", "Failover", "CidrRoutingConfig", "GeoProximityLocation"];

/// Returns the fields of a record set that name a routing policy; a simple one has none.
pub(crate) fn policies(record: &RecordSet) -> Vec<&'static str> {
    let weighted = record.weight.map(|_| "Weight");
    let multivalue = record.multi_value_answer.filter(|answer| *answer).map(|_| "MultiValueAnswer");
    let other = OTHER_POLICIES.into_iter().filter(|field| record.other.contains_key(*field));
    weighted.into_iter().chain(multivalue).chain(other).collect()
}

/// Says whether the routing policy is one of those whose record sets share one TTL and hold one value.
pub(crate) fn is_weighted_or_multivalue(record: &RecordSet) -> bool {
    record.weight.is_some() || record.multi_value_answer == Some(true)
}

/// Names a record set as Route 53 does where a change does not fit what is there.
pub(crate) fn describe(record: &RecordSet) -> String {
    let id = record.set_identifier.as_ref().map(|id| format!(", set identifier='{id}'"));
    format!("[name='{}', type='{}'{}]", record.name.to_fqdn(), record.r#type, id.unwrap_or_default())
}

/// Names a record set as Route 53 does where it does not fit the others.
pub(crate) fn rr_set(record: &RecordSet) -> String {
    let id = record.set_identifier.as_ref().map(|id| format!(", SetIdentifier {id}"));
    format!("RRSet with DNS name {}, type {}{}", record.name.to_fqdn(), record.r#type, id.unwrap_or_default())
}

#[cfg(test)]
pub(crate) mod testing {
    //! Record sets, hosted zones and batches in few words, for the tests of each rule.

    use registrar_core::Timestamp;
    use registrar_core::record_set::{AliasTarget, RecordSet, RecordType};

    use crate::route53::{ModelChange, Route53Error, Route53Model, Settings};

    pub(crate) const ZONE: &str = "Z0123456789ABCDEFGHIJ";

    pub(crate) fn simple(name: &str, record_type: &str, values: &[&str]) -> RecordSet {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        RecordSet::simple(name.parse().unwrap(), RecordType::from(record_type.to_owned()), 20, values)
    }

    pub(crate) fn weighted(name: &str, id: &str, address: &str) -> RecordSet {
        let set_identifier = Some(id.to_owned());
        RecordSet { set_identifier, weight: Some(100), ..simple(name, "A", &[address]) }
    }

    pub(crate) fn multivalue(name: &str, id: &str, address: &str) -> RecordSet {
        let set_identifier = Some(id.to_owned());
        RecordSet { set_identifier, multi_value_answer: Some(true), ..simple(name, "A", &[address]) }
    }

    pub(crate) fn alias(name: &str, zone: &str, target: &str) -> RecordSet {
        let alias_target = Some(AliasTarget {
            hosted_zone_id: zone.to_owned(),
            dns_name: target.parse().unwrap(),
            evaluate_target_health: false,
        });
        RecordSet { alias_target, ttl_secs: None, resource_records: Vec::new(), ..simple(name, "A", &[]) }
    }

    pub(crate) fn creations(records: impl IntoIterator<Item = RecordSet>) -> Vec<ModelChange> {
        records.into_iter().map(ModelChange::create).collect()
    }

    /// Builds a model without throttling that holds `example.com` with the given record sets.
    pub(crate) fn model(records: Vec<RecordSet>) -> Route53Model {
        let mut model = Route53Model::new(Settings { throttling: false, ..Settings::default() });
        model.create_hosted_zone(ZONE.parse().unwrap(), "example.com".parse().unwrap(), records).unwrap();
        model
    }

    /// Submits a batch and returns why it was refused; a refused batch must leave everything as it was.
    pub(crate) fn refusal(model: &mut Route53Model, changes: &[ModelChange]) -> Route53Error {
        let zone = ZONE.parse().unwrap();
        let before = model.records(&zone).unwrap();
        let error = model.change_record_sets(&zone, changes, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(model.records(&zone).unwrap(), before, "a refused batch changed something");
        error
    }

    /// Submits a batch and returns the messages of its refusal.
    pub(crate) fn messages(model: &mut Route53Model, changes: &[ModelChange]) -> Vec<String> {
        match refusal(model, changes) {
            Route53Error::InvalidChangeBatch(messages) => messages,
            other => panic!("not an invalid change batch: {other:?}"),
        }
    }

    /// Submits a batch that is accepted.
    pub(crate) fn accept(model: &mut Route53Model, changes: &[ModelChange]) {
        let zone = ZONE.parse().unwrap();
        model.change_record_sets(&zone, changes, Timestamp::UNIX_EPOCH).unwrap();
    }
}
