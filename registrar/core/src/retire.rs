//! Retiring a whole deployment: everything that has its mark goes, whatever documents there are or were.
//!
//! It makes pools that only leave, from nothing but a listing; planning and executing them is the same as for any
//! other. Marks that no pool of this version has written go by themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName, RoleArn};
use crate::inventory::HostedZone;
use crate::owner::{MemberText, OwnerMark, Role};
use crate::plan::{Batch, Change, Unit, Urgency};
use crate::pool::{Pool, Routing};
use crate::record_set::{ChangeAction, RecordSet, RecordType};
use crate::site::{MarkedPlaces, Place};

/// Changes in one request, well below what Route 53 takes (see [`crate::plan`]).
const MOST_CHANGES: usize = 500;

/// Returns the pools that have records in the hosted zones, retired, but for those that are spared. `roles` are what
/// hosted zones are reached through.
#[must_use]
pub fn retired(
    deployment: &DeploymentName,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
    roles: &BTreeMap<HostedZoneId, Option<RoleArn>>,
    spared: &BTreeSet<PoolName>,
) -> Vec<Pool> {
    let marked = MarkedPlaces::find(zones, BTreeSet::new());
    let nobody = BTreeSet::new();
    let leaving = marked.without_document(deployment, &nobody).filter_map(|(owner, places)| {
        let place = places.first().filter(|_| !spared.contains(&owner.pool))?;
        let form = marked.sites(owner, place, Routing::Weighted).main.form.unwrap_or_default();
        let role = roles.get(&place.hosted_zone_id).cloned().flatten();
        Some(Pool::read(owner.pool.clone(), &document(place, form, role.as_ref())))
    });
    leaving.collect()
}

/// Returns the record sets that have a mark of the deployment, but for those of pools that are spared.
#[must_use]
pub fn left(
    deployment: &DeploymentName,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
    spared: &BTreeSet<PoolName>,
) -> Vec<Arc<RecordSet>> {
    let is_left = |record: &&Arc<RecordSet>| {
        let mut pools = pools_of(record, deployment);
        pools.any(|pool| !spared.contains(&pool))
    };
    zones.values().flat_map(|zone| zone.records.values()).filter(is_left).cloned().collect()
}

/// Returns the deletion of record sets whose mark begins like the deployment's and goes on in a way that this version
/// does not write: nobody else would ever delete them.
#[must_use]
pub fn unread_marks(
    deployment: &DeploymentName,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
    spared: &BTreeSet<PoolName>,
) -> Vec<Batch> {
    let mut batches = Vec::new();
    for (id, zone) in zones {
        let mut units: Vec<Unit> = zone
            .records
            .values()
            .filter(|record| record.is_understood())
            .filter_map(|record| {
                let pool = unread_mark(record, deployment).filter(|pool| !spared.contains(pool))?;
                Some(deletion(id, pool, record))
            })
            .collect();
        // One pool that is denied holds back no other.
        units.sort_by(|one, other| one.pool.cmp(&other.pool));
        let of_pools = units.chunk_by(|one, other| one.pool == other.pool);
        let parts = of_pools.flat_map(|units| units.chunks(MOST_CHANGES));
        batches.extend(parts.map(|units| Batch { hosted_zone_id: id.clone(), units: units.to_vec() }));
    }
    batches
}

/// Returns the instances that a deployment's pools have records for, by pool. A pool with nothing but a fallback has
/// none.
#[must_use]
pub fn recorded(
    deployment: &DeploymentName,
    zones: &BTreeMap<HostedZoneId, HostedZone>,
) -> BTreeMap<PoolName, BTreeSet<InstanceId>> {
    let mut recorded: BTreeMap<PoolName, BTreeSet<InstanceId>> = BTreeMap::new();
    for record in zones.values().flat_map(|zone| zone.records.values()) {
        let texts = record.values().filter_map(|value| value.parse::<MemberText>().ok());
        let texts = texts.map(|text| (text.owner, text.instance));
        let mark = record.set_identifier.as_deref().and_then(|mark| mark.parse::<OwnerMark>().ok());
        let marked = mark.and_then(|mark| match mark.role {
            Role::Member(instance) => Some((mark.owner, instance)),
            Role::Fallback | Role::Leaf(_) => None,
        });
        for (owner, instance) in marked.into_iter().chain(texts) {
            if owner.deployment == *deployment {
                recorded.entry(owner.pool).or_default().insert(instance);
            }
        }
    }
    recorded
}

