//! What a hosted zone holds at the name: the records behind the answers, and whose they are.
//!
//! Where a pool is so large that it is a tree, they stand at its leaves, and the name holds aliases that lead there.
//! Ownership is read from the marks alone, as the registrar writes them; which records should stand is the
//! truth's business, and what follows the judgement's.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use registrar_core::ids::{DeploymentName, InstanceId, PoolName};
use registrar_core::inventory::HostedZone;
use registrar_core::leaf::Leaf;
use registrar_core::name::RecordName;
use registrar_core::owner::{MemberText, OWNER_LABEL, Owner, OwnerMark, Role};
use registrar_core::record_set::{RecordSet, RecordType, RoutingKind};

/// Route 53 Developer Guide, "Multivalue answer routing": up to eight healthy records are answered.
const MULTIVALUE_ANSWERS: f64 = 8.0;

/// The record sets of one name and of its leaves, as a hosted zone holds them.
///
/// Only what answers a question for IPv4 addresses is in it: records of type A, and a CNAME. Of a leaf, they are where an
/// alias at the name leads there, or one of them is ours; any other name below the pool's is its owner's business.
#[derive(Clone, Debug)]
pub struct RecordInventory {
    deployment: DeploymentName,
    pool: Option<PoolName>,
    name: RecordName,
    records: BTreeMap<RecordName, Vec<Arc<RecordSet>>>,
    holders: BTreeMap<Ipv4Addr, Vec<Arc<RecordSet>>>,
    texts: Vec<MemberText>,
    gap: Option<String>,
}

/// Whose a record set, or a value of one, is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// The pool's, or another one's of the deployment where the pool's name is not known; with its instance.
    Ours(Option<InstanceId>),
    /// Another pool's or deployment's.
    OfOwner(Owner),
    /// Nobody's that the registrar knows of.
    Unmarked,
}

