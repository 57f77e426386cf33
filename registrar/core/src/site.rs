//! What stands at a pool's names: its own records, and what others put beside them or in their way.
//!
//! A pool has one site, at the name in its document, and further ones where its marks stand under a
//! name that the document does not name any more. This only sorts records; it judges none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::ids::{DeploymentName, HostedZoneId, InstanceId, PoolName};
use crate::inventory::HostedZone;
use crate::leaf::Leaf;
use crate::name::RecordName;
use crate::owner::{MemberText, OWNER_LABEL, Owner, OwnerMark, Role};
use crate::pool::Routing;
use crate::record_set::{RecordSet, RecordType, RoutingKind, SetKey};

/// What is published for one instance.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The address; absent for a record that was turned into an alias, and for an owner text whose
    /// address is not published any more.
    pub address: Option<Ipv4Addr>,
    /// The weight, for weighted records.
    pub weight: Option<u8>,
    /// The health check that somebody attached to the record.
    pub health_check_id: Option<String>,
    /// The leaf at which the record stands; absent at the pool's name, and for one that is not placed yet.
    pub leaf: Option<Leaf>,
    /// The record set as it was read; absent for an address within a simple set, and for new entries.
    pub as_read: Option<Arc<RecordSet>>,
}

impl Entry {
    /// Says whether another entry is the same, as it was read or made; two that were read apart may be equal all the same.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let as_read = match (&self.as_read, &other.as_read) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let fields = |entry: &Self| (entry.address, entry.weight, entry.leaf);
        as_read && fields(self) == fields(other) && self.health_check_id == other.health_check_id
    }

    /// Says whether something is answered for the instance; an owner text by itself answers nothing.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.address.is_some() || self.as_read.is_some()
    }
}

/// Where records stand: a hosted zone, and a name in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The hosted zone.
    pub hosted_zone_id: HostedZoneId,
    /// The name.
    pub name: RecordName,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in hosted zone {}", self.name, self.hosted_zone_id)
    }
}

/// The records of one pool at one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Where it is.
    pub place: Place,
    /// The form in which the pool's records are there, where there are any.
    pub form: Option<Routing>,
    /// What is published, by instance.
    pub entries: BTreeMap<InstanceId, Entry>,
    /// The pool's weight-0 fallback record.
    pub fallback: Option<Arc<RecordSet>>,
    /// The pool's aliases to its leaves.
    pub aliases: BTreeMap<Leaf, Arc<RecordSet>>,
    /// Further records of instances that have an entry: two executors may each have made one.
    pub surplus: BTreeMap<InstanceId, Vec<Arc<RecordSet>>>,
    /// Leaves at which others have records, each with one of them.
    pub taken: BTreeMap<Leaf, Arc<RecordSet>>,
    /// Every record set that the pool owns here, as it was read.
    pub owned: Vec<Arc<RecordSet>>,
    /// Record sets of others that share the set, and may.
    pub siblings: Vec<Arc<RecordSet>>,
    /// Record sets of others that the pool's own cannot stand beside.
    pub in_the_way: Vec<Arc<RecordSet>>,
    /// Values of others inside the pool's own simple set and its owner texts: they are carried along.
    pub foreign_values: BTreeSet<Ipv4Addr>,
    /// Texts of others among the pool's owner texts.
    pub foreign_texts: BTreeSet<String>,
}

