//! Makes a failing story smaller while it still fails: without parts of it, and with simpler parts.
//!
//! Any failure will do, not the first one alone: the smallest story that breaks a rule is worth most.

use registrar_tests::simulation::{FleetRead, GroupsRead, Happening, LaunchKind};

use crate::story::{Failure, Story};

/// How often a failing story is played again, at most.
const MOST_PLAYS: usize = 6_000;

/// Returns the smallest failing story that was found, and its failure.
pub(crate) fn shrink(story: &Story, failure: Failure) -> (Story, Failure) {
    let mut smallest = Smallest { story: story.clone(), failure, plays: 0 };
    smallest.cut();
    smallest.with_fewer_edges();
    loop {
        let before = smallest.story.happenings.clone();
        smallest.remove_chunks();
        smallest.simplify();
        if smallest.story.happenings == before || smallest.plays >= MOST_PLAYS {
            return (smallest.story, smallest.failure);
        }
    }
}

struct Smallest {
    story: Story,
    failure: Failure,
    plays: usize,
}

impl Smallest {
    /// Keeps a candidate that fails.
    fn offer(&mut self, candidate: Story) -> bool {
        if self.plays >= MOST_PLAYS {
            return false;
        }
        self.plays += 1;
        let Some(failure) = candidate.play().failure else { return false };
        self.story = candidate;
        self.failure = failure;
        self.cut();
        true
    }

    /// What comes after the failure has nothing to do with it.
    fn cut(&mut self) {
        self.story.happenings.truncate(self.failure.after);
    }

    fn with_fewer_edges(&mut self) {
        for edges in 1..self.story.edges {
            if self.offer(Story { edges, ..self.story.clone() }) {
                return;
            }
        }
    }

    fn remove_chunks(&mut self) {
        let mut size = self.story.happenings.len().div_ceil(2).max(1);
        loop {
            // From the end, since what is left of a place does not move then.
            let mut end = self.story.happenings.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut candidate = self.story.clone();
                candidate.happenings.drain(start..end.min(candidate.happenings.len()));
                self.offer(candidate);
                end = start.min(self.story.happenings.len());
            }
            if size == 1 {
                return;
            }
            size = size.div_ceil(2);
        }
    }

    fn simplify(&mut self) {
        let mut place = 0;
        while place < self.story.happenings.len() {
            for simpler in self.story.happenings.get(place).map(simpler).unwrap_or_default() {
                let mut candidate = self.story.clone();
                if let Some(happening) = candidate.happenings.get_mut(place) {
                    *happening = simpler;
                }
                if self.offer(candidate) {
                    break;
                }
            }
            place += 1;
        }
    }
}

/// Returns simpler things that may do as well, the simplest first.
fn simpler(happening: &Happening) -> Vec<Happening> {
    let whole = (FleetRead::Whole, GroupsRead::Whole);
    let candidates = match *happening {
        Happening::Begin(edge, fleet, groups) => vec![
            Happening::Sweep(edge, whole.0, whole.1),
            Happening::Sweep(edge, fleet, groups),
            Happening::Begin(edge, whole.0, whole.1),
        ],
        Happening::Sweep(edge, fleet, groups) => vec![
            Happening::Sweep(edge, whole.0, whole.1),
            Happening::Sweep(edge, fleet, whole.1),
            Happening::Sweep(edge, whole.0, groups),
        ],
        Happening::Launch { slot, kind, group } => vec![
            Happening::Launch { slot, kind: LaunchKind::Addressed, group: None },
            Happening::Launch { slot, kind, group: None },
            Happening::Launch { slot, kind: LaunchKind::Addressed, group },
        ],
        Happening::Pass(0) => Vec::new(),
        Happening::Pass(secs) => vec![Happening::Pass(0), Happening::Pass(1), Happening::Pass(secs / 2)],
        Happening::Steps(edge, _) => vec![Happening::Steps(edge, 1)],
        // Nothing happens, for as long.
        _ => vec![Happening::Pass(0)],
    };
    candidates.into_iter().filter(|candidate| candidate != happening).collect()
}
