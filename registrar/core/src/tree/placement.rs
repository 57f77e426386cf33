//! Which leaf each instance's record stands at: where it stands already, or where rendezvous hashing puts it.
//!
//! 1. An instance stays where it is, so that one that comes or goes moves no other.
//! 2. A new one goes to the leaf for which it has the highest score (rendezvous hashing, Thaler and Ravishankar 1998), of
//!    those that are not fuller or heavier than a quarter above the average. Two executors that see nearly the same
//!    fleet choose the same leaf.
//! 3. Leaves are counted anew when they are too full or too empty on average, with room between both limits.
//! 4. A leaf that is too light for its alias's weight to be exact gets instances of the heaviest.

use std::collections::{BTreeMap, BTreeSet};

use super::limits::TreeLimits;
use super::scale::{Scale, Sums};
use crate::ids::InstanceId;
use crate::leaf::Leaf;

/// What placement knows of an instance that is, or will be, published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// The leaf at which it stands; absent where it stands at the pool's name, or nowhere yet.
    pub(crate) leaf: Option<Leaf>,
    /// Whether it is published now.
    pub(crate) is_published: bool,
    /// Its weight.
    pub(crate) weight: u8,
}

/// What is to be placed, and where it may stand.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    /// The instances that will be published.
    pub(crate) instances: &'a BTreeMap<InstanceId, Placed>,
    /// Whether the pool is a tree now.
    pub(crate) is_tree: bool,
    /// Whether it may become one.
    pub(crate) may_be_tree: bool,
    /// How many instances the set at the pool's name has room for.
    pub(crate) room_at_name: usize,
    /// How many aliases it has room for.
    pub(crate) most_leaves: usize,
    /// Leaves at which others have records: nothing is added there.
    pub(crate) taken: BTreeSet<Leaf>,
    /// How large sets may be.
    pub(crate) limits: TreeLimits,
}

/// Places instances: at leaves, or nothing where all stand at the pool's name.
pub(crate) fn place(request: &Request<'_>) -> Option<BTreeMap<InstanceId, Leaf>> {
    let count = request.instances.len();
    let at_name = request.room_at_name;
    let needs_tree = if request.is_tree {
        count > request.limits.back_to_one_set().min(at_name)
    } else {
        request.may_be_tree && count > at_name
    };
    needs_tree.then(|| {
        let mut grove = Grove::new(request);
        grove.settle();
        grove.place_the_others();
        grove.level();
        grove.leaf_of
    })
}

/// The sums of the weights at each leaf. Where no weight is above 0, all records are equal, as Route 53 treats them.
pub(crate) fn sums_of(placed: impl Iterator<Item = (Leaf, u8)> + Clone) -> Sums {
    let equal = placed.clone().all(|(_, weight)| weight == 0);
    let mut sums = Sums::new();
    for (leaf, weight) in placed {
        *sums.entry(leaf).or_insert(0) += if equal { 1 } else { u64::from(weight) };
    }
    sums
}

#[derive(Clone, Copy, Debug, Default)]
struct Load {
    count: usize,
    sum: u64,
}

/// The leaves while instances are being placed.
struct Grove<'a> {
    request: &'a Request<'a>,
    /// Whether all weights are 0, which makes all instances equal.
    equal: bool,
    leaves: BTreeMap<Leaf, Load>,
    leaf_of: BTreeMap<InstanceId, Leaf>,
}

impl<'a> Grove<'a> {
    fn new(request: &'a Request<'a>) -> Self {
        let mut now: BTreeMap<Leaf, usize> = BTreeMap::new();
        for leaf in request.instances.values().filter_map(|placed| placed.leaf) {
            *now.entry(leaf).or_insert(0) += 1;
        }
        Self {
            request,
            equal: request.instances.values().all(|placed| placed.weight == 0),
            leaves: choose_leaves(request, now).into_iter().map(|leaf| (leaf, Load::default())).collect(),
            leaf_of: BTreeMap::new(),
        }
    }

    fn weight(&self, placed: Placed) -> u64 {
        if self.equal { 1 } else { u64::from(placed.weight) }
    }

    fn put(&mut self, instance: &InstanceId, placed: Placed, leaf: Leaf) {
        let weight = self.weight(placed);
        let load = self.leaves.entry(leaf).or_default();
        load.count += 1;
        load.sum += weight;
        self.leaf_of.insert(instance.clone(), leaf);
    }

    /// Instances stay where they are, as long as their leaf does.
    fn settle(&mut self) {
        for (instance, placed) in self.request.instances {
            let leaf = placed.leaf.filter(|leaf| self.leaves.contains_key(leaf));
            if let Some(leaf) = leaf {
                self.put(instance, *placed, leaf);
            }
        }
    }

