//! CloudFormation's requests: a stack that is made or changed gets its records, one that goes leaves none.
//!
//! An answer is always sent, within the function's time: a stack that waits for one hangs for an hour.

use std::collections::BTreeMap;
use std::time::Duration;

use registrar_aws::deployment::{Deployment, Executed, ParameterPaths, Retired};
use registrar_aws::{Deadline, put_answer};
use registrar_core::custom_resource::{CustomResourceRequest, RequestKind, ResourceProperties, Undo};
use registrar_core::telemetry::InvocationEvent;

use crate::Handler;
use crate::handler::millis;

/// How long before the deadline the work ends, so that the answer can be sent, and sent again.
const TO_ANSWER: Duration = Duration::from_secs(4);

/// What an answer may tell the template.
type Data = BTreeMap<String, String>;

impl Handler {
    /// Does what a request asks for, and answers it.
    pub(crate) async fn custom_resource(
        &mut self,
        request: &CustomResourceRequest,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) {
        let own = self.environment.deployment.clone();
        let to_answer = TO_ANSWER.min(deadline.remaining() / 3);
        let until = deadline.earlier_by(to_answer);
        let worked = tokio::time::timeout_at(until.0, self.fulfil(request, event, until)).await;
        let worked = worked.unwrap_or_else(|_| {
            Err("there was not enough time (hint: raise the function's timeout)".to_owned())
        });
        let response = match worked {
            Ok(data) => request.succeed(&own, data),
            Err(reason) => {
                event.fail(&reason);
                request.fail(&own, reason)
            }
        };
        // A warm environment must not go on with what this request brought with it.
        self.deployment = None;
        if let Err(error) = put_answer(request.response_url.expose(), &response.to_body(), deadline).await {
            event.fail(&error.to_string());
        }
    }

    async fn fulfil(
        &mut self,
        request: &CustomResourceRequest,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Result<Data, String> {
        let undo = request.undo();
        if request.kind == RequestKind::Delete && undo == Undo::Nothing {
            return Ok(Data::new());
        }
        let properties = request.properties.as_ref().map_err(ToString::to_string)?;
        let mut deployment = self.opened_for(request, properties, deadline).await?;
        match request.kind {
            RequestKind::Create | RequestKind::Update => {
                let refuses = request.kind == RequestKind::Create;
                reconcile(&mut deployment, refuses, event, deadline).await
            }
            RequestKind::Delete => retire(&mut deployment, undo, event, deadline).await,
        }
    }

    async fn opened_for(
        &self,
        request: &CustomResourceRequest,
        properties: &ResourceProperties,
        deadline: Deadline,
    ) -> Result<Deployment, String> {
        let own = &self.environment.deployment;
        let name = request.deployment(own).clone();
        let paths =
            if name == *own { self.environment.paths.clone() } else { ParameterPaths::new(&name, None) };
        let opened =
            Deployment::open(self.aws.clone(), name, paths, self.clock.clone(), self.seed, deadline).await;
        let mut deployment = opened.map_err(|error| error.to_string())?;
        deployment.overlay(properties.pools());
        Ok(deployment)
    }
}

/// Makes the records right. A pool that is held back is no failure; one that cannot be used is.
async fn reconcile(
    deployment: &mut Deployment,
    refuses_strangers: bool,
    event: &mut InvocationEvent,
    deadline: Deadline,
) -> Result<Data, String> {
    let looked = deployment.look_at(None, deadline).await;
    let plan = deployment.plan(&looked)?.into_plan();
    if let Some((pool, error)) =
        plan.pools.iter().find_map(|pool| pool.errors.first().map(|error| (&pool.name, error)))
    {
        return Err(format!("pool {pool}: {error}"));
    }
    if let Some((pool, instance)) = deployment.unheard_of(&looked).filter(|_| refuses_strangers) {
        return Err(format!(
            "pool {pool} has a record of {instance}, of which EC2 here has never heard: the same names may be in use in \
             another Region or account (hint: choose another DeploymentName, or delete those records if they are \
             left over)",
        ));
    }
    let executed = deployment.apply(looked, deadline, &mut ()).await?;
    tell(event, &executed);
    let failure = executed.plan.pools.iter().find_map(|pool| executed.failure_of(&pool.name));
    let refused = executed.outcome.poison.first().map(|poison| {
        format!("pool {}: Route 53 refuses it: {}", poison.unit.pool, poison.messages.join("; "))
    });
    match failure.or(refused) {
        Some(failure) => Err(failure),
        None => Ok(summary(&executed)),
    }
}

async fn retire(
    deployment: &mut Deployment,
    undo: Undo,
    event: &mut InvocationEvent,
    deadline: Deadline,
) -> Result<Data, String> {
    let doubtful = undo == Undo::Unconfirmed;
    let Retired { runs, confirmed, spared } = deployment.retire(doubtful, deadline).await?;
    runs.iter().for_each(|run| tell(event, run));
    deployment.forget_states(deadline).await.map_err(|error| error.to_string())?;
    let removed: usize = runs.iter().map(|run| run.outcome.applied.len()).sum();
    let mut data = Data::from([
        ("Batches".to_owned(), removed.to_string()),
        ("Confirmed".to_owned(), confirmed.to_string()),
    ]);
    if !spared.is_empty() {
        let spared: Vec<&str> = spared.iter().map(|pool| pool.as_str()).collect();
        data.insert("Spared".to_owned(), spared.join(" "));
    }
    Ok(data)
}

fn tell(event: &mut InvocationEvent, run: &Executed) {
    event.run(&run.plan, &run.outcome);
    event.durations_ms.observe += millis(run.observed_in);
    event.durations_ms.plan += millis(run.planned_in);
    event.durations_ms.execute += millis(run.executed_in);
}

/// Tells the template how much was changed, and what is held back and why.
fn summary(executed: &Executed) -> Data {
    let held: Vec<String> = executed
        .plan
        .pools
        .iter()
        .flat_map(|pool| {
            pool.held_back.iter().map(move |held| format!("{}: {}", pool.name, held.hold.detail))
        })
        .collect();
    let changes = executed.outcome.applied.iter().map(|applied| applied.batch.changes().count());
    let mut data = Data::from([
        ("Changes".to_owned(), changes.sum::<usize>().to_string()),
        ("HeldBack".to_owned(), held.len().to_string()),
    ]);
    if let Some(first) = held.first() {
        data.insert("HeldBackReason".to_owned(), first.clone());
    }
    data
}
