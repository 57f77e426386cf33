//! What a pool should publish, given its policy and where its instances stand.
//!
//! This is a pure reading of policy and inventory. It does not know what is published now, beyond which
//! instances have records, and so cannot say what may be removed.

use std::collections::BTreeMap;
use std::fmt;

use crate::address::ServedIp;
use crate::ids::InstanceId;
use crate::inventory::Inventory;
use crate::owner::Owner;
use crate::pool::{Fallback, Policy, PoolState, Routing, WhenEmpty};
use crate::selection::SelectionIndex;
use crate::site::Sites;
use crate::standing::{Standing, WeightRequest};

/// One instance that should be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredMember {
    /// Its address.
    pub address: ServedIp,
    /// The weight that it asks for.
    pub weight: WeightRequest,
}

/// What one pool should publish, and where every instance that concerns it stands.
#[derive(Clone, Debug)]
pub struct DesiredPool<'a> {
    /// Whose records they are.
    pub owner: Owner,
    /// The pool's policy.
    pub policy: &'a Policy,
    /// Where every instance stands that the pool selects or has a record for.
    pub standings: BTreeMap<InstanceId, Standing>,
    /// Who should be published. Empty for a retired pool.
    pub members: BTreeMap<InstanceId, DesiredMember>,
    /// What should stand behind them.
    pub fallback: Option<&'a Fallback>,
    /// Whether EC2 knows any instance that the pool selects or has a record for.
    pub known_to_ec2: bool,
}

impl<'a> DesiredPool<'a> {
    pub(crate) fn new(
        owner: Owner,
        policy: &'a Policy,
        index: &SelectionIndex<'_>,
        sites: &Sites,
        inventory: &Inventory,
    ) -> Self {
        let selected = index.select(policy, inventory);
        let mut standings = BTreeMap::new();
        for id in selected.iter().chain(sites.instances()) {
            if !standings.contains_key(id) {
                standings.insert(id.clone(), Standing::of(id, policy, inventory));
            }
        }
        let retired = policy.state == PoolState::Retired;
        let serving = standings.iter().filter(|_| !retired).filter_map(|(id, standing)| match standing {
            Standing::Serving { address, weight } => {
                Some((id.clone(), DesiredMember { address: *address, weight: weight.clone() }))
            }
            Standing::Starting
            | Standing::WithoutAddress { .. }
            | Standing::OutOfService { .. }
            | Standing::Ended(_)
            | Standing::Announced(_)
            | Standing::Deselected
            | Standing::UnknownToEc2
            | Standing::AsBefore(_)
            | Standing::Unknown(_) => None,
        });
        Self {
            owner,
            policy,
            members: serving.collect(),
            fallback: policy
                .fallback
                .as_ref()
                .filter(|_| !retired && policy.when_empty == WhenEmpty::Fallback),
            known_to_ec2: standings.keys().any(|id| inventory.fleet.instances.contains_key(id)),
            standings,
        }
    }

    /// Returns the weight of a member, given the one that it has now. Where the pool's routing has no
    /// weights, the one it has now stays until the routing changes.
    #[must_use]
    pub fn weight(&self, member: &DesiredMember, now: Option<u8>) -> Option<u8> {
        if self.policy.routing != Routing::Weighted {
            return now;
        }
        Some(self.asked_weight(member, now))
    }

    /// Returns the weight that a member asks for, given the one that it has now.
    pub(crate) fn asked_weight(&self, member: &DesiredMember, now: Option<u8>) -> u8 {
        let allowed = now.filter(|weight| *weight >= self.policy.smallest_weight());
        match member.weight {
            WeightRequest::Given(weight) => weight,
            WeightRequest::Unreadable(_) => allowed.unwrap_or(self.policy.default_weight),
        }
    }
}

impl fmt::Display for DesiredPool<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} TTL {}", self.policy.name, self.policy.routing, self.policy.ttl_secs)?;
        for (id, member) in &self.members {
            write!(f, "\n  {id} {}", member.address)?;
        }
        Ok(())
    }
}
