//! How what is published differs from what should be: one difference for each instance, TTL, routing
//! and fallback.
//!
//! | published | desired | difference |
//! |---|---|---|
//! | nothing | a member | `Add` |
//! | an entry | nothing | `Remove` |
//! | another address | a member | `Move` |
//! | another weight | a member | `Reweight` |
//! | the same, with fields that the registrar does not write | a member | `Repair` |
//! | the same | a member | none |
//! | an entry | what an earlier read saw | none |
//! | another TTL in the set | any | `Ttl` |
//! | records of another routing | any | `Routing` |
//! | no, another or an unwanted fallback | | `Fallback` |
//! | more records than one set holds, or leaves that are not even | any | `Tree`, once the guard has decided who stays |
//!
//! A difference says nothing about whether it may be acted on; that is the guard's business.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::desired::{DesiredMember, DesiredPool};
use crate::ids::InstanceId;
use crate::name::RecordName;
use crate::owner::Role;
use crate::pool::{Fallback, PoolState, Routing};
use crate::record_set::{RecordSet, RecordType};
use crate::site::{Entry, Place, Site, Sites};
use crate::standing::Standing;

/// One way in which a pool's records differ from what they should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where they differ.
    pub place: Place,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub enum DifferenceKind {
    /// An instance should be published.
    Add {
        /// The instance.
        instance: InstanceId,
        /// What should be published for it.
        new: Entry,
    },
    /// An instance should not be published.
    Remove {
        /// The instance.
        instance: InstanceId,
        /// What is published for it.
        old: Entry,
    },
    /// An instance has another address.
    Move {
        /// The instance.
        instance: InstanceId,
        /// What is published for it.
        old: Entry,
        /// What should be.
        new: Entry,
    },
    /// An instance has another weight.
    Reweight {
        /// The instance.
        instance: InstanceId,
        /// What is published for it.
        old: Entry,
        /// What should be.
        new: Entry,
    },
    /// Somebody changed the record in a way that the registrar does not write.
    Repair {
        /// The instance.
        instance: InstanceId,
        /// What is published for it.
        old: Entry,
        /// What should be.
        new: Entry,
    },
    /// The set has another TTL than the document.
    Ttl {
        /// The TTL that it has, in seconds.
        from: u32,
        /// The TTL that it should have, in seconds.
        to: u32,
    },
    /// The pool's records have another routing than the document.
    Routing {
        /// The routing that they have.
        from: Routing,
        /// The routing that they should have.
        to: Routing,
    },
    /// The fallback is missing, different or not wanted.
    Fallback {
        /// What is there.
        old: Option<Arc<RecordSet>>,
        /// What should be there.
        new: Option<Arc<RecordSet>>,
    },
    /// The pool's records stand in too many sets, in too few, or unevenly.
    Tree(TreeChange),
}

/// How a pool's tree changes by itself, apart from the instances that come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// How many leaves there are; none for one set at the pool's name.
    pub from: usize,
    /// How many leaves there should be.
    pub to: usize,
    /// How many records stand elsewhere afterwards.
    pub moved: usize,
}

impl fmt::Display for TreeChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaves = |count: usize| match count {
            0 => "one set".to_owned(),
            1 => "1 leaf".to_owned(),
            count => format!("{count} leaves"),
        };
        write!(f, "~ tree  {}", leaves(self.from))?;
        if self.from != self.to {
            write!(f, " → {}", leaves(self.to))?;
        }
        match self.moved {
            0 if self.from == self.to => f.write_str(", weights of its aliases"),
            0 => Ok(()),
            moved => write!(f, ", {moved} moved"),
        }
    }
}

/// Everything in which one pool's records differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolDiff {
    /// The differences: instances in the order of their ids, then the set's own.
    pub differences: Vec<Difference>,
}

impl PoolDiff {
    /// Compares what a pool should publish with what stands at its names.
    #[must_use]
    pub fn new(desired: &DesiredPool<'_>, sites: &Sites) -> Self {
        let mut diff = Self::default();
        diff.compare_main(desired, &sites.main);
        for stray in &sites.strays {
            diff.remove_all(stray);
        }
        diff
    }

    fn push(&mut self, site: &Site, kind: DifferenceKind) {
        self.differences.push(Difference { place: site.place.clone(), kind });
    }

