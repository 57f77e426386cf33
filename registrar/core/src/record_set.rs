//! Record sets as Route 53 holds them, in the JSON form that the AWS CLI reads and prints.
//!
//! Everything that was read is kept, whether or not it is understood, because a record set can only
//! be deleted exactly as it was read. This module does not know who owns a record set.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::RecordName;

/// The type of a record set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum RecordType {
    /// An IPv4 address.
    A,
    /// Another name for this one; excludes every other type beside it.
    Cname,
    /// A name server of the zone.
    Ns,
    /// The start of authority of the zone.
    Soa,
    /// Text.
    Txt,
    /// Any other type, by its name.
    Other(String),
}

impl From<String> for RecordType {
    fn from(text: String) -> Self {
        match text.as_str() {
            "A" => Self::A,
            "CNAME" => Self::Cname,
            "NS" => Self::Ns,
            "SOA" => Self::Soa,
            "TXT" => Self::Txt,
            _ => Self::Other(text),
        }
    }
}

impl From<RecordType> for String {
    fn from(record_type: RecordType) -> String {
        record_type.to_string()
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::Cname => "CNAME",
            Self::Ns => "NS",
            Self::Soa => "SOA",
            Self::Txt => "TXT",
            Self::Other(name) => name,
        })
    }
}

/// One value of a record set, in presentation format (text records with their quotes).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceRecord {
    /// The value.
    pub value: String,
}

/// Where an alias record set points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasTarget {
    /// The hosted zone of the target.
    #[serde(rename = "HostedZoneId")]
    pub hosted_zone_id: String,
    /// The name of the target.
    #[serde(rename = "DNSName", serialize_with = "as_fqdn")]
    pub dns_name: RecordName,
    /// Whether the alias is healthy only when its target is.
    #[serde(rename = "EvaluateTargetHealth", default)]
    pub evaluate_target_health: bool,
}

/// How Route 53 chooses among record sets of one name and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoutingKind {
    /// One record set, all of its values.
    Simple,
    /// One of several record sets, in proportion to its weight.
    Weighted,
    /// Up to eight of several record sets.
    Multivalue,
    /// By latency, location, client address or failover.
    Other,
}

impl fmt::Display for RoutingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simple => "simple",
            Self::Weighted => "weighted",
            Self::Multivalue => "multivalue",
            Self::Other => "geographic, latency or failover",
        })
    }
}

/// One record set: the unit that Route 53 creates and deletes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordSet {
    /// The name.
    #[serde(serialize_with = "as_fqdn")]
    pub name: RecordName,
    /// The type.
    pub r#type: RecordType,
    /// What tells this record set from others of the same name and type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// The weight, 0 to 255, of a weighted record set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<u8>,
    /// Set for multivalue answer routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_value_answer: Option<bool>,
    /// Seconds that resolvers may keep an answer; absent from aliases.
    #[serde(rename = "TTL", default, skip_serializing_if = "Option::is_none")]
    pub ttl_secs: Option<u32>,
    /// The values; empty for aliases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resource_records: Vec<ResourceRecord>,
    /// The target, for an alias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias_target: Option<AliasTarget>,
    /// The health check that somebody attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check_id: Option<String>,
    /// Every other field, kept so that the record set can be deleted as it was read.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The fields of routing policies that the registrar never uses itself (Route 53 API reference,
/// `ResourceRecordSet`).
const OTHER_ROUTING: [&str; 5] =
    ["Region", "GeoLocation", "Failover", "CidrRoutingConfig", "GeoProximityLocation"];

/// The field that names the traffic policy instance that made a record set; it says nothing of routing.
const TRAFFIC_POLICY: &str = "TrafficPolicyInstanceId";

fn as_fqdn<S: serde::Serializer>(name: &RecordName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&name.to_fqdn())
}

/// What identifies a record set within a hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// The set that it belongs to.
    pub set: SetKey,
    /// The set identifier, absent for simple routing.
    pub set_identifier: Option<String>,
}

/// A name and type: the record sets that Route 53 chooses among for one question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetKey {
    /// The name.
    pub name: RecordName,
    /// The type.
    pub r#type: RecordType,
}

impl fmt::Display for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, Shown(&self.r#type))
    }
}

/// A type as a person reads it: a listing may name one that has never been heard of.
struct Shown<'a>(&'a RecordType);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RecordType::Other(name) => name.escape_debug().fmt(f),
            known => known.fmt(f),
        }
    }
}

