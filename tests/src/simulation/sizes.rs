//! How large a simulation is: its pools, the places of each, and how many record sets fit into one set.
//!
//! It is a parameter of the truth, so that one story can be played small and large.

use std::ops::Range;

use registrar_core::ids::PoolName;

use super::known;

/// The names of the pools, by number.
pub const POOLS: [&str; 4] = ["video", "games", "control", "sensors"];

/// How large a simulation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Places for instances, for each pool: one to four pools.
    pub slots: Vec<u16>,
    /// Weighted record sets of one name; with fewer than Route 53's 100, small fleets become trees.
    pub in_set: usize,
}

impl Default for Sizes {
    /// Returns two small pools, with sets of Route 53's size.
    fn default() -> Self {
        Self { slots: vec![5, 2], in_set: 100 }
    }
}

impl Sizes {
    /// Returns the same with sets of another size.
    #[must_use]
    pub fn with_sets_of(self, in_set: usize) -> Self {
        Self { in_set, ..self }
    }

    /// Returns how many pools there are.
    #[must_use]
    pub fn pools(&self) -> usize {
        self.slots.len().min(POOLS.len())
    }

    /// Returns how many places there are in all.
    #[must_use]
    pub fn all_slots(&self) -> u16 {
        self.slots.iter().sum()
    }

    /// Returns the places of a pool.
    #[must_use]
    pub fn slots_of(&self, pool: u8) -> Range<u16> {
        let number = usize::from(pool) % self.pools().max(1);
        let first = self.slots.iter().take(number).sum();
        first..self.slots.get(number).map_or(first, |count| first + count)
    }

    /// Returns the name of the pool whose place this is.
    #[must_use]
    pub fn pool_of(&self, slot: u16) -> PoolName {
        let mut end = 0;
        let is_past = |count: &&u16| {
            end += **count;
            end <= slot
        };
        let number = self.slots.iter().take_while(is_past).count();
        known(POOLS[number.min(POOLS.len() - 1)])
    }

    /// Returns the name of a pool by its number, any number.
    #[must_use]
    pub fn pool(&self, number: u8) -> PoolName {
        known(POOLS[usize::from(number) % self.pools().max(1)])
    }

    /// Returns the names of the pools.
    #[must_use]
    pub fn names(&self) -> Vec<PoolName> {
        POOLS.iter().take(self.pools()).map(|name| known(name)).collect()
    }
}
