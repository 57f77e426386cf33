//! What may go ahead and what is held back, each with its evidence or its reason.
//!
//! The guard sees one pool's differences together, because budgets, the last record and the size of a
//! set concern all of them. It makes no changes and does not know batches.
//!
//! | evidence about the record's own instance | removal |
//! |---|---|
//! | ended, by EC2, a newer event or its group | at once, even if other reads failed |
//! | running with another address | replaced in the same batch |
//! | running without an address, two looks agreeing | at once |
//! | EC2 does not know it | within the budget; never where EC2 knows nothing of the pool |
//! | alive but not selected any more | within the budget |
//! | unknown: the read that would tell is incomplete | never |

mod ledger;
mod reason;

pub use ledger::RemovalLedger;
pub use reason::{Decision, Evidence, Hold, HoldReason, Notice, PoolDecisions, Verdict};

use crate::desired::DesiredPool;
use crate::diff::{Difference, DifferenceKind, PoolDiff};
use crate::ids::InstanceId;
use crate::inventory::Gap;
use crate::pool::{PoolState, Routing, WhenEmpty};
use crate::record_set::RecordSet;
use crate::site::Sites;
use crate::standing::{Standing, WeightRequest};

/// Weighted or multivalue record sets of one name and type (Route 53 Developer Guide, "Quotas").
pub const MOST_IN_SET: usize = 100;

/// What the guard weighs for one pool.
pub(crate) struct Guard<'a> {
    pub(crate) desired: &'a DesiredPool<'a>,
    pub(crate) sites: &'a Sites,
    /// Why the listing of the hosted zone is incomplete, if it is.
    pub(crate) zone_gap: Option<&'a Gap>,
    /// How many removals without proof the window already saw.
    pub(crate) already_spent: usize,
}

