//! `resolver-probe-lambda`: the binary that is packed as the probe's `bootstrap`.
//!
//! Time, randomness and the environment enter here and nowhere else.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use rand::TryRng;
use registrar_aws::{Aws, Settings};
use resolver_probe::system_resolvers;
use resolver_probe_lambda::{Environment, Lines, Prober, Shell};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

/// Where the C library reads its resolvers from, and so everybody else.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A single thread serves: a check is mostly waiting, and paced.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Err(problem) = registrar_lambda::platform::complete("resolver-probe", &environment_variable) {
        return refuse(&problem);
    }
    let environment = match Environment::read(&environment_variable) {
        Ok(environment) => environment,
        Err(error) => return refuse(&error.to_string()),
    };
    let aws = Aws::connect(Settings::default()).await;
    let resolvers = std::fs::read_to_string(RESOLV_CONF).map(|text| system_resolvers(&text));
    let shell = Shell { now, seed, resolvers: resolvers.unwrap_or_default() };
    match run(Prober::new(aws, environment, shell, Lines::to_stdout())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string()),
    }
}

async fn run(prober: Prober) -> Result<(), lambda_runtime::Error> {
    let prober = Arc::new(Mutex::new(prober));
    let serve = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let prober = Arc::clone(&prober);
        async move { probe(&prober, event).await }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = lambda_runtime::run(serve) => ended,
        // A check changes nothing: whatever is under way may end at any point.
        _ = terminate.recv() => Ok(()),
    }
}

/// Whatever the payload says, the check is the one of the environment.
async fn probe(prober: &Mutex<Prober>, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Failed> {
    let context = &event.context;
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let deadline = jiff::Timestamp::from_millisecond(deadline_ms).unwrap_or(jiff::Timestamp::MAX);
    let mut prober = prober.lock().await;
    // The SDK's futures are nested too deeply for the compiler to lay them out in one piece.
    Box::pin(prober.probe(&context.request_id, deadline)).await.map_err(Failed)
}

/// Why no check was made, so that nobody takes it for one that found nothing.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl From<Failed> for lambda_runtime::Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: "ResolverProbe.NotChecked".to_owned(), error_message: failed.0 }
    }
}

/// Says on standard error why the function cannot start; the platform logs it.
fn refuse(problem: &str) -> ExitCode {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "resolver-probe: {problem}"));
    ExitCode::FAILURE
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the environment enters")]
fn environment_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the binary is where the time enters")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Ids that nobody can guess; where the system has no randomness to give, the time has to do. 53 bits: what reads
/// JSON numbers as floats keeps the seed whole.
fn seed() -> u64 {
    let nanos = now().as_nanosecond().unsigned_abs() & u128::from(u64::MAX);
    let seed = rand::rngs::SysRng.try_next_u64();
    seed.unwrap_or_else(|_| u64::try_from(nanos).unwrap_or_default()) >> 11
}
