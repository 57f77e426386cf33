//! What Route 53's budgets allow at best: the least changes, each as soon as it may go.
//!
//! No time for events, calls and looks is counted, so nobody reaches it.

use registrar_core::plan::{CHANGE_BURST, CHANGES_PER_SEC};

use crate::exposure::Figures;
use crate::storm::{Happening, Storm, TTL_SECS, start};
use crate::world::PROPAGATION;

/// Changes in one request.
const IN_A_REQUEST: usize = 1_000;
/// Record sets on a page of a listing.
const ON_A_PAGE: usize = 300;

/// Tokens of a bucket that is full at first.
pub(crate) struct Bucket {
    burst: f64,
    per_sec: f64,
    tokens: f64,
    at_secs: f64,
}

impl Bucket {
    pub(crate) fn new(burst: f64, per_sec: f64) -> Self {
        Self { burst, per_sec, tokens: burst, at_secs: 0.0 }
    }

    /// Takes so many at `at_secs` or as soon as they are there, and returns when that is.
    pub(crate) fn take(&mut self, count: f64, at_secs: f64) -> f64 {
        let at_secs = at_secs.max(self.at_secs);
        self.tokens = (self.tokens + (at_secs - self.at_secs) * self.per_sec).min(self.burst);
        let wait = ((count - self.tokens) / self.per_sec).max(0.0);
        self.tokens += wait * self.per_sec - count;
        self.at_secs = at_secs + wait;
        self.at_secs
    }
}

/// Returns the least that a storm can come to.
pub(crate) fn least(storm: &Storm) -> Figures {
    let mut bucket = Bucket::new(CHANGE_BURST, CHANGES_PER_SEC);
    let propagation = PROPAGATION.as_secs_f64();
    let (mut changes, mut last) = (0, 0.0_f64);
    let mut dead_secs = Vec::new();
    for (at, happening) in &storm.happenings {
        let at = at.duration_since(start()).as_secs_f64();
        let cost = match happening {
            Happening::Runs(_) | Happening::ShutsDown(_) => 1,
            Happening::Terminated(_) => continue,
            Happening::Ttl(_) => 2 * storm.before.len(),
        };
        changes += cost;
        let done = (0..cost).fold(at, |_, _| bucket.take(1.0, at));
        last = last.max(done);
        if matches!(happening, Happening::ShutsDown(_)) {
            dead_secs.push(done - at + propagation);
        }
    }
    Figures {
        calls: changes.div_ceil(IN_A_REQUEST) + (storm.before.len() + 1).div_ceil(ON_A_PAGE),
        changes,
        right_after: Some(last + propagation),
        dead_secs,
        ttl_secs: TTL_SECS,
        ..Figures::default()
    }
}
