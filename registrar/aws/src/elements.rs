//! Finds the elements of a listed record set that this version does not know.
//!
//! The SDK drops what its model does not have. A record set that lost a field cannot be deleted as it was
//! read, so whoever reads one has to know. This looks at element names and at nothing else.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_route53::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_route53::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;

/// Every element inside a `ResourceRecordSet` (Route 53 API reference).
const KNOWN: [&str; 31] = [
    "AWSRegion",
    "AliasTarget",
    "Bias",
    "CidrRoutingConfig",
    "CollectionId",
    "ContinentCode",
    "Coordinates",
    "CountryCode",
    "DNSName",
    "EvaluateTargetHealth",
    "Failover",
    "GeoLocation",
    "GeoProximityLocation",
    "HealthCheckId",
    "HostedZoneId",
    "Latitude",
    "LocalZoneGroup",
    "LocationName",
    "Longitude",
    "MultiValueAnswer",
    "Name",
    "Region",
    "ResourceRecord",
    "ResourceRecords",
    "SetIdentifier",
    "SubdivisionCode",
    "TTL",
    "TrafficPolicyInstanceId",
    "Type",
    "Value",
    "Weight",
];
const RECORD_SET: &str = "ResourceRecordSet";

/// The interceptor that looks at one answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnknownElements(Arc<Mutex<Vec<BTreeSet<String>>>>);

impl UnknownElements {
    /// Returns, for each record set in the order of the answer, the elements that are not known.
    pub(crate) fn take(&self) -> Vec<BTreeSet<String>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[dyn_dispatch_hint]
impl Intercept for UnknownElements {
    fn name(&self) -> &'static str {
        "UnknownElements"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        let found = unknown_elements(&String::from_utf8_lossy(body));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = found;
        Ok(())
    }
}

fn unknown_elements(body: &str) -> Vec<BTreeSet<String>> {
    let mut found: Vec<BTreeSet<String>> = Vec::new();
    let mut inside = false;
    // In XML text "<" is always escaped, so every one begins a tag.
    for tag in body.split('<').skip(1) {
        let (closes, tag) = tag.strip_prefix('/').map_or((false, tag), |tag| (true, tag));
        let name =
            tag.split(|c: char| matches!(c, '>' | '/') || c.is_whitespace()).next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        match (name, closes) {
            (RECORD_SET, true) => inside = false,
            (RECORD_SET, false) => {
                inside = true;
                found.push(BTreeSet::new());
            }
            (_, true) => {}
            (name, false) => {
                let known = KNOWN.contains(&name) || name.starts_with(['!', '?']);
                if let Some(of_record) = found.last_mut().filter(|_| inside && !known) {
                    of_record.insert(name.to_owned());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_of_a_later_version_is_found_in_its_record_set() {
        let body = "<R><ResourceRecordSets>\
            <ResourceRecordSet><Name>a.</Name><Weight>1</Weight></ResourceRecordSet>\
            <ResourceRecordSet><Name>b &lt;Moon&gt;</Name><Moonphase kind=\"new\"/></ResourceRecordSet>\
            </ResourceRecordSets><Unrelated/></R>";
        assert_eq!(unknown_elements(body), [BTreeSet::new(), BTreeSet::from(["Moonphase".to_owned()])]);
    }
}