impl Site {
    /// Returns the TTL of the set: that of others' records where there are any, since theirs must not be
    /// touched, or else that of the pool's own.
    #[must_use]
    pub fn ttl_secs(&self) -> Option<u32> {
        let own = self.owned.iter().filter(|record| record.r#type == RecordType::A);
        let foreign = self.foreign_ttl_secs().filter(|_| !self.is_tree());
        foreign.or_else(|| own.filter_map(|record| record.ttl_secs).next())
    }

    /// Says whether the pool's records stand in a tree.
    #[must_use]
    pub fn is_tree(&self) -> bool {
        !self.aliases.is_empty() || self.entries.values().any(|entry| entry.leaf.is_some())
    }

    /// Returns the TTL that others' records in the set have.
    #[must_use]
    pub fn foreign_ttl_secs(&self) -> Option<u32> {
        let others = self.siblings.iter().chain(&self.in_the_way);
        others.filter(|record| record.r#type == RecordType::A).filter_map(|record| record.ttl_secs).next()
    }

    /// Reads the site of `owner` at `place`, whose records should have the form `wanted`. Records of
    /// owners that are `leaving` are not in the way: the same plan removes them.
    fn read(
        place: Place,
        wanted: Routing,
        owner: &Owner,
        zone: &HostedZone,
        leaving: &BTreeSet<Owner>,
    ) -> Self {
        let mut site = Self::empty(place);
        let name = &site.place.name.clone();
        let texts = owner_texts(name, zone);
        let mut loose = Vec::new();
        let mut at_name = Vec::new();
        for record in zone.at_name(name) {
            match (&record.r#type, mark(record)) {
                (RecordType::A, Some(OwnerMark { owner: of, role: Role::Member(instance) }))
                    if of == *owner =>
                {
                    at_name.push((instance, record));
                }
                (RecordType::A, Some(mark)) if mark.owner == *owner => site.add_marked(record, mark.role),
                (RecordType::A, Some(mark)) if leaving.contains(&mark.owner) => {}
                (RecordType::A, _) => loose.push(record),
                (RecordType::Cname, _) => site.in_the_way.push(record.clone()),
                (RecordType::Ns | RecordType::Soa | RecordType::Txt | RecordType::Other(_), _) => {}
            }
        }
        site.add_members(at_name, owner, zone, leaving);
        match texts {
            Some(texts) if leaves(texts, owner, leaving) => {
                loose.retain(|record| {
                    record.routing() != RoutingKind::Simple || record.alias_target.is_some()
                });
            }
            Some(texts) => site.add_texts(texts, owner, &mut loose, wanted),
            None => {}
        }
        for record in loose {
            let shares = record.routing() == routing_kind(wanted) && wanted != Routing::Simple;
            if shares { site.siblings.push(record.clone()) } else { site.in_the_way.push(record.clone()) }
        }
        site
    }

    fn empty(place: Place) -> Self {
        Self {
            place,
            form: None,
            entries: BTreeMap::new(),
            fallback: None,
            aliases: BTreeMap::new(),
            surplus: BTreeMap::new(),
            taken: BTreeMap::new(),
            owned: Vec::new(),
            siblings: Vec::new(),
            in_the_way: Vec::new(),
            foreign_values: BTreeSet::new(),
            foreign_texts: BTreeSet::new(),
        }
    }

    fn add_marked(&mut self, record: &Arc<RecordSet>, role: Role) {
        match role {
            Role::Fallback => self.fallback = Some(record.clone()),
            Role::Leaf(leaf) => {
                self.aliases.insert(leaf, record.clone());
            }
            Role::Member(instance) => return self.add_member(None, instance, record),
        }
        self.own(record);
    }

    fn own(&mut self, record: &Arc<RecordSet>) {
        self.owned.push(record.clone());
        let weighted = record.routing() == RoutingKind::Weighted;
        self.form = Some(if weighted { Routing::Weighted } else { Routing::Multivalue });
    }

    /// Adds the members at the name and at its leaves. Of an instance that has both, the one that a tree needs is its
    /// entry.
    fn add_members(
        &mut self,
        at_name: Vec<(InstanceId, &Arc<RecordSet>)>,
        owner: &Owner,
        zone: &HostedZone,
        leaving: &BTreeSet<Owner>,
    ) {
        let is_tree = !self.aliases.is_empty();
        let add_at_name = |site: &mut Self| {
            at_name.iter().for_each(|(instance, record)| site.add_member(None, instance.clone(), record));
        };
        if !is_tree {
            add_at_name(self);
        }
        for (leaf, record) in zone.at_leaves(&self.place.name.clone()) {
            match (&record.r#type, mark(record)) {
                (RecordType::A, Some(OwnerMark { owner: of, role: Role::Member(instance) }))
                    if of == *owner =>
                {
                    self.add_member(Some(leaf), instance, record);
                }
                (RecordType::A, Some(mark)) if leaving.contains(&mark.owner) => {}
                (RecordType::A | RecordType::Cname, _) => {
                    self.taken.insert(leaf, record.clone());
                }
                (RecordType::Ns | RecordType::Soa | RecordType::Txt | RecordType::Other(_), _) => {}
            }
        }
        if is_tree {
            add_at_name(self);
        }
    }

    fn add_member(&mut self, leaf: Option<Leaf>, instance: InstanceId, record: &Arc<RecordSet>) {
        self.own(record);
        if self.entries.contains_key(&instance) {
            return self.surplus.entry(instance).or_default().push(record.clone());
        }
        let entry = Entry {
            address: record.addresses().next(),
            weight: record.weight,
            health_check_id: record.health_check_id.clone(),
            leaf,
            as_read: Some(record.clone()),
        };
        self.entries.insert(instance, entry);
    }

    /// Sorts the owner texts: with one of ours there, the simple set beside them is ours too.
    fn add_texts(
        &mut self,
        texts: &Arc<RecordSet>,
        owner: &Owner,
        loose: &mut Vec<&Arc<RecordSet>>,
        wanted: Routing,
    ) {
        let mut ours: BTreeMap<InstanceId, Ipv4Addr> = BTreeMap::new();
        for value in texts.values() {
            match value.parse::<MemberText>() {
                Ok(text) if text.owner == *owner => {
                    ours.insert(text.instance, text.address);
                }
                Ok(_) | Err(_) => {
                    self.foreign_texts.insert(value.to_owned());
                }
            }
        }
        if ours.is_empty() {
            if wanted == Routing::Simple {
                self.in_the_way.push(texts.clone());
            }
            return;
        }
        self.owned.push(texts.clone());
        self.form = self.form.or(Some(Routing::Simple));
        // An alias is not a set that the texts describe, whoever made it one.
        let simple = loose
            .iter()
            .position(|record| record.routing() == RoutingKind::Simple && record.alias_target.is_none());
        let set = simple.map(|index| loose.remove(index).clone());
        let published: BTreeSet<Ipv4Addr> = set.iter().flat_map(|set| set.addresses()).collect();
        self.foreign_values =
            published.iter().filter(|ip| !ours.values().any(|our| our == *ip)).copied().collect();
        for (instance, address) in ours {
            let address = Some(address).filter(|address| published.contains(address));
            let entry = Entry { address, weight: None, health_check_id: None, leaf: None, as_read: None };
            self.entries.entry(instance).or_insert(entry);
        }
        self.owned.extend(set);
    }
}

/// Where a pool's records stand.
#[derive(Clone, Debug, PartialEq)]
pub struct Sites {
    /// At the name that the document names.
    pub main: Site,
    /// At names that it does not name any more.
    pub strays: Vec<Site>,
}

impl Sites {
    /// Returns every instance that the pool has a record for.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceId> {
        self.all().flat_map(|site| site.entries.keys())
    }

    /// Returns the main site and the strays.
    pub fn all(&self) -> impl Iterator<Item = &Site> {
        std::iter::once(&self.main).chain(&self.strays)
    }
}

/// The marked places of every hosted zone, found in one pass over each.
pub(crate) struct MarkedPlaces<'a> {
    zones: &'a BTreeMap<HostedZoneId, HostedZone>,
    places: BTreeMap<Owner, BTreeSet<Place>>,
    leaving: BTreeSet<Owner>,
}

