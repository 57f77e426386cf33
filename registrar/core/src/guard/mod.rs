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
//!
//! What an operator's release lets through, once, of what is held for each reason. It never stands in for a read: what
//! is unknown stays, and so does what another look, the document or `registrar resume` decides.
//!
//! | held for | a release that names nobody | a release that names the instance |
//! |---|---|---|
//! | `removal-budget` | goes, and spends no budget | goes, and spends no budget |
//! | `last-record` | stays: no name stops answering by accident | goes |
//! | `wrong-account-or-region` | stays: the fleet was perhaps not even asked | goes |
//! | `unknown`, `starting`, `address-unconfirmed`, `hosted-zone-incomplete` | stays: a read decides | stays |
//! | `keep-last`, `paused`, `name-changed` and whatever is no removal | stays: the document decides | stays |

mod handover;
mod ledger;
mod limits;
mod reason;
mod room;
mod zone_room;

pub use ledger::RemovalLedger;
pub use reason::{Decision, Evidence, Hold, HoldReason, Notice, PoolDecisions, TreeRoom, Verdict};
pub(crate) use zone_room::ZoneRoom;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::desired::DesiredPool;
use crate::diff::{Difference, DifferenceKind, PoolDiff};
use crate::ids::InstanceId;
use crate::inventory::{Gap, GapSource};
use crate::orders::{OrderCommand, Pause, Release};
use crate::owner::Owner;
use crate::pool::{PoolState, Routing};
use crate::record_set::{RecordSet, RecordType};
use crate::site::{Site, Sites};
use crate::standing::{Standing, WeightRequest};
use crate::tree::TreeLimits;

/// Weighted or multivalue record sets of one name and type (Route 53 Developer Guide, "Quotas").
pub const MOST_IN_SET: usize = 100;

/// How many places of records left behind are named.
const NAMED_PLACES: usize = 5;

const LIST_TO_THE_END: &str = "list the hosted zone to its end";

