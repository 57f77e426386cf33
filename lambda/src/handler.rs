//! One invocation after another: parsed, served, answered and told about.

use std::time::Duration;

use registrar_aws::deployment::{Clock, Deployment, Fate};
use registrar_aws::{Aws, Deadline};
use registrar_core::Timestamp;
use registrar_core::drain::DrainTicket;
use registrar_core::invocation::{Content, Invocation, Message};
use registrar_core::telemetry::InvocationEvent;
use registrar_core::trigger::Trigger;
use serde_json::{Value, json};

use crate::batch::{Failed, Work};
use crate::{Environment, Lines};

/// How long before the platform's deadline everything ends, so that the answer still arrives.
const ANSWER_MARGIN: Duration = Duration::from_millis(400);

/// How long is left for messages to be made visible again, so that they come back soon.
const TO_HAND_BACK: Duration = Duration::from_secs(1);

/// The function, and what a warm environment keeps between two invocations.
pub struct Handler {
    pub(crate) aws: Aws,
    pub(crate) environment: Environment,
    pub(crate) clock: Clock,
    pub(crate) seed: u64,
    pub(crate) deployment: Option<Deployment>,
    /// Spreads the messages that were handed back.
    pub(crate) jitter: fastrand::Rng,
    lines: Lines,
    is_cold: bool,
}

impl Handler {
    /// Makes the function of an execution environment; `seed` feeds the jitter of its waits.
    #[must_use]
    pub fn new(aws: Aws, environment: Environment, clock: Clock, seed: u64, lines: Lines) -> Self {
        Self {
            aws,
            environment,
            clock,
            seed,
            deployment: None,
            jitter: fastrand::Rng::with_seed(seed),
            lines,
            is_cold: true,
        }
    }

    /// Serves one invocation, and tells about it.
    ///
    /// # Errors
    /// When it has to come again as a whole. Messages of a batch are handed back one by one instead.
    pub async fn handle(
        &mut self,
        payload: &str,
        request_id: &str,
        deadline: Timestamp,
    ) -> Result<Value, String> {
        let started_at = (self.clock)();
        let calls_before = self.aws.calls();
        let left = Duration::try_from(deadline.duration_since(started_at)).unwrap_or_default();
        let deadline = Deadline::after(left.saturating_sub(ANSWER_MARGIN));
        let invocation = Invocation::parse(payload, &self.environment.deployment);
        let deployment = self.environment.deployment.clone();
        let mut event = InvocationEvent::new(deployment, request_id, &invocation, started_at);
        event.cold_start = std::mem::replace(&mut self.is_cold, false);
        let answer = match &invocation {
            Invocation::Batch(messages) => Ok(self.batch(messages, &mut event, deadline).await),
            Invocation::Event(message) => self.event(message, &mut event, deadline).await,
            Invocation::Everything => self.everything(&mut event, deadline).await,
            Invocation::CustomResource(request) => {
                Box::pin(self.custom_resource(request, &mut event, deadline)).await;
                Ok(Value::Null)
            }
            // It would be as unusable the next time.
            Invocation::Unusable(_) => Ok(Value::Null),
        };
        let ended_at = (self.clock)();
        let calls = self.aws.calls().since(&calls_before);
        event.aws_calls = calls.iter().map(|(name, count)| (name.to_owned(), count)).collect();
        event.durations_ms.total = millis(ended_at.duration_since(started_at));
        self.lines.tell(&event, self.environment.log_level, &self.environment.namespace, ended_at);
        answer
    }

