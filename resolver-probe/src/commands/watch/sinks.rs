//! Everybody who is told what a watch sees: standard output, the history, the endpoint, the textfile.
//!
//! Standard output that is gone ends the watch. A history or a textfile that cannot be written does not: that is told
//! once, and again when it works.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use registrar_core::name::RecordName;
use registrar_core::{SignedDuration, Timestamp};
use registrar_shell::tell;
use resolver_probe::arguments::{WatchArgs, WatchFormat};
use resolver_probe::watch::{Endpoint, Event, Happening, Keeper, Picture, State, Watcher, line, metrics};
use resolver_probe::{Dimensions, HistoryLine, emf_of_watch};

use super::super::output::{print, replace};
use super::screen::Screen;

/// The metrics' namespace where none is named, as the scheduled probe's.
const NAMESPACE: &str = "ResolverProbe";
/// Events that are kept for the picture: more rows than terminals have.
const LATEST: usize = 100;

/// Everybody who is told.
pub(super) struct Sinks {
    arguments: Arc<WatchArgs>,
    name: RecordName,
    started_at: Timestamp,
    keeper: Option<Keeper>,
    endpoint: Option<Endpoint>,
    screen: Option<Screen>,
    /// What happened, as lines; the latest last.
    latest: VecDeque<String>,
    written_at: Option<Timestamp>,
    /// Where CloudWatch's metrics belong, where somebody wants them.
    dimensions: Option<Dimensions>,
    history: Complaint,
    textfile: Complaint,
}

impl Sinks {
    pub(super) fn new(
        arguments: &Arc<WatchArgs>,
        name: RecordName,
        started_at: Timestamp,
        (keeper, endpoint, screen): (Option<Keeper>, Option<Endpoint>, Option<Screen>),
    ) -> Self {
        Self {
            arguments: Arc::clone(arguments),
            name,
            started_at,
            keeper,
            endpoint,
            screen,
            latest: VecDeque::new(),
            written_at: None,
            dimensions: dimensions(arguments),
            history: Complaint::default(),
            textfile: Complaint::default(),
        }
    }

    /// Leaves the terminal as it was, with the last words on it.
    pub(super) fn end(mut self) -> Result<()> {
        if self.screen.take().is_some()
            && let Some(last) = self.latest.back()
        {
            print(last)?;
        }
        Ok(())
    }

    /// Writes CloudWatch's metrics for each summary.
    fn emf(&self, events: &[Event]) -> String {
        let Some(dimensions) = &self.dimensions else { return String::new() };
        let lines = events.iter().filter_map(|event| match &event.happening {
            Happening::Summary(summary) | Happening::Ended { summary, .. } => {
                Some(emf_of_watch(&event.name, summary, dimensions, event.at) + "\n")
            }
            _ => None,
        });
        lines.collect()
    }

    fn draw(&mut self, state: &State, at: Timestamp) -> io::Result<()> {
        let Some(screen) = &self.screen else { return Ok(()) };
        let (columns, rows) = Screen::size();
        let (summary, name) = (state.summary(), self.name.to_string());
        let events = self.latest.make_contiguous();
        let picture = Picture { name: &name, summary: &summary, events, at, colour: screen.colour };
        screen.draw(&picture.draw(columns, rows))
    }

    fn write_textfile(&mut self, text: &str, at: Timestamp) {
        let Some(path) = &self.arguments.textfile else { return };
        self.written_at = Some(at);
        self.textfile
            .of(replace(path, text), format_args!("the textfile {} was not written", path.display()));
    }

    fn textfile_is_due(&self, state: &State, at: Timestamp) -> bool {
        let every = SignedDuration::try_from(self.arguments.every).unwrap_or(SignedDuration::MAX);
        let due = self.written_at.is_none_or(|written| at.duration_since(written) >= every);
        self.arguments.textfile.is_some() && (due || state.has_ended())
    }
}

impl Watcher for Sinks {
    fn happened(&mut self, events: &[Event]) -> io::Result<()> {
        let mut text = String::new();
        for event in events {
            if self.arguments.format == WatchFormat::Json {
                text.push_str(&serde_json::to_string(event).map_err(io::Error::other)?);
                text.push('\n');
            } else if let Some(line) = line(event, self.started_at) {
                text.push_str(&line);
                self.latest.push_back(line);
            }
        }
        text.push_str(&self.emf(events));
        let forgotten = self.latest.len().saturating_sub(LATEST);
        drop(self.latest.drain(..forgotten));
        if self.screen.is_some() || text.is_empty() { Ok(()) } else { print(&text) }
    }

    fn keep(&mut self, lines: &[HistoryLine], _at: Timestamp) {
        if let Some(keeper) = &mut self.keeper {
            self.history.of(keeper.append(lines).map_err(Into::into), "the history was not written");
        }
    }

    fn stands(&mut self, state: &State, at: Timestamp) -> io::Result<()> {
        let writes = self.textfile_is_due(state, at);
        if writes || self.endpoint.is_some() {
            let policy = self.arguments.exit.policy();
            let text = metrics(&self.name.to_string(), &state.summary(), policy, at);
            if writes {
                self.write_textfile(&text, at);
            }
            if let Some(endpoint) = &self.endpoint {
                endpoint.give(text);
            }
        }
        self.draw(state, at)
    }
}

/// Returns where CloudWatch's metrics belong, where they were asked for, or somebody reads standard output for them.
#[expect(clippy::disallowed_methods, reason = "a binary may look at its environment")]
fn dimensions(arguments: &WatchArgs) -> Option<Dimensions> {
    let in_lambda = std::env::var_os("AWS_LAMBDA_FUNCTION_NAME").is_some();
    let namespace = arguments.emf.clone().or_else(|| in_lambda.then(|| NAMESPACE.to_owned()))?;
    let pool = arguments.truth.pool.as_deref().unwrap_or("-");
    // A pool document is named by its stem, or as NAME=FILE.
    let name = pool.split_once('=').map_or(pool, |(name, _)| name);
    let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let deployment = arguments.truth.deployment.to_string();
    Some(Dimensions { namespace, deployment, pool: stem.unwrap_or_else(|| name.to_owned()) })
}

/// Something that may fail for hours, and is told once.
#[derive(Debug, Default)]
struct Complaint {
    failing: bool,
}

impl Complaint {
    fn of(&mut self, done: Result<()>, what: impl Display) {
        match done {
            Err(error) if !self.failing => {
                tell(format_args!("warning: {what}: {error:#}"));
                self.failing = true;
            }
            Ok(()) if self.failing => {
                tell(format_args!("{what} for a while, and now is"));
                self.failing = false;
            }
            Ok(()) | Err(_) => {}
        }
    }
}
