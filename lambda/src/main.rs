//! `bootstrap`: the Lambda function's binary.
//!
//! Time, randomness and the environment enter here and nowhere else. What an invocation means is in the
//! library, what follows from it in the core.

use std::process::ExitCode;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use registrar_aws::{Aws, Settings};
use registrar_lambda::{Environment, Handler, Lines};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

/// A single thread serves: the work is waiting, and a second thread would only cost memory and start-up.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if let Err(problem) = registrar_lambda::platform::complete("registrar", &environment_variable) {
        return refuse(&problem);
    }
    let environment = match Environment::read(&environment_variable) {
        Ok(environment) => environment,
        Err(error) => return refuse(&error.to_string()),
    };
    registrar_lambda::log_to_stdout(environment.log_level);
    let aws = Aws::connect(Settings::default()).await;
    let handler = Handler::new(aws, environment, Arc::new(now), seed(), Lines::to_stdout());
    match run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error.to_string()),
    }
}

async fn run(handler: Handler) -> Result<(), lambda_runtime::Error> {
    let handler = Arc::new(Mutex::new(handler));
    let serve = service_fn(move |event: LambdaEvent<Box<RawValue>>| {
        let handler = Arc::clone(&handler);
        async move { handle(&handler, event).await }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = lambda_runtime::run(serve) => ended,
        // Whatever is under way may end at any point: what is not done is found by the next look.
        _ = terminate.recv() => Ok(()),
    }
}

async fn handle(handler: &Mutex<Handler>, event: LambdaEvent<Box<RawValue>>) -> Result<Value, Failed> {
    let context = &event.context;
    let deadline_ms = i64::try_from(context.deadline).unwrap_or(i64::MAX);
    let deadline = jiff::Timestamp::from_millisecond(deadline_ms).unwrap_or(jiff::Timestamp::MAX);
    let mut handler = handler.lock().await;
    // The SDK's futures are nested too deeply for the compiler to lay them out in one piece.
    let handled = Box::pin(handler.handle(event.payload.get(), &context.request_id, deadline));
    handled.await.map_err(Failed)
}

/// Why an invocation failed as a whole, so that whoever invoked it tries again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(String);

impl From<Failed> for lambda_runtime::Diagnostic {
    fn from(failed: Failed) -> Self {
        Self { error_type: "Registrar.NotReconciled".to_owned(), error_message: failed.0 }
    }
}

/// Says on standard error why the function cannot start; the platform logs it.
fn refuse(problem: &str) -> ExitCode {
    use std::io::Write;
    drop(writeln!(std::io::stderr(), "registrar: {problem}"));
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

/// Jitter only has to differ between environments, and they differ in when they start and in their process.
fn seed() -> u64 {
    let nanos =
        u64::try_from(now().as_nanosecond().unsigned_abs() & u128::from(u64::MAX)).unwrap_or_default();
    nanos ^ u64::from(std::process::id()).rotate_left(32)
}
