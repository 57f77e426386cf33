//! What a look has to read for a number of pools: instances, groups and names, in few calls.
//!
//! It reads nothing itself.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::ids::{AutoScalingGroupName, HostedZoneId, PoolName, RoleArn};
use registrar_core::name::RecordName;
use registrar_core::places::Places;
use registrar_core::pool::{Policy, Pool};

use crate::{FleetQuery, ZoneAccess};

/// The pools of one look.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The pools.
    pub pools: Vec<Pool>,
    /// Whether these are all pools of the deployment.
    pub is_everything: bool,
    /// Whether hosted zones are listed whole, and not only the names of the pools.
    pub whole_hosted_zones: bool,
    /// Whether Route 53 is asked how many record sets hosted zones have, where they are not listed whole.
    pub counts_records: bool,
    /// Hosted zones that are listed whether or not a pool is in them, and the role that each is reached through where
    /// no pool names one.
    pub hosted_zones: BTreeMap<HostedZoneId, Option<RoleArn>>,
    /// Whether nothing but hosted zones is read.
    pub records_only: bool,
}

/// The names to list in a hosted zone, and how to get at it.
pub(super) type NamesByZone = BTreeMap<HostedZoneId, (ZoneAccess, BTreeSet<RecordName>)>;

impl Scope {
    /// Narrows the deployment's pools down to those named, and those that claim the same name as one of them.
    pub(super) fn of(all: &[Pool], wanted: &BTreeSet<PoolName>) -> Self {
        let claim = |pool: &Pool| {
            let policy = pool.policy.as_ref().ok()?;
            Some((policy.hosted_zone_id.clone(), policy.name.clone()))
        };
        let claimed: BTreeSet<_> =
            all.iter().filter(|pool| wanted.contains(&pool.name)).filter_map(claim).collect();
        let concerned = |pool: &&Pool| {
            wanted.contains(&pool.name) || claim(pool).is_some_and(|place| claimed.contains(&place))
        };
        let pools: Vec<Pool> = all.iter().filter(concerned).cloned().collect();
        let is_everything = pools.len() == all.len();
        Self { is_everything, ..Self::everything(&pools, false) }
    }

    /// Takes in every pool of the deployment.
    pub(super) fn everything(all: &[Pool], whole_hosted_zones: bool) -> Self {
        let (pools, hosted_zones) = (all.to_vec(), BTreeMap::new());
        Self {
            pools,
            is_everything: true,
            whole_hosted_zones,
            counts_records: false,
            hosted_zones,
            records_only: false,
        }
    }

    /// Takes in hosted zones as a whole and nothing else.
    pub(super) fn listing(hosted_zones: &BTreeMap<HostedZoneId, Option<RoleArn>>) -> Self {
        Self { hosted_zones: hosted_zones.clone(), records_only: true, ..Self::everything(&[], true) }
    }

    /// Returns the policies of the pools that have one.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&PoolName, &Policy)> {
        self.pools.iter().filter_map(|pool| Some((&pool.name, pool.policy.as_ref().ok()?)))
    }

    /// Returns how to get at a hosted zone: by the role that a pool's document names for it, or the stack.
    pub(super) fn access(&self, id: &HostedZoneId) -> ZoneAccess {
        let mut roles = self.policies().filter(|(_, policy)| policy.hosted_zone_id == *id);
        let role_arn = roles.find_map(|(_, policy)| policy.role_arn.clone());
        let role_arn = role_arn.or_else(|| self.hosted_zones.get(id).cloned().flatten());
        ZoneAccess { id: id.clone(), role_arn }
    }

    /// Returns the names to list: each pool's own, and the one that its records had before.
    pub(super) fn names(&self, places: &Places) -> NamesByZone {
        let mut names = NamesByZone::new();
        let mut add = |id: &HostedZoneId, name: &RecordName| {
            let entry = names.entry(id.clone()).or_insert_with(|| (self.access(id), BTreeSet::new()));
            entry.1.insert(name.clone());
        };
        for (pool, policy) in self.policies() {
            add(&policy.hosted_zone_id, &policy.name);
            if let Some(place) = places.of(pool) {
                add(&place.hosted_zone_id, &place.name);
            }
        }
        let named: BTreeSet<&PoolName> = self.policies().map(|(pool, _)| pool).collect();
        for (_, place) in places.iter().filter(|(pool, _)| self.is_everything && !named.contains(pool)) {
            add(&place.hosted_zone_id, &place.name);
        }
        for id in self.hosted_zones.keys() {
            names.entry(id.clone()).or_insert_with(|| (self.access(id), BTreeSet::new()));
        }
        names
    }
}

/// Returns the questions that find every instance of these pools: as few as can be asked with a filter that
/// all of their pools share. What a question finds beyond its pools, their policies sort out.
pub(super) fn fleet_queries<'a>(policies: impl Iterator<Item = &'a Policy>) -> Vec<FleetQuery> {
    let mut queries: Vec<FleetQuery> = Vec::new();
    for policy in policies {
        let query = FleetQuery::selecting(policy);
        let joined = queries.iter().enumerate().find_map(|(at, other)| Some((at, join(other, &query)?)));
        match joined {
            Some((at, joined)) => queries[at] = joined,
            None => queries.push(query),
        }
    }
    queries
}

/// Asks two questions in one, by the filters that both have; none where they share no filter.
fn join(one: &FleetQuery, other: &FleetQuery) -> Option<FleetQuery> {
    let tags: BTreeMap<String, BTreeSet<String>> = one
        .tags
        .iter()
        .filter_map(|(key, values)| Some((key.clone(), values | other.tags.get(key)?)))
        .collect();
    let joined = FleetQuery {
        wavelength_zones: both(&one.wavelength_zones, &other.wavelength_zones),
        auto_scaling_groups: both::<AutoScalingGroupName>(
            &one.auto_scaling_groups,
            &other.auto_scaling_groups,
        ),
        tags,
        include_ended: false,
    };
    let asks = !joined.wavelength_zones.is_empty()
        || !joined.auto_scaling_groups.is_empty()
        || !joined.tags.is_empty();
    asks.then_some(joined)
}

fn both<T: Clone + Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> BTreeSet<T> {
    if one.is_empty() || other.is_empty() { BTreeSet::new() } else { one | other }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(members: &str) -> Policy {
        let document = format!(
            r#"{{"version":1,"record":{{"hosted_zone_id":"Z0123456789ABCDEFGHIJ","name":"a.example.com"}},"members":{members}}}"#
        );
        Policy::parse(&document).unwrap()
    }

    fn queries(members: &[&str]) -> Vec<FleetQuery> {
        let policies: Vec<Policy> = members.iter().map(|members| policy(members)).collect();
        fleet_queries(policies.iter())
    }

    #[test]
    fn pools_that_share_a_filter_cost_one_question() {
        let found = queries(&[
            r#"{"wavelength_zones":["us-east-1-wl1-bos-wlz-1"],"tags":{"edge-dns":"video"}}"#,
            r#"{"tags":{"edge-dns":"games"}}"#,
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].wavelength_zones.is_empty(), "the second pool selects in every zone");
        assert_eq!(found[0].tags["edge-dns"].len(), 2);
    }

    #[test]
    fn pools_that_share_no_filter_are_asked_for_apart() {
        let found = queries(&[r#"{"tags":{"edge-dns":"video"}}"#, r#"{"auto_scaling_groups":["edge"]}"#]);
        assert_eq!(found.len(), 2);
    }
}
