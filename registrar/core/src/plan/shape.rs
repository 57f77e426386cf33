//! The record sets that a site has, or will have after some of its differences were acted on.
//!
//! It writes no batches: it only says what would stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::desired::DesiredPool;
use crate::diff::{DifferenceKind, member_record};
use crate::guard::{Decision, Evidence, Verdict};
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::name::RecordName;
use crate::owner::{MemberText, OWNER_LABEL, OwnerMark, Role};
use crate::pool::Routing;
use crate::record_set::{RecordKey, RecordSet, RecordType, ResourceRecord};
use crate::site::{Entry, Site, routing_kind};

/// Record sets by what identifies them.
pub(super) type Records = BTreeMap<RecordKey, Arc<RecordSet>>;

/// Where a record stands: at a leaf, or at the pool's name.
pub(super) type Spot = Option<Leaf>;

/// What stands at a site: form, TTL, entries, aliases and fallback.
#[derive(Clone, Debug)]
pub(super) struct Shape<'a> {
    pub(super) desired: &'a DesiredPool<'a>,
    pub(super) site: &'a Site,
    pub(super) form: Routing,
    ttl_secs: u32,
    ttl_changed: bool,
    pub(super) entries: BTreeMap<InstanceId, Entry>,
    surplus: BTreeMap<InstanceId, Vec<Arc<RecordSet>>>,
    pub(super) aliases: BTreeMap<Leaf, Arc<RecordSet>>,
    fallback: Option<Arc<RecordSet>>,
    /// The TTL of each leaf's set, as it was read.
    leaf_ttls: BTreeMap<Leaf, u32>,
}

impl<'a> Shape<'a> {
    /// Returns what stands there now.
    pub(super) fn observed(desired: &'a DesiredPool<'a>, site: &'a Site) -> Self {
        Self {
            desired,
            site,
            form: site.form.unwrap_or(desired.policy.routing),
            ttl_secs: site.ttl_secs().unwrap_or(desired.policy.ttl_secs),
            ttl_changed: false,
            entries: site.entries.clone(),
            surplus: site.surplus.clone(),
            aliases: site.aliases.clone(),
            fallback: site.fallback.clone(),
            leaf_ttls: site
                .entries
                .values()
                .filter_map(|entry| Some((entry.leaf?, entry.as_read.as_ref()?.ttl_secs?)))
                .collect(),
        }
    }

