//! How many instances a pool's sets have room for, and whether it may be a tree.
//!
//! It counts what others need of the same sets; it holds nothing back itself.

use super::{Decision, Evidence, Guard, Hold, HoldReason, PoolDecisions, TreeRoom, Verdict};
use crate::diff::DifferenceKind;
use crate::leaf::{Leaf, MOST_LEAVES};
use crate::plan::MOST_CHARACTERS;
use crate::pool::Routing;

impl Guard<'_> {
    /// Returns how many members the pool has room for, in the form that it has or will have.
    pub(crate) fn room(&self) -> usize {
        self.most_members(self.sites.main.form.unwrap_or(self.desired.policy.routing))
    }

    /// For a weighted pool that may be a tree: what its leaves usually hold. For a simple pool: what fits in one
    /// request even when every value and owner text is rewritten, deleted once and created once: its characters run out
    /// long before its values.
    pub(super) fn most_members(&self, form: Routing) -> usize {
        let site = &self.sites.main;
        match form {
            Routing::Multivalue => self.room_at_name(),
            Routing::Weighted if self.may_be_tree() => {
                let in_leaves = self.most_leaves() * self.tree.usual_leaf();
                self.room_at_name().max(in_leaves.min(self.tree.most_members()))
            }
            Routing::Weighted => self.room_at_name(),
            Routing::Simple => {
                let longest_text = self.desired.owner.to_string().len() + "\"registrar//=\"".len() + 34 + 15;
                let by_characters = MOST_CHARACTERS / (2 * (longest_text + 15));
                by_characters.saturating_sub(site.foreign_values.len())
            }
        }
    }

    /// Returns how many records of instances the set at the pool's name has room for.
    fn room_at_name(&self) -> usize {
        let others = self.sites.main.siblings.len() + usize::from(self.desired.fallback.is_some());
        self.tree.in_set.saturating_sub(others)
    }

    /// Returns how many leaves the pool may have: each needs an alias at its name and must not be somebody else's.
    fn most_leaves(&self) -> usize {
        let free = MOST_LEAVES.saturating_sub(self.sites.main.taken.len());
        self.room_at_name().min(self.tree.most_leaves()).min(free)
    }

    /// Others' weights at the name stand beside the weights of instances; beside the weights of leaves they would mean
    /// something else, so a pool that shares its name does not become a tree. Nor does one whose name is so long that
    /// its leaves would have none.
    fn may_be_tree(&self) -> bool {
        let site = &self.sites.main;
        let has_names = Leaf::new(0).is_some_and(|leaf| leaf.name(&site.place.name).is_ok());
        site.is_tree() || (site.siblings.is_empty() && has_names)
    }

    /// Says what room the pool has for a tree, and whether it may be used; nothing where only a part of its records may be
    /// known.
    pub(super) fn tree_room(&self, decided: &PoolDecisions) -> Option<TreeRoom> {
        let wanted = self.desired.policy.routing;
        let changes = |decision: &Decision| {
            matches!(decision.difference.kind, DifferenceKind::Routing { .. })
                && matches!(decision.verdict, Verdict::Go(_))
        };
        let form = match self.sites.main.form {
            Some(form) if !decided.decisions.iter().any(changes) => form,
            Some(_) | None => wanted,
        };
        if self.is_retired() || self.zone_gap.is_some() || form != Routing::Weighted {
            return None;
        }
        Some(TreeRoom {
            at_name: self.room_at_name(),
            leaves: self.most_leaves(),
            may_grow: self.may_be_tree(),
            hold: self.obstruction().or_else(|| self.paused(&Evidence::Size.to_string())),
        })
    }

    pub(super) fn no_room(&self, room: usize) -> Hold {
        let site = &self.sites.main;
        let hint = if site.siblings.is_empty() {
            "spread the fleet over several pools with names of their own"
        } else {
            "give the pool a name of its own, where it can be a tree, or spread the fleet over several pools"
        };
        Hold::new(
            HoldReason::Capacity,
            format!("the set at {} has room for {room} instances", site.place),
            hint,
        )
    }
}