    fn compare_main(&mut self, desired: &DesiredPool<'_>, site: &Site) {
        if desired.policy.state == PoolState::Retired {
            return self.remove_all(site);
        }
        let mut instances: Vec<&InstanceId> = site.entries.keys().chain(desired.members.keys()).collect();
        instances.sort();
        instances.dedup();
        for instance in instances {
            let kind = match (site.entries.get(instance), desired.members.get(instance)) {
                (None, Some(member)) => Some(DifferenceKind::Add {
                    instance: instance.clone(),
                    new: added_entry(desired, site, member),
                }),
                (Some(_), None) if matches!(desired.standings.get(instance), Some(Standing::AsBefore(_))) => {
                    None
                }
                (Some(old), None) => {
                    Some(DifferenceKind::Remove { instance: instance.clone(), old: old.clone() })
                }
                (Some(old), Some(member)) => compare_entry(desired, site, instance, old, member),
                (None, None) => None,
            };
            if let Some(kind) = kind {
                self.push(site, kind);
            }
        }
        if site.entries.is_empty() && desired.members.is_empty() && desired.fallback.is_none() {
            return self.compare_fallback(desired, site);
        }
        self.compare_set(desired, site);
        self.compare_fallback(desired, site);
    }

    fn compare_set(&mut self, desired: &DesiredPool<'_>, site: &Site) {
        // With nothing of ours there and somebody else's record in the way, the set is not ours to compare.
        if site.owned.is_empty() && !site.in_the_way.is_empty() {
            return;
        }
        let to = desired.policy.ttl_secs;
        let ttls = site.owned.iter().filter(|record| record.r#type == RecordType::A);
        let foreign = site.foreign_ttl_secs().filter(|_| !site.is_tree());
        let differing = ttls.filter_map(|record| record.ttl_secs).chain(foreign).find(|ttl| *ttl != to);
        if let Some(from) = differing {
            self.push(site, DifferenceKind::Ttl { from, to });
        }
        let to = desired.policy.routing;
        if let Some(from) = site.form.filter(|from| *from != to) {
            self.push(site, DifferenceKind::Routing { from, to });
        }
    }

    fn compare_fallback(&mut self, desired: &DesiredPool<'_>, site: &Site) {
        let old = site.fallback.clone();
        let ttl_secs = old.as_ref().and_then(|record| record.ttl_secs);
        let ttl_secs = ttl_secs.or_else(|| site.foreign_ttl_secs()).or_else(|| site.ttl_secs());
        let ttl_secs = ttl_secs.unwrap_or(desired.policy.ttl_secs);
        let new =
            desired.fallback.map(|fallback| Arc::new(fallback_record(desired, site, fallback, ttl_secs)));
        if old != new {
            self.push(site, DifferenceKind::Fallback { old, new });
        }
    }

    fn remove_all(&mut self, site: &Site) {
        for (instance, old) in &site.entries {
            self.push(site, DifferenceKind::Remove { instance: instance.clone(), old: old.clone() });
        }
        if let Some(old) = site.fallback.clone() {
            self.push(site, DifferenceKind::Fallback { old: Some(old), new: None });
        }
    }
}

fn new_entry(desired: &DesiredPool<'_>, member: &DesiredMember, old: Option<&Entry>) -> Entry {
    Entry {
        address: Some(member.address.0),
        weight: desired.weight(member, old.and_then(|old| old.weight)),
        health_check_id: old.and_then(|old| old.health_check_id.clone()),
        leaf: None,
        as_read: None,
    }
}

/// Whoever is added takes the form that the others have, and a weight of its own where that has weights.
fn added_entry(desired: &DesiredPool<'_>, site: &Site, member: &DesiredMember) -> Entry {
    let new = new_entry(desired, member, None);
    let is_weighted = site.form == Some(Routing::Weighted);
    let asked = is_weighted.then(|| desired.asked_weight(member, None));
    Entry { weight: new.weight.or(asked), ..new }
}

fn compare_entry(
    desired: &DesiredPool<'_>,
    site: &Site,
    instance: &InstanceId,
    old: &Entry,
    member: &DesiredMember,
) -> Option<DifferenceKind> {
    let new = new_entry(desired, member, Some(old));
    let (instance, old) = (instance.clone(), old.clone());
    if old.address != new.address {
        return Some(DifferenceKind::Move { instance, old, new });
    }
    let same_form = site.form == Some(desired.policy.routing);
    if same_form && old.weight != new.weight {
        return Some(DifferenceKind::Reweight { instance, old, new });
    }
    let as_read = old.as_read.as_ref().filter(|_| same_form)?;
    let ttl_secs = as_read.ttl_secs.unwrap_or(desired.policy.ttl_secs);
    let written = member_record(desired, desired.policy.routing, &as_read.name, (&instance, &new), ttl_secs);
    let is_doubled = site.surplus.contains_key(&instance);
    (is_doubled || written.as_ref() != Some(as_read.as_ref())).then_some(DifferenceKind::Repair {
        instance,
        old,
        new,
    })
}

/// Builds the record set of one entry in the given form; `None` for an entry without an address.
pub(crate) fn member_record(
    desired: &DesiredPool<'_>,
    form: Routing,
    name: &RecordName,
    (instance, entry): (&InstanceId, &Entry),
    ttl_secs: u32,
) -> Option<RecordSet> {
    let mut record = address_record(name, entry.address?, ttl_secs);
    record.set_identifier = Some(desired.owner.mark(Role::Member(instance.clone())).to_string());
    match form {
        Routing::Weighted => record.weight = Some(entry.weight.unwrap_or(desired.policy.default_weight)),
        Routing::Multivalue => record.multi_value_answer = Some(true),
        Routing::Simple => record.set_identifier = None,
    }
    record.health_check_id.clone_from(&entry.health_check_id);
    Some(record)
}

fn fallback_record(desired: &DesiredPool<'_>, site: &Site, fallback: &Fallback, ttl_secs: u32) -> RecordSet {
    let mut record = match fallback {
        Fallback::Address(address) => address_record(&site.place.name, *address, ttl_secs),
        Fallback::Alias(target) => {
            let mut record = RecordSet::simple(site.place.name.clone(), RecordType::A, ttl_secs, Vec::new());
            record.ttl_secs = None;
            record.alias_target = Some(target.clone());
            record
        }
    };
    record.set_identifier = Some(desired.owner.mark(Role::Fallback).to_string());
    record.weight = Some(0);
    record
}

fn address_record(name: &RecordName, address: Ipv4Addr, ttl_secs: u32) -> RecordSet {
    RecordSet::simple(name.clone(), RecordType::A, ttl_secs, vec![address.to_string()])
}

impl Difference {
    /// Returns the instance that differs, where it is one.
    #[must_use]
    pub fn instance(&self) -> Option<&InstanceId> {
        match &self.kind {
            DifferenceKind::Add { instance, .. }
            | DifferenceKind::Remove { instance, .. }
            | DifferenceKind::Move { instance, .. }
            | DifferenceKind::Reweight { instance, .. }
            | DifferenceKind::Repair { instance, .. } => Some(instance),
            DifferenceKind::Ttl { .. }
            | DifferenceKind::Routing { .. }
            | DifferenceKind::Fallback { .. }
            | DifferenceKind::Tree(_) => None,
        }
    }