impl Guard<'_> {
    /// Decides about every difference of the pool.
    pub(crate) fn decide(&self, diff: PoolDiff) -> PoolDecisions {
        let decide =
            |difference: Difference| Decision { verdict: self.first_verdict(&difference), difference };
        let mut decided = PoolDecisions {
            decisions: diff.differences.into_iter().map(decide).collect(),
            notices: self.notices(),
            errors: self.errors(),
            budget_spent: 0,
        };
        self.split_moves(&mut decided);
        self.limit_size(&mut decided);
        self.limit_removals(&mut decided);
        self.keep_last(&mut decided);
        if self.desired.policy.state == PoolState::Paused {
            pause(&mut decided);
        }
        decided
    }

    /// Judges a difference by itself, before the limits that concern all of them together.
    fn first_verdict(&self, difference: &Difference) -> Verdict {
        let at_stray = difference.name != self.sites.main.name;
        match &difference.kind {
            DifferenceKind::Remove { instance, .. } => self.removal(instance, at_stray),
            DifferenceKind::Move { .. } => Verdict::Go(Evidence::Moved),
            DifferenceKind::Add { .. } => self.unless_obstructed(Evidence::Serving),
            DifferenceKind::Reweight { .. } => self.unless_obstructed(Evidence::Reweighted),
            DifferenceKind::Repair { .. } => self.unless_obstructed(Evidence::Drifted),
            DifferenceKind::Ttl { .. } => self.ttl_change(),
            DifferenceKind::Routing { .. } => self.routing_change(),
            DifferenceKind::Fallback { new: Some(_), .. } => self.unless_obstructed(Evidence::Document),
            DifferenceKind::Fallback { new: None, .. } if at_stray && !self.is_retired() => {
                Verdict::Hold(self.name_changed())
            }
            DifferenceKind::Fallback { new: None, .. } => Verdict::Go(Evidence::Document),
        }
    }

    fn is_retired(&self) -> bool {
        self.desired.policy.state == PoolState::Retired
    }

    fn removal(&self, instance: &InstanceId, at_stray: bool) -> Verdict {
        if self.is_retired() {
            return Verdict::Go(Evidence::Retired);
        }
        let Some(standing) = self.desired.standings.get(instance) else {
            return Verdict::Hold(Hold::waiting(
                HoldReason::Unknown,
                format!("{instance} was not looked at"),
            ));
        };
        if standing.proves_dead() {
            return Verdict::Go(Evidence::Dead(standing.clone()));
        }
        if at_stray {
            return Verdict::Hold(self.name_changed());
        }
        let waiting = |reason| Verdict::Hold(Hold::waiting(reason, format!("{instance}: {standing}")));
        match standing {
            Standing::UnknownToEc2 if !self.desired.known_to_ec2 => Verdict::Hold(Hold::new(
                HoldReason::WrongAccountOrRegion,
                "EC2 knows none of the instances that this pool has records for, and none that it selects",
                "check the account, the Region and the selectors; if the fleet is really gone, set the pool's \
                 state to \"retired\" until its records are removed",
            )),
            Standing::UnknownToEc2 | Standing::Deselected => {
                Verdict::Go(Evidence::WithinBudget(standing.clone()))
            }
            Standing::Unknown(gap) => Verdict::Hold(Hold::new(
                HoldReason::Unknown,
                format!("{instance} was not seen, which proves nothing: {gap}"),
                "read everything and plan again",
            )),
            Standing::Starting => waiting(HoldReason::Starting),
            Standing::WithoutAddress { .. } => Verdict::Hold(Hold::new(
                HoldReason::AddressUnconfirmed,
                format!("{instance}: {standing}"),
                "a second look that sees the same removes it",
            )),
            // Published elsewhere or proven above; a serving instance has no removal at its own name.
            Standing::Serving { .. }
            | Standing::OutOfService { .. }
            | Standing::Ended(_)
            | Standing::Announced(_) => waiting(HoldReason::Unknown),
        }
    }

    fn unless_obstructed(&self, evidence: Evidence) -> Verdict {
        match self.obstruction() {
            Some(hold) => Verdict::Hold(hold),
            None => Verdict::Go(evidence),
        }
    }

    /// Returns why nothing may be written at the pool's name, removals excepted.
    fn obstruction(&self) -> Option<Hold> {
        if let Some(gap) = self.zone_gap {
            let hint = "list the hosted zone to its end and plan again";
            return Some(Hold::new(HoldReason::HostedZoneIncomplete, gap.to_string(), hint));
        }
        if let Some(record) = self.sites.main.in_the_way.first() {
            return Some(self.foreign(record));
        }
        (!self.sites.strays.is_empty()).then(|| self.name_changed())
    }

    fn foreign(&self, record: &RecordSet) -> Hold {
        let detail = format!(
            "{record} ({} routing) is not owned by pool {} and cannot stand beside its {} records",
            record.routing(),
            self.desired.owner,
            self.desired.policy.routing,
        );
        let hint = "remove that record once nobody needs it, or give the pool a name of its own";
        Hold::new(HoldReason::ForeignRecord, detail, hint)
    }

    fn name_changed(&self) -> Hold {
        let names: Vec<&str> = self.sites.strays.iter().map(|site| site.name.as_str()).collect();
        let hint = format!(
            "set record.name back to {} and state to \"retired\" until its records are gone, then change the name",
            names.join(", ")
        );
        let detail = format!("the pool still has records at {}", names.join(", "));
        Hold::new(HoldReason::NameChanged, detail, hint)
    }

    fn ttl_change(&self) -> Verdict {
        let foreign = self.sites.main.siblings.iter().chain(&self.sites.main.in_the_way);
        let mut foreign = foreign.filter(|record| record.ttl_secs.is_some());
        match foreign.next() {
            Some(record) => Verdict::Hold(Hold::new(
                HoldReason::ForeignTtl,
                format!(
                    "[{record}] shares the set, which has one TTL, and is not owned by pool {}",
                    self.desired.owner
                ),
                "set record.ttl_secs to the TTL that the set has, or change it once the other records are gone",
            )),
            None => self.unless_obstructed(Evidence::Document),
        }
    }

    /// Records that stay but cannot be written in another form hold the change for all of them.
    fn routing_change(&self) -> Verdict {
        let site = &self.sites.main;
        let mut entries = site.entries.values();
        let unreadable = entries.any(|entry| entry.as_read.is_some() && entry.address.is_none());
        if unreadable || !site.foreign_values.is_empty() {
            return Verdict::Hold(Hold::new(
                HoldReason::ForeignRecord,
                format!(
                    "the set at {} holds values that are not members of pool {}",
                    site.name, self.desired.owner
                ),
                "remove those values, and the routing changes by itself",
            ));
        }
        self.unless_obstructed(Evidence::Document)
    }

    /// An obstructed move still ends the wrong address: the old one goes, the new one is held back.
    fn split_moves(&self, decided: &mut PoolDecisions) {
        let Some(hold) = self.obstruction().filter(|hold| hold.reason != HoldReason::HostedZoneIncomplete)
        else {
            return;
        };
        let mut additions = Vec::new();
        for decision in &mut decided.decisions {
            if let DifferenceKind::Move { instance, old, new } = &decision.difference.kind {
                let name = decision.difference.name.clone();
                let add = DifferenceKind::Add { instance: instance.clone(), new: new.clone() };
                additions.push(Decision {
                    difference: Difference { name, kind: add },
                    verdict: Verdict::Hold(hold.clone()),
                });
                decision.difference.kind =
                    DifferenceKind::Remove { instance: instance.clone(), old: old.clone() };
            }
        }
        decided.decisions.extend(additions);
    }

    /// Holds back the additions that do not fit, so that those that do are not refused with them.
    fn limit_size(&self, decided: &mut PoolDecisions) {
        let most = self.most_members();
        let mut members = remaining(decided, self.sites).saturating_sub(count_additions(decided));
        for decision in &mut decided.decisions {
            if matches!(
                (&decision.difference.kind, &decision.verdict),
                (DifferenceKind::Add { .. }, Verdict::Go(_))
            ) {
                members += 1;
                if members > most {
                    decision.verdict = Verdict::Hold(Hold::new(
                        HoldReason::Capacity,
                        format!("the set at {} has room for {most} instances", self.sites.main.name),
                        "spread the fleet over several pools with names of their own",
                    ));
                }
            }
        }
    }

    /// For a simple pool: what fits in one request even when every value and owner text is rewritten,
    /// deleted once and created once (1,000 values and 32,000 characters, ChangeResourceRecordSets).
    fn most_members(&self) -> usize {
        let site = &self.sites.main;
        match self.desired.policy.routing {
            Routing::Weighted | Routing::Multivalue => {
                MOST_IN_SET.saturating_sub(site.siblings.len() + usize::from(self.desired.fallback.is_some()))
            }
            Routing::Simple => {
                let longest_text = self.desired.owner.to_string().len() + "\"registrar//=\"".len() + 34 + 15;
                let by_characters = 32_000 / (2 * (longest_text + 15));
                by_characters.min(1_000 / 4).saturating_sub(site.foreign_values.len())
            }
        }
    }

    /// Holds back removals without proof beyond the budget; those that nobody knows go first.
    fn limit_removals(&self, decided: &mut PoolDecisions) {
        let limit = self.desired.policy.max_removals;
        let allowed = limit.of(self.sites.main.entries.len() + self.already_spent);
        let mut left = allowed.saturating_sub(self.already_spent);
        let mut remaining = remaining(decided, self.sites) + count_budgeted(decided);
        let mut budgeted: Vec<(u8, &mut Decision)> = decided
            .decisions
            .iter_mut()
            .filter_map(|decision| match &decision.verdict {
                Verdict::Go(Evidence::WithinBudget(standing)) => Some((standing.doubt(), decision)),
                Verdict::Go(_) | Verdict::Hold(_) => None,
            })
            .collect();
        budgeted.sort_by_key(|(doubt, _)| std::cmp::Reverse(*doubt));
        for (_, decision) in budgeted {
            let Verdict::Go(evidence) = &decision.verdict else { continue };
            if remaining <= 1 {
                decision.verdict = Verdict::Hold(Hold::new(
                    HoldReason::LastRecord,
                    format!("{evidence}; the last record goes only by proof"),
                    "set the pool's state to \"retired\" if its name should stop answering",
                ));
            } else if left == 0 {
                decision.verdict = Verdict::Hold(self.over_budget(allowed));
            } else {
                left -= 1;
                remaining -= 1;
                decided.budget_spent += 1;
            }
        }
    }

    fn over_budget(&self, allowed: usize) -> Hold {
        let limit = self.desired.policy.max_removals;
        Hold::new(
            HoldReason::RemovalBudget,
            format!(
                "removals without proof: {allowed} allowed within {} s, {} spent before",
                limit.window.as_secs(),
                self.already_spent
            ),
            "wait for the window to pass, or raise guard.max_removals if this many are meant to go",
        )
    }

    /// Keeps the record that most speaks for, where the document never lets the last one go.
    fn keep_last(&self, decided: &mut PoolDecisions) {
        let wanted = self.desired.policy.when_empty == WhenEmpty::KeepLast && !self.is_retired();
        if !wanted || remaining(decided, self.sites) > 0 {
            return;
        }
        let main = &self.sites.main.name;
        let removals = decided.decisions.iter_mut().filter(|decision| {
            matches!(decision.verdict, Verdict::Go(_))
                && matches!(decision.difference.kind, DifferenceKind::Remove { .. })
                && decision.difference.name == *main
        });
        let doubt = |decision: &Decision| match &decision.verdict {
            Verdict::Go(Evidence::Dead(standing) | Evidence::WithinBudget(standing)) => standing.doubt(),
            Verdict::Go(_) | Verdict::Hold(_) => u8::MAX,
        };
        if let Some(decision) = removals.min_by_key(|decision| doubt(decision)) {
            let Verdict::Go(evidence) = &decision.verdict else { return };
            decision.verdict = Verdict::Hold(Hold::new(
                HoldReason::KeepLast,
                format!("{evidence}; guard.when_empty is \"keep-last\""),
                "it goes as soon as another instance serves",
            ));
        }
    }

    /// Reports what is not a difference and still not as it should be.
    fn notices(&self) -> Vec<Notice> {
        if self.is_retired() {
            return Vec::new();
        }
        let published = &self.sites.main.entries;
        let mut notices = Vec::new();
        for (instance, standing) in &self.desired.standings {
            let hold = match standing {
                Standing::Unknown(gap) if !published.contains_key(instance) => Hold::new(
                    HoldReason::Unknown,
                    format!("whether {instance} is in service is not to be told: {gap}"),
                    "read the Auto Scaling groups (--groups) and plan again",
                ),
                Standing::Serving { weight: WeightRequest::Unreadable(value), .. } => Hold::new(
                    HoldReason::WeightTag,
                    format!(
                        "{instance} has the tag {}={value:?}, which is no weight",
                        self.desired.policy.weight_tag
                    ),
                    format!("set it to a whole number from {} to 255", self.desired.policy.smallest_weight()),
                ),
                Standing::Unknown(_)
                | Standing::Serving { weight: WeightRequest::Given(_), .. }
                | Standing::Starting
                | Standing::WithoutAddress { .. }
                | Standing::OutOfService { .. }
                | Standing::Ended(_)
                | Standing::Announced(_)
                | Standing::Deselected
                | Standing::UnknownToEc2 => continue,
            };
            notices.push(Notice { instance: instance.clone(), hold });
        }
        notices
    }

    fn errors(&self) -> Vec<String> {
        if self.is_retired() {
            return Vec::new();
        }
        let mut errors: Vec<Hold> =
            self.sites.main.in_the_way.iter().map(|record| self.foreign(record)).collect();
        if !self.sites.strays.is_empty() {
            errors.push(self.name_changed());
        }
        let with_hint = |hold: Hold| match hold.hint {
            Some(hint) => format!("{} (hint: {hint})", hold.detail),
            None => hold.detail,
        };
        errors.into_iter().map(with_hint).collect()
    }
}

