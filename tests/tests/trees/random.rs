//! Small trees through whatever happens to a fleet and its records, drawn from a seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use registrar_core::leaf::Leaf;
use registrar_core::record_set::RecordSet;
use registrar_core::tree::TreeLimits;
use registrar_local::route53::ModelChange;
use serde_json::json;

use crate::world::{Machine, State, World, copy_at, one_by_one};

/// Which weights the fleet is given: trees of one weight, of several, of none, and of nearly none.
const WEIGHTS: [&[u8]; 4] = [&[100], &[10, 60, 110], &[0], &[0, 0, 0, 20]];

/// How many plans each world goes through.
const PLANS: usize = 40;

struct Story {
    random: StdRng,
    world: World,
    weights: &'static [u8],
    next: usize,
}

impl Story {
    fn new(seed: u64, in_set: usize) -> Self {
        let world = World::new(TreeLimits { in_set });
        Self { random: StdRng::seed_from_u64(seed), world, weights: WEIGHTS[1], next: 0 }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound)
    }

    fn weight(&mut self) -> u8 {
        self.weights[self.random.random_range(0..self.weights.len())]
    }

    /// Draws some that serve.
    fn some(&mut self, most: usize) -> Vec<usize> {
        let serving = self.world.fleet.iter().filter(|(_, machine)| machine.serves());
        let mut serving: Vec<usize> = serving.map(|(number, _)| *number).collect();
        let count = self.below(most + 1).min(serving.len());
        (0..count).map(|_| serving.swap_remove(self.random.random_range(0..serving.len()))).collect()
    }

    fn machine(&mut self, number: usize) -> &mut Machine {
        self.world.fleet.get_mut(&number).unwrap()
    }

    fn launch(&mut self) {
        let most = self.world.limits.most_members();
        let room = most.saturating_sub(self.world.fleet.len()).min(12);
        for _ in 0..self.below(room + 1) {
            let weight = self.weight();
            self.world.launch(self.next..self.next + 1, |_| weight);
            self.next += 1;
        }
    }

    fn reweigh(&mut self) {
        for number in self.some(6) {
            let weight = self.weight();
            self.machine(number).weight = weight;
        }
    }

    fn move_addresses(&mut self) {
        for number in self.some(4) {
            let (address, weight) = (100_000 + self.next, self.weight());
            self.next += 1;
            let machine = self.machine(number);
            *machine = Machine { address, weight, ..*machine };
        }
    }

    /// Something of the fleet changes, or of the document.
    fn happens(&mut self) {
        match self.below(8) {
            0 | 1 => self.launch(),
            2 => {
                let gone = self.some(10);
                self.world.end(gone);
            }
            3 => {
                let gone = self.some(4);
                self.world.leave(gone);
            }
            4 => self.reweigh(),
            5 => self.move_addresses(),
            6 => self.weights = WEIGHTS[self.random.random_range(0..WEIGHTS.len())],
            _ => {
                let ttl_secs = [20, 60][self.below(2)];
                self.world.document["record"]["ttl_secs"] = json!(ttl_secs);
            }
        }
    }

    /// Somebody takes a record or an alias away, gives an alias another weight, or makes a copy at another leaf.
    fn interfere(&mut self) {
        let records = self.world.records();
        if records.is_empty() {
            return;
        }
        let record = records[self.below(records.len())].clone();
        let leaves = self.world.leaves();
        let changes = match self.below(3) {
            0 => vec![ModelChange::delete(record)],
            1 if record.weight.is_some() => {
                let other = RecordSet { weight: Some(self.random.random()), ..record.clone() };
                vec![ModelChange::delete(record), ModelChange::create(other)]
            }
            _ if record.alias_target.is_none() => {
                let elsewhere =
                    leaves.into_iter().find(|leaf| Leaf::of(&record.name).map(|(at, _)| at) != Some(*leaf));
                elsewhere.map(|leaf| copy_at(record, leaf)).into_iter().collect()
            }
            _ => return,
        };
        // Where the last record of a leaf would go, or a leaf is full, Route 53 refuses it.
        let _ = self.world.try_to_interfere(&changes);
    }

    fn follow(&mut self) {
        if self.below(2) == 0 {
            let _ = self.world.follow();
        } else {
            let _ = self.world.follow_unit_by_unit();
        }
        // Where nobody serves, the record of somebody who left stays, and is still asked about.
        let nobody = !self.world.fleet.values().any(Machine::serves);
        self.world.fleet.retain(|_, machine| machine.serves() || nobody && machine.state == State::Left);
    }

    /// Follows where shares need not be right until all is done.
    fn put_right(&mut self) {
        let plan = one_by_one(self.world.plan());
        self.world.take(&plan);
        self.follow();
    }
}

#[test]
fn small_trees_follow_whatever_happens() {
    for (seed, in_set) in (1..=12).zip([4, 6, 10].into_iter().cycle()) {
        let mut story = Story::new(seed, in_set);
        for _ in 0..PLANS {
            for _ in 0..=story.below(4) {
                story.happens();
            }
            if story.below(4) == 0 {
                story.interfere();
                story.put_right();
            } else {
                story.follow();
            }
        }
    }
}