    async fn batch(
        &mut self,
        messages: &[Message],
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Value {
        let to_hand_back = TO_HAND_BACK.min(deadline.remaining() / 4);
        let failed = Box::pin(self.serve(messages, event, deadline.earlier_by(to_hand_back))).await;
        self.hand_back(messages, &failed, event, deadline).await;
        let failures: Vec<Value> = failed
            .iter()
            .filter_map(|failed| messages.get(failed.index)?.id.as_ref())
            .map(|id| json!({"itemIdentifier": id}))
            .collect();
        json!({ "batchItemFailures": failures })
    }

    async fn event(
        &mut self,
        message: &Message,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Result<Value, String> {
        let failed = Box::pin(self.serve(std::slice::from_ref(message), event, deadline)).await;
        match failed.into_iter().next() {
            Some(failed) => Err(failed.reason),
            None => Ok(Value::Null),
        }
    }

    async fn everything(&mut self, event: &mut InvocationEvent, deadline: Deadline) -> Result<Value, String> {
        let sweep = Message {
            id: None,
            receipt_handle: None,
            receive_count: 1,
            sent_at: None,
            content: Ok(Content::Trigger(Trigger::Sweep)),
        };
        self.event(&sweep, event, deadline).await
    }

    /// Serves messages, and returns those that failed, each once, in their order.
    async fn serve(
        &mut self,
        messages: &[Message],
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Vec<Failed> {
        let work = Work::sort(messages);
        if work.is_empty() {
            return Vec::new();
        }
        if let Err(problem) = self.open(deadline).await {
            event.fail(&problem);
            return work.all_failed(&problem);
        }
        let mut failed = self.follow_hints(&work, event, deadline).await;
        for (index, ticket) in work.tickets {
            if let Err(reason) = self.follow_ticket(ticket, event, deadline).await {
                failed.push(Failed { index, reason });
            }
        }
        failed.sort_by_key(|failed| failed.index);
        failed
    }

    async fn follow_hints(
        &mut self,
        work: &Work,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Vec<Failed> {
        let hints: Vec<Trigger> = work.hints.iter().map(|(_, hint)| hint.clone()).collect();
        let queue_url = self.environment.queue_url.clone();
        let Some(deployment) = self.deployment.as_mut().filter(|_| !hints.is_empty()) else {
            return Vec::new();
        };
        let mut reconciled = deployment.reconcile(&hints, deadline, &mut ()).await;
        let run = reconciled.run.as_ref();
        let fates = &mut reconciled.fates;
        let drains = deployment.begin_drains(&hints, fates, run, queue_url.as_deref(), deadline).await;
        for (outcome, drains) in drains {
            *event.drains.entry(outcome).or_insert(0) += drains;
        }
        event.messages.covered = fates.iter().filter(|fate| **fate == Fate::Covered).count();
        if let Some(run) = run {
            event.run(&run.plan, &run.outcome);
            event.forecast = Some(run.forecast.clone());
            event.durations_ms.observe = millis(run.observed_in);
            event.durations_ms.plan = millis(run.planned_in);
            event.durations_ms.execute = millis(run.executed_in);
        }
        if let Some(failure) = &reconciled.failure {
            event.fail(failure);
        }
        let failed = work.hints.iter().zip(reconciled.fates).filter_map(|((index, _), fate)| match fate {
            Fate::Failed(reason) => Some(Failed { index: *index, reason }),
            Fate::Covered | Fate::Served(_) => None,
        });
        failed.collect()
    }

    async fn follow_ticket(
        &mut self,
        ticket: DrainTicket,
        event: &mut InvocationEvent,
        deadline: Deadline,
    ) -> Result<(), String> {
        let Some(deployment) = self.deployment.as_mut() else { return Ok(()) };
        let hooks = ticket.hooks.len();
        let followed =
            deployment.follow_ticket(ticket, self.environment.queue_url.as_deref(), deadline).await;
        let outcome = followed.as_ref().copied().unwrap_or(registrar_core::drain::DrainOutcome::Failed);
        *event.drains.entry(outcome).or_insert(0) += hooks;
        followed.map(drop)
    }

    /// Reads the deployment's parameters where this is the environment's first use of them.
    async fn open(&mut self, deadline: Deadline) -> Result<(), String> {
        if self.deployment.is_none() {
            let opened = Deployment::open(
                self.aws.clone(),
                self.environment.deployment.clone(),
                self.environment.paths.clone(),
                self.clock.clone(),
                self.seed,
                deadline,
            );
            let opened =
                opened.await.map_err(|error| format!("the pool documents were not read: {error}"))?;
            self.deployment = Some(opened);
        }
        Ok(())
    }
}

pub(crate) fn millis(duration: registrar_core::SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}