fn pause(decided: &mut PoolDecisions) {
    decided.budget_spent = 0;
    for decision in &mut decided.decisions {
        if let Verdict::Go(evidence) = &decision.verdict {
            let hint = "set state to \"active\" in the pool document to let it go ahead";
            decision.verdict = Verdict::Hold(Hold::new(HoldReason::Paused, evidence.to_string(), hint));
        }
    }
}

/// Counts the instances that will be published at the pool's name.
fn remaining(decided: &PoolDecisions, sites: &Sites) -> usize {
    let main = &sites.main;
    let removed = decided.decisions.iter().filter(|decision| {
        decision.difference.name == main.name
            && matches!(decision.verdict, Verdict::Go(_))
            && matches!(decision.difference.kind, DifferenceKind::Remove { .. })
    });
    (main.entries.len() + count_additions(decided)).saturating_sub(removed.count())
}

fn count_additions(decided: &PoolDecisions) -> usize {
    let additions = decided.decisions.iter().filter(|decision| {
        matches!((&decision.difference.kind, &decision.verdict), (DifferenceKind::Add { .. }, Verdict::Go(_)))
    });
    additions.count()
}

fn count_budgeted(decided: &PoolDecisions) -> usize {
    let budgeted = decided
        .decisions
        .iter()
        .filter(|decision| matches!(decision.verdict, Verdict::Go(Evidence::WithinBudget(_))));
    budgeted.count()
}