/// Returns the pools of the deployment whose mark a record set has.
fn pools_of<'a>(
    record: &'a RecordSet,
    deployment: &'a DeploymentName,
) -> impl Iterator<Item = PoolName> + 'a {
    let is_text = record.r#type == RecordType::Txt;
    let texts = record.values().filter(move |_| is_text).filter_map(|value| value.parse::<MemberText>().ok());
    let texts = texts.map(|text| text.owner).filter(move |owner| owner.deployment == *deployment);
    marked_pool(record, deployment).into_iter().chain(texts.map(|owner| owner.pool))
}

fn marked_pool(record: &RecordSet, deployment: &DeploymentName) -> Option<PoolName> {
    let mark = record.set_identifier.as_deref().filter(|_| record.r#type == RecordType::A)?;
    let mut components = mark.split('/');
    let ours = components.next() == Some("registrar") && components.next() == Some(deployment.as_str());
    components.next().filter(|_| ours)?.parse().ok()
}

fn unread_mark(record: &RecordSet, deployment: &DeploymentName) -> Option<PoolName> {
    let is_read = record.set_identifier.as_deref().is_some_and(|mark| mark.parse::<OwnerMark>().is_ok());
    marked_pool(record, deployment).filter(|_| !is_read)
}

fn deletion(hosted_zone_id: &HostedZoneId, pool: PoolName, record: &Arc<RecordSet>) -> Unit {
    let change = Change {
        action: ChangeAction::Delete,
        record: record.clone(),
        evidence: "the deployment is retired".to_owned(),
    };
    Unit {
        pool,
        hosted_zone_id: hosted_zone_id.clone(),
        name: record.name.clone(),
        urgency: Urgency::Remove,
        budgeted: 0,
        dead: 0,
        changes: vec![change],
    }
}

fn document(place: &Place, routing: Routing, role: Option<&RoleArn>) -> String {
    serde_json::json!({
        "version": 1,
        "record": {
            "hosted_zone_id": place.hosted_zone_id, "name": place.name, "routing": routing, "role_arn": role,
        },
        "members": {"tags": {"registrar": "retired"}},
        "state": "retired",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::read_hosted_zone;
    use crate::pool::PoolState;

    const ROLE: &str = "arn:aws:iam::123456789012:role/dns";

    const RECORDS: &str = r#"{"ResourceRecordSets":[
        {"Name":"a.example.com.","Type":"A","SetIdentifier":"registrar/edge/a/i-01","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"155.146.10.1"}]},
        {"Name":"a.example.com.","Type":"A","SetIdentifier":"registrar/edge/a/tree/00","Weight":1,
         "AliasTarget":{"HostedZoneId":"Z1","DNSName":"l00.a.example.com.","EvaluateTargetHealth":false}},
        {"Name":"b.example.com.","Type":"A","SetIdentifier":"registrar/other/b/i-02","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"155.146.10.2"}]},
        {"Name":"b.example.com.","Type":"A","SetIdentifier":"registrar/edge-2/b/tree/00","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"155.146.10.2"}]},
        {"Name":"b.example.com.","Type":"AAAA","SetIdentifier":"registrar/edge/b/tree/00","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"2001:db8::1"}]},
        {"Name":"c.example.com.","Type":"A","TTL":20,"ResourceRecords":[{"Value":"155.146.10.3"}]},
        {"Name":"registrar-owner.c.example.com.","Type":"TXT","TTL":20,
         "ResourceRecords":[{"Value":"\"registrar/edge/c/i-03=155.146.10.3\""}]}]}"#;

    fn zones() -> BTreeMap<HostedZoneId, HostedZone> {
        BTreeMap::from([("Z1".parse().unwrap(), read_hosted_zone(RECORDS).unwrap())])
    }

    fn edge() -> DeploymentName {
        "edge".parse().unwrap()
    }

    #[test]
    fn every_pool_that_has_records_leaves_through_the_role_of_its_hosted_zone() {
        let roles = BTreeMap::from([("Z1".parse().unwrap(), Some(ROLE.parse().unwrap()))]);
        let leaving = retired(&edge(), &zones(), &roles, &BTreeSet::new());
        let found: Vec<_> = leaving
            .iter()
            .map(|pool| {
                let policy = pool.policy.as_ref().unwrap();
                let role = policy.role_arn.as_ref().unwrap().as_str();
                (pool.name.as_str(), policy.routing, policy.state, role)
            })
            .collect();
        let expected = [
            ("a", Routing::Weighted, PoolState::Retired, ROLE),
            ("c", Routing::Simple, PoolState::Retired, ROLE),
        ];
        assert_eq!(found, expected);
        let spared = BTreeSet::from(["a".parse().unwrap()]);
        assert_eq!(retired(&edge(), &zones(), &roles, &spared).len(), 1);
    }

    #[test]
    fn what_is_left_is_what_has_the_deployments_mark() {
        let marks = |spared: &[&str]| -> Vec<String> {
            let spared = spared.iter().map(|pool| pool.parse().unwrap()).collect();
            let left = left(&edge(), &zones(), &spared);
            left.iter().map(|record| format!("{} {}", record.name, record.r#type)).collect()
        };
        let texts = "registrar-owner.c.example.com TXT";
        assert_eq!(marks(&[]), ["a.example.com A", "a.example.com A", texts]);
        assert_eq!(marks(&["a"]), [texts]);
    }

    #[test]
    fn a_mark_of_a_later_version_is_deleted_as_it_was_read() {
        let batches = unread_marks(&edge(), &zones(), &BTreeSet::new());
        let [batch] = batches.as_slice() else { panic!("{batches:?}") };
        let changes: Vec<&Change> = batch.changes().collect();
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(change.action, ChangeAction::Delete);
        assert_eq!(change.record.set_identifier.as_deref(), Some("registrar/edge/a/tree/00"));
        assert!(change.record.alias_target.is_some());
        assert!(unread_marks(&edge(), &zones(), &BTreeSet::from(["a".parse().unwrap()])).is_empty());
    }

    #[test]
    fn marks_of_a_later_version_go_in_a_batch_for_each_pool() {
        let marks = ["edge/b/tree/01", "edge/a/tree/01", "edge/b/tree/02"].map(|mark| {
            serde_json::json!({"Name": "x.example.com.", "Type": "A", "SetIdentifier": format!("registrar/{mark}"),
                "Weight": 1, "TTL": 20, "ResourceRecords": [{"Value": "155.146.10.1"}]})
        });
        let listing = serde_json::json!({"ResourceRecordSets": marks}).to_string();
        let zones = BTreeMap::from([("Z1".parse().unwrap(), read_hosted_zone(&listing).unwrap())]);
        let batches = unread_marks(&edge(), &zones, &BTreeSet::new());
        let pools: Vec<Vec<&str>> =
            batches.iter().map(|batch| batch.units.iter().map(|unit| unit.pool.as_str()).collect()).collect();
        assert_eq!(pools, [vec!["a"], vec!["b", "b"]]);
    }

    #[test]
    fn instances_are_known_from_marks_and_from_owner_texts() {
        let recorded = recorded(&edge(), &zones());
        let shown: Vec<String> = recorded.iter().map(|(pool, ids)| format!("{pool} {}", ids.len())).collect();
        assert_eq!(shown, ["a 1", "c 1"]);
    }
}
