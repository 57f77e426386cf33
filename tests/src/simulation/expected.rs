//! What the hosted zone must hold once everything can be read and enough time has passed.
//!
//! It follows from the true fleet and the documents alone. Where the design holds something back for
//! good (a foreign record in the way, the last record without proof), it says so and nothing more.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use registrar_core::inventory::InstanceState;
use registrar_core::pool::{PoolState, Routing, WhenEmpty};
use registrar_core::record_set::{RecordSet, RecordType, RoutingKind};
use registrar_core::tree::TreeLimits;
use registrar_local::fleet::EmbeddedInstance;

use super::document::{Document, FALLBACK};
use super::happening::Lifecycle;
use super::seen::selects;
use super::shares;
use super::truth::{Truth, WEIGHT_TAG};
use super::zone::{Names, Published, Snapshot};

/// Why an instance that does not serve may still have a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Starting,
    Unproven,
    Dead,
}

/// Checks that the records are what the true fleet asks for.
///
/// # Errors
/// When they are not, with what is there.
pub fn check(truth: &Truth, zone: &Snapshot) -> Result<(), String> {
    for names in zone.names.iter() {
        let Some(document) = truth.documents.get(&names.pool) else { continue };
        let settled = Settled::new(truth, document, names, zone);
        settled.check().map_err(|what| {
            format!("pool {} did not settle: {what}\n  {document:?}\n  {settled}", document.pool)
        })?;
    }
    Ok(())
}

struct Settled<'a> {
    truth: &'a Truth,
    document: &'a Document,
    names: &'a Names,
    published: &'a Published,
    /// Records of others at the pool's name.
    foreign: Vec<&'a Arc<RecordSet>>,
    members: BTreeMap<String, (Ipv4Addr, Option<u8>)>,
}

