//! CloudFormation's requests: a stack that is made or changed gets its records, one that goes leaves none.
//!
//! An answer is always sent, within the function's time: a stack that waits for one hangs for an hour. What is done
//! for it is in the modules below.

mod creation;
mod deletion;
mod guarded;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use registrar_aws::deployment::Executed;
use registrar_aws::{Deadline, put_answer};
use registrar_core::custom_resource::{CustomResourceRequest, RequestKind};
use registrar_core::telemetry::InvocationEvent;

use crate::Handler;
use crate::handler::millis;
use guarded::guarded;

/// How long before the deadline the work ends, so that the answer can be sent, and sent again.
const TO_ANSWER: Duration = Duration::from_secs(4);

/// How long before that the work is told to end by itself: it knows then what is left, and whoever is cut off does not.
const TO_END: Duration = Duration::from_millis(300);

/// What an answer may tell the template.
type Data = BTreeMap<String, String>;

/// Whether records may have been changed. It outlives work that is cut off or panics.
#[derive(Default)]
struct Begun(AtomicBool);

impl Begun {
    fn set(&self, begun: bool) {
        self.0.store(begun, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

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
        let begun = Begun::default();
        let work = guarded(self.fulfil(request, event, &begun, until.earlier_by(TO_END)));
        let worked = match tokio::time::timeout_at(until.0, work).await {
            Ok(Ok(worked)) => worked,
            Ok(Err(panicked)) => {
                Err(format!("the function panicked: {panicked} (hint: report it, with its log)"))
            }
            Err(_) => Err("there was not enough time (hint: raise the function's timeout)".to_owned()),
        };
        let response = match worked {
            Ok(data) => request.succeed(&own, data),
            Err(reason) => {
                event.fail(&reason);
                if begun.is_set() { request.fail_midway(&own, reason) } else { request.fail(&own, reason) }
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
        begun: &Begun,
        deadline: Deadline,
    ) -> Result<Data, String> {
        match request.kind {
            RequestKind::Create | RequestKind::Update => self.make(request, event, begun, deadline).await,
            RequestKind::Delete => self.unmake(request, event, deadline).await,
        }
    }
}

fn tell(event: &mut InvocationEvent, run: &Executed) {
    event.run(&run.plan, &run.outcome);
    event.forecast = Some(run.forecast.clone());
    event.durations_ms.observe += millis(run.observed_in);
    event.durations_ms.plan += millis(run.planned_in);
    event.durations_ms.execute += millis(run.executed_in);
}
