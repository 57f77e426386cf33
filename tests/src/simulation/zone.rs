//! Reads what the pools have published off the records of a hosted zone.
//!
//! It knows the marks and the names of leaves from the design's text alone, and shares no code with the
//! core's own reading.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use registrar_core::ids::PoolName;
use registrar_core::name::RecordName;
use registrar_core::record_set::{RecordSet, RecordType};

use super::{ORIGIN, known};

/// The deployment of every edge in the tests.
pub(crate) const DEPLOYMENT: &str = "default";

/// Where a pool's records stand, and what they are marked with.
#[derive(Clone, Debug)]
pub struct Names {
    /// The pool.
    pub pool: PoolName,
    /// The name that clients ask for.
    pub name: RecordName,
    /// The name of the texts beside a pool's simple set.
    pub texts: RecordName,
    /// What every mark of the pool begins with.
    prefix: String,
}

impl Names {
    /// Returns those of a pool.
    #[must_use]
    pub fn of(pool: &PoolName) -> Self {
        Self {
            pool: pool.clone(),
            name: known(&format!("{pool}.{ORIGIN}")),
            texts: known(&format!("registrar-owner.{pool}.{ORIGIN}")),
            prefix: format!("registrar/{DEPLOYMENT}/{pool}/"),
        }
    }

    /// Returns the number of the leaf of this pool whose name this is.
    #[must_use]
    pub fn leaf(&self, name: &RecordName) -> Option<u8> {
        let (label, rest) = name.as_str().split_once('.')?;
        if rest == self.name.as_str() { leaf(label) } else { None }
    }
}

/// Reads a leaf's label: `l00` to `l99`.
fn leaf(label: &str) -> Option<u8> {
    let digits = label.strip_prefix('l')?;
    let is_number = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// What is published for one instance: what a query for the pool's name can be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub address: Option<Ipv4Addr>,
    /// The weight, for weighted records.
    pub weight: Option<u8>,
    /// The leaf at which it stands, or none for the pool's own name.
    pub leaf: Option<u8>,
}

/// What one pool has published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// By instance, whose id is kept as text.
    pub entries: BTreeMap<String, Entry>,
    /// The weights of the aliases, by leaf.
    pub aliases: BTreeMap<u8, u8>,
    /// The record that serves when nothing else does.
    pub fallback: Option<Arc<RecordSet>>,
    /// Every record set that the pool owns.
    pub owned: Vec<Arc<RecordSet>>,
    /// What stands at leaves to which no alias leads: nobody is answered with it.
    pub hidden: BTreeMap<String, Entry>,
    /// Instances with two records that answer. Two registrars at once may make a set and a tree.
    pub twice: Vec<String>,
    /// What must never be: an alias that leads nowhere, a record that nothing leads to.
    pub wrong: Vec<String>,
}

/// What stands at a leaf, by instance.
type Leaves = BTreeMap<u8, Vec<(String, Entry)>>;

impl Published {
    /// Reads what a pool has published.
    #[must_use]
    pub fn read(names: &Names, records: &[Arc<RecordSet>]) -> Self {
        let mut published = Self::default();
        let mut leaves = Leaves::new();
        for record in records {
            if let Some(role) = record.set_identifier.as_ref().and_then(|id| id.strip_prefix(&names.prefix)) {
                published.owned.push(Arc::clone(record));
                published.read_owned(names, role, record, &mut leaves);
            }
        }
        published.read_simple(names, records);
        published.lead_to(leaves);
        published
    }

    fn read_owned(&mut self, names: &Names, role: &str, record: &Arc<RecordSet>, leaves: &mut Leaves) {
        if let Some(alias) = &record.alias_target
            && let Some(leaf) = leaf(role)
        {
            let right = record.name == names.name && names.leaf(&alias.dns_name) == Some(leaf);
            if !right || !alias.evaluate_target_health {
                self.wrong.push(format!("[{record}] is not the alias of its leaf"));
            }
            self.aliases.insert(leaf, record.weight.unwrap_or(0));
        } else if role == "fallback" {
            self.fallback = Some(Arc::clone(record));
        } else {
            let leaf = names.leaf(&record.name);
            let entry = Entry { address: record.addresses().next(), weight: record.weight, leaf };
            match leaf {
                Some(leaf) => leaves.entry(leaf).or_default().push((role.to_owned(), entry)),
                None => self.publish(role.to_owned(), entry),
            }
        }
    }