/// What the guard weighs for one pool.
pub(crate) struct Guard<'a> {
    pub(crate) desired: &'a DesiredPool<'a>,
    pub(crate) sites: &'a Sites,
    /// Why the listing of the hosted zone is incomplete, if it is.
    pub(crate) zone_gap: Option<&'a Gap>,
    /// How many removals without proof the window already saw.
    pub(crate) already_spent: usize,
    /// Whether nothing more can be counted against the budget.
    pub(crate) budget_is_closed: bool,
    /// The operator's order to change nothing, where it is in force.
    pub(crate) pause: Option<&'a Pause>,
    /// The operator's order to let held removals go, where it is in force.
    pub(crate) release: Option<&'a Release>,
    /// The room that hosted zones have left.
    pub(crate) zone_room: &'a ZoneRoom,
    /// How many record sets pools leave at its name that go in the request in which its own come.
    pub(crate) handed_over: u64,
    /// How large sets may be.
    pub(crate) tree: TreeLimits,
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
            release_used: None,
            tree: None,
        };
        self.limit_to_hosted_zone(&mut decided);
        self.limit_removals(&mut decided);
        self.limit_size(&mut decided);
        decided.tree = self.tree_room(&decided);
        self.keep_last(&mut decided);
        self.hold_while_paused(&mut decided);
        decided.release_used = self.release.filter(|_| is_release_used(&decided)).map(|it| it.id.clone());
        decided
    }

    /// Judges a difference by itself, before the limits that concern all of them together.
    fn first_verdict(&self, difference: &Difference) -> Verdict {
        let at_stray = difference.place != self.sites.main.place;
        match &difference.kind {
            DifferenceKind::Remove { instance, .. } if self.is_retired() && !self.is_dead(instance) => {
                self.half_read().map_or(Verdict::Go(Evidence::Retired), Verdict::Hold)
            }
            DifferenceKind::Remove { instance, .. } => self.removal(instance, at_stray),
            DifferenceKind::Move { old, .. } if !old.is_published() => {
                self.unless_obstructed(Evidence::Serving)
            }
            DifferenceKind::Move { .. } => match self.half_read() {
                Some(hold) => Verdict::Hold(hold),
                None => Verdict::Go(Evidence::Moved),
            },
            DifferenceKind::Add { .. } => self.unless_obstructed(Evidence::Serving),
            DifferenceKind::Reweight { .. } => self.unless_obstructed(Evidence::Reweighted),
            DifferenceKind::Repair { .. } => self.unless_obstructed(Evidence::Drifted),
            DifferenceKind::Ttl { .. } => self.ttl_change(),
            DifferenceKind::Routing { .. } => self.routing_change(),
            DifferenceKind::Tree(_) => self.unless_obstructed(Evidence::Size),
            DifferenceKind::Fallback { new: Some(_), .. } => self.unless_obstructed(Evidence::Document),
            DifferenceKind::Fallback { new: None, .. } if at_stray && !self.is_retired() => {
                Verdict::Hold(self.name_changed())
            }
            DifferenceKind::Fallback { new: None, .. } => Verdict::Go(Evidence::Document),
        }
    }

    fn is_dead(&self, instance: &InstanceId) -> bool {
        self.desired.standings.get(instance).is_some_and(Standing::proves_dead)
    }

    fn is_retired(&self) -> bool {
        self.desired.policy.state == PoolState::Retired
    }

    /// A simple set can only be rewritten where both it and its owner texts were read.
    fn half_read(&self) -> Option<Hold> {
        let site = &self.sites.main;
        let has_set = site.owned.iter().any(|record| record.r#type == RecordType::A);
        let gap = self.zone_gap.filter(|_| site.form == Some(Routing::Simple) && !has_set)?;
        Some(Hold::new(HoldReason::HostedZoneIncomplete, gap.to_string(), LIST_TO_THE_END))
    }

    fn removal(&self, instance: &InstanceId, at_stray: bool) -> Verdict {
        if let Some(hold) = self.half_read() {
            return Verdict::Hold(hold);
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
            Standing::UnknownToEc2 if !self.desired.known_to_ec2 => self.wrong_account(instance, standing),
            Standing::UnknownToEc2 | Standing::Deselected => {
                Verdict::Go(Evidence::WithinBudget(standing.clone()))
            }
            Standing::Unknown(gap) => Verdict::Hold(Hold::new(
                HoldReason::Unknown,
                format!("{instance} was not seen, which proves nothing: {gap}"),
                "a complete read decides it",
            )),
            Standing::Starting => waiting(HoldReason::Starting),
            Standing::WithoutAddress { .. } => Verdict::Hold(Hold::new(
                HoldReason::AddressUnconfirmed,
                format!("{instance}: {standing}"),
                "a second look that sees the same removes it",
            )),
            // Published elsewhere or proven above; a serving instance has no removal at its own name.
            Standing::Serving { .. }
            | Standing::AsBefore(_)
            | Standing::OutOfService { .. }
            | Standing::Ended(_)
            | Standing::Announced(_) => waiting(HoldReason::Unknown),
        }
    }

    fn wrong_account(&self, instance: &InstanceId, standing: &Standing) -> Verdict {
        if let Some(release) = self.release.filter(|release| release.names(instance)) {
            return Verdict::Go(Evidence::Released {
                standing: standing.clone(),
                reason: release.reason.clone(),
            });
        }
        Verdict::Hold(Hold::new(
            HoldReason::WrongAccountOrRegion,
            "EC2 knows none of the instances that this pool has records for, and none that it selects",
            format!(
                "check the account, the Region and the selectors; if the fleet is really gone, set the pool's state to \
                 \"retired\" until its records are removed, or let this one go: {}",
                self.release_command(Some(instance))
            ),
        ))
    }

    /// Returns the command that lets a held removal go.
    fn release_command(&self, only: Option<&InstanceId>) -> String {
        let only = only.map(|instance| format!(" --only {instance}")).unwrap_or_default();
        format!("{} --for 15m{only} --reason TEXT", self.order("release"))
    }

    fn order(&self, verb: &'static str) -> OrderCommand<'_> {
        let Owner { deployment, pool } = &self.desired.owner;
        OrderCommand { verb, deployment, pool }
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
            return Some(Hold::new(HoldReason::HostedZoneIncomplete, gap.to_string(), LIST_TO_THE_END));
        }
        if let Some(record) = self.sites.main.in_the_way.first() {
            return Some(self.foreign(record));
        }
        self.live_strays().next().is_some().then(|| self.name_changed())
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

    /// Returns the sites that would be left behind: those that are proven dead go anyway.
    fn live_strays(&self) -> impl Iterator<Item = &Site> {
        let dead = |id: &InstanceId| self.is_dead(id);
        self.sites.strays.iter().filter(move |site| site.fallback.is_some() || !site.entries.keys().all(dead))
    }

    /// Every stray record is held with this, so that it names a few places: all of them, a thousand times over, would not
    /// fit into memory.
    fn name_changed(&self) -> Hold {
        let strays = &self.sites.strays;
        let places: Vec<String> =
            strays.iter().take(NAMED_PLACES).map(|site| site.place.to_string()).collect();
        let mut places = places.join(", ");
        let more = strays.len().saturating_sub(NAMED_PLACES);
        if more > 0 {
            places.push_str(&format!(" and {more} more"));
        }
        let hint = format!(
            "set the record back to {places} and the state to \"retired\" until its records are gone, then change it"
        );
        Hold::new(HoldReason::NameChanged, format!("the pool still has records at {places}"), hint)
    }

    fn ttl_change(&self) -> Verdict {
        let site = &self.sites.main;
        let shares = |record: &&Arc<RecordSet>| {
            record.ttl_secs.is_some() && (!site.is_tree() || self.desired.fallback.is_some())
        };
        let records = site.siblings.iter().chain(&site.in_the_way).filter(shares);
        let leaves: BTreeSet<_> = site.entries.values().filter_map(|entry| entry.leaf).collect();
        let at_leaves = site.taken.iter().filter(|(leaf, _)| leaves.contains(leaf)).map(|(_, record)| record);
        let records = records.chain(at_leaves);
        let foreign =
            records.map(ToString::to_string).chain(site.foreign_values.iter().map(ToString::to_string));
        match foreign.into_iter().next() {
            Some(foreign) => Verdict::Hold(Hold::new(
                HoldReason::ForeignTtl,
                format!(
                    "{foreign} shares the set and its TTL, and is not owned by pool {}",
                    self.desired.owner
                ),
                "set record.ttl_secs to the TTL that the set has, or change it once the others are gone",
            )),
            None => self.unless_obstructed(Evidence::Document),
        }
    }

    /// Records that stay but cannot be written in another form hold the change for all of them.
    fn routing_change(&self) -> Verdict {
        let site = &self.sites.main;
        let unseen = |id: &&InstanceId| {
            matches!(self.desired.standings.get(*id), Some(Standing::AsBefore(_) | Standing::Unknown(_)))
        };
        if self.desired.policy.routing == Routing::Weighted
            && let Some(instance) = site.entries.keys().find(unseen)
        {
            let detail = format!("the weight that {instance} asks for is not known now");
            return Verdict::Hold(Hold::new(HoldReason::Unknown, detail, "a complete read decides it"));
        }
        let unreadable = site.entries.iter().any(|(id, entry)| {
            entry.as_read.is_some() && entry.address.is_none() && !self.desired.members.contains_key(id)
        });
        if unreadable || !site.foreign_values.is_empty() {
            return Verdict::Hold(Hold::new(
                HoldReason::ForeignRecord,
                format!(
                    "the set at {} holds values that are not members of pool {}",
                    site.place, self.desired.owner
                ),
                "remove those values, and the routing changes by itself",
            ));
        }
        self.unless_obstructed(Evidence::Document)
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
                Standing::Unknown(gap) | Standing::AsBefore(gap) if !published.contains_key(instance) => {
                    let detail = format!("whether {instance} serves is not to be told: {gap}");
                    Hold::new(
                        HoldReason::Unknown,
                        detail,
                        match gap.source {
                            GapSource::Groups => "read its Auto Scaling group too (--groups)",
                            GapSource::Fleet | GapSource::HostedZone | GapSource::Documents => {
                                "a complete read decides it"
                            }
                        },
                    )
                }
                Standing::Serving { weight: WeightRequest::Unreadable(value), .. } => Hold::new(
                    HoldReason::WeightTag,
                    format!(
                        "{instance} has the tag {}={value:?}, which is no weight",
                        self.desired.policy.weight_tag
                    ),
                    format!("set it to a whole number from {} to 255", self.desired.policy.smallest_weight()),
                ),
                Standing::Unknown(_)
                | Standing::AsBefore(_)
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

    /// Returns why nothing may change now, by the document or the operator, given what would allow it.
    fn paused(&self, evidence: &str) -> Option<Hold> {
        if self.desired.policy.state == PoolState::Paused {
            let hint = "set state to \"active\" in the pool document to let it go ahead";
            return Some(Hold::new(HoldReason::Paused, evidence, hint));
        }
        let Pause { reason, until, .. } = self.pause?;
        let detail = format!("{evidence}; paused until {until:.0}: {reason}");
        Some(Hold::new(HoldReason::Paused, detail, self.order("resume").to_string()))
    }

    /// Holds everything back while the document or the operator says so.
    fn hold_while_paused(&self, decided: &mut PoolDecisions) {
        for decision in &mut decided.decisions {
            if let Verdict::Go(evidence) = &decision.verdict
                && let Some(hold) = self.paused(&evidence.to_string())
            {
                decision.verdict = Verdict::Hold(hold);
                decided.budget_spent = 0;
            }
        }
    }

    fn errors(&self) -> Vec<String> {
        if self.is_retired() {
            return Vec::new();
        }
        // Where the listing is incomplete, the mark that makes a record ours may be what is missing.
        let foreign = self.sites.main.in_the_way.iter().filter(|_| self.zone_gap.is_none());
        let mut errors: Vec<Hold> = foreign.map(|record| self.foreign(record)).collect();
        if self.live_strays().next().is_some() {
            errors.push(self.name_changed());
        }
        let with_hint = |hold: Hold| match hold.hint {
            Some(hint) => format!("{} (hint: {hint})", hold.detail),
            None => hold.detail,
        };
        errors.into_iter().map(with_hint).collect()
    }
}

fn is_release_used(decided: &PoolDecisions) -> bool {
    decided
        .decisions
        .iter()
        .any(|decision| matches!(decision.verdict, Verdict::Go(Evidence::Released { .. })))
}
