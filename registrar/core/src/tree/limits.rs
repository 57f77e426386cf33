//! When a pool becomes a tree, gets another leaf, and goes back: with room between each and its opposite.

use crate::guard::MOST_IN_SET;
use crate::leaf::MOST_LEAVES;

/// How large sets may be, and how full leaves are kept.
///
/// Everything follows from the size of a set, which is Route 53's own unless a test wants small trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeLimits {
    /// Weighted record sets of one name and type (Route 53 Developer Guide, "Quotas": 100).
    pub in_set: usize,
}

impl Default for TreeLimits {
    fn default() -> Self {
        Self { in_set: MOST_IN_SET }
    }
}

impl TreeLimits {
    /// Returns how many instances a pool may have: 7,500 in a hundred leaves.
    #[must_use]
    pub fn most_members(self) -> usize {
        self.usual_leaf() * self.most_leaves()
    }

    /// Returns how many leaves a pool may have.
    #[must_use]
    pub fn most_leaves(self) -> usize {
        self.in_set.min(MOST_LEAVES)
    }

    /// Returns how many records a leaf has where leaves are counted anew: three quarters of a set.
    #[must_use]
    pub fn usual_leaf(self) -> usize {
        (self.in_set * 3 / 4).max(1)
    }

    /// Returns how many records leaves may have on average before there are more of them.
    #[must_use]
    pub fn fullest_leaf(self) -> usize {
        (self.in_set * 9 / 10).max(1)
    }

    /// Returns how many records leaves have on average at least; with fewer, there are less of them.
    #[must_use]
    pub fn emptiest_leaf(self) -> usize {
        self.in_set / 2
    }

    /// Returns at how many records a tree goes back to one set.
    #[must_use]
    pub fn back_to_one_set(self) -> usize {
        self.in_set * 4 / 5
    }
}
