//! One invocation: what AWS says of the pool, a check of its name, and what is told about it.
//!
//! Whatever goes wrong on the way is in the report: where AWS cannot be read, the name servers are asked all the
//! same, and the check is unknown. Only an invocation without time for either fails.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use registrar_aws::{Aws, Deadline};
use resolver_probe::aws::{Look, look};
use resolver_probe::{
    CheckReport, CheckRequest, Reaching, Resolver, ResolverManner, ResolverSpec, SystemResolvers, check,
    resolvers,
};
use serde_json::Value;

use crate::{Environment, Lines};

/// How long before the platform's deadline a check ends, so that its report still arrives.
const ANSWER_MARGIN: Duration = Duration::from_secs(2);
/// A check that has less time than this would tell nothing.
const SHORTEST_CHECK: Duration = Duration::from_secs(3);
/// Queries a second to each name server: a scheduled check has time, and is one of many guests.
const RATE: NonZeroU32 = NonZeroU32::new(100).unwrap();
/// Over UDP a question to a resolver is sent three times at most.
const RESOLVER_TRIES: u32 = 3;

/// What only a binary has.
pub struct Shell {
    /// Tells the time.
    pub now: fn() -> Timestamp,
    /// Draws a seed for one check.
    pub seed: fn() -> u64,
    /// The machine's own resolvers, which are asked for name servers where the root servers lead nowhere.
    pub resolvers: SystemResolvers,
}

/// The function, and what a warm environment keeps between two invocations.
pub struct Prober {
    aws: Aws,
    environment: Environment,
    shell: Shell,
    lines: Lines,
}

impl Prober {
    /// Makes the function of an execution environment.
    #[must_use]
    pub fn new(aws: Aws, environment: Environment, shell: Shell, lines: Lines) -> Self {
        Self { aws, environment, shell, lines }
    }

    /// Checks once, tells what was found, and returns the report.
    ///
    /// # Errors
    /// When there is no time for a check, or the report cannot be written.
    pub async fn probe(&mut self, request_id: &str, deadline: Timestamp) -> Result<Value, String> {
        let started_at = (self.shell.now)();
        let left = Duration::try_from(deadline.duration_since(started_at)).unwrap_or_default();
        let left = left.saturating_sub(ANSWER_MARGIN);
        if left < SHORTEST_CHECK {
            return Err(format!(
                "no check was made: {} ms are left of the function's time (hint: give it a longer timeout)",
                left.as_millis()
            ));
        }
        let report = self.check(started_at, Deadline::after(left)).await;
        let Environment { dimensions, log_level, .. } = &self.environment;
        self.lines.tell(&report, dimensions, request_id, *log_level, (self.shell.now)());
        serde_json::to_value(&report).map_err(|error| format!("the report cannot be written: {error}"))
    }

    async fn check(&self, started_at: Timestamp, deadline: Deadline) -> CheckReport {
        let mut request = self.request(started_at);
        // Half of the time is for the name servers, whatever AWS does.
        let half = deadline.earlier_by(deadline.remaining() / 2);
        match Box::pin(look(&self.aws, &self.environment.look, half)).await {
            Ok(Look { truth, records }) => {
                request.truth = Some(truth);
                request.records = Some(records);
            }
            Err(error) => request.untold.push(error.to_string()),
        }
        request.deadline = deadline.remaining();
        Box::pin(check(request)).await
    }

    fn request(&self, started_at: Timestamp) -> CheckRequest {
        let environment = &self.environment;
        let seed = (self.shell.seed)();
        let name = environment.look.name.clone();
        let plain = CheckRequest::new(name, environment.servers.clone(), started_at, seed);
        CheckRequest {
            finder: self.finder(seed),
            reaching: Reaching {
                probes: environment.reach.iter().cloned().collect(),
                vantage: environment.vantage,
                ..Reaching::default()
            },
            rate: Some(RATE),
            ..plain
        }
    }

    /// The first resolver of the machine; an environment without any can still ask name servers.
    fn finder(&self, seed: u64) -> Option<Resolver> {
        let manner = ResolverManner::new(Duration::from_secs(1), RESOLVER_TRIES);
        let made = resolvers(&[ResolverSpec::System], &self.shell.resolvers, &manner, seed);
        made.ok()?.into_iter().next()
    }
}
