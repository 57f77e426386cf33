//! Drains: from a terminate hook to its ticket, and from the ticket to the hook's completion.
//!
//! What a ticket waits for is the core's business (`registrar_core::drain`); here it is asked for, sent on
//! and completed. Nothing sleeps: a ticket is a delayed message in the registrar's own queue.

use std::collections::{BTreeMap, BTreeSet};

use registrar_core::drain::{Drain, DrainOutcome, DrainTicket, TicketStep, Visit, WaitingHook};
use registrar_core::execute::Applied;
use registrar_core::ids::{HostedZoneId, InstanceId, PoolName};
use registrar_core::inventory::HostedZone;
use registrar_core::owner::{Owner, OwnerMark};
use registrar_core::pool::Policy;
use registrar_core::record_set::{ChangeAction, RecordSet};
use registrar_core::trigger::{Movement, Trigger};

use super::hints::Fate;
use super::records::members_of;
use super::{Deployment, Executed, Scope};
use crate::{Deadline, HookReply, PortError};

/// The shortest timeout that a hook may have, in seconds (EC2 Auto Scaling API reference,
/// `PutLifecycleHook`): what is assumed of a hook that cannot be described.
const SHORTEST_TIMEOUT_SECS: u32 = 30;

/// What became of one instance's record.
enum Record {
    /// It was removed by this change; without an id where that was seen by looking.
    Removed { change_id: Option<String>, ttl_secs: u32 },
    /// None was left.
    Absent { ttl_secs: u32 },
    /// It is still there.
    Stays,
}

/// Drains that wait for the same change.
#[derive(Default)]
struct Waiting {
    hooks: BTreeSet<WaitingHook>,
    ttl_secs: u32,
    since: Option<registrar_core::Timestamp>,
}

type Key = (PoolName, HostedZoneId, Option<String>);

impl Deployment {
    /// Sends the tickets of the hooks among the hints. A hint whose ticket could not be sent fails.
    pub async fn begin_drains(
        &mut self,
        hints: &[Trigger],
        fates: &mut [Fate],
        run: Option<&Executed>,
        queue_url: Option<&str>,
        deadline: Deadline,
    ) -> BTreeMap<DrainOutcome, usize> {
        let mut outcomes = BTreeMap::new();
        let mut waiting: BTreeMap<Key, (Waiting, Vec<usize>)> = BTreeMap::new();
        for (index, (hint, fate)) in hints.iter().zip(fates.iter()).enumerate() {
            let Some(hook) = terminate_hook(hint) else { continue };
            let Fate::Served(pools) = fate else { continue };
            match run.map(|run| self.record_of(&hook, pools, run)) {
                None | Some(None) => count(&mut outcomes, DrainOutcome::NotOurs),
                Some(Some((_, _, Record::Stays))) => {
                    tracing::warn!(instance = %hook.instance, hook = %hook.hook,
                        "the record stays, so the hook is left to its timeout");
                    count(&mut outcomes, DrainOutcome::Held);
                }
                Some(Some((pool, zone, record))) => {
                    let (change_id, ttl_secs) = match record {
                        Record::Removed { change_id, ttl_secs } => (change_id, ttl_secs),
                        Record::Absent { ttl_secs } => (None, ttl_secs),
                        Record::Stays => continue,
                    };
                    let (drain, members) = waiting.entry((pool, zone, change_id)).or_default();
                    drain.hooks.insert(hook);
                    drain.ttl_secs = drain.ttl_secs.max(ttl_secs);
                    drain.since = drain.since.into_iter().chain(hint.at()).min();
                    members.push(index);
                }
            }
        }
        for (key, (drain, members)) in waiting {
            match self.send_tickets(key, drain, queue_url, deadline).await {
                Ok(()) => members.iter().for_each(|_| count(&mut outcomes, DrainOutcome::Ticketed)),
                Err(problem) => {
                    for index in members {
                        count(&mut outcomes, DrainOutcome::Failed);
                        fates[index] = Fate::Failed(format!("the drain ticket was not sent: {problem}"));
                    }
                }
            }
        }
        outcomes
    }

