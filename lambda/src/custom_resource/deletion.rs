//! A stack that goes: the deployment's records are removed, by what the request itself tells.
//!
//! No parameter is read for it. What SSM keeps is forgotten at the end, where that can be done.

use std::collections::BTreeSet;

use registrar_aws::Deadline;
use registrar_aws::deployment::{Deployment, ParameterPaths};
use registrar_core::custom_resource::{CustomResourceRequest, Undo};
use registrar_core::ids::PoolName;
use registrar_core::pool::Pool;
use registrar_core::telemetry::InvocationEvent;

use super::{Data, tell};
use crate::Handler;

impl Handler {
    /// Removes what the deployment has published, unless this resource never published anything.
    pub(super) async fn unmake(
        &mut self,
        request: &CustomResourceRequest,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Result<Data, String> {
        let undo = request.undo();
        if undo == Undo::Nothing {
            return Ok(Data::new());
        }
        let remains = &request.remains;
        for problem in &remains.problems {
            event.note(&problem.to_string());
        }
        let named = remains.deployment.as_ref().map_err(ToString::to_string)?;
        let own = &self.environment.deployment;
        let name = named.clone().unwrap_or_else(|| own.clone());
        if remains.hosted_zones.is_empty() {
            return Err(format!(
                "the resource does not say in which hosted zone the records of deployment {name} are (hint: update the \
                 stack with the property HostedZoneId, or remove the records and delete the stack without this resource)"
            ));
        }
        let paths =
            if name == *own { self.environment.paths.clone() } else { ParameterPaths::new(&name, None) };
        let (aws, clock) = (self.aws.clone(), self.clock.clone());
        let mut deployment = Deployment::without_parameters(aws, name, paths, clock, self.seed);
        let documents: Vec<Pool> =
            request.properties.iter().flat_map(|properties| properties.pools()).collect();
        let doubtful = (undo == Undo::Unconfirmed).then_some(documents.as_slice());
        let retired = deployment.retire(&remains.hosted_zones, doubtful, deadline).await;
        retired.runs.iter().for_each(|run| tell(event, run));
        if let Some(problem) = retired.problem {
            return Err(problem);
        }
        for pool in &retired.spared {
            event.note(&format!("pool {pool} is spared: EC2 here has never heard of its instances"));
        }
        let pools: BTreeSet<PoolName> = remains.pools.union(&retired.pools).cloned().collect();
        for problem in deployment.forget_states(&pools, deadline).await {
            event.note(&problem);
        }
        Ok(Data::new())
    }
}