impl<'a> MarkedPlaces<'a> {
    pub(crate) fn find(zones: &'a BTreeMap<HostedZoneId, HostedZone>, leaving: BTreeSet<Owner>) -> Self {
        let mut found = Self { zones, places: BTreeMap::new(), leaving };
        for (id, zone) in zones {
            for record in zone.records.values() {
                found.add(id, record);
            }
        }
        found
    }

    fn add(&mut self, id: &HostedZoneId, record: &RecordSet) {
        let mut note = |owner: Owner, name: RecordName| {
            self.places.entry(owner).or_default().insert(Place { hosted_zone_id: id.clone(), name });
        };
        match record.r#type {
            RecordType::A => {
                if let Some(mark) = mark(record) {
                    note(mark.owner, record.name.clone());
                }
            }
            RecordType::Txt if record.name.labels().next() == Some(OWNER_LABEL) => {
                let Some(name) = record.name.parent() else { return };
                for text in record.values().filter_map(|value| value.parse::<MemberText>().ok()) {
                    note(text.owner, name.clone());
                }
            }
            RecordType::Txt | RecordType::Cname | RecordType::Ns | RecordType::Soa | RecordType::Other(_) => {
            }
        }
    }

    /// Returns the owners of a deployment's records whose pools are not among `pools`.
    pub(crate) fn without_document<'s>(
        &'s self,
        deployment: &'s DeploymentName,
        pools: &'s BTreeSet<&PoolName>,
    ) -> impl Iterator<Item = (&'s Owner, BTreeSet<Place>)> {
        self.places
            .iter()
            .filter(move |(owner, _)| owner.deployment == *deployment && !pools.contains(&owner.pool))
            .map(|(owner, places)| (owner, roots(places)))
    }

    /// Counts the record sets that pools leave at a place.
    pub(crate) fn left_at(&self, place: &Place) -> u64 {
        let is_there = |owner: &&Owner| self.places.get(*owner).is_some_and(|at| roots(at).contains(place));
        let left = |owner| self.sites(owner, place, Routing::Weighted).main.owned.len() as u64;
        self.leaving.iter().filter(is_there).map(left).sum()
    }

    /// Reads the sites of a pool whose records should be at `place`, in the form `wanted`.
    pub(crate) fn sites(&self, owner: &Owner, place: &Place, wanted: Routing) -> Sites {
        let read = |place: &Place| {
            let unread = HostedZone::default();
            let zone = self.zones.get(&place.hosted_zone_id).unwrap_or(&unread);
            Site::read(place.clone(), wanted, owner, zone, &self.leaving)
        };
        let mut places = self.places.get(owner).cloned().unwrap_or_default();
        places.insert(place.clone());
        let elsewhere = roots(&places).into_iter().filter(|marked| marked != place);
        Sites { main: read(place), strays: elsewhere.map(|place| read(&place)).collect() }
    }
}

