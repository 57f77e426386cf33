//! The truth about one pool, and the records behind its name, as AWS has them at one moment.
//!
//! One look reads the pool's document, describes its instances once, asks Auto Scaling about their groups, and
//! lists the records of its name. It shares the reading with the registrar and none of its judgement; what a
//! read leaves open is a gap, and what is not there at all an error.

mod errors;

use std::collections::BTreeSet;

use registrar_aws::deployment::ParameterPaths;
use registrar_aws::{Aws, Deadline, FleetQuery, Parameter, ZoneAccess};
use registrar_core::ids::{AutoScalingGroupName, DeploymentName, InstanceId, PoolName, RoleArn};
use registrar_core::inventory::{Fleet, Gap, GapSource, Groups, HostedZone, Instance, InstanceState};
use registrar_core::name::RecordName;
use registrar_core::pool::Policy;

pub use errors::LookError;

use crate::records::RecordInventory;
use crate::truth::Truth;

/// Which pool to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookRequest {
    /// The name that is checked, which the pool's document has to be about.
    pub name: RecordName,
    /// The deployment.
    pub deployment: DeploymentName,
    /// Where its pool documents are, if not at `/registrar/<deployment>/pools`.
    pub config_path: Option<String>,
    /// The pool.
    pub pool: PoolName,
    /// The role that reads the hosted zone where another account owns it, in place of the document's.
    pub dns_role_arn: Option<RoleArn>,
}

/// What a look saw.
#[derive(Clone, Debug)]
pub struct Look {
    /// What the name should answer.
    pub truth: Truth,
    /// What its hosted zone holds.
    pub records: RecordInventory,
}

/// Looks at a pool once.
///
/// # Errors
/// When there is no document to go by: it was not read, does not exist, cannot be used, or is about
/// another name. Fleet, groups and records that were not read are gaps of what is returned.
pub async fn look(aws: &Aws, request: &LookRequest, deadline: Deadline) -> Result<Look, LookError> {
    let policy = policy(aws, request, deadline).await?;
    let role_arn = request.dns_role_arn.clone().or_else(|| policy.role_arn.clone());
    let access = ZoneAccess { id: policy.hosted_zone_id.clone(), role_arn };
    let names = BTreeSet::from([policy.name.clone()]);
    let listing = aws.list_names(&access, &names, deadline);
    let members = async {
        // What ended lately is named by its state, rather than called unknown.
        let query = FleetQuery { include_ended: true, ..FleetQuery::selecting(&policy) };
        let fleet = aws.describe_fleet(&query, deadline).await;
        let groups = groups(aws, &policy, &fleet, deadline).await;
        (fleet, groups)
    };
    let (listed, (mut fleet, groups)) = tokio::join!(listing, members);
    doubt(&mut fleet, &listed, aws.region());
    let records = RecordInventory::new(&request.name, &listed, &request.deployment, Some(&request.pool));
    let gap = gap_of(&access, &listed);
    Ok(Look { truth: Truth::new(&policy, &fleet, Some(&groups)), records: records.with_gap(gap) })
}

/// Reads the pool's document; where there is none, those beside it say what was meant.
async fn policy(aws: &Aws, request: &LookRequest, deadline: Deadline) -> Result<Policy, LookError> {
    let region = aws.region().ok_or(LookError::NoRegion)?.to_owned();
    let paths = ParameterPaths::new(&request.deployment, request.config_path.as_deref());
    let parameter = paths.document(&request.pool);
    let mut found = aws.parameters_named(&[parameter.clone()].into(), deadline).await?;
    let Some(Parameter { value, .. }) = found.remove(&parameter) else {
        let others = aws.parameters_under(paths.config(), deadline).await?;
        let path = format!("{}/", paths.config());
        let pools: Vec<String> =
            others.keys().filter_map(|name| name.strip_prefix(&path)).map(str::to_owned).collect();
        let (deployment, pool) = (request.deployment.clone(), request.pool.clone());
        return Err(match pools.is_empty() {
            true => LookError::NoDocuments { path: paths.config().to_owned(), region },
            false => LookError::NoPool { deployment, pool, pools },
        });
    };
    let policy = Policy::parse(&value).map_err(|problem| LookError::Unusable { parameter, problem })?;
    if policy.name == request.name {
        return Ok(policy);
    }
    let (pool, name) = (request.pool.clone(), request.name.clone());
    Err(LookError::OtherName { pool, name, found: policy.name, region })
}

/// Asks for the groups that the document and the tags of running members name, and then about those members
/// that their groups did not list.
async fn groups(aws: &Aws, policy: &Policy, fleet: &Fleet, deadline: Deadline) -> Groups {
    let runs = |instance: &&Instance| instance.state == Some(InstanceState::Running);
    let selected = |instance: &&Instance| policy.selects(instance, instance.tagged_group().as_ref());
    let members: Vec<&Instance> = fleet.instances.values().filter(runs).filter(selected).collect();
    let names: BTreeSet<AutoScalingGroupName> =
        members.iter().filter_map(|instance| instance.tagged_group()).collect();
    if names.is_empty() {
        return Groups::default();
    }
    let mut groups = aws.describe_groups(&names, deadline).await;
    let unlisted = members
        .iter()
        .filter(|instance| instance.tagged_group().is_some() && !groups.members.contains_key(&instance.id));
    let unlisted: BTreeSet<InstanceId> = unlisted.map(|instance| instance.id.clone()).collect();
    if groups.gap.is_none() && !unlisted.is_empty() {
        let more = aws.describe_memberships(&unlisted, deadline).await;
        groups.members.extend(more.members);
        groups.gap = more.gap;
    }
    groups
}

/// A pool of which EC2 knows nothing may be gone, or be another account's or Region's. Where the hosted zone
/// was not read either, nothing says that this is the right place, and so nothing is proven stale.
fn doubt(fleet: &mut Fleet, listed: &HostedZone, region: Option<&str>) {
    if fleet.instances.is_empty() && fleet.gap.is_none() && listed.gap.is_some() {
        let region = region.unwrap_or("no Region");
        let reason = format!(
            "EC2 in {region} knows no instance of the pool, and its hosted zone was not read: these may be \
             another account's credentials, or another Region"
        );
        fleet.gap = Some(Gap::new(GapSource::Fleet, reason));
    }
}

fn gap_of(access: &ZoneAccess, listed: &HostedZone) -> Option<String> {
    let reason = &listed.gap.as_ref()?.reason;
    Some(match (&access.role_arn, listed.is_unknown) {
        (Some(role), _) => format!("{reason}; hosted zone {} was asked for as {role}", access.id),
        (None, true) => format!(
            "this account does not know hosted zone {}: {reason} (hint: where another account owns it, name \
             the role that reads it; otherwise these are another account's credentials)",
            access.id
        ),
        (None, false) => reason.clone(),
    })
}
