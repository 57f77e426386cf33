//! Whether a pool can take a name over from a retired one.
//!
//! It holds nothing back itself: the plan leaves both as they are while it cannot.

use super::{Decision, Guard, Hold, HoldReason, LIST_TO_THE_END, PoolDecisions, Verdict};
use crate::diff::DifferenceKind;
use crate::ids::InstanceId;
use crate::inventory::Inventory;
use crate::pool::PoolState;
use crate::site::Entry;
use crate::standing::{MemberState, Standing};

impl Guard<'_> {
    /// Returns why the pool cannot take a name over from one that leaves it: what is to come there is not known, or
    /// nothing of it may come now. Where it has nobody to put there, nothing waits for it.
    pub(crate) fn waits(&self, decided: &PoolDecisions, inventory: &Inventory) -> Option<Hold> {
        if self.desired.policy.state == PoolState::Paused || self.pause.is_some() {
            let detail = format!("pool {} is paused", self.desired.owner.pool);
            return Some(Hold::waiting(HoldReason::Paused, detail));
        }
        if let Some(gap) = inventory.fleet.gap.as_ref().or(inventory.groups.gap.as_ref()) {
            return Some(Hold::new(HoldReason::Unknown, gap.to_string(), "a complete read decides it"));
        }
        if let Some(gap) = self.zone_gap {
            return Some(Hold::new(HoldReason::HostedZoneIncomplete, gap.to_string(), LIST_TO_THE_END));
        }
        let main = &self.sites.main;
        let stands = main.fallback.is_some() || main.entries.values().any(Entry::is_published);
        let comes = |decision: &&Decision| {
            matches!(
                decision.difference.kind,
                DifferenceKind::Add { .. } | DifferenceKind::Fallback { new: Some(_), .. }
            )
        };
        let mut held = None;
        for decision in decided.decisions.iter().filter(comes) {
            match &decision.verdict {
                Verdict::Go(_) => return None,
                Verdict::Hold(hold) => held = held.or(Some(hold)),
            }
        }
        let notice = || decided.notices.first().map(|notice| &notice.hold);
        let starting = || {
            let pending =
                |(_, standing): &(&InstanceId, &Standing)| standing.member_state() == MemberState::Pending;
            let (instance, standing) = self.desired.standings.iter().find(pending)?;
            Some(Hold::waiting(HoldReason::Starting, format!("{instance}: {standing}")))
        };
        if stands { None } else { held.or_else(notice).cloned().or_else(starting) }
    }
}
