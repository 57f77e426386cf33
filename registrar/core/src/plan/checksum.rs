//! The checksum of a plan: what is done, in which order, and the records on which that was decided.
//!
//! Two looks at the same world have the same checksum, wherever and whenever they are made, so that it covers neither
//! times nor words. It protects against a world that moved, not against an adversary who edits files.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Batch, Plan};
use crate::ids::HostedZoneId;
use crate::record_set::{ChangeAction, RecordSet, SetKey};

/// What a digest starts with.
const ALGORITHM: &str = "sha256:";

/// A digest, printed as `sha256:<64 hexadecimal digits>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Checksum(String);

impl Checksum {
    /// Digests the JSON of a value, whose keys serde writes in a fixed order.
    fn of(value: &impl Serialize) -> Self {
        // Record sets, names and numbers always serialize.
        let text = serde_json::to_vec(value).unwrap_or_default();
        let digest = Sha256::digest(text);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{ALGORITHM}{hex}"))
    }

    /// Returns the digest as it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Digests the record sets of one set.
pub(super) fn of_set(records: &[Arc<RecordSet>]) -> Checksum {
    let records: Vec<&RecordSet> = records.iter().map(Arc::as_ref).collect();
    Checksum::of(&records)
}

#[derive(Serialize)]
struct Canonical<'a> {
    deployment: &'a str,
    batches: Vec<Vec<CanonicalChange<'a>>>,
    observed: Vec<CanonicalSet<'a>>,
}

#[derive(Serialize)]
struct CanonicalChange<'a> {
    hosted_zone_id: &'a str,
    action: ChangeAction,
    record: &'a RecordSet,
}

#[derive(Serialize)]
struct CanonicalSet<'a> {
    hosted_zone_id: &'a str,
    name: &'a str,
    r#type: String,
    records: Vec<&'a RecordSet>,
}

impl Plan {
    /// Returns the checksum over the deployment, the changes of every batch in their order, and the record sets that
    /// were read where they are made.
    #[must_use]
    pub fn checksum(&self) -> Checksum {
        Checksum::of(&Canonical {
            deployment: self.deployment.as_str(),
            batches: self.batches.iter().map(canonical_batch).collect(),
            observed: self.observed.iter().map(canonical_set).collect(),
        })
    }
}

fn canonical_batch(batch: &Batch) -> Vec<CanonicalChange<'_>> {
    batch
        .changes()
        .map(|change| CanonicalChange {
            hosted_zone_id: batch.hosted_zone_id.as_str(),
            action: change.action,
            record: &change.record,
        })
        .collect()
}

fn canonical_set<'a>(
    ((zone, set), records): (&'a (HostedZoneId, SetKey), &'a Vec<Arc<RecordSet>>),
) -> CanonicalSet<'a> {
    CanonicalSet {
        hosted_zone_id: zone.as_str(),
        name: set.name.as_str(),
        r#type: set.r#type.to_string(),
        records: records.iter().map(Arc::as_ref).collect(),
    }
}