impl RecordSet {
    /// Builds a record set with one TTL and the given values, and no routing policy.
    #[must_use]
    pub fn simple(name: RecordName, r#type: RecordType, ttl_secs: u32, values: Vec<String>) -> Self {
        Self {
            name,
            r#type,
            set_identifier: None,
            weight: None,
            multi_value_answer: None,
            ttl_secs: Some(ttl_secs),
            resource_records: values.into_iter().map(|value| ResourceRecord { value }).collect(),
            alias_target: None,
            health_check_id: None,
            other: BTreeMap::new(),
        }
    }

    /// Returns what identifies this record set in its hosted zone.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        RecordKey { set: self.set_key(), set_identifier: self.set_identifier.clone() }
    }

    /// Returns the name and type.
    #[must_use]
    pub fn set_key(&self) -> SetKey {
        SetKey { name: self.name.clone(), r#type: self.r#type.clone() }
    }

    /// Says whether every field is one that this version knows. A record set with another field cannot be
    /// deleted or written as it was read for certain, so it is left to whoever wrote that field.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.other.keys().all(|field| field == TRAFFIC_POLICY || OTHER_ROUTING.contains(&field.as_str()))
    }

    /// Says how Route 53 chooses this record set among its siblings.
    #[must_use]
    pub fn routing(&self) -> RoutingKind {
        if self.other.keys().any(|field| field != TRAFFIC_POLICY) {
            RoutingKind::Other
        } else if self.weight.is_some() {
            RoutingKind::Weighted
        } else if self.multi_value_answer == Some(true) {
            RoutingKind::Multivalue
        } else {
            RoutingKind::Simple
        }
    }

    /// Returns the values in presentation format.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.resource_records.iter().map(|record| record.value.as_str())
    }

    /// Returns the values that are IPv4 addresses.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.values().filter_map(|value| value.parse().ok())
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, Shown(&self.r#type))?;
        if let Some(id) = &self.set_identifier {
            write!(f, " [{}]", id.escape_debug())?;
        }
        if let Some(alias) = &self.alias_target {
            write!(f, " alias {}", alias.dns_name)?;
        }
        for value in self.values() {
            write!(f, " {}", value.escape_debug().to_string().replace("\\\"", "\""))?;
        }
        if let Some(weight) = self.weight {
            write!(f, " weight {weight}")?;
        }
        if let Some(ttl) = self.ttl_secs {
            write!(f, " TTL {ttl}")?;
        }
        Ok(())
    }
}

/// What a change does; the names are Route 53's own.
///
/// UPSERT is not among them: it would overwrite what somebody else changed since the last look, and
/// counts twice against every limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ChangeAction {
    /// Delete a record set, which must be exactly as given.
    Delete,
    /// Create a record set, which must not exist.
    Create,
}

impl fmt::Display for ChangeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Delete => "DELETE",
            Self::Create => "CREATE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_set_is_printed_as_it_was_read() {
        let text = r#"{"Name":"video.example.com.","Type":"A","SetIdentifier":"x","TTL":30,"ResourceRecords":[{"Value":"192.0.2.1"}],"HealthCheckId":"abc","GeoLocation":{"CountryCode":"US"}}"#;
        let record: RecordSet = serde_json::from_str(text).unwrap();
        assert_eq!(record.routing(), RoutingKind::Other);
        let printed: Value = serde_json::to_value(&record).unwrap();
        assert_eq!(printed, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_field_that_nobody_here_knows_makes_a_record_set_somebody_elses() {
        let text = r#"{"Name":"a.example.com.","Type":"A","SetIdentifier":"x","Weight":1,"TTL":30,"ResourceRecords":[{"Value":"192.0.2.1"}],"Moonphase":"new"}"#;
        let record: RecordSet = serde_json::from_str(text).unwrap();
        assert!(!record.is_understood());
        assert_eq!(record.routing(), RoutingKind::Other);
    }

    #[test]
    fn whatever_a_record_set_holds_it_is_shown_on_one_line() {
        let text = r#"{"Name":"a.example.com.","Type":"TXT\n","SetIdentifier":"\n","TTL":30,"ResourceRecords":[{"Value":"\u001b\n"}]}"#;
        let record: RecordSet = serde_json::from_str(text).unwrap();
        for shown in [record.to_string(), record.set_key().to_string()] {
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
    }

    #[test]
    fn a_weight_of_zero_is_still_weighted() {
        let mut record =
            RecordSet::simple("a.example.com".parse().unwrap(), RecordType::A, 20, vec!["192.0.2.1".into()]);
        assert_eq!(record.routing(), RoutingKind::Simple);
        record.weight = Some(0);
        assert_eq!(record.routing(), RoutingKind::Weighted);
    }
}