    fn place_the_others(&mut self) {
        let leaves = self.leaves.len().max(1);
        let a_quarter_above = |total: usize| (5 * total).div_ceil(4 * leaves);
        let total: u64 = self.request.instances.values().map(|placed| self.weight(*placed)).sum();
        let fullest = a_quarter_above(self.request.instances.len()).min(self.request.limits.in_set);
        let heaviest = a_quarter_above(usize::try_from(total).unwrap_or(usize::MAX / 8)) as u64;
        let settled: BTreeSet<InstanceId> = self.leaf_of.keys().cloned().collect();
        let others = self.request.instances.iter().filter(|(instance, _)| !settled.contains(*instance));
        let (there, new): (Vec<_>, Vec<_>) = others.partition(|(_, placed)| placed.is_published);
        // Those that come from one set start in few leaves, which are not too light before the new ones come.
        let few =
            if settled.is_empty() { there.len().div_ceil(self.request.limits.usual_leaf()) } else { leaves };
        let first: BTreeSet<Leaf> = self.leaves.keys().copied().take(few).collect();
        for (instance, placed) in there.into_iter().chain(new) {
            let weight = self.weight(*placed);
            let has_room = |leaf: Leaf, load: &Load| {
                let suits = !placed.is_published || first.contains(&leaf);
                suits && load.count < fullest && (load.sum == 0 || load.sum + weight <= heaviest)
            };
            let leaf = self.best(instance, has_room).or_else(|| self.lightest());
            if let Some(leaf) = leaf.or_else(|| self.another()) {
                self.put(instance, *placed, leaf);
            }
        }
    }

    fn is_open(&self, leaf: Leaf) -> bool {
        !self.request.taken.contains(&leaf)
    }

    fn best(&self, instance: &InstanceId, has_room: impl Fn(Leaf, &Load) -> bool) -> Option<Leaf> {
        let key = key(instance);
        let open = self.leaves.iter().filter(|(leaf, load)| self.is_open(**leaf) && has_room(**leaf, load));
        open.map(|(leaf, _)| *leaf).max_by_key(|leaf| score(key, *leaf))
    }

    fn lightest(&self) -> Option<Leaf> {
        let most = self.request.limits.in_set;
        let open = self.leaves.iter().filter(|(leaf, load)| self.is_open(**leaf) && load.count < most);
        open.min_by_key(|(_, load)| (load.sum, load.count)).map(|(leaf, _)| *leaf)
    }

    /// Returns a leaf that was not chosen: those that were are full, or others have records there.
    fn another(&self) -> Option<Leaf> {
        let is_free = |leaf: &Leaf| self.is_open(*leaf) && !self.leaves.contains_key(leaf);
        Leaf::all().find(is_free).filter(|_| self.leaves.len() < self.request.most_leaves)
    }

    fn sums(&self) -> Sums {
        let used = self.leaves.iter().filter(|(_, load)| load.count > 0);
        used.map(|(leaf, load)| (*leaf, load.sum)).collect()
    }

    /// Moves instances into leaves that are too light, until each has half of the average.
    fn level(&mut self) {
        for _ in 0..self.leaves.len() {
            let sums = self.sums();
            let light = sums.iter().filter(|(leaf, sum)| **sum > 0 && self.is_open(**leaf));
            let Some((light, _)) = light.min_by_key(|(_, sum)| **sum).filter(|_| !Scale::exists_for(&sums))
            else {
                return;
            };
            let average = sums.values().sum::<u64>() / sums.len() as u64;
            while self.leaves.get(light).is_some_and(|load| 2 * load.sum < average) {
                if !self.move_one_to(*light) {
                    break;
                }
            }
        }
    }

    /// Moves the instance of the heaviest leaf that suits the light one best; says whether there is one.
    fn move_one_to(&mut self, light: Leaf) -> bool {
        let Some((heavy, from)) = self.leaves.iter().max_by_key(|(_, load)| load.sum) else { return false };
        let (heavy, gap) = (*heavy, from.sum.saturating_sub(self.leaves[&light].sum));
        if self.leaves[&light].count >= self.request.limits.in_set {
            return false;
        }
        let there = self.leaf_of.iter().filter(|(_, leaf)| **leaf == heavy).map(|(id, _)| id);
        let weighed = there.map(|id| (self.weight(self.request.instances[id]), id));
        let helpful = weighed.filter(|(weight, _)| *weight > 0 && *weight < gap);
        let best = helpful.max_by_key(|(_, id)| score(key(id), light)).map(|(_, id)| id.clone());
        let Some(instance) = best else { return false };
        let placed = self.request.instances[&instance];
        let weight = self.weight(placed);
        let from = self.leaves.entry(heavy).or_default();
        from.count -= 1;
        from.sum -= weight;
        self.put(&instance, placed, light);
        true
    }
}

/// Chooses the leaves: those in use, more of them or fewer; the emptiest are given up first.
fn choose_leaves(request: &Request<'_>, now: BTreeMap<Leaf, usize>) -> BTreeSet<Leaf> {
    let count = request.instances.len();
    let limits = request.limits;
    let fits = now.len() <= request.most_leaves
        && (limits.emptiest_leaf() * now.len()..=limits.fullest_leaf() * now.len()).contains(&count);
    let wanted = if fits {
        now.len()
    } else {
        count.div_ceil(limits.usual_leaf()).clamp(1, request.most_leaves.max(1))
    };
    let mut in_use: Vec<(Leaf, usize)> = now.into_iter().collect();
    in_use.sort_by_key(|(leaf, count)| (std::cmp::Reverse(*count), *leaf));
    let mut chosen: BTreeSet<Leaf> = in_use.into_iter().take(wanted).map(|(leaf, _)| leaf).collect();
    let more = Leaf::all().filter(|leaf| !request.taken.contains(leaf));
    for leaf in more {
        if chosen.len() >= wanted {
            break;
        }
        chosen.insert(leaf);
    }
    chosen
}

/// FNV-1a (Fowler, Noll and Vo) over an instance's id.
pub(super) fn key(instance: &InstanceId) -> u64 {
    instance.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// How much an instance belongs to a leaf, by the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
pub(super) fn score(key: u64, leaf: Leaf) -> u64 {
    let mut z = key ^ (leaf.number() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