    /// Returns the instance that is added, where that is the difference.
    pub(crate) fn added(&self) -> Option<&InstanceId> {
        self.instance().filter(|_| matches!(self.kind, DifferenceKind::Add { .. }))
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => address.fmt(f)?,
            None => f.write_str("no address")?,
        }
        match self.weight {
            Some(weight) => write!(f, " weight {weight}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let describe = |record: &Option<Arc<RecordSet>>| match record {
            None => "none".to_owned(),
            Some(record) => match &record.alias_target {
                Some(alias) => format!("alias {}", alias.dns_name),
                None => record.values().collect::<Vec<_>>().join(" "),
            },
        };
        match &self.kind {
            DifferenceKind::Add { instance, new } => write!(f, "+ {instance}  {new}"),
            DifferenceKind::Remove { instance, old } => write!(f, "- {instance}  {old}"),
            DifferenceKind::Move { instance, old, new }
            | DifferenceKind::Reweight { instance, old, new }
            | DifferenceKind::Repair { instance, old, new } => write!(f, "~ {instance}  {old} → {new}"),
            DifferenceKind::Tree(change) => change.fmt(f),
            DifferenceKind::Ttl { from, to } => write!(f, "~ TTL  {from} s → {to} s"),
            DifferenceKind::Routing { from, to } => write!(f, "~ routing  {from} → {to}"),
            DifferenceKind::Fallback { old, new } => {
                write!(f, "~ fallback  {} → {}", describe(old), describe(new))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_tree_says_what_happens_to_leaves_and_records() {
        for ((from, to, moved), said) in [
            ((0, 3, 110), "~ tree  one set → 3 leaves, 110 moved"),
            ((3, 0, 80), "~ tree  3 leaves → one set, 80 moved"),
            ((2, 1, 0), "~ tree  2 leaves → 1 leaf"),
            ((4, 4, 7), "~ tree  4 leaves, 7 moved"),
            ((4, 4, 0), "~ tree  4 leaves, weights of its aliases"),
        ] {
            assert_eq!(TreeChange { from, to, moved }.to_string(), said);
        }
    }
}