/// Returns the places that are no leaves of others among them.
fn roots(places: &BTreeSet<Place>) -> BTreeSet<Place> {
    let is_leaf = |place: &Place| {
        let above = Leaf::of(&place.name).map(|(_, name)| Place { name, ..place.clone() });
        above.is_some_and(|above| places.contains(&above))
    };
    places.iter().filter(|place| !is_leaf(place)).cloned().collect()
}

/// Says whether a pool owns any record at a name.
#[must_use]
pub fn owns_any(zone: &HostedZone, owner: &Owner, name: &RecordName) -> bool {
    let marked = |record: &Arc<RecordSet>| mark(record).is_some_and(|mark| mark.owner == *owner);
    let in_text = |value: &str| value.parse::<MemberText>().is_ok_and(|text| text.owner == *owner);
    zone.at_name(name).chain(zone.at_leaves(name).map(|(_, record)| record)).any(marked)
        || owner_texts(name, zone).is_some_and(|texts| texts.values().any(in_text))
}

fn mark(record: &RecordSet) -> Option<OwnerMark> {
    record.set_identifier.as_deref().filter(|_| record.is_understood()).and_then(|id| id.parse().ok())
}

/// Says whether every text belongs to other owners whose records this plan removes.
fn leaves(texts: &RecordSet, owner: &Owner, leaving: &BTreeSet<Owner>) -> bool {
    let of_leaving = |value: &str| {
        value.parse::<MemberText>().is_ok_and(|text| text.owner != *owner && leaving.contains(&text.owner))
    };
    texts.values().all(of_leaving)
}

fn owner_texts<'a>(name: &RecordName, zone: &'a HostedZone) -> Option<&'a Arc<RecordSet>> {
    let name = name.child(OWNER_LABEL).ok()?;
    zone.set(&SetKey { name, r#type: RecordType::Txt }).next()
}

/// Returns how Route 53 names a pool's routing.
pub(crate) fn routing_kind(routing: Routing) -> RoutingKind {
    match routing {
        Routing::Weighted => RoutingKind::Weighted,
        Routing::Multivalue => RoutingKind::Multivalue,
        Routing::Simple => RoutingKind::Simple,
    }
}
