//! What the function writes to its log: one wide event and the metrics of each invocation, and what the
//! code says on the way, all as JSON lines on standard output.

use std::io::Write;

use registrar_core::Timestamp;
use registrar_core::telemetry::{InvocationEvent, Level, emf};
use tracing::level_filters::LevelFilter;

/// Where lines go.
pub struct Lines {
    write: Box<dyn FnMut(&str) + Send>,
}

impl Lines {
    /// Writes to standard output, which the platform logs.
    #[must_use]
    pub fn to_stdout() -> Self {
        // There is nowhere left to report that a line could not be written.
        Self { write: Box::new(|line| drop(writeln!(std::io::stdout().lock(), "{line}"))) }
    }

    /// Hands each line to `write`.
    #[must_use]
    pub fn to(write: impl FnMut(&str) + Send + 'static) -> Self {
        Self { write: Box::new(write) }
    }

    /// Writes an invocation's event, unless it is below the platform's level, and its metrics in any case:
    /// a level is for what people read, and alarms need every metric.
    pub(crate) fn tell(
        &mut self,
        event: &InvocationEvent,
        level: LevelFilter,
        namespace: &str,
        timestamp: Timestamp,
    ) {
        if threshold(event.level()) <= level {
            match serde_json::to_string(&event.to_document(timestamp)) {
                Ok(line) => (self.write)(&line),
                Err(error) => tracing::error!(%error, "the invocation's event could not be written"),
            }
        }
        emf(event, namespace, timestamp).iter().for_each(|line| (self.write)(line));
    }
}

fn threshold(level: Level) -> LevelFilter {
    match level {
        Level::Info => LevelFilter::INFO,
        Level::Warn => LevelFilter::WARN,
        Level::Error => LevelFilter::ERROR,
    }
}

/// Has the code's own log lines written as JSON, from `level` on. Those of libraries are left out below
/// WARN, since they may tell more of requests than anybody should read.
pub fn log_to_stdout(level: LevelFilter) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;

    let libraries = level.min(LevelFilter::WARN);
    let targets = Targets::new()
        .with_default(libraries)
        .with_target("registrar", level)
        .with_target("registrar_aws", level)
        .with_target("registrar_lambda", level);
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    tracing_subscriber::registry().with(targets).with(json.with_writer(std::io::stdout)).init();
}
