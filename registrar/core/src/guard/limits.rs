//! The limits that concern all differences of a pool together: budget, size of the set, last record.
//!
//! Each of them only ever turns a verdict from going ahead to being held back.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Decision, Evidence, Guard, Hold, HoldReason, PoolDecisions, Verdict};
use crate::diff::DifferenceKind;
use crate::ids::InstanceId;
use crate::orders::Release;
use crate::pool::WhenEmpty;

impl Guard<'_> {
    /// Holds back removals without proof beyond the budget; those that nobody knows go first.
    pub(super) fn limit_removals(&self, decided: &mut PoolDecisions) {
        let limit = self.desired.policy.max_removals;
        let budgeted = decided.decisions.iter().filter(|decision| is_budgeted(decision)).count();
        // Additions count: with another record there, the last old one is not the last one.
        let mut remaining = self.staying(decided) + self.additions(decided) + budgeted;
        let serving = self.staying(decided) + budgeted;
        let allowed = limit.of(serving + self.already_spent);
        let mut left = if self.budget_is_closed { 0 } else { allowed.saturating_sub(self.already_spent) };
        let mut candidates: Vec<(u8, &mut Decision)> = decided
            .decisions
            .iter_mut()
            .filter(|decision| is_budgeted(decision))
            .map(|decision| (doubt(decision), decision))
            .collect();
        candidates.sort_by_key(|(doubt, _)| Reverse(*doubt));
        for (_, decision) in candidates {
            let verdict = if remaining <= 1 {
                let released = self.released(decision, Release::names);
                released.unwrap_or_else(|| Verdict::Hold(self.last_record(decision)))
            } else if left == 0 {
                let released = self.released(decision, Release::covers);
                released.unwrap_or_else(|| Verdict::Hold(self.over_budget(allowed)))
            } else {
                left -= 1;
                decided.budget_spent += 1;
                decision.verdict.clone()
            };
            remaining -= usize::from(matches!(verdict, Verdict::Go(_)));
            decision.verdict = verdict;
        }
    }

    /// Returns the verdict about a removal that the operator's release covers, which spends no budget.
    fn released(&self, decision: &Decision, by: fn(&Release, &InstanceId) -> bool) -> Option<Verdict> {
        let Verdict::Go(Evidence::WithinBudget(standing)) = &decision.verdict else { return None };
        let instance = decision.difference.instance()?;
        let release = self.release.filter(|release| by(release, instance))?;
        Some(Verdict::Go(Evidence::Released { standing: standing.clone(), reason: release.reason.clone() }))
    }

    fn last_record(&self, decision: &Decision) -> Hold {
        let standing = match &decision.verdict {
            Verdict::Go(evidence) => evidence.to_string(),
            Verdict::Hold(hold) => hold.detail.clone(),
        };
        Hold::new(
            HoldReason::LastRecord,
            format!("{standing}; the last record goes only by proof"),
            format!(
                "set the pool's state to \"retired\" if its name should stop answering, or let it go: {}",
                self.release_command(decision.difference.instance())
            ),
        )
    }

    fn over_budget(&self, allowed: usize) -> Hold {
        if self.budget_is_closed {
            let detail =
                "removals without proof: the pool's state, which counts them, could not be read or written";
            return Hold::waiting(HoldReason::RemovalBudget, detail);
        }
        let limit = self.desired.policy.max_removals;
        Hold::new(
            HoldReason::RemovalBudget,
            format!(
                "removals without proof: {allowed} allowed within {} s, {} spent before",
                limit.window.as_secs(),
                self.already_spent
            ),
            format!("wait for the window to pass, or let them go: {}", self.release_command(None)),
        )
    }

    /// Holds back what does not fit, so that what does is not refused with it: first the change of
    /// routing, then the fallback, then additions in the order of their ids.
    pub(super) fn limit_size(&self, decided: &mut PoolDecisions) {
        let staying = self.staying(decided);
        let wanted = self.desired.policy.routing;
        let mut form = self.sites.main.form.unwrap_or(wanted);
        for decision in &mut decided.decisions {
            let room = match &decision.difference.kind {
                DifferenceKind::Routing { .. } => self.most_members(wanted),
                DifferenceKind::Fallback { old: None, .. } => self.most_members(form),
                DifferenceKind::Add { .. }
                | DifferenceKind::Remove { .. }
                | DifferenceKind::Move { .. }
                | DifferenceKind::Reweight { .. }
                | DifferenceKind::Repair { .. }
                | DifferenceKind::Ttl { .. }
                | DifferenceKind::Tree(_)
                | DifferenceKind::Fallback { .. } => continue,
            };
            if matches!(decision.verdict, Verdict::Go(_)) && staying > room {
                decision.verdict = Verdict::Hold(self.no_room(room));
            }
            let changes = matches!(decision.difference.kind, DifferenceKind::Routing { .. });
            if changes && matches!(decision.verdict, Verdict::Go(_)) {
                form = wanted;
            }
        }
        let room = self.most_members(form);
        let additions = decided.decisions.iter_mut().filter(|decision| is_addition(decision));
        for decision in additions.skip(room.saturating_sub(staying)) {
            decision.verdict = Verdict::Hold(self.no_room(room));
        }
    }

    /// Keeps the record that most speaks for, where the document never lets the last one go: by itself,
    /// or because the fallback that should stand behind it is not there.
    pub(super) fn keep_last(&self, decided: &mut PoolDecisions) {
        let wanted = match self.desired.policy.when_empty {
            WhenEmpty::Remove => false,
            WhenEmpty::KeepLast => true,
            WhenEmpty::Fallback => !self.fallback_stands(decided),
        };
        if !wanted || self.is_retired() || self.staying(decided) + self.additions(decided) > 0 {
            return;
        }
        // The fallback that the document gave up counts like a record: it goes when something else serves.
        let candidates = decided
            .decisions
            .iter_mut()
            .filter(|decision| self.is_removal(decision) || self.is_fallback_removal(decision));
        if let Some(decision) = candidates.min_by_key(|decision| doubt(decision)) {
            let Verdict::Go(evidence) = &decision.verdict else { return };
            decision.verdict = Verdict::Hold(Hold::new(
                HoldReason::KeepLast,
                format!("{evidence}; by guard.when_empty the name never stops answering"),
                "it goes as soon as something else serves",
            ));
        }
    }

    fn is_fallback_removal(&self, decision: &Decision) -> bool {
        decision.difference.place == self.sites.main.place
            && matches!(
                (&decision.difference.kind, &decision.verdict),
                (DifferenceKind::Fallback { new: None, .. }, Verdict::Go(_))
            )
    }

    fn fallback_stands(&self, decided: &PoolDecisions) -> bool {
        let change = decided.decisions.iter().find_map(|decision| match &decision.difference.kind {
            DifferenceKind::Fallback { new, .. } if decision.difference.place == self.sites.main.place => {
                matches!(decision.verdict, Verdict::Go(_)).then_some(new.is_some())
            }
            _ => None,
        });
        change.unwrap_or(self.sites.main.fallback.is_some())
    }

    /// Counts the instances published at the pool's place that stay so.
    fn staying(&self, decided: &PoolDecisions) -> usize {
        let removals = decided.decisions.iter().filter(|decision| self.is_removal(decision));
        let removed: BTreeSet<&InstanceId> =
            removals.filter_map(|decision| decision.difference.instance()).collect();
        let published = self.sites.main.entries.iter().filter(|(_, entry)| entry.is_published());
        published.filter(|(instance, _)| !removed.contains(instance)).count()
    }

    fn additions(&self, decided: &PoolDecisions) -> usize {
        decided.decisions.iter().filter(|decision| is_addition(decision)).count()
    }

    fn is_removal(&self, decision: &Decision) -> bool {
        decision.difference.place == self.sites.main.place
            && matches!(
                (&decision.difference.kind, &decision.verdict),
                (DifferenceKind::Remove { .. }, Verdict::Go(_))
            )
    }
}

pub(super) fn is_addition(decision: &Decision) -> bool {
    matches!((&decision.difference.kind, &decision.verdict), (DifferenceKind::Add { .. }, Verdict::Go(_)))
}

fn is_budgeted(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Go(Evidence::WithinBudget(_)))
}

fn doubt(decision: &Decision) -> u8 {
    match &decision.verdict {
        Verdict::Go(
            Evidence::Dead(standing) | Evidence::WithinBudget(standing) | Evidence::Released { standing, .. },
        ) => standing.doubt(),
        Verdict::Go(_) | Verdict::Hold(_) => u8::MAX,
    }
}
