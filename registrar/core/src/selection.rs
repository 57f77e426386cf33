//! Which instances a pool selects, found without comparing every pool with every instance.
//!
//! The policy says whether an instance matches; this only says which ones are worth asking about.

use std::collections::BTreeMap;

use crate::ids::InstanceId;
use crate::inventory::fleet::GROUP_TAG;
use crate::inventory::{Instance, Inventory};
use crate::pool::{Policy, Selector};

/// One condition that selectors name; an instance is found through the rarest of a pool's conditions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Term<'a> {
    Zone(&'a str),
    Tag(&'a str, &'a str),
    Group(&'a str),
}

/// Finds the instances that pools select without comparing every pool with every instance.
pub(crate) struct SelectionIndex<'a> {
    found: BTreeMap<Term<'a>, Vec<&'a Instance>>,
}

impl<'a> SelectionIndex<'a> {
    pub(crate) fn new(policies: impl Iterator<Item = &'a Policy>, inventory: &'a Inventory) -> Self {
        let mut found: BTreeMap<Term<'a>, Vec<&'a Instance>> = BTreeMap::new();
        for policy in policies {
            found
                .extend(alternatives(policy.selector()).into_iter().flatten().map(|term| (term, Vec::new())));
        }
        for instance in inventory.fleet.instances.values() {
            let zone = instance.zone.as_ref().map(|zone| Term::Zone(zone.as_str()));
            let tags = instance.tags.iter().map(|(key, value)| Term::Tag(key, value));
            let listed = inventory.groups.members.get(&instance.id).map(|member| member.group.as_str());
            let tagged = instance.tags.get(GROUP_TAG).map(String::as_str);
            for term in tags.chain(zone).chain(listed.or(tagged).map(Term::Group)) {
                if let Some(instances) = found.get_mut(&term) {
                    instances.push(instance);
                }
            }
        }
        Self { found }
    }

    /// Returns the ids of the instances that the policy selects.
    pub(crate) fn select(&self, policy: &Policy, inventory: &Inventory) -> Vec<InstanceId> {
        let size = |terms: &Vec<Term<'_>>| -> usize {
            terms.iter().filter_map(|term| self.found.get(term)).map(Vec::len).sum()
        };
        let rarest = alternatives(policy.selector()).into_iter().min_by_key(size).unwrap_or_default();
        let candidates = rarest.iter().filter_map(|term| self.found.get(term)).flatten();
        candidates
            .filter(|instance| policy.selects(instance, inventory.groups.group_of(instance).as_ref()))
            .map(|instance| instance.id.clone())
            .collect()
    }
}

/// Returns the selector's conditions; of each inner list, an instance must meet one.
fn alternatives(selector: &Selector) -> Vec<Vec<Term<'_>>> {
    let mut conditions: Vec<Vec<Term<'_>>> =
        selector.tags.iter().map(|(key, value)| vec![Term::Tag(key, value)]).collect();
    conditions.push(selector.wavelength_zones.iter().map(|zone| Term::Zone(zone.as_str())).collect());
    conditions.push(selector.auto_scaling_groups.iter().map(|group| Term::Group(group.as_str())).collect());
    conditions.retain(|terms| !terms.is_empty());
    conditions
}
