//! One look at the world: fleet, groups and names side by side, and then what they leave open.
//!
//! What could not be read is a gap in what it returns; it never fails as a whole and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all, join3};
use registrar_core::Timestamp;
use registrar_core::ids::{AutoScalingGroupName, DeploymentName, HostedZoneId, InstanceId};
use registrar_core::inventory::{
    EventMemory, Fleet, Groups, HostedZone, Instance, InstanceState, LifecycleState,
};
use registrar_core::name::RecordName;
use registrar_core::places::Places;

use super::records::members_of;
use super::scope::{Scope, fleet_queries};
use super::zone_counts::ZoneCounts;
use crate::{Aws, Deadline, ZoneAccess};

/// What a look is for, and what is known before it.
pub(super) struct Look<'a> {
    pub(super) aws: &'a Aws,
    pub(super) deployment: &'a DeploymentName,
    pub(super) scope: &'a Scope,
    pub(super) places: &'a Places,
    pub(super) memory: &'a EventMemory,
    /// The names of hosted zones, where they were asked for before; none where that failed.
    pub(super) origins: &'a BTreeMap<HostedZoneId, Option<RecordName>>,
    pub(super) zone_counts: &'a ZoneCounts,
    pub(super) known_groups: BTreeSet<AutoScalingGroupName>,
    pub(super) now: Timestamp,
    pub(super) deadline: Deadline,
}

/// What a look saw.
pub(super) struct Seen {
    pub(super) fleet: Fleet,
    pub(super) groups: Groups,
    pub(super) hosted_zones: BTreeMap<HostedZoneId, HostedZone>,
}

/// Asks EC2 for the instances of the pools.
pub(super) async fn fleet(aws: &Aws, scope: &Scope, include_ended: bool, deadline: Deadline) -> Fleet {
    let mut queries = fleet_queries(scope.policies().map(|(_, policy)| policy));
    queries.iter_mut().for_each(|query| query.include_ended = include_ended);
    let answers = join_all(queries.iter().map(|query| aws.describe_fleet(query, deadline))).await;
    let mut fleet = Fleet::default();
    answers.into_iter().for_each(|answer| add_fleet(&mut fleet, answer));
    fleet
}

