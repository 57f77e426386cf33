//! How many changes the next request may have, by what the account's budget allowed before.
//!
//! Route 53 wants the whole cost of a request to be there at once (Developer Guide, "Throttling of API
//! requests": 100 changes come back each second, and CREATE and DELETE cost one each). Where others in the
//! account take what comes back, the budget never holds a thousand, and a large request would starve for
//! ever. It decides nothing about what is in a request.

use crate::plan::{Batch, MOST_VALUES, Unit};

/// A request is not made smaller than this for the budget's sake: ten requests and a hundred changes come
/// back each second, so that one of fewer changes spends more of the requests than it saves of the changes.
const SMALLEST: usize = 10;

/// The largest request that may go now. It starts without a limit, halves with each request that is
/// throttled, down to [`SMALLEST`], and doubles with each that is accepted.
#[derive(Debug, Default)]
pub(super) struct Pace {
    most: Option<usize>,
}

impl Pace {
    /// Takes in that a request was throttled: the next one has at most half of its changes.
    pub(super) fn throttled(&mut self, batch: &Batch) {
        self.most = Some((batch.changes().count() / 2).max(SMALLEST));
    }

    /// Takes in that a request was accepted: the next one may be twice as large as this one might have been.
    pub(super) fn accepted(&mut self) {
        self.most = self.most.map(|most| most.saturating_mul(2)).filter(|most| *most < MOST_VALUES);
    }

    /// Returns how many of the units, from the first on, may go in one request: at least one, since a unit
    /// is never split.
    pub(super) fn units(&self, units: &[Unit]) -> usize {
        let Some(most) = self.most else { return units.len() };
        let fits = |count: usize| units.get(..count).is_some_and(|part| Batch::net_changes(part) <= most);
        if fits(units.len()) {
            return units.len();
        }
        // What units come to together may be less than the sum of their changes, so prefixes are tried.
        let (mut fitting, mut too_many) = (1, units.len());
        while fitting + 1 < too_many {
            let middle = usize::midpoint(fitting, too_many);
            if fits(middle) {
                fitting = middle;
            } else {
                too_many = middle;
            }
        }
        fitting
    }
}