    async fn send_tickets(
        &mut self,
        (pool, hosted_zone_id, change_id): Key,
        waiting: Waiting,
        queue_url: Option<&str>,
        deadline: Deadline,
    ) -> Result<(), String> {
        let queue_url =
            queue_url.ok_or("REGISTRAR_QUEUE_URL is not set (hint: set it to the queue's URL)")?;
        let heartbeat_secs = self.shortest_timeout(&waiting.hooks, deadline).await;
        let drain = Drain {
            deployment: self.name.clone(),
            pool,
            hooks: waiting.hooks,
            hosted_zone_id,
            ttl_secs: waiting.ttl_secs,
            heartbeat_secs: Some(heartbeat_secs),
            waiting_since: waiting.since,
        };
        let now = self.now();
        let tickets = match change_id {
            Some(change_id) => DrainTicket::for_change(drain, &change_id, now),
            None => DrainTicket::without_change(drain, now),
        };
        for ticket in tickets {
            self.send_on(ticket.postpone(now), queue_url, deadline)
                .await
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Returns the shortest timeout of the hooks. One that cannot be described has the shortest there is, so
    /// that it gets its heartbeats in time.
    async fn shortest_timeout(&mut self, hooks: &BTreeSet<WaitingHook>, deadline: Deadline) -> u32 {
        let mut shortest = None;
        for hook in hooks {
            let key = (hook.group.clone(), hook.hook.clone());
            if !self.hook_timeouts.contains_key(&key) {
                match self.aws.hook_timeout_secs(&hook.group, &hook.hook, deadline).await {
                    Ok(timeout) => {
                        let timeout = timeout.unwrap_or(SHORTEST_TIMEOUT_SECS);
                        self.hook_timeouts.insert(key.clone(), timeout);
                    }
                    Err(error) => tracing::warn!(hook = %hook.hook, %error, "its timeout is not known"),
                }
            }
            let timeout = self.hook_timeouts.get(&key).copied().unwrap_or(SHORTEST_TIMEOUT_SECS);
            shortest = shortest.into_iter().chain([timeout]).min();
        }
        shortest.unwrap_or(SHORTEST_TIMEOUT_SECS)
    }

    async fn send_on(&self, visit: Visit, queue_url: &str, deadline: Deadline) -> Result<(), PortError> {
        if visit.heartbeat {
            for hook in &visit.ticket.hooks {
                // The hook's own timeout ends the wait then; the ticket still completes the others.
                if let Err(error) = self.aws.heartbeat_hook(hook, deadline).await {
                    tracing::warn!(instance = %hook.instance, hook = %hook.hook, %error, "no heartbeat");
                }
            }
        }
        self.aws.send_message(queue_url, &visit.ticket.to_body(), visit.delay_secs, deadline).await
    }

    /// Follows a ticket that came back.
    ///
    /// # Errors
    /// When the message has to come again.
    pub async fn follow_ticket(
        &mut self,
        ticket: DrainTicket,
        queue_url: Option<&str>,
        deadline: Deadline,
    ) -> Result<DrainOutcome, String> {
        let now = self.now();
        // Whoever may send to the queue could write a ticket: it completes no hook but the pool's own.
        let policies = self.parameters.pools.iter().filter(|pool| pool.name == ticket.pool);
        let mut policies = policies.filter_map(|pool| pool.policy.as_ref().ok());
        if policies.any(|policy| ticket.hooks.iter().any(|hook| hook.hook != policy.drain_hook)) {
            return Ok(DrainOutcome::NotOurs);
        }
        let visit = match ticket.next(now) {
            TicketStep::Complete => return self.complete(&ticket, deadline).await,
            TicketStep::Again(visit) => visit,
            TicketStep::AskChange { change_id } => {
                let access = Scope::everything(&self.parameters.pools, false).access(&ticket.hosted_zone_id);
                match self.aws.change_is_in_sync(&access, &change_id, deadline).await {
                    Ok(true) => match ticket.clone().in_sync(now).next(now) {
                        TicketStep::Complete => return self.complete(&ticket, deadline).await,
                        TicketStep::Again(visit) => visit,
                        TicketStep::AskChange { .. } => ticket.postpone(now),
                    },
                    Ok(false) => ticket.postpone(now),
                    // The ticket gives up waiting by itself: an id may be unknown after a fail-over.
                    Err(error) => {
                        tracing::warn!(%error, "the change cannot be asked about now");
                        ticket.postpone(now)
                    }
                }
            }
        };
        let queue_url = queue_url.ok_or("REGISTRAR_QUEUE_URL is not set")?;
        self.send_on(visit, queue_url, deadline).await.map_err(|error| error.to_string())?;
        Ok(DrainOutcome::Waiting)
    }

    async fn complete(&self, ticket: &DrainTicket, deadline: Deadline) -> Result<DrainOutcome, String> {
        let mut outcome = DrainOutcome::AlreadyGone;
        let mut failure = None;
        for hook in &ticket.hooks {
            match self.aws.complete_hook(hook, deadline).await {
                Ok(HookReply::Done) => outcome = DrainOutcome::Completed,
                Ok(HookReply::AlreadyGone) => {}
                // The others do not wait for this one: when the ticket comes again, they are gone.
                Err(error) => failure = Some(format!("hook {} of {}: {error}", hook.hook, hook.instance)),
            }
        }
        failure.map_or(Ok(outcome), Err)
    }

    /// Says what became of the record of a hook's instance, in the pool whose own hook it is. Where several
    /// pools share the hook, the one whose record stays counts, or else the last to forget it.
    fn record_of(
        &self,
        hook: &WaitingHook,
        pools: &BTreeSet<PoolName>,
        run: &Executed,
    ) -> Option<(PoolName, HostedZoneId, Record)> {
        let mut found: Option<(PoolName, HostedZoneId, Record)> = None;
        for (pool, policy) in run.looked.scope.policies() {
            let concerned = pools.contains(pool)
                && policy.drain_hook == hook.hook
                && self.selects_or_owns(pool, policy, &hook.instance, run);
            if !concerned {
                continue;
            }
            let record = self.record_in(pool, policy, &hook.instance, run);
            let record = match (found.take(), record) {
                (None, record) => record,
                (Some((_, _, Record::Stays)), _) | (Some(_), Record::Stays) => Record::Stays,
                // Two changes: neither alone tells when both are in sync, so the wait is without one.
                (Some((_, _, one)), other) => {
                    Record::Absent { ttl_secs: one.ttl_secs().max(other.ttl_secs()) }
                }
            };
            found = Some((pool.clone(), policy.hosted_zone_id.clone(), record));
        }
        found
    }

    pub(super) fn selects_or_owns(
        &self,
        pool: &PoolName,
        policy: &Policy,
        id: &InstanceId,
        run: &Executed,
    ) -> bool {
        let inventory = &run.looked.inventory;
        let selected =
            inventory.fleet.instances.get(id).is_some_and(|instance| {
                policy.selects(instance, inventory.groups.group_of(instance).as_ref())
            });
        let owner = self.owner(pool);
        let zone = inventory.hosted_zones.get(&policy.hosted_zone_id);
        selected
            || zone.is_some_and(|zone| observed(zone, &owner, id).is_some())
            || removal(run, pool, &owner, id).is_some()
    }

    fn record_in(&self, pool: &PoolName, policy: &Policy, id: &InstanceId, run: &Executed) -> Record {
        let owner = self.owner(pool);
        if let Some((applied, record)) = removal(run, pool, &owner, id) {
            let ttl_secs = record.ttl_secs.unwrap_or(policy.ttl_secs);
            return Record::Removed { change_id: applied.change_id.clone(), ttl_secs };
        }
        let zone = run.looked.inventory.hosted_zones.get(&policy.hosted_zone_id);
        match zone.and_then(|zone| observed(zone, &owner, id)) {
            Some(_) => Record::Stays,
            None => {
                // In a tree the pool's name has aliases, which have no TTL, and its own records stand at leaves.
                let in_set = |record: &&RecordSet| record.name == policy.name || is_marked(record, &owner);
                let set = zone.into_iter().flat_map(|zone| zone.records.values()).map(AsRef::as_ref);
                let ttl_secs = set.filter(in_set).filter_map(|record| record.ttl_secs).max();
                Record::Absent { ttl_secs: ttl_secs.unwrap_or(policy.ttl_secs).max(policy.ttl_secs) }
            }
        }
    }

    fn owner(&self, pool: &PoolName) -> Owner {
        Owner { deployment: self.name.clone(), pool: pool.clone() }
    }
}

impl Record {
    fn ttl_secs(&self) -> u32 {
        match self {
            Self::Removed { ttl_secs, .. } | Self::Absent { ttl_secs } => *ttl_secs,
            Self::Stays => 0,
        }
    }
}

/// Returns the hook of a terminate lifecycle action.
fn terminate_hook(trigger: &Trigger) -> Option<WaitingHook> {
    match trigger {
        Trigger::GroupChange { movement: Movement::OutOf, .. } => WaitingHook::from_trigger(trigger),
        _ => None,
    }
}

/// Returns the record set that names the instance as the owner's.
fn observed<'a>(zone: &'a HostedZone, owner: &Owner, id: &InstanceId) -> Option<&'a RecordSet> {
    zone.records.values().map(AsRef::as_ref).find(|record| names(record, owner, id))
}