    /// Acts on those of the decisions that go ahead.
    pub(super) fn after(mut self, decisions: &[&Decision]) -> Self {
        for decision in decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Go(_))) {
            self.act(&decision.difference.kind);
        }
        self
    }

    /// Says whether an instance has more than one record.
    pub(super) fn is_doubled(&self, instance: &InstanceId) -> bool {
        self.surplus.contains_key(instance)
    }

    /// Returns the leaf of each further record of an instance's.
    pub(super) fn leaves_of_copies(&self) -> impl Iterator<Item = Leaf> {
        self.surplus.values().flatten().filter_map(|record| spot_of(self.site, record))
    }

    /// Says where records of an instance stand.
    pub(super) fn spots_of(&self, instance: &InstanceId) -> BTreeSet<Spot> {
        let entry = self.entries.get(instance).map(|entry| entry.leaf);
        let surplus = self.surplus.get(instance).into_iter().flatten();
        entry.into_iter().chain(surplus.map(|record| spot_of(self.site, record))).collect()
    }

    /// Says whether an instance's address is published.
    pub(super) fn has_members(&self) -> bool {
        self.entries.values().any(|entry| entry.address.is_some())
    }

    fn act(&mut self, kind: &DifferenceKind) {
        match kind {
            DifferenceKind::Remove { instance, .. } => {
                self.entries.remove(instance);
                self.surplus.remove(instance);
            }
            DifferenceKind::Add { instance, new }
            | DifferenceKind::Move { instance, new, .. }
            | DifferenceKind::Reweight { instance, new, .. }
            | DifferenceKind::Repair { instance, new, .. } => {
                self.surplus.remove(instance);
                // Where it stands now, which is not where it was read once the tree has changed.
                let leaf = self.entries.get(instance).and_then(|entry| entry.leaf);
                self.entries.insert(instance.clone(), Entry { leaf, ..new.clone() });
            }
            DifferenceKind::Ttl { to, .. } => {
                self.ttl_secs = *to;
                self.ttl_changed = true;
            }
            DifferenceKind::Routing { to, .. } => self.change_form(*to),
            DifferenceKind::Tree(_) => {}
            DifferenceKind::Fallback { new, .. } => self.fallback.clone_from(new),
        }
    }

    /// Weights are read when they begin to matter; only weighted records stand in trees.
    fn change_form(&mut self, to: Routing) {
        self.form = to;
        self.surplus.clear();
        if to != Routing::Weighted {
            self.aliases.clear();
        }
        for (instance, entry) in &mut self.entries {
            entry.leaf = entry.leaf.filter(|_| to == Routing::Weighted);
            if let Some(member) = self.desired.members.get(instance) {
                entry.weight = self.desired.weight(member, entry.weight);
            }
        }
    }

    /// Says whether a query for the name finds something.
    pub(super) fn answers(&self) -> bool {
        self.others_answer() || self.fallback.is_some() || self.has_members()
    }

    /// Says whether a query for the name finds something at the name itself, or at a leaf to which an alias leads.
    pub(super) fn is_led_to(&self) -> bool {
        let is_led_to = |entry: &Entry| entry.leaf.is_none_or(|leaf| self.aliases.contains_key(&leaf));
        let mut entries = self.entries.values().filter(|entry| entry.address.is_some());
        self.others_answer() || self.fallback.is_some() || entries.any(is_led_to)
    }

    /// Says whether something that answers in this shape still does so in the other.
    pub(super) fn answers_until(&self, other: &Self) -> bool {
        let stays =
            |(id, entry): (&InstanceId, &Entry)| entry.address.is_some() && other.entries.contains_key(id);
        self.others_answer()
            || (self.fallback.is_some() && other.fallback.is_some())
            || self.entries.iter().any(stays)
    }

    /// Says whether nobody is left here although somebody comes, and that not by proof alone: without proof the last
    /// record goes only together with what comes for it.
    pub(super) fn lacks_members_of(&self, last: &Self, removals: &[&Decision]) -> bool {
        let unproven =
            |decision: &&Decision| matches!(decision.verdict, Verdict::Go(Evidence::WithinBudget(_)));
        !self.has_members() && last.has_members() && removals.iter().any(unproven)
    }

    /// Returns the weight with which an entry is answered.
    pub(super) fn weight(&self, entry: &Entry) -> u8 {
        entry.weight.unwrap_or(self.desired.policy.default_weight)
    }

    /// Says whether an instance's record is there, with a weight above 0.
    pub(super) fn weighs(&self, instance: &InstanceId) -> bool {
        self.entries.get(instance).is_some_and(|entry| self.weight(entry) > 0)
    }

    /// Says whether there are weights above 0 here and in another shape, and none of them at the same instance's record.
    pub(super) fn gives_all_weights_to(&self, other: &Self) -> bool {
        let weighs = |shape: &Self| shape.entries.keys().any(|id| shape.weighs(id));
        weighs(self) && weighs(other) && !self.entries.keys().any(|id| self.weighs(id) && other.weighs(id))
    }

    fn others_answer(&self) -> bool {
        !(self.site.siblings.is_empty()
            && self.site.in_the_way.is_empty()
            && self.site.foreign_values.is_empty())
    }

    /// Returns the record sets that the pool owns in this shape, by key.
    pub(super) fn records(&self) -> Records {
        self.records_where(|_| true, |_, _| true)
    }

    /// Returns those that stand at some spots, or lead to them, without what surely stands in another shape as well: of a
    /// leaf, mostly one record changes.
    pub(super) fn records_unlike(&self, other: &Self, spots: &BTreeSet<Spot>) -> Records {
        let set = |shape: &Self| (shape.form, shape.ttl_secs, shape.ttl_changed);
        let keeps_set = set(self) == set(other);
        let stays =
            |id: &InstanceId, entry: &Entry| other.entries.get(id).is_some_and(|there| there.is(entry));
        self.records_where(|spot| spots.contains(&spot), |id, entry| !keeps_set || !stays(id, entry))
    }

    fn records_where(
        &self,
        wanted: impl Fn(Spot) -> bool,
        differs: impl Fn(&InstanceId, &Entry) -> bool,
    ) -> Records {
        let mut records = match self.form {
            Routing::Weighted | Routing::Multivalue => self.one_for_each(&wanted, differs),
            Routing::Simple => self.shared_set(),
        };
        if self.form == Routing::Weighted && wanted(None) {
            records.extend(self.fallback.iter().map(|record| self.with_ttl(record)));
        }
        let aliases = self.aliases.iter().filter(|(leaf, _)| wanted(Some(**leaf)));
        records.extend(aliases.map(|(_, alias)| Arc::clone(alias)));
        records.into_iter().map(|record| (record.key(), record)).collect()
    }

    fn one_for_each(
        &self,
        wanted: impl Fn(Spot) -> bool,
        differs: impl Fn(&InstanceId, &Entry) -> bool,
    ) -> Vec<Arc<RecordSet>> {
        let mut names = Names { site: self.site, leaves: BTreeMap::new() };
        let entries = self.entries.iter().filter(|(id, entry)| wanted(entry.leaf) && differs(id, entry));
        let mut records: Vec<Arc<RecordSet>> =
            entries.filter_map(|(id, entry)| self.record(&mut names, id, entry)).collect();
        let spot = |record: &&Arc<RecordSet>| wanted(spot_of(self.site, record));
        records.extend(self.surplus.values().flatten().filter(spot).map(|record| self.with_ttl(record)));
        records.extend(self.texts_of_others().filter(|_| wanted(None)));
        records
    }

    fn record(&self, names: &mut Names<'_>, instance: &InstanceId, entry: &Entry) -> Option<Arc<RecordSet>> {
        let of_leaf = entry.leaf.and_then(|leaf| self.leaf_ttls.get(&leaf)).filter(|_| !self.ttl_changed);
        let of_others = self.site.foreign_ttl_secs().filter(|_| entry.leaf.is_none());
        let ttl_secs = of_leaf.copied().or(of_others).unwrap_or(self.ttl_secs);
        let name = names.at(entry.leaf)?;
        match &entry.as_read {
            Some(as_read) if as_read.routing() == routing_kind(self.form) && as_read.name == *name => {
                Some(self.with_ttl(as_read))
            }
            Some(as_read) if as_read.routing() == routing_kind(self.form) => {
                let ttl_secs = as_read.ttl_secs.map(|_| ttl_secs);
                Some(Arc::new(RecordSet { name: name.clone(), ttl_secs, ..RecordSet::clone(as_read) }))
            }
            Some(_) | None => {
                member_record(self.desired, self.form, name, (instance, entry), ttl_secs).map(Arc::new)
            }
        }
    }

    /// Only a change of the TTL touches the TTL of a record that was read.
    fn with_ttl(&self, record: &Arc<RecordSet>) -> Arc<RecordSet> {
        let is_shared = record.name == self.site.place.name && self.site.foreign_ttl_secs().is_some();
        if !self.ttl_changed || is_shared || record.ttl_secs.is_none() {
            return Arc::clone(record);
        }
        let mut record = RecordSet::clone(record);
        record.ttl_secs = Some(self.ttl_secs);
        Arc::new(record)
    }

    fn shared_set(&self) -> Vec<Arc<RecordSet>> {
        let entries = self.entries.iter().filter_map(|(id, entry)| Some((id, entry.address?)));
        let texts: BTreeSet<String> = entries
            .clone()
            .map(|(instance, address)| MemberText {
                owner: self.desired.owner.clone(),
                instance: instance.clone(),
                address,
            })
            .map(|text| text.to_string())
            .chain(self.site.foreign_texts.iter().cloned())
            .collect();
        let addresses: BTreeSet<_> =
            entries.map(|(_, address)| address).chain(self.site.foreign_values.iter().copied()).collect();
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let mut records = Vec::new();
        records.extend(self.set_of(RecordType::A, addresses));
        records.extend(self.set_of(RecordType::Txt, texts.into_iter().collect()));
        records
    }

    /// Owner texts of others stay even where the pool does not write texts any more.
    fn texts_of_others(&self) -> Option<Arc<RecordSet>> {
        let had_texts = self.site.owned.iter().any(|record| record.r#type == RecordType::Txt);
        let texts: Vec<String> = self.site.foreign_texts.iter().cloned().collect();
        if had_texts { self.set_of(RecordType::Txt, texts) } else { None }
    }

    fn set_of(&self, r#type: RecordType, values: Vec<String>) -> Option<Arc<RecordSet>> {
        if values.is_empty() {
            return None;
        }
        let as_read =
            self.site.owned.iter().find(|record| record.r#type == r#type && record.set_identifier.is_none());
        if let Some(as_read) = as_read {
            let mut record = self.with_ttl(as_read);
            let same: BTreeSet<&str> = values.iter().map(String::as_str).collect();
            if record.values().collect::<BTreeSet<_>>() != same {
                Arc::make_mut(&mut record).resource_records =
                    values.into_iter().map(|value| ResourceRecord { value }).collect();
            }
            return Some(record);
        }
        let name = match r#type {
            RecordType::Txt => self.site.place.name.child(OWNER_LABEL).ok()?,
            RecordType::A | RecordType::Cname | RecordType::Ns | RecordType::Soa | RecordType::Other(_) => {
                self.site.place.name.clone()
            }
        };
        Some(Arc::new(RecordSet::simple(name, r#type, self.ttl_secs, values)))
    }
}

/// The names of a site and its leaves, each made once.
struct Names<'a> {
    site: &'a Site,
    leaves: BTreeMap<Leaf, Option<RecordName>>,
}

impl Names<'_> {
    fn at(&mut self, spot: Spot) -> Option<&RecordName> {
        let name = &self.site.place.name;
        match spot {
            None => Some(name),
            Some(leaf) => self.leaves.entry(leaf).or_insert_with(|| leaf.name(name).ok()).as_ref(),
        }
    }
}

/// Returns where one of a pool's records stands, or leads to.
pub(super) fn spot_of(site: &Site, record: &RecordSet) -> Spot {
    if record.name != site.place.name {
        return Leaf::of(&record.name).map(|(leaf, _)| leaf);
    }
    let mark: Option<OwnerMark> = record.set_identifier.as_deref().and_then(|id| id.parse().ok());
    match mark?.role {
        Role::Leaf(leaf) => Some(leaf),
        Role::Member(_) | Role::Fallback => None,
    }
}
