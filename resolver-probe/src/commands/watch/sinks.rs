//! Everybody who is told what a watch sees: standard output, the history, the endpoint, the textfile.
//!
//! Standard output that is gone ends the watch. A history or a textfile that cannot be written does not: that is told
//! once, and again when it works.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io;
use std::sync::Arc;

use anyhow::Result;
use registrar_core::name::RecordName;
use registrar_core::{SignedDuration, Timestamp};
use registrar_shell::tell;
use resolver_probe::HistoryLine;
use resolver_probe::arguments::{WatchArgs, WatchFormat};
use resolver_probe::watch::{Endpoint, Event, Keeper, Picture, State, Watcher, line, metrics};

use super::super::output::{print, replace};
use super::screen::Screen;

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