impl<'a> Settled<'a> {
    fn new(truth: &'a Truth, document: &'a Document, names: &'a Names, zone: &'a Snapshot) -> Self {
        let members = truth.fleet.instances.iter().filter(|(_, it)| serves(it, document));
        let member = |it: &EmbeddedInstance| Some((it.carrier_ip?, weight(it, document)));
        Self {
            truth,
            document,
            names,
            published: zone.published(&document.pool),
            foreign: zone.foreign_at(&names.name).collect(),
            members: members.filter_map(|(id, it)| Some((id.to_string(), member(it)?))).collect(),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self.document.state {
            PoolState::Paused => return Ok(()),
            PoolState::Retired if self.published.owned.is_empty() => return Ok(()),
            PoolState::Retired => return Err("a retired pool has records".to_owned()),
            PoolState::Active => {}
        }
        self.nobody_else()?;
        let crowded = self.room() < self.wanted();
        for (id, (address, _)) in &self.members {
            match self.published.entries.get(id) {
                Some(entry) if entry.address == Some(*address) => {}
                Some(_) => return Err(format!("{id} is published with another address")),
                None if self.is_obstructed() || crowded => {}
                None => return Err(format!("{id} serves and is not published")),
            }
        }
        match (self.is_obstructed(), crowded) {
            (true, _) => Ok(()),
            (false, true) => self.fills_its_room(),
            (false, false) => self.form(),
        }
    }

    /// How many instances there would be if there was room for all.
    fn wanted(&self) -> usize {
        let others = self.published.entries.keys().filter(|id| !self.members.contains_key(*id));
        self.members.len() + others.count()
    }

    /// How many instances the name has room for; others' records take some, and leave no room for a tree.
    fn room(&self) -> usize {
        let limits = TreeLimits { in_set: self.truth.sizes.in_set };
        let falls_back = self.document.when_empty == WhenEmpty::Fallback;
        let at_name = limits.in_set.saturating_sub(self.foreign.len() + usize::from(falls_back));
        match self.document.routing {
            Routing::Simple => usize::MAX,
            Routing::Weighted if self.foreign.is_empty() => {
                at_name.max(at_name.min(limits.most_leaves()) * limits.usual_leaf())
            }
            Routing::Weighted | Routing::Multivalue => at_name,
        }
    }

    /// What does not fit is held back, a change of routing too; what fits is there.
    fn fills_its_room(&self) -> Result<(), String> {
        let entries = self.published.entries.len();
        let has_form = |record: &&Arc<RecordSet>| record.routing() == self.kind();
        if let Some(wrong) = self.published.wrong.iter().chain(&self.published.twice).next() {
            return Err(wrong.clone());
        }
        if self.published.owned.iter().all(|record| has_form(&record)) && entries < self.room() {
            return Err(format!("{entries} instances are published, and there is room for {}", self.room()));
        }
        Ok(())
    }

    /// Whoever does not serve has no record, unless it is the last one and nothing proves its end.
    fn nobody_else(&self) -> Result<(), String> {
        let others: Vec<(&String, Fate)> = self
            .published
            .entries
            .keys()
            .filter(|id| !self.members.contains_key(*id))
            .map(|id| (id, self.fate(id)))
            .filter(|(_, fate)| *fate != Fate::Starting)
            .collect();
        let is_last = self.published.entries.len() == 1;
        let keeps_last = self.document.when_empty == WhenEmpty::KeepLast;
        let unproven = others.iter().all(|(_, fate)| *fate == Fate::Unproven);
        let stays = is_last && (unproven || keeps_last) || unproven && !self.anyone_is_known();
        if others.is_empty() || stays {
            return Ok(());
        }
        Err(format!("{others:?} do not serve and are published"))
    }

    fn anyone_is_known(&self) -> bool {
        self.truth.fleet.instances.iter().any(|(id, it)| {
            selects(it, &self.document.pool) || self.published.entries.contains_key(id.as_str())
        })
    }

    fn fate(&self, id: &str) -> Fate {
        let found = self.truth.fleet.instances.iter().find(|(known, _)| known.as_str() == id);
        let Some((_, instance)) = found else { return Fate::Unproven };
        let dead = instance.state.is_terminal() || !in_service(instance);
        match (dead, selects(instance, &self.document.pool), instance.state) {
            (true, _, _) => Fate::Dead,
            (false, false, _) => Fate::Unproven,
            (false, true, InstanceState::Pending) => Fate::Starting,
            (false, true, _) => Fate::Dead,
        }
    }

    /// Says whether a record of somebody else forbids the pool's own.
    fn is_obstructed(&self) -> bool {
        self.foreign.iter().any(|record| {
            record.r#type == RecordType::Cname
                || (record.r#type == RecordType::A
                    && (self.document.routing == Routing::Simple || record.routing() != self.kind()))
        })
    }

    fn kind(&self) -> RoutingKind {
        match self.document.routing {
            Routing::Weighted => RoutingKind::Weighted,
            Routing::Multivalue => RoutingKind::Multivalue,
            Routing::Simple => RoutingKind::Simple,
        }
    }

    /// Routing, TTL, weights and fallback are what the document says, or what others' records force.
    fn form(&self) -> Result<(), String> {
        if self.keeps_only_the_fallback() {
            return Ok(());
        }
        let theirs = self.foreign.iter().filter_map(|record| record.ttl_secs).next();
        let of_addresses = self.published.owned.iter().filter(|record| record.r#type == RecordType::A);
        for record in of_addresses.filter(|record| record.alias_target.is_none()) {
            // A leaf is a set of its own; but while the fallback's TTL is held beside others' records, so are all.
            let at_name = self.foreign.iter().any(|theirs| theirs.name == record.name);
            let held = theirs.filter(|_| !at_name && self.published.fallback.is_some());
            let ttl_secs = theirs.filter(|_| at_name).unwrap_or(self.document.ttl_secs);
            let has_ttl = held.is_some() || record.ttl_secs == Some(ttl_secs);
            if !has_ttl || record.routing() != self.kind() {
                return Err(format!("[{record}] is not {} with TTL {ttl_secs}", self.document.routing));
            }
        }
        self.weights()?;
        let falls_back = self.document.when_empty == WhenEmpty::Fallback;
        match &self.published.fallback {
            None if falls_back => return Err("the fallback is missing".to_owned()),
            Some(_) if !falls_back => return Err("there is a fallback that nobody wants".to_owned()),
            Some(record) if record.weight != Some(0) || record.values().ne([FALLBACK]) => {
                return Err(format!("[{record}] is not the fallback"));
            }
            Some(_) | None => {}
        }
        self.count(usize::from(falls_back))?;
        self.tree(usize::from(falls_back))
    }

    /// What is too large for one set is a tree, what is small is none, and neither is both.
    fn tree(&self, fallbacks: usize) -> Result<(), String> {
        let (published, in_set) = (self.published, self.truth.sizes.in_set);
        if let Some(wrong) = published.wrong.iter().chain(&published.twice).next() {
            return Err(wrong.clone());
        }
        let count = published.entries.len();
        if !published.is_tree() {
            let most = in_set.saturating_sub(fallbacks + self.foreign.len());
            let fits = count <= most || self.document.routing != Routing::Weighted;
            return if fits { Ok(()) } else { Err(format!("{count} instances are in one set of {in_set}")) };
        }
        if self.document.routing != Routing::Weighted {
            return Err(format!("a {} pool is a tree", self.document.routing));
        }
        if published.entries.values().any(|entry| entry.leaf.is_none()) {
            return Err("records stand beside aliases at the pool's name".to_owned());
        }
        let at_name = in_set.saturating_sub(fallbacks);
        if count <= (in_set * 4 / 5).min(at_name) {
            return Err(format!("{count} instances are a tree, and would fit into one set of {in_set}"));
        }
        shares::check(published, true)
    }

    /// A fallback that nobody wants any more is the last record of a pool that keeps its last one.
    fn keeps_only_the_fallback(&self) -> bool {
        let alone = self.published.fallback.is_some() && self.published.owned.len() == 1;
        self.document.when_empty == WhenEmpty::KeepLast && alone
    }

    fn weights(&self) -> Result<(), String> {
        for (id, (_, wanted)) in &self.members {
            let weight = self.published.entries.get(id).and_then(|entry| entry.weight);
            let right = match self.document.routing {
                Routing::Weighted => wanted.is_none() && weight.is_some() || weight == *wanted,
                Routing::Multivalue | Routing::Simple => weight.is_none(),
            };
            if !right {
                return Err(format!("{id} has weight {weight:?} and asks for {wanted:?}"));
            }
        }
        Ok(())
    }

    /// One record set for each entry, or one of addresses and one of texts for them all.
    fn count(&self, fallbacks: usize) -> Result<(), String> {
        let (entries, owned) = (&self.published.entries, &self.published.owned);
        let right = match self.document.routing {
            Routing::Weighted | Routing::Multivalue => {
                owned.len() == entries.len() + self.published.aliases.len() + fallbacks
            }
            Routing::Simple if entries.is_empty() => owned.is_empty(),
            Routing::Simple => {
                let values = |kind: &RecordType| -> BTreeSet<&str> {
                    owned.iter().filter(|it| it.r#type == *kind).flat_map(|it| it.values()).collect()
                };
                let addresses: BTreeSet<String> =
                    entries.values().filter_map(|entry| Some(entry.address?.to_string())).collect();
                let texts = owned.iter().find(|it| it.name == self.names.texts);
                owned.len() == 2
                    && values(&RecordType::A) == addresses.iter().map(String::as_str).collect()
                    && texts.is_some_and(|texts| texts.resource_records.len() == entries.len())
            }
        };
        if right { Ok(()) } else { Err("there are record sets that belong to no instance".to_owned()) }
    }
}

impl std::fmt::Display for Settled<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "serving: {:?}", self.members)?;
        for record in self.published.owned.iter().chain(self.foreign.iter().copied()) {
            writeln!(f, "  [{record}]")?;
        }
        Ok(())
    }
}

fn in_service(instance: &EmbeddedInstance) -> bool {
    instance.group.as_ref().is_none_or(|(_, state)| state == Lifecycle::InService.name())
}

fn serves(instance: &EmbeddedInstance, document: &Document) -> bool {
    instance.state == InstanceState::Running && in_service(instance) && selects(instance, &document.pool)
}

fn weight(instance: &EmbeddedInstance, document: &Document) -> Option<u8> {
    match instance.tags.get(WEIGHT_TAG) {
        None => Some(document.default_weight),
        Some(value) => value.parse().ok().filter(|weight| *weight >= document.smallest_weight()),
    }
}