impl Look<'_> {
    /// Reads everything that the pools need; `given` is a fleet that was read for them just now.
    pub(super) async fn read(&self, given: Option<Fleet>) -> Seen {
        if self.scope.records_only {
            let hosted_zones = self.hosted_zones().await;
            return Seen { fleet: Fleet::default(), groups: Groups::default(), hosted_zones };
        }
        let fleet = async {
            match given {
                Some(fleet) => fleet,
                None => fleet(self.aws, self.scope, false, self.deadline).await,
            }
        };
        let (mut fleet, mut groups, hosted_zones) =
            join3(fleet, self.groups(&self.known_groups), self.hosted_zones()).await;
        let recorded = self.recorded(&hosted_zones);
        let mut asked = self.known_groups.clone();
        let unseen = self.unseen(&recorded, &fleet, &groups);
        let more = self.unasked_groups(&recorded, &fleet, &asked);
        let (found, listed) = join(self.aws_ids(&unseen), self.groups(&more)).await;
        add_fleet(&mut fleet, found);
        add_groups(&mut groups, listed);
        asked.extend(more);
        let last = self.unasked_groups(&recorded, &fleet, &asked);
        let unexplained = self.unexplained(&recorded, &fleet, &groups, &last);
        let (listed, explained) = join(self.groups(&last), self.memberships(&unexplained)).await;
        add_groups(&mut groups, listed);
        add_groups(&mut groups, explained);
        Seen { fleet, groups, hosted_zones }
    }

    async fn hosted_zones(&self) -> BTreeMap<HostedZoneId, HostedZone> {
        let names = self.scope.names(self.places);
        let read = names.into_iter().map(|(id, (access, names))| async move {
            let zone = self.hosted_zone(&access, &names).await;
            (id, zone)
        });
        join_all(read).await.into_iter().collect()
    }

    async fn hosted_zone(&self, access: &ZoneAccess, names: &BTreeSet<RecordName>) -> HostedZone {
        if self.scope.whole_hosted_zones {
            return self.aws.list_whole(access, self.deadline).await;
        }
        let listed = self.aws.list_names(access, names, self.deadline);
        let (mut zone, origin, count) = join3(listed, self.origin(access), self.record_count(access)).await;
        zone.record_count = count;
        zone.origin = zone.origin.or(origin);
        zone
    }

    /// Route 53 refuses what does not fit anyway, so a look goes on without the number.
    async fn record_count(&self, access: &ZoneAccess) -> Option<u64> {
        if !self.scope.counts_records || !self.zone_counts.is_due(&access.id, self.now) {
            return None;
        }
        let counted = self.aws.record_count(access, self.deadline).await;
        counted
            .inspect_err(|error| tracing::debug!(hosted_zone = %access.id, %error, "records not counted"))
            .ok()
            .flatten()
    }

    /// The hosted zone's own name only serves to tell a name outside it from other refusals, so a look
    /// goes on without it.
    async fn origin(&self, access: &ZoneAccess) -> Option<RecordName> {
        match self.origins.get(&access.id) {
            Some(origin) => origin.clone(),
            None => self
                .aws
                .origin(access, self.deadline)
                .await
                .inspect_err(|error| tracing::debug!(hosted_zone = %access.id, %error, "origin not read"))
                .ok(),
        }
    }

    async fn groups(&self, names: &BTreeSet<AutoScalingGroupName>) -> Groups {
        if names.is_empty() {
            Groups::default()
        } else {
            self.aws.describe_groups(names, self.deadline).await
        }
    }

    async fn aws_ids(&self, ids: &BTreeSet<InstanceId>) -> Fleet {
        if ids.is_empty() { Fleet::default() } else { self.aws.describe_ids(ids, self.deadline).await }
    }

    async fn memberships(&self, ids: &BTreeSet<InstanceId>) -> Groups {
        if ids.is_empty() {
            Groups::default()
        } else {
            self.aws.describe_memberships(ids, self.deadline).await
        }
    }

    /// Returns the instances that the deployment has records for.
    fn recorded(&self, hosted_zones: &BTreeMap<HostedZoneId, HostedZone>) -> BTreeSet<InstanceId> {
        let records = hosted_zones.values().flat_map(|zone| zone.records.values());
        let members = records.flat_map(|record| members_of(record));
        members.filter(|(owner, _)| owner.deployment == *self.deployment).map(|(_, id)| id).collect()
    }

    /// Returns the recorded instances that neither EC2 nor an event or a group has told anything about.
    fn unseen(
        &self,
        recorded: &BTreeSet<InstanceId>,
        fleet: &Fleet,
        groups: &Groups,
    ) -> BTreeSet<InstanceId> {
        let leaving = |id: &InstanceId| {
            groups.members.get(id).is_some_and(|member| member.state != LifecycleState::InService)
        };
        let told = |id: &InstanceId| {
            fleet.instances.contains_key(id)
                || self.memory.terminal(id, None, self.now).is_some()
                || leaving(id)
        };
        recorded.iter().filter(|id| !told(id)).cloned().collect()
    }

    /// Returns the living instances that matter: selected by a pool, or recorded.
    fn relevant<'f>(
        &'f self,
        recorded: &'f BTreeSet<InstanceId>,
        fleet: &'f Fleet,
    ) -> impl Iterator<Item = &'f Instance> {
        fleet.instances.values().filter(move |instance| {
            let alive = matches!(instance.state, Some(InstanceState::Pending | InstanceState::Running));
            let group = instance.tagged_group();
            let selected =
                || self.scope.policies().any(|(_, policy)| policy.selects(instance, group.as_ref()));
            alive && (recorded.contains(&instance.id) || selected())
        })
    }

    fn unasked_groups(
        &self,
        recorded: &BTreeSet<InstanceId>,
        fleet: &Fleet,
        asked: &BTreeSet<AutoScalingGroupName>,
    ) -> BTreeSet<AutoScalingGroupName> {
        let tagged = self.relevant(recorded, fleet).filter_map(Instance::tagged_group);
        tagged.filter(|group| !asked.contains(group)).collect()
    }

    /// Returns the instances whose tag names a group that was asked and did not list them.
    fn unexplained(
        &self,
        recorded: &BTreeSet<InstanceId>,
        fleet: &Fleet,
        groups: &Groups,
        about_to_ask: &BTreeSet<AutoScalingGroupName>,
    ) -> BTreeSet<InstanceId> {
        let unexplained = self.relevant(recorded, fleet).filter(|instance| {
            let asked = instance.tagged_group().is_some_and(|group| !about_to_ask.contains(&group));
            groups.gap.is_none() && asked && !groups.members.contains_key(&instance.id)
        });
        unexplained.map(|instance| instance.id.clone()).collect()
    }
}

/// Takes in another part of the fleet; the first gap stays.
fn add_fleet(fleet: &mut Fleet, other: Fleet) {
    fleet.instances.extend(other.instances);
    fleet.gap = fleet.gap.take().or(other.gap);
}

fn add_groups(groups: &mut Groups, other: Groups) {
    groups.members.extend(other.members);
    groups.gap = groups.gap.take().or(other.gap);
}