fn is_marked(record: &RecordSet, owner: &Owner) -> bool {
    let mark = record.set_identifier.as_deref().and_then(|mark| mark.parse::<OwnerMark>().ok());
    mark.is_some_and(|mark| mark.owner == *owner)
}

fn names(record: &RecordSet, owner: &Owner, id: &InstanceId) -> bool {
    members_of(record).any(|(whose, member)| whose == *owner && member == *id)
}

/// Returns the batch that removed the instance's record, and the record.
fn removal<'a>(
    run: &'a Executed,
    pool: &PoolName,
    owner: &Owner,
    id: &InstanceId,
) -> Option<(&'a Applied, &'a RecordSet)> {
    run.outcome.applied.iter().rev().find_map(|applied| {
        let units = applied.batch.units.iter().filter(|unit| unit.pool == *pool);
        let changes: Vec<_> = units.flat_map(|unit| &unit.changes).collect();
        let of = |action| {
            let named = changes.iter().filter(move |change| change.action == action);
            named.map(|change| change.record.as_ref()).find(|record| names(record, owner, id))
        };
        match (of(ChangeAction::Delete), of(ChangeAction::Create)) {
            (Some(record), None) => Some((applied, record)),
            (Some(_), Some(_)) | (None, _) => None,
        }
    })
}

fn count(outcomes: &mut BTreeMap<DrainOutcome, usize>, outcome: DrainOutcome) {
    *outcomes.entry(outcome).or_insert(0) += 1;
}
