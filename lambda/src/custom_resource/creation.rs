//! A stack that is made or changed: what it says is checked, and its records are made right.
//!
//! What is wrong is found before anything is changed, where it can be.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use registrar_aws::deployment::{Deployment, Executed, Looked, ParameterPaths};
use registrar_aws::{Deadline, Kind, PortError, ZoneAccess};
use registrar_core::custom_resource::{CustomResourceRequest, RequestKind, ResourceProperties};
use registrar_core::ids::{HostedZoneId, PoolName, RoleArn};
use registrar_core::inventory::Gap;
use registrar_core::pool::{Pool, PoolState};
use registrar_core::preflight::{
    HostedZoneFacts, Refusal, check_documents, check_hosted_zone, check_wavelength_zones, wavelength_zones,
};
use registrar_core::telemetry::InvocationEvent;

use super::{Begun, Data, tell};
use crate::Handler;

/// How long after a refused call everything is tried again: a role that was made with the stack is not known
/// everywhere at once (IAM user guide, "Changes that I make are not always immediately visible").
const PAUSE: Duration = Duration::from_secs(2);

/// How much of a reason the template is told; other data must have its place too.
const LONGEST_REASON: usize = 1_000;

/// Why an attempt failed.
struct Failure {
    reason: String,
    /// Whether a permission was missing, which another attempt may have.
    is_denied: bool,
    run: Option<Box<Executed>>,
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self { reason, is_denied: false, run: None }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.to_string().into()
    }
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self { is_denied: error.kind == Kind::Denied, ..error.to_string().into() }
    }
}

impl From<&Gap> for Failure {
    fn from(gap: &Gap) -> Self {
        Self { is_denied: gap.is_denied(), ..gap.to_string().into() }
    }
}

/// What one request asks for.
struct Wanted<'a> {
    request: &'a CustomResourceRequest,
    properties: &'a ResourceProperties,
    pools: Vec<Pool>,
    /// Those that it had before, and has no more.
    left: Vec<Pool>,
    /// The hosted zones that are checked and listed, and the role that each is reached through.
    hosted_zones: BTreeMap<HostedZoneId, Option<RoleArn>>,
}

impl<'a> Wanted<'a> {
    fn read(request: &'a CustomResourceRequest) -> Result<Self, String> {
        let properties = request.properties.as_ref().map_err(ToString::to_string)?;
        let pools = properties.pools();
        let of_pools = pools.iter().filter_map(|pool| pool.policy.as_ref().ok());
        let mut hosted_zones: BTreeMap<HostedZoneId, Option<RoleArn>> =
            of_pools.map(|policy| (policy.hosted_zone_id.clone(), policy.role_arn.clone())).collect();
        if let Some(id) = &properties.hosted_zone_id {
            let role = hosted_zones.entry(id.clone()).or_default();
            *role = properties.dns_role_arn.clone().or(role.take());
        }
        if hosted_zones.is_empty() && request.kind == RequestKind::Create {
            return Err("the resource does not say in which hosted zone the records are, so its deletion could not remove \
                        them (hint: give the property HostedZoneId)"
                .to_owned());
        }
        Ok(Self { request, properties, pools, left: request.left_pools(), hosted_zones })
    }

    /// Says whether it goes back to pools that were retired: an update that gave a pool another name is undone, and
    /// what it made goes again.
    fn only_retires(&self) -> bool {
        let retired =
            |pool: &Pool| pool.policy.as_ref().is_ok_and(|policy| policy.state == PoolState::Retired);
        self.pools.iter().all(retired)
    }

    fn is_creation(&self) -> bool {
        self.request.kind == RequestKind::Create
    }
}