impl RecordInventory {
    /// Takes the records of `name` out of a listing. They are the deployment's own where their marks say so;
    /// without a pool's name, those of any of its pools.
    #[must_use]
    pub fn new(
        name: &RecordName,
        listed: &HostedZone,
        deployment: &DeploymentName,
        pool: Option<&PoolName>,
    ) -> Self {
        let of_texts = name.child(OWNER_LABEL).ok();
        let texts = of_texts.iter().flat_map(|name| listed.at_name(name));
        let texts = texts.filter(|record| record.r#type == RecordType::Txt);
        let mut inventory = Self {
            deployment: deployment.clone(),
            pool: pool.cloned(),
            name: name.clone(),
            records: BTreeMap::new(),
            holders: BTreeMap::new(),
            texts: texts.flat_map(|record| record.values().filter_map(|text| text.parse().ok())).collect(),
            gap: listed.gap.as_ref().map(|gap| gap.reason.clone()),
        };
        inventory.add(name, listed);
        let reached: BTreeSet<RecordName> = inventory.aliases().map(|(_, target)| target.clone()).collect();
        for leaf in Leaf::all().filter_map(|leaf| leaf.name(name).ok()) {
            let is_ours =
                |record: &Arc<RecordSet>| matches!(inventory.ownership(record, None), Ownership::Ours(_));
            if reached.contains(&leaf) || answering(listed, &leaf).any(is_ours) {
                inventory.add(&leaf, listed);
            }
        }
        inventory
    }

    fn add(&mut self, name: &RecordName, listed: &HostedZone) {
        let records: Vec<Arc<RecordSet>> = answering(listed, name).cloned().collect();
        for record in &records {
            for address in record.addresses() {
                self.holders.entry(address).or_default().push(record.clone());
            }
        }
        self.records.insert(name.clone(), records);
    }

    /// Returns the aliases at the name, each with the name that it leads to.
    fn aliases(&self) -> impl Iterator<Item = (&RecordSet, &RecordName)> {
        self.at(&self.name).filter_map(|record| Some((record, &record.alias_target.as_ref()?.dns_name)))
    }

    fn at(&self, name: &RecordName) -> impl Iterator<Item = &RecordSet> {
        self.records.get(name).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Returns why records may exist that are not in it.
    #[must_use]
    pub fn gap(&self) -> Option<&str> {
        self.gap.as_deref()
    }

    /// Replaces the reason why records may exist that are not in it.
    #[must_use]
    pub fn with_gap(self, gap: Option<String>) -> Self {
        Self { gap, ..self }
    }

    /// Names who should own the records: `deployment edge, pool video`.
    pub(crate) fn owner(&self) -> String {
        match &self.pool {
            Some(pool) => format!("deployment {}, pool {pool}", self.deployment),
            None => format!("deployment {}", self.deployment),
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values().flatten().map(AsRef::as_ref)
    }

    /// Returns every address that a record set holds.
    pub(crate) fn addresses(&self) -> usize {
        self.holders.len()
    }

    /// Says whether a record set answers for the name: it stands there, or at a leaf that an alias leads to.
    pub(crate) fn is_reached(&self, record: &RecordSet) -> bool {
        record.name == self.name || self.aliases().any(|(_, target)| *target == record.name)
    }

    /// Says whether an alias of ours leads to one of the name's leaves where nothing stands.
    pub(crate) fn leads_nowhere(&self, record: &RecordSet) -> bool {
        let target = record.alias_target.as_ref().map(|alias| &alias.dns_name);
        let leaf = target.filter(|target| Leaf::of(target).is_some_and(|(_, below)| below == self.name));
        leaf.is_some_and(|leaf| self.at(leaf).next().is_none())
            && matches!(self.ownership(record, None), Ownership::Ours(_))
    }

    /// Returns the record sets that hold an address.
    pub(crate) fn holding(&self, address: Ipv4Addr) -> impl Iterator<Item = &RecordSet> {
        self.holders.get(&address).into_iter().flatten().map(AsRef::as_ref)
    }

    /// Says whose a record set is; of a simple set, whose one of its values is.
    pub(crate) fn ownership(&self, record: &RecordSet, value: Option<Ipv4Addr>) -> Ownership {
        if let Some(identifier) = &record.set_identifier {
            return match identifier.parse::<OwnerMark>() {
                Ok(mark) if self.is_ours(&mark.owner) => Ownership::Ours(match mark.role {
                    Role::Member(instance) => Some(instance),
                    Role::Fallback | Role::Leaf(_) => None,
                }),
                Ok(mark) => Ownership::OfOwner(mark.owner),
                Err(_) => Ownership::Unmarked,
            };
        }
        let mut texts = self.texts.iter().filter(|text| Some(text.address) == value);
        let ours = texts.clone().find(|text| self.is_ours(&text.owner));
        match (ours, texts.next()) {
            (Some(text), _) => Ownership::Ours(Some(text.instance.clone())),
            (None, Some(text)) => Ownership::OfOwner(text.owner.clone()),
            (None, None) => Ownership::Unmarked,
        }
    }

    /// Returns the share (0 to 1) of the answers in which a record set should stand at least, by the records beside it
    /// and the aliases that lead to it alone; `None` where that depends on who asks, or nothing asks for it.
    pub(crate) fn share(&self, record: &RecordSet) -> Option<f64> {
        let beside = self.share_at_its_name(record)?;
        if record.name == self.name {
            return Some(beside);
        }
        let leading = self.aliases().filter(|(_, target)| **target == record.name);
        let led: f64 = leading.filter_map(|(alias, _)| self.share_at_its_name(alias)).sum();
        (led > 0.0).then_some(led * beside)
    }

    fn share_at_its_name(&self, record: &RecordSet) -> Option<f64> {
        let same = self.at(&record.name).filter(|other| other.r#type == record.r#type);
        match record.routing() {
            RoutingKind::Simple => Some(1.0),
            RoutingKind::Multivalue => Some((MULTIVALUE_ANSWERS / same.count() as f64).min(1.0)),
            RoutingKind::Weighted => {
                // An alias that evaluates its target is not drawn where nothing stands there.
                let is_drawn = |other: &&RecordSet| {
                    let evaluates =
                        other.alias_target.as_ref().is_some_and(|target| target.evaluate_target_health);
                    !(evaluates && self.leads_nowhere(other))
                };
                let total: u64 = same.filter(is_drawn).filter_map(|other| other.weight).map(u64::from).sum();
                let weight = record.weight.filter(|weight| *weight > 0 && is_drawn(&record))?;
                Some(f64::from(weight) / total as f64)
            }
            RoutingKind::Other => None,
        }
    }

    fn is_ours(&self, owner: &Owner) -> bool {
        owner.deployment == self.deployment && self.pool.as_ref().is_none_or(|pool| *pool == owner.pool)
    }
}

fn answering<'a>(listed: &'a HostedZone, name: &RecordName) -> impl Iterator<Item = &'a Arc<RecordSet>> {
    listed.at_name(name).filter(|record| matches!(record.r#type, RecordType::A | RecordType::Cname))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{NAME, address, listing, record};

    fn ownership(identifier: &str) -> Ownership {
        let found = listing(&[record("A", identifier, 100, "192.0.2.1")]);
        let record = found.records().next().unwrap();
        found.ownership(record, None)
    }

    #[test]
    fn a_record_is_ours_by_its_whole_mark() {
        assert_eq!(ownership("registrar/edge/video/i-01"), Ownership::Ours("i-01".parse().ok()));
        assert_eq!(ownership("registrar/edge/video/fallback"), Ownership::Ours(None));
        for other in ["registrar/edge/video-2/i-01", "registrar/edge-2/video/i-01"] {
            assert!(matches!(ownership(other), Ownership::OfOwner(_)), "{other}");
        }
        for unmarked in ["i-01", "blue", "registrar/edge/video"] {
            assert_eq!(ownership(unmarked), Ownership::Unmarked, "{unmarked}");
        }
    }

    #[test]
    fn only_what_answers_for_addresses_at_the_name_is_taken() {
        let elsewhere = |kind: &str, name: &str| {
            record(kind, "", 0, "x").replace("video.bos", name).replace(r#""Value":"x""#, r#""Value":"y""#)
        };
        let found = listing(&[
            record("AAAA", "", 0, "2001:db8::1"),
            record("TXT", "", 0, "x"),
            elsewhere("CNAME", "www.bos"),
            elsewhere("TXT", "audio.bos"),
            record("A", "", 0, "192.0.2.1"),
        ]);
        assert_eq!(found.records().count(), 1);
        assert_eq!(found.holding(address(1)).count(), 1);
        assert_eq!(found.holding(address(2)).count(), 0);
    }

    #[test]
    fn the_values_of_a_simple_set_are_owned_by_the_texts_beside_it() {
        let texts = record("TXT", "", 0, r#"\"registrar/edge/video/i-01=192.0.2.1\""#);
        let texts = texts.replace("video.bos", "registrar-owner.video.bos");
        let found = listing(&[record("A", "", 0, "192.0.2.1"), texts]);
        let set = found.records().next().unwrap();
        assert_eq!(found.ownership(set, Some(address(1))), Ownership::Ours("i-01".parse().ok()));
        assert_eq!(found.ownership(set, Some(address(2))), Ownership::Unmarked);
    }

    #[test]
    fn shares_follow_the_weights_of_all_records_at_the_name() {
        let found = listing(&[
            record("A", "registrar/edge/video/i-01", 10, "192.0.2.1"),
            record("A", "registrar/edge/video/i-02", 0, "192.0.2.2"),
            record("A", "blue", 30, "192.0.2.3"),
        ]);
        let share = |last| found.holding(address(last)).next().and_then(|record| found.share(record));
        assert_eq!((share(1), share(2), share(3)), (Some(0.25), None, Some(0.75)));
    }

    fn alias(leaf: &str, weight: u8) -> String {
        alias_as(&format!("registrar/edge/video/{leaf}"), leaf, weight)
    }

    fn alias_as(identifier: &str, leaf: &str, weight: u8) -> String {
        format!(
            r#"{{"Name":"{NAME}.","Type":"A","SetIdentifier":"{identifier}","Weight":{weight},"AliasTarget":{{
               "HostedZoneId":"Z1","DNSName":"{leaf}.{NAME}.","EvaluateTargetHealth":true}}}}"#
        )
    }

    fn at_leaf(leaf: &str, identifier: &str, weight: u8, value: &str) -> String {
        record("A", identifier, weight, value).replace(NAME, &format!("{leaf}.{NAME}"))
    }

    #[test]
    fn the_share_in_a_tree_is_that_of_the_alias_and_that_within_the_leaf() {
        let found = listing(&[
            alias("l00", 10),
            alias("l01", 30),
            alias("l02", 100),
            at_leaf("l00", "registrar/edge/video/i-01", 1, "192.0.2.1"),
            at_leaf("l01", "registrar/edge/video/i-02", 50, "192.0.2.2"),
            at_leaf("l01", "blue", 150, "192.0.2.3"),
            at_leaf("l07", "registrar/edge/video/i-04", 150, "192.0.2.4"),
            at_leaf("l08", "somebody-elses", 150, "192.0.2.5"),
        ]);
        let share = |last| found.holding(address(last)).next().and_then(|record| found.share(record));
        assert_eq!((share(1), share(2), share(3)), (Some(0.25), Some(0.1875), Some(0.5625)));
        assert_eq!(share(4), None, "no alias leads there");
        assert_eq!(found.holding(address(5)).count(), 0, "a name below is not the pool's by its name alone");
        let nowhere: Vec<&str> = found
            .records()
            .filter(|record| found.leads_nowhere(record))
            .filter_map(|record| record.set_identifier.as_deref())
            .collect();
        assert_eq!(nowhere, ["registrar/edge/video/l02"]);
    }

    #[test]
    fn an_alias_to_a_leaf_is_ours_by_its_mark() {
        let found = listing(&[alias("l00", 1), alias_as("blue", "l01", 1)]);
        let owners: Vec<Ownership> = found.records().map(|record| found.ownership(record, None)).collect();
        assert_eq!(owners, [Ownership::Unmarked, Ownership::Ours(None)]);
    }
}
