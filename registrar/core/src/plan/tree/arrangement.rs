//! Where the records of a tree should stand, and on which scales its aliases are on the way there.

use std::collections::BTreeMap;

use crate::guard::TreeRoom;
use crate::ids::InstanceId;
use crate::leaf::Leaf;
use crate::plan::shape::Shape;
use crate::pool::Routing;
use crate::site::Entry;
use crate::tree::{Placed, Request, Scale, Sums, TreeLimits, place, sums_of};

/// At which leaf each record should stand, none of them where all stand at the pool's name; and the aliases' scale in
/// each phase of a plan. A scale is kept from one phase to the next while it fits.
#[derive(Debug)]
pub(super) struct Arrangement {
    pub(super) leaf_of: BTreeMap<InstanceId, Leaf>,
    /// While removals take effect.
    pub(super) removing: Option<Scale>,
    /// From when records stand where they should.
    pub(super) placing: Option<Scale>,
    /// While weights change.
    pub(super) weighing: Option<Scale>,
    /// In the end, where weights changed so much that it is another one.
    pub(super) settled: Option<Scale>,
}

/// What decides about an arrangement, beside the shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ground<'a> {
    /// How much room there is.
    pub(super) room: &'a TreeRoom,
    pub(super) limits: TreeLimits,
}

impl Arrangement {
    /// Leaves everything where it stands, on this scale.
    pub(super) fn as_it_is(observed: &Shape<'_>, scale: Option<Scale>) -> Self {
        let leaf_of = observed.leaf_of();
        Self { leaf_of, removing: scale, placing: scale, weighing: scale, settled: scale }
    }

    /// Places everything that will be published; nothing where one set holds it.
    pub(super) fn new(observed: &Shape<'_>, last: &Shape<'_>, ground: Ground<'_>) -> Option<Self> {
        let Ground { room, limits } = ground;
        let is_tree = observed.site.is_tree();
        if !is_tree && last.entries.len() <= room.at_name {
            return None;
        }
        let instances: BTreeMap<InstanceId, Placed> = last
            .entries
            .iter()
            .map(|(instance, entry)| {
                let is_published = observed.entries.contains_key(instance);
                (instance.clone(), Placed { leaf: entry.leaf, is_published, weight: last.weight(entry) })
            })
            .collect();
        // Weights change last, but for those that a set of another routing gets with its tree, and those of records that
        // are written earlier anyway.
        let early = |id: &InstanceId, entry: &Entry, then: Option<&Entry>| match then {
            Some(then) if observed.is_doubled(id) || then.address != entry.address => last.weight(then),
            Some(_) | None => observed.weight(entry),
        };
        let written: Vec<Written> = observed
            .entries
            .iter()
            .map(|(id, entry)| {
                let then = last.entries.get(id);
                let (from, to) = (observed.weight(entry), early(id, entry, then));
                Written { leaf: entry.leaf, from, to, stays: then.is_some() }
            })
            .collect();
        let weight = |id: &InstanceId| {
            let standing = observed.entries.get(id).filter(|_| observed.form == Routing::Weighted);
            standing.map_or(instances[id].weight, |entry| early(id, entry, last.entries.get(id)))
        };
        let staying: Vec<Written> = written.iter().filter(|record| record.stays).copied().collect();
        let removing = scale_while_removing(observed, &steps(&written), sums(&staying, |record| record.to));
        let placed = place(&Request {
            instances: &instances,
            is_tree,
            may_be_tree: room.may_grow,
            room_at_name: room.at_name,
            most_leaves: room.leaves,
            taken: observed.site.taken.keys().copied().collect(),
            limits,
        });
        let Some(leaf_of) = placed else {
            let leaf_of = BTreeMap::new();
            return Some(Self { leaf_of, removing, placing: None, weighing: None, settled: None });
        };
        let all: Vec<(Written, bool)> = leaf_of
            .iter()
            .map(|(id, leaf)| {
                let Placed { is_published, weight: to, .. } = instances[id];
                (Written { leaf: Some(*leaf), from: weight(id), to, stays: true }, is_published)
            })
            .collect();
        let (reweighed, standing): (Vec<Written>, Vec<Written>) = (
            all.iter().map(|(record, _)| *record).collect(),
            all.iter().filter(|(_, is_published)| *is_published).map(|(record, _)| *record).collect(),
        );
        let mut states = vec![sums(&standing, |record| record.from)];
        // Where all that stand are equal, leaves count records until the first weight above 0 comes.
        let are_equal = !standing.is_empty() && standing.iter().all(|record| record.from == 0);
        if !are_equal || reweighed.iter().all(|record| record.from == 0) {
            states.push(sums(&reweighed, |record| record.from));
        }
        let placing = Scale::choose_for(&states, removing);
        let weighing = Scale::choose_for(&steps(&reweighed), placing);
        let in_the_end = sums(&reweighed, |record| record.to);
        let settled = Scale::choose_for(&[in_the_end], weighing);
        Some(Self { leaf_of, removing, placing, weighing, settled })
    }
}

/// How a record's weight changes in one phase, and whether it is still there in the end.
#[derive(Clone, Copy, Debug)]
struct Written {
    leaf: Option<Leaf>,
    from: u8,
    to: u8,
    stays: bool,
}

/// Returns the sums at the leaves before and after a phase, and in between: where no weight stays above 0, those that come
/// to be are there before the others go.
fn steps(records: &[Written]) -> Vec<Sums> {
    let keeps_one = records.iter().any(|record| record.stays && record.from > 0 && record.to > 0);
    let between = (!keeps_one).then(|| sums(records, |record| record.from.max(record.to)));
    let (before, after) = (sums(records, |record| record.from), sums(records, |record| record.to));
    [before].into_iter().chain(between).chain([after]).collect()
}

fn sums(records: &[Written], weight: fn(&Written) -> u8) -> Sums {
    sums_of(records.iter().filter_map(|record| Some((record.leaf?, weight(record)))))
}

/// Chooses the scale for removals: one that fits before and after them, and where what is written before some of them is
/// there already. Where there is none, because so few records stay at some leaf, it is one that fits before, and the
/// planner gives such a leaf up.
fn scale_while_removing(observed: &Shape<'_>, written: &[Sums], staying: Sums) -> Option<Scale> {
    let (now, before) = (observed.scale(), observed.sums());
    let all: Vec<Sums> = written.iter().cloned().chain([staying]).collect();
    let chosen = Scale::choose_for(&all, now);
    if chosen.is_some_and(|scale| all.iter().all(|sums| scale.fits(sums))) {
        return chosen;
    }
    Scale::choose_for(&[before], now).or(chosen)
}
