//! Retiring a whole deployment: every pool leaves, also those of which only the records are left.
//!
//! It makes pools that only leave; planning and executing them is the same as for any other.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{DeploymentName, HostedZoneId, PoolName};
use crate::inventory::HostedZone;
use crate::owner::Owner;
use crate::pool::{Pool, PoolState, Routing};
use crate::site::{MarkedPlaces, Place};

/// Returns the pools of a deployment, retired: those that have a usable document, and those that have
/// records in the hosted zones and none.
#[must_use]
pub fn retired(
    deployment: &DeploymentName,
    pools: &[Pool],
    zones: &BTreeMap<HostedZoneId, HostedZone>,
) -> Vec<Pool> {
    let mut leaving: Vec<Pool> = pools.iter().filter(|pool| pool.policy.is_ok()).cloned().collect();
    for policy in leaving.iter_mut().filter_map(|pool| pool.policy.as_mut().ok()) {
        policy.state = PoolState::Retired;
    }
    let known: BTreeSet<PoolName> = leaving.iter().map(|pool| pool.name.clone()).collect();
    let marked = MarkedPlaces::find(zones, BTreeSet::new());
    let known: BTreeSet<&PoolName> = known.iter().collect();
    let orphans = marked.without_document(deployment, &known).filter_map(|(owner, places)| {
        let place = places.first()?;
        let form = marked.sites(owner, place, Routing::Weighted).main.form.unwrap_or_default();
        Some(Pool::read(owner.pool.clone(), &document(place, form)))
    });
    let orphans: Vec<Pool> = orphans.collect();
    leaving.extend(orphans);
    leaving
}

/// Counts the places where a deployment has records.
#[must_use]
pub fn places_left(deployment: &DeploymentName, zones: &BTreeMap<HostedZoneId, HostedZone>) -> usize {
    let marked = MarkedPlaces::find(zones, BTreeSet::new());
    marked
        .without_document(deployment, &BTreeSet::new())
        .map(|(_, places): (&Owner, &BTreeSet<Place>)| places.len())
        .sum()
}

fn document(place: &Place, routing: Routing) -> String {
    serde_json::json!({
        "version": 1,
        "record": {"hosted_zone_id": place.hosted_zone_id, "name": place.name, "routing": routing},
        "members": {"tags": {"registrar": "retired"}},
        "state": "retired",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::read_hosted_zone;

    const RECORDS: &str = r#"{"ResourceRecordSets":[
        {"Name":"a.example.com.","Type":"A","SetIdentifier":"registrar/edge/a/i-01","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"155.146.10.1"}]},
        {"Name":"b.example.com.","Type":"A","SetIdentifier":"registrar/other/b/i-02","Weight":1,"TTL":20,
         "ResourceRecords":[{"Value":"155.146.10.2"}]},
        {"Name":"c.example.com.","Type":"A","TTL":20,"ResourceRecords":[{"Value":"155.146.10.3"}]},
        {"Name":"registrar-owner.c.example.com.","Type":"TXT","TTL":20,
         "ResourceRecords":[{"Value":"\"registrar/edge/c/i-03=155.146.10.3\""}]}]}"#;

    #[test]
    fn pools_of_which_only_records_are_left_leave_too() {
        let zone = read_hosted_zone(RECORDS).unwrap();
        let zones = BTreeMap::from([("Z0123456789ABCDEFGHIJ".parse().unwrap(), zone)]);
        let deployment: DeploymentName = "edge".parse().unwrap();
        let leaving = retired(&deployment, &[], &zones);
        let found: Vec<(&str, Routing, PoolState)> = leaving
            .iter()
            .map(|pool| {
                let policy = pool.policy.as_ref().unwrap();
                (pool.name.as_str(), policy.routing, policy.state)
            })
            .collect();
        let expected =
            [("a", Routing::Weighted, PoolState::Retired), ("c", Routing::Simple, PoolState::Retired)];
        assert_eq!(found, expected);
        assert_eq!(places_left(&deployment, &zones), 2);
    }
}