    fn publish(&mut self, id: String, entry: Entry) {
        if let Some(other) = self.entries.get(&id) {
            self.twice.push(format!("{id} is published twice: {other:?} and {entry:?}"));
        } else {
            self.entries.insert(id, entry);
        }
    }

    /// What stands at a leaf is published where an alias leads to it.
    fn lead_to(&mut self, mut leaves: Leaves) {
        for leaf in self.aliases.keys().copied().collect::<Vec<_>>() {
            match leaves.remove(&leaf) {
                Some(entries) => entries.into_iter().for_each(|(id, entry)| self.publish(id, entry)),
                None => self.wrong.push(format!("the alias to l{leaf:02} leads to no record")),
            }
        }
        for (leaf, entries) in leaves {
            self.wrong.push(format!("no alias leads to l{leaf:02}"));
            self.hidden.extend(entries);
        }
    }

    fn read_simple(&mut self, names: &Names, records: &[Arc<RecordSet>]) {
        let texts = records.iter().find(|record| record.name == names.texts);
        let Some(texts) = texts.filter(|record| record.r#type == RecordType::Txt) else { return };
        let ours: BTreeMap<&str, &str> = texts
            .values()
            .filter_map(|text| text.trim_matches('"').strip_prefix(&names.prefix)?.split_once('='))
            .collect();
        if ours.is_empty() {
            return;
        }
        self.owned.push(Arc::clone(texts));
        let simple = |record: &&Arc<RecordSet>| {
            record.name == names.name && record.r#type == RecordType::A && record.set_identifier.is_none()
        };
        let set = records.iter().find(simple);
        let addresses: BTreeSet<Ipv4Addr> = set.iter().flat_map(|set| set.addresses()).collect();
        self.owned.extend(set.cloned());
        for (id, address) in ours {
            let address = address.parse().ok().filter(|address| addresses.contains(address));
            self.entries.entry(id.to_owned()).or_insert(Entry { address, weight: None, leaf: None });
        }
    }

    /// Says whether the pool's instances stand at leaves.
    #[must_use]
    pub fn is_tree(&self) -> bool {
        !self.aliases.is_empty()
    }
}

/// The records of a hosted zone at a moment, and what they say.
#[derive(Debug)]
pub struct Snapshot {
    /// Every record set, in the order of a listing.
    pub records: Vec<Arc<RecordSet>>,
    /// What each pool has published.
    pub pools: BTreeMap<PoolName, Published>,
    /// The names of the pools, in their order.
    pub names: Arc<Vec<Names>>,
    /// What no pool owns, apart from what makes the hosted zone one.
    pub foreign: Vec<Arc<RecordSet>>,
}

impl Snapshot {
    /// Reads the records of a hosted zone.
    #[must_use]
    pub fn new(names: &Arc<Vec<Names>>, records: Vec<RecordSet>) -> Self {
        let records: Vec<Arc<RecordSet>> = records.into_iter().map(Arc::new).collect();
        let pools: BTreeMap<_, _> =
            names.iter().map(|names| (names.pool.clone(), Published::read(names, &records))).collect();
        let owned: BTreeSet<*const RecordSet> =
            pools.values().flat_map(|published| &published.owned).map(Arc::as_ptr).collect();
        let of_zone = |it: &RecordSet| matches!(it.r#type, RecordType::Soa | RecordType::Ns);
        let foreign = records.iter().filter(|it| !of_zone(it) && !owned.contains(&Arc::as_ptr(it)));
        let foreign = foreign.cloned().collect();
        Self { records, pools, names: Arc::clone(names), foreign }
    }

    /// Returns what others have at a name.
    pub fn foreign_at<'a>(&'a self, name: &'a RecordName) -> impl Iterator<Item = &'a Arc<RecordSet>> {
        self.foreign.iter().filter(move |record| record.name == *name)
    }

    /// Returns what a pool has published.
    ///
    /// # Panics
    /// When there is no such pool, which is a mistake in the tests.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the pools are the tests' own, and no test can go on without them"
    )]
    pub fn published(&self, pool: &PoolName) -> &Published {
        self.pools.get(pool).expect("a pool of the simulation")
    }

    /// Says whether a query for a name finds something.
    #[must_use]
    pub fn answers(&self, name: &RecordName) -> bool {
        let answers = |it: &RecordSet| matches!(it.r#type, RecordType::A | RecordType::Cname);
        self.records.iter().any(|record| record.name == *name && answers(record))
    }
}
