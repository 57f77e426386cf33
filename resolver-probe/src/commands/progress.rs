//! The line on a terminal that says how far a check has come.
//!
//! It stands on standard error, is rewritten in place without escape codes, and is gone before the report. A
//! pipe, a file or a dumb terminal gets none.

use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use resolver_probe::{Progress, ProgressState};
use tokio::time::{Instant, MissedTickBehavior};

/// What is over sooner needs no line.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time from one line to the next.
const TICK: Duration = Duration::from_millis(200);
/// Columns where the terminal does not say how many it has.
const USUAL_WIDTH: usize = 80;

/// The last that was heard of a check.
#[derive(Default)]
pub(crate) struct Line {
    heard: Mutex<Option<(ProgressState, Instant)>>,
}

impl Progress for Line {
    fn report(&self, state: &ProgressState) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let same_phase = heard.filter(|(before, _)| before.phase == state.phase);
        let began = same_phase.map_or_else(Instant::now, |(_, began)| began);
        *heard = Some((*state, began));
    }
}

impl Line {
    /// A line for this terminal, where there is one that can rewrite a line.
    #[expect(clippy::disallowed_methods, reason = "a binary may look at the environment")]
    pub(crate) fn for_terminal() -> Option<Arc<Self>> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        (io::stderr().is_terminal() && !is_dumb).then(Arc::<Self>::default)
    }

    fn text(&self) -> Option<String> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let width = terminal_size::terminal_size_of(io::stderr());
        let width = width.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
        // A line that reaches the last column may wrap, and could not be rewritten then.
        heard.map(|(state, began)| state.line(began.elapsed(), width.saturating_sub(1)))
    }
}

/// Does the work, and shows how far it has come.
pub(crate) async fn watched<T>(work: impl Future<Output = T>, line: Option<Arc<Line>>) -> T {
    let Some(line) = line else { return work.await };
    let mut work = pin!(work);
    let mut ticks = tokio::time::interval_at(Instant::now() + PATIENCE, TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut drawn = 0;
    loop {
        tokio::select! {
            biased;
            done = &mut work => {
                draw("", drawn);
                return done;
            }
            _ = ticks.tick() => drawn = line.text().map_or(drawn, |text| draw(&text, drawn)),
        }
    }
}

/// Writes a text over the last one, and returns how many columns it has. That it cannot be written is nobody's
/// concern.
fn draw(text: &str, drawn: usize) -> usize {
    let columns = text.chars().count();
    if drawn == 0 && columns == 0 {
        return 0;
    }
    let rest = " ".repeat(drawn.saturating_sub(columns));
    let mut stderr = io::stderr().lock();
    drop(write!(stderr, "\r{text}{rest}\r").and_then(|()| stderr.flush()));
    columns
}
