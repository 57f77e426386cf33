//! What stands at a pool's names: its own records, and what others put beside them or in their way.
//!
//! A pool has one site, at the name in its document, and further ones where its marks stand under a
//! name that the document does not name any more. This only sorts records; it judges none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::ids::InstanceId;
use crate::inventory::HostedZone;
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
    /// The record set as it was read; absent for an address within a simple set, and for new entries.
    pub as_read: Option<Arc<RecordSet>>,
}

/// The records of one pool at one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The name.
    pub name: RecordName,
    /// The form in which the pool's records are there, where there are any.
    pub form: Option<Routing>,
    /// What is published, by instance.
    pub entries: BTreeMap<InstanceId, Entry>,
    /// The pool's weight-0 fallback record.
    pub fallback: Option<Arc<RecordSet>>,
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
        self.foreign_ttl_secs().or_else(|| own.filter_map(|record| record.ttl_secs).next())
    }

    /// Returns the TTL that others' records in the set have.
    #[must_use]
    pub fn foreign_ttl_secs(&self) -> Option<u32> {
        let others = self.siblings.iter().chain(&self.in_the_way);
        others.filter(|record| record.r#type == RecordType::A).filter_map(|record| record.ttl_secs).next()
    }

    /// Reads the site of `owner` at `name`, whose records should have the form `wanted`.
    fn read(name: &RecordName, wanted: Routing, owner: &Owner, zone: &HostedZone) -> Self {
        let mut site = Self::empty(name.clone());
        let texts = owner_texts(name, zone);
        let mut loose = Vec::new();
        for record in zone.at_name(name) {
            match (&record.r#type, mark(record)) {
                (RecordType::A, Some(mark)) if mark.owner == *owner => site.add_marked(record, mark.role),
                (RecordType::A, _) => loose.push(record),
                (RecordType::Cname, _) => site.in_the_way.push(record.clone()),
                (RecordType::Ns | RecordType::Soa | RecordType::Txt | RecordType::Other(_), _) => {}
            }
        }
        if let Some(texts) = texts {
            site.add_texts(texts, owner, &mut loose, wanted);
        }
        for record in loose {
            let shares = record.routing() == routing_kind(wanted) && wanted != Routing::Simple;
            if shares { site.siblings.push(record.clone()) } else { site.in_the_way.push(record.clone()) }
        }
        site
    }

    fn empty(name: RecordName) -> Self {
        Self {
            name,
            form: None,
            entries: BTreeMap::new(),
            fallback: None,
            owned: Vec::new(),
            siblings: Vec::new(),
            in_the_way: Vec::new(),
            foreign_values: BTreeSet::new(),
            foreign_texts: BTreeSet::new(),
        }
    }

    fn add_marked(&mut self, record: &Arc<RecordSet>, role: Role) {
        self.owned.push(record.clone());
        let weighted = record.routing() == RoutingKind::Weighted;
        self.form = Some(if weighted { Routing::Weighted } else { Routing::Multivalue });
        match role {
            Role::Fallback => self.fallback = Some(record.clone()),
            Role::Member(instance) => {
                let entry = Entry {
                    address: record.addresses().next(),
                    weight: record.weight,
                    health_check_id: record.health_check_id.clone(),
                    as_read: Some(record.clone()),
                };
                self.entries.insert(instance, entry);
            }
        }
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
        let simple = loose.iter().position(|record| record.routing() == RoutingKind::Simple);
        let set = simple.map(|index| loose.remove(index).clone());
        let published: BTreeSet<Ipv4Addr> = set.iter().flat_map(|set| set.addresses()).collect();
        self.foreign_values =
            published.iter().filter(|ip| !ours.values().any(|our| our == *ip)).copied().collect();
        for (instance, address) in ours {
            let address = Some(address).filter(|address| published.contains(address));
            let entry = Entry { address, weight: None, health_check_id: None, as_read: None };
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

/// The marked names of a hosted zone, found in one pass over it.
pub(crate) struct MarkedNames {
    names: BTreeMap<Owner, BTreeSet<RecordName>>,
}

impl MarkedNames {
    pub(crate) fn find(zone: &HostedZone) -> Self {
        let mut names: BTreeMap<Owner, BTreeSet<RecordName>> = BTreeMap::new();
        for record in zone.records.values() {
            match record.r#type {
                RecordType::A => {
                    if let Some(mark) = mark(record) {
                        names.entry(mark.owner).or_default().insert(record.name.clone());
                    }
                }
                RecordType::Txt if record.name.labels().next() == Some(OWNER_LABEL) => {
                    let Some(name) = record.name.parent() else { continue };
                    let texts = record.values().filter_map(|value| value.parse::<MemberText>().ok());
                    for text in texts {
                        names.entry(text.owner).or_default().insert(name.clone());
                    }
                }
                RecordType::Txt
                | RecordType::Cname
                | RecordType::Ns
                | RecordType::Soa
                | RecordType::Other(_) => {}
            }
        }
        Self { names }
    }

    /// Reads the sites of a pool whose records should be at `name`, in the form `wanted`.
    pub(crate) fn sites(
        &self,
        owner: &Owner,
        name: &RecordName,
        wanted: Routing,
        zone: &HostedZone,
    ) -> Sites {
        let elsewhere = self.names.get(owner).into_iter().flatten().filter(|marked| *marked != name);
        Sites {
            main: Site::read(name, wanted, owner, zone),
            strays: elsewhere.map(|stray| Site::read(stray, wanted, owner, zone)).collect(),
        }
    }
}

fn mark(record: &RecordSet) -> Option<OwnerMark> {
    record.set_identifier.as_deref().and_then(|id| id.parse().ok())
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