impl Handler {
    /// Makes the records right. A call that is denied is tried again for a third of the time.
    pub(super) async fn make(
        &mut self,
        request: &CustomResourceRequest,
        event: &mut InvocationEvent,
        begun: &Begun,
        deadline: Deadline,
    ) -> Result<Data, String> {
        let wanted = Wanted::read(request)?;
        if let Some(left) = request.left_deployment(&self.environment.deployment) {
            let named = request.deployment(&self.environment.deployment);
            return Err(format!(
                "deployment {left} cannot become {named}: nothing would keep or remove the records of {left} (hint: deploy \
                 another stack with DeploymentName {named}, and then delete this one)"
            ));
        }
        let patience = Deadline::after(deadline.remaining() / 3);
        loop {
            match self.attempt(&wanted, begun, deadline).await {
                Ok((data, run)) => {
                    tell(event, &run);
                    return Ok(data);
                }
                Err(failure) if failure.is_denied && patience.remaining() > PAUSE => {
                    tracing::info!(reason = failure.reason, "denied; it is tried again");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(failure) => {
                    failure.run.iter().for_each(|run| tell(event, run));
                    return Err(failure.reason);
                }
            }
        }
    }

    async fn attempt(
        &self,
        wanted: &Wanted<'_>,
        begun: &Begun,
        deadline: Deadline,
    ) -> Result<(Data, Box<Executed>), Failure> {
        let name_servers = self.check(wanted, deadline).await?;
        let mut deployment = self.opened_for(wanted, deadline).await?;
        let looked = deployment.look_at_all_of(&wanted.hosted_zones, deadline).await;
        may_go_ahead(&deployment, &looked, wanted.is_creation())?;
        let left: BTreeSet<PoolName> = wanted.left.iter().map(|pool| pool.name.clone()).collect();
        let stands = deployment.with_records(&left, &looked);
        if let Some(pool) = stands.filter(|_| !wanted.only_retires()) {
            return Err(format!(
                "pool {pool} is not in the stack any more and has records, which nothing would keep or remove (hint: update \
                 the stack with PoolState retired first, and then give the pool another name)"
            )
            .into());
        }
        let before = begun.is_set();
        begun.set(true);
        let run = Box::new(deployment.apply(looked, deadline, &mut ()).await?);
        // What an earlier attempt changed stays changed.
        begun.set(before || !run.outcome.applied.is_empty() || run.outcome.lost_replies > 0);
        match failure_of(&run) {
            Some(reason) => Err(Failure { reason, is_denied: run.outcome.denied.is_some(), run: Some(run) }),
            None => {
                let mut data = summary(&run);
                data.insert("NameServers".to_owned(), name_servers.join(" "));
                Ok((data, run))
            }
        }
    }

    /// Checks what the stack says before anything is looked at, and returns the hosted zone's name servers.
    async fn check(&self, wanted: &Wanted<'_>, deadline: Deadline) -> Result<Vec<String>, Failure> {
        let Wanted { properties, pools, hosted_zones, .. } = wanted;
        let given = properties.hosted_zone_id.as_ref().zip(properties.dns_role_arn.as_ref());
        check_documents(pools, given)?;
        let mut name_servers = Vec::new();
        for (id, role) in hosted_zones {
            let is_stacks = properties.hosted_zone_id.as_ref().is_none_or(|stacks| stacks == id);
            let wanted_name = properties.hosted_zone_name.as_ref().filter(|_| is_stacks);
            let facts = self.hosted_zone(id, role.as_ref(), deadline).await?;
            check_hosted_zone(&facts, wanted_name, pools)?;
            if is_stacks && name_servers.is_empty() {
                name_servers = facts.name_servers;
            }
        }
        let zones = wavelength_zones(pools);
        if !zones.is_empty() {
            let known = self.aws.describe_zones(&zones, deadline).await?;
            check_wavelength_zones(pools, self.aws.region().unwrap_or("(none)"), &known)?;
        }
        Ok(name_servers)
    }

    async fn hosted_zone(
        &self,
        id: &HostedZoneId,
        role_arn: Option<&RoleArn>,
        deadline: Deadline,
    ) -> Result<HostedZoneFacts, Failure> {
        let access = ZoneAccess { id: id.clone(), role_arn: role_arn.cloned() };
        match self.aws.hosted_zone(&access, deadline).await {
            Ok(facts) => Ok(facts),
            Err(error) if error.kind == Kind::NotFound => Err(Refusal::NoSuchHostedZone(id.clone()).into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn opened_for(&self, wanted: &Wanted<'_>, deadline: Deadline) -> Result<Deployment, Failure> {
        let own = &self.environment.deployment;
        let name = wanted.request.deployment(own).clone();
        let paths =
            if name == *own { self.environment.paths.clone() } else { ParameterPaths::new(&name, None) };
        let (aws, clock) = (self.aws.clone(), self.clock.clone());
        let mut deployment = Deployment::open(aws, name, paths, clock, self.seed, deadline).await?;
        deployment.give_up(wanted.left.clone());
        deployment.overlay(wanted.pools.clone());
        Ok(deployment)
    }
}

/// Says why nothing may be changed: a read that was denied, a pool that cannot be used, and, where a stack is made,
/// names that somebody else uses, or may use.
fn may_go_ahead(deployment: &Deployment, looked: &Looked, is_creation: bool) -> Result<(), Failure> {
    let plan = deployment.plan(looked)?.into_plan();
    let gaps = looked.inventory.gaps();
    if let Some(denied) = gaps.iter().find(|gap| gap.is_denied()) {
        return Err(denied.into());
    }
    let broken = plan.pools.iter().find_map(|pool| Some((&pool.name, pool.errors.first()?)));
    if let Some((pool, error)) = broken {
        return Err(format!("pool {pool}: {error}").into());
    }
    if !is_creation {
        return Ok(());
    }
    if let Some(gap) = gaps.first() {
        return Err(gap.into());
    }
    if let Some(record) = deployment.others_fallback(looked, &plan) {
        return Err(format!(
            "deployment {} has a fallback record already, {record}, which this stack would not make: the same names may be in \
             use in another Region or account (hint: choose another DeploymentName, or delete that record if it is left \
             over)",
            deployment.name()
        )
        .into());
    }
    match deployment.unheard_of(looked) {
        None => Ok(()),
        Some((pool, instance)) => Err(format!(
            "deployment {} has records already, and pool {pool} one of {instance}, of which EC2 here has never heard: the \
             same names may be in use in another Region or account (hint: choose another DeploymentName, or delete those \
             records if they are left over)",
            deployment.name()
        )
        .into()),
    }
}

/// Says what a run left undone. A pool that is held back is no failure.
fn failure_of(run: &Executed) -> Option<String> {
    let failure = run.plan.pools.iter().find_map(|pool| run.failure_of(&pool.name));
    let poison = run.outcome.poison.first();
    let refused = poison.map(|poison| {
        format!("pool {}: Route 53 refuses it: {}", poison.unit.pool, poison.messages.join("; "))
    });
    failure.or(refused)
}

/// Tells the template how much was changed, and what is held back and why. Every entry is always there: a template
/// that asks for one that is missing fails.
fn summary(run: &Executed) -> Data {
    let pools = run.plan.pools.iter();
    let held: Vec<String> = pools
        .flat_map(|pool| {
            pool.held_back.iter().map(move |held| format!("{}: {}", pool.name, held.hold.detail))
        })
        .collect();
    let changes = run.outcome.applied.iter().map(|applied| applied.batch.changes().count());
    let reason: String = held.join("; ").chars().take(LONGEST_REASON).collect();
    Data::from([
        ("Changes".to_owned(), changes.sum::<usize>().to_string()),
        ("HeldBack".to_owned(), held.len().to_string()),
        ("HeldBackReason".to_owned(), reason),
    ])
}
